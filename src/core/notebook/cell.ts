import { type CellKind, EVAL_CELL, type Field, fieldOf, fieldsOf, knownValues, normalKey, PROMPT_CELL } from './fields';

/** A place in a cell: line from 0, UTF-16 columns [start, end). */
export interface Place {
  readonly line: number;
  readonly start: number;
  readonly end: number;
}

export interface CellIssue extends Place {
  readonly severity: 'error' | 'warning' | 'information';
  readonly message: string;
}

/** One value of the header with its place. A line with commas gives several where the field takes several. */
export interface Value extends Place {
  readonly field: Field;
  readonly text: string;
}

interface Header {
  readonly values: readonly Value[];
  readonly issues: readonly CellIssue[];
}

export interface PromptCell extends Header {
  readonly question: string;
  /** Line of the cell on which the question begins. */
  readonly questionLine: number;
  readonly bundle?: string;
  readonly precision?: string;
  readonly template?: string;
  readonly language: string;
  readonly maxNewTokens?: number;
  readonly gold?: string;
  readonly scorer?: string;
}

export interface EvalCell extends Header {
  readonly benchmark?: string;
  /** As `selectLanguages` reads it. */
  readonly languages?: string;
  readonly ids?: readonly string[];
  readonly sample?: number;
  readonly seed?: number;
  readonly sampling?: 'random' | 'stratified' | 'balanced' | 'first';
  readonly mode?: 'generate' | 'choice' | 'operation';
  /** Empty: the kernel's. */
  readonly bundles: readonly string[];
  readonly scorer?: string;
  readonly template?: string;
  readonly maxNewTokens?: number;
  readonly precision?: string;
}

/** Most bundles that one cell compares. */
export const MOST_BUNDLES = 6;
const LINE = /^(\s*)([A-Za-z][A-Za-z _-]*?)\s*:(.*)$/;
const RULE = /^---+\s*$/;
const splitLines = (text: string): string[] => text.split(/\r\n?|\n/);

/** The `key: value` of one line and where its value begins; undefined for any other line. */
export function headerLine(line: string): { readonly key: string; readonly keyAt: number; readonly valueAt: number; readonly value: string } | undefined {
  const found = LINE.exec(line);
  if (!found) return undefined;
  const [, lead, key, rest] = found as unknown as [string, string, string, string];
  const valueAt = line.length - rest.trimStart().length;
  return { key, keyAt: lead.length, valueAt, value: rest.trim() };
}

/** Number of the line `---` that ends a prompt's header; -1 without one. */
export const headerEnd = (text: string): number => splitLines(text).findIndex((l) => RULE.test(l));

function readHeader(kind: CellKind, lines: readonly string[]): Header {
  const values: Value[] = [];
  const issues: CellIssue[] = [];
  const seen = new Map<string, number>();
  for (const [line, text] of lines.entries()) {
    if (text.trim() === '' || text.trimStart().startsWith('#')) continue;
    const whole: Place = { line, start: text.length - text.trimStart().length, end: text.trimEnd().length };
    const entry = headerLine(text);
    if (!entry) {
      issues.push({ ...whole, severity: 'error', message: 'Expected a line of the form "key: value", or a comment that begins with #.' });
      continue;
    }
    const keyPlace: Place = { line, start: entry.keyAt, end: entry.keyAt + entry.key.length };
    const field = fieldOf(kind, entry.key);
    if (!field) {
      issues.push({ ...keyPlace, severity: 'error', message: `Unknown key "${entry.key}". Known here: ${fieldsOf(kind).map((f) => f.key).join(', ')}.` });
      continue;
    }
    if (seen.has(field.key) && !field.many) issues.push({ ...keyPlace, severity: 'error', message: `"${field.key}" is already given on line ${seen.get(field.key)! + 1}.` });
    seen.set(field.key, line);
    if (entry.value === '') issues.push({ ...keyPlace, severity: 'error', message: `"${field.key}" has no value. For instance: ${field.key}: ${field.example}` });
    let at = entry.valueAt;
    for (const part of field.many ? entry.value.split(',') : [entry.value]) {
      const word = part.trim();
      const start = at + part.length - part.trimStart().length;
      at += part.length + 1;
      if (word === '') continue;
      const value: Value = { field, text: word, line, start, end: start + word.length };
      values.push(value);
      const wrong = wrongValue(value);
      if (wrong !== undefined) issues.push({ line, start, end: value.end, severity: 'error', message: wrong });
    }
  }
  return { values, issues };
}

function wrongValue({ field, text }: Value): string | undefined {
  if (field.value === 'count' && !/^[1-9]\d*$/.test(text)) return `"${field.key}" must be a whole number of at least 1, not "${text}".`;
  if (field.value === 'count' && !(Number(text) <= 1_000_000)) return `"${field.key}" must be at most 1,000,000.`;
  if (field.value === 'whole' && !(/^-?\d+$/.test(text) && Number.isSafeInteger(Number(text)))) return `"${field.key}" must be a whole number, not "${text}".`;
  // Benchmarks may bring languages of their own; which ones a benchmark has is checked where it is read.
  if (field.value === 'languages') return /^[A-Za-z]{2,8}(?:-[A-Za-z0-9]+)*$/.test(text) ? undefined : `"${text}" is no language code, and neither low, medium, high nor all.`;
  const known = knownValues(field.value);
  if (!known || known.some((k) => k.name === text)) return undefined;
  return `Unknown ${field.key} "${text}". Known: ${known.map((k) => k.name).join(', ')}.`;
}

