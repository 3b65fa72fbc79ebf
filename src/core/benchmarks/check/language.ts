import { type LanguageIdentifier } from '../../analysis/identify';
import { ownScriptShare, scriptCounts } from '../../analysis/scripts';
import { languageName } from '../../languages';
import { type Problem } from '../types';
import { wholeText } from './text';
import { type CheckFinding } from './types';

/** Letters that a single text needs before its language can be told. */
const MIN_LETTERS = 40;

/** Languages that identifiers take for each other in a text of a sentence or two; a whole file must still be told apart. */
const CLOSE: readonly (readonly string[])[] = [
  ['nb', 'nn', 'da', 'sv'],
  ['hr', 'sr', 'sl'],
  ['cs', 'sk'],
  ['hi', 'mr', 'ne'],
  ['be', 'uk', 'ru'],
  ['mk', 'bg', 'sr'],
  ['nl', 'af'],
  ['de', 'lb'],
  ['es', 'pt', 'ca', 'gl'],
];

function close(a: string, b: string): boolean {
  return CLOSE.some((group) => group.includes(a) && group.includes(b));
}

const letters = (text: string): number => (text.match(/\p{L}/gu) ?? []).length;

/** `language`: the identifier must take the whole file for the language, and no single problem for a distant one. */
export function checkLanguage(language: string, problems: readonly Problem[], identifier: LanguageIdentifier): CheckFinding[] {
  const findings: CheckFinding[] = [];
  const say = (code: string): string => `${languageName(code)} (${code})`;
  const whole = identifier.identify(problems.map(wholeText).join('\n'));
  if (whole !== null && whole !== language) {
    findings.push({ check: 'language', severity: 'error', language, message: `${identifier.name} takes the texts of this language for ${say(whole)}.` });
  }
  for (const problem of problems) {
    const text = wholeText(problem);
    if (letters(text) < MIN_LETTERS) continue;
    const found = identifier.identify(text);
    if (found === null || found === language || close(found, language)) continue;
    // A language of another script than most of the text is the identifier's error (foreign names); the script has its own check.
    if (ownScriptShare(scriptCounts(text), found) < 0.5) continue;
    findings.push({
      check: 'language', severity: 'warning', language, id: problem.id, field: 'question', text: problem.question,
      message: `${identifier.name} takes this text for ${say(found)}.`,
    });
  }
  return findings;
}
