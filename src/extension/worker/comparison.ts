import fs from 'node:fs';
import path from 'node:path';
import { compareRuns, type ComparableSample, type Comparison, quadrantOf } from '../../core/analysis/compare';
import { type FloorShare, resultTable } from '../../core/analysis/aggregate';
import { commonSamples, compareMany } from '../../core/analysis/many';
import { scorerByName, SCORER_NAMES } from '../../core/scoring';
import { agreementMatrix, consistency, PairingError, pairSamples } from '../../core/statistics';
import { type AgreementView, type CompareView, type FloorsView, type GroupDifference, type ListParams, type ManyAnswer, type ManyParams, type PairAnswer, type PairKey, type PairLine, type PairPage, type PairParams, type PairSample, type PairView, type ScorerRow, type ScorersView, type Side, type SideView, type TrendView } from '../../protocol/compare';
import { type Outcome } from '../../protocol/panels';
import { meanProbability, type Sample } from '../../protocol/run';
import { plannedItems } from '../../protocol/shard';
import { RunError } from '../../runs/errors';
import { rescoreSamples } from '../../runs/rescore';
import { uniqueLabels } from '../../runs/report/model';
import { readManifestOf, readSamples, readState, sampleKey, SAMPLES } from '../../runs/store';
import { publishedFor, RunFloors } from './beside';
import { listRunsCached } from './catalogue';
import { outcomeOf, RunIndex } from './runindex';

/** What is kept of one scored sample; the texts stay on disk. */
interface Row extends ComparableSample {
  readonly outcome: Outcome;
}

const slim = (s: Sample): Row => ({ language: s.language, id: s.id, gold: s.gold, correct: s.correct, value: s.value, error: s.error, outcome: outcomeOf(s) });
const keyOf = (r: { readonly language: string; readonly id: string }): string => `${r.language}\u0000${r.id}`;
const shown = (value: number | string | null): string | null => (value === null ? null : String(value));
const finite = (x: number): number | null => (Number.isFinite(x) ? x : null);
const outcomeName = (r: Row): string => (r.correct ? 'correct' : (r.error ?? 'wrong'));

/** The rows of one run under any scorer. What was computed is dropped when samples.jsonl has changed. */
class ScoredRun {
  private stamp = '';
  private readonly scored = new Map<string, readonly Row[]>();
  private index: RunIndex | undefined;
  private known: { readonly stamp: string; readonly floors: RunFloors } | undefined;

  constructor(readonly folder: string) {}

  /** Changes whenever the samples do. */
  state(): string {
    const s = fs.statSync(path.join(this.folder, SAMPLES), { throwIfNoEntry: false });
    return s ? `${s.size}:${s.mtimeMs}` : '-';
  }

  /** @param scorer name, or empty for the run's own scores */
  rows(scorer: string): readonly Row[] {
    const now = this.state();
    if (now !== this.stamp) {
      this.scored.clear();
      this.stamp = now;
    }
    let rows = this.scored.get(scorer);
    if (!rows) {
      const { samples } = readSamples(this.folder);
      rows = (scorer === '' ? samples : rescoreSamples(samples, scorerByName(scorer))).map(slim);
      this.scored.set(scorer, rows);
    }
    return rows;
  }

  /** Floors over some of the run's samples. */
  floors(rows: readonly Row[]): ReadonlyMap<string, FloorShare> {
    const now = this.state();
    if (this.known?.stamp !== now) {
      const floors = new RunFloors();
      for (const s of readSamples(this.folder).samples) floors.add(s);
      this.known = { stamp: now, floors };
    }
    return this.known.floors.best(new Set(rows.map(sampleKey)));
  }

  sample(scorer: string, language: string, id: string): Sample | undefined {
    if (this.index) this.index.update();
    else this.index = new RunIndex(this.folder);
    const found = this.index.sample(language, id);
    return found && scorer !== '' ? rescoreSamples([found], scorerByName(scorer))[0] : found;
  }
}

/** One to six runs side by side: everything that the compare panel shows, computed in the worker and kept while it is open. */
export class Comparer {
  private readonly runs: readonly ScoredRun[];
  private readonly pairs = new Map<string, PairAnswer>();
  private lastMany: { readonly key: string; readonly answer: ManyAnswer } | undefined;
  private listed: { readonly key: string; readonly lines: readonly PairLine[] } | undefined;

