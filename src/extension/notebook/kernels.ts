import { createHash } from 'node:crypto';
import * as vscode from 'vscode';
import { EVAL_CELL, parseEvalCell, parsePromptCell, PROMPT_CELL } from '../../core/notebook';
import { Remedied, requireTrust } from '../commands';
import { NOTEBOOK_TYPE } from '../contributions';
import { readSetting } from '../settings';
import { bundleSummary } from '../views/text';
import { type BundleInfo } from '../worker/protocol';
import { runEvaluation } from './evaluate';
import { type NotebookServices } from './job';
import { LiveOutput } from './output';
import { runPrompt } from './prompt';
import { basesOf, findBundle } from './resolve';

const t = vscode.l10n.t;
const ANY = 'lingualift.kernel.any';
const idOf = (dir: string): string => `lingualift.kernel.${createHash('sha256').update(dir).digest('hex').slice(0, 16)}`;

/** Whether a cell says itself which bundle it is for. */
const namesBundle = ({ document }: vscode.NotebookCell): boolean =>
  document.languageId === PROMPT_CELL ? parsePromptCell(document.getText()).bundle !== undefined : document.languageId === EVAL_CELL && parseEvalCell(document.getText()).bundles.length > 0;

interface Kernel {
  readonly id: string;
  readonly controller: vscode.NotebookController;
  readonly bundle: string | undefined;
}

/** What one notebook has in motion. */
interface Motion {
  /** Cells run one after another, whichever kernel was asked. */
  last: Promise<void>;
  order: number;
  interrupt: vscode.CancellationTokenSource;
}

/** One kernel per usable bundle, and one that takes the bundle which a cell names. Nothing is loaded before a cell runs. */
export class Kernels implements vscode.Disposable {
  private readonly kernels = new Map<string, Kernel>();
  private readonly motions = new WeakMap<vscode.NotebookDocument, Motion>();
  /** The kernel that each notebook has, chosen by the user, remembered by VS Code or taken here. */
  private readonly selected = new WeakMap<vscode.NotebookDocument, string>();
  private readonly disposables: vscode.Disposable[] = [];

  /** Undefined until the disk has been looked at. */
  private usable: readonly BundleInfo[] | undefined;

  constructor(private readonly services: NotebookServices) {
    this.add(ANY, undefined, t('Bundle named in the cell'), t('or the default bundle of the settings'));
    this.disposables.push(
      vscode.workspace.onDidOpenNotebookDocument((n) => void this.refresh(n)),
      vscode.workspace.onDidCloseNotebookDocument((n) => this.closed(n)),
      vscode.workspace.onDidChangeNotebookDocument((e) => void this.settle(e.notebook)),
      vscode.window.onDidChangeVisibleNotebookEditors((editors) => editors.forEach((e) => void this.settle(e.notebook))),
      services.catalogue.bundles.onDidChange(() => void this.refresh()),
    );
    void this.refresh();
  }

  private get notebooks(): readonly vscode.NotebookDocument[] {
    return vscode.workspace.notebookDocuments.filter((n) => n.notebookType === NOTEBOOK_TYPE);
  }

  /** Makes the kernels fit the bundles; only while a notebook is open, because it means looking at the disk. */
  private async refresh(opened?: vscode.NotebookDocument): Promise<void> {
    if (opened ? opened.notebookType !== NOTEBOOK_TYPE : this.notebooks.length === 0) return;
    try {
      const usable = (await this.services.catalogue.bundles.get()).filter((b) => b.issues.length === 0);
      const wanted = new Set(usable.map((b) => idOf(b.dir)));
      for (const [id, { controller }] of this.kernels) {
        if (id === ANY || wanted.has(id)) continue;
        controller.dispose();
        this.kernels.delete(id);
        for (const n of this.notebooks) if (this.selected.get(n) === id) this.selected.delete(n);
      }
      for (const b of usable) if (!this.kernels.has(idOf(b.dir))) this.add(idOf(b.dir), b.dir, b.name, bundleSummary(b));
      this.usable = usable;
      await Promise.all(this.notebooks.map((n) => this.settle(n)));
    } catch (e) {
      this.services.log.warn(`Kernels: ${(e as Error).message}`);
    }
  }

  private add(id: string, bundle: string | undefined, label: string, description: string): void {
    const controller = vscode.notebooks.createNotebookController(id, NOTEBOOK_TYPE, label);
    controller.description = description;
    controller.detail = bundle;
    controller.supportedLanguages = [PROMPT_CELL, EVAL_CELL];
    controller.supportsExecutionOrder = true;
    const kernel: Kernel = { id, controller, bundle };
    controller.executeHandler = (cells, notebook) => this.execute(cells, notebook, kernel);
    controller.interruptHandler = (notebook) => this.interrupt(notebook);
    controller.onDidChangeSelectedNotebooks(({ notebook, selected }) => {
      if (selected) this.selected.set(notebook, id);
      else if (this.selected.get(notebook) === id) this.selected.delete(notebook);
    });
    this.kernels.set(id, kernel);
  }

