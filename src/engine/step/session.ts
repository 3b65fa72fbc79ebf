import type * as ort from 'onnxruntime-node';
import { nextTokenView, rankOf, topIndices } from '../../core/analysis/lens';
import { type StepItem, type StepShow, type StepSummary, type StepView, type TextProbability } from '../../protocol/step';
import { type Cache, emptyCache, gatherRows } from '../generation/cache';
import { decoderFeeds, presentCache } from '../generation/model';
import { type ComposedPrompt, composePrompt } from '../generation/prompt';
import { type TokenTexts } from '../probe/tokens';
import { type LoadedBundle } from '../sessions';
import { TextTrack } from './text';

const DEFAULT_TOP = 20;
const MAX_TOP = 1000;
const NO_SOFT = new Float32Array(0);

/** Lets messages in and throws when the request was cancelled. Called before every native call. */
type Between = () => Promise<void>;

interface Pass {
  /** [vocabulary] */
  readonly logits: Float32Array;
  /** Exactly as long as what was read. */
  readonly cache: Cache;
  readonly ms: number;
}

/**
 * One generation, a token at a time, on `step.onnx`.
 *
 * Every token is one pass of one row with one new id, whether it is taken, forced, or taken again after a cut, so that the
 * numbers at a position do not depend on how it was reached.
 */
export class StepSession {
  private readonly ids: number[] = [];
  private readonly track: TextTrack;
  private pieces: string[] = [];

  private constructor(
    private readonly bundle: LoadedBundle,
    private readonly graph: ort.InferenceSession,
    private readonly texts: TokenTexts,
    readonly handle: string,
    private readonly prompt: ComposedPrompt,
    private readonly encodeMs: number,
    /** After the prompt, so that a cut to position 0 needs no second reading. */
    private readonly first: Pass,
    private now: Pass,
  ) {
    this.track = new TextTrack((ids) => bundle.tokenizers.lm.decode(ids));
  }

  /** @throws Error when the prompt does not fit, or the bundle has no step graph at its precision */
  static async open(bundle: LoadedBundle, texts: TokenTexts, handle: string, item: StepItem, between: Between): Promise<StepSession> {
    const prompt = composePrompt(bundle.manifest, bundle.tokenizers, item);
    if (bundle.graphFile('step').precision !== bundle.precision) throw new Error(`The bundle has no step graph at ${bundle.precision}, so its generation cannot be stepped. Export it again with this version, or use fp32.`);
    const graph = await bundle.session('step');
    await between();
    const startedAt = performance.now();
    const soft = prompt.encoderIds ? (await bundle.model.encode([prompt.encoderIds]))[0]! : NO_SOFT;
    const encodeMs = prompt.encoderIds ? performance.now() - startedAt : 0;
    await between();
    const first = await pass(bundle, graph, prompt.inputIds, soft, null);
    return new StepSession(bundle, graph, texts, handle, prompt, encodeMs, first, first);
  }

  private get room(): number {
    return this.bundle.manifest.parts.lm.maxPositions - this.prompt.inputIds.length - this.ids.length;
  }

  summary(show: StepShow | undefined): StepSummary {
    const { prompt } = this;
    const { lm } = this.bundle.manifest.parts;
    return {
      handle: this.handle,
      promptTokens: prompt.inputIds.length,
      encoderTokens: prompt.encoderIds?.length ?? 0,
      softRows: prompt.softRows,
      prompt: prompt.prompt,
      ...(prompt.encoderPrompt === undefined ? {} : { encoderPrompt: prompt.encoderPrompt }),
      maxPositions: lm.maxPositions,
      vocabulary: lm.vocab,
      eosIds: lm.eosIds,
      encodeMs: this.encodeMs,
      view: this.view(show),
    };
  }

  view(show: StepShow = {}): StepView {
    const { logits, nonFinite } = sound(this.now.logits);
    const { k = DEFAULT_TOP, watch = [] } = show;
    if (!Number.isInteger(k) || k < 1 || k > MAX_TOP) throw new Error(`The number of tokens to show must be 1 to ${MAX_TOP}, not ${k}.`);
    watch.forEach((id) => this.check(id));
    const { logprobs, entropy } = nextTokenView(logits);
    const ids = topIndices(logits, Math.min(k, logits.length));
    return {
      position: this.ids.length,
      ids,
      logprobs: ids.map((id) => logprobs[id]!),
      entropy: nonFinite > 0 ? NaN : entropy,
      nonFinite,
      watched: watch.map((id) => ({ id, logprob: logprobs[id]!, rank: rankOf(logits, id) })),
      tokens: this.texts.showAll([...ids, ...watch]),
      pieces: this.pieces,
      room: this.room,
      ms: this.now.ms,
    };
  }

