import { setMaxListeners } from 'node:events';
import os from 'node:os';
import { type BundleManifest, openBundle } from '../../bundle';
import { EngineClient, EngineDied, type EngineOptions } from '../../engine/client';
import { type ComposedItem, type ComposeItem, type SettledItem, type SettleParams } from '../../protocol/compose';
import { type EndpointView, type ServedModel } from '../../protocol/endpoints';
import { type GenerateItem, type ItemResult, type LoadParams, type LoadProgress } from '../../protocol/engine';
import { type BackendRequest, failedItem, type GenerationBackend } from '../backend';
import { RunError } from '../errors';
import { checkServer, type CheckOptions, type ServerFacts } from './check';
import { complete, type Completion } from './completions';
import { DEFAULT_POLICY, Endpoint, type EndpointPolicy } from './endpoint';
import { Feed, type Job } from './feed';
import { EndpointError, endpointUrl } from './http';

export interface VllmOptions {
  readonly load: Omit<LoadParams, 'threads' | 'parts'>;
  readonly threads: number;
  readonly endpoints: readonly string[];
  /** Sent as a bearer token; never written anywhere. */
  readonly key?: string;
  /** Name of the served model, where a server has several that are not named by `bundle export-vllm`. */
  readonly model?: string;
  readonly policy?: Partial<EndpointPolicy>;
  /** Milliseconds that one completion may take. */
  readonly requestTimeoutMs?: number;
  readonly engine?: EngineOptions;
  readonly onLoad?: (p: LoadProgress) => void;
  readonly onLog?: (line: string) => void;
}

export const DEFAULT_REQUEST_TIMEOUT_MS = 600_000;
const PROGRESS_MS = 250;

/**
 * vLLM servers behind the backend interface: encoder, alignment layer and tokenizers run here, in one engine process, the LLM
 * runs there. Every server is checked against the bundle's self-test before anything is asked.
 */
export class VllmBackend implements GenerationBackend {
  readonly name = 'vllm';
  readonly provider = 'openai-completions';

  private constructor(
    private readonly options: VllmOptions,
    private readonly manifest: BundleManifest,
    private readonly prompts: PromptEngine,
    private readonly endpoints: readonly Endpoint[],
    private readonly check: CheckOptions,
    readonly facts: readonly ServerFacts[],
    readonly versions: Readonly<Record<string, string>>,
    readonly threads: number,
  ) {}

  get processes(): number {
    return this.endpoints.length;
  }

  get served(): ServedModel {
    return this.facts[0]!.served;
  }

  get providerReason(): string {
    const { selfTest, served, version } = this.facts[0]!;
    const ties = selfTest.ties > 0 ? `, ${selfTest.ties} part at a tie` : '';
    return `vLLM ${version}, ${served.dtype}, ${this.endpoints.length} ${this.endpoints.length === 1 ? 'endpoint' : 'endpoints'}; self-test: ${selfTest.equal} of ${selfTest.prompts} with the stored ids${ties}, log-probabilities within ${selfTest.maxLogprobDifference.toExponential(1)}`;
  }

  /**
   * Loads the prompt side of the bundle and checks every server.
   * @throws RunError when no endpoint is given, a key is refused, a server has another model, or servers differ from each other
   */
  static async open(options: VllmOptions, signal?: AbortSignal): Promise<VllmBackend> {
    const urls = options.endpoints.map(endpointUrl);
    if (urls.length === 0) throw new RunError('The vLLM backend needs at least one server: --endpoint http://localhost:8000');
    if (new Set(urls.map(String)).size < urls.length) throw new RunError('An endpoint is named twice.');
    const { manifest } = await openBundle(options.load.dir, { precision: 'fp32' });
    const policy = { ...DEFAULT_POLICY, ...options.policy };
    const threads = options.threads > 0 ? options.threads : Math.max(1, os.availableParallelism());
    const prompts = new PromptEngine(options, threads);
    const endpoints = urls.map((url) => new Endpoint(url, options.key, policy));
    try {
      const versions = await prompts.open();
      const test = manifest.selfTest?.prompts ?? [];
      const check: CheckOptions = {
        manifest, model: options.model, timeoutMs: options.requestTimeoutMs ?? DEFAULT_REQUEST_TIMEOUT_MS, signal,
        prompts: await prompts.compose(test.map((p, i) => ({ key: `self-test/${i}`, inputIds: p.inputIds, encoderIds: p.encoderIds ?? null }))),
      };
      const broken = check.prompts.find((p) => p.failure !== undefined);
      if (broken) throw new RunError(`The bundle's self-test cannot be read: ${broken.failure}`);
      options.onLoad?.({ step: 5, of: 5, message: 'checking the servers against the self-test' });
      const facts = await Promise.all(endpoints.map((e) => checkOne(e, check)));
      agree(endpoints, facts);
      const { version } = facts[0]!;
      return new VllmBackend(options, manifest, prompts, endpoints, check, facts, { ...versions, vllm: version }, threads);
    } catch (e) {
      endpoints.forEach((endpoint) => endpoint.client.close());
      await prompts.close();
      throw e;
    }
  }

