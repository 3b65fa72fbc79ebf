import fs from 'node:fs';
import path from 'node:path';
import * as vscode from 'vscode';
import { LANGUAGES } from '../../core/languages';
import { EXPORTABLE_STAGES, type TrainingInfo } from '../../protocol/training';
import { pythonEnvironment, trainingFolder } from '../../runs/locations';
import { pythonJson } from '../../runs/python';
import { SETTINGS } from '../../runs/training';
import { type Catalogue } from '../catalogue';
import { Command } from '../contributions';
import { type TrainingPanels } from '../panels/training';
import { type Log, pythonSetting, type Reader } from '../services';
import { readSetting } from '../settings';
import { askChain, configItem, type ConfigItem, runChain, writeChain } from '../tasks/chain';
import { configHead, TASK_TYPE, type TrainingTask } from '../tasks/definition';
import { checkPreview, type CodeSwitchPreviews } from '../tasks/preview';
import { findConfigs, makeTask, runTask, type TrainingConfig } from '../tasks/provider';
import { TrainingNode } from '../views/training';
import { OnBuildProgress, SetUpPython } from '../worker/protocol';
import { Remedied, requireTrust, showError } from './index';

const t = vscode.l10n.t;

export interface TrainingServices {
  readonly context: vscode.ExtensionContext;
  readonly catalogue: Catalogue;
  readonly reader: Reader;
  readonly previews: CodeSwitchPreviews;
  readonly panels: () => TrainingPanels;
  readonly log: Log;
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** Processes of tasks that this window started, by process id. */
export class OwnTasks implements vscode.Disposable {
  private readonly running = new Map<number, vscode.TaskExecution>();
  private readonly listeners = [
    vscode.tasks.onDidStartTaskProcess((e) => void this.running.set(e.processId, e.execution)),
    vscode.tasks.onDidEndTaskProcess((e) => {
      // Of a task that was started again VS Code gives the same execution, and may tell of the first end after the second start.
      for (const [pid, execution] of this.running) if (execution === e.execution && !isAlive(pid)) this.running.delete(pid);
    }),
  ];

  get(pid: number | null): vscode.TaskExecution | undefined {
    return pid === null ? undefined : this.running.get(pid);
  }

  dispose(): void {
    this.listeners.forEach((l) => l.dispose());
  }
}

function requirePython(): string {
  const environment = pythonEnvironment(pythonSetting());
  if (!environment) throw new Remedied(t('There is no Python environment with lingualift_training yet.'), { label: t('Set up the training environment'), command: Command.setUpTraining });
  return environment.python;
}

/** Setting up, starting, following and using trainings. */
export class TrainingCommands {
  constructor(
    private readonly services: TrainingServices,
    private readonly own: OwnTasks,
  ) {}

  /** `LinguaLIFT: Set Up Training Environment`: the Python environment, made from the installed extension, with progress and cancel. */
  async setUp(): Promise<void> {
    requireTrust(t('Setting up Python'));
    const set = pythonSetting();
    if (set !== undefined) throw new Remedied(t('The setting lingualift.python.path names a Python of your own ({0}); nothing is set up beside it.', set), { label: t('Open setting'), command: Command.showSettings, args: ['lingualift.python.path'] });
    const { reader, log } = this.services;
    const result = await vscode.window.withProgress({ location: vscode.ProgressLocation.Notification, title: t('LinguaLIFT: setting up the training environment'), cancellable: true }, (progress, token) =>
      reader.aside(async (client) => {
        client.connection.onNotification(OnBuildProgress, ({ message }) => {
          log.info(message);
          progress.report({ message: message.slice(0, 120) });
        });
        return client.connection.sendRequest(SetUpPython, { weights: false }, token);
      }));
    void vscode.window.showInformationMessage(t('The training environment is ready: Python {0} in {1}', result.version, result.folder));
  }

