import { type BundleManifest } from '../../bundle';
import { encoderText, type PromptTexts } from '../../core/prompts';
import { type Tokenizer } from '../tokenizer';

/** One prompt, ready for the graphs. */
export interface ComposedPrompt {
  /** Ids for `input_ids` of the decoder graphs: an id below zero is soft row −id−1. */
  readonly inputIds: readonly number[];
  /** Ids for the encoder graph, or null when the bundle has none. */
  readonly encoderIds: readonly number[] | null;
  /** Soft rows that the encoder graph must give for this prompt: encoder tokens (or the latents of a perceiver) plus boundary vectors. */
  readonly softRows: number;
  readonly prompt: string;
  readonly encoderPrompt?: string;
  /** The text that the prompt ends with and its ids; absent when it ends with soft rows or BOS. */
  readonly tail?: { readonly text: string; readonly ids: readonly number[] };
}

export interface Tokenizers {
  readonly lm: Tokenizer;
  readonly encoder: Tokenizer | null;
}

/**
 * Puts BOS, soft rows and text together in the bundle's merge order. `normalise: false` leaves the bundle's own normalisation of the
 * encoder's text out.
 *
 * @throws Error when the encoder's or the LLM's limit is passed, or the prompt would be empty
 */
export function composePrompt(manifest: BundleManifest, tokenizers: Tokenizers, texts: PromptTexts & { readonly chat: boolean; readonly normalise?: boolean }): ComposedPrompt {
  const { encoder, connector, lm } = manifest.parts;
  let encoderIds: number[] | null = null;
  let softRows = 0;
  let forEncoder = '';
  if (encoder && connector && tokenizers.encoder) {
    forEncoder = encoderText(texts.encoder, encoder.textPrefix ?? '', texts.normalise === false ? {} : encoder.normalise);
    encoderIds = tokenizers.encoder.encode(forEncoder, true);
    if (encoderIds.length > encoder.maxLength) {
      throw new Error(`The question has ${encoderIds.length} encoder tokens; the encoder takes at most ${encoder.maxLength}.`);
    }
    softRows = (connector.latents ?? encoderIds.length) + (connector.boundary.start ? 1 : 0) + (connector.boundary.end ? 1 : 0);
  }
  const inputIds: number[] = [];
  const read: string[] = [];
  let tail: ComposedPrompt['tail'];
  const push = (text: string, chat: boolean): void => {
    const rendered = chat ? tokenizers.lm.chat(text) : text;
    read.push(rendered);
    tail = { text: rendered, ids: tokenizers.lm.encode(rendered, false) };
    inputIds.push(...tail.ids);
  };
  for (const element of manifest.merge.order) {
    if (element === 'bos' && lm.bosId !== null && !(texts.chat && !encoder)) inputIds.push(lm.bosId);
    else if (element === 'enc') {
      for (let i = 1; i <= softRows; i++) inputIds.push(-i);
      tail = undefined;
    }
    else if (element === 'instruction' && texts.instruction !== '') push(texts.instruction, false);
    else if (element === 'text' && texts.text !== '') push(texts.text, texts.chat);
  }
  if (inputIds.length === 0) throw new Error("The prompt is empty: the bundle's merge order uses no text that this prompt template gives.");
  if (inputIds.length >= lm.maxPositions) throw new Error(`The prompt has ${inputIds.length} tokens; the LLM takes at most ${lm.maxPositions}, answer included.`);
  const prompt = read.join('');
  const composed = { inputIds, encoderIds, softRows, ...(tail ? { tail } : {}) };
  if (!encoderIds) return { ...composed, prompt };
  return prompt === '' ? { ...composed, prompt: forEncoder } : { ...composed, prompt, encoderPrompt: forEncoder };
}
