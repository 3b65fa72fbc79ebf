import fs from 'node:fs';
import path from 'node:path';
import { type Score, type Scorer } from '../core/scoring/types';
import { type Sample } from '../protocol/run';
import { fileNamePart } from './report/escape';
import { readManifestOf, readSamples, sampleKey, writeAtomic } from './store';

/**
 * Scores beside the original ones: `scores/<scorer>-<version>.jsonl` in a run folder, a first line that says of which run and by which
 * scorer, then one line per sample. The samples with their own scores are never changed; scoring again with the same scorer and version
 * replaces its file. A file of another run (another fingerprint) is not used.
 */
export const SCORES = 'scores';
const FORMAT = 'lift-scores/1';

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
  const head = { format: FORMAT, fingerprint: readManifestOf(folder).fingerprint, scorer: `${scorer.name}/${scorer.version}`, n: lines.length };
  writeAtomic(fileOf(folder, `${scorer.name}-${scorer.version}`), JSON.stringify(head) + '\n' + lines.map((l) => JSON.stringify(l) + '\n').join(''));
}

/** Text lines of every file of scores, and whether its first line names this run. */
function scoreFiles(folder: string): { readonly name: string; readonly lines: readonly string[]; readonly own: boolean }[] {
  let names: string[];
  try {
    names = fs.readdirSync(path.join(folder, SCORES)).filter((n) => n.endsWith('.jsonl')).sort();
  } catch {
    return [];
  }
  if (names.length === 0) return [];
  const { fingerprint } = readManifestOf(folder);
  return names.map((name) => {
    const [first = '', ...lines] = fs.readFileSync(path.join(folder, SCORES, name), 'utf8').split('\n');
    let own = false;
    try {
      const head = JSON.parse(first) as { readonly format?: unknown; readonly fingerprint?: unknown };
      own = head.format === FORMAT && head.fingerprint === fingerprint;
    } catch {
      // No first line of ours: nobody knows which run these scores are of.
    }
    return { name, lines, own };
  });
}

/** Files of scores in a run's folder that are not of this run (another fingerprint, or none) and are therefore not used. */
export const foreignScores = (folder: string): string[] => scoreFiles(folder).flatMap(({ name, own }) => (own ? [] : [path.join(SCORES, name)]));

/** Every other scorer's scores of a run, by sample key. A line that cannot be read is left out, and so is a file of another run. */
export function readScores(folder: string): { readonly scorer: string; readonly scores: ReadonlyMap<string, OtherScore> }[] {
  return scoreFiles(folder).flatMap(({ lines, own }) => {
    if (!own) return [];
    const scores = new Map<string, OtherScore>();
    for (const line of lines) {
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
