import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { calculatorFor } from '../../src/engine/generation/calculator';
import { composePrompt } from '../../src/engine/generation/prompt';
import { type FinishedItem, type ScheduledItem, Scheduler, type SchedulerOptions } from '../../src/engine/generation/scheduler';
import { LoadedBundle } from '../../src/engine/sessions';
import { Tokenizer } from '../../src/engine/tokenizer';
import { type RunManifest } from '../../src/protocol/run';
import { cli } from '../helpers/cli';
import { answer, generate, items, LOAD, loadedEngine } from '../helpers/engine';
import { temporaryFolder, TINY, TINY_TEXT } from '../helpers/paths';

const NEW = 16;

/** The tiny models write no arithmetic, so this stand-in forces ids behind about one id in five. */
const standIn = (ids: readonly number[]): readonly number[] | undefined => (ids.at(-1)! > 2 && ids.at(-1)! % 5 === 0 ? [60 + (ids.length % 9), 44] : undefined);

async function schedule(bundle: LoadedBundle, list: readonly ScheduledItem[], options: Partial<SchedulerOptions>): Promise<Map<string, FinishedItem>> {
  const { lm } = bundle.manifest.parts;
  const found = new Map<string, FinishedItem>();
  const scheduler = new Scheduler(
    bundle.model,
    list,
    { maxNewTokens: NEW, maxPositions: lm.maxPositions, eosIds: lm.eosIds, stop: [], batch: 16, tokenBudget: 4096, chunk: 8, decode: (ids) => bundle.tokenizers.lm.decode(ids), ...options },
    { started: () => undefined, finished: (f) => void found.set(f.item.key, f), beat: () => undefined, cancelled: () => Promise.resolve(false), now: () => 0 },
  );
  await scheduler.run();
  return found;
}

const ids = (found: ReadonlyMap<string, FinishedItem>): Record<string, unknown> => Object.fromEntries([...found].sort(([a], [b]) => (a < b ? -1 : 1)).map(([k, f]) => [k, { ids: f.ids, forced: f.forced, stop: f.stopReason }]));

for (const [dir, precision] of [[TINY, 'fp32'], [TINY, 'int8'], [TINY_TEXT, 'fp32']] as const) {
  describe(`calculator while decoding: ${path.basename(dir)} ${precision}`, () => {
    let bundle: LoadedBundle;
    let list: ScheduledItem[];
    before(async () => {
      bundle = await LoadedBundle.open({ ...LOAD, dir, precision }, () => undefined);
      list = items().map((i) => ({ key: i.key, prompt: composePrompt(bundle.manifest, bundle.tokenizers, i) }));
    });
    after(() => bundle.release());

    it('gives the same ids alone as in a ragged batch of 16, and in any chunks', async () => {
      const batched = await schedule(bundle, list, { calculator: standIn });
      const forced = [...batched.values()].reduce((n, f) => n + f.forced.length, 0);
      assert.ok(forced >= 10, `${forced} forced ids`);
      for (const options of [{ batch: 1 }, { batch: 5, chunk: 3 }, { chunk: 1, tokenBudget: 200 }]) assert.deepEqual(ids(await schedule(bundle, list, { calculator: standIn, ...options })), ids(batched), JSON.stringify(options));
    });

    it('goes on as from a prompt that ends in what was forced', async () => {
      const whole = await schedule(bundle, list, { calculator: standIn });
      let compared = 0;
      for (const f of whole.values()) {
        const last = f.forced.at(-1);
        if (last === undefined || last + 1 >= f.ids.length) continue;
        const longer = { key: 'x', prompt: { ...f.item.prompt, inputIds: [...f.item.prompt.inputIds, ...f.ids.slice(0, last + 1)] } };
        const rest = (await schedule(bundle, [longer], { maxNewTokens: f.ids.length - last - 1 })).get('x')!;
        assert.deepEqual(rest.ids, f.ids.slice(last + 1), f.item.key);
        compared += 1;
      }
      assert.ok(compared >= 3, `${compared} completions compared`);
    });

    it('forces what the tokenizer writes behind an equals sign', () => {
      const { lm } = bundle.tokenizers;
      const written = lm.encode('8 + 5 =', false);
      assert.equal(lm.decode([...written, ...calculatorFor(lm)(written)!]), '8 + 5 = 13');
      assert.equal(calculatorFor(lm)(lm.encode('8 + 5', false)), undefined);
    });
  });
}

describe('calculator in the engine process', () => {
  it('is off by default, and changes nothing where nothing is calculated', async () => {
    const engine = await loadedEngine();
    try {
      const [off, on] = [await generate(engine, items()), await generate(engine, items(), { calculator: true })];
      for (const [key, r] of off) {
        assert.equal(r.forced, undefined);
        assert.deepEqual(answer(on.get(key)!), answer(r));
      }
    } finally {
      await engine.close();
    }
  });

  it('stands in the manifest and makes another run', async () => {
    const folder = temporaryFolder('calculator');
    const run = async (name: string, ...more: string[]): Promise<RunManifest> => {
      const out = path.join(folder, name);
      const result = await cli(['evaluate', '--bundle', TINY, '--benchmark', 'lift48', '--languages', 'en', '--limit', '2', '--max-new-tokens', '4', '--out', out, ...more]);
      assert.equal(result.code, 0, result.stderr);
      return JSON.parse(fs.readFileSync(path.join(out, 'manifest.json'), 'utf8')) as RunManifest;
    };
    const [off, on] = [await run('off'), await run('on', '--calculator')];
    assert.deepEqual([off.environment.calculator, on.environment.calculator], [false, true]);
    assert.notEqual(off.fingerprint, on.fingerprint);
    assert.deepEqual({ ...on.environment, calculator: false }, off.environment);
    assert.match(fs.readFileSync(path.join(folder, 'on', 'report.md'), 'utf8'), /with calculator/);
  });
});

describe('calculator with the tokenizer of the tiny text bundle', () => {
  it('spells every result it forces', () => {
    const lm = Tokenizer.open(path.join(TINY_TEXT, 'tokenizers', 'lm'));
    for (const [a, b] of [[8, 5], [120, 45], [9.5, 2.25], [1000, 999]] as const) {
      const written = lm.encode(`So ${a} + ${b} =`, false);
      assert.equal(lm.decode([...written, ...(calculatorFor(lm)(written) ?? [])]), `So ${a} + ${b} = ${a + b}`);
    }
  });
});
