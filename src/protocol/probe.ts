import { NotificationType, RequestType } from 'vscode-jsonrpc';
import { type Block, type Span } from '../core/analysis/blocks';
import { type PromptTexts } from '../core/prompts';

/**
 * Requests for a look inside a model: one prompt with its completion, teacher-forced, or mean-pooled states of many prompts.
 *
 * Everything large is asked for by layer and by a range of rows, and comes as a row-major typed array. A range is
 * [from, to). Positions of the LLM count from its first input token; soft slots stand among them where the bundle's merge
 * order puts them. The joint axis of the panels is: encoder tokens, then LLM positions (`ProbeSummary.stages`).
 */
export interface ProbeItem extends PromptTexts {
  /** True when `text` is one user message for the chat template. */
  readonly chat: boolean;
  /** False: the encoder reads the text as it is written, whatever normalisation the bundle asks for. */
  readonly normalise?: boolean;
  /** Text that the LLM reads after the prompt; default: nothing. */
  readonly completion?: string;
  /** Ids of the completion as they were generated; wins over `completion`, whose tokens may be cut otherwise. */
  readonly completionIds?: readonly number[];
}

export type ProbeSide = 'encoder' | 'lm';
export type { Block };
export type Range = Span;

/** One token, ready to be shown. */
export interface ProbeToken {
  readonly id: number;
  /** The text that the token stands for; the vocabulary's own spelling for a special token; "" for a part of a character. */
  readonly text: string;
  /** The token's bytes in hex, when they are no whole UTF-8 text. */
  readonly hex?: string;
  readonly special: boolean;
  /** True where a new word begins, so that sub-words can be merged. */
  readonly wordStart: boolean;
}

export interface LmPosition extends ProbeToken {
  readonly stage: 'soft' | 'prompt' | 'generated';
  /** Soft slots only: index of the encoder token that it is made of, or which boundary vector it is; null for a latent. */
  readonly source?: number | 'start' | 'end' | null;
}

export interface ProbeStage {
  readonly name: 'encoder' | 'soft' | 'prompt' | 'generated';
  /** Range on the joint axis. A stage can occur more than once (text before and after the soft slots). */
  readonly from: number;
  readonly to: number;
}

export interface ProbePart {
  readonly layers: number;
  readonly heads: number;
  readonly width: number;
  /** Precision of the graph that gives this part's numbers. */
  readonly precision: string;
}

export interface ProbeSummary {
  readonly handle: string;
  readonly encoder: (ProbePart & { readonly tokens: readonly ProbeToken[] }) | null;
  readonly lm: ProbePart & { readonly vocabulary: number; readonly positions: readonly LmPosition[] };
  readonly stages: readonly ProbeStage[];
  /** LLM positions of the prompt; the rest was generated. */
  readonly promptLength: number;
}

export interface AttentionParams {
  readonly handle: string;
  /** `source` has LLM positions as rows and encoder tokens as columns, and exists for the roll-out only. */
  readonly side: ProbeSide | 'source';
  /** One layer; the mean or maximum over layers; or the roll-out, which ignores `head`. */
  readonly layer: number | 'mean' | 'max' | 'rollout';
  readonly head: number | 'mean' | 'max';
  /** Queries. */
  readonly rows: Range;
  /** Keys; default: all. */
  readonly columns?: Range;
  /** Level of detail: one value for `pool` × `pool` cells, counted from the start of the ranges; default 1. */
  readonly pool?: number;
  readonly poolBy?: 'mean' | 'max';
}

export interface ThumbnailsResult {
  /** [layers, heads, size, size]: the largest weight in each cell. `size` is the asked one, or the number of tokens when that is smaller. */
  readonly data: Float32Array;
  readonly layers: number;
  readonly heads: number;
  readonly size: number;
}

export interface NormSummary {
  readonly mean: number;
  readonly min: number;
  readonly q05: number;
  readonly median: number;
  readonly q95: number;
  readonly max: number;
}

