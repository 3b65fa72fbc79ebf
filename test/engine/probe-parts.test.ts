import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { pooledBlock } from '../../src/core/analysis/blocks';
import { ByteLru } from '../../src/core/analysis/lru';
import { AttentionMatrix, rollBack } from '../../src/engine/probe/attention';
import { CuttableGraph } from '../../src/engine/probe/cut';
import { halfToFloat } from '../../src/engine/probe/embedding';
import { TokenTexts, vocabularyScripts } from '../../src/engine/probe/tokens';
import { type Tokenizer } from '../../src/engine/tokenizer';
import { readOnnxSummary, summariseOnnx } from '../../src/bundle/onnx';
import { TINY } from '../helpers/paths';

/** Only what TokenTexts asks of a tokenizer. */
const vocabulary = (pieces: readonly string[], decoderKinds: readonly string[], special: readonly number[] = []): Tokenizer =>
  ({ token: (id: number) => pieces[id], isSpecial: (id: number) => special.includes(id), decoderKinds }) as unknown as Tokenizer;

describe('texts of tokens', () => {
  it('reads byte-level pieces, and shows parts of characters as hex', () => {
    const texts = new TokenTexts(vocabulary(['Ġcat', 'à¦', 'Ċ', '<s>'], ['ByteLevel'], [3]));
    assert.deepEqual(texts.show(0), { id: 0, text: ' cat', special: false, wordStart: true });
    assert.deepEqual(texts.show(1), { id: 1, text: '', hex: 'e0 a6', special: false, wordStart: false });
    assert.equal(texts.show(2).text, '\n');
    assert.deepEqual(texts.show(3), { id: 3, text: '<s>', special: true, wordStart: true });
    assert.deepEqual(texts.showAll([0, 2, 0]).map((t) => t.id), [0, 2]);
  });

  it('reads SentencePiece pieces and their bytes', () => {
    const texts = new TokenTexts(vocabulary(['▁বই', 'টি', '<0xE0>', '<0x41>'], ['Replace', 'ByteFallback', 'Fuse', 'Strip']));
    assert.deepEqual([0, 1, 2, 3].map((i) => [texts.show(i).text, texts.show(i).hex, texts.show(i).wordStart]), [[' বই', undefined, true], ['টি', undefined, false], ['', 'e0', false], ['A', undefined, false]]);
  });

  it('reads WordPiece pieces', () => {
    const texts = new TokenTexts(vocabulary(['book', '##s'], ['WordPiece']));
    assert.deepEqual([0, 1].map((i) => [texts.show(i).text, texts.show(i).wordStart]), [['book', true], ['s', false]]);
  });

  it('knows the script of each token', () => {
    const { scripts, ofId } = vocabularyScripts(new TokenTexts(vocabulary(['Ġcat', 'à¦', '12', 'à¦¬', '<s>'], ['ByteLevel'], [4])), 5);
    assert.deepEqual([...ofId].map((i) => scripts[i]), ['Latn', 'Zzzz', '', 'Beng', '']);
  });
});

describe('results kept in memory', () => {
  it('forgets what was used longest ago when the limit is passed', () => {
    const store = new ByteLru(10);
    store.set('a/1', 'x', 4);
    store.set('a/2', 'y', 4);
    store.get('a/1');
    store.set('b/1', 'z', 4);
    assert.deepEqual([store.get('a/1'), store.get('a/2'), store.get('b/1'), store.bytes], ['x', undefined, 'z', 8]);
    store.set('b/2', 'huge', 11);
    assert.equal(store.get('b/2'), undefined);
    assert.equal(store.bytes, 8);
    store.set('a/1', 'new', 6);
    assert.equal(store.bytes, 10);
    store.deletePrefix('a/');
    assert.deepEqual([store.get('a/1'), store.get('b/1'), store.bytes], [undefined, 'z', 4]);
    store.setLimit(3);
    assert.equal(store.bytes, 0);
  });
});

describe('attention matrices', () => {
  const square = Float32Array.of(1, 0, 0, 0.5, 0.5, 0, 0.2, 0.3, 0.5, 1, 0, 0, 0.1, 0.9, 0, 0.6, 0.2, 0.2);

  it('keeps the lower triangle of a causal layer, and everything of another', () => {
    for (const causal of [true, false]) {
      const matrix = AttentionMatrix.fromSquare(square, 2, 3, causal);
      assert.equal(matrix.bytes, 4 * (causal ? 12 : 18));
      const line = new Float64Array(3);
      const rows = [0, 1].flatMap((h) => [0, 1, 2].flatMap((r) => (matrix.fill(line, h, r), [...line])));
      assert.deepEqual(rows, [...square]);
    }
  });

  it('rolls back through a layer', () => {
    const mean = AttentionMatrix.fromSquare(Float32Array.of(1, 0, 0.5, 0.5), 1, 2, true);
    const flow = Float64Array.of(0, 1);
    rollBack(flow, 1, mean);
    assert.deepEqual([...flow], [0.25, 0.75]);
    rollBack(flow, 1, mean);
    assert.deepEqual([...flow], [0.4375, 0.5625]);
  });

  it('pools blocks at a ragged edge by mean and by maximum', () => {
    const rows = [[1, 2, 3], [4, 5, 6], [7, 8, 9]];
    assert.deepEqual([...pooledBlock((r) => rows[r]!, [0, 3], [0, 3], 2, 'mean').data], [3, 4.5, 7.5, 9]);
    assert.deepEqual([...pooledBlock((r) => rows[r]!, [0, 3], [0, 3], 2, 'max').data], [5, 6, 8, 9]);
    assert.deepEqual([...pooledBlock((r) => rows[r]!, [1, 3], [1, 2], 1, 'max').data], [5, 8]);
  });
});

describe('parts of a graph', () => {
  const file = path.join(TINY, 'fp32', 'probe.onnx');

  it('cuts the head out with its own weights only', () => {
    const graph = new CuttableGraph(fs.readFileSync(file));
    const normed = graph.normBefore('logits');
    const head = summariseOnnx(graph.cut([{ value: normed, name: 'state' }], [{ value: graph.origin('logits').value, name: 'out' }], 1));
    assert.deepEqual(head.inputs.map((i) => [i.name, i.elemType]), [['state', 1]]);
    assert.deepEqual(head.outputs.map((o) => o.name), ['out']);
    assert.deepEqual(head.external.map((t) => t.name), ['head.weight']);
    assert.deepEqual(head.external[0], readOnnxSummary(file).external.find((t) => t.name === 'head.weight'));
    const norm = summariseOnnx(graph.cut(graph.beforeNorm(normed).from, [{ value: normed, name: 'out' }], 1));
    assert.deepEqual(norm.external.map((t) => t.name), ['norm']);
  });

  it('says when a graph has not what is needed', () => {
    const graph = new CuttableGraph(fs.readFileSync(file));
    assert.throws(() => graph.cut([], [{ value: 'nothing', name: 'out' }], 1), /no value "nothing"/);
    assert.throws(() => graph.beforeNorm('logits.none'), /not known here/);
    assert.throws(() => graph.normBefore('hidden.0'), /not known here/);
    assert.throws(() => new CuttableGraph(Buffer.from([0x08, 0x01])), /no graph/);
  });
});

describe('half precision', () => {
  it('reads normal, subnormal and special numbers', () => {
    assert.deepEqual([0x3c00, 0xc000, 0x3555, 0x0001, 0x8000, 0x7c00, 0x7bff].map(halfToFloat), [1, -2, 0.333251953125, 2 ** -24, -0, Infinity, 65504]);
    assert.ok(Number.isNaN(halfToFloat(0x7e00)));
  });
});
