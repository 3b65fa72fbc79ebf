import { encoderText } from '../../core/prompts';
import { type ScoreItem, type ScoreResult } from '../../protocol/engine';
import { type LoadedBundle } from '../sessions';
import { padIds } from './model';
import { type Tokenizer } from '../tokenizer';
import { composePrompt, type ComposedPrompt } from './prompt';

interface ScoreRow {
  readonly index: number;
  readonly item: ScoreItem;
  readonly prompt: ComposedPrompt;
  readonly continuation: readonly number[];
  readonly ids: readonly number[];
}

/**
 * Teacher-forced log-probabilities of a continuation after each prompt (the `score` graph).
 * Items are grouped by length; a row's numbers do not depend on its neighbours. An item that cannot be asked (too long, empty) comes
 * back with its reason.
 */
export async function scoreContinuations(bundle: LoadedBundle, items: readonly ScoreItem[], batch: number, between: () => Promise<void>): Promise<ScoreResult[]> {
  const session = await bundle.session('score');
  const { ort, manifest } = bundle;
  const results: ScoreResult[] = new Array<ScoreResult>(items.length);
  const rows: ScoreRow[] = [];
  items.forEach((item, index) => {
    try {
      rows.push(scoreRow(bundle, item, index));
    } catch (e) {
      results[index] = { key: item.key, tokenIds: [], tokenLogprobs: [], greedy: [], prompt: '', promptTokens: 0, encoderTokens: 0, failure: (e as Error).message };
    }
  });
  rows.sort((a, b) => a.ids.length - b.ids.length);
  for (let at = 0; at < rows.length; at += batch) {
    await between();
    const group = rows.slice(at, at + batch);
    const soft = await softRowsOf(bundle, group);
    const hidden = manifest.parts.lm.hidden;
    const softRows = soft.reduce((max, s) => Math.max(max, s.length / hidden), 0);
    const softAll = new Float32Array(group.length * softRows * hidden);
    soft.forEach((s, b) => softAll.set(s, b * softRows * hidden));
    const { data, width } = padIds(group.map((r) => r.ids), manifest.parts.lm.padId);
    // The label of a position is the next token; only the continuation is asked for.
    const labels = padIds(group.map((r) => r.ids.map((_, s) => (s + 1 >= r.prompt.inputIds.length && s + 1 < r.ids.length ? r.ids[s + 1]! : -100))), -100).data;
    const out = await session.run({
      input_ids: new ort.Tensor('int64', data, [group.length, width]),
      soft_embeds: new ort.Tensor('float32', softAll, [group.length, softRows, hidden]),
      seq_lengths: new ort.Tensor('int64', BigInt64Array.from(group, (r) => BigInt(r.ids.length)), [group.length]),
      labels: new ort.Tensor('int64', labels, [group.length, width]),
    });
    const logprobs = out.token_logprobs!.data as Float32Array;
    const greedy = out.is_argmax!.data as Uint8Array;
    group.forEach((r, b) => {
      const first = b * width + r.prompt.inputIds.length - 1;
      results[r.index] = {
        key: r.item.key,
        tokenIds: r.continuation,
        tokenLogprobs: Array.from(logprobs.subarray(first, first + r.continuation.length)),
        greedy: Array.from(greedy.subarray(first, first + r.continuation.length), (g) => g !== 0),
        prompt: r.prompt.prompt,
        ...(r.prompt.encoderPrompt !== undefined ? { encoderPrompt: r.prompt.encoderPrompt } : {}),
        promptTokens: r.prompt.inputIds.length,
        encoderTokens: r.prompt.encoderIds?.length ?? 0,
      };
    });
  }
  return results;
}

function scoreRow({ manifest, tokenizers }: LoadedBundle, item: ScoreItem, index: number): ScoreRow {
  const prompt = composePrompt(manifest, tokenizers, item);
  const continuation = continuationIds(tokenizers.lm, prompt, item.continuation);
  const ids = [...prompt.inputIds, ...continuation];
  if (continuation.length === 0) throw new Error('The continuation has no token.');
  if (ids.length > manifest.parts.lm.maxPositions) throw new Error(`Prompt and continuation have ${ids.length} tokens; the LLM takes at most ${manifest.parts.lm.maxPositions}.`);
  return { index, item, prompt, continuation, ids };
}

/**
 * Ids of a continuation at its place. A SentencePiece vocabulary puts a space before every text of its own, so there the text is
 * encoded together with the one before it; at the start of the LLM's text its own leading space would be doubled.
 */
function continuationIds(lm: Tokenizer, { tail }: ComposedPrompt, text: string): number[] {
  if (!lm.token(lm.encode('x', false)[0] ?? -1)?.startsWith('▁')) return lm.encode(text, false);
  if (!tail) return lm.encode(text.replace(/^ /, ''), false);
  const whole = lm.encode(tail.text + text, false);
  return tail.ids.every((id, i) => whole[i] === id) ? whole.slice(tail.ids.length) : lm.encode(text.replace(/^ /, ''), false);
}

/** Soft rows of each row; the continuations of one prompt share what the encoder makes of it. */
async function softRowsOf(bundle: LoadedBundle, group: readonly ScoreRow[]): Promise<Float32Array[]> {
  if (!group.some((r) => r.prompt.encoderIds)) return group.map(() => new Float32Array(0));
  const keys = group.map((r) => (r.prompt.encoderIds ?? []).join());
  const distinct = [...new Set(keys)];
  const soft = await bundle.model.encode(distinct.map((key) => group[keys.indexOf(key)]!.prompt.encoderIds ?? []));
  return keys.map((key) => soft[distinct.indexOf(key)]!);
}

/** Mean-pooled last hidden states of the encoder, before the alignment layer. Row-major [texts, width]. */
export async function encodeSentences(bundle: LoadedBundle, texts: readonly string[], batch: number, between: () => Promise<void>): Promise<{ pooled: Float32Array; width: number }> {
  const { encoder } = bundle.manifest.parts;
  if (!encoder || !bundle.tokenizers.encoder) throw new Error('This bundle has no encoder (method "text"), so there are no sentence embeddings.');
  const session = await bundle.session('encoder');
  if (!session.outputNames.includes('encoder_hidden')) throw new Error('The encoder graph of this bundle has no "encoder_hidden" output. Export it again with this version.');
  const width = encoder.hidden;
  const pooled = new Float32Array(texts.length * width);
  const ids = texts.map((t) => bundle.tokenizers.encoder!.encode(encoderText(t, encoder.textPrefix ?? '', encoder.normalise), true).slice(0, encoder.maxLength));
  const order = ids.map((_, i) => i).sort((a, b) => ids[a]!.length - ids[b]!.length);
  for (let at = 0; at < order.length; at += batch) {
    await between();
    const group = order.slice(at, at + batch);
    const { data, width: S } = padIds(group.map((i) => ids[i]!), encoder.padId);
    const mask = new BigInt64Array(group.length * S);
    group.forEach((i, b) => mask.fill(1n, b * S, b * S + ids[i]!.length));
    const { ort } = bundle;
    const out = await session.run(
      { input_ids: new ort.Tensor('int64', data, [group.length, S]), attention_mask: new ort.Tensor('int64', mask, [group.length, S]) },
      ['encoder_hidden'],
    );
    const hidden = out.encoder_hidden!.data as Float32Array;
    group.forEach((i, b) => {
      const n = ids[i]!.length;
      for (let s = 0; s < n; s++) for (let d = 0; d < width; d++) pooled[i * width + d]! += hidden[(b * S + s) * width + d]! / n;
    });
  }
  return { pooled, width };
}
