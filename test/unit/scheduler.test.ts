import assert from 'node:assert/strict';
import fc from 'fast-check';
import { emptyCache, gatherRows } from '../../src/engine/generation/cache';
import { type FinishedItem, type ScheduledItem, Scheduler, type SchedulerOptions, sharedPrefix } from '../../src/engine/generation/scheduler';
import { cutAtStop } from '../../src/engine/generation/stop';
import { EOS, FakeModel, reference } from '../helpers/fake-model';

const decode = (ids: readonly number[]): string => ids.filter((i) => i !== EOS).map((i) => String.fromCharCode(96 + i)).join('');
const defaults: SchedulerOptions = { maxNewTokens: 20, maxPositions: 1000, eosIds: [EOS], stop: [], batch: 4, tokenBudget: 4096, chunk: 4, decode };

const item = (key: string, inputIds: readonly number[], encoderIds: readonly number[] | null = null): ScheduledItem => ({
  key,
  prompt: { inputIds, encoderIds, softRows: encoderIds?.length ?? 0, prompt: '' },
});

interface Log {
  readonly finished: FinishedItem[];
  readonly started: string[];
  readonly beats: string[][];
  readonly completed: boolean;
}

async function schedule(model: FakeModel, items: readonly ScheduledItem[], options: Partial<SchedulerOptions> = {}, cancelled: (log: Omit<Log, 'completed'>) => boolean = () => false): Promise<Log> {
  const log = { finished: [] as FinishedItem[], started: [] as string[], beats: [] as string[][] };
  let clock = 0;
  const scheduler = new Scheduler(model, items, { ...defaults, ...options }, {
    started: (keys) => void log.started.push(...keys),
    finished: (f) => void log.finished.push(f),
    beat: (active) => void log.beats.push(active.map((a) => a.key)),
    cancelled: () => Promise.resolve(cancelled(log)),
    now: () => clock++,
  });
  return { ...log, completed: await scheduler.run() };
}

/** What an item must give: the model's own greedy ids, cut by limit, end and stop string. */
function expected(it: ScheduledItem, options: SchedulerOptions, rarity: number): Pick<FinishedItem, 'ids' | 'logprobs' | 'stopReason' | 'stopString'> {
  const limit = Math.min(options.maxNewTokens, options.maxPositions - it.prompt.inputIds.length);
  const { ids, logprobs } = reference(it, limit, rarity);
  const cut = options.stop.length > 0 ? cutAtStop(ids, options.stop, options.decode) : undefined;
  if (cut) return { ids: ids.slice(0, cut.tokens), logprobs: logprobs.slice(0, cut.tokens), stopReason: 'stop-string', stopString: cut.stop };
  return { ids, logprobs, stopReason: ids.at(-1) === EOS ? 'eos' : 'length', stopString: undefined };
}

function check(log: Log, items: readonly ScheduledItem[], options: SchedulerOptions, rarity: number): void {
  assert.deepEqual(log.finished.map((f) => f.item.key).sort(), items.map((i) => i.key).sort(), 'every item once');
  assert.deepEqual([...log.started].sort(), items.map((i) => i.key).sort(), 'every item announced once');
  for (const f of log.finished) {
    const { ids, logprobs, stopReason, stopString } = f;
    assert.deepEqual({ ids, logprobs, stopReason, stopString }, expected(f.item, options, rarity), f.item.key);
    assert.ok(f.ms >= 0);
  }
}

const token = fc.integer({ min: 1, max: 23 });
const prompts = fc.array(
  fc.record({ ids: fc.array(token, { minLength: 1, maxLength: 25 }), soft: fc.option(fc.array(token, { minLength: 1, maxLength: 8 })) }),
  { minLength: 1, maxLength: 24 },
).map((list) => list.map((p, i) => {
  // Soft rows stand behind the first id, as in bos, enc, instruction.
  const soft = p.soft ?? [];
  return item(`k${i}`, [p.ids[0]!, ...soft.map((_, s) => -1 - s), ...p.ids.slice(1)], p.soft);
}));
const settings = fc.record({
  batch: fc.integer({ min: 1, max: 9 }), chunk: fc.integer({ min: 1, max: 40 }), tokenBudget: fc.integer({ min: 1, max: 200 }), maxNewTokens: fc.integer({ min: 1, max: 30 }),
  maxPositions: fc.constantFrom(40, 45, 1000), stop: fc.constantFrom<string[]>([], ['a'], ['bc', 'q'], ['zz']),
});

