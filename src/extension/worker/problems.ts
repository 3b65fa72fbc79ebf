import fs from 'node:fs';
import path from 'node:path';
import { type Benchmark, languageOfFile } from '../../core/benchmarks';
import { problemLines, recognise } from '../../core/benchmarks/places';
import { loadBenchmark } from '../../runs/benchmark';
import { RunError } from '../../runs/errors';
import { type ProblemList } from './protocol';

const loaded = new Map<string, { readonly stamp: string; readonly benchmark: Benchmark; readonly path: string }>();

/** Keeps the last few benchmarks: the tree of tests asks for one language after another. */
function benchmarkOf(nameOrPath: string): { readonly benchmark: Benchmark; readonly path: string } {
  const old = loaded.get(nameOrPath);
  if (old && stampOf(old.path) === old.stamp) return old;
  const fresh = loadBenchmark(nameOrPath);
  loaded.delete(nameOrPath);
  loaded.set(nameOrPath, { ...fresh, stamp: stampOf(fresh.path) });
  if (loaded.size > 4) loaded.delete(loaded.keys().next().value!);
  return fresh;
}

function stampOf(target: string): string {
  const files = fs.statSync(target, { throwIfNoEntry: false })?.isDirectory() ? fs.readdirSync(target).map((n) => path.join(target, n)) : [target];
  return files.map((f) => {
    const s = fs.statSync(f, { throwIfNoEntry: false });
    return s ? `${f}:${s.size}:${s.mtimeMs}` : '';
  }).join('|');
}

/** The file that holds a language of a benchmark; undefined when none does by its name. */
function fileOf(target: string, language: string): string | undefined {
  if (!fs.statSync(target).isDirectory()) return target;
  const names = fs.readdirSync(target).sort();
  const name = names.find((n) => languageOfFile(n) === language && /\.(?:tsv|jsonl?)$/.test(n)) ?? (language === 'en' ? names.find((n) => /^test\.jsonl?$/.test(n)) : undefined);
  return name === undefined ? undefined : path.join(target, name);
}

/**
 * The problems of one language with the file and the lines on which they stand.
 * @throws RunError / BenchmarkError when there is no such benchmark or language
 */
export function listProblems(nameOrPath: string, language: string): ProblemList {
  const { benchmark, path: target } = benchmarkOf(nameOrPath);
  const problems = benchmark.problems.get(language);
  if (!problems) throw new RunError(`${benchmark.title} has no language "${language}". It has: ${benchmark.languages.join(' ')}.`);
  const file = fileOf(target, language);
  const text = file === undefined ? '' : fs.readFileSync(file, 'utf8');
  const format = file === undefined ? undefined : recognise(file, text)?.format;
  const lines = format === undefined ? new Map<string, number>() : problemLines(format, text, problems);
  return { title: benchmark.title, file: file ?? null, problems: problems.map((p) => ({ id: p.id, question: p.question, gold: p.answer, line: lines.get(p.id) ?? null })) };
}

/** The benchmark that a file belongs to: its folder when that is one with this language, otherwise the file alone. */
export function benchmarkAround(file: string, language: string | null): { readonly path: string; readonly title: string; readonly languages: readonly string[]; readonly problems: number } {
  let failure: Error | undefined;
  for (const target of [path.dirname(file), file]) {
    try {
      const { benchmark, path: found } = benchmarkOf(target);
      const size = Math.max(...[...benchmark.problems.values()].map((p) => p.length));
      if (language === null || benchmark.problems.has(language)) return { path: found, title: benchmark.title, languages: benchmark.languages, problems: language === null ? size : benchmark.problems.get(language)!.length };
    } catch (e) {
      failure ??= e as Error;
    }
  }
  throw failure ?? new RunError(`"${file}" holds no problem in "${language}".`);
}
