import os from 'node:os';
import path from 'node:path';
import * as vscode from 'vscode';
import { type CancellationToken, type MessageConnection } from 'vscode-jsonrpc/node';
import { languageName } from '../../core/languages';
import {
  type AttentionAction, type AttentionView, DoAttentionAction, GetLens, GetSoft, GetThumbnails, GetTile, MOST_SUBJECTS, OnAttentionChanged, OnAttentionProgress, OnAttentionToken, OpenAttention, SaveView, type ViewFormat,
} from '../../protocol/attention-panel';
import { type GenerationRef, isGenerationRef } from '../../protocol/generation';
import { requireTrust } from '../commands';
import { ATTENTION_PANEL } from '../contributions';
import { plainErrors } from '../errors';
import { type Log, workerLog } from '../services';
import { WorkerClient } from '../worker/client';
import { type EngineChoice, OnProbing, OpenSubjects, ReadLens, ReadSoft, ReadThumbnails, ReadTile } from '../worker/probe-protocol';
import { attentionAction, lensParams, savedView, softParams, thumbnailParams, tileParams } from './attention-params';
import { panelHtml, panelOptions } from './html';
import { webviewConnection } from './rpc';

const t = vscode.l10n.t;

export interface AttentionServices {
  readonly log: Log;
  /** The engine's settings as they are now. */
  readonly engine: () => EngineChoice;
  /** Asks for something to put beside a generation; undefined when the user closed a pick. */
  readonly choose: (what: 'compareLanguage' | 'compareBundle', ref: GenerationRef) => Promise<GenerationRef | undefined>;
  readonly link: (refs: readonly GenerationRef[]) => string;
  readonly openSample: (folder: string, show: { readonly language: string; readonly id: string }) => void;
}

/** The prompt of a generation, whatever has been answered: what two references have in common that belong into one panel. */
const promptKey = ({ bundle, precision, question, language, template }: GenerationRef): string => JSON.stringify([path.resolve(bundle), precision ?? '', question, language, template ?? '']);

const FILTERS: Readonly<Record<ViewFormat, string>> = { png: 'PNG', svg: 'SVG', csv: 'CSV', json: 'JSON' };

/** One webview that looks into one generation or two, with a worker that holds the engines. */
class AttentionSession implements vscode.Disposable {
  private readonly connection: MessageConnection;
  private worker: WorkerClient | undefined;
  private view: { readonly asked: readonly GenerationRef[]; readonly answer: AttentionView } | undefined;
  private token: number | null;
  private pageReady = false;
  private disposed = false;

  constructor(
    webview: vscode.Webview,
    public refs: readonly GenerationRef[],
    private readonly services: AttentionServices,
    private readonly onRefs: (before: string) => void,
  ) {
    this.token = refs[0]?.token ?? null;
    const c = (this.connection = webviewConnection(webview));
    c.onRequest(OpenAttention, plainErrors((token: CancellationToken) => this.open(token)));
    c.onRequest(GetTile, plainErrors((params: unknown, token: CancellationToken) => this.running.connection.sendRequest(ReadTile, tileParams(params), token)));
    c.onRequest(GetThumbnails, plainErrors((params: unknown, token: CancellationToken) => this.running.connection.sendRequest(ReadThumbnails, thumbnailParams(params), token)));
    c.onRequest(GetSoft, plainErrors((params: unknown, token: CancellationToken) => this.running.connection.sendRequest(ReadSoft, softParams(params), token)));
    c.onRequest(GetLens, plainErrors((params: unknown, token: CancellationToken) => this.running.connection.sendRequest(ReadLens, lensParams(params), token)));
    c.onRequest(SaveView, plainErrors((params: unknown) => this.save(params)));
    c.onRequest(DoAttentionAction, plainErrors(async (params: unknown) => {
      const { action, subject } = attentionAction(params);
      await this.act(action, subject);
      return null;
    }));
    c.onError(([e]) => services.log.warn(`Attention panel: ${e.message}`));
    c.listen();
  }

