import { headerEnd, parsePromptCell, PROMPT_CELL } from '../core/notebook';
import { type LaunchArguments } from './launch';

/** A mistake in a prompt file, with its line from 0. */
export interface PromptIssue {
  readonly line: number;
  readonly message: string;
}

/** A prompt file: what its header says, and the question in one language or several. */
export interface PromptFile {
  readonly fields: LaunchArguments;
  readonly issues: readonly PromptIssue[];
}

/** Language id of prompt files and of prompts in notebooks. */
export const PROMPT_LANGUAGE = PROMPT_CELL;

/** Before the same question in another language: `=== sw`. */
const NEXT = /^===\s*([A-Za-z]{2,8}(?:-[A-Za-z0-9]+)*)\s*$/;

/**
 * Reads a `.lift` file: a header as that of a notebook's prompt cell, a line `---`, the question; and behind lines such as
 * `=== sw` the question in further languages, which are stepped side by side. Without the line, everything is the question.
 */
export function promptFile(text: string): PromptFile {
  const whole = text.replace(/^\uFEFF/, '');
  const lines = whole.split(/\r\n?|\n/);
  const end = headerEnd(whole);
  const cell = parsePromptCell(whole);
  // What is wrong with the questions is told below, where there may be several.
  const issues: PromptIssue[] = cell.issues.filter((i) => i.severity === 'error' && i.line < end).map(({ line, message }) => ({ line, message }));
  const first = cell.language;
  const starts = [{ line: end, language: first }, ...lines.flatMap((l, line) => (line > end && NEXT.test(l) ? [{ line, language: NEXT.exec(l)![1]! }] : []))];
  const questions: Record<string, string> = {};
  starts.forEach(({ line, language }, i) => {
    const question = lines.slice(line + 1, starts[i + 1]?.line ?? lines.length).join('\n').trim();
    const at = Math.max(0, line);
    if (Object.hasOwn(questions, language)) issues.push({ line: at, message: `The question in "${language}" is given twice.` });
    else if (question === '') issues.push({ line: at, message: i === 0 ? 'There is no question. Write it below the line "---".' : `There is no question in "${language}" below this line.` });
    else questions[language] = question;
  });
  const { bundle, precision, template, gold, maxNewTokens } = cell;
  return { fields: { ...(starts.length === 1 ? { question: questions[first], language: first } : { questions }), bundle, precision, template, gold, maxNewTokens }, issues };
}
