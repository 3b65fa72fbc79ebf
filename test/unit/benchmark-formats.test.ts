import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { type Benchmark, BenchmarkError, readBenchmark, type SourceFile } from '../../src/core/benchmarks';
import { fileRows } from '../../src/core/benchmarks/rows';
import { loadBenchmark } from '../../src/runs/benchmark';
import { RunError } from '../../src/runs/errors';
import { temporaryFolder } from '../helpers/paths';

const file = (name: string, text: string): SourceFile => ({ name, text });
const lines = (rows: readonly unknown[]): string => rows.map((r) => JSON.stringify(r)).join('\n') + '\n';
const mapping = (value: object): SourceFile => file('mapping.json', JSON.stringify({ format: 'lift-mapping/1', ...value }));
const places = (b: { findings: Benchmark['findings'] }): string[] => b.findings.map((f) => `${f.file}:${f.line ?? ''} [${f.field ?? ''}] ${f.message}`);

function finds(b: { findings: Benchmark['findings'] }, words: RegExp): void {
  assert.ok(places(b).some((p) => words.test(p)), `expected ${String(words)} in ${JSON.stringify(places(b))}`);
}

describe('X-CSQA', () => {
  const published = (id: string, lang: string, answerKey?: string) => ({ id, lang, question: { stem: `Stem ${lang}`, choices: [{ label: 'A', text: 'one' }, { label: 'B', text: 'two' }] }, ...(answerKey === undefined ? {} : { answerKey }) });

  it('as published, several languages in one file, parallel by id', () => {
    const b = readBenchmark([file('dev.jsonl', lines([published('q1', 'en', 'B'), published('q1', 'sw', 'B'), published('q2', 'en', 'A'), published('q2', 'sw', 'A')]))], 'folder');
    assert.deepEqual([b.name, b.title, b.format, b.languages, b.findings], ['x-csqa', 'X-CSQA', 'x-csqa', ['en', 'sw'], []]);
    assert.deepEqual(b.problems.get('sw')![0], { id: 'xcsqa-q1', language: 'sw', kind: 'choice', question: 'Stem sw', answer: 'B', choices: [{ label: 'A', text: 'one' }, { label: 'B', text: 'two' }] });
  });

  it('flat rows in a file per language', () => {
    const row = { question: 'Q', choice_A: 'x', choice_B: 'y', choice_C: 'z', answerKey: 'c' };
    const b = readBenchmark([file('test_de.json', JSON.stringify([row])), file('test_en.json', JSON.stringify([row]))], 'x');
    assert.deepEqual([b.format, b.languages, b.problems.get('de')![0]!.answer, b.problems.get('de')![0]!.choices!.length], ['x-csqa', ['de', 'en'], 'C', 3]);
  });

  it('names file, line and field of what is wrong', () => {
    const b = readBenchmark([file('en.jsonl', lines([published('a', 'en', 'A'), published('b', 'en'), { ...published('c', 'en', 'A'), question: { stem: ' ', choices: [] } }, published('d', 'en', 'E'), published('a', 'en', 'A'), { ...published('e', 'en', 'A'), question: { stem: 'S', choices: [{ label: 'A', text: '' }, { label: 'B', text: 'x' }] } }]) + '{broken\n')], 'x');
    assert.equal(b.problems.get('en')!.length, 1);
    finds(b, /^en\.jsonl:2 \[answerKey\] No gold answer.*development set/);
    finds(b, /^en\.jsonl:3 \[question\] The question is empty/);
    finds(b, /^en\.jsonl:4 \[answerKey\] .*"E".*no label.*A, B/);
    finds(b, /^en\.jsonl:5 \[id\] The id "xcsqa-a" stands twice/);
    finds(b, /^en\.jsonl:6 \[choices\] Choice 1 has no text/);
    finds(b, /^en\.jsonl:7 \[\] This line is not JSON/);
  });
});

