import assert from 'node:assert/strict';
import fc from 'fast-check';
import { SCORER_NAMES, scorerByName } from '../../src/core/scoring';
import { type Cell, EVAL_CELL, fieldsOf, formatNotebook, knownValues, NotebookError, parseEvalCell, parseNotebook, parsePromptCell, placeAt, PROMPT_CELL } from '../../src/core/notebook';
import { PRECISIONS } from '../../src/bundle';
import { RUN_MODES, SAMPLINGS } from '../../src/protocol/run';
import { isLiftOutput, OUTPUT_FORMAT, OUTPUT_MIME, readToHost } from '../../src/protocol/notebook';
import { evalOutput, promptOutput } from '../webview/notebook-data';

const cell = (language: string, text: string, more: Partial<Cell> = {}): Cell => ({ language, text, outputs: [], extra: {}, ...more });

describe('.liftnb files', () => {
  it('write one line of a cell as one line of the file, and numbers in rows', () => {
    const text = formatNotebook({ cells: [cell('markdown', '# Title\n\nمرحبا'), cell(PROMPT_CELL, 'gold: 3\n---\n1 + 2?', { outputs: [{ items: [{ mime: OUTPUT_MIME, json: { ids: Array.from({ length: 60 }, (_, i) => 1000 + i) } }, { mime: 'text/plain', text: 'a\nb' }], extra: {} }] })], extra: {} });
    assert.match(text, /^ {8}"# Title",\n {8}"",\n {8}"مرحبا"$/m);
    assert.match(text, /^ {18}1000, 1001, 1002/m);
    assert.match(text, /^ {16}"a",\n {16}"b"$/m);
    assert.ok(text.split('\n').every((l) => l.length <= 130), 'no long line');
    assert.doesNotThrow(() => JSON.parse(text) as unknown);
  });

  it('come back as they were, whatever the texts and values, and are written the same again', () => {
    const json = fc.jsonValue();
    const extra = fc.dictionary(fc.constantFrom('note', 'owner', 'x-1'), json);
    const text = fc.string({ unit: 'binary' }).map((s) => s.replace(/\r\n?/g, '\n').replace(/[\ud800-\udfff]/g, '?'));
    const item = fc.oneof(fc.record({ mime: fc.constant(OUTPUT_MIME), json }), fc.record({ mime: fc.constant('text/plain'), text }), fc.record({ mime: fc.constant('image/png'), base64: fc.base64String() }));
    const cells = fc.array(fc.record({ language: fc.constantFrom('markdown', PROMPT_CELL, EVAL_CELL, 'python'), text, outputs: fc.array(fc.record({ items: fc.array(item, { maxLength: 3 }), extra }), { maxLength: 2 }), extra }), { maxLength: 4 });
    fc.assert(fc.property(cells, extra, (list, top) => {
      const written = formatNotebook({ cells: list, extra: top });
      const read = parseNotebook(written);
      assert.deepEqual(JSON.parse(JSON.stringify(read)), JSON.parse(JSON.stringify({ cells: list, extra: top })));
      assert.equal(formatNotebook(read), written);
    }), { numRuns: 60 });
  });

  it('keep fields that are not known here, and leave outputs out when asked', () => {
    const source = JSON.stringify({ format: 'lift-notebook/1', author: { name: 'x' }, cells: [{ language: PROMPT_CELL, source: 'q', pinned: true, outputs: [{ items: [{ mime: 'text/plain', text: 'a' }], at: 7 }] }] });
    const read = parseNotebook(source);
    assert.deepEqual(read.extra, { author: { name: 'x' } });
    const again = JSON.parse(formatNotebook(read)) as { author: unknown; cells: { pinned: boolean; outputs: { at: number }[] }[] };
    assert.deepEqual([again.author, again.cells[0]!.pinned, again.cells[0]!.outputs[0]!.at], [{ name: 'x' }, true, 7]);
    assert.doesNotMatch(formatNotebook(read, false), /outputs/);
  });

  it('are empty when the file is, and refused with the place when they are damaged', () => {
    assert.deepEqual(parseNotebook(' \n'), { cells: [], extra: {} });
    for (const [text, why] of [
      ['{"format": "lift-notebook/1",\n "cells": [}', /not JSON \(.*\}.*nothing has been written/s], ['[]', /not a JSON object/], ['{"cells": []}', /does not say "format"/], ['{"format": "lift-notebook/2", "cells": []}', /Update LinguaLIFT/],
      ['{"format": "lift-notebook/1"}', /no list of "cells"/], ['{"format": "lift-notebook/1", "cells": [{"source": ""}]}', /Cell 1 of the notebook has no "language"/],
      ['{"format": "lift-notebook/1", "cells": [{"language": "markdown", "source": 5}]}', /neither text nor a list of lines/], ['{\n<<<<<<< HEAD\n', /unresolved merge/], ['{"format": "lift-notebook/1", "cells": [{"language": "x", "source": "", "outputs": [{"items": [{}]}]}]}', /without a "mime"/],
    ] as const) assert.throws(() => parseNotebook(text), (e: Error) => e instanceof NotebookError && why.test(e.message), text);
  });
});

