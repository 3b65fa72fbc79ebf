import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import * as vscode from 'vscode';
import { formatNotebook } from '../../src/core/notebook';
import { isLiftOutput, type LiftOutput, OUTPUT_MIME } from '../../src/protocol/notebook';
import { type GenerationRef } from '../../src/protocol/generation';
import { Command, NOTEBOOK_TYPE } from '../../src/extension/contributions';
import { readManifestOf } from '../../src/runs/store';

const workspace = (): string => vscode.workspace.workspaceFolders![0]!.uri.fsPath;

async function until<T>(what: string, probe: () => T | undefined | false, ms = 40_000): Promise<T> {
  for (const end = Date.now() + ms; Date.now() < end; ) {
    const value = probe();
    if (value !== undefined && value !== false) return value;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`Timed out waiting for: ${what}`);
}

/** The output of a cell in its own type, once there is one. */
function outputOf(cell: vscode.NotebookCell): LiftOutput | undefined {
  const item = cell.outputs[0]?.items.find((i) => i.mime === OUTPUT_MIME);
  if (!item) return undefined;
  const value: unknown = JSON.parse(new TextDecoder().decode(item.data));
  assert.ok(isLiftOutput(value), 'what a cell puts out can be drawn');
  return value;
}

const errorOf = (cell: vscode.NotebookCell): string | undefined => {
  const item = cell.outputs[0]?.items.find((i) => i.mime === 'application/vnd.code.notebook.error');
  return item && (JSON.parse(new TextDecoder().decode(item.data)) as { message: string }).message;
};
const twinOf = (cell: vscode.NotebookCell, mime: string): string => new TextDecoder().decode(cell.outputs[0]!.items.find((i) => i.mime === mime)!.data);

async function open(name: string, cells: readonly (readonly [string, string])[]): Promise<vscode.NotebookDocument> {
  const file = path.join(workspace(), name);
  fs.writeFileSync(file, formatNotebook({ cells: cells.map(([language, text]) => ({ language, text, outputs: [], extra: {} })), extra: {} }));
  const document = await vscode.workspace.openNotebookDocument(vscode.Uri.file(file));
  const editor = await vscode.window.showNotebookDocument(document);
  await vscode.commands.executeCommand('notebook.selectKernel', { notebookEditor: editor, id: 'lingualift.kernel.any', extension: 'lingualift.lingualift' });
  return document;
}

const run = (document: vscode.NotebookDocument, ...at: number[]): Thenable<unknown> =>
  vscode.commands.executeCommand('notebook.cell.execute', { ranges: at.map((i) => ({ start: i, end: i + 1 })), document: document.uri });

const over = (cell: vscode.NotebookCell): boolean => cell.executionSummary?.success !== undefined;

