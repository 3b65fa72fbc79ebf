import { NotificationType, RequestType, RequestType0 } from 'vscode-jsonrpc';
import { type GenerationRef } from './generation';
import { type Block, type LensResult, type ProbeSide, type ProbeSummary, type Range, type SoftResult, type ThumbnailsResult } from './probe';

/**
 * Typed messages between the attention panel (webview), the extension host and the worker that holds the engine: JSON-RPC, so every
 * request gets an answer or an error and can be cancelled. Numbers travel as typed arrays, and only those that are in view.
 */

/** Two prompts at most stand side by side. */
export const MOST_SUBJECTS = 2;
/** Cells on the side of a tile. Tiles lie on a grid that begins at unit 0, so that they can be kept. */
export const TILE = 128;
/** Most cells that one answer may hold. */
export const MOST_CELLS = 1 << 20;

/** One generation as it is looked at. */
export interface AttentionSubject {
  /** As asked, with the completion that was generated when none was given. */
  readonly ref: GenerationRef;
  readonly bundle: string;
  readonly method: string;
  readonly template: string;
  readonly precision: string;
  readonly provider: string;
  /** SHA-256 over bundle, precision, prompt and completion: the same fingerprint has the same numbers. */
  readonly fingerprint: string;
  readonly summary: ProbeSummary;
}

export interface AttentionView {
  readonly subjects: readonly AttentionSubject[];
  /** Index into the completion of the token to begin with. */
  readonly token: number | null;
}

export type AttentionSide = ProbeSide | 'source';
export const ATTENTION_SIDES: readonly AttentionSide[] = ['encoder', 'lm', 'source'];
export type LayerChoice = number | 'mean' | 'max' | 'rollout';
export type HeadChoice = number | 'mean' | 'max';
/** Tokens, or the words that they make (core/analysis/tokens). */
export const UNITS = ['tokens', 'words'] as const;
export type Units = (typeof UNITS)[number];

export interface TileParams {
  readonly subject: number;
  readonly side: AttentionSide;
  readonly layer: LayerChoice;
  readonly head: HeadChoice;
  readonly units: Units;
  /** One value for `pool` × `pool` cells, the largest of them. */
  readonly pool: number;
  /** Queries and keys, in units. */
  readonly rows: Range;
  readonly columns: Range;
}

export interface SubjectParams {
  readonly subject: number;
}

export const ATTENTION_ACTIONS = ['compareLanguage', 'compareBundle', 'single', 'copyLink', 'openSample'] as const;
export type AttentionAction = (typeof ATTENTION_ACTIONS)[number];

export const VIEW_FORMATS = ['png', 'svg', 'csv', 'json'] as const;
export type ViewFormat = (typeof VIEW_FORMATS)[number];

export const OpenAttention = new RequestType0<AttentionView, void>('attention/open');
export const GetTile = new RequestType<TileParams, Block, void>('attention/tile');
export const GetThumbnails = new RequestType<SubjectParams & { readonly side: ProbeSide; readonly size: number }, ThumbnailsResult, void>('attention/thumbnails');
export const GetSoft = new RequestType<SubjectParams & { readonly k: number }, SoftResult, void>('attention/soft');
/** All layers of the next-token view for LLM positions [from, to). */
export const GetLens = new RequestType<SubjectParams & { readonly rows: Range; readonly k: number }, LensResult, void>('attention/lens');
export const DoAttentionAction = new RequestType<{ readonly action: AttentionAction; readonly subject: number }, null, void>('attention/action');
/** Asks where to, and writes. @returns false when the user closed the dialog */
export const SaveView = new RequestType<{ readonly name: string; readonly format: ViewFormat; readonly content: string | Uint8Array }, boolean, void>('attention/save');

/** What is going on while a subject is opened; `of` 0: no end known. */
export interface AttentionProgress {
  readonly step: number;
  readonly of: number;
  readonly message: string;
}
export const OnAttentionProgress = new NotificationType<AttentionProgress>('attention/progress');
/** Move the cursor to this token of the completion. */
export const OnAttentionToken = new NotificationType<{ readonly token: number }>('attention/token');
/** What is looked at has changed: ask again with OpenAttention. */
export const OnAttentionChanged = new NotificationType<{ readonly refs: readonly GenerationRef[] }>('attention/changed');
