import * as vscode from 'vscode';
import { recognise, type Recognised } from '../../core/benchmarks/places';
import { type Given } from '../runs/flow';
import { type Reader } from '../services';
import { ReadBenchmarkAround, ReadProblems } from '../worker/protocol';
import { type EvalRequest } from '../notebook/commands';

const t = vscode.l10n.t;
const HEAD = 4000;

/** Files that a benchmark reader could take, by their ending. */
export const BENCHMARK_FILES: vscode.DocumentSelector = { scheme: 'file', pattern: '**/*.{json,jsonl,tsv}' };

/** What a document is as a file of a benchmark: looks at its name and its beginning only. */
export function benchmarkFile(document: vscode.TextDocument): Recognised | undefined {
  if (document.uri.scheme !== 'file' || !/\.(?:jsonl?|tsv)$/.test(document.uri.fsPath)) return undefined;
  return recognise(document.uri.fsPath, document.getText(new vscode.Range(new vscode.Position(0, 0), document.positionAt(HEAD))));
}

async function documentOf(argument: unknown): Promise<vscode.TextDocument> {
  if (argument instanceof vscode.Uri) return vscode.workspace.openTextDocument(argument);
  const active = vscode.window.activeTextEditor?.document;
  if (!active) throw new Error(t('Open a file of a benchmark first.'));
  return active;
}

function recognised(document: vscode.TextDocument): Recognised {
  const found = benchmarkFile(document);
  if (!found) throw new Error(t('"{0}" is not a file of a benchmark that is known here (LIFT, MGSM, MSVAMP, MMWP, GSM8K).', vscode.workspace.asRelativePath(document.uri)));
  return found;
}

/** What the picks of an evaluation need not ask for a file. @throws when the file is no benchmark's */
export async function givenByFile(reader: Reader, argument: unknown, everywhere: boolean): Promise<Given> {
  const document = await documentOf(argument);
  const { language } = recognised(document);
  const around = await reader.ask(ReadBenchmarkAround, { file: document.uri.fsPath, language });
  return { benchmark: around.path, languages: everywhere || language === null ? 'all' : language, problems: around.problems };
}

/** The file, or the problems on the selected lines of its editor, as an evaluation for a notebook. */
export async function requestOfFile(reader: Reader, uri: vscode.Uri): Promise<EvalRequest> {
  const document = await documentOf(uri);
  const { language } = recognised(document);
  const { path } = await reader.ask(ReadBenchmarkAround, { file: uri.fsPath, language });
  if (language === null) return { benchmark: path };
  const selection = vscode.window.visibleTextEditors.find((e) => e.document === document)?.selections.filter((s) => !s.isEmpty) ?? [];
  if (selection.length === 0) return { benchmark: path, languages: language };
  const { problems } = await reader.ask(ReadProblems, { path, language });
  const ids = problems.filter((p) => p.line !== null && selection.some((s) => s.start.line <= p.line! && p.line! <= s.end.line)).map((p) => p.id);
  return { benchmark: path, languages: language, ...(ids.length > 0 ? { ids } : {}) };
}
