import { languageOf, RESOURCE_CLASSES } from '../languages';
import { type ScoreError } from '../scoring/types';
import {
  type BalancedMean,
  balancedMeans,
  type BootstrapOptions,
  conditionalAccuracies,
  type ConditionalAccuracy,
  DEFAULT_RESAMPLES,
  type Estimate,
  type GroupMean,
  groupMeans,
  groupTransferGaps,
  type Interval,
  ResultTable,
  wilson,
} from '../statistics';

/** What the tables and panels need of one scored sample. */
export interface SampleRow {
  readonly language: string;
  /** Problem id: the same problem in another language has the same one. */
  readonly id: string;
  readonly correct: boolean;
  /** What was read; null when nothing was. */
  readonly value: number | string | null;
  readonly error: ScoreError | null;
  /** Class of the gold answer (a choice's label, an operation); undefined where answers are numbers. */
  readonly goldClass?: string;
  /** Tokens generated; undefined when the run does not know. */
  readonly newTokens?: number;
  /** Wall-clock time of the sample, milliseconds. */
  readonly ms?: number;
}

/** Best trivial answer of a language: its name and the share it gets right. */
export interface FloorShare {
  readonly name: string;
  readonly share: number;
}

/** Reference accuracy minus accuracy, paired by problem; `n` pairs. */
export interface Gap extends Estimate {
  readonly n: number;
}

export interface LanguageRow {
  readonly language: string;
  /** Samples; a sample that failed in the engine counts here, as wrong. */
  readonly n: number;
  readonly correct: number;
  readonly accuracy: number;
  /** Wilson interval. */
  readonly interval: Interval;
  /** Samples in which no answer was read. */
  readonly unread: number;
  readonly wrongLanguage: number;
  readonly truncated: number;
  readonly failed: number;
  readonly errors: Readonly<Partial<Record<ScoreError, number>>>;
  /** Mean over the samples that know it; null when none does. */
  readonly tokensPerQuestion: number | null;
  readonly msPerQuestion: number | null;
  /** Mean share right over the classes of the gold answers; absent where answers are no classes. */
  readonly balanced?: BalancedMean;
  /** Reference minus this language; absent for the reference and without a problem in common. */
  readonly gap?: Gap;
  /** P(right here | right in the reference). */
  readonly conditional?: ConditionalAccuracy;
  readonly floor?: FloorShare;
  /** Lower end of the interval above the floor; absent without a floor. */
  readonly aboveFloor?: boolean;
}

export type Grouping = 'class' | 'script' | 'family';
export const GROUPINGS: readonly Grouping[] = ['class', 'script', 'family'];

export interface LanguageGroup {
  readonly by: Grouping;
  /** `low`, an ISO 15924 code, a family's name, or `other` for languages outside the table. */
  readonly key: string;
  readonly languages: readonly string[];
}

export interface GroupRow extends LanguageGroup, Pick<GroupMean, 'mean' | 'interval' | 'n'> {
  readonly balanced?: BalancedMean;
  /** Mean gap to the reference; absent when no language of the group has one. */
  readonly gap?: Gap;
  /** Mean of the languages' floors. */
  readonly floor?: number;
  readonly aboveFloor?: boolean;
}

export interface Aggregate {
  readonly n: number;
  readonly correct: number;
  /** Language the gaps refer to; undefined when the run does not have it. */
  readonly reference?: string;
  readonly languages: readonly LanguageRow[];
  readonly groups: readonly GroupRow[];
  /** Unweighted mean over all languages. */
  readonly overall: Omit<GroupRow, 'by' | 'key'>;
  /** How the bootstrap intervals were made. */
  readonly bootstrap: Required<BootstrapOptions>;
}

export interface AggregateOptions {
  readonly seed?: number | string;
  readonly resamples?: number;
  readonly level?: number;
  readonly reference?: string;
  /** Best floor per language over the run's own items (see floors.ts). */
  readonly floors?: ReadonlyMap<string, FloorShare>;
}

/** Bootstrap settings with the defaults filled in: seed 1, 2000 resamples, 95 %. */
export function bootstrapSettings(options: Pick<AggregateOptions, 'seed' | 'resamples' | 'level'>): Required<BootstrapOptions> {
  return { seed: options.seed ?? 1, resamples: options.resamples ?? DEFAULT_RESAMPLES, level: options.level ?? 0.95 };
}

/**
 * Per-language rows, groups by class, script and family, the overall mean and the gaps of one run. Pure: the same samples
 * and seed give the same bytes, in whatever order the samples come.
 *
 * @throws StatisticsError when a problem occurs twice in a language
 */
