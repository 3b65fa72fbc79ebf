import fs from 'node:fs';
import path from 'node:path';
import { type CancellationToken } from 'vscode-jsonrpc/node';
import { fitMap, stackTables } from '../../core/analysis/alignment';
import { project } from '../../core/analysis/pca';
import { type VectorTable } from '../../core/analysis/retrieval';
import { fitUmap } from '../../core/analysis/umap';
import { languageName } from '../../core/languages';
import { promptTemplate } from '../../core/prompts';
import { type Problem } from '../../core/benchmarks';
import { EngineClient } from '../../engine/client';
import { type AlignmentCorrelation } from '../../protocol/alignment';
import {
  type AlignmentRequest, type AlignmentRun, type AlignmentStatus, type AlignmentView, type MapParams, type MapView, type NearToken, type PointTexts, type RunColours, type SoftAnswer, type SoftParams,
} from '../../protocol/alignmentpanel';
import { type Outcome } from '../../protocol/panels';
import { type ProbeToken } from '../../protocol/probe';
import { align, type AlignOptions, type AlignOutcome, correlateWithRun, findAlignment } from '../../runs/align';
import { loadBenchmark } from '../../runs/benchmark';
import { RunError } from '../../runs/errors';
import { listRuns } from '../../runs/list';
import { resolveBundle } from '../../runs/locations';
import { readManifestOf, readSamples } from '../../runs/store';
import { readStates } from '../../runs/states';
import { outcomeOf } from './runindex';

export interface DeskSettings {
  readonly request: AlignmentRequest;
  readonly runsFolder: string;
  /** 0: all cores. */
  readonly threads: number;
  readonly batch: number;
}

/** Neighbours in each list of "what the LLM reads". */
const NEAREST = 5;
/** An engine that nobody has asked for so long is ended; the next question starts another. */
const ENGINE_IDLE_MS = 120_000;
const KEPT_TABLES = 4;
const SEED = 1;

/** The analysis behind one alignment panel: runs it or finds it in the cache, and answers what the panel asks about it. */
export class AlignmentDesk {
  private outcomes: readonly AlignOutcome[] | undefined;
  private texts: readonly Problem[] | undefined;
  private readonly maps = new Map<string, MapView>();
  private readonly tables = new Map<string, ReadonlyMap<string, VectorTable>>();
  private engine: { readonly bundle: number; readonly client: Promise<EngineClient> } | undefined;
  private idle: NodeJS.Timeout | undefined;

  constructor(
    private readonly settings: DeskSettings,
    private readonly onStatus: (status: AlignmentStatus) => void = () => undefined,
  ) {}

  private options(bundle: string, signal?: AbortSignal): AlignOptions {
    const { request: r, runsFolder, threads, batch } = this.settings;
    return {
      bundle, benchmark: r.benchmark, languages: r.languages, reference: r.reference, seed: r.seed, precision: r.precision, layers: r.layers, normalise: r.normalise, runsFolder, threads, batch, signal,
      ...(r.ids ? { ids: r.ids } : r.limit === null ? {} : { limit: r.limit }),
    };
  }

  /** True when every bundle's result is in the cache; no model is loaded for it. @throws RunError / BundleError in words */
  async find(): Promise<boolean> {
    const found: AlignOutcome[] = [];
    for (const bundle of this.settings.request.bundles) {
      const outcome = await findAlignment(this.options(bundle));
      if (!outcome) return false;
      found.push(outcome);
    }
    this.outcomes = found;
    return true;
  }

