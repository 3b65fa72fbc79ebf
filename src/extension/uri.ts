import path from 'node:path';
import * as vscode from 'vscode';
import { type AlignmentRequest } from '../protocol/alignmentpanel';
import { MOST_SUBJECTS } from '../protocol/attention-panel';
import { type GenerationRef, isGenerationRef } from '../protocol/generation';
import { requestOfLink } from './alignmentlink';
import { requireTrust } from './commands';
import { type Log } from './services';

type Open = (folder: string, show?: { language: string; id?: string }) => void;
type OpenAttention = (refs: readonly GenerationRef[]) => Promise<void>;

const LONGEST = 1 << 18;

/** The link that shows these generations again on this machine. */
export function attentionLink(extensionId: string, refs: readonly GenerationRef[]): string {
  return `${vscode.env.uriScheme}://${extensionId}/attention?refs=${Buffer.from(JSON.stringify(refs)).toString('base64url')}`;
}

/** The generations that a link names. @throws Error when it names none */
export function refsOfLink(encoded: string | null): GenerationRef[] {
  let refs: unknown;
  try {
    refs = encoded === null || encoded.length > LONGEST ? undefined : JSON.parse(Buffer.from(encoded, 'base64url').toString('utf8'));
  } catch {
    refs = undefined;
  }
  if (Array.isArray(refs) && refs.length > 0 && refs.length <= MOST_SUBJECTS && refs.every((r) => isGenerationRef(r) && path.isAbsolute(r.bundle))) return refs as GenerationRef[];
  throw new Error(vscode.l10n.t('This link does not name a prompt to look into. Copy it again from the attention panel.'));
}

/**
 * `<scheme>://lingualift.lingualift/run?folder=/abs/path[&language=sw&id=lift48/17]`: looks at a run.
 * `…/alignment?request=…`: at an analysis, when it is in the cache.
 * `…/attention?refs=…`: looks into a generation, which loads its bundle; that is asked first. Nothing else can be started by URI.
 */
export class RunUris implements vscode.UriHandler {
  constructor(
    private readonly open: Open,
    private readonly openAttention: OpenAttention,
    private readonly openAlignment: (request: AlignmentRequest) => void,
    private readonly log: Log,
  ) {}

  async handleUri(uri: vscode.Uri): Promise<void> {
    const query = new URLSearchParams(uri.query);
    try {
      if (uri.path === '/attention') await this.attention(query);
      else if (uri.path === '/alignment') this.alignment(uri.query);
      else this.run(uri, query);
    } catch (e) {
      void vscode.window.showErrorMessage((e as Error).message);
    }
  }

  private run(uri: vscode.Uri, query: URLSearchParams): void {
    const folder = query.get('folder');
    if (uri.path !== '/run' || folder === null || !path.isAbsolute(folder)) {
      this.log.warn(`A URI was refused: ${uri.path}`);
      throw new Error(vscode.l10n.t('This link does not name a run: it must be /run with the absolute path of a run folder.'));
    }
    const language = query.get('language');
    this.open(folder, language === null ? undefined : { language, id: query.get('id') ?? undefined });
  }

  private alignment(query: string): void {
    const request = requestOfLink(query);
    if (!request) throw new Error(vscode.l10n.t('This link does not name an alignment analysis.'));
    this.openAlignment(request);
  }

  private async attention(query: URLSearchParams): Promise<void> {
    const refs = refsOfLink(query.get('refs'));
    requireTrust(vscode.l10n.t('Looking inside a model'));
    const load = vscode.l10n.t('Load and open');
    const bundles = [...new Set(refs.map((r) => r.bundle))].join('\n');
    const answer = await vscode.window.showWarningMessage(vscode.l10n.t('A link wants to look into an answer. This loads the bundle it names.'), { modal: true, detail: bundles }, load);
    if (answer === load) await this.openAttention(refs);
  }
}
