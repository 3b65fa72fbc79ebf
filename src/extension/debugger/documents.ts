import * as vscode from 'vscode';
import { GENERATION_SCHEME, type ShownToken, TEXT_EVENT, type TextEvent } from '../../protocol/debug';

/** A generation as its document shows it. */
export interface ShownGeneration {
  readonly session: string;
  readonly tokens: readonly ShownToken[];
  readonly next: ShownToken | null;
}

/** A token with its UTF-16 offsets in the document. */
export interface PlacedToken {
  readonly token: ShownToken;
  readonly position: number;
  readonly start: number;
  readonly end: number;
}

const isToken = (v: unknown): v is ShownToken => {
  if (typeof v !== 'object' || v === null) return false;
  const t = v as Record<string, unknown>;
  return typeof t.text === 'string' && typeof t.p === 'number' && typeof t.rank === 'number' && Array.isArray(t.best);
};

/** The event's body when it is one; the adapter may be of another version. */
function textEvent(body: unknown): TextEvent | undefined {
  if (typeof body !== 'object' || body === null) return undefined;
  const e = body as Record<string, unknown>;
  const fits = typeof e.uri === 'string' && Number.isInteger(e.from) && Array.isArray(e.tokens) && e.tokens.every(isToken) && (e.next === null || isToken(e.next));
  return fits ? (body as TextEvent) : undefined;
}

/** Where each token stands in the text; the one that comes next is the last. */
export function placed({ tokens, next }: ShownGeneration): PlacedToken[] {
  let at = 0;
  return [...tokens, ...(next ? [next] : [])].map((token, position) => {
    const start = at;
    at += token.text.length;
    return { token, position, start, end: at };
  });
}

/**
 * The texts that are being generated, as read-only documents that grow. They stay readable after their session, until they are
 * closed.
 */
export class GenerationDocuments implements vscode.TextDocumentContentProvider, vscode.Disposable {
  private readonly generations = new Map<string, { session: string; tokens: ShownToken[]; next: ShownToken | null }>();
  private readonly changed = new vscode.EventEmitter<vscode.Uri>();
  readonly onDidChange = this.changed.event;
  private readonly registrations = [
    vscode.workspace.registerTextDocumentContentProvider(GENERATION_SCHEME, this),
    vscode.debug.onDidReceiveDebugSessionCustomEvent((e) => {
      if (e.event === TEXT_EVENT) this.receive(e.session.id, e.body);
    }),
    vscode.workspace.onDidCloseTextDocument((d) => {
      const key = d.uri.toString();
      const session = this.generations.get(key)?.session;
      if (session !== undefined && session !== vscode.debug.activeDebugSession?.id) this.generations.delete(key);
    }),
  ];

  private receive(session: string, body: unknown): void {
    const event = textEvent(body);
    if (!event) return;
    const uri = vscode.Uri.parse(event.uri, true);
    if (uri.scheme !== GENERATION_SCHEME) return;
    const key = uri.toString();
    const known = this.generations.get(key) ?? { session, tokens: [], next: null };
    known.tokens.length = Math.min(event.from, known.tokens.length);
    known.tokens.push(...event.tokens);
    known.next = event.next;
    this.generations.set(key, known);
    this.changed.fire(uri);
  }

  of(uri: vscode.Uri): ShownGeneration | undefined {
    return this.generations.get(uri.toString());
  }

  provideTextDocumentContent(uri: vscode.Uri): string {
    const found = this.of(uri);
    return found ? found.tokens.map((t) => t.text).join('') + (found.next?.text ?? '') : '';
  }

  dispose(): void {
    vscode.Disposable.from(this.changed, ...this.registrations).dispose();
  }
}
