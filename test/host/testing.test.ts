import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import * as vscode from 'vscode';
import { type Api } from '../../src/extension/extension';
import { readManifestOf, readSamples } from '../../src/runs/store';

const workspace = (): string => vscode.workspace.workspaceFolders![0]!.uri.fsPath;
const children = (items: vscode.TestItemCollection): vscode.TestItem[] => [...items].map(([, item]) => item);

/** What a test run was told, in order. */
interface Told {
  readonly states: (readonly [state: string, item: vscode.TestItem, message?: vscode.TestMessage])[];
  output: string;
  ended: boolean;
}

describe('benchmarks as tests', function () {
  this.timeout(60_000);
  let tests: Api['tests'];
  let language: vscode.TestItem;
  const bundle = (): string => path.join(workspace(), 'bundles', 'tiny');

  before(async () => {
    ({ tests } = await vscode.extensions.getExtension<Api>('lingualift.lingualift')!.activate());
  });

  /** Runs items, and writes down what the test run of VS Code is told of them. `during` is called at each result. */
  async function run(include: readonly vscode.TestItem[], token: vscode.CancellationToken, during: (told: Told) => void = () => undefined): Promise<Told> {
    const { controller } = tests;
    const original = controller.createTestRun;
    const told: Told = { states: [], output: '', ended: false };
    controller.createTestRun = (...args) => {
      const real = original.apply(controller, args);
      const on = <M extends 'enqueued' | 'started' | 'skipped' | 'passed'>(state: M) => (item: vscode.TestItem): void => {
        told.states.push([state, item]);
        real[state](item);
        during(told);
      };
      const bad = (state: 'failed' | 'errored') => (item: vscode.TestItem, message: vscode.TestMessage | readonly vscode.TestMessage[], ms?: number): void => {
        const [first] = Array.isArray(message) ? (message as readonly vscode.TestMessage[]) : [message as vscode.TestMessage];
        told.states.push([state, item, first]);
        real[state](item, first!, ms);
        during(told);
      };
      return {
        ...real, name: real.name, token: real.token, isPersisted: real.isPersisted, onDidDispose: real.onDidDispose, addCoverage: (c) => real.addCoverage(c),
        enqueued: on('enqueued'), started: on('started'), skipped: on('skipped'), passed: on('passed'), failed: bad('failed'), errored: bad('errored'),
        appendOutput: (text) => {
          told.output += text;
          real.appendOutput(text);
        },
        end: () => {
          told.ended = true;
          real.end();
        },
      };
    };
    try {
      await tests.run(new vscode.TestRunRequest(include), bundle(), token);
    } finally {
      controller.createTestRun = original;
    }
    return told;
  }

  it('are a tree of benchmark, language and problem, made when it is opened', async () => {
    const { controller } = tests;
    await controller.resolveHandler!(undefined);
    const benchmark = children(controller.items).find((i) => i.label === 'LIFT-48')!;
    assert.ok(benchmark, children(controller.items).map((i) => i.label).join(', '));
    assert.equal(benchmark.children.size, 0);
    await controller.resolveHandler!(benchmark);
    assert.equal(benchmark.children.size, 48);
    language = children(benchmark.children).find((i) => i.description === 'sw')!;
    assert.equal(language.label, 'Swahili');
    await controller.resolveHandler!(language);
    assert.equal(language.children.size, 50);
    const [first] = children(language.children);
    assert.equal(first!.label, 'lift48-01');
    assert.ok(first!.description!.length > 10 && first!.uri, 'with its question and its file');
  });

  it('give each problem a result, from a run of the store', async () => {
    const chosen = children(language.children).slice(0, 2);
    const source = new vscode.CancellationTokenSource();
    const { states, output, ended } = await run(chosen, source.token);
    assert.equal(ended, true);
    const folder = /Run (.+?): /.exec(output)![1]!;
    assert.ok(folder.startsWith(path.join(workspace(), 'runs')), folder);
    const samples = new Map(readSamples(folder).samples.map((s) => [s.id, s]));
    assert.deepEqual([...samples.keys()].sort(), chosen.map((i) => i.label).sort());
    assert.deepEqual([...new Set([...samples.values()].map((s) => s.language))], ['sw']);
    for (const item of chosen) {
      const sample = samples.get(item.label)!;
      const own = states.filter(([, i]) => i === item);
      assert.deepEqual(own.map(([state]) => state), ['enqueued', 'started', sample.correct ? 'passed' : 'failed']);
      const [, , message] = own[2]!;
      if (!sample.correct) assert.deepEqual([message!.expectedOutput, message!.actualOutput, message!.location!.uri.fsPath], [sample.gold, sample.value === null ? '' : String(sample.value), item.uri!.fsPath]);
    }
    // The same again is the same run, complete already.
    const lines = fs.readFileSync(path.join(folder, 'samples.jsonl'), 'utf8');
    const again = await run(chosen, source.token);
    assert.equal(/Run (.+?): /.exec(again.output)![1], folder);
    assert.equal(fs.readFileSync(path.join(folder, 'samples.jsonl'), 'utf8'), lines);
    assert.deepEqual(again.states.map(([s, i]) => `${i.label} ${s}`).sort(), states.map(([s, i]) => `${i.label} ${s}`).sort());
  });

  it('mark the lines of their file, which offers to evaluate it', async () => {
    const [item] = children(language.children);
    const document = await vscode.workspace.openTextDocument(item!.uri!);
    await vscode.window.showTextDocument(document);
    const line = document.positionAt(document.getText().indexOf('"lift48-01"')).line;
    const hover = async (at: number): Promise<string> => (await vscode.commands.executeCommand<vscode.Hover[]>('vscode.executeHoverProvider', document.uri, new vscode.Position(at, 6))).flatMap((h) => h.contents).map((c) => (c as vscode.MarkdownString).value).find((v) => v.includes('lift48-01'))?.replaceAll('&nbsp;', ' ') ?? '';
    let text = '';
    for (const end = Date.now() + 20_000; text === '' && Date.now() < end; await new Promise((resolve) => setTimeout(resolve, 50))) text = await hover(line);
    assert.match(text, /lift48.*01 · (?:right|wrong|unread) · read: /);
    assert.match(text, /\[Open run\]\(command:lingualift\.openRun\?/);
    assert.equal(await hover(0), '', 'a line without a problem has none');
    const lenses = await vscode.commands.executeCommand<vscode.CodeLens[]>('vscode.executeCodeLensProvider', document.uri, 10);
    assert.deepEqual(lenses.flatMap((l) => l.command?.title.replace(/^\$\([\w-]+\)\s*/, '') ?? []), ['Evaluate here', 'Evaluate in all languages', 'Open in notebook']);
    await vscode.commands.executeCommand('workbench.action.closeAllEditors');
  });

  it('stop when they are cancelled: what is finished has its result, the rest is skipped', async () => {
    const source = new vscode.CancellationTokenSource();
    const many = children(language.parent!.children).slice(0, 12);
    const { states, output, ended } = await run(many, source.token, ({ states: so }) => {
      if (so.some(([s]) => s === 'passed' || s === 'failed')) source.cancel();
    });
    assert.equal(ended, true);
    const count = (...of: string[]): number => states.filter(([s]) => of.includes(s)).length;
    assert.deepEqual([count('enqueued'), count('started'), count('errored')], [600, 600, 0]);
    assert.equal(count('passed', 'failed') + count('skipped'), 600, 'each problem has one end');
    assert.ok(count('passed', 'failed') > 0 && count('skipped') > 0, `${count('passed', 'failed')} results`);
    const folder = /Run (.+?): /.exec(output)![1]!;
    assert.equal((JSON.parse(fs.readFileSync(path.join(folder, 'state.json'), 'utf8')) as { status: string }).status, 'cancelled');
    assert.equal(readSamples(folder).samples.length, count('passed', 'failed'));
    assert.equal(readManifestOf(folder).environment.bundle.name, 'tiny');
  });

  it('say why they cannot be run', async () => {
    const gone = path.join(workspace(), 'gone');
    const original = tests.controller.createTestRun;
    const errors: string[] = [];
    tests.controller.createTestRun = (...args) => {
      const real = original.apply(tests.controller, args);
      const errored = real.errored.bind(real);
      real.errored = (item, message) => {
        errors.push(`${item.label} ${String((message as vscode.TestMessage).message)}`);
        errored(item, message);
      };
      return real;
    };
    try {
      await tests.run(new vscode.TestRunRequest(children(language.children).slice(0, 1)), gone, new vscode.CancellationTokenSource().token);
    } finally {
      tests.controller.createTestRun = original;
    }
    assert.equal(errors.length, 1);
    assert.match(errors[0]!, /^lift48-01 .*lift\.json/);
  });
});