const given = (values: readonly Value[], key: string): string[] => values.filter((v) => v.field.key === key).map((v) => v.text);
const place = (values: readonly Value[], key: string): Place => values.find((v) => v.field.key === key) ?? { line: 0, start: 0, end: 1 };

/**
 * A `lift-prompt` cell: a header of `key: value` lines, a line `---`, and the question. Without the line, everything is the question.
 * Wrong values are in `issues` and are left as they stand.
 */
export function parsePromptCell(text: string): PromptCell {
  const lines = splitLines(text);
  const end = headerEnd(text);
  const { values, issues } = readHeader(PROMPT_CELL, lines.slice(0, Math.max(0, end)));
  const found: CellIssue[] = [...issues];
  const body = lines.slice(end + 1);
  const question = body.join('\n').trim();
  const skipped = Math.max(0, body.findIndex((l) => l.trim() !== ''));
  const first = headerLine(lines[0] ?? '');
  if (end < 0 && first && fieldOf(PROMPT_CELL, first.key)) {
    found.push({ line: 0, start: 0, end: lines[0]!.length, severity: 'warning', message: 'This line is read as part of the question. A header ends with a line "---".' });
  }
  if (question === '') found.push({ line: Math.max(0, lines.length - 1), start: 0, end: Math.max(1, lines.at(-1)!.length), severity: 'error', message: 'There is no question. Write it below the line "---".' });
  const one = (key: string): string | undefined => given(values, key)[0];
  const language = one('language') ?? 'en';
  const gold = one('gold');
  if (gold !== undefined && one('scorer') === undefined && !/\p{Nd}/u.test(gold)) {
    found.push({ ...place(values, 'gold'), severity: 'warning', message: `"${gold}" holds no number, so the default scorer cannot compare with it.` });
  }
  const maxNewTokens = one('max-tokens');
  return {
    values, issues: found, question, questionLine: end + 1 + skipped, language,
    ...defined({ bundle: one('bundle'), precision: one('precision'), template: one('template'), gold, scorer: one('scorer') }),
    ...(maxNewTokens === undefined ? {} : { maxNewTokens: Number(maxNewTokens) }),
  };
}

/** A `lift-eval` cell: only `key: value` lines and comments. Wrong values are in `issues` and are left as they stand. */
export function parseEvalCell(text: string): EvalCell {
  const { values, issues } = readHeader(EVAL_CELL, splitLines(text));
  const found: CellIssue[] = [...issues];
  const one = (key: string): string | undefined => given(values, key)[0];
  const [languages, ids, bundles] = [given(values, 'languages'), given(values, 'ids'), given(values, 'bundle')];
  if (one('benchmark') === undefined && !issues.some((i) => /^"benchmark" has no value/.test(i.message))) found.push({ line: 0, start: 0, end: Math.max(1, splitLines(text)[0]!.length), severity: 'error', message: 'There is no "benchmark". For instance: benchmark: lift48' });
  if (ids.length > 0 && (one('sample') !== undefined || one('sampling') !== undefined)) found.push({ ...place(values, 'ids'), severity: 'error', message: 'Give either "ids" or a "sample", not both.' });
  const twice = bundles.find((b, i) => bundles.indexOf(b) !== i);
  if (twice !== undefined) found.push({ ...values.filter((v) => v.text === twice && v.field.key === 'bundle')[1]!, severity: 'error', message: `The bundle "${twice}" is named twice.` });
  if (bundles.length > MOST_BUNDLES) found.push({ ...place(values, 'bundle'), severity: 'error', message: `A cell compares at most ${MOST_BUNDLES} bundles.` });
  const [sample, seed, tokens] = [one('sample'), one('seed'), one('max-tokens')];
  return {
    values, issues: found, bundles,
    ...defined({ benchmark: one('benchmark'), scorer: one('scorer'), template: one('template'), precision: one('precision') }),
    ...(languages.length > 0 ? { languages: languages.join(',') } : {}),
    ...(ids.length > 0 ? { ids } : {}),
    ...(sample === undefined ? {} : { sample: Number(sample) }),
    ...(seed === undefined ? {} : { seed: Number(seed) }),
    ...(tokens === undefined ? {} : { maxNewTokens: Number(tokens) }),
    ...defined({ sampling: one('sampling') as EvalCell['sampling'], mode: one('mode') as EvalCell['mode'] }),
  };
}

/** The object without its undefined members. */
function defined<T extends object>(value: T): Partial<T> {
  return Object.fromEntries(Object.entries(value).filter(([, v]) => v !== undefined)) as Partial<T>;
}

/** Where the cursor is: at a key, or at a value of a field. */
export type CursorPlace = { readonly kind: 'key' } | { readonly kind: 'value'; readonly field: Field; readonly start: number } | undefined;

/** What can be completed at a place of a cell; undefined inside a question or a comment. */
export function placeAt(kind: CellKind, text: string, line: number, column: number): CursorPlace {
  const lines = splitLines(text);
  if (kind === PROMPT_CELL) {
    const end = headerEnd(text);
    if (end >= 0 ? line >= end : line > 0) return undefined;
  }
  const before = (lines[line] ?? '').slice(0, column);
  if (before.trimStart().startsWith('#')) return undefined;
  const colon = before.indexOf(':');
  if (colon < 0) return { kind: 'key' };
  const field = fieldOf(kind, normalKey(before.slice(0, colon)));
  if (!field) return undefined;
  const from = field.many ? Math.max(colon, before.lastIndexOf(',')) + 1 : colon + 1;
  return { kind: 'value', field, start: from + (before.slice(from).length - before.slice(from).trimStart().length) };
}
