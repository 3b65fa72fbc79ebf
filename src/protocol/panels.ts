import { NotificationType, RequestType, RequestType0 } from 'vscode-jsonrpc';
import { type Grouping } from '../core/analysis/aggregate';
import { type EndpointView } from './endpoints';
import { type RunManifest, type RunStatus, type Sample } from './run';

/**
 * Typed messages between a run's panel (webview) and the extension host: JSON-RPC over `postMessage`, so every request gets an
 * answer or an error and can be cancelled. The panel asks for what it shows; nobody posts a whole run.
 */

/** Status of a run as people see it: `interrupted` is a run that says "running" while nobody writes it. */
export type ShownStatus = RunStatus | 'loading' | 'interrupted';

export interface TableRow {
  readonly language: string;
  readonly n: number;
  readonly total: number;
  readonly correct: number;
  /** Share of right answers and its 95 % Wilson interval; 0 when n = 0. */
  readonly accuracy: number;
  readonly interval: readonly [number, number];
  readonly unread: number;
  readonly wrongLanguage: number;
  readonly truncated: number;
  readonly failed: number;
  readonly tokensPerQuestion: number | null;
  readonly msPerQuestion: number | null;
  /**
   * Tokens of the questions over those of the English twins, by the tokenizer that reads them (the encoder's where there is one); null
   * without English. Runs that did not count the questions' tokens count those of the prompts.
   */
  readonly fertility: number | null;
  /** The same by the LLM's own tokenizer; null where it was not counted. */
  readonly lmFertility?: number | null;
  /** Taken out by the user while the run went on. */
  readonly cancelled: boolean;
}

/** What the bootstrap says: arrives after the rows, because it takes longer. */
export interface GroupEstimate {
  readonly by: Grouping | 'all';
  readonly key: string;
  readonly languages: number;
  readonly mean: number;
  readonly interval: readonly [number, number];
  readonly balanced: number | null;
  /** Mean of the languages' floors; null when one has none. */
  readonly floor: number | null;
  readonly above: boolean;
}

export interface GapEstimate {
  readonly language: string | null;
  /** Accuracy in the reference language minus accuracy here, same problems. `language` null: the mean over all others. */
  readonly mean: number;
  readonly interval: readonly [number, number];
}

/** What of a language needs more than counting. */
export interface LanguageEstimate {
  readonly language: string;
  /** Best trivial answer over the same samples, and whether the interval lies above it. */
  readonly floor: { readonly name: string; readonly share: number; readonly above: boolean } | null;
  /** Accuracy balanced over the classes of the gold answers; null where answers are numbers. */
  readonly balanced: { readonly mean: number; readonly interval: readonly [number, number] } | null;
  /** P(right here | right in English) over `n` problems; null without English. */
  readonly conditional: { readonly share: number; readonly n: number; readonly interval: readonly [number, number] } | null;
}

/** In which scripts and languages the answers to the questions of a language are written; null where nothing could be told. */
export interface AnswerLanguage {
  readonly language: string;
  /** Answers whose sentences were identified. */
  readonly identified: number;
  readonly ownScript: number | null;
  /** Share of the letters in sentences of the question's language, and of English. */
  readonly own: number | null;
  readonly english: number | null;
  /** Neighbouring sentences of different languages / neighbouring sentences. */
  readonly switchRate: number | null;
}

/** A published result on the run's benchmark, accuracies as shares. */
export interface PublishedResult {
  readonly system: string;
  readonly languages: Readonly<Record<string, number>>;
  readonly mean: { readonly share: number; readonly languages: number } | null;
  readonly source: string;
}

/** How another scorer has scored the run. */
export interface OtherScorer {
  readonly scorer: string;
  readonly n: number;
  readonly correct: number;
  readonly disagree: number;
}

export interface Estimates {
  /** Samples that the estimates rest on. */
  readonly n: number;
  readonly groups: readonly GroupEstimate[];
  readonly gaps: readonly GapEstimate[];
  readonly languages: readonly LanguageEstimate[];
  readonly published: readonly PublishedResult[];
  /** Scores that were kept beside the run's own. */
  readonly rescored: readonly OtherScorer[];
  readonly resamples: number;
  readonly seed: number | string;
}

export interface Activity {
  readonly status: ShownStatus;
  /** This window runs it, so that it can be paused and cancelled here. */
  readonly ours: boolean;
  readonly done: number;
  readonly total: number;
  readonly tokensPerSecond: number | null;
  readonly etaSeconds: number | null;
  /** A sentence while loading, or why the run failed. */
  readonly message: string | null;
  /** The servers, while servers answer a run of this window. */
  readonly endpoints?: readonly EndpointView[];
}

