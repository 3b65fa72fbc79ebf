import { type BundleManifest, openBundle, type Precision } from '../bundle';
import { type Problem } from '../core/benchmarks';
import { promptTemplate } from '../core/prompts';
import { scorerByName } from '../core/scoring';
import { type EngineOptions } from '../engine/client';
import { type ItemResult, type LoadProgress } from '../protocol/engine';
import { type Sample } from '../protocol/run';
import { RunError } from './errors';
import { toSample } from './evaluate';
import { resolveBundle } from './locations';
import { EnginePool } from './pool';
import { checkTemplate, choosePrecision } from './session';

/** One question outside any benchmark. */
export interface AskRequest {
  readonly bundle: string;
  readonly precision?: string;
  readonly provider?: 'auto' | 'cpu' | 'cuda';
  readonly threads?: number;
  readonly memoryCeiling?: number;
  readonly template?: string;
  readonly language: string;
  readonly question: string;
  /** Without it the completion is read and not judged. */
  readonly gold?: string;
  readonly scorer?: string;
  readonly maxNewTokens?: number;
}

export interface AskAnswer {
  readonly bundlePath: string;
  readonly bundle: string;
  readonly method: string;
  readonly precision: string;
  readonly provider: string;
  readonly providerReason: string;
  /** `name/version` */
  readonly template: string;
  readonly maxNewTokens: number;
  /** Without a gold answer, `gold` is empty and `correct` means nothing. */
  readonly sample: Sample;
  readonly seconds: number;
  readonly tokensPerSecond: number | null;
  /** The engine was loaded already. */
  readonly warm: boolean;
}

export interface AskEvents {
  readonly onLoad?: (p: LoadProgress) => void;
  readonly onPartial?: (text: string) => void;
  readonly onLog?: (line: string) => void;
  readonly signal?: AbortSignal;
}

interface Loaded {
  readonly key: string;
  readonly pool: EnginePool;
  readonly manifest: BundleManifest;
  readonly bundlePath: string;
  readonly precision: Precision;
}

/** Decode steps between two pieces of streamed text. */
const PIECE = 4;
export const ASKED = 'prompt';

/**
 * Asks single questions and keeps the engine of the last bundle loaded for the next one. One question at a time; the caller
 * ends it with `close()`.
 */
export class Asker {
  private loaded: Loaded | undefined;

  constructor(private readonly engine?: EngineOptions) {}

  /**
   * The greedy completion of one question, read by the scorer.
   * @throws RunError / BundleError / the engine's error in words; AskCancelled when the signal came first
   */
  async ask(request: AskRequest, events: AskEvents = {}): Promise<AskAnswer> {
    if (request.question.trim() === '') throw new RunError('There is no question.');
    let scorer: ReturnType<typeof scorerByName>;
    try {
      scorer = scorerByName(request.scorer ?? 'locale');
    } catch (e) {
      throw new RunError((e as Error).message);
    }
    const { loaded, warm } = await this.load(request, events);
    const { manifest, pool } = loaded;
    const template = promptTemplate(request.template ?? manifest.prompts.template);
    const maxNewTokens = request.maxNewTokens ?? manifest.generation.maxNewTokens;
    const problem: Problem = { id: ASKED, language: request.language, kind: 'number', question: request.question, answer: request.gold ?? '' };
    let item: ItemResult | undefined;
    const started = performance.now();
    await pool.generate({
      items: [{ key: ASKED, chat: template.chat, ...template.render(problem, { benchmark: ASKED }) }],
      maxNewTokens,
      stop: [...new Set([...template.stop, ...(manifest.generation.stop ?? [])])],
      onItem: (result) => (item = result),
      onPartial: (_, text) => events.onPartial?.(text),
      signal: events.signal,
    });
    if (!item) {
      if (events.signal?.aborted) throw new AskCancelled();
      throw new RunError('The engine gave no answer.');
    }
    const seconds = (performance.now() - started) / 1000;
    // Without a gold answer the scorer compares with a number that nobody asked for: only what it read is kept.
    const scored = toSample({ ...problem, answer: request.gold ?? '0' }, item, scorer);
    const sample: Sample = request.gold === undefined ? { ...scored, gold: '', correct: false, error: scored.stopReason === 'failed' ? 'failed' : null } : scored;
    return {
      bundlePath: loaded.bundlePath, bundle: manifest.name, method: manifest.method, precision: loaded.precision, provider: pool.provider, providerReason: pool.providerReason,
      template: `${template.name}/${template.version}`, maxNewTokens, sample, seconds, tokensPerSecond: seconds > 0 && item.tokenIds.length > 0 ? item.tokenIds.length / seconds : null, warm,
    };
  }

  private async load(request: AskRequest, events: AskEvents): Promise<{ loaded: Loaded; warm: boolean }> {
    const bundlePath = resolveBundle(request.bundle);
    const { manifest } = await openBundle(bundlePath, {});
    const precision = choosePrecision(manifest, request.precision, request.provider);
    checkTemplate(bundlePath, manifest, request.template);
    const key = JSON.stringify([bundlePath, manifest.files, precision, request.provider, request.threads, request.memoryCeiling]);
    if (this.loaded?.key === key) return { loaded: this.loaded, warm: true };
    await this.close();
    await openBundle(bundlePath, { precision, hashes: true });
    const pool = await EnginePool.open({
      load: { dir: bundlePath, precision, provider: request.provider ?? 'auto', memoryCeiling: request.memoryCeiling ?? 0, batch: 1 },
      processes: 1, threads: request.threads ?? 0, batch: 1, chunk: PIECE, engine: this.engine, onLoad: events.onLoad, onLog: events.onLog,
    });
    this.loaded = { key, pool, manifest, bundlePath, precision };
    return { loaded: this.loaded, warm: false };
  }

  /** Ends the engine; the next question loads it again. */
  async close(): Promise<void> {
    const { loaded } = this;
    this.loaded = undefined;
    await loaded?.pool.close();
  }
}

export class AskCancelled extends Error {
  constructor() {
    super('The question was interrupted.');
  }
}
