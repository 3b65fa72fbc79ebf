import { type BootstrapOptions, clusterBootstrap, type Estimate, type Ratio } from './bootstrap';
import { fairBinomialCdf, standardNormalQuantile, StatisticsError, twoSidedZ } from './distributions';
import { total } from './groups';
import { type ResultTable } from './table';
import { differenceOf } from './transfer';

export interface McNemar {
  /** Pairs in which only one of the two is right. */
  readonly discordant: number;
  /** Two-sided exact conditional p-value. */
  readonly exact: number;
  /** Two-sided mid-p value, less conservative; source: Fagerland, Lydersen and Laake, BMC Med. Res. Methodol. 13 (2013). */
  readonly midP: number;
  /** The value to report: exact below 25 discordant pairs, mid-p from 25 on. */
  readonly p: number;
  readonly method: 'exact' | 'mid-p';
}

/** McNemar's test on the two discordant counts. Without a discordant pair there is no evidence: p = 1. */
export function mcnemar(onlyA: number, onlyB: number): McNemar {
  if (!Number.isInteger(onlyA) || !Number.isInteger(onlyB) || onlyA < 0 || onlyB < 0) {
    throw new StatisticsError(`McNemar's test takes two whole counts of discordant pairs, not ${onlyA} and ${onlyB}.`);
  }
  const n = onlyA + onlyB;
  const k = Math.min(onlyA, onlyB);
  const below = fairBinomialCdf(k, n);
  const point = below - fairBinomialCdf(k - 1, n);
  const exact = Math.min(1, 2 * below);
  const midP = n === 0 ? 1 : onlyA === onlyB ? 1 - point / 2 : Math.min(1, 2 * below - point);
  const method = n < 25 ? 'exact' : 'mid-p';
  return { discordant: n, exact, midP, p: method === 'exact' ? exact : midP, method };
}

/** Four quadrants of two runs over the same problems. */
export interface Quadrants {
  readonly both: number;
  readonly onlyA: number;
  readonly onlyB: number;
  readonly neither: number;
}

export interface PairedDifference extends Estimate {
  /** Unweighted mean over languages of accuracy(b) - accuracy(a). */
  readonly mean: number;
  /** Pairs counted. */
  readonly n: number;
}

/**
 * Paired difference b - a for groups of languages, with intervals from the cluster bootstrap (shared resamples). A
 * per-language difference is a group of one.
 *
 * @param a first run; @param b second run over the same problems, in any order
 */
export function pairedDifferences(a: ResultTable, b: ResultTable, groups: readonly (readonly string[])[], options: BootstrapOptions): PairedDifference[] {
  const aligned = new Map<string, Ratio>();
  const ratioOf = (language: string): Ratio | undefined => {
    let ratio = aligned.get(language);
    const row = a.row(language);
    if (!ratio && row && b.row(language)) {
      const other = Int8Array.from(a.problems, (problem) => b.cell(language, problem));
      aligned.set(language, (ratio = differenceOf(row, other)));
    }
    return ratio;
  };
  const ratios = groups.map((group) => group.flatMap((language) => ratioOf(language) ?? []));
  const estimates = clusterBootstrap(ratios, a.problems.length, options, [-1, 1]);
  return estimates.map((estimate, i) => ({ ...estimate, n: ratios[i]!.reduce((sum, r) => sum + total(r.denominator), 0) }));
}

export interface DetectableOptions {
  /** Pairs. */
  readonly n: number;
  /** Share of pairs in which only one of the two is right. */
  readonly discordance: number;
  /** Confidence level of the two-sided test; 0.95 when left out. */
  readonly level?: number;
  /** Probability of seeing the difference; 0.8 when left out. 0.5 gives the smallest difference that is just significant. */
  readonly power?: number;
}

/**
 * Smallest true difference of two accuracies that a paired test over n problems finds with the given power.
 *
 * Solves n d^2 = (z_level sqrt(q) + z_power sqrt(q - d^2))^2 for d (q the discordance), the sample-size formula of Connor
 * (Biometrics 43, 1987). With d <= q by construction, NaN says that n is too small for any difference.
 */
export function minimalDetectableDifference({ n, discordance, level = 0.95, power = 0.8 }: DetectableOptions): number {
  if (!(n > 0) || !(discordance >= 0 && discordance <= 1)) throw new StatisticsError(`A detectable difference needs n > 0 and a discordance in [0, 1], not ${n} and ${discordance}.`);
  if (!(power >= 0.5 && power < 1)) throw new StatisticsError(`Power lies in [0.5, 1), not ${power}.`);
  const alphaZ = twoSidedZ(level);
  const powerZ = power === 0.5 ? 0 : standardNormalQuantile(power);
  const excess = (d: number): number => d * Math.sqrt(n) - alphaZ * Math.sqrt(discordance) - powerZ * Math.sqrt(Math.max(0, discordance - d * d));
  let low = 0;
  let high = discordance;
  if (discordance === 0 || excess(high) < 0) return NaN;
  for (let i = 0; i < 200 && low < high; i += 1) {
    const middle = low + (high - low) / 2;
    if (middle === low || middle === high) break;
    if (excess(middle) < 0) low = middle;
    else high = middle;
  }
  return high;
}
