import path from 'node:path';
import * as vscode from 'vscode';
import { type CancellationToken, CancellationTokenSource, type MessageConnection, type RequestParam, type RequestType, type RequestType0 } from 'vscode-jsonrpc/node';
import {
  type AlignmentAction, type AlignmentRequest, type AlignmentStatus, CancelAlignment, DoAlignmentAction, type ExportKind, type ExportParams, FindPoints, GetAlignment, GetMap, GetPoints, GetRunColours,
  GetSoft, isAlignmentRequest, OnAlignmentStatus, OpenAlignment, type OpenedAlignment, SaveExport, StartAlignment,
} from '../../protocol/alignmentpanel';
import { type GenerationRef } from '../../protocol/generation';
import { alignmentLink } from '../alignmentlink';
import { requireTrust } from '../commands';
import { ALIGNMENT_PANEL, Command } from '../contributions';
import { plainErrors } from '../errors';
import { type Log, type Steps, workerLog } from '../services';
import { duration } from '../views/text';
import { WorkerClient } from '../worker/client';
import { AnalyseAlignment, OnDeskStatus, OpenAlignmentDesk, ReadAlignment, ReadMap, ReadPoints, ReadQuestion, ReadRunColours, ReadSoft, SearchPoints } from '../worker/protocol';
import { alignmentAction, colourParams, exportParams, findParams, mapParams, pointsParams, softParams } from './alignment-params';
import { panelHtml, panelOptions } from './html';
import { webviewConnection } from './rpc';

const t = vscode.l10n.t;

export interface AlignmentServices {
  readonly steps: Steps;
  readonly log: Log;
  readonly runsFolder: () => string;
  /** Threads (0: all cores) and batch size of the settings. */
  readonly engine: () => { readonly threads: number; readonly batch: number };
  readonly openSample: (folder: string, show: { readonly language: string; readonly id: string }) => void;
}

/**
 * One webview that shows one analysis. The work happens in a worker of its own, which starts with the first question and ends with the
 * panel; an analysis goes on while the panel is hidden.
 */
class AlignmentSession implements vscode.Disposable {
  private readonly connection: MessageConnection;
  private worker: WorkerClient | undefined;
  private desk: Promise<boolean> | undefined;
  private running: CancellationTokenSource | undefined;
  private now: AlignmentStatus = { status: 'idle' };
  private disposed = false;

  /** @param wanted start what is not cached, as a command asks; a reloaded window or a link only looks into the cache */
  constructor(
    webview: vscode.Webview,
    private readonly request: AlignmentRequest,
    private readonly services: AlignmentServices,
    private wanted: boolean,
  ) {
    const c = (this.connection = webviewConnection(webview));
    c.onRequest(OpenAlignment, plainErrors(() => this.open()));
    c.onRequest(StartAlignment, plainErrors(() => {
      requireTrust(t('Analysing a bundle'));
      this.start();
      return null;
    }));
    c.onRequest(CancelAlignment, plainErrors(() => {
      this.running?.cancel();
      return null;
    }));
    c.onRequest(GetAlignment, plainErrors(async (token: CancellationToken) => {
      const view = await this.ask0(ReadAlignment, token);
      services.steps.done('lookedInside');
      return view;
    }));
    c.onRequest(GetMap, plainErrors((params: unknown, token: CancellationToken) => this.ask(ReadMap, mapParams(params), token)));
    c.onRequest(GetRunColours, plainErrors((params: unknown, token: CancellationToken) => this.ask(ReadRunColours, colourParams(params), token)));
    c.onRequest(FindPoints, plainErrors(async (params: unknown, token: CancellationToken) => ({ points: await this.ask(SearchPoints, findParams(params), token) })));
    c.onRequest(GetPoints, plainErrors(async (params: unknown, token: CancellationToken) => ({ texts: await this.ask(ReadPoints, pointsParams(params), token) })));
    c.onRequest(GetSoft, plainErrors((params: unknown, token: CancellationToken) => {
      requireTrust(t('Loading a bundle'));
      return this.ask(ReadSoft, softParams(params), token);
    }));
    c.onRequest(DoAlignmentAction, plainErrors(async (params: unknown) => {
      await this.act(alignmentAction(params));
      return null;
    }));
    c.onRequest(SaveExport, plainErrors(async (params: unknown) => ({ saved: await this.save(exportParams(params)) })));
    c.onError(([e]) => services.log.warn(`Alignment panel: ${e.message}`));
    c.listen();
  }

