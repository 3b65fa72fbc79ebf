import os from 'node:os';
import { EngineClient, EngineDied, type EngineOptions } from '../engine/client';
import { type GenerateItem, type ItemResult, type LoadParams, type LoadProgress, type LoadResult } from '../protocol/engine';
import { type BackendRequest, type GenerationBackend } from './backend';

export interface PoolOptions {
  readonly load: Omit<LoadParams, 'threads'>;
  readonly processes: number;
  /** Threads of each process; 0: cores / processes. */
  readonly threads: number;
  readonly batch: number;
  readonly tokenBudget?: number;
  readonly chunk?: number;
  readonly engine?: EngineOptions;
  readonly onLoad?: (p: LoadProgress) => void;
  readonly onLog?: (line: string) => void;
}

interface Work {
  readonly item: GenerateItem;
  /** How often a process died while it computed this item. */
  readonly attempts: number;
}

const WINDOW = 512;
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
    const shared = { queue: request.items.map((item): Work => ({ item, attempts: 0 })), deaths: 0, error: undefined as Error | undefined };
    const tokens = new Array<number>(this.engines.length).fill(0);
    await Promise.all(
      this.engines.map(async (_, index) => {
        while (shared.queue.length > 0 && !request.signal?.aborted && !shared.error) {
          try {
            await this.window(index, shared, request, tokens);
          } catch (e) {
            shared.error ??= e as Error;
          }
        }
      }),
    );
    if (shared.error) throw shared.error;
  }

  /** Hands one window of work to one process and settles what became of each item. */
  private async window(index: number, shared: { queue: Work[]; deaths: number }, request: BackendRequest, tokens: number[]): Promise<void> {
    const engine = await this.alive(index);
    const size = Math.min(WINDOW, Math.ceil(shared.queue.length / this.engines.length));
    const retry = (shared.queue[0]?.attempts ?? 0) > 0;
    const work = new Map<string, Work>();
    while (work.size < size && shared.queue.length > 0 && shared.queue[0]!.attempts > 0 === retry) {
      const next = shared.queue.shift()!;
      work.set(next.item.key, next);
    }
    const started = new Set<string>();
    const done = (item: ItemResult): void => {
      work.delete(item.key);
      started.delete(item.key);
      shared.deaths = 0;
      request.onItem(item);
    };
    const base = tokens[index]!;
    try {
      await engine.generate(
        {
          items: [...work.values()].map((w) => w.item),
          maxNewTokens: request.maxNewTokens,
          stop: request.stop,
          batch: retry ? Math.max(1, this.options.batch >> 1) : this.options.batch,
          tokenBudget: this.options.tokenBudget ?? DEFAULT_TOKEN_BUDGET,
          chunk: this.options.chunk ?? DEFAULT_CHUNK,
          ...(request.calculator ? { calculator: true } : {}),
          stream: request.onPartial !== undefined,
        },
        {
          onStarted: (keys) => keys.forEach((k) => started.add(k)),
          onItem: done,
          onPartial: request.onPartial,
          onBeat: (rss, newTokens) => {
            tokens[index] = Math.max(base, newTokens);
            request.onProgress?.({ newTokens: tokens.reduce((a, b) => a + b, 0), rss });
          },
        },
        request.signal,
      );
    } catch (e) {
      if (request.signal?.aborted) return;
      if (!(e instanceof EngineDied)) {
        // The engine answered with an error: what was being computed failed, or, when nothing had started, the whole window.
        this.settle(work, started.size > 0 ? started : new Set(work.keys()), (e as Error).message, shared.queue, done);
        return;
      }
      shared.deaths += 1;
      if (shared.deaths > MAX_DEATHS) throw new Error(`The engine process ended ${shared.deaths} times in a row without finishing an item: ${e.reason}. Nothing finished is lost; run again to resume.`);
      this.options.onLog?.(e.message);
      this.settle(work, started, e.reason, shared.queue, done);
    }
  }

  /** Items in flight are tried once more or recorded as failed; the others go back to the queue. */
  private settle(work: ReadonlyMap<string, Work>, inFlight: ReadonlySet<string>, reason: string, queue: Work[], done: (item: ItemResult) => void): void {
    const again: Work[] = [];
    for (const [key, w] of [...work]) {
      if (!inFlight.has(key)) again.push(w);
      else if (w.attempts === 0) again.unshift({ item: w.item, attempts: 1 });
      else done(failedItem(key, reason));
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

function failedItem(key: string, failure: string): ItemResult {
  return { job: 0, key, prompt: '', completion: '', tokenIds: [], tokenLogprobs: [], stopReason: 'failed', failure, promptTokens: 0, encoderTokens: 0, ms: 0 };
}