  /** Runs what is not cached, one bundle after the other. @throws Error in words; `cancelled` when the signal says so */
  async analyse(signal: AbortSignal): Promise<void> {
    const { bundles } = this.settings.request;
    const found: AlignOutcome[] = [];
    for (const [bundle, dir] of bundles.entries()) {
      let readingSince = 0;
      const onProgress: AlignOptions['onProgress'] = (message, done, of, share) => {
        const step = message === 'reading' ? 'reading' : message.startsWith('comparing') ? 'comparing' : 'loading';
        if (step === 'reading' && readingSince === 0) readingSince = performance.now();
        // The first groups say nothing yet about the pace: the model is still being paged in.
        const etaSeconds = share !== undefined && share > 0.02 ? ((performance.now() - readingSince) / 1000) * ((1 - share) / share) : undefined;
        this.onStatus({ status: 'working', bundle, bundles: bundles.length, step, done, of, ...(share === undefined ? {} : { share }), ...(etaSeconds === undefined ? {} : { etaSeconds }) });
      };
      this.onStatus({ status: 'working', bundle, bundles: bundles.length, step: 'loading', done: 0, of: 1 });
      found.push(await align({ ...this.options(dir, signal), onProgress }));
    }
    this.outcomes = found;
  }

  private get ready(): readonly AlignOutcome[] {
    if (!this.outcomes) throw new RunError('The analysis has not been run yet.');
    return this.outcomes;
  }

  /** @throws RunError when the analysis has not been run */
  view(): AlignmentView {
    const outcomes = this.ready;
    const { reference, languages, ids, benchmark } = outcomes[0]!.result;
    const names = outcomes.map(({ result: { bundle } }, i) => (outcomes.some((o, j) => j !== i && o.result.bundle.name === bundle.name) ? `${bundle.name} (${i + 1})` : bundle.name));
    const rank = (stage: string): number => (stage === 'encoder' ? -2 : stage === 'aligned' ? -1 : Number(stage.slice(3)));
    return {
      bundles: outcomes.map(({ result: { stages, correlation: _, ...rest }, cached }, i) => ({
        ...rest, folder: resolveBundle(this.settings.request.bundles[i]!), name: names[i]!, cached, stages: stages.map(({ pca: _pca, points: _points, ...stage }) => stage),
      })),
      stages: [...new Set(outcomes.flatMap((o) => o.result.stages.map((s) => s.stage)))].sort((a, b) => rank(a) - rank(b)),
      reference, languages, ids, runs: this.runs(benchmark.title),
    };
  }

  private runs(benchmark: string): AlignmentRun[] {
    const listed = listRuns(this.settings.runsFolder).filter((r) => r.status !== 'damaged' && r.benchmark === benchmark && r.done > 0)
      .map((r): AlignmentRun => ({ folder: r.path, name: r.name ?? `${r.bundle} · ${r.created.slice(0, 16).replace('T', ' ')}`, accuracy: r.accuracy }));
    const given = this.settings.request.run;
    if (given === undefined || listed.some((r) => r.folder === given)) return listed;
    try {
      const { environment } = readManifestOf(given);
      return [{ folder: given, name: `${environment.bundle.name} · ${path.basename(given)}`, accuracy: null }, ...listed];
    } catch {
      return listed; // The run was deleted since.
    }
  }

  private stageTables(bundle: number, stage: string): ReadonlyMap<string, VectorTable> | undefined {
    const outcome = this.ready[bundle];
    if (!outcome?.states || !outcome.result.stages.some((s) => s.stage === stage)) return undefined;
    const key = `${bundle}/${stage}`;
    let tables = this.tables.get(key);
    if (!tables) {
      tables = readStates(outcome.states.file, outcome.states.fingerprint, [stage])?.tables.get(stage);
      if (!tables) {
        // Without its states the result no longer counts as cached, so that analysing again makes both anew.
        fs.rmSync(outcome.states.file, { force: true });
        throw new RunError(`The states of this analysis (${outcome.states.file}) are damaged or gone. Analyse again.`);
      }
    }
    this.tables.delete(key);
    this.tables.set(key, tables);
    for (const old of this.tables.keys()) {
      if (this.tables.size <= KEPT_TABLES) break;
      this.tables.delete(old);
    }
    return tables;
  }

