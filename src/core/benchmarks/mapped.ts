import { relation } from './choices';
import { canonicalNumber } from './numbers';
import { Collector, type FileReading } from './readers';
import { fieldOf, fileRows } from './rows';
import { type BenchmarkFinding, type Choice, type SourceFile } from './types';

/**
 * The generic format: JSON lines, a JSON array, CSV or TSV with a header, and an optional `mapping.json` beside the files that says
 * which field holds what. `benchmarks/README.md` documents it.
 */
export const MAPPING_FILE = 'mapping.json';
export const MAPPING_FORMAT = 'lift-mapping/1';

export interface Mapping {
  readonly name?: string;
  readonly title?: string;
  readonly version?: string;
  readonly license?: string;
  readonly kind: 'number' | 'choice' | 'nli';
  /** Our field -> theirs; a name may be a path with dots. `choices` is one field that holds a list, or a list of fields. */
  readonly fields: Readonly<Partial<Record<'id' | 'language' | 'question' | 'answer' | 'premise' | 'hypothesis' | 'equation', string>>> & { readonly choices?: string | readonly string[] };
  /** Values of the answer field -> gold answers, for codes such as `{"0": "A"}`. */
  readonly answers: Readonly<Record<string, string>>;
  /** Separator of CSV and TSV files where it is another than their ending says. */
  readonly delimiter?: string;
}

const FIELDS = ['id', 'language', 'question', 'answer', 'premise', 'hypothesis', 'equation', 'choices'] as const;
const isRecord = (x: unknown): x is Record<string, unknown> => x !== null && typeof x === 'object' && !Array.isArray(x);

/** Reads `mapping.json`; without one every field has our own name. Gives a finding instead when the file is not what it should be. */
export function readMapping(file: SourceFile | undefined): Mapping | BenchmarkFinding {
  if (!file) return { kind: 'number', fields: {}, answers: {} };
  const bad = (message: string, field?: string): BenchmarkFinding => ({ severity: 'error', file: file.name, field, message });
  let value: unknown;
  try {
    value = JSON.parse(file.text.replace(/^\uFEFF/, ''));
  } catch (e) {
    return bad(`Not JSON: ${(e as Error).message}`);
  }
  if (!isRecord(value) || value.format !== MAPPING_FORMAT) return bad(`The field "format" must be "${MAPPING_FORMAT}".`, 'format');
  const { kind = 'number', fields = {}, answers = {}, delimiter } = value;
  if (kind !== 'number' && kind !== 'choice' && kind !== 'nli') return bad(`"kind" must be number, choice or nli, not ${JSON.stringify(kind)}.`, 'kind');
  if (!isRecord(fields)) return bad('"fields" must be an object such as {"question": "text", "answer": "label"}.', 'fields');
  for (const [name, theirs] of Object.entries(fields)) {
    if (!(FIELDS as readonly string[]).includes(name)) return bad(`"${name}" is no field of ours; known: ${FIELDS.join(', ')}.`, 'fields');
    if (typeof theirs !== 'string' && !(name === 'choices' && Array.isArray(theirs) && theirs.every((t) => typeof t === 'string'))) return bad(`"fields.${name}" must be a field's name${name === 'choices' ? ' or a list of them' : ''}.`, `fields.${name}`);
  }
  if (!isRecord(answers) || !Object.values(answers).every((a) => typeof a === 'string')) return bad('"answers" must be an object of texts.', 'answers');
  if (delimiter !== undefined && (typeof delimiter !== 'string' || delimiter.length !== 1)) return bad('"delimiter" must be one character.', 'delimiter');
  const string = (name: string): string | undefined => (typeof value[name] === 'string' ? value[name] : undefined);
  return { name: string('name'), title: string('title'), version: string('version'), license: string('license'), kind, fields: fields as Mapping['fields'], answers: answers as Record<string, string>, ...(typeof delimiter === 'string' ? { delimiter } : {}) };
}