  private async pickConfig(argument: unknown, title: string, fits: (config: TrainingConfig) => boolean): Promise<TrainingConfig | undefined> {
    const configs = (await findConfigs()).filter(fits);
    if (argument instanceof vscode.Uri) {
      const found = configs.find((c) => c.uri.fsPath === argument.fsPath);
      if (found) return found;
      throw new Error(t('{0} is not the YAML file of such a run.', path.basename(argument.fsPath)));
    }
    if (configs.length === 0) throw new Remedied(t('The workspace has no YAML file of such a run.'), { label: t('New training configuration…'), command: Command.newTrainingConfig });
    return (await vscode.window.showQuickPick(configs.map(configItem), { title, placeHolder: t('Configuration') }))?.config;
  }

  /** `Start Training…`: runs the stage of a YAML file as a task. Its checkpoints, if there are any, are gone on from. */
  async start(argument: unknown): Promise<void> {
    requireTrust(t('Training'));
    requirePython();
    const config = await this.pickConfig(argument, t('Start training'), () => true);
    if (config) await this.run({ type: TASK_TYPE, kind: config.stage, config: config.relative }, config.folder);
  }

  /** Starts a task and says when it failed; its end is seen in the view by its files. */
  private async run(definition: TrainingTask, scope: vscode.WorkspaceFolder, cwd?: string | null): Promise<number> {
    const code = await runTask(makeTask(this.services.context, definition, scope, undefined, cwd ?? undefined));
    this.services.catalogue.trainings.touch(0);
    return code;
  }

  /** The chain lexicon → Stage I → Stage II → export → evaluate, run at once or written as tasks. */
  async chain(): Promise<void> {
    requireTrust(t('Training'));
    requirePython();
    const chain = await askChain(this.services.catalogue, this.services.context.workspaceState);
    if (!chain) return;
    const [now, tasks] = [t('Run now'), t('Write .vscode/tasks.json')];
    const how = await vscode.window.showQuickPick([{ label: now, detail: chain.links.map((l) => l.task.kind).join(' → ') }, { label: tasks, detail: t('Each task depends on the one before it') }], { title: t('Train: Stage I → Stage II → export → evaluate') });
    if (how?.label === tasks) return writeChain(chain);
    if (how?.label !== now) return;
    const { catalogue, context } = this.services;
    const over = await runChain(context, chain);
    catalogue.refresh();
    void vscode.window.showInformationMessage(over === 'finished' ? t('The training chain is finished. Its run stands in the Runs view.') : t('The training chain was cancelled. What was finished is kept; started again, it goes on from there.'));
  }

  async previewCodeSwitch(argument: unknown): Promise<void> {
    requireTrust(t('Running Python'));
    const python = requirePython();
    const config = await this.pickConfig(argument, t('Preview code-switching'), (c) => c.stage !== 'lexicon' && c.stage !== 'baseline');
    if (!config) return;
    const preview = await vscode.window.withProgress({ location: vscode.ProgressLocation.Notification, title: t('LinguaLIFT: mixing sentences of {0}', config.relative), cancellable: true }, async (_, token) => {
      const abort = new AbortController();
      token.onCancellationRequested(() => abort.abort());
      const args = ['-m', 'lingualift_training', 'preview', config.uri.fsPath, '--rows', '40'];
      return checkPreview(await pythonJson(python, args, { cwd: config.folder.uri.fsPath, signal: abort.signal, hub: readSetting('hubAccess') }));
    });
    await this.services.previews.show(preview, path.basename(config.relative));
  }

