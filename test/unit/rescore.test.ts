import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { runsCommand } from '../../src/cli/runs';
import { scoreCommand } from '../../src/cli/score';
import { scorerByName } from '../../src/core/scoring';
import { OtherReadings } from '../../src/extension/worker/beside';
import { listRuns } from '../../src/runs/list';
import { rescoreRun } from '../../src/runs/rescore';
import { foreignScores, otherScores, readScores } from '../../src/runs/scores';
import { readSamples } from '../../src/runs/store';
import { FINISHED, writeRun } from '../fixtures/report/runs';
import { temporaryFolder } from '../helpers/paths';
import { manifest, sample } from '../helpers/runs';

/** Two answers on which the port of the harness agrees, and one that ends in a step, which it reads as the answer. */
const SAMPLES = [
  sample('p1', 'en'),
  sample('p2', 'en', { completion: 'The answer is 8.', value: 8, correct: false, error: 'wrong-number' }),
  sample('p3', 'en', { completion: 'The answer is 7. (Step 3)' }),
];
const SCORER = scorerByName('harness');
const NAME = `harness/${SCORER.version}`;

describe('scores beside a run', () => {
  const home = temporaryFolder('rescore');
  let n = 0;
  const make = (fingerprint = 'f'.repeat(64)): string => writeRun(path.join(home, String(n++)), { folder: 'run', manifest: manifest({ fingerprint, plan: { languages: ['en'], ids: ['p1', 'p2', 'p3'], seed: 1, sampling: 'all' } }), state: FINISHED, samples: SAMPLES, damagedLines: [] });
  async function out(command: () => Promise<number>, write: { text: string }): Promise<number> {
    const original = process.stdout.write.bind(process.stdout);
    process.stdout.write = ((chunk: string) => ((write.text += chunk), true)) as typeof process.stdout.write;
    return command().finally(() => (process.stdout.write = original));
  }
  const show = async (folder: string): Promise<{ rescored: { scorer: string; n: number; correct: number; disagree: number }[]; refusedScores: string[] }> => {
    const text = { text: '' };
    await out(() => runsCommand(['show', folder, '--scripts-only', '--json']), text);
    return JSON.parse(text.text) as Awaited<ReturnType<typeof show>>;
  };

  it('are written by rescoring, read again everywhere, and leave the samples as they were', async () => {
    const folder = make();
    const before = fs.readFileSync(path.join(folder, 'samples.jsonl'), 'utf8');
    const result = rescoreRun(folder, SCORER);
    assert.deepEqual([result.n, result.correctBefore, result.correct, result.changed.map((c) => [c.key, c.before, c.after, c.value])], [3, 2, 1, [['en/p3', true, false, 3]]]);
    assert.equal(fs.readFileSync(path.join(folder, 'samples.jsonl'), 'utf8'), before);
    assert.deepEqual(fs.readdirSync(path.join(folder, 'scores')), [`harness-${SCORER.version}.jsonl`]);
    const [read] = readScores(folder);
    assert.equal(read!.scorer, NAME);
    assert.deepEqual([...read!.scores].map(([key, s]) => [key, s.correct, s.value, s.span]), [['en/p1', true, 7, [14, 15]], ['en/p2', false, 8, [14, 15]], ['en/p3', false, 3, [23, 24]]]);
    const sums = [{ scorer: NAME, n: 3, correct: 1, disagree: 1 }];
    assert.deepEqual(otherScores(folder), sums);
    assert.deepEqual(new OtherReadings(folder).sums(readSamples(folder).samples), sums);
    assert.deepEqual(listRuns(home).find((r) => r.path === folder)!.rescored, sums);
    assert.deepEqual([(await show(folder)).rescored, (await show(folder)).refusedScores], [sums, []]);
  });

  it('are not written for a dry run or by the run’s own scorer, and are replaced by scoring again', async () => {
    const folder = make();
    assert.equal(await out(() => scoreCommand(['--run', folder, '--scorer', 'harness', '--dry-run', '--json']), { text: '' }), 0);
    rescoreRun(folder, { ...scorerByName('locale'), version: 1 });
    assert.equal(fs.existsSync(path.join(folder, 'scores')), false);
    rescoreRun(folder, SCORER);
    const file = path.join(folder, 'scores', `harness-${SCORER.version}.jsonl`);
    const once = fs.readFileSync(file, 'utf8');
    rescoreRun(folder, SCORER);
    assert.equal(fs.readFileSync(file, 'utf8'), once, 'the same bytes');
    assert.deepEqual(JSON.parse(once.split('\n')[0]!), { format: 'lift-scores/1', fingerprint: 'f'.repeat(64), scorer: NAME, n: 3 });
  });

  it('of another run, or of none, are refused and named', async () => {
    const [own, other] = [make(), make('e'.repeat(64))];
    rescoreRun(own, SCORER);
    fs.cpSync(path.join(own, 'scores'), path.join(other, 'scores'), { recursive: true });
    fs.writeFileSync(path.join(other, 'scores', 'mine-1.jsonl'), JSON.stringify({ language: 'en', id: 'p1', correct: true, value: 7, scorer: 'mine/1' }) + '\n');
    assert.deepEqual(readScores(other), []);
    assert.deepEqual(foreignScores(other), [path.join('scores', `harness-${SCORER.version}.jsonl`), path.join('scores', 'mine-1.jsonl')]);
    assert.deepEqual((await show(other)).refusedScores, foreignScores(other));
    assert.deepEqual(new OtherReadings(other).all(), []);
    rescoreRun(other, SCORER);
    assert.deepEqual(foreignScores(other), [path.join('scores', 'mine-1.jsonl')]);
    assert.equal(readScores(other).length, 1);
  });

  it('leave out a damaged line and keep the others', () => {
    const folder = make();
    rescoreRun(folder, SCORER);
    const file = path.join(folder, 'scores', `harness-${SCORER.version}.jsonl`);
    const lines = fs.readFileSync(file, 'utf8').split('\n');
    fs.writeFileSync(file, [lines[0], lines[1], lines[2]!.slice(0, 20), lines[3], ''].join('\n'));
    assert.deepEqual([...readScores(folder)[0]!.scores.keys()], ['en/p1', 'en/p3']);
    assert.deepEqual(otherScores(folder), [{ scorer: NAME, n: 2, correct: 1, disagree: 1 }]);
  });

  it('are refused for a scorer that cannot read the run, with those that can', () => {
    assert.throws(() => rescoreRun(make(), scorerByName('choice')), /"choice" cannot read this run .*Choose one of: .*locale/);
  });
});
