import { type VectorTable } from './retrieval';

/** Inner products of the rows after their mean was taken away, [count, count]. Row i of two tables is the same problem. */
export function centredGram({ vectors, count, width }: VectorTable): Float64Array {
  const x = new Float64Array(count * width);
  for (let d = 0; d < width; d++) {
    let mean = 0;
    for (let r = 0; r < count; r++) mean += vectors[r * width + d]! / count;
    for (let r = 0; r < count; r++) x[r * width + d] = vectors[r * width + d]! - mean;
  }
  const gram = new Float64Array(count * count);
  for (let i = 0; i < count; i++) {
    for (let j = i; j < count; j++) {
      let dot = 0;
      for (let d = 0; d < width; d++) dot += x[i * width + d]! * x[j * width + d]!;
      gram[i * count + j] = dot;
      gram[j * count + i] = dot;
    }
  }
  return gram;
}

const inner = (k: Float64Array, l: Float64Array): number => {
  let sum = 0;
  for (let i = 0; i < k.length; i++) sum += k[i]! * l[i]!;
  return sum;
};

/**
 * Linear centred kernel alignment of two sets of states (Kornblith et al., ICML 2019), from their centred Gram matrices;
 * NaN when one of them does not vary. With fewer rows than dimensions it lies well above 0 even for unrelated states: see
 * `debiasedCka`.
 */
export function linearCka(k: Float64Array, l: Float64Array): number {
  return inner(k, l) / Math.sqrt(inner(k, k) * inner(l, l));
}

/**
 * The same with the unbiased estimator of HSIC (Song et al., JMLR 2012), as Nguyen et al. (ICLR 2021) use it: about 0 for
 * unrelated states at any number of rows, and possibly below. NaN for fewer than 4 rows or states that do not vary.
 */
export function debiasedCka(k: Float64Array, l: Float64Array, count: number): number {
  if (count < 4) return NaN;
  const own = hsic(k, k, count) * hsic(l, l, count);
  return own > 0 ? hsic(k, l, count) / Math.sqrt(own) : NaN;
}

function hsic(k: Float64Array, l: Float64Array, n: number): number {
  let [trace, allK, allL, cross] = [0, 0, 0, 0];
  for (let i = 0; i < n; i++) {
    let [rowK, rowL] = [0, 0];
    for (let j = 0; j < n; j++) {
      if (j === i) continue;
      rowK += k[i * n + j]!;
      rowL += l[i * n + j]!;
      trace += k[i * n + j]! * l[i * n + j]!;
    }
    allK += rowK;
    allL += rowL;
    cross += rowK * rowL;
  }
  return (trace + (allK * allL) / ((n - 1) * (n - 2)) - (2 * cross) / (n - 2)) / (n * (n - 3));
}
