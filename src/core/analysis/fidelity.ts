import { type LanguageIdentifier } from './identify';
import { belongsTo, ownScriptShare, prose, scriptCounts, scriptOfLetter } from './scripts';

export interface SentenceLanguage {
  /** UTF-16 offsets [start, end) in the text. */
  readonly start: number;
  readonly end: number;
  readonly letters: number;
  /** Identified language; null when the sentence is too short to tell or no identifier was given and scripts do not decide. */
  readonly language: string | null;
}

export interface Fidelity {
  readonly letters: number;
  /** Share of letters per script (ISO 15924), largest first. */
  readonly scripts: readonly (readonly [script: string, share: number])[];
  /** Share of letters in the expected language's script; NaN without letters. */
  readonly ownScript: number;
  readonly sentences: readonly SentenceLanguage[];
  /** Letters in sentences of the expected language / letters in sentences that could be told; NaN when none could. */
  readonly share: number;
  /** Language with most letters among the sentences that could be told. */
  readonly dominant: string | null;
  /** Changes of language from one told sentence to the next. */
  readonly switches: number;
  /** switches / (told sentences - 1); 0 with fewer than two. */
  readonly switchRate: number;
  /** Changes of script from one word to the next inside the text / (words - 1); 0 with fewer than two words. */
  readonly scriptSwitchRate: number;
  /**
   * Enough letters, and fewer than half of them in the expected script or language; the language must also fail on the text
   * as a whole, which is surer than its sentences one by one.
   */
  readonly wrongLanguage: boolean;
}

/** Sentences with fewer letters are not identified: names, units and short equations decide them. */
const MIN_SENTENCE_LETTERS = 12;
/** Texts with fewer letters are not judged; scripts without spaces say more per letter. */
const MIN_TEXT_LETTERS = 20;

/**
 * Which language a completion is written in, compared with the expected one.
 *
 * @param identifier names the language per sentence; without it only scripts decide, which tells Thai from English but not
 *   German from English
 */
export function languageFidelity(text: string, expected: string, identifier?: LanguageIdentifier): Fidelity {
  const clean = prose(text);
  const counts = scriptCounts(text);
  const letters = [...counts.values()].reduce((sum, x) => sum + x, 0);
  const sentences = splitSentences(clean).map(([start, end]) => sentenceLanguage(clean, start, end, expected, identifier));
  const told = sentences.filter((s) => s.language !== null);
  const perLanguage = new Map<string, number>();
  for (const s of told) perLanguage.set(s.language!, (perLanguage.get(s.language!) ?? 0) + s.letters);
  const toldLetters = told.reduce((sum, s) => sum + s.letters, 0);
  const share = (perLanguage.get(expected) ?? 0) / toldLetters;
  const ownScript = ownScriptShare(counts, expected);
  let switches = 0;
  for (let i = 1; i < told.length; i += 1) if (told[i]!.language !== told[i - 1]!.language) switches += 1;
  return {
    letters,
    scripts: [...counts].map(([script, count]) => [script, count / letters] as const).sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)),
    ownScript,
    sentences,
    share,
    dominant: [...perLanguage].reduce<readonly [string | null, number]>((top, entry) => (entry[1] > top[1] ? entry : top), [null, 0])[0],
    switches,
    switchRate: told.length < 2 ? 0 : switches / (told.length - 1),
    scriptSwitchRate: scriptSwitchRate(clean),
    wrongLanguage: letters >= MIN_TEXT_LETTERS && (ownScript < 0.5 || (share < 0.5 && identifier?.identify(withoutNumbers(clean, expected)) !== expected)),
  };
}

