import fs from 'node:fs';
import path from 'node:path';
import * as vscode from 'vscode';
import { type BenchmarkFinding } from '../../core/benchmarks';
import { demoBundlesFolder } from '../../runs/locations';
import { type Catalogue } from '../catalogue';
import { Command, Setting } from '../contributions';
import { type Log, pythonSetting, type Reader, type Steps } from '../services';
import { changeList, readSetting } from '../settings';
import { type TextDocuments } from '../text';
import { BenchmarkNode } from '../views/benchmarks';
import { BundleNode } from '../views/bundles';
import { RunNode } from '../views/runs';
import { BuildBundle, InspectBenchmarks, InspectBundle, OnBuildProgress } from '../worker/protocol';
import { Remedied, requireTrust } from './index';

const t = vscode.l10n.t;

export interface BundleServices {
  readonly extensionPath: string;
  readonly catalogue: Catalogue;
  readonly reader: Reader;
  readonly steps: Steps;
  readonly texts: TextDocuments;
  readonly log: Log;
}

/** A finding with its place: file, line, field. */
const placeOf = (f: BenchmarkFinding): string => `${f.file}${f.line ? `:${f.line}` : ''}${f.field ? ` (${f.field})` : ''}: ${f.message}`;

async function askFolder(title: string, label: string): Promise<string | undefined> {
  const chosen = await vscode.window.showOpenDialog({ canSelectFolders: true, canSelectFiles: false, canSelectMany: false, title, openLabel: label });
  return chosen?.[0]?.scheme === 'file' ? chosen[0].fsPath : undefined;
}

/** A folder that a command was given as text or Uri, otherwise asked for. */
const folderFrom = async (argument: unknown, title: string, label: string): Promise<string | undefined> =>
  typeof argument === 'string' ? argument : argument instanceof vscode.Uri && argument.scheme === 'file' ? argument.fsPath : askFolder(title, label);

/** Adding, making, checking bundles and benchmarks. */
export class BundleCommands {
  constructor(private readonly services: BundleServices) {}

  async addBundle(argument: unknown): Promise<void> {
    const folder = await folderFrom(argument, t('Add bundle'), t('Add bundle'));
    if (folder === undefined) return;
    const info = await this.services.reader.ask(InspectBundle, { dir: folder });
    await changeList('bundleFolders', (list) => [...new Set([...list, folder])]);
    this.services.catalogue.bundles.touch(0);
    const problem = info.issues[0];
    if (problem) throw new Remedied(t('The bundle was added, but cannot be used: {0} {1}', problem.message, problem.fix), { label: t('Show problems'), command: Command.showProblems, args: [new BundleNode(info, true)] });
    void vscode.window.showInformationMessage(t('The bundle {0} was added ({1}).', info.name, info.precisions.join(', ')));
  }

  async removeBundle(node: unknown): Promise<void> {
    if (!(node instanceof BundleNode)) throw new Error(t('Choose a bundle in the Bundles view.'));
    const added = new Set([node.info.dir, path.dirname(node.info.dir)]);
    const absolute = this.services.catalogue.addedBundles();
    await changeList('bundleFolders', (list) => list.filter((_, i) => !added.has(absolute[i]!)));
    this.services.catalogue.bundles.touch(0);
  }

  /** Reads every file of a bundle and compares its hash. */
  async verifyBundle(node: unknown): Promise<void> {
    const { catalogue, reader } = this.services;
    const bundles = await catalogue.bundles.get();
    const dir = node instanceof BundleNode ? node.info.dir : (await vscode.window.showQuickPick(bundles.map((b) => ({ label: b.name, detail: b.dir })), { title: t('Verify bundle') }))?.detail;
    if (dir === undefined) return;
    const info = await vscode.window.withProgress({ location: vscode.ProgressLocation.Notification, title: t('LinguaLIFT: reading {0}', path.basename(dir)) }, () => reader.ask(InspectBundle, { dir, hashes: true }));
    if (info.issues.length === 0) void vscode.window.showInformationMessage(t('The bundle {0} is complete: every file is as it was exported.', info.name));
    else await this.showProblems(new BundleNode(info, false));
  }

  /** Why a bundle, a benchmark or a run cannot be used, as a text with every finding and its fix. */
  async showProblems(node: unknown): Promise<void> {
    const { texts } = this.services;
    if (node instanceof BundleNode) {
      const { info } = node;
      await texts.showText(t('Bundle {0}', info.name), [info.dir, '', ...(info.issues.length === 0 ? [t('Nothing is wrong with this bundle.')] : info.issues.flatMap((i) => [`✗ ${i.message}`, `  → ${i.fix}`]))].join('\n'));
    } else if (node instanceof BenchmarkNode) {
      const { info } = node;
      const findings = info.findings.map((f) => `${f.severity === 'error' ? '✗' : '!'} ${placeOf(f)}`);
      const more = info.findingCount > info.findings.length ? [t('… and {0} more', info.findingCount - info.findings.length)] : [];
      await texts.showText(t('Benchmark {0}', info.title), [info.path, '', ...(info.error === null ? [] : [`✗ ${info.error}`]), ...findings, ...more].join('\n'));
    } else if (node instanceof RunNode) {
      await texts.showText(t('Run {0}', node.run.folder), [node.run.path, '', `✗ ${node.run.problem ?? t('Nothing is wrong with this run.')}`].join('\n'));
    } else throw new Error(t('Choose a bundle, a benchmark or a run in the side bar.'));
  }

