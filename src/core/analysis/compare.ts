import { type ScoreError } from '../scoring/types';
import {
  benjaminiHochberg,
  type BootstrapOptions,
  holm,
  type Interval,
  type McNemar,
  mcnemar,
  minimalDetectableDifference,
  pairedDifferences,
  pairSamples,
  type Quadrants,
} from '../statistics';
import { bootstrapSettings, groupLanguages, type LanguageGroup, resultTable, type SampleRow } from './aggregate';

/** A sample that can be paired: `gold` must agree between the runs. */
export interface ComparableSample extends SampleRow {
  readonly gold: string;
}

export type Quadrant = keyof Quadrants;
export type Correction = 'holm' | 'bh';

export interface LanguageComparison {
  readonly language: string;
  /** Pairs. */
  readonly n: number;
  readonly accuracyA: number;
  readonly accuracyB: number;
  /** accuracyB - accuracyA. */
  readonly difference: number;
  /** Paired bootstrap interval of the difference. */
  readonly interval: Interval;
  readonly quadrants: Quadrants;
  readonly test: McNemar;
  /** McNemar p over all compared languages, adjusted by Holm and by Benjamini-Hochberg. */
  readonly holm: number;
  readonly bh: number;
  /** By the chosen correction, at 1 - level. */
  readonly significant: boolean;
  /** Smallest true difference that this many pairs with this discordance show with 80 % power; NaN when none. */
  readonly detectable: number;
}

export interface GroupComparison extends LanguageGroup {
  readonly n: number;
  /** Unweighted mean of the languages' differences. */
  readonly difference: number;
  readonly interval: Interval;
}

/** What became of the samples of one outcome of A: an error class or `correct`. */
export interface OutcomeShift {
  readonly from: ScoreError | 'correct' | 'wrong';
  readonly to: ScoreError | 'correct' | 'wrong';
  readonly count: number;
}

export interface Comparison {
  readonly names: readonly [string, string];
  readonly n: number;
  readonly languages: readonly LanguageComparison[];
  readonly groups: readonly GroupComparison[];
  readonly overall: Omit<GroupComparison, 'by' | 'key'>;
  readonly quadrants: Quadrants;
  /** Largest count first. */
  readonly shifts: readonly OutcomeShift[];
  readonly better: readonly string[];
  readonly worse: readonly string[];
  readonly correction: Correction;
  readonly bootstrap: Required<BootstrapOptions>;
  readonly sentence: string;
}

export interface CompareOptions {
  readonly seed?: number | string;
  readonly resamples?: number;
  readonly level?: number;
  readonly correction?: Correction;
  /** How the two runs are called in the sentence; A and B when left out. */
  readonly names?: readonly [string, string];
}

/** Which of the two is right. */
export function quadrantOf(a: { readonly correct: boolean }, b: { readonly correct: boolean }): Quadrant {
  return a.correct ? (b.correct ? 'both' : 'onlyA') : b.correct ? 'onlyB' : 'neither';
}

/**
 * Two runs over the same problems: differences (B minus A) per language, group and overall, with tests and intervals.
 *
 * @throws PairingError when the runs do not hold the same problems with the same gold answers
 */
