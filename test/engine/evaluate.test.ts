import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { type ItemResult } from '../../src/protocol/engine';
import { RunError } from '../../src/runs/errors';
import { type EvaluateResult } from '../../src/runs/evaluate';
import { EnginePool, type PoolOptions } from '../../src/runs/pool';
import { type EvaluationOptions, prepareEvaluation, runFolderName, startEvaluation } from '../../src/runs/session';
import { readManifestOf, readSamples, sampleKey } from '../../src/runs/store';
import { assertSameSamples } from '../helpers/cli';
import { answer, buildFolder, items, LOAD } from '../helpers/engine';
import { copyBundle, editLift } from '../helpers/bundles';
import { temporaryFolder, TINY, TINY_TEXT } from '../helpers/paths';

/** A pool with a fault that is injected into its processes. */
async function pool(fault: string, options: Partial<PoolOptions> = {}): Promise<EnginePool> {
  const entry = path.join(await buildFolder(), 'engine.js');
  return EnginePool.open({
    load: { ...LOAD, dir: TINY_TEXT, batch: 8 }, processes: 1, threads: 1, batch: 8, chunk: 8,
    engine: { entry, env: { LINGUALIFT_TEST_FAULT: fault }, ...(fault.startsWith('hang') ? { hangMs: 3000 } : {}) }, ...options,
  });
}

/** Asks a pool and gives the results; an item that comes twice is an error. */
async function ask(p: EnginePool, n: number, maxNewTokens = 24): Promise<Map<string, ItemResult>> {
  const results = new Map<string, ItemResult>();
  await p.generate({
    items: items(n), maxNewTokens, stop: [],
    onItem: (r) => {
      assert.ok(!results.has(r.key), `${r.key} came twice`);
      results.set(r.key, r);
    },
  });
  return results;
}

const plain = (results: ReadonlyMap<string, ItemResult>): Record<string, unknown> => Object.fromEntries([...results].map(([k, r]) => [k, answer(r)]));

describe('recovery of the engine', function () {
  this.timeout(60_000);
  const N = 30;
  let healthy: Map<string, ItemResult>;

  before(async () => {
    const p = await pool('');
    healthy = await ask(p, N);
    await p.close();
    assert.equal(healthy.size, N);
  });

  const marker = (): string => path.join(temporaryFolder('fault'), 'happened');

  for (const fault of ['crash', 'hang', 'throw']) {
    it(`${fault} once: nothing is lost, nothing fails, the answers are the same`, async () => {
      const file = marker();
      const p = await pool(`${fault}|q7|${file}`);
      try {
        const results = await ask(p, N);
        assert.ok(fs.existsSync(file), 'the fault happened');
        assert.deepEqual(plain(results), plain(healthy));
      } finally {
        await p.close();
      }
    });
  }

  for (const [fault, reason] of [['crash', /it was killed \(SIGKILL\).*memory/], ['hang', /no sign of life for \d s/], ['throw', /^injected failure$/]] as const) {
    it(`${fault} at one item every time: it fails with the reason, others are answered, the run goes on`, async () => {
      const p = await pool(`${fault}|q17`);
      try {
        const results = await ask(p, N);
        assert.equal(results.size, N);
        const failed = [...results.values()].filter((r) => r.stopReason === 'failed');
        assert.ok(failed.some((r) => r.key === 'q17'));
        assert.ok(failed.length <= 4, `${failed.length} failed: the item and at most its mates of the second try, at half the batch`);
        for (const r of failed) assert.match(r.failure!, reason);
        for (const r of results.values()) if (r.stopReason !== 'failed') assert.deepEqual(answer(r), answer(healthy.get(r.key)!));
        // The next request finds a working process.
        assert.equal((await ask(p, 5)).size, 5);
      } finally {
        await p.close();
      }
    });
  }

  it('a crash with two processes: the other one helps out, every item once', async () => {
    const p = await pool(`crash|q7|${marker()}`, { processes: 2 });
    try {
      assert.equal(p.processes, 2);
      assert.deepEqual(plain(await ask(p, N)), plain(healthy));
    } finally {
      await p.close();
    }
  });

  it('a process that was killed while idle is replaced', async () => {
    const p = await pool('');
    try {
      process.kill(p.engine.pid!, 'SIGKILL');
      assert.deepEqual(plain(await ask(p, N)), plain(healthy));
    } finally {
      await p.close();
    }
  });

  it('a bundle that cannot be loaded leaves no process behind', async () => {
    await assert.rejects(pool('', { load: { ...LOAD, dir: temporaryFolder(), batch: 8 } }), /There is no lift\.json/);
  });

  it('a process that died and cannot be started again ends the run with the reason', async () => {
    const gone = copyBundle(TINY_TEXT);
    const q = await EnginePool.open({ load: { ...LOAD, dir: gone, batch: 8 }, processes: 1, threads: 1, batch: 8, engine: { entry: path.join(await buildFolder(), 'engine.js') } });
    try {
      fs.rmSync(path.join(gone, 'fp32'), { recursive: true });
      process.kill(q.engine.pid!, 'SIGKILL');
      await assert.rejects(ask(q, 3), /missing/);
    } finally {
      await q.close();
    }
  });
});

