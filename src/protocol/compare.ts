import { NotificationType, RequestType, RequestType0 } from 'vscode-jsonrpc';
import { type Grouping } from '../core/analysis/aggregate';
import { type Correction, type OutcomeShift, type Quadrant } from '../core/analysis/compare';
import { type ManyComparison } from '../core/analysis/many';
import { type Outcome, type PublishedResult } from './panels';
import { type Sample } from './run';

/**
 * Typed messages between the compare panel and the extension host. Statistics are computed in the worker; what crosses are views
 * that can be drawn. Shares are 0 to 1, differences are B minus A, and what is not defined is null (JSON has no NaN).
 */

/** A panel holds one to six runs: one is compared with itself under another scorer. */
export const MOST_RUNS = 6;

export interface ComparedRun {
  readonly folder: string;
  /** The user's name of the run, or bundle and precision; unique in a panel. */
  readonly name: string;
  readonly bundle: string;
  readonly benchmark: string;
  /** `name/version` of the scorer that the run itself was scored with. */
  readonly scorer: string;
  readonly fingerprint: string;
  readonly created: string;
  readonly n: number;
  readonly planned: number;
  /** Share of right answers over all samples; null without samples. */
  readonly accuracy: number | null;
}

export interface CompareView {
  /** The first is the baseline. */
  readonly runs: readonly ComparedRun[];
  /** Scorers that can read the runs' completions again. */
  readonly scorers: readonly string[];
  /** Published results on the runs' benchmark; none where the runs are of several benchmarks. */
  readonly published: readonly PublishedResult[];
}

/** One side of a comparison: a run by its place, and a scorer's name; empty for the scores that the run was written with. */
export interface Side {
  readonly run: number;
  readonly scorer: string;
}

export interface PairParams {
  readonly a: Side;
  readonly b: Side;
  readonly correction: Correction;
  /** Leave out what only one of the two holds, instead of refusing to pair. */
  readonly common: boolean;
}

export interface LanguageDifference {
  readonly language: string;
  readonly n: number;
  readonly accuracyA: number;
  readonly accuracyB: number;
  readonly difference: number;
  readonly interval: readonly [number, number];
  /** McNemar's p, before and after the correction over languages. */
  readonly p: number;
  readonly adjusted: number;
  readonly significant: boolean;
  readonly quadrants: Readonly<Record<Quadrant, number>>;
  /** Smallest true difference that would be found with 80 % power. */
  readonly detectable: number | null;
}

export interface GroupDifference {
  readonly by: Grouping | 'all';
  readonly key: string;
  readonly languages: number;
  readonly difference: number;
  readonly interval: readonly [number, number];
}

export interface PairView {
  readonly n: number;
  readonly languages: readonly LanguageDifference[];
  readonly groups: readonly GroupDifference[];
  readonly overall: GroupDifference;
  readonly quadrants: Readonly<Record<Quadrant, number>>;
  readonly shifts: readonly OutcomeShift[];
  readonly better: number;
  readonly worse: number;
  readonly level: number;
  readonly resamples: number;
  readonly seed: number | string;
  /** Samples of A and of B that have no partner and were left out. */
  readonly leftOut: readonly [number, number];
}

/** The comparison, or why the two cannot be paired and how many pairs both hold. */
export type PairAnswer = { readonly pair: PairView } | { readonly refused: string; readonly common: number };

/** Best trivial answer per language over the pairs of A: what a share of right answers must be held against. */
export interface FloorsView {
  readonly languages: Readonly<Record<string, { readonly name: string; readonly share: number }>>;
}

/** All runs of the panel at once, every one against `baseline`, under one scorer. */
export interface ManyParams {
  readonly baseline: number;
  readonly scorer: string;
  readonly correction: Correction;
  /** Leave out what not every run holds, instead of refusing to pair. */
  readonly common: boolean;
}

export interface ManyView extends ManyComparison {
  /** Samples of each run that not every run holds and that were left out. */
  readonly leftOut: readonly number[];
}

/** The table, or why the runs cannot be paired and how many problems all of them hold. */
export type ManyAnswer = { readonly many: ManyView } | { readonly refused: string; readonly common: number };

export const QUADRANTS: readonly Quadrant[] = ['both', 'onlyA', 'onlyB', 'neither'];

export interface ListParams extends PairParams {
  /** Empty: all languages. */
  readonly language: string;
  /** Empty: all. */
  readonly quadrants: readonly Quadrant[];
  /** Only pairs in which something else was read. */
  readonly readDiffers: boolean;
  readonly shift: Pick<OutcomeShift, 'from' | 'to'> | null;
  readonly offset: number;
  readonly count: number;
}

