import * as vscode from 'vscode';
import { Command } from '../contributions';
import { duration } from '../views/text';
import { type ActiveRuns } from './active';

const t = vscode.l10n.t;

/** The status bar item: there only while a run of this window is in motion or paused. */
export class RunStatusItem implements vscode.Disposable {
  private readonly item = vscode.window.createStatusBarItem('lingualift.run', vscode.StatusBarAlignment.Left, 10);
  private readonly listener: vscode.Disposable;

  constructor(private readonly runs: ActiveRuns) {
    this.item.name = 'LinguaLIFT';
    this.item.command = Command.openRun;
    this.listener = runs.onDidChange(() => this.update());
  }

  private update(): void {
    const [first, ...others] = this.runs.all;
    if (!first) {
      this.item.hide();
      return;
    }
    const { done, total, etaSeconds } = first.last;
    const share = total > 0 ? `${Math.floor((100 * done) / total)} %` : '';
    this.item.text = `${first.status === 'paused' ? '$(debug-pause)' : '$(sync~spin)'} ${first.name} ${share}${others.length > 0 ? ` +${others.length}` : ''}`;
    this.item.tooltip = [t('LinguaLIFT: {0}', first.name), `${done}/${total}`, etaSeconds === null ? '' : t('{0} left', duration(etaSeconds))].filter(Boolean).join('\n');
    this.item.show();
  }

  dispose(): void {
    this.listener.dispose();
    this.item.dispose();
  }
}
