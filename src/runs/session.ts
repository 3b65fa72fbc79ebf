import fs from 'node:fs';
import path from 'node:path';
import { bundleFingerprint, type BundleManifest, openBundle, type Precision, PRECISIONS } from '../bundle';
import { promptTemplate } from '../core/prompts';
import { scorerByName, scorersFor } from '../core/scoring';
import { type LoadProgress } from '../protocol/engine';
import { type Continuation, CONTINUATIONS, RUN_MODES, type RunManifest, type RunMode } from '../protocol/run';
import { plannedItems } from '../protocol/shard';
import { type EngineOptions } from '../engine/client';
import { type GenerationBackend } from './backend';
import { loadBenchmark, type LoadedBenchmark } from './benchmark';
import { RunError } from './errors';
import { evaluate, type EvaluateRequest, type EvaluateResult } from './evaluate';
import { benchmarkForMode } from './likelihood';
import { resolveBundle } from './locations';
import { planRun, planSelection, type Selection } from './plan';
import { checkRunFolder } from './store';
import { EnginePool, type PoolOptions } from './pool';
import { openFastest } from './processes';
import { VllmBackend } from './vllm/backend';
import { endpointUrl } from './vllm/http';

/** One evaluation as the CLI, a command or a notebook cell asks for it. Everything has a default but bundle and benchmark. */
export interface EvaluationOptions extends Selection {
  readonly bundle: string;
  readonly benchmark: string;
  readonly precision?: string;
  readonly provider?: 'auto' | 'cpu' | 'cuda';
  readonly scorer?: string;
  /** What is asked of the model; default: `generate`. */
  readonly mode?: RunMode;
  /** Which continuations a `choice` run compares; default: `text`. */
  readonly continuation?: Continuation;
  /** Parity switch for MMWP (method.md 4.8). */
  readonly swapSwedishSwahili?: boolean;
  readonly template?: string;
  readonly batch?: number;
  readonly maxNewTokens?: number;
  /** Finish calculations while decoding (default no). */
  readonly calculator?: boolean;
  readonly threads?: number;
  readonly processes?: number;
  readonly memoryCeiling?: number;
  readonly tokenBudget?: number;
  readonly chunk?: number;
  /** Folder of the run; default: `runs/` under `runsFolder`, named by bundle, benchmark and fingerprint. */
  readonly out?: string;
  readonly runsFolder?: string;
  readonly version: string;
  readonly engine?: EngineOptions;
  /** Who generates: the engine (default), or vLLM servers. */
  readonly backend?: 'onnx' | 'vllm';
  /** Servers of the vLLM backend. */
  readonly endpoints?: readonly string[];
  /** Key of the servers; default: the environment variable LINGUALIFT_VLLM_KEY. */
  readonly key?: string;
  readonly servedModel?: string;
  /** Most requests at once to one server. */
  readonly concurrency?: number;
  readonly requestTimeoutMs?: number;
}

/** Name of the environment variable with the key of vLLM servers. */
export const KEY_VARIABLE = 'LINGUALIFT_VLLM_KEY';

/** A multiple of the rows that the matrix kernels take at once on AVX2 (6) and AVX-512 (12). */
export const DEFAULT_BATCH = 24;

export interface PreparedEvaluation {
  readonly bundle: BundleManifest;
  readonly bundlePath: string;
  readonly precision: Precision;
  readonly benchmark: LoadedBenchmark;
  readonly plan: ReturnType<typeof planSelection>;
  readonly scorer: ReturnType<typeof scorerByName>;
  readonly batch: number;
}

/**
 * Everything that can be checked before a model is loaded: bundle, benchmark, selection, scorer, template, numbers.
 * @throws RunError / BundleError in words
 */
