import { type StopReason } from '../../protocol/run';
import { type Cache, gatherRows } from './cache';
import { type DecodeOutput, type GenerationModel } from './model';
import { type ComposedPrompt } from './prompt';
import { type Ending, endingOf } from './stop';

export interface ScheduledItem {
  readonly key: string;
  readonly prompt: ComposedPrompt;
  /** Stop strings of this item, beside those of all. */
  readonly stop?: readonly string[];
}

export interface SchedulerOptions {
  readonly maxNewTokens: number;
  readonly maxPositions: number;
  readonly eosIds: readonly number[];
  /** The graph, too, goes on after end of text. */
  readonly ignoreEos?: boolean;
  readonly stop: readonly string[];
  readonly batch: number;
  readonly tokenBudget: number;
  readonly chunk: number;
  /** Text of ids; used for stop strings and for streamed pieces. */
  readonly decode: (ids: readonly number[]) => string;
  /** Ids that go on behind ids whose text ends in the equals sign of a calculation; undefined for any others. */
  readonly calculator?: (ids: readonly number[]) => readonly number[] | undefined;
}

export interface FinishedItem {
  readonly item: ScheduledItem;
  readonly ids: readonly number[];
  readonly logprobs: readonly number[];
  /** Indices of `ids` that the calculator wrote; their log-probability is given as 0. */
  readonly forced: readonly number[];
  readonly stopReason: StopReason;
  readonly stopString?: string;
  readonly ms: number;
}

export interface SchedulerEvents {
  started(keys: readonly string[]): void;
  finished(item: FinishedItem): void;
  /** After every native call, with the rows that go on. */
  beat(active: readonly { key: string; ids: readonly number[] }[]): void;
  /** Awaited between native calls: lets messages in and says whether to stop. */
  cancelled(): Promise<boolean>;
  now(): number;
}

interface Row {
  readonly item: ScheduledItem;
  readonly ids: number[];
  readonly logprobs: number[];
  readonly forced: number[];
  readonly limit: number;
  readonly startedAt: number;
  past: number;
  /** Ids already looked at for a calculation. */
  seen: number;
}

/** A row whose calculation was finished for it: its keys and values up to the equals sign, and the ids to read next. */
interface Interrupted {
  readonly row: Row;
  readonly cache: Cache;
  readonly ids: readonly number[];
}

/** Ids of a prefix that all prompts share, when reading it once pays: it must be long, and longer than what follows. */
export function sharedPrefix(prompts: readonly ComposedPrompt[]): number {
  const first = prompts[0];
  if (!first || prompts.length < 3) return 0;
  let n = first.inputIds.length - 1;
  for (const p of prompts) {
    let i = 0;
    while (i < n && i < p.inputIds.length - 1 && p.inputIds[i] === first.inputIds[i] && p.inputIds[i]! >= 0) i += 1;
    n = i;
  }
  const rest = prompts.reduce((sum, p) => sum + p.inputIds.length - n, 0) / prompts.length;
  return n >= 64 && n >= 4 * rest ? n : 0;
}

/**
 * Continuous greedy decoding over a queue: length-sorted prefills under a token budget, decoding in chunks, finished rows
 * leave and new ones take their place. A completion depends only on its own prompt (the graphs are batch-invariant).
 */
export class Scheduler {
  private readonly queue: ScheduledItem[];
  private rows: Row[] = [];
  private interrupted: Interrupted[] = [];
  private cache: Cache | null = null;
  private prefix: { readonly ids: readonly number[]; readonly cache: Cache } | null = null;

  constructor(
    private readonly model: GenerationModel,
    items: readonly ScheduledItem[],
    private readonly options: SchedulerOptions,
    private readonly events: SchedulerEvents,
  ) {
    // Longest first: the largest memory need comes at once, and the last rows are the short ones.
    this.queue = [...items].sort((a, b) => b.prompt.inputIds.length - a.prompt.inputIds.length || (a.key < b.key ? -1 : 1));
  }