  /** @throws RunError when a folder is not a run */
  constructor(readonly folders: readonly string[]) {
    folders.forEach(readManifestOf);
    this.runs = folders.map((folder) => new ScoredRun(folder));
  }

  private run(at: number): ScoredRun {
    const run = this.runs[at];
    if (!run) throw new RunError(`There is no run number ${at + 1} in this comparison.`);
    return run;
  }

  private rows({ run, scorer }: Side): readonly Row[] {
    return this.run(run).rows(scorer);
  }

  view(): CompareView {
    const sources = this.folders.map((folder) => ({ manifest: readManifestOf(folder), state: readState(folder) }));
    const names = uniqueLabels(sources);
    const runs = sources.map(({ manifest }, i) => {
      const rows = this.runs[i]!.rows('');
      const { bundle, benchmark, scorer } = manifest.environment;
      return {
        folder: this.folders[i]!, name: names[i]!, bundle: `${bundle.name} (${bundle.precision})`, benchmark: benchmark.title, scorer: `${scorer.name}/${scorer.version}`, fingerprint: manifest.fingerprint, created: manifest.created,
        n: rows.length, planned: plannedItems(manifest.plan), accuracy: rows.length === 0 ? null : rows.filter((r) => r.correct).length / rows.length,
      };
    });
    const benchmarks = new Set(sources.map(({ manifest: { environment: e } }) => `${e.benchmark.name} ${e.mode ?? ''}`));
    return { runs, scorers: scorersFor(this.runs.flatMap((r) => r.rows('').slice(0, 1))), published: benchmarks.size === 1 ? publishedFor(sources[0]!.manifest) : [] };
  }

  /** Changes with everything that a comparison of these two sides rests on. */
  private keyOfPair({ a, b, common }: PairParams): string {
    return JSON.stringify([a.run, a.scorer, this.run(a.run).state(), b.run, b.scorer, this.run(b.run).state(), common]);
  }

  private sides(params: PairParams): { readonly a: readonly Row[]; readonly b: readonly Row[]; readonly leftOut: readonly [number, number] } {
    const [a, b] = [this.rows(params.a), this.rows(params.b)];
    if (a.length === 0 || b.length === 0) throw new RunError('One of the two runs has no samples yet. Let it finish, then compare.');
    if (!params.common) return { a, b, leftOut: [0, 0] };
    const [inA, inB] = [keep(a, b), keep(b, a)];
    return { a: inA, b: inB, leftOut: [a.length - inA.length, b.length - inB.length] };
  }

  /** Differences, tests and intervals of two sides; or the reason why they cannot be paired, with the number of pairs that could. */
  pair(params: PairParams): PairAnswer {
    const key = `${this.keyOfPair(params)} ${params.correction}`;
    let answer = this.pairs.get(key);
    if (!answer) {
      const { a, b, leftOut } = this.sides(params);
      if (params.common && a.length === 0) throw new RunError('The two runs have no problem in common, so there is nothing to compare.');
      try {
        answer = { pair: pairView(compareRuns(a, b, { correction: params.correction }), leftOut) };
      } catch (e) {
        if (!(e instanceof PairingError)) throw e;
        answer = { refused: e.message, common: keep(a, b).length };
      }
      this.pairs.set(key, answer);
    }
    return answer;
  }

  /** Floors per language over A's samples of a pair. */
  floors(params: PairParams): FloorsView {
    return { languages: Object.fromEntries(this.run(params.a.run).floors(this.sides(params).a)) };
  }