export async function prepareEvaluation(options: EvaluationOptions): Promise<PreparedEvaluation> {
  const mode = oneOf('mode', options.mode, RUN_MODES) ?? 'generate';
  const continuation = oneOf('continuation', options.continuation, CONTINUATIONS);
  if (continuation !== undefined && mode !== 'choice') throw new RunError('--continuation belongs to --mode choice.');
  const loaded = loadBenchmark(options.benchmark);
  const benchmark: LoadedBenchmark = { ...loaded, benchmark: benchmarkForMode(loaded.benchmark, mode) };
  if (options.swapSwedishSwahili === true && benchmark.benchmark.name !== 'mmwp') throw new RunError(`The parity switch for Swedish and Swahili is a fact about MMWP's prefixes and changes nothing on ${benchmark.benchmark.title}. Leave it out.`);
  const plan = planSelection(benchmark.benchmark, options);
  let scorer: ReturnType<typeof scorerByName>;
  try {
    scorer = scorerByName(options.scorer ?? defaultScorer(benchmark, mode));
  } catch (e) {
    throw new RunError((e as Error).message);
  }
  checkScorer(scorer.name, benchmark, mode);
  const whole = (what: string, value: number | undefined, most: number): void => {
    if (value !== undefined && (!Number.isInteger(value) || value < 1 || value > most)) throw new RunError(`${what} must be a whole number from 1 to ${most}, not ${value}.`);
  };
  whole('The batch', options.batch, 1024);
  whole('The number of new tokens (--max-new-tokens)', options.maxNewTokens, 1_000_000);
  whole('The number of processes (--processes)', options.processes, 256);
  whole('The number of threads (--threads)', options.threads, 1024);
  whole('The memory ceiling', options.memoryCeiling, Number.MAX_SAFE_INTEGER);
  const batch = options.batch ?? DEFAULT_BATCH;
  checkRunFolder(options.out ?? options.runsFolder ?? 'runs');
  whole('The number of requests at once (--concurrency)', options.concurrency, 4096);
  const endpoints = options.endpoints ?? [];
  if (options.backend === 'vllm' && endpoints.length === 0) throw new RunError('The vLLM backend needs at least one server: --endpoint http://localhost:8000');
  if (options.backend !== 'vllm' && endpoints.length > 0) throw new RunError('--endpoint belongs to --backend vllm.');
  endpoints.forEach(endpointUrl);
  const bundlePath = resolveBundle(options.bundle);
  const { manifest } = await openBundle(bundlePath, {});
  const precision = choosePrecision(manifest, options.precision, options.provider);
  checkTemplate(bundlePath, manifest, options.template);
  // Hashes of the chosen precision only: reading weights that are not used would cost time for nothing.
  await openBundle(bundlePath, { precision, hashes: true });
  const graph = manifest.precisions[precision]?.files.score ?? manifest.precisions.fp32?.files.score;
  if (mode !== 'generate' && graph === undefined) throw new RunError(`The bundle "${manifest.name}" has no score graph, which --mode ${mode} needs. Export it again with this version.`);
  return { bundle: manifest, bundlePath, precision, benchmark, plan, scorer, batch };
}

/** The prompt template must exist, and a chat template of the LLM must be there when it needs one. */
export function checkTemplate(bundlePath: string, manifest: BundleManifest, asked: string | undefined): void {
  let template: ReturnType<typeof promptTemplate>;
  try {
    template = promptTemplate(asked ?? manifest.prompts.template);
  } catch (e) {
    throw new RunError((e as Error).message);
  }
  const folder = path.join(bundlePath, manifest.parts.lm.tokenizer ?? 'tokenizers/lm');
  if (!template.chat || fs.existsSync(path.join(folder, 'chat_template.jinja'))) return;
  const config = JSON.parse(fs.readFileSync(path.join(folder, 'tokenizer_config.json'), 'utf8')) as { chat_template?: unknown };
  if (typeof config.chat_template !== 'string') {
    throw new RunError(`The prompt template "${template.name}" needs a chat template, and the LLM of "${manifest.name}" has none. Choose another with --template, for instance "plain" or "metamath".`);
  }
}

function oneOf<T extends string>(what: string, value: T | undefined, known: readonly T[]): T | undefined {
  if (value !== undefined && !known.includes(value)) throw new RunError(`--${what} must be ${known.join(', ')}, not "${value}".`);
  return value;
}

/** A scorer must be able to read what the run gives. */
function checkScorer(name: string, { benchmark }: LoadedBenchmark, mode: RunMode): void {
  const gold = [...benchmark.problems.values()].flat()[0]?.answer ?? '';
  const candidates = mode === 'generate' ? undefined : [{ label: mode === 'operation' ? 'a+b' : gold, text: '', tokens: 1, logprob: 0 }];
  const fitting = scorersFor({ gold, candidates });
  if (!fitting.includes(name)) throw new RunError(`The scorer "${name}" cannot read ${benchmark.title} in --mode ${mode}. Choose one of: ${fitting.join(', ')}.`);
}

function defaultScorer(benchmark: LoadedBenchmark, mode: RunMode): string {
  if (mode !== 'generate') return mode === 'operation' ? 'operation' : 'likelihood';
  for (const problems of benchmark.benchmark.problems.values()) if (problems[0] && problems[0].kind !== 'number') return 'choice';
  return 'locale';
}

