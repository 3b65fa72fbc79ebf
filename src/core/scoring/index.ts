import { choicePaperScorer, choiceScorer } from './choice';
import { harnessScorer } from './harness';
import { LIKELIHOOD_SCORERS } from './likelihood';
import { localeScorer } from './locale';
import { SCORER_NAMES } from './names';
import { type Candidate, type Scorer } from './types';
import { vllmScorer } from './vllm';

export { readNumbers } from './reader';
export { selectAnswer, type Selection } from './select';
export { classifyError } from './errors';
export { equalsGold, goldNumber } from './locale';
export { choicesOf, goldClass } from './likelihood';
export * from './types';

const SCORERS: ReadonlyMap<string, Scorer> = new Map(
  [harnessScorer, vllmScorer, localeScorer, choiceScorer, choicePaperScorer, ...LIKELIHOOD_SCORERS].map((s) => [s.name, s]),
);

export { SCORER_NAMES };

/**
 * The scorer with this name.
 *
 * @throws Error that lists the names when there is none
 */
export function scorerByName(name: string): Scorer {
  const scorer = SCORERS.get(name);
  if (!scorer) throw new Error(`There is no scorer "${name}". Choose one of: ${[...SCORERS.keys()].join(', ')}.`);
  return scorer;
}

/** Names of the scorers that can read a sample: those of numbers, of choices and relations, or of log-likelihoods. */
export function scorersFor(sample: { readonly gold: string; readonly scorer?: string; readonly candidates?: readonly Candidate[] }): readonly string[] {
  const likelihood = new Set(LIKELIHOOD_SCORERS.map((s) => s.name));
  if (sample.candidates) {
    const operation = sample.candidates.some((c) => c.label === 'a+b');
    return [...likelihood].filter((name) => name.startsWith('operation') === operation);
  }
  const number = sample.gold.trim() !== '' && Number.isFinite(Number(sample.gold));
  return SCORER_NAMES.filter((name) => !likelihood.has(name) && name.startsWith('choice') !== number);
}
