import path from 'node:path';
import * as vscode from 'vscode';
import { type CancellationToken, type MessageConnection } from 'vscode-jsonrpc/node';
import { type CompareTarget, DoCompareAction, GetAgreement, GetFloors, GetMany, GetPair, GetPairs, GetPairSample, GetScorers, GetTrend, MOST_RUNS, OnCompareTarget, OpenCompare } from '../../protocol/compare';
import { readManifestOf } from '../../runs/store';
import { Command, COMPARE_PANEL } from '../contributions';
import { plainErrors } from '../errors';
import { type Log, type Reader, type Steps } from '../services';
import { CloseComparison, ReadAgreement, ReadComparison, ReadFloors, ReadMany, ReadPair, ReadPairs, ReadPairSample, ReadScorers, ReadTrend } from '../worker/protocol';
import { compareAction, listParams, manyParams, pairKey, pairParams, runParams, sideParams } from './compare-params';
import { panelHtml, panelOptions } from './html';
import { webviewConnection } from './rpc';

const t = vscode.l10n.t;

export interface CompareServices {
  readonly reader: Reader;
  readonly steps: Steps;
  readonly log: Log;
  readonly openSample: (folder: string, show: { readonly language: string; readonly id: string }) => void;
}

/** One webview that shows runs side by side: answers its requests from the worker. */
class CompareSession implements vscode.Disposable {
  private readonly connection: MessageConnection;
  private opened = false;

  constructor(
    webview: vscode.Webview,
    private readonly folders: readonly string[],
    private readonly services: CompareServices,
    private target: CompareTarget | undefined,
  ) {
    const { reader } = services;
    const c = (this.connection = webviewConnection(webview));
    c.onRequest(OpenCompare, plainErrors(async (token: CancellationToken) => {
      const view = await reader.ask(ReadComparison, { folders }, token);
      this.opened = true;
      const first = this.target ?? null;
      this.target = undefined;
      return { ...view, target: first };
    }));
    c.onRequest(GetPair, plainErrors(async (params: unknown, token: CancellationToken) => {
      const answer = await reader.ask(ReadPair, { ...pairParams(params), folders }, token);
      services.steps.done('compared');
      return answer;
    }));
    c.onRequest(GetMany, plainErrors(async (params: unknown, token: CancellationToken) => {
      const answer = await reader.ask(ReadMany, { ...manyParams(params), folders }, token);
      services.steps.done('compared');
      return answer;
    }));
    c.onRequest(GetFloors, plainErrors((params: unknown, token: CancellationToken) => reader.ask(ReadFloors, { ...pairParams(params), folders }, token)));
    c.onRequest(GetPairs, plainErrors((params: unknown, token: CancellationToken) => reader.ask(ReadPairs, { ...listParams(params), folders }, token)));
    c.onRequest(GetPairSample, plainErrors((params: unknown, token: CancellationToken) => reader.ask(ReadPairSample, { ...pairKey(params), folders }, token)));
    c.onRequest(GetAgreement, plainErrors((params: unknown, token: CancellationToken) => reader.ask(ReadAgreement, { ...sideParams(params), folders }, token)));
    c.onRequest(GetScorers, plainErrors((params: unknown, token: CancellationToken) => reader.ask(ReadScorers, { ...runParams(params), folders }, token)));
    c.onRequest(GetTrend, plainErrors((params: unknown, token: CancellationToken) => reader.ask(ReadTrend, { ...runParams(params), folders }, token)));
    c.onRequest(DoCompareAction, plainErrors((params: unknown) => this.act(params)));
    c.onError(([e]) => services.log.warn(`Compare panel: ${e.message}`));
    c.listen();
  }

  private async act(params: unknown): Promise<null> {
    const { action, run, language, id } = compareAction(params);
    if (action === 'export') await vscode.commands.executeCommand(Command.exportRun, [...this.folders]);
    else if (action === 'addRun') await vscode.commands.executeCommand(Command.compareRuns, [...this.folders]);
    else {
      const folder = this.folders[run!];
      if (folder === undefined) throw new Error(t('There is no such run in this comparison.'));
      this.services.openSample(folder, { language: language!, id: id! });
    }
    return null;
  }

  /** Shows something, now or as soon as the page is there. */
  show(target: CompareTarget): void {
    if (!this.opened) this.target = target;
    else void this.connection.sendNotification(OnCompareTarget, target);
  }

  dispose(): void {
    this.connection.dispose();
  }
}

/** Opens comparisons: one panel for the same runs in the same order, found again after a reload. */
export class ComparePanels implements vscode.Disposable, vscode.WebviewPanelSerializer {
  private readonly panels = new Map<string, { readonly panel: vscode.WebviewPanel; readonly session: CompareSession }>();
  private readonly registration = vscode.window.registerWebviewPanelSerializer(COMPARE_PANEL, this);

  constructor(
    private readonly extension: vscode.Uri,
    private readonly services: CompareServices,
  ) {}

  /**
   * Shows one to six runs side by side; the first is the baseline.
   * @throws RunError when a folder is not a run
   */
  open(given: readonly string[], target?: CompareTarget): void {
    const folders = [...new Set(given.map((f) => path.resolve(f)))];
    if (folders.length === 0 || folders.length > MOST_RUNS) throw new Error(t('A comparison holds up to {0} runs, not {1}. Choose fewer.', MOST_RUNS, folders.length));
    const names = folders.map((f) => readManifestOf(f).environment.bundle.name);
    const old = this.panels.get(JSON.stringify(folders));
    if (old) {
      old.panel.reveal(undefined, false);
      if (target) old.session.show(target);
      return;
    }
    const title = folders.length === 1 ? t('Scorers: {0}', names[0]!) : t('Compare: {0}', [...new Set(names)].join(', '));
    const panel = vscode.window.createWebviewPanel(COMPARE_PANEL, title, { viewColumn: vscode.ViewColumn.Active }, { ...panelOptions(this.extension), enableFindWidget: false });
    this.adopt(panel, folders, target);
  }

  private adopt(panel: vscode.WebviewPanel, folders: readonly string[], target?: CompareTarget): void {
    const key = JSON.stringify(folders);
    panel.webview.options = panelOptions(this.extension);
    const icon = (theme: string): vscode.Uri => vscode.Uri.joinPath(this.extension, 'media', `run-${theme}.svg`);
    panel.iconPath = { light: icon('light'), dark: icon('dark') };
    const session = new CompareSession(panel.webview, folders, this.services, target);
    this.panels.set(key, { panel, session });
    panel.webview.html = panelHtml(panel.webview, this.extension, 'compare', panel.title);
    panel.onDidDispose(() => {
      session.dispose();
      this.panels.delete(key);
      void this.services.reader.ask(CloseComparison, { folders }).catch(() => undefined);
    });
  }

  deserializeWebviewPanel(panel: vscode.WebviewPanel, state: { readonly folders?: unknown } | undefined): Thenable<void> {
    const folders = state?.folders;
    const usable = Array.isArray(folders) && folders.length > 0 && folders.length <= MOST_RUNS && folders.every((f) => typeof f === 'string' && path.isAbsolute(f));
    if (!usable || this.panels.has(JSON.stringify(folders))) panel.dispose();
    else this.adopt(panel, folders as string[]);
    return Promise.resolve();
  }

  dispose(): void {
    this.registration.dispose();
    this.panels.forEach(({ session }) => session.dispose());
  }
}
