import { type Benchmark, type Problem } from '../core/benchmarks';
import { type RunPlan, type Shard } from '../protocol/run';
import { inShard } from '../protocol/shard';
import { problemsOf } from './benchmark';
import { RunError } from './errors';

/** Reads `3/8`. @throws RunError for anything else */
export function parseShard(text: string): Shard {
  const match = /^(\d+)\/(\d+)$/.exec(text.trim());
  const [index, of] = [Number(match?.[1]), Number(match?.[2])];
  if (!match || of < 1 || of > 100_000 || index < 1 || index > of) throw new RunError(`--shard must be like 3/8 (the third of eight, counted from 1), not "${text}".`);
  return { index, of };
}

/** The problems that a run asks, its shard only. */
export function plannedProblems(benchmark: Benchmark, plan: RunPlan): Problem[] {
  const all = problemsOf(benchmark, plan.languages, plan.ids);
  if (!plan.shard) return all;
  const problems = new Map(plan.ids.map((id, i) => [id, i]));
  const languages = new Map(plan.languages.map((code, i) => [code, i]));
  return all.filter((p) => inShard(plan.shard, problems.get(p.id)!, languages.get(p.language)!));
}
