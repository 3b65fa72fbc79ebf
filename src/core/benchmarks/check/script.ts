import { type Problem } from '../types';
import { fieldsOf, foldedWhole, isForeignLetter, percent, scriptOf, wordsOf, type Word } from './text';
import { type CheckFinding } from './types';

/** Least share of letters in the language's own script, over all texts of a problem. */
const MIN_SHARE = 0.7;
/** Symbols of units and currencies with three letters or more; shorter ones (km, kg, GB) pass in every script. */
const SYMBOLS = new Set(['kWh', 'MHz', 'GHz', 'mAh', 'USD', 'EUR']);
const isSymbol = (word: string): boolean => word.length < 3 || SYMBOLS.has(word);

/** `script`: share of letters in the language's script, and words that mix letters of two scripts. */
export function checkScript(problem: Problem): CheckFinding[] {
  const script = scriptOf(problem.language);
  if (!script) return [];
  const findings: CheckFinding[] = [];
  const base = { check: 'script', severity: 'error', language: problem.language, id: problem.id } as const;
  let letters = 0;
  let foreign = 0;
  let longest: { field: string; span: readonly [number, number]; text: string } | undefined;
  for (const { field, text } of fieldsOf(problem)) {
    letters += text.match(/\p{L}/gu)?.length ?? 0;
    for (const run of foreignRuns(text, problem.language)) {
      if (script !== 'Latn' && /^[A-Za-z]+$/.test(run.text) && isSymbol(run.text)) continue;
      foreign += Array.from(run.text).filter((c) => /\p{L}/u.test(c)).length;
      if (run.text.length > (longest?.text.length ?? 0)) longest = { field, span: [run.start, run.end], text: run.text };
    }
    for (const word of wordsOf(text).filter((w) => isHomoglyphMix(w, problem.language))) {
      findings.push({ ...base, field, span: [word.start, word.end], text: word.text, message: `The word mixes letters of two scripts: ${describe(word, problem.language)}.` });
    }
  }
  const share = letters > 0 ? 1 - foreign / letters : 1;
  if (share < MIN_SHARE) {
    findings.push({ ...base, ...longest, message: `Only ${percent(share)} of the letters are ${script}; at least ${percent(MIN_SHARE)} are expected.` });
  }
  return findings;
}

/** Runs of letters that are not of the own script. */
function foreignRuns(text: string, language: string): Word[] {
  const runs: Word[] = [];
  let open: { text: string; start: number } | undefined;
  let at = 0;
  for (const char of `${text}\n`) {
    const outside = isForeignLetter(char, language);
    if (outside) open = { text: (open?.text ?? '') + char, start: open?.start ?? at };
    else if (open) {
      runs.push({ ...open, end: at });
      open = undefined;
    }
    at += char.length;
  }
  return runs;
}

/** Latin, Cyrillic, Greek and Armenian letters look alike; scripts without spaces may put a foreign name next to their own letters. */
function isHomoglyphMix(word: Word, language: string): boolean {
  const alphabetic = /[\p{scx=Latin}\p{scx=Cyrillic}\p{scx=Greek}\p{scx=Armenian}]/u;
  return word.text.split(/['’-]/).some((part) => {
    const chars = Array.from(part).filter((c) => /\p{L}/u.test(c));
    return chars.every((c) => alphabetic.test(c)) && chars.some((c) => isForeignLetter(c, language)) && !chars.every((c) => isForeignLetter(c, language));
  });
}

function describe(word: Word, language: string): string {
  const odd = Array.from(word.text).filter((c) => isForeignLetter(c, language));
  return odd.map((c) => `"${c}" is U+${c.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')}`).join(', ');
}

