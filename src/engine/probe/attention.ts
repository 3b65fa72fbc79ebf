/** Attention probabilities of one layer. Of a causal one only the lower triangle is kept: the rest is zero. */
export class AttentionMatrix {
  private constructor(
    readonly heads: number,
    readonly size: number,
    readonly causal: boolean,
    private readonly data: Float32Array,
  ) {}

  /** @param square [heads, size, size], row-major; copied */
  static fromSquare(square: Float32Array, heads: number, size: number, causal: boolean): AttentionMatrix {
    if (!causal) return new AttentionMatrix(heads, size, false, square.slice());
    const data = new Float32Array((heads * size * (size + 1)) / 2);
    const out = new AttentionMatrix(heads, size, true, data);
    for (let h = 0; h < heads; h++) {
      for (let r = 0; r < size; r++) {
        const from = (h * size + r) * size;
        data.set(square.subarray(from, from + r + 1), out.offset(h, r));
      }
    }
    return out;
  }

  get bytes(): number {
    return this.data.byteLength;
  }

  private offset(head: number, row: number): number {
    return this.causal ? head * ((this.size * (this.size + 1)) / 2) + (row * (row + 1)) / 2 : (head * this.size + row) * this.size;
  }

  /** Weights of one query in one head; of a causal layer only up to the query itself. A view: do not write. */
  row(head: number, row: number): Float32Array {
    const from = this.offset(head, row);
    return this.data.subarray(from, from + (this.causal ? row + 1 : this.size));
  }

  /** Weights of one query, `out` [size] overwritten: one head, or mean or maximum over heads. */
  fill(out: Float64Array, head: number | 'mean' | 'max', row: number): void {
    out.fill(0);
    if (typeof head === 'number') {
      out.set(this.row(head, row));
      return;
    }
    for (let h = 0; h < this.heads; h++) {
      const weights = this.row(h, row);
      if (head === 'mean') for (let c = 0; c < weights.length; c++) out[c]! += weights[c]! / this.heads;
      else for (let c = 0; c < weights.length; c++) out[c] = Math.max(out[c]!, weights[c]!);
    }
  }

  /** The matrix averaged over heads, as a layer with one head. */
  headMean(): AttentionMatrix {
    const data = new Float32Array(this.data.length / this.heads);
    const out = new AttentionMatrix(1, this.size, this.causal, data);
    const sums = new Float64Array(this.size);
    for (let r = 0; r < this.size; r++) {
      this.fill(sums, 'mean', r);
      const row = out.row(0, r);
      for (let c = 0; c < row.length; c++) row[c] = sums[c]!;
    }
    return out;
  }
}

/** Share of the residual stream in one layer of the roll-out. */
export const RESIDUAL_SHARE = 0.5;

/**
 * One step of attention roll-out (Abnar and Zuidema, ACL 2020) from the last layer towards the first:
 * flow' = 0.5 flow · A + 0.5 flow, where A is the layer's attention averaged over heads.
 *
 * @param flow [rows, size], changed in place: how much each row draws on each position of the layer's output, then input
 */
export function rollBack(flow: Float64Array, rows: number, mean: AttentionMatrix): void {
  const { size } = mean;
  const next = new Float64Array(size);
  for (let r = 0; r < rows; r++) {
    const row = flow.subarray(r * size, (r + 1) * size);
    for (let c = 0; c < size; c++) next[c] = RESIDUAL_SHARE * row[c]!;
    for (let k = 0; k < size; k++) {
      const weight = (1 - RESIDUAL_SHARE) * row[k]!;
      if (weight === 0) continue;
      const drawn = mean.row(0, k);
      for (let c = 0; c < drawn.length; c++) next[c]! += weight * drawn[c]!;
    }
    row.set(next);
  }
}

/** The largest weight of each head in each of `size` × `size` cells. [heads, size, size] */
export function thumbnails(matrix: AttentionMatrix, size: number): Float32Array {
  const out = new Float32Array(matrix.heads * size * size);
  const cell = (i: number): number => Math.floor((i * size) / matrix.size);
  for (let h = 0; h < matrix.heads; h++) {
    for (let r = 0; r < matrix.size; r++) {
      const at = (h * size + cell(r)) * size;
      const row = matrix.row(h, r);
      for (let c = 0; c < row.length; c++) {
        const i = at + cell(c);
        if (row[c]! > out[i]!) out[i] = row[c]!;
      }
    }
  }
  return out;
}
