import { createHash } from 'node:crypto';
import path from 'node:path';
import { bundleFingerprint, openBundle, type Precision } from '../../bundle';
import { type Problem } from '../../core/benchmarks';
import { promptTemplate } from '../../core/prompts';
import { EngineClient } from '../../engine/client';
import { type AttentionProgress, type AttentionSubject, MOST_SUBJECTS, type TileParams } from '../../protocol/attention-panel';
import { type GenerateItem } from '../../protocol/engine';
import { type GenerationRef } from '../../protocol/generation';
import { type Block, type LensResult, type ProbeSide, type Range, type SoftResult, type ThumbnailsResult } from '../../protocol/probe';
import { type RunManifest, type Sample } from '../../protocol/run';
import { loadBenchmark } from '../../runs/benchmark';
import { RunError } from '../../runs/errors';
import { resolveBundle } from '../../runs/locations';
import { choosePrecision } from '../../runs/session';
import { readManifestOf } from '../../runs/store';
import { type EngineChoice } from './probe-protocol';
import { TileCutter } from './tiles';

/** Tokens of an answer that is generated because none was given. */
const NEW_TOKENS = 64;
/** Bytes for the results of all probes of one engine where no ceiling is set, and the least that is of use. */
const STORE_BYTES = 768 * 2 ** 20;
const LEAST_STORE = 64 * 2 ** 20;

interface Engine {
  readonly client: EngineClient;
  readonly provider: string;
}

interface Open {
  readonly key: string;
  readonly engine: Engine;
  readonly subject: AttentionSubject;
  readonly tiles: TileCutter;
}

/** The engines and open prompts of one attention panel. One engine process a bundle and precision; two prompts share it where they can. */
export class Prober {
  private readonly engines = new Map<string, Promise<Engine>>();
  private opened: readonly Open[] = [];

  constructor(
    private readonly onProgress: (progress: AttentionProgress) => void,
    private readonly onLog: (line: string) => void,
  ) {}

  /** @throws RunError, BundleError or the engine's error, in words; an aborted signal ends the engines that were being loaded */
  async open(refs: readonly GenerationRef[], choice: EngineChoice, signal: AbortSignal): Promise<AttentionSubject[]> {
    if (refs.length === 0 || refs.length > MOST_SUBJECTS) throw new RunError(`One or two generations can be looked at, not ${refs.length}.`);
    const abort = (): void => void this.close();
    signal.addEventListener('abort', abort, { once: true });
    try {
      const opened: Open[] = [];
      for (const ref of refs) opened.push(await this.openOne(ref, choice, signal));
      const old = this.opened.filter((o) => !opened.includes(o));
      this.opened = opened;
      for (const { engine, subject } of old) await engine.client.probe.close(subject.summary.handle).catch(() => undefined);
      await this.release(new Set(opened.map((o) => o.engine)));
      return opened.map((o) => o.subject);
    } finally {
      signal.removeEventListener('abort', abort);
    }
  }

