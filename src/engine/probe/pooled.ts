import { type PooledItem, type PooledResult } from '../../protocol/probe';
import { padIds } from '../generation/model';
import { composePrompt, type ComposedPrompt } from '../generation/prompt';
import { type LoadedBundle } from '../sessions';
import { type Between } from './probe';

/** Mean of rows [from, to) of a [rows, width] matrix that starts at `at`, written to `out` at `target`. */
function meanRows(out: Float32Array, target: number, values: Float32Array, at: number, rows: readonly number[], width: number): void {
  for (let d = 0; d < width; d++) {
    let sum = 0;
    for (const r of rows) sum += values[at + r * width + d]!;
    out[target + d] = sum / rows.length;
  }
}

/** Indices of the soft rows that come from encoder tokens, boundary vectors left out: they are the same for every text. */
function bodyRows(bundle: LoadedBundle, rows: number): number[] {
  const { start = false, end = false } = bundle.manifest.parts.connector?.boundary ?? {};
  const from = start ? 1 : 0;
  return Array.from({ length: Math.max(0, rows - from - (end ? 1 : 0)) }, (_, i) => from + i);
}

/** What of a prompt the LLM has to read for the pooled positions: later tokens cannot change a causal LLM's states. */
function lmReading(bundle: LoadedBundle, prompt: ComposedPrompt): { ids: readonly number[]; pooled: number[] } {
  const body = new Set(bodyRows(bundle, prompt.softRows).map((r) => -r - 1));
  const { bosId } = bundle.manifest.parts.lm;
  const pooled = prompt.inputIds.flatMap((id, s) => (prompt.encoderIds ? body.has(id) : !(s === 0 && id === bosId)) ? [s] : []);
  if (pooled.length === 0) throw new Error('A prompt has no tokens to average over.');
  return { ids: prompt.inputIds.slice(0, pooled.at(-1)! + 1), pooled };
}

/**
 * Mean-pooled states of many prompts: last hidden states of the encoder over all its tokens; soft vectors over the slots made
 * of encoder tokens; states of LLM layers over the same slots (bundle without an encoder: over all tokens but BOS).
 * Items are grouped by length; a row's numbers do not depend on its neighbours.
 *
 * @param progress items done, and the share of all tokens that they make up: what the time goes with
 */
export async function pooledStates(bundle: LoadedBundle, items: readonly PooledItem[], layers: readonly number[], batch: number, between: Between, progress: (done: number, share: number) => void): Promise<PooledResult> {
  const { manifest, tokenizers } = bundle;
  const { lm, encoder } = manifest.parts;
  const unknown = layers.find((l) => !Number.isInteger(l) || l < 0 || l > lm.layers);
  if (unknown !== undefined) throw new Error(`There is no LLM layer ${unknown}; states go from 0 (embeddings) to ${lm.layers}.`);
  if (!Number.isInteger(batch) || batch < 1) throw new Error(`The batch must be a whole number of at least 1, not ${batch}.`);
  const prompts = items.map((item) => composePrompt(manifest, tokenizers, item));
  const order = prompts.map((_, i) => i).sort((a, b) => prompts[a]!.inputIds.length - prompts[b]!.inputIds.length);
  const cost = (i: number): number => prompts[i]!.inputIds.length + (prompts[i]!.encoderIds?.length ?? 0);
  const total = order.reduce((sum, i) => sum + cost(i), 0);
  let read = 0;
  const encoderStates = new Float32Array(encoder ? items.length * encoder.hidden : 0);
  const aligned = new Float32Array(encoder ? items.length * lm.hidden : 0);
  const states = layers.map(() => new Float32Array(items.length * lm.hidden));
  for (let at = 0; at < order.length; at += batch) {
    const group = order.slice(at, at + batch);
    let soft = group.map(() => new Float32Array(0));
    if (encoder) {
      await between();
      soft = await encodeGroup(bundle, group, prompts, encoderStates, aligned);
    }
    if (layers.length > 0) {
      await between();
      await readGroup(bundle, group, prompts, soft, layers, states);
    }
    read += group.reduce((sum, i) => sum + cost(i), 0);
    progress(Math.min(order.length, at + batch), read / total);
  }
  return {
    stages: [
      ...(encoder ? [{ name: 'encoder', width: encoder.hidden, vectors: encoderStates }, { name: 'aligned', width: lm.hidden, vectors: aligned }] : []),
      ...layers.map((l, i) => ({ name: `lm.${l}`, width: lm.hidden, vectors: states[i]! })),
    ],
  };
}

