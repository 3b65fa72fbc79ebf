import { type RunPlan, type Shard } from './run';

/**
 * Whether a shard asks an item. Items are dealt out by problem and language together, (problem + language) modulo the number of
 * shards, so that every shard has every language and as many items as the others, give or take one a language.
 *
 * @param problem place of the problem in `plan.ids` @param language place of the language in `plan.languages`
 */
export const inShard = (shard: Shard | undefined, problem: number, language: number): boolean => shard === undefined || (problem + language) % shard.of === shard.index - 1;

/** How many problems a run asks in one language. */
export function plannedIn(plan: RunPlan, language: string): number {
  const place = plan.languages.indexOf(language);
  if (plan.shard === undefined || place < 0) return plan.ids.length;
  return plan.ids.reduce((n, _, i) => n + (inShard(plan.shard, i, place) ? 1 : 0), 0);
}

/** How many items a run asks. */
export const plannedItems = (plan: RunPlan): number => plan.languages.reduce((sum, language) => sum + plannedIn(plan, language), 0);
