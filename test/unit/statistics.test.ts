import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import {
  agreementMatrix,
  benjaminiHochberg,
  clusterBootstrap,
  cohenKappa,
  conditionalAccuracies,
  consistency,
  fleissKappa,
  groupMean,
  groupMeans,
  groupTransferGaps,
  holm,
  indexDraw,
  mcnemar,
  minimalDetectableDifference,
  MISSING,
  pairedDifferences,
  PairingError,
  pairSamples,
  problemMatrix,
  Random,
  type ResultRow,
  ResultTable,
  sampleWithoutReplacement,
  shuffle,
  sortedQuantile,
  StatisticsError,
  transferGaps,
  wilson,
} from '../../src/core/statistics';
import { fairBinomialCdf, standardNormalQuantile } from '../../src/core/statistics/distributions';

interface BootstrapCase {
  seed: number;
  resamples: number;
  cells: (number | null)[][];
  mean: number;
  interval: [number, number];
  gap: number;
  gap_interval: [number, number];
}

interface Golden {
  normal_quantile: [number, number][];
  binomial_half: [number, number, number][];
  wilson: [number, number, number, number, number][];
  mcnemar: [number, number, number, number][];
  corrections: { p: number[]; holm: number[]; bh: number[] }[];
  cohen: [number[][], number][];
  fleiss: [number[][], number][];
  quantiles: { values: number[]; at: [number, number][] }[];
  detectable: [number, number, number, number, number][];
  sequences: { seed: number; uint32: number[]; below811: number[] }[];
  bootstrap: BootstrapCase[];
}

const golden = JSON.parse(fs.readFileSync(path.join(__dirname, '../fixtures/statistics/golden.json'), 'utf8')) as Golden;

/** Equal to 1e-9, absolute and, for small values such as tail probabilities, relative. */
function close(actual: number, expected: number, what: string): void {
  assert.ok(Math.abs(actual - expected) <= 1e-9 * Math.min(1, Math.abs(expected)) + 1e-15, `${what}: ${actual}, expected ${expected}`);
}

function rowsOf(cells: readonly (readonly (number | null)[])[]): ResultRow[] {
  return cells.flatMap((row, l) => row.flatMap((x, p) => (x === null ? [] : [{ language: `l${l}`, problemId: `p${p}`, correct: x === 1 }])));
}

describe('statistics against SciPy and statsmodels', () => {
  it('normal quantiles and binomial tails', () => {
    for (const [p, z] of golden.normal_quantile) close(standardNormalQuantile(p), z, `quantile ${p}`);
    for (const [k, n, p] of golden.binomial_half) close(fairBinomialCdf(k, n), p, `P(X <= ${k}), n ${n}`);
  });

  it('Wilson intervals', () => {
    assert.ok(golden.wilson.length > 100);
    for (const [k, n, level, low, high] of golden.wilson) {
      const interval = wilson(k, n, level);
      assert.ok(Math.abs(interval[0] - low) < 1e-9 && Math.abs(interval[1] - high) < 1e-9, `${k}/${n} at ${level}: ${interval}, expected ${low}, ${high}`);
    }
  });

  it('McNemar exact and mid-p, reported by the number of discordant pairs', () => {
    for (const [b, c, exact, mid] of golden.mcnemar) {
      const test = mcnemar(b, c);
      close(test.exact, exact, `exact ${b}, ${c}`);
      close(test.midP, mid, `mid-p ${b}, ${c}`);
      assert.equal(test.method, b + c < 25 ? 'exact' : 'mid-p');
      assert.equal(test.p, b + c < 25 ? test.exact : test.midP);
      assert.deepEqual(mcnemar(c, b), test);
    }
  });

  it('Holm and Benjamini-Hochberg', () => {
    for (const { p, holm: expectedHolm, bh } of golden.corrections) {
      holm(p).forEach((x, i) => close(x, expectedHolm[i]!, `Holm ${p[i]}`));
      benjaminiHochberg(p).forEach((x, i) => close(x, bh[i]!, `BH ${p[i]}`));
    }
  });

  it("Cohen's and Fleiss' kappa", () => {
    for (const [counts, kappa] of golden.cohen) close(cohenKappa(counts), kappa, `Cohen ${JSON.stringify(counts)}`);
    for (const [counts, kappa] of golden.fleiss) close(fleissKappa(counts), kappa, 'Fleiss');
  });

  it('quantiles and detectable differences', () => {
    for (const { values, at } of golden.quantiles) for (const [p, q] of at) close(sortedQuantile(values, p), q, `quantile ${p}`);
    for (const [n, discordance, level, power, d] of golden.detectable) close(minimalDetectableDifference({ n, discordance, level, power }), d, `n ${n}`);
  });

  it('generator sequences equal the second implementation', () => {
    for (const { seed, uint32, below811 } of golden.sequences) {
      const random = new Random(seed);
      assert.deepEqual(uint32.map(() => random.uint32()), uint32);
      assert.deepEqual(below811.map(() => random.integer(811)), below811);
    }
  });

  it('cluster bootstrap of group mean and gap equals the second implementation, complete and with missing answers', () => {
    for (const { cells, seed, resamples, mean, interval, gap, gap_interval } of golden.bootstrap) {
      const rows = rowsOf(cells);
      const group = groupMean(rows, cells.map((_, l) => `l${l}`), { seed, resamples });
      close(group.mean, mean, 'mean');
      interval.forEach((x, i) => close(group.interval[i]!, x, 'interval'));
      assert.equal(group.n, rows.length);
      const [behind] = transferGaps(new ResultTable(rows), ['l1'], { seed, resamples }, 'l0');
      close(behind!.gap, gap, 'gap');
      gap_interval.forEach((x, i) => close(behind!.interval[i]!, x, 'gap interval'));
    }
  });
});

