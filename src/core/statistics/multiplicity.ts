import { StatisticsError } from './distributions';

/** Holm's step-down adjusted p-values (family-wise error), in the given order. Source: Holm, Scand. J. Stat. 6 (1979). */
export function holm(pValues: readonly number[]): number[] {
  const order = ascending(pValues);
  const adjusted = new Array<number>(pValues.length);
  let running = 0;
  order.forEach((index, rank) => {
    running = Math.max(running, Math.min(1, (pValues.length - rank) * pValues[index]!));
    adjusted[index] = running;
  });
  return adjusted;
}

/** Benjamini-Hochberg adjusted p-values (false discovery rate), in the given order. Source: JRSS B 57 (1995). */
export function benjaminiHochberg(pValues: readonly number[]): number[] {
  const order = ascending(pValues);
  const adjusted = new Array<number>(pValues.length);
  let running = 1;
  for (let rank = order.length; rank >= 1; rank -= 1) {
    const index = order[rank - 1]!;
    running = Math.min(running, (pValues[index]! * pValues.length) / rank);
    adjusted[index] = running;
  }
  return adjusted;
}

function ascending(pValues: readonly number[]): number[] {
  for (const p of pValues) if (!(p >= 0 && p <= 1)) throw new StatisticsError(`A p-value lies in [0, 1], not ${p}.`);
  return pValues.map((_, i) => i).sort((a, b) => pValues[a]! - pValues[b]! || a - b);
}
