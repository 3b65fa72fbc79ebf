import { type Choice } from '../core/benchmarks/types';
import { type Candidate, type Score } from '../core/scoring/types';
import { type ServedModel } from './endpoints';

/** `manifest.json` of a run folder: everything that made the numbers. Written once, before the first sample. */
export interface RunManifest {
  readonly format: 'lift-run/1';
  /** Folder-independent id: first 12 hex digits of the fingerprint plus the time of creation. */
  readonly id: string;
  readonly created: string;
  /** SHA-256 over `environment` and `plan`. Same fingerprint = same run; anything else is another run. */
  readonly fingerprint: string;
  readonly environment: RunEnvironment;
  readonly plan: RunPlan;
  /** Facts that do not change a completion (checked by tests) and so stay outside the fingerprint. */
  readonly execution: RunExecution;
}

export interface RunEnvironment {
  readonly bundle: { readonly name: string; readonly method: string; readonly sha256: string; readonly precision: string };
  readonly benchmark: { readonly name: string; readonly title: string; readonly version: string | null; readonly sha256: string };
  readonly prompt: { readonly template: string; readonly version: number };
  readonly scorer: { readonly name: string; readonly version: number };
  readonly generation: { readonly maxNewTokens: number; readonly stop: readonly string[]; readonly greedy: true };
  readonly backend: {
    readonly name: string;
    readonly provider: string;
    readonly versions: Readonly<Record<string, string>>;
    /** What vLLM servers serve; absent with the engine. */
    readonly served?: ServedModel;
  };
  /** Calculations that the model wrote up to their equals sign were finished by exact arithmetic while it decoded. */
  readonly calculator: boolean;
  /** What is asked of the model; absent in runs that generate. */
  readonly mode?: Exclude<RunMode, 'generate'>;
  /** Which continuations a `choice` run compares; absent otherwise. */
  readonly continuation?: Continuation;
  /** Parity switches that are on (method.md 4.8); absent when none is. */
  readonly parity?: { readonly swapSwedishSwahili?: true };
}

/**
 * `generate`: the model writes and a scorer reads. `choice`: log-likelihoods of the choices of an item. `operation`: log-likelihoods of
 * the calculations with the two numbers of a word problem.
 */
export const RUN_MODES = ['generate', 'choice', 'operation'] as const;
export type RunMode = (typeof RUN_MODES)[number];

/** `text`: each choice's own text after the bare question. `label`: the label of each choice after the question with its choices. */
export const CONTINUATIONS = ['text', 'label'] as const;
export type Continuation = (typeof CONTINUATIONS)[number];

/** Ways to draw problems: at random, in proportion to difficulty, equally many of each gold answer (`balanced`), or the first. */
export const SAMPLINGS = ['random', 'stratified', 'balanced', 'first'] as const;
export type Sampling = (typeof SAMPLINGS)[number];

export interface RunPlan {
  readonly languages: readonly string[];
  readonly ids: readonly string[];
  /** The part of the items that this run asks, where the whole is spread over several runs: number `index` (from 1) of `of`. */
  readonly shard?: Shard;
  readonly seed: number;
  readonly sampling: 'all' | 'ids' | Sampling;
}

export interface Shard {
  readonly index: number;
  readonly of: number;
}

export interface RunExecution {
  readonly bundlePath: string;
  readonly benchmarkPath: string;
  readonly batch: number;
  readonly processes: number;
  readonly threads: number;
  readonly platform: string;
}

/** `scored`: nothing was generated; the sample holds log-likelihoods. */
export type StopReason = 'eos' | 'length' | 'stop-string' | 'failed' | 'scored';

/** One line of `samples.jsonl`. */
export interface Sample extends Omit<Score, 'span' | 'error'> {
  readonly id: string;
  readonly language: string;
  readonly question: string;
  /** What the LLM read as text; for a merge without LLM text, what the encoder read. */
  readonly prompt: string;
  /** What the encoder read, when the bundle has one and it differs from `prompt`. */
  readonly encoderPrompt?: string;
  readonly completion: string;
  readonly tokenIds: readonly number[];
  /** Natural-log probability of each token of `tokenIds`; 0 for those in `forced`. */
  readonly tokenLogprobs: readonly number[];
  /** Indices into `tokenIds` of what the calculator wrote; absent when it wrote nothing. */
  readonly forced?: readonly number[];
  readonly stopReason: StopReason;
  readonly stopString?: string;
  readonly promptTokens: number;
  readonly encoderTokens: number;
  readonly gold: string;
  /** Choices of the item, where it has any: what a scorer needs to read the completion again. */
  readonly choices?: readonly Choice[];
  /** The continuations of a likelihood run, in the order offered. `completion` is then the likeliest one. */
  readonly candidates?: readonly Candidate[];
  /** Tokens of the question alone, by the LLM's and the encoder's tokenizer (null without an encoder). */
  readonly questionTokens?: readonly [lm: number, encoder: number | null];
  readonly span: readonly [number, number] | null;
  readonly error: Score['error'];
  /** Why the item failed, when `stopReason` is `failed`. */
  readonly failure?: string;
  /** Milliseconds from the start of the item's first batch to its last token. */
  readonly ms: number;
}

/** Geometric mean of the probabilities of the tokens that the model chose; null when it chose none. */
export function meanProbability(sample: Pick<Sample, 'tokenLogprobs' | 'forced'>): number | null {
  const forced = new Set(sample.forced);
  const chosen = sample.tokenLogprobs.filter((_, i) => !forced.has(i));
  return chosen.length === 0 ? null : Math.exp(chosen.reduce((a, b) => a + b, 0) / chosen.length);
}

export type RunStatus = 'planned' | 'running' | 'paused' | 'cancelled' | 'failed' | 'finished';

/** `state.json`: what changes while a run lives. Rewritten atomically; losing it loses no sample. */
export interface RunState {
  readonly status: RunStatus;
  readonly updated: string;
  readonly name?: string;
  readonly tags?: readonly string[];
  /** Seconds of generation over all sessions of the run. */
  readonly seconds: number;
  readonly newTokens: number;
  readonly error?: string;
  /** Languages that the user took out while it ran. */
  readonly cancelledLanguages?: readonly string[];
}
