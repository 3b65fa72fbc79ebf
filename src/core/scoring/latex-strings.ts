import { codePoints, isCanonicalInt, pyStrip, PY_WORD } from './python';
import { convertWordNumber } from './english-words';

/**
 * The two answer-string cleaners behind the string arms of the ported scorers. Both bring a LaTeX answer to one spelling so that two
 * answers can be compared as text. Steps and their order follow the evaluation code that the paper's numbers were made with.
 */

// Unit words of the harness cleaner, in its order (the order decides when one unit contains another). A full stop stands for any
// character, as in the original, where the words are used as patterns. Which words these are is a fact that parity needs; NOTICE says
// where it comes from.
export const UNIT_WORDS: readonly string[] = (
  'east|degree|mph|kmph|ft|m sqaure| m east|sq m|deg|mile|q .|monkey|prime|ratio|profit of rs|rd|o|gm|p . m|lb|tile|per|dm|lt|gain|ab|' +
  'way|west|a .|b .|c .|d .|e .|f .|g .|h .|t|a|h|no change|men|soldier|pie|bc|excess|st|inches|noon|percent|by|gal|kmh|c|acre|rise|' +
  'a . m|th|π r 2|sq|mark|l|toy|coin|sq . m|gallon|° f|profit|minw|yr|women|feet|am|pm|hr|cu cm|square|v â € ™|are|rupee|rounds|' +
  'cubic|cc|mtr|s|ohm|number|kmph|day|hour|minute|min|second|man|woman|sec|cube|mt|sq inch|mp|∏ cm ³|hectare|more|sec|unit|cu . m|' +
  'cm 2|rs .|rs|kg|g|month|km|m|cm|mm|apple|liter|loss|yard|pure|year|increase|decrease|d|less|Surface|litre|pi sq m|s .|metre|meter|inch'
).split('|');

interface Unit {
  /** Text that must occur for the pattern to match; a cheap test before the pattern. */
  readonly needle: string;
  readonly pattern: RegExp;
}

const UNITS: readonly Unit[] = [...UNIT_WORDS, ...UNIT_WORDS.map((u) => u + 's')].map((word) => ({
  needle: word.split('.')[0] ?? word,
  pattern: new RegExp(`(^|[^${PY_WORD}])${word.replaceAll('.', '[^\\n]')}($|[^${PY_WORD}])`, 'gu'),
}));
const ASCII_LETTER = /[A-Za-z]/;
const SQRT_WORD = new RegExp(`\\\\sqrt([${PY_WORD}]+)`, 'gu');

function removeAll(text: string, ...parts: readonly string[]): string {
  return parts.reduce((t, part) => t.replaceAll(part, ''), text);
}

/** Shorthand `\frac12` and `\frac1{72}` written out with braces. Left as it is when a `\frac` lacks its two arguments. */
function braceFractions(text: string): string {
  const [head = '', ...parts] = text.split('\\frac');
  let out = head;
  for (const part of parts) {
    if (part.startsWith('{')) {
      out += '\\frac' + part;
      continue;
    }
    const [a, b, ...rest] = codePoints(part);
    if (a === undefined || b === undefined) return text;
    out += `\\frac{${a}}${b === '{' ? b : `{${b}}`}${rest.join('')}`;
  }
  return out;
}

/** `a/b` of two plain integers as `\frac{a}{b}`; with `sqrtAllowed`, a side that contains "sqrt" passes as well. */
function slashToFraction(text: string, sqrtAllowed: boolean): string {
  const sides = text.split('/');
  if (sides.length !== 2) return text;
  const plain = (side: string) => isCanonicalInt(side) || (sqrtAllowed && side.includes('sqrt'));
  return sides.every(plain) ? `\\frac{${sides[0]}}{${sides[1]}}` : text;
}

/** The part after a short left-hand side: `x = 5` gives ` 5` when at most two characters stand before the only `=`. */
function withoutLeftSide(text: string): string {
  const sides = text.split('=');
  return sides.length === 2 && codePoints(sides[0] ?? '').length <= 2 ? (sides[1] ?? '') : text;
}

function removeUnits(text: string): string {
  let out = text;
  for (let round = 0; round < 2; round++) {
    for (const { needle, pattern } of UNITS) {
      if (!out.includes(needle)) continue;
      const shorter = out.replace(pattern, '$1$2');
      if (shorter !== '') out = shorter;
    }
  }
  return out;
}

