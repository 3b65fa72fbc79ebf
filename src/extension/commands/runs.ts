import path from 'node:path';
import * as vscode from 'vscode';
import { isLocked } from '../../runs/lock';
import { MANIFEST } from '../../runs/store';
import { type Catalogue } from '../catalogue';
import { Command } from '../contributions';
import { type Reader, type Steps } from '../services';
import { type TextDocuments } from '../text';
import { BenchmarkNode } from '../views/benchmarks';
import { BundleNode } from '../views/bundles';
import { RunNode } from '../views/runs';
import { ChangeRun, CompareFolders, ExportRun } from '../worker/protocol';
import { folderOf } from './evaluate';
import { Remedied } from './index';

const t = vscode.l10n.t;

export interface RunServices {
  readonly catalogue: Catalogue;
  readonly reader: Reader;
  readonly steps: Steps;
  readonly texts: TextDocuments;
}

/** What can be done with a run that is on disk. */
export class RunCommands {
  constructor(private readonly services: RunServices) {}

  private async pick(argument: unknown, title: string, except?: string): Promise<string | undefined> {
    const folder = folderOf(argument);
    if (folder !== undefined) return folder;
    const runs = (await this.services.catalogue.runs.get()).filter((r) => r.status !== 'damaged' && r.path !== except);
    if (runs.length === 0) throw new Remedied(t('There is no run yet.'), { label: t('Run evaluation…'), command: Command.runEvaluation });
    const items = runs.map((r) => ({ label: r.name ?? `${r.bundle} · ${r.benchmark}`, description: r.accuracy === null ? '' : `${(100 * r.accuracy).toFixed(1)} %`, detail: r.folder, folder: r.path }));
    return (await vscode.window.showQuickPick(items, { title, matchOnDetail: true }))?.folder;
  }

  async rename(argument: unknown): Promise<void> {
    const folder = await this.pick(argument, t('Rename run'));
    if (folder === undefined) return;
    const name = await vscode.window.showInputBox({ title: t('Rename run'), prompt: t('Name shown in the side bar and the panel; empty for the usual one'), value: argument instanceof RunNode ? (argument.run.name ?? '') : '' });
    if (name === undefined) return;
    await this.services.reader.ask(ChangeRun, { folder, name: name.trim() === '' ? undefined : name.trim().slice(0, 200) });
    this.services.catalogue.runs.touch(0);
  }

  async tag(argument: unknown): Promise<void> {
    const folder = await this.pick(argument, t('Tag run'));
    if (folder === undefined) return;
    const typed = await vscode.window.showInputBox({ title: t('Tag run'), prompt: t('Tags, separated by spaces or commas'), value: argument instanceof RunNode ? argument.run.tags.join(' ') : '' });
    if (typed === undefined) return;
    const tags = [...new Set(typed.split(/[\s,]+/).map((tag) => tag.replace(/^#/, '')).filter(Boolean))].slice(0, 20);
    await this.services.reader.ask(ChangeRun, { folder, tags });
    this.services.catalogue.runs.touch(0);
  }

  async delete(argument: unknown): Promise<void> {
    const folder = await this.pick(argument, t('Delete run'));
    if (folder === undefined) return;
    const uri = vscode.Uri.file(folder);
    const manifest = vscode.Uri.joinPath(uri, MANIFEST);
    await vscode.workspace.fs.stat(manifest); // only a run folder is ever deleted
    if (isLocked(folder)) throw new Error(t('The run is being written. Cancel it first.'));
    const yes = t('Move to bin');
    const chosen = await vscode.window.showWarningMessage(t('Move the run "{0}" with all its samples to the bin?', path.basename(folder)), { modal: true }, yes);
    if (chosen !== yes) return;
    try {
      await vscode.workspace.fs.delete(uri, { recursive: true, useTrash: true });
    } catch (e) {
      const forever = t('Delete permanently');
      const again = await vscode.window.showWarningMessage(t('There is no bin here ({0}). Delete the run permanently?', (e as Error).message), { modal: true }, forever);
      if (again !== forever) return;
      await vscode.workspace.fs.delete(uri, { recursive: true, useTrash: false });
    }
    this.services.catalogue.runs.touch(0);
  }

  async export(argument: unknown): Promise<void> {
    const folder = await this.pick(argument, t('Export run'));
    if (folder === undefined) return;
    const { file } = await this.services.reader.ask(ExportRun, { folder });
    const [open, reveal] = [t('Open'), t('Show in folder')];
    const chosen = await vscode.window.showInformationMessage(t('The reports are in the run folder: {0}', path.basename(file)), open, reveal);
    if (chosen === open) await vscode.commands.executeCommand('vscode.open', vscode.Uri.file(file));
    else if (chosen === reveal) await vscode.commands.executeCommand('revealFileInOS', vscode.Uri.file(file));
  }

  /** Compares two runs; from the side bar with two chosen, or the second is asked for. */
  async compare(argument: unknown, selection: unknown): Promise<void> {
    const chosen = Array.isArray(selection) ? selection.filter((n): n is RunNode => n instanceof RunNode) : [];
    const a = chosen[0]?.folder ?? (await this.pick(argument, t('Compare: the first run')));
    if (a === undefined) return;
    const b = chosen[1]?.folder ?? (await this.pick(undefined, t('Compare: the second run'), a));
    if (b === undefined) return;
    const { markdown } = await this.services.reader.ask(CompareFolders, { a, b });
    await this.services.texts.showMarkdown(t('Comparison'), markdown);
    this.services.steps.done('compared');
  }

  async reveal(argument: unknown): Promise<void> {
    const where = pathOf(argument);
    if (where !== undefined) await vscode.commands.executeCommand(vscode.env.remoteName === undefined && vscode.env.uiKind === vscode.UIKind.Desktop ? 'revealFileInOS' : 'revealInExplorer', vscode.Uri.file(where));
  }

  async copyPath(argument: unknown): Promise<void> {
    const where = pathOf(argument);
    if (where !== undefined) await vscode.env.clipboard.writeText(where);
  }
}

function pathOf(argument: unknown): string | undefined {
  if (argument instanceof BundleNode) return argument.info.dir;
  if (argument instanceof BenchmarkNode) return argument.info.path;
  return folderOf(argument);
}
