import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { type RunManifest, type Sample } from '../../src/protocol/run';
import { RunError } from '../../src/runs/errors';
import { listRuns } from '../../src/runs/list';
import { canonicalJson } from '../../src/runs/plan';
import { checkRunFolder, differences, readManifestOf, readSamples, readState, RunWriter, sampleKey, writeAtomic, writeState } from '../../src/runs/store';
import { ROOT, temporaryFolder } from '../helpers/paths';
import { manifest, sample } from '../helpers/runs';

const run = (): string => path.join(temporaryFolder('run'), 'run');
const file = (folder: string, name = 'samples.jsonl'): string => path.join(folder, name);

/** Opens, writes and closes; what a whole session does. */
function session(folder: string, samples: readonly Sample[], of: RunManifest = manifest()): readonly Sample[] {
  const writer = RunWriter.open(folder, of);
  const before = writer.existing.samples;
  samples.forEach((s) => writer.append(s));
  writer.close();
  return before;
}

const runError = (exit: number, words: RegExp) => (e: Error): boolean => {
  assert.ok(e instanceof RunError, String(e));
  assert.equal(e.exit, exit, e.message);
  assert.match(e.message, words);
  return true;
};

describe('run store', () => {
  it('gives back what was written, in order, over sessions', () => {
    const folder = run();
    assert.deepEqual(session(folder, [sample('p1'), sample('p2', 'sw', { completion: 'line\nbreak\u2028 and 水 \ud83d\ude42', value: null, span: null })]), []);
    const before = session(folder, [sample('p2')]);
    assert.deepEqual(before.map(sampleKey), ['en/p1', 'sw/p2']);
    assert.deepEqual(before[1]!.completion, 'line\nbreak\u2028 and 水 \ud83d\ude42');
    assert.deepEqual(readSamples(folder).samples, [sample('p1'), sample('p2', 'sw', { completion: 'line\nbreak\u2028 and 水 \ud83d\ude42', value: null, span: null }), sample('p2')]);
    assert.deepEqual(readManifestOf(folder), manifest());
    assert.deepEqual(fs.readdirSync(folder).sort(), ['manifest.json', 'samples.jsonl'], 'no lock and no half-written file stays');
  });

  it('leaves out a torn last line wherever it was cut, and writes on behind the last whole one', () => {
    const whole = [sample('p1'), sample('p2', 'sw', { completion: '水水水' })];
    const folder = run();
    session(folder, whole);
    const bytes = fs.readFileSync(file(folder));
    const first = bytes.indexOf(10) + 1;
    for (let cut = first; cut < bytes.length; cut += 1) {
      fs.writeFileSync(file(folder), bytes.subarray(0, cut));
      const reading = readSamples(folder);
      assert.deepEqual([reading.samples.map(sampleKey), reading.damagedLines, reading.completeBytes], [['en/p1'], [], first], `cut at ${cut}`);
    }
    fs.writeFileSync(file(folder), bytes.subarray(0, bytes.length - 1));
    session(folder, [whole[1]!]);
    assert.ok(fs.readFileSync(file(folder)).equals(bytes), 'byte for byte the run that was never cut');
  });

  it('a damaged line in the middle counts as not done and is named', () => {
    for (const damage of ['{"id":"p1","language":"en"', 'null', '[]', '{}', '{"id":"p1","language":"en"}', '\0\0\0\0', JSON.stringify({ ...sample('p1'), tokenIds: undefined }), JSON.stringify({ ...sample('p1'), correct: 'yes' })]) {
      const folder = run();
      session(folder, [sample('p1'), sample('p2'), sample('p3')]);
      const lines = fs.readFileSync(file(folder), 'utf8').split('\n');
      lines[1] = damage;
      fs.writeFileSync(file(folder), lines.join('\n'));
      const { samples, damagedLines } = readSamples(folder);
      assert.deepEqual([samples.map(sampleKey), damagedLines], [['en/p1', 'en/p3'], [2]], damage);
      session(folder, [sample('p2')]);
      assert.deepEqual(readSamples(folder).samples.map(sampleKey), ['en/p1', 'en/p3', 'en/p2']);
    }
  });

  it('the later of two lines of one item counts', () => {
    const folder = run();
    session(folder, [sample('p1', 'en', { stopReason: 'failed', correct: false, failure: 'memory' }), sample('p2')]);
    session(folder, [sample('p1')]);
    const { samples } = readSamples(folder);
    assert.deepEqual(samples.map((s) => [s.id, s.stopReason]), [['p1', 'eos'], ['p2', 'eos']]);
  });

  it('another fingerprint is another run: refused with what differs, nothing changed', () => {
    const folder = run();
    session(folder, [sample('p1')]);
    const bytes = fs.readFileSync(file(folder));
    const base = manifest();
    const other = manifest({
      fingerprint: 'e'.repeat(64),
      environment: { ...base.environment, scorer: { name: 'harness', version: 1 }, generation: { ...base.environment.generation, maxNewTokens: 16 } },
      plan: { ...base.plan, seed: 2 },
    });
    assert.throws(() => RunWriter.open(folder, other), runError(4, /holds another run \(.*scorer\.name: "locale" there, "harness" now.*maxNewTokens: 8 there, 16 now.*plan\.seed: 1 there, 2 now.*choose another folder with --out/s));
    assert.ok(fs.readFileSync(file(folder)).equals(bytes));
    session(folder, []);
    assert.deepEqual(differences(base, base), []);
  });

  it('samples without a manifest, a damaged manifest and another format are refused', () => {
    const folder = run();
    session(folder, [sample('p1')]);
    const text = fs.readFileSync(file(folder, 'manifest.json'), 'utf8');
    fs.rmSync(file(folder, 'manifest.json'));
    assert.throws(() => RunWriter.open(folder, manifest()), runError(4, /has samples but no manifest\.json/));
    fs.writeFileSync(file(folder, 'manifest.json'), text.slice(0, 50));
    assert.throws(() => RunWriter.open(folder, manifest()), runError(2, /manifest\.json of .* is damaged/));
    fs.writeFileSync(file(folder, 'manifest.json'), text.replace('lift-run/1', 'lift-run/7'));
    assert.throws(() => RunWriter.open(folder, manifest()), runError(2, /run of format "lift-run\/7"; this version reads "lift-run\/1"/));
    assert.throws(() => readManifestOf(path.dirname(folder)), runError(2, /is not a run: it has no manifest\.json/));
    fs.writeFileSync(file(folder, 'manifest.json'), text);
    session(folder, []);
  });

  it('two writers: the second is refused with exit code 4 and the lock stays with the first', () => {
    const folder = run();
    const first = RunWriter.open(folder, manifest());
    assert.throws(() => RunWriter.open(folder, manifest()), runError(4, /is writing this run/));
    first.append(sample('p1'));
    first.close();
    first.close();
    assert.deepEqual(session(folder, []).map(sampleKey), ['en/p1']);
  });

  it('a refused run gives its lock back', () => {
    const folder = run();
    session(folder, []);
    assert.throws(() => RunWriter.open(folder, manifest({ fingerprint: 'e'.repeat(64) })), runError(4, /another run/));
    assert.ok(!fs.existsSync(file(folder, 'run.lock')));
  });

  describe('state', () => {
    it('is rewritten whole, keeps what is not changed, and its loss loses nothing', () => {
      const folder = run();
      session(folder, [sample('p1')]);
      writeState(folder, { status: 'running', name: 'mine' });
      assert.deepEqual({ ...writeState(folder, { seconds: 2 }), updated: '' }, { status: 'running', updated: '', seconds: 2, newTokens: 0, name: 'mine' });
      fs.writeFileSync(file(folder, 'state.json'), '{"sta');
      assert.equal(readState(folder), undefined);
      assert.equal(writeState(folder, { status: 'finished' }).status, 'finished');
      assert.deepEqual(fs.readdirSync(folder).sort(), ['manifest.json', 'samples.jsonl', 'state.json']);
    });

    it('a run that says "running" without a writer was interrupted; a damaged one is listed with its reason', () => {
      const runs = temporaryFolder('runs');
      session(path.join(runs, 'a'), [sample('p1'), sample('p2', 'en', { correct: false })]);
      writeState(path.join(runs, 'a'), { status: 'running' });
      fs.mkdirSync(path.join(runs, 'b'));
      fs.writeFileSync(path.join(runs, 'b', 'manifest.json'), '{');
      fs.mkdirSync(path.join(runs, 'no-run'));
      const listed = listRuns(runs);
      assert.deepEqual(listed.map((r) => [r.folder, r.status, r.done, r.total, r.accuracy]), [['a', 'interrupted', 2, 4, 0.5], ['b', 'damaged', 0, 0, null]]);
      assert.match(listed[1]!.problem!, /damaged/);
      const writer = RunWriter.open(path.join(runs, 'a'), manifest());
      assert.equal(listRuns(runs)[0]!.status, 'running');
      writer.close();
      assert.deepEqual(listRuns(path.join(runs, 'nowhere')), []);
    });
  });

  describe('disks', () => {
    it('a full disk is an error in words, the samples before it stay whole, and the run resumes', function () {
      if (process.platform !== 'linux' || process.getuid?.() !== 0) {
        console.log('      skipped: a small file system can only be mounted by root on Linux');
        return this.skip();
      }
      const mount = temporaryFolder('disk');
      if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', mount]).status !== 0) {
        console.log('      skipped: mounting a file system is not permitted here');
        return this.skip();
      }
      try {
        const folder = path.join(mount, 'run');
        const writer = RunWriter.open(folder, manifest());
        let written = 0;
        assert.throws(() => {
          for (; written < 1000; written++) writer.append(sample(`p${written}`, 'en', { completion: 'x'.repeat(3000) }));
        }, runError(3, /Could not write a sample to ".*samples\.jsonl": the disk is full\. Free some space and run the same command again: it resumes/));
        writer.close();
        assert.ok(written > 3 && written < 30);
        assert.throws(() => writeAtomic(path.join(mount, 'big'), 'x'.repeat(100_000)), runError(3, /Could not write ".*big": the disk is full/));
        assert.ok(!fs.readdirSync(mount).some((n) => n.includes('next')), 'no half file stays');
        execFileSync('mount', ['-o', 'remount,size=1m', mount]);
        assert.equal(session(folder, [sample('last')]).length, written);
        assert.deepEqual(readSamples(folder).damagedLines, []);
        assert.equal(readSamples(folder).samples.length, written + 1);
      } finally {
        execFileSync('umount', [mount]);
      }
    });

    it('where nothing can be mounted, /dev/full stands for the full disk', function () {
      if (!fs.existsSync('/dev/full')) {
        console.log('      skipped: this system has no /dev/full');
        return this.skip();
      }
      const folder = run();
      const writer = RunWriter.open(folder, manifest());
      const full = fs.openSync('/dev/full', 'w');
      // The writer's descriptor is put on the full device, as if the disk had filled up under it.
      const inner = writer as unknown as { fd: number };
      const own = inner.fd;
      inner.fd = full;
      assert.throws(() => writer.append(sample('p1')), runError(3, /the disk is full/));
      inner.fd = own;
      fs.closeSync(full);
      writer.close();
    });

    it('a read-only file system is an error in words', function () {
      if (process.platform !== 'linux' || process.getuid?.() !== 0) {
        console.log('      skipped: a read-only file system can only be mounted by root on Linux');
        return this.skip();
      }
      const mount = temporaryFolder('disk');
      if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'ro', 'tmpfs', mount]).status !== 0) {
        console.log('      skipped: mounting a file system is not permitted here');
        return this.skip();
      }
      try {
        assert.throws(() => checkRunFolder(path.join(mount, 'deep', 'run')), runError(3, /Could not make the run folder ".*": the file system is read-only/));
        assert.throws(() => RunWriter.open(path.join(mount, 'run'), manifest()), runError(3, /Could not make the run folder ".*": the file system is read-only\. Choose another folder with --out/));
      } finally {
        execFileSync('umount', [mount]);
      }
    });

    it('a folder without permission is an error in words', function () {
      if (process.platform === 'win32') this.skip();
      const folder = run();
      session(folder, []);
      fs.chmodSync(folder, 0o555);
      const script = `const { RunWriter } = require(${JSON.stringify(path.join(ROOT, 'src/runs/store.ts'))});
        const { manifest } = require(${JSON.stringify(path.join(ROOT, 'test/helpers/runs.ts'))});
        ${process.getuid?.() === 0 ? 'process.setgid(65534); process.setuid(65534);' : ''}
        try { RunWriter.open(${JSON.stringify(folder)}, manifest()); console.log('opened'); } catch (e) { console.log(e.exit, e.message); }`;
      fs.chmodSync(path.dirname(folder), 0o755);
      const out = spawnSync(process.execPath, ['--require', require.resolve('tsx/cjs'), '-e', script], { encoding: 'utf8', env: { ...process.env, TSX_DISABLE_CACHE: '1' } });
      fs.chmodSync(folder, 0o755);
      assert.match(out.stdout + out.stderr, /^3 Could not write to the run folder ".*": permission is denied\. Choose another folder with --out/m);
    });

    it('a file where the folder should be is an error in words', () => {
      const folder = run();
      fs.writeFileSync(folder, 'x');
      assert.throws(() => RunWriter.open(path.join(folder, 'run'), manifest()), runError(3, /a part of the path is a file, not a folder/));
    });
  });

  it('equal contents give equal canonical bytes, whatever the order of keys', () => {
    assert.equal(canonicalJson({ b: [1, { d: null, c: 'x' }], a: undefined, e: -0.5 }), canonicalJson({ e: -0.5, b: [1, { c: 'x', d: null }] }));
    assert.equal(canonicalJson({ b: 1, a: [true, 'ü"'] }), '{"a":[true,"ü\\""],"b":1}');
    assert.notEqual(canonicalJson([1, 2]), canonicalJson([2, 1]));
  });
});