  /** All runs against one of them under one scorer; or why they cannot be paired, with the number of problems that all of them hold. */
  many({ baseline, scorer, correction, common }: ManyParams): ManyAnswer {
    const key = JSON.stringify([baseline, scorer, correction, common, this.runs.map((r) => r.state())]);
    if (this.lastMany?.key === key) return this.lastMany.answer;
    const names = this.view().runs.map((r) => r.name);
    const all = this.runs.map((r) => r.rows(scorer));
    if (all.length < 2) throw new RunError('There is only one run here. Add another to compare it with.');
    this.run(baseline);
    const empty = names.filter((_, i) => all[i]!.length === 0);
    if (empty.length > 0) throw new RunError(`No samples yet in ${empty.join(', ')}. Let the run finish, or leave it out.`);
    const kept = common ? commonSamples(all) : all;
    if (kept[baseline]!.length === 0) throw new RunError('There is no problem that all of these runs hold, so there is nothing to compare.');
    let answer: ManyAnswer;
    try {
      const floors = this.runs[baseline]!.floors(kept[baseline]!);
      const many = compareMany(kept.map((samples, i) => ({ name: names[i]!, samples })), { baseline, correction, floors });
      answer = { many: { ...many, leftOut: all.map((samples, i) => samples.length - kept[i]!.length) } };
    } catch (e) {
      if (!(e instanceof PairingError)) throw e;
      answer = { refused: e.message, common: commonSamples(all)[baseline]!.length };
    }
    this.lastMany = { key, answer };
    return answer;
  }

  /** Sample pairs that fit the filter, by language and in the order of run A. */
  list(params: ListParams): PairPage {
    const { language, quadrants, readDiffers, shift } = params;
    const key = JSON.stringify([this.keyOfPair(params), language, quadrants, readDiffers, shift]);
    if (this.listed?.key !== key) {
      const { a, b } = this.sides(params);
      const wanted = new Set(quadrants);
      const lines = pairSamples(a, b)
        .filter(({ a: x, b: y }) => (language === '' || x.language === language) && (wanted.size === 0 || wanted.has(quadrantOf(x, y))) && (!readDiffers || x.value !== y.value) && (!shift || (outcomeName(x) === shift.from && outcomeName(y) === shift.to)))
        .map(({ a: x, b: y }): PairLine => ({ language: x.language, id: x.id, gold: x.gold, outcomes: [x.outcome, y.outcome], values: [shown(x.value), shown(y.value)] }));
      this.listed = { key, lines };
    }
    const { lines } = this.listed;
    const offset = Math.min(params.offset, lines.length);
    return { total: lines.length, offset, lines: lines.slice(offset, offset + Math.min(params.count, 1000)) };
  }

  sample({ a, b, language, id }: PairKey): PairSample {
    const sides = [a, b].map((side) => this.run(side.run).sample(side.scorer, language, id));
    const [first, second] = sides;
    if (!first || !second) throw new RunError(`One of the two runs has no sample ${language}/${id}.`);
    const twin = language === 'en' ? null : (this.run(a.run).sample('', 'en', id)?.question ?? null);
    return { language, id, question: first.question, twin, gold: first.gold, sides: [sideView(first), sideView(second)] };
  }

  /** Agreement of every pair of languages within one run. */
  agreement(side: Side): AgreementView {
    const rows = this.rows(side);
    const table = resultTable(rows);
    const matrix = agreementMatrix(table, rows.map((r) => ({ language: r.language, problemId: r.id, value: r.value })));
    const over = consistency(table);
    const values = (of: Float64Array): (number | null)[] => Array.from(of, finite);
    return {
      languages: matrix.languages, n: Array.from(matrix.n), sameAnswer: values(matrix.sameAnswer), sameCorrectness: values(matrix.sameCorrectness), kappa: values(matrix.kappa),
      consistency: { ...over, fleiss: finite(over.fleiss) },
    };
  }

  /** How the other scorers read the run: right answers, and where they disagree with the run's own scores. */
  scorers(at: number): ScorersView {
    const run = this.run(at);
    const own = run.rows('');
    const manifest = readManifestOf(run.folder);
    return {
      n: own.length,
      own: `${manifest.environment.scorer.name}/${manifest.environment.scorer.version}`,
      correct: own.filter((r) => r.correct).length,
      scorers: scorersFor(own).map((name): ScorerRow => {
        const rows = run.rows(name);
        return {
          scorer: `${name}/${scorerByName(name).version}`, name, correct: rows.filter((r) => r.correct).length,
          onlyOwn: own.filter((r, i) => r.correct && !rows[i]!.correct).length, onlyThis: own.filter((r, i) => !r.correct && rows[i]!.correct).length, readDiffers: own.filter((r, i) => r.value !== rows[i]!.value).length,
        };
      }),
    };
  }

  trend(at: number): TrendView {
    return trendOf(this.run(at).folder);
  }
}

