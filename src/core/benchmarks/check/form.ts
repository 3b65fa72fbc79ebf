import { findLoop } from '../../analysis/repetition';
import { type Problem } from '../types';
import { fieldsOf } from './text';
import { type CheckFinding } from './types';

const FAULTS: readonly { readonly pattern: RegExp; readonly severity: 'error' | 'warning'; readonly message: string }[] = [
  { pattern: /\ufffd+/g, severity: 'error', message: 'Replacement character (U+FFFD): the encoding was damaged.' },
  { pattern: /(?:Ã[\u0080-\u00bf]|Â[\u0080-\u00bf]|â€.)+/g, severity: 'error', message: 'This looks like UTF-8 that was read as Latin-1.' },
  // Joiners are letters' own business in Arabic and Indic scripts, so U+200C and U+200D are left alone.
  { pattern: /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]+/g, severity: 'warning', message: 'Invisible control or format character.' },
  { pattern: /&(?:[a-z]{2,8}|#\d+);|<\/?[a-z]+[^>]{0,40}>/gi, severity: 'warning', message: 'Markup left in the text.' },
  { pattern: /^\s+|\s+$/g, severity: 'warning', message: 'Space at the edge of the text.' },
  { pattern: / {2,}/g, severity: 'warning', message: 'More than one space in a row.' },
];

/** `form`: Unicode normalisation, damaged characters, stray markup and spaces. */
export function checkForm(problem: Problem): CheckFinding[] {
  const findings: CheckFinding[] = [];
  for (const { field, text } of fieldsOf(problem)) {
    const base = { check: 'form', language: problem.language, id: problem.id, field } as const;
    for (const { pattern, severity, message } of FAULTS) {
      for (const m of text.matchAll(pattern)) {
        findings.push({ ...base, severity, span: [m.index, m.index + m[0].length], text: m[0], message });
      }
    }
    const loop = findLoop(text, { minCopies: 4, minLength: 24 });
    if (loop) {
      findings.push({ ...base, severity: 'error', span: [loop.start, text.length], text: loop.unit.trim(), message: `The text ends in ${Math.floor(loop.copies)} copies of the same words.` });
    }
    if (text.normalize('NFC') !== text) findings.push({ ...base, severity: 'warning', ...firstDenormal(text), message: 'The text is not in Unicode form NFC.' });
    if (!/[\p{L}\p{Nd}]/u.test(text)) findings.push({ ...base, severity: 'error', text, message: 'The text holds no letter and no digit.' });
  }
  return findings;
}

/** Share of a language's questions that end with a sentence mark from which a question without one looks cut. */
const MARKED = 0.9;

/** `form`: questions that stop without a sentence mark in a language that writes one. */
export function checkEndings(language: string, problems: readonly Problem[]): CheckFinding[] {
  const questions = problems.filter((p) => p.kind !== 'nli');
  const open = questions.filter((p) => !/[\p{P}\p{Sc}%°]\s*$/u.test(p.question));
  if (questions.length < 10 || open.length === 0 || 1 - open.length / questions.length < MARKED) return [];
  return open.map((p) => ({
    check: 'form', severity: 'warning', language, id: p.id, field: 'question', span: [Math.max(0, p.question.length - 12), p.question.length], text: p.question.slice(-12),
    message: 'The text ends without a sentence mark, unlike nearly all others of this language: is it cut?',
  }));
}

/** Findings of one kind in more problems than this are a trait of the file and are given once. */
const MANY = 25;

/** Puts a warning of `form` that a language has in very many problems into one finding for the language. */
export function gatherForm(findings: readonly CheckFinding[]): CheckFinding[] {
  const groups = new Map<string, CheckFinding[]>();
  for (const f of findings) {
    const group = `${f.language}\n${f.message}`;
    groups.set(group, [...(groups.get(group) ?? []), f]);
  }
  return [...groups.values()].flatMap((group) => {
    const ids = [...new Set(group.map((f) => f.id))];
    const [first] = group;
    if (!first || first.severity !== 'warning' || ids.length <= MANY) return group;
    return [{ ...first, message: `${first.message} So in ${ids.length} problems of this language; this is the first.` }];
  });
}

function firstDenormal(text: string): { span: [number, number]; text: string } | object {
  for (const m of text.matchAll(/\P{M}\p{M}*/gu)) {
    if (m[0].normalize('NFC') !== m[0]) return { span: [m.index, m.index + m[0].length], text: m[0] };
  }
  return {};
}
