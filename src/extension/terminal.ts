import fs from 'node:fs';
import path from 'node:path';
import * as vscode from 'vscode';
import { MANIFEST } from '../runs/store';

interface RunLink extends vscode.TerminalLink {
  readonly folder: string;
}

/** A run folder's name as `runFolderName` makes it: bundle-precision.benchmark.fingerprint. */
const NAME = /(?:[^\s"'`:,;()[\]]*[\\/])?[A-Za-z0-9_-]+-(?:fp32|int8|int4|fp16)\.[A-Za-z0-9_-]+\.[0-9a-f]{12}(?=$|[\s"'`:,;.)\]\\/])/g;
/** The CLI's last line, for folders with a name of their own. */
const LINE = /\bRun folder: (.+?)\s*$/g;

/** Makes the run folders that the CLI prints clickable. */
export class RunLinks implements vscode.TerminalLinkProvider<RunLink> {
  constructor(private readonly open: (folder: string) => void) {}

  provideTerminalLinks(context: vscode.TerminalLinkContext): RunLink[] {
    const links: RunLink[] = [];
    const add = (startIndex: number, text: string): void => {
      const folder = text === '' || links.some((l) => startIndex < l.startIndex + l.length && l.startIndex < startIndex + text.length) ? undefined : resolve(text, context.terminal);
      if (folder !== undefined) links.push({ startIndex, length: text.length, tooltip: vscode.l10n.t('Open the run in LinguaLIFT'), folder });
    };
    for (const match of context.line.matchAll(LINE)) add(match.index + match[0].indexOf(match[1]!), match[1]!);
    for (const match of context.line.matchAll(NAME)) add(match.index, match[0]);
    return links;
  }

  handleTerminalLink(link: RunLink): void {
    this.open(link.folder);
  }
}

/** The path as a run folder, seen from the terminal's folder or the workspace. */
function resolve(text: string, terminal: vscode.Terminal): string | undefined {
  const made = terminal.creationOptions as vscode.TerminalOptions;
  const cwd = typeof made.cwd === 'string' ? made.cwd : made.cwd?.fsPath;
  const roots = [terminal.shellIntegration?.cwd?.fsPath, cwd, ...(vscode.workspace.workspaceFolders ?? []).map((f) => f.uri.fsPath)];
  for (const root of roots) {
    if (root === undefined && !path.isAbsolute(text)) continue;
    const folder = path.resolve(root ?? '/', text);
    if (fs.existsSync(path.join(folder, MANIFEST))) return folder;
  }
  return undefined;
}
