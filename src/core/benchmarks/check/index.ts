import { type Benchmark, type Problem } from '../types';
import { checkDuplicates } from './duplicates';
import { checkEndings, checkForm, gatherForm } from './form';
import { checkLanguage } from './language';
import { checkLengths } from './length';
import { checkDigits, checkNumbers, checkStoredNumbers } from './numbers';
import { byId, checkGold, checkIds } from './parallel';
import { checkCopies, checkEnglishWords, checkLatinWords, checkScript } from './script';
import { type CheckFinding, type CheckName, type CheckOptions, CHECKS } from './types';

export * from './types';
export { formatFindings, summarise, unexplained } from './format';

/**
 * Checks the texts of a benchmark: the same problems with the same answers and numbers in every language, each in its own language
 * and script, no text untranslated, doubled, cut or damaged.
 *
 * Nothing is thrown for a bad benchmark; findings come in the benchmark's order of languages, then of problems. A finding that an
 * exception next to the problem explains is kept, with the reason in `excused`; an exception that explains nothing is a finding.
 *
 * @param benchmark as read by `readBenchmark`
 * @param options which checks, the reference language and the language identifier
 */
export function checkBenchmark(benchmark: Benchmark, options: CheckOptions = {}): CheckFinding[] {
  const wanted = new Set<CheckName>(options.checks ?? CHECKS);
  const reference = options.reference ?? (benchmark.languages.includes('en') ? 'en' : benchmark.languages[0]!);
  const maps = new Map(benchmark.languages.map((code) => [code, byId(benchmark.problems.get(code) ?? []).map]));
  const twins = maps.get(reference) ?? new Map<string, Problem>();
  const findings: CheckFinding[] = checkIds(benchmark, reference);
  for (const language of benchmark.languages) {
    const problems = [...(maps.get(language)?.values() ?? [])];
    for (const problem of problems) findings.push(...checkProblem(problem, problem.language === reference ? undefined : twins.get(problem.id), maps));
    findings.push(...gatherForm([...problems.flatMap(checkForm), ...checkEndings(language, problems)]));
    if (wanted.has('duplicate')) findings.push(...checkDuplicates(problems, twins));
    if (wanted.has('length') && language !== reference) {
      const pairs = problems.flatMap((problem) => (twins.has(problem.id) ? [{ problem, twin: twins.get(problem.id)! }] : []));
      findings.push(...checkLengths(language, pairs, reference));
    }
    if (wanted.has('language')) {
      if (options.identifier) findings.push(...checkLanguage(language, problems, options.identifier));
      else findings.push({ check: 'language', severity: 'note', language, message: 'No language identifier was given: the language was not checked.' });
    }
  }
  const kept = findings.filter((f) => wanted.has(f.check));
  return inOrder(benchmark, twins, [...withExceptions(maps, kept), ...(wanted.has('exception') ? staleExceptions(maps, kept, wanted) : [])]);
}

function checkProblem(problem: Problem, twin: Problem | undefined, maps: ReadonlyMap<string, ReadonlyMap<string, Problem>>): CheckFinding[] {
  const same = new Map<string, Problem>();
  for (const [language, map] of maps) {
    const other = map.get(problem.id);
    if (other) same.set(language, other);
  }
  return [
    ...(twin ? [...checkGold(problem, twin), ...checkNumbers(problem, twin)] : []),
    ...checkStoredNumbers(problem),
    ...checkDigits(problem),
    ...checkScript(problem),
    ...checkLatinWords(problem),
    ...(twin?.language === 'en' ? checkEnglishWords(problem, twin) : []),
    ...checkCopies(problem, same),
  ];
}

type Maps = ReadonlyMap<string, ReadonlyMap<string, Problem>>;

function withExceptions(maps: Maps, findings: readonly CheckFinding[]): CheckFinding[] {
  return findings.map((f) => {
    const given = f.id === undefined ? undefined : maps.get(f.language)?.get(f.id)?.exceptions?.find((e) => e.check === f.check);
    return given && typeof given.reason === 'string' && given.reason.trim() !== '' ? { ...f, excused: given.reason } : f;
  });
}

/** Exceptions with no reason, for an unknown check, or that explain no finding any more. */
function staleExceptions(maps: Maps, findings: readonly CheckFinding[], wanted: ReadonlySet<CheckName>): CheckFinding[] {
  const used = new Set(findings.map((f) => `${f.language}\n${f.id}\n${f.check}`));
  const out: CheckFinding[] = [];
  for (const [language, map] of maps) {
    for (const [id, problem] of map) {
      for (const { check, reason } of problem.exceptions ?? []) {
        const add = (message: string): void => void out.push({ check: 'exception', severity: 'warning', language, id, field: 'exceptions', text: String(check), message });
        if (!(CHECKS as readonly string[]).includes(check)) add(`There is no check "${check}". The checks are: ${CHECKS.join(', ')}.`);
        else if (typeof reason !== 'string' || reason.trim() === '') add(`The exception from "${check}" gives no reason.`);
        else if (wanted.has(check as CheckName) && !used.has(`${language}\n${id}\n${check}`)) add(`The exception from "${check}" explains no finding; remove it.`);
      }
    }
  }
  return out;
}

function inOrder(benchmark: Benchmark, twins: ReadonlyMap<string, Problem>, findings: readonly CheckFinding[]): CheckFinding[] {
  const languageRank = new Map(benchmark.languages.map((code, i) => [code, i]));
  const idRank = new Map([...twins.keys()].map((id, i) => [id, i]));
  const rank = (f: CheckFinding): number => (f.id === undefined ? -1 : idRank.get(f.id) ?? twins.size);
  return [...findings].sort((a, b) => languageRank.get(a.language)! - languageRank.get(b.language)! || rank(a) - rank(b));
}
