import { aggregate, type Aggregate } from '../core/analysis/aggregate';
import { type RunManifest, type RunState, type Sample } from '../protocol/run';

/** The machine-readable summary of a run: the `--json` contract of `evaluate` and `runs show`. */
export interface RunSummary {
  readonly run: { readonly id: string; readonly folder: string; readonly fingerprint: string; readonly status: string; readonly done: number; readonly total: number };
  readonly bundle: { readonly name: string; readonly method: string; readonly precision: string; readonly sha256: string };
  readonly benchmark: { readonly name: string; readonly title: string; readonly sha256: string; readonly seed: number; readonly sampling: string };
  readonly scorer: string;
  readonly languages: Readonly<Record<string, { readonly n: number; readonly correct: number; readonly accuracy: number; readonly interval: readonly [number, number]; readonly failed: number; readonly unread: number }>>;
  readonly groups: Readonly<Record<string, { readonly n: number; readonly languages: readonly string[]; readonly mean: number; readonly interval: readonly [number, number] }>>;
  readonly tokensPerSecond: number;
}

/** Aggregate with `newTokens` filled in from the token ids. */
export function aggregateSamples(samples: readonly Sample[]): Aggregate {
  return aggregate(samples.map((s) => ({ language: s.language, id: s.id, correct: s.correct, value: s.value, error: s.error, newTokens: s.tokenIds.length, ms: s.ms })));
}

export function summarise(manifest: RunManifest, state: RunState, samples: readonly Sample[], folder: string): RunSummary {
  const total = aggregateSamples(samples);
  const group = (g: { n: number; languages: readonly string[]; mean: number; interval: readonly [number, number] }) => ({ n: g.n, languages: g.languages, mean: g.mean, interval: g.interval });
  return {
    run: {
      id: manifest.id,
      folder,
      fingerprint: manifest.fingerprint,
      status: state.status,
      done: samples.length,
      total: manifest.plan.languages.length * manifest.plan.ids.length,
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
    languages: Object.fromEntries(
      total.languages.map((l) => [l.language, { n: l.n, correct: l.correct, accuracy: l.accuracy, interval: l.interval, failed: l.failed, unread: l.unread }]),
    ),
    groups: Object.fromEntries([...total.groups.filter((g) => g.by === 'class').map((g) => [g.key, group(g)] as const), ['all', group(total.overall)]]),
    tokensPerSecond: state.seconds > 0 ? Math.round((state.newTokens / state.seconds) * 10) / 10 : 0,
  };
}
