import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { type DebugProtocol } from '@vscode/debugprotocol';
import { type EngineClient } from '../../src/engine/client';
import { itemOf } from '../../src/debug/launch';
import { demoBundlesFolder } from '../../src/runs/locations';
import { type EvaluationOptions, prepareEvaluation, startEvaluation } from '../../src/runs/session';
import { readSamples } from '../../src/runs/store';
import { Dap } from '../helpers/dap';
import { buildFolder, generate, loadedEngine } from '../helpers/engine';
import { temporaryFolder, TINY, TINY_TEXT } from '../helpers/paths';

const QUESTION = 'Ana has 24 apples and gives 9 away. How many are left?';
const ONE = { bundle: TINY, precision: 'fp32', threads: 1, question: QUESTION, language: 'en' };

describe('debugging a generation', function () {
  this.timeout(60_000);
  let entry: string;
  const open: Dap[] = [];
  const dap = (): Dap => {
    const made = new Dap({ entry });
    open.push(made);
    return made;
  };
  before(async () => {
    entry = path.join(await buildFolder(), 'engine.js');
  });
  afterEach(async () => {
    await Promise.all(open.splice(0).map((d) => d.close()));
  });

  it('looks and steps (golden)', async () => {
    const d = dap();
    await d.start(ONE);
    d.note('threads, frames, scopes');
    await d.ask('threads');
    await d.ask('stackTrace', { threadId: 1 });
    await d.ask('stackTrace', { threadId: 1, startFrame: 1, levels: 1 });
    for (const scope of ['Token', 'Most probable', 'Text', 'Forks']) await d.scope(scope);
    d.note('alignment layer and encoder');
    const soft = await d.scope('Soft prefix', 11);
    await d.ask('variables', { variablesReference: soft[1]!.variablesReference });
    const encoder = await d.scope('Encoder', 12);
    await d.ask('variables', { variablesReference: encoder.find((v) => v.name === 'tokens')!.variablesReference, start: 0, count: 3 });
    d.note('layers, when they are asked for');
    await d.scope('Layers');
    d.note('steps');
    await d.move('next');
    await d.move('next', { threadId: 1, granularity: 'instruction' });
    await d.move('stepIn');
    await d.move('stepBack');
    await d.ask('stackTrace', { threadId: 1, levels: 1 });
    await d.ask('source', { sourceReference: 1 });
    await d.ask('loadedSources');
    d.note('goto and restart');
    const { targets } = await d.ask<{ targets: DebugProtocol.GotoTarget[] }>('gotoTargets', { source: { sourceReference: 1 }, line: 1 });
    await d.move('goto', { threadId: 1, targetId: targets[1]!.id });
    await d.move('restartFrame', { frameId: 10 });
    await d.move('restartFrame', { frameId: 12 });
    await d.move('restart', {});
    d.note('end');
    await d.ask('terminate');
    d.golden('look-and-step');
  });

  it('forces a token, keeps the other way as a fork and returns to it (golden)', async () => {
    const d = dap();
    await d.start(ONE);
    for (let i = 0; i < 5; i++) await d.move('next');
    const before = await d.ids();
    const { scopes } = await d.ask<{ scopes: DebugProtocol.Scope[] }>('scopes', { frameId: 10 });
    await d.ask('variables', { variablesReference: scopes[0]!.variablesReference });
    await d.ask('setVariable', { variablesReference: scopes[0]!.variablesReference, name: 'chosen', value: '"7"' });
    await d.refused('setVariable', { variablesReference: scopes[0]!.variablesReference, name: 'rank', value: '1' });
    await d.refused('setVariable', { variablesReference: scopes[0]!.variablesReference, name: 'chosen', value: '"seven apples"' });
    const forced = await d.ids();
    assert.notEqual(forced.id, before.id);
    await d.scope('Token');
    for (let i = 0; i < 3; i++) await d.move('next');
    const other = await d.ids();
    await d.ask('evaluate', { expression: 'fork', context: 'repl' });
    await d.move('evaluate', { expression: 'fork 1', context: 'repl' });
    assert.deepEqual(await d.ids(), before, 'the fork stands where it was left');
    await d.scope('Forks');
    await d.move('evaluate', { expression: 'fork 2', context: 'repl' });
    assert.deepEqual(await d.ids(), other);
    await d.move('evaluate', { expression: 'force "12"', context: 'repl' });
    d.golden('fork');
  });

  it('steps 64 tokens with the ids of the one-shot generation, and back and forth with the same', async () => {
    const engine: EngineClient = await loadedEngine();
    const item = { key: 'x', ...itemOf({ id: 'x', language: 'en', kind: 'number', question: QUESTION, answer: '' }, 'lingualift-figure', 'prompt') };
    const whole = (await generate(engine, [item], { maxNewTokens: 64 })).get('x')!;
    await engine.close();
    const d = dap();
    await d.start({ ...ONE, maxNewTokens: 64 });
    const seen: number[] = [(await d.ids()).id];
    while (seen.length < whole.tokenIds.length) {
      await d.move('next');
      seen.push((await d.ids()).id);
    }
    assert.deepEqual(seen, whole.tokenIds);
    for (let i = 0; i < 10; i++) await d.move('stepBack');
    const again: number[] = [];
    for (let i = 0; i < 10; i++) {
      again.push((await d.ids()).id);
      await d.move('next');
    }
    assert.deepEqual(again, seen.slice(-11, -1));
  });

  it('stops at breakpoints of every kind (golden)', async () => {
    const d = dap();
    d.note('function breakpoints');
    await d.start(ONE, async () => {
      await d.ask('setExceptionBreakpoints', { filters: [] });
      await d.ask('setFunctionBreakpoints', { breakpoints: [{ name: '/[0-9]/' }, { name: '/(/' }, { name: 'x', condition: 'p >' }, { name: 'y', hitCondition: 'often' }] });
    });
    const { id, position } = await d.ids();
    await d.move('continue');
    await d.move('reverseContinue');
    assert.deepEqual((await d.ids()).id, id);
    assert.equal((await d.ids()).position, position);
    d.note('conditions and hit counts');
    await d.ask('setFunctionBreakpoints', { breakpoints: [{ name: '/./', condition: 'position >= 4 && rank == 1', hitCondition: '% 3' }] });
    const third = await d.move('continue');
    assert.equal(third.reason, 'function breakpoint');
    assert.ok((await d.ids()).position >= 6);
    d.note('data breakpoints');
    await d.ask('setFunctionBreakpoints', { breakpoints: [] });
    const { scopes } = await d.ask<{ scopes: DebugProtocol.Scope[] }>('scopes', { frameId: 10 });
    const reference = scopes[0]!.variablesReference;
    const p = await d.ask<{ dataId: string }>('dataBreakpointInfo', { variablesReference: reference, name: 'probability' });
    await d.ask('dataBreakpointInfo', { variablesReference: reference, name: 'bytes' });
    await d.ask('dataBreakpointInfo', { name: 'answer' });
    await d.ask('dataBreakpointInfo', { name: 'p("7")' });
    await d.ask('dataBreakpointInfo', { name: 'nonsense' });
    await d.ask('setDataBreakpoints', { breakpoints: [{ dataId: p.dataId, condition: '> 0.001', hitCondition: '2' }, { dataId: 'entropy', condition: 'value > 99' }, { dataId: 'nonsense' }] });
    const hit = await d.move('continue');
    assert.equal(hit.reason, 'data breakpoint');
    await d.ask('setDataBreakpoints', { breakpoints: [{ dataId: 'entropy' }] });
    assert.equal((await d.move('continue')).reason, 'data breakpoint');
    d.note('lines of the text, and log points');
    await d.ask('setDataBreakpoints', { breakpoints: [] });
    await d.ask('breakpointLocations', { source: { sourceReference: 1 }, line: 1 });
    await d.ask('setBreakpoints', { source: { sourceReference: 1 }, breakpoints: [{ line: 1, logMessage: 'p is {p > 0}, token {position}' }] });
    await d.ask('setBreakpoints', { source: { path: '/elsewhere.txt' }, breakpoints: [{ line: 1 }] });
    await d.move('restartFrame', { frameId: 10 });
    d.golden('breakpoints');
  });

  it('stops for what goes wrong in the text (golden)', async () => {
    const d = dap();
    await d.start({ ...ONE, maxNewTokens: 60, referenceIds: [40, 41] }, () => d.ask('setExceptionBreakpoints', { filters: ['divergence'] }));
    const first = await d.move('next');
    assert.equal(first.reason, 'exception');
    await d.ask('exceptionInfo', { threadId: 1 });
    d.note('maximum length');
    await d.ask('setExceptionBreakpoints', { filters: ['length'], filterOptions: [{ filterId: 'drift', condition: 'position > 1000' }] });
    const length = await d.move('continue');
    assert.equal(length.reason, 'exception');
    await d.ask('exceptionInfo', { threadId: 1 });
    await d.ask('stackTrace', { threadId: 1, levels: 1 });
    await d.refused('setExceptionBreakpoints', { filters: ['nonsense'] });
    await d.refused('setExceptionBreakpoints', { filters: ['length'], filterOptions: [{ filterId: 'loop', condition: 'p >' }] });
    d.note('a step beyond the end finishes');
    const over = d.next('terminated');
    await d.ask('continue', { threadId: 1 });
    await over;
    d.golden('alarms');
  });

  it('computes in console, hovers and watches (golden)', async () => {
    const d = dap();
    await d.start(ONE);
    await d.move('next');
    for (const expression of ['help', 'topk 3', 'p("7") < 1', 'lens 1', 'lens', 'entropy > 0.1', 'token =~ /./', 'attention']) await d.ask('evaluate', { expression, context: 'repl', frameId: 10 });
    await d.ask('evaluate', { expression: 'token(0)', context: 'hover', frameId: 10 });
    await d.ask('evaluate', { expression: 'rank', context: 'watch', frameId: 10 });
    await d.ask('evaluate', { expression: 'force "7"', context: 'repl', frameId: 10 });
    await d.move('evaluate', { expression: 'fork 1', context: 'repl', frameId: 10 });
    await d.ask('completions', { text: 'to', column: 3, frameId: 10 });
    d.note('what cannot be computed');
    for (const expression of ['topk 0.5', 'lens 99', 'nothing', 'p(7)', 'p > "x"', 'fork 9', 'goto 99', 'force ""', 'compare', 'compare nowhere', '1 +', '(((']) await d.refused('evaluate', { expression, context: 'repl', frameId: 10 });
    const attention = d.events.find((e) => e.event === 'lingualift/attention')!.body as { completionIds: number[]; token: number };
    assert.equal(attention.token, 1);
    assert.equal(attention.completionIds.length, 2);
    d.golden('console');
  });

  it('compares with another bundle (golden)', async () => {
    const d = dap();
    await d.start(ONE);
    const early = await d.ask<{ result: string }>('evaluate', { expression: `compare ${TINY_TEXT}`, context: 'repl' });
    assert.match(early.result, /There is no text here yet to compare with\./);
    for (let i = 0; i < 6; i++) await d.move('next');
    const { result } = await d.ask<{ result: string }>('evaluate', { expression: `compare ${TINY_TEXT}`, context: 'repl' });
    assert.match(result, /^tiny-text \(fp32, template [\w-]+\): 32 tokens, ended by (?:length|eos), mean log-probability -\d/);
    const same = await d.ask<{ result: string }>('evaluate', { expression: `compare "${TINY}"`, context: 'repl' });
    assert.match(same.result, /^tiny .*\nIt begins with the same text\.\n/);
    d.golden('compare');
  });

  it('steps by lines, and goes back to where a watched value changed (golden)', async () => {
    const d = dap();
    d.note('a token, and a reasoning step, by granularity');
    await d.start(ONE, () => d.ask('setExceptionBreakpoints', { filters: [] }));
    await d.move('next', { threadId: 1, granularity: 'statement' });
    assert.equal((await d.ids()).position, 1);
    for (const [command, args] of [['next', { granularity: 'line' }], ['stepIn', { granularity: 'line' }], ['stepOut', {}]] as const) {
      await d.ask('evaluate', { expression: 'force "."', context: 'repl', frameId: 10 });
      await d.move('next');
      await d.ask('evaluate', { expression: 'force "\\n"', context: 'repl', frameId: 10 });
      const { position } = await d.ids();
      await d.move(command, { threadId: 1, ...args });
      assert.ok((await d.ids()).text.endsWith('\n'), 'at the first token of a line');
      assert.ok((await d.ids()).position > position);
    }
    d.note('forward and back over changes of the entropy');
    await d.ask('setDataBreakpoints', { breakpoints: [{ dataId: 'entropy' }] });
    const places: { id: number; position: number }[] = [];
    for (let i = 0; i < 3; i++) {
      assert.equal((await d.move('continue')).reason, 'data breakpoint');
      places.push(await d.ids());
    }
    for (const place of places.slice(0, -1).reverse()) {
      assert.equal((await d.move('reverseContinue')).reason, 'data breakpoint');
      assert.deepEqual(await d.ids(), place);
    }
    await d.ask('cancel', {});
    d.golden('lines-and-back');
  });

  it('stops where it parts from what a run answered, and nowhere before', async () => {
    const out = path.join(temporaryFolder('run'), 'run');
    const options: EvaluationOptions = { bundle: TINY, benchmark: 'lift48', languages: 'en,sw', ids: ['lift48-02'], precision: 'fp32', threads: 1, version: '0', maxNewTokens: 24, out, engine: { entry } };
    const started = await startEvaluation(options, await prepareEvaluation(options));
    await started.run({});
    await started.backend.close();
    const { samples } = readSamples(out);
    assert.equal(samples.length, 2);
    const d = dap();
    await d.start({ run: out, problem: 'lift48-02', threads: 1 }, () => d.ask('setExceptionBreakpoints', { filters: ['divergence'] }));
    const end = await d.move('continue');
    assert.deepEqual([end.reason, /^Ended: /.test(end.description ?? '')], ['pause', true], 'the same bundle, precision and template say the same');
    for (const [i, s] of samples.entries()) assert.equal((await d.ask<{ content: string }>('source', { sourceReference: i + 1 })).content, s.completion);
    const { targets } = await d.ask<{ targets: DebugProtocol.GotoTarget[] }>('gotoTargets', { source: { sourceReference: 1 }, line: 1 });
    await d.move('goto', { threadId: 1, targetId: targets[2]!.id });
    const { position } = await d.ids();
    await d.ask('evaluate', { expression: 'force "7"', context: 'repl', frameId: 10 });
    assert.equal((await d.move('continue')).reason, 'exception');
    const info = await d.ask<{ exceptionId: string; description: string }>('exceptionInfo', { threadId: 1 });
    assert.equal(info.exceptionId, 'Divergence from the reference');
    const [, at, is, reference] = /^Token (\d+) is (\d+) \(.*\); the reference has (\d+)\.$/s.exec(info.description)!.map(Number);
    assert.ok(at! > position && is !== reference);
    assert.equal(reference, samples[0]!.tokenIds[at!], 'the first thread is the first sample');
  });

  it('steps several languages in lock-step as threads (golden)', async () => {
    const d = dap();
    await d.start({ bundle: TINY, precision: 'fp32', threads: 1, benchmark: 'lift48', problem: 'lift48-01', languages: ['en', 'sw', 'ar'], maxNewTokens: 40 });
    await d.ask('threads');
    for (let i = 0; i < 3; i++) await d.move('next', { threadId: 2 });
    for (const thread of [1, 2, 3]) {
      assert.equal((await d.ids(thread)).position, 3);
      await d.ask('stackTrace', { threadId: thread, levels: 1 });
    }
    await d.move('stepBack', { threadId: 3 });
    for (const thread of [1, 2, 3]) assert.equal((await d.ids(thread)).position, 2);
    await d.move('continue', { threadId: 1 });
    await d.ask('threads');
    d.golden('languages');
  });

  it('gives each of several languages the text that it has alone', async () => {
    const questions = { en: QUESTION, sw: 'Ana ana matofaa 24 na anatoa 9. Yamebaki mangapi?' };
    const both = dap();
    await both.start({ ...ONE, question: undefined, questions, maxNewTokens: 30 }, () => both.ask('setExceptionBreakpoints', { filters: [] }));
    await both.move('continue');
    for (const [i, [language, question]] of Object.entries(questions).entries()) {
      const alone = dap();
      await alone.start({ ...ONE, language, question, maxNewTokens: 30 }, () => alone.ask('setExceptionBreakpoints', { filters: [] }));
      await alone.move('continue');
      assert.equal((await alone.ask<{ content: string }>('source', { sourceReference: 1 })).content, (await both.ask<{ content: string }>('source', { sourceReference: i + 1 })).content);
    }
  });

  it('debugs the demo bundle: real text, an answer to break on, a forced digit (golden)', async function () {
    const dir = path.join(demoBundlesFolder(), 'smol-lift');
    if (!fs.existsSync(path.join(dir, 'lift.json'))) return this.skip();
    this.timeout(240_000);
    const d = dap();
    const questions = { en: 'Ben has 12 apples. He gives 5 to Mia. How many apples does Ben have now?', sw: 'Ben ana matofaa 12. Anampa Mia 5. Ben ana matofaa mangapi sasa?' };
    await d.start({ bundle: 'smol-lift', precision: 'fp32', questions, maxNewTokens: 60 }, () => d.ask('setFunctionBreakpoints', { breakpoints: [{ name: '/\\d/', hitCondition: '1' }] }));
    await d.move('continue');
    await d.ask('evaluate', { expression: 'topk 5', context: 'repl', frameId: 10 });
    await d.ask('evaluate', { expression: 'p(" 7")', context: 'repl', frameId: 10 });
    await d.ask('evaluate', { expression: 'lens', context: 'repl', frameId: 10 });
    d.note('break when the answer number is there');
    await d.ask('setDataBreakpoints', { breakpoints: [{ dataId: 'answer' }] });
    await d.move('continue');
    for (const thread of [1, 2]) {
      await d.ask('stackTrace', { threadId: thread, levels: 1 });
      const { content } = await d.ask<{ content: string }>('source', { sourceReference: thread });
      assert.match(content, /\d/);
    }
    await d.move('stepBack');
    await d.ask('evaluate', { expression: 'force "9"', context: 'repl', frameId: 10 });
    await d.ask('setDataBreakpoints', { breakpoints: [] });
    await d.move('continue');
    await d.ask('source', { sourceReference: 1 });
    await d.ask('evaluate', { expression: 'fork', context: 'repl', frameId: 10 });
    d.golden('demo');
  });

  it('pauses, and refuses to move meanwhile', async () => {
    const d = dap();
    await d.start({ ...ONE, maxNewTokens: 900 }, () => d.ask('setExceptionBreakpoints', { filters: [] }));
    const stopped = d.next('stopped');
    await d.ask('continue', { threadId: 1 });
    assert.match(await d.refused('next', { threadId: 1 }), /is running\. Pause it first/);
    assert.match(await d.refused('evaluate', { expression: 'topk', context: 'repl' }), /is running/);
    await d.ask('pause', { threadId: 1 });
    assert.equal((await stopped).body.reason, 'pause');
    const { position } = await d.ids();
    assert.ok(position > 0 && position < 900);
    await d.move('next');
    assert.equal((await d.ids()).position, position + 1);
    await d.ask('disconnect', {});
    d.golden('pause');
  });

  it('fills the context with a clear stop, in messages that do not grow', async () => {
    const d = dap();
    await d.start({ ...ONE, maxNewTokens: 5000, documents: 'lingualift-generation', __sessionId: 's' }, () => d.ask('setExceptionBreakpoints', { filters: ['length'] }));
    const stop = await d.move('continue');
    assert.equal(stop.reason, 'exception');
    assert.match(stop.text!, /The context is full: the LLM has 1024 positions, \d+ for the prompt and \d+ for the answer\. Step back, or end here\./);
    const texts = d.events.filter((e) => e.event === 'lingualift/text').map((e) => e.body as { from: number; tokens: { text: string }[]; uri: string });
    assert.ok(texts.length > 1);
    // Every token is told once, however many messages there are.
    let told = 0;
    for (const t of texts) {
      assert.equal(t.from, told);
      told += t.tokens.length;
    }
    assert.ok(told > 900);
    assert.equal(texts[0]!.uri, 'lingualift-generation:/s/1-en.liftout');
    await d.move('stepBack');
    await d.move('next');
  });

  it('answers malformed requests and goes on (golden)', async () => {
    const d = dap();
    await d.refused('threadz');
    await d.refused('next', { threadId: 1 });
    await d.refused('stackTrace', { threadId: 1 });
    await d.start(ONE);
    for (const [command, args] of [
      ['launch', ONE], ['next', {}], ['next', { threadId: 'one' }], ['next', { threadId: 9 }], ['next', [1]], ['scopes', { frameId: 99 }], ['scopes', { frameId: 13 }], ['variables', { variablesReference: 4711 }],
      ['variables', {}], ['setVariable', { variablesReference: 1, name: 'chosen' }], ['setFunctionBreakpoints', { breakpoints: 7 }], ['setFunctionBreakpoints', { breakpoints: [{}] }], ['setExceptionBreakpoints', { filters: 'loop' }],
      ['gotoTargets', { source: { path: '/x' }, line: 1 }], ['goto', { targetId: 5 }], ['source', { sourceReference: 12 }], ['evaluate', {}], ['exceptionInfo', { threadId: 1 }], ['constructor', {}], ['restartFrame', { frameId: -1 }],
    ] as const) await d.refused(command, args);
    assert.equal((await d.raw({ command: null })).success, false);
    await d.move('next');
    d.golden('malformed');
  });

  it('says why a launch cannot be', async () => {
    const cases: readonly (readonly [object, RegExp])[] = [
      [{}, /nothing to generate: give "question"/],
      [{ question: 'x' }, /Which model\? Give the folder of a bundle/],
      [{ ...ONE, bundle: '/nowhere/at/all' }, /no lift\.json in .*bundle build/],
      [{ ...ONE, precision: 'fp8' }, /Unknown precision "fp8"/],
      [{ ...ONE, template: 'nonsense' }, /Unknown prompt template "nonsense"/],
      [{ ...ONE, maxNewTokens: 0 }, /"maxNewTokens" must be a whole number from 1/],
      [{ ...ONE, question: 7 }, /"question" must be a text/],
      [{ bundle: TINY, benchmark: 'lift48' }, /Which problem of "lift48"/],
      [{ bundle: TINY, benchmark: 'lift48', problem: 'no-such' }, /LIFT-48 has no problem "no-such" in "en"; the first ones are lift48-01/],
      [{ bundle: TINY, benchmark: 'lift48', problem: 'lift48-01', languages: ['xx'] }, /LIFT-48 has no "xx"/],
      [{ ...ONE, run: '/nowhere' }, /is not a run/],
      [{ ...ONE, question: 'many words '.repeat(2000) }, /encoder tokens; the encoder takes at most 512/],
    ];
    for (const [args, reason] of cases) {
      const d = dap();
      await d.ask('initialize', {});
      assert.match(await d.refused('launch', args), reason);
      assert.match(await d.refused('next', { threadId: 1 }), /Nothing is being debugged yet/);
    }
  });

  it('ends with a clear message when the engine process dies', async () => {
    const d = dap();
    await d.start({ ...ONE, maxNewTokens: 900 });
    const over = d.next('terminated');
    const pid = d.session.enginePid;
    assert.ok(pid);
    await d.ask('continue', { threadId: 1 });
    process.kill(pid, 'SIGKILL');
    await over;
    const said = d.events.filter((e) => e.event === 'output').map((e) => (e.body as { output: string }).output).join('');
    assert.match(said, /The engine process ended: it was killed \(SIGKILL\).*The generation is lost; start debugging again/);
    assert.match(await d.refused('evaluate', { expression: 'topk', context: 'repl' }), /The engine process ended/);
  });
});
