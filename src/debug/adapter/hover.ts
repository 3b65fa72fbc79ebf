import { percent, shown } from '../runtime/facts';
import { type Generation } from '../runtime/generation';
import { type Answer } from './console';
import { choiceVariable } from './variables';

/** What is known of one token of a generation, taken or next. @throws Error when there is none */
export function tokenSummary(generation: Generation, position: number): Answer {
  const facts = position < generation.position ? generation.tokens[position] : position === generation.position ? generation.chosen : undefined;
  if (!facts) throw new Error(`There is no token ${position}.`);
  return {
    text: `token ${position} ${shown(facts.token)} (${facts.token.id}): p ${percent(facts.logprob)}, rank ${facts.rank}, entropy ${facts.entropy.toFixed(2)} nats${facts.forced ? ', forced' : ''}`,
    children: facts.best.map(choiceVariable),
  };
}
