import { classifyError } from './errors';
import { pyFloat } from './python';
import { readNumbers } from './reader';
import { selectAnswer } from './select';
import { type NumberReading, type Score, type ScoreInput, type Scorer } from './types';

/** Relative tolerance of two numbers; absolute below 1. Only rounding of the last digits passes. */
const TOLERANCE = 1e-6;
/** Absolute tolerance of a fraction (1/3) against a gold answer that is given as a rounded decimal. */
const FRACTION_TOLERANCE = 1e-3;

/**
 * True when a reading equals the gold answer: within 1e-6 relative (absolute below 1), fractions within 1e-3.
 * A percentage compares by its own number: "25 %" equals 25, and 0.25 is its other reading.
 */
export function equalsGold(reading: NumberReading, gold: number): boolean {
  const difference = Math.abs(reading.value - gold);
  const fraction = reading.kind === 'fraction' || reading.kind === 'mixed';
  return difference <= TOLERANCE * Math.max(1, Math.abs(gold)) || (fraction && difference <= FRACTION_TOLERANCE);
}

/** The gold answer as a number: canonical ASCII, or a number of the language, or undefined. */
export function goldNumber(gold: string, language: string): number | undefined {
  const plain = pyFloat(gold);
  if (plain !== undefined && Number.isFinite(plain)) return plain;
  const readings = readNumbers(gold, language);
  return readings.length === 1 ? readings[0]?.value : undefined;
}

/**
 * The locale-aware scorer: numbers of every script by the conventions of the language, the answer chosen by box, answer phrase or
 * conclusion. A score that rests on a number with two plausible readings says `ambiguous`; the language's convention decides.
 */
export const localeScorer: Scorer = {
  name: 'locale',
  version: 1,
  score(input: ScoreInput): Score {
    const { answer, why, seen } = selectAnswer(input.completion, input.language);
    const base = {
      value: answer?.value ?? null,
      span: answer?.span ?? null,
      reading: why,
      ambiguous: answer?.ambiguous ?? false,
      ...(answer && answer.alternatives.length > 0 ? { alternatives: answer.alternatives } : {}),
      scorer: 'locale/1',
    };
    const gold = goldNumber(input.gold, input.language);
    if (gold === undefined) return { ...base, correct: false, reading: 'the gold answer is not a number', error: 'failed' };
    if (answer && equalsGold(answer, gold)) return { ...base, correct: true, error: null };
    const error = classifyError(input, {
      value: answer?.value ?? null,
      gold,
      alternatives: answer?.alternatives,
      passedOver: seen.filter((r) => r.role !== 'value').map((r) => r.value),
      questionNumbers: input.question === undefined ? undefined : readNumbers(input.question, input.language, { words: false }).map((r) => r.value),
    });
    return { ...base, correct: false, error };
  },
};
