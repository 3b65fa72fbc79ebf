import { type Problem } from '../benchmarks/types';
import { languageName } from '../languages';
import { questionPrefix } from './prefixes';

export { questionPrefix } from './prefixes';

/**
 * What one template makes of one problem: three texts, each of which a merge order may or may not use.
 *
 * - `encoder`: goes to the multilingual encoder (empty for method `text`)
 * - `instruction`: goes through the LLM's own embeddings before or after the soft prefix
 * - `text`: the question in the LLM's own vocabulary
 */
export interface PromptTexts {
  readonly encoder: string;
  readonly instruction: string;
  readonly text: string;
}

export interface PromptContext {
  readonly benchmark: string;
  /** Parity switch: Swedish and Swahili get each other's prefix in MMWP (method.md 4.8). */
  readonly swapSwedishSwahili?: boolean;
}

export interface PromptTemplate {
  readonly name: string;
  readonly version: number;
  /** Where the template comes from. */
  readonly source: string;
  /** True when `text` is one user message for the LLM's chat template. */
  readonly chat: boolean;
  /** Extra stop strings of the template. */
  readonly stop: readonly string[];
  /** Stop strings that depend on the item's language or benchmark. */
  itemStop?(problem: Problem, context: PromptContext): readonly string[];
  render(problem: Problem, context: PromptContext): PromptTexts;
}

const PREAMBLE = 'Below is an instruction that describes a task. Write a response that appropriately completes the request';
const alpaca = (question: string, tail: string): string => `${PREAMBLE}.\n\n### Instruction:\n${question}\n\n### Response:${tail}`;
const STEP = " Let's think step by step.";

/** The question with its choices written out, one a line. Number problems, and choices that are not shown, are their question alone. */
export function questionText(problem: Problem): string {
  if (problem.kind === 'choice' && (problem.choices?.length ?? 0) > 0) return `${problem.question}\n${(problem.choices ?? []).map((c) => `${c.label}. ${c.text}`).join('\n')}`;
  if (problem.kind === 'nli') return `Premise: ${problem.premise}\nHypothesis: ${problem.hypothesis}`;
  return problem.question;
}

const TASK = {
  number: 'Solve the problem. Reason in short steps and end with "The answer is" and the number.',
  choice: 'Choose the best answer. Reply with its letter, like "Choice A."',
  nli: 'Does the hypothesis follow from the premise? Reply with one word: entailment, neutral or contradiction.',
  operation: 'Solve the problem. Reason in short steps and end with "The answer is" and the number.',
} as const;

/** What the model is told to do. A choice whose choices are not shown is answered in its own words. */
const task = (p: Problem): string => (p.kind === 'choice' && (p.choices?.length ?? 0) === 0 ? 'Answer the question in a few words.' : TASK[p.kind]);

const prefixOf = (p: Problem, c: PromptContext): string => questionPrefix(c.benchmark, p.language, c.swapSwedishSwahili);

/** One side only: the whole prompt for the encoder, and the same for the LLM of a bundle without one. */
const both = (whole: string): PromptTexts => ({ encoder: whole, instruction: '', text: whole });