export interface RunView {
  /** The run folder: lets a restored panel find its run. */
  readonly folder: string;
  readonly name: string;
  readonly tags: readonly string[];
  readonly manifest: RunManifest;
  readonly rows: readonly TableRow[];
  readonly activity: Activity;
  readonly damagedLines: number;
  /** False in Restricted Mode: results can be looked at, nothing can be run. */
  readonly trusted: boolean;
  /** What a sample can be handed to in this window. */
  readonly sampleActions: readonly SampleAction[];
}

/** Surfaces that take one generation: attention panel, debugger, notebook. */
export const SAMPLE_ACTIONS = ['attention', 'debug', 'notebook'] as const;
export type SampleAction = (typeof SAMPLE_ACTIONS)[number];

export type Outcome = 'right' | 'wrong' | 'unread' | 'failed';
export const OUTCOMES: readonly Outcome[] = ['right', 'wrong', 'unread', 'failed'];

export interface PageParams {
  readonly language: string;
  /** Empty: all. */
  readonly outcomes: readonly Outcome[];
  /** Only samples on which this other scorer (`name/version`) disagrees; all when absent or empty. */
  readonly disagrees?: string;
  /** Text looked for in id, question, completion and what was read; case does not matter. */
  readonly find: string;
  readonly offset: number;
  readonly count: number;
}

export interface SampleLine {
  readonly id: string;
  readonly language: string;
  readonly outcome: Outcome;
  readonly value: string | null;
  readonly gold: string;
  readonly error: Sample['error'];
}

export interface Page {
  readonly total: number;
  readonly offset: number;
  readonly lines: readonly SampleLine[];
}

export interface SampleKey {
  readonly language: string;
  readonly id: string;
}

/** A generated token at its place in the completion. */
export interface TokenSpan {
  /** UTF-16 offsets [start, end). */
  readonly start: number;
  readonly end: number;
  readonly probability: number;
  /** Written by the calculator: it has no probability of its own. */
  readonly calculated?: true;
}

export interface SampleView {
  readonly sample: Sample;
  readonly outcome: Outcome;
  /** The English question of the same problem, when the run or the benchmark has it. */
  readonly twin: string | null;
  /** Null when the bundle's tokenizer is not at hand; then only mean probabilities can be shown. */
  readonly tokens: readonly TokenSpan[] | null;
  /** The sample as other scorers have read it. */
  readonly others?: readonly { readonly scorer: string; readonly correct: boolean; readonly value: string | null; readonly reading: string }[];
}

/** One problem in every language of the run, in the run's order; null where it has not been asked yet. */
export interface ProblemView {
  readonly id: string;
  readonly gold: string;
  readonly outcomes: readonly { readonly language: string; readonly line: SampleLine | null }[];
}

export const RUN_ACTIONS = ['pause', 'resume', 'cancel', 'compare', 'export', 'cancelLanguage', 'restoreLanguage', 'rescore'] as const;
export type RunAction = (typeof RUN_ACTIONS)[number];

export interface ActionParams {
  readonly action: RunAction;
  readonly language?: string;
}

export const OpenRun = new RequestType0<RunView, void>('run/open');
export const GetPage = new RequestType<PageParams, Page, void>('run/page');
export const GetSample = new RequestType<SampleKey, SampleView, void>('run/sample');
export const GetProblem = new RequestType<{ readonly id: string }, ProblemView, void>('run/problem');
export const GetEstimates = new RequestType0<Estimates, void>('run/estimates');
/** Asked only while one of its columns is shown: identifying sentences takes seconds for a large run. */
export const GetAnswerLanguages = new RequestType0<readonly AnswerLanguage[], void>('run/answerLanguages');
export const DoAction = new RequestType<ActionParams, null, void>('run/action');

/** Hands one sample to another surface. */
export const DoSampleAction = new RequestType<SampleKey & { readonly action: SampleAction }, null, void>('run/sampleAction');

/** Rows or activity changed; `damagedLines` as in RunView. */
export const OnRunChanged = new NotificationType<Pick<RunView, 'rows' | 'activity' | 'damagedLines' | 'name' | 'tags'>>('run/changed');
/** A keyboard shortcut of the workbench that belongs to the panel. */
export const OnPanelCommand = new NotificationType<{ readonly command: 'find' | 'next' | 'previous' | 'togglePause' }>('run/command');
/** Show this sample (or only the language) now. */
export const OnShow = new NotificationType<{ readonly language: string; readonly id?: string }>('run/show');
