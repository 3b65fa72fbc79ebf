import path from 'node:path';
import * as vscode from 'vscode';
import { PROMPT_LANGUAGE, promptFile } from '../../debug/prompt';
import { DEBUG_TYPE, GENERATION_SCHEME } from '../../protocol/debug';
import { type Catalogue } from '../catalogue';
import { requireTrust, showError } from '../commands';
import { type Log } from '../services';
import { readSetting } from '../settings';

const t = vscode.l10n.t;

export interface DebuggerServices {
  readonly context: vscode.ExtensionContext;
  readonly catalogue: Catalogue;
  readonly log: Log;
}

/** What a configuration may say; the adapter checks each field again. */
type Fields = vscode.DebugConfiguration & { readonly prompt?: unknown; bundle?: unknown };

/** Completes configurations: the prompt file's header and question, the bundle, the engine's settings. Trust comes first. */
export class GenerationConfigurations implements vscode.DebugConfigurationProvider {
  constructor(private readonly services: DebuggerServices) {}

  provideDebugConfigurations(): vscode.DebugConfiguration[] {
    return [
      { type: DEBUG_TYPE, request: 'launch', name: t('Debug the generation for this prompt'), prompt: '${file}' },
      { type: DEBUG_TYPE, request: 'launch', name: t('Debug one problem in several languages'), benchmark: 'lift48', problem: 'lift48-01', languages: ['en', 'sw'] },
    ];
  }

  /** F5 without a configuration debugs the prompt file in front. */
  resolveDebugConfiguration(_folder: vscode.WorkspaceFolder | undefined, config: vscode.DebugConfiguration): vscode.ProviderResult<vscode.DebugConfiguration> {
    if (config.type || config.request || config.name) return config;
    const editor = vscode.window.activeTextEditor;
    if (editor?.document.languageId !== PROMPT_LANGUAGE) return undefined;
    return { type: DEBUG_TYPE, request: 'launch', name: t('Debug the generation for this prompt'), prompt: editor.document.uri.toString() };
  }

  async resolveDebugConfigurationWithSubstitutedVariables(folder: vscode.WorkspaceFolder | undefined, config: Fields): Promise<vscode.DebugConfiguration | undefined> {
    try {
      requireTrust(t('Debugging a generation'));
      const fromFile = config.prompt === undefined ? {} : await this.readPrompt(config.prompt, folder);
      const set = Object.fromEntries(Object.entries(config).filter(([, v]) => v !== undefined && v !== ''));
      const whole: Fields = { ...engineFields(), ...fromFile, ...set, type: config.type, request: config.request, name: config.name, documents: GENERATION_SCHEME };
      if (whole.run === undefined || whole.bundle !== undefined) {
        const bundle = await this.bundle(whole.bundle, folder);
        if (bundle === undefined) return undefined;
        whole.bundle = bundle;
      }
      return whole;
    } catch (e) {
      void showError(e, this.services.log);
      return undefined;
    }
  }

  /** The file as the editor has it, saved or not. */
  private async readPrompt(prompt: unknown, folder: vscode.WorkspaceFolder | undefined): Promise<Record<string, unknown>> {
    if (typeof prompt !== 'string' || prompt === '') throw new Error(t('"prompt" must be the path of a .lift file.'));
    const uri = /^[a-z][a-z\d+.-]+:/i.test(prompt) && !/^[a-z]:[\\/]/i.test(prompt) ? vscode.Uri.parse(prompt, true) : vscode.Uri.file(path.resolve(folder?.uri.fsPath ?? '', prompt));
    let text: string;
    try {
      text = (await vscode.workspace.openTextDocument(uri)).getText();
    } catch {
      throw new Error(t('The prompt file {0} cannot be read.', uri.scheme === 'file' ? uri.fsPath : uri.toString()));
    }
    const file = promptFile(text);
    const [wrong] = file.issues;
    if (wrong) throw new Error(t('{0}, line {1}: {2}', path.basename(uri.path), wrong.line + 1, wrong.message));
    return Object.fromEntries(Object.entries(file.fields).filter(([, v]) => v !== undefined));
  }

  /** A bundle's folder: the named one, the default one, the only one, or one that is picked. */
  private async bundle(given: unknown, folder: vscode.WorkspaceFolder | undefined): Promise<string | undefined> {
    const named = typeof given === 'string' ? given : readSetting('defaultBundle');
    const usable = (await this.services.catalogue.bundles.get()).filter((b) => b.issues.length === 0);
    if (named !== '') {
      const found = usable.find((b) => b.dir === named || b.name === named || path.basename(b.dir) === named);
      if (found) return found.dir;
      const base = folder ?? vscode.workspace.workspaceFolders?.[0];
      return /[\\/]/.test(named) && base?.uri.scheme === 'file' ? path.resolve(base.uri.fsPath, named) : named;
    }
    if (usable.length <= 1) return usable[0]?.dir ?? '';
    const picked = await vscode.window.showQuickPick(usable.map((b) => ({ label: b.name, description: b.method ?? '', detail: b.dir, dir: b.dir })), { title: t('Debug Generation'), placeHolder: t('Bundle') });
    return picked?.dir;
  }
}

/** The engine's settings, where they say something. */
function engineFields(): Record<string, unknown> {
  const [precision, threads, memoryCeiling] = [readSetting('precision'), readSetting('threads'), readSetting('memoryCeiling')];
  return { provider: readSetting('provider'), ...(precision === 'auto' ? {} : { precision }), ...(threads > 0 ? { threads } : {}), ...(memoryCeiling > 0 ? { memoryCeiling } : {}) };
}