  async getDemoBundle(): Promise<void> {
    requireTrust(t('Building a bundle'));
    // Without a trained alignment layer on board, the demo is the language model alone.
    const aligned = fs.existsSync(path.join(this.services.extensionPath, 'models', 'demo', 'smol-lift', 'connector.safetensors'));
    await this.build(t('the demo bundle'), { demo: aligned ? 'smol-lift' : 'smol-text' });
    this.services.steps.done('demoBundle');
  }

  /** `Build Bundle from Hugging Face Folder…`: a checkpoint folder, and the folder that the bundle is written to. */
  async buildBundle(argument: unknown): Promise<void> {
    requireTrust(t('Building a bundle'));
    const lm = await folderFrom(argument, t('Language model: a Hugging Face folder with config.json'), t('Use as language model'));
    if (lm === undefined) return;
    const precision = await vscode.window.showQuickPick(['fp32', 'int8', 'int4', 'fp16'].map((label) => ({ label, picked: label === 'fp32' || label === 'int8' })), { canPickMany: true, title: t('Build bundle'), placeHolder: t('Precisions') });
    if (!precision || precision.length === 0) return;
    const kind = await vscode.window.showQuickPick(
      [{ label: t('Language model only'), description: 'text', encoder: false }, { label: t('With a multilingual encoder and an alignment layer'), description: 'lingualift', encoder: true }],
      { title: t('Build bundle'), placeHolder: t('What the bundle holds') },
    );
    if (!kind) return;
    const encoder = kind.encoder ? await askFolder(t('Encoder: a Hugging Face folder with config.json'), t('Use as encoder')) : undefined;
    const connector = encoder === undefined ? undefined : await askFolder(t('Alignment layer: the folder or checkpoint that training wrote'), t('Use as alignment layer'));
    if (kind.encoder && (encoder === undefined || connector === undefined)) return;
    const name = await vscode.window.showInputBox({ title: t('Build bundle'), prompt: t('Name of the bundle'), value: path.basename(lm), validateInput: (v) => (/^[\w.-]{1,80}$/.test(v) ? undefined : t('Letters, digits, ".", "-" and "_"')) });
    if (name === undefined) return;
    const out = path.join(demoBundlesFolder(), name);
    await this.build(name, { out, settings: { lm, name, precision: precision.map((p) => p.label).join(','), ...(encoder && connector ? { encoder, connector } : { method: 'text' }) } });
  }

  private async build(what: string, request: { readonly demo?: string; readonly out?: string; readonly settings?: Readonly<Record<string, string>> }): Promise<void> {
    const { reader, catalogue, log } = this.services;
    try {
      const dir = await vscode.window.withProgress({ location: vscode.ProgressLocation.Notification, title: t('LinguaLIFT: building {0}', what), cancellable: true }, (progress, token) =>
        reader.aside(async (client) => {
          client.connection.onNotification(OnBuildProgress, ({ message }) => {
            log.info(message);
            progress.report({ message });
          });
          return (await client.connection.sendRequest(BuildBundle, { ...request, python: pythonSetting(), allowHub: readSetting('hubAccess') }, token)).dir;
        }));
      catalogue.bundles.touch(0);
      const evaluate = t('Run evaluation…');
      void vscode.window.showInformationMessage(t('The bundle is ready: {0}', dir), evaluate).then((chosen) => {
        if (chosen === evaluate) void vscode.commands.executeCommand(Command.runEvaluation);
      });
    } catch (e) {
      const message = (e as Error).message;
      if (/no Python environment/.test(message)) throw new Remedied(message, { label: t('Set up the training environment'), command: Command.setUpTraining });
      if (/Python/.test(message)) throw new Remedied(message, { label: t('Open setting'), command: Command.showSettings, args: [Setting.python.key] });
      throw new Remedied(message, { label: t('Doctor'), command: Command.doctor });
    }
  }

  /** `Import Benchmark…`: checks first, then adds the folder. */
  async importBenchmark(argument: unknown): Promise<void> {
    const folder = await folderFrom(argument, t('Import benchmark: MMWP, MGSM, MSVAMP, GSM8K, X-CSQA, XNLI, LIFT, or a table with a mapping.json'), t('Import'));
    if (folder === undefined) return;
    const [info] = await this.services.reader.ask(InspectBenchmarks, { paths: [folder], shipped: false });
    if (!info) return;
    if (info.error !== null) throw new Remedied(info.error, { label: t('Show problems'), command: Command.showProblems, args: [new BenchmarkNode(info, false)] });
    if (info.findingCount > 0) {
      const [add, show] = [t('Import anyway'), t('Show findings')];
      const chosen = await vscode.window.showWarningMessage(t('{0}: {1} findings before the import. First: {2}', info.title, info.findingCount, placeOf(info.findings[0]!)), add, show);
      if (chosen === show) await this.showProblems(new BenchmarkNode(info, false));
      if (chosen !== add) return;
    }
    await changeList('benchmarkFolders', (list) => [...new Set([...list, folder])]);
    this.services.catalogue.benchmarks.touch(0);
    void vscode.window.showInformationMessage(t('{0} was imported: {1} languages × {2} problems.', info.title, info.languages.length, info.problems));
  }

  async removeBenchmark(node: unknown): Promise<void> {
    if (!(node instanceof BenchmarkNode)) throw new Error(t('Choose a benchmark in the Benchmarks view.'));
    const absolute = this.services.catalogue.addedBenchmarks();
    await changeList('benchmarkFolders', (list) => list.filter((_, i) => absolute[i] !== node.info.path));
    this.services.catalogue.benchmarks.touch(0);
  }
}
