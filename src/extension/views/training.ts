import * as vscode from 'vscode';
import { EXPORTABLE_STAGES, type TrainingInfo } from '../../protocol/training';
import { type Catalogue } from '../catalogue';
import { Command, Item } from '../contributions';
import { plain } from './text';

const t = vscode.l10n.t;

export class TrainingNode extends vscode.TreeItem {
  readonly folder: string;

  /** @param own whether a task of this window runs it, so that it can be cancelled from here */
  constructor(
    readonly info: TrainingInfo,
    own: boolean,
  ) {
    super(`${info.stage === '?' ? '' : `${info.stage} `}${info.name === info.stage ? '' : info.name}`.trim(), vscode.TreeItemCollapsibleState.None);
    this.folder = info.folder;
    this.id = info.folder;
    this.description = describe(info);
    this.contextValue = contextOf(info, own);
    this.iconPath = icon(info.status);
    this.tooltip = plain([
      `${info.stage} · ${trainingWord(info.status)}`, this.description, info.checkpoints.length > 0 ? t('Checkpoints: {0}', info.checkpoints.join(', ')) : '',
      info.fingerprint === '' ? '' : t('Fingerprint {0}', info.fingerprint.slice(0, 12)), info.config ?? '', info.folder, info.problem ?? '',
    ].filter(Boolean).join('\n'));
    this.accessibilityInformation = { label: `${String(this.label)}, ${trainingWord(info.status)}, ${this.description}` };
    if (info.status !== 'damaged') this.command = { command: Command.openTraining, title: t('Open Training'), arguments: [this] };
  }
}

export function trainingWord(status: TrainingInfo['status']): string {
  switch (status) {
    case 'running': return t('running');
    case 'finished': return t('finished');
    case 'resumable': return t('can be resumed');
    case 'stopped': return t('stopped');
    case 'damaged': return t('damaged');
  }
}

export const lossText = (loss: number): string => loss.toLocaleString(vscode.env.language, { minimumFractionDigits: 3, maximumFractionDigits: 3 });

function describe(info: TrainingInfo): string {
  if (info.status === 'damaged') return info.problem ?? '';
  const step = info.step === null ? '' : info.maxSteps === null ? t('step {0}', info.step) : info.stage === 'warmstart' ? t('epoch {0}/{1}', info.step, info.maxSteps) : t('step {0}/{1}', info.step, info.maxSteps);
  const loss = info.loss === null ? '' : t('loss {0}', lossText(info.loss));
  const held = info.evalLoss === null ? '' : t('held-out {0}', lossText(info.evalLoss));
  return [info.status === 'running' || info.status === 'finished' ? '' : trainingWord(info.status), step, loss, held].filter(Boolean).join(' · ');
}

function contextOf(info: TrainingInfo, own: boolean): string {
  switch (info.status) {
    case 'running': return own ? Item.trainingActive : Item.trainingElsewhere;
    case 'finished': return EXPORTABLE_STAGES.includes(info.stage) ? Item.trainingFinished : Item.trainingDone;
    case 'resumable': return Item.trainingResumable;
    case 'stopped': return Item.trainingStopped;
    case 'damaged': return Item.trainingDamaged;
  }
}

function icon(status: TrainingInfo['status']): vscode.ThemeIcon {
  const colour = (name: string): vscode.ThemeColor => new vscode.ThemeColor(name);
  switch (status) {
    case 'running': return new vscode.ThemeIcon('play-circle', colour('charts.blue'));
    case 'finished': return new vscode.ThemeIcon('pass', colour('charts.green'));
    case 'resumable': return new vscode.ThemeIcon('debug-pause', colour('charts.blue'));
    case 'stopped': return new vscode.ThemeIcon('circle-slash');
    case 'damaged': return new vscode.ThemeIcon('warning', colour('list.warningForeground'));
  }
}

/** Trainings of the workspace: running, finished, resumable. */
export class TrainingView implements vscode.TreeDataProvider<TrainingNode>, vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<void>();
  readonly onDidChangeTreeData = this.changed.event;
  private readonly disposables: vscode.Disposable[];

  constructor(
    private readonly catalogue: Catalogue,
    private readonly isOwn: (pid: number) => boolean,
  ) {
    this.disposables = [
      this.changed,
      catalogue.trainings.onDidChange(() => this.changed.fire()),
      // A process that was killed leaves no word in its folder; the end of its task is the word.
      vscode.tasks.onDidEndTask(() => catalogue.trainings.touch(500)),
    ];
  }

  getTreeItem(node: TrainingNode): TrainingNode {
    return node;
  }

  async getChildren(): Promise<TrainingNode[]> {
    return (await this.catalogue.trainings.get()).map((info) => new TrainingNode(info, info.pid !== null && this.isOwn(info.pid)));
  }

  dispose(): void {
    this.disposables.forEach((d) => d.dispose());
  }
}