export interface PairLine {
  readonly language: string;
  readonly id: string;
  readonly gold: string;
  readonly outcomes: readonly [Outcome, Outcome];
  readonly values: readonly [string | null, string | null];
}

export interface PairPage {
  readonly total: number;
  readonly offset: number;
  readonly lines: readonly PairLine[];
}

export interface PairKey {
  readonly a: Side;
  readonly b: Side;
  readonly language: string;
  readonly id: string;
}

/** One answer as a scorer read it. */
export interface SideView {
  readonly outcome: Outcome;
  readonly completion: string;
  readonly value: string | null;
  readonly span: readonly [number, number] | null;
  readonly reading: string;
  readonly ambiguous: boolean;
  readonly alternatives: readonly number[];
  readonly error: Sample['error'];
  readonly scorer: string;
  readonly stopReason: string;
  readonly failure: string | null;
  readonly tokens: number;
  /** Geometric mean of the tokens' probabilities; null without tokens. */
  readonly probability: number | null;
}

export interface PairSample {
  readonly language: string;
  readonly id: string;
  readonly question: string;
  /** The English question of the same problem, when run A holds it. */
  readonly twin: string | null;
  readonly gold: string;
  readonly sides: readonly [SideView, SideView];
}

/** Row-major square matrices over `languages`. */
export interface AgreementView {
  readonly languages: readonly string[];
  readonly n: readonly number[];
  readonly sameAnswer: readonly (number | null)[];
  readonly sameCorrectness: readonly (number | null)[];
  readonly kappa: readonly (number | null)[];
  /** Over the problems that all languages have. */
  readonly consistency: { readonly problems: number; readonly allRight: number; readonly allWrong: number; readonly mixed: number; readonly fleiss: number | null };
}

/** How another scorer reads the same completions. */
export interface ScorerRow {
  /** `name/version`, and the name alone that a Side takes. */
  readonly scorer: string;
  readonly name: string;
  readonly correct: number;
  /** Samples that only the run's own scorer, and only this one, calls right. */
  readonly onlyOwn: number;
  readonly onlyThis: number;
  /** Samples in which this scorer read something else. */
  readonly readDiffers: number;
}

export interface ScorersView {
  readonly n: number;
  readonly own: string;
  readonly correct: number;
  readonly scorers: readonly ScorerRow[];
}

export interface TrendPoint {
  readonly folder: string;
  readonly name: string;
  readonly created: string;
  readonly bundle: string;
  readonly scorer: string;
  readonly n: number;
}

/** Accuracy per language over the runs of one bundle and benchmark, oldest first. */
export interface TrendView {
  readonly bundle: string;
  readonly benchmark: string;
  readonly points: readonly TrendPoint[];
  /** One accuracy a point; null where the run has no sample of the language. */
  readonly languages: readonly { readonly language: string; readonly accuracy: readonly (number | null)[] }[];
  /** Unweighted mean over the languages that every point has. */
  readonly mean: readonly (number | null)[];
  readonly meanLanguages: number;
}

export const COMPARE_ACTIONS = ['export', 'addRun', 'openSample'] as const;
export interface CompareAction {
  readonly action: (typeof COMPARE_ACTIONS)[number];
  readonly run?: number;
  readonly language?: string;
  readonly id?: string;
}

export const TABS = ['runs', 'samples', 'agreement', 'errors', 'scorers', 'trend'] as const;
export type Tab = (typeof TABS)[number];

/** What the panel shows first, when a command asks for something. */
export interface CompareTarget {
  readonly tab?: Tab;
  readonly a?: Side;
  readonly b?: Side;
}

export const OpenCompare = new RequestType0<CompareView & { readonly target: CompareTarget | null }, void>('compare/open');
export const GetPair = new RequestType<PairParams, PairAnswer, void>('compare/pair');
export const GetMany = new RequestType<ManyParams, ManyAnswer, void>('compare/many');
export const GetFloors = new RequestType<PairParams, FloorsView, void>('compare/floors');
export const GetPairs = new RequestType<ListParams, PairPage, void>('compare/list');
export const GetPairSample = new RequestType<PairKey, PairSample, void>('compare/sample');
export const GetAgreement = new RequestType<Side, AgreementView, void>('compare/agreement');
export const GetScorers = new RequestType<{ readonly run: number }, ScorersView, void>('compare/scorers');
export const GetTrend = new RequestType<{ readonly run: number }, TrendView, void>('compare/trend');
export const DoCompareAction = new RequestType<CompareAction, null, void>('compare/action');
/** Show this now: a command was called again for a panel that is open. */
export const OnCompareTarget = new NotificationType<CompareTarget>('compare/target');
