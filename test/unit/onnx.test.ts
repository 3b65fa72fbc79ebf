import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { OnnxFormatError, readOnnxSummary, summariseOnnx } from '../../src/bundle/onnx';
import { TINY, TINY_TEXT } from '../helpers/paths';
import { bytesField, externalTensor, model, numberField, valueInfo } from '../helpers/protobuf';

const FLOAT = 1;
const INT32 = 6;
const INT64 = 7;
const BOOL = 9;

/** Only the format's own error may come out of the parser. */
function parses(bytes: Uint8Array): boolean {
  try {
    summariseOnnx(bytes);
    return true;
  } catch (e) {
    if (e instanceof OnnxFormatError) return false;
    throw e;
  }
}

describe('ONNX summary', () => {
  const types = (values: readonly { name: string; elemType: number }[]): Record<string, number> => Object.fromEntries(values.map((v) => [v.name, v.elemType]));

  it('reads names, dtypes and shapes of the decoder graph of models/tiny', () => {
    const { inputs, outputs } = readOnnxSummary(path.join(TINY, 'fp32', 'generate.onnx'));
    const cache = Object.fromEntries(['0', '1'].flatMap((n) => ['key', 'value'].map((kv) => [`past_key_values.${n}.${kv}`, FLOAT])));
    assert.deepEqual(types(inputs), {
      input_ids: INT64, soft_embeds: FLOAT, seq_lengths: INT64, max_new_tokens: INT64, eos_ids: INT64, stop_count: INT64, past_lengths: INT32, done_in: BOOL, ...cache,
    });
    const out = types(outputs);
    assert.deepEqual([out.tokens, out.token_logprobs, out.num_tokens, out.done, out.cache_lengths], [INT64, FLOAT, INT64, BOOL, INT32]);
    assert.equal(inputs.find((v) => v.name === 'soft_embeds')!.dims[2], 32);
    const past = inputs.find((v) => v.name === 'past_key_values.1.value')!;
    assert.equal(past.dims.length, 4);
    assert.deepEqual([past.dims[1], past.dims[3]], [2, 16]);
    assert.equal(typeof past.dims[0], 'string');
    assert.deepEqual(inputs.find((v) => v.name === 'max_new_tokens')!.dims, []);
  });

  it('reads names and dtypes of the encoder, score and probe graphs', () => {
    const encoder = readOnnxSummary(path.join(TINY, 'fp32', 'encoder.onnx'));
    assert.deepEqual(types(encoder.inputs), { input_ids: INT64, attention_mask: INT64 });
    assert.equal(types(encoder.outputs).prefix_embeds, FLOAT);
    assert.equal(types(encoder.outputs).prefix_lengths, INT64);
    const score = readOnnxSummary(path.join(TINY, 'fp32', 'score.onnx'));
    assert.deepEqual(types(score.outputs), { token_logprobs: FLOAT, is_argmax: BOOL });
    const probe = readOnnxSummary(path.join(TINY_TEXT, 'fp32', 'probe.onnx'));
    assert.ok(probe.outputs.some((v) => v.name === 'attention.1') && probe.outputs.some((v) => v.name === 'hidden.2'));
  });

  it('places every outside tensor inside its data file, in every graph of both bundles', () => {
    let graphs = 0;
    for (const bundle of [TINY, TINY_TEXT]) {
      for (const precision of fs.readdirSync(bundle).filter((n) => /^(?:fp|int)\d+$/.test(n))) {
        for (const name of fs.readdirSync(path.join(bundle, precision)).filter((n) => n.endsWith('.onnx'))) {
          const { external } = readOnnxSummary(path.join(bundle, precision, name));
          assert.ok(external.length > 0, `${precision}/${name} has weights outside`);
          for (const t of external) {
            const size = fs.statSync(path.join(bundle, precision, t.location)).size;
            assert.ok(t.length > 0 && t.offset + t.length <= size, `${precision}/${name}: ${t.name} ends at ${t.offset + t.length} of ${size}`);
          }
          graphs += 1;
        }
      }
    }
    assert.equal(graphs, 23);
  });

  it('finds external data wherever a graph can hide a tensor', () => {
    const tensor = (where: string): Buffer => externalTensor(`w-${where}`, { location: where, offset: '8', length: '16' });
    const node = (attribute: Buffer): Buffer => bytesField(1, bytesField(5, attribute));
    const subgraph = (depth: number): Buffer => (depth === 0 ? bytesField(5, tensor('deep')) : node(bytesField(6, subgraph(depth - 1))));
    const graph = model(
      bytesField(5, tensor('initializer')),
      bytesField(15, bytesField(1, tensor('sparse'))),
      node(bytesField(5, tensor('constant'))),
      node(bytesField(10, tensor('list'))),
      node(bytesField(11, bytesField(5, tensor('branch')))),
      subgraph(3),
    );
    const withFunction = Buffer.concat([graph, bytesField(25, bytesField(7, bytesField(5, bytesField(5, tensor('function')))))]);
    const found = summariseOnnx(withFunction).external;
    assert.deepEqual(found.map((t) => t.location).sort(), ['branch', 'constant', 'deep', 'function', 'initializer', 'list', 'sparse']);
    assert.ok(found.every((t) => t.offset === 8 && t.length === 16));
  });

  it('refuses impossible offsets and lengths, and nesting without end', () => {
    const impossible: Record<string, string>[] = [{ offset: '-1' }, { offset: 'abc' }, { length: '1e9' }, { length: '99999999999999999999' }, { offset: 'NaN' }];
    for (const entries of impossible) {
      const bad = model(bytesField(5, externalTensor('w', { location: 'x', ...entries })));
      assert.throws(() => summariseOnnx(bad), (e: Error) => e instanceof OnnxFormatError && e.message.includes('"w"'), JSON.stringify(entries));
    }
    let nested = bytesField(5, externalTensor('w', { location: 'x' }));
    for (let i = 0; i < 2000; i++) nested = bytesField(1, bytesField(5, bytesField(6, nested)));
    assert.throws(() => summariseOnnx(model(nested)), (e: Error) => e instanceof OnnxFormatError && /nested/.test(e.message));
  });

  it('reads symbolic, fixed and missing dimensions', () => {
    const info = summariseOnnx(model(bytesField(11, valueInfo('x', 7, ['batch', 300, '']))));
    assert.deepEqual(info.inputs, [{ name: 'x', elemType: 7, dims: ['batch', 300, ''] }]);
    const unknown = bytesField(11, Buffer.concat([bytesField(1, 'y'), bytesField(2, bytesField(1, Buffer.concat([numberField(1, 1), bytesField(2, bytesField(1, Buffer.alloc(0)))])))]));
    assert.deepEqual(summariseOnnx(model(unknown)).inputs[0]!.dims, ['?']);
  });

  it('says what is wrong with a file that is none', () => {
    const says = (bytes: Uint8Array, words: RegExp): void => assert.throws(() => summariseOnnx(bytes), (e: Error) => e instanceof OnnxFormatError && words.test(e.message));
    says(Buffer.alloc(0), /no graph/);
    says(Buffer.from([0x3a, 0xff]), /ends inside a number/);
    says(Buffer.from([0x3a, 0x10, 0x00]), /longer than the file/);
    says(Buffer.from([0x07]), /number 0/);
    says(Buffer.from([0x0b]), /wire type 3/);
    says(Buffer.from(new Array(11).fill(0xff)), /ten bytes/);
    says(Buffer.concat([model(), model()]), /graph/);
  });

  it('gives a summary or its own error for any bytes', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => void parses(bytes)), { numRuns: 3000 });
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => void parses(model(Buffer.from(bytes)))), { numRuns: 3000 });
  });

  it('survives flipped bytes and cuts of a real graph, and both outcomes occur', () => {
    const whole = fs.readFileSync(path.join(TINY, 'fp32', 'generate.onnx'));
    const seen = { parsed: 0, refused: 0 };
    const flip = fc.tuple(fc.nat({ max: whole.length - 1 }), fc.integer({ min: 1, max: 255 }));
    fc.assert(
      fc.property(fc.array(flip, { minLength: 1, maxLength: 4 }), fc.option(fc.nat({ max: whole.length })), (flips, cut) => {
        const damaged = Buffer.from(whole);
        for (const [at, mask] of flips) damaged[at]! ^= mask;
        seen[parses(cut === null ? damaged : damaged.subarray(0, cut)) ? 'parsed' : 'refused'] += 1;
      }),
      { numRuns: 600 },
    );
    assert.ok(seen.parsed > 0 && seen.refused > 0, JSON.stringify(seen));
  });
});
