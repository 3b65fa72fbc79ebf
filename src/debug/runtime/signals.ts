import { languageFidelity, findLoop } from '../../core/analysis';
import { type LanguageIdentifier } from '../../core/analysis';
import { scriptOfLetter } from '../../core/analysis/scripts';
import { readNumbers, selectAnswer } from '../../core/scoring';
import { type Value } from './expression';
import { type TokenFacts } from './facts';
import { type Generation } from './generation';

/** What a generation looks like just before a token is taken: the present one, or one that was taken already. */
export interface Moment {
  readonly generation: Generation;
  readonly facts: TokenFacts;
  /** Text before the token. */
  readonly before: string;
  /** Text of the token itself; "" for a part of a character. */
  readonly token: string;
}

/** The moment at a position; the present one when it is left out. Undefined at the end. */
export function momentOf(generation: Generation, position = generation.position): Moment | undefined {
  const facts = position < generation.position ? generation.tokens[position] : generation.chosen;
  if (!facts) return undefined;
  let before = generation.text;
  if (position < generation.position) {
    before = '';
    for (let i = 0; i < position; i++) before += generation.piece(i);
  }
  return { generation, facts, before, token: facts.token.special ? '' : facts.token.text };
}

/** The moments of all tokens that were taken, first to last. */
export function* momentsOf(generation: Generation): Generator<Moment> {
  let before = '';
  for (const [position, facts] of generation.tokens.entries()) {
    yield { generation, facts, before, token: facts.token.special ? '' : facts.token.text };
    before += generation.piece(position);
  }
}

/** Lines (reasoning steps) before the end of a text, from 0. */
export const lineOf = (text: string): number => {
  let lines = 0;
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) lines += 1;
  return lines;
};

/** ISO 15924 code of the script of the last letter, "" without letters. */
export function lastScript(text: string): string {
  const characters = [...text.slice(-200)];
  for (let i = characters.length - 1; i >= 0; i--) {
    const script = scriptOfLetter(characters[i]!.codePointAt(0)!);
    if (script !== null) return script;
  }
  return '';
}

/** The text is read again from so far back only; an answer stands at the end. */
const ANSWER_WINDOW = 4000;
const GROWS = /[\p{Nd}.,٫٬'’\u00a0\u202f]$/u;

/**
 * The answer that a text gives, as the locale scorer chooses it; null while there is none. A number at the very end counts
 * when `next` does not go on with it.
 */
export function answerOf(text: string, next: string, language: string): number | null {
  let read = text;
  if (GROWS.test(text) && /^[\p{Nd}.,٫٬]/u.test(next)) read = text.replace(/[\p{Nd}.,٫٬'’\u00a0\u202f]+$/u, '');
  const end = read.slice(-ANSWER_WINDOW);
  if (readNumbers(end, language).length === 0) return null;
  return selectAnswer(end, language).answer?.value ?? null;
}

/** Letters after which a text is judged. */
const DRIFT_WINDOW = 400;

/** What a generation can be stopped for, besides what breakpoints say. */
export const FILTERS = {
  loop: { label: 'Repetition loop', description: 'The text ends in the same piece three times or more.', default: true },
  drift: { label: 'Language drift', description: 'The last sentence is in another language or script than expected.', default: false },
  nonFinite: { label: 'NaN or infinity in the logits', description: 'A logit is not a number or infinite.', default: true },
  length: { label: 'Maximum length', description: 'The answer has reached its most tokens, or the context is full.', default: true },
  divergence: { label: 'Divergence from the reference', description: 'The token differs from the one of the reference run.', default: false },
} as const;
export type FilterName = keyof typeof FILTERS;
export const FILTER_NAMES = Object.keys(FILTERS) as FilterName[];

export interface Alarm {
  readonly filter: FilterName;
  readonly message: string;
}

export interface SignalOptions {
  /** Ids that a reference run generated, by generation id. */
  readonly reference?: ReadonlyMap<number, readonly number[]>;
  /** Language that the answers should be in; undefined: the one that they begin in. */
  readonly expected?: string;
  readonly identifier?: LanguageIdentifier;
}

/** The alarms at the present position of a generation. Each is raised once on a way. */
export function alarmsOf(generation: Generation, filters: ReadonlySet<FilterName>, options: SignalOptions): Alarm[] {
  const alarms: Alarm[] = [];
  const raise = (filter: FilterName, message: string): void => {
    if (!filters.has(filter) || generation.reported.has(filter)) return;
    generation.reported.set(filter, generation.position);
    alarms.push({ filter, message });
  };
  const { end, position, text } = generation;
  if (end === 'context') {
    const { maxPositions, promptTokens } = generation.summary;
    raise('length', `The context is full: the LLM has ${maxPositions} positions, ${promptTokens} for the prompt and ${position} for the answer. Step back, or end here.`);
  } else if (end === 'length') raise('length', `The answer has ${position} tokens, as many as it may have (maxNewTokens). Step back, or end here.`);
  const facts = generation.chosen;
  if (facts && facts.nonFinite > 0) raise('nonFinite', `${facts.nonFinite} logits of token ${position} are NaN or infinite, so its probabilities mean nothing.`);
  if (filters.has('loop') && !generation.reported.has('loop') && position > 0) {
    const loop = findLoop(text);
    if (loop) raise('loop', `The text repeats ${JSON.stringify(loop.unit.slice(0, 60))} ${loop.copies.toFixed(1)} times.`);
  }
  if (filters.has('drift') && !generation.reported.has('drift') && /[.!?。！？।॥؟\n]["'”’)]*\s*$/u.test(text)) {
    const drift = driftOf(text, options);
    if (drift !== undefined) raise('drift', drift);
  }
  const reference = options.reference?.get(generation.id);
  if (facts && reference && !generation.reported.has('divergence')) {
    const wanted = reference[position];
    if (wanted !== facts.token.id) raise('divergence', wanted === undefined ? `The reference ended before token ${position}.` : `Token ${position} is ${facts.token.id} (${JSON.stringify(facts.token.text)}); the reference has ${wanted}.`);
  }
  return alarms;
}

function driftOf(text: string, { expected, identifier }: SignalOptions): string | undefined {
  const recent = text.slice(-DRIFT_WINDOW);
  const whole = languageFidelity(recent, expected ?? 'en', identifier);
  const told = whole.sentences.filter((s) => s.language !== null);
  const last = told.at(-1);
  if (!last) {
    return expected !== undefined && whole.wrongLanguage ? `The text is not in the script of "${expected}".` : undefined;
  }
  const want = expected ?? told[0]!.language!;
  // One short sentence may be misread; a long one, or two in a row, are not.
  const before = told.at(-2);
  const sure = last.letters >= 40 || (before !== undefined && before.language === last.language);
  return last.language !== want && sure ? `The last sentence is ${last.language}, not ${want}.` : undefined;
}

/** What a condition can name. */
export function namesOf({ generation, facts, before, token }: Moment): Record<string, Value> {
  const language = generation.options.language;
  return {
    p: Math.exp(facts.logprob), logprob: facts.logprob, rank: facts.rank, entropy: facts.entropy, cumulative: facts.cumulative,
    token, id: facts.token.id, forced: facts.forced, position: facts.position, line: lineOf(before) + 1,
    text: before, script: lastScript(before + token), answer: answerOf(before, token, language), language,
  };
}
