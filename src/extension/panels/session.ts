import * as vscode from 'vscode';
import { type CancellationToken, type MessageConnection } from 'vscode-jsonrpc/node';
import { type Activity, DoAction, DoSampleAction, GetAnswerLanguages, GetEstimates, GetPage, GetProblem, GetSample, OnPanelCommand, OnRunChanged, OnShow, OpenRun, type RunAction, type RunView, SAMPLE_ACTIONS, type SampleAction, type ShownStatus } from '../../protocol/panels';
import { type Reader, type Steps } from '../services';
import { type ActiveRuns } from '../runs/active';
import { CloseRun, ReadEstimates, ReadFidelity, ReadPage, ReadProblem, ReadRun, ReadSample, type RunFacts } from '../worker/protocol';
import { plainErrors } from '../errors';
import { Command } from '../contributions';
import { ReadGeneration } from '../worker/probe-protocol';
import { webviewConnection } from './rpc';
import { actionParams, pageParams, problemParams, sampleActionParams, sampleParams } from './validate';

export interface SessionServices {
  readonly reader: Reader;
  readonly runs: ActiveRuns;
  readonly steps: Steps;
  readonly act: (folder: string, action: RunAction, language?: string) => Promise<void>;
  readonly log: vscode.LogOutputChannel;
}

/** Commands that take a generation; one that this window does not have is not offered. */
const SAMPLE_COMMANDS: Readonly<Record<SampleAction, string>> = { attention: Command.showAttention, debug: 'lingualift.debugGeneration', notebook: 'lingualift.openInNotebook' };

/** At most so often a panel is told of new samples. */
const CHANGE_MS = 400;

/** Open panels of one run share its index; the last one to close gives it back. */
const holders = new Map<string, number>();

/** One webview that shows one run: answers its requests and tells it what changes. */
export class RunSession implements vscode.Disposable {
  private readonly connection: MessageConnection;
  private readonly disposables: vscode.Disposable[] = [];
  private timer: NodeJS.Timeout | undefined;
  private pending: { readonly language: string; readonly id?: string } | undefined;
  private sampleActions: readonly SampleAction[] = [];
  private opened = false;
  private disposed = false;
  private again = false;

  constructor(
    webview: vscode.Webview,
    readonly folder: string,
    private readonly services: SessionServices,
    private readonly onName: (name: string) => void,
  ) {
    const { reader } = services;
    holders.set(folder, (holders.get(folder) ?? 0) + 1);
    this.connection = webviewConnection(webview);
    const c = this.connection;
    c.onRequest(OpenRun, plainErrors(() => this.open()));
    c.onRequest(GetPage, plainErrors((params: unknown, token: CancellationToken) => reader.ask(ReadPage, { ...pageParams(params), folder }, token)));
    c.onRequest(GetSample, plainErrors((params: unknown, token: CancellationToken) => {
      services.steps.done('lookedInside');
      return reader.ask(ReadSample, { ...sampleParams(params), folder }, token);
    }));
    c.onRequest(GetProblem, plainErrors((params: unknown, token: CancellationToken) => reader.ask(ReadProblem, { ...problemParams(params), folder }, token)));
    c.onRequest(GetEstimates, plainErrors((token: CancellationToken) => reader.ask(ReadEstimates, { folder }, token)));
    c.onRequest(GetAnswerLanguages, plainErrors((token: CancellationToken) => reader.ask(ReadFidelity, { folder }, token)));
    c.onRequest(DoAction, plainErrors(async (params: unknown) => {
      const { action, language } = actionParams(params);
      await services.act(folder, action, language);
      return null;
    }));
    c.onRequest(DoSampleAction, plainErrors(async (params: unknown) => {
      const { action, language, id } = sampleActionParams(params);
      if (!this.sampleActions.includes(action)) throw new Error(vscode.l10n.t('This window has no command for that.'));
      await vscode.commands.executeCommand(SAMPLE_COMMANDS[action], await reader.ask(ReadGeneration, { folder, language, id }));
      return null;
    }));
    c.onError(([e]) => services.log.warn(`Run panel: ${e.message}`));
    c.listen();
    const watcher = vscode.workspace.createFileSystemWatcher(new vscode.RelativePattern(vscode.Uri.file(folder), '{samples.jsonl,state.json,run.lock}'));
    const touch = (): void => this.touch();
    this.disposables.push(
      watcher, watcher.onDidChange(touch), watcher.onDidCreate(touch), watcher.onDidDelete(touch),
      services.runs.onDidChange((run) => {
        if (run.folder === folder) this.touch();
      }),
      vscode.workspace.onDidGrantWorkspaceTrust(touch),
    );
  }