  get key(): string {
    return JSON.stringify(this.refs.map(promptKey));
  }

  private get running(): WorkerClient {
    if (!this.worker) throw new Error(t('The engine of this panel has ended. Open the prompt again.'));
    return this.worker;
  }

  private start(): WorkerClient {
    if (this.worker) return this.worker;
    const worker = (this.worker = new WorkerClient(workerLog(this.services.log)));
    worker.connection.onNotification(OnProbing, (progress) => void (this.disposed || this.connection.sendNotification(OnAttentionProgress, progress)));
    void worker.ended.then((e) => {
      if (e) this.services.log.error(`The worker of an attention panel ended: ${e.message}`);
      if (this.worker === worker) this.stop();
    });
    return worker;
  }

  private stop(): void {
    void this.worker?.dispose();
    this.worker = undefined;
    this.view = undefined;
  }

  /** Loads what the panel shows, or gives what is loaded already: a page that was hidden comes back without waiting. */
  private async open(token: CancellationToken): Promise<AttentionView> {
    requireTrust(t('Looking inside a model'));
    const { refs } = this;
    if (this.view?.asked !== refs) {
      const worker = this.start();
      const ended = worker.ended.then((e) => Promise.reject(e ?? new Error(t('The engine of this panel has ended. Open the prompt again.'))));
      ended.catch(() => undefined);
      const cancelled = new Promise<never>((_, reject) => token.onCancellationRequested(() => reject(new Error(t('Opening was cancelled.')))));
      cancelled.catch(() => undefined);
      try {
        const subjects = await Promise.race([worker.connection.sendRequest(OpenSubjects, { refs, engine: this.services.engine() }, token), ended, cancelled]);
        if (this.refs === refs) {
          // With the answer that was made: asked for again it is the same.
          this.refs = subjects.map((s) => s.ref);
          this.view = { asked: this.refs, answer: { subjects, token: this.token } };
        } else return await this.open(token);
      } catch (e) {
        if (token.isCancellationRequested) this.stop();
        throw e;
      }
    }
    this.pageReady = true;
    return { ...this.view!.answer, token: this.token };
  }

  /** Shows another generation, or two; where only the answer has grown, the engine stays loaded. */
  async show(refs: readonly GenerationRef[]): Promise<void> {
    const before = this.key;
    this.refs = refs;
    this.token = refs[0]?.token ?? this.token;
    this.onRefs(before);
    if (this.pageReady && !this.disposed) await this.connection.sendNotification(OnAttentionChanged, { refs });
  }

  /** True when the panel shows this prompt. */
  holds(ref: GenerationRef): boolean {
    return this.refs.length > 0 && promptKey(this.refs[0]!) === promptKey(ref);
  }

  /** Moves the cursor to the token of `ref`, and reads its answer where that goes on further than what is there. */
  async follow(ref: GenerationRef): Promise<void> {
    const [own] = this.refs;
    const [had, now] = [own?.completionIds, ref.completionIds];
    const same = now === undefined ? ref.completion === undefined || ref.completion === own?.completion : had !== undefined && now.length <= had.length && now.every((id, i) => id === had[i]);
    this.token = ref.token ?? this.token;
    if (!same) await this.show([ref, ...this.refs.slice(1)]);
    else if (this.token !== null && this.pageReady && !this.disposed) await this.connection.sendNotification(OnAttentionToken, { token: this.token });
  }

  private async act(action: AttentionAction, subject: number): Promise<void> {
    const ref = this.refs[subject] ?? this.refs[0]!;
    if (action === 'single') await this.show([ref]);
    else if (action === 'copyLink') {
      await vscode.env.clipboard.writeText(this.services.link(this.refs));
      void vscode.window.showInformationMessage(t('The link is on the clipboard. Opened on this machine it shows the same prompt and answer.'));
    } else if (action === 'openSample') {
      if (!ref.source) throw new Error(t('This prompt does not come from a run.'));
      this.services.openSample(ref.source.run, { language: ref.language, id: ref.source.id });
    } else {
      const other = await this.services.choose(action, this.refs[0]!);
      if (other) await this.show([this.refs[0]!, other]);
    }
  }

