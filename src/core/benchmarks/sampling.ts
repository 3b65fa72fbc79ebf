import { type Benchmark, type Problem } from './types';

/** Which problems of a benchmark a run asks, in every language the same. */
export interface SampleRequest {
  /** How many problems per language; undefined or at least the benchmark's size: all. */
  readonly limit?: number;
  readonly seed: number;
  /**
   * `random`: seeded draw without replacement. `stratified`: the same, in proportion to difficulty. `balanced`: equally many of each gold
   * answer (a choice's label, an operation). `first`: the first N, only when asked for.
   */
  readonly method: 'random' | 'stratified' | 'balanced' | 'first';
  /** Explicit problem ids: overrides limit and method. */
  readonly ids?: readonly string[];
}

export class SampleError extends Error {}

/** Draws `k` of `n` indices without replacement; the same (n, k, shuffled order) for the same generator. */
export type Draw = (n: number, k: number) => number[];

/**
 * Ids of the problems to ask: the same in every language, in the benchmark's order.
 *
 * Only ids that every chosen language has are drawn, so that languages stay comparable.
 * @throws SampleError for an unknown id or when the languages have no problem in common
 */
export function sampleIds(benchmark: Benchmark, languages: readonly string[], request: SampleRequest, draw: Draw): string[] {
  const sets = languages.map((code) => new Set((benchmark.problems.get(code) ?? []).map((p) => p.id)));
  const all = (benchmark.problems.get(languages[0] ?? '') ?? []).filter((p) => sets.every((s) => s.has(p.id)));
  if (all.length === 0) throw new SampleError(`The languages ${languages.join(', ')} have no problem in common in ${benchmark.title}.`);
  if (request.ids) {
    if (request.ids.length === 0) throw new SampleError(`No problem id was named. Ids of ${benchmark.title} look like "${all[0]!.id}".`);
    const known = new Set(all.map((p) => p.id));
    const unknown = request.ids.filter((id) => !known.has(id));
    if (unknown.length > 0) {
      throw new SampleError(`Unknown problem id ${unknown.slice(0, 5).map((x) => `"${x}"`).join(', ')}. Ids of ${benchmark.title} look like "${all[0]!.id}".`);
    }
    const wanted = new Set(request.ids);
    return all.filter((p) => wanted.has(p.id)).map((p) => p.id);
  }
  const limit = request.limit ?? all.length;
  if (!Number.isInteger(limit) || limit < 1) throw new SampleError(`The limit must be a whole number of at least 1, not ${request.limit}.`);
  if (limit >= all.length) return all.map((p) => p.id);
  if (request.method === 'first') return all.slice(0, limit).map((p) => p.id);
  const chosen = request.method === 'balanced' ? balanced(all, limit, draw, benchmark.title) : request.method === 'stratified' ? stratified(all, limit, draw) : new Set(draw(all.length, limit).map((i) => all[i]!.id));
  return all.filter((p) => chosen.has(p.id)).map((p) => p.id);
}

/**
 * Equally many of each gold answer, the rest of an uneven division to the first answers; what one answer lacks goes to the others.
 * @throws SampleError for answers that are no classes
 */
function balanced(all: readonly Problem[], limit: number, draw: Draw, title: string): Set<string> {
  if (all.some((p) => p.kind === 'number')) throw new SampleError(`A balanced sample needs answers that are classes, and ${title} asks for numbers. Use --mode operation, or --sampling random.`);
  const classes = new Map<string, Problem[]>();
  for (const p of all) classes.set(p.answer, [...(classes.get(p.answer) ?? []), p]);
  const strata = [...classes.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, items]) => ({ items, take: 0 }));
  for (let left = limit; left > 0; ) {
    const open = strata.filter((s) => s.take < s.items.length);
    for (const stratum of open.slice(0, left)) {
      stratum.take += 1;
      left -= 1;
    }
  }
  return new Set(strata.flatMap((s) => draw(s.items.length, s.take).map((i) => s.items[i]!.id)));
}

/** Shares proportional to the strata's sizes, rest by largest remainder. */
function stratified(all: readonly Problem[], limit: number, draw: Draw): Set<string> {
  const strata = new Map<string, Problem[]>();
  for (const p of all) {
    const key = p.difficulty !== undefined ? `difficulty ${p.difficulty}` : 'all';
    strata.set(key, [...(strata.get(key) ?? []), p]);
  }
  const shares = [...strata.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, items]) => {
    const exact = (items.length * limit) / all.length;
    return { items, take: Math.floor(exact), rest: exact - Math.floor(exact) };
  });
  let left = limit - shares.reduce((sum, s) => sum + s.take, 0);
  for (const share of [...shares].sort((a, b) => b.rest - a.rest)) {
    if (left <= 0) break;
    if (share.take < share.items.length) {
      share.take += 1;
      left -= 1;
    }
  }
  return new Set(shares.flatMap((s) => draw(s.items.length, s.take).map((i) => s.items[i]!.id)));
}