describe('scheduler', () => {
  it('gives every item exactly once, with the completion it has alone, whatever the batch, chunk, budget and limits', async () => {
    await fc.assert(
      fc.asyncProperty(prompts, settings, fc.constantFrom(3, 12, 1000), fc.nat({ max: 3 }), async (items, options, rarity, slack) => {
        const all = { ...defaults, ...options };
        check(await schedule(new FakeModel(rarity, slack), items, options), items, all, rarity);
      }),
      { numRuns: 400 },
    );
  });

  it('never has more rows at once than the batch, and prefills within the token budget', async () => {
    await fc.assert(
      fc.asyncProperty(prompts, settings, async (items, options) => {
        const model = new FakeModel(10);
        await schedule(model, items, options);
        for (const call of model.calls) {
          assert.ok(call.rows <= options.batch, `${call.rows} rows in a batch of ${options.batch}`);
          if (!call.past && call.rows > 1) assert.ok(call.rows * call.width <= options.tokenBudget, `${call.rows} × ${call.width} > ${options.tokenBudget}`);
          assert.ok(call.steps <= options.chunk);
        }
      }),
      { numRuns: 200 },
    );
  });

  it('fills free places while other rows go on', async () => {
    const items = Array.from({ length: 40 }, (_, i) => item(`k${i}`, [1 + (i % 23), 1 + (i % 7), 5]));
    const model = new FakeModel(9);
    const log = await schedule(model, items, { batch: 8, chunk: 2, maxNewTokens: 60 });
    check(log, items, { ...defaults, batch: 8, chunk: 2, maxNewTokens: 60 }, 9);
    // A prefill (no past) after which rows of an earlier prefill are still active together with new ones.
    const order = new Map(log.started.map((key, i) => [key, i]));
    const mixed = log.beats.filter((keys) => keys.length > 1 && Math.max(...keys.map((k) => order.get(k)!)) - Math.min(...keys.map((k) => order.get(k)!)) >= 8);
    assert.ok(mixed.length > 0, 'rows of different prefills run together');
    assert.ok(Math.max(...log.beats.map((b) => b.length)) > 4);
  });

  it('takes the longest prompts first', async () => {
    const items = [3, 9, 1, 7].map((n, i) => item(`k${i}`, new Array<number>(n).fill(2)));
    assert.deepEqual((await schedule(new FakeModel(5), items, { batch: 1 })).started, ['k1', 'k3', 'k0', 'k2']);
  });

  it('a long row does not wait for a short limit of its neighbour beyond it', async () => {
    // maxPositions leaves the long prompt 2 tokens, the short ones 20.
    const items = [item('long', new Array<number>(28).fill(3)), item('a', [1, 2]), item('b', [4])];
    const options = { maxPositions: 30, maxNewTokens: 20, chunk: 8 };
    const log = await schedule(new FakeModel(1_000_000), items, options);
    const lengths = Object.fromEntries(log.finished.map((f) => [f.item.key, f.ids.length]));
    assert.deepEqual(lengths, { long: 2, a: 20, b: 20 });
    assert.ok(log.finished.every((f) => f.stopReason === 'length'));
    check(log, items, { ...defaults, ...options }, 1_000_000);
  });

  describe('calculator', () => {
    /** Behind every id that seven divides: two ids that depend on all before. */
    const calculator = (ids: readonly number[]): readonly number[] | undefined =>
      ids.at(-1)! % 7 === 0 && ids.at(-1) !== EOS ? [1 + (ids.reduce((a, b) => a + b, 0) % 23), 5] : undefined;

    /** By definition: one token at a time, no cache, no batch; what is forced is looked at no further. */
    function definition(it: ScheduledItem, limit: number, rarity: number): { ids: number[]; forced: number[] } {
      const ids: number[] = [];
      const forced: number[] = [];
      while (ids.length < limit) {
        const grown: ScheduledItem = { ...it, prompt: { ...it.prompt, inputIds: [...it.prompt.inputIds, ...ids] } };
        ids.push(reference(grown, 1, rarity).ids[0]!);
        if (ids.at(-1) === EOS) break;
        if (ids.length === limit) break;
        for (const id of calculator(ids) ?? []) {
          if (ids.length === limit) break;
          forced.push(ids.length);
          ids.push(id);
        }
      }
      return { ids, forced };
    }

    it('forces its ids where it applies, whatever the batch, chunk and limits; everything else is the model', async () => {
      let calculated = 0;
      await fc.assert(
        fc.asyncProperty(prompts, settings, fc.constantFrom(12, 1000), fc.nat({ max: 3 }), async (items, options, rarity, slack) => {
          const all = { ...defaults, ...options, stop: [], calculator };
          const model = new FakeModel(rarity, slack);
          const log = await schedule(model, items, all);
          assert.deepEqual(log.finished.map((f) => f.item.key).sort(), items.map((i) => i.key).sort());
          assert.ok(model.calls.every((c) => c.rows <= options.batch));
          for (const f of log.finished) {
            const limit = Math.min(all.maxNewTokens, all.maxPositions - f.item.prompt.inputIds.length);
            const want = definition(f.item, limit, rarity);
            assert.deepEqual({ ids: f.ids, forced: f.forced }, want, f.item.key);
            assert.equal(f.logprobs.length, f.ids.length);
            assert.ok(f.forced.every((i) => f.logprobs[i] === 0));
            assert.equal(f.stopReason, f.ids.at(-1) === EOS ? 'eos' : 'length');
            calculated += f.forced.length;
          }
        }),
        { numRuns: 300 },
      );
      assert.ok(calculated > 1000, `${calculated} forced ids`);
    });

    it('a stop string behind a calculation counts, one that the calculator replaced does not', async () => {
      const items = Array.from({ length: 12 }, (_, i) => item(`k${i}`, [1 + i, 3]));
      const all = { ...defaults, stop: ['e'], calculator };
      for (const f of (await schedule(new FakeModel(1000), items, all)).finished) {
        const { ids, forced } = definition(f.item, all.maxNewTokens, 1000);
        const cut = cutAtStop(ids, all.stop, decode);
        assert.deepEqual(f.ids, cut ? ids.slice(0, cut.tokens) : ids);
        assert.deepEqual(f.forced, forced.filter((i) => i < f.ids.length));
      }
    });

    it('can be cancelled between two calls', async () => {
      const items = Array.from({ length: 6 }, (_, i) => item(`k${i}`, [1 + i, 3]));
      const model = new FakeModel(1000);
      const log = await schedule(model, items, { calculator }, () => model.calls.length >= 3);
      assert.deepEqual([log.completed, model.calls.length], [false, 3]);
    });
  });

  describe('cancellation', () => {
    it('drops only what is in flight and stops before the next call', async () => {
      await fc.assert(
        fc.asyncProperty(prompts, settings, fc.nat({ max: 12 }), async (items, options, after) => {
          const model = new FakeModel(8);
          let callsAtCancel = -1;
          const log = await schedule(model, items, options, () => {
            if (model.calls.length < after) return false;
            callsAtCancel = model.calls.length;
            return true;
          });
          const started = new Set(log.started);
          const finished = new Set(log.finished.map((f) => f.item.key));
          assert.equal(finished.size, log.finished.length, 'nothing twice');
          assert.ok([...finished].every((k) => started.has(k)));
          for (const f of log.finished) assert.deepEqual(f.ids, expected(f.item, { ...defaults, ...options }, 8).ids, 'what was handed out is whole');
          if (callsAtCancel >= 0) {
            assert.equal(log.completed, false);
            assert.equal(model.calls.length, callsAtCancel, 'no call after the cancellation');
          } else assert.equal(finished.size, items.length);
          const inFlight = [...started].filter((k) => !finished.has(k));
          assert.ok(inFlight.length <= options.batch);
        }),
        { numRuns: 300 },
      );
    });

    it('before the first call nothing is computed', async () => {
      const model = new FakeModel(8);
      const log = await schedule(model, [item('a', [1])], {}, () => true);
      assert.deepEqual([log.completed, model.calls.length, log.started.length], [false, 0, 0]);
    });
  });

  describe('shared prefix', () => {
    const prefix = Array.from({ length: 120 }, (_, i) => 1 + (i % 23));
    const withPrefix = Array.from({ length: 10 }, (_, i) => item(`k${i}`, [...prefix, ...Array.from({ length: 1 + (i % 5) }, (_unused, j) => 1 + ((i + j) % 23))]));

    it('is read once, and the completions are those without it', async () => {
      const model = new FakeModel(11);
      const log = await schedule(model, withPrefix, { batch: 4, chunk: 3 });
      check(log, withPrefix, { ...defaults, batch: 4, chunk: 3 }, 11);
      const read = model.calls.filter((c) => c.newIds > 1 || !c.past).reduce((s, c) => s + c.newIds, 0);
      const without = withPrefix.reduce((s, i) => s + i.prompt.inputIds.length, 0);
      assert.ok(read < without / 5, `${read} of ${without} tokens`);
      assert.equal(model.calls.filter((c) => c.width >= 100).length, 1);
    });

    it('is found where it pays only: long, shared by all, without soft rows, and shorter than every prompt', () => {
      const of = (items: readonly ScheduledItem[]): number => sharedPrefix(items.map((i) => i.prompt));
      assert.equal(of(withPrefix), 120);
      assert.equal(of(withPrefix.slice(0, 2)), 0, 'two prompts');
      assert.equal(of([...withPrefix, item('x', [9, 9, 9])]), 0, 'one prompt differs');
      assert.equal(of(withPrefix.map((i) => item(i.key, [1, -1, ...i.prompt.inputIds]))), 0, 'soft rows differ between prompts');
      const same = Array.from({ length: 4 }, (_, i) => item(`s${i}`, prefix));
      assert.equal(of(same), 119, 'the last id of a prompt is always read by itself');
      const long = withPrefix.map((i) => item(i.key, [...i.prompt.inputIds, ...new Array<number>(80).fill(Number(i.key.slice(1)) + 1)]));
      assert.equal(of(long), 0, 'what follows is long');
    });

    it('identical prompts give identical completions', async () => {
      const same = Array.from({ length: 5 }, (_, i) => item(`s${i}`, prefix));
      const log = await schedule(new FakeModel(13), same, { batch: 2 });
      check(log, same, { ...defaults, batch: 2 }, 13);
    });
  });
});

