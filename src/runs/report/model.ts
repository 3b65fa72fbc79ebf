import path from 'node:path';
import { aggregate, type Aggregate, type Comparison, compareRuns, bestFloors, type FidelityRow, fidelityRows, type FloorShare, type LanguageIdentifier, sampleFloors } from '../../core/analysis';
import { languageOf, RESOURCE_CLASSES, type ResourceClass } from '../../core/languages';
import { PairingError } from '../../core/statistics';
import { type RunManifest, type RunState, type Sample } from '../../protocol/run';
import { plannedItems } from '../../protocol/shard';
import { readManifestOf, readSamples, readState } from '../store';
import { sampleRows, writtenSamples } from '../summary';
import { type PublishedSystem, type ReferenceTable, systemsFor } from './reference';

/** A run as it lies on the disk. */
export interface RunSource {
  readonly folder: string;
  readonly manifest: RunManifest;
  readonly state?: RunState;
  readonly samples: readonly Sample[];
  readonly damagedLines: readonly number[];
}

/** Reads a run folder. @throws RunError when it is no run */
export function readRun(folder: string): RunSource {
  const manifest = readManifestOf(folder);
  const { samples, damagedLines } = readSamples(folder);
  return { folder: path.resolve(folder), manifest, state: readState(folder), samples, damagedLines };
}

export interface ReportRun extends RunSource {
  /** Name in tables: the user's name of the run, or bundle and precision; unique in a report. */
  readonly label: string;
  readonly aggregate: Aggregate;
  readonly floors: ReadonlyMap<string, FloorShare>;
  /** Scripts and languages of the completions; empty for log-likelihood runs, whose answers the model did not write. */
  readonly fidelity: readonly FidelityRow[];
  /** Samples that the plan asks for. */
  readonly planned: number;
  readonly scorer: string;
}

/** The first run against a later one, or why they cannot be paired. */
export interface ReportComparison {
  readonly a: ReportRun;
  readonly b: ReportRun;
  readonly result?: Comparison;
  readonly refused?: string;
}

export type ReportClass = ResourceClass | 'other';

export interface Report {
  readonly runs: readonly ReportRun[];
  /** Languages of any run, by resource class. */
  readonly classes: readonly { readonly key: ReportClass; readonly languages: readonly string[] }[];
  readonly comparisons: readonly ReportComparison[];
  /** Published numbers for the benchmark of the first run. */
  readonly published: readonly PublishedSystem[];
  /** What a reader must know before he trusts a number: unfinished runs, failures, different scorers. */
  readonly notes: readonly string[];
}

export interface ReportOptions {
  readonly reference?: ReferenceTable;
  /** Samples shown per language: wrong and right ones. */
  readonly wrong?: number;
  readonly right?: number;
  readonly resamples?: number;
  /** Names the language of the answers' sentences; without it only scripts are told. */
  readonly identifier?: LanguageIdentifier;
}

/** Everything the formats show, computed once. Pure: the same runs give the same report. */
export function buildReport(sources: readonly RunSource[], options: ReportOptions = {}): Report {
  const labels = uniqueLabels(sources);
  const rows = sources.map((source) => sampleRows(source.samples));
  const runs = sources.map((source, i): ReportRun => {
    const shares = bestFloors(sampleFloors(source.samples));
    const { scorer } = source.manifest.environment;
    return {
      ...source,
      label: labels[i]!,
      aggregate: aggregate(rows[i]!, { floors: shares, resamples: options.resamples }),
      floors: shares,
      fidelity: fidelityRows(writtenSamples(source.samples), options.identifier),
      planned: plannedItems(source.manifest.plan),
      scorer: `${scorer.name}/${scorer.version}`,
    };
  });
  const comparisons = runs.slice(1).map((b, i): ReportComparison => {
    const a = runs[0]!;
    try {
      return { a, b, result: compareRuns(rows[0]!, rows[i + 1]!, { names: [a.label, b.label], resamples: options.resamples }) };
    } catch (e) {
      if (e instanceof PairingError) return { a, b, refused: e.message };
      throw e;
    }
  });
  const codes = [...new Set(runs.flatMap((run) => run.aggregate.languages.map((row) => row.language)))].sort((a, b) => (a < b ? -1 : 1));
  const classes = [...RESOURCE_CLASSES, 'other' as const]
    .map((key) => ({ key, languages: codes.filter((code) => classOf(code) === key) }))
    .filter((group) => group.languages.length > 0);
  const benchmark = runs[0]?.manifest.environment.benchmark.name;
  const published = options.reference && benchmark !== undefined && runs[0]?.manifest.environment.mode === undefined ? systemsFor(options.reference, benchmark) : [];
  return { runs, classes, comparisons, published, notes: reportNotes(runs, comparisons) };
}

