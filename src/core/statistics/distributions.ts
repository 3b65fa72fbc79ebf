import binomialCdf from '@stdlib/stats-base-dists-binomial-cdf';
import normalQuantile from '@stdlib/stats-base-dists-normal-quantile';

/**
 * The only place where distribution functions enter. They are @stdlib's, which follow the Cephes and Boost algorithms in
 * double precision; the golden table in test/fixtures/statistics holds them to SciPy.
 */

export class StatisticsError extends Error {}

/** Quantile of the standard normal distribution at `p` in (0, 1). Right to 1e-9 between 1e-4 and 1 - 1e-4; fewer digits further out. */
export function standardNormalQuantile(p: number): number {
  return normalQuantile(p, 0, 1);
}

/** z with P(|Z| <= z) = level, such as 1.95996 for 0.95. @throws StatisticsError unless 0 < level < 1 */
export function twoSidedZ(level: number): number {
  if (!(level > 0 && level < 1)) throw new StatisticsError(`A confidence level lies between 0 and 1 (0.95 for 95 %), not ${level}.`);
  return standardNormalQuantile(0.5 + level / 2);
}

/** P(X <= k) for X ~ Binomial(n, 1/2); 0 for k < 0. */
export function fairBinomialCdf(k: number, n: number): number {
  if (k < 0) return 0;
  return binomialCdf(k, n, 0.5);
}
