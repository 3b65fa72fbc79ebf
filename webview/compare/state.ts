import { type Grouping } from '../../src/core/analysis/aggregate';
import { type Correction, type OutcomeShift, type Quadrant } from '../../src/core/analysis/compare';
import { languageName, languageOf, RESOURCE_CLASSES } from '../../src/core/languages';
import { type CompareTarget, type CompareView, type GroupDifference, type LanguageDifference, type ManyParams, type PairParams, type PairView, QUADRANTS, type Side, type Tab, TABS } from '../../src/protocol/compare';
import { errorWord, groupTitle } from '../run/state';
import { count, points, t } from '../ui/l10n';

export type SortKey = 'language' | 'n' | 'accuracyA' | 'accuracyB' | 'difference' | 'adjusted';
export type GroupBy = Grouping | 'none';
/** Scorer of B when it is that of A. */
export const SAME = 'same';

/** Everything the panel remembers. `folders` lets a reloaded window find the runs again. */
export interface CompareState {
  folders: string[];
  a: number;
  b: number;
  scorer: string;
  scorerB: string;
  correction: string;
  common: boolean;
  /** Place of the run that the table of all runs compares with. */
  baseline: number;
  tab: string;
  sort: string;
  descending: boolean;
  groupBy: string;
  language: string;
  quadrants: string[];
  readDiffers: boolean;
  shift: string[];
  sampleLanguage: string;
  sample: string;
  english: boolean;
}

export const INITIAL: CompareState = {
  folders: [], a: 0, b: 1, scorer: '', scorerB: SAME, correction: 'holm', common: false, baseline: 0, tab: 'samples', sort: 'language', descending: false, groupBy: 'class',
  language: '', quadrants: [], readDiffers: false, shift: [], sampleLanguage: '', sample: '', english: false,
};

export type Change = (change: Partial<CompareState>) => void;

/** The kept state made to fit the runs that are there; a single run is compared with itself under another scorer. */
export function fitted(state: CompareState, view: CompareView): CompareState {
  const folders = view.runs.map((r) => r.folder);
  const sameRuns = JSON.stringify(folders) === JSON.stringify(state.folders);
  const base = sameRuns ? state : { ...INITIAL, folders };
  const place = (at: number, otherwise: number): number => (Number.isInteger(at) && at >= 0 && at < folders.length ? at : otherwise);
  const known = (name: string, otherwise: string): string => (name === '' || name === SAME || view.scorers.includes(name) ? name : otherwise);
  const own = view.runs[0]?.scorer.split('/')[0];
  const usual: Tab = folders.length > 2 ? 'runs' : 'samples';
  const tab = sameRuns ? base.tab : usual;
  const other = view.scorers.find((name) => name !== own) ?? SAME;
  return {
    ...base, a: place(base.a, 0), b: place(base.b, folders.length - 1), scorer: known(base.scorer, ''), scorerB: !sameRuns && folders.length === 1 ? other : known(base.scorerB, SAME),
    baseline: place(base.baseline, 0), tab: TABS.includes(tab as Tab) && (tab !== 'runs' || folders.length > 2) ? tab : usual, quadrants: base.quadrants.filter((q) => QUADRANTS.includes(q as Quadrant)), shift: base.shift.length === 2 ? base.shift : [],
    correction: base.correction === 'bh' ? 'bh' : 'holm',
  };
}

/** What a command wants to be seen. */
export function targeted({ tab, a, b }: CompareTarget): Partial<CompareState> {
  return {
    ...(tab ? { tab } : a && b ? { tab: 'samples' } : {}),
    ...(a && b ? { a: a.run, scorer: a.scorer, b: b.run, scorerB: b.scorer === a.scorer ? SAME : b.scorer, language: '', quadrants: a.run === b.run ? ['onlyA', 'onlyB'] : [], readDiffers: false, shift: [], sample: '' } : {}),
  };
}

