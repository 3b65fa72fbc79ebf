import { languageOfFile } from './readers';
import { type BenchmarkFormat, type Problem } from './types';

/** A file of a benchmark, recognised by its name and its beginning. */
export interface Recognised {
  readonly format: BenchmarkFormat;
  /** Null for the manifest of a benchmark, which is about all languages. */
  readonly language: string | null;
}

const base = (name: string): string => name.replaceAll('\\', '/').split('/').pop() ?? name;

/**
 * Whether a file is one that a benchmark reader takes, by its name and first characters alone: cheap enough for every file that
 * an editor opens. What is really in it, the reader says.
 *
 * @param head the first 4,000 characters or more
 */
export function recognise(name: string, head: string): Recognised | undefined {
  const file = base(name);
  const start = head.slice(0, 4000).replace(/^\uFEFF/, '');
  const language = languageOfFile(file);
  if (/\.json$/.test(file) && /^\s*\{\s*"format"\s*:\s*"lift-benchmark\//.test(start)) return file === 'benchmark.json' ? { format: 'lift', language: null } : language ? { format: 'lift', language } : undefined;
  if (/\.tsv$/.test(file)) return language && /^\s*\S[^\n]*\t\s*-?[\d.,]+\s*(?:\r?\n|$)/.test(start) ? { format: 'mgsm', language } : undefined;
  if (!/\.jsonl?$/.test(file)) return undefined;
  if (/^\s*\{[^\n]*"answer"\s*:\s*"[^\n]*####/.test(start)) return /train/.test(file) ? undefined : { format: 'gsm8k', language: 'en' };
  if (!language) return undefined;
  if (/^\s*\{[^\n]*"m_query"\s*:/.test(start)) return { format: 'msvamp', language };
  return /^\s*\[\s*\{[^{}]*"question"\s*:/.test(start) && /"answer(?:_number)?"\s*:/.test(start) ? { format: 'mmwp', language } : undefined;
}

/**
 * The line on which each problem of a file stands, from 0. Problems that are not found are left out.
 *
 * Ids of formats without ids end in the number of their row; those of our own format stand in the file.
 */
export function problemLines(format: BenchmarkFormat, text: string, problems: readonly Pick<Problem, 'id'>[]): Map<string, number> {
  const out = new Map<string, number>();
  if (format === 'lift') {
    const at = new Map<string, number>();
    const lines = lineCounter(text);
    for (const found of text.matchAll(/"id"\s*:\s*("(?:[^"\\]|\\.)*")/g)) {
      const id = unquoted(found[1]!);
      if (id !== undefined && !at.has(id)) at.set(id, lines(found.index));
    }
    for (const { id } of problems) if (at.has(id)) out.set(id, at.get(id)!);
    return out;
  }
  const rows = format === 'mmwp' ? arrayRows(text) : text.split('\n').flatMap((line, i) => (line.trim() === '' ? [] : [i]));
  for (const { id } of problems) {
    const line = rows[Number(/(\d+)$/.exec(id)?.[1] ?? 0) - 1];
    if (line !== undefined) out.set(id, line);
  }
  return out;
}

function unquoted(text: string): string | undefined {
  try {
    return JSON.parse(text) as string;
  } catch {
    return undefined;
  }
}

/** Lines of growing offsets. */
function lineCounter(text: string): (offset: number) => number {
  let [line, from] = [0, 0];
  return (offset) => {
    for (let at = text.indexOf('\n', from); at >= 0 && at < offset; at = text.indexOf('\n', from)) {
      line += 1;
      from = at + 1;
    }
    return line;
  };
}

/** Lines on which the elements of the outermost array begin. */
function arrayRows(text: string): number[] {
  const rows: number[] = [];
  let [depth, line, inText, expects] = [0, 0, false, false];
  for (let i = 0; i < text.length; i++) {
    const c = text[i]!;
    if (c === '\n') line += 1;
    if (inText) {
      if (c === '\\') i += 1;
      else if (c === '"') inText = false;
      continue;
    }
    if (/\s/.test(c)) continue;
    if (depth === 1 && expects && c !== ']') {
      rows.push(line);
      expects = false;
    }
    if (c === '"') inText = true;
    else if (c === '[' || c === '{') {
      depth += 1;
      if (depth === 1) expects = true;
    } else if (c === ']' || c === '}') depth -= 1;
    else if (c === ',' && depth === 1) expects = true;
  }
  return rows;
}
