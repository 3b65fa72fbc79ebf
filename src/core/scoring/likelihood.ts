import { signOf } from '../benchmarks/operations';
import { type Candidate, type Score, type ScoreInput, type Scorer } from './types';

/**
 * Scorers of likelihood runs: which of the given continuations the model finds likeliest after the prompt.
 *
 * - `likelihood`: the highest log-probability
 * - `likelihood-norm`: the highest log-probability per character (Unicode code points, leading space left out), so that a long answer
 *   is not at a disadvantage; the `acc_norm` of lm-evaluation-harness
 * - `operation`: the operation of a word problem among + − × ÷, the larger number first; chance is one in four. It is the measure of
 *   lingualift_training.train.probe
 * - `operation-order`: the same with both orders of a subtraction (a+b, a−b, b−a, a×b, a÷b); chance is one in five
 */

/** Continuations with their value under a scorer, in the order given. */
type Ranking = (candidates: readonly Candidate[]) => readonly { readonly candidate: Candidate; readonly value: number }[];

const plain: Ranking = (candidates) => candidates.map((candidate) => ({ candidate, value: candidate.logprob }));
const perCharacter: Ranking = (candidates) => candidates.map((candidate) => ({ candidate, value: candidate.logprob / Math.max(1, Array.from(candidate.text.trim()).length) }));

/** One candidate an operation: of the two subtractions the one with the larger number first. */
const perOperation: Ranking = (candidates) => plain(candidates.filter((c) => {
  const terms = /^\s*(\S+) - (\S+) =$/.exec(c.text);
  return !terms || Number(terms[1]) >= Number(terms[2]);
}));

function likelihoodScorer(name: string, rank: Ranking, sameClass: (label: string, gold: string) => boolean): Scorer {
  const scorer = `${name}/1`;
  return {
    name,
    version: 1,
    score(input: ScoreInput): Score {
      const base = { span: null, scorer } as const;
      // The first of equals is taken, as argmax does.
      const ranked = [...rank(input.candidates ?? [])].sort((x, y) => y.value - x.value);
      const best = ranked[0];
      if (!best) return { ...base, correct: false, value: null, reading: 'no log-likelihoods in this sample', ambiguous: false, error: 'failed' };
      const next = ranked[1];
      const correct = sameClass(best.candidate.label, input.gold);
      return {
        ...base,
        correct,
        value: best.candidate.label,
        reading: `likeliest of ${ranked.length}${next ? `, ${(best.value - next.value).toFixed(2)} above ${next.candidate.label}` : ''}`,
        ambiguous: next !== undefined && next.value === best.value,
        error: correct ? null : 'wrong-choice',
      };
    },
  };
}

const same = (label: string, gold: string): boolean => label === gold;

export const LIKELIHOOD_SCORERS: readonly Scorer[] = [
  likelihoodScorer('likelihood', plain, same),
  likelihoodScorer('likelihood-norm', perCharacter, same),
  likelihoodScorer('operation', perOperation, (label, gold) => signOf(label) === signOf(gold)),
  likelihoodScorer('operation-order', plain, same),
];

/**
 * Class of a gold answer, over which accuracy is balanced: a choice's or relation's label, an operation. Undefined where answers are
 * no classes (numbers).
 */
export function goldClass(sample: { readonly gold: string; readonly scorer: string; readonly candidates?: readonly Candidate[] }): string | undefined {
  if (sample.candidates) return sample.scorer.startsWith('operation/') ? signOf(sample.gold) : sample.gold;
  return Number.isFinite(Number(sample.gold)) ? undefined : sample.gold;
}

/** How many answers a sample's scorer chooses from; undefined when it does not choose. */
export function choicesOf(sample: { readonly scorer: string; readonly candidates?: readonly Candidate[] }): number | undefined {
  if (!sample.candidates) return undefined;
  return sample.scorer.startsWith('operation/') ? perOperation(sample.candidates).length : sample.candidates.length;
}
