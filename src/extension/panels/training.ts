import path from 'node:path';
import * as vscode from 'vscode';
import { type MessageConnection } from 'vscode-jsonrpc/node';
import { DoTrainingAction, MOST_TRAININGS, OnTrainings, OpenTrainings, type TrainingAction, type TrainingInfo, type TrainingsView } from '../../protocol/training';
import { type Catalogue } from '../catalogue';
import { Command, TRAINING_PANEL } from '../contributions';
import { plainErrors } from '../errors';
import { type Log, type Reader } from '../services';
import { ReadTrainings } from '../worker/protocol';
import { panelHtml, panelOptions } from './html';
import { webviewConnection } from './rpc';
import { trainingAction } from './training-params';

const t = vscode.l10n.t;

export interface TrainingPanelServices {
  readonly reader: Reader;
  readonly catalogue: Catalogue;
  readonly log: Log;
}

/** At most so often a panel is told of what changed. */
const CHANGE_MS = 500;

/** One webview over one to six trainings: answers its requests and follows their files while they grow. */
class TrainingSession implements vscode.Disposable {
  private readonly connection: MessageConnection;
  private readonly disposables: vscode.Disposable[] = [];
  private watchers: vscode.Disposable[] = [];
  private timer: NodeJS.Timeout | undefined;
  private opened = false;
  private disposed = false;
  private others: readonly TrainingInfo[] = [];

  constructor(
    webview: vscode.Webview,
    private folders: readonly string[],
    private readonly services: TrainingPanelServices,
    private readonly onFolders: (folders: readonly string[]) => void,
  ) {
    const c = (this.connection = webviewConnection(webview));
    c.onRequest(OpenTrainings, plainErrors(async () => {
      const view = await this.view();
      this.opened = true;
      return view;
    }));
    c.onRequest(DoTrainingAction, plainErrors(async (params: unknown) => {
      await this.act(trainingAction(params));
      return null;
    }));
    c.onError(([e]) => services.log.warn(`Training panel: ${e.message}`));
    c.listen();
    this.watch();
    const touch = (): void => this.touch();
    this.disposables.push(services.catalogue.trainings.onDidChange(touch), vscode.workspace.onDidGrantWorkspaceTrust(touch));
  }

  private watch(): void {
    this.watchers.forEach((w) => w.dispose());
    const touch = (): void => this.touch();
    this.watchers = this.folders.flatMap((folder) => {
      const watcher = vscode.workspace.createFileSystemWatcher(new vscode.RelativePattern(vscode.Uri.file(folder), '{metrics.jsonl,process.json,result.json,settings.json,checkpoint-*/complete}'));
      return [watcher, watcher.onDidChange(touch), watcher.onDidCreate(touch), watcher.onDidDelete(touch)];
    });
  }

  private async view(): Promise<TrainingsView> {
    const [trainings, listed] = await Promise.all([this.services.reader.ask(ReadTrainings, { folders: this.folders }), this.services.catalogue.trainings.get()]);
    this.others = listed.filter((i) => i.status !== 'damaged' && !this.folders.includes(i.folder));
    return { trainings, trusted: vscode.workspace.isTrusted, others: this.others.map(({ folder, name, stage }) => ({ folder, name, stage })) };
  }

  private async act({ action, index, checkpoint, other }: TrainingAction): Promise<void> {
    const folder = this.folders[index];
    if (folder === undefined) throw new Error(t('There is no such training in this panel.'));
    switch (action) {
      case 'export': return void (await vscode.commands.executeCommand(Command.exportTraining, folder, checkpoint));
      case 'evaluate': return void (await vscode.commands.executeCommand(Command.evaluateTraining, folder, checkpoint));
      case 'resume': return void (await vscode.commands.executeCommand(Command.resumeTraining, folder));
      case 'cancel': return void (await vscode.commands.executeCommand(Command.cancelTraining, folder));
      case 'reveal': return void (await vscode.commands.executeCommand(Command.reveal, vscode.Uri.file(folder)));
      case 'add': {
        const added = this.others[other ?? -1];
        if (!added || this.folders.length >= MOST_TRAININGS) throw new Error(t('A panel holds up to {0} trainings.', MOST_TRAININGS));
        return this.show([...this.folders, added.folder]);
      }
      case 'remove': {
        if (this.folders.length === 1) throw new Error(t('The last training stays.'));
        return this.show(this.folders.filter((_, i) => i !== index));
      }
    }
  }

