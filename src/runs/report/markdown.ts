import { markdownBlock, markdownText } from './escape';
import { CLASS_TITLE, languageTitle, methodInWords, percent, planInWords, reproduceCommand, settings } from './format';
import { type Report, type ReportOptions } from './model';
import { completionPieces, shownSamples, verdict } from './samples';
import { balancedCell, COMPARISON_HEAD, conditionalCell, hasBalance, comparisonCells, ERROR_WORDS, errorLines, FIDELITY_HEAD, fidelityCells, fidelityNote, floorCell, gapCell, groupLines, languageResults, publishedLanguages, publishedName, resultCell } from './tables';

type Align = 'left' | 'right';

/** A GitHub-flavoured table; every cell is text. */
function table(head: readonly string[], rows: readonly (readonly string[])[], align: (column: number) => Align = (i) => (i === 0 ? 'left' : 'right')): string {
  const line = (cells: readonly string[]): string => `| ${cells.map(markdownText).join(' | ')} |`;
  return [line(head), `| ${head.map((_, i) => (align(i) === 'left' ? '---' : '---:')).join(' | ')} |`, ...rows.map(line)].join('\n');
}

/** The report as GitHub-flavoured Markdown. */
export function markdownReport(report: Report, options: ReportOptions = {}): string {
  const { runs } = report;
  const several = runs.length > 1;
  const balance = hasBalance(report);
  const parts: string[] = [`# ${markdownText(title(report))}`];
  parts.push(runs.map((run) => `${markdownText(run.label)}: ${markdownText(planInWords(run))}; fingerprint \`${run.manifest.fingerprint.replace(/[^0-9a-zA-Z]/g, '').slice(0, 12)}\``).join('  \n'));
  if (report.notes.length > 0) parts.push(report.notes.map((note) => `- **Note:** ${markdownText(note)}`).join('\n'));

  parts.push('## Result');
  const groups = groupLines(report);
  if (several) parts.push(table(['Group', 'languages', ...runs.map((r) => `${r.label}, %`)], groups.map((g) => [g.title, String(g.languages), ...g.results.map(resultCell)])));
  else {
    const rows = groups.map((g) => {
      const r = g.results[0];
      return [g.title, String(g.languages), String(r?.n ?? 0), resultCell(r), ...(balance ? [balancedCell(r)] : []), gapCell(r?.gap), `${r?.floor === undefined ? '–' : percent(r.floor)}${r?.aboveFloor === false ? ', not above' : ''}`];
    });
    parts.push(table(['Group', 'languages', 'n', 'accuracy, %', ...(balance ? ['balanced, %'] : []), 'gap to English, points', 'floor, %'], rows));
  }

  for (const c of report.comparisons) {
    parts.push(`## ${markdownText(`${c.b.label} against ${c.a.label}`)}`);
    if (!c.result) {
      parts.push(markdownText(c.refused ?? ''));
      continue;
    }
    const result = c.result;
    const rows = report.classes.flatMap((cls) => cls.languages.flatMap((code) => {
      const cells = comparisonCells(result, code);
      return cells ? [[`${languageTitle(code)} (${code})`, ...cells]] : [];
    }));
    parts.push(markdownText(result.sentence), table(COMPARISON_HEAD, rows), markdownText(`A: ${c.a.label}, B: ${c.b.label}. McNemar’s test; * significant at 0.05 after Holm over ${result.languages.length} languages.`));
  }

  parts.push('## Languages');
  for (const cls of report.classes) {
    const rows = cls.languages.map((code) => {
      const results = languageResults(report, code);
      const name = `${languageTitle(code)} (${code})`;
      if (several) return [name, ...results.flatMap((r) => [String(r?.n ?? 0), resultCell(r)])];
      const r = results[0]!;
      return [name, `${r.correct}/${r.n}`, resultCell(r), ...(balance ? [balancedCell(r)] : []), gapCell(r.gap), conditionalCell(r.conditional), `${floorCell(r.floor)}${r.aboveFloor === false ? ', not above' : ''}`, r.tokensPerQuestion?.toFixed(0) ?? '–', String(r.unread), String(r.failed)];
    });
    const head = several ? ['Language', ...runs.flatMap((r) => ['n', `${r.label}, %`])] : ['Language', 'correct', 'accuracy, %', ...(balance ? ['balanced, %'] : []), 'gap to English, points', 'also right, %', 'floor, %', 'tokens', 'unread', 'failed'];
    parts.push(`### ${CLASS_TITLE[cls.key]} (${cls.languages.length})`, table(head, rows));
  }

  if (report.published.length > 0) parts.push('## Published numbers', publishedTable(report), 'Published with other scorers, prompts and library versions: for orientation, not for a comparison.');

  const errors = runs.map((run) => ({ run, lines: errorLines(run, report.classes) })).filter(({ lines }) => lines.length > 0);
  if (errors.length > 0) parts.push('## Wrong answers');
  for (const { run, lines } of errors) {
    if (several) parts.push(`### ${markdownText(run.label)}`);
    parts.push(table(['Error', 'samples', '% of wrong', ...report.classes.map((c) => CLASS_TITLE[c.key])], lines.map((l) => [`${l.error}: ${ERROR_WORDS[l.error]}`, String(l.total), percent(l.share), ...l.byClass.map(String)])));
  }

  for (const run of runs.filter((r) => r.fidelity.length > 0)) {
    parts.push(`## Language of the answers${several ? markdownText(`: ${run.label}`) : ''}`);
    parts.push(table(FIDELITY_HEAD, run.fidelity.map((f) => [`${languageTitle(f.language)} (${f.language})`, ...fidelityCells(f)])), markdownText(fidelityNote(run.fidelity, options.identifier?.name)));
  }

  const samples = sampleParts(report, options);
  if (samples.length > 0) parts.push('## Samples', ...samples);

  parts.push('## Settings');
  const all = runs.map(settings);
  const names = [...new Set(all.flatMap((rows) => rows.map(([name]) => name)))];
  parts.push(table(['', ...runs.map((r) => r.label)], names.map((name) => [name, ...all.map((rows) => rows.find(([n]) => n === name)?.[1] ?? '–')]), () => 'left'));
  parts.push('## How to reproduce', ...runs.map((run) => markdownBlock(reproduceCommand(run.manifest)).replace(/^(`+)text/, '$1sh')));
  if (runs[0]) parts.push('## Method', markdownText(methodInWords(runs[0])));
  return parts.join('\n\n') + '\n';
}

export function title(report: Report): string {
  const first = report.runs[0];
  if (!first) return 'Evaluation report';
  const benchmarks = [...new Set(report.runs.map((r) => r.manifest.environment.benchmark.title))].join(', ');
  return report.runs.length === 1 ? `${first.label} on ${benchmarks}` : `${report.runs.length} runs on ${benchmarks}`;
}

function publishedTable(report: Report): string {
  const codes = publishedLanguages(report);
  const mean = (value: number, n: number): string => `${value.toFixed(1)} (${n})`;
  const own = report.runs.map((run) => {
    const rows = codes.map((code) => run.aggregate.languages.find((l) => l.language === code));
    return [`${run.label} (this report)`, ...rows.map((r) => percent(r?.accuracy)), mean(100 * run.aggregate.overall.mean, run.aggregate.languages.length), `scorer ${run.scorer}`];
  });
  const theirs = report.published.map((s) => [publishedName(s), ...codes.map((code) => s.languages[code]?.toFixed(1) ?? '–'), s.mean ? mean(s.mean.value, s.mean.languages) : '–', s.source]);
  return table(['System', ...codes, 'mean (languages)', 'source'], [...own, ...theirs], (i) => (i === 0 || i === codes.length + 2 ? 'left' : 'right'));
}

function sampleParts(report: Report, options: ReportOptions): string[] {
  return report.runs.flatMap((run) =>
    report.classes.flatMap((cls) =>
      cls.languages.flatMap((code) =>
        shownSamples(run.samples.filter((s) => s.language === code), run.manifest.plan.ids, options.wrong ?? 1, options.right ?? 0).flatMap((s) => [
          `**${markdownText(`${report.runs.length > 1 ? `${run.label}, ` : ''}${languageTitle(code)}, ${s.id}: ${verdict(s)}`)}**`,
          markdownBlock(s.question),
          markdownBlock(completionPieces(s.completion, s.span).map((p) => (p.kind === 'left-out' ? `[… ${p.characters} characters …]` : p.text)).join('')),
        ]),
      ),
    ),
  );
}
