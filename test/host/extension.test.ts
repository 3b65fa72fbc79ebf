import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import * as vscode from 'vscode';
import { LANGUAGES } from '../../src/core/languages';
import { Command, Setting, View } from '../../src/extension/contributions';
import { type Api } from '../../src/extension/extension';
import { WorkerClient } from '../../src/extension/worker/client';
import { InspectBenchmarks, OnRunEvent, ReadEstimates, ReadPage, ReadRun, type RunEvent, StartRun } from '../../src/extension/worker/protocol';
import { manifestOf, sampleOf } from '../webview/run-data';
import { figure } from '../helpers/figures';

const ID = 'lingualift.lingualift';
const workspace = (): string => vscode.workspace.workspaceFolders![0]!.uri.fsPath;

interface PackageJson {
  readonly contributes: { readonly commands: readonly { readonly command: string }[]; readonly configuration: readonly { readonly properties: Record<string, { readonly default: unknown; readonly scope: string }> }[] };
}

describe('extension', () => {
  let api: Api;
  let extension: vscode.Extension<Api>;
  before(async () => {
    extension = vscode.extensions.getExtension<Api>(ID)!;
    assert.ok(extension, 'the extension is installed');
    api = await extension.activate();
    figure('activate()', api.activationMs, 'ms');
  });

  it('registers every command that package.json declares, and declares every one that it registers', async () => {
    const declared = (extension.packageJSON as PackageJson).contributes.commands.map((c) => c.command).sort();
    const registered = (await vscode.commands.getCommands(true)).filter((c) => c.startsWith('lingualift.'));
    // VS Code itself registers commands for each view.
    const own = registered.filter((c) => !Object.values(View).some((v) => c.startsWith(`${v}.`))).sort();
    assert.deepEqual(own, declared);
    assert.deepEqual(declared, [...Object.values(Command)].sort());
  });

  it('gives every setting its default, in its scope', () => {
    const properties = Object.assign({}, ...(extension.packageJSON as PackageJson).contributes.configuration.map((c) => c.properties)) as Record<string, { scope: string }>;
    for (const { key, default: value, scope } of Object.values(Setting)) {
      assert.deepEqual(vscode.workspace.getConfiguration().get(key), value, key);
      assert.equal(properties[key]?.scope, scope, key);
    }
  });

  it('has no run at first and starts no process', () => {
    assert.deepEqual(api.activeRuns(), []);
  });

  it('evaluates models/tiny in a worker, and leaves the event loop of the host free', async () => {
    // The same clock without a run, for comparison: a busy machine stops every process now and then.
    const idle = monitorEventLoopDelay({ resolution: 5 });
    idle.enable();
    await new Promise((resolve) => setTimeout(resolve, 3000));
    idle.disable();
    const delay = monitorEventLoopDelay({ resolution: 5 });
    const client = new WorkerClient(() => undefined);
    try {
      const events: RunEvent[] = [];
      const over = new Promise<RunEvent>((resolve) => client.connection.onNotification(OnRunEvent, (e) => {
        events.push(e);
        if (e.settled) resolve(e);
      }));
      await client.connection.sendRequest(InspectBenchmarks, { paths: [], shipped: true }); // the worker is up
      delay.enable();
      const started = await client.connection.sendRequest(StartRun, { bundle: path.join(workspace(), 'bundles', 'tiny'), benchmark: 'lift48', languages: 'en,sw,ar', limit: 5, threads: 1, runsFolder: path.join(workspace(), 'runs'), version: '0.0.0' });
      const last = await over;
      delay.disable();
      assert.equal(last.status, 'finished', last.message ?? '');
      assert.equal(last.done, 15);
      assert.ok(fs.existsSync(path.join(started.folder, 'manifest.json')));
      const facts = await client.connection.sendRequest(ReadRun, { folder: started.folder });
      assert.deepEqual(facts.rows.map((r) => [r.language, r.n]).sort(), [['ar', 5], ['en', 5], ['sw', 5]]);
      figure('longest stop of the event loop during a run', delay.max / 1e6, 'ms');
      figure('longest stop of the event loop, idle', idle.max / 1e6, 'ms');
    } finally {
      await client.dispose();
    }
  });

  it('answers a request that cannot be met with the reason alone', async () => {
    const client = new WorkerClient(() => undefined);
    try {
      await assert.rejects(client.connection.sendRequest(ReadRun, { folder: path.join(workspace(), 'nowhere') }), (e: Error) => /is not a run/.test(e.message) && !/Request .* failed/.test(e.message));
    } finally {
      await client.dispose();
    }
  });

  it('indexes a run of 38,928 samples and serves its pages', async () => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'lingualift-big-'));
    const client = new WorkerClient(() => undefined);
    try {
      const ids = Array.from({ length: 811 }, (_, i) => `p${i}`);
      fs.writeFileSync(path.join(folder, 'manifest.json'), JSON.stringify(manifestOf(ids)));
      const file = fs.openSync(path.join(folder, 'samples.jsonl'), 'w');
      ids.forEach((id, i) => fs.writeSync(file, LANGUAGES.map(({ code }) => JSON.stringify({ ...sampleOf(code, id, i), tokenIds: new Array(120).fill(4321), tokenLogprobs: new Array(120).fill(-0.12345) }) + '\n').join('')));
      fs.closeSync(file);
      await client.connection.sendRequest(ReadRun, { folder }).then((facts) => assert.equal(facts.done, 38_928));
      const fresh = new WorkerClient(() => undefined);
      const start = performance.now();
      const facts = await fresh.connection.sendRequest(ReadRun, { folder });
      figure('opening a run of 38,928 samples, worker start included', performance.now() - start, 'ms');
      assert.equal(facts.rows.length, 48);
      const pageStart = performance.now();
      const page = await fresh.connection.sendRequest(ReadPage, { folder, language: 'sw', outcomes: ['right'], find: '', offset: 0, count: 100 });
      figure('one page of 100 samples', performance.now() - pageStart, 'ms');
      assert.equal(page.lines.length, 100);
      assert.ok(page.lines.every((l) => l.outcome === 'right'));
      const estimatesStart = performance.now();
      const estimates = await fresh.connection.sendRequest(ReadEstimates, { folder });
      figure('bootstrap of all means and gaps', performance.now() - estimatesStart, 'ms');
      assert.equal(estimates.gaps.length, 48);
      await fresh.dispose();
    } finally {
      await client.dispose();
      fs.rmSync(folder, { recursive: true, force: true });
    }
  });

  it('opens a run by URI and in the read-only editor, and refuses a folder that is none', async () => {
    const folder = path.join(workspace(), 'runs', 'by-uri');
    fs.mkdirSync(folder, { recursive: true });
    fs.writeFileSync(path.join(folder, 'manifest.json'), JSON.stringify(manifestOf(['a'], ['en'])));
    fs.writeFileSync(path.join(folder, 'samples.jsonl'), JSON.stringify(sampleOf('en', 'a', 0)) + '\n');
    const tabs = (): vscode.Tab[] => vscode.window.tabGroups.all.flatMap((g) => g.tabs);
    const appears = async (is: (t: vscode.Tab) => boolean): Promise<void> => {
      for (let i = 0; i < 100 && !tabs().some(is); i++) await new Promise((resolve) => setTimeout(resolve, 50));
      assert.ok(tabs().some(is), `tabs: ${tabs().map((t) => t.label).join(', ')}`);
    };
    await vscode.commands.executeCommand(Command.openRun, folder);
    await appears((t) => t.input instanceof vscode.TabInputWebview && t.input.viewType.endsWith('lingualift.run'));
    await vscode.commands.executeCommand('vscode.openWith', vscode.Uri.file(path.join(folder, 'manifest.json')), 'lingualift.runEditor');
    await appears((t) => t.input instanceof vscode.TabInputCustom && t.input.viewType === 'lingualift.runEditor');
    const before = tabs().length;
    await vscode.commands.executeCommand(Command.openRun, workspace());
    assert.equal(tabs().length, before);
  });

  it('adds a bundle, and imports a benchmark only after it was read', async () => {
    const list = (key: string): unknown => vscode.workspace.getConfiguration().get(key);
    const bundle = path.join(workspace(), 'bundles', 'tiny');
    await vscode.commands.executeCommand(Command.addBundle, bundle);
    assert.deepEqual(list(Setting.bundleFolders.key), [bundle]);
    await vscode.commands.executeCommand(Command.addBundle, bundle);
    assert.deepEqual(list(Setting.bundleFolders.key), [bundle], 'once');
    const [good, bad] = ['mgsm', 'nothing'].map((n) => path.join(workspace(), n)) as [string, string];
    fs.mkdirSync(good);
    fs.mkdirSync(bad);
    for (const code of ['en', 'sw']) fs.writeFileSync(path.join(good, `mgsm_${code}.tsv`), 'How many are 2 and 3?\t5\nHow many are 4 and 3?\t7\n');
    fs.writeFileSync(path.join(bad, 'notes.json'), '{"a": 1}');
    await vscode.commands.executeCommand(Command.importBenchmark, vscode.Uri.file(good));
    assert.deepEqual(list(Setting.benchmarkFolders.key), [good]);
    // The refusal is a message; the list stays as it was.
    await Promise.race([vscode.commands.executeCommand(Command.importBenchmark, vscode.Uri.file(bad)), new Promise((resolve) => setTimeout(resolve, 2000))]);
    assert.deepEqual(list(Setting.benchmarkFolders.key), [good]);
  });

  it('does not take over other files named manifest.json', async () => {
    const file = path.join(workspace(), 'manifest.json');
    fs.writeFileSync(file, '{}');
    await vscode.commands.executeCommand('vscode.open', vscode.Uri.file(file));
    assert.equal(vscode.window.activeTextEditor?.document.uri.fsPath, file);
  });
});
