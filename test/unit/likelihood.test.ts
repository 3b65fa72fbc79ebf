import assert from 'node:assert/strict';
import { aggregate } from '../../src/core/analysis';
import { sampleFloors } from '../../src/core/analysis/floors';
import { calculation, EXPRESSIONS, operationBenchmark, operationOf, type Problem, readBenchmark } from '../../src/core/benchmarks';
import { sampleIds, SampleError } from '../../src/core/benchmarks/sampling';
import { type Candidate, choicesOf, goldClass, readNumbers, scorerByName, scorersFor } from '../../src/core/scoring';
import { balancedMeans, indexDraw, ResultTable } from '../../src/core/statistics';
import { loadBenchmark } from '../../src/runs/benchmark';
import { benchmarkForMode, continuationsOf } from '../../src/runs/likelihood';
import { sharedData } from '../helpers/paths';

const read = (question: string, language: string): number[] => readNumbers(question, language, { words: false }).map((r) => r.value);
const problem = (change: Partial<Problem>): Problem => ({ id: 'p', language: 'en', kind: 'number', question: 'q', answer: '0', ...change });

describe('word problems as a choice of operation', () => {
  it('takes the gold calculation from an equation, or from two numbers and the answer', () => {
    const rows: readonly [Partial<Problem>, string][] = [
      [{ equation: '7 + 5', answer: '12' }, '7 5 a+b'],
      [{ equation: '4 - 11', answer: '-7' }, '4 11 a−b'],
      [{ equation: '2.75 + 1.50', answer: '4.25' }, '2.75 1.5 a+b'],
      [{ equation: '- number1 number0', question: 'from 11 to 12', answer: '1' }, '12 11 a−b'],
      [{ equation: '/ number0 number1', question: '1,200 sheep in 4 pens', answer: '300' }, '1200 4 a÷b'],
      [{ equation: '* 3 9', answer: '27' }, '3 9 a×b'],
      [{ numbers: [5, 12], answer: '7' }, '5 12 b−a'],
      [{ question: '3 boxes of 9', answer: '27' }, '3 9 a×b'],
      [{ question: '4 into 36', answer: '9' }, '4 36 a÷b'],
      [{ equation: '3 * 4 + 5', answer: '17' }, 'its equation has more than one operation'],
      [{ equation: '- number2 number0', question: '1 and 2', answer: '1' }, 'names a number that the question does not have (2 numbers)'],
      [{ equation: '7 + 5', answer: '13' }, 'no single operation'],
      [{ numbers: [2, 2], answer: '4' }, 'the same'],
      [{ numbers: [1, 6], answer: '6' }, 'a×b and a÷b give the same answer'],
      [{ numbers: [1, 2, 3], answer: '6' }, 'it has 3 numbers'],
      [{ kind: 'choice', answer: 'A' }, 'no number problem'],
    ];
    for (const [change, want] of rows) {
      const got = operationOf(problem(change), read);
      const text = 'why' in got ? got.why : `${got.operands.a} ${got.operands.b} ${got.gold}`;
      assert.ok(text.includes(want), `${JSON.stringify(change)}: ${text}, expected ${want}`);
    }
  });

  it('writes the calculations as training does: the larger number first in a division', () => {
    assert.deepEqual(EXPRESSIONS.map((e) => calculation(e, { a: '4', b: '36' })), ['4 + 36 =', '4 - 36 =', '36 - 4 =', '4 * 36 =', '36 / 4 =']);
  });

  it('gives every language the English operands and gold, drops the others and says so', () => {
    const { benchmark } = loadBenchmark('lift48');
    const made = benchmarkForMode(benchmark, 'operation');
    const gold = (language: string): string[] => made.problems.get(language)!.map((p) => `${p.id} ${p.operands!.a} ${p.operands!.b} ${p.answer}`);
    assert.equal(gold('en').length, 17);
    assert.ok(gold('en').includes('lift48-06 4 11 a−b'), gold('en').join());
    for (const language of made.languages) assert.deepEqual(gold(language), gold('en'), language);
    assert.match(made.findings.at(-1)!.message, /^33 of 50 problems are no choice of one operation/);
  });

  it('agrees with the equations of MSVAMP: each one-step problem gets its equation’s operation', function () {
    const folder = sharedData('msvamp');
    if (!folder) return this.skip();
    const { benchmark } = loadBenchmark(folder);
    const made = operationBenchmark(benchmark, read).problems.get('en')!;
    const sign: Readonly<Record<string, string>> = { '+': 'a+b', '-': 'a−b', '*': 'a×b', '/': 'a÷b' };
    const one = benchmark.problems.get('en')!.filter((p) => /^[-+*/] number\d number\d$/.test(p.equation!.trim()));
    const byId = new Map(made.map((p) => [p.id, p.answer]));
    assert.ok(one.length > 700 && made.length > 0.95 * one.length, `${made.length} of ${one.length}`);
    for (const p of one) if (byId.has(p.id)) assert.equal(byId.get(p.id), sign[p.equation!.trim()[0]!], p.id);
  });

  it('refuses what a mode cannot ask', () => {
    const choice = readBenchmark([{ name: 'benchmark.json', text: JSON.stringify({ format: 'lift-benchmark/1', name: 'c', languages: ['en'], problems: [{ id: 'a', kind: 'choice', answer: 'A' }] }) }, { name: 'en.json', text: JSON.stringify({ format: 'lift-benchmark/1', language: 'en', problems: [{ id: 'a', kind: 'choice', question: 'Q', choices: [{ label: 'A', text: 'x' }, { label: 'B', text: 'y' }], answer: 'A' }] }) }], 'c');
    assert.throws(() => benchmarkForMode(choice, 'operation'), /no problem that one operation/);
    assert.throws(() => benchmarkForMode(loadBenchmark('lift48').benchmark, 'choice'), /asks for numbers.*--mode operation/);
    assert.deepEqual(continuationsOf(choice.problems.get('en')![0]!, 'text').map((c) => c.text), ['x', 'y']);
    assert.deepEqual(continuationsOf(choice.problems.get('en')![0]!, 'label').map((c) => c.text), ['A', 'B']);
    assert.deepEqual(continuationsOf(problem({ kind: 'nli', answer: 'neutral' }), 'text').map((c) => c.label), ['entailment', 'neutral', 'contradiction']);
  });

  it('draws equally many of each operation, the same for the same seed', () => {
    const made = benchmarkForMode(loadBenchmark('lift48').benchmark, 'operation');
    const answer = new Map(made.problems.get('en')!.map((p) => [p.id, p.answer]));
    const draw = (limit: number, seed: number): string[] => sampleIds(made, ['en', 'sw'], { limit, seed, method: 'balanced' }, indexDraw(seed));
    const counts = (ids: readonly string[]): number[] => [...new Set(answer.values())].map((a) => ids.filter((id) => answer.get(id) === a).length);
    assert.deepEqual(counts(draw(8, 1)), [2, 2, 2, 2]);
    assert.deepEqual(draw(8, 1), draw(8, 1));
    assert.notDeepEqual(draw(8, 1), draw(8, 2));
    assert.throws(() => sampleIds(loadBenchmark('lift48').benchmark, ['en'], { limit: 4, seed: 1, method: 'balanced' }, indexDraw(1)), SampleError);
  });
});