  private async openOne(ref: GenerationRef, choice: EngineChoice, signal: AbortSignal): Promise<Open> {
    const dir = resolveBundle(ref.bundle);
    const { manifest: named } = await openBundle(dir, {});
    const precision = choosePrecision(named, ref.precision ?? choice.precision, choice.provider);
    const { manifest } = await openBundle(dir, { precision });
    const template = promptTemplate(ref.template ?? manifest.prompts.template);
    const texts = template.render(problemOf(ref), { benchmark: benchmarkOf(ref) });
    const key = JSON.stringify([dir, precision, template.name, texts, ref.completion, ref.completionIds]);
    const known = this.opened.find((o) => o.key === key && o.engine.client.alive);
    if (known) return known;
    const engine = await this.engine(dir, precision, choice);
    const item = { key: 'prompt', ...texts, chat: template.chat };
    const stop = [...new Set([...template.stop, ...(manifest.generation.stop ?? [])])];
    const answered = ref.completionIds || ref.completion !== undefined ? ref : { ...ref, ...(await this.answer(engine.client, item, ref.maxNewTokens ?? NEW_TOKENS, stop, signal)) };
    this.onProgress({ step: 0, of: 0, message: 'reading the prompt' });
    const memoryLimit = choice.memoryCeiling > 0 ? Math.max(LEAST_STORE, Math.min(STORE_BYTES, Math.floor(choice.memoryCeiling / 2))) : STORE_BYTES;
    const summary = await engine.client.probe.open({ ...texts, chat: template.chat, completion: answered.completion, completionIds: answered.completionIds }, { memoryLimit, signal });
    const fingerprint = createHash('sha256').update(JSON.stringify([bundleFingerprint(manifest, precision), precision, template.name, template.version, texts, summary.lm.positions.map((p) => p.id)])).digest('hex');
    const subject: AttentionSubject = { ref: { ...answered, bundle: dir, precision }, bundle: manifest.name, method: manifest.method, template: template.name, precision, provider: engine.provider, fingerprint, summary };
    const tiles = new TileCutter(summary, (params, s) => engine.client.probe.attention(summary.handle, params, s));
    // The answer is kept with the generation, so that opening it again (after a reload) asks for the same.
    const keyOf = answered === ref ? key : JSON.stringify([dir, precision, template.name, texts, answered.completion, answered.completionIds]);
    return { key: keyOf, engine, subject, tiles };
  }

  private async engine(dir: string, precision: Precision, { provider, threads, memoryCeiling }: EngineChoice): Promise<Engine> {
    const key = JSON.stringify([dir, precision]);
    const running = await this.engines.get(key)?.catch(() => undefined);
    if (running?.client.alive) return running;
    const client = new EngineClient({ onLog: this.onLog });
    const loading = (async (): Promise<Engine> => {
      try {
        const loaded = await client.load({ dir, precision, provider, threads, memoryCeiling, batch: 1 }, (p) => this.onProgress(p));
        return { client, provider: loaded.provider };
      } catch (e) {
        await client.close();
        throw e;
      }
    })();
    this.engines.set(key, loading);
    this.loading = client;
    try {
      return await loading;
    } catch (e) {
      this.engines.delete(key);
      throw e;
    } finally {
      this.loading = undefined;
    }
  }

  private loading: EngineClient | undefined;

  private async answer(client: EngineClient, item: GenerateItem, maxNewTokens: number, stop: readonly string[], signal: AbortSignal): Promise<{ completion: string; completionIds: readonly number[] }> {
    this.onProgress({ step: 0, of: maxNewTokens, message: 'answering the prompt' });
    let found: { completion: string; completionIds: readonly number[] } | undefined;
    let failure: string | undefined;
    const result = await client.generate({ items: [item], maxNewTokens, stop, batch: 1, tokenBudget: 1 << 20, chunk: 8, stream: true }, {
      onItem: (r) => ([found, failure] = [{ completion: r.completion, completionIds: r.tokenIds }, r.failure]),
      onPartial: (_, _text, done) => this.onProgress({ step: done, of: maxNewTokens, message: 'answering the prompt' }),
    }, signal);
    if (failure !== undefined) throw new RunError(failure);
    if (!found) throw new RunError(result.cancelled ? 'The answer was cancelled.' : 'The engine gave no answer.');
    return found;
  }

  private at(subject: number): Open {
    const open = this.opened[subject];
    if (!open) throw new RunError('There is no such prompt in this panel.');
    return open;
  }

  tile(params: TileParams, signal: AbortSignal): Promise<Block> {
    return this.at(params.subject).tiles.tile(params, signal);
  }

  thumbnails({ subject, side, size }: { subject: number; side: ProbeSide; size: number }, signal: AbortSignal): Promise<ThumbnailsResult> {
    const { engine, subject: s } = this.at(subject);
    return engine.client.probe.thumbnails(s.summary.handle, side, size, signal);
  }

