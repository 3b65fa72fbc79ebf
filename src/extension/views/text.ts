import * as vscode from 'vscode';
import { type ListedRun } from '../../runs/list';
import { type BundleInfo } from '../worker/protocol';

const t = vscode.l10n.t;

export function bytes(n: number): string {
  if (n >= 1e9) return `${(n / 1e9).toFixed(1)} GB`;
  if (n >= 1e6) return `${Math.round(n / 1e6)} MB`;
  return `${Math.max(1, Math.round(n / 1e3))} kB`;
}

export function duration(seconds: number): string {
  const s = Math.max(0, Math.round(seconds));
  if (s < 60) return t('{0} s', s);
  if (s < 3600) return t('{0} min {1} s', Math.floor(s / 60), s % 60);
  return t('{0} h {1} min', Math.floor(s / 3600), Math.floor((s % 3600) / 60));
}

export const percent = (x: number): string => `${(100 * x).toFixed(1)} %`;

/** Text of files and models in a tooltip: as text, never as markup. */
export function plain(text: string): vscode.MarkdownString {
  const markdown = new vscode.MarkdownString();
  markdown.appendText(text);
  return markdown;
}

export function statusWord(status: ListedRun['status']): string {
  switch (status) {
    case 'planned': return t('planned');
    case 'running': return t('running');
    case 'paused': return t('paused');
    case 'cancelled': return t('cancelled');
    case 'failed': return t('failed');
    case 'finished': return t('finished');
    case 'interrupted': return t('interrupted');
    case 'damaged': return t('damaged');
  }
}

export function bundleSummary(info: BundleInfo): string {
  return [info.precisions.join(', '), info.encoder ? `${info.encoder} → ${info.languageModel}` : info.languageModel, bytes(info.bytes)].filter(Boolean).join(' · ');
}