export const classOf = (code: string): ReportClass => languageOf(code)?.resourceClass ?? 'other';

/** Names of runs that stand side by side: the user's, or bundle, precision and calculator; with the scorer or a number where that is not enough. */
export function uniqueLabels(sources: readonly Pick<RunSource, 'manifest' | 'state'>[]): string[] {
  const base = sources.map(({ manifest, state }) => state?.name?.trim() || `${manifest.environment.bundle.name} (${manifest.environment.bundle.precision}${manifest.environment.calculator ? ', calculator' : ''})`);
  const scored = base.map((label, i) => {
    const others = sources.filter((_, k) => k !== i && base[k] === label);
    const scorer = sources[i]!.manifest.environment.scorer.name;
    return others.length > 0 && others.some((o) => o.manifest.environment.scorer.name !== scorer) ? `${label}, ${scorer}` : label;
  });
  return scored.map((label, i) => {
    const before = scored.slice(0, i).filter((other) => other === label).length;
    return before === 0 ? label : `${label} #${before + 1}`;
  });
}

function reportNotes(runs: readonly ReportRun[], comparisons: readonly ReportComparison[]): string[] {
  const notes: string[] = [];
  const say = (run: ReportRun, text: string): void => void notes.push(runs.length > 1 ? `${run.label}: ${text}` : text[0]!.toUpperCase() + text.slice(1));
  for (const run of runs) {
    const status = run.state?.status ?? 'planned';
    if (run.samples.length < run.planned) say(run, `the run is not complete (${run.samples.length} of ${run.planned} samples, status ${status}). Every figure is over what is there.`);
    if (run.damagedLines.length > 0) say(run, `${run.damagedLines.length === 1 ? 'line' : 'lines'} ${run.damagedLines.join(', ')} of samples.jsonl could not be read and ${run.damagedLines.length === 1 ? 'is' : 'are'} left out.`);
    const failed = run.aggregate.languages.reduce((sum, row) => sum + row.failed, 0);
    if (failed > 0) say(run, `${failed} ${failed === 1 ? 'sample' : 'samples'} failed in the engine and ${failed === 1 ? 'counts' : 'count'} as wrong.`);
    const ambiguous = run.samples.filter((s) => s.ambiguous).length;
    if (ambiguous > 0) say(run, `${ambiguous} ${ambiguous === 1 ? 'score rests' : 'scores rest'} on a number that can be read in two ways.`);
    const below = run.aggregate.languages.filter((row) => row.aboveFloor === false).map((row) => row.language);
    if (below.length > 0) say(run, `not above the best trivial answer (lower end of the interval) in ${below.length} of ${run.aggregate.languages.length} languages: ${below.join(', ')}.`);
  }
  const scorers = new Set(runs.map((run) => run.scorer));
  if (scorers.size > 1) notes.push(`The runs were scored by different scorers (${[...scorers].join(', ')}); differences may be the scorers’.`);
  for (const c of comparisons) if (c.refused !== undefined) notes.push(`${c.a.label} and ${c.b.label} were not compared: ${c.refused}`);
  return notes;
}
