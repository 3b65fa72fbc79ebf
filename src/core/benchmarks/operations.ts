import { canonicalNumber } from './numbers';
import { type Benchmark, type BenchmarkFinding, type Operands, type Problem } from './types';

/**
 * Word problems turned into a choice of operation: which calculation with its two numbers solves the problem. Small models choose
 * rightly long before they calculate rightly, so the choice shows transfer that the last number of a completion hides.
 *
 * The form is that of lingualift_training.train.probe: the likelihood of each calculation as a model would write it, `8 + 5 =`, with
 * the larger number first in a division.
 */

/** Expressions in the order in which they are offered; `a` and `b` are the operands in the order of the gold calculation. */
export const EXPRESSIONS = ['a+b', 'a−b', 'b−a', 'a×b', 'a÷b'] as const;
export type Expression = (typeof EXPRESSIONS)[number];

/** Numbers of a question in reading order. */
export type QuestionNumbers = (question: string, language: string) => readonly number[];

/** The calculation as it would be written in a worked answer, up to the equals sign. */
export function calculation(expression: Expression, { a, b }: Operands): string {
  const [large, small] = Number(a) >= Number(b) ? [a, b] : [b, a];
  switch (expression) {
    case 'a+b': return `${a} + ${b} =`;
    case 'a−b': return `${a} - ${b} =`;
    case 'b−a': return `${b} - ${a} =`;
    case 'a×b': return `${a} * ${b} =`;
    case 'a÷b': return `${large} / ${small} =`;
  }
}

/** The two operands and the expression that solves a problem, or why there is none. */
export type OperationReading = { readonly operands: Operands; readonly gold: Expression } | { readonly why: string };

/**
 * Gold calculation of a problem: from its equation where the benchmark has one (`7 + 5`, or MSVAMP's `- number1 number0`), otherwise
 * from its two numbers and its answer, when exactly one of the expressions gives the answer.
 *
 * @param problem in the language whose numbers count (English where the benchmark has it)
 */
export function operationOf(problem: Problem, read: QuestionNumbers): OperationReading {
  if (problem.kind !== 'number') return { why: 'it is no number problem' };
  const numbers = (): readonly number[] => problem.numbers ?? read(problem.question, problem.language);
  const fromEquation = problem.equation === undefined ? undefined : equationOperands(problem.equation, numbers);
  if (typeof fromEquation === 'string') return { why: fromEquation };
  const values = fromEquation?.values ?? (numbers().length === 2 ? (numbers() as readonly [number, number]) : undefined);
  if (!values) return { why: `it has ${numbers().length} numbers, not two` };
  const [a, b] = values.map((n) => canonicalNumber(String(n)));
  if (a === undefined || b === undefined) return { why: 'its numbers have no plain decimal form' };
  if (values[0] === values[1]) return { why: 'its two numbers are the same' };
  const answer = Number(problem.answer);
  const fits = EXPRESSIONS.filter((e) => (fromEquation === undefined || signOf(e) === fromEquation.sign) && close(valueOf(e, values), answer));
  if (fits.length === 1) return { operands: { a, b }, gold: fits[0]! };
  return { why: fits.length === 0 ? 'no single operation with its two numbers gives the answer' : `${fits.join(' and ')} give the same answer` };
}

/**
 * The benchmark with every problem that is solved by one operation turned into a choice of that operation (kind `operation`), the
 * same problems with the same operands in every language. The others are left out and counted in a finding.
 */
export function operationBenchmark(benchmark: Benchmark, read: QuestionNumbers): Benchmark {
  const reference = benchmark.languages.includes('en') ? 'en' : benchmark.languages[0]!;
  const readings = new Map((benchmark.problems.get(reference) ?? []).map((p) => [p.id, operationOf(p, read)]));
  const problems = new Map<string, readonly Problem[]>();
  for (const [language, list] of benchmark.problems) {
    problems.set(language, list.flatMap((p): Problem[] => {
      const found = readings.get(p.id);
      return found && 'gold' in found ? [{ ...p, kind: 'operation', answer: found.gold, operands: found.operands }] : [];
    }));
  }
  const left = [...readings].flatMap(([id, r]) => ('why' in r ? [{ id, why: r.why }] : []));
  const finding: BenchmarkFinding[] = left.length === 0 ? [] : [{
    severity: 'warning', file: `(${reference})`, field: 'equation',
    message: `${left.length} of ${readings.size} problems are no choice of one operation and are left out, the first ${left[0]!.id}: ${left[0]!.why}.`,
  }];
  return { ...benchmark, problems, findings: [...benchmark.findings, ...finding] };
}

/** The operation alone: `a−b` and `b−a` are one. */
export const signOf = (expression: string): string => (expression === 'b−a' ? 'a−b' : expression);

function valueOf(expression: Expression, [a, b]: readonly [number, number]): number {
  switch (expression) {
    case 'a+b': return a + b;
    case 'a−b': return a - b;
    case 'b−a': return b - a;
    case 'a×b': return a * b;
    case 'a÷b': return Math.max(a, b) / Math.min(a, b);
  }
}

const close = (value: number, gold: number): boolean => Math.abs(value - gold) <= 1e-6 * Math.max(1, Math.abs(gold));

const SIGNS: Readonly<Record<string, string>> = { '+': 'a+b', '-': 'a−b', '−': 'a−b', '*': 'a×b', '×': 'a×b', '/': 'a÷b', '÷': 'a÷b' };
const INFIX = /^\s*(\d+(?:\.\d+)?)\s*([-+*/−×÷])\s*(\d+(?:\.\d+)?)\s*$/;
const PREFIX = /^\s*([-+*/−×÷])\s+(number\d+|\d+(?:\.\d+)?)\s+(number\d+|\d+(?:\.\d+)?)\s*$/;

/** Operands and sign of an equation of one operation; a text says why it is none. */
function equationOperands(equation: string, numbers: () => readonly number[]): { readonly values: readonly [number, number]; readonly sign: string } | string {
  const infix = INFIX.exec(equation);
  if (infix) return { values: [Number(infix[1]), Number(infix[3])], sign: SIGNS[infix[2]!]! };
  const prefix = PREFIX.exec(equation);
  if (!prefix) return 'its equation has more than one operation';
  const found = numbers();
  const values = [prefix[2]!, prefix[3]!].map((word) => (word.startsWith('number') ? found[Number(word.slice(6))] : Number(word)));
  if (values[0] === undefined || values[1] === undefined) return `its equation names a number that the question does not have (${found.length} numbers)`;
  return { values: [values[0], values[1]], sign: SIGNS[prefix[1]!]! };
}
