import { type BootstrapOptions, clusterBootstrap, type Estimate, type Ratio } from './bootstrap';
import { total } from './groups';
import { type Interval, wilson } from './intervals';
import { MISSING, type ResultTable } from './table';

export interface TransferGap {
  readonly language: string;
  /** Problems answered in both the language and the reference. */
  readonly n: number;
  /** Accuracy in the reference minus accuracy in the language over these problems: positive when the language is behind. */
  readonly gap: number;
  readonly interval: Interval;
}

export interface ConditionalAccuracy {
  readonly language: string;
  /** Problems answered in both and right in the reference. */
  readonly n: number;
  /** Of those, right in the language as well. */
  readonly both: number;
  /** both / n; NaN when n is 0. */
  readonly share: number;
  /** Wilson interval. */
  readonly interval: Interval;
}

/**
 * Transfer gap to a reference language (English), paired by problem, per language; interval from the cluster bootstrap.
 * Languages without a problem in common with the reference, and the reference itself, are left out.
 */
export function transferGaps(table: ResultTable, languages: readonly string[], options: BootstrapOptions, reference = 'en'): TransferGap[] {
  return groupTransferGaps(table, languages.map((language) => [language]), options, reference).flatMap(({ mean, interval, n }, i) =>
    n === 0 ? [] : [{ language: languages[i]!, n, gap: mean, interval }],
  );
}

/** Unweighted mean of the gaps of each group's languages, with cluster-bootstrap intervals; NaN and n = 0 for a group without a pair. */
export function groupTransferGaps(table: ResultTable, groups: readonly (readonly string[])[], options: BootstrapOptions, reference = 'en'): (Estimate & { n: number })[] {
  const shared = new Map(gapRatios(table, [...new Set(groups.flat())], reference).map((e) => [e.language, e.ratio]));
  const ratios = groups.map((group) => group.flatMap((language) => shared.get(language) ?? []));
  const estimates = clusterBootstrap(ratios, table.problems.length, options, [-1, 1]);
  return estimates.map((estimate, i) => ({ ...estimate, n: ratios[i]!.reduce((sum, ratio) => sum + total(ratio.denominator), 0) }));
}

/** P(right in the language | right in the reference) per language: what the model can do and still fails to carry over. */
export function conditionalAccuracies(table: ResultTable, languages: readonly string[], level = 0.95, reference = 'en'): ConditionalAccuracy[] {
  const base = table.row(reference);
  if (!base) return [];
  return languages.flatMap((language) => {
    const row = table.row(language);
    if (!row || language === reference) return [];
    let n = 0;
    let both = 0;
    for (let i = 0; i < row.length; i += 1) {
      if (base[i] !== 1 || row[i] === MISSING) continue;
      n += 1;
      both += row[i]!;
    }
    return [{ language, n, both, share: both / n, interval: wilson(both, n, level) }];
  });
}

function gapRatios(table: ResultTable, languages: readonly string[], reference: string): { language: string; ratio: Ratio }[] {
  const base = table.row(reference);
  if (!base) return [];
  return languages.flatMap((language) => {
    const row = table.row(language);
    if (!row || language === reference) return [];
    const ratio = differenceOf(row, base);
    return total(ratio.denominator) > 0 ? [{ language, ratio }] : [];
  });
}

/** Cells of `b` minus cells of `a`, over the columns that both have. */
export function differenceOf(a: Int8Array, b: Int8Array): Ratio {
  const denominator = a.map((x, i) => (x === MISSING || b[i] === MISSING ? 0 : 1));
  return { numerator: denominator.map((d, i) => (d === 0 ? 0 : b[i]! - a[i]!)), denominator };
}
