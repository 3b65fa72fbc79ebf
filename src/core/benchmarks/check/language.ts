import { languageName } from '../../languages';
import { type Problem } from '../types';
import { wholeText } from './text';
import { type CheckFinding, type LanguageIdentifier } from './types';

/** Letters that a single text needs before its language can be told. */
const MIN_LETTERS = 40;

/** Languages that identifiers take for each other in a text of a sentence or two; a whole file must still be told apart. */
const CLOSE: readonly (readonly string[])[] = [
  ['nb', 'no', 'nn', 'da', 'sv'],
  ['hr', 'sr', 'bs', 'sl'],
  ['id', 'ms'],
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

/** `language`: an identifier must take the whole file for the language, and no single problem surely for a distant one. */
export function checkLanguage(language: string, problems: readonly Problem[], identifier: LanguageIdentifier): CheckFinding[] {
  if (!identifier.knows(language)) {
    return [{ check: 'language', severity: 'note', language, message: `${identifier.name} does not know ${languageName(language)}: its language was not checked.` }];
  }
  const findings: CheckFinding[] = [];
  const say = (code: string): string => `${languageName(code)} (${code})`;
  const whole = identifier.identify(problems.map(wholeText).join('\n'));
  if (whole && !same(whole.language, language)) {
    findings.push({ check: 'language', severity: 'error', language, message: `${identifier.name} takes the texts of this language for ${say(whole.language)}.` });
  }
  for (const problem of problems) {
    const text = wholeText(problem);
    if (letters(text) < MIN_LETTERS) continue;
    const found = identifier.identify(text);
    if (!found || same(found.language, language) || !found.confident || close(found.language, language)) continue;
    findings.push({
      check: 'language', severity: 'warning', language, id: problem.id, field: 'question', text: problem.question,
      message: `${identifier.name} takes this text for ${say(found.language)}.`,
    });
  }
  return findings;
}

/** `no` is the macro-language of `nb`. */
function same(a: string, b: string): boolean {
  const code = (c: string): string => (c === 'no' ? 'nb' : c);
  return code(a) === code(b);
}
