import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import {
  aggregate,
  bestFloors,
  type ComparableSample,
  compareRuns,
  fertility,
  findLoop,
  floors,
  groupLanguages,
  quadrantOf,
  signedPoints,
} from '../../src/core/analysis';
import { type Problem } from '../../src/core/benchmarks/types';
import { languageCodes } from '../../src/core/languages';
import { PairingError, Random, shuffle, wilson } from '../../src/core/statistics';

const SHARED = process.env.LINGUALIFT_SHARED ?? path.join(__dirname, '../../../shared');

/** A run in which each language is right with its own probability. */
function run(languages: readonly string[], problems: number, chance: (language: string) => number, seed: number): ComparableSample[] {
  const random = new Random(seed);
  return languages.flatMap((language) =>
    Array.from({ length: problems }, (_, p): ComparableSample => {
      const correct = random.float() < chance(language);
      return { language, id: `p${p}`, gold: '4', correct, value: correct ? 4 : 5, error: correct ? null : 'wrong-number', newTokens: 10 + (p % 3), ms: 100 };
    }),
  );
}

describe('aggregate', () => {
  const samples: ComparableSample[] = [
    { language: 'en', id: '1', gold: '4', correct: true, value: 4, error: null, newTokens: 10, ms: 100 },
    { language: 'en', id: '2', gold: '5', correct: true, value: 5, error: null, newTokens: 20 },
    { language: 'sw', id: '1', gold: '4', correct: false, value: null, error: 'no-answer', newTokens: 30 },
    { language: 'sw', id: '2', gold: '5', correct: true, value: 5, error: null },
    { language: 'th', id: '1', gold: '4', correct: false, value: 9, error: 'wrong-language' },
    { language: 'th', id: '2', gold: '5', correct: false, value: null, error: 'failed' },
  ];

  it('counts per language, with unread, wrong-language and failed apart, and means over what is known', () => {
    const { languages, n, correct, reference } = aggregate(samples, { resamples: 50 });
    assert.deepEqual([n, correct, reference], [6, 3, 'en']);
    assert.deepEqual(languages.map((row) => [row.language, row.n, row.correct, row.unread, row.wrongLanguage, row.failed]), [['en', 2, 2, 0, 0, 0], ['sw', 2, 1, 1, 0, 0], ['th', 2, 0, 1, 1, 1]]);
    assert.deepEqual(languages.map((row) => [row.tokensPerQuestion, row.msPerQuestion]), [[15, 100], [30, null], [null, null]]);
    assert.deepEqual(languages[1]!.interval, wilson(1, 2));
    assert.deepEqual(languages.map((row) => row.gap?.mean), [undefined, 0.5, 1]);
    assert.deepEqual([languages[1]!.conditional?.both, languages[1]!.conditional?.n], [1, 2]);
  });

  it('groups by class, script and family; every language is in one group of each kind', () => {
    const { groups, overall } = aggregate(samples, { resamples: 50 });
    const group = (by: string, key: string) => groups.find((g) => g.by === by && g.key === key);
    assert.equal(group('class', 'high')?.mean, 1);
    assert.equal(group('class', 'low')?.mean, 0.25);
    assert.deepEqual(group('class', 'low')?.languages, ['sw', 'th']);
    assert.equal(group('script', 'Thai')?.mean, 0);
    assert.equal(group('class', 'low')?.gap?.mean, 0.75);
    assert.equal(group('class', 'medium'), undefined);
    assert.equal(overall.mean, 0.5);
    for (const by of ['class', 'script', 'family'] as const) {
      assert.deepEqual(groupLanguages(languageCodes(), [by]).flatMap((g) => g.languages).sort(), languageCodes().sort());
    }
    assert.deepEqual(groupLanguages(languageCodes(), ['class']).map((g) => [g.key, g.languages.length]), [['low', 21], ['medium', 17], ['high', 10]]);
    assert.deepEqual(groupLanguages(['xx', 'en'], ['script']).map((g) => g.key), ['Latn', 'other']);
  });

  it('says whether a language and a group are above their floors', () => {
    const share = (x: number) => ({ name: 'a+b', share: x });
    const result = aggregate(run(['en', 'sw'], 200, (l) => (l === 'en' ? 0.8 : 0.25), 3), { resamples: 100, floors: new Map([['en', share(0.3)], ['sw', share(0.3)]]) });
    assert.deepEqual(result.languages.map((row) => row.aboveFloor), [true, false]);
    assert.equal(result.overall.floor, 0.3);
    assert.equal(aggregate(samples, { resamples: 10 }).overall.aboveFloor, undefined);
  });

  it('gives the same bytes whatever the order of the samples, and works without English and without samples', () => {
    const rows = run(['en', 'sw', 'th', 'zh'], 40, () => 0.4, 5);
    assert.equal(JSON.stringify(aggregate(shuffle(rows, new Random(1)), { resamples: 100 })), JSON.stringify(aggregate(rows, { resamples: 100 })));
    const without = aggregate(rows.filter((row) => row.language !== 'en'), { resamples: 10 });
    assert.equal(without.reference, undefined);
    assert.ok(without.languages.every((row) => row.gap === undefined));
    assert.deepEqual([aggregate([]).n, aggregate([]).languages], [0, []]);
  });
});

