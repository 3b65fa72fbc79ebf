/** Sentence vectors of one language, row-major [count, width]. */
export interface VectorTable {
  readonly vectors: Float32Array;
  readonly count: number;
  readonly width: number;
}

export interface RetrievalMiss {
  readonly query: number;
  /** Rank of the right target, 1 = first. */
  readonly rank: number;
  /** What came first instead. */
  readonly found: number;
}

export interface Retrieval {
  readonly n: number;
  /** Share of queries whose own twin is the nearest. */
  readonly recallAt1: number;
  /** Mean reciprocal rank of the twin. */
  readonly mrr: number;
  readonly misses: readonly RetrievalMiss[];
}

/** Rows at unit length; a zero row stays zero. */
export function unitRows({ vectors, count, width }: VectorTable): Float32Array {
  const out = new Float32Array(vectors.length);
  for (let r = 0; r < count; r++) {
    let sum = 0;
    for (let d = 0; d < width; d++) sum += vectors[r * width + d]! ** 2;
    const scale = sum > 0 ? 1 / Math.sqrt(sum) : 0;
    for (let d = 0; d < width; d++) out[r * width + d] = vectors[r * width + d]! * scale;
  }
  return out;
}

/**
 * Retrieves each query's twin (the target with the same index) by cosine similarity. A tie counts against the twin.
 *
 * @throws RangeError when the tables do not have the same size
 */
export function retrieval(queries: VectorTable, targets: VectorTable): Retrieval {
  const { count, width } = queries;
  if (targets.count !== count || targets.width !== width) throw new RangeError(`Cannot pair ${count} × ${width} queries with ${targets.count} × ${targets.width} targets.`);
  const q = unitRows(queries);
  const t = unitRows(targets);
  const misses: RetrievalMiss[] = [];
  let reciprocal = 0;
  for (let i = 0; i < count; i++) {
    const scores = new Float64Array(count);
    for (let j = 0; j < count; j++) {
      let dot = 0;
      for (let d = 0; d < width; d++) dot += q[i * width + d]! * t[j * width + d]!;
      scores[j] = dot;
    }
    let rank = 1;
    let found = i;
    for (let j = 0; j < count; j++) {
      if (j === i || scores[j]! < scores[i]!) continue;
      rank += 1;
      if (found === i || scores[j]! > scores[found]!) found = j;
    }
    reciprocal += 1 / rank;
    if (rank > 1) misses.push({ query: i, rank, found });
  }
  return { n: count, recallAt1: count > 0 ? (count - misses.length) / count : NaN, mrr: count > 0 ? reciprocal / count : NaN, misses };
}