  /** `Build Lexicon…`: by a YAML file that is there, or by one that is made from languages and an encoder. */
  async buildLexicon(argument: unknown): Promise<void> {
    requireTrust(t('Running Python'));
    requirePython();
    const title = t('Build lexicon');
    const existing = (await findConfigs()).filter((c) => c.stage === 'lexicon');
    let config = argument instanceof vscode.Uri ? existing.find((c) => c.uri.fsPath === argument.fsPath) : undefined;
    if (!config) {
      const fresh: ConfigItem = { label: `$(add) ${t('For other languages…')}` };
      const chosen = existing.length === 0 ? fresh : await vscode.window.showQuickPick([...existing.map(configItem), fresh], { title, placeHolder: t('Configuration') });
      if (!chosen) return;
      config = chosen.config ?? (await this.newLexicon(title));
    }
    if (!config) return;
    const code = await this.run({ type: TASK_TYPE, kind: 'lexicon', config: config.relative }, config.folder);
    if (code !== 0) return;
    const show = t('Show files');
    void vscode.window.showInformationMessage(t('The lexicons are in {0}, one file a language.', config.output), show).then((c) => (c === show ? vscode.commands.executeCommand('revealInExplorer', vscode.Uri.file(config.outputFolder)) : undefined));
  }

  private async newLexicon(title: string): Promise<TrainingConfig | undefined> {
    const folder = vscode.workspace.workspaceFolders?.[0];
    if (!folder) throw new Error(t('Open a folder first: the configuration is written there.'));
    const picked = await vscode.window.showQuickPick(LANGUAGES.filter((l) => l.code !== 'en').map((l) => ({ label: l.name, description: `${l.code} ${l.nativeName}`, code: l.code })), { title, placeHolder: t('Languages'), canPickMany: true, matchOnDescription: true });
    if (!picked || picked.length === 0) return undefined;
    const encoder = await vscode.window.showInputBox({ title, prompt: t('Multilingual encoder: a folder, a hub id, or base:e5-small'), value: 'base:e5-small' });
    if (!encoder) return undefined;
    const text = [
      '# English words come from generated word problems; list corpora of your own under data.', 'stage: lexicon', 'output: runs/lexicon', `model: { encoder: ${JSON.stringify(encoder)} }`,
      ...(encoder === 'base:e5-small' ? ['encoder_text: { prefix: "query: " }'] : []), 'data:', '  - { format: generator, path: "4000:1" }', `induce: { languages: [${picked.map((p) => p.code).join(', ')}] }`, '',
    ].join('\n');
    const uri = await writeNew(folder, 'lexicon.yaml', text);
    await vscode.window.showTextDocument(uri, { preview: false });
    return (await findConfigs()).find((c) => c.uri.fsPath === uri.fsPath);
  }

