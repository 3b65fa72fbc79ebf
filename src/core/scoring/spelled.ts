import table from '../languages/spelled.generated.json';
import { numberConventions } from '../languages/numbers';
import { type Folded } from './fold';
import { romanValue } from './han';
import { type Draft } from './reader';
import { signBefore } from './sign';
import { WordNumbers, type WordTable } from './words';

/** Scripts without spaces between words. Korean has spaces, and particles right after the number. */
const UNSPACED = new Set(['th', 'ko']);
const LETTER = /[\p{L}\p{M}]/u;
/** What may follow a Korean number without a space. */
const KOREAN_TAIL = /^(?:입니다|이다|이에요|예요|이고|이며|이므로|개|명|원|권|마리|대|시간|살|장|달러|송이|그루|병|잔|켤레|자루|봉지|상자|조각|미터|킬로|그램|분|초|년|일|주|가지|다$|[\s.,)]|$)/u;
/** One-syllable Sino-Korean numerals that are mostly other words (이 "this", 일 "day", 오, 사, 구, 만 "only"). */
const KOREAN_WORDLIKE = /^[일이삼사오육칠팔구영공한두세네백천만십]$/u;

/** Short forms of scale words after digits. */
const ABBREVIATIONS: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  de: { 'mio': 1e6, 'mrd': 1e9, 'tsd': 1e3 }, lb: { mio: 1e6, mrd: 1e9 }, nl: { mln: 1e6, mld: 1e9 }, fr: { 'mrd': 1e9 }, it: { mln: 1e6, mld: 1e9 },
  da: { mio: 1e6, mia: 1e9 }, nb: { mill: 1e6, mrd: 1e9 }, sv: { mn: 1e6, milj: 1e6, mdr: 1e9 }, fi: { milj: 1e6, mrd: 1e9 },
  ru: { 'тыс': 1e3, 'млн': 1e6, 'млрд': 1e9 }, uk: { 'тис': 1e3, 'млн': 1e6, 'млрд': 1e9 }, be: { 'тыс': 1e3, 'млн': 1e6, 'млрд': 1e9 },
  bg: { 'хил': 1e3, 'млн': 1e6, 'млрд': 1e9 }, mk: { 'мил': 1e6 }, sr: { 'хиљ': 1e3, 'мил': 1e6 }, hr: { 'tis': 1e3, 'mil': 1e6 }, sl: { tis: 1e3, mio: 1e6 },
  pl: { 'tys': 1e3, mln: 1e6, mld: 1e9 }, cs: { tis: 1e3, mil: 1e6, mld: 1e9 }, sk: { tis: 1e3, mil: 1e6, mld: 1e9 }, hu: { mrd: 1e9 }, ro: { mil: 1e6, mld: 1e9 },
  hi: { 'लाख': 1e5, 'करोड़': 1e7, 'हजार': 1e3 }, vi: { 'ngàn': 1e3, 'tỉ': 1e9 }, id: { rb: 1e3, jt: 1e6 }, is: { 'þús': 1e3, 'millj': 1e6 },
};
const ENGLISH_SHORT: Readonly<Record<string, number>> = { hundred: 100, lakh: 1e5, lakhs: 1e5, crore: 1e7, crores: 1e7, bn: 1e9 };
/** Languages that put the scale word before the number: Swahili elfu 5, Hausa dubu 5. */
const SCALE_FIRST: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  sw: { elfu: 1e3, laki: 1e5, milioni: 1e6, bilioni: 1e9 },
  ha: { dubu: 1e3, miliyan: 1e6, biliyan: 1e9 },
};
const K_SUFFIX = /[kK](?![\p{L}\d])/uy;
const SCALE_WORD = /[ \u00a0]?(\p{L}[\p{L}\p{M}]*)\.?/uy;

const readers = new Map<string, WordNumbers | undefined>();

/** The reader of a language's number words, or undefined when there is no table for it. */
export function wordNumbers(language: string): WordNumbers | undefined {
  if (!readers.has(language)) {
    const words = (table as Readonly<Record<string, WordTable>>)[language];
    readers.set(language, words ? new WordNumbers(words, UNSPACED.has(language)) : undefined);
  }
  return readers.get(language);
}

/** Folded text as the word tables are written: lower case, every hyphen and inner space a space. Keeps the length. */
function lowered(text: string): string {
  const lower = text.toLowerCase();
  const kept = lower.length === text.length ? lower : Array.from(text, (c) => (c.toLowerCase().length === c.length ? c.toLowerCase() : c)).join('');
  return kept.replace(/[-\u00a0\t]/g, ' ');
}

export interface Scaled {
  readonly value: number;
  readonly end: number;
  readonly alternatives: number[];
}

/**
 * A number in digits with its scale word: "2.5 million", "5 हज़ार", "3 тыс.", "$5k", "elfu 5".
 *
 * @param start folded offset of the first digit
 * @param end folded offset after the last digit
 */
