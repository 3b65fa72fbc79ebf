import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { type Benchmark, BenchmarkError, MAPPING_FILE, type Problem, readBenchmark, type SourceFile } from '../core/benchmarks';
import { diskError, RunError } from './errors';

export interface LoadedBenchmark {
  readonly benchmark: Benchmark;
  readonly path: string;
}

const LIMIT = 256 * 1024 * 1024;
const ENDINGS = /\.(?:tsv|jsonl?|csv)$/i;

/** Folder of the benchmarks that are shipped with the project; beside `dist` when built, at the root of a checkout otherwise. */
export function shippedBenchmarks(): string {
  const candidates = [path.join(__dirname, '..', 'benchmarks'), path.join(__dirname, '..', '..', 'benchmarks')];
  return candidates.find((c) => fs.existsSync(path.join(c, 'lift48'))) ?? candidates[0]!;
}

/** Names of the shipped benchmarks. */
export function shippedNames(): string[] {
  try {
    return fs.readdirSync(shippedBenchmarks()).filter((n) => fs.existsSync(path.join(shippedBenchmarks(), n, 'benchmark.json')));
  } catch {
    return [];
  }
}

/**
 * Loads a benchmark by name (shipped) or path (folder, or one file of it).
 *
 * @throws RunError when there is nothing there, BenchmarkError when the files cannot be understood
 */
export function loadBenchmark(nameOrPath: string): LoadedBenchmark {
  const shipped = path.join(shippedBenchmarks(), nameOrPath);
  const target = !nameOrPath.includes('/') && !nameOrPath.includes('\\') && !fs.existsSync(nameOrPath) && fs.existsSync(shipped) ? shipped : path.resolve(nameOrPath);
  let stat: fs.Stats;
  try {
    stat = fs.statSync(target);
  } catch {
    throw new RunError(`There is no benchmark "${nameOrPath}". Shipped: ${shippedNames().join(', ') || 'none'}; or give the path of a folder (MMWP, MGSM, MSVAMP, GSM8K, X-CSQA, XNLI, LIFT, or your own with a mapping.json).`);
  }
  const folder = stat.isDirectory() ? target : path.dirname(target);
  const names = stat.isDirectory() ? benchmarkFiles(target) : [path.basename(target)];
  const files: SourceFile[] = [];
  let bytes = 0;
  for (const name of names.sort()) {
    const file = path.join(folder, name);
    try {
      const info = fs.statSync(file);
      if (!info.isFile()) continue;
      bytes += info.size;
      if (bytes > LIMIT) throw new RunError(`"${nameOrPath}" holds more than ${LIMIT / 2 ** 20} MiB of text; that is not a benchmark. Point to its own folder.`);
      files.push({ name, text: fs.readFileSync(file, 'utf8') });
    } catch (e) {
      throw diskError(e, 'read', file);
    }
  }
  if (files.length === 0) throw new RunError(`"${nameOrPath}" holds no .json, .jsonl, .tsv or .csv file.`);
  try {
    return { benchmark: readBenchmark(files, path.basename(target)), path: target };
  } catch (e) {
    if (e instanceof BenchmarkError) throw new RunError(e.message);
    throw e;
  }
}

/** Files of a benchmark: those in its folder, or else those in folders that are named by a language (`sw/dev.jsonl`). */
function benchmarkFiles(folder: string): string[] {
  const entries = fs.readdirSync(folder, { withFileTypes: true });
  const direct = entries.filter((e) => !e.isDirectory() && ENDINGS.test(e.name)).map((e) => e.name);
  if (direct.some((n) => n !== MAPPING_FILE)) return direct;
  const inside = entries.filter((e) => e.isDirectory() && /^[a-z]{2,3}$/.test(e.name)).flatMap((e) => fs.readdirSync(path.join(folder, e.name)).filter((n) => ENDINGS.test(n)).map((n) => `${e.name}/${n}`));
  return [...direct, ...inside];
}

/** The problems a run asks, problem by problem through all languages, so that every language makes progress. */
export function problemsOf(benchmark: Benchmark, languages: readonly string[], ids: readonly string[]): Problem[] {
  const index = new Map(languages.map((code) => [code, new Map((benchmark.problems.get(code) ?? []).map((p) => [p.id, p]))]));
  return ids.flatMap((id) => languages.map((code) => index.get(code)!.get(id)).filter((p): p is Problem => p !== undefined));
}

/** SHA-256 of what is asked: ids, questions, choices and gold answers of the chosen problems. */
export function benchmarkHash(problems: readonly Problem[]): string {
  const hash = createHash('sha256');
  for (const p of problems) hash.update(JSON.stringify([p.language, p.id, p.kind, p.question, p.choices ?? null, p.premise ?? null, p.hypothesis ?? null, p.answer, ...(p.operands ? [p.operands.a, p.operands.b] : [])]) + '\n');
  return hash.digest('hex');
}
