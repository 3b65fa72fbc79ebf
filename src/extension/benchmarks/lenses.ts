import * as vscode from 'vscode';
import { Command, ContextKey } from '../contributions';
import { type ContextKeys } from '../services';
import { BENCHMARK_FILES, benchmarkFile } from './files';

const t = vscode.l10n.t;

/** What can be done with a benchmark's file, above its first line; and the context key that its menus ask for. */
export class BenchmarkLenses implements vscode.CodeLensProvider, vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<void>();
  readonly onDidChangeCodeLenses = this.changed.event;
  private readonly disposables: vscode.Disposable[];

  constructor(keys: ContextKeys) {
    const look = (editor: vscode.TextEditor | undefined): void => keys.set(ContextKey.benchmarkFile, editor !== undefined && benchmarkFile(editor.document) !== undefined);
    look(vscode.window.activeTextEditor);
    this.disposables = [
      this.changed,
      vscode.languages.registerCodeLensProvider(BENCHMARK_FILES, this),
      vscode.window.onDidChangeActiveTextEditor(look),
      vscode.workspace.onDidGrantWorkspaceTrust(() => this.changed.fire()),
    ];
  }

  provideCodeLenses(document: vscode.TextDocument): vscode.CodeLens[] {
    const found = benchmarkFile(document);
    if (!found) return [];
    const lens = (title: string, command: string): vscode.CodeLens => new vscode.CodeLens(new vscode.Range(0, 0, 0, 0), { title, command, arguments: [document.uri] });
    const runs = vscode.workspace.isTrusted ? [...(found.language === null ? [] : [lens(`$(play) ${t('Evaluate here')}`, Command.evaluateFile)]), lens(`$(run-all) ${t('Evaluate in all languages')}`, Command.evaluateFileEverywhere)] : [];
    return [...runs, lens(`$(notebook) ${t('Open in notebook')}`, Command.openInNotebook)];
  }

  dispose(): void {
    this.disposables.forEach((d) => d.dispose());
  }
}