describe('cache rows', () => {
  it('gathers rows of several caches, cut to their lengths and padded to the longest', () => {
    const shape = { layers: 1, kvHeads: 2, headDim: 2, half: true };
    const make = (rows: number, length: number, base: number) => ({ rows, length, tensors: [0, 1].map((t) => Uint16Array.from({ length: rows * 2 * length * 2 }, (_, i) => base + 500 * t + i)) });
    const [a, b] = [make(2, 3, 1000), make(1, 5, 3000)];
    const out = gatherRows(shape, [{ cache: b, row: 0, length: 4 }, { cache: a, row: 1, length: 2 }]);
    assert.deepEqual([out.rows, out.length], [2, 4]);
    const at = (t: number, row: number, head: number, s: number, d: number): number => out.tensors[t]![((row * 2 + head) * 4 + s) * 2 + d]!;
    for (const [t, h, d] of [[0, 0, 0], [0, 1, 1], [1, 0, 1], [1, 1, 0]] as const) {
      for (let s = 0; s < 4; s++) assert.equal(at(t, 0, h, s, d), 3000 + 500 * t + (h * 5 + s) * 2 + d);
      for (let s = 0; s < 2; s++) assert.equal(at(t, 1, h, s, d), 1000 + 500 * t + ((2 + h) * 3 + s) * 2 + d);
      for (let s = 2; s < 4; s++) assert.equal(at(t, 1, h, s, d), 0);
    }
    assert.ok(out.tensors.every((x) => x instanceof Uint16Array));
    assert.deepEqual(emptyCache(shape, 3).tensors.map((x) => x.length), [0, 0]);
  });
});
