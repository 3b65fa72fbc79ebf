import { DEFAULT_RESAMPLES, type Interval, Random, sortedQuantile, wilson } from '../statistics';
import { centredGram, debiasedCka, linearCka } from './cka';
import { fitPca, type Pca, project } from './pca';
import { retrieval, unitRows, type VectorTable } from './retrieval';

export interface CosineGap {
  /** Mean cosine of a text and its own translation. */
  readonly parallel: number;
  /** Mean cosine of a text and all other texts of the reference language: what anisotropy alone gives. */
  readonly random: number;
  /** The difference: 0 when the states say nothing about which text it is. */
  readonly gap: number;
  /** Percentile bootstrap over problems, 95 %. */
  readonly interval: Interval;
}

export interface Resampling {
  readonly seed: number | string;
  readonly resamples?: number;
}

/** Mean cosine of parallel minus non-parallel pairs. @throws RangeError when the tables do not pair up or have one row */
export function cosineGap(queries: VectorTable, targets: VectorTable, { seed, resamples = DEFAULT_RESAMPLES }: Resampling): CosineGap {
  const { count, width } = queries;
  if (targets.count !== count || targets.width !== width || count < 2) throw new RangeError(`Cannot compare ${count} × ${width} with ${targets.count} × ${targets.width} states; both need the same size and at least 2 rows.`);
  const q = unitRows(queries);
  const t = unitRows(targets);
  const sum = new Float64Array(width);
  for (let j = 0; j < count; j++) for (let d = 0; d < width; d++) sum[d]! += t[j * width + d]!;
  const gaps = new Float64Array(count);
  let [parallel, random] = [0, 0];
  for (let i = 0; i < count; i++) {
    let [own, all] = [0, 0];
    for (let d = 0; d < width; d++) {
      own += q[i * width + d]! * t[i * width + d]!;
      all += q[i * width + d]! * sum[d]!;
    }
    const others = (all - own) / (count - 1);
    parallel += own / count;
    random += others / count;
    gaps[i] = own - others;
  }
  return { parallel, random, gap: parallel - random, interval: bootstrapMean(gaps, new Random(seed), resamples) };
}

function bootstrapMean(values: Float64Array, random: Random, resamples: number): [number, number] {
  const means = Float64Array.from({ length: resamples }, () => {
    let sum = 0;
    for (let i = 0; i < values.length; i++) sum += values[random.integer(values.length)]!;
    return sum / values.length;
  }).sort();
  return [sortedQuantile(means, 0.025), sortedQuantile(means, 0.975)];
}

export interface LanguageProbe {
  /** Share of texts whose language is told from their state. */
  readonly accuracy: number;
  /** What guessing gives: 1 / languages. */
  readonly chance: number;
  /** Percentile bootstrap over problems (all translations of a problem together), 95 %. */
  readonly interval: Interval;
  /** Share of each language's texts that are told right. */
  readonly byLanguage: ReadonlyMap<string, number>;
  readonly folds: number;
}

/**
 * How well states tell the language: nearest class centroid (Euclidean), cross-validated. All translations of a problem are
 * held out together (problem i is in fold i mod `folds`), so that content cannot give the language away. States that are
 * neutral to language come near chance.
 *
 * @param tables per language, row i of each the same problem
 * @throws RangeError for fewer than two languages or fewer problems than folds
 */
