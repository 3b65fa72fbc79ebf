import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import * as vscode from 'vscode';
import { alignmentLink, requestOfLink } from '../../src/extension/alignmentlink';
import { Command } from '../../src/extension/contributions';
import { type AlignmentRequest } from '../../src/protocol/alignmentpanel';

const workspace = (): string => vscode.workspace.workspaceFolders![0]!.uri.fsPath;
const tabs = (): vscode.Tab[] => vscode.window.tabGroups.all.flatMap((g) => g.tabs).filter((t) => t.input instanceof vscode.TabInputWebview && t.input.viewType.endsWith('lingualift.alignment'));

async function until(what: string, is: () => boolean): Promise<void> {
  for (let i = 0; i < 600 && !is(); i++) await new Promise((resolve) => setTimeout(resolve, 100));
  assert.ok(is(), what);
}

describe('alignment in the extension host', function () {
  this.timeout(90_000);
  const request = (): AlignmentRequest => ({ bundles: [path.join(workspace(), 'bundles', 'tiny')], benchmark: 'lift48', languages: 'en,sw,th', reference: 'en', limit: 6, seed: 1 });
  const cache = (): string[] => {
    const folder = path.join(workspace(), 'runs', 'alignment');
    return fs.existsSync(folder) ? fs.readdirSync(folder).filter((f) => !f.includes('.part')).sort() : [];
  };

  after(() => vscode.commands.executeCommand('workbench.action.closeAllEditors'));

  it('runs an analysis in its worker, keeps result and states, and opens one panel for it', async () => {
    await vscode.commands.executeCommand(Command.showAlignment, request());
    await until('a panel', () => tabs().length === 1);
    assert.equal(tabs()[0]!.label, 'Alignment: tiny');
    const file = (end: string): string | undefined => cache().find((f) => f.endsWith(end));
    await until('result and states in the runs folder', () => file('.states.npz') !== undefined && file('.json') !== undefined);
    const result = file('.json')!;
    const { languages, ids } = JSON.parse(fs.readFileSync(path.join(workspace(), 'runs', 'alignment', result), 'utf8')) as { languages: string[]; ids: string[] };
    assert.deepEqual([languages.sort(), ids.length], [['en', 'sw', 'th'], 6]);
    await vscode.commands.executeCommand(Command.showAlignment, request());
    assert.equal(tabs().length, 1, 'the same analysis is the same panel');
  });

  it('finds the analysis of a link again, and refuses what names no absolute bundle', () => {
    const link = vscode.Uri.parse(alignmentLink('vscode', request()));
    assert.equal(link.path, '/alignment');
    assert.deepEqual(requestOfLink(link.query), request());
    for (const bad of ['', 'request=1', 'request=%7B', new URLSearchParams({ request: JSON.stringify({ ...request(), bundles: ['tiny'] }) }).toString()]) assert.equal(requestOfLink(bad), undefined, bad);
  });
});