  private async open(): Promise<OpenedAlignment> {
    if (this.now.status === 'idle' || this.now.status === 'failed') {
      try {
        if (await this.cached()) this.now = { status: 'ready' };
        else if (this.wanted && vscode.workspace.isTrusted) this.start();
      } catch (e) {
        this.now = { status: 'failed', error: (e as Error).message };
      }
      this.wanted = false;
    }
    return { request: this.request, names: this.request.bundles.map((b) => path.basename(b)), trusted: vscode.workspace.isTrusted, now: this.now };
  }

  private get client(): WorkerClient {
    if (!this.worker) {
      const client = (this.worker = new WorkerClient(workerLog(this.services.log)));
      client.connection.onNotification(OnDeskStatus, (status) => this.tell(status));
      void client.ended.then((e) => {
        if (this.worker !== client) return;
        this.worker = undefined;
        this.desk = undefined;
        if (this.running && !this.disposed) this.tell({ status: 'failed', error: e?.message ?? t('The worker ended.') });
      });
    }
    return this.worker;
  }

  /** Sets the desk up once; true when everything is in the cache. */
  private cached(): Promise<boolean> {
    const { client } = this;
    this.desk ??= client.connection.sendRequest(OpenAlignmentDesk, { request: this.request, runsFolder: this.services.runsFolder(), ...this.services.engine() });
    this.desk.catch(() => (this.desk = undefined));
    return this.desk;
  }

  private async ask<P, R>(type: RequestType<P, R, void>, params: RequestParam<P>, token: CancellationToken): Promise<R> {
    await this.cached();
    return this.client.connection.sendRequest(type, params, token);
  }

  private async ask0<R>(type: RequestType0<R, void>, token: CancellationToken): Promise<R> {
    await this.cached();
    return this.client.connection.sendRequest(type, token);
  }

  /** Sets the analysis in motion, with its progress in the panel and as a notification. */
  private start(): void {
    if (this.running) return;
    const source = (this.running = new CancellationTokenSource());
    this.tell({ status: 'working' });
    const title = t('LinguaLIFT: alignment of {0}', this.request.bundles.map((b) => path.basename(b)).join(', '));
    void vscode.window.withProgress({ location: vscode.ProgressLocation.Notification, title, cancellable: true }, async (progress, token) => {
      token.onCancellationRequested(() => source.cancel());
      const timer = setInterval(() => progress.report({ message: this.progress() }), 500);
      try {
        // A cached part is found again in no time, so the desk is set up anew only when it has to be.
        await this.cached();
        await this.client.connection.sendRequest(AnalyseAlignment, source.token);
        this.tell({ status: 'ready' });
      } catch (e) {
        const message = (e as Error).message;
        if (!source.token.isCancellationRequested) this.services.log.error(`Alignment: ${message}`);
        this.tell(source.token.isCancellationRequested ? { status: 'cancelled' } : { status: 'failed', error: message });
      } finally {
        clearInterval(timer);
        this.running = undefined;
        source.dispose();
      }
    });
  }

  private progress(): string {
    const { done = 0, of = 0, etaSeconds, bundle = 0, bundles = 1 } = this.now;
    return [bundles > 1 ? t('bundle {0} of {1}', bundle + 1, bundles) : '', of > 1 ? `${done}/${of}` : '', etaSeconds === undefined ? '' : t('{0} left', duration(etaSeconds))].filter(Boolean).join(' · ');
  }

  private tell(status: AlignmentStatus): void {
    this.now = status;
    if (!this.disposed) void this.connection.sendNotification(OnAlignmentStatus, status).catch(() => undefined);
  }

