import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { type Checkpoint, type Curve, type Reconstruction, RESUMABLE_STAGES, type TrainingInfo, type TrainingStatus, type TrainingView } from '../protocol/training';

/** Files of a training's folder, as lingualift_training names them. */
export const SETTINGS = 'settings.json';
export const METRICS = 'metrics.jsonl';
export const RESULT = 'result.json';
export const PROCESS = 'process.json';
const COMPLETE = 'complete';

/** Points of a curve that are handed to a plot. */
const MOST_POINTS = 1500;

export type MetricsRow = Readonly<Record<string, unknown>>;

/** JSON of one line. Python's writer may say NaN and Infinity, which JSON has no word for: they are read as null. */
function parseRow(line: string): MetricsRow | undefined {
  for (const text of [line, line.replace(/(?<=[:[,]\s*)(?:NaN|-?Infinity)(?=\s*[,}\]])/g, 'null')]) {
    try {
      const value = JSON.parse(text) as unknown;
      return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as MetricsRow) : undefined;
    } catch {
      // The other reading, or none.
    }
  }
  return undefined;
}

/**
 * Follows a metrics.jsonl while it grows. Only what was appended is read again; a line without its end is kept until the rest comes;
 * a file that became shorter, or another one of the same name, is read from the start.
 */
export class MetricsReader {
  rows: MetricsRow[] = [];
  /** Whole lines that could not be read. */
  damagedLines = 0;
  private offset = 0;
  private rest = Buffer.alloc(0);
  private inode = -1;

  constructor(private readonly file: string) {}

  /** Reads what is new. @returns true when there is something new */
  update(): boolean {
    let handle: number;
    try {
      handle = fs.openSync(this.file, 'r');
    } catch {
      const had = this.rows.length > 0;
      this.reset(-1);
      return had;
    }
    try {
      const { size, ino } = fs.fstatSync(handle);
      let changed = false;
      if (ino !== this.inode || size < this.offset) {
        changed = this.rows.length > 0;
        this.reset(ino);
      }
      if (size === this.offset) return changed;
      const added = Buffer.alloc(size - this.offset);
      const read = fs.readSync(handle, added, 0, added.length, this.offset);
      this.offset += read;
      // Cut as bytes: a character may be torn at the end of what is there.
      const all = Buffer.concat([this.rest, added.subarray(0, read)]);
      const end = all.lastIndexOf(0x0a) + 1;
      this.rest = Buffer.from(all.subarray(end));
      for (const line of all.subarray(0, end).toString('utf8').split('\n')) {
        if (line.trim() === '') continue;
        const row = parseRow(line);
        if (row) this.rows.push(row);
        else this.damagedLines += 1;
      }
      return true;
    } finally {
      fs.closeSync(handle);
    }
  }

  private reset(inode: number): void {
    this.rows = [];
    this.damagedLines = 0;
    this.offset = 0;
    this.rest = Buffer.alloc(0);
    this.inode = inode;
  }
}

const readJson = (file: string): unknown => JSON.parse(fs.readFileSync(file, 'utf8'));

