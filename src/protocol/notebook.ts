import { type GenerationRef, isGenerationRef } from './generation';
import { type PairView } from './compare';
import { type SampleLine, type SampleView, type TableRow } from './panels';

/**
 * What a cell of a notebook puts out, and the messages between its renderer and the extension host. An output is kept in the
 * notebook's file and may come from anybody, so the renderer checks it before it draws.
 */
export const OUTPUT_MIME = 'application/vnd.lingualift+json';
export const OUTPUT_FORMAT = 'lift-output/1';

export const CELL_STATES = ['loading', 'running', 'finished', 'cancelled', 'failed'] as const;
export type CellState = (typeof CELL_STATES)[number];

interface CommonOutput {
  readonly format: typeof OUTPUT_FORMAT;
  readonly state: CellState;
  /** What is being loaded, or why it failed. */
  readonly message: string | null;
}

/** One answer. `folder` paths of outputs are relative to the notebook's folder where they lie below it. */
export interface PromptOutput extends CommonOutput {
  readonly kind: 'prompt';
  readonly bundle: string;
  readonly precision: string | null;
  readonly template: string | null;
  readonly provider: string | null;
  readonly language: string;
  readonly question: string;
  readonly gold: string | null;
  /** The completion so far; the whole one is in `view`. */
  readonly text: string;
  readonly newTokens: number;
  readonly tokensPerSecond: number | null;
  /** When the answer is complete. Without a gold answer its `outcome` means nothing but read or unread. */
  readonly view: SampleView | null;
  /** For "Show attention" and "Debug this generation". */
  readonly ref: GenerationRef | null;
}

/** One run of a cell, as its table shows it. */
export interface OutputRun {
  readonly folder: string;
  readonly name: string;
  readonly bundle: string;
  readonly precision: string;
  readonly benchmark: string;
  readonly scorer: string;
  readonly template: string;
  readonly fingerprint: string;
  readonly seed: number;
  readonly sampling: string;
  readonly problems: number;
  readonly done: number;
  readonly total: number;
  readonly tokensPerSecond: number | null;
  readonly etaSeconds: number | null;
  readonly rows: readonly TableRow[];
  /** Unweighted mean over languages with its interval (bootstrap by problem), once the run is over. */
  readonly overall: { readonly mean: number; readonly interval: readonly [number, number]; readonly resamples: number } | null;
  /** The first samples of each language; the run has the rest. */
  readonly lines: readonly SampleLine[];
}

export interface OutputComparison {
  /** Places in `runs`. */
  readonly a: number;
  readonly b: number;
  readonly pair: PairView | null;
  readonly refused: string | null;
}

export interface EvalOutput extends CommonOutput {
  readonly kind: 'eval';
  readonly runs: readonly OutputRun[];
  readonly comparisons: readonly OutputComparison[];
}

export type LiftOutput = PromptOutput | EvalOutput;

const isObject = (v: unknown): v is Record<string, unknown> => typeof v === 'object' && v !== null && !Array.isArray(v);
const isText = (v: unknown): v is string => typeof v === 'string';
const isNumber = (v: unknown): v is number => typeof v === 'number';
const orNull = (is: (v: unknown) => boolean) => (v: unknown): boolean => v === null || is(v);
const listOf = (is: (v: unknown) => boolean) => (v: unknown): boolean => Array.isArray(v) && v.every(is);
const isPair = (v: unknown): boolean => Array.isArray(v) && v.length === 2 && v.every(isNumber);
const has = (v: unknown, fields: Readonly<Record<string, (x: unknown) => boolean>>): boolean => isObject(v) && Object.entries(fields).every(([key, is]) => is(v[key]));