export function aggregate(samples: readonly SampleRow[], options: AggregateOptions = {}): Aggregate {
  const bootstrap = bootstrapSettings(options);
  const table = resultTable(samples);
  const byLanguage = new Map<string, SampleRow[]>();
  for (const sample of samples) {
    const list = byLanguage.get(sample.language);
    if (list) list.push(sample);
    else byLanguage.set(sample.language, [sample]);
  }
  const languages = [...byLanguage.keys()].sort((a, b) => (a < b ? -1 : 1));
  const wanted = options.reference ?? 'en';
  const reference = byLanguage.has(wanted) ? wanted : undefined;
  const groups = groupLanguages(languages);
  const members = [languages, ...groups.map((group) => group.languages)];
  const allGaps = reference === undefined ? [] : groupTransferGaps(table, [...members, ...languages.map((language) => [language])], bootstrap, reference);
  const conditionals = new Map(reference === undefined ? [] : conditionalAccuracies(table, languages, bootstrap.level, reference).map((c) => [c.language, c]));
  const classes = new Map(samples.flatMap((s) => (s.goldClass === undefined ? [] : [[`${s.language}\u0000${s.id}`, s.goldClass] as const])));
  const balanced = classes.size === 0 ? [] : balancedMeans(table, [...members, ...languages.map((language) => [language])], (language, id) => classes.get(`${language}\u0000${id}`), bootstrap);
  const withBalance = (at: number): { balanced?: BalancedMean } => (balanced[at] && balanced[at].n > 0 ? { balanced: balanced[at] } : {});
  const rows = languages.map((language, i): LanguageRow => {
    const row = countRow(language, byLanguage.get(language)!, bootstrap.level);
    const floor = options.floors?.get(language);
    return { ...row, ...withBalance(members.length + i), gap: present(allGaps[members.length + i]), conditional: conditionals.get(language), floor, aboveFloor: floor && row.interval[0] > floor.share };
  });
  const means = groupMeans(table, members, bootstrap);
  const finished = members.map((list, i) => {
    const { mean, interval, n } = means[i]!;
    const floor = meanFloor(list, options.floors);
    return { languages: list, mean, interval, n, ...withBalance(i), gap: present(allGaps[i]), floor, aboveFloor: floor === undefined ? undefined : interval[0] > floor };
  });
  return {
    n: samples.length,
    correct: rows.reduce((sum, row) => sum + row.correct, 0),
    reference,
    languages: rows,
    groups: groups.map((group, i) => ({ ...finished[i + 1]!, by: group.by, key: group.key })),
    overall: finished[0]!,
    bootstrap,
  };
}

/** The languages in groups by resource class (low, medium, high), script and family; empty groups are left out. */
export function groupLanguages(languages: readonly string[], by: readonly Grouping[] = GROUPINGS): LanguageGroup[] {
  return by.flatMap((grouping) => {
    const groups = new Map<string, string[]>();
    if (grouping === 'class') for (const key of RESOURCE_CLASSES) groups.set(key, []);
    const keyed = languages.map((language) => [groupKey(language, grouping), language] as const);
    if (grouping !== 'class') keyed.sort(([a], [b]) => (a === b ? 0 : a === 'other' ? 1 : b === 'other' ? -1 : a < b ? -1 : 1));
    for (const [key, language] of keyed) groups.set(key, [...(groups.get(key) ?? []), language]);
    return [...groups].filter(([, list]) => list.length > 0).map(([key, list]) => ({ by: grouping, key, languages: list }));
  });
}

/** Group of a language in a grouping. */
export function groupKey(code: string, by: Grouping): string {
  const language = languageOf(code);
  if (!language) return 'other';
  return by === 'class' ? language.resourceClass : by === 'script' ? language.script : language.family;
}

/** Right and wrong of the samples as the statistics take them. */
export function resultTable(samples: readonly Pick<SampleRow, 'language' | 'id' | 'correct'>[]): ResultTable {
  return new ResultTable(samples.map(({ language, id, correct }) => ({ language, problemId: id, correct })));
}

function countRow(language: string, samples: readonly SampleRow[], level: number): LanguageRow {
  const errors: Partial<Record<ScoreError, number>> = {};
  let [correct, unread, tokens, withTokens, ms, withMs] = [0, 0, 0, 0, 0, 0];
  for (const sample of samples) {
    if (sample.correct) correct += 1;
    if (sample.value === null) unread += 1;
    if (sample.error !== null) errors[sample.error] = (errors[sample.error] ?? 0) + 1;
    if (sample.newTokens !== undefined) {
      tokens += sample.newTokens;
      withTokens += 1;
    }
    if (sample.ms !== undefined) {
      ms += sample.ms;
      withMs += 1;
    }
  }
  const n = samples.length;
  return {
    language,
    n,
    correct,
    accuracy: correct / n,
    interval: wilson(correct, n, level),
    unread,
    wrongLanguage: errors['wrong-language'] ?? 0,
    truncated: errors.truncated ?? 0,
    failed: errors.failed ?? 0,
    errors,
    tokensPerQuestion: withTokens === 0 ? null : tokens / withTokens,
    msPerQuestion: withMs === 0 ? null : ms / withMs,
  };
}

function present(gap: Gap | undefined): Gap | undefined {
  return gap && gap.n > 0 ? gap : undefined;
}

function meanFloor(languages: readonly string[], floors: ReadonlyMap<string, FloorShare> | undefined): number | undefined {
  const shares = languages.flatMap((language) => floors?.get(language)?.share ?? []);
  return shares.length === 0 || shares.length < languages.length ? undefined : shares.reduce((sum, x) => sum + x, 0) / shares.length;
}
