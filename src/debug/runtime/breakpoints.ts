import { Expression, type Environment, ExpressionError, hitCondition, regexOf, type Value } from './expression';
import { answerOf, lastScript, lineOf, type Moment, namesOf } from './signals';

/** A breakpoint as it is asked for. */
export interface Asked {
  readonly condition?: string;
  readonly hitCondition?: string;
}
export interface FunctionAsked extends Asked {
  /** A token's text, text that a token completes, or `/regular expression/`. */
  readonly name: string;
}
export interface LineAsked extends Asked {
  /** Line of the generated text, from 0. */
  readonly line: number;
  readonly logMessage?: string;
}
export interface DataAsked extends Asked {
  /** `p:ID`, `entropy`, `script` or `answer`. */
  readonly dataId: string;
}

/** How a breakpoint was taken: with a message when it cannot be used. */
export interface Verdict {
  readonly id: number;
  readonly verified: boolean;
  readonly message?: string;
}

export interface Hit {
  readonly id: number;
  readonly kind: 'breakpoint' | 'function breakpoint' | 'data breakpoint';
  readonly text: string;
  /** Set for a log point: what to write, without stopping. */
  readonly log?: string;
}

/** Calls of an expression, with the model behind them. */
export type Calls = (moment: Moment) => Environment['call'];

interface Point {
  readonly id: number;
  readonly condition: Expression | undefined;
  readonly hits: ((n: number) => boolean) | undefined;
  count: number;
}
interface FunctionPoint extends Point {
  readonly name: string;
  readonly matches: (moment: Moment) => boolean;
}
interface LinePoint extends Point {
  readonly line: number;
  readonly source: string;
  readonly log: readonly (string | Expression)[] | undefined;
}
interface DataPoint extends Point {
  readonly dataId: string;
  /** By generation. */
  readonly memory: Map<number, Memory>;
}

/** What a watched value was, and whether its condition held: a point with a condition fires once when it begins to hold. */
interface Memory {
  held: boolean;
  old?: Value;
  /** Position from which on the value was watched without a gap … */
  since: number;
  /** … and what it fired at from there on, by position. */
  readonly fired: Map<number, Hit>;
}
const memoryAt = (since: number): Memory => ({ held: false, since, fired: new Map() });

/** A change of a number that counts as one when no condition is given. */
const NOTABLE = { p: 0.1, entropy: 0.5 };

/** Breakpoints of all kinds, with their conditions, hit counts and memories. */
export class Breakpoints {
  private nextId = 1;
  private functions: FunctionPoint[] = [];
  private lines: LinePoint[] = [];
  private data: DataPoint[] = [];

  constructor(private readonly calls: Calls) {}

  private point(asked: Asked): Point {
    return { id: this.nextId, condition: asked.condition ? new Expression(asked.condition) : undefined, hits: asked.hitCondition ? hitCondition(asked.hitCondition) : undefined, count: 0 };
  }

  private setAll<A extends Asked, P>(asked: readonly A[], make: (a: A) => P): { points: P[]; verdicts: Verdict[] } {
    const points: P[] = [];
    const verdicts = asked.map((a): Verdict => {
      try {
        points.push(make(a));
        return { id: this.nextId++, verified: true };
      } catch (e) {
        if (!(e instanceof ExpressionError)) throw e;
        return { id: this.nextId++, verified: false, message: e.message };
      }
    });
    return { points, verdicts };
  }

  setFunctions(asked: readonly FunctionAsked[]): Verdict[] {
    const { points, verdicts } = this.setAll(asked, (a): FunctionPoint => ({ ...this.point(a), name: a.name, matches: matcher(a.name) }));
    this.functions = points;
    return verdicts;
  }

  /** Those of one document replace its former ones. */
  setLines(source: string, asked: readonly LineAsked[]): Verdict[] {
    const { points, verdicts } = this.setAll(asked, (a): LinePoint => ({ ...this.point(a), line: a.line, source, log: a.logMessage ? template(a.logMessage) : undefined }));
    this.lines = [...this.lines.filter((l) => l.source !== source), ...points];
    return verdicts;
  }

