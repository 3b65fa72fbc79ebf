import { asciiDigits, pyFloat } from './python';
import { sameMathAnswer } from './latex-strings';
import { lastMatch } from './matches';
import { classifyError } from './errors';
import { type Score, type ScoreInput, type Scorer } from './types';

/**
 * Port of scorer B, the one the paper's baselines were scored with: the content of the last `\boxed{}` or `\fbox{}`, or the whole
 * text; equal as MATH answer strings, or the last number within 0.001 of the gold. Signs are kept, and a text without a number reads
 * infinity.
 *
 * Commas: the two working descriptions of this scorer disagree (method.md 4.7: not joined, "1,050" reads 50; languages-and-data.md:
 * deleted). Version 2 deletes every comma of the text before it looks for numbers. The evidence: measured on numbers as Intl formats
 * them, the scorer is right on 12,345 in the languages that group by commas, which it cannot be without; scorers A and B disagree on
 * 10 of 12,750 published generations only, although GSM8K answers above 999 are often written with a comma; and the evaluation script
 * itself (AlignSFT, baseline_evaluation/infer.py, extract_answer) removes commas from the sentence first. Version 1 read 50.
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

/** The last number of a text without its commas, and where it stands in the text as it was; infinity without a place when there is none. */
export function vllmNumber(text: string): { value: number; span: [number, number] | null } {
  const last = lastMatch(text.replaceAll(',', ''), NUMBER);
  if (!last) return { value: Infinity, span: null };
  return { value: Number(asciiDigits(last[0])), span: [withCommas(text, last.index), withCommas(text, last.index + last[0].length - 1) + 1] };
}

/** Offset in the text of the character that is at `offset` once the commas are gone. */
function withCommas(text: string, offset: number): number {
  let left = offset;
  for (let i = 0; i < text.length; i++) {
    if (text[i] === ',') continue;
    if (left === 0) return i;
    left -= 1;
  }
  return text.length;
}

export const vllmScorer: Scorer = {
  name: 'vllm',
  version: 2,
  score(input: ScoreInput): Score {
    const { text, start, boxed } = answerText(input.completion);
    const { value, span: place } = vllmNumber(text);
    const span: [number, number] | null = place && [start + place[0], start + place[1]];
    const where = boxed ? 'boxed' : 'last number';
    const base = { value, span, ambiguous: false, scorer: 'vllm/2' };
    if (sameMathAnswer(text, input.gold)) {
      return { ...base, value: span ? value : text, correct: true, reading: `${where}, equal as text`, error: null };
    }
    const gold = pyFloat(input.gold.replaceAll(',', ''));
    if (gold === undefined) {
      return { ...base, correct: false, reading: 'the gold answer is not a number', error: 'failed' };
    }
    const correct = Math.abs(value - gold) < 0.001;
    const reading = span ? where : 'no number: inf by default';
    return { ...base, correct, reading, error: correct ? null : classifyError(input, { value: span ? value : null, gold }) };
  },
};
