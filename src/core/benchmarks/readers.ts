import { canonicalNumber } from './numbers';
import { type BenchmarkFinding, type Problem, type SourceFile } from './types';

/** What one reader gives for one file: problems and what it has to say about the file. */
export interface FileReading {
  readonly language: string;
  readonly problems: readonly Problem[];
  readonly findings: readonly BenchmarkFinding[];
}

const MSVAMP_NAMES: Record<string, string> = {
  Bengali: 'bn', Chinese: 'zh', English: 'en', French: 'fr', German: 'de',
  Japanese: 'ja', Russian: 'ru', Spanish: 'es', Swahili: 'sw', Thai: 'th',
};

const SPLITS = new Set(['dev', 'val']);

const pad = (n: number, width: number): string => String(n).padStart(width, '0');

/** What one language of one file gives: problems that passed their checks, and findings with their places. */
export class Collector {
  readonly problems: Problem[] = [];
  readonly findings: BenchmarkFinding[] = [];
  private readonly ids = new Set<string>();
  constructor(
    readonly file: string,
    readonly language: string,
  ) {}

  error(message: string, line?: number, field?: string): void {
    this.findings.push({ severity: 'error', file: this.file, line, field, message });
  }

  warn(message: string, line?: number, field?: string): void {
    this.findings.push({ severity: 'warning', file: this.file, line, field, message });
  }

  /** Adds a number problem after checking both fields. */
  number(id: string, question: unknown, answer: unknown, line: number, fields: [string, string], more: Partial<Problem> = {}): void {
    if (typeof question !== 'string' || question.trim() === '') return this.error('The question is empty or not text.', line, fields[0]);
    const gold = typeof answer === 'number' ? canonicalNumber(String(answer)) : typeof answer === 'string' ? canonicalNumber(answer) : undefined;
    if (gold === undefined) return this.error(`The gold answer ${JSON.stringify(answer)} is not one number.`, line, fields[1]);
    if (question.includes('\uFFFD')) this.warn('The question holds a replacement character (U+FFFD): its encoding was damaged.', line, fields[0]);
    this.problems.push({ id, language: this.language, kind: 'number', question: question.trim(), answer: gold, ...more });
  }

  /** Adds a problem whose fields the caller has checked. An id that stands twice is an error. */
  add(problem: Omit<Problem, 'language'>, line: number, field: string): void {
    if (this.ids.has(problem.id)) return this.error(`The id "${problem.id}" stands twice in this language.`, line, 'id');
    this.ids.add(problem.id);
    if (problem.question.includes('\uFFFD')) this.warn('The text holds a replacement character (U+FFFD): its encoding was damaged.', line, field);
    this.problems.push({ ...problem, language: this.language });
  }

  done(): FileReading {
    return { language: this.language, problems: this.problems, findings: this.findings };
  }
}

function jsonLines(file: SourceFile, out: Collector, each: (row: Record<string, unknown>, line: number, index: number) => void): void {
  let index = 0;
  file.text.replace(/^\uFEFF/, '').split('\n').forEach((text, i) => {
    if (text.trim() === '') return;
    let row: unknown;
    try {
      row = JSON.parse(text);
    } catch (e) {
      out.error(`This line is not JSON: ${(e as Error).message}`, i + 1);
      return;
    }
    if (row === null || typeof row !== 'object' || Array.isArray(row)) out.error('This line is not a JSON object.', i + 1);
    else each(row as Record<string, unknown>, i + 1, index++);
  });
}

/** MGSM: `question TAB number`, no header, one file per language (`mgsm_xx.tsv`). */
export function readMgsm(file: SourceFile, language: string): FileReading {
  const out = new Collector(file.name, language);
  let n = 0;
  file.text.replace(/^\uFEFF/, '').split('\n').forEach((line, i) => {
    if (line.trim() === '') return;
    n += 1;
    const cut = line.lastIndexOf('\t');
    if (cut < 0) return out.error('No tab between question and answer.', i + 1);
    out.number(`mgsm-${pad(n, 3)}`, line.slice(0, cut), line.slice(cut + 1), i + 1, ['column 1', 'column 2']);
  });
  return out.done();
}

/** MSVAMP: JSON lines with `m_query` (translated), `query` (English) and `response`; some copies name them `question`/`answer`. */
export function readMsvamp(file: SourceFile, language: string): FileReading {
  const out = new Collector(file.name, language);
  jsonLines(file, out, (row, line, index) => {
    const field = 'm_query' in row ? 'm_query' : 'question' in row ? 'question' : 'query';
    const gold = 'response' in row ? 'response' : 'answer';
    const equation = typeof row.equation === 'string' ? row.equation : undefined;
    out.number(`msvamp-${pad(index + 1, 4)}`, row[field], row[gold], line, [field, gold], equation ? { equation } : {});
  });
  return out.done();
}

/** GSM8K: JSON lines; the gold number follows `####` in `answer`. English only. */
export function readGsm8k(file: SourceFile): FileReading {
  const out = new Collector(file.name, 'en');
  jsonLines(file, out, (row, line, index) => {
    const answer = typeof row.answer === 'string' ? row.answer : '';
    const cut = answer.lastIndexOf('####');
    if (cut < 0) return out.error('No "####" before the final answer.', line, 'answer');
    out.number(`gsm8k-${pad(index + 1, 4)}`, row.question, answer.slice(cut + 4), line, ['question', 'answer']);
  });
  return out.done();
}

/** MMWP: one JSON array of `{question, answer}` per language (`test_xx.json`). */
export function readMmwp(file: SourceFile, language: string): FileReading {
  const out = new Collector(file.name, language);
  let rows: unknown;
  try {
    rows = JSON.parse(file.text.replace(/^\uFEFF/, ''));
  } catch (e) {
    out.error(`Not JSON: ${(e as Error).message}`);
    return out.done();
  }
  if (!Array.isArray(rows)) {
    out.error('Expected a JSON array of {question, answer}.');
    return out.done();
  }
  rows.forEach((row: unknown, i) => {
    const r = (row ?? {}) as Record<string, unknown>;
    out.number(`mmwp-${pad(i + 1, 4)}`, r.question, r.answer_number ?? r.answer, i + 1, ['question', 'answer']);
  });
  return out.done();
}

/** Language code in a file name such as `mgsm_sw.tsv`, `test_sw.json`, `test_Swahili.json` or `sw.json`. */
export function languageOfFile(name: string): string | undefined {
  const base = name.split('/').pop() ?? name;
  const full = /^test_([A-Z][a-z]+)\.jsonl?$/.exec(base)?.[1];
  if (full && MSVAMP_NAMES[full]) return MSVAMP_NAMES[full];
  const ending = /(?:^|[_.-])([a-z]{2,3})\.(?:tsv|jsonl?|csv)$/.exec(base)?.[1];
  // `sw/dev.jsonl`: a folder per language, with files that are named by their split.
  return ending !== undefined && !SPLITS.has(ending) ? ending : /(?:^|\/)([a-z]{2,3})\/[^/]+$/.exec(name)?.[1];
}
