import fs from 'node:fs';
import path from 'node:path';
import { type Score, type Scorer } from '../core/scoring/types';
import { type Sample } from '../protocol/run';
import { fileNamePart } from './report/escape';
import { readSamples, sampleKey, writeAtomic } from './store';

/**
 * Scores beside the original ones: `scores/<scorer>-<version>.jsonl` in a run folder, one line per sample. The samples with their own
 * scores are never changed; scoring again with the same scorer and version replaces its file.
 */
export const SCORES = 'scores';

/** One sample as another scorer reads it. */
export interface OtherScore extends Pick<Score, 'correct' | 'value' | 'span' | 'reading' | 'ambiguous' | 'alternatives' | 'error' | 'scorer'> {
  readonly language: string;
  readonly id: string;
}

/** What another scorer made of a run. */
export interface OtherScores {
  /** `name/version`. */
  readonly scorer: string;
  readonly n: number;
  readonly correct: number;
  /** Samples that one of the two scorers calls right and the other wrong. */
  readonly disagree: number;
}

const fileOf = (folder: string, scorer: string): string => path.join(folder, SCORES, `${fileNamePart(scorer)}.jsonl`);

/** Writes the scores of samples that another scorer has read. @throws RunError when the folder cannot be written */
export function writeScores(folder: string, scorer: Pick<Scorer, 'name' | 'version'>, samples: readonly Sample[]): void {
  fs.mkdirSync(path.join(folder, SCORES), { recursive: true });
  const lines = samples.map((s): OtherScore => ({
    language: s.language, id: s.id, correct: s.correct, value: s.value, span: s.span, reading: s.reading, ambiguous: s.ambiguous,
    ...(s.alternatives && s.alternatives.length > 0 ? { alternatives: s.alternatives } : {}), error: s.error, scorer: s.scorer,
  }));
  writeAtomic(fileOf(folder, `${scorer.name}-${scorer.version}`), lines.map((l) => JSON.stringify(l) + '\n').join(''));
}

/** Every other scorer's scores of a run, by sample key. A line that cannot be read is left out. */
export function readScores(folder: string): { readonly scorer: string; readonly scores: ReadonlyMap<string, OtherScore> }[] {
  let names: string[];
  try {
    names = fs.readdirSync(path.join(folder, SCORES)).filter((n) => n.endsWith('.jsonl')).sort();
  } catch {
    return [];
  }
  return names.flatMap((name) => {
    const scores = new Map<string, OtherScore>();
    for (const line of fs.readFileSync(path.join(folder, SCORES, name), 'utf8').split('\n')) {
      try {
        const score = line === '' ? undefined : (JSON.parse(line) as OtherScore);
        if (score && typeof score.id === 'string' && typeof score.language === 'string' && typeof score.correct === 'boolean' && typeof score.scorer === 'string') scores.set(sampleKey(score), score);
      } catch {
        // A damaged line: its sample simply has no score by this scorer.
      }
    }
    const first = [...scores.values()].find((s) => s.scorer !== '')?.scorer;
    return first === undefined ? [] : [{ scorer: first, scores }];
  });
}

/** Sums of every other scorer's scores over the samples that the run has. */
export function otherScores(folder: string, samples: readonly Pick<Sample, 'language' | 'id' | 'correct'>[] = readSamples(folder).samples): OtherScores[] {
  return readScores(folder).map(({ scorer, scores }) => {
    let [n, correct, disagree] = [0, 0, 0];
    for (const s of samples) {
      const other = scores.get(sampleKey(s));
      if (!other) continue;
      n += 1;
      if (other.correct) correct += 1;
      if (other.correct !== s.correct) disagree += 1;
    }
    return { scorer, n, correct, disagree };
  });
}
