import { afterLast, asciiDigits, pyFloat, pyStrip, PY_SPACE } from './python';
import { cleanHarnessAnswer } from './latex-strings';
import { lastMatch } from './matches';
import { classifyError } from './errors';
import { type Score, type ScoreInput, type Scorer } from './types';

/**
 * Port of scorer A, the one LinguaLIFT's and LangBridge's results were made with: commas between digits are joined, the last
 * unsigned number wins, 0.0 when there is none, tolerance 0.001; or the extracted answer string equals the gold string.
 * Python's `\d` and `float()` accept every Unicode decimal digit, and so does this port.
 */
const NUMBER = /\p{Nd}+(?:\.\p{Nd}+)?/gu;
const JOIN = /(\p{Nd}),(\p{Nd})/gu;
const LAST_NUMBER = /-?\p{Nd}*\.?\p{Nd}+/gu;
const NEWLINE_INDENT = new RegExp(`\\n[${PY_SPACE}]*`, 'gu');

/** First arm: the last number and where it stands, or 0 without a place. */
export function harnessNumber(completion: string): { value: number; span: [number, number] | null } {
  const removed: number[] = [];
  const joined = completion.replace(JOIN, (match: string, a: string, b: string, at: number) => {
    removed.push(at + a.length - removed.length);
    return match.length === 0 ? '' : a + b;
  });
  const last = lastMatch(joined, NUMBER);
  if (!last) return { value: 0, span: null };
  // A removed comma at joined offset k shifts everything from k on by one in the original.
  const original = (offset: number, end: boolean) => offset + removed.filter((k) => (end ? k < offset : k <= offset)).length;
  return {
    value: Number(asciiDigits(last[0])),
    span: [original(last.index, false), original(last.index + last[0].length, true)],
  };
}

/** Text inside the braces that follow the last "boxed", or up to the next `$` when no brace follows. */
function boxedText(completion: string): string {
  const rest = afterLast(completion, 'boxed');
  if (!rest.startsWith('{')) return pyStrip(rest.split('$')[0] ?? '');
  let depth = 1;
  for (let i = 1; i < rest.length; i++) {
    if (rest[i] === '{') depth++;
    else if (rest[i] === '}' && --depth === 0) return rest.slice(1, i);
  }
  return rest.slice(1);
}

/** Second arm: the answer as text, cleaned. */
export function harnessAnswer(completion: string): string {
  const text = completion.replaceAll('\u043a\u0438', '');
  let answer: string;
  const minerva = 'final answer is $';
  const hope = '$. I hope';
  if (text.includes(minerva) && text.includes(hope)) {
    const tail = text.slice(text.indexOf(minerva) + minerva.length);
    answer = pyStrip(tail.split(hope)[0] ?? '');
  } else if (text.includes('boxed')) {
    if (text.endsWith('boxed')) return '';
    answer = boxedText(text);
  } else if (text.includes('he answer is')) answer = pyStrip(afterLast(text, 'he answer is'));
  else if (text.includes('final answer is')) answer = pyStrip(afterLast(text, 'final answer is'));
  else if (text.includes('答案是')) answer = pyStrip(pyStrip(text.split('答案是')[1] ?? '').split('\n\n')[0] ?? '');
  else answer = text.replaceAll(',', '').match(LAST_NUMBER)?.at(-1) ?? '';
  answer = answer.replace(NEWLINE_INDENT, '').replace(/^:/, '').replace(/\.$/, '').replace(/\/$/, '');
  return cleanHarnessAnswer(pyStrip(answer));
}

export const harnessScorer: Scorer = {
  name: 'harness',
  version: 1,
  score(input: ScoreInput): Score {
    const { value, span } = harnessNumber(input.completion);
    const gold = pyFloat(input.gold);
    const base = { value, span, ambiguous: false, scorer: 'harness/1' };
    if (gold === undefined) {
      return { ...base, correct: false, reading: 'the gold answer is not a number', error: 'failed' };
    }
    if (Math.abs(value - gold) < 0.001) {
      const reading = span ? 'last number' : 'no number: 0.0 by default';
      return { ...base, correct: true, reading, error: null };
    }
    if (harnessAnswer(input.completion) === input.gold) {
      return { ...base, correct: true, reading: 'answer text equals the gold text', error: null };
    }
    const reading = span ? 'last number' : 'no number: 0.0 by default';
    return { ...base, correct: false, reading, error: classifyError(input, { value: span ? value : null, gold }) };
  },
};