/** Spans of sentences: split after the sentence ends of the 48 languages' scripts and at line breaks, never inside a number. */
export function splitSentences(text: string): [start: number, end: number][] {
  const spans: [number, number][] = [];
  const ends = /[.!?。！？｡।॥։؟…۔]+["'”’»）)\]]*(?=\s|$|[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}])|\n+/gu;
  let start = 0;
  const push = (end: number): void => {
    if (/[\p{L}\p{M}]/u.test(text.slice(start, end))) spans.push([start, end]);
    start = end;
  };
  for (const match of text.matchAll(ends)) push(match.index + match[0].length);
  push(text.length);
  return spans;
}

function sentenceLanguage(text: string, start: number, end: number, expected: string, identifier: LanguageIdentifier | undefined): SentenceLanguage {
  const sentence = text.slice(start, end);
  const counts = scriptCounts(sentence);
  const letters = [...counts.values()].reduce((sum, x) => sum + x, 0);
  const minimum = counts.has('Hani') || counts.has('Hang') ? MIN_SENTENCE_LETTERS / 2 : MIN_SENTENCE_LETTERS;
  const language = letters < minimum || !identifier ? null : identifier.identify(withoutNumbers(sentence, expected));
  return { start, end, letters, language };
}

/** Digits and, in a text of another script, single Latin letters (variables) tell nothing about the language. */
function withoutNumbers(sentence: string, expected: string): string {
  const words = sentence.replace(/[\p{N}=+*/×÷%$€£\\{}^_]+/gu, ' ');
  const plain = belongsTo('Latn', expected) ? words : words.replace(/(?<![\p{L}\p{M}])\p{Script=Latin}(?![\p{L}\p{M}])/gu, ' ');
  return plain.replace(/\s+/gu, ' ').trim();
}

function scriptSwitchRate(text: string): number {
  const { pairs, changes } = scriptSwitches(text);
  return pairs === 0 ? 0 : changes / pairs;
}

/** Changes of script from one word to the next, of all neighbouring words. */
function scriptSwitches(text: string): { readonly pairs: number; readonly changes: number } {
  let [words, changes] = [0, 0];
  let previous: string | null = null;
  for (const [word] of text.matchAll(/[\p{L}\p{M}]{2,}/gu)) {
    const script = family(scriptOfLetter(word.codePointAt(0)!)!);
    if (previous !== null && script !== previous) changes += 1;
    previous = script;
    words += 1;
  }
  return { pairs: Math.max(0, words - 1), changes };
}

/** Kana and Han stand side by side in one Japanese word, so they count as one script here. */
function family(script: string): string {
  return script === 'Hira' || script === 'Kana' || script === 'Hani' ? 'Hani' : script;
}

/** In which languages and scripts a run answers the questions of one language. */
export interface FidelityRow {
  /** Language of the questions. */
  readonly language: string;
  /** Completions that hold a letter. */
  readonly n: number;
  readonly letters: number;
  /** Share of letters per script (ISO 15924) over all completions together, largest first. */
  readonly scripts: readonly (readonly [script: string, share: number])[];
  /** Share of letters in the language's own script; null without letters. */
  readonly ownScript: number | null;
  /** Changes of script from one word to the next / neighbouring words; null without two words in a row. */
  readonly scriptSwitchRate: number | null;
  /** Completions whose sentences were identified; 0 without an identifier. */
  readonly identified: number;
  /** Sentences that could be told. */
  readonly sentences: number;
  /** Share of the letters of told sentences in the language of the question, and in English; null when no sentence was told. */
  readonly own: number | null;
  readonly english: number | null;
  /** Language with most letters among the told sentences. */
  readonly dominant: string | null;
  /** Code-switch rate: changes of language from one told sentence to the next / neighbouring told sentences of one completion; null without any. */
  readonly switchRate: number | null;
}

export interface AnsweredText {
  readonly id: string;
  readonly completion: string;
}

/** Completions per language whose sentences are identified: the identifier takes milliseconds for each, and shares over so many stand to a few points. */
export const IDENTIFIED = 50;

/**
 * Script shares over all completions and, with an identifier, the language of their sentences over at most `most` completions that are
 * spread evenly over the problem ids. Does not depend on the order of the answers.
 */
export function fidelityRow(language: string, answers: readonly AnsweredText[], identifier?: LanguageIdentifier, most = IDENTIFIED): FidelityRow {
  const counts = new Map<string, number>();
  let [wordPairs, scriptChanges] = [0, 0];
  const texts = [...answers].sort((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0)).flatMap(({ completion }) => {
    const own = scriptCounts(completion);
    if (own.size === 0) return [];
    for (const [script, count] of own) counts.set(script, (counts.get(script) ?? 0) + count);
    const clean = prose(completion);
    const switches = scriptSwitches(clean);
    wordPairs += switches.pairs;
    scriptChanges += switches.changes;
    return [clean];
  });
  const letters = [...counts.values()].reduce((sum, x) => sum + x, 0);
  const size = Math.min(most, texts.length);
  const chosen = identifier ? Array.from({ length: size }, (_, i) => texts[Math.floor((i * texts.length) / size)]!) : [];
  const perLanguage = new Map<string, number>();
  let [told, pairs, changes] = [0, 0, 0];
  for (const text of chosen) {
    const found = splitSentences(text).map(([start, end]) => sentenceLanguage(text, start, end, language, identifier)).filter((s) => s.language !== null);
    for (const s of found) perLanguage.set(s.language!, (perLanguage.get(s.language!) ?? 0) + s.letters);
    told += found.length;
    pairs += Math.max(0, found.length - 1);
    for (let i = 1; i < found.length; i += 1) if (found[i]!.language !== found[i - 1]!.language) changes += 1;
  }
  const all = [...perLanguage.values()].reduce((sum, x) => sum + x, 0);
  const share = (code: string): number | null => (all === 0 ? null : (perLanguage.get(code) ?? 0) / all);
  return {
    language, n: texts.length, letters,
    scripts: [...counts].map(([script, count]) => [script, count / letters] as const).sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)),
    ownScript: letters === 0 ? null : ownScriptShare(counts, language),
    scriptSwitchRate: wordPairs === 0 ? null : scriptChanges / wordPairs,
    identified: chosen.length, sentences: told, own: share(language), english: share('en'),
    dominant: [...perLanguage].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1))[0]?.[0] ?? null,
    switchRate: pairs === 0 ? null : changes / pairs,
  };
}

/** The same for every language of a run; answers to log-likelihood items are no texts of the model and are left out by the caller. */
export function fidelityRows(samples: readonly (AnsweredText & { readonly language: string })[], identifier?: LanguageIdentifier, most?: number): FidelityRow[] {
  const byLanguage = new Map<string, AnsweredText[]>();
  for (const s of samples) {
    const list = byLanguage.get(s.language);
    if (list) list.push(s);
    else byLanguage.set(s.language, [s]);
  }
  return [...byLanguage].sort(([a], [b]) => (a < b ? -1 : 1)).map(([language, answers]) => fidelityRow(language, answers, identifier, most));
}
