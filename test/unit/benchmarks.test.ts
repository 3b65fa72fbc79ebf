import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { type Benchmark, BenchmarkError, canonicalNumber, detectFormat, languageOfFile, type Problem, readBenchmark, type SourceFile } from '../../src/core/benchmarks';
import { sampleIds, SampleError, type SampleRequest } from '../../src/core/benchmarks/sampling';
import { languageCodes, languageOf } from '../../src/core/languages';
import { indexDraw } from '../../src/core/statistics';
import { benchmarkHash, loadBenchmark, problemsOf, shippedNames } from '../../src/runs/benchmark';
import { RunError } from '../../src/runs/errors';
import { sharedData, temporaryFolder } from '../helpers/paths';

const file = (name: string, text: string): SourceFile => ({ name, text });
const json = (name: string, value: unknown): SourceFile => file(name, JSON.stringify(value));
const lines = (rows: readonly unknown[]): string => rows.map((r) => JSON.stringify(r)).join('\n') + '\n';
const where = (b: { findings: Benchmark['findings'] }): string[] => b.findings.map((f) => `${f.severity} ${f.file}${f.line ? `:${f.line}` : ''}${f.field ? ` [${f.field}]` : ''} ${f.message}`);

function has(b: { findings: Benchmark['findings'] }, words: RegExp): void {
  assert.ok(where(b).some((w) => words.test(w)), `expected ${String(words)} in ${JSON.stringify(where(b))}`);
}

describe('benchmark readers: each format', () => {
  it('MGSM: question, tab, number; the last tab separates', () => {
    const b = readBenchmark([file('mgsm_sw.tsv', '\uFEFFSwali moja\t1,234\n\nSwali\tna kichupo\t-3.50\n'), file('mgsm_en.tsv', 'One\t1234\nTwo\t-3.5\n')], 'folder');
    assert.deepEqual([b.name, b.title, b.format, b.languages], ['mgsm', 'MGSM', 'mgsm', ['en', 'sw']]);
    assert.deepEqual(b.problems.get('sw')!.map((p) => [p.id, p.question, p.answer, p.kind]), [['mgsm-001', 'Swali moja', '1234', 'number'], ['mgsm-002', 'Swali\tna kichupo', '-3.5', 'number']]);
    assert.deepEqual(b.findings, []);
  });

  it('MSVAMP: the translated question, the numeric response, the equation', () => {
    const rows = [{ query: 'q', m_query: ' maswali ', response: '8.0', equation: '- 18 10' }, { query: 'q2', m_query: 'swali 2', response: 12 }];
    const b = readBenchmark([file('test_Swahili.json', lines(rows)), file('test_English.json', lines(rows))], 'x');
    assert.deepEqual([b.format, b.languages], ['msvamp', ['en', 'sw']]);
    assert.deepEqual(b.problems.get('sw')![0], { id: 'msvamp-0001', language: 'sw', kind: 'number', question: 'maswali', answer: '8', equation: '- 18 10' });
    assert.equal(b.problems.get('sw')![1]!.answer, '12');
  });

  it('GSM8K: the number behind ####, and not the training file', () => {
    const b = readBenchmark([file('test.jsonl', lines([{ question: 'Q', answer: 'Think #### of it\n#### 1,080' }])), file('train.jsonl', lines([{ question: 'T', answer: '#### 1' }]))], 'gsm8k');
    assert.deepEqual([b.format, b.languages], ['gsm8k', ['en']]);
    assert.deepEqual(b.problems.get('en')!.map((p) => [p.id, p.question, p.answer]), [['gsm8k-0001', 'Q', '1080']]);
  });

  it('MMWP: a JSON array per language', () => {
    const b = readBenchmark([json('test_sw.json', [{ question: 'Swali', answer: 4 }, { question: 'Pili', answer: 'x', answer_number: '7' }])], 'mmwp');
    assert.deepEqual([b.format, b.problems.get('sw')!.map((p) => [p.id, p.answer])], ['mmwp', [['mmwp-0001', '4'], ['mmwp-0002', '7']]]);
  });

  it('LIFT: manifest and language files, number, choice and pair problems', () => {
    const manifest = json('benchmark.json', {
      format: 'lift-benchmark/1', name: 'own', title: 'Own', version: '2', license: 'MIT', languages: ['sw', 'en'],
      parts: { a: [{ id: 'a1', answer: '5', difficulty: 2, skills: ['addition'], equation: '2 + 3' }], b: [{ id: 'b1', answer: 'B' }, { id: 'c1', kind: 'nli', answer: 'neutral' }] },
    });
    const own = (language: string): SourceFile =>
      json(`${language}.json`, {
        format: 'lift-benchmark/1', language,
        parts: {
          a: [{ id: 'a1', question: 'Q', answer: '5', numbers: [2, 3], nativeDigits: true }],
          b: [{ id: 'b1', kind: 'choice', question: 'Which?', choices: [{ label: 'A', text: 'x' }, { label: 'B', text: 'y' }] }, { id: 'c1', premise: 'P', hypothesis: 'H' }],
        },
      });
    const b = readBenchmark([own('en'), own('sw'), manifest], 'folder');
    assert.deepEqual([b.name, b.title, b.version, b.license, b.languages, b.findings], ['own', 'Own', '2', 'MIT', ['sw', 'en'], []]);
    const [number, choice, pair] = b.problems.get('sw')!;
    assert.deepEqual(number, { id: 'a1', language: 'sw', kind: 'number', question: 'Q', answer: '5', numbers: [2, 3], difficulty: 2, skills: ['addition'], equation: '2 + 3', nativeDigits: true });
    assert.deepEqual([choice!.kind, choice!.answer, choice!.choices!.length], ['choice', 'B', 2]);
    assert.deepEqual([pair!.kind, pair!.answer, pair!.premise, pair!.hypothesis, pair!.question], ['nli', 'neutral', 'P', 'H', 'P\nH']);
  });

  it('finds the format from names and contents, and the language from the name', () => {
    assert.equal(detectFormat([file('a.txt', 'x')]), undefined);
    assert.equal(detectFormat([json('en.json', { format: 'lift-benchmark/1' })]), 'lift');
    assert.deepEqual(['mgsm_sw.tsv', 'test_Swahili.json', 'deep/test_zh.json', 'nb.jsonl', 'test.jsonl', 'README.md', 'test_Klingon.json'].map(languageOfFile), ['sw', 'sw', 'zh', 'nb', undefined, undefined, undefined]);
    assert.throws(() => readBenchmark([file('notes.txt', 'x')], 'notes'), (e: Error) => e instanceof BenchmarkError && /"notes" holds no benchmark .* LIFT .* MGSM .* MSVAMP .* MMWP .* GSM8K/.test(e.message));
  });
});

