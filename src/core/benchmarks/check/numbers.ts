import { readNumbers } from '../../scoring/reader';
import { type NumberReading } from '../../scoring/types';
import { type Problem } from '../types';
import { fieldsOf } from './text';
import { type CheckFinding } from './types';

/** A number written in digits, with its place in a field. */
interface Found {
  readonly value: number;
  readonly alternatives: readonly number[];
  readonly field: string;
  readonly span: readonly [number, number];
  readonly text: string;
  /** Value of the fraction that this number is a part of. */
  readonly fraction?: number;
  /** Part of a time of day or a date, which languages write in other ways (1 pm, 13:00). */
  readonly clock?: boolean;
}

const KNOWN = new WeakMap<Problem, readonly Found[]>();

/** The numbers that a problem's texts write in digits, read as its language writes them. */
function digitsOf(problem: Problem): readonly Found[] {
  let found = KNOWN.get(problem);
  if (!found) {
    found = fieldsOf(problem).flatMap(({ field, text }) =>
      readNumbers(text, problem.language, { all: true, words: false })
        .filter((r) => /\p{Nd}/u.test(r.text))
        .flatMap((r) => split(r, field, problem.language)),
    );
    KNOWN.set(problem, found);
  }
  return found;
}

/** Values of the numbers that a problem's texts spell out. */
function wordsOf(problem: Problem): number[] {
  return fieldsOf(problem).flatMap(({ text }) =>
    readNumbers(text, problem.language, { all: true }).filter((r) => !/\p{Nd}/u.test(r.text)).map((r) => r.value),
  );
}

/** A fraction, a time or a date is several numbers of the question (1/4 is 1 and 4), as in the stored list. */
function split(reading: NumberReading, field: string, language: string): Found[] {
  const clock = reading.role === 'date' || reading.role === 'time';
  const fraction = reading.kind === 'fraction' || reading.kind === 'mixed' ? reading.value : undefined;
  const [start] = reading.span;
  if (!clock && fraction === undefined) {
    // A minus in words ("minus 5", "less 5") is part of the sentence; only a sign makes the number of a question negative.
    const value = /^[-\u2212\u2010\u2011\uff0d]/.test(reading.text) ? reading.value : Math.abs(reading.value);
    return [{ value, alternatives: reading.alternatives, field, span: reading.span, text: reading.text }];
  }
  return [...reading.text.matchAll(/\p{Nd}+/gu)].map((m) => {
    const value = readNumbers(m[0], language, { all: true })[0]?.value ?? NaN;
    return { value, alternatives: [], field, span: [start + m.index, start + m.index + m[0].length] as const, text: m[0], fraction, clock };
  });
}

/** True when one of the spelled-out values is this number, or the fraction that it belongs to. */
function inWords(f: Found, words: readonly number[]): boolean {
  return words.some((v) => key(v) === key(f.value) || (f.fraction !== undefined && key(v) === key(f.fraction)));
}

const key = (value: number): string => String(Number(value.toPrecision(12)));

/** Elements of `a` that `b` has no counterpart for, counting repetitions. */
function without<T>(a: readonly T[], b: readonly number[], value: (x: T) => number): T[] {
  const counts = new Map<string, number>();
  for (const x of b) counts.set(key(x), (counts.get(key(x)) ?? 0) + 1);
  return a.filter((x) => {
    const left = counts.get(key(value(x))) ?? 0;
    if (left > 0) counts.set(key(value(x)), left - 1);
    return left === 0;
  });
}

const values = (found: readonly Found[]): number[] => found.map((f) => f.value);

/**
 * `numbers`: the numbers written in digits are those of the reference, as a multiset, each read by its own language's conventions.
 *
 * A number that stands in words on one side, or that reads right by another language's separators, gives a warning that says so;
 * any other difference is an error.
 */
