import { type Benchmark, calculation, EXPRESSIONS, operationBenchmark, type Problem } from '../core/benchmarks';
import { promptTemplate } from '../core/prompts';
import { readNumbers } from '../core/scoring';
import { type Candidate, type Scorer } from '../core/scoring/types';
import { type ScoreItem, type ScoreResult } from '../protocol/engine';
import { type Continuation, type RunManifest, type RunMode, type Sample } from '../protocol/run';
import { RunError } from './errors';
import { sampleKey } from './store';

/** The continuations of one item, to be scored after the same prompt. */
export interface ScoreGroup {
  /** Key of the sample. */
  readonly key: string;
  readonly items: readonly ScoreItem[];
}

const RELATIONS = ['entailment', 'neutral', 'contradiction'] as const;

/**
 * The benchmark as a mode asks it: word problems become choices of operation, items without choices are refused.
 * @throws RunError when no item can be asked in this mode
 */
export function benchmarkForMode(benchmark: Benchmark, mode: RunMode): Benchmark {
  if (mode === 'generate') return benchmark;
  if (mode === 'operation') {
    const made = operationBenchmark(benchmark, (question, language) => readNumbers(question, language, { words: false }).map((r) => r.value));
    if ([...made.problems.values()].every((list) => list.length === 0)) {
      throw new RunError(`${benchmark.title} has no problem that one operation with two numbers solves, so --mode operation has nothing to ask. ${made.findings.at(-1)?.message ?? ''}`);
    }
    return made;
  }
  for (const list of benchmark.problems.values()) {
    const first = list.find((p) => p.kind === 'number');
    if (first) throw new RunError(`${benchmark.title} asks for numbers (${first.id}), not for a choice. Use --mode operation for the choice of operation, or --mode generate.`);
  }
  return benchmark;
}

/** Labels and texts of the continuations of a problem, without the leading space. */
export function continuationsOf(problem: Problem, continuation: Continuation): { readonly label: string; readonly text: string }[] {
  if (problem.kind === 'operation') return EXPRESSIONS.map((label) => ({ label, text: calculation(label, problem.operands!) }));
  if (problem.kind === 'nli') return RELATIONS.map((label) => ({ label, text: label }));
  return (problem.choices ?? []).map(({ label, text }) => ({ label, text: continuation === 'label' ? label : text }));
}

/** One problem as the backend gets it: the prompt once per continuation. */
export function toScoreGroup(problem: Problem, manifest: RunManifest): ScoreGroup {
  const { environment: e } = manifest;
  const template = promptTemplate(e.prompt.template);
  const continuation = e.continuation ?? 'text';
  // Choices that are scored by their texts are not shown: the model is to find the answer likely by itself.
  const asked = problem.kind === 'choice' && continuation === 'text' ? { ...problem, choices: [] } : problem;
  const prompt = { chat: template.chat, ...template.render(asked, { benchmark: e.benchmark.name, swapSwedishSwahili: e.parity?.swapSwedishSwahili }) };
  const lead = template.chat || /\s$/.test(prompt.text) ? '' : ' ';
  const key = sampleKey(problem);
  return { key, items: continuationsOf(problem, continuation).map(({ label, text }) => ({ key: `${key}#${label}`, ...prompt, continuation: lead + text })) };
}

/** What a scored item is on disk. One that failed is a sample too: wrong, with its reason. */
export function toLikelihoodSample(problem: Problem, group: ScoreGroup, results: readonly ScoreResult[], ms: number, scorer: Scorer): Sample {
  const failure = results.find((r) => r.failure !== undefined)?.failure;
  const first = results[0];
  const candidates = failure !== undefined ? [] : results.map((r, i): Candidate => ({
    label: group.items[i]!.key.slice(group.key.length + 1),
    text: group.items[i]!.continuation,
    tokens: r.tokenIds.length,
    logprob: Math.round(r.tokenLogprobs.reduce((a, b) => a + b, 0) * 1e5) / 1e5,
  }));
  const score = scorer.score({ language: problem.language, completion: '', gold: problem.answer, kind: problem.kind, question: problem.question, candidates });
  const best = results[candidates.findIndex((c) => c.label === score.value)];
  return {
    id: problem.id,
    language: problem.language,
    question: problem.question,
    prompt: first?.prompt ?? '',
    ...(first?.encoderPrompt !== undefined ? { encoderPrompt: first.encoderPrompt } : {}),
    completion: candidates.find((c) => c.label === score.value)?.text ?? '',
    tokenIds: best?.tokenIds ?? [],
    tokenLogprobs: (best?.tokenLogprobs ?? []).map((x) => Math.round(x * 1e5) / 1e5),
    stopReason: failure === undefined ? 'scored' : 'failed',
    promptTokens: first?.promptTokens ?? 0,
    encoderTokens: first?.encoderTokens ?? 0,
    gold: problem.answer,
    ...(problem.choices ? { choices: problem.choices } : {}),
    ...(failure === undefined ? { candidates } : {}),
    value: failure === undefined ? score.value : null,
    span: null,
    reading: failure === undefined ? score.reading : 'the item failed',
    ambiguous: failure === undefined && score.ambiguous,
    correct: failure === undefined && score.correct,
    error: failure === undefined ? score.error : 'failed',
    scorer: score.scorer,
    ...(failure !== undefined ? { failure } : {}),
    ms: Math.round(ms * 10) / 10,
  };
}
