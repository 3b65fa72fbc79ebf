import { languageName } from '../../languages';
import { type CheckFinding, type CheckSeverity } from './types';

/** Characters of the offending text that a line shows. */
const SHOWN = 60;

/** Findings that are no notes and that no exception explains: those that must be dealt with. */
export function unexplained(findings: readonly CheckFinding[]): CheckFinding[] {
  return findings.filter((f) => f.severity !== 'note' && f.excused === undefined);
}

/** Counts per severity; findings with an exception are counted apart. */
export interface CheckSummary {
  readonly error: number;
  readonly warning: number;
  readonly note: number;
  readonly excused: number;
}

export function summarise(findings: readonly CheckFinding[]): CheckSummary {
  const count = (severity: CheckSeverity): number => findings.filter((f) => f.severity === severity && f.excused === undefined).length;
  return { error: count('error'), warning: count('warning'), note: count('note'), excused: findings.filter((f) => f.excused !== undefined).length };
}

/** Findings as text: by language, then by problem, each with its place, the offending text and what is wrong; a count at the end. */
export function formatFindings(findings: readonly CheckFinding[]): string {
  const lines: string[] = [];
  const languages = [...new Set(findings.map((f) => f.language))];
  for (const language of languages) {
    lines.push(`${language}  ${languageName(language)}`);
    for (const f of findings) if (f.language === language) lines.push(`  ${line(f)}`);
    lines.push('');
  }
  const n = summarise(findings);
  lines.push(`${plural(n.error, 'error')}, ${plural(n.warning, 'warning')}, ${plural(n.note, 'note')}, ${plural(n.excused, 'exception')} with a reason`);
  return `${lines.join('\n')}\n`;
}

function line(f: CheckFinding): string {
  const place = [f.id ?? '(all)', f.field, f.span ? `[${f.span[0]}, ${f.span[1]})` : undefined].filter((x) => x !== undefined).join(' ');
  const text = f.text === undefined ? '' : ` "${shorten(f.text)}"`;
  const excused = f.excused === undefined ? '' : ` — excepted: ${f.excused}`;
  return `${f.excused === undefined ? f.severity : 'excepted'} ${f.check}  ${place}${text}: ${f.message}${excused}`;
}

/** One line of at most `SHOWN` characters, control characters made visible. */
function shorten(text: string): string {
  const visible = text.replace(/\n/g, ' ⏎ ').replace(/[\u0000-\u001f\u007f-\u009f\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
  const chars = Array.from(visible);
  return chars.length <= SHOWN ? visible : `${chars.slice(0, SHOWN - 1).join('')}…`;
}

const plural = (n: number, word: string): string => `${n} ${word}${n === 1 ? '' : 's'}`;
