import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { readSamples, sampleKey } from '../../src/runs/store';
import { assertSameSamples, cli, lineCount, sleep, startCli, until } from '../helpers/cli';
import { temporaryFolder, TINY } from '../helpers/paths';

const LANGUAGES = 4;
const LIMIT = 15;
const args = (out: string): string[] => ['evaluate', '--bundle', TINY, '--benchmark', 'lift48', '--languages', 'en,sw,zh,ar', '--limit', String(LIMIT), '--max-new-tokens', '100', '--batch', '4', '--threads', '1', '--out', out, '--json'];

/** Processes that a process has started (Linux). */
function children(pid: number): number[] {
  try {
    return fs.readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number);
  } catch {
    return [];
  }
}

const gone = (pid: number): boolean => {
  try {
    // A zombie is gone too: nobody has asked for its exit code yet.
    return /^State:\s+[ZX]/m.test(fs.readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return true;
  }
};

describe('kill -9', function () {
  this.timeout(150_000);

  it('20 times at random moments, then resumed: line for line the run that was never killed', async () => {
    const whole = path.join(temporaryFolder('kill'), 'whole');
    const started = Date.now();
    const done = await cli(args(whole));
    assert.equal(done.code, 0, done.stderr);
    const duration = Date.now() - started;
    const expected = readSamples(whole).samples;
    assert.equal(expected.length, LANGUAGES * LIMIT);

    let folder = path.join(temporaryFolder('kill'), 'run');
    let kills = 0;
    let inTheMiddle = 0;
    let finished = 0;
    const orphans: number[] = [];
    const compare = (): void => {
      assertSameSamples(readSamples(folder).samples, expected);
      assert.equal(lineCount(path.join(folder, 'samples.jsonl')), expected.length, 'no item twice');
    };
    while (kills < 20) {
      const file = path.join(folder, 'samples.jsonl');
      const before = readSamples(folder).samples.map(sampleKey);
      const { child, finished: end } = await startCli(args(folder));
      let over = false;
      void end.then(() => (over = true));
      if (kills % 2 === 0) await Promise.race([sleep(Math.random() * duration), end]);
      else {
        // After this session has written something, at a random moment of the next chunks.
        const lines = lineCount(file);
        await until('a sample is written', () => over || lineCount(file) > lines);
        await Promise.race([sleep(Math.random() * 60), end]);
      }
      if (child.pid !== undefined) orphans.push(...children(child.pid));
      if (!over) child.kill('SIGKILL');
      const { code, signal, stderr } = await end;
      const after = readSamples(folder);
      assert.deepEqual(after.samples.slice(0, before.length).map(sampleKey), before, 'nothing that was there is lost');
      assert.deepEqual(after.damagedLines, []);
      if (signal === 'SIGKILL') {
        kills += 1;
        if (after.samples.length > 0 && after.samples.length < expected.length) inTheMiddle += 1;
      } else {
        assert.equal(code, 0, stderr);
        compare();
        finished += 1;
        folder = path.join(temporaryFolder('kill'), 'run');
      }
    }
    const last = await cli(args(folder));
    assert.equal(last.code, 0, last.stderr);
    compare();
    const summary = JSON.parse(last.stdout) as { run: { status: string; done: number } };
    assert.deepEqual([summary.run.status, summary.run.done], ['finished', expected.length]);
    assert.ok(inTheMiddle >= 3, `${inTheMiddle} of 20 kills in the middle (${finished} runs finished in between)`);
    if (process.platform === 'linux') await until('no engine process outlives its host', () => orphans.every(gone));
  });
});
