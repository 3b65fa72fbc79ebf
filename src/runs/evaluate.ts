import { type Problem } from '../core/benchmarks';
import { promptTemplate } from '../core/prompts';
import { type Scorer } from '../core/scoring/types';
import { type EndpointView } from '../protocol/endpoints';
import { type GenerateItem, type ItemResult } from '../protocol/engine';
import { type RunManifest, type RunState, type Sample } from '../protocol/run';
import { type GenerationBackend } from './backend';
import { type LoadedBenchmark } from './benchmark';
import { RunError } from './errors';
import { toLikelihoodSample, toScoreGroup } from './likelihood';
import { plannedProblems } from './shard';
import { RunWriter, sampleKey, writeState } from './store';

export interface EvaluateRequest {
  readonly folder: string;
  readonly manifest: RunManifest;
  readonly benchmark: LoadedBenchmark;
  readonly backend: GenerationBackend;
  readonly scorer: Scorer;
  readonly signal?: AbortSignal;
  /** Run items again that an earlier session recorded as failed. */
  readonly retryFailed?: boolean;
  /** Asked before items are sent and when one comes back: a language that the user took out meanwhile. */
  readonly isLanguageCancelled?: (language: string) => boolean;
  readonly onSample?: (sample: Sample, progress: EvaluateProgress) => void;
  readonly onProgress?: (progress: EvaluateProgress) => void;
}

export interface EvaluateProgress {
  readonly done: number;
  readonly total: number;
  /** Items taken over from earlier sessions. */
  readonly resumed: number;
  readonly newTokens: number;
  /** Seconds of this session. */
  readonly seconds: number;
  readonly tokensPerSecond: number;
  /** Seconds left at the present pace; undefined before anything is done. */
  readonly etaSeconds: number | undefined;
  readonly rss: number;
  /** The servers, when the run is answered by servers. */
  readonly endpoints?: readonly EndpointView[];
}

export interface EvaluateResult {
  readonly samples: readonly Sample[];
  readonly state: RunState;
  readonly resumed: number;
  readonly cancelled: boolean;
  readonly damagedLines: readonly number[];
  readonly progress: EvaluateProgress;
}

/**
 * Runs what is missing of a run: the same call again continues where it stopped. Each sample is on disk before it is shown.
 *
 * @throws RunError when the folder holds another run or cannot be written, or the backend cannot go on
 */
export async function evaluate(request: EvaluateRequest): Promise<EvaluateResult> {
  const { manifest, backend, benchmark, scorer } = request;
  const writer = RunWriter.open(request.folder, manifest);
  const startedAt = performance.now();
  try {
    const problems = plannedProblems(benchmark.benchmark, manifest.plan);
    const byKey = new Map(problems.map((p) => [sampleKey(p), p]));
    const kept = new Map<string, Sample>();
    for (const sample of writer.existing.samples) {
      if (byKey.has(sampleKey(sample)) && !(request.retryFailed && sample.stopReason === 'failed')) kept.set(sampleKey(sample), sample);
    }
    const resumed = kept.size;
    const before = writeState(request.folder, { status: 'running', error: undefined });
    const skip = (p: Problem): boolean => request.isLanguageCancelled?.(p.language) ?? false;
    const missing = problems.filter((p) => !kept.has(sampleKey(p)) && !skip(p));
    let newTokens = 0;
    let rss = 0;
    let endpoints: readonly EndpointView[] | undefined;
    let writeError: Error | undefined;
    const abort = new AbortController();
    const forward = (): void => abort.abort();
    request.signal?.addEventListener('abort', forward, { once: true });
    if (request.signal?.aborted) abort.abort();
    const progress = (): EvaluateProgress => {
      const seconds = (performance.now() - startedAt) / 1000;
      const fresh = kept.size - resumed;
      const left = problems.length - kept.size;
      return {
        done: kept.size, total: problems.length, resumed, newTokens, seconds, rss,
        tokensPerSecond: seconds > 0 ? newTokens / seconds : 0,
        etaSeconds: fresh > 0 ? (seconds / fresh) * left : undefined,
        ...(endpoints ? { endpoints } : {}),
      };
    };
    const fertility = new Map<string, Sample['questionTokens']>();
    const keep = (key: string, make: (problem: Problem) => Sample): void => {
      const problem = byKey.get(key);
      if (!problem || writeError || kept.has(key)) return;
      try {
        const counts = fertility.get(key);
        const sample = counts ? { ...make(problem), questionTokens: counts } : make(problem);
        writer.append(sample);
        kept.set(key, sample);
        if (!sample.candidates) newTokens += sample.tokenIds.length;
        request.onSample?.(sample, progress());
      } catch (e) {
        writeError = e as Error;
        abort.abort();
      }
    };
    let failure: Error | undefined;
    try {
      if (missing.length > 0) {
        const counts = await backend.tokenCounts?.(missing.map((p) => p.question));
        counts?.forEach((c, i) => fertility.set(sampleKey(missing[i]!), c));
      }
      if (missing.length > 0 && manifest.environment.mode !== undefined) {
        if (!backend.score) throw new RunError(`The backend ${backend.name} gives no log-likelihoods of continuations. Use --mode generate, or the onnxruntime engine.`);
        const groups = new Map(missing.map((p) => [sampleKey(p), toScoreGroup(p, manifest)]));
        await backend.score({
          groups: [...groups.values()],
          onGroup: (key, results, ms) => keep(key, (p) => toLikelihoodSample(p, groups.get(key)!, results, ms, scorer)),
          signal: abort.signal,
        });
      } else if (missing.length > 0) {
        await backend.generate({
          items: missing.map((p) => toItem(p, manifest)),
          maxNewTokens: manifest.environment.generation.maxNewTokens,
          stop: manifest.environment.generation.stop,
          calculator: manifest.environment.calculator,
          onItem: (item) => keep(item.key, (p) => toSample(p, item, scorer)),
          onProgress: (p) => {
            rss = Math.max(rss, p.rss);
            endpoints = p.endpoints;
            request.onProgress?.(progress());
          },
          signal: abort.signal,
        });
      }
    } catch (e) {
      failure = e as Error;
    } finally {
      request.signal?.removeEventListener('abort', forward);
    }
    failure = writeError ?? failure;
    const complete = problems.every((p) => kept.has(sampleKey(p)) || skip(p));
    const cancelled = !complete && failure === undefined;
    const end = progress();
    const state = settle(request.folder, {
      status: failure ? 'failed' : cancelled ? 'cancelled' : 'finished',
      seconds: before.seconds + end.seconds,
      newTokens: before.newTokens + newTokens,
      error: failure?.message,
    }, failure);
    if (failure) throw failure instanceof RunError ? failure : new RunError(failure.message, 1);
    const samples = problems.map((p) => kept.get(sampleKey(p))).filter((s): s is Sample => s !== undefined);
    return { samples, state, resumed, cancelled, damagedLines: writer.existing.damagedLines, progress: end };
  } finally {
    writer.close();
  }
}