/** Reads one file by a mapping; rows of several languages are told apart by their language field. */
export function readMapped(file: SourceFile, language: string | undefined, mapping: Mapping): FileReading[] {
  const all = new Map<string, Collector>();
  const of = (code: string): Collector => {
    let found = all.get(code);
    if (!found) all.set(code, (found = new Collector(file.name, code)));
    return found;
  };
  const name = (field: Exclude<(typeof FIELDS)[number], 'choices'>): string => mapping.fields[field] ?? field;
  const { rows, problems } = fileRows(file, mapping.delimiter);
  for (const p of problems) of(language ?? '').error(p.message, p.line);
  for (const row of rows) {
    const given = fieldOf(row.fields, name('language'));
    const code = typeof given === 'string' && given.trim() !== '' ? given.trim() : language;
    if (code === undefined) {
      of('').error(`The row has no language: no field "${name('language')}", and the file's name ends in no language code (such as "items_sw.csv").`, row.line, name('language'));
      continue;
    }
    const out = of(code);
    const value = (field: Exclude<(typeof FIELDS)[number], 'choices'>): unknown => fieldOf(row.fields, name(field));
    const missing = (field: Exclude<(typeof FIELDS)[number], 'choices'>): void => out.error(`The ${field} is missing or not text: there is no usable field "${name(field)}". Fields of this row: ${Object.keys(row.fields).join(', ')}.`, row.line, name(field));
    const asText = (field: Exclude<(typeof FIELDS)[number], 'choices'>): string | undefined => {
      const v = value(field);
      return typeof v === 'string' && v.trim() !== '' ? v.trim() : typeof v === 'number' ? String(v) : undefined;
    };
    const id = asText('id') ?? `row-${String(out.problems.length + out.findings.length + 1).padStart(4, '0')}`;
    const raw = asText('answer');
    const answer = raw === undefined ? undefined : (mapping.answers[raw] ?? raw);
    if (answer === undefined) {
      missing('answer');
      continue;
    }
    if (mapping.kind === 'nli') {
      const [premise, hypothesis, label] = [asText('premise'), asText('hypothesis'), relation(answer)];
      if (premise === undefined) missing('premise');
      else if (hypothesis === undefined) missing('hypothesis');
      else if (label === undefined) out.error(`The answer ${JSON.stringify(raw)} is no relation (entailment, neutral, contradiction, or 0, 1, 2; "answers" in ${MAPPING_FILE} can translate it).`, row.line, name('answer'));
      else out.add({ id, kind: 'nli', question: `${premise}\n${hypothesis}`, premise, hypothesis, answer: label }, row.line, name('premise'));
      continue;
    }
    const question = asText('question');
    if (question === undefined) {
      missing('question');
      continue;
    }
    if (mapping.kind === 'choice') {
      const choices = mappedChoices(row.fields, mapping.fields.choices ?? 'choices');
      if (typeof choices === 'string') out.error(choices, row.line, 'choices');
      else if (!choices.some((c) => c.label === answer)) out.error(`The answer ${JSON.stringify(answer)} is no label of the choices (${choices.map((c) => c.label).join(', ')}).`, row.line, name('answer'));
      else out.add({ id, kind: 'choice', question, answer, choices }, row.line, name('question'));
      continue;
    }
    const gold = canonicalNumber(answer);
    const equation = asText('equation');
    if (gold === undefined) out.error(`The gold answer ${JSON.stringify(answer)} is not one number.`, row.line, name('answer'));
    else out.add({ id, kind: 'number', question, answer: gold, ...(equation ? { equation } : {}) }, row.line, name('question'));
  }
  return [...all.values()].map((c) => c.done());
}

const LABELS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ';

/** Choices of a row: a list of texts or of `{label, text}`, text with the choices in one field separated by `|`, or one field each. */
function mappedChoices(fields: Readonly<Record<string, unknown>>, where: string | readonly string[]): Choice[] | string {
  const given: unknown = typeof where === 'string' ? fieldOf(fields, where) : where.map((f) => fieldOf(fields, f));
  const list: unknown[] | undefined = Array.isArray(given) ? (given as unknown[]) : typeof given === 'string' ? given.split('|') : undefined;
  if (!list || list.length < 2) return `No choices in ${typeof where === 'string' ? `"${where}"` : where.map((f) => `"${f}"`).join(', ')}.`;
  const choices = list.map((c, i): Choice | undefined => {
    if (typeof c === 'string' || typeof c === 'number') return String(c).trim() === '' ? undefined : { label: LABELS[i] ?? String(i), text: String(c).trim() };
    const { label, text } = (isRecord(c) ? c : {}) as { label?: unknown; text?: unknown };
    return typeof text === 'string' && text.trim() !== '' ? { label: typeof label === 'string' ? label : (LABELS[i] ?? String(i)), text: text.trim() } : undefined;
  });
  const bad = choices.findIndex((c) => c === undefined);
  return bad >= 0 ? `Choice ${bad + 1} has no text.` : (choices as Choice[]);
}
