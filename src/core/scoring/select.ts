import { answerCues } from './cues';
import { fold, foldedOffset, originalSpan, type Folded } from './fold';
import { allMatches } from './matches';
import { readFolded } from './reader';
import { type NumberReading } from './types';

/** The number that is the answer of a completion, and why it was taken. */
export interface Selection {
  readonly answer: NumberReading | null;
  readonly why: 'boxed' | 'answer phrase' | 'last number of the conclusion' | 'emphasised number' | 'number word of the conclusion' | 'no number';
  /** Every number that was seen, also those that are not values. */
  readonly seen: readonly NumberReading[];
}

const BOX = /\\?f?boxed\s*\{/g;
const SENTENCE_END = /[.!?](?=[\s"'”’»)*\]]|$)|[。！？।॥։؟۔።]|\n+/gu;
const OPERATOR = /[+×÷*/·−-]|\\times/u;
/** A colon may introduce the working rather than the answer: at most one word may stand between it and the number. */
const NEAR = /^[^\p{L}\p{M}]*[\p{L}\p{M}]*[^\p{L}\p{M}]*$/u;

/** Chooses the answer: the last box, then the last answer phrase with a number, then the last number of the conclusion. */
export function selectAnswer(completion: string, language: string): Selection {
  const folded = fold(completion);
  const seen = readFolded(folded, language, { all: true });
  const boxed = fromBox(completion, language);
  if (boxed) return { answer: boxed, why: 'boxed', seen };
  const values = seen.filter((r) => r.role === 'value');
  const phrase = fromPhrase(folded, language, values);
  if (phrase) return { answer: phrase, why: 'answer phrase', seen };
  return { ...fromConclusion(completion, values), seen };
}

function fromBox(completion: string, language: string): NumberReading | undefined {
  if (!completion.includes('box')) return undefined;
  for (const m of allMatches(completion, BOX).reverse()) {
    const start = m.index + m[0].length;
    const content = completion.slice(start, closingBrace(completion, start));
    const readings = readFolded(fold(content), language);
    const chosen = endOfChain(content, readings, 0);
    if (chosen) return { ...chosen, span: [chosen.span[0] + start, chosen.span[1] + start] };
  }
  return undefined;
}

/** Offset of the brace that closes the one before `start`, or the end of the text. */
function closingBrace(text: string, start: number): number {
  let depth = 1;
  for (let i = start; i < text.length; i++) {
    if (text[i] === '{') depth++;
    else if (text[i] === '}' && --depth === 0) return i;
  }
  return text.length;
}

function fromPhrase(folded: Folded, language: string, values: readonly NumberReading[]): NumberReading | undefined {
  if (values.length === 0) return undefined;
  const { text, original } = folded;
  for (const cue of answerCues(text, language).reverse()) {
    let from = cue.end;
    const blank = /^[\s*_:$]*\n\s*/u.exec(text.slice(from));
    if (blank) from += blank[0].length;
    const to = sentenceEnd(text, from, folded, values);
    const inside = values.filter((v) => foldedOffset(folded, v.span[0]) >= from && foldedOffset(folded, v.span[0]) < to);
    const first = inside.find((v) => !isArticle(v) || foldedOffset(folded, v.span[0]) - from <= 3);
    if (!first) continue;
    const gap = text.slice(from, foldedOffset(folded, first.span[0]));
    const last = values[values.length - 1];
    if (!cue.verb && !NEAR.test(gap) && last && foldedOffset(folded, last.span[0]) >= to) continue;
    const [start, end] = originalSpan(folded, from, to);
    return endOfChain(original.slice(start, end), inside.filter((v) => v.span[0] >= first.span[0]), start);
  }
  return undefined;
}

/** End of the sentence that `from` stands in; a full stop inside or right after a number's unit does not end it early. */
function sentenceEnd(text: string, from: number, folded: Folded, values: readonly NumberReading[]): number {
  SENTENCE_END.lastIndex = from;
  for (let m = SENTENCE_END.exec(text); m; m = SENTENCE_END.exec(text)) {
    const end = m.index + m[0].length;
    const inNumber = values.some((v) => foldedOffset(folded, v.span[0]) <= m.index && originalSpan(folded, m.index, end)[0] < v.span[1]);
    const abbreviation = m[0] === '.' && /(?:^|[^\p{L}])(?:Rs|kr|approx|ca|Sh|Tk|Rp|U\.S|No|Nr|St|Mr|Mrs|Dr)$/u.test(text.slice(Math.max(0, m.index - 8), m.index));
    if (!inNumber && !abbreviation && text.slice(from, m.index).trim() !== '') return end;
  }
  return text.length;
}

/** Number words for 1 and 0 are articles, pronouns or negations in most languages; they count right after an answer phrase only. */
function isArticle(reading: NumberReading): boolean {
  return (reading.kind === 'words' || reading.kind === 'han') && Math.abs(reading.value) <= 1;
}

/**
 * The number that a calculation ends in: the first number after the last "=" when operators stand before it, else the first number.
 *
 * @param text the text that holds `readings`
 * @param offset of `text` in the coordinates of the spans
 */
function endOfChain(text: string, readings: readonly NumberReading[], offset: number): NumberReading | undefined {
  const first = readings[0];
  if (!first || readings.length === 1) return first;
  const after = first.span[1] - offset;
  const equals = text.lastIndexOf('=');
  if (equals >= after && OPERATOR.test(text.slice(after, equals))) {
    return readings.find((r) => r.span[0] - offset > equals) ?? first;
  }
  return first;
}

/** Number words that are other words as well: they count after an answer phrase, not wherever they stand. */
const HOMOGRAPHS = new Set(['năm', 'không', 'ba', 'tư', 'sei', 'neuf', 'kuusi', 'acht', 'sieben', 'ஆறு', 'दो', 'nove', 'once', 'tre']);

type Ending = Pick<Selection, 'answer' | 'why'>;

function fromConclusion(completion: string, values: readonly NumberReading[]): Ending {
  const digits = values.filter((v) => v.kind !== 'words' && v.kind !== 'roman' && v.kind !== 'han');
  const last = digits[digits.length - 1];
  if (!last) {
    const words = values.filter((v) => v.kind !== 'roman' && !isArticle(v) && !HOMOGRAPHS.has(v.text.toLowerCase()));
    const word = words[words.length - 1];
    return word ? { answer: word, why: 'number word of the conclusion' } : { answer: null, why: 'no number' };
  }
  const start = sentenceStart(completion, last);
  const inSentence = digits.filter((v) => v.span[0] >= start);
  const bold = inSentence.filter((v) => isEmphasised(completion, v));
  if (bold.length === 1 && bold[0]) return { answer: bold[0], why: 'emphasised number' };
  const why = 'last number of the conclusion';
  return { answer: beforeParenthesis(completion, inSentence, values) ?? beforeWorking(completion, inSentence) ?? last, why };
}

function sentenceStart(text: string, reading: NumberReading): number {
  let start = 0;
  for (const m of allMatches(text, SENTENCE_END)) {
    const end = m.index + m[0].length;
    if (end > reading.span[0]) break;
    start = end;
  }
  return start;
}

function isEmphasised(text: string, { span }: NumberReading): boolean {
  const before = text.slice(Math.max(0, span[0] - 12), span[0]);
  const after = text.slice(span[1], span[1] + 24);
  return /\*\*[^*\n]*$/.test(before) && /^[^*\n]*\*\*/.test(after);
}

/** The number before a closing remark in parentheses ("18 apples (6 × 3)"), unless the remark gives a number word in digits. */
function beforeParenthesis(text: string, inSentence: readonly NumberReading[], values: readonly NumberReading[]): NumberReading | undefined {
  const last = inSentence[inSentence.length - 1];
  if (!last) return undefined;
  const open = Math.max(text.lastIndexOf('(', last.span[0]), text.lastIndexOf('（', last.span[0]));
  const between = text.slice(open + 1, last.span[0]);
  if (open < 0 || /[)）]/.test(between)) return undefined;
  const spelled = values.some((v) => v.kind === 'words' && text.slice(v.span[1], open).trim() === '' && v.span[1] <= open);
  const outside = inSentence.filter((v) => v.span[1] <= open);
  return spelled ? undefined : outside[outside.length - 1];
}

/** The left side of an equation whose right side is the working ("18 = 6 × 3"). */
function beforeWorking(text: string, inSentence: readonly NumberReading[]): NumberReading | undefined {
  const last = inSentence[inSentence.length - 1];
  if (!last || inSentence.length < 3) return undefined;
  const equals = text.lastIndexOf('=', last.span[0]);
  const right = inSentence.filter((v) => v.span[0] > equals);
  const left = inSentence.filter((v) => v.span[1] <= equals);
  const side = left[left.length - 1];
  if (equals < 0 || right.length < 2 || !side || !right[0]) return undefined;
  const working = OPERATOR.test(text.slice(right[0].span[1], last.span[0]));
  const single = left.length === 1 && text.slice(side.span[1], equals).trim() === '';
  return working && single ? side : undefined;
}
