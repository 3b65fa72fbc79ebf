import { type Problem } from '../types';
import { foldedWhole, percent } from './text';
import { type CheckFinding } from './types';

/** Jaccard similarity of character 5-grams from which two texts are near-duplicates. */
const NEAR = 0.85;
/** The same for the reference, whose variants cannot be told from duplicates by a twin. */
const NEAR_IN_REFERENCE = 0.95;
/** A pair that is alike in the reference as well (variants of one problem) may be this much less alike there. */
const REFERENCE_MARGIN = 0.25;
const GRAM = 5;

/** A pair of indices with their similarity. */
export interface SimilarPair {
  readonly a: number;
  readonly b: number;
  readonly similarity: number;
}

/** Character n-grams of a folded text; a text shorter than `GRAM` is one gram. */
function gramsOf(folded: string): Set<string> {
  const grams = new Set<string>();
  for (let i = 0; i + GRAM <= folded.length; i++) grams.add(folded.slice(i, i + GRAM));
  if (grams.size === 0) grams.add(folded);
  return grams;
}

function jaccard(a: ReadonlySet<string>, b: ReadonlySet<string>): number {
  const [small, large] = a.size < b.size ? [a, b] : [b, a];
  let shared = 0;
  for (const g of small) if (large.has(g)) shared++;
  return shared / (a.size + b.size - shared);
}

/**
 * All pairs with a Jaccard similarity of at least `threshold`, found with prefix filtering: two sets this alike must share one of
 * the rarest `size - ceil(threshold * size) + 1` grams of each, so only those are indexed. Exact, and near linear on real text.
 */
export function similarPairs(texts: readonly string[], threshold = NEAR): SimilarPair[] {
  const sets = texts.map(gramsOf);
  const frequency = new Map<string, number>();
  for (const set of sets) for (const g of set) frequency.set(g, (frequency.get(g) ?? 0) + 1);
  const index = new Map<string, number[]>();
  const pairs: SimilarPair[] = [];
  sets.forEach((set, b) => {
    const rare = [...set].sort((x, y) => frequency.get(x)! - frequency.get(y)! || (x < y ? -1 : 1));
    const prefix = rare.slice(0, set.size - Math.ceil(threshold * set.size) + 1);
    const candidates = new Set<number>();
    for (const g of prefix) for (const a of index.get(g) ?? []) candidates.add(a);
    for (const a of candidates) {
      const similarity = jaccard(sets[a]!, set);
      if (similarity >= threshold) pairs.push({ a, b, similarity });
    }
    for (const g of prefix) index.set(g, [...(index.get(g) ?? []), b]);
  });
  return pairs;
}

/**
 * `duplicate`: two problems of one language with the same or nearly the same text.
 *
 * A pair whose reference texts are about as much alike is a variant made on purpose and is left alone, except in the reference itself.
 */
export function checkDuplicates(problems: readonly Problem[], twins: ReadonlyMap<string, Problem>): CheckFinding[] {
  const folded = problems.map((p) => foldedWhole(p));
  const findings: CheckFinding[] = [];
  for (const { a, b, similarity } of nearest(similarPairs(folded))) {
    const [first, second] = [problems[a]!, problems[b]!];
    const same = folded[a] === folded[b];
    const theirs = [twins.get(first.id), twins.get(second.id)].map((p) => (p && p.language !== second.language ? gramsOf(foldedWhole(p)) : undefined));
    const [x, y] = theirs;
    if (x && y) {
      const alike = jaccard(x, y);
      if (same ? alike === 1 : alike >= similarity - REFERENCE_MARGIN) continue;
    } else if (!same && (similarity < NEAR_IN_REFERENCE || differsInNumbersOnly(folded[a]!, folded[b]!))) continue;
    findings.push({
      check: 'duplicate', severity: same ? 'error' : 'warning', language: second.language, id: second.id, field: 'question', text: second.question,
      message: same ? `The text is the same as that of ${first.id}.` : `The text is ${percent(similarity)} the same as that of ${first.id} (character ${GRAM}-grams).`,
    });
  }
  return findings;
}

/** For each later text only its most similar earlier one, so that a text that stands ten times gives nine pairs. */
function nearest(pairs: readonly SimilarPair[]): SimilarPair[] {
  const best = new Map<number, SimilarPair>();
  for (const pair of pairs) {
    const known = best.get(pair.b);
    if (!known || pair.similarity > known.similarity || (pair.similarity === known.similarity && pair.a < known.a)) best.set(pair.b, pair);
  }
  return [...best.values()];
}

/** A variant with other numbers is a problem of its own. */
function differsInNumbersOnly(a: string, b: string): boolean {
  const mask = (s: string): string => s.replace(/\p{Nd}+/gu, '0');
  return mask(a) === mask(b);
}
