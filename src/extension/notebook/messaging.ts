import * as vscode from 'vscode';
import { type GenerationRef } from '../../protocol/generation';
import { OUTPUT_ACTIONS, type OutputAction, readToHost, type SampleTarget, type ToHost, type ToRenderer } from '../../protocol/notebook';
import { readManifestOf } from '../../runs/store';
import { requireTrust, showError } from '../commands';
import { Command, OUTPUT_RENDERER } from '../contributions';
import { translations } from '../panels/html';
import { ReadRun, ReadSample } from '../worker/protocol';
import { type NotebookServices } from './job';
import { bundleFolder, runFolder } from './resolve';

const t = vscode.l10n.t;

/** Commands that look into one generation; each takes a GenerationRef. */
const INSIDE = { attention: 'lingualift.showAttention', debug: 'lingualift.debugGeneration' } as const;

/** Answers what the outputs of notebooks ask: samples of a run, and the buttons. Every message is checked. */
export class OutputMessaging implements vscode.Disposable {
  private readonly messaging = vscode.notebooks.createRendererMessaging(OUTPUT_RENDERER);
  private readonly listener: vscode.Disposable;

  constructor(private readonly services: NotebookServices) {
    this.listener = this.messaging.onDidReceiveMessage(({ editor, message }) => void this.take(editor, message));
  }

  private async take(editor: vscode.NotebookEditor, raw: unknown): Promise<void> {
    const message = readToHost(raw);
    if (!message) {
      this.services.log.warn('Notebook: a message of an output was refused');
      return;
    }
    const send = (answer: ToRenderer): Thenable<boolean> => this.messaging.postMessage(answer, editor);
    if (message.type === 'hello') {
      await send({ type: 'hello', strings: translations(), language: vscode.env.language, can: await this.possible() });
      return;
    }
    const { request } = message;
    const { uri } = editor.notebook;
    try {
      if (message.type === 'sample') {
        this.services.steps.done('lookedInside');
        await send({ type: 'answer', request, view: await this.sample(uri, message) });
      } else {
        await this.act(uri, message);
        await send({ type: 'answer', request });
      }
    } catch (e) {
      if (message.type === 'act') void showError(e, this.services.log);
      await send({ type: 'answer', request, error: e instanceof Error ? e.message : String(e) });
    }
  }

  /** A button is shown only when there is something behind it. */
  private async possible(): Promise<OutputAction[]> {
    const there = await vscode.commands.getCommands(true);
    return OUTPUT_ACTIONS.filter((a) => !(a in INSIDE) || there.includes(INSIDE[a as keyof typeof INSIDE]));
  }

  private async sample(notebook: vscode.Uri, { folder, language, id }: SampleTarget) {
    const run = runFolder(notebook, folder);
    await this.services.reader.ask(ReadRun, { folder: run });
    return this.services.reader.ask(ReadSample, { folder: run, language, id });
  }

  private async act(notebook: vscode.Uri, message: Extract<ToHost, { type: 'act' }>): Promise<void> {
    if ('folders' in message) {
      const folders = message.folders.map((f) => runFolder(notebook, f));
      await (message.action === 'openRun' ? vscode.commands.executeCommand(Command.openRun, folders[0]) : vscode.commands.executeCommand(Command.compareRuns, folders));
      return;
    }
    requireTrust(t('Looking inside a generation'));
    const ref = 'ref' in message ? message.ref : await this.refOf(notebook, message);
    await vscode.commands.executeCommand(INSIDE[message.action], { ...ref, bundle: await bundleFolder(this.services.catalogue, notebook, ref.bundle) });
  }

  private async refOf(notebook: vscode.Uri, target: SampleTarget): Promise<GenerationRef> {
    const { sample } = await this.sample(notebook, target);
    const folder = runFolder(notebook, target.folder);
    return generationOf(folder, sample.id, sample.language, sample);
  }

  dispose(): void {
    this.listener.dispose();
  }
}

/** A sample of a run as a generation that other surfaces can look into. @throws RunError when the folder is not a run */
export function generationOf(folder: string, id: string, language: string, sample: { readonly question: string; readonly gold: string; readonly completion: string; readonly tokenIds: readonly number[] }): GenerationRef {
  const { environment, execution } = readManifestOf(folder);
  return {
    bundle: execution.bundlePath, precision: environment.bundle.precision, question: sample.question, language, template: environment.prompt.template, gold: sample.gold,
    maxNewTokens: environment.generation.maxNewTokens, completion: sample.completion, completionIds: sample.tokenIds, source: { run: folder, id },
  };
}
