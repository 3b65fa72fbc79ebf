import * as vscode from 'vscode';
import { languageName } from '../../core/languages';
import { type TextDocuments } from '../text';

const t = vscode.l10n.t;

export interface PreviewPiece {
  readonly text: string;
  /** English word that was replaced, and the language of what stands in its place. */
  readonly source?: string;
  readonly language?: string;
}

/** What `lingualift_training preview` prints. */
export interface SwitchPreview {
  readonly seed: number;
  readonly sentences: number;
  readonly languages: readonly { readonly language: string; readonly entries: number; readonly coverage: number }[];
  readonly words: number;
  readonly replaced: number;
  readonly rows: readonly { readonly source: string; readonly pieces: readonly PreviewPiece[] }[];
}

/** @throws Error when the answer is not what the preview command prints */
export function checkPreview(value: unknown): SwitchPreview {
  const p = value as Partial<SwitchPreview> | null;
  const fits = typeof p === 'object' && p !== null && typeof p.seed === 'number' && Array.isArray(p.languages) && Array.isArray(p.rows)
    && p.rows.every((r: Partial<SwitchPreview['rows'][number]> | null) => typeof r?.source === 'string' && Array.isArray(r.pieces) && r.pieces.every((q: Partial<PreviewPiece> | null) => typeof q?.text === 'string'));
  if (!fits) throw new Error(t('The Python package gave a preview of another form. Set up the training environment again.'));
  return p as SwitchPreview;
}

/** Place of one replaced word in the text, with what it replaced. Lines and columns as VS Code counts them. */
export interface Marked {
  readonly line: number;
  readonly start: number;
  readonly end: number;
  readonly source: string;
  readonly language: string;
}

/** The text of a preview, the places of its replaced words and the lines that are English. Line breaks inside a sentence are shown as a space. */
export function previewText(preview: SwitchPreview, name: string): { readonly text: string; readonly marks: readonly Marked[]; readonly originals: readonly number[] } {
  const share = (x: number): string => `${(100 * x).toFixed(1)} %`;
  const flat = (text: string): string => text.replace(/\s*[\r\n\u2028\u2029]+\s*/g, ' ');
  const width = Math.max(0, ...preview.languages.map((l) => languageName(l.language).length));
  const lines = [
    t('Code-switched rows of {0}: {1} of {2} sentences, seed {3}', name, preview.rows.length, preview.sentences, preview.seed),
    t('{0} of {1} words replaced ({2})', preview.replaced, preview.words, preview.words > 0 ? share(preview.replaced / preview.words) : '–'),
    '',
    t('Coverage: share of running content words that the lexicon translates'),
    ...preview.languages.map((l) => `  ${languageName(l.language).padEnd(width)}  ${l.language.padEnd(3)}  ${share(l.coverage).padStart(7)}  ${t('{0} entries', l.entries)}`),
    '',
  ];
  const marks: Marked[] = [];
  const originals: number[] = [];
  preview.rows.forEach((row, i) => {
    let line = `${String(i + 1).padStart(3)}  `;
    for (const piece of row.pieces) {
      const text = flat(piece.text);
      if (piece.language !== undefined && text !== '') marks.push({ line: lines.length, start: line.length, end: line.length + text.length, source: piece.source ?? '', language: piece.language });
      line += text;
    }
    originals.push(lines.length + 1);
    lines.push(line, `     ${flat(row.source)}`, '');
  });
  return { text: lines.join('\n'), marks, originals };
}

/** Shows previews as read-only documents in which replaced words are marked; the English word stands in the hover. */
export class CodeSwitchPreviews implements vscode.Disposable {
  private readonly shown = new Map<string, Pick<ReturnType<typeof previewText>, 'marks' | 'originals'>>();
  private readonly replaced = vscode.window.createTextEditorDecorationType({
    backgroundColor: new vscode.ThemeColor('editor.wordHighlightStrongBackground'), border: '1px solid', borderColor: new vscode.ThemeColor('editor.wordHighlightStrongBorder'),
    overviewRulerColor: new vscode.ThemeColor('editorOverviewRuler.wordHighlightStrongForeground'), overviewRulerLane: vscode.OverviewRulerLane.Center, fontWeight: 'bold',
  });
  private readonly original = vscode.window.createTextEditorDecorationType({ color: new vscode.ThemeColor('descriptionForeground'), isWholeLine: true });
  private readonly disposables = [
    this.replaced, this.original,
    vscode.window.onDidChangeVisibleTextEditors((editors) => editors.forEach((e) => this.decorate(e))),
    vscode.workspace.onDidCloseTextDocument((d) => this.shown.delete(d.uri.toString())),
  ];

  constructor(private readonly texts: TextDocuments) {}

  async show(preview: SwitchPreview, name: string): Promise<void> {
    const { text, ...places } = previewText(preview, name);
    const editor = await this.texts.showText(t('Code-switching {0}', name), text);
    this.shown.set(editor.document.uri.toString(), places);
    this.decorate(editor);
  }

  private decorate(editor: vscode.TextEditor): void {
    const places = this.shown.get(editor.document.uri.toString());
    if (!places) return;
    editor.setDecorations(this.replaced, places.marks.map((m) => {
      const hover = new vscode.MarkdownString();
      hover.appendText(t('{0}, in place of "{1}"', languageName(m.language), m.source));
      return { range: new vscode.Range(m.line, m.start, m.line, m.end), hoverMessage: hover };
    }));
    editor.setDecorations(this.original, places.originals.map((line) => new vscode.Range(line, 0, line, 0)));
  }

  dispose(): void {
    this.disposables.forEach((d) => d.dispose());
  }
}
