import * as vscode from 'vscode';
import { type LiftOutput, OUTPUT_MIME } from '../../protocol/notebook';
import { textTwin } from './text';

const EVERY_MS = 150;

/** The one output of a running cell: replaced in place, at most every 150 ms, each value whole and with its twin in text. */
export class LiveOutput {
  private readonly output = new vscode.NotebookCellOutput([]);
  private placed = false;
  private pending: LiftOutput | undefined;
  private timer: NodeJS.Timeout | undefined;
  private last: Promise<void> = Promise.resolve();

  constructor(private readonly execution: vscode.NotebookCellExecution) {}

  show(value: LiftOutput): void {
    this.pending = value;
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      this.write();
    }, this.placed ? EVERY_MS : 0);
  }

  private write(): void {
    const value = this.pending;
    if (!value) return;
    this.pending = undefined;
    const { mime, text } = textTwin(value);
    const items = [vscode.NotebookCellOutputItem.json(value, OUTPUT_MIME), vscode.NotebookCellOutputItem.text(text, mime)];
    this.last = this.last.then(async () => {
      if (this.placed) await this.execution.replaceOutputItems(items, this.output);
      else {
        this.placed = true;
        this.output.items = items;
        await this.execution.replaceOutput([this.output]);
      }
    });
  }

  /** Writes what is pending and waits until it stands. */
  async flush(): Promise<void> {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.write();
    await this.last;
  }
}
