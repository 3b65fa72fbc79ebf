import assert from 'node:assert/strict';
import path from 'node:path';
import { type EngineClient } from '../../src/engine/client';
import { LoadedBundle } from '../../src/engine/sessions';
import { type GenerateItem, type ItemResult } from '../../src/protocol/engine';
import { answer, generate, items, LOAD, loadedEngine, maxDifference, scoreItem } from '../helpers/engine';
import { TINY, TINY_TEXT } from '../helpers/paths';

const BUNDLES: [string, string][] = [[TINY, 'fp32'], [TINY, 'int8'], [TINY_TEXT, 'fp32'], [TINY_TEXT, 'int8'], [TINY_TEXT, 'int4']];

const answers = (results: ReadonlyMap<string, ItemResult>): Record<string, unknown> => Object.fromEntries([...results].sort(([a], [b]) => (a < b ? -1 : 1)).map(([k, r]) => [k, answer(r)]));

for (const [dir, precision] of BUNDLES) {
  describe(`generation: ${path.basename(dir)} ${precision}`, () => {
    let engine: EngineClient;
    let batched: Map<string, ItemResult>;
    const list = items();

    before(async () => {
      engine = await loadedEngine({ dir, precision });
      batched = await generate(engine, list);
    });
    after(() => engine.close());

    it('repeats the self-test of the export', async () => {
      const test = await engine.selfTest();
      assert.ok(test.prompts >= 3);
      assert.equal(test.idsEqual, true, test.message);
      if (precision === 'fp32') assert.ok(test.maxLogprobDifference < 1e-4, String(test.maxLogprobDifference));
    });

    it('answers every item, with ids, log-probabilities and a reason to stop', () => {
      assert.deepEqual([...batched.keys()].sort(), list.map((i) => i.key).sort());
      for (const r of batched.values()) {
        assert.ok(r.tokenIds.length >= 1 && r.tokenIds.length <= 24);
        assert.equal(r.tokenIds.length, r.tokenLogprobs.length);
        assert.ok(r.tokenLogprobs.every((x) => x <= 0 && Number.isFinite(x)));
        assert.equal(r.stopReason, r.tokenIds.at(-1) === 1 ? 'eos' : 'length');
        assert.ok(r.promptTokens > 0 && r.ms > 0 && r.encoderTokens > 0 === (dir === TINY));
      }
      assert.ok(new Set([...batched.values()].map((r) => r.tokenIds.join())).size > 12, 'the completions differ from each other');
    });

    it('gives the same completions alone as in a ragged batch of 16', async () => {
      const alone = await generate(engine, list, { batch: 1 });
      assert.deepEqual(answers(alone), answers(batched));
      for (const [key, r] of alone) assert.ok(maxDifference(r.tokenLogprobs, batched.get(key)!.tokenLogprobs) < 2e-4, key);
    });

    it('gives the same completions in chunks of 1, 3 and 32, with refills and small budgets', async () => {
      for (const settings of [{ chunk: 1 }, { chunk: 3, batch: 5 }, { chunk: 32, batch: 7, tokenBudget: 200 }]) assert.deepEqual(answers(await generate(engine, list, settings)), answers(batched), JSON.stringify(settings));
    });

    it('continuations score as they were generated', async () => {
      // A random model writes bytes at random; only text that is encoded back to the same ids can be asked for again.
      let compared = 0;
      for (const maxNewTokens of [1, 2, 3]) {
        const short = await generate(engine, list, { maxNewTokens });
        const back = await engine.tokenize('lm', list.map((i) => short.get(i.key)!.completion));
        const usable = list.filter((i, n) => back[n]!.length > 0 && back[n]!.join() === short.get(i.key)!.tokenIds.join());
        for (const s of await engine.score(usable.map((i) => scoreItem(i, short.get(i.key)!.completion)), 4)) {
          const difference = maxDifference(s.tokenLogprobs, short.get(s.key)!.tokenLogprobs);
          assert.ok(difference < 1e-4, `${s.key}: ${difference}`);
          assert.ok(s.greedy.every(Boolean), s.key);
          compared += 1;
        }
      }
      assert.ok(compared >= 5, `${compared} continuations compared`);
      const first = list.map((i) => scoreItem(i, 'Zebra 42'));
      const [one, many] = [await engine.score(first, 1), await engine.score(first, 16)];
      one.forEach((s, n) => {
        assert.equal(s.key, first[n]!.key, 'in the order of the request');
        assert.deepEqual(s.tokenIds, many[n]!.tokenIds);
        assert.ok(s.tokenIds.length > 2 && maxDifference(s.tokenLogprobs, many[n]!.tokenLogprobs) < 2e-4);
      });
    });
  });
}

