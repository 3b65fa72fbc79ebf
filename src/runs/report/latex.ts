import { signedPoints } from '../../core/analysis';
import { latexText, oneLine } from './escape';
import { CLASS_TITLE, languageTitle, percent, planInWords } from './format';
import { type Report } from './model';
import { groupLines, languageResults } from './tables';

/** Languages up to which the table fits a page in \footnotesize. */
const PAGE_ROWS = 36;

/**
 * A booktabs table to `\input`: languages by resource class, one column group per run, with group means; for two paired runs also the
 * difference, starred where it is significant after Holm. Text of any script is written as it is (UTF-8): XeLaTeX or LuaLaTeX for names outside Latin.
 */
export function latexReport(report: Report): string {
  const { runs } = report;
  const comparison = runs.length === 2 ? report.comparisons[0]?.result : undefined;
  const rows = report.classes.reduce((sum, c) => sum + c.languages.length, 0);
  const columns = 2 + 2 * runs.length + (comparison ? 2 : 0);
  const interval = ([low, high]: readonly [number, number]): string => `[${percent(low)}, ${percent(high)}]`;
  const cells = (row: { interval: readonly [number, number] } & ({ accuracy: number } | { mean: number }) | undefined): string[] =>
    row ? [percent('accuracy' in row ? row.accuracy : row.mean), `{${interval(row.interval)}}`] : ['--', '--'];
  const differ = (row: { difference: number; interval: readonly [number, number] } | undefined, star: boolean): string[] => {
    if (!comparison) return [];
    return row ? [math(row.difference, star ? '^{*}' : ''), `{[${math(row.interval[0])}, ${math(row.interval[1])}]}`] : ['--', '--'];
  };
  const line = (all: readonly string[]): string => `${all.join(' & ')} \\\\`;
  const head1 = ['', '', ...runs.map((run) => `\\multicolumn{2}{c}{${latexText(run.label)}}`), ...(comparison ? ['\\multicolumn{2}{c}{Difference}'] : [])];
  const rules = [...runs.keys(), ...(comparison ? [runs.length] : [])].map((i) => `\\cmidrule(lr){${3 + 2 * i}-${4 + 2 * i}}`).join('');
  const head2 = ['Language', '$n$', ...runs.flatMap(() => ['Acc.', '95\\,\\%']), ...(comparison ? ['B$-$A', '95\\,\\%'] : [])];
  const body = report.classes.flatMap(({ key, languages }) => [
    '\\midrule',
    `\\multicolumn{${columns}}{l}{\\emph{${CLASS_TITLE[key]} (${languages.length})}} \\\\`,
    ...languages.map((code) => {
      const results = languageResults(report, code);
      const paired = comparison?.languages.find((l) => l.language === code);
      return line([`${latexText(languageTitle(code))} (${latexText(code)})`, counts(results.map((r) => r?.n)), ...results.flatMap(cells), ...differ(paired, paired?.significant ?? false)]);
    }),
  ]);
  const means = groupLines(report).map((group, i) => {
    const paired = i < report.classes.length ? comparison?.groups.find((g) => g.by === 'class' && g.key === report.classes[i]!.key) : comparison?.overall;
    return line([group.title, counts(group.results.map((r) => r?.n)), ...group.results.flatMap(cells), ...differ(paired, false)]);
  });
  return [
    '% Needs \\usepackage{booktabs}.',
    ...runs.map((run) => `% ${oneLine(run.label)}: run ${oneLine(run.manifest.id)}, fingerprint ${oneLine(run.manifest.fingerprint)}, ${oneLine(planInWords(run))}`),
    '\\begin{table}',
    `\\centering${rows > PAGE_ROWS ? '\\scriptsize' : '\\footnotesize'}`,
    `\\caption{${caption(report, comparison !== undefined)}}`,
    `\\begin{tabular}{@{}lr${'rl'.repeat(runs.length + (comparison ? 1 : 0))}@{}}`,
    '\\toprule',
    line(head1),
    rules,
    line(head2),
    ...body,
    '\\midrule',
    ...means,
    '\\bottomrule',
    '\\end{tabular}',
    '\\end{table}',
    '',
  ].join('\n');
}

/** The same n for all runs once, else each. */
const counts = (all: readonly (number | undefined)[]): string => [...new Set(all.map((n) => String(n ?? 0)))].join('/');

const math = (difference: number, after = ''): string => `$${signedPoints(difference).replace('−', '-')}${after}$`;

function caption(report: Report, paired: boolean): string {
  const benchmark = [...new Set(report.runs.map((r) => r.manifest.environment.benchmark.title))].join(', ');
  const scorers = [...new Set(report.runs.map((r) => r.scorer))].join(', ');
  const { bootstrap } = report.runs[0]!.aggregate;
  return (
    `Accuracy in \\% on ${latexText(benchmark)} with 95\\,\\% intervals: Wilson per language, bootstrap clustered by problem for means (${bootstrap.resamples} resamples, seed ${latexText(String(bootstrap.seed))}). ` +
    `Scorer ${latexText(scorers)}; fingerprint${report.runs.length > 1 ? 's' : ''} ${report.runs.map((r) => `\\texttt{${latexText(r.manifest.fingerprint.slice(0, 12))}}`).join(', ')}.` +
    (paired ? ' Difference: B (second) minus A (first) in points, paired by problem; $^{*}$ significant at 0.05 after Holm (McNemar).' : '')
  );
}