describe('evaluation', function () {
  this.timeout(60_000);

  const base = async (change: Partial<EvaluationOptions> = {}): Promise<EvaluationOptions> => ({
    bundle: TINY_TEXT, benchmark: 'lift48', languages: 'en,sw,th', limit: 4, template: 'plain', maxNewTokens: 12, batch: 4, threads: 1, version: '0',
    out: path.join(temporaryFolder('run'), 'run'), engine: { entry: path.join(await buildFolder(), 'engine.js') }, ...change,
  });

  async function run(options: EvaluationOptions, events: Parameters<Awaited<ReturnType<typeof startEvaluation>>['run']>[0] = {}): Promise<EvaluateResult> {
    const started = await startEvaluation(options, await prepareEvaluation(options));
    try {
      return await started.run(events);
    } finally {
      await started.backend.close();
    }
  }

  it('asks the same problems in every language, writes each sample before it shows it, and ends finished', async () => {
    const options = await base();
    const seen: string[] = [];
    const result = await run(options, {
      onSample: (s, progress) => {
        seen.push(sampleKey(s));
        assert.ok(readSamples(options.out!).samples.some((x) => sampleKey(x) === sampleKey(s)), 'it is on disk');
        assert.equal(progress.done, seen.length);
        assert.equal(progress.total, 12);
      },
    });
    assert.equal(new Set(seen).size, 12);
    assert.deepEqual([result.state.status, result.cancelled, result.resumed], ['finished', false, 0]);
    const ids = (language: string): string[] => result.samples.filter((s) => s.language === language).map((s) => s.id).sort();
    assert.equal(ids('en').length, 4);
    assert.deepEqual([ids('sw'), ids('th')], [ids('en'), ids('en')]);
    const manifest = readManifestOf(options.out!);
    assert.deepEqual([manifest.plan.sampling, manifest.plan.seed, [...manifest.plan.ids].sort()], ['random', 1, ids('en')]);
    assert.ok(result.state.newTokens === result.samples.reduce((n, s) => n + s.tokenIds.length, 0) && result.state.seconds > 0);
  });

  it('results do not depend on batch, processes and threads, which stay outside the fingerprint', async () => {
    const one = await base({ batch: 1 });
    const many = await base({ batch: 16, processes: 2 });
    const [a, b] = [await run(one), await run(many)];
    assertSameSamples(a.samples, b.samples);
    const [x, y] = [readManifestOf(one.out!), readManifestOf(many.out!)];
    assert.equal(x.fingerprint, y.fingerprint);
    assert.equal(runFolderName(x), runFolderName(y));
    assert.match(runFolderName(x), /^tiny-text-fp32\.lift48\.[0-9a-f]{12}$/);
  });

  it('the fingerprint follows bundle, precision, benchmark, selection, template, scorer and limit', async () => {
    const print = async (change: Partial<EvaluationOptions>): Promise<string> => {
      const options = await base({ maxNewTokens: 2, limit: 1, languages: 'en', ...change });
      await run(options);
      return readManifestOf(options.out!).fingerprint;
    };
    const changes: Partial<EvaluationOptions>[] = [
      {}, { precision: 'int8' }, { bundle: TINY }, { benchmark: 'lift48-choice', scorer: 'choice' }, { languages: 'sw' }, { limit: 2 }, { seed: 2 }, { template: 'metamath' }, { scorer: 'harness' }, { maxNewTokens: 3 },
    ];
    const prints = [];
    for (const change of changes) prints.push(await print(change));
    assert.equal(new Set(prints).size, changes.length);
    assert.equal(await print({}), prints[0]);
  });

  it('cancelled and resumed in the middle equals an uninterrupted run', async () => {
    const whole = await run(await base({ maxNewTokens: 40 }));
    const options = await base({ maxNewTokens: 40, chunk: 4 });
    let sessions = 0;
    let result: EvaluateResult;
    do {
      const abort = new AbortController();
      let n = 0;
      result = await run(options, {
        signal: abort.signal,
        onSample: () => {
          n += 1;
          if (n === 3) abort.abort();
        },
      });
      sessions += 1;
      assert.equal(result.state.status, result.cancelled ? 'cancelled' : 'finished');
    } while (result.cancelled && sessions < 20);
    assert.ok(sessions > 1, `${sessions} sessions`);
    assertSameSamples(result.samples, whole.samples);
    const lines = fs.readFileSync(path.join(options.out!, 'samples.jsonl'), 'utf8').trim().split('\n');
    assert.equal(lines.length, 12, 'no item twice');
  });

  it('failed items are samples with their reason; --retry-failed asks them again', async () => {
    const entry = path.join(await buildFolder(), 'engine.js');
    const file = await base({ limit: 2, languages: 'en' });
    const key = readManifestKeys(await prepareEvaluation(file))[0]!;
    const broken = await run({ ...file, engine: { entry, env: { LINGUALIFT_TEST_FAULT: `throw|${key}` } } });
    const failed = broken.samples.filter((s) => s.stopReason === 'failed');
    assert.ok(failed.some((s) => sampleKey(s) === key));
    assert.deepEqual([failed[0]!.correct, failed[0]!.error, failed[0]!.failure, failed[0]!.value, failed[0]!.span], [false, 'failed', 'injected failure', null, null]);
    assert.equal(broken.state.status, 'finished');
    assert.equal((await run(file)).samples.filter((s) => s.stopReason === 'failed').length, failed.length, 'resuming alone leaves them');
    const retried = await run(file, { retryFailed: true });
    assert.equal(retried.samples.filter((s) => s.stopReason === 'failed').length, 0);
    assert.equal(retried.samples.length, 2);
  });

  it('a language that is taken out is left out, and the rest finishes', async () => {
    const result = await run(await base(), { isLanguageCancelled: (l) => l === 'th' });
    assert.deepEqual([...new Set(result.samples.map((s) => s.language))].sort(), ['en', 'sw']);
    assert.equal(result.state.status, 'finished');
  });

  it('a sample that cannot be written stops the run with the reason', async () => {
    const options = await base();
    const boom = new RunError('the disk is full', 3);
    await assert.rejects(
      run(options, {
        onSample: () => {
          throw boom;
        },
      }),
      (e: Error) => e === boom,
    );
    assert.equal(readSamples(options.out!).samples.length, 1);
  });

  it('everything that is wrong is said before the model is loaded', async () => {
    const wrong: [Partial<EvaluationOptions>, RegExp][] = [
      [{ benchmark: 'nope' }, /no benchmark "nope"/],
      [{ languages: 'en,xx' }, /Language "xx" is not in this benchmark\. It has: .*sw/],
      [{ limit: 0 }, /limit must be a whole number of at least 1, not 0/],
      [{ seed: 0.5 }, /seed must be a whole number/],
      [{ ids: ['nope'] }, /Unknown problem id "nope"/],
      [{ ids: [] }, /No problem id/],
      [{ scorer: 'magic' }, /no scorer "magic"\. Choose one of: .*locale/],
      [{ template: 'magic' }, /Unknown prompt template "magic"\. Known: plain/],
      [{ batch: 0 }, /batch must be a whole number from 1 to 1024, not 0/],
      [{ processes: 0 }, /processes.*not 0/],
      [{ threads: -1 }, /threads.*not -1/],
      [{ maxNewTokens: 0 }, /--max-new-tokens.*not 0/],
      [{ memoryCeiling: -5 }, /memory ceiling.*not -5/],
      [{ precision: 'fp64' }, /Unknown precision "fp64"/],
      [{ precision: 'fp16' }, /has no fp16; it has fp32, int8, int4/],
      [{ provider: 'cuda' }, /none of which runs on CUDA/],
    ];
    for (const [change, words] of wrong) {
      await assert.rejects(prepareEvaluation(await base(change)), (e: Error) => e instanceof RunError && e.exit === 2 && words.test(e.message), JSON.stringify(change));
    }
    await assert.rejects(prepareEvaluation(await base({ bundle: 'nowhere' })), /There is no lift\.json/);
    const changed = copyBundle(TINY_TEXT);
    const data = path.join(changed, 'fp32', 'embed.data');
    const bytes = fs.readFileSync(data);
    bytes[0]! ^= 1;
    fs.writeFileSync(data, bytes);
    await assert.rejects(prepareEvaluation(await base({ bundle: changed })), /"fp32\/embed\.data" was changed/);
    const mute = copyBundle(TINY_TEXT);
    fs.rmSync(path.join(mute, 'tokenizers', 'lm', 'chat_template.jinja'));
    editLift(mute, (m) => void ((m as { files: unknown }).files = (m.files as unknown as { path: string }[]).filter((f) => !f.path.endsWith('.jinja'))));
    await assert.rejects(prepareEvaluation(await base({ bundle: mute, template: undefined })), /prompt template "chat" needs a chat template.*--template/);
  });
});

function readManifestKeys(prepared: Awaited<ReturnType<typeof prepareEvaluation>>): string[] {
  return prepared.plan.languages.flatMap((language) => prepared.plan.ids.map((id) => `${language}/${id}`));
}
