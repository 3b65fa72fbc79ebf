import * as vscode from 'vscode';
import { TEXT_SCHEME } from './contributions';

/** Read-only documents that the extension makes: comparisons, findings, the doctor's report. */
export class TextDocuments implements vscode.TextDocumentContentProvider, vscode.Disposable {
  private readonly texts = new Map<string, string>();
  private readonly registration = vscode.workspace.registerTextDocumentContentProvider(TEXT_SCHEME, this);
  private readonly closed = vscode.workspace.onDidCloseTextDocument((d) => this.texts.delete(d.uri.toString()));
  private next = 1;

  provideTextDocumentContent(uri: vscode.Uri): string {
    return this.texts.get(uri.toString()) ?? '';
  }

  private make(title: string, extension: string, text: string): vscode.Uri {
    const uri = vscode.Uri.from({ scheme: TEXT_SCHEME, path: `/${title} ${this.next++}.${extension}` });
    this.texts.set(uri.toString(), text);
    return uri;
  }

  async showText(title: string, text: string): Promise<vscode.TextEditor> {
    return vscode.window.showTextDocument(this.make(title, 'txt', text), { preview: true });
  }

  dispose(): void {
    this.registration.dispose();
    this.closed.dispose();
  }
}