describe('scorers of log-likelihoods', () => {
  const candidate = (label: string, text: string, logprob: number): Candidate => ({ label, text, tokens: 1, logprob });
  const score = (name: string, gold: string, candidates: readonly Candidate[]) => scorerByName(name).score({ language: 'en', completion: '', gold, candidates });

  it('plain takes the highest sum, normalised the highest per character; the first of equals, which is ambiguous', () => {
    const choices = [candidate('A', ' hat', -4), candidate('B', ' umbrella stand', -6), candidate('C', ' 猫', -4)];
    const plain = score('likelihood', 'A', choices);
    assert.deepEqual([plain.value, plain.correct, plain.ambiguous, plain.error, plain.scorer], ['A', true, true, null, 'likelihood/1']);
    const normed = score('likelihood-norm', 'A', choices);
    assert.deepEqual([normed.value, normed.correct, normed.error, normed.ambiguous], ['B', false, 'wrong-choice', false]);
    assert.deepEqual(score('likelihood', 'A', []).error, 'failed');
  });

  const operations = (...logprobs: number[]): Candidate[] => EXPRESSIONS.map((e, i) => candidate(e, ` ${calculation(e, { a: '3', b: '10' })}`, logprobs[i]!));

  it('operation leaves out the subtraction with the smaller number first; operation-order does not', () => {
    const all = operations(-5, -1, -2, -4, -3);
    assert.deepEqual([score('operation', 'b−a', all).value, score('operation', 'b−a', all).correct], ['b−a', true]);
    assert.deepEqual([score('operation-order', 'b−a', all).value, score('operation-order', 'b−a', all).correct], ['a−b', false]);
    // A negative result: the operation is right although the larger number stands first.
    assert.equal(score('operation', 'a−b', all).correct, true);
    assert.equal(score('operation', 'a÷b', operations(-5, -1, -4, -4, -3)).value, 'a÷b');
    assert.deepEqual([choicesOf({ scorer: 'operation/1', candidates: all }), choicesOf({ scorer: 'operation-order/1', candidates: all })], [4, 5]);
    assert.deepEqual([goldClass({ gold: 'b−a', scorer: 'operation/1', candidates: all }), goldClass({ gold: 'b−a', scorer: 'operation-order/1', candidates: all }), goldClass({ gold: '12', scorer: 'locale/1' }), goldClass({ gold: 'B', scorer: 'choice/1' })], ['a−b', 'b−a', undefined, 'B']);
    assert.deepEqual([scorersFor({ gold: 'a+b', candidates: all }), scorersFor({ gold: 'A', candidates: [candidate('A', ' x', 0)] }), scorersFor({ gold: '3' }), scorersFor({ gold: 'A' })], [['operation', 'operation-order'], ['likelihood', 'likelihood-norm'], ['harness', 'vllm', 'locale'], ['choice', 'choice-paper']]);
  });
});