describe('cells of a notebook', () => {
  it('read a prompt: header, rule, question in any script', () => {
    const c = parsePromptCell('bundle: smol-lift\nLanguage: ar\nmax tokens: 64\n# a remark\ngold: 15\n---\n\nلدى سارة 24 تفاحة: كم بقي؟\n---\nنعم');
    assert.deepEqual([c.bundle, c.language, c.maxNewTokens, c.gold, c.question, c.questionLine, c.issues], ['smol-lift', 'ar', 64, '15', 'لدى سارة 24 تفاحة: كم بقي؟\n---\nنعم', 7, []]);
    const bare = parsePromptCell('What is 2 + 3?\nShow: the steps');
    assert.deepEqual([bare.question, bare.language, bare.issues], ['What is 2 + 3?\nShow: the steps', 'en', []]);
  });

  it('say where a prompt is wrong', () => {
    const at = (text: string) => parsePromptCell(text).issues.map((i) => [i.severity, i.line, i.start, i.end, i.message.slice(0, 20)]);
    assert.deepEqual(at('language: xx\n---\nq'), [['error', 0, 10, 12, 'Unknown language "xx']]);
    assert.deepEqual(at('  max-tokens:  0\n---\nq'), [['error', 0, 15, 16, '"max-tokens" must be']]);
    assert.deepEqual(at('bundel: a\n---\nq'), [['error', 0, 0, 6, 'Unknown key "bundel"']]);
    assert.deepEqual(at('gold: 1\ngold: 2\n---\nq'), [['error', 1, 0, 4, '"gold" is already gi']]);
    assert.deepEqual(at('gold: many\n---\nq'), [['warning', 0, 6, 10, '"many" holds no numb']]);
    assert.deepEqual(at('bundle: a\nWhat?').map((x) => x.slice(0, 2)), [['warning', 0]]);
    assert.deepEqual(at('bundle: a\n---\n').map((x) => x.slice(0, 2)), [['error', 2]]);
  });

  it('read an evaluation, with lists on one line or on several', () => {
    const c = parseEvalCell('benchmark: lift48\nlanguages: en, sw\nlanguage: low\nsample: 5\nseed: -3\nbundles: a, b\nbundle: c\nscorer: harness\n');
    assert.deepEqual([c.benchmark, c.languages, c.sample, c.seed, c.bundles, c.scorer, c.issues], ['lift48', 'en,sw,low', 5, -3, ['a', 'b', 'c'], 'harness', []]);
    assert.deepEqual(parseEvalCell('benchmark: m\nids: m/1,m/2').ids, ['m/1', 'm/2']);
  });

  it('say where an evaluation is wrong', () => {
    const at = (text: string) => parseEvalCell(text).issues.map((i) => [i.line, i.start, i.end, i.message]);
    assert.match(String(at('languages: en')), /There is no "benchmark"/);
    assert.deepEqual(at('benchmark: x\nids: a\nsample: 3').map((x) => x.slice(0, 3)), [[1, 5, 6]]);
    assert.deepEqual(at('benchmark: x\nlanguages: en, s!w').map((x) => x.slice(0, 3)), [[1, 15, 18]]);
    assert.deepEqual(at('benchmark: x\nbundle: a, a').map((x) => x.slice(0, 3)), [[1, 11, 12]]);
    assert.deepEqual(at('benchmark: x\nsome text').map((x) => x.slice(0, 3)), [[1, 0, 9]]);
    assert.deepEqual(at('benchmark: x\nsampling: last').map((x) => x.slice(0, 3)), [[1, 10, 14]]);
    assert.match(String(at('benchmark: x\nseed: 1.5')), /whole number/);
    assert.match(String(at('benchmark:')), /has no value/);
  });

  it('know where a key and where a value stands', () => {
    assert.deepEqual(placeAt(EVAL_CELL, 'bench', 0, 5), { kind: 'key' });
    const place = placeAt(EVAL_CELL, 'languages: en,  s', 0, 17);
    assert.ok(place?.kind === 'value' && place.field.key === 'languages' && place.start === 16);
    assert.equal(placeAt(PROMPT_CELL, 'gold: 1\n---\nWhat', 2, 3), undefined);
    assert.equal(placeAt(EVAL_CELL, '# lang', 0, 6), undefined);
    assert.deepEqual(placeAt(PROMPT_CELL, 'bu', 0, 2), { kind: 'key' });
    assert.equal(placeAt(PROMPT_CELL, 'A question\nbu', 1, 2), undefined);
  });

  it('offer every scorer that there is, and examples that pass their own checks', () => {
    for (const name of SCORER_NAMES) assert.equal(scorerByName(name).name, name);
    assert.throws(() => scorerByName('none'), (e: Error) => SCORER_NAMES.every((n) => e.message.includes(n)) && e.message.endsWith(`${SCORER_NAMES.join(', ')}.`));
    assert.deepEqual([knownValues('mode'), knownValues('sampling'), knownValues('precision')].map((l) => l!.map((k) => k.name)), [[...RUN_MODES], [...SAMPLINGS], [...PRECISIONS]]);
    for (const kind of [PROMPT_CELL, EVAL_CELL] as const) {
      for (const f of fieldsOf(kind)) {
        const text = kind === PROMPT_CELL ? `${f.key}: ${f.example}\n---\nq` : `${f.key === 'benchmark' ? '' : 'benchmark: x\n'}${f.key}: ${f.example}`;
        assert.deepEqual((kind === PROMPT_CELL ? parsePromptCell(text) : parseEvalCell(text)).issues, [], f.key);
        for (const { name } of knownValues(f.value) ?? []) assert.ok(name.length > 0);
      }
    }
  });
});

