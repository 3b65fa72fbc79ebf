import { type Choice, type Problem } from '../benchmarks/types';
import { choicesOf, goldClass, readNumbers as numbersOf } from '../scoring';
import { type Candidate } from '../scoring/types';
import { type FloorShare } from './aggregate';

/**
 * What answers without any understanding score on the very items of a run. A result that is not above its floor shows
 * nothing, and a small or unlucky sample can have a high floor.
 */
export type FloorName = 'last-number' | 'a+b' | '|a-b|' | 'a*b' | 'most-frequent-answer' | 'majority-class' | 'first-choice' | 'chance';

export interface Floor {
  readonly name: FloorName;
  /** What the trivial answerer does, in words. */
  readonly rule: string;
  /** Items right; for a choice at random the expected number, which need not be whole. */
  readonly correct: number;
  readonly share: number;
}

export interface LanguageFloors {
  readonly language: string;
  readonly n: number;
  /** Problems of kind `number` in which no number could be read; the arithmetic floors count them as wrong. */
  readonly withoutNumbers: number;
  readonly floors: readonly Floor[];
  /** The highest; the first of equals. */
  readonly best: Floor;
}

/** Numbers of a question in reading order. */
export type NumberReader = (question: string, language: string) => readonly number[];

const RULES: Record<FloorName, string> = {
  'last-number': 'the last number of the question',
  'a+b': 'the sum of its first two numbers',
  '|a-b|': 'the difference of its first two numbers, without sign',
  'a*b': 'the product of its first two numbers',
  'most-frequent-answer': 'always the most frequent gold answer of these items',
  'majority-class': 'always the most frequent label of these items',
  'first-choice': 'always the first choice',
  chance: 'a choice at random',
};

/**
 * Floors per language, in the order in which the languages first appear.
 *
 * @param problems the run's own items, in any languages
 * @param readNumbers reads the numbers of a question where the benchmark stores none
 */
export function floors(problems: readonly Problem[], readNumbers?: NumberReader): LanguageFloors[] {
  const byLanguage = new Map<string, Problem[]>();
  for (const problem of problems) {
    const list = byLanguage.get(problem.language);
    if (list) list.push(problem);
    else byLanguage.set(problem.language, [problem]);
  }
  return [...byLanguage].map(([language, items]) => languageFloors(language, items, readNumbers));
}

/** The best floor per language, as `aggregate` takes it. */
export function bestFloors(all: readonly LanguageFloors[]): Map<string, FloorShare> {
  return new Map(all.map(({ language, best }) => [language, { name: best.name, share: best.share }]));
}

function languageFloors(language: string, problems: readonly Problem[], readNumbers: NumberReader | undefined): LanguageFloors {
  const hits = new Map<FloorName, number>();
  const hit = (name: FloorName, correct: boolean): void => void hits.set(name, (hits.get(name) ?? 0) + (correct ? 1 : 0));
  const answers = new Map<string, number>();
  let withoutNumbers = 0;
  let chance = 0;
  for (const problem of problems) {
    const key = problem.kind === 'number' ? String(Number(problem.answer)) : problem.answer;
    answers.set(key, (answers.get(key) ?? 0) + 1);
    if (problem.kind !== 'number') {
      if (problem.choices && problem.kind === 'choice') hit('first-choice', problem.choices[0]?.label === problem.answer);
      chance += 1 / (problem.choices?.length ?? (problem.kind === 'nli' ? 3 : Infinity));
      continue;
    }
    const numbers = problem.numbers ?? readNumbers?.(problem.question, language) ?? [];
    if (numbers.length === 0) withoutNumbers += 1;
    const gold = Number(problem.answer);
    const [a, b] = numbers;
    const pair = a !== undefined && b !== undefined;
    hit('last-number', numbers.length > 0 && equal(numbers.at(-1)!, gold));
    hit('a+b', pair && equal(a + b, gold));
    hit('|a-b|', pair && equal(Math.abs(a - b), gold));
    hit('a*b', pair && equal(a * b, gold));
  }
  hits.set(problems.every((p) => p.kind === 'number') ? 'most-frequent-answer' : 'majority-class', Math.max(...answers.values()));
  if (chance > 0) hits.set('chance', chance);
  const list = [...hits].map(([name, correct]): Floor => ({ name, rule: RULES[name], correct, share: correct / problems.length }));
  const best = list.reduce((high, floor) => (floor.correct > high.correct ? floor : high));
  return { language, n: problems.length, withoutNumbers, floors: list, best };
}

function equal(value: number, gold: number): boolean {
  return Math.abs(value - gold) <= 1e-6 * Math.max(1, Math.abs(gold));
}

/** What of a scored sample its floors rest on. */
export interface FloorSample {
  readonly id: string;
  readonly language: string;
  readonly question: string;
  readonly gold: string;
  readonly scorer: string;
  readonly choices?: readonly Choice[];
  readonly candidates?: readonly Candidate[];
}

/** Floors over the samples of a run, per language: of its own scorer's classes in a likelihood run. */
export function sampleFloors(samples: readonly FloorSample[], read: NumberReader = numbersIn): LanguageFloors[] {
  return floors(samples.map(problemOf), read);
}

const numbersIn: NumberReader = (question, language) => numbersOf(question, language, { words: false }).map((r) => r.value);

function problemOf(s: FloorSample): Problem {
  const base = { id: s.id, language: s.language, question: s.question };
  const k = choicesOf(s);
  if (k !== undefined) {
    const operation = s.candidates!.some((c) => c.label === 'a+b');
    return { ...base, kind: operation ? 'operation' : s.choices ? 'choice' : 'nli', answer: goldClass(s) ?? s.gold, choices: s.choices ?? s.candidates!.slice(0, k).map(({ label }) => ({ label, text: label })) };
  }
  if (s.gold.trim() !== '' && Number.isFinite(Number(s.gold))) return { ...base, kind: 'number', answer: s.gold };
  const relation = /^(entailment|neutral|contradiction)$/i.test(s.gold);
  return { ...base, kind: relation ? 'nli' : 'choice', answer: s.gold, ...(s.choices ? { choices: s.choices } : {}) };
}
