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
 * A ratio over clusters: sum of numerators / sum of denominators. Per cluster a numerator of -1, 0 or 1 over a denominator
 * of 0 (no answer) or 1: a share of right answers has 0 and 1 above, a paired difference -1, 0 and 1.
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
 * @param statistics per statistic its ratios, all arrays `clusters` long; a ratio object that several statistics share is
 *   evaluated once per resample
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
  const distinct = [...new Set(statistics.flat())];
  for (const { numerator, denominator } of distinct) {
    if (numerator.length !== clusters || denominator.length !== clusters) {
      throw new StatisticsError(`A ratio has ${numerator.length} numerators and ${denominator.length} denominators for ${clusters} clusters.`);
    }
  }
  const place = new Map(distinct.map((ratio, i) => [ratio, i]));
  const members = statistics.map((ratios) => Int32Array.from(ratios, (ratio) => place.get(ratio)!));
  const evaluate = evaluator(distinct, clusters);
  const weights = new Float64Array(clusters).fill(1);
  const observed = evaluate(weights);
  const means = members.map((list) => meanOf(list, observed));
  const draws = statistics.map(() => new Float64Array(resamples));
  const random = new Random(options.seed);
  for (let r = 0; r < resamples && clusters > 0; r += 1) {
    weights.fill(0);
    for (let i = 0; i < clusters; i += 1) weights[random.integer(clusters)]! += 1;
    const values = evaluate(weights);
    for (let s = 0; s < members.length; s += 1) draws[s]![r] = meanOf(members[s]!, values);
  }
  return statistics.map((ratios, s) => {
    const mean = means[s]!;
    if (Number.isNaN(mean)) return { mean, interval: bounds };
    const unanimous = clustersIfUnanimous(ratios, clusters);
    if (unanimous > 0) {
      const half = wilson(0, unanimous, level)[1];
      return { mean, interval: [Math.max(bounds[0], mean - half), Math.min(bounds[1], mean + half)] };
    }
    const sorted = draws[s]!.filter((x) => !Number.isNaN(x)).sort();
    return { mean, interval: [sortedQuantile(sorted, (1 - level) / 2), sortedQuantile(sorted, (1 + level) / 2)] };
  });
}

/**
 * Weighted sums of many columns of -1, 0 and 1 at once. Several columns share one double: each, shifted to 0..2, has its own
 * range of bits, wide enough for its sum, so that the sums stay exact and a resample costs a quarter of the passes.
 */
class PackedSums {
  private readonly packs: Float64Array[] = [];
  private readonly base: number;
  private readonly perPack: number;

  constructor(private readonly columns: readonly ArrayLike<number>[], private readonly clusters: number) {
    const bits = Math.ceil(Math.log2(2 * clusters + 1));
    this.base = 2 ** bits;
    this.perPack = Math.floor(53 / bits);
    for (let first = 0; first < columns.length; first += this.perPack) {
      const members = columns.slice(first, first + this.perPack);
      this.packs.push(Float64Array.from({ length: clusters }, (_, i) => members.reduceRight((packed, column) => packed * this.base + column[i]! + 1, 0)));
    }
  }

  /** @param weights whole numbers that add up to the number of clusters @param sums one element per column, overwritten */
  evaluate(weights: Float64Array, sums: Float64Array): void {
    for (let p = 0; p < this.packs.length; p += 1) {
      const pack = this.packs[p]!;
      let packed = 0;
      for (let i = 0; i < this.clusters; i += 1) packed += weights[i]! * pack[i]!;
      const end = Math.min(this.columns.length, (p + 1) * this.perPack);
      for (let column = p * this.perPack; column < end; column += 1) {
        const rest = Math.floor(packed / this.base);
        sums[column] = packed - rest * this.base - this.clusters;
        packed = rest;
      }
    }
  }
}

/** Function from cluster weights to the ratios' values (NaN over an empty denominator); it reuses the array it returns. */
function evaluator(ratios: readonly Ratio[], clusters: number): (weights: Float64Array) => Float64Array {
  const partial = ratios.flatMap(({ denominator }, i) => (Array.prototype.every.call(denominator, (x: number) => x === 1) ? [] : [i]));
  const columns = [...ratios.map((ratio) => ratio.numerator), ...partial.map((i) => ratios[i]!.denominator)];
  const packed = new PackedSums(columns, clusters);
  const sums = new Float64Array(columns.length);
  const below = new Float64Array(ratios.length).fill(clusters);
  const values = new Float64Array(ratios.length);
  return (weights) => {
    packed.evaluate(weights, sums);
    partial.forEach((ratio, k) => (below[ratio] = sums[ratios.length + k]!));
    for (let i = 0; i < values.length; i += 1) values[i] = below[i] === 0 ? NaN : sums[i]! / below[i]!;
    return values;
  };
}

function meanOf(members: Int32Array, values: Float64Array): number {
  let sum = 0;
  let counted = 0;
  for (let i = 0; i < members.length; i += 1) {
    const value = values[members[i]!]!;
    if (Number.isNaN(value)) continue;
    sum += value;
    counted += 1;
  }
  return counted === 0 ? NaN : sum / counted;
}

/** Number of clusters with a denominator when all of them hold the same value in every ratio, otherwise 0. */
function clustersIfUnanimous(ratios: readonly Ratio[], clusters: number): number {
  let value: number | undefined;
  const used = new Uint8Array(clusters);
  for (const { numerator, denominator } of ratios) {
    for (let i = 0; i < clusters; i += 1) {
      if (denominator[i] === 0) continue;
      used[i] = 1;
      const share = numerator[i]! / denominator[i]!;
      value ??= share;
      if (share !== value) return 0;
    }
  }
  return used.reduce((sum, x) => sum + x, 0);
}
