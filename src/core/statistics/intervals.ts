import { StatisticsError, twoSidedZ } from './distributions';

/** Lower and upper end. */
export type Interval = readonly [number, number];

/**
 * Wilson score interval (no continuity correction) for `correct` of `n`; [0, 1] when n is 0.
 *
 * Source: E. B. Wilson, JASA 22 (1927). Unlike the Wald interval it stays inside [0, 1] and has a width at 0 and n.
 * @throws StatisticsError when the counts are not whole, negative or the wrong way round, or the level is not in (0, 1)
 */
export function wilson(correct: number, n: number, level = 0.95): [number, number] {
  if (!Number.isInteger(correct) || !Number.isInteger(n) || correct < 0 || correct > n) {
    throw new StatisticsError(`A share needs whole counts with 0 <= correct <= n, not ${correct} of ${n}.`);
  }
  const z = twoSidedZ(level);
  if (n === 0) return [0, 1];
  const share = correct / n;
  const z2 = z * z;
  const scale = 1 + z2 / n;
  const centre = (share + z2 / (2 * n)) / scale;
  const half = (z / scale) * Math.sqrt((share * (1 - share)) / n + z2 / (4 * n * n));
  return [correct === 0 ? 0 : Math.max(0, centre - half), correct === n ? 1 : Math.min(1, centre + half)];
}

/** Quantile of sorted values by linear interpolation between the closest ranks (type 7 of Hyndman and Fan). */
export function sortedQuantile(sorted: ArrayLike<number>, p: number): number {
  if (sorted.length === 0) return NaN;
  const place = p * (sorted.length - 1);
  const below = Math.floor(place);
  const low = sorted[below]!;
  const high = sorted[Math.min(below + 1, sorted.length - 1)]!;
  return low + (high - low) * (place - below);
}
