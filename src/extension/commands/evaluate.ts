import path from 'node:path';
import * as vscode from 'vscode';
import { type RunAction } from '../../protocol/panels';
import { readState, writeState } from '../../runs/store';
import { type Catalogue } from '../catalogue';
import { Command } from '../contributions';
import { type RunPanels } from '../panels/run';
import { type ActiveRun, type ActiveRuns, CancelledStart, resumeParams } from '../runs/active';
import { chooseEvaluation, type Given } from '../runs/flow';
import { type Servers } from '../vllm/servers';
import { type Log, runsFolder, type Steps } from '../services';
import { readSetting } from '../settings';
import { engineSettings } from '../settings/engine';
import { BenchmarkNode } from '../views/benchmarks';
import { BundleNode } from '../views/bundles';
import { RunNode } from '../views/runs';
import { duration, percent } from '../views/text';
import { type StartParams } from '../worker/protocol';
import { Remedied, requireTrust, showError } from './index';

const t = vscode.l10n.t;

export interface EvaluateServices {
  readonly context: vscode.ExtensionContext;
  readonly catalogue: Catalogue;
  readonly runs: ActiveRuns;
  readonly steps: Steps;
  readonly log: Log;
  readonly panels: () => RunPanels;
  readonly servers: Servers;
}

/** The folder of a run that a command was given: a tree item, a file or folder of the explorer, or a path. */
export function folderOf(argument: unknown): string | undefined {
  if (argument instanceof RunNode) return argument.folder;
  if (argument instanceof vscode.Uri && argument.scheme === 'file') return path.extname(argument.fsPath) === '' ? argument.fsPath : path.dirname(argument.fsPath);
  return typeof argument === 'string' ? argument : undefined;
}

/** Starting, following and stopping runs. */
export class EvaluateCommands {
  constructor(private readonly services: EvaluateServices) {}

  private get version(): string {
    return String((this.services.context.extension.packageJSON as { version?: unknown }).version);
  }

  /** `LinguaLIFT: Run Evaluation…`, also from a bundle, a benchmark or a file of the explorer. */
  runEvaluation(argument: unknown): Promise<void> {
    return this.evaluateChoice(given(argument));
  }

  /** Asks for what is not given, and starts. */
  async evaluateChoice(known: Given): Promise<void> {
    requireTrust(t('Running an evaluation'));
    const { catalogue, context } = this.services;
    const choice = await chooseEvaluation(catalogue, context.workspaceState, known, readSetting('defaultBundle'));
    if (choice === undefined) return;
    if (typeof choice === 'string') {
      await vscode.commands.executeCommand(Command[choice]);
      return;
    }
    const servers = await this.services.servers.choose();
    if (!servers) return;
    await this.start({
      ...servers,
      bundle: choice.bundle,
      benchmark: choice.benchmark,
      languages: choice.languages,
      ...(choice.limit === null ? {} : { limit: choice.limit }),
      mode: choice.mode,
      ...(choice.calculator ? { calculator: true } : {}),
      // A fact about MMWP's prefixes; other benchmarks are not touched by it.
      ...(readSetting('swapSwedishSwahili') && (await this.nameOf(choice.benchmark)) === 'mmwp' ? { swapSwedishSwahili: true } : {}),
      ...engineSettings(),
      runsFolder: runsFolder(context),
      version: this.version,
    });
  }

  private async nameOf(benchmark: string): Promise<string | undefined> {
    return (await this.services.catalogue.benchmarks.get()).find((b) => b.path === benchmark)?.name;
  }

  async resumeRun(argument: unknown): Promise<void> {
    requireTrust(t('Resuming a run'));
    const folder = folderOf(argument) ?? this.services.panels().active?.folder ?? (await this.pickUnfinished());
    if (folder !== undefined) await this.resume(folder);
  }

  private async pickUnfinished(): Promise<string | undefined> {
    const runs = (await this.services.catalogue.runs.get()).filter((r) => r.status !== 'finished' && r.status !== 'damaged' && (r.status !== 'running' || this.services.runs.get(r.path)?.status === 'paused'));
    if (runs.length === 0) throw new Remedied(t('There is no unfinished run to resume.'), { label: t('Run evaluation…'), command: Command.runEvaluation });
    const items = runs.map((r) => ({ label: r.name ?? `${r.bundle} · ${r.benchmark}`, description: `${r.done}/${r.total}`, detail: r.path, folder: r.path }));
    return (await vscode.window.showQuickPick(items, { title: t('Resume run'), placeHolder: t('Unfinished runs') }))?.folder;
  }

  private async resume(folder: string): Promise<void> {
    const own = this.services.runs.get(folder);
    if (own) {
      if (own.status !== 'paused') return;
      void this.follow(own);
      await own.continue();
    } else await this.start(await this.resuming(folder));
  }

  /** The request that continues a run, with the servers of now where servers answered it. */
  private async resuming(folder: string): Promise<StartParams> {
    const params = resumeParams(folder, this.version);
    return params.backend === 'vllm' ? { ...params, ...(await this.services.servers.params()) } : params;
  }

  /** Takes up the runs that a reload of the window interrupted. */
  async resumeUnfinished(): Promise<void> {
    if (!vscode.workspace.isTrusted) return;
    for (const folder of await this.services.runs.unfinished()) {
      this.services.log.info(`Taking up the run in ${folder} after a reload`);
      try {
        await this.start(await this.resuming(folder), false);
      } catch (e) {
        void showError(e, this.services.log);
      }
    }
  }

