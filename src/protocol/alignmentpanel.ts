import { NotificationType, RequestType, RequestType0 } from 'vscode-jsonrpc';
import { type AlignmentCorrelation, type AlignmentResult, type AlignmentStage } from './alignment';
import { type Outcome } from './panels';
import { type NormSummary } from './probe';

/**
 * Typed messages between the alignment panel and the extension host. A point of the map is one problem in one language; its number
 * is `language index × problems + problem index`, in the order of `languages` and `ids` of the view.
 */

export const MOST_BUNDLES = 4;

/** What the panel shows: everything that makes the numbers, so that the same request finds the same cached result. Plain JSON. */
export interface AlignmentRequest {
  /** Folders; the first is the baseline that the others are compared with. */
  readonly bundles: readonly string[];
  /** Name of a shipped benchmark, or the path of a folder. */
  readonly benchmark: string;
  /** A selection as the CLI takes it: codes, classes, or `all`. */
  readonly languages: string;
  readonly reference: string;
  /** Problems drawn at random; null: all. */
  readonly limit: number | null;
  readonly seed: number;
  /** Exactly these problems, instead of a draw. */
  readonly ids?: readonly string[];
  /** Default: fp32. */
  readonly precision?: string;
  /** LLM layers; default: a quarter, half, three quarters and the last. */
  readonly layers?: 'none' | 'all' | readonly number[];
  /** False: the encoder reads the questions as they are written. Default: with the bundle's normalisation. */
  readonly normalise?: boolean;
  /** Folder of the run whose answers colour the points at first. */
  readonly run?: string;
}

/** True for a value of that shape; used where it comes in from a command, a link or a panel's kept state. */
export function isAlignmentRequest(value: unknown): value is AlignmentRequest {
  if (typeof value !== 'object' || value === null) return false;
  const v = value as Record<string, unknown>;
  const text = (x: unknown): x is string => typeof x === 'string' && x.length > 0 && x.length < 4000;
  const texts = (x: unknown): boolean => Array.isArray(x) && x.length > 0 && x.every(text);
  const whole = (x: unknown): boolean => Number.isSafeInteger(x) && (x as number) >= 0;
  return texts(v.bundles) && (v.bundles as unknown[]).length <= MOST_BUNDLES && text(v.benchmark) && text(v.languages) && text(v.reference) && Number.isSafeInteger(v.seed)
    && (v.limit === null || (whole(v.limit) && v.limit !== 0)) && (v.ids === undefined || texts(v.ids)) && (v.precision === undefined || text(v.precision)) && (v.run === undefined || text(v.run)) && (v.normalise === undefined || typeof v.normalise === 'boolean')
    && (v.layers === undefined || v.layers === 'none' || v.layers === 'all' || (Array.isArray(v.layers) && v.layers.every(whole)));
}

/** A run of the same benchmark, whose answers can colour the points. */
export interface AlignmentRun {
  readonly folder: string;
  readonly name: string;
  readonly accuracy: number | null;
}

export interface AlignmentStatus {
  /** `idle`: nothing is cached and nothing was started. */
  readonly status: 'idle' | 'working' | 'ready' | 'failed' | 'cancelled';
  /** While working: which bundle (counted from 0) of how many, what is done, how much of this bundle, how long still. */
  readonly bundle?: number;
  readonly bundles?: number;
  readonly step?: 'loading' | 'reading' | 'comparing';
  readonly done?: number;
  readonly of?: number;
  readonly share?: number;
  readonly etaSeconds?: number;
  /** Why it failed, in words. */
  readonly error?: string;
}

export interface OpenedAlignment {
  readonly request: AlignmentRequest;
  /** Short names of the bundles. */
  readonly names: readonly string[];
  readonly trusted: boolean;
  readonly now: AlignmentStatus;
}

export type ShownStage = Omit<AlignmentStage, 'pca' | 'points'>;

export interface AlignedBundle extends Omit<AlignmentResult, 'stages' | 'correlation'> {
  readonly folder: string;
  /** Unique in a panel. */
  readonly name: string;
  readonly cached: boolean;
  readonly stages: readonly ShownStage[];
}

export interface AlignmentView {
  readonly bundles: readonly AlignedBundle[];
  /** Stages of all bundles, from the encoder to the last LLM layer. */
  readonly stages: readonly string[];
  readonly reference: string;
  readonly languages: readonly string[];
  readonly ids: readonly string[];
  readonly runs: readonly AlignmentRun[];
}

