import * as vscode from 'vscode';
import { type Catalogue } from '../catalogue';
import { Command, Item } from '../contributions';
import { type BenchmarkInfo } from '../worker/protocol';
import { plain } from './text';

const t = vscode.l10n.t;

export class BenchmarkNode extends vscode.TreeItem {
  constructor(
    readonly info: BenchmarkInfo,
    added: boolean,
  ) {
    super(info.title, vscode.TreeItemCollapsibleState.None);
    const broken = info.error !== null;
    this.id = info.path;
    const size = `${info.languages.length} × ${info.problems}`;
    const findings = info.findingCount > 0 ? t('{0} findings', info.findingCount) : '';
    this.description = broken ? info.error! : [size, info.shipped ? '' : t('folder'), findings].filter(Boolean).join(' · ');
    this.contextValue = broken ? (added ? Item.benchmarkBrokenAdded : Item.benchmarkBroken) : added ? Item.benchmarkAdded : Item.benchmark;
    const severe = broken || info.findings.some((f) => f.severity === 'error');
    this.iconPath = severe ? new vscode.ThemeIcon('warning', new vscode.ThemeColor('list.warningForeground')) : new vscode.ThemeIcon('checklist');
    const shown = info.findings.slice(0, 10).map((f) => `${f.file}${f.line ? `:${f.line}` : ''}: ${f.message}`);
    const lines = broken ? [info.path, '', info.error!] : [t('{0}: {1} languages × {2} problems, format {3}', info.title, info.languages.length, info.problems, info.format ?? ''), info.shipped ? t('Shipped with LinguaLIFT') : info.path, ...shown];
    this.tooltip = plain(lines.join('\n'));
    this.accessibilityInformation = { label: broken ? t('{0}, broken benchmark: {1}', info.title, info.error!) : t('{0}, benchmark, {1} languages, {2} problems', info.title, info.languages.length, info.problems) };
    if (broken || info.findingCount > 0) this.command = { command: Command.showProblems, title: t('Show Problems'), arguments: [this] };
  }
}

export class BenchmarksView implements vscode.TreeDataProvider<BenchmarkNode> {
  readonly onDidChangeTreeData: vscode.Event<void>;

  constructor(private readonly catalogue: Catalogue) {
    this.onDidChangeTreeData = catalogue.benchmarks.onDidChange;
  }

  getTreeItem(node: BenchmarkNode): BenchmarkNode {
    return node;
  }

  async getChildren(): Promise<BenchmarkNode[]> {
    const added = this.catalogue.addedBenchmarks();
    return (await this.catalogue.benchmarks.get()).map((info) => new BenchmarkNode(info, added.includes(info.path)));
  }
}
