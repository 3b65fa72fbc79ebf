import os from 'node:os';
import { EngineClient, EngineDied, type EngineOptions } from '../engine/client';
import { type GenerateItem, type LoadParams, type LoadProgress, type LoadResult } from '../protocol/engine';
import { type BackendRequest, failedItem, type GenerationBackend, type ScoreRequest } from './backend';
import { type ScoreGroup } from './likelihood';

export interface PoolOptions {
  readonly load: Omit<LoadParams, 'threads'>;
  readonly processes: number;
  /** Threads of each process; 0: cores / processes. */
  readonly threads: number;
  readonly batch: number;
  readonly tokenBudget?: number;
  /** The bundle has an encoder with a tokenizer of its own. */
  readonly hasEncoder?: boolean;
  readonly chunk?: number;
  readonly engine?: EngineOptions;
  readonly onLoad?: (p: LoadProgress) => void;
  readonly onLog?: (line: string) => void;
}

interface Keyed {
  readonly key: string;
}

interface Work<T extends Keyed> {
  readonly item: T;
  /** How often a process died while it computed this item. */
  readonly attempts: number;
}

/** Does a window's items on one process; says what it has started and what is done. */
type Compute<T extends Keyed> = (engine: EngineClient, index: number, work: readonly T[], retry: boolean, started: Set<string>, done: (key: string) => void) => Promise<void>;

const WINDOW = 512;
/** Continuations of one score request: few enough that a stopped run loses little. */
const SCORE_WINDOW = 64;
/** Deaths in a row without one finished item, after which the run stops. */
const MAX_DEATHS = 6;
const DEFAULT_TOKEN_BUDGET = 4096;
const DEFAULT_CHUNK = 32;

/**
 * One or several engine processes behind the backend interface.
 *
 * A process that dies, hangs or runs out of memory is a failed batch: its items are tried once more at half the batch, then
 * recorded as failed, and the run goes on with a new process.
 */
export class EnginePool implements GenerationBackend {
  readonly name = 'onnxruntime';
  readonly calculates = true;
  private constructor(
    private readonly options: PoolOptions,
    readonly threads: number,
    private readonly engines: (EngineClient | undefined)[],
    readonly provider: string,
    readonly providerReason: string,
    readonly versions: Readonly<Record<string, string>>,
    readonly loaded: LoadResult,
  ) {}

  get processes(): number {
    return this.engines.length;
  }

  /** The first engine, for calls beside generation (scoring, tokenizing, self-test). */
  get engine(): EngineClient {
    const engine = this.engines.find((e) => e?.alive);
    if (!engine) throw new Error('The engine process is not running.');
    return engine;
  }

  /** Every engine that is running. */
  get all(): readonly EngineClient[] {
    return this.engines.filter((e): e is EngineClient => e?.alive === true);
  }

  static async open(options: PoolOptions): Promise<EnginePool> {
    const threads = options.threads > 0 ? options.threads : Math.max(1, Math.floor(os.availableParallelism() / options.processes));
    const engines: EngineClient[] = [];
    try {
      let loaded: LoadResult | undefined;
      for (let i = 0; i < options.processes; i++) {
        const engine = new EngineClient({ ...options.engine, onLog: options.onLog });
        engines.push(engine);
        loaded = await engine.load({ ...options.load, threads }, options.onLoad);
      }
      const { versions } = await engines[0]!.hello();
      const { onnxruntime, tokenizers } = versions;
      return new EnginePool(options, threads, engines, loaded!.provider, loaded!.providerReason, { onnxruntime, tokenizers }, loaded!);
    } catch (e) {
      await Promise.all(engines.map((engine) => engine.close()));
      throw e;
    }
  }

  async generate(request: BackendRequest): Promise<void> {
    const tokens = new Array<number>(this.engines.length).fill(0);
    await this.drain<GenerateItem>(request.items, WINDOW, request.signal, (item, reason) => request.onItem(failedItem(item.key, reason)), async (engine, index, work, retry, started, done) => {
      const base = tokens[index]!;
      await engine.generate(
        {
          items: work,
          maxNewTokens: request.maxNewTokens,
          stop: request.stop,
          batch: this.batchFor(retry),
          tokenBudget: this.options.tokenBudget ?? DEFAULT_TOKEN_BUDGET,
          chunk: this.options.chunk ?? DEFAULT_CHUNK,
          ...(request.calculator ? { calculator: true } : {}),
          stream: request.onPartial !== undefined,
        },
        {
          onStarted: (keys) => keys.forEach((k) => started.add(k)),
          onItem: (item) => {
            done(item.key);
            request.onItem(item);
          },
          onPartial: request.onPartial,
          onBeat: (rss, newTokens) => {
            tokens[index] = Math.max(base, newTokens);
            request.onProgress?.({ newTokens: tokens.reduce((a, b) => a + b, 0), rss });
          },
        },
        request.signal,
      );
    });
  }

