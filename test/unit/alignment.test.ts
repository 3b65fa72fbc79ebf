import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { fitUmap } from '../../src/core/analysis/umap';
import { alignStage, correlate, cosineGap, languageProbe } from '../../src/core/analysis/alignment';
import { centredGram, debiasedCka, linearCka } from '../../src/core/analysis/cka';
import { klDivergence, nextTokenView, rankOf, topIndices } from '../../src/core/analysis/lens';
import { fitPca, project } from '../../src/core/analysis/pca';
import { retrieval, type VectorTable } from '../../src/core/analysis/retrieval';
import { Random } from '../../src/core/statistics';
import { ROOT } from '../helpers/paths';

type Numbers = readonly number[];
interface PcaGolden {
  readonly components: Numbers;
  readonly variance: Numbers;
  readonly ratio: Numbers;
  readonly points: Numbers;
}
interface Case {
  readonly count: number;
  readonly width: number;
  readonly states: Readonly<Record<string, Numbers>>;
  readonly rows: Readonly<Record<string, Readonly<Record<'recall' | 'mrr' | 'reverse_recall' | 'reverse_mrr' | 'parallel' | 'random' | 'cka' | 'cka_debiased', number>>>>;
  readonly probe: Readonly<Record<string, number>>;
  readonly pca_english: PcaGolden;
  readonly pca_all: PcaGolden;
  readonly pca_standardised: PcaGolden;
}

const golden = JSON.parse(fs.readFileSync(path.join(ROOT, 'test', 'fixtures', 'alignment', 'golden.json'), 'utf8')) as {
  readonly cases: readonly Case[];
  readonly correlation: { readonly x: Numbers; readonly y: Numbers; readonly pearson: number; readonly spearman: number };
};

const near = (actual: number, expected: number, what: string, tolerance = 1e-6): void => assert.ok(Math.abs(actual - expected) <= tolerance, `${what}: ${actual}, expected ${expected}`);
const allNear = (actual: ArrayLike<number>, expected: Numbers, what: string): void => {
  assert.equal(actual.length, expected.length, what);
  expected.forEach((e, i) => near(actual[i]!, e, `${what}[${i}]`));
};
const tablesOf = (c: Case): Map<string, VectorTable> => new Map(Object.entries(c.states).map(([language, v]) => [language, { vectors: Float32Array.from(v), count: c.count, width: c.width }]));
const stacked = (tables: Map<string, VectorTable>): VectorTable => {
  const all = [...tables.values()];
  return { vectors: Float32Array.from(all.flatMap((t) => [...t.vectors])), count: all.reduce((s, t) => s + t.count, 0), width: all[0]!.width };
};
const noise = (seed: number, count: number, width: number): VectorTable => {
  const random = new Random(seed);
  return { vectors: Float32Array.from({ length: count * width }, () => random.float() - 0.5), count, width };
};

describe('alignment numbers against NumPy and scikit-learn', () => {
  golden.cases.forEach((c) => {
    const tables = tablesOf(c);
    const english = tables.get('en')!;

    for (const [language, want] of Object.entries(c.rows)) {
      it(`${c.count} × ${c.width}, ${language}: retrieval, cosine gap and CKA`, () => {
        const own = tables.get(language)!;
        const there = retrieval(own, english);
        const back = retrieval(english, own);
        near(there.recallAt1, want.recall, 'recall@1');
        near(there.mrr, want.mrr, 'MRR');
        near(back.recallAt1, want.reverse_recall, 'reverse recall@1');
        near(back.mrr, want.reverse_mrr, 'reverse MRR');
        const gap = cosineGap(own, english, { seed: 1, resamples: 200 });
        near(gap.parallel, want.parallel, 'parallel');
        near(gap.random, want.random, 'random');
        near(gap.gap, want.parallel - want.random, 'gap');
        near(linearCka(centredGram(own), centredGram(english)), want.cka, 'CKA');
        near(debiasedCka(centredGram(own), centredGram(english), c.count), want.cka_debiased, 'debiased CKA');
      });
    }

    it(`${c.count} × ${c.width}: language probe`, () => {
      const probe = languageProbe(tables, { seed: 1, resamples: 200 });
      for (const [language, share] of Object.entries(c.probe)) near(probe.byLanguage.get(language)!, share, language);
      near(probe.accuracy, Object.values(c.probe).reduce((a, b) => a + b) / 4, 'accuracy');
      assert.equal(probe.chance, 0.25);
      assert.ok(probe.interval[0] <= probe.accuracy && probe.accuracy <= probe.interval[1]);
    });

    for (const [what, fit, show, want, standardise] of [
      ['English', english, 'bn', c.pca_english, false],
      ['all languages', stacked(tables), 'te', c.pca_all, false],
      ['all languages, standardised', stacked(tables), 'sw', c.pca_standardised, true],
    ] as const) {
      it(`${c.count} × ${c.width}: principal components fitted on ${what}`, () => {
        const pca = fitPca(fit, want.variance.length, { standardise });
        allNear(pca.components, want.components, 'components');
        allNear(pca.variance, want.variance, 'variance');
        allNear(pca.ratio, want.ratio, 'ratio');
        allNear(project(pca, tables.get(show)!), want.points, 'points');
      });
    }
  });

  it('correlates accuracy with recall, as SciPy, ties included', () => {
    const { x, y, pearson, spearman } = golden.correlation;
    const r = correlate(x, y, { seed: 1 });
    near(r.pearson, pearson, 'Pearson');
    near(r.spearman, spearman, 'Spearman');
    assert.equal(r.n, x.length);
    for (const [value, [low, high]] of [[r.pearson, r.pearsonInterval], [r.spearman, r.spearmanInterval]] as const) assert.ok(-1 <= low && low < value && value <= high && high <= 1);
    assert.deepEqual(correlate(x, y, { seed: 1 }), r);
    assert.ok(Number.isNaN(correlate([1, 1, 1], [1, 2, 3], { seed: 1 }).pearson));
    assert.throws(() => correlate([1, 2], [1, 2], { seed: 1 }), /at least 3 pairs/);
  });
});

