import assert from 'node:assert/strict';
import fc from 'fast-check';
import { cutAtStop, textBefore } from '../../src/engine/generation/stop';

/** A vocabulary in which stop strings can begin and end inside tokens; id = index. */
const VOCABULARY = ['a', 'b', '\n', '\n\n', 'Que', 'stion', 'Question:', ':', '[E', 'ND]', '[END]', 'ab', '', 'X'];
const decode = (ids: readonly number[]): string => ids.map((i) => VOCABULARY[i]!).join('');
const STOPS = ['\nQuestion:', '[END]', '\n\n', 'ba'];

/** The definition, by trying every prefix: the shortest that holds a stop string. */
function byDefinition(ids: readonly number[], stop: readonly string[]): { tokens: number; stop: string } | undefined {
  for (let n = 1; n <= ids.length; n++) {
    const text = decode(ids.slice(0, n));
    const hits = stop.filter((s) => text.includes(s)).sort((a, b) => text.indexOf(a) - text.indexOf(b));
    if (hits[0] !== undefined) return { tokens: n, stop: hits[0] };
  }
  return undefined;
}

describe('stop strings', () => {
  const ids = fc.array(fc.nat({ max: VOCABULARY.length - 1 }), { maxLength: 40 });
  const stops = fc.uniqueArray(fc.constantFrom(...STOPS), { minLength: 1 });

  it('cuts behind the token that completes the first stop string', () => {
    fc.assert(fc.property(ids, stops, (list, stop) => assert.deepEqual(cutAtStop(list, stop, decode), byDefinition(list, stop))), { numRuns: 2000 });
  });

  it('does not depend on where chunks end', () => {
    fc.assert(
      fc.property(ids, stops, fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1, maxLength: 12 }), (list, stop, chunks) => {
        // As the scheduler does: look after every chunk, stop at the first hit.
        let cut: ReturnType<typeof cutAtStop>;
        for (let at = 0, i = 0; at < list.length && !cut; i++) {
          at = Math.min(list.length, at + chunks[i % chunks.length]!);
          cut = cutAtStop(list.slice(0, at), stop, decode);
        }
        assert.deepEqual(cut, cutAtStop(list, stop, decode));
      }),
      { numRuns: 2000 },
    );
  });

  it('names the stop string that comes first in the text', () => {
    // Both are completed by one token; the earlier place counts, not the order of the list.
    const two = (list: readonly number[]): string => list.map((i) => ['x', 'y[END]\n\n'][i]!).join('');
    assert.deepEqual(cutAtStop([0, 1, 0], ['\n\n', '[END]'], two), { tokens: 2, stop: '[END]' });
    assert.equal(cutAtStop([0, 0], ['[END]'], two), undefined);
    assert.equal(cutAtStop([], ['[END]'], two), undefined);
  });

  it('the text before it is what was written so far', () => {
    assert.equal(textBefore('12\nQuestion: more\nQuestion:', '\nQuestion:'), '12');
    assert.equal(textBefore('12', '\nQuestion:'), '12');
    assert.equal(textBefore('12[END]', undefined), '12[END]');
  });
});