  /** Coordinates of every point. @throws RunError for a stage that the bundle does not have; `cancelled` */
  async map(params: MapParams, token?: CancellationToken): Promise<MapView> {
    const key = JSON.stringify(params.method === 'umap' ? [params.bundle, params.stage, 'umap'] : params);
    const known = this.maps.get(key);
    if (known) return known;
    const own = this.stageTables(params.bundle, params.stage);
    if (!own) throw new RunError(`This bundle has no stage "${params.stage}".`);
    let view: MapView;
    if (params.method === 'umap') {
      const between = async (): Promise<void> => {
        await new Promise((resolve) => setImmediate(resolve));
        if (token?.isCancellationRequested) throw new Error('cancelled');
      };
      view = { points: short(await fitUmap(stackTables([...own.values()]), { seed: SEED }, between)), explained: null, fitBundle: params.bundle };
    } else {
      const asked = this.stageTables(params.fitBundle, params.stage);
      const width = [...own.values()][0]!.width;
      const fits = asked !== undefined && [...asked.values()][0]!.width === width;
      const pca = fitMap(fits ? asked : own, params.fitLanguage, params.standardise);
      const components = pca.variance.length;
      const points = [...own.values()].flatMap((table) => {
        const flat = project(pca, table);
        return Array.from({ length: table.count }, (_, i) => [components > 0 ? flat[i * components]! : 0, components > 1 ? flat[i * components + 1]! : 0]).flat();
      });
      view = { points: short(points), explained: [...pca.ratio], fitBundle: fits ? params.fitBundle : params.bundle };
    }
    this.maps.set(key, view);
    return view;
  }

  /** How a run answered the same problems. @throws RunError when the folder is not a run */
  colours(run: string): RunColours {
    const { languages, ids } = this.ready[0]!.result;
    readManifestOf(run);
    const place = new Map(ids.map((id, i) => [id, i]));
    const outcomes = new Array<Outcome | null>(languages.length * ids.length).fill(null);
    const counts = languages.map(() => ({ right: 0, n: 0 }));
    for (const sample of readSamples(run).samples) {
      const l = languages.indexOf(sample.language);
      if (l < 0) continue;
      counts[l]!.n += 1;
      if (sample.correct) counts[l]!.right += 1;
      const i = place.get(sample.id);
      if (i !== undefined) outcomes[l * ids.length + i] = outcomeOf(sample);
    }
    let refused: string | null = null;
    const correlations = this.ready.map(({ result }): AlignmentCorrelation | null => {
      try {
        return correlateWithRun(result, run);
      } catch (e) {
        if (!(e instanceof RunError)) throw e;
        refused = e.message;
        return null;
      }
    });
    return { accuracy: counts.map((c) => (c.n > 0 ? c : null)), outcomes, correlations, refused };
  }

  /** The problems in the order of the points. */
  private problems(): readonly Problem[] {
    if (!this.texts) {
      const { languages, ids } = this.ready[0]!.result;
      const { benchmark } = loadBenchmark(this.settings.request.benchmark);
      this.texts = languages.flatMap((language) => {
        const byId = new Map(benchmark.problems.get(language)!.map((p) => [p.id, p]));
        return ids.map((id) => byId.get(id)!);
      });
    }
    return this.texts;
  }

  search(text: string): number[] {
    const wanted = text.trim().toLocaleLowerCase();
    if (wanted === '') return [];
    return this.problems().flatMap((p, i) => ([p.question, p.id, p.language, languageName(p.language)].some((t) => t.toLocaleLowerCase().includes(wanted)) ? [i] : []));
  }

  pointTexts(points: readonly number[]): PointTexts[] {
    const problems = this.problems();
    return points.map((p) => ({ question: problems[p]?.question ?? '' }));
  }

  /** The problem as it was asked. @throws RunError when it is not part of the analysis */
  problem(language: string, id: string): Problem {
    const { languages, ids } = this.ready[0]!.result;
    const problem = this.problems()[languages.indexOf(language) * ids.length + ids.indexOf(id)];
    if (!problem || problem.language !== language || problem.id !== id) throw new RunError(`The analysis has no problem ${language}/${id}.`);
    return problem;
  }