/** The precision that is asked for, or the first that the bundle has for the provider. @throws RunError when there is none */
export function choosePrecision(manifest: BundleManifest, asked: string | undefined, provider: string | undefined): Precision {
  const has = Object.keys(manifest.precisions) as Precision[];
  if (asked !== undefined) {
    if (!(PRECISIONS as readonly string[]).includes(asked)) throw new RunError(`Unknown precision "${asked}". Known: ${PRECISIONS.join(', ')}.`);
    if (!has.includes(asked as Precision)) throw new RunError(`The bundle "${manifest.name}" has no ${asked}; it has ${has.join(', ')}.`);
    return asked as Precision;
  }
  const wish: readonly Precision[] = provider === 'cuda' ? ['fp16'] : ['fp32', 'int8', 'int4'];
  const found = wish.find((p) => has.includes(p));
  if (!found) throw new RunError(`The bundle "${manifest.name}" offers ${has.join(', ')}, none of which runs on ${provider === 'cuda' ? 'CUDA' : 'the CPU'}. Choose one with --precision.`);
  return found;
}

export interface StartedEvaluation extends PreparedEvaluation {
  readonly backend: GenerationBackend;
  /** What to say of the backend when it is loaded, without its speed. */
  readonly backendInWords: string;
  readonly manifest: RunManifest;
  readonly folder: string;
  run(events: Pick<EvaluateRequest, 'onSample' | 'onProgress' | 'signal' | 'isLanguageCancelled' | 'retryFailed'>): Promise<EvaluateResult>;
}

/** Loads the bundle into engine processes, or its prompt side only where servers generate. */
async function openBackend(options: EvaluationOptions, prepared: PreparedEvaluation, onLoad?: (p: LoadProgress) => void, onLog?: (line: string) => void): Promise<{ backend: GenerationBackend; words: string }> {
  const load = { dir: prepared.bundlePath, precision: prepared.precision, provider: options.provider ?? 'auto', memoryCeiling: options.memoryCeiling ?? 0, batch: prepared.batch } as const;
  const shared = { load, threads: options.threads ?? 0, engine: options.engine, onLoad, onLog };
  if (options.backend === 'vllm') {
    const key = options.key ?? process.env[KEY_VARIABLE];
    const backend = await VllmBackend.open({
      ...shared, endpoints: options.endpoints ?? [], key: key === '' ? undefined : key, model: options.servedModel, requestTimeoutMs: options.requestTimeoutMs,
      ...(options.concurrency === undefined ? {} : { policy: { concurrency: options.concurrency } }),
    });
    return { backend, words: backend.providerReason };
  }
  const wanted: Omit<PoolOptions, 'processes'> = { ...shared, batch: prepared.batch, tokenBudget: options.tokenBudget, hasEncoder: prepared.bundle.parts.encoder !== undefined && prepared.bundle.parts.encoder !== null, chunk: options.chunk };
  const pool = options.processes
    ? await EnginePool.open({ ...wanted, processes: options.processes })
    : await openFastest(wanted, { items: plannedItems(prepared.plan), weights: bundleFingerprint(prepared.bundle, prepared.precision) });
  return { backend: pool, words: `${pool.provider} (${pool.providerReason}), ${pool.processes} × ${pool.threads} threads, loaded in ${(pool.loaded.loadMs / 1000).toFixed(1)} s` };
}

/** Loads what generates and plans the run. Close the backend when done. */
export async function startEvaluation(options: EvaluationOptions, prepared: PreparedEvaluation, onLoad?: (p: LoadProgress) => void, onLog?: (line: string) => void): Promise<StartedEvaluation> {
  const { backend, words } = await openBackend(options, prepared, onLoad, onLog);
  try {
    const manifest = planRun({ ...prepared, mode: options.mode, continuation: options.continuation, swapSwedishSwahili: options.swapSwedishSwahili, bundle: prepared.bundle, template: options.template, maxNewTokens: options.maxNewTokens, calculator: options.calculator, backend, version: options.version });
    const folder = path.resolve(options.out ?? path.join(options.runsFolder ?? 'runs', runFolderName(manifest)));
    return {
      ...prepared,
      backend,
      backendInWords: words,
      manifest,
      folder,
      run: (events) => evaluate({ folder, manifest, benchmark: prepared.benchmark, backend, scorer: prepared.scorer, ...events }),
    };
  } catch (e) {
    await backend.close();
    throw e;
  }
}

/** `smol-lift-int8.lift48.3f9c2a1b04de`: the same settings give the same folder, so the same command resumes. */
export function runFolderName(manifest: RunManifest): string {
  const { bundle, benchmark } = manifest.environment;
  const safe = (s: string): string => s.replace(/[^A-Za-z0-9_-]+/g, '-').slice(0, 40);
  const { shard } = manifest.plan;
  return `${safe(bundle.name)}-${bundle.precision}.${safe(benchmark.name)}.${shard ? `${shard.index}-of-${shard.of}.` : ''}${manifest.fingerprint.slice(0, 12)}`;
}
