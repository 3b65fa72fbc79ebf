import { numberConventions, type NumberConventions } from '../languages/numbers';
import { fold, FRACTION_SLASH, HARD_SPACE, originalSpan, type Folded } from './fold';
import { ethiopicValue, HAN_NUMERAL } from './han';
import { readHan, readScaledDigits } from './han-text';
import { findMarks, roleAt, type Mark } from './marks';
import { interpret, isSpace, type Interpretation } from './numeral';
import { signBefore } from './sign';
import { scaleAfter, readSpelled } from './spelled';
import { type NumberKind, type NumberReading, type NumberRole, type ReadOptions } from './types';

/** A reading in folded offsets, before it is given back in those of the original text. */
export interface Draft {
  start: number;
  end: number;
  value: number;
  kind: NumberKind;
  role: NumberRole;
  ambiguous: boolean;
  alternatives: number[];
}

const SUPER = '⁰¹²³⁴⁵⁶⁷⁸⁹';
const SUB = '₀₁₂₃₄₅₆₇₈₉';
const VULGAR: ReadonlyMap<string, number> = new Map([
  ['¼', 1 / 4], ['½', 1 / 2], ['¾', 3 / 4], ['⅐', 1 / 7], ['⅑', 1 / 9], ['⅒', 1 / 10], ['⅓', 1 / 3], ['⅔', 2 / 3], ['⅕', 1 / 5],
  ['⅖', 2 / 5], ['⅗', 3 / 5], ['⅘', 4 / 5], ['⅙', 1 / 6], ['⅚', 5 / 6], ['⅛', 1 / 8], ['⅜', 3 / 8], ['⅝', 5 / 8], ['⅞', 7 / 8], ['↉', 0],
]);

const GROUP3 = `(?:['_，]|[ ${HARD_SPACE}])(?=\\d{3}(?!\\d))`;
const TOKEN = new RegExp(
  `(?<num>(?:(?<![\\d\\p{L}\\p{M}.,])[.\\u066b](?=\\d))?\\d+(?:(?:[.,\\u066b\\u066c،]|${GROUP3})\\d+)*)` +
    `|(?<vulgar>[¼-¾⅐-⅞↉])|(?<small>[${SUPER}]+\\s?[${FRACTION_SLASH}/]\\s?[${SUB}]+)|(?<ethiopic>[\\u1369-\\u137c]+)|(?<han>[${HAN_NUMERAL}])`,
  'gu',
);
const EXPONENT = /[eE][+-]?\d{1,3}(?![\p{L}\d])/uy;
const TIMES_TEN = new RegExp(`\\s?[×x*·]\\s?10(?:\\s?\\^\\s?(?:\\{\\s?([+-]?\\d+)\\s?\\}|\\(([+-]?\\d+)\\)|([+-]?\\d+))|([⁺⁻]?[${SUPER}]+))`, 'uy');
const POWER = new RegExp(`\\s?\\^\\s?(?:\\{\\s?(-?\\d+)\\s?\\}|(-?\\d+))|(⁻?[${SUPER}]+)`, 'uy');
const SLASH = new RegExp(`\\s?([${FRACTION_SLASH}])\\s?(\\d+)(?![\\d])|/(\\d+)(?![\\d/]|[.,]\\d)`, 'uy');
const MIXED_TAIL = new RegExp(`[ ${HARD_SPACE}]?(?:([¼-¾⅐-⅞])|([${SUPER}]+)\\s?[${FRACTION_SLASH}/]\\s?([${SUB}]+))|[ ${HARD_SPACE}](\\d+)\\s?[${FRACTION_SLASH}/]\\s?(\\d+)(?![\\d/])`, 'uy');
const PERCENT = new RegExp(`[ ${HARD_SPACE}]?%`, 'uy');
/** Latin letters that may stand right before a number: currencies and the multiplication sign between two numbers. */
const PREFIX = /(?:^|[^\p{L}])(?:R|Rs|Rp|RM|kr|Kr|K[Ss]h|T[Ss]h|U[Ss]h|Sh|N|Tk|Ft|Kč|Lei|lei|Fr|CHF|USD|EUR|GBP|INR|JPY|CNY|KRW|Php|THB|IDR|NGN|KES|TZS|ZAR|BDT|NPR|SEK|NOK|DKK|PLN|CZK|HUF|VND)$/u;

function digitsOf(text: string, alphabet: string): number {
  return Number(Array.from(text, (c) => alphabet.indexOf(c)).join(''));
}

function exponentOf(text: string): number {
  return text.startsWith('⁻') ? -digitsOf(text.slice(1), SUPER) : digitsOf(text.replace('⁺', ''), SUPER);
}

