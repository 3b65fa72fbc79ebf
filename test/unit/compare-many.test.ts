import assert from 'node:assert/strict';
import path from 'node:path';
import fc from 'fast-check';
import { commonSamples, type ComparableSample, compareMany, ManyPairingError, type ManyRun } from '../../src/core/analysis';
import { compareRuns } from '../../src/core/analysis/compare';
import { compareCommand } from '../../src/cli/compare';
import { UsageError } from '../../src/cli/options';
import { type RunError } from '../../src/runs/errors';
import { wilson } from '../../src/core/statistics';
import { FINISHED, writeRun } from '../fixtures/report/runs';
import { temporaryFolder } from '../helpers/paths';
import { manifest, sample } from '../helpers/runs';

/** `right` of a language are the first so many problems. */
function answers(n: number, right: Readonly<Record<string, number>>): ComparableSample[] {
  return Object.entries(right).flatMap(([language, k]) => Array.from({ length: n }, (_, i): ComparableSample => ({ language, id: `p${i}`, gold: '4', correct: i < k, value: i < k ? 4 : 5, error: i < k ? null : 'wrong-number' })));
}
const run = (name: string, right: Readonly<Record<string, number>>, n = 20): ManyRun => ({ name, samples: answers(n, right) });

describe('several runs against a baseline', () => {
  // Right answers are nested, so each pair's discordant problems are the difference of its counts, all on one side: p = 2 / 2^d.
  const runs = [run('base', { de: 10, sw: 2 }), run('better', { de: 11, sw: 10 }), run('mixed', { de: 4, sw: 9 })];
  const many = compareMany(runs, { resamples: 200 });

  it('has one cell per language and run, with n, accuracy, interval and the difference to the baseline', () => {
    assert.deepEqual(many.languages.map((l) => [l.language, l.cells.map((c) => [c.n, c.accuracy])]), [['de', [[20, 0.5], [20, 0.55], [20, 0.2]]], ['sw', [[20, 0.1], [20, 0.5], [20, 0.45]]]]);
    assert.deepEqual(many.languages[1]!.cells[1]!.interval, wilson(10, 20));
    assert.equal(many.languages[0]!.cells[0]!.against, undefined);
    const differences = many.languages.map((l) => l.cells.slice(1).map((c) => Math.round(100 * c.against!.difference)));
    assert.deepEqual(differences, [[5, -30], [40, 35]]);
    for (const l of many.languages) for (const c of l.cells.slice(1)) assert.ok(c.against!.interval[0] <= c.against!.difference && c.against!.difference <= c.against!.interval[1]);
    assert.deepEqual(many.overall.cells.map((c) => Math.round(1000 * c.accuracy)), [300, 525, 325]);
    assert.deepEqual(many.overall.cells.slice(1).map((c) => Math.round(1000 * c.against!.difference)), [225, 25]);
    assert.deepEqual(many.groups.filter((g) => g.by === 'class').map((g) => [g.key, g.languages]), [['low', ['sw']], ['high', ['de']]]);
  });

  it('corrects the tests of all languages and runs together', () => {
    assert.equal(many.tests, 4);
    const cell = (language: number, r: number) => many.languages[language]!.cells[r]!.against!;
    // d = 1, 6, 8, 7 discordant pairs: p = 1, 2/64, 2/256, 2/128.
    assert.deepEqual([cell(0, 1).p, cell(0, 2).p, cell(1, 1).p, cell(1, 2).p], [1, 1 / 32, 1 / 128, 1 / 64]);
    // Holm over four: 4/128, 3/64, 2/32, 1. By run alone (two tests each) 1/32 and 1/64 would stand at 5 %.
    const close = (a: number, b: number): void => assert.ok(Math.abs(a - b) < 1e-12, `${a} is not ${b}`);
    close(cell(1, 1).holm, 4 / 128);
    close(cell(1, 2).holm, 3 / 64);
    close(cell(0, 2).holm, 2 / 32);
    close(cell(0, 1).holm, 1);
    // Benjamini-Hochberg: 4/128, 2/64, (4/3)/32, 1, each at most the next.
    close(cell(1, 1).bh, 4 / 128);
    close(cell(1, 2).bh, 4 / 128);
    close(cell(0, 2).bh, 4 / 96);
    assert.deepEqual([cell(1, 1), cell(1, 2), cell(0, 2), cell(0, 1)].map((c) => c.significant), [true, true, false, false]);
    const bh = compareMany(runs, { resamples: 50, correction: 'bh' });
    assert.equal(bh.languages[0]!.cells[2]!.against!.significant, true);
    assert.equal(compareRuns(runs[0]!.samples, runs[2]!.samples, { resamples: 50 }).languages[0]!.significant, true, 'alone, de of the third run is significant');
  });

  it('takes any run as the baseline; of two runs it says what the pair says', () => {
    const other = compareMany(runs, { resamples: 200, baseline: 2 });
    assert.deepEqual([other.baseline, other.languages[0]!.cells.map((c) => c.against && Math.round(100 * c.against.difference))], [2, [30, 35, undefined]]);
    fc.assert(fc.property(fc.array(fc.tuple(fc.integer({ min: 0, max: 6 }), fc.integer({ min: 0, max: 6 })), { minLength: 1, maxLength: 3 }), (counts) => {
      const codes = ['de', 'sw', 'th'];
      const two = [0, 1].map((k) => run(String(k), Object.fromEntries(counts.map((c, i) => [codes[i]!, c[k]!])), 6));
      const [pair, table] = [compareRuns(two[0]!.samples, two[1]!.samples, { resamples: 20 }), compareMany(two, { resamples: 20 })];
      table.languages.forEach((l, i) => {
        const { difference, interval, test, holm, bh, significant } = pair.languages[i]!;
        assert.deepEqual(l.cells[1]!.against, { difference, interval, p: test.p, holm, bh, significant });
      });
      assert.deepEqual(table.overall.cells[1]!.against, { difference: pair.overall.difference, interval: pair.overall.interval });
    }), { numRuns: 60 });
  });

  it('carries the floors given, and the bytes do not depend on the order of the samples', () => {
    const floors = new Map([['de', { name: 'a+b', share: 0.2 }], ['sw', { name: 'a+b', share: 0.1 }]]);
    const there = compareMany(runs, { resamples: 50, floors });
    assert.deepEqual(there.languages.map((l) => l.floor?.share), [0.2, 0.1]);
    assert.ok(Math.abs(there.overall.floor! - 0.15) < 1e-12);
    const back = compareMany(runs.map((r) => ({ ...r, samples: [...r.samples].reverse() })), { resamples: 50, floors });
    assert.equal(JSON.stringify(back), JSON.stringify(there));
  });

  it('refuses runs over other problems and says which run; keeps what all hold when asked', () => {
    const short = { name: 'short', samples: runs[1]!.samples.slice(1) };
    assert.throws(() => compareMany([runs[0]!, runs[1]!, short]), (e: unknown) => e instanceof ManyPairingError && e.run === 'short' && /^short against base .*1 only in A: de p0/.test(e.message));
    assert.throws(() => compareMany([runs[0]!]), RangeError);
    assert.throws(() => compareMany(runs, { baseline: 3 }), RangeError);
    const otherGold = answers(20, { de: 10, sw: 2 }).map((s, i) => (i === 5 ? { ...s, gold: '9' } : s));
    const kept = commonSamples([runs[0]!.samples, short.samples, otherGold]);
    assert.deepEqual(kept.map((k) => k.length), [38, 38, 38]);
    assert.equal(compareMany(kept.map((samples, i) => ({ name: String(i), samples })), { resamples: 20 }).n, 38);
  });
});