/** `latin` in a text of another script: Latin words that are no symbol of a unit. */
export function checkLatinWords(problem: Problem): CheckFinding[] {
  if (scriptOf(problem.language) === undefined || scriptOf(problem.language) === 'Latn') return [];
  const findings: CheckFinding[] = [];
  for (const { field, text } of fieldsOf(problem)) {
    const seen = new Set<string>();
    for (const m of text.matchAll(/\p{Script=Latin}[\p{Script=Latin}\p{M}]*(?:[ '’.-]*\p{Script=Latin}[\p{Script=Latin}\p{M}]*)*/gu)) {
      const words = m[0].match(/\p{L}[\p{L}\p{M}]*/gu) ?? [];
      if (words.every(isSymbol) || seen.has(m[0])) continue;
      seen.add(m[0]);
      findings.push({
        check: 'latin', severity: 'warning', language: problem.language, id: problem.id, field,
        span: [m.index, m.index + m[0].length], text: m[0], message: `Latin letters in a ${scriptOf(problem.language)} text.`,
      });
    }
  }
  return findings;
}

/** English words that no other Latin-script language of the 48 has as a common word of its own. */
const ENGLISH_WORDS = new Set('the how many much does which with from each every there their what when they she were been'.split(' '));
/** Words in a row, or share of long words, that a translation may have in common with its English twin. */
const COPIED_RUN = 3;
const COPIED_SHARE = 0.5;

/**
 * `latin` in a Latin-script text: English function words; three words of the English twin in a row; half of the long words the same.
 *
 * One shared word says nothing here (euro, taxi, minutes), so single content words are not looked at.
 */
export function checkEnglishWords(problem: Problem, english: Problem): CheckFinding[] {
  if (scriptOf(problem.language) !== 'Latn' || problem.language === 'en') return [];
  const findings: CheckFinding[] = [];
  const sources = fieldsOf(english);
  for (const [i, { field, text }] of fieldsOf(problem).entries()) {
    const words = wordsOf(text);
    const place = { check: 'latin', language: problem.language, id: problem.id, field } as const;
    const run = longestRun(words, wordsOf(sources[i]?.text ?? ''));
    if (run && run.length >= COPIED_RUN) {
      const span = [run[0]!.start, run[run.length - 1]!.end] as const;
      findings.push({ ...place, severity: 'error', span, text: text.slice(...span), message: 'These words stand in the English text as well.' });
      continue;
    }
    for (const w of words) {
      if (!ENGLISH_WORDS.has(w.text)) continue;
      findings.push({ ...place, severity: 'warning', span: [w.start, w.end], text: w.text, message: 'This is an English word.' });
    }
    const long = words.filter((w) => w.text.length >= 4 && w.text === w.text.toLowerCase());
    const theirs = new Set(wordsOf(sources[i]?.text ?? '').map((w) => w.text));
    const shared = long.filter((w) => theirs.has(w.text));
    if (shared.length >= 3 && shared.length / long.length >= COPIED_SHARE) {
      const list = [...new Set(shared.map((w) => w.text))].join(', ');
      findings.push({
        ...place, severity: 'warning', span: [shared[0]!.start, shared[0]!.end], text: list,
        message: `${shared.length} of ${long.length} long words are those of the English text.`,
      });
    }
  }
  return findings;
}

/** Longest run of words that both lists have in this order, names and numbers apart (a run has a lower-case word). */
function longestRun(words: readonly Word[], other: readonly Word[]): Word[] | undefined {
  let best: Word[] | undefined;
  const lower = other.map((w) => w.text.toLowerCase());
  for (let i = 0; i < words.length; i++) {
    for (let j = 0; j < lower.length; j++) {
      let n = 0;
      while (i + n < words.length && j + n < lower.length && words[i + n]!.text.toLowerCase() === lower[j + n]) n++;
      if (n > (best?.length ?? 0) && words.slice(i, i + n).filter((w) => /^\p{Ll}/u.test(w.text)).length >= 2) best = words.slice(i, i + n);
    }
  }
  return best;
}

/** `copy`: the whole text is that of the English twin, or of the same problem in another language. */
export function checkCopies(problem: Problem, others: ReadonlyMap<string, Problem>): CheckFinding[] {
  const mine = foldedWhole(problem);
  if (mine.replace(/[^\p{L}]/gu, '').length < 12) return [];
  const findings: CheckFinding[] = [];
  for (const [language, other] of others) {
    if (language === problem.language || foldedWhole(other) !== mine) continue;
    const untranslated = language === 'en';
    // A copy between two translations is reported once, at the later language.
    if (!untranslated && (problem.language === 'en' || language > problem.language)) continue;
    findings.push({
      check: 'copy', severity: 'error', language: problem.language, id: problem.id, text: problem.question,
      message: untranslated ? 'The text is the English one: it is not translated.' : `The text is the same as in "${language}".`,
    });
  }
  return findings;
}
