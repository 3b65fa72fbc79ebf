import fs from 'node:fs';
import path from 'node:path';
import { bestFloors, type FloorSample, sampleFloors } from '../../core/analysis/floors';
import { type FloorShare } from '../../core/analysis/aggregate';
import { readNumbers } from '../../core/scoring';
import { type OtherScorer, type PublishedResult } from '../../protocol/panels';
import { type RunManifest, type Sample } from '../../protocol/run';
import { shippedReference, systemsFor } from '../../runs/report/reference';
import { readScores, SCORES } from '../../runs/scores';
import { sampleKey } from '../../runs/store';

/** What stands beside a run's own numbers: floors, other scorers' scores, published results. */

/** Floors over the samples that have come in. Reading the numbers of questions is the dear part and is done once per question. */
export class RunFloors {
  private readonly samples = new Map<string, FloorSample>();
  private readonly numbers = new Map<string, readonly number[]>();

  add({ id, language, question, gold, scorer, choices, candidates }: Sample): void {
    this.samples.set(sampleKey({ language, id }), { id, language, question, gold, scorer, ...(choices ? { choices } : {}), ...(candidates ? { candidates } : {}) });
  }

  clear(): void {
    this.samples.clear();
  }

  /** @param only keys of the samples to count; all of them when left out */
  best(only?: ReadonlySet<string>): ReadonlyMap<string, FloorShare> {
    const samples = only ? [...this.samples].flatMap(([key, s]) => (only.has(key) ? [s] : [])) : [...this.samples.values()];
    return bestFloors(sampleFloors(samples, (question, language) => {
      const key = `${language}\u0000${question}`;
      let found = this.numbers.get(key);
      if (!found) this.numbers.set(key, (found = readNumbers(question, language, { words: false }).map((r) => r.value)));
      return found;
    }));
  }
}

/** Scores of other scorers in the run's folder, read again when a file has changed. */
export class OtherReadings {
  private known: { readonly stamp: string; readonly all: ReturnType<typeof readScores> } | undefined;

  constructor(private readonly folder: string) {}

  /** Changes whenever a file of scores does. */
  stamp(): string {
    const folder = path.join(this.folder, SCORES);
    try {
      return fs.readdirSync(folder).map((n) => `${n}:${fs.statSync(path.join(folder, n)).mtimeMs}`).join('|');
    } catch {
      return '';
    }
  }

  all(): ReturnType<typeof readScores> {
    const stamp = this.stamp();
    if (this.known?.stamp !== stamp) this.known = { stamp, all: readScores(this.folder) };
    return this.known.all;
  }

  of(scorer: string): ReturnType<typeof readScores>[number]['scores'] | undefined {
    return this.all().find((s) => s.scorer === scorer)?.scores;
  }

  sums(rows: readonly { readonly language: string; readonly id: string; readonly correct: boolean }[]): OtherScorer[] {
    return this.all().map(({ scorer, scores }) => {
      const both = rows.flatMap((r) => {
        const other = scores.get(sampleKey(r));
        return other ? [{ own: r.correct, other: other.correct }] : [];
      });
      return { scorer, n: both.length, correct: both.filter((b) => b.other).length, disagree: both.filter((b) => b.own !== b.other).length };
    });
  }
}

/** Published results on a run's benchmark; none for likelihood runs, which measure something else. */
export function publishedFor({ environment: { benchmark, mode } }: Pick<RunManifest, 'environment'>): PublishedResult[] {
  const reference = mode === undefined ? shippedReference() : undefined;
  return (reference ? systemsFor(reference, benchmark.name) : []).map((s) => ({
    system: s.base === undefined ? s.system : `${s.system} (${s.base})`,
    languages: Object.fromEntries(Object.entries(s.languages).map(([code, percentage]) => [code, percentage / 100])),
    mean: s.mean ? { share: s.mean.value / 100, languages: s.mean.languages } : null,
    source: s.source,
  }));
}