describe('outputs of cells', () => {
  it('are drawn when they have the shape, also after a way through a file', () => {
    for (const o of [promptOutput(), promptOutput({ view: null, state: 'running' }), evalOutput(), { ...evalOutput(), runs: [], comparisons: [] }]) {
      const item = { mime: OUTPUT_MIME, json: o };
      const read = parseNotebook(formatNotebook({ cells: [cell(PROMPT_CELL, '', { outputs: [{ items: [item], extra: {} }] })], extra: {} }));
      assert.ok(isLiftOutput(read.cells[0]!.outputs[0]!.items[0]!.json), JSON.stringify(o).slice(0, 80));
    }
  });

  it('are refused otherwise', () => {
    const p = promptOutput();
    const e = evalOutput();
    for (const bad of [null, [], {}, { ...p, format: 'lift-output/2' }, { ...p, state: 'odd' }, { ...p, text: 5 }, { ...p, ref: { bundle: 1 } }, { ...p, view: { ...p.view, sample: { ...p.view!.sample, completion: null } } }, { ...p, view: { ...p.view, tokens: [{}] } },
      { ...e, runs: [{ ...e.runs[0], rows: [{ language: 'en' }] }] }, { ...e, runs: [{ ...e.runs[0], lines: [5] }] }, { ...e, comparisons: [{ a: 0, b: 1, pair: {}, refused: null }] }]) assert.equal(isLiftOutput(bad), false, JSON.stringify(bad)?.slice(0, 60));
    assert.equal(p.format, OUTPUT_FORMAT);
  });

  it('ask the host only in messages that fit', () => {
    const ref = promptOutput().ref!;
    const target = { folder: 'runs/a', language: 'sw', id: 'x' };
    assert.deepEqual(readToHost({ type: 'hello', more: 1 }), { type: 'hello' });
    assert.deepEqual(readToHost({ type: 'sample', request: 1, ...target }), { type: 'sample', request: 1, ...target });
    assert.deepEqual(readToHost({ type: 'act', request: 1, action: 'debug', ref }), { type: 'act', request: 1, action: 'debug', ref });
    assert.deepEqual(readToHost({ type: 'act', request: 2, action: 'compare', folders: ['a', 'b'] }), { type: 'act', request: 2, action: 'compare', folders: ['a', 'b'] });
    for (const bad of [null, 'hello', { type: 'sample', request: -1, ...target }, { type: 'sample', request: 1, folder: '', language: 'sw', id: 'x' }, { type: 'act', request: 1, action: 'debug', ref: {} }, { type: 'act', request: 1, action: 'delete', folders: ['a'] },
      { type: 'act', request: 1, action: 'openRun', folders: [] }, { type: 'act', request: 1, action: 'openRun', folders: [5] }, { type: 'sample', request: 1, folder: 'x'.repeat(5000), language: 'sw', id: 'x' }]) assert.equal(readToHost(bad), undefined, JSON.stringify(bad)?.slice(0, 60));
  });
});