const TEMPLATES: readonly PromptTemplate[] = [
  {
    name: 'plain',
    version: 1,
    source: 'own: the question alone',
    chat: false,
    stop: [],
    render: (p) => both(questionText(p)),
  },
  {
    name: 'short-cot',
    version: 1,
    source: 'own: "Question: … Answer:", the form that lingualift_training writes its data in',
    chat: false,
    stop: ['\nQuestion:'],
    render: (p) => ({ encoder: questionText(p), instruction: '', text: `Question: ${questionText(p)}\nAnswer:` }),
  },
  {
    name: 'chat',
    version: 1,
    source: 'own: one user message through the chat template of the LLM',
    chat: true,
    stop: [],
    render: (p) => ({ encoder: questionText(p), instruction: task(p), text: `${task(p)}\n\n${questionText(p)}` }),
  },
  {
    name: 'lingualift',
    version: 1,
    source: "method.md 4.5: the authors' alpaca wrapper with the localized prefix, all of it for the encoder",
    chat: false,
    stop: ['[END]', '</s>', '<|im_end|>'],
    render: (p, c) => both(alpaca(`${prefixOf(p, c)} ${questionText(p)}`, STEP)),
  },
  {
    name: 'lingualift-harness',
    version: 1,
    source: "method.md 4.4 to 4.6: as the paper's harness ran it. The prompt of `lingualift`, and the localized prefix is a stop string, too",
    chat: false,
    stop: ['[END]', '</s>', '<|im_end|>'],
    itemStop: (p, c) => [prefixOf(p, c), ...(c.benchmark === 'mgsm' ? ['<|end_of_text|>'] : [])],
    render: (p, c) => both(alpaca(`${prefixOf(p, c)} ${questionText(p)}`, STEP)),
  },
  {
    name: 'lingualift-figure',
    version: 1,
    source: 'method.md 1.6: as the paper draws it, question to the encoder and instruction through the embeddings',
    chat: false,
    stop: ['[END]', '</s>', '<|im_end|>'],
    render: (p) => ({ encoder: questionText(p), instruction: 'Solve the following math problem:', text: '' }),
  },
  {
    name: 'mindmerger',
    version: 1,
    source: 'method.md 8.1: question to the encoder, wrapped question also to the LLM',
    chat: false,
    stop: ['[END]', '</s>'],
    render: (p) => ({ encoder: questionText(p), instruction: '', text: alpaca(questionText(p), STEP) }),
  },
  {
    name: 'metamath',
    version: 1,
    source: 'method.md 4.5: the MetaMath wrapper without localized prefix, as the baselines were run',
    chat: false,
    stop: ['</s>', '[END]', '<|im_end|>'],
    render: (p) => both(alpaca(questionText(p), STEP)),
  },
  {
    name: 'mammoth',
    version: 1,
    source: 'method.md 4.5: the MetaMath wrapper without "step by step"',
    chat: false,
    stop: ['</s>', '[END]', '<|im_end|>'],
    render: (p) => both(alpaca(questionText(p), '')),
  },
  {
    name: 'mathoctopus',
    version: 1,
    source: 'method.md 4.5: names the input and output language',
    chat: false,
    stop: ['</s>', '[END]', '<|im_end|>'],
    render: (p) => {
      const name = languageName(p.language);
      return both(`${PREAMBLE} in ${name}. Please answer in ${name}.\n\n### Instruction:\n${questionText(p)}\n\n### Response:`);
    },
  },
  {
    name: 'mcot',
    version: 1,
    source: "method.md 4.5, English step-by-step words in every language (the authors' strings exist for 11 languages only)",
    chat: false,
    stop: ['</s>', '\n\n'],
    render: (p) => both(`Question: \n${questionText(p)} \nAnswer: \nLet's think step by step.\n`),
  },
  {
    name: 'lingualift-xcsqa',
    version: 1,
    source: "method.md 5: after the authors' X-CSQA prompt, all of it for the encoder; the words that method.md leaves out are ours. Another kind of problem is its question alone",
    chat: false,
    stop: ['</s>', '\n'],
    render: (p) => both(p.kind === 'choice' && (p.choices?.length ?? 0) > 0 ? commonsensePrompt(p) : questionText(p)),
  },
  {
    name: 'lingualift-xnli',
    version: 1,
    source: "method.md 5: after the authors' XNLI prompt, all of it for the encoder; the words that method.md leaves out are ours. Another kind of problem is its question alone",
    chat: false,
    stop: ['</s>'],
    render: (p) => both(p.kind === 'nli' ? relationPrompt(p) : questionText(p)),
  },
];

function commonsensePrompt({ question, choices = [] }: Problem): string {
  const labels = choices.map((c) => c.label).join(', ');
  return `Read the following commonsense question carefully, then choose the best answer. Your answer must be one of ${labels}.\n<Question>: ${question}\n<Choices>:\n${choices.map((c) => `${c.label}. ${c.text}`).join('\n')}\n<Answer>:`;
}

function relationPrompt({ premise, hypothesis }: Problem): string {
  return `I will give you a premise and a hypothesis. Choose the most appropriate relationship between them: Entailment, Neutral, Contradiction.\n### Premise:${premise}\n### Hypothesis:${hypothesis}\n### Answer:`;
}

export const PROMPT_TEMPLATES: ReadonlyMap<string, PromptTemplate> = new Map(TEMPLATES.map((t) => [t.name, t]));

/** @throws Error that lists the known names */
export function promptTemplate(name: string): PromptTemplate {
  const found = PROMPT_TEMPLATES.get(name);
  if (!found) throw new Error(`Unknown prompt template "${name}". Known: ${[...PROMPT_TEMPLATES.keys()].join(', ')}.`);
  return found;
}

export interface EncoderNormalisation {
  /** `ascii`: every Unicode decimal digit becomes its ASCII twin before the encoder sees it. */
  readonly digits?: 'ascii' | 'keep';
  /** `1 8` for `18`: one token a digit in vocabularies that join them. */
  readonly spaceDigits?: boolean;
}

/** Applies a bundle's encoder reading to a text: prefix, digit mapping, digit spacing. Mirrors lingualift_training. */
export function encoderText(text: string, prefix: string, normalise: EncoderNormalisation = {}): string {
  let out = text;
  if (normalise.digits === 'ascii') out = out.replace(/\p{Nd}/gu, asciiDigit);
  if (normalise.spaceDigits) out = out.replace(/(?<=\p{Nd})(?=\p{Nd})/gu, ' ');
  return prefix + out;
}

/**
 * Decimal digits stand in runs of ten in Unicode, each from its zero upwards, and some runs follow each other without a gap
 * (mathematical digits). A digit's value is its distance from the start of its stretch, modulo ten.
 */
function asciiDigit(digit: string): string {
  const code = digit.codePointAt(0)!;
  if (code < 0x80) return digit;
  let zero = code;
  while (/\p{Nd}/u.test(String.fromCodePoint(zero - 1))) zero -= 1;
  return String((code - zero) % 10);
}
