import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { lmFingerprint } from '../../src/runs/vllm/served';
import { toItem } from '../../src/runs/evaluate';
import { problemsOf } from '../../src/runs/benchmark';
import { cacheFolder, pythonEnvironment } from '../../src/runs/locations';
import { prepareEvaluation, startEvaluation } from '../../src/runs/session';
import { type RunManifest, type Sample } from '../../src/protocol/run';
import { readManifestOfBundle } from '../helpers/bundles';
import { engineEntry, FakeVllm, oracle } from '../helpers/fake-vllm';
import { temporaryFolder } from '../helpers/paths';
import { VLLM_PYTHON } from '../helpers/vllm-server';
import { ROOT, until } from './server';
import { Workbench } from './workbench';

const TINY = path.join(ROOT, 'models', 'tiny');
const KEY = 'a-key-that-must-not-be-written';

const runsOf = (w: Workbench): string[] => {
  const folder = path.join(w.server.workspace, 'runs');
  return fs.existsSync(folder) ? fs.readdirSync(folder).sort().map((n) => path.join(folder, n)) : [];
};
const samplesOf = (folder: string): Sample[] => fs.readFileSync(path.join(folder, 'samples.jsonl'), 'utf8').trim().split('\n').map((l) => JSON.parse(l) as Sample);
const manifestOf = (folder: string): RunManifest => JSON.parse(fs.readFileSync(path.join(folder, 'manifest.json'), 'utf8')) as RunManifest;

/** A fake server that knows the greedy answers of models/tiny to all of LIFT-48 in two languages. */
async function servedTiny(): Promise<FakeVllm> {
  const options = { bundle: TINY, benchmark: 'lift48', languages: 'en,ar', version: '0', threads: 1, engine: { entry: await engineEntry() }, out: path.join(temporaryFolder('oracle'), 'run') };
  const plan = await startEvaluation(options, await prepareEvaluation(options));
  await plan.backend.close();
  const problems = problemsOf(plan.benchmark.benchmark, plan.plan.languages, plan.plan.ids);
  const answers = await oracle(TINY, problems.map((p) => toItem(p, plan.manifest)), plan.manifest.environment.generation.maxNewTokens);
  return new FakeVllm(answers, { name: `tiny-${lmFingerprint(readManifestOfBundle(TINY)).slice(0, 12)}-float32`, key: KEY, delayMs: 1000 }).start();
}

describe('vLLM servers in the workbench', function () {
  this.timeout(180_000);
  let w: Workbench;
  let server: FakeVllm;
  /** The panel says it, and the notification that could take the focus from a pick has come and gone. */
  const status = async (word: string, notified: string): Promise<void> => {
    await w.panel.locator('.status', { hasText: word }).waitFor({ timeout: 90_000 });
    await w.notification(notified).waitFor({ timeout: 60_000 });
    await w.clearNotifications();
  };

  before(async () => {
    server = await servedTiny();
    w = await Workbench.open({ links: { 'bundles/tiny': TINY }, files: { '.vscode/settings.json': JSON.stringify({ 'lingualift.backends': [server.url] }) } });
  });
  after(async () => {
    await w?.close();
    await server?.stop();
  });
  afterEach(async function () {
    if (this.currentTest?.state === 'failed') await w.shot(`failed-${this.currentTest.title.replace(/\W+/g, '-')}`);
  });

  const evaluate = async (where: 'vLLM servers' | 'This machine', sample: string): Promise<void> => {
    await w.command('LinguaLIFT: Run Evaluation…');
    await w.choose({ bundle: 'tiny', benchmark: 'LIFT-48', languages: ['English', 'Arabic'], sample });
    await w.picker.locator('input[placeholder="Where the language model runs"]').waitFor();
    await w.pick(where);
  };

  it('refuse a run without their key, and say which command sets it', async () => {
    await evaluate('vLLM servers', '2 at random');
    await w.notification(/key/i).waitFor({ timeout: 60_000 });
    await w.shot('vllm-no-key');
    assert.deepEqual(runsOf(w), []);
    await w.clearNotifications();
  });

  it('take the key from the palette, show their speed and queue while they answer, and give the answers of the engine', async () => {
    await w.command('LinguaLIFT: Set vLLM Key…');
    await w.type(KEY);
    await w.notification('The key of the vLLM servers is kept.').waitFor();
    await w.clearNotifications();
    await evaluate('vLLM servers', 'All 50');
    const row = w.panel.locator('.endpoints tbody tr', { hasText: server.url });
    await row.waitFor({ timeout: 60_000 });
    await until('answers of the server in the panel', async () => Number((await row.locator('td').allInnerTexts())[3]) > 0);
    assert.equal(await row.locator('td').first().innerText(), 'ready');
    await w.shot('vllm-servers');
    await status('finished', 'is finished');
    const [served] = runsOf(w) as [string];
    const { environment } = manifestOf(served);
    assert.deepEqual([environment.backend.name, environment.backend.versions.vllm, environment.backend.served?.dtype], ['vllm', '0.32.0', 'float32']);
    await evaluate('This machine', 'All 50');
    await until('a second run', () => runsOf(w).length === 2);
    await status('finished', 'is finished');
    const own = runsOf(w).find((f) => f !== served)!;
    assert.equal(manifestOf(own).environment.backend.name, 'onnxruntime');
    const ids = (folder: string): string[] => samplesOf(folder).map((s) => `${s.language} ${s.id} ${s.tokenIds.join()}`).sort();
    assert.equal(ids(served).length, 100);
    assert.deepEqual(ids(served), ids(own));
  });

  it('lose nothing when they die, and the run is resumed by the servers of now', async () => {
    server.options = { ...server.options, delayMs: 4000 };
    const before = new Set(runsOf(w));
    await evaluate('vLLM servers', '25 at random');
    const folder = await until('a third run', () => runsOf(w).find((f) => !before.has(f)), 60_000);
    await until('its first samples', () => fs.existsSync(path.join(folder, 'samples.jsonl')) && samplesOf(folder).length > 0, 60_000);
    await w.panel.locator('vscode-button', { hasText: 'Cancel' }).first().click();
    await status('cancelled', 'was cancelled at');
    const kept = samplesOf(folder).length;
    assert.ok(kept < 50, `${kept} of 50 before it was cancelled`);
    await server.stop();
    server.options = { ...server.options, delayMs: 0 };
    await server.start();
    await w.panel.locator('vscode-button', { hasText: 'Resume' }).first().click();
    await status('finished', 'is finished');
    const keys = samplesOf(folder).map((s) => `${s.language} ${s.id}`);
    assert.deepEqual([keys.length, new Set(keys).size], [50, 50]);
  });

  it('leave their key in no file of the workspace, of the settings or of a log', () => {
    assert.ok(server.authorizations.has(`Bearer ${KEY}`));
    const found: string[] = [];
    const walk = (folder: string): void => {
      for (const entry of fs.readdirSync(folder, { withFileTypes: true })) {
        const at = path.join(folder, entry.name);
        if (entry.isDirectory() && entry.name !== 'extensions') walk(at);
        else if (entry.isFile() && fs.readFileSync(at).includes(KEY)) found.push(path.relative(w.server.dir, at));
      }
    };
    walk(w.server.dir);
    assert.deepEqual(found, []);
  });

  it('are not started where the Python has no vLLM, with a word on what to do', async () => {
    await w.clearNotifications();
    await w.command('LinguaLIFT: Start Local vLLM Server');
    await w.pick('tiny');
    await w.notification('There is no vLLM in the chosen Python environment').waitFor({ timeout: 60_000 });
  });
});

