import { digitValue } from './python';

/**
 * A completion brought to one spelling for reading numbers, with the way back to the original offsets.
 *
 * Digits of every script become ASCII; minus signs, full-width forms, thin and no-break spaces, quotes and percent signs become one
 * character each; format characters (bidi marks, soft hyphen, zero-width) disappear; LaTeX spacing, escapes and fractions become
 * plain text (`\frac{a}{b}` gives a U+2044 fraction).
 */
export interface Folded {
  readonly text: string;
  readonly original: string;
  /** Original start and end offset of each character of `text`; undefined when the text is unchanged. */
  readonly starts?: Uint32Array;
  readonly ends?: Uint32Array;
}

/** Any space that can stand inside a number: no-break, figure, thin, narrow no-break. */
export const HARD_SPACE = '\u00a0';
export const FRACTION_SLASH = '\u2044';

const DROP = '';
const SINGLE = new Map<number, string>();
function put(from: string, to: string): void {
  for (const c of from) SINGLE.set(c.codePointAt(0) ?? 0, to);
}
put('\u00ad\u061c\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufeff\ufe0e\ufe0f', DROP);
put('\u2212\ufe63\uff0d\u2010\u2011', '-');
put('\u00a0\u2007\u2008\u2009\u200a\u2006\u202f\u205f', HARD_SPACE);
put('\u2002\u2003\u2004\u2005\u3000', ' ');
put('\u2018\u2019\u02bc\u2032\uff07', "'");
put('\u066a\ufe6a', '%');
put('\u2215', '/');
put('\u2217\u2219\u22c5', '·');
put('\uff0c', '，');

const TO_FOLD = /[\\\u0080-\uffff]|\{,\}/;
const FRACTION = /\\[dtc]?frac\s*(?:\{([^{}\\]*)\}|(\d))\s*(?:\{([^{}\\]*)\}|(\d))/y;
const COMMAND = /\\(?:([a-zA-Z]+)|([^a-zA-Z]))/y;
const SPACING = new Set([',', ';', ':', ' ', '>']);
const SYMBOL: Readonly<Record<string, string>> = {
  times: '×', cdot: '·', div: '÷', approx: '≈', pm: '±', quad: ' ', qquad: ' ', le: '≤', leq: '≤', ge: '≥', geq: '≥', circ: '°', deg: '°',
  percent: '%', pounds: '£', euro: '€', rightarrow: '→', Rightarrow: '→', implies: '→', therefore: '∴', thinspace: HARD_SPACE,
};

class Builder {
  private chars: string[] = [];
  private from: number[] = [];
  private to: number[] = [];

  add(text: string, start: number, end: number): void {
    for (let i = 0; i < text.length; i++) {
      this.chars.push(text[i] ?? '');
      this.from.push(start);
      this.to.push(end);
    }
  }

  /** One character, the fast path of `add`. */
  one(char: string, start: number, end: number): void {
    this.chars.push(char);
    this.from.push(start);
    this.to.push(end);
  }

  get lastChar(): string {
    return this.chars[this.chars.length - 1] ?? '';
  }

  finish(original: string): Folded {
    return { text: this.chars.join(''), original, starts: Uint32Array.from(this.from), ends: Uint32Array.from(this.to) };
  }
}

/** Folds a text. See {@link Folded}. */
export function fold(original: string): Folded {
  if (!TO_FOLD.test(original)) return { text: original, original };
  const out = new Builder();
  let i = 0;
  while (i < original.length) {
    const unit = original.charCodeAt(i);
    if (unit === 0x5c) i = latex(original, i, out);
    else if (unit === 0x7b && original.startsWith('{,}', i)) {
      out.one(',', i, i + 3);
      i += 3;
    } else if (unit < 0x80) {
      out.one(original[i] ?? '', i, i + 1);
      i++;
    } else i = other(original, i, out);
  }
  return out.finish(original);
}

function other(text: string, i: number, out: Builder): number {
  const cp = text.codePointAt(i) ?? 0;
  const end = i + (cp > 0xffff ? 2 : 1);
  if (isPlainLetter(cp)) {
    out.one(text[i] ?? '', i, end);
    return end;
  }
  const digit = digitValue(cp);
  if (digit >= 0) out.one(String(digit), i, end);
  else {
    const single = SINGLE.get(cp);
    if (single !== undefined) {
      if (single !== DROP) out.one(single, i, end);
    } else if (cp > 0xff00 && cp < 0xff5f) out.one(String.fromCharCode(cp - 0xfee0), i, end);
    else out.add(text.slice(i, end), i, end);
  }
  return end;
}

/** True for code points of blocks without digits, marks or signs that fold: a quick way past most letters. */
function isPlainLetter(cp: number): boolean {
  return (cp >= 0xc0 && cp < 0x2bc) || (cp >= 0x370 && cp < 0x600) || (cp >= 0x3041 && cp < 0xa000) || (cp >= 0xac00 && cp < 0xd7a4);
}

/** Folds one LaTeX command at offset `i` and returns the offset after it. */
function latex(text: string, i: number, out: Builder): number {
  FRACTION.lastIndex = i;
  const fraction = FRACTION.exec(text);
  if (fraction) {
    const end = i + fraction[0].length;
    const top = (fraction[1] ?? fraction[2] ?? '').trim();
    const bottom = (fraction[3] ?? fraction[4] ?? '').trim();
    if (/\p{Nd}/u.test(out.lastChar)) out.one(' ', i, i);
    out.add(fold(top).text, i, i + 1);
    out.one(FRACTION_SLASH, i, end);
    out.add(fold(bottom).text, end - 1, end);
    return end;
  }
  COMMAND.lastIndex = i;
  const command = COMMAND.exec(text);
  if (!command) {
    out.one('\\', i, i + 1);
    return i + 1;
  }
  const end = i + command[0].length;
  const [, word, sign = ''] = command;
  if (word !== undefined) {
    const symbol = SYMBOL[word];
    out.one(symbol ?? ' ', i, end);
  } else if (SPACING.has(sign)) out.one(HARD_SPACE, i, end);
  else if ('$%#&_{}'.includes(sign)) out.one(sign, i, end);
  else if (sign !== '!') out.one(sign === '\\' ? '\n' : ' ', i, end);
  return end;
}

/** The original span of folded offsets [start, end). */
export function originalSpan(folded: Folded, start: number, end: number): [number, number] {
  if (!folded.starts || !folded.ends || end <= start) return [start, end];
  return [folded.starts[start] ?? start, folded.ends[end - 1] ?? end];
}

/** The folded offset that an original offset falls on (the first character that starts at or after it). */
export function foldedOffset(folded: Folded, offset: number): number {
  const { starts } = folded;
  if (!starts) return offset;
  let low = 0;
  let high = starts.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((starts[middle] ?? 0) < offset) low = middle + 1;
    else high = middle;
  }
  return low;
}