describe('XNLI', () => {
  it('as published: one TSV for all languages, and only the columns that count', () => {
    const tsv = 'language\tgold_label\tpairID\tsentence1\tsentence2\nen\tneutral\t1\tHe said "hi".\tShe left.\nar\tneutral\t1\tقال\tغادرت\nen\tentailment\t2\tA\tB\nar\tentailment\t2\tج\tد\n';
    const b = readBenchmark([file('xnli.test.tsv', tsv)], 'x');
    assert.deepEqual([b.name, b.format, b.languages, b.findings], ['xnli', 'xnli', ['ar', 'en'], []]);
    assert.deepEqual(b.problems.get('en')![0], { id: 'xnli-1', language: 'en', kind: 'nli', question: 'He said "hi".\nShe left.', premise: 'He said "hi".', hypothesis: 'She left.', answer: 'neutral' });
  });

  it('premise, hypothesis and a number, one file per language', () => {
    const b = readBenchmark([file('test_sw.jsonl', lines([{ premise: 'P', hypothesis: 'H', label: 2 }, { premise: 'P2', hypothesis: 'H2', label: 0 }]))], 'x');
    assert.deepEqual(b.problems.get('sw')!.map((p) => [p.id, p.answer]), [['xnli-0001', 'contradiction'], ['xnli-0002', 'entailment']]);
  });

  it('names file, line and field of what is wrong', () => {
    const b = readBenchmark([file('test_sw.jsonl', lines([{ premise: 'P', hypothesis: 'H', label: 1 }, { premise: 'P', hypothesis: 'H', label: 3 }, { premise: '', hypothesis: 'H', label: 1 }, { premise: 'P', hypothesis: 7, label: 1 }]))], 'x');
    finds(b, /^test_sw\.jsonl:2 \[label\] The label 3 is none of entailment/);
    finds(b, /^test_sw\.jsonl:3 \[premise\]/);
    finds(b, /^test_sw\.jsonl:4 \[hypothesis\]/);
    const header = readBenchmark([file('x.tsv', 'language\tgold_label\tsentence1\tsentence2\nen\tneutral\tA\n\tneutral\tA\tB\nen\tneutral\tA\tB\n')], 'x');
    finds(header, /^x\.tsv:2 \[\] 3 fields, the header has 4/);
    finds(header, /^x\.tsv:3 \[language\] The row names no language/);
  });
});

