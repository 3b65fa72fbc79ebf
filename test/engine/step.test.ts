import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { type EngineClient, EngineDied } from '../../src/engine/client';
import { type StepView } from '../../src/protocol/step';
import { demoBundlesFolder } from '../../src/runs/locations';
import { generate, items, loadedEngine, maxDifference } from '../helpers/engine';
import { TINY_TEXT } from '../helpers/paths';

const [ITEM, OTHER] = items(2) as [ReturnType<typeof items>[number], ReturnType<typeof items>[number]];
const STEPS = 64;

/** Greedy steps, one request each. */
async function walk(engine: EngineClient, handle: string, from: StepView, steps: number): Promise<{ ids: number[]; logprobs: number[]; text: string; last: StepView }> {
  const out = { ids: [] as number[], logprobs: [] as number[], text: '', last: from };
  for (let i = 0; i < steps; i++) {
    const id = out.last.ids[0]!;
    out.ids.push(id);
    out.logprobs.push(out.last.logprobs[0]!);
    if (i + 1 < steps) {
      out.last = await engine.step.advance(handle, [id]);
      out.text += out.last.pieces.join('');
    }
  }
  return out;
}

describe('stepping a generation', function () {
  this.timeout(60_000);
  let engine: EngineClient;
  before(async () => {
    engine = await loadedEngine({ lazy: true });
  });
  after(async () => {
    await engine.close();
  });

  for (const [name, load] of [['tiny fp32', {}], ['tiny int8', { precision: 'int8' }], ['tiny-text fp32', { dir: TINY_TEXT }]] as const) {
    it(`gives the very ids of the one-shot generation: ${name}`, async () => {
      const other = await loadedEngine({ lazy: true, ...load });
      try {
        const opened = await other.step.open(ITEM);
        const stepped = await walk(other, opened.handle, opened.view, STEPS);
        const whole = (await generate(other, [ITEM], { maxNewTokens: STEPS, ignoreEos: true, chunk: 16 })).get(ITEM.key)!;
        assert.equal(whole.tokenIds.length, STEPS);
        assert.deepEqual(stepped.ids, whole.tokenIds);
        assert.ok(maxDifference(stepped.logprobs, whole.tokenLogprobs) < 1e-3);
        assert.equal(opened.promptTokens, whole.promptTokens);
        assert.equal(opened.encoderTokens, whole.encoderTokens);
        assert.equal(opened.prompt, whole.prompt);
      } finally {
        await other.close();
      }
    });
  }

  it('gives the very ids of the one-shot generation on a real model', async function () {
    const dir = path.join(demoBundlesFolder(), 'smol-lift');
    if (!fs.existsSync(path.join(dir, 'lift.json'))) return this.skip();
    this.timeout(240_000);
    const other = await loadedEngine({ dir, lazy: true });
    try {
      const question = 'Question: Ben has 12 apples. He gives 5 to Mia. How many apples does Ben have now?\nAnswer:';
      const item = { key: 'real', chat: false, encoder: 'Ben has 12 apples. He gives 5 to Mia. How many apples does Ben have now?', instruction: '', text: question };
      const opened = await other.step.open(item);
      const stepped = await walk(other, opened.handle, opened.view, STEPS);
      const whole = (await generate(other, [item], { maxNewTokens: STEPS, ignoreEos: true })).get('real')!;
      assert.deepEqual(stepped.ids, whole.tokenIds);
      assert.ok(maxDifference(stepped.logprobs, whole.tokenLogprobs) < 1e-3);
    } finally {
      await other.close();
    }
  });

  it('steps back to the very same distribution, and forward to the same ids', async () => {
    const { handle, view } = await engine.step.open(ITEM, { k: 384 });
    const seen: StepView[] = [view];
    for (let i = 0; i < 12; i++) seen.push(await engine.step.advance(handle, [seen.at(-1)!.ids[0]!], { k: 384 }));
    for (const position of [11, 10, 4, 1, 0]) {
      const back = await engine.step.truncate(handle, position, { k: 384 });
      const { pieces: _, ms: __, ...numbers } = back;
      const { pieces: ___, ms: ____, ...want } = seen[position]!;
      assert.deepEqual(numbers, want, `position ${position}`);
    }
    const again = await walk(engine, handle, seen[0]!, 13);
    assert.deepEqual(again.ids, seen.map((v) => v.ids[0]));
  });

  it('goes on from a forced token as the one-shot generation does from that prefix', async () => {
    const { handle, view } = await engine.step.open(ITEM);
    const forced = view.ids[7]!;
    const next = await engine.step.advance(handle, [forced]);
    const rest = await walk(engine, handle, next, 20);
    // The forced token is text for the teacher-forced graph: each of the ids that follow must be its greedy choice.
    const probe = await engine.probe.open({ ...ITEM, completionIds: [forced, ...rest.ids] });
    const positions = probe.lm.positions.length;
    const lens = await engine.probe.lens(probe.handle, { layers: [probe.lm.layers], rows: [probe.promptLength, positions - 1], k: 1 });
    assert.deepEqual([...lens.topIds], rest.ids);
    assert.ok(maxDifference([...lens.topLogprobs], rest.logprobs) < 1e-3);
  });

  it('takes several ids at once as it takes them one by one', async () => {
    const [a, b] = [await engine.step.open(ITEM), await engine.step.open(ITEM)];
    const ids = [40, 41, 42, 7, 8, 9];
    let single = a.view;
    for (const id of ids) single = await engine.step.advance(a.handle, [id]);
    const together = await engine.step.advance(b.handle, ids);
    assert.deepEqual({ ...together, ms: 0, pieces: [] }, { ...single, ms: 0, pieces: [] });
    assert.equal(together.pieces.length, ids.length);
  });

  it('keeps sessions apart when they are stepped side by side', async () => {
    const alone = await engine.step.open(OTHER);
    const want = await walk(engine, alone.handle, alone.view, 16);
    const pair = await Promise.all([engine.step.open(ITEM), engine.step.open(OTHER)]);
    let views = pair.map((p) => p.view);
    const ids: number[] = [];
    for (let i = 0; i < 16; i++) {
      ids.push(views[1]!.ids[0]!);
      views = await Promise.all(pair.map((p, n) => engine.step.advance(p.handle, [views[n]!.ids[0]!])));
    }
    assert.deepEqual(ids, want.ids);
  });

  it('adds up the pieces of the text to the whole text, through characters of several tokens and cuts', async () => {
    const { handle } = await engine.step.open(ITEM);
    const text = 'Höhe 七加五 🙂🙂 ১২টি आम, end';
    const [ids] = (await engine.tokenize('lm', [text])) as [number[]];
    assert.ok(ids.length > [...text].length, 'some characters take several tokens');
    assert.equal((await engine.step.advance(handle, ids)).pieces.join(''), text);
    for (const cut of [ids.length - 1, 9, 3]) {
      await engine.step.truncate(handle, cut);
      const after = await engine.step.advance(handle, ids.slice(cut));
      assert.ok(text.endsWith(after.pieces.join('')));
    }
    await engine.step.truncate(handle, 0);
    let joined = '';
    for (const id of ids) joined += (await engine.step.advance(handle, [id])).pieces.join('');
    assert.equal(joined, text);
  });

  it('tells probability, rank and entropy of one distribution', async () => {
    const { view, handle, vocabulary } = await engine.step.open(ITEM, { k: 384, watch: [5, 300] });
    assert.equal(view.ids.length, vocabulary);
    const p = view.logprobs.map(Math.exp);
    assert.ok(Math.abs(p.reduce((a, b) => a + b, 0) - 1) < 1e-6);
    assert.ok(Math.abs(view.entropy + p.reduce((sum, x, i) => sum + x * view.logprobs[i]!, 0)) < 1e-6);
    assert.equal(view.nonFinite, 0);
    for (const { id, logprob, rank } of view.watched) {
      assert.equal(view.ids[rank - 1], id);
      assert.equal(view.logprobs[rank - 1], logprob);
    }
    const [said] = await engine.step.probabilities(handle, ['18 x']);
    const ids = said!.tokens.map((t) => t.id);
    let at = view;
    for (const [i, id] of ids.entries()) {
      assert.equal(said!.ranks[i], at.ids.indexOf(id) + 1);
      assert.ok(Math.abs(said!.logprobs[i]! - at.logprobs[at.ids.indexOf(id)]!) < 1e-6);
      at = await engine.step.advance(handle, [id], { k: 384 });
    }
    assert.equal((await engine.step.show(handle)).position, ids.length);
  });

  it('says when the context is full, and goes on after a cut', async () => {
    const { handle, view, maxPositions, promptTokens } = await engine.step.open(ITEM);
    assert.equal(view.room, maxPositions - promptTokens);
    const full = await engine.step.advance(handle, new Array<number>(view.room).fill(view.ids[0]!));
    assert.equal(full.room, 0);
    await assert.rejects(engine.step.advance(handle, [1]), /context is full: prompt and answer use all 1024 positions/);
    assert.equal((await engine.step.truncate(handle, 3)).position, 3);
  });

  it('answers what cannot be with the reason', async () => {
    const { handle } = await engine.step.open(ITEM);
    await assert.rejects(engine.step.advance(handle, [384]), /no token 384; the vocabulary has 384/);
    await assert.rejects(engine.step.advance(handle, [1.5]), /no token 1.5/);
    await assert.rejects(engine.step.truncate(handle, 1), /no position 1; 0 tokens were generated/);
    await assert.rejects(engine.step.show(handle, { k: 0 }), /must be 1 to 1000/);
    await assert.rejects(engine.step.probabilities(handle, ['']), /no token in an empty text/);
    await engine.step.close(handle);
    await assert.rejects(engine.step.show(handle), /no longer open/);
  });

  it('stops at a cancellation between two tokens, and keeps those that were read', async () => {
    const { handle } = await engine.step.open(ITEM);
    const abort = new AbortController();
    const long = engine.step.advance(handle, new Array<number>(900).fill(40), {}, abort.signal);
    setTimeout(() => abort.abort(), 30);
    await assert.rejects(long);
    const { position } = await engine.step.show(handle);
    assert.ok(position < 900);
    assert.equal((await engine.step.advance(handle, [41])).position, position + 1);
  });

  it('says why when the engine process dies', async () => {
    const other = await loadedEngine({ lazy: true });
    const { handle } = await other.step.open(ITEM);
    const waiting = other.step.advance(handle, new Array<number>(900).fill(40));
    process.kill(other.pid!, 'SIGKILL');
    await assert.rejects(waiting, (e) => e instanceof EngineDied && /SIGKILL/.test(e.message));
  });
});