/**
 * The harness's cleaner (units, number words, LaTeX).
 *
 * @param input an extracted answer, already stripped
 */
export function cleanHarnessAnswer(input: string): string {
  let s = input.replaceAll('\n', '').replace(/\.+$/, '');
  s = removeAll(s, '\\!');
  s = s.replace(/\\begin\{array\}\{[^\n]*?\}/g, '\\begin{pmatrix}').replace(/\\end\{array\}/g, '\\end{pmatrix}');
  s = s.replaceAll('bmatrix', 'pmatrix').replaceAll('tfrac', 'frac').replaceAll('dfrac', 'frac');
  s = s.replaceAll('\\neq', '\\ne').replaceAll('\\leq', '\\le').replaceAll('\\geq', '\\ge');
  s = removeAll(s, '\\left', '\\right').replaceAll('\\{', '{').replaceAll('\\}', '}');
  const withoutText = pyStrip(s.replace(/\\text\{[^\n]*?\}$/, ''));
  if (withoutText !== '') s = withoutText;
  if (ASCII_LETTER.test(s)) s = removeUnits(s);
  s = removeAll(s, '^{\\circ}', '^\\circ', '\\$', '$', '\\(', '\\)');
  s = convertWordNumber(s);
  s = s.replace(/\\text\{([^\n]*?)\}/g, '$1');
  s = removeAll(s, 'x=', 'y=', 'z=', 'x\\in', 'y\\in', 'z\\in', 'x\\to', 'y\\to', 'z\\to');
  s = s.replaceAll('\\emptyset', '{}').replaceAll('(-\\infty,\\infty)', '\\mathbb{R}');
  s = removeAll(s, '\\%', '%').replaceAll(' .', ' 0.').replaceAll('{.', '{0.');
  s = s.replaceAll('infinity', '\\infty');
  if (!s.includes('\\infty')) s = s.replaceAll('inf', '\\infty');
  s = removeAll(s.replaceAll('+\\inity', '\\infty'), 'and', '\\mathbf').replace(/\\mbox\{[^\n]*?\}/g, '');
  if (s.includes('j') && !s.includes('i')) s = s.replaceAll('j', 'i');
  s = s.replace(/(\p{Nd}+)\.0*([^\p{Nd}])/gu, '$1$2').replace(/(\p{Nd}+)\.0*$/u, '$1');
  if (s === '') return s;
  if (s.startsWith('.')) s = '0' + s;
  s = withoutLeftSide(s).replace(SQRT_WORD, '\\sqrt{$1}').replaceAll(' ', '');
  return slashToFraction(braceFractions(s), true);
}

/**
 * The cleaner of the MATH benchmark's string comparison, used by the `vllm` scorer.
 *
 * @returns the cleaned text, or undefined where the original raises (more than one `\text{ `, a `\sqrt` without an argument)
 */
function cleanMathAnswer(input: string): string | undefined {
  let s = removeAll(input, '\n', '\\!').replaceAll('\\\\', '\\').replaceAll('tfrac', 'frac').replaceAll('dfrac', 'frac');
  s = removeAll(s, '\\left', '\\right', '^{\\circ}', '^\\circ', '\\$');
  const unit = s.split('\\text{ ');
  if (unit.length > 2) return undefined;
  s = removeAll(unit[0] ?? '', '\\%').replaceAll(' .', ' 0.').replaceAll('{.', '{0.');
  if (s === '') return s;
  if (s.startsWith('.')) s = '0' + s;
  const [head = '', ...roots] = withoutLeftSide(s).split('\\sqrt');
  if (roots.includes('')) return undefined;
  s = roots.reduce((out, root) => {
    const [first = '', ...rest] = codePoints(root);
    return out + '\\sqrt' + (first === '{' ? root : `{${first}}${rest.join('')}`);
  }, head);
  s = braceFractions(s.replaceAll(' ', ''));
  return slashToFraction(s === '0.5' ? '\\frac{1}{2}' : s, false);
}

/** String comparison of the MATH benchmark: equal after cleaning, or as they stand where cleaning fails. */
export function sameMathAnswer(a: string, b: string): boolean {
  const cleanA = cleanMathAnswer(a);
  const cleanB = cleanMathAnswer(b);
  return cleanA === undefined || cleanB === undefined ? a === b : cleanA === cleanB;
}
