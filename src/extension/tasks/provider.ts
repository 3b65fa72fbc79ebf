import path from 'node:path';
import * as vscode from 'vscode';
import { pythonEnvironment, trainingFolder } from '../../runs/locations';
import { type Log, pythonSetting, runsFolder } from '../services';
import { readSetting } from '../settings';
import { checkTask, configHead, type ConfigHead, launchOf, PROBLEM_MATCHER, TASK_TYPE, taskName, type Tools, type TrainingTask } from './definition';

const t = vscode.l10n.t;
const EXCLUDE = '**/{node_modules,.git,.venv,dist,artifacts}/**';
const MOST = 200;
/** The two lines that are looked at stand near the top. */
const HEAD_BYTES = 16_384;

/** A YAML file of a run. */
export interface TrainingConfig extends ConfigHead {
  readonly uri: vscode.Uri;
  readonly folder: vscode.WorkspaceFolder;
  /** Path in the workspace folder, as tasks name it. */
  readonly relative: string;
  /** The run's output folder; relative ones start at the workspace folder. */
  readonly outputFolder: string;
}

/** Runs' YAML files of the workspace. */
export async function findConfigs(): Promise<TrainingConfig[]> {
  const files = await vscode.workspace.findFiles('**/*.{yaml,yml}', EXCLUDE, MOST);
  const found = await Promise.all(files.filter((f) => f.scheme === 'file').map(async (uri): Promise<TrainingConfig[]> => {
    const folder = vscode.workspace.getWorkspaceFolder(uri);
    if (!folder) return [];
    try {
      const head = configHead(Buffer.from(await vscode.workspace.fs.readFile(uri)).subarray(0, HEAD_BYTES).toString('utf8'));
      return head ? [{ ...head, uri, folder, relative: path.relative(folder.uri.fsPath, uri.fsPath).split(path.sep).join('/'), outputFolder: path.resolve(folder.uri.fsPath, head.output) }] : [];
    } catch {
      return []; // Gone meanwhile, or not readable.
    }
  }));
  return found.flat().sort((a, b) => (a.relative < b.relative ? -1 : 1));
}

/** What tasks run with now. @returns undefined without a Python environment */
export function tools(context: vscode.ExtensionContext): (Tools & { readonly hasPython: boolean }) {
  const environment = pythonEnvironment(pythonSetting());
  return {
    python: environment?.python ?? '', hasPython: environment !== undefined, trainingFolder: trainingFolder(), node: process.execPath,
    cli: context.asAbsolutePath(path.join('dist', 'cli.js')), runsFolder: runsFolder(context), hub: readSetting('hubAccess'),
  };
}

/** A task that only says why it cannot run; its end is a failure, so that what depends on it does not start. */
class Explanation implements vscode.Pseudoterminal {
  private readonly write = new vscode.EventEmitter<string>();
  private readonly close_ = new vscode.EventEmitter<number>();
  readonly onDidWrite = this.write.event;
  readonly onDidClose = this.close_.event;

  constructor(private readonly text: string) {}

  open(): void {
    this.write.fire(`${this.text.replace(/\r?\n/g, '\r\n')}\r\n`);
    this.close_.fire(1);
  }

  close(): void {
    this.write.dispose();
    this.close_.dispose();
  }
}