const isSample = (v: unknown): boolean => has(v, {
  id: isText, language: isText, question: isText, prompt: isText, completion: isText, gold: isText, reading: isText, scorer: isText, stopReason: isText, tokenIds: listOf(isNumber), tokenLogprobs: listOf(isNumber),
  promptTokens: isNumber, encoderTokens: isNumber, ms: isNumber, span: orNull(isPair),
});
const isView = (v: unknown): boolean => has(v, { sample: isSample, outcome: isText, tokens: orNull(listOf((k) => has(k, { start: isNumber, end: isNumber, probability: isNumber }))) });
const isRow = (v: unknown): boolean => has(v, { language: isText, n: isNumber, total: isNumber, correct: isNumber, accuracy: isNumber, interval: isPair, unread: isNumber, failed: isNumber });
const isLine = (v: unknown): boolean => has(v, { id: isText, language: isText, outcome: isText, gold: isText });
const isRun = (v: unknown): boolean => has(v, {
  folder: isText, name: isText, bundle: isText, precision: isText, benchmark: isText, scorer: isText, template: isText, fingerprint: isText, seed: isNumber, sampling: isText, problems: isNumber, done: isNumber, total: isNumber,
  tokensPerSecond: orNull(isNumber), etaSeconds: orNull(isNumber), rows: listOf(isRow), lines: listOf(isLine), overall: orNull((o) => has(o, { mean: isNumber, interval: isPair, resamples: isNumber })),
});
const isDifference = (v: unknown): boolean => has(v, { difference: isNumber, interval: isPair });
const isPairView = (v: unknown): boolean => has(v, {
  n: isNumber, better: isNumber, worse: isNumber, level: isNumber, resamples: isNumber, overall: isDifference,
  languages: listOf((l) => isDifference(l) && has(l, { language: isText, n: isNumber, accuracyA: isNumber, accuracyB: isNumber, adjusted: isNumber })),
  quadrants: (q) => has(q, { both: isNumber, onlyA: isNumber, onlyB: isNumber, neither: isNumber }),
});
const isComparison = (v: unknown): boolean => has(v, { a: isNumber, b: isNumber, pair: orNull(isPairView), refused: orNull(isText) });

/** True for an output that can be drawn. */
export function isLiftOutput(v: unknown): v is LiftOutput {
  if (!has(v, { format: (f) => f === OUTPUT_FORMAT, state: (s) => (CELL_STATES as readonly unknown[]).includes(s), message: orNull(isText) })) return false;
  if (has(v, { kind: (k) => k === 'eval' })) return has(v, { runs: listOf(isRun), comparisons: listOf(isComparison) });
  return has(v, {
    kind: (k) => k === 'prompt', bundle: isText, precision: orNull(isText), template: orNull(isText), provider: orNull(isText), language: isText, question: isText, gold: orNull(isText), text: isText, newTokens: isNumber,
    tokensPerSecond: orNull(isNumber), view: orNull(isView), ref: orNull(isGenerationRef),
  });
}

// ---- renderer and host

export const OUTPUT_ACTIONS = ['attention', 'debug', 'openRun', 'compare'] as const;
export type OutputAction = (typeof OUTPUT_ACTIONS)[number];

export interface SampleTarget {
  readonly folder: string;
  readonly language: string;
  readonly id: string;
}

export type ToHost =
  | { readonly type: 'hello' }
  | ({ readonly type: 'sample'; readonly request: number } & SampleTarget)
  | { readonly type: 'act'; readonly request: number; readonly action: 'attention' | 'debug'; readonly ref: GenerationRef }
  | ({ readonly type: 'act'; readonly request: number; readonly action: 'attention' | 'debug' } & SampleTarget)
  | { readonly type: 'act'; readonly request: number; readonly action: 'openRun' | 'compare'; readonly folders: readonly string[] };

export type ToRenderer =
  | { readonly type: 'hello'; readonly strings: Readonly<Record<string, string>>; readonly language: string; /** What this window can do. */ readonly can: readonly OutputAction[] }
  | { readonly type: 'answer'; readonly request: number; readonly view?: SampleView; readonly error?: string };

const LONGEST = 4096;
const isShort = (v: unknown): v is string => isText(v) && v.length > 0 && v.length <= LONGEST;
const isTarget = (v: unknown): boolean => has(v, { folder: isShort, language: isShort, id: isShort });

/** A message of the renderer, or undefined when it does not fit. */
export function readToHost(v: unknown): ToHost | undefined {
  if (!isObject(v)) return undefined;
  if (v.type === 'hello') return { type: 'hello' };
  if (!Number.isInteger(v.request) || (v.request as number) < 0) return undefined;
  const request = v.request as number;
  const target = isTarget(v) ? { folder: v.folder as string, language: v.language as string, id: v.id as string } : undefined;
  if (v.type === 'sample') return target && { type: 'sample', request, ...target };
  if (v.type !== 'act') return undefined;
  if (v.action === 'attention' || v.action === 'debug') {
    if (isGenerationRef(v.ref)) return { type: 'act', request, action: v.action, ref: v.ref };
    return target && { type: 'act', request, action: v.action, ...target };
  }
  if ((v.action === 'openRun' || v.action === 'compare') && Array.isArray(v.folders) && v.folders.length > 0 && v.folders.length <= 6 && v.folders.every(isShort)) return { type: 'act', request, action: v.action, folders: v.folders };
  return undefined;
}