  soft({ subject, k }: { subject: number; k: number }, signal: AbortSignal): Promise<SoftResult> {
    const { engine, subject: s } = this.at(subject);
    return engine.client.probe.soft(s.summary.handle, k, signal);
  }

  lens({ subject, rows, k }: { subject: number; rows: Range; k: number }, signal: AbortSignal): Promise<LensResult> {
    const { engine, subject: s } = this.at(subject);
    const layers = Array.from({ length: s.summary.lm.layers + 1 }, (_, i) => i);
    return engine.client.probe.lens(s.summary.handle, { layers, rows, k }, signal);
  }

  /** Ends the engines that are not among those. */
  private async release(kept: ReadonlySet<Engine>): Promise<void> {
    for (const [key, promise] of this.engines) {
      const engine = await promise.catch(() => undefined);
      if (engine && kept.has(engine)) continue;
      this.engines.delete(key);
      await engine?.client.close();
    }
  }

  /** Ends every engine, also one that is being loaded. */
  async close(): Promise<void> {
    this.opened = [];
    this.loading?.kill('cancelled');
    await this.release(new Set());
  }
}

/** The whole problem where the run's benchmark still has it (choices and premises are part of the prompt), otherwise the question alone. */
function problemOf(ref: GenerationRef): Problem {
  const alone: Problem = { id: ref.source?.id ?? 'prompt', language: ref.language, kind: 'number', question: ref.question, answer: ref.gold ?? '' };
  if (!ref.source) return alone;
  try {
    const { benchmarkPath } = readManifestOf(ref.source.run).execution;
    const found = loadBenchmark(benchmarkPath).benchmark.problems.get(ref.language)?.find((p) => p.id === ref.source!.id);
    return found?.question === ref.question ? found : alone;
  } catch {
    return alone;
  }
}

/** Name of the benchmark, which some templates put into the prompt. */
function benchmarkOf(ref: GenerationRef): string {
  try {
    return ref.source ? readManifestOf(ref.source.run).environment.benchmark.name : 'prompt';
  } catch {
    return 'prompt';
  }
}

/** A sample of a run as the commands take it. */
export function generationOf(folder: string, { environment, execution }: RunManifest, sample: Sample): GenerationRef {
  return {
    bundle: execution.bundlePath, precision: environment.bundle.precision, question: sample.question, language: sample.language, template: environment.prompt.template,
    gold: sample.gold, maxNewTokens: environment.generation.maxNewTokens, completion: sample.completion, completionIds: sample.tokenIds, source: { run: path.resolve(folder), id: sample.id },
  };
}

/** Ids and questions of a benchmark in one language. @throws RunError when it cannot be read */
export function questionsOf(benchmark: string, language: string): { id: string; question: string; gold: string }[] {
  return (loadBenchmark(benchmark).benchmark.problems.get(language) ?? []).map((p) => ({ id: p.id, question: p.question, gold: p.answer }));
}

/** One problem of a run in every language: as it was answered where it was, otherwise as the benchmark asks it. */
export function translationsOf(folder: string, manifest: RunManifest, id: string, sampleIn: (language: string) => Sample | undefined): GenerationRef[] {
  const { environment, execution, plan } = manifest;
  const out = new Map<string, GenerationRef>();
  for (const language of plan.languages) {
    const sample = sampleIn(language);
    if (sample) out.set(language, generationOf(folder, manifest, sample));
  }
  try {
    for (const [language, problems] of loadBenchmark(execution.benchmarkPath).benchmark.problems) {
      const found = out.has(language) ? undefined : problems.find((p) => p.id === id);
      if (found) {
        out.set(language, {
          bundle: execution.bundlePath, precision: environment.bundle.precision, question: found.question, language, template: environment.prompt.template, gold: found.answer,
          maxNewTokens: environment.generation.maxNewTokens, source: { run: path.resolve(folder), id },
        });
      }
    }
  } catch {
    // The benchmark has gone: what the run holds is all there is.
  }
  return [...out.values()];
}
