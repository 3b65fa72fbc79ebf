import fs from 'node:fs';
import path from 'node:path';
import { type BundleManifest, type Precision } from '../../bundle';
import { TopK } from '../../core/analysis/lens';
import { sortedQuantile } from '../../core/statistics';
import { type NormSummary } from '../../protocol/probe';

interface Part {
  readonly file: string;
  readonly offset: number;
  readonly shape: readonly [number, number];
  readonly dtype: string;
}

interface Quantised {
  readonly bits: 4 | 8;
  readonly block: number;
  readonly zeroPoint: number;
  readonly scales: Part;
}

const BYTES: Readonly<Record<string, number>> = { float32: 4, float16: 2, uint8: 1 };

/**
 * The LLM's token embeddings, read from the bundle's weight file in pieces, as the decoder graphs gather them: float32 or
 * float16 rows, or codes of 4 or 8 bits, whose value is (code − zero point) · scale of the block, low half byte first
 * (GatherBlockQuantized).
 */
export class TokenEmbeddings {
  private constructor(
    private readonly dir: string,
    private readonly part: Part,
    private readonly quantised: Quantised | undefined,
    readonly vocabulary: number,
    readonly width: number,
  ) {}

  /** @throws Error when the manifest does not describe the table, or describes one that is not known here */
  static of(manifest: BundleManifest, precision: Precision, dir: string): TokenEmbeddings {
    const listed = (manifest.precisions[precision] as { embedding?: unknown } | undefined)?.embedding;
    if (listed === undefined) throw new Error(`The manifest does not say where the token embeddings of ${precision} lie. Export the bundle again with this version.`);
    const part = asPart(listed, manifest);
    const { hidden, vocab } = manifest.parts.lm;
    const { bits, block, zeroPoint, scales } = listed as { bits?: unknown; block?: unknown; zeroPoint?: unknown; scales?: unknown };
    let quantised: Quantised | undefined;
    if (part.dtype === 'uint8') {
      if ((bits !== 4 && bits !== 8) || typeof block !== 'number' || block < 1 || typeof zeroPoint !== 'number') {
        throw new Error(`The token embeddings of ${precision} are quantised in a way that is not known here (${String(bits)} bits). Use --precision fp32.`);
      }
      const table = asPart(scales, manifest);
      if (table.dtype === 'uint8') throw new Error(`The scales of the token embeddings of ${precision} are not floating-point numbers. Export the bundle again.`);
      if (table.shape[0] !== part.shape[0] || table.shape[1] !== Math.ceil(hidden / block)) throw new Error(`The scales of the token embeddings of ${precision} have the wrong shape. Export the bundle again.`);
      quantised = { bits, block, zeroPoint, scales: table };
    }
    const width = quantised ? (part.shape[1] * 8) / quantised.bits : part.shape[1];
    if (width !== hidden) throw new Error(`The token embeddings are ${width} wide, the LLM is ${hidden}. Export the bundle again.`);
    return new TokenEmbeddings(dir, part, quantised, Math.min(vocab, part.shape[0]), hidden);
  }

  /** All rows in pieces of at most `rows`: `use` gets the index of the first and [count, width] values; the array is reused. */
  async forEach(rows: number, between: () => Promise<void>, use: (first: number, values: Float32Array, count: number) => void): Promise<void> {
    const values = new Float32Array(rows * this.width);
    const codes = await fs.promises.open(path.join(this.dir, this.part.file));
    const scales = this.quantised ? await fs.promises.open(path.join(this.dir, this.quantised.scales.file)) : undefined;
    try {
      for (let first = 0; first < this.vocabulary; first += rows) {
        await between();
        const count = Math.min(rows, this.vocabulary - first);
        const raw = await readRows(codes, this.part, first, count);
        if (!this.quantised) values.set(floats(raw, this.part.dtype));
        else this.dequantise(raw, floats(await readRows(scales!, this.quantised.scales, first, count), this.quantised.scales.dtype), count, values);
        use(first, values, count);
      }
    } finally {
      await codes.close();
      await scales?.close();
    }
  }

  /** The rows of ids, [ids.length, width]. @throws Error for an id outside the table */
  async rows(ids: readonly number[]): Promise<Float32Array> {
    const { width } = this;
    const out = new Float32Array(ids.length * width);
    const outside = ids.find((id) => !Number.isInteger(id) || id < 0 || id >= this.vocabulary);
    if (outside !== undefined) throw new Error(`There is no token ${outside}; the vocabulary has ${this.vocabulary}.`);
    const codes = await fs.promises.open(path.join(this.dir, this.part.file));
    const scales = this.quantised ? await fs.promises.open(path.join(this.dir, this.quantised.scales.file)) : undefined;
    try {
      for (const [place, id] of ids.entries()) {
        const raw = await readRows(codes, this.part, id, 1);
        const row = out.subarray(place * width, (place + 1) * width);
        if (!this.quantised) row.set(floats(raw, this.part.dtype));
        else this.dequantise(raw, floats(await readRows(scales!, this.quantised.scales, id, 1), this.quantised.scales.dtype), 1, row);
      }
    } finally {
      await codes.close();
      await scales?.close();
    }
    return out;
  }

