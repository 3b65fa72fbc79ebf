import * as vscode from 'vscode';
import { GENERATION_SCHEME, type ShownToken } from '../../protocol/debug';
import { type GenerationDocuments, placed, type PlacedToken } from './documents';

const t = vscode.l10n.t;

/** Below these probabilities a token is marked. */
const UNSURE = 0.5;
const UNLIKELY = 0.1;
/** A mark is on its token alone: text that comes before or behind it does not widen it. */
const CLOSED: vscode.DecorationRenderOptions = { rangeBehavior: vscode.DecorationRangeBehavior.ClosedClosed };
const SELECTOR: vscode.DocumentSelector = { scheme: GENERATION_SCHEME };

const number = (p: number): string => (p >= 0.995 ? '1.0' : p >= 0.01 ? p.toFixed(2) : p > 0 ? '<.01' : '0');

/**
 * What the editor shows beside a generation's text: the probability after each token of the present line, one figure for every
 * other line, marks under improbable and forced tokens.
 */
export class InlineProbabilities implements vscode.InlineValuesProvider, vscode.EvaluatableExpressionProvider, vscode.Disposable {
  private readonly unsure = vscode.window.createTextEditorDecorationType({ ...CLOSED, backgroundColor: new vscode.ThemeColor('editor.wordHighlightBackground') });
  private readonly unlikely = vscode.window.createTextEditorDecorationType({
    ...CLOSED, backgroundColor: new vscode.ThemeColor('editor.wordHighlightStrongBackground'), textDecoration: 'underline dotted', overviewRulerColor: new vscode.ThemeColor('editorWarning.foreground'), overviewRulerLane: vscode.OverviewRulerLane.Right,
  });
  // On the letters alone: a border would take in the figure before them.
  private readonly forced = vscode.window.createTextEditorDecorationType({ ...CLOSED, color: new vscode.ThemeColor('editorInfo.foreground'), fontWeight: 'bold' });
  private readonly after = vscode.window.createTextEditorDecorationType(CLOSED);
  private readonly registrations: vscode.Disposable[];

  constructor(private readonly documents: GenerationDocuments) {
    const again = (d: vscode.TextDocument): void => {
      for (const e of vscode.window.visibleTextEditors) if (e.document === d) this.draw(e);
    };
    this.registrations = [
      vscode.languages.registerInlineValuesProvider(SELECTOR, this),
      vscode.languages.registerEvaluatableExpressionProvider(SELECTOR, this),
      vscode.workspace.onDidChangeTextDocument((e) => again(e.document)),
      // A change that adds no text still changes what comes next.
      documents.onDidChange((uri) => vscode.window.visibleTextEditors.filter((e) => e.document.uri.toString() === uri.toString()).forEach((e) => this.draw(e))),
      vscode.window.onDidChangeVisibleTextEditors((editors) => editors.forEach((e) => this.draw(e))),
    ];
  }

  private draw(editor: vscode.TextEditor): void {
    const { document } = editor;
    const generation = document.uri.scheme === GENERATION_SCHEME ? this.documents.of(document.uri) : undefined;
    if (!generation) return;
    const tokens = placed(generation);
    const length = document.getText().length;
    // The document follows the events a moment later.
    const there = tokens.filter((p) => p.end <= length);
    const range = (p: PlacedToken): vscode.Range => new vscode.Range(document.positionAt(p.start), document.positionAt(p.end));
    const marks = (is: (token: ShownToken) => boolean): vscode.DecorationOptions[] => there.filter((p) => p.end > p.start && is(p.token)).map((p) => ({ range: range(p) }));
    editor.setDecorations(this.unsure, marks((k) => k.p < UNSURE && k.p >= UNLIKELY));
    editor.setDecorations(this.unlikely, marks((k) => k.p < UNLIKELY));
    editor.setDecorations(this.forced, marks((k) => k.forced));
    const line = document.positionAt(there.at(-1)?.end ?? 0).line;
    editor.setDecorations(this.after, there.filter((p) => p.end > p.start && document.positionAt(p.start).line === line).map((p): vscode.DecorationOptions => {
      const end = document.positionAt(p.end);
      const at = end.line > line ? document.lineAt(line).range.end : end;
      return { range: new vscode.Range(at, at), renderOptions: { after: { contentText: number(p.token.p), color: new vscode.ThemeColor('editorInlayHint.foreground'), backgroundColor: new vscode.ThemeColor('editorInlayHint.background'), margin: '0 0.25em', fontStyle: 'normal' } } };
    }));
  }

  /** A finished line's figures: its probability, and its least probable token. */
  provideInlineValues(document: vscode.TextDocument, viewPort: vscode.Range, context: vscode.InlineValueContext): vscode.InlineValue[] {
    const generation = this.documents.of(document.uri);
    if (!generation) return [];
    const lines = new Map<number, PlacedToken[]>();
    for (const p of placed(generation)) {
      const { line } = document.positionAt(p.start);
      if (p.end > p.start && line >= viewPort.start.line && line <= Math.min(viewPort.end.line, context.stoppedLocation.end.line)) lines.set(line, [...(lines.get(line) ?? []), p]);
    }
    return [...lines].map(([line, on]) => {
      const least = on.reduce((a, b) => (b.token.p < a.token.p ? b : a));
      const mean = on.reduce((sum, p) => sum + Math.log(p.token.p), 0) / on.length;
      return new vscode.InlineValueText(document.lineAt(line).range, t('{0} tokens, mean p {1}, lowest {2} "{3}"', on.length, number(Math.exp(mean)), number(least.token.p), least.token.text.trim()));
    });
  }

  provideEvaluatableExpression(document: vscode.TextDocument, position: vscode.Position): vscode.EvaluatableExpression | undefined {
    const generation = this.documents.of(document.uri);
    const offset = document.offsetAt(position);
    const found = generation && placed(generation).find((p) => p.start <= offset && offset < p.end);
    return found && new vscode.EvaluatableExpression(new vscode.Range(document.positionAt(found.start), document.positionAt(found.end)), `token(${found.position})`);
  }

  dispose(): void {
    vscode.Disposable.from(this.unsure, this.unlikely, this.forced, this.after, ...this.registrations).dispose();
  }
}