  private async show(folders: readonly string[]): Promise<void> {
    this.folders = folders;
    this.watch();
    this.onFolders(folders);
    await this.tell();
  }

  private touch(): void {
    if (this.timer || this.disposed) return;
    this.timer = setTimeout(() => {
      this.timer = undefined;
      void this.tell();
    }, CHANGE_MS);
  }

  private async tell(): Promise<void> {
    if (!this.opened || this.disposed) return;
    try {
      const view = await this.view();
      if (!this.disposed) await this.connection.sendNotification(OnTrainings, view);
    } catch (e) {
      if (!this.disposed) this.services.log.warn(`Training panel: ${(e as Error).message}`);
    }
  }

  dispose(): void {
    this.disposed = true;
    clearTimeout(this.timer);
    [...this.watchers, ...this.disposables].forEach((d) => d.dispose());
    this.connection.dispose();
  }
}

/** Opens trainings: one panel for the first of them, found again after a reload. */
export class TrainingPanels implements vscode.Disposable, vscode.WebviewPanelSerializer {
  private readonly panels = new Map<vscode.WebviewPanel, { folders: readonly string[]; readonly session: TrainingSession }>();
  private readonly registration = vscode.window.registerWebviewPanelSerializer(TRAINING_PANEL, this);

  constructor(
    private readonly extension: vscode.Uri,
    private readonly services: TrainingPanelServices,
  ) {}

  /** Shows one to six trainings in one panel, the curves laid over each other. */
  open(given: readonly string[]): void {
    const folders = [...new Set(given.map((f) => path.resolve(f)))];
    if (folders.length === 0 || folders.length > MOST_TRAININGS) throw new Error(t('A panel holds up to {0} trainings.', MOST_TRAININGS));
    for (const [panel, held] of this.panels) if (JSON.stringify(held.folders) === JSON.stringify(folders)) return panel.reveal(undefined, false);
    this.adopt(vscode.window.createWebviewPanel(TRAINING_PANEL, titleOf(folders), { viewColumn: vscode.ViewColumn.Active }, { ...panelOptions(this.extension), enableFindWidget: false }), folders);
  }

  private adopt(panel: vscode.WebviewPanel, folders: readonly string[]): void {
    panel.webview.options = panelOptions(this.extension);
    const icon = (theme: string): vscode.Uri => vscode.Uri.joinPath(this.extension, 'media', `run-${theme}.svg`);
    panel.iconPath = { light: icon('light'), dark: icon('dark') };
    const session = new TrainingSession(panel.webview, folders, this.services, (now) => {
      this.panels.get(panel)!.folders = now;
      panel.title = titleOf(now);
    });
    this.panels.set(panel, { folders, session });
    panel.webview.html = panelHtml(panel.webview, this.extension, 'training', panel.title);
    panel.onDidDispose(() => {
      session.dispose();
      this.panels.delete(panel);
    });
  }

  deserializeWebviewPanel(panel: vscode.WebviewPanel, state: { readonly folders?: unknown } | undefined): Thenable<void> {
    const folders = state?.folders;
    if (Array.isArray(folders) && folders.length > 0 && folders.length <= MOST_TRAININGS && folders.every((f) => typeof f === 'string' && path.isAbsolute(f))) this.adopt(panel, folders as string[]);
    else panel.dispose();
    return Promise.resolve();
  }

  dispose(): void {
    this.registration.dispose();
    this.panels.forEach(({ session }) => session.dispose());
  }
}

const titleOf = (folders: readonly string[]): string => t('Training: {0}', folders.map((f) => path.basename(f)).join(', '));
