import { asciiDigits, pyFloat } from './python';
import { sameMathAnswer } from './latex-strings';
import { lastMatch } from './matches';
import { classifyError } from './errors';
import { type Score, type ScoreInput, type Scorer } from './types';

/**
 * Port of scorer B, the one the paper's baselines were scored with: the content of the last `\boxed{}` or `\fbox{}`, or the whole
 * text; equal as MATH answer strings, or the last number within 0.001 of the gold. Signs are kept, commas are not joined
 * ("1,050" reads 50), and a text without a number reads infinity.
 */
const NUMBER = /-?\p{Nd}+\.?\p{Nd}*/gu;

/** The text that is read and where it starts: inside the last box, or all of it. */
function answerText(completion: string): { text: string; start: number; boxed: boolean } {
  const box = completion.lastIndexOf('\\boxed');
  const at = box >= 0 ? box : completion.lastIndexOf('\\fbox');
  if (at < 0) return { text: completion, start: 0, boxed: false };
  let depth = 0;
  for (let i = at; i < completion.length; i++) {
    if (completion[i] === '{') depth++;
    else if (completion[i] === '}' && --depth === 0) {
      const open = '\\boxed{';
      // A frame other than `\boxed{…}` keeps its command; the number inside is read all the same.
      const inner = completion.startsWith(open, at);
      return { text: completion.slice(inner ? at + open.length : at, inner ? i : i + 1), start: inner ? at + open.length : at, boxed: true };
    }
  }
  return { text: completion.slice(at), start: at, boxed: true };
}

export const vllmScorer: Scorer = {
  name: 'vllm',
  version: 1,
  score(input: ScoreInput): Score {
    const { text, start, boxed } = answerText(input.completion);
    const last = lastMatch(text, NUMBER);
    const value = last ? Number(asciiDigits(last[0])) : Infinity;
    const span: [number, number] | null = last ? [start + last.index, start + last.index + last[0].length] : null;
    const where = boxed ? 'boxed' : 'last number';
    const base = { value, span, ambiguous: false, scorer: 'vllm/1' };
    if (sameMathAnswer(text, input.gold)) {
      return { ...base, value: last ? value : text, correct: true, reading: `${where}, equal as text`, error: null };
    }
    const gold = pyFloat(input.gold.replaceAll(',', ''));
    if (gold === undefined) {
      return { ...base, correct: false, reading: 'the gold answer is not a number', error: 'failed' };
    }
    const correct = Math.abs(value - gold) < 0.001;
    const reading = last ? where : 'no number: inf by default';
    return { ...base, correct, reading, error: correct ? null : classifyError(input, { value: last ? value : null, gold }) };
  },
};
