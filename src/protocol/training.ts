import { NotificationType, RequestType, RequestType0 } from 'vscode-jsonrpc';

/**
 * Typed messages between the training panel and the extension host, and the shapes in which trainings are read from disk. A training
 * is the output folder of one stage of lingualift_training: settings.json, process.json, metrics.jsonl, checkpoints, result.json.
 */

/** What a task of type `lingualift` does; the stages first, then what is done with their result. */
export const TASK_KINDS = ['lexicon', 'codeswitch', 'warmstart', 'stage1', 'stage2', 'baseline', 'export', 'evaluate'] as const;
export type TaskKind = (typeof TASK_KINDS)[number];
export const STAGES = TASK_KINDS.slice(0, 6) as readonly TaskKind[];
/** Stages that write checkpoints and can go on from them. */
export const RESUMABLE_STAGES: readonly string[] = ['stage1', 'stage2', 'baseline'];
/** Stages whose result can be made into a bundle. */
export const EXPORTABLE_STAGES: readonly string[] = ['warmstart', 'stage1', 'stage2', 'baseline'];

/** `stopped`: not finished and without a checkpoint; `damaged`: its settings cannot be read. */
export type TrainingStatus = 'running' | 'finished' | 'resumable' | 'stopped' | 'damaged';

export interface TrainingInfo {
  readonly folder: string;
  /** Folder name; unique enough for people, not for programs. */
  readonly name: string;
  readonly stage: string;
  readonly status: TrainingStatus;
  /** Steps done and planned; epochs in a warm start; null where there are none. */
  readonly step: number | null;
  readonly maxSteps: number | null;
  readonly loss: number | null;
  readonly evalLoss: number | null;
  /** YAML file that it was started from, and the folder its relative paths start at; null when the process left no word. */
  readonly config: string | null;
  readonly cwd: string | null;
  readonly pid: number | null;
  readonly fingerprint: string;
  /** Steps of the checkpoints that were written to their end. */
  readonly checkpoints: readonly number[];
  /** Time of the last change, as the file system has it (ms since 1970). */
  readonly updated: number;
  /** Why it is damaged. */
  readonly problem?: string;
}

/** One line of a plot. `y` is null where a row has no finite value. */
export interface Curve {
  readonly key: string;
  readonly x: readonly number[];
  readonly y: readonly (number | null)[];
}

export interface Reconstruction {
  readonly step: number;
  readonly language: string;
  readonly input: string;
  readonly output: string;
}

export interface Checkpoint {
  readonly step: number;
  readonly evalLoss: number | null;
  /** The lowest held-out loss among the checkpoints that are there. */
  readonly best: boolean;
}

export interface TrainingView extends TrainingInfo {
  /** What `x` counts. */
  readonly unit: 'step' | 'epoch';
  readonly curves: readonly Curve[];
  /** Held-out reconstruction (chrF, 0 to 100) per language; `key` is the language. */
  readonly chrf: readonly Curve[];
  /** The last reconstructions, one a language. */
  readonly samples: readonly Reconstruction[];
  readonly checkpointList: readonly Checkpoint[];
  /** Rows of metrics.jsonl, and how many of its lines could not be read. */
  readonly rows: number;
  readonly damagedLines: number;
  /** Of each curve only every n-th point is given. */
  readonly every: number;
  /** Lines of result.json that say how it ended, as name and text. */
  readonly result: readonly (readonly [name: string, value: string])[];
}

export const MOST_TRAININGS = 6;

export interface TrainingsView {
  readonly trainings: readonly TrainingView[];
  readonly trusted: boolean;
  /** Trainings that can be laid over these. */
  readonly others: readonly { readonly folder: string; readonly name: string; readonly stage: string }[];
}

export const TRAINING_ACTIONS = ['export', 'evaluate', 'resume', 'cancel', 'add', 'remove', 'reveal'] as const;
export interface TrainingAction {
  readonly action: (typeof TRAINING_ACTIONS)[number];
  /** The training meant, by its place among those shown. */
  readonly index: number;
  /** A checkpoint's step, for `export` and `evaluate`. */
  readonly checkpoint?: number;
  /** The training to add, by its place among the others. */
  readonly other?: number;
}

export const OpenTrainings = new RequestType0<TrainingsView, void>('training/open');
export const DoTrainingAction = new RequestType<TrainingAction, null, void>('training/action');
/** Everything again, when a file of a shown training has changed. */
export const OnTrainings = new NotificationType<TrainingsView>('training/changed');
