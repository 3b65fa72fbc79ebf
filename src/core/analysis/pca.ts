import { Random } from '../statistics';
import { type VectorTable } from './retrieval';

/** A fitted projection. Plain numbers, so that it can be stored and used for the states of another bundle. */
export interface Pca {
  readonly width: number;
  /** [width] */
  readonly mean: Float64Array;
  /** Divisor of each dimension after centring; all 1 unless fitted with `standardise`. [width] */
  readonly scale: Float64Array;
  /** Orthonormal rows, [components, width]. The entry of largest magnitude of each is positive, as in scikit-learn. */
  readonly components: Float64Array;
  /** Variance along each component (divisor n − 1), falling. */
  readonly variance: Float64Array;
  /** Its share of the whole. */
  readonly ratio: Float64Array;
}

export interface PcaOptions {
  /** Divide each dimension by its standard deviation first (divisor n, as scikit-learn's StandardScaler). */
  readonly standardise?: boolean;
}

const MAX_STEPS = 400;
const PRECISION = 1e-12;

/**
 * Principal components by the Lanczos method with full reorthogonalisation, from a fixed start vector: the same input gives
 * the same output. Fewer components come back when the data have a lower rank.
 *
 * @throws RangeError for fewer than two rows or less than one component
 */
export function fitPca(table: VectorTable, components: number, options: PcaOptions = {}): Pca {
  const { vectors, count, width } = table;
  if (count < 2) throw new RangeError(`Principal components need at least 2 rows, not ${count}.`);
  if (!Number.isInteger(components) || components < 1) throw new RangeError(`The number of components must be a whole number of at least 1, not ${components}.`);
  const mean = new Float64Array(width);
  for (let r = 0; r < count; r++) for (let d = 0; d < width; d++) mean[d]! += vectors[r * width + d]! / count;
  const squares = new Float64Array(width);
  for (let r = 0; r < count; r++) for (let d = 0; d < width; d++) squares[d]! += (vectors[r * width + d]! - mean[d]!) ** 2;
  const scale = squares.map((s) => (options.standardise && s > 0 ? Math.sqrt(s / count) : 1));
  const x = new Float64Array(count * width);
  for (let r = 0; r < count; r++) for (let d = 0; d < width; d++) x[r * width + d] = (vectors[r * width + d]! - mean[d]!) / scale[d]!;
  let total = 0;
  for (let d = 0; d < width; d++) total += squares[d]! / scale[d]! ** 2 / (count - 1);
  const covariance = (v: Float64Array): Float64Array => {
    const out = new Float64Array(width);
    for (let r = 0; r < count; r++) {
      let dot = 0;
      for (let d = 0; d < width; d++) dot += x[r * width + d]! * v[d]!;
      dot /= count - 1;
      for (let d = 0; d < width; d++) out[d]! += dot * x[r * width + d]!;
    }
    return out;
  };
  const pairs = total > 0 ? largestEigenpairs(covariance, width, Math.min(components, width, count - 1)) : [];
  const rows = new Float64Array(pairs.length * width);
  pairs.forEach(({ vector }, i) => {
    let largest = 0;
    for (let d = 1; d < width; d++) if (Math.abs(vector[d]!) > Math.abs(vector[largest]!)) largest = d;
    const sign = vector[largest]! < 0 ? -1 : 1;
    for (let d = 0; d < width; d++) rows[i * width + d] = sign * vector[d]!;
  });
  const variance = Float64Array.from(pairs, (p) => p.value);
  return { width, mean, scale, components: rows, variance, ratio: variance.map((v) => v / total) };
}

/** Coordinates of rows along the components, [count, components]. @throws RangeError for another width */
export function project(pca: Pca, { vectors, count, width }: VectorTable): Float64Array {
  if (width !== pca.width) throw new RangeError(`The projection was fitted on vectors of ${pca.width} numbers, not ${width}.`);
  const k = pca.variance.length;
  const out = new Float64Array(count * k);
  for (let r = 0; r < count; r++) {
    for (let c = 0; c < k; c++) {
      let dot = 0;
      for (let d = 0; d < width; d++) dot += ((vectors[r * width + d]! - pca.mean[d]!) / pca.scale[d]!) * pca.components[c * width + d]!;
      out[r * k + c] = dot;
    }
  }
  return out;
}

interface Eigenpair {
  readonly value: number;
  readonly vector: Float64Array;
}

const dotOf = (a: Float64Array, b: Float64Array): number => {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
};

/** Takes out of `v` what lies along the others, twice, so that rounding leaves nothing; returns the norm of the rest. */
function orthogonalise(v: Float64Array, others: readonly Float64Array[]): number {
  for (let pass = 0; pass < 2; pass++) {
    for (const o of others) {
      const along = dotOf(v, o);
      for (let i = 0; i < v.length; i++) v[i]! -= along * o[i]!;
    }
  }
  return Math.sqrt(dotOf(v, v));
}

