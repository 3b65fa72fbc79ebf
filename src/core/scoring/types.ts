import { type Choice, type ProblemKind } from '../benchmarks/types';

/** What a scorer is given: the text to read and what it is compared with. */
export interface ScoreInput {
  readonly language: string;
  readonly completion: string;
  readonly gold: string;
  readonly kind?: ProblemKind;
  readonly choices?: readonly Choice[];
  /** The question, for the error taxonomy (numbers copied from it). */
  readonly question?: string;
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
