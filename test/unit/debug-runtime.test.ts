import assert from 'node:assert/strict';
import { Expression, type Environment, ExpressionError, hitCondition, type Value } from '../../src/debug/runtime/expression';
import { type GenerationOptions, type Stepper } from '../../src/debug/runtime/generation';
import { Runtime, type RuntimeOptions, type Stop } from '../../src/debug/runtime/runtime';
import { answerOf, type FilterName, lastScript } from '../../src/debug/runtime/signals';
import { type StepShow, type StepView } from '../../src/protocol/step';

const END = 0;

/**
 * A model that says one text, character by character: each character's code is its id, and 0 ends the text. The second choice
 * is always "?". Sentences can be given per prompt.
 */
class Speaker implements Stepper {
  private readonly sessions = new Map<string, { text: string; ids: number[] }>();
  private count = 0;
  /** Positions whose logits are not numbers. */
  broken = new Set<number>();
  passes = 0;

  constructor(private readonly says: (prompt: string) => string) {}

  private view(handle: string, show: StepShow = {}, pieces: string[] = []): StepView {
    const s = this.sessions.get(handle)!;
    const n = s.ids.length;
    const first = s.text.codePointAt(n) ?? END;
    const ids = [first, 63];
    const p = (id: number): number => (id === first ? 0.75 : id === 63 ? 0.125 : 0.0625);
    const bad = this.broken.has(n);
    return {
      position: n, ids, logprobs: ids.map((id) => (bad ? NaN : Math.log(p(id)))), entropy: bad ? NaN : 1 - n / 1000, nonFinite: bad ? 3 : 0,
      watched: (show.watch ?? []).map((id) => ({ id, logprob: Math.log(p(id)), rank: id === first ? 1 : 2 })),
      tokens: [...new Set([...ids, ...(show.watch ?? [])])].map((id) => ({ id, text: id === END ? '</s>' : String.fromCodePoint(id), special: id === END, wordStart: false })),
      pieces, room: 5000 - n, ms: 0,
    };
  }

  open: Stepper['open'] = (item, show) => {
    const handle = `s${++this.count}`;
    this.sessions.set(handle, { text: this.says(item.text), ids: [] });
    return Promise.resolve({ handle, promptTokens: 10, encoderTokens: 0, softRows: 0, prompt: item.text, maxPositions: 5010, vocabulary: 70_000, eosIds: [END], encodeMs: 0, view: this.view(handle, show) });
  };
  advance: Stepper['advance'] = (handle, ids, show) => {
    this.passes += ids.length;
    this.sessions.get(handle)!.ids.push(...ids);
    return Promise.resolve(this.view(handle, show, ids.map((id) => String.fromCodePoint(id))));
  };
  truncate: Stepper['truncate'] = (handle, position, show) => {
    this.sessions.get(handle)!.ids.length = position;
    return Promise.resolve(this.view(handle, show));
  };
  show: Stepper['show'] = (handle, show) => Promise.resolve(this.view(handle, show));
  probabilities: Stepper['probabilities'] = (handle, texts) => {
    const { text, ids } = this.sessions.get(handle)!;
    return Promise.resolve(texts.map((t) => ({ text: t, tokens: [], ranks: [1], logprobs: [Math.log(text.startsWith(t, ids.length) ? 0.75 : 0.125)] })));
  };
  close: Stepper['close'] = (handle) => {
    this.sessions.delete(handle);
    return Promise.resolve();
  };
}

interface Debugged {
  readonly runtime: Runtime;
  readonly model: Speaker;
  readonly output: string[];
  /** A movement up to its stop; undefined when the generation finished. */
  move(work: () => Promise<unknown>): Promise<Stop | undefined>;
}

