import { type Cache } from '../../src/engine/generation/cache';
import { type DecodeOutput, type DecoderRow, type GenerationModel } from '../../src/engine/generation/model';
import { type ScheduledItem } from '../../src/engine/generation/scheduler';

export const EOS = 0;
export const VOCABULARY = 24;

/** The next token of the fake language model: a hash of everything before it; about one in `rarity` is the end. */
export function nextToken(sequence: readonly number[], rarity: number): number {
  let h = 2166136261;
  for (const v of sequence) h = Math.imul(h ^ (v + 1000), 16777619) >>> 0;
  h ^= h >>> 13;
  return h % rarity === 0 ? EOS : 1 + ((h >>> 8) % (VOCABULARY - 1));
}

export const logprobOf = (sequence: readonly number[], id: number): number => -((id + sequence.length) % 17) / 8;

/** What one prompt gives alone, by definition: no cache, no batch, no chunks. */
export function reference(item: ScheduledItem, limit: number, rarity: number): { ids: number[]; logprobs: number[] } {
  const soft = item.prompt.encoderIds ?? [];
  const sequence = item.prompt.inputIds.map((id) => (id < 0 ? 500 + soft[-id - 1]! : id));
  const ids: number[] = [];
  const logprobs: number[] = [];
  while (ids.length < limit) {
    const id = nextToken(sequence, rarity);
    logprobs.push(logprobOf(sequence, id));
    ids.push(id);
    sequence.push(id);
    if (id === EOS) break;
  }
  return { ids, logprobs };
}

export interface Call {
  readonly rows: number;
  /** Longest row of new ids. */
  readonly width: number;
  readonly newIds: number;
  readonly past: boolean;
  readonly steps: number;
}

/**
 * A model whose keys and values are the tokens themselves, so that a completion is right only when the cache rows were kept,
 * moved and padded rightly. It refuses what the real graphs cannot do.
 */
export class FakeModel implements GenerationModel {
  readonly shape = { layers: 2, kvHeads: 2, headDim: 3, half: false };
  readonly calls: Call[] = [];
  encoded = 0;

  constructor(
    private readonly rarity: number,
    /** Positions that the returned cache has too many. */
    private readonly slack = 0,
  ) {}

  encode(ids: readonly (readonly number[])[]): Promise<Float32Array[]> {
    this.encoded += ids.length;
    return Promise.resolve(ids.map((row) => Float32Array.from(row, (id) => 500 + id)));
  }

  decode(rows: readonly DecoderRow[], cache: Cache | null, steps: number, stopCount: number): Promise<DecodeOutput> {
    const width = Math.max(...rows.map((r) => r.ids.length));
    this.calls.push({ rows: rows.length, width, newIds: rows.reduce((s, r) => s + r.ids.length, 0), past: cache !== null, steps });
    if (rows.length === 0 || steps < 1) throw new Error('nothing to do');
    if (cache && cache.rows !== rows.length) throw new Error('cache of other rows');
    if (rows.some((r) => r.past > 0) && width > 1 && rows.length > 1) throw new Error('several new tokens on a cache work for one row only');
    if (rows.some((r) => r.past > (cache?.length ?? 0))) throw new Error('more past than cache');
    const known = rows.map((row, b) => [...this.read(cache, b, row.past), ...row.ids.map((id) => (id < 0 ? row.soft[-id - 1]! : id))]);
    if (known.some((s) => s.some((v) => !Number.isFinite(v)))) throw new Error('a padded place was read');
    const ids = rows.map((): number[] => []);
    const logprobs = rows.map((): number[] => []);
    const done = rows.map(() => false);
    for (let t = 0; t < steps && done.filter(Boolean).length < stopCount; t++) {
      rows.forEach((_, b) => {
        if (done[b]) return;
        const sequence = [...known[b]!, ...ids[b]!];
        const id = nextToken(sequence, this.rarity);
        ids[b]!.push(id);
        logprobs[b]!.push(logprobOf(sequence, id));
        if (id === EOS) done[b] = true;
      });
    }
    // The last token of a row has not been read yet.
    const stored = known.map((s, b) => [...s, ...ids[b]!.slice(0, -1)]);
    const length = Math.max(...stored.map((s) => s.length)) + this.slack;
    return Promise.resolve({ ids, logprobs, done, lengths: stored.map((s) => s.length), cache: this.write(stored, length) });
  }

  private write(rows: readonly (readonly number[])[], length: number): Cache {
    const { layers, kvHeads, headDim } = this.shape;
    const tensors = Array.from({ length: 2 * layers }, (_, t) => {
      const data = new Float32Array(rows.length * kvHeads * length * headDim).fill(NaN);
      rows.forEach((row, b) => row.forEach((v, s) => {
        for (let h = 0; h < kvHeads; h++) for (let d = 0; d < headDim; d++) data[((b * kvHeads + h) * length + s) * headDim + d] = v + t * 10_000 + h * 1000 + d * 100_000;
      }));
      return data;
    });
    return { rows: rows.length, length, tensors };
  }

  private read(cache: Cache | null, b: number, past: number): number[] {
    if (!cache || past === 0) return [];
    const { kvHeads, headDim } = this.shape;
    return Array.from({ length: past }, (_, s) => {
      const values = cache.tensors.flatMap((data, t) =>
        Array.from({ length: kvHeads * headDim }, (_unused, i) => {
          const [h, d] = [Math.floor(i / headDim), i % headDim];
          return data[((b * kvHeads + h) * cache.length + s) * headDim + d]! - t * 10_000 - h * 1000 - d * 100_000;
        }),
      );
      if (values.some((v) => v !== values[0])) throw new Error(`the cache of row ${b} is mixed up at ${s}: ${values.join(' ')}`);
      return values[0]!;
    });
  }
}
