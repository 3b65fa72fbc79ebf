import { answerCues } from './cues';
import { repeats } from './errors';
import { fold, originalSpan } from './fold';
import { allMatches } from './matches';
import { PY_WORD } from './python';
import { type Score, type ScoreError, type ScoreInput, type Scorer } from './types';

/**
 * Multiple choice (X-CSQA form: a letter) and natural language inference (XNLI form: a relation), each in two forms.
 *
 * `choice` reads the answer: a box, the answer phrase, a letter that opens the text or stands in parentheses, the choice's own text;
 * a negated relation ("not entailment") does not count, and two answers are none. `choice-paper` is the evaluation code's loose form:
 * the first single letter followed by a full stop, and the gold relation anywhere in the text.
 */
const RELATIONS = ['entailment', 'neutral', 'contradiction'] as const;
type Relation = (typeof RELATIONS)[number];

const RELATION_WORD = /(?<!\p{L})(entail(?:ment|s|ed)?|neutral(?:ity)?|contradict(?:ion|s|ory|ed)?)(?!\p{L})/giu;
const NEGATED = /(?:(?<!\p{L})(?:not|no|neither|nor|isn't|doesn't|never|cannot)\s+(?:an?\s+|the\s+)?|\p{L}n't\s+(?:an?\s+)?)$/iu;
const PAPER_LETTER = new RegExp(`(?<![${PY_WORD}])([A-Za-z])(?![${PY_WORD}])\\.`, 'u');

interface Found {
  readonly label: string;
  readonly start: number;
  readonly end: number;
}

function relationOf(text: string): Relation | undefined {
  const word = text.trim().toLowerCase();
  return RELATIONS.find((r, i) => r === word || word === String(i));
}

/** True for an NLI item: said by the kind, or seen from the gold answer. */
function isInference(input: ScoreInput): boolean {
  return input.kind === 'nli' || (input.kind === undefined && relationOf(input.gold) !== undefined && Number.isNaN(Number(input.gold)));
}

function relationsIn(text: string): Found[] {
  return allMatches(text, RELATION_WORD)
    .filter((m) => !NEGATED.test(text.slice(Math.max(0, m.index - 24), m.index)))
    .map((m) => ({
      label: RELATIONS.find((r) => r[0] === m[0][0]?.toLowerCase()) ?? '',
      start: m.index,
      end: m.index + m[0].length,
    }));
}

/** Labels of the item in capitals: those of its choices, else A to E (A to J, or the digits, where the gold label is one of those). */
function labelsOf(input: ScoreInput): string[] {
  if (input.choices) return input.choices.map((c) => c.label.toUpperCase());
  const gold = input.gold.trim().toUpperCase();
  return Array.from(['ABCDE', 'ABCDEFGHIJ', '0123456789'].find((labels) => gold !== '' && labels.includes(gold)) ?? 'ABCDE');
}

function lettersIn(text: string, labels: readonly string[], pattern: RegExp): Found[] {
  const found: Found[] = [];
  for (const m of allMatches(text, pattern)) {
    const letter = m.groups?.label ?? '';
    const label = letter.toUpperCase();
    const start = m.index + m[0].lastIndexOf(letter);
    if (labels.includes(label)) found.push({ label, start, end: start + letter.length });
  }
  return found;
}

const ALONE = '(?<![\\p{L}\\p{N}\'])(?<label>[A-Z]|\\d)(?![\\p{L}\\p{N}\'])';
const IN_MARKS = /[(*]\(?(?<label>[A-Za-z\d])[).:*]/gu;
const NAMED = /(?:choice|option|answer)\s*[:#]?\s*\(?(?<label>[A-Za-z\d])(?![\p{L}\p{N}'])/giu;
const OPENING = /^[\s*_"'([{$]*(?<label>[A-Za-z\d])(?=\s*[).:,\]}*]|\s*$)/gu;

const CHOICE_CUE = /(?:correct|best|right)\s+(?:answer|choice|option)\s*(?:is|:)|(?:answer|choice)\s*[:：]/giu;
const ALONE_PATTERN = new RegExp(ALONE, 'gu');

/** One answer when all that were found agree, 'many' when they do not. */
function agreed(found: readonly Found[]): Found | 'many' | undefined {
  const first = found[0];
  if (!first) return undefined;
  return found.every((f) => f.label === first.label) ? first : 'many';
}

type Strict = { found: Found; why: string } | { why: 'two answers' | 'no answer' };

function readLetter(text: string, input: ScoreInput): Strict {
  const labels = labelsOf(input);
  const steps: [string, () => Found[]][] = [
    ['boxed', () => lettersIn(text, labels, /boxed\s*\{\s*(?:\\?text)?\s*[{(]*(?<label>[A-Za-z\d])(?![\p{L}\p{N}])/gu).slice(-1)],
    ['answer phrase', () => afterCue(text, input, labels)],
    ['opening letter', () => lettersIn(text, labels, OPENING)],
    ['named choice', () => lettersIn(text, labels, NAMED).slice(-1)],
    ['letter in marks', () => lettersIn(text, labels, IN_MARKS).slice(-1)],
    ['text of the choice', () => choiceTexts(text, input)],
    ['single letter', () => lettersIn(text, labels, ALONE_PATTERN).filter((f) => f.label !== 'A' && f.label !== 'I')],
  ];
  for (const [why, find] of steps) {
    const found = agreed(find());
    if (found === 'many') return { why: 'two answers' };
    if (found) return { found, why };
  }
  return { why: 'no answer' };
}

function afterCue(text: string, input: ScoreInput, labels: readonly string[]): Found[] {
  for (const cue of [...answerCues(text, input.language), ...choiceCues(text)].sort((a, b) => b.end - a.end)) {
    const sentence = /^[^\n.。।!?]*/u.exec(text.slice(cue.end))?.[0] ?? '';
    const letters = lettersIn(sentence, labels, ALONE_PATTERN);
    // "A" and "I" alone count only right after the cue; elsewhere they are words.
    const here = letters.filter((f) => !'AI'.includes(f.label) || /^[\s*_"'([{:]*(?:choice|option)?[\s*_"'([{:]*$/iu.test(sentence.slice(0, f.start)));
    if (here.length > 0) return here.map((f) => ({ ...f, start: f.start + cue.end, end: f.end + cue.end }));
  }
  return [];
}

/** "The answer is" without a number behind it, and "correct choice is". */
function choiceCues(text: string): { end: number }[] {
  return allMatches(text, CHOICE_CUE).map((m) => ({
    end: m.index + m[0].length,
  }));
}

function choiceTexts(text: string, input: ScoreInput): Found[] {
  const lower = text.toLowerCase();
  return (input.choices ?? []).flatMap((c) => {
    const start = c.text.trim() === '' ? -1 : lower.indexOf(c.text.trim().toLowerCase());
    return start < 0 ? [] : [{ label: c.label.toUpperCase(), start, end: start + c.text.trim().length }];
  });
}

function readRelation(text: string, input: ScoreInput): Strict {
  const all = relationsIn(text);
  const cue = answerCues(text, input.language).at(-1);
  const after = cue ? all.filter((f) => f.start >= cue.end).slice(0, 1) : [];
  const found = agreed(after.length > 0 ? after : all);
  if (found === 'many') return { why: 'two answers' };
  return found ? { found, why: after.length > 0 ? 'answer phrase' : 'relation word' } : { why: 'no answer' };
}

function errorOf(completion: string, value: string | null): ScoreError {
  if (completion.trim() === '') return 'empty';
  if (repeats(completion)) return 'repetition';
  return value === null ? 'no-answer' : 'wrong-choice';
}

export const choiceScorer: Scorer = {
  name: 'choice',
  version: 1,
  score(input: ScoreInput): Score {
    const folded = fold(input.completion);
    const inference = isInference(input);
    const result = inference ? readRelation(folded.text, input) : readLetter(folded.text, input);
    const found = 'found' in result ? result.found : undefined;
    const gold = inference ? relationOf(input.gold) : input.gold.trim().toUpperCase();
    const value = found?.label ?? null;
    const correct = value !== null && value === gold;
    return {
      correct,
      value,
      span: found ? originalSpan(folded, found.start, found.end) : null,
      reading: result.why,
      ambiguous: result.why === 'two answers',
      error: correct ? null : errorOf(input.completion, value),
      scorer: 'choice/1',
    };
  },
};

export const choicePaperScorer: Scorer = {
  name: 'choice-paper',
  version: 1,
  score(input: ScoreInput): Score {
    let value: string | null = null;
    let span: [number, number] | null = null;
    let correct: boolean;
    if (isInference(input)) {
      const relation = relationOf(input.gold) ?? input.gold;
      const word = relation.charAt(0).toUpperCase() + relation.slice(1);
      const at = input.completion.indexOf(word);
      correct = at >= 0;
      if (correct) {
        value = word;
        span = [at, at + word.length];
      }
    } else {
      const match = PAPER_LETTER.exec(input.completion);
      value = match?.[1] ?? null;
      if (match) span = [match.index, match.index + 1];
      correct = value !== null && value === input.gold;
    }
    const reading = isInference(input) ? 'gold relation in the text' : 'first letter with a full stop';
    const error = correct ? null : errorOf(input.completion, value);
    return { correct, value, span, reading, ambiguous: false, error, scorer: 'choice-paper/1' };
  },
};
