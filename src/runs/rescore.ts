import path from 'node:path';
import { type Scorer } from '../core/scoring/types';
import { type Sample } from '../protocol/run';
import { scorersFor } from '../core/scoring';
import { RunError } from './errors';
import { writeScores } from './scores';
import { readManifestOf, readSamples, sampleKey } from './store';

export interface Rescoring {
  readonly run: string;
  readonly scorer: string;
  readonly before: string;
  readonly n: number;
  readonly correct: number;
  readonly correctBefore: number;
  /** Samples on which the two scorers disagree. */
  readonly changed: readonly { readonly key: string; readonly before: boolean; readonly after: boolean; readonly value: number | string | null; readonly reading: string }[];
}

/** The samples as another scorer reads them; failed items stay failed. The samples given are not changed. */
export function rescoreSamples(samples: readonly Sample[], scorer: Scorer): Sample[] {
  return samples.map((s) => {
    if (s.stopReason === 'failed') return s;
    const score = scorer.score({ language: s.language, completion: s.completion, gold: s.gold, question: s.question, kind: kindOf(s.gold), choices: s.choices, candidates: s.candidates });
    const chosen = s.candidates?.find((c) => c.label === score.value)?.text;
    return { ...s, ...score, ...(chosen === undefined ? {} : { completion: chosen }), alternatives: score.alternatives };
  });
}

/** @throws RunError for a scorer that cannot read what the run holds */
function checkFits(samples: readonly Sample[], scorer: Scorer): void {
  const first = samples.find((s) => s.stopReason !== 'failed');
  const fitting = first ? scorersFor(first) : [];
  if (first && !fitting.includes(scorer.name)) throw new RunError(`The scorer "${scorer.name}" cannot read this run (gold answers such as ${JSON.stringify(first.gold)}${first.candidates ? ', log-likelihoods' : ''}). Choose one of: ${fitting.join(', ')}.`);
}

/** What kind of gold answer this is: samples do not repeat the problem's kind. */
function kindOf(gold: string): 'number' | 'choice' | 'nli' {
  if (/^(entailment|neutral|contradiction)$/i.test(gold)) return 'nli';
  return /^[A-Z]$/.test(gold) ? 'choice' : 'number';
}

/** Reads a run with another scorer and keeps its scores beside the original ones (scores.ts), unless `save` is false. */
export function rescoreRun(folder: string, scorer: Scorer, save = true): Rescoring {
  const manifest = readManifestOf(folder);
  const { samples } = readSamples(folder);
  checkFits(samples, scorer);
  const after = rescoreSamples(samples, scorer);
  if (save && `${scorer.name}/${scorer.version}` !== `${manifest.environment.scorer.name}/${manifest.environment.scorer.version}`) writeScores(folder, scorer, after);
  const changed = after.flatMap((s, i) => (s.correct === samples[i]!.correct ? [] : [{ key: sampleKey(s), before: samples[i]!.correct, after: s.correct, value: s.value, reading: s.reading }]));
  return {
    run: path.basename(path.resolve(folder)),
    scorer: `${scorer.name}/${scorer.version}`,
    before: `${manifest.environment.scorer.name}/${manifest.environment.scorer.version}`,
    n: samples.length,
    correct: after.filter((s) => s.correct).length,
    correctBefore: samples.filter((s) => s.correct).length,
    changed,
  };
}