  /** @returns false when it was cancelled; rows in flight are then dropped */
  async run(): Promise<boolean> {
    await this.readSharedPrefix();
    while (this.queue.length > 0 || this.rows.length > 0 || this.interrupted.length > 0) {
      if (await this.events.cancelled()) return false;
      const free = this.options.batch - this.rows.length;
      const waiting = this.interrupted.shift();
      if (waiting) await this.resume(waiting);
      else if (this.queue.length > 0 && (this.rows.length === 0 || free >= this.refillAt())) await this.admit(free);
      else await this.advance();
    }
    return true;
  }

  /** Free places that make a refill worth its copy of the cache. */
  private refillAt(): number {
    return Math.max(1, Math.ceil(this.options.batch / 4));
  }

  private async readSharedPrefix(): Promise<void> {
    const n = sharedPrefix(this.queue.map((i) => i.prompt));
    if (n === 0) return;
    const ids = this.queue[0]!.prompt.inputIds.slice(0, n);
    const out = await this.model.decode([{ ids, soft: new Float32Array(0), past: 0 }], null, 1, 1);
    this.prefix = { ids, cache: gatherRows(this.model.shape, [{ cache: out.cache, row: 0, length: n }]) };
  }

  /** Takes the next prompts from the queue, reads them in one call, and joins them to the running rows. */
  private async admit(free: number): Promise<void> {
    const taken: ScheduledItem[] = [];
    while (taken.length < free && this.queue.length > 0) {
      const width = Math.max(taken[0]?.prompt.inputIds.length ?? 0, this.queue[0]!.prompt.inputIds.length);
      if (taken.length > 0 && width * (taken.length + 1) > this.options.tokenBudget) break;
      taken.push(this.queue.shift()!);
    }
    this.events.started(taken.map((i) => i.key));
    const startedAt = this.events.now();
    const soft = await this.encode(taken);
    const fresh = taken.map((item): Row => {
      const limit = Math.min(this.options.maxNewTokens, this.options.maxPositions - item.prompt.inputIds.length);
      return { item, ids: [], logprobs: [], forced: [], limit, startedAt, past: 0, seen: 0 };
    });
    if (this.prefix) {
      for (const [i, row] of fresh.entries()) await this.readSuffix(row, soft[i]!);
      return;
    }
    // Alone in the machine, the first call goes straight on decoding; beside running rows it only reads.
    const alone = this.rows.length === 0;
    const steps = alone ? this.steps(fresh) : 1;
    const out = await this.model.decode(
      fresh.map((row, i) => ({ ids: row.item.prompt.inputIds, soft: soft[i]!, past: 0 })),
      null,
      steps,
      alone ? this.stopCount(fresh.length) : fresh.length + 1,
      this.graphEos,
    );
    this.join(fresh, out);
  }

  private async encode(items: readonly ScheduledItem[]): Promise<Float32Array[]> {
    if (items.every((i) => i.prompt.encoderIds === null)) return items.map(() => new Float32Array(0));
    return this.model.encode(items.map((i) => i.prompt.encoderIds ?? []));
  }

  /** One prompt behind the shared prefix: several new tokens on a cache work for one row at a time. */
  private async readSuffix(row: Row, soft: Float32Array): Promise<void> {
    const { ids, cache } = this.prefix!;
    const out = await this.model.decode([{ ids: row.item.prompt.inputIds.slice(ids.length), soft, past: ids.length }], cache, 1, 2, this.graphEos);
    this.join([row], out);
  }

  /** Reads what the calculator wrote, alone for the same reason, so that the row joins the others again with one new token. */
  private async resume({ row, cache, ids }: Interrupted): Promise<void> {
    const out = await this.model.decode([{ ids, soft: new Float32Array(0), past: cache.length }], cache, 1, 2, this.graphEos);
    this.join([row], out);
  }

  private steps(rows: readonly Row[]): number {
    return Math.max(1, Math.min(this.options.chunk, ...rows.map((r) => r.limit - r.ids.length)));
  }

  private get graphEos(): readonly number[] | undefined {
    return this.options.ignoreEos ? [] : undefined;
  }