/** Encoder and alignment layer of a group; writes the pooled rows and returns each item's soft rows. */
async function encodeGroup(bundle: LoadedBundle, group: readonly number[], prompts: readonly ComposedPrompt[], encoderStates: Float32Array, aligned: Float32Array): Promise<Float32Array<ArrayBuffer>[]> {
  const { ort, manifest } = bundle;
  const { lm, encoder } = manifest.parts;
  const session = await bundle.session('encoder');
  if (!session.outputNames.includes('encoder_hidden')) throw new Error('The encoder graph of this bundle has no "encoder_hidden" output. Export it again with this version.');
  const { data, width: S } = padIds(group.map((i) => prompts[i]!.encoderIds!), encoder!.padId);
  const mask = new BigInt64Array(group.length * S);
  group.forEach((i, b) => mask.fill(1n, b * S, b * S + prompts[i]!.encoderIds!.length));
  const dims = [group.length, S];
  const out = await session.run({ input_ids: new ort.Tensor('int64', data, dims), attention_mask: new ort.Tensor('int64', mask, dims) }, ['encoder_hidden', 'prefix_embeds', 'prefix_lengths']);
  const hidden = out.encoder_hidden!.data as Float32Array;
  const embeds = out.prefix_embeds!.data as Float32Array;
  const rows = out.prefix_embeds!.dims[1]!;
  const lengths = out.prefix_lengths!.data as BigInt64Array;
  return group.map((i, b) => {
    const tokens = prompts[i]!.encoderIds!.map((_, s) => s);
    meanRows(encoderStates, i * encoder!.hidden, hidden, b * S * encoder!.hidden, tokens, encoder!.hidden);
    const count = Number(lengths[b]);
    const from = b * rows * lm.hidden;
    meanRows(aligned, i * lm.hidden, embeds, from, bodyRows(bundle, count), lm.hidden);
    return embeds.slice(from, from + count * lm.hidden);
  });
}

async function readGroup(bundle: LoadedBundle, group: readonly number[], prompts: readonly ComposedPrompt[], soft: readonly Float32Array[], layers: readonly number[], states: readonly Float32Array[]): Promise<void> {
  const { ort, manifest } = bundle;
  const { lm } = manifest.parts;
  const session = await bundle.session('probe');
  const readings = group.map((i) => lmReading(bundle, prompts[i]!));
  const { data, width: S } = padIds(readings.map((r) => r.ids), lm.padId);
  const rows = Math.max(...soft.map((s) => s.length / lm.hidden));
  const softAll = new Float32Array(group.length * rows * lm.hidden);
  soft.forEach((s, b) => softAll.set(s, b * rows * lm.hidden));
  const out = await session.run(
    {
      input_ids: new ort.Tensor('int64', data, [group.length, S]),
      soft_embeds: new ort.Tensor('float32', softAll, [group.length, rows, lm.hidden]),
      seq_lengths: new ort.Tensor('int64', BigInt64Array.from(readings, (r) => BigInt(r.ids.length)), [group.length]),
    },
    layers.map((l) => `hidden.${l}`),
  );
  layers.forEach((l, n) => {
    const hidden = out[`hidden.${l}`]!.data as Float32Array;
    group.forEach((i, b) => meanRows(states[n]!, i * lm.hidden, hidden, b * S * lm.hidden, readings[b]!.pooled, lm.hidden));
  });
}
