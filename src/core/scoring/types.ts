import { type Choice, type ProblemKind } from '../benchmarks/types';

/** What a scorer is given: the text to read and what it is compared with. */
export interface ScoreInput {
  readonly language: string;
  readonly completion: string;
  readonly gold: string;
  readonly kind?: ProblemKind;
  readonly choices?: readonly Choice[];
  /** Continuations with their log-likelihoods, for the scorers of likelihood runs. */
  readonly candidates?: readonly Candidate[];
  /** The question, for the error taxonomy (numbers copied from it). */
  readonly question?: string;
}

/** One continuation of a likelihood run. */
export interface Candidate {
  /** What it stands for: a choice label, a relation, an expression such as `a−b`. */
  readonly label: string;
  /** The continuation as the model was given it, with its leading space. */
  readonly text: string;
  readonly tokens: number;
  /** Sum of the natural-log probabilities of its tokens after the prompt. */
  readonly logprob: number;
}

export interface Score {
  readonly correct: boolean;
  /** What was read: a number, a choice label, or null when nothing was read. `Infinity` is possible in the vllm scorer. */
  readonly value: number | string | null;
  /** UTF-16 offsets [start, end) of what was read, in the completion. */
  readonly span: readonly [number, number] | null;
  /** Why this was read, in a few words: "boxed", "answer phrase", "last number of the conclusion", … */
  readonly reading: string;
  readonly ambiguous: boolean;
  /** Other values the span can mean, when ambiguous. */
  readonly alternatives?: readonly number[];
  readonly error: ScoreError | null;
  /** Scorer name and version, e.g. "locale/1". */
  readonly scorer: string;
}

export type ScoreError =
  | 'no-answer'
  | 'unread-answer'
  | 'wrong-number'
  | 'wrong-choice'
  | 'other-reading'
  | 'power-of-ten'
  | 'sign'
  | 'truncated'
  | 'repetition'
  | 'wrong-language'
  | 'copied-number'
  | 'empty'
  | 'failed';

export interface Scorer {
  readonly name: string;
  readonly version: number;
  score(input: ScoreInput): Score;
}

/** In which way a number was written. */
export type NumberKind =
  | 'integer'
  | 'decimal'
  | 'percent'
  | 'fraction'
  | 'mixed'
  | 'scientific'
  | 'power'
  | 'scaled'
  | 'han'
  | 'ethiopic'
  | 'roman'
  | 'words';

/** Why a number is not a candidate for the answer; `value` for those that are. */
export type NumberRole = 'value' | 'step' | 'list' | 'label' | 'time' | 'date' | 'ordinal' | 'exponent';

/** One number found in a text. */
export interface NumberReading {
  readonly value: number;
  /** UTF-16 offsets [start, end) in the text that was given. */
  readonly span: readonly [number, number];
  readonly text: string;
  readonly kind: NumberKind;
  /** True when the span can well mean another number in another convention; the others are in `alternatives`. */
  readonly ambiguous: boolean;
  /** Other readings. Not empty for a percentage that is not ambiguous: the fraction (25 % -> 0.25) is a known other reading. */
  readonly alternatives: readonly number[];
  readonly role: NumberRole;
}

export interface ReadOptions {
  /** Also give the numbers that are not values (steps, list numbers, times, dates …), with their role. Default false. */
  readonly all?: boolean;
  /** Also read spelled-out numbers and Roman numerals. Default true. */
  readonly words?: boolean;
}