export function scaleAfter(text: string, start: number, end: number, language: string, value: number): Scaled | undefined {
  K_SUFFIX.lastIndex = end;
  if (K_SUFFIX.test(text)) return { value: value * 1000, end: end + 1, alternatives: [value] };
  const first = SCALE_FIRST[language];
  const before = first ? /(\p{L}+) $/u.exec(text.slice(Math.max(0, start - 12), start))?.[1]?.toLowerCase() : undefined;
  const scale = before === undefined ? undefined : first?.[before];
  if (scale !== undefined && value < scale) return { value: value * scale, end, alternatives: [] };
  SCALE_WORD.lastIndex = end;
  const match = SCALE_WORD.exec(text);
  const word = match?.[1]?.toLowerCase();
  if (!match || word === undefined) return undefined;
  const short = ABBREVIATIONS[language]?.[word] ?? ENGLISH_SHORT[word];
  if (short !== undefined) return { value: round(value * short), end: end + match[0].length, alternatives: [] };
  const from = lowered(text.slice(end, end + 24));
  const long = wordNumbers(language)?.scaleAt(from, 0) ?? wordNumbers('en')?.scaleAt(from, 0);
  return long ? { value: round(value * long.value), end: end + long.end, alternatives: [] } : undefined;
}

/** 3.14 × 1e6 without the rounding error of the multiplication. */
function round(value: number): number {
  return Number(value.toPrecision(15));
}

/**
 * Spelled-out numbers of the language, and of English, and Roman numerals, outside the numbers that are taken already.
 *
 * @param folded the text
 * @param taken readings in digits, in order
 */
export function readSpelled(folded: Folded, language: string, taken: readonly Draft[]): Draft[] {
  const { text } = folded;
  const found: Draft[] = [];
  const lower = lowered(text);
  const own = wordNumbers(language);
  const readersHere = [own, language === 'en' ? undefined : wordNumbers('en')].filter((r) => r !== undefined);
  let next = 0;
  for (let i = 0; i < lower.length; i++) {
    while (next < taken.length && (taken[next]?.end ?? 0) <= i) next++;
    const ahead = taken[next];
    if (ahead && ahead.start <= i) {
      i = ahead.end - 1;
      continue;
    }
    if (language !== 'th' && i > 0 && LETTER.test(lower[i - 1] ?? '')) continue;
    const draft = wordAt(folded, lower, i, language, readersHere, found[found.length - 1]?.end ?? -1) ?? romanAt(text, i);
    if (!draft || (ahead && draft.end > ahead.start)) continue;
    found.push(draft);
    i = draft.end - 1;
  }
  return found;
}

function wordAt(folded: Folded, lower: string, at: number, language: string, list: readonly WordNumbers[], previousEnd: number): Draft | undefined {
  const char = lower[at] ?? '';
  for (const reader of list) {
    if (!reader.startsWith(char)) continue;
    const got = reader.parse(lower, at);
    if (!got) continue;
    if (language === 'ko' && reader === list[0] && !koreanNumber(lower, at, got.end)) continue;
    const decimal = decimalWords(lower, got.end, language, reader);
    const value = decimal ? Number(`${got.value}.${decimal.digits}`) : got.value;
    const sign = signBefore(folded, at, numberConventions(language), previousEnd);
    return {
      start: sign.negative ? sign.start : at,
      end: decimal?.end ?? got.end,
      value: sign.negative && value !== 0 ? -value : value,
      kind: 'words',
      role: 'value',
      ambiguous: false,
      alternatives: [],
    };
  }
  return undefined;
}

/** The digits of "… point two five". */
function decimalWords(lower: string, at: number, language: string, reader: WordNumbers): { digits: string; end: number } | undefined {
  const words = [...(numberConventions(language)?.pointWords ?? []), 'point'].map((w) => w.toLowerCase());
  const word = words.find((w) => lower.startsWith(`${w} `, at + 1));
  if (lower[at] !== ' ' || word === undefined) return undefined;
  let digits = '';
  let end = at;
  for (let i = at + 1 + word.length + 1; ; ) {
    const got = reader.parse(lower, i);
    if (!got || got.value > 99 || !Number.isInteger(got.value)) break;
    digits += String(got.value);
    end = got.end;
    if (lower[end] !== ' ') break;
    i = end + 1;
  }
  return digits === '' ? undefined : { digits, end };
}

function koreanNumber(lower: string, start: number, end: number): boolean {
  if (!KOREAN_TAIL.test(lower.slice(end, end + 4))) return false;
  const word = lower.slice(start, end);
  return !KOREAN_WORDLIKE.test(word) || /^\s?(?:개|명|원|권|마리|대|시간|살|장|달러|송이|그루|병|잔|입니다)/u.test(lower.slice(end, end + 4));
}

function romanAt(text: string, at: number): Draft | undefined {
  if (!'IVXLCDM'.includes(text[at] ?? ' ')) return undefined;
  const run = /^[IVXLCDM]{2,}(?![\p{L}\p{M}\d])/u.exec(text.slice(at, at + 16))?.[0];
  const value = run === undefined || /\d/.test(text[at - 1] ?? '') ? undefined : romanValue(run);
  if (value === undefined || run === undefined) return undefined;
  return { start: at, end: at + run.length, value, kind: 'roman', role: 'value', ambiguous: false, alternatives: [] };
}