/** Writes the last state; a disk that is full must not hide the first error. */
function settle(folder: string, change: Partial<RunState>, failure: Error | undefined): RunState {
  try {
    return writeState(folder, change);
  } catch (e) {
    throw failure ?? e;
  }
}

/** One problem as the backend gets it. */
export function toItem(problem: Problem, manifest: RunManifest): GenerateItem {
  const template = promptTemplate(manifest.environment.prompt.template);
  const context = { benchmark: manifest.environment.benchmark.name, swapSwedishSwahili: manifest.environment.parity?.swapSwedishSwahili };
  const stop = template.itemStop?.(problem, context);
  return { key: sampleKey(problem), chat: template.chat, ...(stop ? { stop } : {}), ...template.render(problem, context) };
}

/** One scored line of the run. A failed item is a sample too: wrong, with its reason. */
export function toSample(problem: Problem, item: ItemResult, scorer: Scorer): Sample {
  const score = scorer.score({
    language: problem.language,
    completion: item.completion,
    gold: problem.answer,
    kind: problem.kind,
    choices: problem.choices,
    question: problem.question,
  });
  const failed = item.stopReason === 'failed';
  return {
    id: problem.id,
    language: problem.language,
    question: problem.question,
    prompt: item.prompt,
    ...(item.encoderPrompt !== undefined ? { encoderPrompt: item.encoderPrompt } : {}),
    completion: item.completion,
    tokenIds: item.tokenIds,
    tokenLogprobs: item.tokenLogprobs.map((x) => Math.round(x * 1e5) / 1e5),
    ...(item.forced !== undefined ? { forced: item.forced } : {}),
    stopReason: item.stopReason,
    ...(item.stopString !== undefined ? { stopString: item.stopString } : {}),
    promptTokens: item.promptTokens,
    encoderTokens: item.encoderTokens,
    gold: problem.answer,
    ...(problem.choices ? { choices: problem.choices } : {}),
    value: failed ? null : score.value,
    span: failed ? null : score.span,
    reading: failed ? 'the item failed' : score.reading,
    ambiguous: score.ambiguous,
    ...(score.alternatives && score.alternatives.length > 0 ? { alternatives: score.alternatives } : {}),
    correct: failed ? false : score.correct,
    error: failed ? 'failed' : item.stopReason === 'length' && score.error !== null && score.error !== 'repetition' && score.value === null ? 'truncated' : score.error,
    scorer: score.scorer,
    ...(item.failure !== undefined ? { failure: item.failure } : {}),
    ms: item.ms,
  };
}
