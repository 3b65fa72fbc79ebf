/**
 * Conditions of breakpoints and expressions of the console: `p < 0.5 && entropy > 1`, `token =~ /\d/`, `p("18") >= 0.3`.
 *
 * Numbers, texts, regular expressions, names, calls, `! - * / + < <= > >= == != =~ && ||` and brackets; nothing else, so that
 * a condition from a workspace can do nothing but compute.
 */
export type Value = number | string | boolean | null;

export interface Environment {
  readonly names: Readonly<Record<string, Value>>;
  /** A call such as `p("18")`; may ask the model. */
  readonly call: (name: string, args: readonly Value[]) => Promise<Value>;
}

/** What is wrong with an expression, with the place. */
export class ExpressionError extends Error {}

type Node =
  | { readonly kind: 'value'; readonly value: Value }
  | { readonly kind: 'regex'; readonly regex: RegExp }
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'call'; readonly name: string; readonly args: readonly Node[] }
  | { readonly kind: 'unary'; readonly op: string; readonly a: Node }
  | { readonly kind: 'binary'; readonly op: string; readonly a: Node; readonly b: Node };

const TOKEN = /\s*(?:(\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|\.\d+)|("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|([\p{L}_][\p{L}\p{N}_.]*)|(=~|&&|\|\||[<>=!]=|[-+*/()<>!,]))/uy;
const LEVELS: readonly (readonly string[])[] = [['||'], ['&&'], ['==', '!=', '<', '<=', '>', '>=', '=~'], ['+', '-'], ['*', '/']];
const LONGEST = 2000;
const DEEPEST = 60;

interface Lexeme {
  readonly kind: 'number' | 'text' | 'name' | 'op' | 'regex' | 'end';
  readonly text: string;
  readonly at: number;
}

function lex(source: string): Lexeme[] {
  const out: Lexeme[] = [];
  let at = 0;
  while (source.slice(at).trim() !== '') {
    if (out.at(-1)?.text === '=~') {
      const found = /^\s*(\/(?:[^/\\\n]|\\.)+\/[imsu]*)/.exec(source.slice(at));
      if (!found) throw new ExpressionError(`A regular expression such as /\\d+/ is expected after "=~", at character ${at + 1}.`);
      out.push({ kind: 'regex', text: found[1]!, at });
      at += found[0].length;
      continue;
    }
    TOKEN.lastIndex = at;
    const found = TOKEN.exec(source);
    if (!found) throw new ExpressionError(`"${source.slice(at).trim()[0]}" is not expected at character ${at + 1} of "${source}".`);
    const [, number, text, name, op] = found;
    out.push({ kind: number !== undefined ? 'number' : text !== undefined ? 'text' : name !== undefined ? 'name' : 'op', text: (number ?? text ?? name ?? op)!, at });
    at = TOKEN.lastIndex;
  }
  out.push({ kind: 'end', text: 'the end', at: source.length });
  return out;
}

/** The regular expression that `/…/flags` spells. @throws ExpressionError in words */
export function regexOf(text: string): RegExp {
  const found = /^\/(.+)\/([a-z]*)$/s.exec(text);
  if (!found) throw new ExpressionError(`"${text}" is not a regular expression; write it as /…/.`);
  try {
    return new RegExp(found[1]!, found[2]!.includes('u') ? found[2] : `${found[2]}u`);
  } catch (e) {
    throw new ExpressionError(`${text} is not a regular expression: ${(e as Error).message}.`);
  }
}

/** A parsed expression. */
export class Expression {
  private at = 0;
  private depth = 0;
  private readonly root: Node;
  private readonly lexemes: readonly Lexeme[];

  /** @throws ExpressionError with the place of the first mistake */
  constructor(readonly source: string) {
    if (source.length > LONGEST) throw new ExpressionError(`The expression has ${source.length} characters; at most ${LONGEST} are read.`);
    this.lexemes = lex(source);
    if (this.lexemes.length === 1) throw new ExpressionError('The expression is empty.');
    this.root = this.binary(0);
    if (this.peek.kind !== 'end') throw this.unexpected();
  }

  private get peek(): Lexeme {
    return this.lexemes[this.at]!;
  }

  private unexpected(): ExpressionError {
    const { text, at, kind } = this.peek;
    return new ExpressionError(kind === 'end' ? `"${this.source}" ends too early.` : `"${text}" is not expected at character ${at + 1} of "${this.source}".`);
  }

  private take(text: string): boolean {
    if (this.peek.kind !== 'op' || this.peek.text !== text) return false;
    this.at += 1;
    return true;
  }

  private binary(level: number): Node {
    const ops = LEVELS[level];
    if (!ops) return this.unary();
    let a = this.binary(level + 1);
    for (;;) {
      const { kind, text } = this.peek;
      if (kind !== 'op' || !ops.includes(text)) return a;
      this.at += 1;
      a = { kind: 'binary', op: text, a, b: this.binary(level + 1) };
    }
  }

  private unary(): Node {
    if (++this.depth > DEEPEST) throw new ExpressionError('The expression is nested too deeply.');
    try {
      for (const op of ['!', '-']) if (this.take(op)) return { kind: 'unary', op, a: this.unary() };
      return this.primary();
    } finally {
      this.depth -= 1;
    }
  }

  private primary(): Node {
    const { kind, text } = this.peek;
    if (this.take('(')) {
      const inner = this.binary(0);
      if (!this.take(')')) throw this.unexpected();
      return inner;
    }
    if (kind === 'op' || kind === 'end') throw this.unexpected();
    this.at += 1;
    if (kind === 'number') return { kind: 'value', value: Number(text) };
    if (kind === 'text') return { kind: 'value', value: unquote(text) };
    if (kind === 'regex') return { kind: 'regex', regex: regexOf(text) };
    if (text === 'true' || text === 'false') return { kind: 'value', value: text === 'true' };
    if (text === 'null') return { kind: 'value', value: null };
    if (!this.take('(')) return { kind: 'name', name: text };
    const args: Node[] = [];
    while (!this.take(')')) {
      if (args.length > 0 && !this.take(',')) throw this.unexpected();
      args.push(this.binary(0));
    }
    return { kind: 'call', name: text, args };
  }

  /** @throws ExpressionError for an unknown name or values that do not go together */
  evaluate(environment: Environment): Promise<Value> {
    return evaluate(this.root, environment);
  }

  /** True when the value counts as yes: true, a number other than 0 and NaN, a text that is not empty. */
  async holds(environment: Environment): Promise<boolean> {
    return Boolean(await this.evaluate(environment));
  }
}

export const unquote = (text: string): string => text.slice(1, -1).replace(/\\(.)/gs, (_, c: string) => ({ n: '\n', t: '\t', r: '\r' })[c] ?? c);

async function evaluate(node: Node, env: Environment): Promise<Value> {
  switch (node.kind) {
    case 'value': return node.value;
    case 'regex': throw new ExpressionError('A regular expression stands on the right of "=~" only.');
    case 'name': {
      if (!Object.hasOwn(env.names, node.name)) throw new ExpressionError(`There is nothing called "${node.name}". There are: ${Object.keys(env.names).join(', ')}, and p("text").`);
      return env.names[node.name]!;
    }
    case 'call': {
      const args: Value[] = [];
      for (const a of node.args) args.push(await evaluate(a, env));
      return env.call(node.name, args);
    }
    case 'unary': {
      const a = await evaluate(node.a, env);
      return node.op === '!' ? !a : -number(a, node.op);
    }
    case 'binary': return binary(node.op, node.a, node.b, env);
  }
}

async function binary(op: string, left: Node, right: Node, env: Environment): Promise<Value> {
  const a = await evaluate(left, env);
  if (op === '&&') return a ? evaluate(right, env) : a;
  if (op === '||') return a ? a : evaluate(right, env);
  if (op === '=~') {
    if (right.kind !== 'regex') throw new ExpressionError('A regular expression stands on the right of "=~".');
    return right.regex.test(String(a ?? ''));
  }
  const b = await evaluate(right, env);
  if (op === '==') return a === b;
  if (op === '!=') return a !== b;
  if (op === '+' && (typeof a === 'string' || typeof b === 'string')) return String(a) + String(b);
  const [x, y] = [number(a, op), number(b, op)];
  switch (op) {
    case '<': return x < y;
    case '<=': return x <= y;
    case '>': return x > y;
    case '>=': return x >= y;
    case '+': return x + y;
    case '-': return x - y;
    case '*': return x * y;
    default: return x / y;
  }
}

function number(value: Value, op: string): number {
  if (typeof value === 'number') return value;
  if (value === null) return NaN;
  throw new ExpressionError(`"${op}" needs numbers, not ${JSON.stringify(value)}.`);
}

/** `5`: the fifth hit only; `>= 5`, `> 5`, `< 5`, `% 5`: as they say. @throws ExpressionError */
export function hitCondition(text: string): (hits: number) => boolean {
  const found = /^\s*(==?|>=|>|<=|<|%)?\s*(\d+)\s*$/.exec(text);
  const n = Number(found?.[2]);
  if (!found || (found[1] === '%' && n === 0)) throw new ExpressionError(`"${text}" is no hit count. Write for instance 3, >= 3, < 3 or % 3.`);
  switch (found[1]) {
    case '>=': return (hits) => hits >= n;
    case '>': return (hits) => hits > n;
    case '<=': return (hits) => hits <= n;
    case '<': return (hits) => hits < n;
    case '%': return (hits) => hits % n === 0;
    default: return (hits) => hits === n;
  }
}