  /** What the LLM of a bundle is given for a problem. Loads the bundle when it is not loaded. @throws the engine's error in words */
  async soft({ bundle, language, id }: SoftParams, token?: CancellationToken): Promise<SoftAnswer> {
    const outcome = this.ready[bundle];
    if (!outcome) throw new RunError('There is no such bundle in this panel.');
    const problem = this.problem(language, id);
    if (!outcome.result.stages.some((s) => s.stage === 'aligned')) return { none: 'This bundle has no encoder and no alignment layer: its LLM reads the text itself.' };
    const abort = new AbortController();
    token?.onCancellationRequested(() => abort.abort());
    const template = promptTemplate(outcome.result.template.name);
    const { probe } = await this.loaded(bundle);
    const opened = await probe.open({ ...template.render(problem, { benchmark: outcome.result.benchmark.name }), chat: template.chat, ...(outcome.result.settings.normalise === false ? { normalise: false } : {}) }, { signal: abort.signal });
    try {
      const soft = await probe.soft(opened.handle, NEAREST, abort.signal);
      const byId = new Map(soft.tokens.map((t) => [t.id, t]));
      const positions = opened.lm.positions.filter((p) => p.stage === 'soft');
      const near = (ids: Int32Array, values: Float32Array, slot: number): NearToken[] =>
        Array.from({ length: soft.k }, (_, k) => ({ ...shown(byId.get(ids[slot * soft.k + k]!)!), value: values[slot * soft.k + k]! }));
      return {
        soft: {
          slots: Array.from({ length: soft.slots }, (_, slot) => {
            const source = positions[slot]?.source ?? null;
            const token_ = typeof source === 'number' ? opened.encoder?.tokens[source] : undefined;
            return {
              source: typeof source === 'string' ? source : token_ ? { ...shown(token_), special: token_.special } : null,
              before: Number.isNaN(soft.before[slot]!) ? null : soft.before[slot]!,
              after: soft.after[slot]!,
              cosine: near(soft.cosineIds, soft.cosine, slot),
              distance: near(soft.distanceIds, soft.distance, slot),
            };
          }),
          embeddings: soft.embeddings,
        },
      };
    } finally {
      await probe.close(opened.handle).catch(() => undefined);
      this.rest();
    }
  }

  private async loaded(bundle: number): Promise<EngineClient> {
    clearTimeout(this.idle);
    if (this.engine && (this.engine.bundle !== bundle || !(await this.engine.client.then((c) => c.alive, () => false)))) await this.release();
    this.engine ??= { bundle, client: this.load(bundle) };
    const own = this.engine;
    try {
      return await own.client;
    } catch (e) {
      if (this.engine === own) this.engine = undefined;
      throw e;
    }
  }

  private async load(bundle: number): Promise<EngineClient> {
    const { request, threads } = this.settings;
    const client = new EngineClient();
    const { precision } = this.ready[bundle]!.result.bundle;
    try {
      await client.load({ dir: resolveBundle(request.bundles[bundle]!), precision: precision as 'fp32', provider: precision === 'fp16' ? 'auto' : 'cpu', threads, memoryCeiling: 0, batch: 1 });
      return client;
    } catch (e) {
      await client.close();
      throw e;
    }
  }

  private rest(): void {
    clearTimeout(this.idle);
    this.idle = setTimeout(() => void this.release(), ENGINE_IDLE_MS);
    this.idle.unref();
  }

  /** Ends the engine, if one is loaded. */
  async release(): Promise<void> {
    clearTimeout(this.idle);
    const own = this.engine;
    this.engine = undefined;
    await own?.client.then((c) => c.close(), () => undefined);
  }
}

const shown = ({ text, hex }: ProbeToken): { text: string; hex?: string } => (hex === undefined ? { text } : { text, hex });

/** Five significant digits: more than a screen shows. */
const short = (values: Iterable<number>): number[] => Array.from(values, (v) => Number(v.toPrecision(5)));
