import { StatisticsError } from './distributions';

/** What identifies a sample for pairing; `gold` is the canonical answer text. */
export interface PairableSample {
  readonly language: string;
  readonly id: string;
  readonly gold: string;
}


export interface PairingMismatch {
  readonly kind: 'only-in-a' | 'only-in-b' | 'gold-differs' | 'repeated-in-a' | 'repeated-in-b';
  readonly language: string;
  readonly id: string;
  /** The two gold answers, for `gold-differs`. */
  readonly gold?: readonly [string, string];
}

/** Two runs that do not hold the same problems; `mismatches` lists every one. */
export class PairingError extends StatisticsError {
  constructor(readonly mismatches: readonly PairingMismatch[]) {
    super(describe(mismatches));
  }
}

/**
 * Pairs two runs by language and problem id, in the order of `a`.
 *
 * Both must hold exactly the same problems with the same gold answers: a paired test on anything else is not one. To
 * compare over fewer languages, filter both sides first.
 * @throws PairingError naming each language and id that stands in only one run, is repeated, or has another gold answer
 */
export function pairSamples<A extends PairableSample, B extends PairableSample>(a: readonly A[], b: readonly B[]): { a: A; b: B }[] {
  const mismatches: PairingMismatch[] = [];
  const rest = keyed(b, 'repeated-in-b', mismatches);
  const pairs: { a: A; b: B }[] = [];
  for (const [key, sample] of keyed(a, 'repeated-in-a', mismatches)) {
    const other = rest.get(key);
    rest.delete(key);
    const { language, id } = sample;
    if (!other) mismatches.push({ kind: 'only-in-a', language, id });
    else if (other.gold !== sample.gold) mismatches.push({ kind: 'gold-differs', language, id, gold: [sample.gold, other.gold] });
    else pairs.push({ a: sample, b: other });
  }
  for (const { language, id } of rest.values()) mismatches.push({ kind: 'only-in-b', language, id });
  if (mismatches.length > 0) throw new PairingError(mismatches);
  return pairs;
}

function keyed<T extends PairableSample>(samples: readonly T[], kind: PairingMismatch['kind'], mismatches: PairingMismatch[]): Map<string, T> {
  const map = new Map<string, T>();
  for (const sample of samples) {
    const key = `${sample.language}\u0000${sample.id}`;
    if (map.has(key)) mismatches.push({ kind, language: sample.language, id: sample.id });
    else map.set(key, sample);
  }
  return map;
}

const WORDS: Record<PairingMismatch['kind'], string> = {
  'only-in-a': 'only in A',
  'only-in-b': 'only in B',
  'gold-differs': 'with another gold answer',
  'repeated-in-a': 'repeated in A',
  'repeated-in-b': 'repeated in B',
};

function describe(mismatches: readonly PairingMismatch[]): string {
  const parts = Object.entries(WORDS).flatMap(([kind, words]) => {
    const found = mismatches.filter((m) => m.kind === kind);
    if (found.length === 0) return [];
    const shown = found.slice(0, 5).map((m) => `${m.language} ${m.id}${m.gold ? ` (${m.gold[0]} / ${m.gold[1]})` : ''}`);
    return [`${found.length} ${words}: ${shown.join(', ')}${found.length > shown.length ? ', …' : ''}`];
  });
  return `The two runs cannot be paired, because they do not hold the same problems. ${parts.join('; ')}. Run both over the same problems and languages, or choose the languages that both have in full.`;
}
