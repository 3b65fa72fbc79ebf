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
export const PROMPT_LANGUAGE = 'lift-prompt';

/** Before the same question in another language: `=== sw`. */
const NEXT = /^===\s*([A-Za-z]{2,8}(?:-[A-Za-z0-9]+)*)\s*$/;
const RULE = /^---+\s*$/;
const LINE = /^\s*([A-Za-z][A-Za-z _-]*?)\s*:\s*(.*?)\s*$/;
const KEYS = { bundle: 'bundle', language: 'language', template: 'template', 'max-tokens': 'maxNewTokens', gold: 'gold', precision: 'precision', scorer: 'scorer' } as const;
type Key = keyof typeof KEYS;

/**
 * Reads a `.lift` file: a header of `key: value` lines and `#` comments, a line `---`, the question; and behind lines such as
 * `=== sw` the question in further languages, which are stepped side by side. Without the line, everything is the question.
 */
export function promptFile(text: string): PromptFile {
  const lines = text.replace(/^\uFEFF/, '').split(/\r\n?|\n/);
  const issues: PromptIssue[] = [];
  const end = lines.findIndex((l) => RULE.test(l));
  const header = new Map<Key, string>();
  lines.slice(0, Math.max(0, end)).forEach((l, line) => {
    if (l.trim() === '' || l.trimStart().startsWith('#')) return;
    const found = LINE.exec(l);
    const key = found?.[1]!.toLowerCase().replace(/[ _]+/g, '-') as Key | undefined;
    if (!found || key === undefined) issues.push({ line, message: 'Expected a line of the form "key: value".' });
    else if (!(key in KEYS)) issues.push({ line, message: `Unknown key "${found[1]}". Known: ${Object.keys(KEYS).join(', ')}.` });
    else if (header.has(key)) issues.push({ line, message: `"${key}" is given twice.` });
    else if (found[2] === '') issues.push({ line, message: `"${key}" has no value.` });
    else header.set(key, found[2]!);
    if (key === 'max-tokens' && header.has(key) && !/^[1-9]\d{0,6}$/.test(header.get(key)!)) issues.push({ line, message: `"max-tokens" must be a whole number of at least 1, not "${header.get(key)}".` });
  });
  const first = header.get('language') ?? 'en';
  const starts = [{ line: end, language: first }, ...lines.flatMap((l, line) => (line > end && NEXT.test(l) ? [{ line, language: NEXT.exec(l)![1]! }] : []))];
  const questions: Record<string, string> = {};
  starts.forEach(({ line, language }, i) => {
    const question = lines.slice(line + 1, starts[i + 1]?.line ?? lines.length).join('\n').trim();
    const at = Math.max(0, line);
    if (Object.hasOwn(questions, language)) issues.push({ line: at, message: `The question in "${language}" is given twice.` });
    else if (question === '') issues.push({ line: at, message: i === 0 ? 'There is no question. Write it below the line "---".' : `There is no question in "${language}" below this line.` });
    else questions[language] = question;
  });
  const tokens = header.get('max-tokens');
  return {
    fields: {
      ...(starts.length === 1 ? { question: questions[first], language: first } : { questions }), bundle: header.get('bundle'), precision: header.get('precision'),
      template: header.get('template'), gold: header.get('gold'), maxNewTokens: tokens === undefined ? undefined : Number(tokens),
    },
    issues,
  };
}
