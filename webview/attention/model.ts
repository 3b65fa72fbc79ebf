import { type Chip, chipOf, encoderTokens, joined, lmTokens, type PlacedToken, tokenStarts, wordStarts } from '../../src/core/analysis/tokens';
import { type AttentionSide, type AttentionSubject, type Units } from '../../src/protocol/attention-panel';
import { type ProbeStage } from '../../src/protocol/probe';

export type Stage = ProbeStage['name'];

/**
 * One prompt on its joint axis: encoder tokens, then LLM positions. Everything that a plot shows is named by a place on this axis;
 * with words merged several places are one unit.
 */
export interface Model {
  readonly subject: AttentionSubject;
  /** Encoder tokens; LLM positions begin here. */
  readonly encoder: number;
  readonly size: number;
  readonly tokens: readonly PlacedToken[];
  /** Place inside its stage, from 0; a stage that comes twice is counted on. [size] */
  readonly order: Int32Array;
  readonly stageSize: Readonly<Record<Stage, number>>;
  /** LLM place of the soft slot of an encoder token, -1 without one. [encoder] */
  readonly slotOf: Int32Array;
  readonly units: Readonly<Record<Units, UnitAxis>>;
}

/** The joint axis in units. */
export interface UnitAxis {
  readonly count: number;
  /** Units of the encoder; those of the LLM begin here. */
  readonly encoder: number;
  /** First place of each unit, and the number of places: [count + 1]. */
  readonly starts: Int32Array;
  readonly chips: readonly Chip[];
  readonly stages: readonly Stage[];
  /** Unit of each place. */
  readonly of: Int32Array;
}

export function modelOf(subject: AttentionSubject): Model {
  const { encoder: part, lm } = subject.summary;
  const own = part?.tokens ?? [];
  const [first, second] = [encoderTokens(own), lmTokens(lm.positions, own)];
  const tokens = [...first, ...second];
  const order = new Int32Array(tokens.length);
  const stageSize = { encoder: 0, soft: 0, prompt: 0, generated: 0 };
  tokens.forEach((token, i) => (order[i] = stageSize[token.stage as Stage]++));
  const slotOf = new Int32Array(own.length).fill(-1);
  lm.positions.forEach((p, i) => {
    if (typeof p.source === 'number') slotOf[p.source] = own.length + i;
  });
  const axis = (a: Int32Array, b: Int32Array): UnitAxis => {
    const starts = Int32Array.from([...a.subarray(0, -1), ...b.map((s) => s + own.length)]);
    const of = new Int32Array(tokens.length);
    const count = starts.length - 1;
    for (let u = 0; u < count; u++) of.fill(u, starts[u], starts[u + 1]);
    const merged = count < tokens.length;
    return {
      count, encoder: a.length - 1, starts, of,
      chips: Array.from({ length: count }, (_, u) => chipOf(merged ? joined(tokens.slice(starts[u], starts[u + 1])) : tokens[u]!)),
      stages: Array.from({ length: count }, (_, u) => tokens[starts[u]!]!.stage as Stage),
    };
  };
  return {
    subject, encoder: own.length, size: tokens.length, tokens, order, stageSize, slotOf,
    units: { tokens: axis(tokenStarts(first.length), tokenStarts(second.length)), words: axis(wordStarts(first), wordStarts(second)) },
  };
}

/** Which half of the joint axis the queries and the keys of a side lie on. */
export const rowsIn = (side: AttentionSide): 'encoder' | 'lm' => (side === 'encoder' ? 'encoder' : 'lm');
export const columnsIn = (side: AttentionSide): 'encoder' | 'lm' => (side === 'lm' ? 'lm' : 'encoder');

/** Units [from, to) of one half. */
export const half = (axis: UnitAxis, which: 'encoder' | 'lm'): readonly [number, number] => (which === 'encoder' ? [0, axis.encoder] : [axis.encoder, axis.count]);

/** First query that is shown: the source roll-out begins with the last token of the prompt, which the first answer token follows from. */
export function firstRow(model: Model, axis: UnitAxis, side: AttentionSide): number {
  const { promptLength, lm } = model.subject.summary;
  if (side !== 'source' || promptLength === lm.positions.length) return half(axis, rowsIn(side))[0];
  return axis.of[model.encoder + Math.max(0, promptLength - 1)]!;
}

/** A place on the wanted half: an encoder token stands for its soft slot and the other way round; otherwise the end of that half. */
export function onHalf(model: Model, place: number, which: 'encoder' | 'lm'): number {
  const { encoder, size, slotOf } = model;
  const at = Math.max(0, Math.min(size - 1, place));
  if (which === 'lm') return at >= encoder ? at : slotOf[at]! >= 0 ? slotOf[at]! : size - 1;
  if (at < encoder) return at;
  const source = model.subject.summary.lm.positions[at - encoder]?.source;
  return typeof source === 'number' ? source : 0;
}

/** The place in `to` that belongs to a place in `from`: the same stage, the same share of it where the stages differ in length. */
export function linkedPlace(from: Model, to: Model, place: number): number {
  const stage = from.tokens[place]?.stage as Stage | undefined;
  if (stage === undefined) return 0;
  const [n, m] = [from.stageSize[stage], to.stageSize[stage]];
  if (m === 0) return Math.min(to.size - 1, place);
  // Prompt and answer go on token by token; a question in another language has another length.
  const byIndex = n === m || stage === 'generated' || stage === 'prompt';
  const index = byIndex ? Math.min(m - 1, from.order[place]!) : Math.round((from.order[place]! / Math.max(1, n - 1)) * (m - 1));
  return to.tokens.findIndex((token, i) => token.stage === stage && to.order[i] === index);
}

/** Place of a token of the completion. */
export const placeOfAnswer = (model: Model, token: number): number => Math.max(0, Math.min(model.size - 1, model.encoder + model.subject.summary.promptLength + token));

/** Where looking begins: the last token of the answer on the first soft slot (or on the first token). */
export function firstCursor(model: Model): Cursor {
  return { row: model.size - 1, column: model.slotOf.find((s) => s >= 0) ?? model.encoder };
}

/** Query and key, places on the joint axis. */
export interface Cursor {
  readonly row: number;
  readonly column: number;
}

/** The cursor as a side can show it. */
export function cursorOn(model: Model, side: AttentionSide, { row, column }: Cursor): Cursor {
  return { row: onHalf(model, row, rowsIn(side)), column: onHalf(model, column, columnsIn(side)) };
}
