import assert from 'node:assert/strict';
import { candidate } from '../../src/runs/processes';

describe('the number of engine processes', () => {
  const GIB = 2 ** 30;
  const ask = (cores: number, availableGib: number, eachGib: number): number =>
    candidate({ items: 1000, weights: 'x', cores, available: availableGib * GIB }, eachGib * GIB);

  it('is at most one for each core', () => {
    assert.equal(ask(2, 64, 1), 2);
    assert.equal(ask(1, 64, 1), 1);
  });

  it('fits into four fifths of the free memory', () => {
    assert.equal(ask(8, 10, 2), 4);
    assert.equal(ask(8, 10, 3), 2);
    assert.equal(ask(8, 10, 20), 1, 'one is always tried');
  });

  it('has an upper limit on machines with many cores', () => {
    assert.equal(ask(96, 512, 1), 8);
  });
});
