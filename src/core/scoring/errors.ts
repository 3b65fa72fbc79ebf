import { languageOf } from '../languages';
import { digitValue } from './python';
import { type ScoreError, type ScoreInput } from './types';

/** What a scorer knows about a wrong sample. */
export interface WrongReading {
  /** The number that was read, or null when none was. */
  readonly value: number | null;
  readonly gold: number;
  /** Other values the span could mean. */
  readonly alternatives?: readonly number[];
  /** Numbers that were seen and not taken as the answer (steps, times, dates …). */
  readonly passedOver?: readonly number[];
  /** Numbers of the question, when the caller has read them in the question's language. */
  readonly questionNumbers?: readonly number[];
}

/** Share of letters outside the language's script and Latin above which an answer counts as written in another language. */
const FOREIGN_SHARE = 0.8;
const MIN_LETTERS = 20;

const SCRIPT_LETTERS: Readonly<Record<string, RegExp>> = {
  Arab: /\p{Script=Arabic}/u, Armn: /\p{Script=Armenian}/u, Beng: /\p{Script=Bengali}/u, Cyrl: /\p{Script=Cyrillic}/u,
  Deva: /\p{Script=Devanagari}/u, Gujr: /\p{Script=Gujarati}/u, Hans: /\p{Script=Han}/u,
  Jpan: /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]/u, Knda: /\p{Script=Kannada}/u,
  Kore: /[\p{Script=Hangul}\p{Script=Han}]/u, Latn: /\p{Script=Latin}/u, Mlym: /\p{Script=Malayalam}/u,
  Taml: /\p{Script=Tamil}/u, Telu: /\p{Script=Telugu}/u, Thai: /\p{Script=Thai}/u,
};
const LETTER = /[\p{L}\p{M}]/u;
const LATIN = SCRIPT_LETTERS.Latn!;
const DIGIT = /\p{Nd}/u;
const SENTENCE_END = /[.!?。！？।॥։؟۔።]["'”’»）)\]*$\s]*$/u;

/**
 * Names what went wrong with a wrong number.
 *
 * The first that applies, in this order: empty, repetition, then without a number truncated, wrong-language, unread-answer or
 * no-answer; with a number other-reading, sign, power-of-ten, copied-number, truncated, wrong-language, wrong-number.
 */
export function classifyError(input: ScoreInput, reading: WrongReading): ScoreError {
  const text = input.completion;
  if (text.trim() === '') return 'empty';
  if (repeats(text)) return 'repetition';
  const { value, gold } = reading;
  if (value === null) {
    if (DIGIT.test(text) || (reading.passedOver?.length ?? 0) > 0) return 'unread-answer';
    if (isForeign(text, input.language)) return 'wrong-language';
    return isTruncated(text) ? 'truncated' : 'no-answer';
  }
  if (reading.alternatives?.some((v) => close(v, gold))) return 'other-reading';
  if (value !== 0 && close(value, -gold)) return 'sign';
  if (isPowerOfTen(value, gold)) return 'power-of-ten';
  if (questionNumbers(input, reading).some((n) => close(n, value))) return 'copied-number';
  if (isTruncated(text)) return 'truncated';
  if (isForeign(text, input.language)) return 'wrong-language';
  return 'wrong-number';
}

function close(a: number, b: number): boolean {
  return Math.abs(a - b) <= 1e-6 * Math.max(1, Math.abs(b));
}

function isPowerOfTen(value: number, gold: number): boolean {
  if (value === 0 || gold === 0 || value < 0 !== gold < 0) return false;
  const exponent = Math.log10(value / gold);
  const whole = Math.round(exponent);
  return whole !== 0 && Math.abs(whole) <= 9 && Math.abs(exponent - whole) < 1e-9;
}

function questionNumbers(input: ScoreInput, reading: WrongReading): readonly number[] {
  if (reading.questionNumbers) return reading.questionNumbers;
  if (!input.question) return [];
  const ascii = Array.from(input.question, (c) => {
    const d = digitValue(c.codePointAt(0) ?? 0);
    return d < 0 ? c : String(d);
  }).join('');
  return (ascii.match(/\d+(?:\.\d+)?/g) ?? []).map(Number);
}

/** True when the end of the text is one piece written at least four times in a row (or a line at least four times). */
export function repeats(text: string): boolean {
  const tail = text.trimEnd().slice(-600);
  for (let length = 4; length <= tail.length / 4; length++) {
    const piece = tail.slice(-length);
    let copies = 1;
    while (tail.length >= length * (copies + 1) && tail.endsWith(piece, tail.length - length * copies)) copies++;
    if (copies >= 4 && new Set(piece).size > 1) return true;
  }
  return false;
}

/** True when a text of some length stops without a sentence end, a digit or a closing mark. */
function isTruncated(text: string): boolean {
  const end = text.trimEnd();
  if (end.length < 80 || SENTENCE_END.test(end)) return false;
  return /[\p{L}\p{M},;:+\-−×*/=(]$/u.test(end);
}

/**
 * True when nearly all letters are of a script that is neither the question's nor Latin: these models are trained to answer in
 * English whatever the question's language, so English is no error. Cannot tell languages of one script apart; the fidelity of the
 * answers (`analysis/fidelity`) does.
 */
function isForeign(text: string, code: string): boolean {
  const own = SCRIPT_LETTERS[languageOf(code)?.script ?? ''];
  if (!own) return false;
  let letters = 0;
  let foreign = 0;
  for (const c of text.slice(0, 400)) {
    if (!LETTER.test(c)) continue;
    letters++;
    if (!own.test(c) && !LATIN.test(c)) foreign++;
  }
  return letters >= MIN_LETTERS && foreign / letters > FOREIGN_SHARE;
}