/** Makes a task that VS Code can run from a checked definition. */
export function makeTask(context: vscode.ExtensionContext, definition: TrainingTask, scope: vscode.WorkspaceFolder | vscode.TaskScope.Workspace, name = taskName(definition), startIn?: string): vscode.Task {
  const with_ = tools(context);
  const cwd = startIn ?? (typeof scope === 'object' ? scope.uri.fsPath : vscode.workspace.workspaceFolders?.[0]?.uri.fsPath);
  let execution: vscode.ProcessExecution | vscode.CustomExecution;
  if (definition.kind !== 'evaluate' && !with_.hasPython) {
    const text = t('There is no Python environment with lingualift_training yet. Run "LinguaLIFT: Set Up Training Environment", or set {0}.', 'lingualift.python.path');
    execution = new vscode.CustomExecution(() => Promise.resolve(new Explanation(text)));
  } else {
    const { program, args, env } = launchOf(definition, with_);
    execution = new vscode.ProcessExecution(program, [...args], { env: { ...env }, ...(cwd === undefined ? {} : { cwd }) });
  }
  const task = new vscode.Task({ ...definition }, scope, name, 'LinguaLIFT', execution, [PROBLEM_MATCHER]);
  task.presentationOptions = { panel: vscode.TaskPanelKind.Dedicated, reveal: vscode.TaskRevealKind.Always, clear: false };
  if (definition.kind === 'export' || definition.kind === 'evaluate') task.group = vscode.TaskGroup.Build;
  return task;
}

/** Tasks of type `lingualift`: one for each run's YAML file of the workspace, and those of tasks.json. Nothing in Restricted Mode. */
export class TrainingTasks implements vscode.TaskProvider, vscode.Disposable {
  private readonly registration: vscode.Disposable;

  constructor(
    private readonly context: vscode.ExtensionContext,
    private readonly log: Log,
  ) {
    this.registration = vscode.tasks.registerTaskProvider(TASK_TYPE, this);
  }

  async provideTasks(): Promise<vscode.Task[]> {
    if (!vscode.workspace.isTrusted) return [];
    return (await findConfigs()).flatMap((c) => {
      const own: TrainingTask = { type: TASK_TYPE, kind: c.stage, config: c.relative };
      const bundle: TrainingTask[] = c.stage === 'lexicon' || c.stage === 'codeswitch' ? [] : [{ type: TASK_TYPE, kind: 'export', config: c.relative }];
      return [own, ...bundle].map((definition) => makeTask(this.context, definition, c.folder));
    });
  }

  /** Fills in a task of tasks.json. A definition that cannot be run becomes a task that says why. */
  resolveTask(task: vscode.Task): vscode.Task | undefined {
    if (!vscode.workspace.isTrusted) return undefined;
    const scope = task.scope === undefined || typeof task.scope === 'number' ? vscode.TaskScope.Workspace : task.scope;
    try {
      const made = makeTask(this.context, checkTask(task.definition), scope, task.name);
      // The same definition object: VS Code tells tasks apart by it.
      made.definition = task.definition;
      return made;
    } catch (e) {
      this.log.warn(`Task "${task.name}": ${(e as Error).message}`);
      return new vscode.Task(task.definition, scope, task.name, 'LinguaLIFT', new vscode.CustomExecution(() => Promise.resolve(new Explanation((e as Error).message))), []);
    }
  }

  dispose(): void {
    this.registration.dispose();
  }
}

/**
 * Runs a task to its end.
 * @returns its exit code; 130 when it was ended from outside, 1 when it never had a process
 */
export async function runTask(task: vscode.Task, token?: vscode.CancellationToken): Promise<number> {
  // Events may come before `executeTask` has answered: all are kept until it is known which are ours.
  const codes = new Map<vscode.TaskExecution, number | undefined>();
  const ended = new Set<vscode.TaskExecution>();
  let heard: () => void = () => undefined;
  const listeners: vscode.Disposable[] = [
    vscode.tasks.onDidEndTaskProcess((e) => {
      codes.set(e.execution, e.exitCode);
      heard();
    }),
    vscode.tasks.onDidEndTask((e) => {
      ended.add(e.execution);
      heard();
    }),
  ];
  try {
    const execution = await vscode.tasks.executeTask(task);
    if (token) listeners.push(token.onCancellationRequested(() => execution.terminate()));
    await new Promise<void>((resolve) => {
      heard = () => {
        if (ended.has(execution)) setTimeout(resolve, 50);
      };
      heard();
    });
    const stopped = token?.isCancellationRequested ? 130 : 1;
    return codes.get(execution) ?? stopped;
  } finally {
    listeners.forEach((l) => l.dispose());
  }
}