  /** Log-likelihoods of continuations, a few problems at a time; what a dying process takes with it is tried once more, as in `generate`. */
  async score(request: ScoreRequest): Promise<void> {
    const failed = (group: ScoreGroup, failure: string): void => request.onGroup(group.key, group.items.map(({ key }) => ({ key, tokenIds: [], tokenLogprobs: [], greedy: [], prompt: '', promptTokens: 0, encoderTokens: 0, failure })), 0);
    const window = Math.max(1, Math.floor(SCORE_WINDOW / Math.max(1, ...request.groups.map((g) => g.items.length))));
    await this.drain<ScoreGroup>(request.groups, window, request.signal, failed, async (engine, _index, work, retry, started, done) => {
      work.forEach((g) => started.add(g.key));
      const from = performance.now();
      const results = await engine.score(work.flatMap((g) => g.items), this.batchFor(retry), request.signal);
      const ms = (performance.now() - from) / work.length;
      let at = 0;
      for (const group of work) {
        done(group.key);
        request.onGroup(group.key, results.slice(at, at + group.items.length), ms);
        at += group.items.length;
      }
    });
  }

  /** Token ids by one of the bundle's tokenizers; undefined for an encoder's where there is none. */
  async tokenCounts(texts: readonly string[]): Promise<readonly (readonly [number, number | null])[]> {
    const engine = this.engine;
    const lm = await engine.tokenize('lm', texts);
    const encoder = this.options.hasEncoder === true ? await engine.tokenize('encoder', texts) : undefined;
    return texts.map((_, i) => [lm[i]!.length, encoder ? encoder[i]!.length : null] as const);
  }

  private batchFor(retry: boolean): number {
    return retry ? Math.max(1, this.options.batch >> 1) : this.options.batch;
  }

  /** Hands windows of work to the processes until nothing is left, and settles what became of each item. */
  private async drain<T extends Keyed>(items: readonly T[], size: number, signal: AbortSignal | undefined, failed: (item: T, reason: string) => void, compute: Compute<T>): Promise<void> {
    const shared = { queue: items.map((item): Work<T> => ({ item, attempts: 0 })), deaths: 0, error: undefined as Error | undefined };
    await Promise.all(
      this.engines.map(async (_, index) => {
        while (shared.queue.length > 0 && !signal?.aborted && !shared.error) {
          try {
            await this.window(index, shared, size, signal, failed, compute);
          } catch (e) {
            shared.error ??= e as Error;
          }
        }
      }),
    );
    if (shared.error) throw shared.error;
  }

  /** Hands one window of work to one process and settles what became of each item. */
  private async window<T extends Keyed>(index: number, shared: { queue: Work<T>[]; deaths: number }, most: number, signal: AbortSignal | undefined, failed: (item: T, reason: string) => void, compute: Compute<T>): Promise<void> {
    const engine = await this.alive(index);
    const size = Math.min(most, Math.ceil(shared.queue.length / this.engines.length));
    const retry = (shared.queue[0]?.attempts ?? 0) > 0;
    const work = new Map<string, Work<T>>();
    while (work.size < size && shared.queue.length > 0 && shared.queue[0]!.attempts > 0 === retry) {
      const next = shared.queue.shift()!;
      work.set(next.item.key, next);
    }
    const started = new Set<string>();
    const done = (key: string): void => {
      work.delete(key);
      started.delete(key);
      shared.deaths = 0;
    };
    const lost = (key: string, reason: string): void => {
      const item = work.get(key)!.item;
      done(key);
      failed(item, reason);
    };
    try {
      await compute(engine, index, [...work.values()].map((w) => w.item), retry, started, done);
    } catch (e) {
      if (signal?.aborted) return;
      if (!(e instanceof EngineDied)) {
        // The engine answered with an error: what was being computed failed, or, when nothing had started, the whole window.
        this.settle(work, started.size > 0 ? started : new Set(work.keys()), (e as Error).message, shared.queue, lost);
        return;
      }
      shared.deaths += 1;
      if (shared.deaths > MAX_DEATHS) throw new Error(`The engine process ended ${shared.deaths} times in a row without finishing an item: ${e.reason}. Nothing finished is lost; run again to resume.`);
      this.options.onLog?.(e.message);
      this.settle(work, started, e.reason, shared.queue, lost);
    }
  }

  /** Items in flight are tried once more or recorded as failed; the others go back to the queue. */
  private settle<T extends Keyed>(work: ReadonlyMap<string, Work<T>>, inFlight: ReadonlySet<string>, reason: string, queue: Work<T>[], lost: (key: string, reason: string) => void): void {
    const again: Work<T>[] = [];
    for (const [key, w] of [...work]) {
      if (!inFlight.has(key)) again.push(w);
      else if (w.attempts === 0) again.unshift({ item: w.item, attempts: 1 });
      else lost(key, reason);
    }
    again.sort((a, b) => b.attempts - a.attempts);
    queue.unshift(...again);
  }

  private async alive(index: number): Promise<EngineClient> {
    const current = this.engines[index];
    if (current?.alive) return current;
    const engine = new EngineClient({ ...this.options.engine, onLog: this.options.onLog });
    this.engines[index] = engine;
    await engine.load({ ...this.options.load, threads: this.threads }, this.options.onLoad);
    return engine;
  }

  async close(): Promise<void> {
    await Promise.all(this.engines.map((engine) => engine?.close()));
  }
}
