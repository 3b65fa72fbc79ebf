import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { scorerByName } from '../../src/core/scoring';
import { harnessAnswer, harnessNumber } from '../../src/core/scoring/harness';
import { UNIT_WORDS } from '../../src/core/scoring/latex-strings';

const REFERENCE = path.join(__dirname, '..', 'fixtures', 'scoring', 'reference_scorers.py');

interface Item {
  readonly completion: string;
  readonly gold: string;
}
interface Expected {
  readonly harness: { correct: boolean | null; value: string; answer: string };
  readonly vllm: { correct: boolean | null; value: string };
}

/** Small seeded generator (mulberry32), so that a failing item can be made again. */
function random(seed: number): () => number {
  let a = seed;
  return () => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

const ZEROS = [0x30, 0x660, 0x6f0, 0x966, 0x9e6, 0xae6, 0xbe6, 0xc66, 0xce6, 0xd66, 0xe50, 0x1040, 0x17e0, 0xff10, 0x1d7ce, 0x1d7d8];
const PIECES = [
  ' ', '  ', '\n', '\n\n  ', '\t', '\u00a0', '\u2009', '\u3000', '\u0085', '\u001c', '\ufeff', '\u2028', '\r', ',', '.', '-', '−', '+', '/', '=', ':', '%', '\\%', '$', '\\$',
  '°', '^\\circ', '^{\\circ}', '\\boxed{', '\\boxed', 'boxed{', '\\fbox{', '}', '{', '\\{', '\\}', '\\frac', '\\dfrac', '\\tfrac{', '\\frac{1}{2}', '\\frac12', '\\sqrt', '\\sqrt2', '\\sqrt{',
  '\\text{ cm}', '\\text{apples}', '\\text{ ', '\\mbox{in}', '\\left(', '\\right)', '\\!', '\\,', '\\\\', '\\infty', 'inf', 'infinity', 'j', 'i', 'x=', 'k = ', 'y\\in', '\\emptyset', 'and', '\\mathbf',
  'The answer is ', 'the answer is: ', 'final answer is ', 'final answer is $', '$. I hope it is correct', '答案是', '答案是：', 'Step 3', '(Step 2)', ' apples', ' kg', 'cm', ' miles', ' rs.', 'sq m', 'per', 'Surface',
  'five', 'twenty-one', 'two hundred and five', 'three million five thousand', 'point', 'one point five', 'hundred', 'thousand', 'billion two', 'zero', 'million',
  'ки', 'лки', 'é', 'ß', '数', 'का', '।', '²', '½', '①', '٫', '٬', '፲', '_', "'", '"', '\\begin{array}{cc}', '\\end{array}', 'bmatrix', '(-\\infty,\\infty)', '1,2,3', '1_000', '1e5', '.5', '5.', '-.5', '0.5', '007', '12.500', '3.000',
];

function items(count: number): Item[] {
  const next = random(20241204);
  const pick = <T>(list: readonly T[]): T => list[Math.floor(next() * list.length)] as T;
  const digits = () => {
    const zero = next() < 0.6 ? 0x30 : pick(ZEROS);
    let text = '';
    const length = 1 + Math.floor(next() * (next() < 0.05 ? 25 : 5));
    for (let i = 0; i < length; i++) {
      text += String.fromCodePoint(zero + Math.floor(next() * 10));
      if (next() < 0.08) text += pick([',', '.', ' ', ',']);
    }
    return text;
  };
  const out: Item[] = [];
  while (out.length < count) {
    let completion = '';
    const length = Math.floor(next() * 12);
    for (let i = 0; i < length; i++) completion += next() < 0.35 ? digits() : pick(PIECES);
    if (next() < 0.3) completion += '\\boxed{' + (next() < 0.7 ? digits() : pick(PIECES)) + pick(['}', '} ', '', '}.', '}$']);
    if (next() < 0.2) completion += ' The answer is ' + digits() + pick(['.', ' apples.', '/', ' \\text{ cm}', '', ' %', '\n']);
    // Most golds come from the text, so that correct and almost correct both occur.
    const inside = completion.match(/[\d.]*\d/g);
    let gold = inside && next() < 0.6 ? pick(inside) : digits();
    const value = harnessNumber(completion).value;
    if (next() < 0.25) gold = String(value + pick([0, 0, 0.0005, 0.00099, 0.001, 0.0011, -0.0005, 1]));
    if (next() < 0.1) gold = pick(['5 ', '53.0', ' 7', '0', '0.0', '-0', '1_000', 'inf', '-inf', 'nan', 'abc', '', '1/2', '\\frac{1}{2}', '1,050', '1e3', '٣', '5.', '.5', '+4', '1__0', '0x10', '\\frac{1}{2}']);
    if (next() < 0.15) gold = harnessAnswer(completion);
    out.push({ completion, gold });
  }
  return out;
}

const fromRepr = (text: string) => (text === 'inf' ? Infinity : text === '-inf' ? -Infinity : text === 'nan' ? NaN : Number(text));

describe('ported scorers against the Python reference', function () {
  this.timeout(120_000);
  const list = items(6000);
  let expected: Expected[] = [];

  before(function () {
    const python = spawnSync('python3', ['-I', REFERENCE, JSON.stringify([...UNIT_WORDS, ...UNIT_WORDS.map((u) => u + 's')])], {
      input: list.map((item) => JSON.stringify(item)).join('\n'),
      encoding: 'utf8',
      maxBuffer: 1 << 28,
      env: { ...process.env, PYTHONUTF8: '1' },
    });
    if (python.error && (python.error as NodeJS.ErrnoException).code === 'ENOENT') {
      console.log('      skipped: python3 is not on this machine');
      this.skip();
    }
    assert.equal(python.status, 0, python.stderr);
    expected = python.stdout.trimEnd().split('\n').map((line) => JSON.parse(line) as Expected);
  });

  it('gets one result for each of at least 5,000 completions', () => {
    assert.ok(list.length >= 5000);
    assert.equal(expected.length, list.length);
    const right = expected.filter((e) => e.harness.correct).length;
    assert.ok(right > 500 && right < list.length - 500, `${right} of ${list.length} are right: the completions test one side only`);
  });

  it('reads the same number and answer text, and judges the same, as scorer A (harness)', () => {
    const scorer = scorerByName('harness');
    list.forEach((item, i) => {
      const want = (expected[i] as Expected).harness;
      const got = scorer.score({ language: 'en', ...item });
      const where = `item ${i}: ${JSON.stringify(item)}`;
      assert.ok(Object.is(got.value, fromRepr(want.value)), `${where}: value ${String(got.value)}, expected ${want.value}`);
      assert.equal(harnessAnswer(item.completion), want.answer, where);
      if (want.correct === null) assert.equal(got.error, 'failed', where);
      else assert.equal(got.correct, want.correct, where);
    });
  });

  it('reads the same number and judges the same as scorer B (vllm)', () => {
    const scorer = scorerByName('vllm');
    list.forEach((item, i) => {
      const want = (expected[i] as Expected).vllm;
      const got = scorer.score({ language: 'en', ...item });
      const where = `item ${i}: ${JSON.stringify(item)}`;
      if (typeof got.value === 'number') assert.ok(Object.is(got.value, fromRepr(want.value)), `${where}: value ${got.value}, expected ${want.value}`);
      else assert.equal(want.value, 'inf', where);
      if (want.correct === null) assert.equal(got.error, 'failed', where);
      else assert.equal(got.correct, want.correct, where);
    });
  });
});
