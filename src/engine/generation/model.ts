import type * as ort from 'onnxruntime-node';
import { type BundleManifest } from '../../bundle';
import { type Cache, type CacheArray, type CacheShape, emptyCache } from './cache';

/** A row as the decoder graph sees it. */
export interface DecoderRow {
  /** New ids of this call: the whole prompt, or the last token. */
  readonly ids: readonly number[];
  /** Soft embeddings of this row, [softRows, hidden] row-major; empty when it has none. */
  readonly soft: Float32Array;
  /** Tokens already in the cache. */
  readonly past: number;
}

export interface DecodeOutput {
  /** Greedy ids of each row, in order, at most `steps`; end-of-text included. */
  readonly ids: readonly (readonly number[])[];
  readonly logprobs: readonly (readonly number[])[];
  readonly done: readonly boolean[];
  readonly lengths: readonly number[];
  readonly cache: Cache;
}

/** What the scheduler needs of a model. The real one runs graphs; tests put a fake in its place. */
export interface GenerationModel {
  readonly shape: CacheShape;
  /** Encodes a batch: one [softRows, hidden] array per row. */
  encode(ids: readonly (readonly number[])[]): Promise<Float32Array[]>;
  /** Runs up to `steps` greedy steps; stops early when `stopCount` rows are done. `eosIds` replaces the bundle's own. */
  decode(rows: readonly DecoderRow[], cache: Cache | null, steps: number, stopCount: number, eosIds?: readonly number[]): Promise<DecodeOutput>;
}

type Ort = typeof ort;

const i64 = (values: readonly number[]): BigInt64Array => {
  const out = new BigInt64Array(values.length);
  for (let i = 0; i < values.length; i++) out[i] = BigInt(values[i]!);
  return out;
};

/** The graph wants at least one id; −1 is never generated. */
const eosTensor = (ids: readonly number[]): BigInt64Array => i64(ids.length > 0 ? ids : [-1]);

/** Right-padded [rows, longest] ids. */
export function padIds(rows: readonly (readonly number[])[], pad: number): { data: BigInt64Array; width: number } {
  const width = rows.reduce((max, r) => Math.max(max, r.length), 0);
  const data = new BigInt64Array(rows.length * width).fill(BigInt(pad));
  rows.forEach((r, b) => r.forEach((id, s) => (data[b * width + s] = BigInt(id))));
  return { data, width };
}

/** What every decoder graph with a cache is fed: ids with soft rows, lengths, and keys and values so far. */
export function decoderFeeds(ort: Ort, lm: BundleManifest['parts']['lm'], shape: CacheShape, rows: readonly DecoderRow[], past: Cache): Record<string, ort.Tensor> {
  const B = rows.length;
  const { data, width } = padIds(rows.map((r) => r.ids), lm.padId);
  const softRows = rows.reduce((max, r) => Math.max(max, r.soft.length / lm.hidden), 0);
  const soft = new Float32Array(B * softRows * lm.hidden);
  rows.forEach((r, b) => soft.set(r.soft, b * softRows * lm.hidden));
  const feeds: Record<string, ort.Tensor> = {
    input_ids: new ort.Tensor('int64', data, [B, width]),
    soft_embeds: new ort.Tensor('float32', soft, [B, softRows, lm.hidden]),
    seq_lengths: new ort.Tensor('int64', i64(rows.map((r) => r.ids.length)), [B]),
    past_lengths: new ort.Tensor('int32', Int32Array.from(rows, (r) => r.past), [B]),
  };
  const dims = [B, shape.kvHeads, past.length, shape.headDim];
  past.tensors.forEach((t, i) => {
    const name = `past_key_values.${cacheName(i)}`;
    feeds[name] = shape.half ? new ort.Tensor('float16', t as Uint16Array, dims) : new ort.Tensor('float32', t as Float32Array, dims);
  });
  return feeds;
}

/** The grown cache among a decoder graph's outputs. */
export function presentCache(out: ort.InferenceSession.ReturnType, past: Cache, rows: number): Cache {
  return { rows, length: out['present.0.key']!.dims[2]!, tensors: past.tensors.map((_, i) => out[`present.${cacheName(i)}`]!.data as CacheArray) };
}

