import { NotificationType, RequestType, RequestType0 } from 'vscode-jsonrpc';
import { type BundleIssue } from '../../bundle';
import { type BenchmarkFinding } from '../../core/benchmarks';
import { type AlignmentRequest, type AlignmentStatus, type AlignmentView, type MapParams, type MapView, type PointTexts, type RunColours, type SoftAnswer, type SoftParams } from '../../protocol/alignmentpanel';
import { type AgreementView, type CompareView, type FloorsView, type ListParams, type ManyAnswer, type ManyParams, type PairAnswer, type PairKey, type PairPage, type PairParams, type PairSample, type ScorersView, type Side, type TrendView } from '../../protocol/compare';
import { type EndpointView } from '../../protocol/endpoints';
import { type AnswerLanguage, type Estimates, type Outcome, type Page, type PageParams, type ProblemView, type SampleKey, type SampleView, type TableRow, type TokenSpan } from '../../protocol/panels';
import { type Continuation, type RunManifest, type RunMode, type RunState, type RunStatus } from '../../protocol/run';
import { type TrainingInfo, type TrainingView } from '../../protocol/training';
import { type AskAnswer, type AskRequest } from '../../runs/ask';
import { type DoctorLine } from '../../runs/doctor';
import { type ListedRun } from '../../runs/list';
import { type Selection } from '../../runs/plan';
import { type SetUpResult } from '../../runs/python';
import { type ReportFormat } from '../../runs/report';

/**
 * Messages between the extension host and its worker threads. Everything that reads or writes runs, bundles and benchmarks, scores
 * or computes statistics happens in a worker, so that the host's event loop stays free.
 */

// ---- catalogue

export interface BundleInfo {
  readonly dir: string;
  readonly name: string;
  readonly method: string | null;
  readonly precisions: readonly string[];
  readonly languageModel: string | null;
  readonly encoder: string | null;
  readonly bytes: number;
  readonly issues: readonly BundleIssue[];
}

export interface BenchmarkInfo {
  readonly path: string;
  readonly name: string;
  readonly title: string;
  readonly format: string | null;
  readonly languages: readonly string[];
  /** Its answers are choices or relations, not numbers. */
  readonly choices: boolean;
  /** Problems of the language that has most. */
  readonly problems: number;
  readonly findings: readonly BenchmarkFinding[];
  readonly findingCount: number;
  /** Why it cannot be used. */
  readonly error: string | null;
  readonly shipped: boolean;
}

export const InspectBundle = new RequestType<{ readonly dir: string; readonly hashes?: boolean }, BundleInfo, void>('bundle/inspect');
export const FindBundles = new RequestType<{ readonly folders: readonly string[] }, BundleInfo[], void>('bundle/find');
export const InspectBenchmarks = new RequestType<{ readonly paths: readonly string[]; readonly shipped: boolean }, BenchmarkInfo[], void>('benchmark/inspect');
export interface ProblemList {
  readonly title: string;
  readonly file: string | null;
  /** `line` from 0; null when it was not found. */
  readonly problems: readonly { readonly id: string; readonly question: string; readonly gold: string; readonly line: number | null }[];
}

/** The problems of a benchmark (by name or path) in one language. */
export const ReadProblems = new RequestType<{ readonly path: string; readonly language: string }, ProblemList, void>('benchmark/problems');
/** The benchmark that a file of the editor belongs to. */
export const ReadBenchmarkAround = new RequestType<{ readonly file: string; readonly language: string | null }, { readonly path: string; readonly title: string; readonly languages: readonly string[]; readonly problems: number }, void>('benchmark/around');
export const ListRuns = new RequestType<{ readonly folder: string }, ListedRun[], void>('runs/list');
export const ChangeRun = new RequestType<{ readonly folder: string; readonly name?: string; readonly tags?: readonly string[] }, null, void>('runs/change');
/** Writes a report over runs to a file, or into a folder where the format has several files. */
export const ExportReport = new RequestType<{ readonly folders: readonly string[]; readonly format: ReportFormat; readonly target: string }, { readonly files: readonly string[] }, void>('runs/export');

/** Reads a run with another scorer and keeps its scores in the run's folder. */
export const SaveScores = new RequestType<{ readonly folder: string; readonly scorer: string }, null, void>('runs/score');

