import path from 'node:path';
import * as vscode from 'vscode';
import { demoBundlesFolder } from '../runs/locations';
import { type ListedRun } from '../runs/list';
import { ContextKey } from './contributions';
import { type ContextKeys, expandHome, type Log, type Reader, runsFolder } from './services';
import { onSettingChange, readSetting } from './settings';
import { type TrainingInfo } from '../protocol/training';
import { findConfigs } from './tasks/provider';
import { type BenchmarkInfo, type BundleInfo, FindBundles, InspectBenchmarks, ListRuns, ListTrainings } from './worker/protocol';

const EXCLUDE = '**/{node_modules,.git,.venv,dist,artifacts}/**';
const MOST = 60;

/** One list that is computed when somebody looks, kept, and computed again after a change on disk. */
export class Cached<T> {
  private value: Promise<readonly T[]> | undefined;
  private timer: NodeJS.Timeout | undefined;
  private readonly changed = new vscode.EventEmitter<void>();
  readonly onDidChange = this.changed.event;

  constructor(private readonly load: () => Promise<readonly T[]>) {}

  get(): Promise<readonly T[]> {
    this.value ??= this.load().catch((e: unknown) => {
      this.value = undefined;
      throw e;
    });
    return this.value;
  }

  /** The list as it is on disk at this moment, for a command that acts on what it finds there. */
  now(): Promise<readonly T[]> {
    this.value = undefined;
    return this.get();
  }

  /** Forgets the list soon; several changes within 300 ms are one. */
  touch(delay = 300): void {
    if (this.timer) return;
    this.timer = setTimeout(() => {
      this.timer = undefined;
      this.value = undefined;
      this.changed.fire();
    }, delay);
  }

  dispose(): void {
    clearTimeout(this.timer);
    this.changed.dispose();
  }
}

/** Bundles, benchmarks and runs that the side bar and the quick picks show. */
export class Catalogue implements vscode.Disposable {
  readonly bundles: Cached<BundleInfo>;
  readonly benchmarks: Cached<BenchmarkInfo>;
  readonly runs: Cached<ListedRun>;
  readonly trainings: Cached<TrainingInfo>;
  private readonly disposables: vscode.Disposable[] = [];
  private watchers: vscode.Disposable[] = [];

  constructor(
    private readonly context: vscode.ExtensionContext,
    reader: Reader,
    keys: ContextKeys,
    log: Log,
  ) {
    this.bundles = new Cached(async () => {
      const found = await reader.ask(FindBundles, { folders: await this.bundleFolders() });
      keys.set(ContextKey.hasBundles, found.length > 0);
      log.debug(`${found.length} bundles, ${found.filter((b) => b.issues.length > 0).length} of them broken`);
      return found;
    });
    this.benchmarks = new Cached(async () => reader.ask(InspectBenchmarks, { paths: await this.benchmarkPaths(), shipped: true }));
    this.runs = new Cached(async () => {
      const found = await reader.ask(ListRuns, { folder: runsFolder(context) });
      keys.set(ContextKey.hasRuns, found.length > 0);
      return found;
    });
    this.trainings = new Cached(async () => {
      const found_ = await reader.ask(ListTrainings, { folders: await this.trainingFolders() });
      keys.set(ContextKey.hasTrainings, found_.length > 0);
      return found_;
    });
    this.disposables.push(
      this.bundles, this.benchmarks, this.runs, this.trainings,
      onSettingChange(['bundleFolders'], () => this.bundles.touch()),
      onSettingChange(['benchmarkFolders'], () => this.benchmarks.touch()),
      onSettingChange(['runsFolder'], () => this.refresh()),
      vscode.workspace.onDidChangeWorkspaceFolders(() => this.refresh()),
    );
    this.watch();
  }

  /** Paths that the user added, as opposed to those that were found. */
  addedBundles(): readonly string[] {
    return readSetting('bundleFolders').map((p) => this.absolute(p));
  }

  addedBenchmarks(): readonly string[] {
    return readSetting('benchmarkFolders').map((p) => this.absolute(p));
  }

  private absolute(p: string): string {
    const workspace = vscode.workspace.workspaceFolders?.find((f) => f.uri.scheme === 'file')?.uri.fsPath;
    return path.resolve(workspace ?? this.context.globalStorageUri.fsPath, expandHome(p));
  }

  private async bundleFolders(): Promise<string[]> {
    const inWorkspace = await found('**/lift.json');
    const demo = demoBundlesFolder();
    return [...this.addedBundles(), ...inWorkspace, ...((await exists(demo)) ? [demo] : [])];
  }

  private async benchmarkPaths(): Promise<string[]> {
    const folders = await Promise.all(['**/benchmark.json', '**/mgsm_en.tsv', '**/test_en.json', '**/test_English.json'].map(found));
    return [...this.addedBenchmarks(), ...folders.flat().filter((f) => !f.startsWith(this.context.extensionPath))];
  }

  /** Folders with a settings.json, and the output folders that runs' YAML files name. */
  private async trainingFolders(): Promise<string[]> {
    const [written, configs] = await Promise.all([found('**/settings.json', 500), findConfigs()]);
    return [...written, ...configs.map((c) => c.outputFolder)];
  }

  private watch(): void {
    this.watchers.forEach((w) => w.dispose());
    const on = (pattern: vscode.GlobPattern, touch: () => void): vscode.Disposable[] => {
      const watcher = vscode.workspace.createFileSystemWatcher(pattern);
      return [watcher, watcher.onDidCreate(touch), watcher.onDidChange(touch), watcher.onDidDelete(touch)];
    };
    const runs = vscode.Uri.file(runsFolder(this.context));
    this.watchers = [
      ...on('**/lift.json', () => this.bundles.touch()),
      ...on('**/{settings.json,process.json,result.json,metrics.jsonl}', () => this.trainings.touch(1000)),
      ...on('**/checkpoint-*/complete', () => this.trainings.touch(1000)),
      ...on('**/{benchmark.json,mgsm_*.tsv,test_*.json}', () => this.benchmarks.touch()),
      ...on(new vscode.RelativePattern(runs, '*/{manifest,state}.json'), () => this.runs.touch()),
      ...on(new vscode.RelativePattern(vscode.Uri.file(demoBundlesFolder()), '*/lift.json'), () => this.bundles.touch()),
    ];
  }

  refresh(): void {
    this.watch();
    this.bundles.touch(0);
    this.benchmarks.touch(0);
    this.runs.touch(0);
    this.trainings.touch(0);
  }

  dispose(): void {
    [...this.watchers, ...this.disposables].forEach((d) => d.dispose());
  }
}

/** Folders of the workspace that hold a file of this name. */
async function found(glob: string, most = MOST): Promise<string[]> {
  const files = await vscode.workspace.findFiles(glob, EXCLUDE, most);
  return [...new Set(files.filter((f) => f.scheme === 'file').map((f) => path.dirname(f.fsPath)))];
}

async function exists(folder: string): Promise<boolean> {
  try {
    await vscode.workspace.fs.stat(vscode.Uri.file(folder));
    return true;
  } catch {
    return false;
  }
}
