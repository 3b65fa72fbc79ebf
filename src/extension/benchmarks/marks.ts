import path from 'node:path';
import * as vscode from 'vscode';
import { type Outcome, type SampleLine } from '../../protocol/panels';
import { Command } from '../contributions';
import { type ActiveRuns } from '../runs/active';
import { type Log, type Reader } from '../services';
import { ReadPage, ReadProblems, ReadRun, ReadSample } from '../worker/protocol';
import { BENCHMARK_FILES, benchmarkFile } from './files';

const t = vscode.l10n.t;
const ICON: Readonly<Record<Outcome, string>> = { right: 'ok', wrong: 'error', unread: 'warning', failed: 'warning' };
const OUTCOMES = Object.keys(ICON) as Outcome[];
const MOST = 5000;
const SHOWN = 600;

/** The last run of this window over a benchmark's language. */
interface Last {
  readonly folder: string;
  readonly name: string;
}

interface Marked {
  readonly last: Last;
  readonly language: string;
  readonly version: number;
  readonly byLine: ReadonlyMap<number, SampleLine>;
}

/** Marks the lines of a benchmark's file with what came of them in the last run of this window; the hover shows the answer. */
export class ResultMarks implements vscode.HoverProvider, vscode.Disposable {
  private readonly types: Readonly<Record<Outcome, vscode.TextEditorDecorationType>>;
  private readonly lasts = new Map<string, Last>();
  private readonly marked = new Map<string, Marked>();
  private readonly disposables: vscode.Disposable[];

  constructor(extension: vscode.Uri, private readonly reader: Reader, runs: ActiveRuns, private readonly log: Log) {
    const type = (outcome: Outcome): vscode.TextEditorDecorationType => {
      const icon = (theme: string): vscode.Uri => vscode.Uri.joinPath(extension, 'media', 'status', `${ICON[outcome]}-${theme}.svg`);
      return vscode.window.createTextEditorDecorationType({ light: { gutterIconPath: icon('light') }, dark: { gutterIconPath: icon('dark') }, gutterIconSize: '80%', rangeBehavior: vscode.DecorationRangeBehavior.ClosedClosed });
    };
    this.types = { right: type('right'), wrong: type('wrong'), unread: type('unread'), failed: type('failed') };
    this.disposables = [
      ...Object.values(this.types),
      vscode.languages.registerHoverProvider(BENCHMARK_FILES, this),
      vscode.window.onDidChangeVisibleTextEditors(() => void this.all()),
      vscode.workspace.onDidChangeTextDocument((e) => {
        // Lines move with an edit, and the texts are no longer what was asked.
        if (e.contentChanges.length > 0 && this.marked.delete(e.document.uri.toString())) this.clear(e.document);
      }),
      runs.onDidChange((run) => {
        if (!run.last.settled || run.last.done === 0) return;
        const { execution, plan } = run.manifest;
        for (const language of plan.languages) this.lasts.set(keyOf(execution.benchmarkPath, language), { folder: run.folder, name: run.name });
        void this.all();
      }),
    ];
  }

  private async all(): Promise<void> {
    for (const editor of vscode.window.visibleTextEditors) {
      try {
        await this.mark(editor);
      } catch (e) {
        this.log.warn(`Result marks: ${(e as Error).message}`);
      }
    }
  }

  private async mark(editor: vscode.TextEditor): Promise<void> {
    const { document } = editor;
    if (document.isDirty || this.lasts.size === 0) return;
    const language = benchmarkFile(document)?.language;
    if (language === undefined || language === null) return;
    const file = document.uri.fsPath;
    const [benchmark, last] = [path.dirname(file), file].map((p) => [p, this.lasts.get(keyOf(p, language))] as const).find(([, l]) => l) ?? [file, undefined];
    if (!last) return;
    const { folder } = last;
    const { problems } = await this.reader.ask(ReadProblems, { path: benchmark, language });
    await this.reader.ask(ReadRun, { folder });
    const { lines } = await this.reader.ask(ReadPage, { folder, language, outcomes: [], find: '', offset: 0, count: MOST });
    const places = new Map(problems.map((p) => [p.id, p.line]));
    const byLine = new Map<number, SampleLine>();
    for (const line of lines) {
      const at = places.get(line.id);
      if (at !== undefined && at !== null) byLine.set(at, line);
    }
    if (document.isDirty) return;
    this.marked.set(document.uri.toString(), { last, language, version: document.version, byLine });
    for (const outcome of OUTCOMES) editor.setDecorations(this.types[outcome], [...byLine].filter(([, l]) => l.outcome === outcome).map(([line]) => new vscode.Range(line, 0, line, 0)));
  }

  private clear(document: vscode.TextDocument): void {
    for (const editor of vscode.window.visibleTextEditors) if (editor.document === document) OUTCOMES.forEach((o) => editor.setDecorations(this.types[o], []));
  }

  async provideHover(document: vscode.TextDocument, position: vscode.Position): Promise<vscode.Hover | undefined> {
    const marked = this.marked.get(document.uri.toString());
    const line = marked?.byLine.get(position.line);
    if (!marked || !line) return undefined;
    const { folder, name } = marked.last;
    const { sample: s } = await this.reader.ask(ReadSample, { folder, language: line.language, id: line.id });
    // Texts of files and models go in as text, never as markup.
    const text = new vscode.MarkdownString();
    text.appendText(`${s.id} · ${outcomeWord(line.outcome)} · ${s.value === null ? t('read: nothing') : t('read: {0}', String(s.value))} (${s.reading}) · ${t('gold: {0}', s.gold)}`);
    text.appendMarkdown('\n\n---\n\n');
    text.appendText(s.stopReason === 'failed' ? (s.failure ?? '') : s.completion.length > SHOWN ? `${s.completion.slice(0, SHOWN)}…` : s.completion);
    text.appendMarkdown('\n\n---\n\n');
    text.appendText(`${name} · ${s.scorer} `);
    text.isTrusted = { enabledCommands: [Command.openRun] };
    text.appendMarkdown(`[${t('Open run')}](command:${Command.openRun}?${encodeURIComponent(JSON.stringify([folder]))})`);
    return new vscode.Hover(text, document.lineAt(position.line).range);
  }

  dispose(): void {
    this.disposables.forEach((d) => d.dispose());
  }
}

const keyOf = (benchmark: string, language: string): string => `${path.resolve(benchmark)}\u0000${language}`;

export function outcomeWord(outcome: Outcome): string {
  switch (outcome) {
    case 'right': return t('right');
    case 'wrong': return t('wrong');
    case 'unread': return t('unread');
    case 'failed': return t('failed');
  }
}
