import { choicePaperScorer, choiceScorer } from './choice';
import { harnessScorer } from './harness';
import { localeScorer } from './locale';
import { type Scorer } from './types';
import { vllmScorer } from './vllm';

export { readNumbers } from './reader';
export { selectAnswer, type Selection } from './select';
export { classifyError } from './errors';
export { equalsGold, goldNumber } from './locale';
export * from './types';

const SCORERS: ReadonlyMap<string, Scorer> = new Map(
  [harnessScorer, vllmScorer, localeScorer, choiceScorer, choicePaperScorer].map((s) => [s.name, s]),
);

/** Names of the scorers, in the order in which they are offered. */
export const SCORER_NAMES: readonly string[] = [...SCORERS.keys()];

/**
 * The scorer with this name.
 *
 * @throws Error that lists the names when there is none
 */
export function scorerByName(name: string): Scorer {
  const scorer = SCORERS.get(name);
  if (!scorer) throw new Error(`There is no scorer "${name}". Choose one of: ${SCORER_NAMES.join(', ')}.`);
  return scorer;
}