describe('compareRuns', () => {
  const languages = ['en', 'de', 'sw', 'th'];
  const a = run(languages, 300, () => 0.4, 1);
  /** B differs in Swahili (much better) and Thai (much worse). */
  const b = a.map((sample, i): ComparableSample => {
    const better = sample.language === 'sw' && !sample.correct && i % 2 === 0;
    const worse = sample.language === 'th' && sample.correct && i % 2 === 0;
    return better ? { ...sample, correct: true, error: null } : worse ? { ...sample, correct: false, value: null, error: 'truncated' } : sample;
  });

  it('finds the languages that changed and no other, and counts quadrants and outcomes', () => {
    const result = compareRuns(a, b, { resamples: 300 });
    assert.deepEqual([result.better, result.worse, result.n], [['sw'], ['th'], 1200]);
    const sw = result.languages.find((row) => row.language === 'sw')!;
    assert.ok(sw.difference > 0.2 && sw.interval[0] > 0 && sw.interval[0] < sw.difference && sw.interval[1] > sw.difference);
    assert.ok(Math.abs(sw.accuracyB - sw.accuracyA - sw.difference) < 1e-12);
    assert.equal(sw.quadrants.onlyA, 0);
    assert.equal(sw.test.discordant, sw.quadrants.onlyB);
    const de = result.languages.find((row) => row.language === 'de')!;
    assert.deepEqual([de.difference, de.test.p, de.significant], [0, 1, false]);
    assert.ok(de.interval[0] < 0 && de.interval[1] > 0, 'no discordant pair still leaves a width');
    const { both, onlyA, onlyB, neither } = result.quadrants;
    assert.equal(both + onlyA + onlyB + neither, 1200);
    assert.equal(result.shifts.find((s) => s.from === 'correct' && s.to === 'truncated')?.count, onlyA);
    assert.equal(result.shifts.reduce((sum, s) => sum + s.count, 0), 1200);
    assert.equal(result.groups.find((g) => g.by === 'class' && g.key === 'high')?.difference, 0);
  });

  it('is the mirror image with the runs exchanged', () => {
    const [forth, back] = [compareRuns(a, b, { resamples: 100 }), compareRuns(b, a, { resamples: 100 })];
    assert.deepEqual(back.better, forth.worse);
    back.languages.forEach((row, i) => {
      assert.ok(Math.abs(row.difference + forth.languages[i]!.difference) < 1e-12);
      assert.equal(row.holm, forth.languages[i]!.holm);
    });
  });

  it('says it in words', () => {
    assert.match(compareRuns(a, b, { resamples: 100, names: ['base', 'tuned'] }).sentence, /^tuned is better in 1 of 4 languages, worse in 1; overall [+−]\d+\.\d points \(95 % interval .* to .*\)\.$/);
    assert.match(compareRuns(a, a, { resamples: 100 }).sentence, /^B and A differ significantly in none of 4 languages; overall 0\.0 points \(.*, which includes no difference\)\.$/);
    const onlyWorse = b.map((s, i) => (s.language === 'sw' ? a[i]! : s));
    assert.match(compareRuns(a, onlyWorse, { resamples: 100 }).sentence, /^B is worse in 1 of 4 languages, better in none/);
    assert.deepEqual([0.031, -0.0041, 0.0004, -0.0004].map(signedPoints), ['+3.1', '−0.4', '0.0', '0.0']);
  });

  it('refuses runs over other problems', () => {
    assert.throws(() => compareRuns(a, b.slice(1)), PairingError);
    assert.deepEqual([quadrantOf({ correct: true }, { correct: false }), quadrantOf({ correct: false }, { correct: false })], ['onlyA', 'neither']);
  });
});