/** The `k` largest eigenvalues of a positive semidefinite map with their unit vectors. */
function largestEigenpairs(apply: (v: Float64Array) => Float64Array, width: number, k: number): Eigenpair[] {
  const random = new Random('pca');
  const basis: Float64Array[] = [];
  const diagonal: number[] = [];
  const beside: number[] = [];
  let next: Float64Array = Float64Array.from({ length: width }, () => random.float() - 0.5);
  let norm = Math.sqrt(dotOf(next, next));
  const most = Math.min(width, MAX_STEPS);
  for (let step = 1; step <= most; step++) {
    const q = next.map((v) => v / norm);
    basis.push(q);
    next = apply(q);
    diagonal.push(dotOf(q, next));
    norm = orthogonalise(next, basis);
    const size = Math.max(...diagonal);
    const exhausted = step === most || norm <= 1e-13 * size;
    if (exhausted || (step >= 2 * k && step % 10 === 0)) {
      const pairs = tridiagonalTop(diagonal, beside, Math.min(k, step)).filter((p) => p.value > 1e-12 * size);
      // The error of a pair is the rest's norm times the last entry of its vector in this basis.
      if (exhausted || pairs.every((p) => norm * Math.abs(p.vector.at(-1)!) <= PRECISION * size)) return pairs.map((p) => ({ value: p.value, vector: combine(basis, p.vector, width) }));
    }
    beside.push(norm);
  }
  return [];
}

function combine(basis: readonly Float64Array[], weights: Float64Array, width: number): Float64Array {
  const out = new Float64Array(width);
  basis.forEach((b, i) => {
    for (let d = 0; d < width; d++) out[d]! += weights[i]! * b[d]!;
  });
  const norm = Math.sqrt(dotOf(out, out));
  return out.map((v) => v / norm);
}

/** The `k` largest eigenpairs of a symmetric tridiagonal matrix: values by bisection on Sturm counts, vectors by inverse iteration. */
function tridiagonalTop(a: readonly number[], b: readonly number[], k: number): Eigenpair[] {
  const n = a.length;
  const radius = (i: number): number => Math.abs(b[i - 1] ?? 0) + (i < n - 1 ? Math.abs(b[i]!) : 0);
  const high = Math.max(...a.map((v, i) => v + radius(i)));
  const low = Math.min(...a.map((v, i) => v - radius(i)));
  const tiny = 1e-300 + 1e-18 * Math.max(Math.abs(high), Math.abs(low));
  const below = (x: number): number => {
    let count = 0;
    let pivot = 1;
    for (let i = 0; i < n; i++) {
      pivot = a[i]! - x - (i > 0 ? b[i - 1]! ** 2 / pivot : 0);
      if (Math.abs(pivot) < tiny) pivot = -tiny;
      if (pivot < 0) count += 1;
    }
    return count;
  };
  const vectors: Float64Array[] = [];
  return Array.from({ length: k }, (_, i) => {
    let [from, to] = [low, high];
    for (let step = 0; step < 200 && to - from > 1e-16 * Math.max(Math.abs(from), Math.abs(to)); step++) {
      const middle = (from + to) / 2;
      if (middle === from || middle === to) break;
      if (below(middle) >= n - i) to = middle;
      else from = middle;
    }
    const value = (from + to) / 2;
    let vector: Float64Array = Float64Array.from({ length: n }, (_unused, j) => 1 + ((j * 7 + i * 3) % 5) / 10);
    for (let pass = 0; pass < 4; pass++) {
      vector = solveShifted(a, b, value, vector, tiny);
      const norm = orthogonalise(vector, vectors);
      vector = vector.map((v) => v / norm);
    }
    vectors.push(vector);
    return { value, vector };
  });
}

/** Solves (T − shift) x = y by elimination with row exchanges; a pivot of zero becomes a tiny one. */
function solveShifted(a: readonly number[], b: readonly number[], shift: number, y: Float64Array, tiny: number): Float64Array {
  const n = a.length;
  const main = a.map((v) => v - shift);
  const upper = Array.from({ length: n }, (_, i) => (i < n - 1 ? b[i]! : 0));
  const second = new Array<number>(n).fill(0);
  const x = y.slice();
  for (let i = 0; i < n - 1; i++) {
    let [m0, u0, s0, r0] = [main[i]!, upper[i]!, second[i]!, x[i]!];
    let [m1, u1, s1, r1] = [b[i]!, main[i + 1]!, upper[i + 1]!, x[i + 1]!];
    if (Math.abs(m1) > Math.abs(m0)) [m0, u0, s0, r0, m1, u1, s1, r1] = [m1, u1, s1, r1, m0, u0, s0, r0];
    if (Math.abs(m0) < tiny) m0 = tiny;
    const f = m1 / m0;
    [main[i], upper[i], second[i], x[i]] = [m0, u0, s0, r0];
    [main[i + 1], upper[i + 1], x[i + 1]] = [u1 - f * u0, s1 - f * s0, r1 - f * r0];
  }
  for (let i = n - 1; i >= 0; i--) {
    const pivot = Math.abs(main[i]!) < tiny ? tiny : main[i]!;
    x[i] = (x[i]! - (i + 1 < n ? upper[i]! * x[i + 1]! : 0) - (i + 2 < n ? second[i]! * x[i + 2]! : 0)) / pivot;
  }
  return x;
}
