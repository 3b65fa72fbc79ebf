import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { LANGUAGES } from '../../src/core/languages';
import { contentSecurityPolicy, page } from '../../src/extension/panels/page';
import { actionParams, pageParams, sampleParams } from '../../src/extension/panels/validate';
import { PieceTable, pieceTable, tokenSpans } from '../../src/extension/worker/pieces';
import { RunIndex } from '../../src/extension/worker/runindex';
import { meanProbability, type Sample } from '../../src/protocol/run';
import { aggregateSamples } from '../../src/runs/summary';
import { HOSTILE, manifestOf, sampleOf } from '../webview/run-data';

const IDS = Array.from({ length: 40 }, (_, i) => `p${i}`);
const CODES = LANGUAGES.map((l) => l.code);

describe('run index', () => {
  let folder: string;
  const samples: Sample[] = CODES.flatMap((code) => IDS.map((id, i) => sampleOf(code, id, i)));
  const file = (): string => path.join(folder, 'samples.jsonl');
  beforeEach(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'lingualift-index-'));
    fs.writeFileSync(path.join(folder, 'manifest.json'), JSON.stringify(manifestOf(IDS)));
    fs.writeFileSync(file(), samples.map((s) => JSON.stringify(s) + '\n').join(''));
  });
  afterEach(() => fs.rmSync(folder, { recursive: true, force: true }));

  it('counts as the report does', () => {
    const index = new RunIndex(folder);
    const total = aggregateSamples(samples);
    assert.equal(index.size, samples.length);
    for (const row of index.facts().rows) {
      const expected = total.languages.find((l) => l.language === row.language)!;
      assert.deepEqual([row.n, row.correct, row.accuracy, [...row.interval]], [expected.n, expected.correct, expected.accuracy, [...expected.interval]]);
      assert.equal(row.unread + row.failed, expected.unread, row.language); // the report counts a failed item as unread too
      assert.equal(row.failed, expected.failed);
    }
    const estimates = index.estimates();
    const overall = estimates.groups.find((g) => g.by === 'all')!;
    assert.deepEqual([overall.mean, overall.interval], [total.overall.mean, [...total.overall.interval]]);
  });

  it('reads only what was appended, waits for the end of a line, and lets the later line of an item count', () => {
    fs.writeFileSync(file(), samples.slice(0, 3).map((s) => JSON.stringify(s) + '\n').join(''));
    const index = new RunIndex(folder);
    assert.equal(index.size, 3);
    const next = JSON.stringify(samples[3]) + '\n';
    fs.appendFileSync(file(), next.slice(0, 20));
    index.update();
    assert.equal(index.size, 3);
    fs.appendFileSync(file(), next.slice(20) + JSON.stringify({ ...samples[0], completion: 'second' }) + '\n');
    index.update();
    assert.equal(index.size, 4);
    assert.equal(index.sample(samples[0]!.language, samples[0]!.id)!.completion, 'second');
  });

  it('starts again when the file was replaced, and numbers damaged lines', () => {
    const index = new RunIndex(folder);
    fs.rmSync(file());
    fs.writeFileSync(file(), `${JSON.stringify(samples[0])}\nnot json\n{"id":1}\n${JSON.stringify(samples[1])}\n`);
    index.update();
    assert.equal(index.size, 2);
    assert.equal(index.facts().damagedLines, 2);
    fs.rmSync(file());
    index.update();
    assert.equal(index.size, 0);
  });

  it('counts tokens whatever the order of the fields, and is not fooled by a text that looks like them', () => {
    const fooling = { ...samples[0]!, completion: 'x","tokenIds":[1,2,3],"stopReason":"eos', tokenIds: [1, 2], tokenLogprobs: [-1, -2] };
    const { tokenIds, ...rest } = { ...samples[1]!, tokenIds: [5, 6, 7] };
    const empty = { ...samples[2]!, tokenIds: [], tokenLogprobs: [] };
    const one = { ...samples[3]!, tokenIds: [9], tokenLogprobs: [-1] };
    fs.writeFileSync(file(), [fooling, { ...rest, tokenIds }, empty, one].map((s) => JSON.stringify(s) + '\n').join(''));
    const index = new RunIndex(folder);
    assert.equal(index.size, 4);
    assert.equal(index.facts().damagedLines, 0);
    assert.deepEqual(index.sample(fooling.language, fooling.id), fooling);
    const answered = [fooling, { tokenIds }, empty, one].map((s) => s.tokenIds.length);
    const row = index.facts().rows.find((r) => r.language === fooling.language)!;
    assert.equal(row.tokensPerQuestion, answered.reduce((a, b) => a + b, 0) / 4);
  });

  it('pages in the order of the plan, filters, and finds text whatever its case', () => {
    fs.writeFileSync(file(), [...samples].reverse().map((s) => JSON.stringify(s) + '\n').join(''));
    const index = new RunIndex(folder);
    const ask = (outcomes: ('right' | 'wrong' | 'unread' | 'failed')[], find = '', offset = 0, count = 10) => index.page({ language: 'sw', outcomes, find, offset, count });
    assert.deepEqual(ask([]).lines.map((l) => l.id), IDS.slice(0, 10));
    assert.deepEqual(ask([], '', 35).lines.map((l) => l.id), IDS.slice(35));
    assert.equal(ask(['right', 'wrong', 'unread', 'failed']).total, 40);
    assert.equal(ask(['right']).total, samples.filter((s) => s.language === 'sw' && s.correct).length);
    assert.equal(ask([], 'THE ANSWER').total, samples.filter((s) => s.language === 'sw' && s.completion.includes('The answer')).length);
    assert.deepEqual(ask([], 'p39').lines.map((l) => l.id), ['p39']);
    assert.equal(ask([], 'nowhere').total, 0);
    assert.deepEqual(ask([], '', 1000), { total: 40, offset: 40, lines: [] });
  });

  it('gives one problem in every language, with gaps where nothing was asked yet', () => {
    fs.writeFileSync(file(), samples.filter((s) => s.language !== 'sw').map((s) => JSON.stringify(s) + '\n').join(''));
    const problem = new RunIndex(folder).problem('p1');
    assert.deepEqual(problem.outcomes.map((o) => o.language), CODES);
    assert.equal(problem.outcomes.find((o) => o.language === 'sw')!.line, null);
    assert.equal(problem.gold, '15');
  });
});