describe('alignment numbers by their properties', () => {
  it('gives the identity for equal states and nothing for unrelated ones', () => {
    const a = noise(1, 40, 30);
    const b = noise(2, 40, 30);
    const [ga, gb] = [centredGram(a), centredGram(b)];
    near(linearCka(ga, ga), 1, 'CKA of itself');
    near(debiasedCka(ga, ga, 40), 1, 'debiased CKA of itself');
    assert.ok(linearCka(ga, gb) > 0.3, 'the biased estimate is far from 0 at this size');
    assert.ok(Math.abs(debiasedCka(ga, gb, 40)) < 0.15);
    assert.ok(Number.isNaN(debiasedCka(ga, gb, 3)));
    const own = cosineGap(a, a, { seed: 1 });
    near(own.parallel, 1, 'cosine with itself');
    assert.ok(own.interval[0] <= own.gap && own.gap <= own.interval[1] && own.interval[0] > 0.9);
    const none = cosineGap(a, b, { seed: 1 });
    assert.ok(none.interval[0] < 0 && none.interval[1] > 0, 'the interval of unrelated states holds 0');
  });

  it('does not take a common offset for alignment', () => {
    const shifted = (t: VectorTable): VectorTable => ({ ...t, vectors: t.vectors.map((v) => v + 5) });
    const gap = cosineGap(shifted(noise(1, 40, 30)), shifted(noise(2, 40, 30)), { seed: 1 });
    assert.ok(gap.parallel > 0.98 && Math.abs(gap.gap) < 0.01);
  });

  it('is at chance in languages that share their states and perfect where they stand apart', () => {
    const t = noise(3, 20, 10);
    const apart = { ...t, vectors: t.vectors.map((v) => v + 3) };
    assert.equal(languageProbe(new Map([['a', t], ['b', apart]]), { seed: 1 }).accuracy, 1);
    assert.equal(languageProbe(new Map([['a', t], ['b', t]]), { seed: 1 }).accuracy, 0.5);
    assert.throws(() => languageProbe(new Map([['a', t]]), { seed: 1 }), /at least 2 languages/);
    assert.throws(() => languageProbe(new Map([['a', noise(1, 4, 3)], ['b', noise(2, 4, 3)]]), { seed: 1 }), /5 or more problems/);
  });

  it('finds orthonormal components that explain the variance of many rows, and repeats itself', () => {
    const t = noise(5, 300, 64);
    const pca = fitPca(t, 3);
    for (let i = 0; i < 3; i++) {
      for (let j = 0; j <= i; j++) {
        let dot = 0;
        for (let d = 0; d < 64; d++) dot += pca.components[i * 64 + d]! * pca.components[j * 64 + d]!;
        near(dot, i === j ? 1 : 0, `component ${i} · ${j}`, 1e-9);
      }
    }
    const points = project(pca, t);
    for (let k = 0; k < 3; k++) {
      let sum = 0;
      for (let r = 0; r < 300; r++) sum += points[r * 3 + k]! ** 2;
      near(sum / 299, pca.variance[k]!, 'variance of the points', 1e-9);
    }
    assert.deepEqual(fitPca(t, 3), pca);
  });

  it('returns as many components as the data have', () => {
    const flat = { vectors: Float32Array.from([1, 2, 3, 2, 4, 6, 3, 6, 9]), count: 3, width: 3 };
    assert.equal(fitPca(flat, 2).variance.length, 1);
    assert.equal(fitPca({ vectors: new Float32Array(6), count: 2, width: 3 }, 2).variance.length, 0);
    assert.throws(() => fitPca({ vectors: new Float32Array(3), count: 1, width: 3 }, 2), /at least 2 rows/);
    assert.throws(() => project(fitPca(flat, 1), noise(1, 2, 2)), /vectors of 3/);
  });

  it('puts a stage together, on its own projection or on another one', async () => {
    const tables = new Map([['en', noise(1, 10, 6)], ['sw', noise(1, 10, 6)], ['bn', noise(9, 10, 6)]]);
    const stage = await alignStage(tables, { reference: 'en', baseline: 'en', seed: 1, resamples: 100 });
    assert.deepEqual(stage.rows.map((r) => [r.language, r.n, r.recallAt1]), [['sw', 10, 1], ['bn', 10, stage.rows[1]!.recallAt1]]);
    assert.ok(stage.rows[1]!.recallAt1 < 0.6);
    assert.equal(stage.rows[1]!.misses.length, Math.round(10 * (1 - stage.rows[1]!.recallAt1)));
    assert.deepEqual(stage.points.get('sw'), stage.points.get('en'));
    const other = await alignStage(tables, { reference: 'en', baseline: stage.pca, seed: 1, resamples: 100 });
    assert.deepEqual(other.points, stage.points);
    await assert.rejects(alignStage(tables, { reference: 'fr', baseline: 'all', seed: 1 }), /"fr" is not among/);
    await assert.rejects(alignStage(tables, { reference: 'en', baseline: 'fr', seed: 1 }), /"fr" is not among/);
  });
});

