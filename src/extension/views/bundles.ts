import path from 'node:path';
import * as vscode from 'vscode';
import { type Catalogue } from '../catalogue';
import { Command, Item } from '../contributions';
import { type BundleInfo } from '../worker/protocol';
import { bundleSummary, plain } from './text';

const t = vscode.l10n.t;

export class BundleNode extends vscode.TreeItem {
  constructor(
    readonly info: BundleInfo,
    added: boolean,
  ) {
    super(info.name, vscode.TreeItemCollapsibleState.None);
    const problem = info.issues[0];
    this.id = info.dir;
    this.resourceUri = undefined;
    this.description = problem ? problem.message : bundleSummary(info);
    this.contextValue = problem ? (added ? Item.bundleBrokenAdded : Item.bundleBroken) : added ? Item.bundleAdded : Item.bundle;
    this.iconPath = problem ? new vscode.ThemeIcon('warning', new vscode.ThemeColor('list.warningForeground')) : new vscode.ThemeIcon('package');
    const lines = problem
      ? [info.dir, '', ...info.issues.map((i) => `${i.message} ${i.fix}`)]
      : [t('Bundle {0}', info.name), t('Method: {0}', info.method ?? ''), bundleSummary(info), info.dir];
    this.tooltip = plain(lines.join('\n'));
    this.accessibilityInformation = { label: problem ? t('{0}, broken bundle: {1}', info.name, problem.message) : t('{0}, bundle, {1}', info.name, bundleSummary(info)) };
    if (problem) this.command = { command: Command.showProblems, title: t('Show Problems'), arguments: [this] };
  }
}

export class BundlesView implements vscode.TreeDataProvider<BundleNode> {
  readonly onDidChangeTreeData: vscode.Event<void>;

  constructor(private readonly catalogue: Catalogue) {
    this.onDidChangeTreeData = catalogue.bundles.onDidChange;
  }

  getTreeItem(node: BundleNode): BundleNode {
    return node;
  }

  async getChildren(): Promise<BundleNode[]> {
    const added = this.catalogue.addedBundles();
    return (await this.catalogue.bundles.get()).map((info) => new BundleNode(info, added.some((a) => a === info.dir || a === path.dirname(info.dir))));
  }
}