async function debug(texts: string | readonly string[], options: Partial<RuntimeOptions> & { maxNewTokens?: number; stop?: readonly string[]; broken?: number } = {}): Promise<Debugged> {
  const list = typeof texts === 'string' ? [texts] : texts;
  const model = new Speaker((prompt) => list[Number(prompt)]!);
  if (options.broken !== undefined) model.broken.add(options.broken);
  let stopped: Stop | undefined;
  const output: string[] = [];
  const generations = list.map((_, i): GenerationOptions => ({
    name: `L${i}`, language: 'en', item: { encoder: '', instruction: '', text: String(i), chat: false }, maxNewTokens: options.maxNewTokens ?? 4000, stop: options.stop ?? [],
  }));
  const runtime = new Runtime(model, { generations, ...options }, { stopped: (s) => (stopped = s), finished: () => (stopped = undefined), moved: () => undefined, output: (line) => output.push(line) });
  await runtime.open();
  runtime.setFilters([]);
  return { runtime, model, output, move: async (work) => ((stopped = undefined), await work(), stopped) };
}

const first = ({ runtime }: Debugged) => runtime.generations[0]!;

describe('the debugger without a protocol', () => {
  it('steps tokens and lines, forward and back', async () => {
    const d = await debug('ab\ncd\n\nef');
    assert.equal((await d.move(() => d.runtime.begin()))!.reason, 'entry');
    await d.move(() => d.runtime.next(1, 'token'));
    assert.equal(first(d).text, 'a');
    await d.move(() => d.runtime.next(1, 'line'));
    assert.equal(first(d).text, 'ab\n');
    await d.move(() => d.runtime.next(1, 'line'));
    assert.equal(first(d).text, 'ab\ncd\n');
    await d.move(() => d.runtime.stepBack(1));
    assert.equal(first(d).text, 'ab\ncd');
    assert.equal((await d.move(() => d.runtime.goto(1, 1)))!.reason, 'goto');
    assert.equal(first(d).text, 'a');
    await assert.rejects(d.runtime.goto(1, 3), /Token 3 was not generated yet; 1 were/);
    const end = await d.move(() => d.runtime.continue());
    assert.deepEqual([end!.reason, first(d).text, first(d).end], ['end', 'ab\ncd\n\nef', 'eos']);
    assert.equal(await d.move(() => d.runtime.continue()), undefined, 'a further step finishes');
    await d.move(() => d.runtime.stepBack(1));
    assert.equal(first(d).chosen!.token.id, END, 'the end of text is a token that can be stepped back');
  });

  it('computes again after going back, except what was forced', async () => {
    const d = await debug('abcdef');
    for (let i = 0; i < 3; i++) await d.runtime.next(1, 'token');
    await d.runtime.force(1, 63);
    await d.runtime.next(1, 'token');
    await d.runtime.next(1, 'token');
    assert.equal(first(d).text, 'abc?e');
    await d.runtime.goto(1, 1);
    const { passes } = d.model;
    for (let i = 0; i < 4; i++) await d.runtime.next(1, 'token');
    assert.equal(first(d).text, 'abc?e', 'the forced token is taken again');
    assert.equal(d.model.passes - passes, 4, 'and each token is computed again');
    const [fork] = first(d).forks;
    assert.equal(fork!.at, 3);
    await d.runtime.return(1, fork!.number);
    assert.equal(first(d).text, 'abc');
    assert.equal(first(d).chosen!.token.text, 'd');
    await d.runtime.return(1, 2);
    assert.equal(first(d).text, 'abc?e');
    await assert.rejects(d.runtime.return(1, 99), /There is no fork 99\. There are: 1, 2/);
    await d.runtime.force(1, 63);
    await d.runtime.force(1, first(d).view.ids[0]!);
    assert.equal(first(d).chosen!.forced, false, 'the most probable token is not a forced one');
  });

  it('ends at stop strings, at the most tokens and at the end of text', async () => {
    for (const [options, reason, text] of [[{ stop: ['cd'] }, 'stop-string', 'abcd'], [{ maxNewTokens: 2 }, 'length', 'ab'], [{}, 'eos', 'abcdef']] as const) {
      const d = await debug('abcdef', options);
      await d.move(() => d.runtime.continue());
      assert.deepEqual([first(d).end, first(d).text], [reason, text]);
      await assert.rejects(d.runtime.force(1, 63), /has ended\. Step back first/);
    }
  });

  const alarm = async (text: string, filter: FilterName, options: Parameters<typeof debug>[1] = {}): Promise<string | undefined> => {
    const d = await debug(text, options);
    d.runtime.setFilters([{ name: filter }]);
    const stop = await d.move(() => d.runtime.continue());
    return stop?.reason === 'exception' ? `${first(d).text.length} ${stop.alarm!.message}` : undefined;
  };

  it('sees loops, broken logits, full contexts, divergence and drift, each once', async () => {
    const loop = (await alarm(`Start. ${'the same again '.repeat(9)}`, 'loop'))!;
    assert.match(loop, /repeats " the same again" 3\.0 times/);
    assert.ok(Number(loop.split(' ')[0]) < 65, loop);
    assert.equal(await alarm('A plain sentence. Another one, quite different from it.', 'loop'), undefined);
    assert.match((await alarm('abcdef', 'nonFinite', { broken: 3 }))!, /^3 3 logits of token 3 are NaN or infinite/);
    assert.match((await alarm('abcdef', 'length', { maxNewTokens: 4 }))!, /^4 The answer has 4 tokens, as many as it may have/);
    assert.match((await alarm('x'.repeat(6000), 'length', { maxNewTokens: 6000 }))!, /^5000 The context is full: the LLM has 5010 positions, 10 for the prompt and 5000 for the answer/);
    const ids = (text: string): number[] => [...text].map((c) => c.codePointAt(0)!);
    assert.match((await alarm('abcdef', 'divergence', { reference: new Map([[1, ids('abXdef')]]) }))!, /^2 Token 2 is 99 \("c"\); the reference has 88/);
    assert.match((await alarm('abcdef', 'divergence', { reference: new Map([[1, ids('abcd')]]) }))!, /^4 The reference ended before token 4/);
    assert.equal(await alarm('abcdef', 'divergence', { reference: new Map([[1, [...ids('abcdef'), END]]]) }), undefined);
    const identifier = { name: 'test', identify: (text: string) => (/\p{Script=Cyrillic}/u.test(text) ? 'ru' : 'en') };
    const mixed = 'The first sentence is in plain English words. А это предложение написано по-русски, и оно довольно длинное. ';
    assert.match((await alarm(mixed, 'drift', { identifier }))!, /^\d+ The last sentence is ru, not en/);
    assert.equal(await alarm(mixed.slice(0, 46), 'drift', { identifier }), undefined);
  });

  it('raises an alarm again on another way', async () => {
    const d = await debug('abcdef', { broken: 3 });
    d.runtime.setFilters([{ name: 'nonFinite' }]);
    assert.equal((await d.move(() => d.runtime.continue()))!.reason, 'exception');
    await d.runtime.goto(1, 1);
    assert.equal((await d.move(() => d.runtime.continue()))!.reason, 'exception');
    assert.equal((await d.move(() => d.runtime.continue()))!.reason, 'end');
  });

  it('stops at function breakpoints on tokens, completed text and regular expressions, also backwards', async () => {
    const where = async (name: string): Promise<string> => {
      const d = await debug('The answer is 18.');
      assert.deepEqual(d.runtime.setFunctionBreakpoints([{ name }]).map((v) => v.verified), [true]);
      await d.move(() => d.runtime.continue());
      const forward = first(d).text;
      await d.move(() => d.runtime.next(1, 'token'));
      const back = await d.move(() => d.runtime.reverseContinue(1));
      assert.deepEqual([back!.reason, first(d).text], ['function breakpoint', forward], name);
      return forward;
    };
    assert.equal(await where('w'), 'The ans');
    assert.equal(await where('answer'), 'The answe');
    assert.equal(await where('/\\d/'), 'The answer is ');
    assert.equal(await where('/is \\d+/'), 'The answer is ');
    assert.equal(await where('/ANSWER/i'), 'The answe');
  });

  it('watches probability, entropy, script and the answer', async () => {
    const stops = async (text: string, dataId: string, condition?: string): Promise<string[]> => {
      const d = await debug(text);
      await d.runtime.setDataBreakpoints([{ dataId, condition }]);
      const out: string[] = [];
      for (;;) {
        const stop = await d.move(() => d.runtime.continue());
        if (stop?.reason !== 'data breakpoint') return out;
        out.push(`${first(d).text.length}: ${stop.description}`);
      }
    };
    assert.deepEqual(await stops('aXbX', 'p:88'), ['1: p("X"): 0.0625 → 0.7500', '2: p("X"): 0.7500 → 0.0625', '3: p("X"): 0.0625 → 0.7500', '4: p("X"): 0.7500 → 0.0625']);
    assert.equal((await stops('aXbX', 'p:88', '> 0.5')).length, 2);
    assert.equal((await stops('aXbX', 'entropy', 'value < 0.9985 && position > 0')).length, 1);
    assert.deepEqual(await stops('abв', 'script'), ['2: script: Latn → Cyrl']);
    assert.deepEqual((await stops('so the answer is 18. ', 'answer')).map((s) => s.replace(/^\d+: /, '')), ['answer: none → 18']);
  });

  it('goes back to where watched values changed, in the places where going forward stopped', async () => {
    const both = async (text: string, dataId: string, condition?: string): Promise<[forward: string[], back: string[]]> => {
      const d = await debug(text);
      await d.runtime.setDataBreakpoints([{ dataId, condition }]);
      const stops = async (move: () => Promise<void>): Promise<string[]> => {
        const out: string[] = [];
        for (let stop = await d.move(move); stop?.reason === 'data breakpoint'; stop = await d.move(move)) out.push(`${first(d).text.length}: ${stop.description}`);
        return out;
      };
      const forward = await stops(() => d.runtime.continue());
      assert.equal(first(d).end, 'eos');
      const back = await stops(() => d.runtime.reverseContinue(1));
      assert.deepEqual([d.runtime.last!.reason, first(d).text], ['entry', '']);
      return [forward, back];
    };
    for (const [text, dataId, condition, count] of [['aXbX', 'p:88', undefined, 4], ['aXXXb', 'p:88', '> 0.5', 1], ['abвг cd', 'script', undefined, 2], ['it is 3. No, 18. ', 'answer', undefined, 2]] as const) {
      const [forward, back] = await both(text, dataId, condition);
      assert.equal(forward.length, count, `${text} ${dataId}: ${forward.join('; ')}`);
      assert.deepEqual(back, [...forward].reverse());
    }
    // A condition that goes on holding is no news after the way back, and a change of another language stops, too.
    const d = await debug(['abcdef', 'aXXXb']);
    await d.runtime.setDataBreakpoints([{ dataId: 'p:88', condition: '> 0.5' }]);
    await d.move(() => d.runtime.continue());
    await d.move(() => d.runtime.continue());
    const back = await d.move(() => d.runtime.reverseContinue(1));
    assert.deepEqual([back!.generation, first(d).text], [2, 'a']);
    assert.equal((await d.move(() => d.runtime.continue()))!.reason, 'end');
    // Probabilities that nobody watched when their tokens were taken are not made up.
    const late = await debug('aXbX');
    await late.move(() => late.runtime.continue());
    await late.runtime.setDataBreakpoints([{ dataId: 'p:88' }]);
    assert.equal((await late.move(() => late.runtime.reverseContinue(1)))!.reason, 'entry');
  });

  it('counts hits, checks conditions and writes log points', async () => {
    const d = await debug('one\ntwo\nthree\n');
    d.runtime.setSources(() => 'doc');
    const verdicts = d.runtime.setLineBreakpoints('doc', [{ line: 1, logMessage: 'line {line}: p {p}' }, { line: 2, condition: 'p("th") > 0.5' }, { line: 2, condition: 'p(' }]);
    assert.deepEqual(verdicts.map((v) => v.verified), [true, true, false]);
    const stop = await d.move(() => d.runtime.continue());
    assert.deepEqual([stop!.reason, stop!.hits, first(d).text], ['breakpoint', [verdicts[1]!.id], 'one\ntwo\n']);
    assert.deepEqual(d.output, ['line 2: p 0.7500']);
    d.runtime.setLineBreakpoints('doc', []);
    d.runtime.setFunctionBreakpoints([{ name: 'e', hitCondition: '2' }]);
    await d.move(() => d.runtime.goto(1, 0));
    await d.move(() => d.runtime.continue());
    assert.equal(first(d).text, 'one\ntwo\nthr');
  });

  it('steps several generations at the same position, and lets those that ended wait', async () => {
    const d = await debug(['ab', 'abcdef']);
    const at = (): number[] => d.runtime.generations.map((g) => g.position);
    for (let i = 0; i < 5; i++) await d.move(() => d.runtime.next(2, 'token'));
    assert.deepEqual(at(), [3, 5]);
    await d.move(() => d.runtime.stepBack(1));
    assert.deepEqual(at(), [3, 4]);
    await d.move(() => d.runtime.goto(2, 2));
    assert.deepEqual(at(), [2, 2]);
    const end = await d.move(() => d.runtime.continue());
    assert.match(end!.description, /^Ended: L0 end of text after 3 tokens; L1 end of text after 7 tokens$/);
  });

  it('can be paused, and refuses two movements at once', async () => {
    const d = await debug('x'.repeat(4000));
    const running = d.move(() => d.runtime.continue());
    await assert.rejects(d.runtime.next(1, 'token'), /is running\. Pause it first/);
    d.runtime.pause();
    assert.equal((await running)!.reason, 'pause');
    assert.ok(first(d).position < 4000);
  });
});