  private async save(params: unknown): Promise<boolean> {
    const { name, format, content } = savedView(params);
    const folder = vscode.workspace.workspaceFolders?.find((f) => f.uri.scheme === 'file')?.uri ?? vscode.Uri.file(os.homedir());
    const target = await vscode.window.showSaveDialog({ defaultUri: vscode.Uri.joinPath(folder, `${name}.${format}`), filters: { [FILTERS[format]]: [format] }, title: t('Export view') });
    if (!target) return false;
    await vscode.workspace.fs.writeFile(target, typeof content === 'string' ? new TextEncoder().encode(content) : content);
    return true;
  }

  dispose(): void {
    this.disposed = true;
    this.connection.dispose();
    this.stop();
  }
}

/** Attention panels: one for the same prompt, found again after a reload, and able to follow a debugger. */
export class AttentionPanels implements vscode.Disposable, vscode.WebviewPanelSerializer {
  private readonly panels = new Map<vscode.WebviewPanel, AttentionSession>();
  private readonly registration = vscode.window.registerWebviewPanelSerializer(ATTENTION_PANEL, this);

  constructor(
    private readonly extension: vscode.Uri,
    private readonly services: AttentionServices,
  ) {}

  /** Shows one generation, or two side by side, in the panel that has them already if there is one. */
  async open(refs: readonly GenerationRef[]): Promise<void> {
    if (refs.length === 0 || refs.length > MOST_SUBJECTS) throw new Error(t('One or two generations can be looked at, not {0}.', refs.length));
    const key = JSON.stringify(refs.map(promptKey));
    for (const [panel, session] of this.panels) {
      if (session.key !== key) continue;
      panel.reveal(undefined, false);
      if (refs.length === 1) await session.follow(refs[0]!);
      else await session.show(refs);
      return;
    }
    const panel = vscode.window.createWebviewPanel(ATTENTION_PANEL, title(refs), { viewColumn: vscode.ViewColumn.Active }, { ...panelOptions(this.extension), enableFindWidget: false });
    this.adopt(panel, refs);
  }

  /**
   * Moves the cursor of the panel that shows the prompt of `ref` to its token, without taking the focus.
   * @returns false when no panel shows this prompt
   */
  async follow(ref: GenerationRef): Promise<boolean> {
    for (const [panel, session] of this.panels) {
      if (!session.holds(ref)) continue;
      if (!panel.visible) panel.reveal(undefined, true);
      await session.follow(ref);
      return true;
    }
    return false;
  }

  private adopt(panel: vscode.WebviewPanel, refs: readonly GenerationRef[]): void {
    panel.webview.options = panelOptions(this.extension);
    const icon = (theme: string): vscode.Uri => vscode.Uri.joinPath(this.extension, 'media', `run-${theme}.svg`);
    panel.iconPath = { light: icon('light'), dark: icon('dark') };
    const session = new AttentionSession(panel.webview, refs, this.services, () => {
      panel.title = title(session.refs);
    });
    this.panels.set(panel, session);
    panel.webview.html = panelHtml(panel.webview, this.extension, 'attention', panel.title);
    panel.onDidDispose(() => {
      session.dispose();
      this.panels.delete(panel);
    });
  }

  deserializeWebviewPanel(panel: vscode.WebviewPanel, state: { readonly refs?: unknown } | undefined): Thenable<void> {
    const refs = state?.refs;
    if (Array.isArray(refs) && refs.length > 0 && refs.length <= MOST_SUBJECTS && refs.every(isGenerationRef)) this.adopt(panel, refs);
    else panel.dispose();
    return Promise.resolve();
  }

  dispose(): void {
    this.registration.dispose();
    this.panels.forEach((session) => session.dispose());
  }
}

function title(refs: readonly GenerationRef[]): string {
  return t('Attention: {0}', [...new Set(refs.map((r) => `${path.basename(r.bundle)} · ${languageName(r.language)}`))].join(' | '));
}
