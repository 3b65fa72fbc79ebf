import type * as vscode from 'vscode';

/** Trainings; empty until there are any, so that the view's welcome text shows. */
export class TrainingView implements vscode.TreeDataProvider<never> {
  getTreeItem(node: never): vscode.TreeItem {
    return node;
  }

  getChildren(): never[] {
    return [];
  }
}