export function languageProbe(tables: ReadonlyMap<string, VectorTable>, { seed, resamples = DEFAULT_RESAMPLES }: Resampling, folds = 5): LanguageProbe {
  const languages = [...tables.keys()];
  const all = [...tables.values()];
  const { count, width } = all[0] ?? { count: 0, width: 0 };
  if (languages.length < 2 || count < folds || all.some((t) => t.count !== count || t.width !== width)) {
    throw new RangeError(`The language probe needs at least 2 languages with the same ${folds} or more problems; it got ${languages.length} with ${count}.`);
  }
  const right = languages.map(() => new Uint8Array(count));
  for (let fold = 0; fold < folds; fold++) {
    const centroids = all.map(({ vectors }) => {
      const mean = new Float64Array(width);
      let n = 0;
      for (let i = 0; i < count; i++) {
        if (i % folds === fold) continue;
        n += 1;
        for (let d = 0; d < width; d++) mean[d]! += vectors[i * width + d]!;
      }
      return mean.map((v) => v / n);
    });
    for (let i = fold; i < count; i += folds) {
      all.forEach(({ vectors }, l) => {
        let [best, nearest] = [Infinity, -1];
        centroids.forEach((c, candidate) => {
          let distance = 0;
          for (let d = 0; d < width; d++) distance += (vectors[i * width + d]! - c[d]!) ** 2;
          if (distance < best) [best, nearest] = [distance, candidate];
        });
        if (nearest === l) right[l]![i] = 1;
      });
    }
  }
  const shares = Float64Array.from({ length: count }, (_, i) => right.reduce((s, r) => s + r[i]!, 0) / languages.length);
  return {
    accuracy: shares.reduce((a, b) => a + b, 0) / count,
    chance: 1 / languages.length,
    interval: bootstrapMean(shares, new Random(seed), resamples),
    byLanguage: new Map(languages.map((language, l) => [language, right[l]!.reduce((a, b) => a + b, 0) / count])),
    folds,
  };
}

export interface Correlation {
  /** Pairs that were used. */
  readonly n: number;
  readonly pearson: number;
  readonly spearman: number;
  /** Percentile bootstrap over the pairs, 95 %; resamples in which one side does not vary are left out. */
  readonly pearsonInterval: Interval;
  readonly spearmanInterval: Interval;
}

/** Pearson's and Spearman's correlation of paired values. @throws RangeError for different lengths or fewer than 3 pairs */
export function correlate(x: readonly number[], y: readonly number[], { seed, resamples = DEFAULT_RESAMPLES }: Resampling): Correlation {
  const n = x.length;
  if (y.length !== n || n < 3) throw new RangeError(`A correlation needs at least 3 pairs; there are ${n} and ${y.length} values.`);
  const random = new Random(seed);
  const draws: [number[], number[]] = [[], []];
  for (let b = 0; b < resamples; b++) {
    const picked = Array.from({ length: n }, () => random.integer(n));
    const [px, py] = [picked.map((i) => x[i]!), picked.map((i) => y[i]!)];
    [pearson(px, py), pearson(ranks(px), ranks(py))].forEach((r, i) => {
      if (!Number.isNaN(r)) draws[i]!.push(r);
    });
  }
  const [byValue, byRank] = draws.map((d): [number, number] => {
    const sorted = Float64Array.from(d).sort();
    return [sortedQuantile(sorted, 0.025), sortedQuantile(sorted, 0.975)];
  });
  return { n, pearson: pearson(x, y), spearman: pearson(ranks(x), ranks(y)), pearsonInterval: byValue!, spearmanInterval: byRank! };
}

function pearson(x: readonly number[], y: readonly number[]): number {
  const mean = (v: readonly number[]): number => v.reduce((a, b) => a + b, 0) / v.length;
  const [mx, my] = [mean(x), mean(y)];
  let [xy, xx, yy] = [0, 0, 0];
  for (let i = 0; i < x.length; i++) {
    xy += (x[i]! - mx) * (y[i]! - my);
    xx += (x[i]! - mx) ** 2;
    yy += (y[i]! - my) ** 2;
  }
  return xx > 0 && yy > 0 ? Math.max(-1, Math.min(1, xy / Math.sqrt(xx * yy))) : NaN;
}

/** Ranks from 1; equal values share their mean rank. */
function ranks(values: readonly number[]): number[] {
  const order = values.map((_, i) => i).sort((a, b) => values[a]! - values[b]!);
  const out = new Array<number>(values.length);
  for (let at = 0; at < order.length; ) {
    let end = at + 1;
    while (end < order.length && values[order[end]!] === values[order[at]!]) end += 1;
    for (let i = at; i < end; i++) out[order[i]!] = (at + 1 + end) / 2;
    at = end;
  }
  return out;
}

