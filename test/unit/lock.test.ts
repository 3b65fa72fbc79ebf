import assert from 'node:assert/strict';
import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { RunError } from '../../src/runs/errors';
import { isLocked, lockRun } from '../../src/runs/lock';
import { ROOT, temporaryFolder } from '../helpers/paths';

const refused = (e: Error): boolean => e instanceof RunError && e.exit === 4;

/** A process that is surely gone. */
async function deadPid(): Promise<number> {
  const child = spawn(process.execPath, ['-e', '']);
  await once(child, 'exit');
  return child.pid!;
}

describe('run lock', () => {
  it('one writer at a time, and free again afterwards', () => {
    const folder = temporaryFolder('lock');
    assert.equal(isLocked(folder), false);
    const release = lockRun(folder);
    assert.equal(isLocked(folder), true);
    assert.throws(() => lockRun(folder), (e: Error) => refused(e) && new RegExp(`Another process \\(${process.pid} on .*, since \\d{4}-.*\\) is writing this run`).test(e.message));
    release();
    assert.deepEqual(fs.readdirSync(folder), []);
    lockRun(folder)();
  });

  it('a late release does not take the lock of the next writer', () => {
    const folder = temporaryFolder('lock');
    const first = lockRun(folder);
    fs.rmSync(path.join(folder, 'run.lock'));
    const second = lockRun(folder);
    // The same process took both in the same millisecond at worst; make the texts differ.
    const file = path.join(folder, 'run.lock');
    fs.writeFileSync(file, fs.readFileSync(file, 'utf8').replace(/"since":"[^"]*"/, '"since":"2030-01-01T00:00:00.000Z"'));
    first();
    second();
    assert.equal(isLocked(folder), true);
  });

  it('takes over the lock of a dead process, of a reused number, and a damaged one', async () => {
    const folder = temporaryFolder('lock');
    const file = path.join(folder, 'run.lock');
    const host = os.hostname();
    const stale = [JSON.stringify({ pid: await deadPid(), host, since: 'x' }), '', '{"pid": 1', 'null', '[]'];
    // This process did not start at tick 1: the number was given again.
    if (process.platform === 'linux') stale.push(JSON.stringify({ pid: process.pid, host, since: 'x', start: '1' }));
    for (const text of stale) {
      fs.writeFileSync(file, text);
      assert.equal(isLocked(folder), false, text);
      const release = lockRun(folder);
      assert.equal(isLocked(folder), true, text);
      release();
      assert.deepEqual(fs.readdirSync(folder), [], text);
    }
  });

  it('a takeover that died half way does not block the next one', async () => {
    const folder = temporaryFolder('lock');
    const dead = JSON.stringify({ pid: await deadPid(), host: os.hostname(), since: 'x' });
    fs.writeFileSync(path.join(folder, 'run.lock'), dead);
    fs.writeFileSync(path.join(folder, 'run.lock.takeover'), dead);
    lockRun(folder)();
    assert.deepEqual(fs.readdirSync(folder), []);
  });

  it('respects a writer on another machine and says what to do', () => {
    const folder = temporaryFolder('lock');
    fs.writeFileSync(path.join(folder, 'run.lock'), JSON.stringify({ pid: 1, host: 'another-host', since: '2026-01-01' }));
    assert.equal(isLocked(folder), true);
    assert.throws(() => lockRun(folder), (e: Error) => refused(e) && /1 on another-host.*delete "run\.lock"/s.test(e.message));
  });

  it('exactly one of many processes takes over a stale lock, again and again', async function () {
    this.timeout(60_000);
    const script = path.join(temporaryFolder('lock'), 'taker.ts');
    fs.writeFileSync(
      script,
      `import { lockRun } from ${JSON.stringify(path.join(ROOT, 'src', 'runs', 'lock.ts'))};
       process.on('message', ({ folder, at }: { folder: string; at: number }) => {
         while (Date.now() < at);
         try { lockRun(folder); process.send!('won'); } catch (e) { process.send!((e as { exit?: number }).exit === 4 ? 'refused' : String(e)); }
       });
       process.send!('ready');`,
    );
    const takers: ChildProcess[] = Array.from({ length: 4 }, () => fork(script, [], { execArgv: ['--require', require.resolve('tsx/cjs')] }));
    try {
      await Promise.all(takers.map((t) => once(t, 'message')));
      const dead = await deadPid();
      for (let round = 0; round < 40; round++) {
        const folder = temporaryFolder('lock');
        fs.writeFileSync(path.join(folder, 'run.lock'), JSON.stringify({ pid: dead, host: os.hostname(), since: 'x' }));
        const answers = takers.map((t) => once(t, 'message').then(([m]) => m as string));
        const at = Date.now() + 10;
        takers.forEach((t) => t.send({ folder, at }));
        const got = (await Promise.all(answers)).sort();
        assert.deepEqual(got, ['refused', 'refused', 'refused', 'won'], `round ${round}`);
        assert.deepEqual(fs.readdirSync(folder), ['run.lock']);
      }
    } finally {
      takers.forEach((t) => t.kill());
    }
  });
});
