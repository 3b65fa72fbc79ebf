import { StatisticsError } from './distributions';
import { type Interval, sortedQuantile, wilson } from './intervals';
import { Random } from './random';

export interface BootstrapOptions {
  readonly seed: number | string;
  /** Number of resamples; 2000 when left out. */
  readonly resamples?: number;
  /** Confidence level; 0.95 when left out. */
  readonly level?: number;
}

export const DEFAULT_RESAMPLES = 2000;

/**
 * A ratio over clusters: sum of numerators / sum of denominators. One entry per cluster, whole numbers. A share of right
 * answers has 0/1 over 0/1 (0 over 0 where there is no answer); a paired difference has -1, 0 or 1 over 1.
 */
export interface Ratio {
  readonly numerator: ArrayLike<number>;
  readonly denominator: ArrayLike<number>;
}

export interface Estimate {
  /** NaN when no ratio of the statistic has a denominator. */
  readonly mean: number;
  readonly interval: Interval;
}

/**
 * Statistics of the form "unweighted mean over ratios", each with a percentile interval from one cluster bootstrap.
 *
 * Whole clusters are drawn with replacement, so answers to the same problem in several languages move together. All
 * statistics see the same resamples. A ratio whose denominator is empty in a resample is left out of the mean there. When
 * every cluster says the same, resampling cannot show any spread; the half-width is then the Wilson upper bound for the
 * share of clusters that would say otherwise.
 *
 * @param statistics per statistic its ratios, all arrays `clusters` long
 * @param bounds range of the statistic's values, to which intervals are cut
 */
export function clusterBootstrap(
  statistics: readonly (readonly Ratio[])[],
  clusters: number,
  options: BootstrapOptions,
  bounds: Interval = [0, 1],
): Estimate[] {
  const resamples = options.resamples ?? DEFAULT_RESAMPLES;
  const level = options.level ?? 0.95;
  if (!Number.isInteger(resamples) || resamples < 1) throw new StatisticsError(`The number of resamples must be a whole number of at least 1, not ${resamples}.`);
  if (!(level > 0 && level < 1)) throw new StatisticsError(`A confidence level lies between 0 and 1, not ${level}.`);
  const compiled = statistics.map((ratios) => compile(ratios, clusters));
  const ones = new Uint32Array(clusters).fill(1);
  const means = compiled.map((statistic) => statistic.value(ones));
  const draws = compiled.map(() => new Float64Array(resamples));
  const weights = new Uint32Array(clusters);
  const random = new Random(options.seed);
  for (let r = 0; r < resamples && clusters > 0; r += 1) {
    weights.fill(0);
    for (let i = 0; i < clusters; i += 1) {
      const drawn = random.integer(clusters);
      weights[drawn] = weights[drawn]! + 1;
    }
    for (let s = 0; s < compiled.length; s += 1) draws[s]![r] = compiled[s]!.value(weights);
  }
  return compiled.map((statistic, s) => {
    const mean = means[s]!;
    if (Number.isNaN(mean)) return { mean, interval: bounds };
    if (statistic.constant) {
      const half = wilson(0, statistic.used, level)[1];
      return { mean, interval: [Math.max(bounds[0], mean - half), Math.min(bounds[1], mean + half)] };
    }
    const sorted = draws[s]!.filter((x) => !Number.isNaN(x)).sort();
    return { mean, interval: [sortedQuantile(sorted, (1 - level) / 2), sortedQuantile(sorted, (1 + level) / 2)] };
  });
}

interface Compiled {
  /** Clusters with any denominator. */
  readonly used: number;
  /** All those clusters hold the same value in every ratio. */
  readonly constant: boolean;
  value(weights: Uint32Array): number;
}

/** Ratios whose denominators agree are added up once, so that complete tables cost one pass per resample. */
function compile(ratios: readonly Ratio[], clusters: number): Compiled {
  const merged: { numerator: Float64Array; denominator: Float64Array; count: number }[] = [];
  const usedCluster = new Uint8Array(clusters);
  let value: number | undefined;
  let constant = true;
  for (const { numerator, denominator } of ratios) {
    if (numerator.length !== clusters || denominator.length !== clusters) {
      throw new StatisticsError(`A ratio has ${numerator.length} numerators and ${denominator.length} denominators for ${clusters} clusters.`);
    }
    let same = merged.find((m) => sameValues(m.denominator, denominator));
    if (!same) merged.push((same = { numerator: new Float64Array(clusters), denominator: Float64Array.from(denominator), count: 0 }));
    same.count += 1;
    for (let i = 0; i < clusters; i += 1) {
      same.numerator[i] = same.numerator[i]! + numerator[i]!;
      if (denominator[i] === 0) continue;
      usedCluster[i] = 1;
      const share = numerator[i]! / denominator[i]!;
      if (value === undefined) value = share;
      else if (share !== value) constant = false;
    }
  }
  return {
    used: usedCluster.reduce((sum, x) => sum + x, 0),
    constant,
    value: (weights) => {
      let sum = 0;
      let counted = 0;
      for (const { numerator, denominator, count } of merged) {
        let top = 0;
        let bottom = 0;
        for (let i = 0; i < clusters; i += 1) {
          top += weights[i]! * numerator[i]!;
          bottom += weights[i]! * denominator[i]!;
        }
        if (bottom === 0) continue;
        sum += top / bottom;
        counted += count;
      }
      return counted === 0 ? NaN : sum / counted;
    },
  };
}

function sameValues(a: ArrayLike<number>, b: ArrayLike<number>): boolean {
  for (let i = 0; i < a.length; i += 1) if (a[i] !== b[i]) return false;
  return true;
}