describe('the map by UMAP', () => {
  const random = new Random(11);
  /** Three groups of 20 rows, far from each other by direction. */
  const groups = { count: 60, width: 12, vectors: Float32Array.from({ length: 60 * 12 }, (_, i) => (random.float() - 0.5) * 0.4 + (i % 12 === 4 * Math.floor(i / 240) ? 3 : 0)) };

  it('keeps neighbours together, and is the same for the same seed', async () => {
    const shares: number[] = [];
    const map = await fitUmap(groups, { seed: 1 }, (share) => Promise.resolve(void shares.push(share)));
    assert.equal(map.length, 120);
    for (let i = 0; i < 60; i++) {
      const nearest = Array.from({ length: 60 }, (_, j) => j).filter((j) => j !== i).sort((a, b) => Math.hypot(map[2 * a]! - map[2 * i]!, map[2 * a + 1]! - map[2 * i + 1]!) - Math.hypot(map[2 * b]! - map[2 * i]!, map[2 * b + 1]! - map[2 * i + 1]!));
      assert.ok(nearest.slice(0, 3).every((j) => Math.floor(j / 20) === Math.floor(i / 20)), `neighbours of ${i}: ${nearest.slice(0, 3).join(' ')}`);
    }
    assert.ok(shares.length > 5 && shares.every((s, i) => i === 0 || s >= shares[i - 1]!) && shares.at(-1)! < 1);
    assert.deepEqual(await fitUmap(groups, { seed: 1 }), map);
    assert.notDeepEqual(await fitUmap(groups, { seed: 2 }), map);
  });

  it('can be stopped on the way, and takes what little there is', async () => {
    await assert.rejects(fitUmap(groups, { seed: 1 }, (share) => (share > 0.2 ? Promise.reject(new Error('enough')) : Promise.resolve())), /enough/);
    assert.equal((await fitUmap(noise(1, 5, 3), { seed: 1 })).length, 10);
    assert.deepEqual([...(await fitUmap({ vectors: new Float32Array(12).fill(1), count: 4, width: 3 }, { seed: 1 }))], new Array(8).fill(0));
    await assert.rejects(fitUmap(noise(1, 3, 3), { seed: 1 }), /at least 4 points/);
  });
});

describe('next-token statistics', () => {
  it('gives entropy, rank and divergence of small distributions', () => {
    const fair = nextTokenView(new Float32Array(4));
    near(fair.entropy, Math.log(4), 'entropy of four equal tokens');
    const sharp = nextTokenView(Float32Array.of(Math.log(8), Math.log(4), Math.log(2), Math.log(2)));
    allNear(sharp.probabilities, [0.5, 0.25, 0.125, 0.125], 'probabilities');
    near(sharp.entropy, 1.75 * Math.LN2, 'entropy');
    near(klDivergence(sharp, fair), 0.25 * Math.LN2, 'D(sharp ‖ fair)');
    assert.equal(klDivergence(sharp, sharp), 0);
    near(nextTokenView(Float32Array.of(1e4, 0)).entropy, 0, 'entropy of a certainty');
    assert.deepEqual([0, 1, 2, 3].map((i) => rankOf(sharp.logprobs, i)), [1, 2, 3, 3]);
    assert.deepEqual(topIndices([3, 9, 9, 1, 4], 3), [1, 2, 4]);
    assert.deepEqual(topIndices([2, 1], 5), [0, 1]);
  });
});
