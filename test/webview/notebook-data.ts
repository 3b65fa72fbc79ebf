import { compareRuns } from '../../src/core/analysis/compare';
import { wilson } from '../../src/core/statistics';
import { type EvalOutput, OUTPUT_FORMAT, type OutputRun, type PromptOutput } from '../../src/protocol/notebook';
import { type PairView } from '../../src/protocol/compare';
import { type Outcome, type SampleView, type TableRow } from '../../src/protocol/panels';
import { type Sample } from '../../src/protocol/run';
import { HOSTILE, sampleOf } from './run-data';

/** Invented outputs of cells, with texts in several scripts. */

const outcome = (s: Sample): Outcome => (s.stopReason === 'failed' ? 'failed' : s.correct ? 'right' : s.value === null ? 'unread' : 'wrong');

export function viewOf(s: Sample): SampleView {
  let at = 0;
  const tokens = s.completion.split(/(?<= )/).map((word, i) => {
    const start = at;
    at += word.length;
    return { start, end: at, probability: Math.exp(s.tokenLogprobs[i] ?? 0) };
  });
  return { sample: s, outcome: outcome(s), twin: null, tokens };
}

export function promptOutput(change: Partial<PromptOutput> = {}): PromptOutput {
  const sample = sampleOf('ar', 'prompt', 1);
  return {
    format: OUTPUT_FORMAT, kind: 'prompt', state: 'finished', message: null, bundle: 'invented', precision: 'fp32', template: 'plain/1', provider: 'cpu', language: 'ar', question: sample.question, gold: '15', text: sample.completion,
    newTokens: sample.tokenIds.length, tokensPerSecond: 41.5, view: viewOf(sample), ref: { bundle: 'bundles/invented', question: sample.question, language: 'ar', completion: sample.completion, completionIds: sample.tokenIds }, ...change,
  };
}

export const IDS = ['p1', 'p2', 'p3', 'p4', 'p5', `p6 ${HOSTILE}`];
export const CODES = ['en', 'ar', 'th', 'hi'];
const samplesOf = (shift: number): Sample[] => CODES.flatMap((code) => IDS.map((id, i) => sampleOf(code, id, i + shift)));

function rowsOf(samples: readonly Sample[]): TableRow[] {
  return CODES.map((language) => {
    const mine = samples.filter((s) => s.language === language);
    const count = (o: Outcome): number => mine.filter((s) => outcome(s) === o).length;
    const correct = count('right');
    return { language, n: mine.length, total: mine.length, correct, accuracy: correct / mine.length, interval: wilson(correct, mine.length), unread: count('unread'), wrongLanguage: 0, truncated: 0, failed: count('failed'), tokensPerQuestion: 9.5, msPerQuestion: 100, fertility: null, cancelled: false };
  });
}

export function runOf(name: string, shift: number): OutputRun {
  const samples = samplesOf(shift);
  return {
    folder: `runs/${name}`, name, bundle: name, precision: 'fp32', benchmark: 'LIFT-48', scorer: 'locale/1', template: 'plain/1', fingerprint: '0123456789abcdef'.repeat(4), seed: 1, sampling: 'random', problems: IDS.length,
    done: samples.length, total: samples.length, tokensPerSecond: 120.4, etaSeconds: null, rows: rowsOf(samples), overall: { mean: 0.31, interval: [0.12, 0.52], resamples: 2000 },
    lines: samples.map((s) => ({ id: s.id, language: s.language, outcome: outcome(s), value: s.value === null ? null : String(s.value), gold: s.gold, error: s.error })),
  };
}

export function evalOutput(): EvalOutput {
  const c = compareRuns(samplesOf(0), samplesOf(5), { seed: 1, resamples: 500 });
  const pair: PairView = {
    n: c.n, quadrants: c.quadrants, shifts: [...c.shifts], better: c.better.length, worse: c.worse.length, level: 0.95, resamples: 500, seed: 1, leftOut: [0, 0], groups: [],
    overall: { by: 'all', key: 'all', languages: c.languages.length, difference: c.overall.difference, interval: [...c.overall.interval] },
    languages: c.languages.map((l) => ({ language: l.language, n: l.n, accuracyA: l.accuracyA, accuracyB: l.accuracyB, difference: l.difference, interval: [l.interval[0], l.interval[1]], p: l.test.p, adjusted: l.holm, significant: l.significant, quadrants: l.quadrants, detectable: null })),
  };
  return { format: OUTPUT_FORMAT, kind: 'eval', state: 'finished', message: null, runs: [runOf('first', 0), runOf('second', 5)], comparisons: [{ a: 0, b: 1, pair, refused: null }] };
}
