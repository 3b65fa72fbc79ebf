import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { readBenchmark } from '../../src/core/benchmarks';
import { problemLines, recognise } from '../../src/core/benchmarks/places';
import { groupsOf } from '../../src/extension/testing/groups';
import { benchmarkAround, listProblems } from '../../src/extension/worker/problems';

const ROOT = path.resolve(__dirname, '..', '..');

const MMWP = '[\n  {"question": "a ] , { \\" b", "answer": 1},\n  {\n    "question": "c",\n    "parts": [1, {"x": 2}],\n    "answer": "2"\n  }, {"question": "d", "answer": 3}\n]\n';
const MSVAMP = '{"m_query": "ক", "query": "a", "response": 1}\n\n{"m_query": "খ", "query": "b", "response": 2}\n';
const GSM8K = '{"question": "q", "answer": "so\\n#### 4"}\n{"question": "r", "answer": "#### 5"}\n';
const MGSM = 'Maswali mawili?\t5\nMatatu?\t7\n';

describe('files of benchmarks', () => {
  it('are recognised by name and beginning', () => {
    const lift = fs.readFileSync(path.join(ROOT, 'benchmarks', 'lift48', 'sw.json'), 'utf8');
    for (const [name, text, expected] of [
      ['sw.json', lift, { format: 'lift', language: 'sw' }], ['a/b/benchmark.json', fs.readFileSync(path.join(ROOT, 'benchmarks', 'lift48', 'benchmark.json'), 'utf8'), { format: 'lift', language: null }],
      ['C:\\x\\mgsm_sw.tsv', MGSM, { format: 'mgsm', language: 'sw' }], ['test_Bengali.json', MSVAMP, { format: 'msvamp', language: 'bn' }], ['test_hy.json', MMWP, { format: 'mmwp', language: 'hy' }], ['test.jsonl', GSM8K, { format: 'gsm8k', language: 'en' }],
    ] as const) assert.deepEqual(recognise(name, text), expected, name);
  });

  it('are not taken for what they are not', () => {
    for (const [name, text] of [
      ['package.json', '{\n  "name": "x"\n}'], ['en.json', '{"hello": "world"}'], ['en.json', '["a", "b"]'], ['test_en.json', '[{"q": 1}]'], ['data_en.tsv', 'id\tname\n1\tx\n'], ['notes.tsv', 'a\t5\n'], ['train.jsonl', GSM8K], ['en.csv', MMWP], ['tsconfig.base.json', '[{"question": "a", "answer": 1}'],
    ] as const) assert.equal(recognise(name, text), undefined, `${name}: ${text.slice(0, 20)}`);
  });

  it('have each problem on its line', () => {
    const lines = (name: string, text: string): [string, number][] => {
      const { format } = recognise(name, text)!;
      const problems = [...readBenchmark([{ name, text }], 'x').problems.values()][0]!;
      return [...problemLines(format, text, problems)];
    };
    assert.deepEqual(lines('test_hy.json', MMWP), [['mmwp-0001', 1], ['mmwp-0002', 2], ['mmwp-0003', 6]]);
    assert.deepEqual(lines('test_Bengali.json', MSVAMP), [['msvamp-0001', 0], ['msvamp-0002', 2]]);
    assert.deepEqual(lines('test.jsonl', GSM8K), [['gsm8k-0001', 0], ['gsm8k-0002', 1]]);
    assert.deepEqual(lines('mgsm_sw.tsv', `\n${MGSM}`), [['mgsm-001', 1], ['mgsm-002', 2]]);
    const list = listProblems('lift48', 'ar');
    const source = fs.readFileSync(list.file!, 'utf8').split('\n');
    assert.equal(list.problems.length, 50);
    for (const p of list.problems) assert.ok(source[p.line!]!.includes(`"id": "${p.id}"`) && source[p.line!]!.includes(JSON.stringify(p.question).slice(1, 12)), p.id);
  });

  it('belong to their folder, or stand alone where the folder is no benchmark', () => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'lingualift-files-'));
    try {
      for (const code of ['en', 'sw']) fs.writeFileSync(path.join(folder, `mgsm_${code}.tsv`), MGSM);
      assert.deepEqual(benchmarkAround(path.join(folder, 'mgsm_sw.tsv'), 'sw'), { path: folder, title: 'MGSM', languages: ['en', 'sw'], problems: 2 });
      fs.mkdirSync(path.join(folder, 'mixed'));
      fs.writeFileSync(path.join(folder, 'mixed', 'benchmark.json'), '{"format": "lift-benchmark/1", "name": "m", "languages": ["en"]}');
      fs.writeFileSync(path.join(folder, 'mixed', 'test_hy.json'), MMWP);
      assert.equal(benchmarkAround(path.join(folder, 'mixed', 'test_hy.json'), 'hy').path, path.join(folder, 'mixed', 'test_hy.json'));
      assert.throws(() => listProblems(folder, 'th'), /has no language "th"\. It has: en sw/);
    } finally {
      fs.rmSync(folder, { recursive: true, force: true });
    }
  });
});

describe('chosen tests', () => {
  const ids = (): Promise<readonly string[]> => Promise.resolve(['1', '2', '3']);
  const all = { benchmark: 'b', languages: ['en', 'sw', 'th'] };

  it('become as few runs as can be: languages with the same problems share one', async () => {
    assert.deepEqual(await groupsOf([all], [], ids), [{ benchmark: 'b', languages: ['en', 'sw', 'th'] }]);
    assert.deepEqual(await groupsOf([{ benchmark: 'b', language: 'sw' }, { benchmark: 'b', language: 'en', id: '2' }, { benchmark: 'b', language: 'th', id: '2' }, { benchmark: 'c', languages: ['en'] }], [], ids), [
      { benchmark: 'b', languages: ['sw'] }, { benchmark: 'b', languages: ['en', 'th'], ids: ['2'] }, { benchmark: 'c', languages: ['en'] },
    ]);
    assert.deepEqual(await groupsOf([{ benchmark: 'b', language: 'sw', id: '1' }, { benchmark: 'b', language: 'sw' }], [], ids), [{ benchmark: 'b', languages: ['sw'] }]);
  });

  it('leave out what is excluded', async () => {
    assert.deepEqual(await groupsOf([all], [{ benchmark: 'b', language: 'th' }, { benchmark: 'b', language: 'sw', id: '2' }], ids), [{ benchmark: 'b', languages: ['en'] }, { benchmark: 'b', languages: ['sw'], ids: ['1', '3'] }]);
    assert.deepEqual(await groupsOf([all], [{ benchmark: 'b' }], ids), []);
    assert.deepEqual(await groupsOf([{ benchmark: 'b', language: 'en', id: '1' }], [{ benchmark: 'b', language: 'en', id: '1' }], ids), []);
  });
});
