import { languageOf } from '../languages';
import { readLiftLanguage, readLiftManifest, type LiftManifest } from './lift';
import { readXcsqa, readXnli } from './choices';
import { type Mapping, MAPPING_FILE, readMapped, readMapping } from './mapped';
import { languageOfFile, readGsm8k, readMgsm, readMmwp, readMsvamp, type FileReading } from './readers';
import { type Benchmark, type BenchmarkFinding, type BenchmarkFormat, BenchmarkError, type Problem, type SourceFile } from './types';

export * from './types';
export { canonicalNumber } from './numbers';
export { MAPPING_FILE, MAPPING_FORMAT } from './mapped';
export * from './operations';
export { languageOfFile } from './readers';

const base = (name: string): string => name.split('/').pop() ?? name;

/** Guesses the format from file names and the first characters; undefined when nothing fits. */
export function detectFormat(files: readonly SourceFile[]): BenchmarkFormat | undefined {
  const names = files.map((f) => base(f.name));
  if (names.includes('benchmark.json') || files.some((f) => /^\s*\{\s*"format"\s*:\s*"lift-benchmark\//.test(f.text))) return 'lift';
  if (names.includes(MAPPING_FILE)) return names.some((n) => /\.(?:csv|tsv)$/.test(n)) ? 'csv' : 'jsonl';
  if (files.some((f) => /\.tsv$/.test(f.name) && /^\uFEFF?[^\n]*\bgold_label\b/.test(f.text))) return 'xnli';
  if (names.some((n) => /\.tsv$/.test(n))) return 'mgsm';
  if (names.some((n) => /\.csv$/.test(n))) return 'csv';
  const first = files.find((f) => /\.jsonl?$/.test(f.name) && languageOfFile(f.name)) ?? files.find((f) => /\.jsonl?$/.test(f.name));
  if (!first) return undefined;
  const head = first.text.slice(0, 4000);
  if (/"answerKey"/.test(head) || /"choice_A"/.test(head)) return 'x-csqa';
  if (/"gold_label"/.test(head) || (/"premise"/.test(head) && /"hypothesis"/.test(head) && /"label"/.test(head))) return 'xnli';
  if (/^\s*\[/.test(head)) return 'mmwp';
  if (/"m_query"/.test(head)) return 'msvamp';
  if (/"answer"\s*:\s*".*####/.test(head)) return 'gsm8k';
  if (/"question"/.test(head) && /"answer"/.test(head)) return 'jsonl';
  return undefined;
}

/**
 * Reads a benchmark from the texts of its files. No file is touched here.
 *
 * @param files every candidate file; names use forward slashes and are relative to the benchmark's folder
 * @param folder name of the folder or file, used when the format itself has no name
 * @throws BenchmarkError when no format fits or nothing could be read; its message says what was expected
 */
export function readBenchmark(files: readonly SourceFile[], folder: string, format = detectFormat(files)): Benchmark {
  if (!format) {
    throw new BenchmarkError(
      `"${folder}" holds no benchmark that is known here. Expected one of: LIFT (benchmark.json + xx.json), MGSM (mgsm_xx.tsv), ` +
        'MSVAMP (test_<Language>.json, JSON lines), MMWP (test_xx.json, JSON arrays), GSM8K (test.jsonl with "####"), X-CSQA (with "answerKey"), ' +
        'XNLI (with "gold_label" or premise, hypothesis, label), or JSON lines, CSV or TSV of your own with a mapping.json (benchmarks/README.md).',
    );
  }
  const findings: BenchmarkFinding[] = [];
  const problems = new Map<string, readonly Problem[]>();
  const manifest = format === 'lift' ? liftManifest(files, findings) : undefined;
  const mapping = format === 'jsonl' || format === 'csv' ? readMapping(files.find((f) => base(f.name) === MAPPING_FILE)) : undefined;
  if (mapping && 'severity' in mapping) throw new BenchmarkError(`"${folder}": ${mapping.file}${mapping.field ? `, field "${mapping.field}"` : ''}: ${mapping.message}`, [mapping]);
  for (const file of pick(files, format)) {
    for (const reading of readFile(file, format, manifest, mapping)) {
      findings.push(...reading.findings);
      if (problems.has(reading.language)) {
        findings.push({ severity: 'error', file: file.name, message: `A second file for language "${reading.language}" was ignored.` });
      } else if (reading.problems.length > 0) problems.set(reading.language, reading.problems);
    }
  }
  if (problems.size === 0) {
    const why = findings[0] ? ` First finding: ${findings[0].file}${findings[0].line ? `:${findings[0].line}` : ''}: ${findings[0].message}` : '';
    throw new BenchmarkError(`"${folder}" was taken for ${format} but gave no problem.${why}`, findings);
  }
  const languages = order([...problems.keys()], manifest?.languages);
  for (const code of manifest?.languages ?? []) {
    if (!problems.has(code)) findings.push({ severity: 'error', file: 'benchmark.json', field: 'languages', message: `Language "${code}" is listed but has no file.` });
  }
  findings.push(...parallelFindings(problems, languages));
  return {
    name: manifest?.name ?? mapping?.name ?? (NAMED.has(format) ? format : folder),
    title: manifest?.title ?? mapping?.title ?? mapping?.name ?? NAMED.get(format) ?? folder,
    format,
    version: manifest?.version ?? mapping?.version,
    license: manifest?.license ?? mapping?.license,
    languages,
    problems,
    findings,
  };
}

/** Formats that are one benchmark: their name is the format's, whatever the folder is called. */
const NAMED: ReadonlyMap<BenchmarkFormat, string> = new Map([['mgsm', 'MGSM'], ['msvamp', 'MSVAMP'], ['mmwp', 'MMWP'], ['gsm8k', 'GSM8K'], ['x-csqa', 'X-CSQA'], ['xnli', 'XNLI']]);

function liftManifest(files: readonly SourceFile[], findings: BenchmarkFinding[]): LiftManifest | undefined {
  const file = files.find((f) => base(f.name) === 'benchmark.json');
  if (!file) return undefined;
  const manifest = readLiftManifest(file);
  if ('severity' in manifest) {
    findings.push(manifest);
    return undefined;
  }
  return manifest;
}

function pick(files: readonly SourceFile[], format: BenchmarkFormat): SourceFile[] {
  const ending = format === 'mgsm' ? /\.tsv$/ : format === 'csv' || format === 'xnli' || format === 'x-csqa' || format === 'jsonl' ? /\.(?:csv|tsv|jsonl?)$/ : /\.jsonl?$/;
  return files.filter((f) => ending.test(f.name) && base(f.name) !== 'benchmark.json' && base(f.name) !== MAPPING_FILE).sort((a, b) => (a.name < b.name ? -1 : 1));
}

function readFile(file: SourceFile, format: BenchmarkFormat, manifest: LiftManifest | undefined, mapping: Mapping | undefined): readonly FileReading[] {
  if (format === 'gsm8k') return /train/.test(base(file.name)) ? [] : [readGsm8k(file)];
  const language = languageOfFile(file.name);
  if (format === 'x-csqa') return readXcsqa(file, language);
  if (format === 'xnli') return readXnli(file, language);
  if (mapping) return readMapped(file, language, mapping);
  if (!language) return [];
  if (format === 'lift') return [readLiftLanguage(file, language, manifest)];
  if (format === 'mgsm') return [readMgsm(file, language)];
  if (format === 'msvamp') return [readMsvamp(file, language)];
  return [readMmwp(file, language)];
}

function order(codes: string[], given: readonly string[] | undefined): string[] {
  const rank = (c: string): number => (given?.includes(c) ? given.indexOf(c) : languageOf(c) ? 1000 : 2000);
  return codes.sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1));
}

/** Problems must be the same set, with the same gold answers, in every language: otherwise comparisons over languages mean nothing. */
function parallelFindings(problems: ReadonlyMap<string, readonly Problem[]>, languages: readonly string[]): BenchmarkFinding[] {
  const reference = languages.includes('en') ? 'en' : languages[0]!;
  const gold = new Map(problems.get(reference)!.map((p) => [p.id, p.answer]));
  const findings: BenchmarkFinding[] = [];
  for (const code of languages) {
    if (code === reference) continue;
    const mine = problems.get(code)!;
    const missing = gold.size - mine.filter((p) => gold.has(p.id)).length;
    const file = `(${code})`;
    if (missing > 0) findings.push({ severity: 'warning', file, message: `${missing} of ${gold.size} problems of "${reference}" are missing in "${code}".` });
    for (const p of mine) {
      const want = gold.get(p.id);
      if (want !== undefined && want !== p.answer) {
        findings.push({ severity: 'warning', file, field: 'answer', message: `${p.id}: gold answer ${p.answer} differs from "${reference}" (${want}).` });
      }
    }
  }
  return findings;
}
