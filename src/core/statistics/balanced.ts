import { type BootstrapOptions, clusterBootstrap, type Estimate, type Ratio } from './bootstrap';
import { total } from './groups';
import { MISSING, type ResultTable } from './table';

export interface BalancedMean extends Estimate {
  /** Classes that occur in the group. */
  readonly classes: number;
  /** Answers counted. */
  readonly n: number;
}

/**
 * Balanced accuracy of groups of languages: the unweighted mean, over the languages and the classes of their gold answers, of the share
 * right within the class. An answerer that always says the same scores 1 / classes, however uneven the classes are. Intervals from the
 * cluster bootstrap; a class that a resample does not hold is left out of that resample's mean.
 *
 * @param classOf class of the gold answer of a problem in a language; undefined leaves the answer out
 */
export function balancedMeans(table: ResultTable, groups: readonly (readonly string[])[], classOf: (language: string, problem: string) => string | undefined, options: BootstrapOptions): BalancedMean[] {
  const perLanguage = new Map([...new Set(groups.flat())].map((language) => [language, classRatios(table, language, classOf)]));
  const ratios = groups.map((group) => group.flatMap((language) => [...perLanguage.get(language)!.values()]));
  const estimates = clusterBootstrap(ratios, table.problems.length, options);
  return estimates.map((estimate, i) => ({
    ...estimate,
    classes: new Set(groups[i]!.flatMap((language) => [...perLanguage.get(language)!.keys()])).size,
    n: ratios[i]!.reduce((sum, ratio) => sum + total(ratio.denominator), 0),
  }));
}

function classRatios(table: ResultTable, language: string, classOf: (language: string, problem: string) => string | undefined): Map<string, Ratio> {
  const row = table.row(language);
  const found = new Map<string, { numerator: Int8Array; denominator: Int8Array }>();
  row?.forEach((cell, i) => {
    const label = cell === MISSING ? undefined : classOf(language, table.problems[i]!);
    if (label === undefined) return;
    let ratio = found.get(label);
    if (!ratio) found.set(label, (ratio = { numerator: new Int8Array(row.length), denominator: new Int8Array(row.length) }));
    ratio.denominator[i] = 1;
    ratio.numerator[i] = cell;
  });
  return found;
}
