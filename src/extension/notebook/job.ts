import type * as vscode from 'vscode';
import { type CellIssue } from '../../core/notebook';
import { type Reader, type Steps } from '../services';
import { type Catalogue } from '../catalogue';
import { type ActiveRuns } from '../runs/active';
import { type WarmAsker } from './asker';
import { type LiveOutput } from './output';

export interface NotebookServices {
  readonly context: vscode.ExtensionContext;
  readonly catalogue: Catalogue;
  readonly reader: Reader;
  readonly runs: ActiveRuns;
  readonly steps: Steps;
  readonly asker: WarmAsker;
  readonly log: vscode.LogOutputChannel;
}

/** One execution of one cell. */
export interface Job {
  readonly notebook: vscode.Uri;
  readonly text: string;
  /** Folder of the kernel's bundle; undefined for the kernel that takes the cell's. */
  readonly bundle: string | undefined;
  readonly output: LiveOutput;
  readonly token: vscode.CancellationToken;
}

/** @throws the first error of a cell with its line */
export function refuseIssues(issues: readonly CellIssue[], say: (line: number, message: string) => string): void {
  const first = issues.find((i) => i.severity === 'error');
  if (first) throw new Error(say(first.line + 1, first.message));
}