  /**
   * The one kernel that makes sense for a notebook: the default bundle's, that of the only bundle, or "named in the cell" where cells
   * name bundles. Undefined when only the user can tell.
   */
  private sensible(notebook: vscode.NotebookDocument, usable: readonly BundleInfo[]): Kernel | undefined {
    const named = readSetting('defaultBundle');
    const hit = named === '' ? undefined : findBundle(usable, basesOf(notebook.uri), named);
    const dir = typeof hit === 'object' ? hit.dir : (hit ?? (usable.length === 1 ? usable[0]!.dir : undefined));
    return (dir === undefined ? undefined : this.kernels.get(idOf(dir))) ?? (notebook.getCells().some(namesBundle) ? this.kernels.get(ANY) : undefined);
  }

  /**
   * Offers the sensible kernel first, and takes it where the notebook has none: VS Code asks otherwise when a cell is run, whatever is
   * offered first. A kernel that was chosen before is left alone.
   */
  private async settle(notebook: vscode.NotebookDocument): Promise<void> {
    if (notebook.notebookType !== NOTEBOOK_TYPE || !this.usable || this.selected.has(notebook)) return;
    const kernel = this.sensible(notebook, this.usable);
    for (const k of this.kernels.values()) k.controller.updateNotebookAffinity(notebook, k === kernel ? vscode.NotebookControllerAffinity.Preferred : vscode.NotebookControllerAffinity.Default);
    if (!kernel) return;
    try {
      // A kernel that VS Code remembers is told of when the kernels have arrived there; by the answer to a later question it is known here.
      await vscode.commands.getCommands(true);
      const notebookEditor = vscode.window.visibleNotebookEditors.find((e) => e.notebook === notebook);
      if (!notebookEditor || this.selected.has(notebook) || this.kernels.get(kernel.id) !== kernel) return;
      this.selected.set(notebook, kernel.id);
      await vscode.commands.executeCommand('notebook.selectKernel', { notebookEditor, id: kernel.id, extension: this.services.context.extension.id });
    } catch (e) {
      this.selected.delete(notebook);
      this.services.log.warn(`Kernels: ${(e as Error).message}`);
    }
  }

  private motion(notebook: vscode.NotebookDocument): Motion {
    let motion = this.motions.get(notebook);
    if (!motion) this.motions.set(notebook, (motion = { last: Promise.resolve(), order: 0, interrupt: new vscode.CancellationTokenSource() }));
    return motion;
  }

  private execute(cells: readonly vscode.NotebookCell[], notebook: vscode.NotebookDocument, kernel: Kernel): Promise<void> {
    const motion = this.motion(notebook);
    if (motion.interrupt.token.isCancellationRequested) motion.interrupt = new vscode.CancellationTokenSource();
    const { token } = motion.interrupt;
    motion.last = motion.last.then(async () => {
      for (const cell of cells) {
        if (token.isCancellationRequested) return;
        await this.runCell(cell, kernel, ++motion.order, token);
      }
    });
    return motion.last;
  }

  private async runCell(cell: vscode.NotebookCell, { controller, bundle }: Kernel, order: number, token: vscode.CancellationToken): Promise<void> {
    if (cell.index < 0) return; // deleted while it waited
    const execution = controller.createNotebookCellExecution(cell);
    execution.executionOrder = order;
    execution.start(Date.now());
    const output = new LiveOutput(execution);
    let success = false;
    try {
      await execution.clearOutput();
      requireTrust(t('Running a cell'));
      const job = { notebook: cell.notebook.uri, text: cell.document.getText(), bundle, output, token };
      success = cell.document.languageId === EVAL_CELL ? await runEvaluation(this.services, job) : await runPrompt(this.services, job);
      await output.flush();
    } catch (e) {
      await this.fail(execution, e);
    } finally {
      execution.end(success, Date.now());
    }
  }

  private async fail(execution: vscode.NotebookCellExecution, e: unknown): Promise<void> {
    const error = e instanceof Error ? e : new Error(String(e));
    this.services.log.error(error.stack ?? error.message);
    await execution.replaceOutput(new vscode.NotebookCellOutput([vscode.NotebookCellOutputItem.error({ name: t('Not run'), message: error.message, stack: '' })]));
    if (!(e instanceof Remedied)) return;
    const { label, command, args } = e.remedy;
    void vscode.window.showErrorMessage(error.message, label).then((chosen) => {
      if (chosen === label) void vscode.commands.executeCommand(command, ...(args ?? []));
    });
  }

  /** Stops the cell that runs and forgets those that wait. */
  private interrupt(notebook: vscode.NotebookDocument): void {
    const motion = this.motion(notebook);
    motion.interrupt.cancel();
  }

  private closed(notebook: vscode.NotebookDocument): void {
    this.motions.get(notebook)?.interrupt.cancel();
    if (this.notebooks.filter((n) => n !== notebook).length === 0) this.services.asker.release();
  }

  dispose(): void {
    this.disposables.forEach((d) => d.dispose());
    for (const { controller } of this.kernels.values()) controller.dispose();
  }
}
