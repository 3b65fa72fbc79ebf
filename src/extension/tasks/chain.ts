import path from 'node:path';
import * as vscode from 'vscode';
import { type TaskKind } from '../../protocol/training';
import { type Catalogue } from '../catalogue';
import { chooseEvaluation } from '../runs/flow';
import { type ChainLink, chainTasks, TASK_TYPE } from './definition';
import { findConfigs, makeTask, runTask, type TrainingConfig } from './provider';

const t = vscode.l10n.t;

export interface Chain {
  readonly folder: vscode.WorkspaceFolder;
  readonly links: readonly ChainLink[];
}

export interface ConfigItem extends vscode.QuickPickItem {
  readonly config?: TrainingConfig;
}

export const configItem = (config: TrainingConfig): ConfigItem => ({ label: config.relative, description: `${config.stage} → ${config.output}`, config });

/** Asks for one of the runs' YAML files of a stage; `none` is offered as a way without one. */
async function askConfig(configs: readonly TrainingConfig[], stage: TaskKind, title: string, none?: string): Promise<TrainingConfig | 'none' | undefined> {
  const mine = configs.filter((c) => c.stage === stage);
  if (mine.length === 0) {
    if (none !== undefined) return 'none';
    throw new Error(t('The workspace has no YAML file of a {0} run. "LinguaLIFT: New Training Configuration…" makes one.', stage));
  }
  const items: ConfigItem[] = [...mine.map(configItem), ...(none === undefined ? [] : [{ label: none }])];
  const chosen = await vscode.window.showQuickPick(items, { title, placeHolder: t('Configuration of {0}', stage) });
  return chosen === undefined ? undefined : (chosen.config ?? 'none');
}

/** Asks for everything that the chain lexicon → Stage I → Stage II → export → evaluate needs; undefined when a pick was closed. */
export async function askChain(catalogue: Catalogue, memory: vscode.Memento): Promise<Chain | undefined> {
  const title = t('Train: Stage I → Stage II → export → evaluate');
  const configs = await findConfigs();
  const lexicon = await askConfig(configs, 'lexicon', title, t('No lexicon: it is there already'));
  if (lexicon === undefined) return undefined;
  const stage1 = await askConfig(configs, 'stage1', title);
  if (stage1 === undefined || stage1 === 'none') return undefined;
  const stage2 = await askConfig(configs, 'stage2', title);
  if (stage2 === undefined || stage2 === 'none') return undefined;
  const { folder } = stage2;
  const suggested = path.basename(path.resolve(folder.uri.fsPath, stage2.output));
  const name = await vscode.window.showInputBox({ title, prompt: t('Name of the bundle'), value: suggested, validateInput: (v) => (/^[\w.-]{1,80}$/.test(v) ? undefined : t('Letters, digits, ".", "-" and "_"')) });
  if (name === undefined) return undefined;
  const bundle = path.posix.join('bundles', name);
  const choice = await chooseEvaluation(catalogue, memory, { bundle: path.join(folder.uri.fsPath, bundle) }, '');
  if (choice === undefined || typeof choice === 'string') return undefined;
  const run = (kind: TaskKind, config: TrainingConfig): ChainLink => ({ label: `LinguaLIFT: ${kind} ${config.relative}`, task: { type: TASK_TYPE, kind, config: config.relative } });
  const links: ChainLink[] = [
    ...(lexicon === 'none' ? [] : [run('lexicon', lexicon)]),
    run('stage1', stage1),
    run('stage2', stage2),
    { label: `LinguaLIFT: export ${name}`, task: { type: TASK_TYPE, kind: 'export', config: stage2.relative, bundle } },
    {
      label: `LinguaLIFT: evaluate ${name} on ${path.basename(choice.benchmark)}`,
      task: { type: TASK_TYPE, kind: 'evaluate', bundle, benchmark: choice.benchmark, languages: choice.languages, ...(choice.limit === null ? {} : { limit: choice.limit }), ...(choice.mode === 'generate' ? {} : { mode: choice.mode }), ...(choice.calculator ? { calculator: true } : {}) },
    },
  ];
  return { folder, links };
}

/** Puts the chain into `.vscode/tasks.json`, in place of tasks with the same labels, and opens the file. */
export async function writeChain({ folder, links }: Chain): Promise<void> {
  const configuration = vscode.workspace.getConfiguration('tasks', folder.uri);
  const old = configuration.inspect<readonly { readonly label?: unknown }[]>('tasks');
  const kept = (old?.workspaceFolderValue ?? old?.workspaceValue ?? []).filter((task) => !links.some((l) => l.label === task.label));
  await configuration.update('version', '2.0.0', vscode.ConfigurationTarget.WorkspaceFolder);
  await configuration.update('tasks', [...kept, ...chainTasks(links)], vscode.ConfigurationTarget.WorkspaceFolder);
  await vscode.window.showTextDocument(vscode.Uri.joinPath(folder.uri, '.vscode', 'tasks.json'));
}

/**
 * Runs the chain, each link after the one before it. The notification's button ends the task under way; a stage then leaves a
 * checkpoint, and the chain goes on from there when it is started again.
 *
 * @throws Error that names the link that failed
 */
export async function runChain(context: vscode.ExtensionContext, { folder, links }: Chain): Promise<'finished' | 'cancelled'> {
  return vscode.window.withProgress({ location: vscode.ProgressLocation.Notification, title: t('LinguaLIFT: training chain'), cancellable: true }, async (progress, token) => {
    for (const [i, { task }] of links.entries()) {
      progress.report({ message: `${i + 1}/${links.length} ${task.kind}` });
      const code = await runTask(makeTask(context, task, folder), token);
      if (token.isCancellationRequested) return 'cancelled';
      if (code !== 0) throw new Error(t('The chain stopped at {0} (exit code {1}). Its terminal and the Problems view say why; what was finished is kept.', task.kind, code));
      progress.report({ increment: 100 / links.length });
    }
    return 'finished';
  });
}
