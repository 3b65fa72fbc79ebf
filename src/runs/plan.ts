import { createHash } from 'node:crypto';
import os from 'node:os';
import { type BundleManifest, bundleFingerprint, type Precision } from '../bundle';
import { type Benchmark } from '../core/benchmarks';
import { sampleIds, SampleError } from '../core/benchmarks/sampling';
import { selectLanguages, LanguageSelectionError } from '../core/languages';
import { promptTemplate } from '../core/prompts';
import { type Scorer } from '../core/scoring/types';
import { indexDraw } from '../core/statistics';
import { type Continuation, type RunEnvironment, type RunManifest, type RunMode, type RunPlan, type Sampling, type Shard } from '../protocol/run';
import { type GenerationBackend } from './backend';
import { benchmarkHash, type LoadedBenchmark, problemsOf } from './benchmark';
import { RunError } from './errors';

export interface Selection {
  readonly languages?: string;
  readonly limit?: number;
  readonly seed?: number;
  readonly sampling?: Sampling;
  readonly ids?: readonly string[];
  readonly shard?: Shard;
}

export const DEFAULT_SEED = 1;

/** Which languages and problems are asked. @throws RunError in words for an unknown language, id or an impossible limit */
export function planSelection(benchmark: Benchmark, selection: Selection): RunPlan {
  try {
    const languages = selectLanguages(selection.languages, benchmark.languages);
    const seed = selection.seed ?? DEFAULT_SEED;
    if (!Number.isSafeInteger(seed)) throw new RunError(`The seed must be a whole number, not ${selection.seed}.`);
    const method = selection.sampling ?? 'random';
    const ids = sampleIds(benchmark, languages, { limit: selection.limit, seed, method, ids: selection.ids }, indexDraw(seed));
    const all = !selection.ids && (selection.limit === undefined || selection.limit >= ids.length) && ids.length === (benchmark.problems.get(languages[0]!)?.length ?? 0);
    return { languages, ids, ...(selection.shard ? { shard: selection.shard } : {}), seed, sampling: selection.ids ? 'ids' : all ? 'all' : method };
  } catch (e) {
    if (e instanceof LanguageSelectionError || e instanceof SampleError) throw new RunError(e.message);
    throw e;
  }
}

export interface PlanRequest {
  readonly bundle: BundleManifest;
  readonly bundlePath: string;
  readonly precision: Precision;
  readonly benchmark: LoadedBenchmark;
  readonly plan: RunPlan;
  readonly template?: string;
  readonly scorer: Scorer;
  readonly maxNewTokens?: number;
  readonly calculator?: boolean;
  readonly mode?: RunMode;
  readonly continuation?: Continuation;
  readonly swapSwedishSwahili?: boolean;
  readonly backend: Pick<GenerationBackend, 'name' | 'calculates' | 'provider' | 'versions' | 'served' | 'processes' | 'threads'>;
  readonly batch: number;
  readonly version: string;
}

/** JSON with sorted keys, so that equal contents give equal bytes. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (value !== null && typeof value === 'object') {
    const entries = Object.entries(value).filter(([, v]) => v !== undefined).sort(([a], [b]) => (a < b ? -1 : 1));
    return `{${entries.map(([k, v]) => `${JSON.stringify(k)}:${canonicalJson(v)}`).join(',')}}`;
  }
  return JSON.stringify(value);
}

/** The manifest of a run, with its fingerprint. */
export function planRun(request: PlanRequest): RunManifest {
  const { bundle, benchmark, plan, backend } = request;
  const template = promptTemplate(request.template ?? bundle.prompts.template);
  const problems = problemsOf(benchmark.benchmark, plan.languages, plan.ids);
  const maxNewTokens = request.maxNewTokens ?? bundle.generation.maxNewTokens;
  if (!Number.isInteger(maxNewTokens) || maxNewTokens < 1) throw new RunError(`--max-new-tokens must be a whole number of at least 1, not ${request.maxNewTokens}.`);
  const scored = request.mode !== undefined && request.mode !== 'generate' ? request.mode : undefined;
  const calculator = request.calculator ?? false;
  if (calculator && scored) throw new RunError(`--mode ${scored} generates nothing, so there is nothing to calculate. Leave the calculator out.`);
  if (calculator && !backend.calculates) throw new RunError(`The backend "${backend.name}" cannot calculate while decoding. Leave the calculator out, or use onnxruntime.`);
  const environment: RunEnvironment = {
    bundle: { name: bundle.name, method: bundle.method, sha256: bundleFingerprint(bundle, request.precision), precision: request.precision },
    benchmark: { name: benchmark.benchmark.name, title: benchmark.benchmark.title, version: benchmark.benchmark.version ?? null, sha256: benchmarkHash(problems) },
    prompt: { template: template.name, version: template.version },
    scorer: { name: request.scorer.name, version: request.scorer.version },
    generation: scored ? { maxNewTokens: 0, stop: [], greedy: true } : { maxNewTokens, stop: [...new Set([...template.stop, ...(bundle.generation.stop ?? [])])], greedy: true },
    backend: { name: backend.name, provider: backend.provider, versions: { ...backend.versions, lingualift: request.version }, ...(backend.served ? { served: backend.served } : {}) },
    calculator,
    ...(scored ? { mode: scored } : {}),
    ...(scored === 'choice' ? { continuation: request.continuation ?? 'text' } : {}),
    ...(request.swapSwedishSwahili === true ? { parity: { swapSwedishSwahili: true as const } } : {}),
  };
  const fingerprint = createHash('sha256').update(canonicalJson({ environment, plan })).digest('hex');
  const created = new Date().toISOString();
  return {
    format: 'lift-run/1',
    id: `${fingerprint.slice(0, 12)}-${created.replace(/[-:]/g, '').slice(0, 15)}`,
    created,
    fingerprint,
    environment,
    plan,
    execution: {
      bundlePath: request.bundlePath,
      benchmarkPath: benchmark.path,
      batch: request.batch,
      processes: backend.processes,
      threads: backend.threads,
      platform: `${process.platform}-${process.arch} ${os.cpus()[0]?.model.trim() ?? 'unknown CPU'}`,
    },
  };
}
