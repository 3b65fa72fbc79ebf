import { type NumberConventions } from '../languages/numbers';
import { originalSpan, type Folded } from './fold';

export interface Sign {
  readonly negative: boolean;
  /** Folded offset of the sign. */
  readonly start: number;
  /** True when the mark can also be a dash or a subtraction. */
  readonly doubtful: boolean;
}

const CURRENCY = /(?:\p{L}{0,3}\.?\p{Sc}|Rs\.?|kr\.?|Rp\.?)\s?$/u;
const MONEY_END = /[\p{Sc}srp.]/u;
const UNSPACED_BEFORE = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Script=Thai}]/u;
const OPEN = /[\s=([{:,;<>+*×÷/|"“„«»'`$~≈→、。，「『（՝%]/u;
/** A minus word right before the number, at most one space between. */
const WORD_END = /[\p{L}\p{M}]\s?$/u;
const NONE: Sign = { negative: false, start: 0, doubtful: false };
const minusPatterns = new Map<string, RegExp>();

function minusWord(conventions: NumberConventions | undefined): RegExp {
  const key = conventions?.minusWords.join('|') ?? '';
  let pattern = minusPatterns.get(key);
  if (!pattern) {
    const words = ['minus', 'negative', ...(conventions?.minusWords ?? [])].map((w) => w.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
    pattern = new RegExp(`(?:(?<![\\p{L}\\p{M}])|(?<=[\\p{Script=Han}\\p{Script=Hiragana}\\p{Script=Katakana}\\p{Script=Thai}]))(?:${words.join('|')}|负|負|マイナス|음수)\\s?$`, 'iu');
    minusPatterns.set(key, pattern);
  }
  return pattern;
}

/**
 * The minus sign of a number, if it has one: a hyphen-minus, U+2212 or an en dash before it (a currency sign may stand between),
 * or the language's minus word. A mark between two numbers is a subtraction or a range, a hyphen after a letter is a hyphen.
 *
 * @param folded the text
 * @param start folded offset of the first digit
 * @param conventions of the language
 * @param previousEnd folded end of the number before, or -1
 */
export function signBefore(folded: Folded, start: number, conventions: NumberConventions | undefined, previousEnd: number): Sign {
  const { text } = folded;
  const before = text.slice(Math.max(0, start - 24), start);
  const tail = before.trimEnd().slice(-1);
  const money = MONEY_END.test(tail) ? CURRENCY.exec(before) : null;
  let i = start - 1 - (money ? money[0].length : 0);
  let spaced = false;
  if (text[i] === ' ' || text[i] === '\u00a0') {
    spaced = true;
    i--;
  }
  const mark = text[i];
  if (mark !== '-' && mark !== '–') return wordSign(before, start, conventions, previousEnd, text);
  const operand = previousEnd >= 0 && text.slice(previousEnd, i).trim() === '';
  if (operand) return NONE;
  const previous = text[i - 1];
  const trueMinus = folded.original.charCodeAt(originalSpan(folded, i, i + 1)[0]) === 0x2212;
  if (previous !== undefined && /[\d\p{L}\p{M})\]]/u.test(previous) && !UNSPACED_BEFORE.test(previous)) return NONE;
  if (spaced) {
    if (trueMinus || (previous !== undefined && /[=({]/u.test(text.slice(0, i).trimEnd().slice(-1)))) return { negative: true, start: i, doubtful: false };
    return NONE;
  }
  if (previous === undefined || OPEN.test(previous) || UNSPACED_BEFORE.test(previous)) {
    return { negative: true, start: i, doubtful: previous === ':' && mark === '-' && !trueMinus };
  }
  return NONE;
}

function wordSign(before: string, start: number, conventions: NumberConventions | undefined, previousEnd: number, text: string): Sign {
  if (!WORD_END.test(before)) return NONE;
  const word = minusWord(conventions).exec(before);
  if (!word) return NONE;
  const at = start - (before.length - word.index);
  return previousEnd >= 0 && text.slice(previousEnd, at).trim() === '' ? NONE : { negative: true, start: at, doubtful: false };
}
