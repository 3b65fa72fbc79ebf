import { type Benchmark, type Problem } from '../types';
import { type CheckFinding } from './types';

/** The problems of one language by id, with the ids that stand more than once. */
export function byId(problems: readonly Problem[]): { map: Map<string, Problem>; repeated: string[] } {
  const map = new Map<string, Problem>();
  const repeated: string[] = [];
  for (const p of problems) {
    if (map.has(p.id)) repeated.push(p.id);
    else map.set(p.id, p);
  }
  return { map, repeated };
}

/** `ids`: every language has the reference's ids, each once, in the same order. */
export function checkIds(benchmark: Benchmark, reference: string): CheckFinding[] {
  const findings: CheckFinding[] = [];
  const wanted = [...byId(benchmark.problems.get(reference) ?? []).map.keys()];
  const known = new Set(wanted);
  for (const language of benchmark.languages) {
    const { map, repeated } = byId(benchmark.problems.get(language) ?? []);
    const add = (id: string, message: string): void => void findings.push({ check: 'ids', severity: 'error', language, id, message });
    for (const id of repeated) add(id, 'The id stands more than once.');
    for (const id of wanted) if (!map.has(id)) add(id, `The problem is missing; "${reference}" has it.`);
    for (const id of map.keys()) if (!known.has(id)) add(id, `The problem has no counterpart in "${reference}".`);
    const mine = [...map.keys()].filter((id) => known.has(id));
    const order = wanted.filter((id) => map.has(id));
    const moved = mine.findIndex((id, i) => id !== order[i]);
    if (moved >= 0) {
      findings.push({ check: 'ids', severity: 'warning', language, id: mine[moved], message: `The order differs from "${reference}" from this problem on.` });
    }
  }
  return findings;
}

/** `gold`: kind, answer and choice labels equal those of the reference. */
export function checkGold(problem: Problem, twin: Problem): CheckFinding[] {
  const findings: CheckFinding[] = [];
  const add = (field: string, text: string, message: string): void =>
    void findings.push({ check: 'gold', severity: 'error', language: problem.language, id: problem.id, field, text, message });
  if (problem.kind !== twin.kind) add('kind', problem.kind, `The kind is "${problem.kind}", in "${twin.language}" it is "${twin.kind}".`);
  if (problem.answer !== twin.answer) add('answer', problem.answer, `The gold answer is ${problem.answer}, in "${twin.language}" it is ${twin.answer}.`);
  const labels = (p: Problem): string => (p.choices ?? []).map((c) => c.label).join(' ');
  if (labels(problem) !== labels(twin)) add('choices', labels(problem), `The choices are labelled "${labels(problem)}", in "${twin.language}" "${labels(twin)}".`);
  return findings;
}
