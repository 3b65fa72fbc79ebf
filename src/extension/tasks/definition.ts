import path from 'node:path';
import { TASK_KINDS, type TaskKind } from '../../protocol/training';

/** The task type `lingualift`: what a definition may say, and the program that it stands for. No `vscode` here. */

export const TASK_TYPE = 'lingualift';
/** The problem matcher of package.json; `file:line: error: message`, as lingualift_training prints it. */
export const PROBLEM_MATCHER = '$lingualift';
export const PROBLEM_PATTERN = '^(.+?):(\\d+): (error|warning): (.+)$';

export interface TrainingTask {
  readonly type: typeof TASK_TYPE;
  readonly kind: TaskKind;
  /** YAML file of the run (every kind but `evaluate`), relative to the workspace folder. */
  readonly config?: string;
  /** Folder of the run, instead of the file's own. */
  readonly output?: string;
  /** Step of the checkpoint to export, instead of the result. */
  readonly checkpoint?: number;
  /** Folder of the bundle: written by `export`, read by `evaluate`. */
  readonly bundle?: string;
  readonly benchmark?: string;
  readonly languages?: string;
  /** Problems per language; all when absent. */
  readonly limit?: number;
  readonly precision?: string;
  /** `generate`, `choice` or `operation`; `generate` when absent. */
  readonly mode?: string;
  /** Finish calculations that the model writes. */
  readonly calculator?: boolean;
  /** Ignore the checkpoints that are there. */
  readonly restart?: boolean;
}

/** Fields of a definition and the kinds that have a use for them. */
const FIELDS: Readonly<Record<string, { readonly type: 'string' | 'number' | 'boolean'; readonly kinds: readonly TaskKind[] }>> = {
  config: { type: 'string', kinds: TASK_KINDS.filter((k) => k !== 'evaluate') },
  output: { type: 'string', kinds: TASK_KINDS.filter((k) => k !== 'evaluate') },
  checkpoint: { type: 'number', kinds: ['export'] },
  bundle: { type: 'string', kinds: ['export', 'evaluate'] },
  benchmark: { type: 'string', kinds: ['evaluate'] },
  languages: { type: 'string', kinds: ['evaluate'] },
  limit: { type: 'number', kinds: ['evaluate'] },
  precision: { type: 'string', kinds: ['evaluate'] },
  mode: { type: 'string', kinds: ['evaluate'] },
  calculator: { type: 'boolean', kinds: ['evaluate'] },
  restart: { type: 'boolean', kinds: ['stage1', 'stage2', 'baseline'] },
};
const KNOWN = new Set(['type', 'kind', ...Object.keys(FIELDS)]);

/**
 * A task definition as it stands in tasks.json, checked.
 * @throws Error that names the field and what it must be
 */
export function checkTask(value: Readonly<Record<string, unknown>>): TrainingTask {
  const kind = TASK_KINDS.find((k) => k === value.kind);
  if (value.type !== TASK_TYPE || !kind) throw new Error(`"kind" must be one of ${TASK_KINDS.join(', ')}, not ${JSON.stringify(value.kind)}.`);
  for (const [name, given] of Object.entries(value)) {
    if (given === undefined || name === 'type' || name === 'kind') continue;
    const field = Object.hasOwn(FIELDS, name) ? FIELDS[name]! : undefined;
    if (!field) throw new Error(`"${name}" is not a field of a task of type ${TASK_TYPE}. Known: ${[...KNOWN].join(', ')}.`);
    if (!field.kinds.includes(kind)) throw new Error(`"${name}" has no meaning for kind "${kind}"; it belongs to ${field.kinds.join(', ')}.`);
    if (typeof given !== field.type) throw new Error(`"${name}" must be a ${field.type}, not ${JSON.stringify(given)}.`);
    if (field.type === 'number' && !(Number.isInteger(given) && (given as number) >= 0)) throw new Error(`"${name}" must be a whole number, not ${JSON.stringify(given)}.`);
  }
  const task = value as unknown as TrainingTask;
  if (kind === 'evaluate' && !(task.bundle && task.benchmark)) throw new Error('A task of kind "evaluate" needs "bundle" and "benchmark".');
  if (kind !== 'evaluate' && !task.config) throw new Error(`A task of kind "${kind}" needs "config", the YAML file of the run.`);
  return task;
}

