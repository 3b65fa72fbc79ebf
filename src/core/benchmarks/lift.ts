import { canonicalNumber } from './numbers';
import { type FileReading } from './readers';
import { type BenchmarkFinding, type CheckException, type Choice, type Problem, type ProblemKind, type SourceFile } from './types';

export interface LiftManifest {
  readonly name: string;
  readonly title: string;
  readonly version?: string;
  readonly license?: string;
  readonly languages: readonly string[];
  readonly problems: ReadonlyMap<string, Record<string, unknown>>;
}

type Row = Record<string, unknown>;
const FORMAT = 'lift-benchmark/1';
const KINDS: readonly ProblemKind[] = ['number', 'choice', 'nli'];
const str = (v: unknown): string | undefined => (typeof v === 'string' ? v : undefined);
const strings = (v: unknown): string[] | undefined => (Array.isArray(v) && v.every((x) => typeof x === 'string') ? (v as string[]) : undefined);

function parse(file: SourceFile): Row | string {
  try {
    const value: unknown = JSON.parse(file.text.replace(/^\uFEFF/, ''));
    if (value === null || typeof value !== 'object' || Array.isArray(value)) return 'Expected one JSON object.';
    const row = value as Row;
    if (row.format !== FORMAT) return `Unknown format ${JSON.stringify(row.format)}; this reader knows "${FORMAT}".`;
    return row;
  } catch (e) {
    return `Not JSON: ${(e as Error).message}`;
  }
}

/** Problem rows of a manifest or language file: a list, or parts (`{csqa: [...], nli: [...]}`) put together. */
function rowsOf(value: unknown): Row[] | undefined {
  const list = Array.isArray(value) ? (value as unknown[]) : value !== null && typeof value === 'object' ? Object.values(value).flat() : undefined;
  // What is no object has no id, and is reported as such.
  return list?.map((row) => (row !== null && typeof row === 'object' ? (row as Row) : {}));
}

/** Reads `benchmark.json` of a benchmark in our own format. */
export function readLiftManifest(file: SourceFile): LiftManifest | BenchmarkFinding {
  const row = parse(file);
  const bad = (message: string, field?: string): BenchmarkFinding => ({ severity: 'error', file: file.name, field, message });
  if (typeof row === 'string') return bad(row);
  const languages = strings(row.languages);
  const name = str(row.name);
  if (!name) return bad('The benchmark has no name.', 'name');
  if (!languages || languages.length === 0) return bad('The benchmark lists no languages.', 'languages');
  const problems = new Map<string, Row>();
  for (const p of rowsOf(row.problems ?? row.parts) ?? []) {
    const id = str(p.id);
    if (!id) return bad('A problem has no id.', 'problems');
    if (problems.has(id)) return bad(`The id "${id}" stands twice.`, 'problems');
    problems.set(id, p);
  }
  return { name, title: str(row.title) ?? name, version: str(row.version), license: str(row.license), languages, problems };
}

/** Reads one language file of a benchmark in our own format (`sw.json`). */
export function readLiftLanguage(file: SourceFile, language: string, manifest?: LiftManifest): FileReading {
  const findings: BenchmarkFinding[] = [];
  const problems: Problem[] = [];
  const report = (message: string, id?: string, field?: string): void => {
    findings.push({ severity: 'error', file: file.name, field, message: id ? `${id}: ${message}` : message });
  };
  const row = parse(file);
  if (typeof row === 'string') {
    report(row);
    return { language, problems, findings };
  }
  if (row.language !== language) report(`The file says language ${JSON.stringify(row.language)}, its name says "${language}".`, undefined, 'language');
  const seen = new Set<string>();
  for (const p of rowsOf(row.problems ?? row.parts) ?? []) {
    const id = str(p.id);
    if (!id) {
      report('A problem has no id.', undefined, 'id');
      continue;
    }
    if (seen.has(id)) report('This id stands twice.', id, 'id');
    seen.add(id);
    const meta = manifest?.problems.get(id);
    if (manifest && manifest.problems.size > 0 && !meta) report('This id is not in benchmark.json.', id, 'id');
    const problem = toProblem(id, language, p, meta ?? {}, (m, f) => report(m, id, f));
    if (problem) problems.push(problem);
  }
  return { language, problems, findings };
}

function toProblem(id: string, language: string, p: Row, meta: Row, report: (m: string, f?: string) => void): Problem | undefined {
  const kind = (str(p.kind) ?? str(meta.kind) ?? 'number') as ProblemKind;
  if (!KINDS.includes(kind)) {
    report(`Unknown kind ${JSON.stringify(kind)}; known: ${KINDS.join(', ')}.`, 'kind');
    return undefined;
  }
  const given = str(p.answer) ?? str(meta.answer);
  const answer = kind === 'number' ? canonicalNumber(given ?? '') : given;
  if (!answer) {
    report(`The gold answer ${JSON.stringify(p.answer)} is not ${kind === 'number' ? 'one number' : 'text'}.`, 'answer');
    return undefined;
  }
  if (meta.answer !== undefined && str(p.answer) !== undefined && str(p.answer) !== str(meta.answer)) {
    report(`The gold answer ${JSON.stringify(p.answer)} differs from benchmark.json (${JSON.stringify(meta.answer)}).`, 'answer');
  }
  const premise = str(p.premise);
  const hypothesis = str(p.hypothesis);
  const question = str(p.question) ?? (premise && hypothesis ? `${premise}\n${hypothesis}` : undefined);
  if (!question || question.trim() === '') {
    report('The question is empty or not text.', 'question');
    return undefined;
  }
  const choices = Array.isArray(p.choices) ? (p.choices as Choice[]) : undefined;
  if (choices && !choices.every((c) => typeof c?.label === 'string' && typeof c.text === 'string')) {
    report('Every choice must be {"label", "text"}.', 'choices');
    return undefined;
  }
  if (kind === 'choice' && !choices?.some((c) => c.label === answer)) report('The gold label is not among the choices.', 'choices');
  return {
    id,
    language,
    kind,
    question,
    answer,
    ...(Array.isArray(p.numbers) ? { numbers: p.numbers as number[] } : {}),
    ...(choices ? { choices } : {}),
    ...(premise ? { premise } : {}),
    ...(hypothesis ? { hypothesis } : {}),
    ...(typeof meta.difficulty === 'number' ? { difficulty: meta.difficulty } : {}),
    ...(strings(meta.skills) ? { skills: strings(meta.skills) } : {}),
    ...(str(meta.equation) ? { equation: str(meta.equation) } : {}),
    ...(p.nativeDigits === true ? { nativeDigits: true } : {}),
    ...(Array.isArray(p.exceptions) ? { exceptions: p.exceptions as CheckException[] } : {}),
  };
}
