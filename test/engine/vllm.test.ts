import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { type EndpointView } from '../../src/protocol/endpoints';
import { type GenerateItem, type ItemResult } from '../../src/protocol/engine';
import { problemsOf } from '../../src/runs/benchmark';
import { RunError } from '../../src/runs/errors';
import { toItem } from '../../src/runs/evaluate';
import { prepareEvaluation, startEvaluation } from '../../src/runs/session';
import { readManifestOf } from '../../src/runs/store';
import { VllmBackend, type VllmOptions } from '../../src/runs/vllm/backend';
import { lmFingerprint } from '../../src/runs/vllm/served';
import { readManifestOfBundle } from '../helpers/bundles';
import { answer, generate, items, LOAD, loadedEngine, maxDifference } from '../helpers/engine';
import { engineEntry, FakeVllm, type FakeOptions, oracle, type Oracle } from '../helpers/fake-vllm';
import { temporaryFolder, TINY, TINY_TEXT } from '../helpers/paths';

const LENGTH = 40;
const QUICK = { firstWaitMs: 10, longestWaitMs: 40, giveUpMs: 400, concurrency: 16 };

describe('vLLM backend against a fake server', function () {
  this.timeout(60_000);
  const asked = items(40);
  const oracles = new Map<string, Oracle>();
  const own = new Map<string, Map<string, ItemResult>>();
  const open: { close(): Promise<void> }[] = [];
  const servers: FakeVllm[] = [];

  const named = (dir: string, dtype = 'float32'): string => `${path.basename(dir)}-${lmFingerprint(readManifestOfBundle(dir)).slice(0, 12)}-${dtype}`;

  before(async () => {
    for (const dir of [TINY, TINY_TEXT]) {
      oracles.set(dir, await oracle(dir, asked, LENGTH));
      const engine = await loadedEngine({ dir });
      own.set(dir, await generate(engine, asked, { maxNewTokens: 24 }));
      await engine.close();
    }
  });

  afterEach(async () => {
    for (const o of open.splice(0)) await o.close();
    for (const s of servers.splice(0)) await s.stop();
  });

  async function fake(dir: string, options: Partial<FakeOptions> = {}): Promise<FakeVllm> {
    const server = await new FakeVllm(oracles.get(dir)!, { name: named(dir), ...options }).start();
    servers.push(server);
    return server;
  }

  async function backend(dir: string, endpoints: readonly FakeVllm[], options: Partial<VllmOptions> = {}): Promise<VllmBackend> {
    const b = await VllmBackend.open({
      load: { ...LOAD, dir }, threads: 1, endpoints: endpoints.map((e) => e.url), policy: QUICK, requestTimeoutMs: 5000, engine: { entry: await engineEntry() }, ...options,
    });
    open.push(b);
    endpoints.forEach((e) => {
      e.completions = 0;
      e.bodies.length = 0;
    });
    return b;
  }

  interface Asking {
    readonly what?: readonly GenerateItem[];
    readonly maxNewTokens?: number;
    readonly stop?: readonly string[];
    readonly signal?: AbortSignal;
    readonly onItem?: (r: ItemResult) => void;
    readonly onViews?: (views: readonly EndpointView[]) => void;
  }

  async function ask(b: VllmBackend, { what = asked, maxNewTokens = 24, stop = [], signal, onItem, onViews }: Asking = {}): Promise<Map<string, ItemResult>> {
    const results = new Map<string, ItemResult>();
    await b.generate({
      items: what, maxNewTokens, stop, signal,
      onItem: (r) => {
        assert.ok(!results.has(r.key), `${r.key} came twice`);
        results.set(r.key, r);
        onItem?.(r);
      },
      onProgress: (p) => onViews?.(p.endpoints ?? []),
    });
    return results;
  }

  const plain = (r: ReadonlyMap<string, ItemResult>): Record<string, unknown> => Object.fromEntries([...r].map(([k, v]) => [k, answer(v)]).sort());
  const failures = (r: ReadonlyMap<string, ItemResult>): ItemResult[] => [...r.values()].filter((x) => x.stopReason === 'failed');
  const rejected = async (opening: Promise<unknown>, words: RegExp): Promise<void> => {
    await assert.rejects(opening, (e: unknown) => e instanceof RunError && words.test(e.message));
  };

  for (const dir of [TINY, TINY_TEXT]) {
    it(`${path.basename(dir)}: answers are the engine's, by ${dir === TINY ? 'embeddings (soft rows and text)' : 'token ids'}`, async () => {
      const server = await fake(dir);
      const b = await backend(dir, [server]);
      const results = await ask(b);
      assert.deepEqual(plain(results), plain(own.get(dir)!));
      for (const [key, r] of results) assert.ok(maxDifference(r.tokenLogprobs, own.get(dir)!.get(key)!.tokenLogprobs) < 1e-6);
      const body = server.bodies[0]!;
      assert.deepEqual([body.temperature, body.logprobs, body.return_token_ids, 'prompt_embeds' in body, 'prompt' in body], [0, 0, true, dir === TINY, dir !== TINY]);
      assert.equal(b.served.dtype, 'float32');
      assert.match(b.providerReason, /16 of 16 with the stored ids/);
    });
  }

  it('stop strings end an answer at the same token as in the engine', async () => {
    const texts = [...own.get(TINY)!.values()].map((r) => r.completion);
    const stop = texts.map((t) => t.slice(5, 7)).find((s) => s.length === 2 && texts.filter((t) => t.includes(s)).length > 2)!;
    const engine = await loadedEngine({ dir: TINY });
    const expected = await generate(engine, asked, { maxNewTokens: 24, stop: [stop] });
    await engine.close();
    assert.ok([...expected.values()].some((r) => r.stopReason === 'stop-string'));
    const server = await fake(TINY);
    assert.deepEqual(plain(await ask(await backend(TINY, [server]), { stop: [stop] })), plain(expected));
    // A server whose own reading of the text sees the stop string too soon is asked again without it.
    server.deed = (_, body) => ('stop' in body ? 'early' : 'answer');
    assert.deepEqual(plain(await ask(await backend(TINY, [server]), { stop: [stop] })), plain(expected));
  });

  it('429, 500, garbage, dropped and half answers are tried again; nothing is lost', async () => {
    const server = await fake(TINY);
    const b = await backend(TINY, [server]);
    const deeds = [{ status: 429, retryAfter: '0' }, { status: 500 }, { status: 503 }, 'garbage', 'drop', 'half', 'no-ids'] as const;
    server.deed = (n) => (n % 4 === 0 && n <= 4 * deeds.length ? deeds[n / 4 - 1]! : 'answer');
    let seen: readonly EndpointView[] = [];
    const results = await ask(b, { onViews: (v) => (seen = v) });
    assert.deepEqual(plain(results), plain(own.get(TINY)!));
    assert.ok(server.completions > asked.length + deeds.length - 1);
    // One that drops a kept connection may be tried again without a word: the server could have closed it while idle.
    assert.ok(seen[0]!.errors >= deeds.length - 1, `${seen[0]!.errors} errors shown`);
    assert.equal(seen[0]!.done, asked.length);
    assert.notEqual(seen[0]!.lastError, null);
  });

  it('one prompt that always breaks the server fails with its reason; the others are answered', async () => {
    const server = await fake(TINY_TEXT);
    const b = await backend(TINY_TEXT, [server]);
    let poison: string | undefined;
    server.deed = (_, body) => {
      poison ??= JSON.stringify(body.prompt);
      return JSON.stringify(body.prompt) === poison ? { status: 500 } : 'answer';
    };
    const results = await ask(b);
    assert.equal(results.size, asked.length);
    const failed = failures(results);
    assert.equal(failed.length, 1);
    assert.match(failed[0]!.failure!, /5 requests failed; the last: the server failed \(500\): told to say 500/);
  });

  it('a refused prompt fails at once, and is not asked again', async () => {
    const server = await fake(TINY_TEXT);
    const b = await backend(TINY_TEXT, [server]);
    server.deed = (n) => (n === 3 ? { status: 400 } : 'answer');
    const failed = failures(await ask(b));
    assert.equal(failed.length, 1);
    assert.equal(server.completions, asked.length);
  });

  it('a request that hangs is given up after its time, and asked again', async () => {
    const server = await fake(TINY_TEXT);
    const b = await backend(TINY_TEXT, [server], { requestTimeoutMs: 400 });
    server.deed = (n) => (n === 2 ? 'hang' : 'answer');
    assert.deepEqual(plain(await ask(b)), plain(own.get(TINY_TEXT)!));
  });

  it('requests at once stay under the limit, grow while all is well, and halve when the server is busy', async () => {
    const server = await fake(TINY_TEXT, { delayMs: 5 });
    const b = await backend(TINY_TEXT, [server], { policy: { ...QUICK, concurrency: 8 } });
    server.mostInFlight = 0;
    await ask(b);
    assert.ok(server.mostInFlight > 4 && server.mostInFlight <= 8, `${server.mostInFlight} at once`);
    let lowest = Infinity;
    server.deed = (n) => (n > 60 && n < 64 ? { status: 429 } : 'answer');
    assert.equal(failures(await ask(b, { onViews: (v) => (lowest = Math.min(lowest, v[0]!.limit)) })).length, 0);
    assert.ok(lowest < 8, `the limit was never lower than ${lowest}`);
  });

  it('a server that dies in the middle and comes back goes on; nothing is asked twice that was answered', async () => {
    const server = await fake(TINY);
    const b = await backend(TINY, [server], { policy: { ...QUICK, giveUpMs: 20_000 } });
    let stopped: Promise<void> | undefined;
    const results = await ask(b, {
      onItem: () => {
        stopped ??= server.stop().then(async () => {
          await new Promise((resolve) => setTimeout(resolve, 100));
          await server.start();
        });
      },
    });
    await stopped;
    assert.deepEqual(plain(results), plain(own.get(TINY)!));
  });

  it('a server that comes back with another model is not used again', async () => {
    const server = await fake(TINY);
    const b = await backend(TINY, [server], { policy: { ...QUICK, giveUpMs: 20_000 } });
    let stopped: Promise<void> | undefined;
    await rejected(
      ask(b, {
        onItem: () => {
          stopped ??= server.stop().then(async () => {
            server.options = { name: 'other-0123456789ab-float32' };
            await server.start();
          });
        },
      }),
      /No server is left: .*The server has another model/,
    );
    await stopped;
  });

  it('a dying endpoint hands its items to the other one', async () => {
    const [first, second] = [await fake(TINY, { delayMs: 10 }), await fake(TINY, { delayMs: 10 })];
    const b = await backend(TINY, [first, second]);
    let count = 0;
    let views: readonly EndpointView[] = [];
    const results = await ask(b, {
      onItem: () => {
        if (++count === 10) void first.stop();
      },
      onViews: (v) => (views = v),
    });
    assert.deepEqual(plain(results), plain(own.get(TINY)!));
    assert.ok(views[1]!.done > views[0]!.done);
    assert.notEqual(views[0]!.state, 'ready');
  });

  it('says which servers are gone when none is left, and keeps what was answered', async () => {
    const server = await fake(TINY_TEXT, { delayMs: 5 });
    const b = await backend(TINY_TEXT, [server]);
    let count = 0;
    await rejected(
      ask(b, {
        onItem: () => {
          if (++count === 5) void server.stop();
        },
      }),
      /No server is left: http:\/\/127\.0\.0\.1:\d+: nothing listens there\. .*resumes/,
    );
    assert.ok(count >= 5 && count < asked.length);
  });

  it('cancelling ends the requests under way', async () => {
    const server = await fake(TINY_TEXT);
    const b = await backend(TINY_TEXT, [server]);
    server.deed = (n) => (n > 6 ? 'hang' : 'answer');
    const abort = new AbortController();
    let count = 0;
    const results = await ask(b, {
      signal: abort.signal,
      onItem: () => {
        if (++count === 6) setTimeout(() => abort.abort(), 20);
      },
    });
    assert.equal(results.size, 6);
    assert.equal(failures(results).length, 0);
  });

  it('checks who serves before a run: wrong key, no server, other model, other numbers, other versions', async () => {
    const locked = await fake(TINY, { key: 'right' });
    await rejected(backend(TINY, [locked], { key: 'wrong' }), /does not accept the key.*LINGUALIFT_VLLM_KEY/);
    await rejected(backend(TINY, [locked]), /does not accept the key/);
    await backend(TINY, [locked], { key: 'right' });
    const gone = await fake(TINY);
    await gone.stop();
    await rejected(backend(TINY, [gone]), /nothing listens there\. Is the server started/);
    await rejected(backend(TINY, [await fake(TINY, { name: 'tiny-0123456789ab-float32' })]), /The server has another model: "tiny-0123456789ab/);
    await rejected(backend(TINY, [await fake(TINY, { offset: 0.01 })]), /does not compute what the LLM of "tiny" does: 16 of 16 prompts with the stored ids, log-probabilities up to 1\.0e-2 apart, although its name says float32/);
    await rejected(backend(TINY, [await fake(TINY, { name: 'anything', offset: 0.5 })]), /does not compute what/);
    await rejected(backend(TINY, [await fake(TINY, { models: ['a', 'b'] })]), /several models \("a", "b"\).*--served-model/);
    await rejected(backend(TINY, [await fake(TINY), await fake(TINY, { version: '0.33.0' })]), /The servers differ: .*vLLM 0\.32\.0.*vLLM 0\.33\.0/);
    await rejected(backend(TINY, [await fake(TINY), await fake(TINY, { name: named(TINY, 'bfloat16') })]), /The servers differ: .*float32; .*bfloat16/);
    const reduced = await backend(TINY, [await fake(TINY, { name: 'anything', offset: 0.01 })]);
    assert.equal(reduced.served.dtype, 'reduced');
  });

  it('a prompt that does not fit the server fails in words', async () => {
    const server = await fake(TINY_TEXT, { maxModelLen: 60 });
    const results = await ask(await backend(TINY_TEXT, [server]));
    const failed = failures(results);
    assert.ok(failed.length > 0 && failed.length < results.size);
    assert.match(failed[0]!.failure!, /the server at most 60\. Serve it with --max-model-len/);
  });

  it('a run on servers says so in its manifest, without key, and is not resumed by the engine', async () => {
    const options = { bundle: TINY, benchmark: 'lift48', languages: 'en,sw', limit: 2, version: '0', maxNewTokens: 8, threads: 1, engine: { entry: await engineEntry() } };
    const out = path.join(temporaryFolder('vllm-run'), 'run');
    const engineRun = await startEvaluation({ ...options, out: `${out}-engine` }, await prepareEvaluation(options));
    const { samples } = await engineRun.run({});
    await engineRun.backend.close();
    assert.equal(samples.length, 4);
    const server = await fake(TINY, { key: 'very-secret' });
    const problems = problemsOf(engineRun.benchmark.benchmark, engineRun.plan.languages, engineRun.plan.ids);
    server.answers = await oracle(TINY, problems.map((p) => toItem(p, engineRun.manifest)), 8);
    const served = { ...options, backend: 'vllm' as const, endpoints: [`${server.url}/v1/`], key: 'very-secret', out };
    const started = await startEvaluation(served, await prepareEvaluation(served));
    const result = await started.run({});
    await started.backend.close();
    assert.deepEqual(result.samples.map((s) => [s.language, s.id, s.tokenIds]), samples.map((s) => [s.language, s.id, s.tokenIds]));
    const { environment } = readManifestOf(out);
    assert.deepEqual(environment.backend.served, { fingerprint: lmFingerprint(readManifestOfBundle(TINY)), dtype: 'float32' });
    assert.equal(environment.backend.versions.vllm, '0.32.0');
    for (const file of fs.readdirSync(out)) assert.ok(!fs.readFileSync(path.join(out, file), 'utf8').includes('very-secret'), file);
    const again = await startEvaluation({ ...options, out }, await prepareEvaluation(options));
    try {
      await assert.rejects(again.run({}), /holds another run \(backend\.name: "vllm" there, "onnxruntime" now/);
    } finally {
      await again.backend.close();
    }
    await rejected(prepareEvaluation({ ...options, backend: 'vllm' }), /at least one server/);
    await rejected(prepareEvaluation({ ...options, endpoints: ['http://a'] }), /belongs to --backend vllm/);
    await rejected(prepareEvaluation({ ...options, backend: 'vllm', endpoints: ['http://user:pass@a'] }), /must not hold a user name or password/);
    await rejected(prepareEvaluation({ ...options, backend: 'vllm', endpoints: ['localhost'] }), /not the URL of a server|must begin with/);
  });
});
