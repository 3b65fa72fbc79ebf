import assert from 'node:assert/strict';
import { evaluationOptions } from '../../src/cli/evaluate';
import { HelpAsked, integer, options, required, text, UsageError } from '../../src/cli/options';
import { duration, languageLabel, percent, table } from '../../src/cli/terminal';

const SPEC = { name: 'text', count: 'integer', json: 'flag', tag: 'list' } as const;
const parse = (...args: string[]) => options(args, SPEC, 'the help');
const usage = (words: RegExp) => (e: Error): boolean => e instanceof UsageError && words.test(e.message);

describe('command line options', () => {
  it('read text, whole numbers, flags, lists and arguments', () => {
    const o = parse('a', '--name', 'x y', '--count=-3', '--json', '--tag', 'p', '--tag=q', 'b');
    assert.deepEqual([text(o, 'name'), integer(o, 'count'), o.json, o.tag, o._], ['x y', -3, true, ['p', 'q'], ['a', 'b']]);
    assert.deepEqual(parse()._, []);
    assert.equal(text(parse('--name='), 'name'), '');
    assert.deepEqual(parse('--', '--name')._, ['--name']);
  });

  it('refuse what is unknown or malformed, and say which', () => {
    assert.throws(() => parse('--nmae', 'x'), usage(/Unknown option '--nmae'.*See --help/));
    assert.throws(() => parse('--count', '1.5'), usage(/--count must be a whole number, not "1\.5"/));
    assert.throws(() => parse('--count', 'ten'), usage(/not "ten"/));
    assert.throws(() => parse('--count', ''), usage(/--count must be a whole number/));
    assert.throws(() => parse('--count', '0x10'), usage(/not "0x10"/));
    assert.throws(() => parse('--name'), usage(/--name/));
    assert.throws(() => parse('--json=yes'), usage(/--json/));
    assert.throws(() => required(parse(), 'name'), usage(/--name is missing\. See --help/));
    assert.throws(() => required(parse('--name='), 'name'), usage(/--name is missing/));
    assert.equal(required(parse('--name', 'v'), 'name'), 'v');
  });

  it('asking for help wins over everything else', () => {
    for (const args of [['--help'], ['-h'], ['--nonsense', '--help'], ['x', '-h']]) assert.throws(() => parse(...args), (e: Error) => e instanceof HelpAsked && e.message === 'the help');
  });

  it('of evaluate become one request', () => {
    const o = Object.assign({ bundle: 'b', benchmark: 'm', ids: ' p1, p2,,', 'memory-ceiling': 100, limit: 3, 'max-new-tokens': 9 }, { _: [] });
    const request = evaluationOptions(o);
    assert.deepEqual([request.bundle, request.benchmark, request.ids, request.memoryCeiling, request.limit, request.maxNewTokens], ['b', 'm', ['p1', 'p2'], 100 * 2 ** 20, 3, 9]);
    assert.equal(evaluationOptions(Object.assign({ bundle: 'b', benchmark: 'm' }, { _: [] })).memoryCeiling, undefined);
    assert.throws(() => evaluationOptions(Object.assign({ bundle: 'b', benchmark: 'm', provider: 'tpu' }, { _: [] })), usage(/--provider must be auto, cpu or cuda, not "tpu"/));
    assert.throws(() => evaluationOptions(Object.assign({ benchmark: 'm' }, { _: [] })), usage(/--bundle is missing/));
  });
});

describe('terminal output', () => {
  it('durations, percentages, names', () => {
    assert.deepEqual([undefined, Infinity, 0.4, 59.4, 60, 3599, 3600, 7260].map(duration), ['–', '–', '0 s', '59 s', '1 min 0 s', '59 min 59 s', '1 h 0 min', '2 h 1 min']);
    assert.deepEqual([0, 0.5, 1 / 3, NaN].map(percent), ['0.0', '50.0', '33.3', '–']);
    assert.deepEqual([languageLabel('sw'), languageLabel('xx')], ['Swahili', 'xx (outside the 48)']);
  });

  it('tables are aligned', () => {
    assert.equal(table(['a', 'num'], [['xyz', '1'], ['y', '100']], new Set([1])), 'a    num\n───  ───\nxyz    1\ny    100');
    assert.equal(table(['a'], [], new Set()), 'a\n─');
  });
});