/**
 * Finds the numbers of a text.
 *
 * @param text any text
 * @param language code of the language whose conventions decide between two readings; outside the 48, English with `ambiguous`
 * @param options see {@link ReadOptions}
 * @returns the readings in the order of the text, with offsets into `text`
 */
export function readNumbers(text: string, language: string, options: ReadOptions = {}): NumberReading[] {
  return readFolded(fold(text), language, options);
}

/** {@link readNumbers} on a text that is already folded. */
export function readFolded(folded: Folded, language: string, options: ReadOptions = {}): NumberReading[] {
  const reader = new Reader(folded, language);
  const drafts = reader.read();
  if (options.words !== false) {
    drafts.push(...readSpelled(folded, language, drafts));
    drafts.sort((a, b) => a.start - b.start);
  }
  return drafts
    .filter((d) => options.all || d.role === 'value')
    .map((d) => {
      const span = originalSpan(folded, d.start, d.end);
      return {
        value: d.value,
        span,
        text: folded.original.slice(span[0], span[1]),
        kind: d.kind,
        ambiguous: d.ambiguous,
        alternatives: d.alternatives,
        role: d.role,
      };
    });
}

class Reader {
  private readonly text: string;
  private readonly conventions: NumberConventions | undefined;
  private readonly marks: readonly Mark[];
  private readonly drafts: Draft[] = [];

  constructor(
    private readonly folded: Folded,
    private readonly language: string,
  ) {
    this.text = folded.text;
    this.conventions = numberConventions(language);
    this.marks = /\d/.test(this.text) ? findMarks(this.text, language) : [];
  }

  read(): Draft[] {
    TOKEN.lastIndex = 0;
    for (let m = TOKEN.exec(this.text); m; m = TOKEN.exec(this.text)) {
      const groups = m.groups ?? {};
      const start = m.index;
      const end = start + m[0].length;
      if (groups.num !== undefined) TOKEN.lastIndex = this.digits(groups.num, start);
      else if (groups.vulgar !== undefined) this.push(start, end, VULGAR.get(m[0]) ?? NaN, 'fraction');
      else if (groups.small !== undefined) this.push(start, end, smallFraction(m[0]), 'fraction');
      else if (groups.ethiopic !== undefined) this.push(start, end, ethiopicValue(m[0]), 'ethiopic');
      else {
        const han = readHan(this.text, start, this.language);
        if (han.draft) this.push(start, han.draft.end, han.draft.value, han.draft.kind, { ...han.draft, decimal: false });
        TOKEN.lastIndex = Math.max(han.end, start + 1);
      }
    }
    return this.drafts;
  }

  private push(start: number, end: number, value: number, kind: NumberKind, reading?: Interpretation): Draft {
    const sign = signBefore(this.folded, start, this.conventions, this.drafts[this.drafts.length - 1]?.end ?? -1);
    const alternatives = [...(reading?.alternatives ?? [])].map((v) => (sign.negative ? -v : v));
    const signed = sign.negative ? -value : value;
    const draft: Draft = {
      start: sign.negative ? sign.start : start,
      end,
      value: signed === 0 ? 0 : signed,
      kind,
      role: roleAt(this.marks, start, end),
      ambiguous: (reading?.ambiguous ?? false) || sign.doubtful,
      alternatives: sign.doubtful ? [...alternatives, -signed] : alternatives,
    };
    this.drafts.push(draft);
    return draft;
  }

  /** Reads the digit run `run` at `start` and returns the offset after what was taken. */
  private digits(run: string, start: number): number {
    const parts = run.split(/[^\d]/u);
    const separators = [...run.matchAll(/\d(\D)/gu)].map((m) => m[1] ?? '');
    if (parts[0] === '') {
      const value = Number('0.' + parts.slice(1).join(''));
      return this.single({ value, decimal: true, ambiguous: false, alternatives: [] }, start, start + run.length);
    }
    const list = this.listSeparator(separators, start);
    const whole = list ? undefined : interpret(parts, separators, this.conventions);
    if (whole) return this.single(whole, start, start + run.length);
    // Not one number: the first piece is read now, the rest by the next match.
    const cut = firstPiece(parts, separators);
    const length = parts.slice(0, cut).join('').length + cut - 1;
    const piece = interpret(parts.slice(0, cut), separators.slice(0, cut - 1), this.conventions);
    if (!piece) return start + run.length;
    if (separators.length > 1 && separators.every((s) => s === '.')) {
      this.drafts.push({ start, end: start + run.length, value: piece.value, kind: 'integer', role: 'label', ambiguous: false, alternatives: [] });
      return start + run.length;
    }
    return this.single(piece, start, start + length);
  }

  /** A full-width comma groups only full-width digits; between others it separates the items of a list. */
  private listSeparator(separators: readonly string[], start: number): boolean {
    if (!separators.includes('，')) return false;
    const at = originalSpan(this.folded, start, start + 1)[0];
    const unit = this.folded.original.charCodeAt(at);
    return unit < 0xff10 || unit > 0xff19;
  }

