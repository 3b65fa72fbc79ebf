import { apply, formatDecimal, parseDecimal, type Rational } from './decimal';

/**
 * The calculator while decoding: finishes a calculation that a model has just written up to its equals sign.
 *
 * It never reads ahead, never corrects and never looks at the question; what it adds follows from the text alone, so a
 * completion with calculator depends on nothing but its prompt.
 */
export interface Calculation {
  /** The expression as the model wrote it, without the equals sign. */
  readonly expression: string;
  /** What is written behind the equals sign, for instance ` 24`, or `24>>` in the notation of GSM8K. */
  readonly insert: string;
}

/** Results with more decimals than this, and those without a finite decimal form, are left to the model. */
export const MAX_PLACES = 6;
const LONGEST = 160;
const MAX_DIGITS = 30;
const DEEPEST = 16;

const NUMBER = /^(?:\d{1,3}(?:,\d{3})+(?![\d,])|\d+)(?:\.\d+)?|^\.\d+/;
const SIGNS: Readonly<Record<string, '+' | '-' | '*' | '/'>> = { '+': '+', '-': '-', '−': '-', '*': '*', '×': '*', '·': '*', x: '*', '/': '/', '÷': '/' };
/** Signs an expression may be made of; anything else ends it on the left. */
const PART = /[\d.,()+\-−*×·x/÷ ]/;

type Token = { readonly kind: 'number'; readonly value: Rational } | { readonly kind: 'sign'; readonly sign: '+' | '-' | '*' | '/' } | { readonly kind: '(' | ')' };

function tokens(text: string): Token[] | undefined {
  const found: Token[] = [];
  let rest = text;
  while (rest !== '') {
    const number = NUMBER.exec(rest)?.[0];
    const first = rest[0]!;
    if (number !== undefined) {
      if (number.length > MAX_DIGITS) return undefined;
      found.push({ kind: 'number', value: parseDecimal(number.startsWith('.') ? `0${number}` : number) });
    } else if (SIGNS[first] !== undefined) found.push({ kind: 'sign', sign: SIGNS[first] });
    else if (first === '(' || first === ')') found.push({ kind: first });
    else if (first !== ' ') return undefined;
    rest = rest.slice(number?.length ?? 1);
  }
  return found;
}

/** Value of an expression with + − × ÷ and parentheses, in the usual order; undefined when it is none, or divides by zero. */
export function calculate(text: string): Rational | undefined {
  const list = tokens(text);
  if (!list) return undefined;
  let at = 0;
  const sign = (...among: readonly string[]): '+' | '-' | '*' | '/' | undefined => {
    const next = list[at];
    if (next?.kind !== 'sign' || !among.includes(next.sign)) return undefined;
    at += 1;
    return next.sign;
  };
  const operand = (depth: number): Rational | undefined => {
    const next = list[at];
    if (next?.kind === 'number') {
      at += 1;
      return next.value;
    }
    if (next?.kind !== '(' || depth > DEEPEST) return undefined;
    at += 1;
    const inside = chain(depth + 1, 0);
    if (list[at]?.kind !== ')') return undefined;
    at += 1;
    return inside;
  };
  const levels = [['+', '-'], ['*', '/']] as const;
  const chain = (depth: number, level: 0 | 1): Rational | undefined => {
    const next = (): Rational | undefined => (level === 0 ? chain(depth, 1) : operand(depth));
    let left = next();
    for (let op = sign(...levels[level]); op !== undefined && left; op = sign(...levels[level])) {
      const right = next();
      left = right && apply(op, left, right);
    }
    return left;
  };
  const value = chain(0, 0);
  return at === list.length ? value : undefined;
}

/** Where the expression that ends at `end` begins: the longest run that is a calculation and does not cut one. */
function expressionBefore(text: string, end: number): string | undefined {
  let start = end;
  while (start > 0 && end - start < LONGEST && PART.test(text[start - 1]!)) start -= 1;
  for (let from = start; from < end; from++) {
    // A number or word must not be cut, and the rest of a longer sum is not a sum of its own.
    if (from > 0 && /[\p{L}\p{N}]/u.test(text[from - 1]!)) continue;
    const part = text.slice(from, end);
    if (!/^[\d.(]/.test(part)) continue;
    const before = text.slice(0, from).trimEnd();
    if (/[+\-−*×·/÷(.%^]$/.test(before) && !/[\p{L}\d]\.$/u.test(before)) continue;
    if (/\d[.,]$/.test(text.slice(0, from))) continue;
    if (/[+\-−*×·x/÷]/.test(part) && calculate(part)) return part;
  }
  return undefined;
}

/**
 * What the calculator writes behind a text, when its last sign is the equals sign of a calculation; else undefined.
 *
 * A blank is put in front of the result when one stands in front of the equals sign. Behind `<<48/2=` the marks are closed.
 */
export function completeCalculation(text: string): Calculation | undefined {
  const match = /( ?)=( ?)$/.exec(text);
  if (!match || /[=<>!]$/.test(text.slice(0, match.index))) return undefined;
  const expression = expressionBefore(text, match.index)?.trimEnd();
  const value = expression === undefined ? undefined : calculate(expression);
  const result = value && formatDecimal(value, MAX_PLACES);
  if (expression === undefined || result === undefined) return undefined;
  const marked = /<<\s*$/.test(text.slice(0, match.index - expression.length));
  return { expression, insert: `${match[1] === ' ' && match[2] === '' ? ' ' : ''}${result}${marked ? '>>' : ''}` };
}
