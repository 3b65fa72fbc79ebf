import * as vscode from 'vscode';
import { Setting, type SettingName, type SettingValue } from '../contributions';

/** The value of a setting as it applies now; the declared default where nothing (or a value of the wrong kind) is set. */
export function readSetting<N extends SettingName>(name: N): SettingValue<N> {
  const { key, default: fallback } = Setting[name];
  const value = vscode.workspace.getConfiguration().get<unknown>(key);
  const fits = Array.isArray(fallback) ? Array.isArray(value) && value.every((v) => typeof v === 'string') : typeof value === typeof fallback;
  return (fits ? value : fallback) as SettingValue<N>;
}

/** Adds a path to a list setting of the user (or takes it out) without touching the rest. */
export async function changeList(name: 'bundleFolders' | 'benchmarkFolders', change: (list: readonly string[]) => readonly string[]): Promise<void> {
  const configuration = vscode.workspace.getConfiguration();
  const { key } = Setting[name];
  const inspected = configuration.inspect<string[]>(key);
  const inWorkspace = inspected?.workspaceValue !== undefined;
  const old = (inWorkspace ? inspected.workspaceValue : inspected?.globalValue) ?? [];
  await configuration.update(key, change(old), inWorkspace ? vscode.ConfigurationTarget.Workspace : vscode.ConfigurationTarget.Global);
}

/** Calls `then` when one of the settings changes. */
export function onSettingChange(names: readonly SettingName[], then: () => void): vscode.Disposable {
  return vscode.workspace.onDidChangeConfiguration((e) => {
    if (names.some((n) => e.affectsConfiguration(Setting[n].key))) then();
  });
}
