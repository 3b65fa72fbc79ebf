import * as vscode from 'vscode';
import { type ListedRun } from '../../runs/list';
import { type Catalogue } from '../catalogue';
import { Command, Item } from '../contributions';
import { type ActiveRun, type ActiveRuns } from '../runs/active';
import { duration, percent, plain, statusWord } from './text';

const t = vscode.l10n.t;

export class RunNode extends vscode.TreeItem {
  readonly folder: string;

  constructor(
    readonly run: ListedRun,
    active: ActiveRun | undefined,
  ) {
    super(run.name ?? (run.status === 'damaged' ? run.folder : `${run.bundle.replace(/ \(.*\)$/, '')} · ${run.benchmark}`), vscode.TreeItemCollapsibleState.None);
    this.folder = run.path;
    this.id = run.path;
    const status = active?.status ?? run.status;
    this.description = describe(run, active);
    this.contextValue = active
      ? active.status === 'paused' ? Item.runPaused : Item.runActive
      : run.status === 'damaged' ? Item.runDamaged : run.status === 'finished' ? Item.runFinished : run.status === 'running' ? Item.runElsewhere : Item.runOpen;
    this.iconPath = icon(status);
    this.tooltip = plain([
      `${run.bundle} · ${run.benchmark}`, t('{0}: {1} of {2} items', statusWord(status), run.done, run.total), run.accuracy === null ? '' : t('{0} right over all samples', percent(run.accuracy)),
      ...run.rescored.map((s) => t('also scored by {0}: {1}, differs on {2}', s.scorer, s.n === 0 ? '–' : percent(s.correct / s.n), s.disagree)),
      run.tags.length > 0 ? t('Tags: {0}', run.tags.join(', ')) : '', run.created, run.path, run.problem ?? '',
    ].filter(Boolean).join('\n'));
    this.accessibilityInformation = { label: `${String(this.label)}, ${statusWord(status)}, ${this.description}` };
    this.command = run.status === 'damaged' ? { command: Command.showProblems, title: t('Show Problems'), arguments: [this] } : { command: Command.openRun, title: t('Open Run'), arguments: [this] };
  }
}

function describe(run: ListedRun, active: ActiveRun | undefined): string {
  if (run.status === 'damaged') return run.problem ?? statusWord('damaged');
  const tags = run.tags.map((tag) => `#${tag}`).join(' ');
  if (active) {
    const { done, total, etaSeconds } = active.last;
    const share = total > 0 ? `${Math.floor((100 * done) / total)} %` : '';
    return [active.status === 'paused' ? statusWord('paused') : '', share, etaSeconds === null ? '' : duration(etaSeconds), tags].filter(Boolean).join(' · ');
  }
  const accuracy = run.accuracy === null ? '' : percent(run.accuracy);
  const state = run.status === 'finished' ? '' : `${statusWord(run.status)} ${run.done}/${run.total}`;
  const when = new Date(run.created);
  const made = Number.isNaN(when.getTime()) ? '' : when.toLocaleString(vscode.env.language, { dateStyle: 'short', timeStyle: 'short' });
  const rescored = run.rescored.map((s) => (s.n === 0 ? '' : `${s.scorer} ${percent(s.correct / s.n)}`)).filter(Boolean).join(', ');
  return [state, accuracy, rescored, `n ${run.done}`, tags, made].filter(Boolean).join(' · ');
}

function icon(status: ListedRun['status']): vscode.ThemeIcon {
  const colour = (name: string): vscode.ThemeColor => new vscode.ThemeColor(name);
  switch (status) {
    case 'running': return new vscode.ThemeIcon('play-circle', colour('charts.blue'));
    case 'paused': return new vscode.ThemeIcon('debug-pause', colour('charts.blue'));
    case 'finished': return new vscode.ThemeIcon('pass', colour('charts.green'));
    case 'failed': return new vscode.ThemeIcon('error', colour('charts.red'));
    case 'damaged': return new vscode.ThemeIcon('warning', colour('list.warningForeground'));
    default: return new vscode.ThemeIcon('circle-slash');
  }
}

export class RunsView implements vscode.TreeDataProvider<RunNode>, vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<void>();
  readonly onDidChangeTreeData = this.changed.event;
  private readonly disposables: vscode.Disposable[];
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly catalogue: Catalogue,
    private readonly active: ActiveRuns,
  ) {
    this.disposables = [
      this.changed,
      catalogue.runs.onDidChange(() => this.changed.fire()),
      active.onDidChange((run) => {
        if (run.last.settled) catalogue.runs.touch();
        this.timer ??= setTimeout(() => {
          this.timer = undefined;
          this.changed.fire();
        }, 1000);
      }),
    ];
  }

  getTreeItem(node: RunNode): RunNode {
    return node;
  }

  async getChildren(): Promise<RunNode[]> {
    return (await this.catalogue.runs.get()).map((run) => new RunNode(run, this.active.get(run.path)));
  }

  dispose(): void {
    clearTimeout(this.timer);
    this.disposables.forEach((d) => d.dispose());
  }
}
