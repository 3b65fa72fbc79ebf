import path from 'node:path';
import * as vscode from 'vscode';
import { MOST_RUNS } from '../../protocol/compare';
import { isLocked } from '../../runs/lock';
import { type ListedRun } from '../../runs/list';
import { FOLDER_FORMATS, REPORT_FORMATS, type ReportFormat } from '../../runs/report/formats';
import { MANIFEST, readManifestOf } from '../../runs/store';
import { type Catalogue } from '../catalogue';
import { Command } from '../contributions';
import { type ComparePanels } from '../panels/compare';
import { type Reader } from '../services';
import { BenchmarkNode } from '../views/benchmarks';
import { BundleNode } from '../views/bundles';
import { RunNode } from '../views/runs';
import { TrainingNode } from '../views/training';
import { percent } from '../views/text';
import { ChangeRun, ExportReport, ReadComparison, SaveScores } from '../worker/protocol';
import { folderOf } from './evaluate';
import { Remedied } from './index';

const t = vscode.l10n.t;

export interface RunServices {
  readonly catalogue: Catalogue;
  readonly reader: Reader;
  readonly comparisons: ComparePanels;
}

/** What can be done with a run that is on disk. */
export class RunCommands {
  constructor(private readonly services: RunServices) {}

  private async pick(argument: unknown, title: string): Promise<string | undefined> {
    const folder = folderOf(argument);
    if (folder !== undefined) return folder;
    const runs = (await this.services.catalogue.runs.get()).filter((r) => r.status !== 'damaged');
    if (runs.length === 0) throw new Remedied(t('There is no run yet.'), { label: t('Run evaluation…'), command: Command.runEvaluation });
    return (await vscode.window.showQuickPick(runs.map(runItem), { title, matchOnDetail: true }))?.folder;
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

  /** Writes a report over one or several runs; `format` and `target` can be given by other extensions and are asked for otherwise. */
  async export(argument: unknown, format?: unknown, target?: unknown): Promise<void> {
    const folders = isFolders(argument) ? argument : [await this.pick(argument, t('Export report'))].filter((f) => f !== undefined);
    if (folders.length === 0) return;
    const chosenFormat = isFormat(format) ? format : await askFormat();
    if (chosenFormat === undefined) return;
    const chosenTarget = typeof target === 'string' ? target : await askTarget(chosenFormat, folders[0]!);
    if (chosenTarget === undefined) return;
    const { files } = await this.services.reader.ask(ExportReport, { folders, format: chosenFormat, target: chosenTarget });
    const file = files[0]!;
    const [open, reveal] = [t('Open'), t('Show in folder')];
    const done = files.length === 1 ? t('Report written: {0}', path.basename(file)) : t('{0} files written to {1}', files.length, path.basename(path.dirname(file)));
    void vscode.window.showInformationMessage(done, open, reveal).then((chosen) => {
      if (chosen === open) return vscode.commands.executeCommand('vscode.open', vscode.Uri.file(file));
      return chosen === reveal ? this.reveal(file) : undefined;
    });
  }

  /** Compares two to six runs: those chosen in the side bar, or the first one given and the others asked for. */
  async compare(argument: unknown, selection: unknown): Promise<void> {
    const chosen = Array.isArray(selection) ? selection.filter((n): n is RunNode => n instanceof RunNode).map((n) => n.folder) : [];
    if (chosen.length > 1) return this.services.comparisons.open(chosen);
    const first = isFolders(argument) ? argument : [await this.pick(argument, t('Compare: the baseline'))].filter((f) => f !== undefined);
    if (first.length === 0) return;
    const others = await this.pickOthers(first);
    if (others.length > 0) this.services.comparisons.open([...first, ...others]);
  }

  private async pickOthers(first: readonly string[]): Promise<readonly string[]> {
    const listed = await this.services.catalogue.runs.get();
    const benchmark = listed.find((r) => r.path === first[0])?.benchmark;
    // Runs of the same benchmark first: others cannot be paired.
    const runs = listed.filter((r) => r.status !== 'damaged' && !first.includes(r.path)).sort((a, b) => Number(b.benchmark === benchmark) - Number(a.benchmark === benchmark));
    if (runs.length === 0) throw new Remedied(t('There is no other run to compare with.'), { label: t('Run evaluation…'), command: Command.runEvaluation });
    const picked = await vscode.window.showQuickPick(runs.map(runItem), { title: t('Compare: up to {0} further runs', MOST_RUNS - first.length), matchOnDetail: true, canPickMany: true });
    return (picked ?? []).map((item) => item.folder);
  }

  /** Reads a run's completions with another scorer, without the model, keeps its scores beside the original ones and shows where the two disagree. */
  async rescore(argument: unknown, scorer?: unknown): Promise<void> {
    const folder = await this.pick(argument, t('Rescore run'));
    if (folder === undefined) return;
    const { scorers } = await this.services.reader.ask(ReadComparison, { folders: [folder] });
    const own = readManifestOf(folder).environment.scorer.name;
    const items = scorers.map((name) => ({ label: name, description: name === own ? t('the scorer of the run, as it is now') : '' }));
    const chosen = scorers.find((name) => name === scorer) ?? (await vscode.window.showQuickPick(items, { title: t('Rescore run: with which scorer?') }))?.label;
    if (chosen === undefined) return;
    await this.services.reader.ask(SaveScores, { folder, scorer: chosen });
    this.services.catalogue.runs.touch(0);
    this.services.comparisons.open([folder], { tab: 'samples', a: { run: 0, scorer: '' }, b: { run: 0, scorer: chosen } });
  }

  /** Accuracy per language over the runs of one bundle and benchmark. */
  async trend(argument: unknown): Promise<void> {
    const folder = argument instanceof BundleNode ? await this.newestOf(argument) : await this.pick(argument, t('Trend: a run of the bundle'));
    if (folder !== undefined) this.services.comparisons.open([folder], { tab: 'trend' });
  }

  private async newestOf({ info }: BundleNode): Promise<string> {
    const run = (await this.services.catalogue.runs.get()).find((r) => r.status !== 'damaged' && r.bundle.replace(/ \([^()]*\)$/, '') === info.name);
    if (!run) throw new Remedied(t('There is no run of this bundle yet.'), { label: t('Run evaluation…'), command: Command.runEvaluation, args: [info.dir] });
    return run.path;
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

const runItem = (r: ListedRun): vscode.QuickPickItem & { readonly folder: string } => ({ label: r.name ?? `${r.bundle} · ${r.benchmark}`, description: r.accuracy === null ? '' : percent(r.accuracy), detail: r.folder, folder: r.path });
const isFolders = (argument: unknown): argument is readonly string[] => Array.isArray(argument) && argument.length > 0 && argument.every((f) => typeof f === 'string');
const isFormat = (value: unknown): value is ReportFormat => REPORT_FORMATS.includes(value as ReportFormat);

async function askFormat(): Promise<ReportFormat | undefined> {
  const items: readonly (vscode.QuickPickItem & { readonly format: ReportFormat })[] = [
    { format: 'html', label: 'HTML', description: t('one self-contained page') },
    { format: 'markdown', label: 'Markdown', description: t('tables for a document or an issue') },
    { format: 'latex', label: 'LaTeX', description: t('a booktabs table') },
    { format: 'csv', label: 'CSV', description: t('results and samples, in a folder') },
    { format: 'json', label: 'JSON', description: t('everything, for programs') },
    { format: 'lm-eval', label: 'lm-evaluation-harness', description: t('results and samples as that program writes them, in a folder') },
  ];
  return (await vscode.window.showQuickPick(items, { title: t('Export report: format') }))?.format;
}

const EXTENSIONS: Readonly<Partial<Record<ReportFormat, readonly [string, string]>>> = { html: ['HTML', 'html'], markdown: ['Markdown', 'md'], latex: ['LaTeX', 'tex'], json: ['JSON', 'json'] };

/** A file, or a folder for the formats that are several files. */
async function askTarget(format: ReportFormat, run: string): Promise<string | undefined> {
  if (FOLDER_FORMATS.includes(format)) {
    const folders = await vscode.window.showOpenDialog({ canSelectFiles: false, canSelectFolders: true, defaultUri: vscode.Uri.file(run), openLabel: t('Export here'), title: t('Export report: folder') });
    return folders?.[0]?.fsPath;
  }
  const [kind, extension] = EXTENSIONS[format]!;
  return (await vscode.window.showSaveDialog({ defaultUri: vscode.Uri.file(path.join(run, `report.${extension}`)), filters: { [kind]: [extension] }, title: t('Export report: file') }))?.fsPath;
}

function pathOf(argument: unknown): string | undefined {
  if (argument instanceof BundleNode) return argument.info.dir;
  if (argument instanceof BenchmarkNode) return argument.info.path;
  if (argument instanceof TrainingNode) return argument.folder;
  return folderOf(argument);
}