  setData(asked: readonly DataAsked[]): Verdict[] {
    const { points, verdicts } = this.setAll(asked, (a): DataPoint => {
      if (!/^(?:p:\d+|entropy|script|answer)$/.test(a.dataId)) throw new ExpressionError(`"${a.dataId}" cannot be watched. Probabilities of tokens, entropy, script and answer can.`);
      const condition = a.condition && /^\s*(?:[<>]=?|[!=]=)/.test(a.condition) ? `value ${a.condition}` : a.condition;
      return { ...this.point({ ...a, condition }), dataId: a.dataId, memory: new Map() };
    });
    this.data = points;
    return verdicts;
  }

  /** Ids whose probabilities have to be at hand at every position. */
  get watched(): number[] {
    return [...new Set(this.data.flatMap((d) => (d.dataId.startsWith('p:') ? [Number(d.dataId.slice(2))] : [])))];
  }

  /**
   * Takes the present values of watched data as the last ones: after a jump, so that the jump itself is no change.
   * `hit`: points that stopped there. `other`: the tokens before were not passed with these points.
   */
  settle(moments: readonly Moment[], { hit = [], other = false }: { readonly hit?: readonly number[]; readonly other?: boolean } = {}): void {
    for (const point of this.data) {
      for (const moment of moments) {
        const { position } = moment.facts;
        const known = other ? undefined : point.memory.get(moment.generation.id);
        const memory = memoryAt(Math.min(known?.since ?? position, position));
        for (const [at, found] of known?.fired ?? []) if (at <= position) memory.fired.set(at, found);
        memory.held = hit.includes(point.id);
        memory.old = valueOf(point.dataId, moment);
        point.memory.set(moment.generation.id, memory);
      }
    }
  }

  /** The breakpoints that hold at a moment. Counts hits, and remembers the values of watched data. */
  async hits(moment: Moment, source: string): Promise<Hit[]> {
    const out = await this.placed(moment, source);
    const { position } = moment.facts;
    for (const point of this.data) {
      const memory = point.memory.get(moment.generation.id) ?? memoryAt(position);
      point.memory.set(moment.generation.id, memory);
      const hit = await this.changed(point, moment, memory);
      if (hit) memory.fired.set(position, hit);
      if (hit && this.counted(point)) out.push(hit);
    }
    return out;
  }

  /** The breakpoints on text and lines that hold at a moment. */
  private async placed(moment: Moment, source: string): Promise<Hit[]> {
    const out: Hit[] = [];
    for (const point of this.functions) {
      if (point.matches(moment) && (await this.counts(point, moment, {}))) out.push({ id: point.id, kind: 'function breakpoint', text: point.name });
    }
    for (const point of this.lines) {
      if (point.source !== source || !startsLine(moment, point.line) || !(await this.counts(point, moment, {}))) continue;
      out.push({ id: point.id, kind: 'breakpoint', text: `line ${point.line + 1}`, ...(point.log ? { log: await this.fill(point.log, moment) } : {}) });
    }
    return out;
  }

  /** Whether a watched value has changed since `memory`, which is brought up to date. */
  private async changed(point: DataPoint, moment: Moment, memory: Memory): Promise<Hit | undefined> {
    const value = valueOf(point.dataId, moment);
    // Tokens that were taken before the probability was watched do not have it.
    if (value === null && point.dataId.startsWith('p:')) return undefined;
    const { old = null } = memory;
    let fires: boolean;
    if (point.condition) {
      const holds = await point.condition.holds(this.environment(moment, { value, old }));
      fires = holds && !memory.held;
      memory.held = holds;
      memory.old = value;
    } else {
      const known = memory.old !== undefined;
      fires = known && notable(point.dataId, old, value);
      // Small steps add up to a notable one, so the old value stays until then.
      if (!known || fires) memory.old = value;
    }
    return fires ? { id: point.id, kind: 'data breakpoint', text: `${describe(point.dataId, moment)}: ${show(old)} → ${show(value)}` } : undefined;
  }

  /**
   * Where the watched values of a generation changed among the tokens that were taken: where they did, and before they were watched
   * where they would have. Hits by position; nothing is counted or remembered.
   */
  async changes(id: number, moments: Iterable<Moment>): Promise<Map<number, Hit[]>> {
    const out = new Map<number, Hit[]>();
    const add = (position: number, hit: Hit): void => void out.set(position, [...(out.get(position) ?? []), hit]);
    const before = this.data.map(() => memoryAt(0));
    const since = this.data.map((point) => point.memory.get(id)?.since ?? Infinity);
    for (const point of this.data) for (const [at, hit] of point.memory.get(id)?.fired ?? []) add(at, hit);
    for (const moment of moments) {
      const { position } = moment.facts;
      if (since.every((from) => from <= position)) break;
      for (const [i, point] of this.data.entries()) {
        const hit = position < since[i]! ? await this.changed(point, moment, before[i]!) : undefined;
        if (hit) add(position, hit);
      }
    }
    return out;
  }