describe('notebook', function () {
  this.timeout(60_000);
  before(async () => {
    await vscode.extensions.getExtension('lingualift.lingualift')!.activate();
  });
  afterEach(async () => {
    await vscode.commands.executeCommand('workbench.action.revertAndCloseActiveEditor');
    await vscode.commands.executeCommand('workbench.action.closeAllEditors');
  });

  it('runs both kinds of cells on models/tiny, in order, through the run store', async () => {
    const document = await open('both.liftnb', [['markdown', '# both'], ['lift-prompt', 'bundle: tiny\nlanguage: ar\nmax-tokens: 12\ngold: 3\n---\nكم يساوي 1 + 2؟'], ['lift-eval', 'benchmark: lift48\nlanguages: en, ar\nsample: 3\nbundle: tiny\nmax-tokens: 8']]);
    assert.equal(document.notebookType, NOTEBOOK_TYPE);
    const [, prompt, evaluation] = document.getCells() as [vscode.NotebookCell, vscode.NotebookCell, vscode.NotebookCell];
    await run(document, 1, 2);
    await until('the evaluation', () => over(evaluation));
    assert.equal(errorOf(prompt), undefined);
    assert.equal(errorOf(evaluation), undefined);
    const asked = outputOf(prompt)!;
    assert.ok(asked.kind === 'prompt' && asked.state === 'finished' && asked.view && asked.ref);
    assert.equal(asked.view.sample.tokenIds.length, 12);
    assert.deepEqual(asked.ref.completionIds, asked.view.sample.tokenIds);
    assert.equal(asked.ref.bundle, 'bundles/tiny');
    assert.match(twinOf(prompt, 'text/plain'), /tiny.*\n/);
    const answer = outputOf(evaluation)!;
    assert.ok(answer.kind === 'eval' && answer.state === 'finished');
    const [only] = answer.runs;
    assert.deepEqual(only!.rows.map((r) => [r.language, r.n, r.total]).sort(), [['ar', 3, 3], ['en', 3, 3]]);
    assert.deepEqual([only!.lines.length, only!.done, answer.comparisons.length], [6, 6, 0]);
    assert.match(twinOf(evaluation, 'text/markdown'), /\| Arabic \(ar\) \| 3 \|/);
    const folder = path.resolve(workspace(), only!.folder);
    assert.equal(readManifestOf(folder).fingerprint, only!.fingerprint);
    assert.ok(folder.startsWith(path.join(workspace(), 'runs')), 'where every run of the workspace is');
    assert.deepEqual([prompt.executionSummary!.executionOrder, evaluation.executionSummary!.executionOrder], [1, 2]);
    // The same cell again is the same run, complete already.
    const lines = fs.readFileSync(path.join(folder, 'samples.jsonl'), 'utf8');
    await run(document, 2);
    await until('the second time', () => evaluation.executionSummary?.executionOrder === 3 && over(evaluation));
    assert.equal((outputOf(evaluation) as typeof answer).runs[0]!.folder, only!.folder);
    assert.equal(fs.readFileSync(path.join(folder, 'samples.jsonl'), 'utf8'), lines);
    // Saved and opened again, the outputs are still there.
    await document.save();
    const saved = fs.readFileSync(document.uri.fsPath, 'utf8');
    assert.match(saved, /"language": "lift-prompt",\n {6}"source": \[\n {8}"bundle: tiny",/);
    await vscode.commands.executeCommand('workbench.action.closeAllEditors');
    const again = await vscode.workspace.openNotebookDocument(document.uri);
    const kept = outputOf(again.cellAt(2));
    assert.ok(kept?.kind === 'eval' && kept.runs[0]!.done === 6);
  });

  it('compares two bundles over the same problems in pairs', async () => {
    const document = await open('compare.liftnb', [['lift-eval', 'benchmark: lift48\nlanguages: en, sw\nids: lift48-01, lift48-02\nbundles: tiny, tiny-text\nmax-tokens: 8']]);
    const cell = document.cellAt(0);
    await run(document, 0);
    await until('the comparison', () => over(cell));
    assert.equal(errorOf(cell), undefined);
    const o = outputOf(cell)!;
    assert.ok(o.kind === 'eval' && o.runs.length === 2);
    const [c] = o.comparisons;
    assert.equal(c!.refused, null);
    assert.deepEqual([c!.a, c!.b, c!.pair!.n, c!.pair!.languages.map((l) => l.language)], [0, 1, 4, ['en', 'sw']]);
  });

  it('interrupts an evaluation, drops the cells that wait, and keeps what is finished', async () => {
    const document = await open('interrupt.liftnb', [['lift-eval', 'benchmark: lift48\nlanguages: all\nbundle: tiny\nseed: 77'], ['lift-prompt', 'bundle: tiny\n---\nNever asked']]);
    const [cell, waiting] = document.getCells() as [vscode.NotebookCell, vscode.NotebookCell];
    // The command itself waits for the end of the cells.
    const executed = run(document, 0, 1);
    await until('first samples', () => {
      const o = outputOf(cell);
      return o?.kind === 'eval' && (o.runs[0]?.done ?? 0) > 0;
    });
    await vscode.commands.executeCommand('notebook.cancelExecution');
    await until('the end', () => over(cell));
    await executed;
    assert.equal(cell.executionSummary!.success, false);
    const o = outputOf(cell)!;
    assert.ok(o.kind === 'eval' && o.state === 'cancelled');
    const { folder, done, total } = o.runs[0]!;
    assert.ok(done > 0 && done < total, `${done} of ${total}`);
    assert.equal(JSON.parse(fs.readFileSync(path.resolve(workspace(), folder, 'state.json'), 'utf8')).status, 'cancelled');
    assert.deepEqual([waiting.outputs.length, waiting.executionSummary?.success], [0, undefined]);
  });

  it('says what is wrong with a cell instead of running it', async () => {
    const document = await open('wrong.liftnb', [['lift-eval', 'benchmark: lift48\nlanguages: en\nsample: many\nbundle: tiny'], ['lift-eval', 'benchmark: nowhere\nbundle: tiny'], ['lift-eval', 'benchmark: lift48\nids: none\nbundle: tiny']]);
    await run(document, 0, 1, 2);
    await until('all three', () => document.getCells().every(over));
    const [sample, benchmark, ids] = document.getCells().map((c) => errorOf(c) ?? '');
    assert.match(sample!, /^Line 3: "sample" must be a whole number/);
    assert.match(benchmark!, /no benchmark "nowhere"\. There are: .*lift48/);
    assert.match(ids!, /Unknown problem id "none"/);
    const found = await until('findings in the editor', () => {
      const all = vscode.languages.getDiagnostics(document.cellAt(1).document.uri);
      return all.length > 0 && all;
    });
    assert.deepEqual([found[0]!.range.start.character, found[0]!.range.end.character], [11, 18]);
  });

  it('completes keys, values and what is on disk', async () => {
    const document = await open('complete.liftnb', [['lift-eval', 'benchmark: lift48\nlanguages: en, \nbundle: \n'], ['lift-prompt', '']]);
    const at = async (cell: number, line: number, column: number): Promise<string[]> => {
      const list = await vscode.commands.executeCommand<vscode.CompletionList>('vscode.executeCompletionItemProvider', document.cellAt(cell).document.uri, new vscode.Position(line, column));
      return list.items.map((i) => (typeof i.label === 'string' ? i.label : i.label.label));
    };
    const languages = await at(0, 1, 15);
    assert.ok(languages.includes('low') && languages.includes('sw') && !languages.includes('en'), languages.join(' '));
    assert.ok((await at(0, 2, 8)).includes('tiny'));
    const keys = await at(0, 3, 0);
    assert.ok(keys.includes('sample') && !keys.includes('benchmark'));
    assert.ok((await at(1, 0, 0)).includes('gold'));
    const hovers = await vscode.commands.executeCommand<vscode.Hover[]>('vscode.executeHoverProvider', document.cellAt(0).document.uri, new vscode.Position(0, 3));
    assert.match((hovers[0]!.contents[0] as vscode.MarkdownString).value, /Benchmark by name/);
  });

  it('puts a generation into the notebook in front, and refuses a damaged file without touching it', async () => {
    const document = await open('target.liftnb', [['markdown', 'here']]);
    const ref: GenerationRef = { bundle: path.join(workspace(), 'bundles', 'tiny'), question: 'What is 1 + 2?', language: 'en', gold: '3' };
    await vscode.commands.executeCommand(Command.openInNotebook, ref);
    await until('the new cell', () => document.cellCount === 2);
    const cell = document.getCells().find((c) => c.document.languageId === 'lift-prompt')!;
    assert.equal(cell.document.getText(), 'bundle: tiny\nlanguage: en\ngold: 3\n---\nWhat is 1 + 2?');
    await vscode.commands.executeCommand('workbench.action.revertAndCloseActiveEditor');
    const damaged = path.join(workspace(), 'damaged.liftnb');
    const text = '{"format": "lift-notebook/1", "cells": [';
    fs.writeFileSync(damaged, text);
    await assert.rejects(Promise.resolve(vscode.workspace.openNotebookDocument(vscode.Uri.file(damaged))), /not JSON/);
    assert.equal(fs.readFileSync(damaged, 'utf8'), text);
  });
});