  private dequantise(codes: Buffer, scales: Float32Array, count: number, out: Float32Array): void {
    const { bits, block, zeroPoint } = this.quantised!;
    const { width } = this;
    const blocks = Math.ceil(width / block);
    for (let r = 0; r < count; r++) {
      for (let d = 0; d < width; d++) {
        const i = r * width + d;
        const code = bits === 8 ? codes[i]! : (codes[i >> 1]! >> (i & 1 ? 4 : 0)) & 15;
        out[i] = (code - zeroPoint) * scales[r * blocks + Math.floor(d / block)]!;
      }
    }
  }
}

function asPart(value: unknown, manifest: BundleManifest): Part {
  const part = (value ?? {}) as Partial<Part>;
  const known = manifest.files.some((f) => f.path === part.file);
  const shaped = Array.isArray(part.shape) && part.shape.length === 2 && part.shape.every((n) => Number.isInteger(n) && n > 0);
  if (!known || !shaped || !Number.isInteger(part.offset) || part.dtype === undefined || !(part.dtype in BYTES)) {
    throw new Error('The manifest does not describe the token embeddings as this version expects. Export the bundle again.');
  }
  return part as Part;
}

async function readRows(handle: fs.promises.FileHandle, part: Part, first: number, count: number): Promise<Buffer> {
  const row = part.shape[1] * BYTES[part.dtype]!;
  const buffer = Buffer.alloc(count * row);
  const { bytesRead } = await handle.read(buffer, 0, buffer.length, part.offset + first * row);
  if (bytesRead !== buffer.length) throw new Error(`"${part.file}" ends inside the token embeddings. Copy the bundle again, or export it again.`);
  return buffer;
}

function floats(raw: Buffer, dtype: string): Float32Array {
  const bytes = raw.buffer.slice(raw.byteOffset, raw.byteOffset + raw.length);
  return dtype === 'float16' ? Float32Array.from(new Uint16Array(bytes), halfToFloat) : new Float32Array(bytes);
}

/** IEEE 754 half precision. */
export function halfToFloat(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** Euclidean norm of each row. */
export function rowNorms(values: Float32Array, rows: number, width: number): Float32Array {
  const out = new Float32Array(rows);
  for (let r = 0; r < rows; r++) {
    let sum = 0;
    for (let d = 0; d < width; d++) sum += values[r * width + d]! ** 2;
    out[r] = Math.sqrt(sum);
  }
  return out;
}

export interface Neighbours {
  readonly norms: NormSummary;
  readonly k: number;
  readonly cosineIds: Int32Array;
  readonly cosine: Float32Array;
  readonly distanceIds: Int32Array;
  readonly distance: Float32Array;
}

const CHUNK = 2048;

/** The vocabulary entries nearest to each vector by cosine similarity and by Euclidean distance, and the norms of all. */
export async function nearestTokens(table: TokenEmbeddings, vectors: Float32Array, k: number, between: () => Promise<void>): Promise<Neighbours> {
  const { width, vocabulary } = table;
  const n = vectors.length / width;
  const kept = Math.min(k, vocabulary);
  const own = rowNorms(vectors, n, width);
  const norms = new Float64Array(vocabulary);
  const cosine = Array.from({ length: n }, () => new TopK(kept));
  const distance = Array.from({ length: n }, () => new TopK(kept));
  await table.forEach(CHUNK, between, (first, values, count) => {
    const size = rowNorms(values, count, width);
    for (let r = 0; r < count; r++) {
      norms[first + r] = size[r]!;
      const at = r * width;
      for (let s = 0; s < n; s++) {
        const from = s * width;
        let dot = 0;
        for (let d = 0; d < width; d++) dot += vectors[from + d]! * values[at + d]!;
        const lengths = own[s]! * size[r]!;
        cosine[s]!.offer(first + r, lengths > 0 ? dot / lengths : 0);
        distance[s]!.offer(first + r, -(own[s]! ** 2 + size[r]! ** 2 - 2 * dot));
      }
    }
  });
  norms.sort();
  const at = (p: number): number => sortedQuantile(norms, p);
  return {
    norms: { mean: norms.reduce((a, b) => a + b, 0) / vocabulary, min: at(0), q05: at(0.05), median: at(0.5), q95: at(0.95), max: at(1) },
    k: kept,
    cosineIds: Int32Array.from(cosine.flatMap((c) => c.indices)),
    cosine: Float32Array.from(cosine.flatMap((c) => c.values)),
    distanceIds: Int32Array.from(distance.flatMap((c) => c.indices)),
    distance: Float32Array.from(distance.flatMap((c) => c.values), (v) => Math.sqrt(Math.max(0, -v))),
  };
}
