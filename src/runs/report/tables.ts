import { type FidelityRow, type FloorName, type GroupRow, type LanguageRow, signedPoints } from '../../core/analysis';
import { type BalancedMean } from '../../core/statistics';
import { type ScoreError } from '../../core/scoring/types';
import { percent, percentInterval, pValue, CLASS_TITLE } from './format';
import { classOf, type Report, type ReportComparison, type ReportRun, type ReportClass } from './model';
import { type PublishedSystem } from './reference';

/** A line of the group table: a resource class or all languages, one result per run. */
export interface GroupLine {
  readonly title: string;
  readonly languages: number;
  readonly results: readonly (Omit<GroupRow, 'by' | 'key'> | undefined)[];
}

export function groupLines(report: Report): GroupLine[] {
  const classes = report.classes.map(({ key, languages }) => ({
    title: CLASS_TITLE[key],
    languages: languages.length,
    results: report.runs.map((run) => run.aggregate.groups.find((g) => g.by === 'class' && g.key === key)),
  }));
  const all = { title: 'All languages', languages: report.classes.reduce((sum, c) => sum + c.languages.length, 0), results: report.runs.map((run) => run.aggregate.overall) };
  return classes.length === 1 ? classes.map((line) => line) : [...classes, all];
}

/** A language in every run; undefined where a run does not have it. */
export const languageResults = (report: Report, code: string): (LanguageRow | undefined)[] => report.runs.map((run) => run.aggregate.languages.find((row) => row.language === code));

/** Error types of a run by class, most frequent first; the counts are samples. */
export interface ErrorLine {
  readonly error: ScoreError;
  readonly total: number;
  /** Share of the wrong samples. */
  readonly share: number;
  readonly byClass: readonly number[];
}

export function errorLines(run: ReportRun, classes: readonly { readonly key: ReportClass }[]): ErrorLine[] {
  const counts = new Map<ScoreError, Map<ReportClass, number>>();
  for (const row of run.aggregate.languages) {
    for (const [error, count] of Object.entries(row.errors) as [ScoreError, number][]) {
      const of = counts.get(error) ?? new Map<ReportClass, number>();
      of.set(classOf(row.language), (of.get(classOf(row.language)) ?? 0) + count);
      counts.set(error, of);
    }
  }
  const wrong = run.aggregate.n - run.aggregate.correct;
  return [...counts]
    .map(([error, of]) => {
      const total = [...of.values()].reduce((a, b) => a + b, 0);
      return { error, total, share: total / wrong, byClass: classes.map(({ key }) => of.get(key) ?? 0) };
    })
    .sort((a, b) => b.total - a.total || (a.error < b.error ? -1 : 1));
}

export const ERROR_WORDS: Readonly<Record<ScoreError, string>> = {
  'no-answer': 'no answer given',
  'unread-answer': 'an answer that could not be read',
  'wrong-number': 'another number',
  'wrong-choice': 'another choice',
  'other-reading': 'right in another reading of the number',
  'power-of-ten': 'off by a power of ten',
  sign: 'wrong sign',
  truncated: 'cut off before the answer',
  repetition: 'repetition loop',
  'wrong-language': 'neither in the script of the language nor in Latin',
  'copied-number': 'a number of the question',
  empty: 'empty',
  failed: 'failed in the engine',
};

/** Cells of a comparison, language by language; the last column says what is significant after Holm. */
export const COMPARISON_HEAD = ['Language', 'n', 'A %', 'B %', 'B − A', '95 % interval', 'only A', 'only B', 'p', 'p (Holm)', 'detectable'] as const;

export function comparisonCells(comparison: NonNullable<ReportComparison['result']>, code: string): string[] | undefined {
  const row = comparison.languages.find((l) => l.language === code);
  if (!row) return undefined;
  return [
    String(row.n), percent(row.accuracyA), percent(row.accuracyB), signedPoints(row.difference), `${signedPoints(row.interval[0])} to ${signedPoints(row.interval[1])}`,
    String(row.quadrants.onlyA), String(row.quadrants.onlyB), pValue(row.test.p), pValue(row.holm) + (row.significant ? ' *' : ''), Number.isFinite(row.detectable) ? percent(row.detectable) : '–',
  ];
}

/** Languages that both a run and a published row have, in the run's order. */
export function publishedLanguages(report: Report): string[] {
  const own = new Set(report.classes.flatMap((c) => c.languages));
  const theirs = new Set(report.published.flatMap((s) => Object.keys(s.languages)));
  return [...own].filter((code) => theirs.has(code)).sort();
}

export const publishedName = (s: PublishedSystem): string => (s.base === undefined ? s.system : `${s.system} (${s.base})`);

export const gapCell = (gap: LanguageRow['gap']): string => (gap ? `${signedPoints(gap.mean)} (${signedPoints(gap.interval[0])} to ${signedPoints(gap.interval[1])})` : '–');

/** Short names of the trivial answers; `methodInWords` says what they mean. */
const FLOOR_SHORT: Readonly<Record<FloorName, string>> = { 'last-number': 'last', 'a+b': 'a+b', '|a-b|': '|a−b|', 'a*b': 'a×b', 'most-frequent-answer': 'mode', 'majority-class': 'mode', 'first-choice': 'first', chance: 'chance' };

export const floorCell = (floor: LanguageRow['floor']): string => (floor ? `${percent(floor.share)} (${FLOOR_SHORT[floor.name as FloorName] ?? floor.name})` : '–');

/** P(right here | right in English), with its interval. */
export const conditionalCell = (c: LanguageRow['conditional']): string => (c && c.n > 0 ? `${percent(c.share)} (${percentInterval(c.interval)})` : '–');

export const balancedCell = (row: { readonly balanced?: BalancedMean } | undefined): string => (row?.balanced ? `${percent(row.balanced.mean)} (${percentInterval(row.balanced.interval)})` : '–');

/** Whether any run answers in classes, so that accuracy balanced over them says something. */
export const hasBalance = (report: Report): boolean => report.runs.some((run) => run.aggregate.overall.balanced !== undefined);

export const FIDELITY_HEAD = ['Language of the question', 'answers', 'own script, %', 'scripts', 'own language, %', 'in English, %', 'mostly', 'code switches, %', 'script switches, %'] as const;

const shareCell = (share: number | null): string => (share === null ? '–' : percent(share));

/** One line of the table of languages of the answers, without its first cell. */
export function fidelityCells(row: FidelityRow): string[] {
  const scripts = row.scripts.filter(([, share]) => share >= 0.005).slice(0, 3).map(([script, share]) => `${script} ${percent(share)}`).join(', ');
  return [String(row.n), shareCell(row.ownScript), scripts || '–', shareCell(row.own), shareCell(row.english), row.dominant ?? '–', shareCell(row.switchRate), shareCell(row.scriptSwitchRate)];
}

/** How the table of languages of the answers was made. */
export function fidelityNote(rows: readonly FidelityRow[], identifier: string | undefined): string {
  const most = Math.max(0, ...rows.map((r) => r.identified));
  const sentences = identifier === undefined ? 'Languages were not identified here, only scripts.' : `Languages by ${identifier}, sentence by sentence, weighted by letters, over up to ${most} answers a language; sentences of a few letters are not told. Code switches: neighbouring sentences of different languages.`;
  return `Scripts over the letters of all answers. ${sentences} Script switches: neighbouring words of different scripts.`;
}

export const resultCell = (row: { interval: readonly [number, number] } & ({ accuracy: number } | { mean: number }) | undefined): string =>
  row ? `${percent('accuracy' in row ? row.accuracy : row.mean)} (${percentInterval(row.interval)})` : '–';