export interface AlignmentRow {
  readonly language: string;
  readonly n: number;
  /** From the language to the reference, with Wilson's interval, and back. */
  readonly recallAt1: number;
  readonly recallInterval: Interval;
  readonly mrr: number;
  readonly reverseRecallAt1: number;
  readonly reverseMrr: number;
  readonly cosine: CosineGap;
  readonly cka: number;
  readonly ckaDebiased: number;
  /** Problems whose own translation is not the nearest: index, rank of the right one, index of what was found. */
  readonly misses: readonly { readonly query: number; readonly rank: number; readonly found: number }[];
}

export interface StageAlignment {
  readonly rows: readonly AlignmentRow[];
  readonly probe: LanguageProbe | null;
  readonly pca: Pca;
  /** Coordinates per language, [problems, components]. */
  readonly points: ReadonlyMap<string, Float64Array>;
}

export interface StageOptions extends Resampling {
  readonly reference: string;
  /** On what the projection is fitted: a language, all of them, or a projection that was fitted elsewhere. */
  readonly baseline: string | Pca;
  readonly standardise?: boolean;
}

/** Numbers of one language against the reference. @param targetGram `centredGram(target)`, made once for all languages */
export function alignRow(language: string, table: VectorTable, target: VectorTable, targetGram: Float64Array, { seed, resamples }: Resampling): AlignmentRow {
  const there = retrieval(table, target);
  const back = retrieval(target, table);
  const gram = centredGram(table);
  return {
    language,
    n: there.n,
    recallAt1: there.recallAt1,
    recallInterval: wilson(there.n - there.misses.length, there.n),
    mrr: there.mrr,
    reverseRecallAt1: back.recallAt1,
    reverseMrr: back.mrr,
    cosine: cosineGap(table, target, { seed: `${seed}/${language}`, resamples }),
    cka: linearCka(gram, targetGram),
    ckaDebiased: debiasedCka(gram, targetGram, table.count),
    misses: there.misses,
  };
}

const FOLDS = 5;

/**
 * Everything about one stage: retrieval, cosine gap and CKA per language against the reference, language probe, 2-D map.
 *
 * @param between awaited after each language: the place to let messages in, and to throw when cancelled
 */
export async function alignStage(tables: ReadonlyMap<string, VectorTable>, options: StageOptions, between: (done: number, of: number) => Promise<void> = () => Promise.resolve()): Promise<StageAlignment> {
  const { reference, seed, resamples, baseline } = options;
  const target = tables.get(reference);
  if (!target) throw new RangeError(`The reference language "${reference}" is not among the states.`);
  const targetGram = centredGram(target);
  const others = [...tables].filter(([language]) => language !== reference);
  const rows: AlignmentRow[] = [];
  for (const [language, table] of others) {
    rows.push(alignRow(language, table, target, targetGram, { seed, resamples }));
    await between(rows.length, others.length);
  }
  const probe = tables.size >= 2 && target.count >= FOLDS ? languageProbe(tables, { seed: `${seed}/probe`, resamples }, FOLDS) : null;
  await between(others.length, others.length);
  const pca = typeof baseline === 'string' ? fitMap(tables, baseline, options.standardise) : baseline;
  return { rows, probe, pca, points: new Map([...tables].map(([language, table]) => [language, project(pca, table)])) };
}

/** The two components of a map, fitted on the states of one language or of all. @throws RangeError for a language that is not there */
export function fitMap(tables: ReadonlyMap<string, VectorTable>, baseline: string, standardise?: boolean): Pca {
  return fitPca(baseline === 'all' ? stackTables([...tables.values()]) : known(tables, baseline), 2, { standardise });
}

function known(tables: ReadonlyMap<string, VectorTable>, language: string): VectorTable {
  const table = tables.get(language);
  if (!table) throw new RangeError(`The baseline language "${language}" is not among the states.`);
  return table;
}

/** All rows one below the other. */
export function stackTables(tables: readonly VectorTable[]): VectorTable {
  const { width } = tables[0]!;
  const count = tables.reduce((s, t) => s + t.count, 0);
  const vectors = new Float32Array(count * width);
  let at = 0;
  for (const t of tables) {
    vectors.set(t.vectors, at);
    at += t.vectors.length;
  }
  return { vectors, count, width };
}
