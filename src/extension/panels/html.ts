import { randomBytes } from 'node:crypto';
import * as vscode from 'vscode';
import { contentSecurityPolicy, page } from './page';

/** Webview options of every panel: scripts on, and only the two folders that hold them readable. */
export function panelOptions(extension: vscode.Uri): vscode.WebviewOptions {
  return { enableScripts: true, enableCommandUris: false, localResourceRoots: [vscode.Uri.joinPath(extension, 'dist', 'webview'), vscode.Uri.joinPath(extension, 'media')] };
}

/** The texts in the language of the window, by their English text. */
export function translations(): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(vscode.l10n.bundle ?? {}).map(([key, value]) => [key, typeof value === 'string' ? value : ((value as { message?: string }).message ?? key)]));
}

/** HTML of the panel `name`: dist/webview/<name>.js with media/panel.css. */
export function panelHtml(webview: vscode.Webview, extension: vscode.Uri, name: string, title: string): string {
  const nonce = randomBytes(18).toString('base64url');
  const uri = (...parts: string[]): string => webview.asWebviewUri(vscode.Uri.joinPath(extension, ...parts)).toString();
  return page({
    csp: contentSecurityPolicy(webview.cspSource, nonce),
    nonce,
    script: uri('dist', 'webview', `${name}.js`),
    style: uri('media', 'panel.css'),
    title,
    language: vscode.env.language,
    strings: translations(),
  });
}