describe('balanced accuracy and floors of choices', () => {
  const answers = (language: string, gold: string, right: readonly boolean[]) => right.map((correct, i) => ({ language, id: `${gold}${i}`, correct, value: 'x', error: null, goldClass: gold }));

  it('is the mean of the shares right within each class, and 1 / classes for who always says the same', () => {
    const uneven = [...answers('en', '+', [true, true, true, true, true, true]), ...answers('en', '-', [false, false]), ...answers('en', '*', [false])];
    const { languages, overall } = aggregate(uneven, { resamples: 200 });
    assert.ok(Math.abs(languages[0]!.accuracy - 6 / 9) < 1e-12);
    assert.ok(Math.abs(languages[0]!.balanced!.mean - 1 / 3) < 1e-12);
    assert.deepEqual([languages[0]!.balanced!.classes, languages[0]!.balanced!.n, overall.balanced!.n], [3, 9, 9]);
    const [low, high] = languages[0]!.balanced!.interval;
    assert.ok(low <= 1 / 3 && high >= 1 / 3 && low < high, `${low} to ${high}`);
    const half = balancedMeans(new ResultTable([{ language: 'en', problemId: 'a', correct: true }, { language: 'en', problemId: 'b', correct: false }, { language: 'en', problemId: 'c', correct: true }]), [['en']], (_, id) => (id === 'c' ? undefined : id), { seed: 1, resamples: 50 });
    assert.deepEqual([half[0]!.mean, half[0]!.n, half[0]!.classes], [0.5, 2, 2]);
  });

  it('is absent where answers are numbers', () => {
    assert.equal(aggregate([{ language: 'en', id: 'a', correct: true, value: 3, error: null }]).languages[0]!.balanced, undefined);
  });

  it('floors: chance by the number of choices, the majority class, the first choice', () => {
    const choices = ['A', 'B', 'C', 'D', 'E'].map((label) => ({ label, text: label }));
    const sample = (id: string, gold: string) => ({ id, language: 'en', question: 'q', gold, scorer: 'choice/1', choices });
    const [row] = sampleFloors([sample('1', 'A'), sample('2', 'B'), sample('3', 'B'), sample('4', 'E')]);
    assert.deepEqual(Object.fromEntries(row!.floors.map((f) => [f.name, f.share])), { 'first-choice': 0.25, 'majority-class': 0.5, chance: 0.2 });
    const candidates = EXPRESSIONS.map((label) => ({ label, text: ` ${calculation(label, { a: '9', b: '2' })}`, tokens: 1, logprob: -1 }));
    const operation = (id: string, gold: string, scorer: string) => ({ id, language: 'en', question: 'q', gold, scorer, candidates });
    const by = (scorer: string) => Object.fromEntries(sampleFloors([operation('1', 'a−b', scorer), operation('2', 'b−a', scorer), operation('3', 'a+b', scorer)])[0]!.floors.map((f) => [f.name, Math.round(f.share * 1000) / 1000]));
    assert.deepEqual(by('operation/1'), { 'majority-class': 0.667, chance: 0.25 });
    assert.deepEqual(by('operation-order/1'), { 'majority-class': 0.333, chance: 0.2 });
    const [nli] = sampleFloors([{ id: '1', language: 'en', question: 'q', gold: 'neutral', scorer: 'choice/1' }, { id: '2', language: 'en', question: 'q', gold: 'entailment', scorer: 'choice/1' }]);
    assert.equal(nli!.floors.find((f) => f.name === 'chance')!.share, 1 / 3);
  });
});

