import fs from 'node:fs';
import path from 'node:path';
import { type RunStatus } from '../protocol/run';
import { plannedItems } from '../protocol/shard';
import { isLocked } from './lock';
import { otherScores, type OtherScores } from './scores';
import { MANIFEST, readManifestOf, readSamples, readState } from './store';

export interface ListedRun {
  readonly folder: string;
  readonly path: string;
  readonly id: string;
  readonly name: string | null;
  readonly tags: readonly string[];
  readonly status: RunStatus | 'interrupted' | 'damaged';
  readonly bundle: string;
  readonly benchmark: string;
  readonly fingerprint: string;
  readonly done: number;
  readonly total: number;
  /** Share of right answers over all samples; null without samples. */
  readonly accuracy: number | null;
  readonly created: string;
  /** What other scorers made of the same completions. */
  readonly rescored: readonly OtherScores[];
  /** What is wrong with the run, when it is damaged. */
  readonly problem?: string;
}

/** Every run in a folder, newest first. A damaged one is listed with its reason. */
export function listRuns(folder: string): ListedRun[] {
  let names: string[];
  try {
    names = fs.readdirSync(folder);
  } catch {
    return [];
  }
  return names
    .filter((n) => fs.existsSync(path.join(folder, n, MANIFEST)))
    .map((n) => listedRun(path.join(folder, n)))
    .sort((a, b) => (a.created < b.created ? 1 : a.created > b.created ? -1 : a.folder < b.folder ? -1 : 1));
}

export function listedRun(run: string): ListedRun {
  const folder = path.basename(run);
  try {
    const manifest = readManifestOf(run);
    const state = readState(run);
    const { samples } = readSamples(run);
    const running = isLocked(run);
    const total = plannedItems(manifest.plan);
    // A run that says "running" while nobody holds its lock was cut off.
    const status = state?.status === 'running' && !running ? 'interrupted' : (state?.status ?? 'planned');
    return {
      folder, path: run, id: manifest.id, name: state?.name ?? null, tags: state?.tags ?? [], status, total,
      bundle: `${manifest.environment.bundle.name} (${manifest.environment.bundle.precision})`,
      benchmark: manifest.environment.benchmark.title,
      fingerprint: manifest.fingerprint,
      done: samples.length,
      accuracy: samples.length > 0 ? samples.filter((s) => s.correct).length / samples.length : null,
      created: manifest.created,
      rescored: otherScores(run, samples),
    };
  } catch (e) {
    return { folder, path: run, id: folder, name: null, tags: [], status: 'damaged', bundle: '?', benchmark: '?', fingerprint: '', done: 0, total: 0, accuracy: null, created: '', rescored: [], problem: (e as Error).message };
  }
}