  private async start(params: StartParams, show = true): Promise<void> {
    const { runs, panels } = this.services;
    let run: ActiveRun | undefined;
    await vscode.window.withProgress({ location: vscode.ProgressLocation.Notification, title: t('LinguaLIFT: loading the engine'), cancellable: true }, async (progress, token) => {
      try {
        run = await runs.start(params, (p) => progress.report({ message: `${p.message} (${p.step}/${p.of})`, increment: 100 / Math.max(1, p.of) }), token);
      } catch (e) {
        if (!(e instanceof CancelledStart)) throw e;
      }
    });
    if (!run) return;
    void this.follow(run);
    if (show) panels().open(run.folder);
  }

  /** Progress of a run as a notification, until it is over or paused. Cancelling there cancels the run. */
  private async follow(run: ActiveRun): Promise<void> {
    const { runs, steps, log } = this.services;
    await vscode.window.withProgress({ location: vscode.ProgressLocation.Notification, title: t('LinguaLIFT: {0}', run.name), cancellable: true }, (progress, token) =>
      new Promise<void>((resolve) => {
        let shown = 0;
        token.onCancellationRequested(() => void run.cancel());
        const listener = runs.onDidChange((changed) => {
          if (changed !== run) return;
          const { done, total, tokensPerSecond, etaSeconds, settled } = run.last;
          const share = total > 0 ? (100 * done) / total : 0;
          progress.report({
            increment: Math.max(0, share - shown),
            message: [`${done}/${total}`, tokensPerSecond === null ? '' : t('{0} tokens/s', Math.round(tokensPerSecond)), etaSeconds === null ? '' : t('{0} left', duration(etaSeconds))].filter(Boolean).join(' · '),
          });
          shown = Math.max(shown, share);
          if (settled) {
            listener.dispose();
            resolve();
          }
        });
        if (run.last.settled && run.status !== 'paused') {
          listener.dispose();
          resolve();
        }
      }));
    if (run.status === 'finished') {
      if (run.manifest.plan.languages.length >= 2) steps.done('ranTwoLanguages');
      this.announce(run);
    } else if (run.status === 'failed') void showError(new Error(t('The run stopped: {0} What is finished is saved.', run.last.message ?? t('the reason is in the log.'))), log);
    else if (run.status === 'cancelled') this.announceCancelled(run);
  }

  private announce(run: ActiveRun): void {
    const open = t('Open run');
    void vscode.window.showInformationMessage(t('{0} is finished: {1} items.', run.name, run.last.done), open).then((chosen) => {
      if (chosen === open) this.services.panels().open(run.folder);
    });
  }

  private announceCancelled(run: ActiveRun): void {
    const resume = t('Resume');
    void vscode.window.showInformationMessage(t('{0} was cancelled at {1}. It can be resumed.', run.name, percent(run.last.total > 0 ? run.last.done / run.last.total : 0)), resume).then((chosen) => {
      if (chosen === resume) void vscode.commands.executeCommand(Command.resumeRun, run.folder);
    });
  }

  /** A run of this window that a command means: given, in front, or the only one. */
  private activeRun(argument: unknown): ActiveRun {
    const { runs, panels } = this.services;
    const folder = folderOf(argument) ?? panels().active?.folder ?? (runs.all.length === 1 ? runs.all[0]!.folder : undefined);
    const run = folder === undefined ? undefined : runs.get(folder);
    if (!run) throw new Error(t('No run of this window is meant. Choose one in the Runs view.'));
    return run;
  }

  async pauseRun(argument: unknown): Promise<void> {
    await this.activeRun(argument).pause();
  }

  async cancelRun(argument: unknown): Promise<void> {
    await this.activeRun(argument).cancel();
  }

  openRun(argument: unknown): void {
    const folder = folderOf(argument) ?? this.services.runs.all[0]?.folder;
    if (folder === undefined) throw new Error(t('Choose a run in the Runs view, or a run folder in the explorer.'));
    this.services.panels().open(folder);
  }

  /** What a button of a panel asks for. */
  async act(folder: string, action: RunAction, language?: string): Promise<void> {
    const { runs } = this.services;
    if (action === 'compare') await vscode.commands.executeCommand(Command.compareRuns, folder);
    else if (action === 'rescore') await vscode.commands.executeCommand(Command.rescoreRun, folder);
    else if (action === 'export') await vscode.commands.executeCommand(Command.exportRun, folder);
    else {
      requireTrust(t('Running an evaluation'));
      if (action === 'pause') await this.pauseRun(folder);
      else if (action === 'cancel') await this.cancelRun(folder);
      else if (action === 'resume') await this.resume(folder);
      else if (language !== undefined) {
        const now = new Set(readState(folder)?.cancelledLanguages ?? []);
        if (action === 'cancelLanguage') now.add(language);
        else now.delete(language);
        const own = runs.get(folder);
        if (own) await own.setCancelledLanguages([...now]);
        else {
          writeState(folder, { cancelledLanguages: [...now] });
          if (action === 'restoreLanguage') await this.resume(folder);
        }
      }
    }
  }
}

function given(argument: unknown): Given {
  if (argument instanceof BundleNode) return { bundle: argument.info.dir };
  if (argument instanceof BenchmarkNode) return { benchmark: argument.info.path };
  if (argument instanceof vscode.Uri && argument.scheme === 'file') {
    const folder = path.dirname(argument.fsPath);
    if (path.basename(argument.fsPath) === 'lift.json') return { bundle: folder };
    if (path.basename(argument.fsPath) === 'benchmark.json') return { benchmark: folder };
  }
  return {};
}