  /** The breakpoints that hold at a moment that was passed, with what `changes` found there. Counts hits; log points are silent. */
  async passed(moment: Moment, source: string, changes: readonly Hit[]): Promise<Hit[]> {
    const placed = (await this.placed(moment, source)).filter((h) => h.log === undefined);
    return [...placed, ...changes.filter((h) => this.counted(this.data.find((d) => d.id === h.id)!))];
  }

  private environment(moment: Moment, more: Readonly<Record<string, Value>>): Environment {
    return { names: { ...namesOf(moment), ...more }, call: this.calls(moment) };
  }

  private async counts(point: Point, moment: Moment, more: Readonly<Record<string, Value>>): Promise<boolean> {
    if (point.condition && !(await point.condition.holds(this.environment(moment, more)))) return false;
    return this.counted(point);
  }

  private counted(point: Point): boolean {
    point.count += 1;
    return point.hits ? point.hits(point.count) : true;
  }

  private async fill(parts: readonly (string | Expression)[], moment: Moment): Promise<string> {
    let out = '';
    for (const part of parts) out += typeof part === 'string' ? part : show(await part.evaluate(this.environment(moment, {})));
    return out;
  }
}

/** Text and `{expressions}` of a log message. */
function template(message: string): (string | Expression)[] {
  return message.split(/(\{[^{}]+\})/).filter((p) => p !== '').map((p) => (p.startsWith('{') && p.endsWith('}') && p.length > 2 ? new Expression(p.slice(1, -1)) : p));
}

function startsLine({ before }: Moment, line: number): boolean {
  return lineOf(before) === line && (before === '' || before.endsWith('\n'));
}

/**
 * A regular expression holds when it matches in the present line and the match reaches into the token. A text holds when it is
 * the token's (blanks around it aside), or when the token completes it.
 */
function matcher(name: string): (moment: Moment) => boolean {
  const wanted = name.trim();
  if (wanted === '') throw new ExpressionError('Give a token\'s text, or a regular expression such as /\\d+/.');
  if (/^\/.+\/[a-z]*$/s.test(wanted)) {
    const regex = regexOf(wanted);
    const all = new RegExp(regex.source, regex.flags.includes('g') ? regex.flags : `${regex.flags}g`);
    return ({ before, token }) => {
      if (token === '') return false;
      const line = before.slice(before.lastIndexOf('\n') + 1);
      for (const match of (line + token).matchAll(all)) if (match.index + match[0].length > line.length) return true;
      return false;
    };
  }
  return ({ before, token, facts }) => {
    const own = facts.token.special ? facts.token.text : token;
    if (own === name || own.trim() === wanted) return true;
    return token.trim() !== '' && wanted.length > token.trim().length && wanted.endsWith(token.trimEnd()) && (before + token).trimEnd().endsWith(wanted);
  };
}

function valueOf(dataId: string, { facts, before, token, generation }: Moment): Value {
  if (dataId === 'entropy') return facts.entropy;
  if (dataId === 'script') return lastScript(before + token);
  if (dataId === 'answer') return answerOf(before, token, generation.options.language);
  const logprob = facts.watched.get(Number(dataId.slice(2)));
  return logprob === undefined ? null : Math.exp(logprob);
}

function notable(dataId: string, old: Value, value: Value): boolean {
  if (dataId === 'script') return old !== '' && value !== '' && value !== old;
  if (dataId === 'answer') return value !== null && value !== old;
  if (typeof old !== 'number' || typeof value !== 'number') return old !== value;
  return Math.abs(value - old) >= (dataId === 'entropy' ? NOTABLE.entropy : NOTABLE.p);
}

function describe(dataId: string, moment: Moment): string {
  if (!dataId.startsWith('p:')) return dataId;
  const id = Number(dataId.slice(2));
  const token = moment.facts.token.id === id ? moment.facts.token : moment.generation.view.tokens.find((t) => t.id === id);
  return `p(${token && token.text !== '' ? JSON.stringify(token.text) : id})`;
}

export const show = (value: Value): string => (value === null ? 'none' : typeof value === 'number' && !Number.isInteger(value) ? value.toFixed(4) : String(value));