  /** @throws Error for an id outside the vocabulary, or when the LLM's positions are used up */
  async advance(ids: readonly number[], between: Between): Promise<void> {
    ids.forEach((id) => this.check(id));
    this.pieces = [];
    for (const id of ids) {
      if (this.room < 1) throw new Error(`The context is full: prompt and answer use all ${this.bundle.manifest.parts.lm.maxPositions} positions of the LLM.`);
      await between();
      this.now = await this.pass([id], this.now.cache);
      this.ids.push(id);
      this.pieces.push(this.track.push(id));
    }
  }

  /** @throws Error when the position was not reached yet */
  async truncate(position: number, between: Between): Promise<void> {
    if (!Number.isInteger(position) || position < 0 || position > this.ids.length) throw new Error(`There is no position ${position}; ${this.ids.length} tokens were generated.`);
    this.pieces = [];
    if (position === this.ids.length) return;
    await between();
    if (position === 0) this.now = this.first;
    else {
      const length = this.prompt.inputIds.length + position - 1;
      const cut = gatherRows(this.bundle.model.shape, [{ cache: this.now.cache, row: 0, length }]);
      this.now = await this.pass([this.ids[position - 1]!], cut);
    }
    this.ids.length = position;
    this.track.truncate(position);
  }

  /** Reads a text on from here, without moving. */
  async probability(text: string, between: Between): Promise<TextProbability> {
    const ids = this.bundle.tokenizers.lm.encode(text, false);
    if (ids.length === 0) throw new Error('There is no token in an empty text.');
    if (ids.length > this.room) throw new Error(`The text has ${ids.length} tokens; ${Math.max(0, this.room)} positions are left.`);
    const logprobs: number[] = [];
    const ranks: number[] = [];
    let at = this.now;
    for (const [i, id] of ids.entries()) {
      const { logits } = sound(at.logits);
      logprobs.push(nextTokenView(logits).logprobs[id]!);
      ranks.push(rankOf(logits, id));
      if (i + 1 === ids.length) break;
      await between();
      at = await this.pass([id], at.cache);
    }
    return { text, tokens: ids.map((id) => this.texts.show(id)), logprobs, ranks };
  }

  private check(id: number): void {
    const { vocab } = this.bundle.manifest.parts.lm;
    if (!Number.isInteger(id) || id < 0 || id >= vocab) throw new Error(`There is no token ${id}; the vocabulary has ${vocab}, numbered from 0.`);
  }

  private pass(ids: readonly number[], cache: Cache): Promise<Pass> {
    return pass(this.bundle, this.graph, ids, NO_SOFT, cache);
  }
}

async function pass(bundle: LoadedBundle, graph: ort.InferenceSession, ids: readonly number[], soft: Float32Array, cache: Cache | null): Promise<Pass> {
  const startedAt = performance.now();
  const past = cache ?? emptyCache(bundle.model.shape, 1);
  const out = await graph.run(decoderFeeds(bundle.ort, bundle.manifest.parts.lm, bundle.model.shape, [{ ids, soft, past: past.length }], past));
  const grown = presentCache(out, past, 1);
  const length = past.length + ids.length;
  // The graph may have read a filler behind the prompt.
  const cut = grown.length === length ? grown : gatherRows(bundle.model.shape, [{ cache: grown, row: 0, length }]);
  return { logits: out.logits!.data as Float32Array, cache: cut, ms: performance.now() - startedAt };
}

/** Logits that can be sorted and summed: what is not a number counts as impossible. */
function sound(logits: Float32Array): { readonly logits: Float32Array; readonly nonFinite: number } {
  let nonFinite = 0;
  for (let i = 0; i < logits.length; i++) if (!Number.isFinite(logits[i]!)) nonFinite += 1;
  if (nonFinite === 0) return { logits, nonFinite };
  return { logits: logits.map((x) => (Number.isNaN(x) ? -Infinity : x)), nonFinite };
}
