import assert from 'node:assert/strict';
import path from 'node:path';
import { Asker, AskCancelled } from '../../src/runs/ask';

const TINY = path.resolve(__dirname, '..', '..', 'models', 'tiny');
const REQUEST = { bundle: TINY, precision: 'fp32', threads: 1, language: 'en', question: 'Ana has 24 apples and gives 9 away. How many are left?', maxNewTokens: 24 } as const;

describe('single questions', function () {
  this.timeout(60_000);
  const asker = new Asker();
  after(() => asker.close());

  it('are answered in pieces, the same by a cold and a warm engine', async () => {
    const pieces: string[] = [];
    const first = await asker.ask({ ...REQUEST, gold: '15' }, { onPartial: (text) => pieces.push(text) });
    const again = await asker.ask({ ...REQUEST, gold: '15' });
    assert.deepEqual([first.warm, again.warm], [false, true]);
    assert.equal(first.sample.tokenIds.length, 24);
    assert.deepEqual(again.sample.tokenIds, first.sample.tokenIds);
    assert.ok(pieces.length >= 3, `${pieces.length} pieces`);
    assert.ok(pieces.every((p, i) => i === 0 || p.length >= pieces[i - 1]!.length), 'a piece is the text so far');
    assert.deepEqual([first.sample.gold, first.template.split('/').length, first.provider], ['15', 2, 'cpu']);
  });

  it('are read and not judged without a gold answer', async () => {
    const { sample } = await asker.ask(REQUEST);
    const judged = await asker.ask({ ...REQUEST, gold: '15' });
    assert.deepEqual([sample.gold, sample.correct, sample.error], ['', false, null]);
    assert.deepEqual([sample.value, sample.span, sample.reading], [judged.sample.value, judged.sample.span, judged.sample.reading]);
  });

  it('can be interrupted, and the engine goes on answering', async () => {
    const abort = new AbortController();
    await assert.rejects(asker.ask({ ...REQUEST, maxNewTokens: 200 }, { signal: abort.signal, onPartial: () => abort.abort() }), (e: Error) => e instanceof AskCancelled);
    assert.equal((await asker.ask(REQUEST)).warm, true);
  });

  it('are refused in words before anything is loaded', async () => {
    const cold = new Asker();
    await assert.rejects(cold.ask({ ...REQUEST, question: ' ' }), /no question/);
    await assert.rejects(cold.ask({ ...REQUEST, scorer: 'none' }), /no scorer "none"/);
    await assert.rejects(cold.ask({ ...REQUEST, precision: 'int4' }), /has no int4/);
    await assert.rejects(cold.ask({ ...REQUEST, template: 'none' }), /Unknown prompt template/);
  });
});