describe('expressions of conditions', () => {
  const env: Environment = { names: { p: 0.25, token: ' 18', position: 7, nothing: null, yes: true }, call: (name, args) => Promise.resolve(`${name}/${args.join()}`) };
  const value = (source: string): Promise<Value> => new Expression(source).evaluate(env);

  it('compute', async () => {
    const cases: readonly (readonly [string, Value])[] = [
      ['p < 0.5 && position >= 7', true], ['1 + 2 * 3 - 4 / 2', 5], ['-(1 + 2)', -3], ['!yes || p == 0.25', true], ['token =~ /1\\d/', true], ['token =~ /x/i', false], ['"a" + 1', 'a1'],
      ["'it\\'s' == \"it's\"", true], ['f("18", 2)', 'f/18,2'], ['nothing == null', true], ['nothing > 1', false], ['1 < 2 == true', true], ['.5 + 1e2', 100.5], ['(((1)))', 1],
    ];
    for (const [source, want] of cases) assert.equal(await value(source), want, source);
  });

  it('say what is wrong with them', async () => {
    const cases: readonly (readonly [string, RegExp])[] = [
      ['', /empty/], ['1 +', /ends too early/], ['1 2', /"2" is not expected at character 2/], ['(1', /ends too early/], ['p ~ 1', /"~" is not expected/], ['token =~ "x"', /regular expression such as/],
      ['token =~ /(/', /is not a regular expression/], ['missing', /nothing called "missing"\. There are: p, token/], ['p > token', /">" needs numbers, not " 18"/], ['constructor', /nothing called/], [`${'('.repeat(500)}1`, /nested too deeply|ends too early/],
      ['x'.repeat(3000), /at most 2000/],
    ];
    for (const [source, reason] of cases) await assert.rejects(async () => value(source), (e) => e instanceof ExpressionError && reason.test(e.message), source);
  });

  it('hit counts', () => {
    const hits = (condition: string): number[] => [1, 2, 3, 4, 5, 6].filter(hitCondition(condition));
    assert.deepEqual(hits('3'), [3]);
    assert.deepEqual(hits('>= 5'), [5, 6]);
    assert.deepEqual(hits('% 2'), [2, 4, 6]);
    assert.deepEqual(hits('< 2'), [1]);
    for (const bad of ['', 'x', '% 0', '-1', '1.5']) assert.throws(() => hitCondition(bad), ExpressionError);
  });
});

describe('what a text says so far', () => {
  it('has an answer when its number is complete', () => {
    assert.equal(answerOf('The answer is ', '1', 'en'), null);
    assert.equal(answerOf('The answer is 1', '8', 'en'), null);
    assert.equal(answerOf('The answer is 18', '.', 'en') ?? 18, 18);
    assert.equal(answerOf('The answer is 18.', '\n', 'en'), 18);
  });

  it('has the script of its last letter', () => {
    assert.equal(lastScript('abc 12'), 'Latn');
    assert.equal(lastScript('abc где 12'), 'Cyrl');
    assert.equal(lastScript('12'), '');
  });
});
