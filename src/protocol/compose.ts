import { RequestType } from 'vscode-jsonrpc';
import { type GenerateItem } from './engine';
import { type StopReason } from './run';

/**
 * Requests for the two ends of a generation whose middle runs elsewhere: what the LLM of another server has to read, and what
 * its token ids amount to. The engine that answers them needs tokenizers, encoder and token table only (`parts: 'prompts'`).
 */

/** A prompt by its texts, or by its ids as the self-test stores them (an id below zero is soft row −id−1). */
export type ComposeItem = GenerateItem | { readonly key: string; readonly inputIds: readonly number[]; readonly encoderIds: readonly number[] | null };

export interface ComposedItem {
  readonly key: string;
  readonly prompt: string;
  readonly encoderPrompt?: string;
  /** Ids of the LLM's input; below zero where a soft row stands. */
  readonly inputIds: readonly number[];
  readonly encoderTokens: number;
  /** Input embeddings, row-major [inputIds.length, hidden], float32; absent when every input is a token of the vocabulary. */
  readonly embeds?: Float32Array;
  /** Why the prompt cannot be asked; then the rest is empty. */
  readonly failure?: string;
}

export interface SettleItem {
  readonly key: string;
  readonly ids: readonly number[];
  readonly logprobs: readonly number[];
  /** Most new tokens of this item. */
  readonly limit: number;
}

/** What a list of greedy ids amounts to, by the same rules as in the engine's own loop. */
export interface SettledItem {
  readonly key: string;
  /** Null: the ids hold no reason to stop, generation would go on. */
  readonly end: {
    readonly completion: string;
    readonly ids: readonly number[];
    readonly logprobs: readonly number[];
    readonly stopReason: StopReason;
    readonly stopString?: string;
  } | null;
}

export interface ComposeParams {
  readonly items: readonly ComposeItem[];
  /** Most prompts in one pass of the encoder. */
  readonly batch: number;
}

export interface SettleParams {
  readonly items: readonly SettleItem[];
  readonly stop: readonly string[];
}

export const Compose = new RequestType<ComposeParams, ComposedItem[], void>('compose/prompts');
export const Settle = new RequestType<SettleParams, SettledItem[], void>('compose/settle');
