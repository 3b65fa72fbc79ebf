import { aggregate, type Aggregate } from '../core/analysis/aggregate';
import { bestFloors, sampleFloors } from '../core/analysis/floors';
import { type ComparableSample } from '../core/analysis/compare';
import { goldClass } from '../core/scoring';
import { plannedItems } from '../protocol/shard';
import { type RunManifest, type RunMode, type RunState, type Sample } from '../protocol/run';

/** The machine-readable summary of a run: the `--json` contract of `evaluate` and `runs show`. */
export interface RunSummary {
  readonly run: { readonly id: string; readonly folder: string; readonly fingerprint: string; readonly status: string; readonly done: number; readonly total: number };
  readonly bundle: { readonly name: string; readonly method: string; readonly precision: string; readonly sha256: string };
  readonly benchmark: { readonly name: string; readonly title: string; readonly sha256: string; readonly seed: number; readonly sampling: string };
  readonly scorer: string;
  readonly mode: RunMode;
  readonly languages: Readonly<Record<string, { readonly n: number; readonly correct: number; readonly accuracy: number; readonly interval: readonly [number, number]; readonly failed: number; readonly unread: number; readonly balanced?: number; readonly floor?: { readonly name: string; readonly share: number }; readonly aboveFloor?: boolean }>>;
  readonly groups: Readonly<Record<string, { readonly n: number; readonly languages: readonly string[]; readonly mean: number; readonly interval: readonly [number, number]; readonly balanced?: number; readonly floor?: number; readonly aboveFloor?: boolean }>>;
  readonly tokensPerSecond: number;
}

/** Rows as the statistics take them. */
export function sampleRows(samples: readonly Sample[]): ComparableSample[] {
  return samples.map((s) => {
    const label = goldClass(s);
    return { language: s.language, id: s.id, correct: s.correct, value: s.value, error: s.error, gold: s.gold, ...(label === undefined ? {} : { goldClass: label }), ...(s.candidates ? {} : { newTokens: s.tokenIds.length }), ms: s.ms };
  });
}

/** Samples that hold a text which the model wrote. */
export const writtenSamples = (samples: readonly Sample[]): readonly Sample[] => samples.filter((s) => !s.candidates && s.stopReason !== 'failed');

/** Aggregate with `newTokens` filled in from the token ids. */
export function aggregateSamples(samples: readonly Sample[]): Aggregate {
  return aggregate(sampleRows(samples), { floors: bestFloors(sampleFloors(samples)) });
}

export function summarise(manifest: RunManifest, state: RunState, samples: readonly Sample[], folder: string): RunSummary {
  const total = aggregateSamples(samples);
  const group = (g: Aggregate['overall']) => ({ n: g.n, languages: g.languages, mean: g.mean, interval: g.interval, ...(g.balanced ? { balanced: g.balanced.mean } : {}), ...(g.floor === undefined ? {} : { floor: g.floor, aboveFloor: g.aboveFloor }) });
  return {
    run: {
      id: manifest.id,
      folder,
      fingerprint: manifest.fingerprint,
      status: state.status,
      done: samples.length,
      total: plannedItems(manifest.plan),
    },
    bundle: manifest.environment.bundle,
    benchmark: {
      name: manifest.environment.benchmark.name,
      title: manifest.environment.benchmark.title,
      sha256: manifest.environment.benchmark.sha256,
      seed: manifest.plan.seed,
      sampling: manifest.plan.sampling,
    },
    scorer: `${manifest.environment.scorer.name}/${manifest.environment.scorer.version}`,
    mode: manifest.environment.mode ?? 'generate',
    languages: Object.fromEntries(
      total.languages.map((l) => [l.language, { n: l.n, correct: l.correct, accuracy: l.accuracy, interval: l.interval, failed: l.failed, unread: l.unread, ...(l.balanced ? { balanced: l.balanced.mean } : {}), ...(l.floor ? { floor: l.floor, aboveFloor: l.aboveFloor } : {}) }]),
    ),
    groups: Object.fromEntries([...total.groups.filter((g) => g.by === 'class').map((g) => [g.key, group(g)] as const), ['all', group(total.overall)]]),
    tokensPerSecond: state.seconds > 0 ? Math.round((state.newTokens / state.seconds) * 10) / 10 : 0,
  };
}