describe('benchmark readers: what is malformed is named by file, line and field', () => {
  const good = { question: 'Q', answer: 1 };
  const cases: [string, () => Benchmark, RegExp][] = [
    ['MGSM without a tab', () => readBenchmark([file('mgsm_en.tsv', 'A\t1\nno tab\n')], 'm'), /^error mgsm_en\.tsv:2 No tab/],
    ['MGSM with an empty question', () => readBenchmark([file('mgsm_en.tsv', 'A\t1\n \t2\n')], 'm'), /^error mgsm_en\.tsv:2 \[column 1\] The question is empty/],
    ['MGSM with a gold answer in words', () => readBenchmark([file('mgsm_en.tsv', 'A\t1\nB\ttwo\n')], 'm'), /^error mgsm_en\.tsv:2 \[column 2\] The gold answer "two" is not one number/],
    ['a damaged encoding', () => readBenchmark([file('mgsm_en.tsv', 'A\uFFFD\t1\n')], 'm'), /^warning mgsm_en\.tsv:1 \[column 1\].*U\+FFFD/],
    ['MSVAMP line that is not JSON', () => readBenchmark([file('test_English.json', lines([{ m_query: 'a', response: 1 }]) + '{"m_query": "b"\n')], 'm'), /^error test_English\.json:2 This line is not JSON/],
    ['MSVAMP line that is no object', () => readBenchmark([file('test_English.json', lines([{ m_query: 'a', response: 1 }]) + '[1]\n')], 'm'), /^error test_English\.json:2 This line is not a JSON object/],
    ['MSVAMP without response', () => readBenchmark([file('test_English.json', lines([{ m_query: 'a', response: 1 }, { m_query: 'b' }]))], 'm'), /^error test_English\.json:2 \[answer\] The gold answer undefined/],
    ['MSVAMP without question', () => readBenchmark([file('test_English.json', lines([{ m_query: 'a', response: 1 }, { m_query: null, response: 1 }]))], 'm'), /^error test_English\.json:2 \[m_query\]/],
    ['GSM8K without ####', () => readBenchmark([file('test.jsonl', lines([{ question: 'a', answer: '#### 1' }, { question: 'b', answer: '2' }]))], 'g'), /^error test\.jsonl:2 \[answer\] No "####"/],
    ['GSM8K with two numbers', () => readBenchmark([file('test.jsonl', lines([{ question: 'a', answer: '#### 1' }, { question: 'b', answer: '#### 1 or 2' }]))], 'g'), /^error test\.jsonl:2 \[answer\]/],
    ['MMWP item that is null', () => readBenchmark([json('test_en.json', [good, null])], 'm'), /^error test_en\.json:2 \[question\]/],
    ['MMWP item without answer', () => readBenchmark([json('test_en.json', [good, { question: 'Q' }])], 'm'), /^error test_en\.json:2 \[answer\]/],
    ['two files of a language', () => readBenchmark([json('test_en.json', [good]), json('x_en.json', [good])], 'm'), /^error x_en\.json A second file for language "en"/],
    ['other gold answers in another language', () => readBenchmark([json('test_en.json', [good]), json('test_sw.json', [{ question: 'S', answer: 2 }])], 'm'), /^warning \(sw\) \[answer\] mmwp-0001: gold answer 2 differs from "en" \(1\)/],
    ['problems missing in a language', () => readBenchmark([json('test_en.json', [good, good]), json('test_sw.json', [good])], 'm'), /^warning \(sw\) 1 of 2 problems of "en" are missing in "sw"/],
  ];
  for (const [what, read, words] of cases) {
    it(what, () => {
      const b = read();
      has(b, words);
      assert.ok(b.problems.get('en')!.length >= 1, 'the good lines are still there');
    });
  }

  it('nothing readable is an error that quotes the first finding', () => {
    assert.throws(() => readBenchmark([file('mgsm_en.tsv', 'no tab\n')], 'm'), (e: Error) => e instanceof BenchmarkError && /taken for mgsm but gave no problem.*mgsm_en\.tsv:1: No tab/.test(e.message));
    assert.throws(() => readBenchmark([file('test_en.json', '[{"question": ')], 'm'), (e: Error) => e instanceof BenchmarkError && /test_en\.json: Not JSON/.test(e.message));
  });

  const lift = (manifest: object, rows: unknown, head: object = {}): Benchmark =>
    readBenchmark(
      [
        json('benchmark.json', { format: 'lift-benchmark/1', name: 'n', languages: ['en'], problems: [{ id: 'p0', answer: '1' }, { id: 'p1', answer: '1' }], ...manifest }),
        json('en.json', { format: 'lift-benchmark/1', language: 'en', problems: rows, ...head }),
      ],
      'x',
    );
  const ok = { id: 'p0', question: 'Q', answer: '1' };
  const broken: [string, () => Benchmark, RegExp][] = [
    ['no name', () => lift({ name: undefined }, [ok]), /benchmark\.json \[name\]/],
    ['no languages', () => lift({ languages: [] }, [ok]), /benchmark\.json \[languages\]/],
    ['a problem without id in the manifest', () => lift({ problems: [{ answer: '1' }] }, [ok]), /benchmark\.json \[problems\] A problem has no id/],
    ['an id twice in the manifest', () => lift({ problems: [{ id: 'p0' }, { id: 'p0' }] }, [ok]), /benchmark\.json \[problems\] The id "p0" stands twice/],
    ['a newer format', () => lift({ format: 'lift-benchmark/9' }, [ok]), /benchmark\.json Unknown format "lift-benchmark\/9"/],
    ['language listed without file', () => lift({ languages: ['en', 'sw'] }, [ok]), /benchmark\.json \[languages\] Language "sw" is listed but has no file/],
    ['file of another language', () => lift({}, [ok], { language: 'sw' }), /en\.json \[language\] The file says language "sw", its name says "en"/],
    ['an id twice', () => lift({}, [ok, ok]), /en\.json \[id\] p0: This id stands twice/],
    ['an id that the manifest lacks', () => lift({}, [ok, { ...ok, id: 'p9' }]), /en\.json \[id\] p9: This id is not in benchmark\.json/],
    ['a problem without id', () => lift({}, [ok, { question: 'Q' }]), /en\.json \[id\] A problem has no id/],
    ['a problem that is null', () => lift({}, [ok, null]), /en\.json \[id\] A problem has no id/],
    ['another answer than the manifest', () => lift({}, [{ ...ok, answer: '2' }]), /en\.json \[answer\] p0: The gold answer "2" differs from benchmark\.json \("1"\)/],
    ['an answer that is no number', () => lift({}, [ok, { id: 'p1', question: 'Q', answer: 'many' }]), /en\.json \[answer\] p1: The gold answer "many" is not one number/],
    ['an empty question', () => lift({}, [ok, { id: 'p1', question: ' ', answer: '1' }]), /en\.json \[question\] p1: The question is empty/],
    ['an unknown kind', () => lift({}, [ok, { id: 'p1', kind: 'poem', question: 'Q', answer: '1' }]), /en\.json \[kind\] p1: Unknown kind "poem"/],
    ['a gold label without choice', () => lift({}, [ok, { id: 'p1', kind: 'choice', question: 'Q', answer: 'C', choices: [{ label: 'A', text: 'x' }] }]), /en\.json \[choices\] p1: The gold label is not among the choices/],
    ['choices that are none', () => lift({}, [ok, { id: 'p1', kind: 'choice', question: 'Q', answer: 'A', choices: ['A', null] }]), /en\.json \[choices\] p1: Every choice must be/],
  ];
  for (const [what, read, words] of broken) it(`LIFT: ${what}`, () => has(read(), words));

  it('any JSON in any place gives a benchmark or a BenchmarkError', () => {
    const row = fc.oneof(fc.jsonValue(), fc.record({ id: fc.string(), question: fc.jsonValue(), answer: fc.jsonValue(), kind: fc.jsonValue(), choices: fc.jsonValue(), m_query: fc.jsonValue(), response: fc.jsonValue() }, { requiredKeys: [] }));
    const any = fc.oneof(fc.jsonValue(), fc.array(row), fc.record({ format: fc.constant('lift-benchmark/1'), name: fc.constant('n'), languages: fc.jsonValue(), language: fc.jsonValue(), problems: fc.oneof(fc.array(row), fc.dictionary(fc.string(), fc.array(row)), fc.jsonValue()) }));
    const names = fc.constantFrom('benchmark.json', 'en.json', 'test_en.json', 'test_English.json', 'test.jsonl', 'mgsm_en.tsv');
    fc.assert(
      fc.property(fc.array(fc.tuple(names, any, fc.boolean()), { minLength: 1, maxLength: 3 }), (list) => {
        try {
          readBenchmark(list.map(([name, v, asLines]) => file(name, asLines && Array.isArray(v) ? lines(v) : JSON.stringify(v))), 'x');
        } catch (e) {
          assert.ok(e instanceof BenchmarkError, String((e as Error).stack));
        }
      }),
      { numRuns: 2000 },
    );
  });
});