  /** `New Training Configuration…`: a copy of one of the shipped YAML files, with the schema at hand. */
  async newConfig(): Promise<void> {
    const folder = vscode.workspace.workspaceFolders?.[0];
    if (!folder) throw new Error(t('Open a folder first: the configuration is written there.'));
    const shipped = path.join(trainingFolder(), 'configs');
    const files = fs.readdirSync(shipped).filter((f) => f.endsWith('.yaml')).map((f) => {
      const text = fs.readFileSync(path.join(shipped, f), 'utf8');
      return { label: configHead(text)?.stage ?? f, detail: /^# (?!yaml-language-server)(.+)$/m.exec(text)?.[1] ?? '', file: f, text };
    });
    const chosen = await vscode.window.showQuickPick(files, { title: t('New training configuration'), placeHolder: t('Stage') });
    if (!chosen) return;
    // The schema is known by the extension's own registration; the path of the checkout would lead nowhere.
    await vscode.window.showTextDocument(await writeNew(folder, chosen.file, chosen.text.replace(/^# yaml-language-server:.*\n/, '')), { preview: false });
  }

  /** The trainings that a command means: chosen in the view, given as folder, or asked for. */
  private async infos(argument: unknown, selection: unknown, title: string, fits: (info: TrainingInfo) => boolean): Promise<readonly TrainingInfo[]> {
    const several = Array.isArray(selection) ? selection.filter((n): n is TrainingNode => n instanceof TrainingNode).map((n) => n.info) : [];
    if (several.length > 1) return several;
    const listed = await this.services.catalogue.trainings.now();
    const folder = argument instanceof TrainingNode ? argument.folder : typeof argument === 'string' ? path.resolve(argument) : argument instanceof vscode.Uri ? path.dirname(argument.fsPath) : undefined;
    if (folder !== undefined) {
      const found = listed.find((i) => i.folder === folder) ?? (argument instanceof TrainingNode ? argument.info : undefined);
      if (!found) throw new Error(t('{0} is not the folder of a training.', folder));
      return [found];
    }
    const fitting = listed.filter(fits);
    if (fitting.length === 0) throw new Remedied(t('There is no such training in the workspace.'), { label: t('Start training…'), command: Command.startTraining });
    const chosen = await vscode.window.showQuickPick(fitting.map((info) => ({ label: `${info.stage} ${info.name}`, description: info.status, detail: info.folder, info })), { title });
    return chosen ? [chosen.info] : [];
  }

  async open(argument: unknown, selection: unknown): Promise<void> {
    const chosen = await this.infos(argument, selection, t('Open training'), (i) => i.status !== 'damaged');
    if (chosen.length > 0) this.services.panels().open(chosen.map((i) => i.folder));
  }

  /** A task on a training that is there: from the file and in the folder it was started from. */
  private async onTraining(info: TrainingInfo, more: Partial<TrainingTask> & { readonly kind: TrainingTask['kind'] }): Promise<number> {
    const known = (await findConfigs()).find((c) => c.uri.fsPath === info.config || c.outputFolder === info.folder);
    const config = known?.uri.fsPath ?? info.config;
    if (config === null || !fs.existsSync(config)) throw new Error(t('The YAML file that {0} was started from is not known or gone; open the folder that holds it.', info.name));
    const scope = known?.folder ?? vscode.workspace.workspaceFolders?.[0];
    if (!scope) throw new Error(t('Open a folder first.'));
    const cwd = info.cwd !== null && fs.existsSync(info.cwd) ? info.cwd : undefined;
    return this.run({ type: TASK_TYPE, config: known?.relative && cwd === scope.uri.fsPath ? known.relative : config, output: info.folder, ...more }, scope, cwd);
  }

  async resume(argument: unknown): Promise<void> {
    requireTrust(t('Training'));
    requirePython();
    const [info] = await this.infos(argument, undefined, t('Resume training'), (i) => i.status === 'resumable');
    if (!info) return;
    if (info.status === 'running') throw new Error(t('{0} is running.', info.name));
    await this.onTraining(info, { kind: info.stage as TrainingTask['kind'] });
  }

  async cancel(argument: unknown): Promise<void> {
    const [info] = await this.infos(argument, undefined, t('Cancel training'), (i) => this.own.get(i.pid) !== undefined);
    if (!info) return;
    const execution = this.own.get(info.pid);
    if (!execution) throw new Error(t('{0} was not started by this window; end it where it runs.', info.name));
    execution.terminate();
  }

  /** Makes a bundle of a training's result or of a checkpoint. @returns the bundle's folder, or undefined when a box was closed or it failed */
  async export(argument: unknown, checkpoint: unknown): Promise<string | undefined> {
    requireTrust(t('Building a bundle'));
    requirePython();
    const [info] = await this.infos(argument, undefined, t('Export training'), (i) => EXPORTABLE_STAGES.includes(i.stage) && (i.status === 'finished' || i.checkpoints.length > 0));
    if (!info) return undefined;
    const step = typeof checkpoint === 'number' ? checkpoint : info.status === 'finished' ? undefined : info.checkpoints.at(-1);
    const folder = vscode.workspace.workspaceFolders?.[0]?.uri.fsPath;
    const name = await vscode.window.showInputBox({
      title: t('Export training'), prompt: step === undefined ? t('Name of the bundle') : t('Name of the bundle of the checkpoint at step {0}', step),
      value: step === undefined ? info.name : `${info.name}-${step}`, validateInput: (v) => (/^[\w.-]{1,80}$/.test(v) ? undefined : t('Letters, digits, ".", "-" and "_"')),
    });
    if (name === undefined) return undefined;
    const bundle = path.join(folder ?? path.dirname(info.folder), 'bundles', name);
    const code = await this.onTraining(info, { kind: 'export', bundle, ...(step === undefined ? {} : { checkpoint: step }) });
    if (code !== 0) return undefined;
    this.services.catalogue.bundles.touch(0);
    const evaluate = t('Run evaluation…');
    void vscode.window.showInformationMessage(t('The bundle is ready: {0}', bundle), evaluate).then((c) => (c === evaluate ? this.runEvaluation(bundle) : undefined));
    return bundle;
  }

  private runEvaluation(bundle: string): Thenable<unknown> {
    return vscode.commands.executeCommand(Command.runEvaluation, vscode.Uri.file(path.join(bundle, 'lift.json')));
  }

  /** Evaluates the bundle that was made of a training; makes it first when there is none. */
  async evaluate(argument: unknown, checkpoint: unknown): Promise<void> {
    requireTrust(t('Running an evaluation'));
    const [info] = await this.infos(argument, undefined, t('Evaluate training'), (i) => EXPORTABLE_STAGES.includes(i.stage) && i.status === 'finished');
    if (!info) return;
    const made = typeof checkpoint === 'number' || info.status !== 'finished' ? undefined : await this.bundleOf(info);
    const bundle = made ?? (await this.export(info.folder, checkpoint));
    if (bundle !== undefined) await this.runEvaluation(bundle);
  }

  /** The bundle whose provenance names the training's fingerprint. */
  private async bundleOf(info: TrainingInfo): Promise<string | undefined> {
    for (const { dir, issues } of await this.services.catalogue.bundles.get()) {
      if (issues.length > 0) continue;
      try {
        const { stages } = JSON.parse(await fs.promises.readFile(path.join(dir, 'lift.json'), 'utf8')) as { stages?: readonly { readonly fingerprint?: unknown; readonly steps?: unknown }[] };
        // The last stage made it; those before it are where its parts came from. A checkpoint's bundle has the fingerprint too, but not
        // the figures of the end.
        const last = stages?.at(-1);
        if (last?.fingerprint === info.fingerprint && (last.steps !== undefined || info.stage === 'warmstart')) return dir;
      } catch (e) {
        void showError(e, this.services.log);
      }
    }
    return undefined;
  }

  async delete(argument: unknown): Promise<void> {
    const [info] = await this.infos(argument, undefined, t('Delete training'), (i) => i.status !== 'running');
    if (!info) return;
    if (info.status === 'running') throw new Error(t('The training is running. Cancel it first.'));
    const uri = vscode.Uri.file(info.folder);
    await vscode.workspace.fs.stat(vscode.Uri.joinPath(uri, SETTINGS)); // only the folder of a training is ever deleted
    const yes = t('Move to bin');
    if ((await vscode.window.showWarningMessage(t('Move the training "{0}" with its checkpoints to the bin?', info.name), { modal: true, detail: info.folder }, yes)) !== yes) return;
    try {
      await vscode.workspace.fs.delete(uri, { recursive: true, useTrash: true });
    } catch (e) {
      const forever = t('Delete permanently');
      if ((await vscode.window.showWarningMessage(t('There is no bin here ({0}). Delete the training permanently?', (e as Error).message), { modal: true }, forever)) !== forever) return;
      await vscode.workspace.fs.delete(uri, { recursive: true, useTrash: false });
    }
    this.services.catalogue.trainings.touch(0);
  }
}

/** Writes a file under a name that is free: name.yaml, name-2.yaml, … */
async function writeNew(folder: vscode.WorkspaceFolder, name: string, text: string): Promise<vscode.Uri> {
  const { name: stem, ext } = path.parse(name);
  for (let i = 1; ; i++) {
    const uri = vscode.Uri.joinPath(folder.uri, i === 1 ? name : `${stem}-${i}${ext}`);
    if (fs.existsSync(uri.fsPath)) continue;
    await vscode.workspace.fs.writeFile(uri, Buffer.from(text, 'utf8'));
    return uri;
  }
}