describe('generation: graphs against each other', () => {
  for (const dir of [TINY, TINY_TEXT]) {
    it(`${path.basename(dir)}: step by step, in one call, and teacher-forced, the same ids and log-probabilities`, async () => {
      const bundle = await LoadedBundle.open({ ...LOAD, dir }, () => undefined);
      try {
        const { ort, model, manifest } = bundle;
        const prompt = manifest.selfTest!.prompts[1]!;
        const soft = prompt.encoderIds ? (await model.encode([prompt.encoderIds]))[0]! : new Float32Array(0);
        const row = { ids: prompt.inputIds, soft, past: 0 };
        const N = 12;
        const once = await model.decode([row], null, N, 1);
        assert.equal(once.ids[0]!.length, N);

        // The generate graph, one token a call.
        const ids: number[] = [];
        let next: typeof row = row;
        let cache: Parameters<typeof model.decode>[1] = null;
        for (let t = 0; t < N; t++) {
          const out = await model.decode([next], cache, 1, 1);
          ids.push(out.ids[0]![0]!);
          cache = out.cache;
          next = { ids: [ids.at(-1)!], soft: new Float32Array(0), past: out.lengths[0]! };
        }
        assert.deepEqual(ids, once.ids[0]);

        // The step graph: argmax and log-softmax of its logits, computed here.
        const step = await bundle.session('step');
        const { layers, kvHeads, headDim, hidden } = manifest.parts.lm;
        const names = Array.from({ length: layers }, (_, n) => [`${n}.key`, `${n}.value`]).flat();
        let past = names.map(() => new ort.Tensor('float32', new Float32Array(0), [1, kvHeads, 0, headDim]));
        let length = 0;
        let input: readonly number[] = prompt.inputIds;
        let embeds = soft;
        for (let t = 0; t < N; t++) {
          const out = await step.run({
            input_ids: new ort.Tensor('int64', BigInt64Array.from(input, BigInt), [1, input.length]),
            soft_embeds: new ort.Tensor('float32', embeds, [1, embeds.length / hidden, hidden]),
            seq_lengths: new ort.Tensor('int64', BigInt64Array.of(BigInt(input.length)), [1]),
            past_lengths: new ort.Tensor('int32', Int32Array.of(length), [1]),
            ...Object.fromEntries(names.map((n, i) => [`past_key_values.${n}`, past[i]!])),
          });
          const logits = Array.from(out.logits!.data as Float32Array);
          const top = Math.max(...logits);
          const best = logits.indexOf(top);
          assert.equal(best, once.ids[0]![t], `token ${t}`);
          const logprob = -Math.log(logits.reduce((s, x) => s + Math.exp(x - top), 0));
          assert.ok(Math.abs(logprob - once.logprobs[0]![t]!) < 1e-4, `token ${t}: ${logprob} and ${once.logprobs[0]![t]}`);
          past = names.map((n) => out[`present.${n}`] as (typeof past)[0]);
          length = (out.cache_lengths!.data as Int32Array)[0]!;
          input = [best];
          embeds = new Float32Array(0);
        }

        // The score graph on prompt and answer together.
        const score = await bundle.session('score');
        const all = [...prompt.inputIds, ...once.ids[0]!];
        const labels = all.map((_, s) => (s + 1 >= prompt.inputIds.length && s + 1 < all.length ? all[s + 1]! : -100));
        const scored = await score.run({
          input_ids: new ort.Tensor('int64', BigInt64Array.from(all, BigInt), [1, all.length]),
          soft_embeds: new ort.Tensor('float32', soft, [1, soft.length / hidden, hidden]),
          seq_lengths: new ort.Tensor('int64', BigInt64Array.of(BigInt(all.length)), [1]),
          labels: new ort.Tensor('int64', BigInt64Array.from(labels, BigInt), [1, all.length]),
        });
        const from = prompt.inputIds.length - 1;
        assert.ok(maxDifference(Array.from((scored.token_logprobs!.data as Float32Array).slice(from, from + N)), once.logprobs[0]!) < 1e-4);
        assert.ok((scored.is_argmax!.data as Uint8Array).slice(from, from + N).every((x) => x !== 0));
      } finally {
        await bundle.release();
      }
    });
  }
});

