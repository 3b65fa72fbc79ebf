import { RequestType } from 'vscode-jsonrpc';
import { type PromptTexts } from '../core/prompts';
import { type ProbeToken } from './probe';

/**
 * Requests that generate one token at a time, with the whole next-token distribution at hand.
 *
 * A session stands at a position: `position` tokens were generated, their keys and values are cached, and the distribution of
 * the token that comes next is known. Nothing is generated before it is asked for. Logarithms are natural. Sessions are
 * independent of each other, so several languages of one problem can be stepped side by side.
 */
export interface StepItem extends PromptTexts {
  /** True when `text` is one user message for the chat template. */
  readonly chat: boolean;
}

/** What a view shows besides the greedy choice. */
export interface StepShow {
  /** Tokens in the list of the most probable; default 20, at most 1000. */
  readonly k?: number;
  /** Ids whose log-probability and rank are wanted, wherever they stand. */
  readonly watch?: readonly number[];
}

/** The distribution of the token at `position`. */
export interface StepView {
  readonly position: number;
  /** The most probable ids, best first; of equal ones the lower id comes first, as the greedy choice takes it. [k] */
  readonly ids: readonly number[];
  readonly logprobs: readonly number[];
  /** In nats; NaN when a logit is not a number. */
  readonly entropy: number;
  /** Logits that are NaN or infinite: 0 in a sound model. */
  readonly nonFinite: number;
  /** In the order of `watch`. */
  readonly watched: readonly { readonly id: number; readonly logprob: number; readonly rank: number }[];
  /** Every id above, once. */
  readonly tokens: readonly ProbeToken[];
  /**
   * Text that each of the ids given with this request added, in order. "" for a special token, and for the first bytes of a
   * character, whose text comes with the token that completes it.
   */
  readonly pieces: readonly string[];
  /** Tokens that fit behind this position: the LLM's positions minus prompt and generated tokens. */
  readonly room: number;
  /** Milliseconds in the graph for this view. */
  readonly ms: number;
}

export interface StepSummary {
  readonly handle: string;
  readonly promptTokens: number;
  readonly encoderTokens: number;
  /** Rows that the alignment layer gives, boundary vectors included. */
  readonly softRows: number;
  readonly prompt: string;
  readonly encoderPrompt?: string;
  readonly maxPositions: number;
  readonly vocabulary: number;
  readonly eosIds: readonly number[];
  /** Milliseconds for the encoder and the alignment layer; 0 without an encoder. */
  readonly encodeMs: number;
  readonly view: StepView;
}

/** Log-probability of a text as a continuation of the session's position. */
export interface TextProbability {
  readonly text: string;
  readonly tokens: readonly ProbeToken[];
  /** Of each token, given those before it. */
  readonly logprobs: readonly number[];
  readonly ranks: readonly number[];
}

/** Opens a prompt and reads it. @returns the session at position 0 */
export const OpenStep = new RequestType<{ item: StepItem; show?: StepShow }, StepSummary, void>('step/open');
/** Takes ids as the next tokens, one graph call each, and stands behind the last of them. Cancelled, it keeps those that were read. */
export const AdvanceStep = new RequestType<{ handle: string; ids: readonly number[]; show?: StepShow }, StepView, void>('step/advance');
/** Forgets every token from `position` on: the cache is cut and the distribution there is computed again. */
export const TruncateStep = new RequestType<{ handle: string; position: number; show?: StepShow }, StepView, void>('step/truncate');
/** Another look at the present position. */
export const ShowStep = new RequestType<{ handle: string; show?: StepShow }, StepView, void>('step/show');
/** Reads texts on from the present position, without moving it. */
export const StepProbabilities = new RequestType<{ handle: string; texts: readonly string[] }, TextProbability[], void>('step/probabilities');
export const CloseStep = new RequestType<{ handle: string }, void, void>('step/close');