function optional(file: string): Record<string, unknown> {
  try {
    const value = readJson(file);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

const number = (value: unknown): number | null => (typeof value === 'number' && Number.isFinite(value) ? value : null);
const string = (value: unknown): string | null => (typeof value === 'string' ? value : null);

/** True when settings.json is of a training and not of something else (such as VS Code's own). */
export function isTraining(folder: string): boolean {
  const { fingerprint, settings } = optional(path.join(folder, SETTINGS));
  return typeof fingerprint === 'string' && typeof settings === 'object' && settings !== null && typeof (settings as { stage?: unknown }).stage === 'string';
}

/** Steps of the checkpoints that were written to their end, in order. */
export function checkpointSteps(folder: string): number[] {
  let names: string[];
  try {
    names = fs.readdirSync(folder);
  } catch {
    return [];
  }
  return names
    .flatMap((n) => /^checkpoint-(\d+)$/.exec(n)?.[1] ?? [])
    .map(Number)
    .filter((step) => fs.existsSync(path.join(folder, `checkpoint-${step}`, COMPLETE)))
    .sort((a, b) => a - b);
}

/** The process that works in the folder, when it says that it still does and is alive (another machine's is believed). */
function livingProcess(held: Record<string, unknown>): number | null {
  const pid = number(held.pid);
  if (pid === null || held.ended !== undefined) return null;
  if (held.host !== os.hostname()) return pid;
  try {
    process.kill(pid, 0);
    return pid;
  } catch (e) {
    return (e as NodeJS.ErrnoException).code === 'EPERM' ? pid : null;
  }
}

function lastOf(rows: readonly MetricsRow[], key: string): number | null {
  for (let i = rows.length - 1; i >= 0; i--) {
    const value = number(rows[i]![key]);
    if (value !== null) return value;
  }
  return null;
}

const EVAL_KEYS = ['eval_loss', 'held_out_loss'] as const;
const evalOf = (row: MetricsRow): number | null => number(row.eval_loss) ?? number(row.held_out_loss);

/** What a training's folder says, without its curves. Never throws: what cannot be read is said in the result. */
export function trainingInfo(folder: string, metrics: MetricsReader): TrainingInfo {
  const name = path.basename(folder);
  const damaged = (problem: string): TrainingInfo => ({
    folder, name, stage: '?', status: 'damaged', step: null, maxSteps: null, loss: null, evalLoss: null, config: null, cwd: null, pid: null, fingerprint: '', checkpoints: [], updated: 0, problem,
  });
  let settings: Record<string, unknown>;
  let fingerprint: string;
  try {
    const held = readJson(path.join(folder, SETTINGS)) as { settings?: Record<string, unknown>; fingerprint?: unknown };
    if (typeof held.settings !== 'object' || typeof held.fingerprint !== 'string' || typeof held.settings.stage !== 'string') return damaged(`${SETTINGS} is not of a training.`);
    ({ settings, fingerprint } = held as { settings: Record<string, unknown>; fingerprint: string });
  } catch (e) {
    return damaged(`${SETTINGS} cannot be read: ${(e as Error).message}`);
  }
  metrics.update();
  const { rows } = metrics;
  const held = optional(path.join(folder, PROCESS));
  const result = optional(path.join(folder, RESULT));
  const stage = settings.stage as string;
  const pid = livingProcess(held);
  const checkpoints = checkpointSteps(folder);
  const finished = result.fingerprint === fingerprint;
  const status: TrainingStatus = pid !== null ? 'running' : finished ? 'finished' : checkpoints.length > 0 && RESUMABLE_STAGES.includes(stage) ? 'resumable' : 'stopped';
  const epochs = number((settings.warm_start as { epochs?: unknown } | undefined)?.epochs);
  return {
    folder, name, stage, status, fingerprint, checkpoints, pid,
    step: lastOf(rows, 'step') ?? (stage === 'warmstart' ? lastOf(rows, 'epoch') : null),
    maxSteps: lastOf(rows, 'max_steps') ?? (stage === 'warmstart' ? epochs : null),
    loss: lastOf(rows, 'loss'),
    evalLoss: EVAL_KEYS.map((k) => lastOf(rows, k)).find((v) => v !== null) ?? number(result.held_out_loss),
    config: string(held.config),
    cwd: string(held.cwd),
    updated: Math.max(...[SETTINGS, METRICS, RESULT, PROCESS].map((f) => fs.statSync(path.join(folder, f), { throwIfNoEntry: false })?.mtimeMs ?? 0)),
  };
}

/** Columns that are no curve. */
const NO_CURVE = new Set(['step', 'epoch', 'max_steps', 'seconds', 'reconstruction_chrf', 'reconstruction_sample']);

function thinned(x: readonly number[], y: readonly (number | null)[], every: number): { x: number[]; y: (number | null)[] } {
  const keep = (_: unknown, i: number): boolean => i % every === 0 || i === x.length - 1;
  return { x: x.filter(keep), y: y.filter(keep) };
}

/** A training with everything that the panel draws. */
export function trainingView(folder: string, metrics: MetricsReader): TrainingView {
  const info = trainingInfo(folder, metrics);
  const { rows } = metrics;
  const unit = rows.some((r) => number(r.step) !== null) ? 'step' : 'epoch';
  const found = new Map<string, { x: number[]; y: (number | null)[] }>();
  const chrf = new Map<string, { x: number[]; y: (number | null)[] }>();
  const samples = new Map<string, Reconstruction>();
  const put = (to: Map<string, { x: number[]; y: (number | null)[] }>, key: string, x: number, y: number | null): void => {
    const line = to.get(key) ?? { x: [], y: [] };
    to.set(key, line);
    line.x.push(x);
    line.y.push(y);
  };
  for (const row of rows) {
    const x = number(row[unit]);
    if (x === null) continue;
    for (const [key, value] of Object.entries(row)) if (!NO_CURVE.has(key) && (value === null || typeof value === 'number')) put(found, key, x, number(value));
    if (typeof row.reconstruction_chrf === 'object' && row.reconstruction_chrf) for (const [language, score] of Object.entries(row.reconstruction_chrf)) put(chrf, language, x, number(score));
    if (typeof row.reconstruction_sample === 'object' && row.reconstruction_sample) {
      for (const [language, sample] of Object.entries(row.reconstruction_sample as Record<string, { input?: unknown; output?: unknown } | null>)) {
        samples.set(language, { step: x, language, input: string(sample?.input) ?? '', output: string(sample?.output) ?? '' });
      }
    }
  }
  const longest = Math.max(1, ...[...found.values()].map((l) => l.x.length));
  const every = Math.ceil(longest / MOST_POINTS);
  const curves: Curve[] = [...found].map(([key, l]) => ({ key, ...(l.x.length > MOST_POINTS ? thinned(l.x, l.y, every) : l) }));
  return {
    ...info, unit, curves, every, rows: rows.length, damagedLines: metrics.damagedLines,
    chrf: [...chrf].map(([key, l]) => ({ key, ...l })).sort((a, b) => (a.key < b.key ? -1 : 1)),
    samples: [...samples.values()].sort((a, b) => (a.language < b.language ? -1 : 1)),
    checkpointList: checkpointList(info.checkpoints, rows),
    result: resultLines(optional(path.join(folder, RESULT)), info),
  };
}

function checkpointList(steps: readonly number[], rows: readonly MetricsRow[]): Checkpoint[] {
  const losses = new Map<number, number>();
  for (const row of rows) {
    const [step, loss] = [number(row.step), evalOf(row)];
    if (step !== null && loss !== null) losses.set(step, loss);
  }
  const own = steps.map((step) => losses.get(step) ?? null);
  const lowest = Math.min(...own.filter((l) => l !== null));
  return steps.map((step, i) => ({ step, evalLoss: own[i]!, best: own[i] !== null && own[i] === lowest }));
}

function resultLines(result: Record<string, unknown>, info: TrainingInfo): (readonly [string, string])[] {
  if (info.status !== 'finished') return [];
  return Object.entries(result)
    .filter(([name]) => name !== 'stage' && name !== 'fingerprint')
    .map(([name, value]) => [name, typeof value === 'object' && value !== null ? JSON.stringify(value) : String(value)] as const);
}