export interface MapParams {
  /** Place of the bundle whose points are shown. */
  readonly bundle: number;
  readonly stage: string;
  readonly method: 'pca' | 'umap';
  /** PCA: on the states of which bundle, and of which language (or `all`), the two components are fitted. */
  readonly fitBundle: number;
  readonly fitLanguage: string;
  /** Divide each dimension by its standard deviation first, as LangBridge's figure does. */
  readonly standardise: boolean;
}

export interface MapView {
  /** x, y, x, y … in the order of the points. */
  readonly points: readonly number[];
  /** PCA: share of the variance along each axis, over what it was fitted on. */
  readonly explained: readonly number[] | null;
  /** The bundle that it was really fitted on: its own where the asked one has no such stage, or one of another width. */
  readonly fitBundle: number;
}

export interface RunColours {
  /** Right answers and samples of each language, in the order of the view's languages; null where the run has none. */
  readonly accuracy: readonly ({ readonly right: number; readonly n: number } | null)[];
  /** Outcome of each point; null where the run has no sample. */
  readonly outcomes: readonly (Outcome | null)[];
  /** Per bundle: how its numbers go with the run's accuracy over languages; null with the reason in `refused`. */
  readonly correlations: readonly (AlignmentCorrelation | null)[];
  readonly refused: string | null;
}

export interface PointTexts {
  readonly question: string;
}

export interface SoftParams {
  readonly bundle: number;
  readonly language: string;
  readonly id: string;
}

export interface NearToken {
  readonly text: string;
  readonly hex?: string;
  readonly value: number;
}

/** What the LLM is given for one problem: each soft slot, its norms, and the vocabulary tokens nearest to it. */
export interface SoftView {
  readonly slots: readonly {
    /** The encoder token that the slot is made of, a boundary vector, or null for a latent. */
    readonly source: { readonly text: string; readonly hex?: string; readonly special: boolean } | 'start' | 'end' | null;
    /** Norm of the encoder state; null for a boundary vector. */
    readonly before: number | null;
    readonly after: number;
    readonly cosine: readonly NearToken[];
    readonly distance: readonly NearToken[];
  }[];
  readonly embeddings: NormSummary;
}

/** The view of a bundle without an encoder has no soft prefix. */
export type SoftAnswer = { readonly soft: SoftView } | { readonly none: string };

export const ALIGNMENT_ACTIONS = ['addBundle', 'copyLink', 'openSample', 'showAttention'] as const;
export interface AlignmentAction {
  readonly action: (typeof ALIGNMENT_ACTIONS)[number];
  readonly run?: string;
  readonly bundle?: number;
  readonly language?: string;
  readonly id?: string;
}

export const EXPORT_KINDS = ['svg', 'png', 'csv', 'json'] as const;
export type ExportKind = (typeof EXPORT_KINDS)[number];
export interface ExportParams {
  readonly kind: ExportKind;
  /** Name of the file without its ending. */
  readonly name: string;
  /** Text; base64 for `png`. */
  readonly content: string;
}

export const OpenAlignment = new RequestType0<OpenedAlignment, void>('alignment/open');
/** Sets the analysis in motion; progress comes as OnAlignmentStatus. Nothing happens when it is in motion already. */
export const StartAlignment = new RequestType0<null, void>('alignment/start');
export const CancelAlignment = new RequestType0<null, void>('alignment/cancel');
export const OnAlignmentStatus = new NotificationType<AlignmentStatus>('alignment/status');
/** The result, when the status is `ready`. */
export const GetAlignment = new RequestType0<AlignmentView, void>('alignment/view');
export const GetMap = new RequestType<MapParams, MapView, void>('alignment/map');
export const GetRunColours = new RequestType<{ readonly run: string }, RunColours, void>('alignment/run');
/** Points whose question, id or language holds the text. */
export const FindPoints = new RequestType<{ readonly text: string }, { readonly points: readonly number[] }, void>('alignment/find');
export const GetPoints = new RequestType<{ readonly points: readonly number[] }, { readonly texts: readonly PointTexts[] }, void>('alignment/points');
export const GetSoft = new RequestType<SoftParams, SoftAnswer, void>('alignment/soft');
export const DoAlignmentAction = new RequestType<AlignmentAction, null, void>('alignment/action');
/** Writes an export where the user says. False: the user closed the dialog. */
export const SaveExport = new RequestType<ExportParams, { readonly saved: boolean }, void>('alignment/export');
