/** A block of numbers, row-major [rows, columns]. */
export interface Block {
  readonly data: Float32Array;
  readonly rows: number;
  readonly columns: number;
}

/** [from, to) */
export type Span = readonly [from: number, to: number];

/**
 * Cuts a block out of rows of numbers and pools it.
 *
 * @param rowAt gives row r, all columns; asked once a row, in order; the array may be reused
 */
export function pooledBlock(rowAt: (row: number) => ArrayLike<number>, rows: Span, columns: Span, pool: number, by: 'mean' | 'max'): Block {
  const height = Math.ceil((rows[1] - rows[0]) / pool);
  const width = Math.ceil((columns[1] - columns[0]) / pool);
  const data = new Float32Array(height * width);
  const sums = new Float64Array(width);
  for (let y = 0; y < height; y++) {
    sums.fill(0);
    const last = Math.min(rows[1], rows[0] + (y + 1) * pool);
    for (let r = rows[0] + y * pool; r < last; r++) {
      const row = rowAt(r);
      for (let c = columns[0]; c < columns[1]; c++) {
        const x = Math.floor((c - columns[0]) / pool);
        if (by === 'mean') sums[x]! += row[c]!;
        else sums[x] = Math.max(sums[x]!, row[c]!);
      }
    }
    const tall = last - (rows[0] + y * pool);
    for (let x = 0; x < width; x++) {
      const wide = Math.min(pool, columns[1] - columns[0] - x * pool);
      data[y * width + x] = by === 'mean' ? sums[x]! / (tall * wide) : sums[x]!;
    }
  }
  return { data, rows: height, columns: width };
}

/**
 * Attention between words out of attention between tokens: a word gives the mean of what its tokens give, and receives the sum of
 * what its tokens receive, so that a row still sums to 1.
 *
 * @param rows weights of the tokens `starts[words[0]]` to `starts[words[1]]`, all columns, row-major
 * @param starts first token of each word, and the number of tokens as the last entry
 * @returns [words, number of key words]
 */
export function wordBlock(rows: Float32Array, words: Span, starts: ArrayLike<number>, columnStarts: ArrayLike<number>): Block {
  const [from, to] = words;
  const keys = columnStarts.length - 1;
  const width = columnStarts[keys]!;
  const data = new Float32Array((to - from) * keys);
  for (let w = from; w < to; w++) {
    const tokens = starts[w + 1]! - starts[w]!;
    for (let r = starts[w]!; r < starts[w + 1]!; r++) {
      const line = (r - starts[from]!) * width;
      for (let k = 0; k < keys; k++) {
        let sum = 0;
        for (let c = columnStarts[k]!; c < columnStarts[k + 1]!; c++) sum += rows[line + c]!;
        data[(w - from) * keys + k]! += sum / tokens;
      }
    }
  }
  return { data, rows: to - from, columns: keys };
}