describe('statistics: random draws', () => {
  it('the same seed gives the same order, another seed another; every permutation is one', () => {
    const items = Array.from({ length: 50 }, (_, i) => i);
    assert.deepEqual(shuffle(items, new Random('run 7')), shuffle(items, new Random('run 7')));
    assert.notDeepEqual(shuffle(items, new Random('run 7')), shuffle(items, new Random('run 8')));
    assert.deepEqual([...shuffle(items, new Random(1))].sort((a, b) => a - b), items);
    assert.deepEqual(indexDraw(5)(50, 50), shuffle(items, new Random(5)));
  });

  it('draws without replacement are distinct and each item is drawn equally often', () => {
    const hits = new Array<number>(10).fill(0);
    const random = new Random(11);
    for (let i = 0; i < 5000; i += 1) {
      const drawn = sampleWithoutReplacement([0, 1, 2, 3, 4, 5, 6, 7, 8, 9], 3, random);
      assert.equal(new Set(drawn).size, 3);
      for (const x of drawn) hits[x]! += 1;
    }
    for (const h of hits) assert.ok(Math.abs(h - 1500) < 4 * Math.sqrt(5000 * 0.3 * 0.7), `${hits}`);
  });

  it('floats lie in [0, 1) with the right mean; bad bounds and seeds are refused', () => {
    const random = new Random(2);
    let sum = 0;
    for (let i = 0; i < 10000; i += 1) {
      const x = random.float();
      assert.ok(x >= 0 && x < 1);
      sum += x;
    }
    assert.ok(Math.abs(sum / 10000 - 0.5) < 4 * Math.sqrt(1 / 12 / 10000));
    assert.throws(() => random.integer(0), StatisticsError);
    assert.throws(() => new Random(NaN), StatisticsError);
    assert.throws(() => sampleWithoutReplacement([1], 2, random), /Cannot draw 2 of 1/);
  });
});