export function compareRuns(a: readonly ComparableSample[], b: readonly ComparableSample[], options: CompareOptions = {}): Comparison {
  const bootstrap = bootstrapSettings(options);
  const correction = options.correction ?? 'holm';
  const names = options.names ?? (['A', 'B'] as const);
  const pairs = pairSamples(a, b);
  const counts = new Map<string, Record<Quadrant, number>>();
  const totals = emptyQuadrants();
  for (const { a: first, b: second } of pairs) {
    let count = counts.get(first.language);
    if (!count) counts.set(first.language, (count = emptyQuadrants()));
    const quadrant = quadrantOf(first, second);
    count[quadrant] += 1;
    totals[quadrant] += 1;
  }
  const languages = [...counts.keys()].sort((x, y) => (x < y ? -1 : 1));
  const groups = groupLanguages(languages);
  const members = [languages, ...groups.map((g) => g.languages), ...languages.map((l) => [l])];
  const differences = pairedDifferences(resultTable(a), resultTable(b), members, bootstrap);
  const tests = languages.map((language) => mcnemar(counts.get(language)!.onlyA, counts.get(language)!.onlyB));
  const [holmP, bhP] = [holm(tests.map((t) => t.p)), benjaminiHochberg(tests.map((t) => t.p))];
  const rows = languages.map((language, i): LanguageComparison => {
    const quadrants = counts.get(language)!;
    const { n, mean, interval } = differences[1 + groups.length + i]!;
    const adjusted = correction === 'holm' ? holmP[i]! : bhP[i]!;
    return {
      language,
      n,
      accuracyA: (quadrants.both + quadrants.onlyA) / n,
      accuracyB: (quadrants.both + quadrants.onlyB) / n,
      difference: mean,
      interval,
      quadrants,
      test: tests[i]!,
      holm: holmP[i]!,
      bh: bhP[i]!,
      significant: adjusted < 1 - bootstrap.level,
      detectable: minimalDetectableDifference({ n, discordance: tests[i]!.discordant / n, level: bootstrap.level }),
    };
  });
  const overall = { languages, n: pairs.length, difference: differences[0]!.mean, interval: differences[0]!.interval };
  const better = rows.filter((row) => row.significant && row.difference > 0).map((row) => row.language);
  const worse = rows.filter((row) => row.significant && row.difference < 0).map((row) => row.language);
  return {
    names,
    n: pairs.length,
    languages: rows,
    groups: groups.map((group, i) => ({ ...group, n: differences[i + 1]!.n, difference: differences[i + 1]!.mean, interval: differences[i + 1]!.interval })),
    overall,
    quadrants: totals,
    shifts: outcomeShifts(pairs),
    better,
    worse,
    correction,
    bootstrap,
    sentence: inWords(names, languages.length, better.length, worse.length, overall, bootstrap.level),
  };
}

/** Signed percentage points with one decimal, such as `+3.1` or `-0.4` (U+2212 minus). */
export function signedPoints(difference: number): string {
  const points = (Math.abs(difference) * 100).toFixed(1);
  return points === '0.0' ? '0.0' : `${difference < 0 ? '−' : '+'}${points}`;
}

function inWords(
  [nameA, nameB]: readonly [string, string],
  languages: number,
  better: number,
  worse: number,
  overall: Pick<GroupComparison, 'difference' | 'interval'>,
  level: number,
): string {
  if (languages === 0) return `${nameA} and ${nameB} have no samples to compare.`;
  const noun = languages === 1 ? 'language' : 'languages';
  const verdict =
    better + worse === 0
      ? `${nameB} and ${nameA} differ significantly in none of ${languages} ${noun}`
      : better === 0
        ? `${nameB} is worse in ${worse} of ${languages} ${noun}, better in none`
        : `${nameB} is better in ${better} of ${languages} ${noun}, worse in ${worse === 0 ? 'none' : worse}`;
  const [low, high] = overall.interval;
  const clear = low > 0 || high < 0 ? '' : ', which includes no difference';
  return `${verdict}; overall ${signedPoints(overall.difference)} points (${Math.round(level * 100)} % interval ${signedPoints(low)} to ${signedPoints(high)}${clear}).`;
}

function outcomeShifts(pairs: readonly { a: SampleRow; b: SampleRow }[]): OutcomeShift[] {
  const counts = new Map<string, { from: OutcomeShift['from']; to: OutcomeShift['to']; count: number }>();
  for (const { a, b } of pairs) {
    const [from, to] = [outcome(a), outcome(b)];
    const key = `${from} ${to}`;
    const entry = counts.get(key);
    if (entry) entry.count += 1;
    else counts.set(key, { from, to, count: 1 });
  }
  return [...counts.entries()].sort(([k, x], [l, y]) => y.count - x.count || (k < l ? -1 : 1)).map(([, entry]) => entry);
}

function outcome(sample: SampleRow): OutcomeShift['from'] {
  return sample.correct ? 'correct' : (sample.error ?? 'wrong');
}

function emptyQuadrants(): Record<Quadrant, number> {
  return { both: 0, onlyA: 0, onlyB: 0, neither: 0 };
}
