import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { bundleFingerprint, type BundleManifest, openBundle, type Precision, PRECISIONS } from '../bundle';
import { alignStage, correlate, type StageAlignment } from '../core/analysis/alignment';
import { type Pca } from '../core/analysis/pca';
import { type VectorTable } from '../core/analysis/retrieval';
import { type Problem } from '../core/benchmarks';
import { promptTemplate } from '../core/prompts';
import { DEFAULT_RESAMPLES } from '../core/statistics';
import { EngineClient, type EngineOptions } from '../engine/client';
import { type AlignmentCorrelation, type AlignmentResult, type AlignmentStage, type StoredPca } from '../protocol/alignment';
import { benchmarkHash, loadBenchmark, problemsOf } from './benchmark';
import { RunError } from './errors';
import { resolveBundle } from './locations';
import { canonicalJson, planSelection, type Selection } from './plan';
import { type PooledTables, readStates, type StatesHead, writeStates } from './states';
import { readManifestOf, readSamples, writeAtomic } from './store';

/** One alignment analysis. Everything has a default but bundle and benchmark. */
export interface AlignOptions extends Selection {
  readonly bundle: string;
  readonly benchmark: string;
  readonly precision?: string;
  /**
   * Prompt template; default `plain`, the question alone: a wrapper in English would make every language look alike.
   * What follows a soft prefix cannot change the pooled states.
   */
  readonly template?: string;
  /** False: the encoder reads the questions as they are written, without the bundle's normalisation (digits). Default true. */
  readonly normalise?: boolean;
  /** LLM layers (0 = embeddings); default: none for `none`, a quarter, half, three quarters and the last otherwise. */
  readonly layers?: readonly number[] | 'none' | 'all';
  /** Language that the others are compared with; default `en`. It is added when `languages` leaves it out. */
  readonly reference?: string;
  /** On what the 2-D map is fitted: a language or `all` (default); or another bundle's result, stage by stage. */
  readonly baseline?: string | AlignmentResult;
  readonly standardise?: boolean;
  readonly resamples?: number;
  readonly batch?: number;
  readonly threads?: number;
  /** A finished run, whose accuracy per language is correlated with the numbers. */
  readonly run?: string;
  /** Folder that holds `alignment/`, the cache by fingerprint; null: no cache. Default `runs`. */
  readonly runsFolder?: string | null;
  readonly engine?: EngineOptions;
  /** `share`: how much of the time of all steps together is over, 0 to 1; only while states are read. */
  readonly onProgress?: (message: string, done: number, of: number, share?: number) => void;
  readonly signal?: AbortSignal;
}

/** Raise it when a number is computed in another way: cached results of another version are not used. */
const ANALYSIS_VERSION = 1;
/** The same for the states themselves. */
const STATES_VERSION = 1;

export interface AlignOutcome {
  readonly result: AlignmentResult;
  /** True when the numbers were read from the cache. */
  readonly cached: boolean;
  /** The result as JSON, and the states that it was made of (runs/states); null without a cache. */
  readonly file: string | null;
  readonly states: { readonly file: string; readonly fingerprint: string } | null;
}

interface Planned {
  readonly manifest: BundleManifest;
  readonly dir: string;
  readonly precision: Precision;
  readonly problems: ReadonlyMap<string, readonly Problem[]>;
  readonly layers: readonly number[];
  /** Undefined where it is as the bundle says. */
  readonly normalise: false | undefined;
  readonly head: Omit<AlignmentResult, 'stages' | 'milliseconds' | 'correlation'>;
  readonly states: string;
}

/**
 * Compares the states that a bundle gives to the same problems in several languages (core/analysis/alignment says how each
 * number is made). Results are kept by fingerprint and read again when nothing has changed; so are the states, which other
 * settings (another baseline, seed or number of resamples) start from.
 *
 * @throws RunError / BundleError in words; an AbortError-like Error when cancelled
 */
export async function align(options: AlignOptions): Promise<AlignOutcome> {
  const planned = await plan(options);
  const kept = filesOf(planned, options);
  const known = find(planned, kept);
  if (known) return complete(known, true, kept, planned, options);
  const startedAt = performance.now();
  let tables = kept ? readStates(kept.states, planned.states)?.tables : undefined;
  if (!tables) {
    tables = await pooledTables(planned, options);
    if (kept) await writeStates(kept.states, statesHead(planned, tables), tables);
  }
  const result = { ...planned.head, stages: await compare(planned, tables, options), milliseconds: Math.round(performance.now() - startedAt) };
  if (kept) writeAtomic(kept.result, JSON.stringify(result) + '\n');
  return complete(result, false, kept, planned, options);
}