/** What the machine has to run tasks with. */
export interface Tools {
  /** Executable of the Python environment with lingualift_training's requirements. */
  readonly python: string;
  /** Folder that holds the package lingualift_training. */
  readonly trainingFolder: string;
  /** Node, or VS Code's own executable in its place. */
  readonly node: string;
  /** dist/cli.js */
  readonly cli: string;
  readonly runsFolder: string;
  /** Whether models may be fetched from a hub. */
  readonly hub: boolean;
}

export interface Launch {
  readonly program: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** Program, arguments and variables of a task. Arguments go to the program as they are; no shell reads them. */
export function launchOf(task: TrainingTask, tools: Tools): Launch {
  if (task.kind === 'evaluate') {
    const named = Object.entries({ bundle: task.bundle, benchmark: task.benchmark, languages: task.languages, limit: task.limit, precision: task.precision, mode: task.mode });
    return {
      program: tools.node,
      args: [tools.cli, 'evaluate', '--runs', tools.runsFolder, ...named.flatMap(([name, v]) => (v === undefined ? [] : [`--${name}`, String(v)])), ...(task.calculator ? ['--calculator'] : [])],
      // VS Code's executable is a Node when this is set; a Node does not mind it.
      env: { ELECTRON_RUN_AS_NODE: '1' },
    };
  }
  return {
    program: tools.python,
    args: [
      '-m', 'lingualift_training', task.kind, task.config!,
      ...(task.output === undefined ? [] : ['--output', task.output]),
      ...(task.kind === 'export' && task.bundle !== undefined ? ['--bundle', task.bundle] : []),
      ...(task.checkpoint === undefined ? [] : ['--checkpoint', String(task.checkpoint)]),
      ...(task.restart ? ['--restart'] : []),
    ],
    env: {
      PYTHONPATH: [tools.trainingFolder, process.env.PYTHONPATH].filter(Boolean).join(path.delimiter),
      PYTHONUNBUFFERED: '1', PYTHONIOENCODING: 'utf-8', TOKENIZERS_PARALLELISM: 'false', ...(tools.hub ? {} : { HF_HUB_OFFLINE: '1' }),
    },
  };
}

/** Name of a task in lists: the kind and what it works on. */
export function taskName(task: TrainingTask): string {
  if (task.kind === 'evaluate') return `evaluate ${path.basename(task.bundle ?? '')} on ${path.basename(task.benchmark ?? '')}`;
  const file = path.basename(task.config ?? '').replace(/\.ya?ml$/, '');
  const at = task.checkpoint === undefined ? '' : ` at step ${task.checkpoint}`;
  return file === task.kind ? `${task.kind}${at}` : `${task.kind} ${file}${at}`;
}

export interface ConfigHead {
  readonly stage: TaskKind;
  readonly output: string;
}

/**
 * Stage and output folder of a run's YAML file. Only these two top-level lines are looked at: the Python package reads the whole.
 * @returns undefined when the file is of something else
 */
export function configHead(text: string): ConfigHead | undefined {
  const value = (key: string): string | undefined => {
    const found = new RegExp(`^${key}:[ \\t]*(?:"([^"\\n]*)"|'([^'\\n]*)'|([^\\s#][^#\\n]*?))[ \\t]*(?:#.*)?$`, 'm').exec(text);
    return found ? (found[1] ?? found[2] ?? found[3]) : undefined;
  };
  const stage = TASK_KINDS.slice(0, 6).find((k) => k === value('stage'));
  const output = value('output');
  return stage && output ? { stage, output } : undefined;
}

/** One link of a chain: its label in tasks.json and its definition. */
export interface ChainLink {
  readonly label: string;
  readonly task: TrainingTask;
}

/** Tasks of `.vscode/tasks.json` in which each link waits for the one before it. */
export function chainTasks(links: readonly ChainLink[]): readonly Readonly<Record<string, unknown>>[] {
  return links.map(({ label, task }, i) => ({ label, ...task, ...(i === 0 ? {} : { dependsOn: links[i - 1]!.label, dependsOrder: 'sequence' }), problemMatcher: [PROBLEM_MATCHER], presentation: { panel: 'dedicated', reveal: 'always' } }));
}