describe('token spans', () => {
  const tiny = path.resolve(__dirname, '..', '..', 'models', 'tiny');

  it('spell the completion with the bundle\'s own vocabulary, bytes of one character joined', () => {
    const table = pieceTable(tiny)!;
    assert.ok(table, 'models/tiny has a vocabulary');
    const bytes = [...Buffer.from('a é 中')];
    const idOf = (byte: number): number => Array.from({ length: 384 }, (_, id) => id).find((id) => table.bytes(id).length === 1 && table.bytes(id)[0] === byte)!;
    const ids = bytes.map(idOf);
    const spans = tokenSpans(table, 'a é 中', ids, ids.map(() => Math.log(0.5)))!;
    assert.deepEqual(spans.map((s) => 'a é 中'.slice(s.start, s.end)), ['a', ' ', 'é', ' ', '中']);
    assert.deepEqual(spans.map((s) => Math.round(1000 * s.probability) / 1000), [0.5, 0.5, 0.25, 0.5, 0.125]);
  });

  it('read SentencePiece vocabularies: word starts, byte pieces, special tokens', () => {
    const table = new PieceTable({ model: { vocab: { '</s>': 0, '▁The': 1, '▁answer': 2, '<0xC3>': 3, '<0xA9>': 4 } }, added_tokens: [{ id: 0, content: '</s>', special: true }], decoder: { type: 'Sequence' } });
    const spans = tokenSpans(table, 'The answeré', [1, 2, 3, 4, 0], [-1, -2, -0.5, -0.5, -9])!;
    assert.deepEqual(spans.map((s) => [s.start, s.end]), [[0, 3], [3, 10], [10, 11]]);
    assert.equal(spans[2]!.probability, Math.exp(-1));
  });

  it('mark what the calculator wrote, which has no probability of its own', () => {
    const table = new PieceTable({ model: { vocab: { '▁=': 0, '▁1': 1, '3': 2, '.': 3 } }, decoder: null });
    const spans = tokenSpans(table, '= 13.', [0, 1, 2, 3], [-0.5, 0, 0, -1.5], [1, 2])!;
    assert.deepEqual(spans.map((s) => s.calculated === true), [false, true, true, false]);
    assert.equal(meanProbability({ tokenLogprobs: [-0.5, 0, 0, -1.5], forced: [1, 2] }), Math.exp(-1));
    assert.equal(meanProbability({ tokenLogprobs: [-0.5, -1.5] }), Math.exp(-1));
    assert.equal(meanProbability({ tokenLogprobs: [0], forced: [0] }), null);
  });

  it('stop at the completion\'s end when a stop string cut it, and give nothing for another tokenizer', () => {
    const table = new PieceTable({ model: { vocab: [['a', 0], ['bc', 0]] }, decoder: null });
    assert.deepEqual(tokenSpans(table, 'ab', [0, 1], [0, 0])!.map((s) => [s.start, s.end]), [[0, 1], [1, 2]]);
    assert.equal(tokenSpans(table, 'xyz', [0, 1], [0, 0]), undefined);
  });
});

describe('messages of a panel', () => {
  it('are refused when they do not fit', () => {
    const good = { language: 'sw', outcomes: ['right'], find: '', offset: 0, count: 100 };
    assert.deepEqual(pageParams(good), good);
    for (const bad of [null, [], { ...good, offset: -1 }, { ...good, count: 1.5 }, { ...good, outcomes: ['all'] }, { ...good, find: 'x'.repeat(3000) }, { ...good, language: 7 }]) assert.throws(() => pageParams(bad), /The panel sent/);
    assert.throws(() => sampleParams({ language: 'sw' }), /"id"/);
    assert.deepEqual(actionParams({ action: 'pause', extra: 1 }), { action: 'pause' });
    for (const bad of [{ action: 'delete' }, { action: 'cancelLanguage', language: {} }, 'pause']) assert.throws(() => actionParams(bad), /The panel sent/);
  });
});

describe('page of a panel', () => {
  it('has a policy without inline or evaluated code, and text that stays text', () => {
    const csp = contentSecurityPolicy('https://source', 'abc');
    assert.match(csp, /^default-src 'none'/);
    assert.doesNotMatch(csp, /unsafe|\*|data:/);
    const html = page({ csp, nonce: 'abc', script: 'https://source/x.js?a=1&b="', style: 'https://source/x.css', title: HOSTILE, language: '"><b>', strings: { '</script><script>alert(1)</script>': HOSTILE } });
    assert.equal(html.match(/<script/g)!.length, 2);
    assert.doesNotMatch(html, /<img|<b>| style=|onload=/);
  });
});
