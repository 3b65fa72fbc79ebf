import os from 'node:os';
import path from 'node:path';
import * as vscode from 'vscode';
import { type CancellationToken, type RequestParam, type RequestType } from 'vscode-jsonrpc/node';
import { type ContextKeyId, type Step, STEPS } from './contributions';
import { readSetting } from './settings';
import { WorkerClient, type WorkerLog } from './worker/client';

export type Log = vscode.LogOutputChannel;

export const workerLog = (log: Log): WorkerLog => (level, line) => log[level](line);

/** The one worker that reads bundles, benchmarks and runs. Started with the first question, started again if it ever ends. */
export class Reader implements vscode.Disposable {
  private client: WorkerClient | undefined;

  constructor(private readonly log: Log) {}

  private get worker(): WorkerClient {
    if (!this.client) {
      const client = new WorkerClient(workerLog(this.log));
      this.client = client;
      void client.ended.then((e) => {
        if (e) this.log.error(`The reading worker ended: ${e.message}`);
        if (this.client === client) this.client = undefined;
      });
    }
    return this.client;
  }

  ask<P, R>(type: RequestType<P, R, void>, params: RequestParam<P>, token?: CancellationToken): Promise<R> {
    const { connection } = this.worker;
    return token ? connection.sendRequest(type, params, token) : connection.sendRequest(type, params);
  }

  /** A worker of its own for long work (doctor, building), ended when `use` is done. */
  async aside<T>(use: (client: WorkerClient) => Promise<T>): Promise<T> {
    const client = new WorkerClient(workerLog(this.log));
    try {
      return await use(client);
    } finally {
      await client.dispose();
    }
  }

  dispose(): void {
    void this.client?.dispose();
  }
}

/** Sets a context key only when its value changes. */
export class ContextKeys {
  private readonly values = new Map<string, boolean>();

  set(key: ContextKeyId, value: boolean): void {
    if (this.values.get(key) === value) return;
    this.values.set(key, value);
    void vscode.commands.executeCommand('setContext', key, value);
  }
}

/** What the user has done once, kept over sessions: completes the steps of the walkthrough. */
export class Steps {
  constructor(
    private readonly memory: vscode.Memento,
    private readonly keys: ContextKeys,
  ) {
    for (const step of Object.keys(STEPS) as Step[]) if (memory.get<boolean>(step)) keys.set(STEPS[step], true);
  }

  done(step: Step): void {
    this.keys.set(STEPS[step], true);
    if (!this.memory.get<boolean>(step)) void this.memory.update(step, true);
  }
}

/** Folder that new runs are written to: the setting, `runs` in the workspace, or the extension's own storage without a workspace. */
export function runsFolder(context: vscode.ExtensionContext): string {
  const set = readSetting('runsFolder');
  const workspace = vscode.workspace.workspaceFolders?.find((f) => f.uri.scheme === 'file')?.uri.fsPath;
  if (set !== '') return path.resolve(workspace ?? os.homedir(), expandHome(set));
  return path.join(workspace ?? context.globalStorageUri.fsPath, 'runs');
}

export function expandHome(p: string): string {
  return p === '~' || p.startsWith('~/') || p.startsWith('~\\') ? path.join(os.homedir(), p.slice(1)) : p;
}

/** The Python of the setting, when one is set. */
export const pythonSetting = (): string | undefined => (readSetting('python') === '' ? undefined : expandHome(readSetting('python')));

