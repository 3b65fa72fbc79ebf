import { loadLanguageIdentifier } from '../core/analysis/identify';
import { checkBenchmark, type CheckFinding, formatFindings, summarise, unexplained } from '../core/benchmarks/check';
import { loadBenchmark, shippedNames } from '../runs/benchmark';
import { options } from './options';
import { say } from './terminal';

const HELP = `lingualift check-benchmarks [NAME|DIR …] [--json] [--all]

Checks benchmark folders, ours (default) or yours: ids, gold answers, numbers in the text, script, language, untranslated words,
duplicates, lengths. Exit code 1 when a finding is neither a note nor explained next to its problem.

  --all    list explained findings and notes too`;

export async function checkCommand(args: readonly string[]): Promise<number> {
  const o = options(args, { json: 'flag', all: 'flag' }, HELP);
  const targets = o._.length > 0 ? o._ : shippedNames();
  const identifier = await loadLanguageIdentifier();
  let open = 0;
  const reports: { benchmark: string; languages: number; preflight: number; findings: readonly CheckFinding[] }[] = [];
  for (const target of targets) {
    const { benchmark } = loadBenchmark(target);
    const findings = checkBenchmark(benchmark, { identifier });
    const pending = unexplained(findings);
    open += pending.length + benchmark.findings.filter((f) => f.severity === 'error').length;
    reports.push({ benchmark: benchmark.name, languages: benchmark.languages.length, preflight: benchmark.findings.length, findings });
    if (o.json === true) continue;
    say(`${benchmark.title}: ${benchmark.languages.length} languages, ${benchmark.problems.get(benchmark.languages[0]!)!.length} problems`);
    for (const f of benchmark.findings) say(`  ${f.severity}: ${f.file}${f.line ? `:${f.line}` : ''}${f.field ? ` [${f.field}]` : ''} ${f.message}`);
    process.stdout.write(formatFindings(o.all === true ? findings : pending));
    const { excused, note } = summarise(findings);
    if (o.all !== true && excused + note > 0) say(`${excused} explained findings and ${note} notes are not listed (--all).`);
  }
  if (o.json === true) process.stdout.write(JSON.stringify({ ok: open === 0, reports }) + '\n');
  return open === 0 ? 0 : 1;
}
