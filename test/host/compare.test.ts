import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import * as vscode from 'vscode';
import { Command, COMPARE_PANEL } from '../../src/extension/contributions';
import { manifestOf, sampleOf } from '../webview/run-data';

const IDS = ['lift48/1', 'lift48/2', 'lift48/3'];
const LANGUAGES = ['en', 'sw'];

describe('runs side by side', () => {
  let home: string;
  const folder = (name: string): string => path.join(home, name);
  const panels = (): string[] => vscode.window.tabGroups.all.flatMap((g) => g.tabs).flatMap((tab) => (tab.input instanceof vscode.TabInputWebview && tab.input.viewType.endsWith(COMPARE_PANEL) ? [tab.label] : []));

  before(() => {
    home = path.join(vscode.workspace.workspaceFolders![0]!.uri.fsPath, 'runs');
    for (const [name, shift] of [['side-a', 0], ['side-b', 4]] as const) {
      fs.mkdirSync(folder(name), { recursive: true });
      fs.writeFileSync(path.join(folder(name), 'manifest.json'), JSON.stringify(manifestOf(IDS, LANGUAGES)));
      fs.writeFileSync(path.join(folder(name), 'samples.jsonl'), IDS.flatMap((id, i) => LANGUAGES.map((code) => JSON.stringify(sampleOf(code, id, i + shift)) + '\n')).join(''));
    }
  });
  after(async () => {
    await vscode.commands.executeCommand('workbench.action.closeAllEditors');
    for (const name of ['side-a', 'side-b']) fs.rmSync(folder(name), { recursive: true, force: true });
  });

  it('opens a run under another scorer, and the same panel for its trend', async () => {
    await vscode.commands.executeCommand(Command.rescoreRun, folder('side-a'), 'harness');
    for (let i = 0; i < 100 && panels().length === 0; i += 1) await new Promise((resolve) => setTimeout(resolve, 50));
    assert.deepEqual(panels(), ['Scorers: invented']);
    await vscode.commands.executeCommand(Command.showTrend, folder('side-a'));
    assert.deepEqual(panels(), ['Scorers: invented']);
    assert.equal(fs.existsSync(path.join(folder('side-a'), 'state.json')), false, 'the run is not changed');
  });

  it('writes a report over two runs as one file, and in a folder where the format has several', async () => {
    const file = path.join(home, 'both.json');
    await vscode.commands.executeCommand(Command.exportRun, [folder('side-a'), folder('side-b')], 'json', file);
    const report = JSON.parse(fs.readFileSync(file, 'utf8')) as { runs: { fidelity: { identified: number }[] }[]; comparisons: unknown[] };
    fs.rmSync(file);
    assert.deepEqual([report.runs.length, report.comparisons.length], [2, 1]);
    assert.ok(report.runs.every((r) => r.fidelity.length > 0 && r.fidelity.some((f) => f.identified > 0)), 'the worker names the languages of the answers');
    const target = path.join(home, 'both');
    await vscode.commands.executeCommand(Command.exportRun, [folder('side-a'), folder('side-b')], 'csv', target);
    assert.deepEqual(fs.readdirSync(target).sort(), ['comparisons.csv', 'results.csv', 'samples.csv']);
    fs.rmSync(target, { recursive: true });
  });
});