/** The same analysis when it is in the cache, otherwise undefined: nothing is computed and no model is loaded. @throws as `align` */
export async function findAlignment(options: AlignOptions): Promise<AlignOutcome | undefined> {
  const planned = await plan(options);
  const kept = filesOf(planned, options);
  const known = find(planned, kept);
  return known && complete(known, true, kept, planned, options);
}

interface Kept {
  readonly result: string;
  readonly states: string;
}

function filesOf(planned: Planned, options: AlignOptions): Kept | null {
  if (options.runsFolder === null) return null;
  const file = (fingerprint: string, ending: string): string => path.resolve(options.runsFolder ?? 'runs', 'alignment', `${fingerprint.slice(0, 24)}${ending}`);
  return { result: file(planned.head.fingerprint, '.json'), states: file(planned.states, '.states.npz') };
}

/** A result counts as kept only together with its states: the map needs them. */
function find({ head }: Planned, kept: Kept | null): AlignmentResult | undefined {
  return kept && fs.existsSync(kept.states) ? readCached(kept.result, head.fingerprint) : undefined;
}

function complete(result: AlignmentResult, cached: boolean, kept: Kept | null, planned: Planned, options: AlignOptions): AlignOutcome {
  const correlation = options.run === undefined ? undefined : correlateWithRun(result, options.run);
  return { result: correlation ? { ...result, correlation } : result, cached, file: kept?.result ?? null, states: kept && { file: kept.states, fingerprint: planned.states } };
}

function statesHead({ head, states }: Planned, tables: PooledTables): StatesHead {
  return { format: 'lift-states/1', fingerprint: states, bundle: head.bundle, stages: [...tables.keys()], languages: head.languages, ids: head.ids };
}

async function plan(options: AlignOptions): Promise<Planned> {
  const precision = (options.precision ?? 'fp32') as Precision;
  if (!PRECISIONS.includes(precision)) throw new RunError(`Unknown precision "${options.precision}". Known: ${PRECISIONS.join(', ')}.`);
  const { manifest, dir } = await openBundle(resolveBundle(options.bundle), { precision });
  const { benchmark } = loadBenchmark(options.benchmark);
  const reference = options.reference ?? 'en';
  if (!benchmark.languages.includes(reference)) throw new RunError(`${benchmark.title} has no "${reference}" to compare with. Choose one of ${benchmark.languages.join(', ')} with --reference.`);
  const asked = planSelection(benchmark, options).languages;
  const { languages, ids, seed } = planSelection(benchmark, { ...options, languages: [reference, ...asked].join(',') });
  if (languages.length < 2) throw new RunError(`An alignment needs at least one language beside "${reference}".`);
  if (ids.length < 3) throw new RunError(`An alignment needs at least 3 problems; there are ${ids.length}.`);
  const problems = new Map(languages.map((language) => [language, problemsOf(benchmark, [language], ids)]));
  const layers = chooseLayers(options.layers, manifest.parts.lm.layers);
  if (!manifest.parts.encoder && layers.length === 0) throw new RunError('This bundle has no encoder (method "text"), so without LLM layers there is nothing to compare. Name some with --layers.');
  const template = promptTemplate(options.template ?? 'plain');
  const baseline = options.baseline ?? 'all';
  if (typeof baseline === 'string' && baseline !== 'all' && !languages.includes(baseline)) throw new RunError(`The map cannot be fitted on "${baseline}": it is not among the languages ${languages.join(', ')}.`);
  // Where the bundle asks for none, leaving it out changes nothing, the fingerprint neither.
  const normalise = options.normalise === false && manifest.parts.encoder?.normalise ? false : undefined;
  const head = {
    format: 'lift-alignment/1' as const,
    bundle: { name: manifest.name, precision, sha256: bundleFingerprint(manifest, precision) },
    benchmark: { name: benchmark.name, title: benchmark.title, sha256: benchmarkHash([...problems.values()].flat()) },
    template: { name: template.name, version: template.version },
    reference,
    languages,
    ids,
    settings: { seed, resamples: options.resamples ?? DEFAULT_RESAMPLES, baseline: typeof baseline === 'string' ? baseline : `result ${baseline.fingerprint}`, standardise: options.standardise ?? false, ...(normalise === false ? { normalise: false as const } : {}) },
  };
  const fingerprint = createHash('sha256').update(canonicalJson({ ...head, layers, version: ANALYSIS_VERSION })).digest('hex');
  const { settings: _settings, reference: _reference, ...made } = head;
  const states = createHash('sha256').update(canonicalJson({ ...made, layers, normalise, states: STATES_VERSION })).digest('hex');
  return { manifest, dir, precision, problems, layers, normalise, states, head: { ...head, fingerprint } };
}

