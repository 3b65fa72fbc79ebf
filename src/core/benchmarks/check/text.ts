import { belongsTo, scriptOfLetter } from '../../analysis/scripts';
import { languageOf } from '../../languages';
import { type Problem } from '../types';

/** One text of a problem that a reader sees. */
export interface TextField {
  readonly field: string;
  readonly text: string;
}

/** The texts of a problem, each once: question and choices, or premise and hypothesis. */
export function fieldsOf(problem: Problem): TextField[] {
  if (problem.kind === 'nli' && problem.premise !== undefined && problem.hypothesis !== undefined) {
    return [
      { field: 'premise', text: problem.premise },
      { field: 'hypothesis', text: problem.hypothesis },
    ];
  }
  return [{ field: 'question', text: problem.question }, ...(problem.choices ?? []).map((c) => ({ field: `choice ${c.label}`, text: c.text }))];
}

/** All texts of a problem in one string, a line each. */
export function wholeText(problem: Problem): string {
  return fieldsOf(problem).map((f) => f.text).join('\n');
}

/** Texts that differ only in case, spaces, digits or punctuation marks fold to the same string. */
export function foldedText(text: string): string {
  return text.normalize('NFKC').toLowerCase().replace(/[^\p{L}\p{M}\p{Nd}]+/gu, ' ').trim();
}

const FOLDED = new WeakMap<Problem, string>();

/** All texts of a problem, folded. Kept per problem, because every pair of languages asks for it. */
export function foldedWhole(problem: Problem): string {
  let folded = FOLDED.get(problem);
  if (folded === undefined) FOLDED.set(problem, (folded = foldedText(wholeText(problem))));
  return folded;
}

/** ISO 15924 code of a language's script, when the language is one of the 48. */
export function scriptOf(language: string): string | undefined {
  return languageOf(language)?.script;
}

/** True for a letter of a script that is not the language's; letters of no script (ー, ª) are never foreign. */
export function isForeignLetter(char: string, language: string): boolean {
  if (!/\p{L}/u.test(char)) return false;
  const script = scriptOfLetter(char.codePointAt(0)!);
  return script !== null && script !== 'Zyyy' && !belongsTo(script, language);
}

/** A word (letters, marks, inner apostrophes and hyphens) with its place. */
export interface Word {
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

export function wordsOf(text: string): Word[] {
  const words: Word[] = [];
  for (const m of text.matchAll(/\p{L}[\p{L}\p{M}]*(?:['’-]\p{L}[\p{L}\p{M}]*)*/gu)) {
    words.push({ text: m[0], start: m.index, end: m.index + m[0].length });
  }
  return words;
}

/** Middle of a sorted copy; NaN for an empty list. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2;
}

/** Share as a percentage without decimals. */
export function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}