  private async act({ action, run, bundle, language, id }: AlignmentAction): Promise<void> {
    if (action === 'addBundle') await vscode.commands.executeCommand(Command.showAlignment, this.request, 'addBundle');
    else if (action === 'copyLink') {
      await vscode.env.clipboard.writeText(alignmentLink(vscode.env.uriScheme, this.request));
      void vscode.window.setStatusBarMessage(t('The link to this analysis was copied.'), 4000);
    } else if (action === 'openSample') this.services.openSample(run!, { language: language!, id: id! });
    else {
      const { question, gold } = await this.client.connection.sendRequest(ReadQuestion, { language: language!, id: id! });
      const folder = this.request.bundles[bundle!];
      if (folder === undefined) throw new Error(t('There is no such bundle in this panel.'));
      const reference: GenerationRef = { bundle: folder, question, language: language!, gold, ...(this.request.precision === undefined ? {} : { precision: this.request.precision }) };
      await vscode.commands.executeCommand(Command.showAttention, reference);
    }
  }

  private async save({ kind, name, content }: ExportParams): Promise<boolean> {
    const names: Readonly<Record<ExportKind, string>> = { svg: 'SVG', png: 'PNG', csv: 'CSV', json: 'JSON' };
    const folder = vscode.workspace.workspaceFolders?.[0]?.uri ?? vscode.Uri.file(this.services.runsFolder());
    const target = await vscode.window.showSaveDialog({ title: t('Export alignment'), defaultUri: vscode.Uri.joinPath(folder, `${name}.${kind}`), filters: { [names[kind]]: [kind] } });
    if (!target) return false;
    await vscode.workspace.fs.writeFile(target, kind === 'png' ? Buffer.from(content, 'base64') : Buffer.from(content, 'utf8'));
    return true;
  }

  dispose(): void {
    this.disposed = true;
    this.running?.cancel();
    this.connection.dispose();
    void this.worker?.dispose();
  }
}

/** Opens alignment panels: one for each analysis, found again after a reload, by its command, or by its link. */
export class AlignmentPanels implements vscode.Disposable, vscode.WebviewPanelSerializer {
  private readonly panels = new Map<string, { readonly panel: vscode.WebviewPanel; readonly session: AlignmentSession }>();
  private readonly registration = vscode.window.registerWebviewPanelSerializer(ALIGNMENT_PANEL, this);

  constructor(
    private readonly extension: vscode.Uri,
    private readonly services: AlignmentServices,
  ) {}

  /** Shows an analysis. @param start also run what is not in the cache */
  open(request: AlignmentRequest, start: boolean): void {
    const old = this.panels.get(JSON.stringify(request));
    if (old) {
      old.panel.reveal(undefined, false);
      return;
    }
    const title = t('Alignment: {0}', request.bundles.map((b) => path.basename(b)).join(', '));
    const panel = vscode.window.createWebviewPanel(ALIGNMENT_PANEL, title, { viewColumn: vscode.ViewColumn.Active }, { ...panelOptions(this.extension), enableFindWidget: false });
    this.adopt(panel, request, start);
  }

  private adopt(panel: vscode.WebviewPanel, request: AlignmentRequest, start: boolean): void {
    const key = JSON.stringify(request);
    panel.webview.options = panelOptions(this.extension);
    const icon = (theme: string): vscode.Uri => vscode.Uri.joinPath(this.extension, 'media', `run-${theme}.svg`);
    panel.iconPath = { light: icon('light'), dark: icon('dark') };
    const session = new AlignmentSession(panel.webview, request, this.services, start);
    this.panels.set(key, { panel, session });
    panel.webview.html = panelHtml(panel.webview, this.extension, 'alignment', panel.title);
    panel.onDidDispose(() => {
      session.dispose();
      this.panels.delete(key);
    });
  }

  deserializeWebviewPanel(panel: vscode.WebviewPanel, state: { readonly request?: unknown } | undefined): Thenable<void> {
    const request = state?.request;
    if (!isAlignmentRequest(request) || this.panels.has(JSON.stringify(request))) panel.dispose();
    else this.adopt(panel, request, false);
    return Promise.resolve();
  }

  dispose(): void {
    this.registration.dispose();
    this.panels.forEach(({ session }) => session.dispose());
  }
}