function chooseLayers(asked: AlignOptions['layers'], layers: number): readonly number[] {
  if (asked === 'none') return [];
  if (asked === 'all') return Array.from({ length: layers + 1 }, (_, i) => i);
  const chosen = asked ?? [0.25, 0.5, 0.75, 1].map((share) => Math.round(share * layers));
  const unknown = chosen.find((l) => !Number.isInteger(l) || l < 0 || l > layers);
  if (unknown !== undefined) throw new RunError(`There is no LLM layer ${unknown}: this one has 0 (embeddings) to ${layers}.`);
  return [...new Set(chosen)].sort((a, b) => a - b);
}

function readCached(file: string, fingerprint: string): AlignmentResult | undefined {
  try {
    const result = JSON.parse(fs.readFileSync(file, 'utf8')) as AlignmentResult;
    return result.format === 'lift-alignment/1' && result.fingerprint === fingerprint ? result : undefined;
  } catch {
    return undefined; // Not there or damaged: it is computed again.
  }
}

async function compare(planned: Planned, stages: PooledTables, options: AlignOptions): Promise<AlignmentStage[]> {
  const { reference, settings, ids } = planned.head;
  const done: AlignmentStage[] = [];
  for (const [stage, tables] of stages) {
    const between = async (): Promise<void> => {
      await new Promise((resolve) => setImmediate(resolve));
      if (options.signal?.aborted) throw new Error('cancelled');
    };
    options.onProgress?.(`comparing ${stage}`, done.length, stages.size);
    await between();
    const given = typeof options.baseline === 'object' ? givenProjection(options.baseline, stage, tables) : undefined;
    const numbers = await alignStage(tables, { reference, baseline: given ?? settings.baseline, standardise: settings.standardise, seed: `${settings.seed}/${stage}`, resamples: settings.resamples }, between);
    done.push(asStage(stage, numbers, ids));
  }
  return done;
}

/** Pooled states of every language at every stage, row i of each the same problem. */
async function pooledTables({ dir, precision, problems, layers, normalise, head }: Planned, options: AlignOptions): Promise<PooledTables> {
  const template = promptTemplate(head.template.name);
  const engine = new EngineClient(options.engine);
  const batch = options.batch ?? 16;
  // Loading cannot be asked to stop; its process can.
  const stop = (): void => engine.kill('cancelled');
  options.signal?.addEventListener('abort', stop, { once: true });
  try {
    if (options.signal?.aborted) throw new Error('cancelled');
    await engine.load({ dir, precision, provider: precision === 'fp16' ? 'auto' : 'cpu', threads: options.threads ?? 0, memoryCeiling: 0, batch }, (p) => options.onProgress?.(`loading: ${p.message}`, p.step, p.of));
    const items = [...problems.values()].flat().map((p) => ({ ...template.render(p, { benchmark: head.benchmark.name }), chat: template.chat, ...(normalise === false ? { normalise } : {}) }));
    const { stages } = await engine.probe.pooled(items, layers, batch, { signal: options.signal, onProgress: (n, of, share) => options.onProgress?.('reading', n, of, share) });
    const count = head.ids.length;
    return new Map(
      stages.map(({ name, width, vectors }) => [
        name,
        new Map(head.languages.map((language, l) => [language, { vectors: vectors.subarray(l * count * width, (l + 1) * count * width), count, width }])),
      ]),
    );
  } catch (e) {
    throw options.signal?.aborted ? new Error('cancelled') : e;
  } finally {
    options.signal?.removeEventListener('abort', stop);
    await engine.close();
  }
}