export const sideA = (s: CompareState): Side => ({ run: s.a, scorer: s.scorer === SAME ? '' : s.scorer });
export const sideB = (s: CompareState): Side => ({ run: s.b, scorer: s.scorerB === SAME ? sideA(s).scorer : s.scorerB });
export const manyOf = (s: CompareState): ManyParams => ({ baseline: s.baseline, scorer: sideA(s).scorer, correction: s.correction as Correction, common: s.common });
export const pairOf = (s: CompareState): PairParams => ({ a: sideA(s), b: sideB(s), correction: s.correction as Correction, common: s.common });

/** A p-value as the tables show it. */
export const pText = (p: number): string => (p < 0.001 ? '< 0.001' : p.toFixed(3));

/** Signed percentage points: `+3.1`, `−0.4`, `0.0`. */
export function signed(difference: number): string {
  const text = points(Math.abs(difference));
  return text === points(0) ? text : `${difference < 0 ? '−' : '+'}${text}`;
}

/** The result in words, with what it rests on. */
export function sentence(pair: PairView): string {
  const n = pair.languages.length;
  const verdict = pair.better + pair.worse === 0
    ? t('B and A differ significantly in none of {0} languages', n)
    : t('B is better in {0} of {1} languages, worse in {2}', pair.better, n, pair.worse);
  const [low, high] = pair.overall.interval;
  const overall = t('overall {0} points ({1} interval {2} to {3})', signed(pair.overall.difference), `${count(100 * pair.level)} %`, signed(low), signed(high));
  return `${verdict}; ${overall}${low > 0 || high < 0 ? '' : t(', which includes no difference')}.`;
}

export interface DifferenceGroup {
  readonly key: string;
  readonly title: string;
  readonly estimate: GroupDifference | undefined;
  readonly rows: readonly LanguageDifference[];
}

/** Rows in groups, each sorted; ties keep the alphabet. */
export function groupDifferences(pair: PairView, { sort, descending, groupBy }: Pick<CompareState, 'sort' | 'descending' | 'groupBy'>): DifferenceGroup[] {
  const sign = descending ? -1 : 1;
  const value = (l: LanguageDifference): number => (sort === 'language' ? 0 : (l[sort as Exclude<SortKey, 'language'>] ?? 0));
  const name = (l: LanguageDifference): string => languageName(l.language);
  const rows = [...pair.languages].sort((x, y) => sign * (sort === 'language' ? name(x).localeCompare(name(y)) : value(x) - value(y)) || name(x).localeCompare(name(y)));
  if (groupBy === 'none') return [{ key: 'all', title: groupTitle('all'), estimate: pair.overall, rows }];
  const by = (['class', 'script', 'family'] as const).find((g) => g === groupBy) ?? 'class';
  return pair.groups
    .filter((g) => g.by === by)
    .map((estimate) => ({ key: estimate.key, title: groupTitle(estimate.key), estimate, rows: rows.filter((l) => groupOf(l.language, by) === estimate.key) }));
}

function groupOf(code: string, by: Grouping): string {
  const language = languageOf(code);
  if (!language) return 'other';
  return by === 'class' ? language.resourceClass : by === 'script' ? language.script : language.family;
}

/** Languages by resource class and then by name: the order of the matrices. */
export function inClasses(codes: readonly string[]): string[] {
  const rank = (code: string): number => {
    const at = RESOURCE_CLASSES.indexOf(languageOf(code)?.resourceClass as (typeof RESOURCE_CLASSES)[number]);
    return at < 0 ? RESOURCE_CLASSES.length : at;
  };
  return [...codes].sort((a, b) => rank(a) - rank(b) || languageName(a).localeCompare(languageName(b)));
}

export function quadrantWord(quadrant: Quadrant): string {
  switch (quadrant) {
    case 'both': return t('both right');
    case 'onlyA': return t('only A right');
    case 'onlyB': return t('only B right');
    case 'neither': return t('neither right');
  }
}

export function shiftWord(outcome: OutcomeShift['from'] | string): string {
  return outcome === 'correct' ? t('right') : outcome === 'wrong' ? t('wrong') : errorWord(outcome);
}

export function tabTitle(tab: Tab): string {
  switch (tab) {
    case 'runs': return t('All runs');
    case 'samples': return t('Samples');
    case 'agreement': return t('Agreement');
    case 'errors': return t('Error types');
    case 'scorers': return t('Scorers');
    case 'trend': return t('Trend');
  }
}
