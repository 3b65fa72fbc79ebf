/**
 * Chinese and Japanese numerals, digits mixed with 十百千万億 and Korean 만/억/조, and Ethiopic numerals.
 */
const HAN_DIGIT: ReadonlyMap<string, number> = new Map([
  ...Array.from('〇一二三四五六七八九', (c, i) => [c, i] as [string, number]),
  ...Array.from('零壹贰叁肆伍陆柒捌玖', (c, i) => [c, i] as [string, number]),
  ...Array.from('零壹貳參肆伍陸柒捌玖', (c, i) => [c, i] as [string, number]),
  ['两', 2], ['兩', 2], ['○', 0], ['壱', 1], ['弐', 2], ['参', 3],
]);
const SMALL: ReadonlyMap<string, number> = new Map([
  ['十', 10], ['拾', 10], ['百', 100], ['佰', 100], ['千', 1000], ['仟', 1000], ['십', 10], ['백', 100], ['천', 1000],
]);
const LARGE: ReadonlyMap<string, number> = new Map([
  ['万', 1e4], ['萬', 1e4], ['亿', 1e8], ['億', 1e8], ['兆', 1e12], ['만', 1e4], ['억', 1e8], ['조', 1e12],
]);

export const HAN_NUMERAL = '〇○零一二三四五六七八九十百千万萬亿億兆两兩壹贰叁肆伍陆柒捌玖貳參陸壱弐参拾佰仟';
export const SCALE_AFTER_DIGITS = '十百千万萬亿億兆십백천만억조';

/**
 * Value of a numeral of Han (or Hangul scale) characters, possibly with ASCII digits: 二百五十, 三万五千, 3万5千, 1억 2000만, 二〇二四.
 *
 * @param text without spaces and group separators; digits may have a decimal point
 * @returns undefined when the characters are not in a numeral's order
 */
export function hanValue(text: string): number | undefined {
  const tokens = text.match(/\d+(?:\.\d+)?|[^\d.]/gu);
  if (!tokens || tokens.join('') !== text) return undefined;
  if (tokens.length > 1 && tokens.every((t) => HAN_DIGIT.has(t))) return Number(tokens.map((t) => HAN_DIGIT.get(t)).join(''));
  let total = 0;
  let section = 0;
  let digit: number | undefined;
  let lastSmall = Infinity;
  let lastLarge = Infinity;
  for (const token of tokens) {
    const value = /^\d/.test(token) ? Number(token) : HAN_DIGIT.get(token);
    if (value !== undefined) {
      // A zero fills a gap (一百零五); any other second digit in a row is no numeral.
      if (digit !== undefined && digit !== 0) return undefined;
      digit = value;
      continue;
    }
    const small = SMALL.get(token);
    if (small !== undefined) {
      if (small >= lastSmall) return undefined;
      section += (digit ?? 1) * small;
      digit = undefined;
      lastSmall = small;
      continue;
    }
    const large = LARGE.get(token);
    if (large === undefined || large >= lastLarge) return undefined;
    section += digit ?? 0;
    if (section === 0) return undefined;
    total += section * large;
    section = 0;
    digit = undefined;
    lastSmall = Infinity;
    lastLarge = large;
  }
  return total + section + (digit ?? 0);
}

/** Value of a Han numeral with an optional fraction after 点: 三点一四. */
export function hanDecimal(text: string): number | undefined {
  const [whole = '', fraction, extra] = text.split(/[点點・]/u);
  const value = hanValue(whole);
  if (fraction === undefined || value === undefined) return fraction === undefined ? value : undefined;
  const digits = Array.from(fraction, (c) => HAN_DIGIT.get(c));
  if (extra !== undefined || digits.length === 0 || digits.includes(undefined)) return undefined;
  return Number(`${value}.${digits.join('')}`);
}

/** Value of a run of Ethiopic numerals U+1369..U+137C: ፳፭ = 25, ፭፻ = 500, ፼ = 10,000. */
export function ethiopicValue(text: string): number {
  let total = 0;
  let hundreds = 0;
  let small = 0;
  for (const c of text) {
    const offset = (c.codePointAt(0) ?? 0) - 0x1369;
    if (offset < 9) small += offset + 1;
    else if (offset < 18) small += (offset - 8) * 10;
    else if (offset === 18) {
      hundreds += (small || 1) * 100;
      small = 0;
    } else {
      total = (total + hundreds + small || 1) * 10000;
      hundreds = 0;
      small = 0;
    }
  }
  return total + hundreds + small;
}

const ROMAN = /^M{0,3}(?:CM|CD|D?C{0,3})(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3})$/;
const ROMAN_VALUE: Readonly<Record<string, number>> = { I: 1, V: 5, X: 10, L: 50, C: 100, D: 500, M: 1000 };
/** Capital letter groups that are Roman numerals in form and words, initials or units in use. */
const NOT_ROMAN = new Set(['DI', 'MI', 'CD', 'DC', 'MC', 'MD', 'CC', 'MM', 'ML', 'CM', 'XL', 'DM', 'LI', 'CV', 'MIX', 'DIM', 'LCD', 'CIV', 'CDI']);

/** Value of a canonical Roman numeral of at least two capitals that is not another word, or undefined. */
export function romanValue(text: string): number | undefined {
  if (text.length < 2 || NOT_ROMAN.has(text) || !ROMAN.test(text)) return undefined;
  let total = 0;
  for (let i = 0; i < text.length; i++) {
    const value = ROMAN_VALUE[text[i] ?? ''] ?? 0;
    total += value < (ROMAN_VALUE[text[i + 1] ?? ''] ?? 0) ? -value : value;
  }
  return total;
}
