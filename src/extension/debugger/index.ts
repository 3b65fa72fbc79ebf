import path from 'node:path';
import * as vscode from 'vscode';
import { ATTENTION_EVENT, AT_EVENT, DEBUG_TYPE } from '../../protocol/debug';
import { type GenerationRef, isGenerationRef } from '../../protocol/generation';
import { LANGUAGES } from '../../core/languages';
import { requireTrust } from '../commands';
import { PROMPT_LANGUAGE } from '../../debug/prompt';
import { type DebuggerServices, GenerationConfigurations } from './configuration';
import { GenerationDocuments } from './documents';
import { InlineProbabilities } from './inline';

const t = vscode.l10n.t;
const SHOW_ATTENTION = 'lingualift.showAttention';

/** Everything of the debugger in VS Code. The adapter runs in a process of its own, and the engine in another below it. */
export class GenerationDebugger implements vscode.Disposable {
  private readonly disposables: vscode.Disposable[];

  constructor(private readonly services: DebuggerServices) {
    const documents = new GenerationDocuments();
    const configurations = new GenerationConfigurations(services);
    this.disposables = [
      documents, new InlineProbabilities(documents),
      vscode.debug.registerDebugConfigurationProvider(DEBUG_TYPE, configurations),
      vscode.debug.registerDebugConfigurationProvider(DEBUG_TYPE, configurations, vscode.DebugConfigurationProviderTriggerKind.Dynamic),
      vscode.debug.registerDebugAdapterDescriptorFactory(DEBUG_TYPE, {
        // "node" stands for the runtime of the extension host itself.
        createDebugAdapterDescriptor: () => new vscode.DebugAdapterExecutable('node', [path.join(services.context.extensionPath, 'dist', 'debug.js')]),
      }),
      vscode.debug.onDidReceiveDebugSessionCustomEvent((e) => {
        if (e.event === ATTENTION_EVENT || e.event === AT_EVENT) void this.showAttention(e.body);
      }),
    ];
  }

  private async showAttention(body: unknown): Promise<void> {
    if (!isGenerationRef(body)) return;
    if (!(await vscode.commands.getCommands(true)).includes(SHOW_ATTENTION)) {
      void vscode.window.showWarningMessage(t('This version has no attention panel.'));
      return;
    }
    await vscode.commands.executeCommand(SHOW_ATTENTION, body);
  }

  /** `Debug Generation…`: a given generation, the prompt file in front or chosen in the explorer, or a question that is asked for. */
  async debug(argument: unknown): Promise<void> {
    requireTrust(t('Debugging a generation'));
    const editor = vscode.window.activeTextEditor;
    const file = argument instanceof vscode.Uri ? argument : argument === undefined && editor?.document.languageId === PROMPT_LANGUAGE ? editor.document.uri : undefined;
    const config = isGenerationRef(argument) ? ofReference(argument) : file ? { prompt: file.toString() } : await askQuestion();
    if (!config) return;
    const name = 'name' in config ? (config.name as string) : file ? path.basename(file.path) : t('Generation');
    const started = await vscode.debug.startDebugging(vscode.workspace.workspaceFolders?.[0], { type: DEBUG_TYPE, request: 'launch', ...config, name });
    if (!started) this.services.log.debug('Debugging was not started');
  }

  dispose(): void {
    vscode.Disposable.from(...this.disposables).dispose();
  }
}

/** A generation of another surface: the same prompt, what was answered as the reference, the token as the place to go to. */
function ofReference(ref: GenerationRef): Record<string, unknown> {
  const { bundle, precision, question, language, template, gold, maxNewTokens, completionIds, token, source } = ref;
  return {
    name: source ? `${source.id} · ${language}` : t('Generation · {0}', language),
    bundle, precision, question, language, template, gold, maxNewTokens, referenceIds: completionIds, token,
    ...(source ? { run: source.run, problem: source.id } : {}),
  };
}

async function askQuestion(): Promise<Record<string, unknown> | undefined> {
  const question = await vscode.window.showInputBox({ title: t('Debug Generation'), prompt: t('The question, in any language'), ignoreFocusOut: true, validateInput: (v) => (v.trim() === '' ? t('Write a question.') : undefined) });
  if (question === undefined) return undefined;
  const picked = await vscode.window.showQuickPick(LANGUAGES.map((l) => ({ label: l.name, description: `${l.code} ${l.nativeName}`, code: l.code })), { title: t('Debug Generation'), placeHolder: t('Language of the question'), matchOnDescription: true });
  return picked && { question: question.trim(), language: picked.code };
}
