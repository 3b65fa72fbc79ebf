/** Keys and values of all layers for a batch: tensors [rows, kvHeads, length, headDim], key and value of layer 0 first. */
export interface Cache {
  readonly rows: number;
  /** Tokens per row that the tensors have room for. */
  readonly length: number;
  readonly tensors: readonly CacheArray[];
}

export type CacheArray = Float32Array | Uint16Array;

export interface CacheShape {
  readonly layers: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly half: boolean;
}

const make = (shape: CacheShape, size: number): CacheArray => (shape.half ? new Uint16Array(size) : new Float32Array(size));

export function emptyCache(shape: CacheShape, rows: number): Cache {
  return { rows, length: 0, tensors: Array.from({ length: 2 * shape.layers }, () => make(shape, 0)) };
}

export interface CacheRow {
  readonly cache: Cache;
  readonly row: number;
  /** Tokens of this row that are valid. */
  readonly length: number;
}

/**
 * Puts rows of one or several caches together, each cut to its own length and all padded on the right to the longest.
 * Used when finished rows leave and new ones join.
 */
export function gatherRows(shape: CacheShape, rows: readonly CacheRow[]): Cache {
  const length = rows.reduce((max, r) => Math.max(max, r.length), 0);
  const { kvHeads, headDim } = shape;
  const tensors: CacheArray[] = [];
  for (let t = 0; t < 2 * shape.layers; t++) {
    const out = make(shape, rows.length * kvHeads * length * headDim);
    rows.forEach((r, i) => {
      const from = r.cache.tensors[t]!;
      for (let h = 0; h < kvHeads; h++) {
        const start = (r.row * kvHeads + h) * r.cache.length * headDim;
        out.set(from.subarray(start, start + r.length * headDim), (i * kvHeads + h) * length * headDim);
      }
    });
    tensors.push(out);
  }
  return { rows: rows.length, length, tensors };
}