export function checkNumbers(problem: Problem, twin: Problem): CheckFinding[] {
  const [mine, theirs] = [digitsOf(problem), digitsOf(twin)];
  let extra = without(mine, values(theirs), (f) => f.value);
  let missing = without(theirs, values(mine), (f) => f.value);
  if (extra.length === 0 && missing.length === 0) return [];
  const findings: CheckFinding[] = [];
  const base = { check: 'numbers', language: problem.language, id: problem.id } as const;
  for (const f of [...extra]) {
    const meant = missing.find((m) => f.alternatives.some((v) => key(v) === key(m.value)));
    if (!meant) continue;
    extra = extra.filter((x) => x !== f);
    missing = missing.filter((x) => x !== meant);
    findings.push({
      ...base, severity: 'warning', field: f.field, span: f.span, text: f.text,
      message: `In this language "${f.text}" reads ${f.value}; it can also mean ${meant.value}, the number in "${twin.language}".`,
    });
  }
  const words = missing.length > 0 ? wordsOf(problem) : [];
  const spelled = missing.filter((m) => !m.clock && inWords(m, words));
  if (spelled.length > 0) {
    missing = missing.filter((m) => !spelled.includes(m));
    findings.push({ ...base, severity: 'warning', field: 'question', text: problem.question, message: `${list(spelled)} ${spelled.length > 1 ? 'stand' : 'stands'} in words here and in digits in "${twin.language}".` });
  }
  const theirWords = extra.length > 0 ? wordsOf(twin) : [];
  for (const f of [...extra]) {
    if (!inWords(f, theirWords)) continue;
    extra = extra.filter((x) => x !== f);
    findings.push({ ...base, severity: 'warning', field: f.field, span: f.span, text: f.text, message: `${f.value} stands in digits here and in words in "${twin.language}".` });
  }
  // An article ("a dozen") becomes a digit before a counter word (1ダース); that is not for this check to forbid.
  for (const f of missing.length === 0 ? [...extra] : []) {
    if (key(f.value) !== '1' || f.fraction !== undefined || f.clock) continue;
    extra = extra.filter((x) => x !== f);
    findings.push({ ...base, severity: 'warning', field: f.field, span: f.span, text: f.text, message: `1 stands in digits here; "${twin.language}" has no such number, perhaps an article.` });
  }
  const clock = (side: readonly Found[]): boolean => side.length > 0 && side.every((f) => f.clock);
  if (clock(missing) || clock(extra)) {
    const first = extra[0];
    findings.push({
      ...base, severity: 'warning', field: first?.field ?? 'question', ...(first ? { span: first.span, text: first.text } : { text: problem.question }),
      message: `A time of day or date is written in another way than in "${twin.language}" (there: ${list(missing) || 'none'}; here: ${list(extra) || 'none'}).`,
    });
    return findings;
  }
  for (const f of extra) {
    findings.push({ ...base, severity: 'error', field: f.field, span: f.span, text: f.text, message: `The number ${f.value} is not in "${twin.language}"${missing.length > 0 ? ` (missing here: ${list(missing)})` : ''}.` });
  }
  if (extra.length === 0 && missing.length > 0) {
    findings.push({ ...base, severity: 'error', field: 'question', text: problem.question, message: `The text lacks ${list(missing)}, which "${twin.language}" has.` });
  }
  return findings;
}

const list = (found: readonly Found[]): string => found.map((f) => String(f.value)).join(', ');

/** `numbers`: the stored list holds the numbers of the text. */
export function checkStoredNumbers(problem: Problem): CheckFinding[] {
  if (!problem.numbers) return [];
  const stored = problem.numbers;
  const found = digitsOf(problem);
  const unread = without(stored, values(found), (v) => v);
  const unlisted = without(found, stored, (f) => f.value);
  if (unread.length === 0 && unlisted.length === 0) return [];
  const parts = [
    ...(unread.length > 0 ? [`not read in the text: ${unread.join(', ')}`] : []),
    ...(unlisted.length > 0 ? [`not in the list: ${list(unlisted)}`] : []),
  ];
  return [{
    check: 'numbers', severity: 'error', language: problem.language, id: problem.id, field: 'numbers', text: `[${stored.join(', ')}]`,
    message: `The stored numbers and the text differ; ${parts.join('; ')}.`,
  }];
}

/** `digits`: one digit system per problem, and the flag `nativeDigits` says which. */
export function checkDigits(problem: Problem): CheckFinding[] {
  const findings: CheckFinding[] = [];
  const base = { check: 'digits', language: problem.language, id: problem.id } as const;
  let native = false;
  let ascii = false;
  for (const { field, text } of fieldsOf(problem)) {
    const runs = [...text.matchAll(/[0-9]+|(?:(?![0-9])\p{Nd})+/gu)];
    const kinds = runs.map((m) => /[0-9]/.test(m[0]));
    native ||= kinds.includes(false);
    ascii ||= kinds.includes(true);
    const odd = kinds.indexOf(!kinds[0]);
    if (odd > 0) {
      const m = runs[odd]!;
      findings.push({ ...base, severity: 'warning', field, span: [m.index, m.index + m[0].length], text: m[0], message: 'The text mixes native and ASCII digits.' });
    }
  }
  // Only a benchmark in our own format has the flag; "numbers" tells them apart.
  if (problem.numbers && (problem.nativeDigits ?? false) !== native && (native || ascii)) {
    findings.push({ ...base, severity: 'error', field: 'nativeDigits', text: String(problem.nativeDigits ?? false), message: `nativeDigits is ${problem.nativeDigits ?? false}, but the digits of the text are ${native ? 'native' : 'ASCII'}.` });
  }
  return findings;
}
