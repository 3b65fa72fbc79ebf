import { type NumberConventions } from '../languages/numbers';
import { HARD_SPACE } from './fold';

/** A value with the other values its digits and separators can mean. */
export interface Interpretation {
  readonly value: number;
  readonly decimal: boolean;
  readonly ambiguous: boolean;
  readonly alternatives: readonly number[];
}

/** Separators that only ever group, in every language. */
const GROUP_ONLY = new Set(["'", HARD_SPACE, ' ', '\u066c', '_', '，']);
const DECIMAL_ONLY = new Set(['\u066b']);

/** True when the digit runs are a grouped integer: threes, or the Indian 2-2-3. */
function isGrouped(parts: readonly string[]): boolean {
  const [first = '', ...rest] = parts;
  if (rest.length === 0) return true;
  const last = rest[rest.length - 1] ?? '';
  if (last.length !== 3 || first.length > 3 || first.startsWith('0')) return false;
  const middle = rest.slice(0, -1);
  if (middle.every((p) => p.length === 3)) return true;
  return first.length <= 2 && middle.every((p) => p.length === 2);
}

const number = (whole: readonly string[], fraction?: string) => Number(whole.join('') + (fraction === undefined ? '' : `.${fraction}`));

/**
 * Reads digit runs with the separators between them.
 *
 * Two different separators decide themselves (the last one is the decimal separator). A single `.` or `,` before exactly three
 * digits is read as the language has it; where the language's other separator, or English, would make it another number, the
 * reading is ambiguous. A `.` in a language that groups with spaces is a group, because its decimal separator is the comma.
 *
 * @param parts ASCII digit runs
 * @param separators one fewer than `parts`
 * @param conventions of the language, or undefined for an unknown one (English is then assumed, and marked ambiguous)
 * @returns undefined when they are not one number (a list, a date, a version)
 */
export function interpret(
  parts: readonly string[],
  separators: readonly string[],
  conventions: NumberConventions | undefined,
): Interpretation | undefined {
  const plain = (value: number, decimal: boolean): Interpretation => ({ value, decimal, ambiguous: false, alternatives: [] });
  if (separators.length === 0) return plain(number(parts), false);
  const last = separators[separators.length - 1] ?? '';
  const before = separators.slice(0, -1);
  const uniform = (list: readonly string[]) => list.every((s) => isSpace(s) === isSpace(list[0] ?? '') && (isSpace(s) || s === list[0]));
  const asGroups = !DECIMAL_ONLY.has(last) && uniform(separators) && isGrouped(parts);
  const head = parts.slice(0, -1);
  const asDecimal = !GROUP_ONLY.has(last) && uniform(before) && !before.includes(last) && isGrouped(head);
  const grouped = asGroups ? number(parts) : NaN;
  const decimal = asDecimal ? number(head, parts[parts.length - 1]) : NaN;
  if (asGroups && asDecimal) return chooseByConvention(last, grouped, decimal, conventions);
  if (asGroups) {
    const spaces = separators.includes(' ') && !isSpace(conventions?.group ?? '');
    return spaces ? { ...plain(grouped, false), ambiguous: true, alternatives: [number(parts.slice(-1))] } : plain(grouped, false);
  }
  if (!asDecimal) return undefined;
  // "3,5" where the decimal separator is the point, and the Arabic comma anywhere: a decimal, or two numbers of a list.
  const doubtful = separators.length === 1 && ((last === ',' && conventions?.decimal === '.') || last === '،');
  return doubtful ? { ...plain(decimal, true), ambiguous: true, alternatives: [number(parts.slice(-1))] } : plain(decimal, true);
}

function chooseByConvention(
  separator: string,
  grouped: number,
  decimal: number,
  conventions: NumberConventions | undefined,
): Interpretation {
  const english = conventions?.decimal === '.';
  const decimalSeparator = conventions?.decimal ?? '.';
  const isDecimal = separator === decimalSeparator;
  const ambiguous = !english;
  return {
    value: isDecimal ? decimal : grouped,
    decimal: isDecimal,
    ambiguous,
    alternatives: ambiguous ? [isDecimal ? grouped : decimal] : [],
  };
}

export function isSpace(separator: string): boolean {
  return separator === ' ' || separator === HARD_SPACE || separator === '\u202f';
}
