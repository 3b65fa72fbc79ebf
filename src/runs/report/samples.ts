import { type Sample } from '../../protocol/run';

/**
 * The samples of a language that a report shows: wrong ones first, each of another error type as long as there are any, then in
 * the order of the plan; then the first right ones.
 */
export function shownSamples(samples: readonly Sample[], ids: readonly string[], wrong: number, right: number): Sample[] {
  const place = new Map(ids.map((id, i) => [id, i]));
  const ordered = [...samples].sort((a, b) => (place.get(a.id) ?? ids.length) - (place.get(b.id) ?? ids.length) || (a.id < b.id ? -1 : 1));
  const bad = ordered.filter((s) => !s.correct);
  const firstOfKind = bad.filter((s, i) => bad.findIndex((other) => other.error === s.error) === i);
  const byVariety = [...new Set([...firstOfKind, ...bad])];
  return [...byVariety.slice(0, wrong), ...ordered.filter((s) => s.correct).slice(0, right)];
}

/** A problem of one language as every run answered it; undefined where a run did not ask it. */
export interface ShownProblem {
  readonly id: string;
  readonly answers: readonly (Sample | undefined)[];
}

/**
 * What a report of several runs shows of a language: first problems on which the runs disagree, then ones that all got wrong.
 *
 * @param runs each run's samples of this language
 */
export function shownProblems(runs: readonly (readonly Sample[])[], ids: readonly string[], limit: number): ShownProblem[] {
  const answers = runs.map((samples) => new Map(samples.map((s) => [s.id, s])));
  const asked = new Set(answers.flatMap((of) => [...of.keys()]));
  const all = ids.filter((id) => asked.has(id)).map((id): ShownProblem => ({ id, answers: answers.map((of) => of.get(id)) }));
  const right = (p: ShownProblem): number => p.answers.filter((s) => s?.correct).length;
  const disagree = all.filter((p) => right(p) > 0 && right(p) < p.answers.filter((s) => s !== undefined).length);
  return [...disagree, ...all.filter((p) => right(p) === 0)].slice(0, limit);
}

/** A piece of a completion: text, the span that was read, or what was left out. */
export type Piece = { readonly kind: 'text' | 'read'; readonly text: string } | { readonly kind: 'left-out'; readonly characters: number };

/** Units of UTF-16 kept at the start, at the end, and on each side of the read span, when a completion is long. */
const HEAD = 500;
const TAIL = 300;
const AROUND = 120;

/** A completion in pieces, with the read span apart and the middle of a long one left out. */
export function completionPieces(text: string, span: readonly [number, number] | null): Piece[] {
  const n = text.length;
  const read = span && span[0] >= 0 && span[1] <= n && span[0] < span[1] ? span : null;
  const wanted: [number, number][] = n <= HEAD + TAIL + AROUND ? [[0, n]] : [[0, HEAD], [n - TAIL, n]];
  if (read) wanted.push([Math.max(0, read[0] - AROUND), Math.min(n, read[1] + AROUND)]);
  wanted.sort((a, b) => a[0] - b[0]);
  const kept: [number, number][] = [];
  for (const [start, end] of wanted.map(([a, b]) => [boundary(text, a), boundary(text, b)] as [number, number])) {
    const last = kept.at(-1);
    if (last && start <= last[1]) last[1] = Math.max(last[1], end);
    else kept.push([start, end]);
  }
  const pieces: Piece[] = [];
  let at = 0;
  for (const [start, end] of kept) {
    if (start > at) pieces.push({ kind: 'left-out', characters: start - at });
    const cuts = read && read[0] < end && read[1] > start ? ([[start, read[0], 'text'], [read[0], read[1], 'read'], [read[1], end, 'text']] as const) : ([[start, end, 'text']] as const);
    for (const [from, to, kind] of cuts) if (to > from) pieces.push({ kind, text: text.slice(from, to) });
    at = end;
  }
  return pieces;
}

/** The offset, moved to the next one when it would cut a surrogate pair. */
function boundary(text: string, at: number): number {
  const inside = at > 0 && at < text.length && /[\uD800-\uDBFF]/.test(text[at - 1]!) && /[\uDC00-\uDFFF]/.test(text[at]!);
  return inside ? at + 1 : at;
}

/** `read 42 (last number of the conclusion), gold 24, wrong-number`. */
export function verdict(sample: Sample): string {
  if (sample.stopReason === 'failed') return `failed in the engine: ${sample.failure ?? 'no reason given'}`;
  const read = sample.value === null ? 'nothing read' : `read ${sample.value}`;
  const why = sample.reading === '' ? '' : ` (${sample.reading}${sample.ambiguous ? ', ambiguous' : ''})`;
  return `${read}${why}, gold ${sample.gold}${sample.error === null ? '' : `, ${sample.error}`}${sample.stopReason === 'length' ? ', cut at the token limit' : ''}`;
}
