import assert from 'node:assert/strict';
import fc from 'fast-check';
import { calculate, completeCalculation, MAX_PLACES } from '../../src/core/calculator';
import { formatDecimal } from '../../src/core/calculator/decimal';
import { calculatorFor } from '../../src/engine/generation/calculator';

const insert = (text: string): string | undefined => completeCalculation(text)?.insert;
const value = (text: string): string | undefined => {
  const result = calculate(text);
  return result && formatDecimal(result, MAX_PLACES);
};

describe('calculator', () => {
  it('finishes a calculation in the forms that models are trained on', () => {
    assert.equal(insert('8 + 5 ='), ' 13');
    assert.equal(insert('8+5='), '13');
    assert.equal(insert('8 + 5 = '), '13');
    assert.equal(insert(' 48 / 2 = 24, 48 + 24 ='), ' 72');
    assert.equal(insert('She has <<48/2='), '24>>');
    assert.equal(insert('48/2 = <<48/2=24>>24. Then <<48+24='), '72>>');
    assert.equal(insert('12 − 4 × 2 ='), ' 4');
    assert.equal(insert('3 x 4 ='), ' 12');
    assert.equal(insert('9 ÷ 4 ='), ' 2.25');
    assert.equal(insert('(2 + 3) * (7 - 4) ='), ' 15');
    assert.equal(insert('3 - 8 ='), ' -5');
    assert.equal(insert('1,250 + 1,750.5 ='), ' 3000.5');
    assert.deepEqual(completeCalculation('In all: 2 + 3 + 4 ='), { expression: '2 + 3 + 4', insert: ' 9' });
  });

  it('is exact where binary fractions are not', () => {
    assert.equal(insert('0.1 + 0.2 ='), ' 0.3');
    assert.equal(insert('1.005 * 1000 ='), ' 1005');
    assert.equal(insert('99999999999999999999 + 1 ='), ' 100000000000000000000');
    assert.equal(insert('0.3 / 0.1 ='), ' 3');
  });

  it('takes the expression alone: not the sentence, not the sum or list before it', () => {
    assert.deepEqual(completeCalculation('He had 7. 3 + 4 ='), { expression: '3 + 4', insert: ' 7' });
    assert.deepEqual(completeCalculation('5 3 + 4 ='), { expression: '3 + 4', insert: ' 7' });
    assert.deepEqual(completeCalculation('2 + 3 = 5 + 4 ='), { expression: '5 + 4', insert: ' 9' });
    assert.deepEqual(completeCalculation('24, 48 + 24 ='), { expression: '48 + 24', insert: ' 72' });
    assert.deepEqual(completeCalculation('So (3 + 4 ='), undefined);
  });

  it('leaves the model alone where it cannot be sure', () => {
    for (const text of [
      '', '=', 'x =', '13 =', '8 + =', '8 + 5', '8 + 5 = 1', '8 + 5 ==', '8 + 5 <=', 'a + 5 =', 'apples + 3 + 4 =', '10 / 0 =', '10 / 3 =', '1 / 128 =', '50% * 3 =', '20% + 3 + 4 =',
      'n3 + 4 =', '3 + 4x =', '3 + + 4 =', '1,2 + 3 =', '12,34 + 1 =', '3..5 + 1 =', '8 + 5 =\n', '1.2.3 + 4 =', '(3 + 4)) =', `${'('.repeat(40)}1 + 2${')'.repeat(40)} =`, `${'9'.repeat(31)} + 1 =`, '2 ^ 3 + 4 =',
      '$8 + $5 =', '- 3 + 4 =',
    ]) assert.equal(completeCalculation(text), undefined, JSON.stringify(text));
  });

  it('has the usual order of operations, whatever the spaces', () => {
    // Sums of products: what a reader would do by hand.
    const number = fc.integer({ min: 0, max: 999 });
    fc.assert(fc.property(fc.array(fc.array(number, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 5 }), fc.constantFrom('', ' '), (terms, gap) => {
      const text = terms.map((t) => t.join(`${gap}*${gap}`)).join(`${gap}+${gap}`);
      const expected = terms.reduce((sum, t) => sum + t.reduce((p, n) => p * BigInt(n), 1n), 0n);
      assert.equal(value(text), expected.toString());
    }));
    assert.equal(value('10 - 4 - 3'), '3');
    assert.equal(value('48 / 4 / 2'), '6');
    assert.equal(value('2 * (3 + 4) - 5'), '9');
  });

  it('agrees with integer arithmetic on decimals', () => {
    const cents = fc.integer({ min: 0, max: 99_999 });
    const write = (n: number): string => `${Math.floor(n / 100)}.${String(n % 100).padStart(2, '0')}`;
    fc.assert(fc.property(cents, cents, (a, b) => {
      assert.equal(Number(value(`${write(a)} + ${write(b)}`)) * 100, Number(((a + b) / 100) * 100));
      const product = BigInt(a) * BigInt(b);
      const text = value(`${write(a)} * ${write(b)}`)!;
      const [whole, places = ''] = text.split('.');
      assert.equal(BigInt(whole! + places.padEnd(4, '0')), product);
    }));
  });

  it('never throws and never adds to a text that does not end in an equals sign', () => {
    fc.assert(fc.property(fc.array(fc.constantFrom('1', '23', '4.5', ' ', '+', '-', '*', '/', '(', ')', '=', '<<', '>>', ',', '.', 'a', '$'), { maxLength: 14 }), (parts) => {
      const text = parts.join('');
      const found = completeCalculation(text);
      if (!found) return;
      assert.ok(/= ?$/.test(text), text);
      assert.ok(text.includes(found.expression));
      assert.equal(found.insert.trim().replace('>>', ''), value(found.expression));
    }), { numRuns: 3000 });
  });
});

describe('calculator on token ids', () => {
  // One id a character; id 200 stands for " =" as a token of its own, id 201 for "= ".
  const pieces = new Map([[200, ' ='], [201, '= ']]);
  const tokenizer = {
    encode: (text: string) => [...text].map((c) => c.codePointAt(0)!),
    decode: (ids: readonly number[]) => ids.map((i) => pieces.get(i) ?? String.fromCodePoint(i)).join(''),
  };
  const forced = (ids: readonly number[]): string | undefined => {
    const found = calculatorFor(tokenizer)(ids);
    return found && tokenizer.decode(found);
  };

  it('goes on behind the token that holds the equals sign', () => {
    assert.equal(forced(tokenizer.encode('8 + 5 =')), ' 13');
    assert.equal(forced([...tokenizer.encode('8 + 5'), 200]), ' 13');
    assert.equal(forced([...tokenizer.encode('8+5'), 201]), '13');
    assert.equal(forced(tokenizer.encode('8 + 5 = 1')), undefined);
    assert.equal(forced([]), undefined);
  });

  it('does nothing when the ids would not spell the result', () => {
    const lossy = { encode: () => [63], decode: tokenizer.decode };
    assert.equal(calculatorFor(lossy)(tokenizer.encode('8 + 5 =')), undefined);
  });
});