/** The projection that another result has for this stage. @throws RunError when it has none of this width */
function givenProjection(from: AlignmentResult, stage: string, tables: ReadonlyMap<string, VectorTable>): Pca {
  const found = from.stages.find((s) => s.stage === stage);
  const width = [...tables.values()][0]!.width;
  if (!found || found.width !== width) throw new RunError(`The result that the map should be fitted on has no stage "${stage}" of width ${width}. Use --baseline all.`);
  const { mean, scale, components, variance, ratio } = found.pca;
  return { width, mean: Float64Array.from(mean), scale: Float64Array.from(scale), components: Float64Array.from(components), variance: Float64Array.from(variance), ratio: Float64Array.from(ratio) };
}

/** JSON has no NaN. */
const orNull = (value: number): number | null => (Number.isNaN(value) ? null : value);

/** Seven significant digits: what a float32 holds. */
const short = (values: Iterable<number>): number[] => Array.from(values, (v) => Number(v.toPrecision(7)));

function asStage(stage: string, { rows, probe, pca, points }: StageAlignment, ids: readonly string[]): AlignmentStage {
  const stored: StoredPca = { mean: short(pca.mean), scale: short(pca.scale), components: short(pca.components), variance: [...pca.variance], ratio: [...pca.ratio] };
  return {
    stage,
    width: pca.width,
    rows: rows.map(({ language, n, recallAt1, recallInterval, mrr, reverseRecallAt1, reverseMrr, cosine, cka, ckaDebiased, misses }) => ({
      language, n, recallAt1, recallInterval, mrr, reverseRecallAt1, reverseMrr,
      cosineParallel: cosine.parallel,
      cosineRandom: cosine.random,
      cosineGap: cosine.gap,
      cosineGapInterval: cosine.interval,
      cka: orNull(cka),
      ckaDebiased: orNull(ckaDebiased),
      misses: misses.map((m) => ({ id: ids[m.query]!, rank: m.rank, found: ids[m.found]! })),
    })),
    languageProbe: probe && { accuracy: probe.accuracy, chance: probe.chance, interval: probe.interval, byLanguage: Object.fromEntries(probe.byLanguage) },
    pca: stored,
    points: Object.fromEntries([...points].map(([language, p]) => [language, short(p)])),
  };
}

const MEASURES = ['recallAt1', 'mrr', 'cosineGap', 'cka'] as const;

/**
 * Correlation over languages between a run's accuracy and each number at each stage; the reference language is left out.
 * @throws RunError when fewer than 3 languages are in both
 */
export function correlateWithRun(result: AlignmentResult, folder: string): AlignmentCorrelation {
  const manifest = readManifestOf(folder);
  const counts = new Map<string, { right: number; n: number }>();
  for (const sample of readSamples(folder).samples) {
    const count = counts.get(sample.language) ?? { right: 0, n: 0 };
    counts.set(sample.language, { right: count.right + (sample.correct ? 1 : 0), n: count.n + 1 });
  }
  const shared = result.languages.filter((language) => language !== result.reference && counts.has(language));
  if (shared.length < 3) throw new RunError(`The run and the alignment share ${shared.length} languages beside "${result.reference}"; a correlation needs at least 3.`);
  const accuracy = shared.map((language) => counts.get(language)!.right / counts.get(language)!.n);
  const rows = result.stages.flatMap(({ stage, rows: all }) =>
    MEASURES.map((measure) => {
      const r = correlate(shared.map((language) => all.find((row) => row.language === language)![measure] ?? NaN), accuracy, { seed: `${result.settings.seed}/${stage}/${measure}`, resamples: result.settings.resamples });
      return {
        stage, measure, n: r.n,
        pearson: orNull(r.pearson),
        pearsonInterval: Number.isNaN(r.pearson) ? null : r.pearsonInterval,
        spearman: orNull(r.spearman),
        spearmanInterval: Number.isNaN(r.spearman) ? null : r.spearmanInterval,
      };
    }),
  );
  return { run: { id: manifest.id, fingerprint: manifest.fingerprint, name: path.basename(path.resolve(folder)) }, accuracy: Object.fromEntries(shared.map((language, i) => [language, accuracy[i]!])), rows };
}
