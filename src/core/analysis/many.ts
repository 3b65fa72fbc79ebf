import { benjaminiHochberg, holm, type Interval, PairingError } from '../statistics';
import { aggregate, type Aggregate, type AggregateOptions, type FloorShare, groupLanguages, type LanguageGroup } from './aggregate';
import { type ComparableSample, type Comparison, compareRuns, type Correction } from './compare';

/** One of several runs over the same problems. */
export interface ManyRun {
  readonly name: string;
  readonly samples: readonly ComparableSample[];
}

/** A run against the baseline in one language or group. */
export interface ManyDifference {
  /** Accuracy minus the baseline's; for a group the unweighted mean of the languages' differences. */
  readonly difference: number;
  /** Paired bootstrap interval, clustered by problem. */
  readonly interval: Interval;
}

export interface ManyTest extends ManyDifference {
  /** McNemar's p, and the same corrected over every test of the table (languages × runs other than the baseline). */
  readonly p: number;
  readonly holm: number;
  readonly bh: number;
  /** By the chosen correction, at 1 - level. */
  readonly significant: boolean;
}

export interface ManyCell<D extends ManyDifference> {
  /** Samples of this run in the row. */
  readonly n: number;
  readonly accuracy: number;
  /** Wilson for a language, bootstrap clustered by problem for a group. */
  readonly interval: Interval;
  /** Absent for the baseline itself. */
  readonly against?: D;
}

export interface ManyLanguage {
  readonly language: string;
  /** Best trivial answer over these samples; absent where none was given. */
  readonly floor?: FloorShare;
  /** One a run, in the order of the runs. */
  readonly cells: readonly ManyCell<ManyTest>[];
}

export interface ManyGroup extends Omit<LanguageGroup, 'by'> {
  readonly by: LanguageGroup['by'] | 'all';
  readonly floor?: number;
  readonly cells: readonly ManyCell<ManyDifference>[];
}

export interface ManyComparison {
  readonly names: readonly string[];
  /** Place of the run that the others are compared with. */
  readonly baseline: number;
  readonly correction: Correction;
  /** Tests that were corrected together. */
  readonly tests: number;
  /** Problems in languages that every run holds. */
  readonly n: number;
  readonly languages: readonly ManyLanguage[];
  readonly groups: readonly ManyGroup[];
  /** Mean over all languages; no test, since a problem's translations are not independent: its interval says it. */
  readonly overall: ManyGroup;
  readonly bootstrap: Aggregate['bootstrap'];
}

export interface ManyOptions extends Omit<AggregateOptions, 'reference'> {
  /** Place of the baseline; the first when left out. */
  readonly baseline?: number;
  readonly correction?: Correction;
}

/** Which of several runs cannot be paired with the baseline, and why. */
export class ManyPairingError extends PairingError {
  constructor(
    readonly run: string,
    baseline: string,
    cause: PairingError,
  ) {
    super(cause.mismatches);
    this.message = `${run} against ${baseline} (A is ${baseline}, B is ${run}): ${cause.message}`;
  }
}

/**
 * Several runs over the same problems: one table of languages × runs, every run against one baseline. The p-values of all languages
 * and all runs are one family for Holm and Benjamini-Hochberg: the more runs stand in a table, the more it takes to be significant.
 *
 * @throws ManyPairingError when a run does not hold the baseline's problems with the same gold answers
 * @throws RangeError with fewer than two runs or a baseline that is not among them
 */
export function compareMany(runs: readonly ManyRun[], options: ManyOptions = {}): ManyComparison {
  const { baseline = 0, correction = 'holm', ...rest } = options;
  const base = runs[baseline];
  if (runs.length < 2 || !base) throw new RangeError(`A comparison takes two or more runs and a baseline among them, not ${runs.length} and place ${baseline}.`);
  const pairs = runs.map((run): Comparison | undefined => {
    if (run === base) return undefined;
    try {
      return compareRuns(base.samples, run.samples, { ...rest, correction, names: [base.name, run.name] });
    } catch (e) {
      throw e instanceof PairingError ? new ManyPairingError(run.name, base.name, e) : e;
    }
  });
  const totals = runs.map((run) => aggregate(run.samples, rest));
  const { bootstrap } = totals[baseline]!;
  const codes = totals[baseline]!.languages.map((l) => l.language);
  // One family: the languages of the first compared run, then those of the next.
  const p = pairs.flatMap((pair) => pair?.languages.map((l) => l.test.p) ?? []);
  const [byHolm, byBh] = [holm(p), benjaminiHochberg(p)];
  const place = (run: number, language: number): number => pairs.slice(0, run).filter((pair) => pair !== undefined).length * codes.length + language;
  const languages = codes.map((language, k): ManyLanguage => {
    const floor = options.floors?.get(language);
    const cells = totals.map((total, i): ManyCell<ManyTest> => {
      const { n, accuracy, interval } = total.languages[k]!;
      const pair = pairs[i]?.languages[k];
      if (!pair) return { n, accuracy, interval };
      const at = place(i, k);
      const adjusted = correction === 'holm' ? byHolm[at]! : byBh[at]!;
      return { n, accuracy, interval, against: { difference: pair.difference, interval: pair.interval, p: pair.test.p, holm: byHolm[at]!, bh: byBh[at]!, significant: adjusted < 1 - bootstrap.level } };
    });
    return { language, ...(floor ? { floor } : {}), cells };
  });
  const group = (by: ManyGroup['by'], key: string, list: readonly string[], total: (a: Aggregate) => Aggregate['overall'], pair: (c: Comparison) => Comparison['overall']): ManyGroup => {
    const { floor } = total(totals[baseline]!);
    const cells = totals.map((t, i): ManyCell<ManyDifference> => {
      const { n, mean, interval } = total(t);
      const c = pairs[i];
      return { n, accuracy: mean, interval, ...(c ? { against: { difference: pair(c).difference, interval: pair(c).interval } } : {}) };
    });
    return { by, key, languages: list, ...(floor === undefined ? {} : { floor }), cells };
  };
  return {
    names: runs.map((run) => run.name),
    baseline,
    correction,
    tests: p.length,
    n: totals[baseline]!.n,
    languages,
    groups: groupLanguages(codes).map((g, k) => group(g.by, g.key, g.languages, (t) => t.groups[k]!, (c) => c.groups[k]!)),
    overall: group('all', 'all', codes, (t) => t.overall, (c) => c.overall),
    bootstrap,
  };
}

/** The samples of each run whose problem every run holds, in that language and with the same gold answer. */
export function commonSamples<T extends Pick<ComparableSample, 'language' | 'id' | 'gold'>>(runs: readonly (readonly T[])[]): T[][] {
  const key = (s: Pick<ComparableSample, 'language' | 'id' | 'gold'>): string => `${s.language}\u0000${s.id}\u0000${s.gold}`;
  const sets = runs.map((samples) => new Set(samples.map(key)));
  return runs.map((samples) => samples.filter((s) => sets.every((set) => set.has(key(s)))));
}
