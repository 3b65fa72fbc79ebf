/**
 * The parts of Python's text semantics that the two ported scorers rest on: what `str.strip`, `re`'s `\s \d \w`, `float()` and
 * `int()` accept. JavaScript differs in all of them: `\d` and `Number()` know ASCII digits only, `trim()` also removes U+FEFF and
 * keeps U+001C..U+001F and U+0085, and `.` does not match U+2028 or a carriage return.
 */

/** Body of a character class with the characters of Python's `str.isspace()`, which are also those of `\s` in a `str` pattern. */
export const PY_SPACE = '\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000';
/** Body of a character class for Python's `\w` in a `str` pattern (letters and everything numeric, no combining marks). */
export const PY_WORD = '\\p{L}\\p{N}_';

const STRIP = new RegExp(`^[${PY_SPACE}]+|[${PY_SPACE}]+$`, 'gu');
const FLOAT = new RegExp(
  '^[+-]?(?:\\d+(?:_\\d+)*(?:\\.(?:\\d+(?:_\\d+)*)?)?|\\.\\d+(?:_\\d+)*)(?:e[+-]?\\d+(?:_\\d+)*)?$',
  'i',
);
const NON_ASCII_DIGIT = /(?![0-9])\p{Nd}/gu;
const ND = /\p{Nd}/u;

const zeroOf = new Map<number, number>();

/**
 * Code point of the zero of the decimal digit block that a digit belongs to.
 *
 * Unicode encodes every decimal digit system as ten consecutive code points in ascending order, so the value of a digit is its
 * distance from the start of its run, modulo ten (several systems can stand side by side, as the mathematical digits do).
 */
function digitZero(codePoint: number): number {
  const known = zeroOf.get(codePoint);
  if (known !== undefined) return known;
  let start = codePoint;
  while (ND.test(String.fromCodePoint(start - 1))) start--;
  const zero = start + Math.floor((codePoint - start) / 10) * 10;
  for (let i = 0; i < 10; i++) zeroOf.set(zero + i, zero);
  return zero;
}

/** Value 0..9 of a decimal digit of any script, or -1 for any other code point. */
export function digitValue(codePoint: number): number {
  if (codePoint < 0x80) return codePoint >= 0x30 && codePoint <= 0x39 ? codePoint - 0x30 : -1;
  const zero = zeroOf.get(codePoint);
  if (zero !== undefined) return codePoint - zero;
  return ND.test(String.fromCodePoint(codePoint)) ? codePoint - digitZero(codePoint) : -1;
}

/** The text with every decimal digit replaced by its ASCII digit. Lengths change where a digit lies outside the BMP. */
export function asciiDigits(text: string): string {
  return text.replace(NON_ASCII_DIGIT, (d) => String(digitValue(d.codePointAt(0) ?? 0)));
}

/** Python's `str.strip()`. */
export function pyStrip(text: string): string {
  return text.replace(STRIP, '');
}

/**
 * Python's `float(text)`.
 *
 * @returns the number (also ±Infinity and NaN, which Python spells `inf`, `infinity`, `nan`), or undefined where Python raises ValueError
 */
export function pyFloat(text: string): number | undefined {
  const stripped = asciiDigits(pyStrip(text));
  const word = /^([+-]?)(inf|infinity|nan)$/i.exec(stripped);
  if (word) {
    if ((word[2] ?? '').toLowerCase() === 'nan') return NaN;
    return word[1] === '-' ? -Infinity : Infinity;
  }
  return FLOAT.test(stripped) ? Number(stripped.replaceAll('_', '')) : undefined;
}

/** `str(int(text)) === text` in Python: true for canonical ASCII integers, within Python's limit of 4,300 digits. */
export function isCanonicalInt(text: string): boolean {
  return /^(?:0|-?[1-9][0-9]*)$/.test(text) && text.replace('-', '').length <= 4300;
}

/** Code points of a text, for Python's `s[0]` and `len(s)`. */
export function codePoints(text: string): string[] {
  return Array.from(text);
}

/** The part of `text` after the last `mark` (Python: `text.split(mark)[-1]`). */
export function afterLast(text: string, mark: string): string {
  return text.slice(text.lastIndexOf(mark) + mark.length);
}