  views(): EndpointView[] {
    return this.endpoints.map((e) => e.view());
  }

  async generate(request: BackendRequest): Promise<void> {
    const { maxPositions, eosIds, hidden } = this.manifest.parts.lm;
    const abort = new AbortController();
    // One listener a request under way.
    setMaxListeners(0, abort.signal);
    const cancel = (): void => abort.abort();
    request.signal?.addEventListener('abort', cancel, { once: true });
    if (request.signal?.aborted) abort.abort();
    const active = this.endpoints;
    const shortest = Math.min(maxPositions, ...this.facts.map((f) => f.maxModelLen ?? Infinity));
    let newTokens = 0;
    let told = 0;
    const changed = (force = false): void => {
      const now = performance.now();
      if (!force && now - told < PROGRESS_MS) return;
      told = now;
      request.onProgress?.({ newTokens, rss: 0, endpoints: this.views() });
    };
    const limitOf = (prompt: ComposedItem): number => Math.min(request.maxNewTokens, maxPositions - prompt.inputIds.length);
    const stopsOf = (job: Job): readonly string[] => (job.item.stop ? [...request.stop, ...job.item.stop] : request.stop);
    const feed = new Feed(request.items, this.options.load.batch, () => active.reduce((sum, e) => sum + e.room, 0), async (items) => {
      const composed = await this.prompts.compose(items, abort.signal);
      return composed.flatMap((prompt, i): Job[] => {
        const item = items[i]!;
        const needed = prompt.inputIds.length + limitOf(prompt);
        const failure = prompt.failure ?? (needed > shortest ? `Prompt and answer take up to ${needed} tokens, the server at most ${shortest}. Serve it with --max-model-len ${needed} or more.` : undefined);
        if (failure === undefined) return [{ item, prompt, attempts: 0, withoutStop: false }];
        request.onItem(failedItem(item.key, failure));
        return [];
      });
    });
    const stop = (): void => feed.stop();
    abort.signal.addEventListener('abort', stop, { once: true });
    if (abort.signal.aborted) stop();
    const ticking = setInterval(() => changed(true), 1000);
    const work = {
      feed, signal: abort.signal,
      ask: (client: Endpoint['client'], job: Job): Promise<Completion> => {
        const model = this.facts[active.findIndex((e) => e.client === client)]!.model;
        const rules = { maxTokens: limitOf(job.prompt), stop: job.withoutStop ? [] : stopsOf(job), eosIds };
        return complete(client, { model, prompt: job.prompt, hidden, ...rules }, { timeoutMs: this.options.requestTimeoutMs ?? DEFAULT_REQUEST_TIMEOUT_MS, signal: abort.signal });
      },
      answered: async (job: Job, completion: Completion, ms: number): Promise<'done' | 'again'> => {
        const [settled] = await this.prompts.settle({ items: [{ key: job.item.key, ids: completion.ids, logprobs: completion.logprobs, limit: limitOf(job.prompt) }], stop: stopsOf(job) });
        if (!settled?.end) {
          if (completion.finish === 'stop' && !job.withoutStop && stopsOf(job).length > 0) {
            job.withoutStop = true;
            return 'again';
          }
          throw new Error(`the server ended the answer after ${completion.ids.length} tokens (${completion.finish}), before an end of text or the limit`);
        }
        newTokens += settled.end.ids.length;
        request.onItem(answerItem(job, settled.end, ms));
        changed();
        return 'done';
      },
      failed: (job: Job, reason: string): void => request.onItem(failedItem(job.item.key, reason, job.prompt)),
      recheck: async (client: Endpoint['client']): Promise<void> => {
        const at = active.findIndex((e) => e.client === client);
        const now = await checkServer(client, { ...this.check, signal: abort.signal });
        const before = this.facts[at]!;
        if (now.model !== before.model || now.version !== before.version || now.served.dtype !== before.served.dtype) {
          throw new RunError(`it came back as another server: ${describe(before)} before, ${describe(now)} now`);
        }
      },
      changed: (): void => changed(),
    };
    try {
      const serving = Promise.all(active.filter((e) => !e.gone).map((e) => e.serve(work))).then(() => {
        if (!feed.ended && !abort.signal.aborted) feed.stop(new RunError(`No server is left: ${active.map((e) => `${e.name}: ${e.reason}`).join('; ')}. Nothing finished is lost; the same command resumes.`, 1));
      });
      const error = await feed.finished;
      if (error) abort.abort();
      await serving;
      if (error && !request.signal?.aborted) throw error;
    } finally {
      clearInterval(ticking);
      changed(true);
      request.signal?.removeEventListener('abort', cancel);
    }
  }