export interface SoftResult {
  readonly slots: number;
  /** Norm of each slot's encoder state, before the alignment layer; NaN for a boundary vector. [slots] */
  readonly before: Float32Array;
  /** Norm of each soft vector, as the LLM gets it. [slots] */
  readonly after: Float32Array;
  /** Norms of the LLM's own token embeddings over the whole vocabulary. */
  readonly embeddings: NormSummary;
  /** Tokens in each list of neighbours. */
  readonly k: number;
  /** Nearest vocabulary tokens of each slot, best first: by cosine similarity and by Euclidean distance. [slots, k] */
  readonly cosineIds: Int32Array;
  readonly cosine: Float32Array;
  readonly distanceIds: Int32Array;
  readonly distance: Float32Array;
  /** Every id that occurs above. */
  readonly tokens: readonly ProbeToken[];
}

export interface LensParams {
  readonly handle: string;
  /** 0 is the embeddings, `lm.layers` the output of the last layer. */
  readonly layers: readonly number[];
  readonly rows: Range;
  /** Tokens in each list; default 5. */
  readonly k?: number;
}

/** The next-token view of layers × rows: final norm and head on each state. Probabilities are natural logarithms. */
export interface LensResult {
  readonly layers: readonly number[];
  readonly rows: Range;
  readonly k: number;
  /** [layers, rows, k], best first. */
  readonly topIds: Int32Array;
  readonly topLogprobs: Float32Array;
  /** In nats. [layers, rows] */
  readonly entropy: Float32Array;
  /** Kullback-Leibler divergence of the layer's distribution from the last layer's, D(last ‖ layer), in nats. [layers, rows] */
  readonly kl: Float32Array;
  /** Rank of the token that really follows, 1 = first; 0 where none does (a soft slot comes next, or nothing). [layers, rows] */
  readonly rank: Int32Array;
  /** Log-probability of the token that really follows; NaN where none does. [layers, rows] */
  readonly chosenLogprob: Float32Array;
  /** Scripts (ISO 15924; `Zyyy` other letters, "" no letters, `Zzzz` parts of characters) of `scriptMass`. */
  readonly scripts: readonly string[];
  /** Probability that each layer gives to tokens of each script. [layers, rows, scripts] */
  readonly scriptMass: Float32Array;
  /** Every id of `topIds`. */
  readonly tokens: readonly ProbeToken[];
}

export interface PooledItem extends PromptTexts {
  readonly chat: boolean;
  /** False: the encoder reads the text as it is written, whatever normalisation the bundle asks for. */
  readonly normalise?: boolean;
}

export interface PooledParams {
  readonly job: number;
  readonly items: readonly PooledItem[];
  /** LLM layers, 0 (embeddings) to `lm.layers`. */
  readonly layers: readonly number[];
  readonly batch: number;
}

export interface PooledStage {
  /** `encoder`: last hidden states; `aligned`: after the alignment layer; `lm.N`: states of layer N. */
  readonly name: string;
  readonly width: number;
  /** [items, width] */
  readonly vectors: Float32Array;
}

export interface PooledResult {
  readonly stages: readonly PooledStage[];
}

export const OpenProbe = new RequestType<{ item: ProbeItem; memoryLimit?: number }, ProbeSummary, void>('probe/open');
export const CloseProbe = new RequestType<{ handle: string }, void, void>('probe/close');
export const ProbeAttention = new RequestType<AttentionParams, Block, void>('probe/attention');
export const ProbeThumbnails = new RequestType<{ handle: string; side: ProbeSide; size: number }, ThumbnailsResult, void>('probe/thumbnails');
export const ProbeHidden = new RequestType<{ handle: string; side: ProbeSide; layer: number; rows: Range }, Block, void>('probe/hidden');
/** Soft vectors before (`before`: encoder states, boundary rows zero) and after the alignment layer. */
export const ProbeSoftVectors = new RequestType<{ handle: string; which: 'before' | 'after'; rows: Range }, Block, void>('probe/softVectors');
export const ProbeSoft = new RequestType<{ handle: string; k?: number }, SoftResult, void>('probe/soft');
export const ProbeLens = new RequestType<LensParams, LensResult, void>('probe/lens');
export const PooledStates = new RequestType<PooledParams, PooledResult, void>('probe/pooled');
/** `share`: of all tokens, which is what the time goes with. */
export const OnPooledProgress = new NotificationType<{ job: number; done: number; of: number; share: number }>('probe/pooledProgress');