describe('statistics: properties', () => {
  it('Wilson contains the share, mirrors, and widens with the level', () => {
    fc.assert(
      fc.property(fc.nat(500), fc.nat(500), (k, extra) => {
        const n = k + extra;
        if (n === 0) return;
        const [low, high] = wilson(k, n);
        const [mirrorLow, mirrorHigh] = wilson(n - k, n);
        const [wideLow, wideHigh] = wilson(k, n, 0.99);
        assert.ok(low >= 0 && high <= 1 && low <= k / n && high >= k / n);
        assert.ok(Math.abs(low - (1 - mirrorHigh)) < 1e-12 && Math.abs(high - (1 - mirrorLow)) < 1e-12);
        assert.ok(wideLow <= low && wideHigh >= high);
      }),
    );
    assert.deepEqual(wilson(0, 0), [0, 1]);
    assert.throws(() => wilson(3, 2), /0 <= correct <= n/);
    assert.throws(() => wilson(1, 2, 95), /between 0 and 1/);
  });

  it('adjusted p-values are at least the raw ones, Holm at least BH, and keep the order', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 48 }), (p) => {
        const [h, b] = [holm(p), benjaminiHochberg(p)];
        p.forEach((raw, i) => assert.ok(h[i]! >= b[i]! - 1e-12 && b[i]! >= raw - 1e-12 && h[i]! <= 1));
        p.forEach((x, i) => p.forEach((y, j) => assert.ok(x >= y || (h[i]! <= h[j]! && b[i]! <= b[j]! + 1e-15))));
      }),
    );
    assert.throws(() => holm([0.1, 2]), /lies in \[0, 1\]/);
  });

  it('a problem with two answers in a language is refused', () => {
    const row = { language: 'en', problemId: '7', correct: true };
    assert.throws(() => new ResultTable([row, row]), /Problem "7" has two answers in en/);
  });

  it('an interval has a width when every answer is right, and is empty-handed without answers', () => {
    const right = rowsOf([new Array<number>(20).fill(1), new Array<number>(20).fill(1)]);
    const group = groupMean(right, ['l0', 'l1'], { seed: 1, resamples: 100 });
    assert.equal(group.mean, 1);
    assert.ok(Math.abs(group.interval[0] - wilson(20, 20)[0]) < 1e-12 && group.interval[1] === 1);
    const none = groupMean(right, ['xx'], { seed: 1, resamples: 100 });
    assert.ok(Number.isNaN(none.mean));
    assert.deepEqual([none.n, none.languages, none.interval], [0, 0, [0, 1]]);
    assert.throws(() => clusterBootstrap([], 3, { seed: 1, resamples: 0 }), /at least 1/);
  });

  it('the order in which answers were written does not change an interval', () => {
    const rows = rowsOf(golden.bootstrap[1]!.cells);
    const groups = [['l0', 'l1'], ['l3']];
    const options = { seed: 9, resamples: 200 };
    assert.deepEqual(groupMeans(new ResultTable(shuffle(rows, new Random(4))), groups, options), groupMeans(new ResultTable(rows), groups, options));
  });

  it('the order of the groups does not change an interval; the seed does', () => {
    const table = new ResultTable(rowsOf(golden.bootstrap[0]!.cells));
    const options = { seed: 9, resamples: 200 };
    const [both, one] = groupMeans(table, [['l0', 'l1'], ['l2']], options);
    assert.deepEqual(groupMeans(table, [['l2'], ['l0', 'l1']], options), [one, both]);
    assert.notDeepEqual(groupMeans(table, [['l2']], { ...options, seed: 10 })[0]!.interval, one!.interval);
  });
});