describe('the generic format', () => {
  it('needs no mapping when the fields have our names', () => {
    const b = readBenchmark([file('items_sw.csv', 'id,question,answer\n1,"Swali, moja",7\n2,"Mistari\nmiwili ""hapa""",1.50\n')], 'mine');
    assert.deepEqual([b.name, b.format, b.languages], ['mine', 'csv', ['sw']]);
    assert.deepEqual(b.problems.get('sw')!.map((p) => [p.id, p.question, p.answer]), [['1', 'Swali, moja', '7'], ['2', 'Mistari\nmiwili "hapa"', '1.5']]);
  });

  it('takes the fields that a mapping names, nested ones too, with answers translated', () => {
    const map = mapping({ name: 'quiz', title: 'Quiz', version: '2', license: 'CC0', kind: 'choice', fields: { id: 'meta.key', language: 'meta.lang', question: 'text', choices: ['o1', 'o2', 'o3'], answer: 'gold' }, answers: { 0: 'A', 1: 'B', 2: 'C' } });
    const row = (lang: string) => ({ meta: { key: 'k1', lang }, text: `T ${lang}`, o1: 'x', o2: 'y', o3: 'z', gold: 2 });
    const b = readBenchmark([map, file('all.jsonl', lines([row('en'), row('th')]))], 'folder');
    assert.deepEqual([b.name, b.title, b.version, b.license, b.format, b.languages, b.findings], ['quiz', 'Quiz', '2', 'CC0', 'jsonl', ['en', 'th'], []]);
    assert.deepEqual(b.problems.get('th')![0], { id: 'k1', language: 'th', kind: 'choice', question: 'T th', answer: 'C', choices: [{ label: 'A', text: 'x' }, { label: 'B', text: 'y' }, { label: 'C', text: 'z' }] });
  });

  it('pairs, another separator, choices in one field', () => {
    const nli = readBenchmark([mapping({ kind: 'nli', fields: { premise: 'a', hypothesis: 'b', answer: 'r' }, answers: { yes: 'entailment' }, delimiter: ';' }), file('en.csv', 'a;b;r\nP, 1;H;yes\n')], 'x');
    assert.deepEqual([nli.problems.get('en')![0]!.answer, nli.problems.get('en')![0]!.premise], ['entailment', 'P, 1']);
    const one = readBenchmark([mapping({ kind: 'choice' }), file('en.csv', 'question,choices,answer\nQ,x|y|z,B\n')], 'x');
    assert.deepEqual(one.problems.get('en')![0]!.choices!.map((c) => c.text), ['x', 'y', 'z']);
  });

  it('names file, line and field of what is wrong, and what the row does have', () => {
    const b = readBenchmark([mapping({ fields: { question: 'text' } }), file('en.jsonl', lines([{ text: 'Q', answer: '3' }, { frage: 'Q', answer: 3 }, { text: 'Q', answer: 'many' }, { text: 'Q' }]))], 'x');
    finds(b, /^en\.jsonl:2 \[text\] The question is missing.*Fields of this row: frage, answer/);
    finds(b, /^en\.jsonl:3 \[answer\] The gold answer "many" is not one number/);
    finds(b, /^en\.jsonl:4 \[answer\] The answer is missing/);
    const csv = readBenchmark([file('en.csv', 'question,answer\nQ,1\n"open,2\n')], 'x');
    finds(csv, /^en\.csv:3 \[\] A quoted field is never closed/);
  });

  it('says what is wrong with a mapping', () => {
    const rows: readonly [object, RegExp][] = [
      [{ format: 'x' }, /field "format".*"lift-mapping\/1"/], [{ kind: 'essay' }, /"kind" must be number, choice or nli/], [{ fields: { prompt: 'x' } }, /"prompt" is no field of ours; known: id/],
      [{ fields: { question: 3 } }, /"fields\.question"/], [{ answers: { a: 1 } }, /"answers" must be/], [{ delimiter: '::' }, /"delimiter" must be one character/],
    ];
    for (const [value, words] of rows) assert.throws(() => readBenchmark([mapping(value), file('en.csv', 'question,answer\nQ,1\n')], 'x'), (e: unknown) => e instanceof BenchmarkError && words.test(e.message) && /mapping\.json/.test(e.message));
  });

  it('reads back any table that is written as RFC 4180 has it', () => {
    const cell = fc.string({ unit: 'grapheme', maxLength: 12 }).filter((s) => !s.includes('\r'));
    fc.assert(fc.property(fc.array(fc.tuple(cell, cell), { minLength: 1, maxLength: 5 }), (rows) => {
      const text = ['"h1","h2"', ...rows.map((r) => r.map((c) => `"${c.replaceAll('"', '""')}"`).join(','))].join('\r\n');
      const got = fileRows(file('x.csv', text));
      assert.deepEqual(got.problems, []);
      assert.deepEqual(got.rows.map((r) => [r.fields.h1, r.fields.h2]), rows.map(([a, b]) => [a, b]));
    }), { seed: 7, numRuns: 200 });
  });
});

describe('benchmarks on disk', () => {
  it('reads folders that are named by a language, and nothing else inside', () => {
    const folder = temporaryFolder('xcsqa');
    for (const lang of ['en', 'sw']) {
      fs.mkdirSync(path.join(folder, lang));
      fs.writeFileSync(path.join(folder, lang, 'dev.jsonl'), lines([{ id: '1', question: { stem: `S ${lang}`, choices: [{ label: 'A', text: 'x' }, { label: 'B', text: 'y' }] }, answerKey: 'A' }]));
    }
    fs.mkdirSync(path.join(folder, 'node_modules'));
    fs.writeFileSync(path.join(folder, 'node_modules', 'en.jsonl'), 'x');
    const { benchmark } = loadBenchmark(folder);
    assert.deepEqual([benchmark.format, benchmark.languages, benchmark.problems.get('sw')![0]!.question], ['x-csqa', ['en', 'sw'], 'S sw']);
    assert.throws(() => loadBenchmark(path.join(folder, 'node_modules')), (e: unknown) => e instanceof RunError && /X-CSQA.*XNLI.*mapping\.json/s.test(e.message));
  });
});