describe('floors', () => {
  const number = (id: string, answer: string, numbers?: readonly number[], question = ''): Problem => ({ id, language: 'en', kind: 'number', question, answer, numbers });

  it('scores every trivial answer on the items given', () => {
    const [result] = floors([number('1', '12', [7, 5]), number('2', '2', [7, 5]), number('3', '35', [7, 5]), number('4', '5', [7, 5]), number('5', '12.0', [3, 4, 12]), number('6', '1')]);
    assert.deepEqual(result!.floors.map((f) => [f.name, f.correct]), [['last-number', 2], ['a+b', 1], ['|a-b|', 1], ['a*b', 2], ['most-frequent-answer', 2]]);
    assert.equal(result!.best.name, 'last-number');
    assert.deepEqual([result!.n, result!.withoutNumbers], [6, 1]);
    assert.ok(Math.abs(bestFloors([result!]).get('en')!.share - 2 / 6) < 1e-12);
  });

  it('reads numbers where the benchmark stores none, and prefers the stored ones', () => {
    const read = (question: string): number[] => (question.match(/\d+/g) ?? []).map(Number);
    const [result] = floors([number('1', '9', undefined, '4 and 5'), number('2', '9', [1, 2], '4 and 5')], read);
    assert.equal(result!.floors.find((f) => f.name === 'a+b')!.correct, 1);
  });

  it('majority class and first choice for labels, per language', () => {
    const choices = ['A', 'B'].map((label) => ({ label, text: label }));
    const item = (language: string, id: string, answer: string): Problem => ({ id, language, kind: 'choice', question: '', answer, choices });
    const result = floors([item('en', '1', 'A'), item('en', '2', 'B'), item('en', '3', 'B'), item('sw', '1', 'A')]);
    assert.deepEqual(result.map((r) => [r.language, r.best.name, r.best.correct, r.n]), [['en', 'majority-class', 2, 3], ['sw', 'first-choice', 1, 1]]);
  });

  it('|a-b| on MSVAMP: .39 on its first 100 problems, .24 on all', function () {
    const file = path.join(SHARED, 'data/msvamp/test_English.json');
    if (!fs.existsSync(file)) {
      console.log('        skipped: MSVAMP is not there');
      this.skip();
    }
    const rows = fs.readFileSync(file, 'utf8').split('\n').filter(Boolean).map((line) => JSON.parse(line) as { m_query: string; response: string });
    const problems = rows.map((row, i) => number(`${i}`, row.response.replace(/,/g, ''), (row.m_query.match(/\d+(?:\.\d+)?/g) ?? []).map(Number)));
    const share = (items: Problem[]): number => floors(items)[0]!.floors.find((f) => f.name === '|a-b|')!.share;
    assert.ok(Math.abs(share(problems.slice(0, 100)) - 0.39) < 0.02, `${share(problems.slice(0, 100))}`);
    assert.ok(Math.abs(share(problems) - 0.24) < 0.01, `${share(problems)}`);
  });
});

describe('findLoop', () => {
  it('finds where a loop begins and what it repeats', () => {
    const loop = findLoop('Let me see. 3 + 4 = 7. ' + 'So the answer is 7. '.repeat(5) + 'So the ans');
    assert.ok(loop);
    assert.equal(loop.unit.length, 'So the answer is 7. '.length);
    assert.ok(loop.copies > 5 && loop.copies < 6.6 && loop.start <= 23 && loop.start > 15, JSON.stringify(loop));
    assert.ok(findLoop('. '.repeat(40)) && findLoop('คำตอบคือเจ็ด'.repeat(6)));
  });

  it('does not mistake honest texts for loops', () => {
    for (const text of ['', '7', 'The answer is 7. The answer is 7.', '3 + 3 + 3 + 3 + 3 + 3 = 18', '10000000000000', '----------', 'He has 3 apples. She has 3 apples. They have 6 apples in all, so the answer is 6.']) {
      assert.equal(findLoop(text), null, text);
    }
  });

  it('finds any unit repeated five times at the end, whatever stands before', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 60 }), fc.string({ minLength: 12, maxLength: 50 }).filter((u) => u.trim().length >= 10), (before, unit) => {
        const text = before + unit.repeat(5);
        const loop = findLoop(text);
        assert.ok(loop, text);
        assert.ok(loop.start <= before.length + unit.length);
        assert.ok(text.slice(loop.start).startsWith(loop.unit.repeat(3).slice(0, 30)));
      }),
    );
  });
});

describe('fertility', () => {
  it('tokens per character without spaces, and against English over the problems that both have', () => {
    const [en, th] = fertility([
      { language: 'en', id: '1', text: 'two cats', tokens: 2 },
      { language: 'th', id: '1', text: 'แมว', tokens: 6 },
      { language: 'th', id: '2', text: '𝟚 แม', tokens: 3 },
    ]);
    assert.ok(Math.abs(en!.tokensPerCharacter - 2 / 7) < 1e-12 && en!.versusReference === 1);
    assert.deepEqual([th!.tokensPerCharacter, th!.versusReference, th!.paired, th!.texts], [9 / 6, 3, 1, 2]);
  });
});
