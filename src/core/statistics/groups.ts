import { type BootstrapOptions, clusterBootstrap, type Estimate, type Ratio } from './bootstrap';
import { type Interval } from './intervals';
import { MISSING, type ResultRow, ResultTable } from './table';

export interface GroupMean extends Estimate {
  /** Unweighted mean of the languages' accuracies; NaN without answers. */
  readonly mean: number;
  readonly interval: Interval;
  /** Answers counted. */
  readonly n: number;
  /** Languages of the group that have answers. */
  readonly languages: number;
}

/**
 * Mean accuracy of a group of languages (every language counts the same) with an interval from a bootstrap clustered by
 * problem id: the same problem in 48 languages is one observation.
 */
export function groupMean(rows: readonly ResultRow[], languagesOfGroup: readonly string[], options: BootstrapOptions): GroupMean {
  return groupMeans(new ResultTable(rows), [languagesOfGroup], options)[0]!;
}

/** The same for several groups over one table, with shared resamples. */
export function groupMeans(table: ResultTable, groups: readonly (readonly string[])[], options: BootstrapOptions): GroupMean[] {
  const shares = new Map(groups.flat().map((language) => [language, shareOf(table, language)]));
  const ratios = groups.map((group) => group.flatMap((language) => shares.get(language) ?? []));
  const estimates = clusterBootstrap(ratios, table.problems.length, options);
  return estimates.map((estimate, i) => ({
    ...estimate,
    n: ratios[i]!.reduce((sum, ratio) => sum + total(ratio.denominator), 0),
    languages: ratios[i]!.length,
  }));
}

/** Right answers over answers of one language. */
export function shareOf(table: ResultTable, language: string): Ratio | undefined {
  const row = table.row(language);
  if (!row) return undefined;
  return { numerator: row.map((x) => (x === 1 ? 1 : 0)), denominator: row.map((x) => (x === MISSING ? 0 : 1)) };
}

export function total(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i += 1) sum += values[i]!;
  return sum;
}