describe('the compare command', () => {
  const home = temporaryFolder();
  const RIGHT = [['a', { de: 10, sw: 2 }], ['b', { de: 11, sw: 10 }], ['c', { de: 4, sw: 9 }]] as const;
  const folders = RIGHT.map(([name, right]) => writeRun(path.join(home, name), {
    folder: name, manifest: manifest({ id: name, fingerprint: name.repeat(64), plan: { languages: ['de', 'sw'], ids: Array.from({ length: 20 }, (_, i) => `p${i}`), seed: 1, sampling: 'all' } }), state: { ...FINISHED, name }, damagedLines: [],
    samples: answers(20, right).map((s) => sample(s.id, s.language, { question: 'She has 5 and 2.', correct: s.correct, value: s.correct ? 7 : 8, error: s.error })),
  }));
  async function out(args: readonly string[]): Promise<{ code: number; text: string }> {
    const original = process.stdout.write.bind(process.stdout);
    let text = '';
    process.stdout.write = ((chunk: string) => ((text += chunk), true)) as typeof process.stdout.write;
    try {
      return { code: await compareCommand(args), text };
    } finally {
      process.stdout.write = original;
    }
  }

  it('keeps its form for two runs', async () => {
    const { code, text } = await out([folders[0]!, folders[1]!, '--json']);
    const one = JSON.parse(text) as Record<string, unknown>;
    assert.equal(code, 0);
    assert.deepEqual(Object.keys(one), ['names', 'n', 'languages', 'groups', 'overall', 'quadrants', 'shifts', 'better', 'worse', 'correction', 'bootstrap', 'sentence', 'fingerprints', 'scorers']);
    assert.deepEqual(Object.keys((one.languages as object[])[0]!), ['language', 'n', 'accuracyA', 'accuracyB', 'difference', 'interval', 'quadrants', 'test', 'holm', 'bh', 'significant', 'detectable']);
    assert.match((await out([folders[0]!, folders[1]!])).text, /sw\s+Swahili\s+low\s+20\s+10\.0\s+50\.0\s+\+40\.0/);
  });

  it('gives a table of three runs, and the documented JSON, against the baseline asked for', async () => {
    const table = (await out(folders)).text;
    assert.match(table, /^\s+language\s+class\s+n\s+floor %\s+A %\s+B %\s+B − A\s+C %\s+C − A$/m);
    assert.match(table, /^sw\s+Swahili\s+low\s+20\s+100\.0\s+10\.0 \(2\.8–30\.1\)\s+50\.0 \([\d.]+–[\d.]+\)\s+\+40\.0 \(\+[\d.]+ to \+[\d.]+\) p 0\.031 \*/m);
    assert.match(table, /^\s+all \(2\)\s+40\s+100\.0\s+30\.0 /m);
    const { code, text } = await out([...folders, '--baseline', '3', '--correction', 'bh', '--json']);
    const many = JSON.parse(text) as { format: string; names: string[]; baseline: number; correction: string; tests: number; fingerprints: string[]; leftOut: number[]; languages: { language: string; floor: { name: string }; cells: { n: number; against?: object }[] }[] };
    assert.deepEqual([code, many.format, many.names, many.baseline, many.correction, many.tests, many.leftOut], [0, 'lift-compare/1', ['a', 'b', 'c'], 2, 'bh', 4, [0, 0, 0]]);
    assert.deepEqual(many.fingerprints.map((f) => f[0]), ['a', 'b', 'c']);
    assert.deepEqual(many.languages.map((l) => [l.language, l.floor.name, l.cells.map((c) => 'against' in c)]), [['de', 'a+b', [true, true, false]], ['sw', 'a+b', [true, true, false]]]);
  });

  it('refuses what does not fit, in words', async () => {
    await assert.rejects(out([folders[0]!]), (e: unknown) => e instanceof UsageError && /two or more/.test(e.message));
    await assert.rejects(out([...folders, '--baseline', '4']), (e: unknown) => e instanceof UsageError && /from 1 to 3, not 4/.test(e.message));
    await assert.rejects(out([folders[0]!, folders[1]!, '--baseline', '2']), UsageError);
    await assert.rejects(out(Array.from({ length: 7 }, () => folders[0]!)), (e: unknown) => e instanceof UsageError && /up to 6 runs, not 7/.test(e.message));
    const short = writeRun(path.join(home, 'short'), { folder: 'short', manifest: manifest({ id: 'short' }), state: { ...FINISHED, name: 'short' }, damagedLines: [], samples: [sample('p0', 'de'), sample('p1', 'de')] });
    await assert.rejects(out([...folders, short]), (e: unknown) => (e as RunError).exit === 4 && /^short against a .*cannot be paired/.test((e as Error).message));
    const common = JSON.parse((await out([...folders, short, '--common', '--json'])).text) as { n: number; leftOut: number[] };
    assert.deepEqual([common.n, common.leftOut], [2, [38, 38, 38, 0]]);
  });
});