  private async open(): Promise<RunView> {
    const commands = new Set(await vscode.commands.getCommands(true));
    this.sampleActions = SAMPLE_ACTIONS.filter((a) => commands.has(SAMPLE_COMMANDS[a]));
    const view = this.view(await this.services.reader.ask(ReadRun, { folder: this.folder }));
    this.opened = true;
    this.onName(view.name);
    if (this.pending) {
      const show = this.pending;
      this.pending = undefined;
      setTimeout(() => this.show(show), 0);
    }
    return view;
  }

  private view(facts: RunFacts): RunView {
    const { manifest, state } = facts;
    return {
      folder: this.folder,
      name: state?.name ?? `${manifest.environment.bundle.name} · ${manifest.environment.benchmark.title}`,
      tags: state?.tags ?? [],
      manifest,
      rows: facts.rows,
      activity: this.activity(facts),
      damagedLines: facts.damagedLines,
      trusted: vscode.workspace.isTrusted,
      sampleActions: vscode.workspace.isTrusted ? this.sampleActions : [],
    };
  }

  private activity(facts: RunFacts): Activity {
    const own = this.services.runs.get(this.folder);
    // Languages that were taken out are not waited for.
    const total = facts.rows.reduce((sum, row) => sum + (row.cancelled ? row.n : row.total), 0);
    if (own) {
      const { status, tokensPerSecond, etaSeconds, message, endpoints } = own.last;
      return { status, ours: true, done: facts.done, total, tokensPerSecond, etaSeconds, message, ...(endpoints ? { endpoints } : {}) };
    }
    const stored = facts.state?.status ?? 'planned';
    const status: ShownStatus = stored === 'running' && !facts.locked ? 'interrupted' : stored === 'paused' && !facts.locked ? 'cancelled' : stored;
    const { seconds, newTokens } = facts.state ?? { seconds: 0, newTokens: 0 };
    return { status, ours: false, done: facts.done, total, tokensPerSecond: seconds > 0 && newTokens > 0 ? newTokens / seconds : null, etaSeconds: null, message: facts.state?.error ?? null };
  }

  private touch(): void {
    if (this.disposed) return;
    // A change while the last one is still being read must not be lost.
    if (this.timer) this.again = true;
    else this.timer = setTimeout(() => void this.tell(), CHANGE_MS);
  }

  private async tell(): Promise<void> {
    this.again = false;
    try {
      if (!this.opened) return;
      const { rows, activity, damagedLines, name, tags } = this.view(await this.services.reader.ask(ReadRun, { folder: this.folder }));
      this.onName(name);
      if (!this.disposed) await this.connection.sendNotification(OnRunChanged, { rows, activity, damagedLines, name, tags });
    } catch (e) {
      if (!this.disposed) this.services.log.warn(`Run panel: ${(e as Error).message}`);
    } finally {
      this.timer = undefined;
      if (this.again) this.touch();
    }
  }

  /** Shows a language or one sample, now or as soon as the page is there. */
  show(target: { readonly language: string; readonly id?: string }): void {
    if (!this.opened) this.pending = target;
    else void this.connection.sendNotification(OnShow, target);
  }

  command(command: 'find' | 'next' | 'previous' | 'togglePause'): void {
    void this.connection.sendNotification(OnPanelCommand, { command });
  }

  dispose(): void {
    this.disposed = true;
    clearTimeout(this.timer);
    this.disposables.forEach((d) => d.dispose());
    this.connection.dispose();
    const left = (holders.get(this.folder) ?? 1) - 1;
    holders.set(this.folder, left);
    if (left === 0) {
      holders.delete(this.folder);
      void this.services.reader.ask(CloseRun, { folder: this.folder }).catch(() => undefined);
    }
  }
}