  private stopCount(rows: number): number {
    // With nothing left to take their place, finished rows still cost time until the call ends.
    if (this.queue.length === 0) return Math.max(1, Math.ceil(rows / 3));
    return Math.min(rows, Math.max(1, rows - this.options.batch + this.refillAt()));
  }

  /** One chunk of decoding for all running rows. */
  private async advance(): Promise<void> {
    const rows = this.rows;
    const out = await this.model.decode(
      rows.map((r) => ({ ids: [r.ids[r.ids.length - 1]!], soft: new Float32Array(0), past: r.past })),
      this.cache,
      this.steps(rows),
      this.stopCount(rows.length),
      this.graphEos,
    );
    this.rows = [];
    this.cache = null;
    this.join(rows, out);
  }

  /** Takes a call's tokens, hands out what is finished, and keeps the rest together with the rows already running. */
  private join(called: readonly Row[], out: DecodeOutput): void {
    const keep: { row: Row; index: number }[] = [];
    called.forEach((row, index) => {
      row.ids.push(...out.ids[index]!);
      row.logprobs.push(...out.logprobs[index]!);
      row.past = out.lengths[index]!;
      const calculated = this.calculate(row);
      const end = this.ending(row);
      if (end) this.finish(row, end);
      else if (calculated !== undefined) {
        row.past = row.item.prompt.inputIds.length + calculated;
        const cache = gatherRows(this.model.shape, [{ cache: out.cache, row: index, length: row.past }]);
        this.interrupted.push({ row, cache, ids: row.ids.slice(calculated) });
      }
      else keep.push({ row, index });
    });
    const whole = this.rows.length === 0 && keep.length === called.length && out.lengths.every((n) => n <= out.cache.length);
    if (whole && Math.max(...out.lengths) === out.cache.length) this.cache = out.cache;
    else if (this.rows.length + keep.length === 0) this.cache = null;
    else {
      const old = this.rows.map((row, i) => ({ cache: this.cache!, row: i, length: row.past }));
      this.cache = gatherRows(this.model.shape, [...old, ...keep.map(({ row, index }) => ({ cache: out.cache, row: index, length: row.past }))]);
    }
    this.rows = [...this.rows, ...keep.map((k) => k.row)];
    this.events.beat([...this.rows, ...this.interrupted.map((i) => i.row)].map((r) => ({ key: r.item.key, ids: r.ids })));
  }

  /**
   * Finishes the first calculation among the new ids of a row: what the model went on with behind the equals sign is dropped,
   * the calculator's ids take its place.
   *
   * @returns index of the id that holds the equals sign, from which the row must be read on; undefined when there is none
   */
  private calculate(row: Row): number | undefined {
    const { calculator, eosIds } = this.options;
    if (!calculator) return undefined;
    const last = Math.min(row.ids.length, row.limit - 1);
    for (; row.seen < last && !eosIds.includes(row.ids[row.seen]!); row.seen++) {
      const forced = calculator(row.ids.slice(0, row.seen + 1));
      if (!forced || forced.length === 0) continue;
      const at = row.seen;
      row.ids.splice(at + 1, Infinity, ...forced);
      row.logprobs.splice(at + 1, Infinity, ...forced.map(() => 0));
      row.forced.push(...forced.map((_, i) => at + 1 + i));
      row.seen = row.ids.length;
      return at;
    }
    return undefined;
  }

  private ending(row: Row): Ending | undefined {
    const { eosIds, decode } = this.options;
    const stop = row.item.stop ? [...this.options.stop, ...row.item.stop] : this.options.stop;
    return endingOf(row.ids, { eosIds, limit: row.limit, stop, decode });
  }

  private finish(row: Row, end: Ending): void {
    this.events.finished({
      item: row.item,
      ids: row.ids.slice(0, end.keep),
      logprobs: row.logprobs.slice(0, end.keep),
      forced: row.forced.filter((i) => i < end.keep),
      stopReason: end.reason,
      stopString: end.stopString,
      ms: this.events.now() - row.startedAt,
    });
  }
}