describe('gold numbers', () => {
  const table: [string, string | undefined][] = [
    ['8.0', '8'], ['1,234', '1234'], ['1,234,567.50', '1234567.5'], ['$12', '12'], ['-0', '0'], ['+7', '7'], ['.5', '0.5'], ['-.50', '-0.5'], ['007', '7'], ['5.', '5'], ['1e3', '1000'], ['2.5e-3', '0.0025'],
    ['1,23', undefined], ['1.2.3', undefined], ['3/4', undefined], ['12 km', undefined], ['', undefined], ['1e999', undefined], ['NaN', undefined], ['١٢', undefined],
  ];
  for (const [text, want] of table) it(`${JSON.stringify(text)} is ${want ?? 'no number'}`, () => assert.equal(canonicalNumber(text), want));

  it('is stable: canonical text of canonical text, and the same value', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e15, max: 1e15 }), (x) => {
        const once = canonicalNumber(String(x))!;
        assert.equal(Number(once), x === 0 ? 0 : x);
        assert.equal(canonicalNumber(once), once);
      }),
    );
  });
});

describe('shipped and shared benchmarks', () => {
  it('LIFT-48 has 50 problems in each of the 48 languages, parallel and without a finding', () => {
    const { benchmark } = loadBenchmark('lift48');
    assert.deepEqual([...benchmark.languages].sort(), languageCodes().sort());
    assert.equal(benchmark.languages.length, 48);
    const ids = benchmark.problems.get('en')!.map((p) => p.id);
    const gold = benchmark.problems.get('en')!.map((p) => p.answer);
    assert.equal(new Set(ids).size, 50);
    for (const code of benchmark.languages) {
      assert.deepEqual(benchmark.problems.get(code)!.map((p) => p.id), ids, code);
      assert.deepEqual(benchmark.problems.get(code)!.map((p) => p.answer), gold, code);
      if (code !== 'en') assert.ok(benchmark.problems.get(code)!.every((p, i) => p.question !== benchmark.problems.get('en')![i]!.question), `${code} is translated`);
    }
    assert.deepEqual(benchmark.findings, []);
    assert.ok(shippedNames().includes('lift48'));
  });

  const shared: [string, string, number, string[]][] = [
    ['mgsm', 'MGSM', 250, ['bn', 'de', 'en', 'es', 'fr', 'ja', 'ru', 'sw', 'te', 'th', 'zh']],
    ['msvamp', 'MSVAMP', 1000, ['bn', 'de', 'en', 'es', 'fr', 'ja', 'ru', 'sw', 'th', 'zh']],
    ['gsm8k', 'GSM8K', 1319, ['en']],
  ];
  for (const [folder, title, n, languages] of shared) {
    it(`${title}: ${languages.length} languages × ${n}`, function () {
      const data = sharedData(folder);
      if (!data) {
        console.log(`      skipped: ${title} is not at hand (set LINGUALIFT_SHARED to the folder that holds data/${folder})`);
        return this.skip();
      }
      const { benchmark } = loadBenchmark(data);
      assert.deepEqual([benchmark.title, [...benchmark.languages].sort()], [title, languages]);
      for (const code of languages) assert.equal(benchmark.problems.get(code)!.length, n, code);
      assert.deepEqual(benchmark.findings.filter((f) => f.severity === 'error'), []);
    });
  }

  it('loading says what is wrong with a path', () => {
    const fails = (name: string, words: RegExp): void => assert.throws(() => loadBenchmark(name), (e: Error) => e instanceof RunError && e.exit === 2 && words.test(e.message));
    fails('no-such-benchmark', /There is no benchmark "no-such-benchmark"\. Shipped: .*lift48/);
    const empty = temporaryFolder();
    fails(empty, /holds no \.json, \.jsonl, \.tsv or \.csv file/);
    fs.writeFileSync(path.join(empty, 'notes.json'), '"just text"');
    fails(empty, /holds no benchmark that is known here/);
  });

  it('one file of a folder is a benchmark too', () => {
    const folder = temporaryFolder();
    fs.writeFileSync(path.join(folder, 'mgsm_sw.tsv'), 'Swali\t1\n');
    fs.writeFileSync(path.join(folder, 'mgsm_en.tsv'), 'Q\t1\n');
    assert.deepEqual(loadBenchmark(path.join(folder, 'mgsm_sw.tsv')).benchmark.languages, ['sw']);
  });
});

