import path from 'node:path';
import * as vscode from 'vscode';
import { type Log } from './services';

type Open = (folder: string, show?: { language: string; id?: string }) => void;

/** `<scheme>://lingualift.lingualift/run?folder=/abs/path[&language=sw&id=lift48/17]`: looks at a run. Nothing can be started by URI. */
export class RunUris implements vscode.UriHandler {
  constructor(
    private readonly open: Open,
    private readonly log: Log,
  ) {}

  handleUri(uri: vscode.Uri): void {
    const query = new URLSearchParams(uri.query);
    const folder = query.get('folder');
    if (uri.path !== '/run' || folder === null || !path.isAbsolute(folder)) {
      this.log.warn(`A URI was refused: ${uri.path}`);
      void vscode.window.showErrorMessage(vscode.l10n.t('This link does not name a run: it must be /run with the absolute path of a run folder.'));
      return;
    }
    const language = query.get('language');
    try {
      this.open(folder, language === null ? undefined : { language, id: query.get('id') ?? undefined });
    } catch (e) {
      void vscode.window.showErrorMessage((e as Error).message);
    }
  }
}