  async close(): Promise<void> {
    this.endpoints.forEach((e) => e.client.close());
    await this.prompts.close();
  }
}

async function checkOne(endpoint: Endpoint, check: CheckOptions): Promise<ServerFacts> {
  try {
    return await checkServer(endpoint.client, check);
  } catch (e) {
    if (check.signal?.aborted) throw new RunError('Cancelled.', 130);
    if (e instanceof EndpointError) {
      const hint = e.trouble === 'key' ? 'Set LINGUALIFT_VLLM_KEY, or the key in VS Code ("LinguaLIFT: Set vLLM Key").' : e.trouble === 'lost' ? 'Is the server started, and ready?' : '';
      throw new RunError(`${endpoint.name}: ${e.message}. ${hint}`.trim(), e.trouble === 'key' || e.trouble === 'refused' ? 2 : 1);
    }
    throw new RunError(`${endpoint.name}: ${(e as Error).message}`, e instanceof RunError ? e.exit : 1);
  }
}

const describe = (f: ServerFacts): string => `"${f.model}", vLLM ${f.version}, ${f.served.dtype}`;

/** Servers that compute differently would make a run of two kinds of numbers. @throws RunError naming both */
function agree(endpoints: readonly Endpoint[], facts: readonly ServerFacts[]): void {
  const first = facts[0]!;
  facts.forEach((f, i) => {
    if (f.version === first.version && f.served.dtype === first.served.dtype) return;
    throw new RunError(`The servers differ: ${endpoints[0]!.name} is ${describe(first)}; ${endpoints[i]!.name} is ${describe(f)}. A run needs servers of one version and dtype.`);
  });
}

function answerItem(job: Job, end: NonNullable<SettledItem['end']>, ms: number): ItemResult {
  const { prompt } = job;
  return {
    job: 0, key: job.item.key, prompt: prompt.prompt, ...(prompt.encoderPrompt !== undefined ? { encoderPrompt: prompt.encoderPrompt } : {}),
    completion: end.completion, tokenIds: end.ids, tokenLogprobs: end.logprobs, stopReason: end.stopReason, ...(end.stopString !== undefined ? { stopString: end.stopString } : {}),
    promptTokens: prompt.inputIds.length, encoderTokens: prompt.encoderTokens, ms: Math.round(ms * 10) / 10,
  };
}

/** The engine process that makes prompts and reads answers; started again when it ends. */
class PromptEngine {
  private engine: EngineClient | undefined;
  private opening: Promise<EngineClient> | undefined;
  private deaths = 0;

  constructor(
    private readonly options: VllmOptions,
    private readonly threads: number,
  ) {}

  async open(): Promise<Record<string, string>> {
    const { onnxruntime, tokenizers } = (await (await this.alive()).hello()).versions;
    return { onnxruntime, tokenizers };
  }

  private alive(): Promise<EngineClient> {
    if (this.engine?.alive) return Promise.resolve(this.engine);
    this.opening ??= (async () => {
      const engine = new EngineClient({ ...this.options.engine, onLog: this.options.onLog });
      try {
        await engine.load({ ...this.options.load, parts: 'prompts', threads: this.threads }, this.options.onLoad);
      } catch (e) {
        await engine.close();
        throw e;
      }
      this.engine = engine;
      return engine;
    })().finally(() => {
      this.opening = undefined;
    });
    return this.opening;
  }

  /** Twice with the process started again, then item by item, so that one prompt cannot take others with it. */
  async compose(items: readonly (GenerateItem | ComposeItem)[], signal?: AbortSignal): Promise<ComposedItem[]> {
    try {
      return await this.again((engine) => engine.compose.prompts(items, this.options.load.batch, signal));
    } catch (e) {
      if (!(e instanceof EngineDied) || items.length === 1) {
        if (e instanceof EngineDied) return [{ key: items[0]!.key, prompt: '', inputIds: [], encoderTokens: 0, failure: e.reason }];
        throw e;
      }
      const out: ComposedItem[] = [];
      for (const item of items) out.push(...(await this.compose([item], signal)));
      return out;
    }
  }

  settle(params: SettleParams): Promise<SettledItem[]> {
    return this.again((engine) => engine.compose.settle(params));
  }

  private async again<T>(request: (engine: EngineClient) => Promise<T>): Promise<T> {
    for (let attempt = 0; ; attempt++) {
      try {
        const result = await request(await this.alive());
        this.deaths = 0;
        return result;
      } catch (e) {
        if (!(e instanceof EngineDied)) throw e;
        this.options.onLog?.(e.message);
        if (++this.deaths > 8) throw new RunError(`The engine process ended ${this.deaths} times in a row: ${e.reason}. Nothing finished is lost; run again to resume.`, 1);
        if (attempt > 0) throw e;
      }
    }
  }

  async close(): Promise<void> {
    await this.opening?.catch(() => undefined);
    await this.engine?.close();
  }
}