/** Key and value of layer 0 first. */
const cacheName = (i: number): string => `${i >> 1}.${i & 1 ? 'value' : 'key'}`;

/** `generate.onnx` and `encoder.onnx` behind the GenerationModel interface. */
export class OnnxModel implements GenerationModel {
  readonly shape: CacheShape;
  private readonly hidden: number;
  private readonly eos: BigInt64Array;
  private generate: Promise<ort.InferenceSession> | undefined;

  /** @param openGenerate loads `generate.onnx`; called once, at the latest with the first decoding */
  constructor(
    private readonly ort: Ort,
    private readonly manifest: BundleManifest,
    private readonly openGenerate: () => Promise<ort.InferenceSession>,
    private readonly encoder: ort.InferenceSession | null,
    half: boolean,
  ) {
    const { lm } = manifest.parts;
    this.shape = { layers: lm.layers, kvHeads: lm.kvHeads, headDim: lm.headDim, half };
    this.hidden = lm.hidden;
    this.eos = eosTensor(lm.eosIds);
  }

  /** Loads the generation graph now. */
  async prepare(): Promise<void> {
    await (this.generate ??= this.openGenerate());
  }

  async release(): Promise<void> {
    await (await this.generate?.catch(() => undefined))?.release();
  }

  async encode(ids: readonly (readonly number[])[]): Promise<Float32Array[]> {
    if (!this.encoder) return ids.map(() => new Float32Array(0));
    const { ort } = this;
    const { data, width } = padIds(ids, this.manifest.parts.encoder!.padId);
    const mask = new BigInt64Array(ids.length * width);
    ids.forEach((r, b) => mask.fill(1n, b * width, b * width + r.length));
    const out = await this.encoder.run(
      { input_ids: new ort.Tensor('int64', data, [ids.length, width]), attention_mask: new ort.Tensor('int64', mask, [ids.length, width]) },
      ['prefix_embeds', 'prefix_lengths'],
    );
    const embeds = out.prefix_embeds!;
    const lengths = out.prefix_lengths!.data as BigInt64Array;
    const rows = embeds.dims[1]!;
    const all = embeds.data as Float32Array;
    return ids.map((_, b) => all.slice(b * rows * this.hidden, (b * rows + Number(lengths[b])) * this.hidden));
  }

  async decode(rows: readonly DecoderRow[], cache: Cache | null, steps: number, stopCount: number, eosIds?: readonly number[]): Promise<DecodeOutput> {
    const { ort, shape } = this;
    const B = rows.length;
    const past = cache ?? emptyCache(shape, B);
    const eos = eosIds === undefined ? this.eos : eosTensor(eosIds);
    const feeds: Record<string, ort.Tensor> = {
      ...decoderFeeds(ort, this.manifest.parts.lm, shape, rows, past),
      max_new_tokens: new ort.Tensor('int64', i64([steps]), []),
      eos_ids: new ort.Tensor('int64', eos, [eos.length]),
      stop_count: new ort.Tensor('int64', i64([stopCount]), []),
      done_in: new ort.Tensor('bool', new Uint8Array(B), [B]),
    };
    this.generate ??= this.openGenerate();
    const out = await (await this.generate).run(feeds);
    const tokens = out.tokens!.data as BigInt64Array;
    const logprobs = out.token_logprobs!.data as Float32Array;
    const counts = out.num_tokens!.data as BigInt64Array;
    const done = out.done!.data as Uint8Array;
    const lengths = out.cache_lengths!.data as Int32Array;
    const ids: number[][] = [];
    const lps: number[][] = [];
    for (let b = 0; b < B; b++) {
      const n = Number(counts[b]);
      ids.push(Array.from({ length: n }, (_, t) => Number(tokens[t * B + b])));
      lps.push(Array.from({ length: n }, (_, t) => logprobs[t * B + b]!));
    }
    return {
      ids,
      logprobs: lps,
      done: Array.from(done, (d) => d !== 0),
      lengths: Array.from(lengths),
      cache: presentCache(out, past, B),
    };
  }
}