describe('generation: stop strings, limits and prompts', () => {
  let engine: EngineClient;
  before(async () => {
    engine = await loadedEngine({ dir: TINY_TEXT });
  });
  after(() => engine.close());

  it('stops at a stop string, cuts the text before it, and keeps the ids up to it, in any chunk', async () => {
    const list = items(6);
    const free = await generate(engine, list);
    // A piece from the middle of a completion that surely comes up.
    const probe = [...free.values()].find((r) => /[a-zA-Z]/.test(r.completion.slice(3)))!;
    const stop = /[a-zA-Z]/.exec(probe.completion.slice(3))![0];
    const runs = await Promise.all([1, 8, 32].map((chunk) => generate(engine, list, { chunk, stop: [stop] })));
    assert.deepEqual(answers(runs[0]!), answers(runs[1]!));
    assert.deepEqual(answers(runs[1]!), answers(runs[2]!));
    let stopped = 0;
    for (const [key, r] of runs[0]!) {
      const whole = free.get(key)!;
      assert.ok(!r.completion.includes(stop));
      assert.deepEqual(r.tokenIds, whole.tokenIds.slice(0, r.tokenIds.length));
      assert.equal(whole.completion.includes(stop), r.stopReason === 'stop-string');
      if (r.stopReason !== 'stop-string') continue;
      stopped += 1;
      assert.equal(r.stopString, stop);
      assert.equal(r.completion, whole.completion.slice(0, whole.completion.indexOf(stop)));
    }
    assert.ok(stopped > 0);
  });

  it('a prompt beyond the limit fails alone, with the reason', async () => {
    const list: GenerateItem[] = [...items(3), { ...items(1)[0]!, key: 'long', text: 'zq '.repeat(1000) }];
    const results = await generate(engine, list);
    assert.equal(results.get('long')!.stopReason, 'failed');
    assert.match(results.get('long')!.failure!, /The prompt has \d{4} tokens; the LLM takes at most 1024, answer included/);
    assert.deepEqual(['q0', 'q1', 'q2'].map((k) => results.get(k)!.stopReason === 'failed'), [false, false, false]);
  });

  it('a prompt near the limit gets what is left of it', async () => {
    const [n] = await engine.tokenize('lm', ['zq '.repeat(320)]);
    assert.ok(n!.length > 900 && n!.length < 1024, `${n!.length} tokens`);
    const results = await generate(engine, [...items(2), { ...items(1)[0]!, key: 'near', text: 'zq '.repeat(320) }], { maxNewTokens: 200 });
    const near = results.get('near')!;
    assert.ok(near.promptTokens + near.tokenIds.length <= 1024);
    assert.ok(near.stopReason === 'eos' || near.promptTokens + near.tokenIds.length === 1024);
  });

  it('an empty prompt fails with the reason', async () => {
    const results = await generate(engine, [{ key: 'empty', chat: false, encoder: 'x', instruction: 'x', text: '' }]);
    assert.match(results.get('empty')!.failure!, /The prompt is empty/);
  });

  it('renders the chat template of the LLM', async () => {
    const results = await generate(engine, [{ ...items(1)[0]!, text: 'Hello', chat: true }]);
    assert.equal(results.get('q0')!.prompt, '<|start|>user\nHello<|end|>\n<|start|>assistant\n');
  });

  it('the soft prefix matters: another question for the encoder, another completion', async () => {
    const lift = await loadedEngine({ dir: TINY });
    try {
      const base: GenerateItem = { key: 'a', chat: false, encoder: 'Seven apples', instruction: 'Solve:', text: '' };
      const results = await generate(lift, [base, { ...base, key: 'b', encoder: 'Nine pears and a plum' }, { ...base, key: 'c' }]);
      const ids = ['a', 'b', 'c'].map((k) => results.get(k)!.tokenIds.join());
      assert.equal(ids[0], ids[2]);
      assert.notEqual(ids[0], ids[1]);
      assert.equal(results.get('a')!.encoderPrompt, 'Seven apples');
      const long = await generate(lift, [{ ...base, encoder: 'zq '.repeat(400) }]);
      assert.match(long.get('a')!.failure!, /The question has \d+ encoder tokens; the encoder takes at most 512/);
      const digits = await generate(lift, [{ ...base, encoder: '১২ + ٣٤' }, { ...base, key: 'ascii', encoder: '12 + 34' }]);
      assert.equal(digits.get('a')!.encoderPrompt, '1 2 + 3 4');
      assert.deepEqual(digits.get('a')!.tokenIds, digits.get('ascii')!.tokenIds);
    } finally {
      await lift.close();
    }
  });
});