// ---- one run, read

export interface RunFacts {
  readonly folder: string;
  readonly manifest: RunManifest;
  readonly state: RunState | null;
  readonly locked: boolean;
  readonly rows: readonly TableRow[];
  readonly done: number;
  readonly damagedLines: number;
}

type InRun<T> = T & { readonly folder: string };
/** Opens the index of a run, or brings it up to date with what was appended since. */
export const ReadRun = new RequestType<InRun<object>, RunFacts, void>('run/read');
export const CloseRun = new RequestType<InRun<object>, null, void>('run/close');
export const ReadPage = new RequestType<InRun<PageParams>, Page, void>('run/page');
export const ReadSample = new RequestType<InRun<SampleKey>, SampleView, void>('run/sample');
export const ReadProblem = new RequestType<InRun<{ readonly id: string }>, ProblemView, void>('run/problem');
export const ReadEstimates = new RequestType<InRun<object>, Estimates, void>('run/estimates');
export const ReadFidelity = new RequestType<InRun<object>, readonly AnswerLanguage[], void>('run/fidelity');

// ---- runs side by side

type Between<T> = T & { readonly folders: readonly string[] };
export const ReadComparison = new RequestType<Between<object>, CompareView, void>('comparison/read');
export const CloseComparison = new RequestType<Between<object>, null, void>('comparison/close');
export const ReadPair = new RequestType<Between<PairParams>, PairAnswer, void>('comparison/pair');
export const ReadMany = new RequestType<Between<ManyParams>, ManyAnswer, void>('comparison/many');
export const ReadFloors = new RequestType<Between<PairParams>, FloorsView, void>('comparison/floors');
export const ReadPairs = new RequestType<Between<ListParams>, PairPage, void>('comparison/list');
export const ReadPairSample = new RequestType<Between<PairKey>, PairSample, void>('comparison/sample');
export const ReadAgreement = new RequestType<Between<Side>, AgreementView, void>('comparison/agreement');
export const ReadScorers = new RequestType<Between<{ readonly run: number }>, ScorersView, void>('comparison/scorers');
export const ReadTrend = new RequestType<Between<{ readonly run: number }>, TrendView, void>('comparison/trend');

// ---- alignment: a worker of its own for each panel

export interface OpenDesk {
  readonly request: AlignmentRequest;
  readonly runsFolder: string;
  /** 0: all cores. */
  readonly threads: number;
  readonly batch: number;
}

/** Sets the desk up. True: everything is in the cache and ready. */
export const OpenAlignmentDesk = new RequestType<OpenDesk, boolean, void>('desk/open');
/** Computes what is not cached; ends when everything is ready. */
export const AnalyseAlignment = new RequestType0<null, void>('desk/analyse');
export const OnDeskStatus = new NotificationType<AlignmentStatus>('desk/status');
export const ReadAlignment = new RequestType0<AlignmentView, void>('desk/view');
export const ReadMap = new RequestType<MapParams, MapView, void>('desk/map');
export const ReadRunColours = new RequestType<{ readonly run: string }, RunColours, void>('desk/run');
export const SearchPoints = new RequestType<{ readonly text: string }, readonly number[], void>('desk/search');
export const ReadPoints = new RequestType<{ readonly points: readonly number[] }, readonly PointTexts[], void>('desk/points');
export const ReadQuestion = new RequestType<{ readonly language: string; readonly id: string }, { readonly question: string; readonly gold: string }, void>('desk/question');
export const ReadSoft = new RequestType<SoftParams, SoftAnswer, void>('desk/soft');

// ---- one run, in motion

export interface StartParams extends Selection {
  readonly bundle: string;
  readonly benchmark: string;
  readonly precision?: string;
  readonly provider?: 'auto' | 'cpu' | 'cuda';
  readonly scorer?: string;
  readonly mode?: RunMode;
  readonly continuation?: Continuation;
  readonly swapSwedishSwahili?: boolean;
  readonly template?: string;
  readonly batch?: number;
  readonly maxNewTokens?: number;
  readonly calculator?: boolean;
  readonly threads?: number;
  readonly memoryCeiling?: number;
  readonly tokenBudget?: number;
  readonly out?: string;
  readonly runsFolder?: string;
  readonly version: string;
  readonly retryFailed?: boolean;
  readonly backend?: 'onnx' | 'vllm';
  readonly endpoints?: readonly string[];
  /** Of the servers; goes from the secret storage to the worker and no further. */
  readonly key?: string;
}

