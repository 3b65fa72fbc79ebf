import { languageOf } from '../languages';

/** Scripts that are told apart, by ISO 15924 code. */
const SCRIPTS: readonly (readonly [code: string, letters: RegExp])[] = [
  ['Latn', /\p{Script=Latin}/u],
  ['Cyrl', /\p{Script=Cyrillic}/u],
  ['Arab', /\p{Script=Arabic}/u],
  ['Deva', /\p{Script=Devanagari}/u],
  ['Beng', /\p{Script=Bengali}/u],
  ['Gujr', /\p{Script=Gujarati}/u],
  ['Knda', /\p{Script=Kannada}/u],
  ['Mlym', /\p{Script=Malayalam}/u],
  ['Taml', /\p{Script=Tamil}/u],
  ['Telu', /\p{Script=Telugu}/u],
  ['Thai', /\p{Script=Thai}/u],
  ['Armn', /\p{Script=Armenian}/u],
  ['Hani', /\p{Script=Han}/u],
  ['Hira', /\p{Script=Hiragana}/u],
  ['Kana', /[\p{Script=Katakana}ー]/u],
  ['Hang', /\p{Script=Hangul}/u],
  ['Grek', /\p{Script=Greek}/u],
  ['Hebr', /\p{Script=Hebrew}/u],
];

/** Scripts that a language's own script stands for. */
const PARTS: Readonly<Record<string, readonly string[]>> = { Jpan: ['Hani', 'Hira', 'Kana'], Kore: ['Hang', 'Hani'], Hans: ['Hani'] };
const LETTER = /[\p{L}\p{M}]/u;

/** LaTeX commands and addresses are no language. */
const NOT_PROSE = /\\[a-zA-Z]+|https?:\/\/\S+/gu;

const cache = new Map<number, string | null>();

/** ISO 15924 code of a letter's script, `Zyyy` for a letter of another or of no script, null for anything that is no letter. */
export function scriptOfLetter(codePoint: number): string | null {
  let script = cache.get(codePoint);
  if (script === undefined) {
    const character = String.fromCodePoint(codePoint);
    script = LETTER.test(character) ? (SCRIPTS.find(([, letters]) => letters.test(character))?.[0] ?? 'Zyyy') : null;
    cache.set(codePoint, script);
  }
  return script;
}

/** The text without LaTeX commands and web addresses, every removed unit replaced by a space so that offsets stay. */
export function prose(text: string): string {
  return text.replace(NOT_PROSE, (found) => ' '.repeat(found.length));
}

/** Letters per script, over the prose of a text. */
export function scriptCounts(text: string): Map<string, number> {
  const counts = new Map<string, number>();
  for (const character of prose(text)) {
    const script = scriptOfLetter(character.codePointAt(0)!);
    if (script !== null) counts.set(script, (counts.get(script) ?? 0) + 1);
  }
  return counts;
}

/** True when letters of this script belong to the language (kana and Han for Japanese, for instance). */
export function belongsTo(script: string, language: string): boolean {
  const own = languageOf(language)?.script;
  return own !== undefined && (own === script || (PARTS[own]?.includes(script) ?? false));
}

/** Share of letters in the language's script; NaN without letters, or for a language outside the table. */
export function ownScriptShare(counts: ReadonlyMap<string, number>, language: string): number {
  if (!languageOf(language)) return NaN;
  let [own, all] = [0, 0];
  for (const [script, count] of counts) {
    all += count;
    if (belongsTo(script, language)) own += count;
  }
  return own / all;
}
