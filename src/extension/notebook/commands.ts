import path from 'node:path';
import * as vscode from 'vscode';
import { EVAL_CELL, MARKDOWN, PROMPT_CELL } from '../../core/notebook';
import { isGenerationRef, type GenerationRef } from '../../protocol/generation';
import { type Catalogue } from '../catalogue';
import { NOTEBOOK_TYPE } from '../contributions';
import { BenchmarkNode } from '../views/benchmarks';
import { BundleNode } from '../views/bundles';
import { type BundleInfo } from '../worker/protocol';
import { bundleNames } from './resolve';

const t = vscode.l10n.t;

/** What `lingualift.openInNotebook` takes beside a generation: problems of a benchmark's file. */
export interface EvalRequest {
  readonly benchmark: string;
  readonly languages?: string;
  readonly ids?: readonly string[];
}

export function isEvalRequest(value: unknown): value is EvalRequest {
  if (typeof value !== 'object' || value === null) return false;
  const v = value as Record<string, unknown>;
  return typeof v.benchmark === 'string' && (v.languages === undefined || typeof v.languages === 'string') && (v.ids === undefined || (Array.isArray(v.ids) && v.ids.every((i) => typeof i === 'string')));
}

const cell = (language: string, text: string): vscode.NotebookCellData => new vscode.NotebookCellData(language === MARKDOWN ? vscode.NotebookCellKind.Markup : vscode.NotebookCellKind.Code, text, language);
const header = (entries: readonly (readonly [string, string | number | undefined])[]): string => entries.filter(([, v]) => v !== undefined && v !== '').map(([k, v]) => `${k}: ${v}`).join('\n');

/** The shortest name by which a bundle of this folder is found again. */
function nameOf(bundles: readonly BundleInfo[], dir: string): string {
  return bundleNames(bundles).find((b) => path.resolve(b.info.dir) === path.resolve(dir))?.name ?? dir;
}

export function promptCell(ref: GenerationRef, bundle: string): string {
  return `${header([['bundle', bundle], ['language', ref.language], ['template', ref.template], ['precision', ref.precision], ['max-tokens', ref.maxNewTokens], ['gold', ref.gold]])}\n---\n${ref.question}`;
}

export function evalCell(request: EvalRequest, bundle?: string): string {
  return header([['benchmark', request.benchmark], ['languages', request.languages], ['ids', request.ids?.join(', ')], ['bundle', bundle]]);
}

async function show(cells: readonly vscode.NotebookCellData[]): Promise<void> {
  const document = await vscode.workspace.openNotebookDocument(NOTEBOOK_TYPE, new vscode.NotebookData([...cells]));
  await vscode.window.showNotebookDocument(document);
}

/** A notebook to begin with: one cell of each kind. */
export async function newNotebook(catalogue: Catalogue): Promise<void> {
  const [first] = bundleNames(await catalogue.bundles.get());
  await show([
    cell(MARKDOWN, `# ${t('Untitled notebook')}`),
    cell(PROMPT_CELL, `${header([['bundle', first?.name], ['language', 'en'], ['gold', '15']])}\n---\nAna has 24 apples and gives 9 away. How many are left?`),
    cell(EVAL_CELL, header([['benchmark', 'lift48'], ['languages', 'en, sw, ar'], ['sample', 5], ['seed', 1], ['bundle', first?.name]])),
  ]);
}

/**
 * Puts a generation, a benchmark or problems of it into a notebook: a new one, or behind the selected cell of the one in front.
 * @throws when the argument is none of them
 */
export async function openInNotebook(catalogue: Catalogue, argument: unknown): Promise<void> {
  const bundles = await catalogue.bundles.get();
  let added: vscode.NotebookCellData;
  if (isGenerationRef(argument)) added = cell(PROMPT_CELL, promptCell(argument, nameOf(bundles, argument.bundle)));
  else if (argument instanceof BenchmarkNode) added = cell(EVAL_CELL, `${evalCell({ benchmark: argument.info.path })}\nsample: 5`);
  else if (argument instanceof BundleNode) added = cell(PROMPT_CELL, `bundle: ${nameOf(bundles, argument.info.dir)}\nlanguage: en\n---\n`);
  else if (isEvalRequest(argument)) added = cell(EVAL_CELL, evalCell(argument));
  else throw new Error(t('There is nothing to open in a notebook: choose a sample, a benchmark or a bundle.'));
  const editor = vscode.window.visibleNotebookEditors.find((e) => e.notebook.notebookType === NOTEBOOK_TYPE);
  if (!editor) return show([added]);
  const at = editor.selections[0]?.end ?? editor.notebook.cellCount;
  const edit = new vscode.WorkspaceEdit();
  edit.set(editor.notebook.uri, [vscode.NotebookEdit.insertCells(at, [added])]);
  await vscode.workspace.applyEdit(edit);
  const range = new vscode.NotebookRange(at, at + 1);
  const shown = await vscode.window.showNotebookDocument(editor.notebook, { viewColumn: editor.viewColumn, selections: [range] });
  shown.revealRange(range);
}