export interface Started {
  readonly folder: string;
  readonly manifest: RunManifest;
  readonly provider: string;
  readonly providerReason: string;
  readonly findings: number;
}

export interface RunEvent {
  readonly status: RunStatus;
  readonly done: number;
  readonly total: number;
  readonly tokensPerSecond: number | null;
  readonly etaSeconds: number | null;
  readonly message: string | null;
  /** True with the last event of a session: nothing is in motion any more (a paused run still holds its engine). */
  readonly settled: boolean;
  /** The servers, when servers answer. */
  readonly endpoints?: readonly EndpointView[];
}

/** Checks and loads; the samples come after the answer. A second call with the run's folder resumes it. */
export const StartRun = new RequestType<StartParams, Started, void>('evaluation/start');
export const PauseRun = new RequestType0<null, void>('evaluation/pause');
export const ContinueRun = new RequestType0<null, void>('evaluation/continue');
export const CancelRun = new RequestType0<null, void>('evaluation/cancel');
export const SetCancelledLanguages = new RequestType<{ readonly languages: readonly string[] }, null, void>('evaluation/languages');
export const OnRunEvent = new NotificationType<RunEvent>('evaluation/event');
export const OnLoading = new NotificationType<{ readonly step: number; readonly of: number; readonly message: string }>('evaluation/loading');

// ---- trainings

/** The trainings in the given folders, each once, running ones first, then the newest; what is no training is left out. */
export const ListTrainings = new RequestType<{ readonly folders: readonly string[] }, TrainingInfo[], void>('trainings/list');
/** Trainings with their curves; what was appended since the last time is read only. */
export const ReadTrainings = new RequestType<{ readonly folders: readonly string[] }, TrainingView[], void>('trainings/read');

// ---- one question, with the engine kept for the next

export interface Asked extends AskAnswer {
  /** Null when the bundle's tokenizer is not at hand. */
  readonly tokens: readonly TokenSpan[] | null;
  readonly outcome: Outcome;
}

/** Answers one question; null when it was cancelled. A worker answers one question at a time. */
export const AskQuestion = new RequestType<AskRequest, Asked | null, void>('question/ask');
/** The completion so far. */
export const OnPiece = new NotificationType<{ readonly text: string }>('question/piece');

// ---- machine and bundles

/** Makes the Python environment of lingualift_training; progress comes as OnBuildProgress. */
export const SetUpPython = new RequestType<{ readonly weights: boolean; readonly dryRun?: boolean }, SetUpResult, void>('setup');

export const Doctor = new RequestType<{ readonly python?: string; readonly runsFolder?: string }, { readonly lines: DoctorLine[]; readonly report: string }, void>('doctor');
export const OnDoctorLine = new NotificationType<DoctorLine>('doctor/line');
export const BuildBundle = new RequestType<
  { readonly demo?: string; readonly out?: string; readonly settings?: Readonly<Record<string, string>>; readonly python?: string; readonly allowHub?: boolean },
  { readonly dir: string },
  void
>('bundle/build');
/** A Python with vLLM: the one of the setting, of LINGUALIFT_VLLM_PYTHON, or of the set-up; null when none has it. */
export const FindVllm = new RequestType<{ readonly python?: string }, { readonly python: string; readonly version: string } | null, void>('vllm/find');
/** Writes a bundle's LLM for vLLM, and says how Python starts a server with it. */
export const ExportVllm = new RequestType<{ readonly bundle: string; readonly dtype: string; readonly python?: string; readonly host: string; readonly port: number }, { readonly folder: string; readonly arguments: readonly string[] }, void>('vllm/export');
export const OnBuildProgress = new NotificationType<{ readonly message: string }>('bundle/progress');
export const OnLog = new NotificationType<{ readonly level: 'debug' | 'info' | 'warn' | 'error'; readonly line: string }>('log');