  private single(reading: Interpretation, start: number, end: number): number {
    const { text } = this;
    const role = this.contextRole(start, end);
    const integer = !reading.decimal;
    const make = (to: number, value: number, kind: NumberKind, extra: Partial<Draft> = {}) => {
      const draft = this.push(start, to, value, kind, { ...reading, value });
      if (draft.role === 'value' && role !== 'value') draft.role = role;
      Object.assign(draft, extra);
      return to;
    };
    const at = <T>(pattern: RegExp, use: (m: RegExpExecArray) => T): T | undefined => {
      pattern.lastIndex = end;
      const m = pattern.exec(text);
      return m ? use(m) : undefined;
    };
    const none = { ambiguous: false, alternatives: [] as number[] };
    const special =
      at(EXPONENT, (m) => make(end + m[0].length, Number(reading.value + m[0]), 'scientific', none)) ??
      at(TIMES_TEN, (m) => {
        const power = m[4] === undefined ? Number(m[1] ?? m[2] ?? m[3]) : exponentOf(m[4]);
        return make(end + m[0].length, Number(`${reading.value}e${power}`), 'scientific', none);
      }) ??
      (integer ? at(MIXED_TAIL, (m) => this.mixed(reading.value, m, end, make)) : undefined) ??
      at(POWER, (m) => make(end + m[0].length, reading.value ** (m[3] === undefined ? Number(m[1] ?? m[2]) : exponentOf(m[3])), 'power', none)) ??
      at(SLASH, (m) => {
        const bottom = Number(m[2] ?? m[3]);
        return bottom === 0 ? undefined : make(end + m[0].length, reading.value / bottom, 'fraction', none);
      });
    if (special !== undefined) return special;
    const scaled = readScaledDigits(text, start, end, reading.value) ?? scaleAfter(text, start, end, this.language, reading.value);
    if (scaled) return make(scaled.end, scaled.value, 'scaled', { ambiguous: scaled.alternatives.length > 0, alternatives: scaled.alternatives });
    const kind = integer ? 'integer' : 'decimal';
    PERCENT.lastIndex = end;
    const after = PERCENT.exec(text);
    if (after || /(?<!\d\s?)%\s?[-+]?$/u.test(text.slice(Math.max(0, start - 4), start))) {
      const to = after ? end + after[0].length : end;
      const draft = this.push(start, to, reading.value, 'percent', reading);
      if (draft.role === 'value') draft.role = role;
      draft.alternatives.push(draft.value / 100);
      return to;
    }
    return make(end, reading.value, kind);
  }

  private mixed(
    whole: number,
    m: RegExpExecArray,
    end: number,
    make: (to: number, value: number, kind: NumberKind, extra?: Partial<Draft>) => number,
  ): number | undefined {
    const [, vulgar, top, bottom, n, d] = m;
    let part = vulgar === undefined ? NaN : (VULGAR.get(vulgar) ?? NaN);
    if (top !== undefined && bottom !== undefined) part = digitsOf(top, SUPER) / digitsOf(bottom, SUB);
    if (n !== undefined && d !== undefined) part = Number(n) / Number(d);
    if (!(part > 0 && part < 1)) return undefined;
    return make(end + m[0].length, whole + part, 'mixed', { ambiguous: false, alternatives: [] });
  }

  /** Role that the characters right before (and after) a number give it: exponent, subscript, identifier, coefficient. */
  private contextRole(start: number, end: number): NumberRole {
    if (/^[xyzn](?![\p{L}\p{M}\d])/u.test(this.text.slice(end, end + 2))) return /^x\s?\d/u.test(this.text.slice(end, end + 3)) ? 'value' : 'label';
    const before = this.text.slice(Math.max(0, start - 8), start);
    if (/\^\s?\{?-?$/u.test(before)) return 'exponent';
    if (/_\{?$/u.test(before)) return 'label';
    if (/\p{Script=Latin}$/u.test(before) && !PREFIX.test(before) && !/[\d)]\s?x$/u.test(before)) return 'label';
    return 'value';
  }
}

function smallFraction(text: string): number {
  const [top = '', bottom = ''] = text.split(new RegExp(`\\s?[${FRACTION_SLASH}/]\\s?`, 'u'));
  return digitsOf(top, SUPER) / digitsOf(bottom, SUB);
}

/** How many parts belong to the first number of a run that is not one number: cut at a space or comma first, else at the first mark. */
function firstPiece(parts: readonly string[], separators: readonly string[]): number {
  const cut = separators.findIndex((s) => isSpace(s) || s === ',' || s === '،' || s === '，');
  const to = cut < 0 ? 1 : cut + 1;
  return Math.min(Math.max(1, to), parts.length);
}