describe('sampling', () => {
  const problem = (language: string, n: number): Problem => ({ id: `p${String(n).padStart(3, '0')}`, language, kind: 'number', question: `Q${n} ${language}`, answer: String(n), difficulty: n < 60 ? 1 : n < 90 ? 2 : 3 });
  const make = (sizes: Readonly<Record<string, readonly number[]>>): Benchmark => ({
    name: 'x', title: 'X', format: 'lift', languages: Object.keys(sizes), findings: [],
    problems: new Map(Object.entries(sizes).map(([code, ns]) => [code, ns.map((n) => problem(code, n))])),
  });
  const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);
  const full = make({ en: range(100), sw: range(100), th: range(100) });
  const draw = (b: Benchmark, request: Partial<SampleRequest>, languages = b.languages): string[] => {
    const seed = request.seed ?? 1;
    return sampleIds(b, languages, { method: 'random', seed, ...request }, indexDraw(seed));
  };

  it('the same seed gives the same problems, another seed others', () => {
    assert.deepEqual(draw(full, { limit: 20, seed: 7 }), draw(full, { limit: 20, seed: 7 }));
    assert.notDeepEqual(draw(full, { limit: 20, seed: 7 }), draw(full, { limit: 20, seed: 8 }));
  });

  it('a random draw is not the first N, is in the order of the benchmark, and reaches every problem over seeds', () => {
    const first = full.problems.get('en')!.slice(0, 20).map((p) => p.id);
    const seen = new Set<string>();
    for (let seed = 1; seed <= 60; seed++) {
      const ids = draw(full, { limit: 20, seed });
      assert.equal(new Set(ids).size, 20);
      assert.deepEqual(ids, [...ids].sort());
      assert.notDeepEqual(ids, first);
      ids.forEach((id) => seen.add(id));
    }
    assert.equal(seen.size, 100);
    assert.deepEqual(draw(full, { limit: 20, method: 'first' }), first);
  });

  it('every language has every drawn problem, ragged files included', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat({ max: 40 }), { minLength: 5 }), fc.uniqueArray(fc.nat({ max: 40 }), { minLength: 5 }), fc.integer({ min: 1, max: 50 }), fc.nat({ max: 1000 }), (a, b, limit, seed) => {
        const bench = make({ en: a, sw: b });
        const common = a.filter((n) => b.includes(n));
        if (common.length === 0) return void assert.throws(() => draw(bench, { limit, seed }), (e: Error) => e instanceof SampleError && /no problem in common/.test(e.message));
        const ids = draw(bench, { limit, seed });
        assert.equal(ids.length, Math.min(limit, common.length));
        const problems = problemsOf(bench, ['en', 'sw'], ids);
        assert.equal(problems.length, 2 * ids.length);
        for (const [i, id] of ids.entries()) assert.deepEqual([problems[2 * i]!.id, problems[2 * i]!.language, problems[2 * i + 1]!.id, problems[2 * i + 1]!.language], [id, 'en', id, 'sw']);
      }),
    );
  });

  it('a stratified draw keeps the shares of the difficulties to within one', () => {
    for (const limit of [1, 7, 10, 33, 50, 99]) {
      for (const seed of [1, 2, 3]) {
        const ids = draw(full, { limit, seed, method: 'stratified' });
        assert.equal(ids.length, limit);
        const byId = new Map(full.problems.get('en')!.map((p) => [p.id, p.difficulty!]));
        for (const [difficulty, size] of [[1, 60], [2, 30], [3, 10]] as const) {
          const n = ids.filter((id) => byId.get(id) === difficulty).length;
          assert.ok(Math.abs(n - (size * limit) / 100) < 1, `limit ${limit}: ${n} of difficulty ${difficulty}`);
        }
      }
    }
    assert.notDeepEqual(draw(full, { limit: 10, seed: 1, method: 'stratified' }), draw(full, { limit: 10, seed: 2, method: 'stratified' }));
  });

  it('explicit ids: exactly those, in the order of the benchmark; unknown or none is an error', () => {
    assert.deepEqual(draw(full, { ids: ['p050', 'p003', 'p050'], limit: 1 }), ['p003', 'p050']);
    assert.throws(() => draw(full, { ids: ['p003', 'nope'] }), (e: Error) => e instanceof SampleError && /Unknown problem id "nope"\. Ids of X look like "p000"/.test(e.message));
    assert.throws(() => draw(full, { ids: [] }), (e: Error) => e instanceof SampleError && /No problem id/.test(e.message));
  });

  it('an impossible limit is an error, a large one means all', () => {
    for (const limit of [0, -3, 2.5, NaN]) assert.throws(() => draw(full, { limit }), (e: Error) => e instanceof SampleError && /limit/.test(e.message));
    assert.equal(draw(full, { limit: 1000 }).length, 100);
    assert.equal(draw(full, {}).length, 100);
  });

  it('the hash of what is asked follows every part of a problem', () => {
    const base: Problem = { id: 'a', language: 'en', kind: 'choice', question: 'Q', answer: 'A', choices: [{ label: 'A', text: 'x' }], premise: 'P', hypothesis: 'H' };
    const variants: Problem[] = [
      base, { ...base, id: 'b' }, { ...base, language: 'sw' }, { ...base, kind: 'nli' }, { ...base, question: 'R' }, { ...base, answer: 'B' },
      { ...base, choices: [{ label: 'A', text: 'y' }] }, { ...base, premise: 'X' }, { ...base, hypothesis: 'X' },
    ];
    assert.equal(new Set(variants.map((p) => benchmarkHash([p]))).size, variants.length);
    assert.notEqual(benchmarkHash([base, variants[1]!]), benchmarkHash([variants[1]!, base]));
  });

  it('all 48 languages have a class, and the classes count 21, 17 and 10', () => {
    const count = (cls: string): number => languageCodes().filter((c) => languageOf(c)!.resourceClass === cls).length;
    assert.deepEqual(['low', 'medium', 'high'].map(count), [21, 17, 10]);
  });
});