/** With vLLM itself: LINGUALIFT_VLLM_PYTHON names its Python, and the demo bundles are built. */
describe('a local vLLM server from the workbench', function () {
  this.timeout(900_000);
  let w: Workbench | undefined;
  const shell = path.join(cacheFolder(), 'bundles', 'smol-lift', 'lift.json');

  before(async function () {
    const missing = VLLM_PYTHON === undefined ? 'LINGUALIFT_VLLM_PYTHON names no Python with vLLM' : !fs.existsSync(shell) ? 'the demo bundles are not built' : !pythonEnvironment() ? 'no Python environment in the cache folder' : undefined;
    if (missing !== undefined) {
      console.log(`      skipped: ${missing}`);
      return this.skip();
    }
    w = await Workbench.open({ env: { LINGUALIFT_CACHE: cacheFolder(), LINGUALIFT_VLLM_PYTHON: VLLM_PYTHON!, VLLM_CPU_KVCACHE_SPACE: '1', VLLM_CPU_OMP_THREADS_BIND: 'nobind' } });
  });
  after(async () => {
    await w?.close();
  });
  afterEach(async function () {
    if (this.currentTest?.state === 'failed') await w!.shot(`failed-${this.currentTest.title.replace(/\W+/g, '-')}`);
  });

  it('is started as a task, offered for evaluations, and answers a run', async () => {
    const bench = w!;
    await bench.command('LinguaLIFT: Start Local vLLM Server');
    await bench.pick('smol-lift');
    await bench.pick('float32');
    await bench.type('8341');
    const offer = bench.notification(/is starting at http:\/\/127\.0\.0\.1:8341/);
    await offer.waitFor({ timeout: 300_000 });
    await offer.locator('.monaco-button', { hasText: 'Use it for evaluations' }).click();
    await until('the server to answer', async () => (await fetch('http://127.0.0.1:8341/health')).ok, 600_000);
    await bench.shot('vllm-local-terminal');
    await bench.command('LinguaLIFT: Run Evaluation…');
    await bench.choose({ bundle: 'smol-lift', benchmark: 'LIFT-48', languages: ['English', 'Swahili'], sample: '2 at random' });
    await bench.pick('vLLM servers');
    await bench.panel.locator('.status', { hasText: 'finished' }).waitFor({ timeout: 300_000 });
    await bench.shot('vllm-local-run');
    const [folder] = runsOf(bench) as [string];
    assert.equal(manifestOf(folder).environment.backend.name, 'vllm');
    assert.deepEqual(samplesOf(folder).map((s) => s.stopReason === 'failed' || s.tokenIds.length === 0), [false, false, false, false]);
  });
});
