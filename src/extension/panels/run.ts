import path from 'node:path';
import * as vscode from 'vscode';
import { readManifestOf } from '../../runs/store';
import { RUN_EDITOR, RUN_PANEL } from '../contributions';
import { panelHtml, panelOptions } from './html';
import { RunSession, type SessionServices } from './session';

interface PanelState {
  readonly folder?: unknown;
}

/** A run's file in the read-only editor; the run is the folder around it. */
class RunDocument implements vscode.CustomDocument {
  constructor(readonly uri: vscode.Uri) {}
  dispose(): void {
    // Nothing is held.
  }
}

/** Opens runs: as panels by command, link or URI, as read-only editors on a run's file, and again after a reload. */
export class RunPanels implements vscode.Disposable, vscode.WebviewPanelSerializer, vscode.CustomReadonlyEditorProvider<RunDocument> {
  private readonly panels = new Map<string, vscode.WebviewPanel>();
  private readonly sessions = new Map<vscode.WebviewPanel, RunSession>();
  private readonly registrations: vscode.Disposable[];

  constructor(
    private readonly extension: vscode.Uri,
    private readonly services: SessionServices,
  ) {
    this.registrations = [vscode.window.registerWebviewPanelSerializer(RUN_PANEL, this), vscode.window.registerCustomEditorProvider(RUN_EDITOR, this, { supportsMultipleEditorsPerDocument: true })];
  }

  /**
   * Shows the run of a folder, in its existing panel if there is one.
   * @throws RunError when the folder is not a run
   */
  open(folder: string, show?: { readonly language: string; readonly id?: string }): void {
    const run = path.resolve(folder);
    let panel = this.panels.get(run);
    if (panel) panel.reveal(undefined, false);
    else {
      readManifestOf(run);
      panel = vscode.window.createWebviewPanel(RUN_PANEL, path.basename(run), { viewColumn: vscode.ViewColumn.Active }, { ...panelOptions(this.extension), enableFindWidget: false });
      this.adopt(panel, run);
      this.panels.set(run, panel);
    }
    if (show) this.sessions.get(panel)?.show(show);
  }

  /** The run of the panel or editor that is in front, if one is. */
  get active(): RunSession | undefined {
    for (const [panel, session] of this.sessions) if (panel.active) return session;
    return undefined;
  }

  private adopt(panel: vscode.WebviewPanel, folder: string): void {
    panel.webview.options = panelOptions(this.extension);
    const icon = (theme: string): vscode.Uri => vscode.Uri.joinPath(this.extension, 'media', `run-${theme}.svg`);
    panel.iconPath = { light: icon('light'), dark: icon('dark') };
    const session = new RunSession(panel.webview, folder, this.services, (name) => {
      if (panel.title !== name) panel.title = name;
    });
    this.sessions.set(panel, session);
    panel.webview.html = panelHtml(panel.webview, this.extension, 'run', path.basename(folder));
    panel.onDidDispose(() => {
      session.dispose();
      this.sessions.delete(panel);
      if (this.panels.get(folder) === panel) this.panels.delete(folder);
    });
  }

  deserializeWebviewPanel(panel: vscode.WebviewPanel, state: PanelState | undefined): Thenable<void> {
    const folder = state?.folder;
    if (typeof folder !== 'string' || this.panels.has(folder)) {
      panel.dispose();
      return Promise.resolve();
    }
    this.panels.set(folder, panel);
    this.adopt(panel, folder);
    return Promise.resolve();
  }

  openCustomDocument(uri: vscode.Uri): RunDocument {
    if (uri.scheme !== 'file') throw new Error(vscode.l10n.t('A run can only be opened from a folder on disk.'));
    readManifestOf(path.dirname(uri.fsPath));
    return new RunDocument(uri);
  }

  resolveCustomEditor(document: RunDocument, panel: vscode.WebviewPanel): void {
    this.adopt(panel, path.dirname(document.uri.fsPath));
  }

  dispose(): void {
    this.registrations.forEach((d) => d.dispose());
    this.sessions.forEach((s) => s.dispose());
  }
}