/** The rows that have a partner with the same gold answer on the other side. */
function keep(rows: readonly Row[], others: readonly Row[]): readonly Row[] {
  const gold = new Map(others.map((r) => [keyOf(r), r.gold]));
  return rows.filter((r) => gold.get(keyOf(r)) === r.gold);
}

/** Scorers that fit the gold answers: those of numbers, or those of choices and labels. */
function scorersFor(rows: readonly Pick<Row, 'gold'>[]): readonly string[] {
  const numbers = rows.some((r) => r.gold.trim() !== '' && Number.isFinite(Number(r.gold)));
  return SCORER_NAMES.filter((name) => name.startsWith('choice') !== numbers);
}

function pairView(c: Comparison, leftOut: readonly [number, number]): PairView {
  const group = (by: GroupDifference['by'], key: string, g: Comparison['overall']): GroupDifference => ({ by, key, languages: g.languages.length, difference: g.difference, interval: [g.interval[0], g.interval[1]] });
  return {
    n: c.n,
    languages: c.languages.map((l) => ({
      language: l.language, n: l.n, accuracyA: l.accuracyA, accuracyB: l.accuracyB, difference: l.difference, interval: [l.interval[0], l.interval[1]],
      p: l.test.p, adjusted: c.correction === 'holm' ? l.holm : l.bh, significant: l.significant, quadrants: l.quadrants, detectable: finite(l.detectable),
    })),
    groups: c.groups.map((g) => group(g.by, g.key, g)),
    overall: group('all', 'all', c.overall),
    quadrants: c.quadrants, shifts: c.shifts, better: c.better.length, worse: c.worse.length,
    level: c.bootstrap.level, resamples: c.bootstrap.resamples, seed: c.bootstrap.seed, leftOut,
  };
}

function sideView(s: Sample): SideView {
  return {
    outcome: outcomeOf(s), completion: s.completion, value: shown(s.value), span: s.span, reading: s.reading, ambiguous: s.ambiguous, alternatives: s.alternatives ?? [], error: s.error ?? null, scorer: s.scorer,
    stopReason: s.stopReason, failure: s.failure ?? null, tokens: s.tokenIds.length, probability: meanProbability(s),
  };
}

/** Runs beside this one with the same bundle (by name) and benchmark, oldest first. A bundle that was trained on keeps its name. */
export function trendOf(folder: string): TrendView {
  const { bundle, benchmark } = readManifestOf(folder).environment;
  const points = listRunsCached(path.dirname(path.resolve(folder)))
    .filter((r) => r.status !== 'damaged' && r.done > 0)
    .map((r) => ({ listed: r, manifest: readManifestOf(r.path) }))
    .filter(({ manifest: { environment: e } }) => e.bundle.name === bundle.name && e.benchmark.name === benchmark.name)
    .reverse();
  const names = uniqueLabels(points.map(({ listed, manifest }) => ({ manifest, state: readState(listed.path) })));
  const shares = points.map(({ listed }) => {
    const counts = new Map<string, { n: number; right: number }>();
    for (const s of readSamples(listed.path).samples) {
      const c = counts.get(s.language) ?? { n: 0, right: 0 };
      counts.set(s.language, { n: c.n + 1, right: c.right + (s.correct ? 1 : 0) });
    }
    return counts;
  });
  const codes = [...new Set(shares.flatMap((s) => [...s.keys()]))].sort((a, b) => (a < b ? -1 : 1));
  const accuracy = (code: string): (number | null)[] => shares.map((s) => (s.has(code) ? s.get(code)!.right / s.get(code)!.n : null));
  const everywhere = codes.filter((code) => shares.every((s) => s.has(code)));
  return {
    bundle: bundle.name,
    benchmark: benchmark.title,
    points: points.map(({ listed, manifest: { environment: e } }, i) => ({ folder: listed.path, name: names[i]!, created: listed.created, bundle: `${e.bundle.name} (${e.bundle.precision})`, scorer: `${e.scorer.name}/${e.scorer.version}`, n: listed.done })),
    languages: codes.map((language) => ({ language, accuracy: accuracy(language) })),
    mean: shares.map((s) => (everywhere.length === 0 ? null : everywhere.reduce((sum, code) => sum + s.get(code)!.right / s.get(code)!.n, 0) / everywhere.length)),
    meanLanguages: everywhere.length,
  };
}
