import { pyStrip, PY_SPACE, asciiDigits } from './python';

/**
 * English number words as the `harness` scorer's string arm reads them: the behaviour of the Python package word2number 1.1, which
 * that scorer calls. Its peculiarities are kept because the port must agree with it; the `locale` scorer does not use this file.
 */
const VALUES: ReadonlyMap<string, number> = new Map(
  Object.entries({
    zero: 0, one: 1, two: 2, three: 3, four: 4, five: 5, six: 6, seven: 7, eight: 8, nine: 9, ten: 10, eleven: 11, twelve: 12,
    thirteen: 13, fourteen: 14, fifteen: 15, sixteen: 16, seventeen: 17, eighteen: 18, nineteen: 19, twenty: 20, thirty: 30,
    forty: 40, fifty: 50, sixty: 60, seventy: 70, eighty: 80, ninety: 90, hundred: 100, thousand: 1e3, million: 1e6, billion: 1e9,
  }),
);
const DECIMAL_ONLY = /^\p{Nd}+$/u;
const SPLIT = new RegExp(`[${PY_SPACE}]+`, 'u');

class NotANumber extends Error {}

/** Value of up to four words below a thousand, added and multiplied by position only. */
function group(words: readonly string[]): number {
  const n = words.map((w) => VALUES.get(w) ?? NaN);
  const [a, b = 0, c = 0, d = 0] = n;
  if (a === undefined) throw new NotANumber();
  if (n.length === 4) return a * b + c + d;
  if (n.length === 3) return a * b + c;
  if (n.length === 2) return n.includes(100) ? a * b : a + b;
  return a;
}

function whole(words: readonly string[]): number {
  if (words.length === 0) return 0;
  if (words.length === 1) return VALUES.get(words[0] ?? '') ?? NaN;
  const at = { billion: words.indexOf('billion'), million: words.indexOf('million'), thousand: words.indexOf('thousand') };
  const last = words.length - 1;
  let sum = 0;
  if (at.billion >= 0) sum += group(words.slice(0, at.billion)) * 1e9;
  if (at.million >= 0) sum += group(words.slice(at.billion + 1, at.million)) * 1e6;
  if (at.thousand >= 0) sum += group(words.slice((at.million >= 0 ? at.million : at.billion) + 1, at.thousand)) * 1e3;
  // The rest is read after the first scale word of this order that is not the last word, even when a smaller scale ends the text.
  for (const position of [at.thousand, at.million, at.billion]) {
    if (position >= 0 && position !== last) return sum + group(words.slice(position + 1));
  }
  if (at.thousand < 0 && at.million < 0 && at.billion < 0) sum += group(words);
  return sum;
}

function misordered(words: readonly string[]): boolean {
  const [thousand, million, billion] = ['thousand', 'million', 'billion'].map((w) => words.indexOf(w)) as [number, number, number];
  return (thousand >= 0 && (thousand < million || thousand < billion)) || (million >= 0 && million < billion);
}

/** The text as a number in Python's `str()` form when it holds English number words or is all digits, else the text unchanged. */
export function convertWordNumber(text: string): string {
  const lower = text.replaceAll('-', ' ').toLowerCase();
  if (DECIMAL_ONLY.test(lower)) return lower.length > 4300 ? text : asciiDigits(lower).replace(/^0+(?=\d)/, '');
  const words = pyStrip(lower).split(SPLIT).filter((w) => w === 'point' || VALUES.has(w));
  if (words.length === 0) return text;
  const repeated = ['thousand', 'million', 'billion', 'point'].some((w) => words.filter((x) => x === w).length > 1);
  const point = words.indexOf('point');
  const before = point < 0 ? words : words.slice(0, point);
  const after = point < 0 ? [] : words.slice(point + 1);
  if (repeated || misordered(before)) return text;
  try {
    let sum = whole(before);
    if (after.length === 0) return String(sum);
    if (after.every((w) => (VALUES.get(w) ?? 10) < 10)) {
      sum += Number('0.' + after.map((w) => VALUES.get(w)).join(''));
      return Number.isInteger(sum) ? `${sum}.0` : String(sum);
    }
    return String(sum);
  } catch (error) {
    if (error instanceof NotANumber) return text;
    throw error;
  }
}
