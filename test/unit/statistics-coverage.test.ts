import assert from 'node:assert/strict';
import { groupMean, groupTransferGaps, type Interval, mcnemar, pairedDifferences, Random, type ResultRow, ResultTable, wilson } from '../../src/core/statistics';

/**
 * Simulated worlds with a known truth: how often does the 95 % interval hold it? Seeds are fixed, so a result changes only
 * with the code. The tolerated band allows four standard errors of the simulation around a slight known bias of each method.
 */

const LANGUAGES = ['en', 'de', 'sw', 'th', 'te', 'bn'];
const EASE = [0.75, 0.65, 0.4, 0.35, 0.3, 0.3];

/** Each problem is easy or hard for all languages alike (share `spread` of answers), which correlates the languages. */
function world(random: Random, problems: number, gain = 0): ResultRow[] {
  const rows: ResultRow[] = [];
  for (let p = 0; p < problems; p += 1) {
    const shift = random.float() < 0.5 ? 0.24 : -0.24;
    LANGUAGES.forEach((language, l) => rows.push({ language, problemId: `${p}`, correct: random.float() < EASE[l]! + shift + gain }));
  }
  return rows;
}

function coverage(runs: number, truth: number, interval: (run: number) => Interval): number {
  let held = 0;
  for (let run = 0; run < runs; run += 1) {
    const [low, high] = interval(run);
    if (low <= truth && truth <= high) held += 1;
  }
  return held / runs;
}

function within(share: number, low: number, high: number, what: string): void {
  assert.ok(share >= low && share <= high, `${what}: coverage ${share}, expected between ${low} and ${high}`);
}

describe('coverage of the 95 % intervals', () => {
  it('Wilson, for middling and extreme shares and small and large n', () => {
    const random = new Random(101);
    for (const [n, p] of [[20, 0.3], [50, 0.05], [100, 0.5], [250, 0.9], [811, 0.02]] as const) {
      const share = coverage(4000, p, () => {
        let k = 0;
        for (let i = 0; i < n; i += 1) if (random.float() < p) k += 1;
        return wilson(k, n);
      });
      within(share, 0.92, 0.98, `n ${n}, p ${p}`);
    }
  });

  it('group mean clustered by problem; ignoring the clusters would promise too much', () => {
    const random = new Random(102);
    const group = ['sw', 'th', 'te', 'bn'];
    const truth = (EASE[2]! + EASE[3]! + EASE[4]! + EASE[5]!) / 4;
    const worlds = Array.from({ length: 400 }, () => world(random, 120));
    within(coverage(400, truth, (run) => groupMean(worlds[run]!, group, { seed: run, resamples: 400 }).interval), 0.905, 0.985, 'clustered');
    const naive = coverage(400, truth, (run) => {
      const rows = worlds[run]!.filter((row) => group.includes(row.language));
      return wilson(rows.filter((row) => row.correct).length, rows.length);
    });
    assert.ok(naive < 0.88, `unclustered coverage ${naive}`);
  });

  it('transfer gap, paired by problem', () => {
    const random = new Random(103);
    const truth = EASE[0]! - (EASE[2]! + EASE[3]!) / 2;
    const share = coverage(400, truth, (run) => groupTransferGaps(new ResultTable(world(random, 120)), [['sw', 'th']], { seed: run, resamples: 400 })[0]!.interval);
    within(share, 0.905, 0.985, 'gap');
  });

  it('paired difference of two runs over the same problems', () => {
    const random = new Random(104);
    const share = coverage(400, 0.05, (run) => {
      const a: ResultRow[] = [];
      const b: ResultRow[] = [];
      for (let p = 0; p < 120; p += 1) {
        const ease = 0.15 + 0.6 * random.float();
        for (const language of LANGUAGES) {
          a.push({ language, problemId: `${p}`, correct: random.float() < ease });
          b.push({ language, problemId: `${p}`, correct: random.float() < ease + 0.05 });
        }
      }
      return pairedDifferences(new ResultTable(a), new ResultTable(b), [LANGUAGES], { seed: run, resamples: 400 })[0]!.interval;
    });
    within(share, 0.905, 0.985, 'difference');
  });

  it("McNemar's test at 5 % rejects a true null at most about that often", () => {
    const random = new Random(105);
    for (const discordance of [0.06, 0.3]) {
      let [exact, mid] = [0, 0];
      for (let run = 0; run < 4000; run += 1) {
        const counts: [number, number] = [0, 0];
        for (let i = 0; i < 250; i += 1) if (random.float() < discordance) counts[random.integer(2)]! += 1;
        const test = mcnemar(...counts);
        if (test.exact < 0.05) exact += 1;
        if (test.midP < 0.05) mid += 1;
      }
      assert.ok(exact / 4000 <= 0.05 && exact > 0, `exact ${exact / 4000}`);
      assert.ok(mid >= exact && mid / 4000 <= 0.062, `mid-p ${mid / 4000}`);
    }
  });
});
