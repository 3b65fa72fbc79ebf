import assert from 'node:assert/strict';
import fc from 'fast-check';
import { compareRuns } from '../../src/core/analysis/compare';
import { scorerByName, SCORER_NAMES } from '../../src/core/scoring';
import { type ScoreError } from '../../src/core/scoring/types';

/** One wrong answer of each kind: completion, gold, question, language. */
const KINDS: readonly (readonly [ScoreError, string, string, string?, string?])[] = [
  ['empty', ' \n\t', '5'],
  ['no-answer', 'I cannot say how many there are.', '5'],
  ['no-answer', 'Ich weiß es leider nicht.', '5', undefined, 'de'],
  ['unread-answer', '(Step 3)', '5'],
  ['unread-answer', 'They meet at 12:30.', '5'],
  ['wrong-number', 'The answer is 6.', '5', 'She has 12 apples.'],
  ['wrong-number', 'उत्तर ६ है।', '5', undefined, 'hi'],
  ['other-reading', 'Die Antwort ist 1.234.', '1.234', undefined, 'de'],
  ['power-of-ten', 'The answer is 0.5.', '5'],
  ['power-of-ten', 'La réponse est 5 000.', '5', undefined, 'fr'],
  ['sign', 'The answer is −5.', '5'],
  ['sign', 'The answer is 5.', '-5'],
  ['copied-number', 'The answer is 12.', '5', 'She has 12 apples and eats 7.'],
  ['copied-number', 'उत्तर १२ है।', '5', 'उसके पास १२ सेब हैं।', 'hi'],
  ['copied-number', 'Es sind 1.250.', '5', 'Ein Auto kostet 1.250 Euro.', 'de'],
  ['repetition', `We add. ${'We add 3 and 4. '.repeat(12)}`, '5'],
  ['truncated', 'First we look at what she has in the morning and then at everything that she buys at the market in the', '5'],
  ['truncated', 'First she has 31 apples and then we look at everything that she buys at the market in the afternoon and', '5'],
  ['wrong-language', 'Я не знаю, каким может быть ответ на этот вопрос.', '5', undefined, 'th'],
  ['no-answer', 'I do not know what the answer to this question could be.', '5', undefined, 'th'],
  ['wrong-language', 'Потом мы складываем числа и получаем ответ 31.', '5', undefined, 'hi'],
];

describe('error taxonomy, kind by kind', () => {
  const locale = scorerByName('locale');
  for (const [kind, completion, gold, question, language = 'en'] of KINDS) {
    it(`${kind}: ${JSON.stringify(completion.length > 50 ? `${completion.slice(0, 50)}…` : completion)} (${language}), gold ${gold}`, () => {
      const score = locale.score({ language, completion, gold, question });
      assert.deepEqual([score.correct, score.error], [false, kind]);
    });
  }

  it('has a test for every kind of a number problem', () => {
    const kinds: readonly ScoreError[] = ['no-answer', 'unread-answer', 'wrong-number', 'other-reading', 'power-of-ten', 'sign', 'truncated', 'repetition', 'wrong-language', 'copied-number', 'empty'];
    assert.deepEqual([...new Set(KINDS.map(([kind]) => kind))].sort(), [...kinds].sort());
  });

  it('of two that apply the more telling one is given', () => {
    const error = (completion: string, gold: string, question?: string) => locale.score({ language: 'en', completion, gold, question }).error;
    assert.equal(error(`The answer is 50. ${'The answer is 50. '.repeat(12)}`, '5'), 'repetition', 'a loop is the cause, whatever number it ends in');
    assert.equal(error('The answer is -5.', '5', 'From -5 to 0.'), 'sign');
    assert.equal(error('The answer is 50.', '5', 'She has 50.'), 'power-of-ten');
    assert.equal(error('The answer is 31. Then we look at everything that she buys at the market in the afternoon and', '5', 'She has 31.'), 'copied-number');
  });

  it('a right answer has no error and a wrong one always has one, with every scorer', () => {
    const piece = fc.constantFrom('The answer is ', '5', '-5', '50', '1.234', 'A.', 'Choice B.', ' entailment', '\n', '(Step 3)', 'again and again ', '五', ', ', '\\boxed{5}');
    const text = fc.array(piece, { maxLength: 12 }).map((p) => p.join(''));
    for (const name of SCORER_NAMES.filter((n) => !n.includes('likelihood') && !n.startsWith('choice-log'))) {
      const scorer = scorerByName(name);
      const gold = name.startsWith('choice') ? 'B' : '5';
      const input = { language: 'en', gold, ...(name.startsWith('choice') ? { kind: 'choice' as const, choices: [{ label: 'A', text: 'one' }, { label: 'B', text: 'two' }] } : {}) };
      fc.assert(fc.property(text, (completion) => {
        const score = scorer.score({ ...input, completion });
        assert.equal(score.error === null, score.correct, `${name}: ${JSON.stringify(completion)} gives ${String(score.error)}`);
      }), { numRuns: 300, seed: 7 });
    }
  });

  it('shows as a shift between two runs: what became of each kind', () => {
    const run = (completions: readonly string[]) => completions.map((completion, i) => {
      const { correct, value, error } = locale.score({ language: 'en', completion, gold: '5', question: 'She has 12.' });
      return { language: 'en', id: String(i), gold: '5', correct, value, error };
    });
    const [a, b] = [run(['The answer is 12.', 'The answer is 50.', '', 'The answer is 5.', 'The answer is 12.']), run(['The answer is 5.', 'The answer is -5.', 'The answer is 6.', 'The answer is 5.', 'The answer is 5.'])];
    assert.deepEqual(compareRuns(a, b, { resamples: 10 }).shifts.map((s) => [s.from, s.to, s.count]), [['copied-number', 'correct', 2], ['correct', 'correct', 1], ['empty', 'wrong-number', 1], ['power-of-ten', 'sign', 1]]);
  });
});