describe('statistics: transfer, pairs and agreement', () => {
  //            p0 p1 p2 p3 p4
  const cells = [[1, 1, 1, 1, 0], [1, 0, 1, 0, 1], [0, 0, null, 1, 0]];
  const table = new ResultTable(rowsOf(cells));
  const options = { seed: 1, resamples: 200 };

  it('gaps and conditional accuracy count only problems that both languages have', () => {
    const gaps = transferGaps(table, ['l0', 'l1', 'l2', 'xx'], options, 'l0');
    assert.deepEqual(gaps.map((g) => [g.language, g.n, Number(g.gap.toFixed(6))]), [['l1', 5, 0.2], ['l2', 4, 0.5]]);
    const conditional = conditionalAccuracies(table, ['l0', 'l1', 'l2'], 0.95, 'l0');
    assert.deepEqual(conditional.map((c) => [c.language, c.both, c.n]), [['l1', 2, 4], ['l2', 1, 3]]);
    assert.deepEqual(conditional[0]!.interval, wilson(2, 4));
    const [group] = groupTransferGaps(table, [['l1', 'l2']], options, 'l0');
    assert.ok(Math.abs(group!.mean - 0.35) < 1e-12);
    assert.deepEqual(transferGaps(table, ['l1'], options, 'absent'), []);
  });

  it('paired differences join by problem id, whatever the order', () => {
    const a = rowsOf([[1, 0, 0, 1, 0, 1]]);
    const b = rowsOf([[1, 1, 1, 1, 0, 0]]);
    const [difference] = pairedDifferences(new ResultTable(a), new ResultTable([...b].reverse()), [['l0']], options);
    assert.ok(Math.abs(difference!.mean - 1 / 6) < 1e-12);
    assert.equal(difference!.n, 6);
    assert.ok(difference!.interval[0] <= 1 / 6 && difference!.interval[1] >= 1 / 6);
    const [back] = pairedDifferences(new ResultTable(b), new ResultTable(a), [['l0']], options);
    assert.ok(Math.abs(back!.mean + 1 / 6) < 1e-12);
  });

  it('pairs identical problems and names every difference otherwise', () => {
    const a = [{ language: 'en', id: '1', gold: '4' }, { language: 'sw', id: '1', gold: '4' }];
    assert.equal(pairSamples(a, [...a].reverse())[0]!.b, a[0]);
    const b = [{ language: 'en', id: '1', gold: '5' }, { language: 'en', id: '2', gold: '4' }, { language: 'en', id: '2', gold: '4' }];
    assert.throws(
      () => pairSamples(a, b),
      (error: unknown) => {
        assert.ok(error instanceof PairingError);
        assert.deepEqual(error.mismatches.map((m) => `${m.kind} ${m.language} ${m.id}`).sort(), ['gold-differs en 1', 'only-in-a sw 1', 'only-in-b en 2', 'repeated-in-b en 2']);
        assert.match(error.message, /1 with another gold answer: en 1 \(4 \/ 5\)/);
        assert.match(error.message, /1 only in A: sw 1/);
        return true;
      },
    );
  });

  it('agreement of answers, of correctness, and over all languages', () => {
    const answers = rowsOf(cells).map(({ language, problemId }) => ({ language, problemId, value: language === 'l1' && problemId === 'p1' ? null : problemId === 'p0' ? 'A' : 3 }));
    const matrix = agreementMatrix(table, answers);
    const at = (i: number, j: number): number[] => [matrix.n[i * 3 + j]!, matrix.sameAnswer[i * 3 + j]!, matrix.sameCorrectness[i * 3 + j]!];
    assert.deepEqual(at(0, 1), [5, 0.8, 0.4]);
    assert.deepEqual(at(1, 0), at(0, 1));
    assert.deepEqual(at(1, 1), [5, 0.8, 1]);
    assert.deepEqual(at(0, 2), [4, 1, 0.5]);
    close(matrix.kappa[1]!, cohenKappa([[0, 1], [2, 2]]), 'kappa');
    const all = consistency(table);
    assert.deepEqual([all.problems, all.allRight, all.allWrong, all.mixed], [4, 0, 0, 4]);
    close(all.fleiss, fleissKappa([[2, 1], [1, 2], [2, 1], [1, 2]]), 'Fleiss');
    assert.ok(Number.isNaN(fleissKappa([[2, 0], [2, 0]])));
    assert.throws(() => fleissKappa([[2, 0], [1, 0]]), /same number of raters/);
  });

  it('the problem matrix is sorted by how widely a problem is solved and keeps the holes', () => {
    const matrix = problemMatrix(table, ['l2', 'l0']);
    assert.deepEqual(matrix.problems, ['p2', 'p3', 'p0', 'p1', 'p4']);
    assert.deepEqual([...matrix.cells.slice(0, 4)], [MISSING, 1, 1, 1]);
    assert.deepEqual([...matrix.shares], [1, 1, 0.5, 0.5, 0]);
  });

  it('a difference that n cannot show is not a number', () => {
    assert.ok(Number.isNaN(minimalDetectableDifference({ n: 3, discordance: 0.1 })));
    assert.throws(() => minimalDetectableDifference({ n: 0, discordance: 0.1 }), StatisticsError);
    assert.throws(() => minimalDetectableDifference({ n: 10, discordance: 0.1, power: 0.2 }), /Power/);
    assert.throws(() => mcnemar(-1, 2), /whole counts/);
  });
});
