import fs from 'node:fs';
import path from 'node:path';
import { type RunManifest, type RunState, type Sample } from '../protocol/run';
import { diskError, RunError } from './errors';
import { lockRun } from './lock';

export const MANIFEST = 'manifest.json';
export const SAMPLES = 'samples.jsonl';
export const STATE = 'state.json';

/** Key of a sample inside a run. */
export const sampleKey = (s: { language: string; id: string }): string => `${s.language}/${s.id}`;

/** Writes a small file so that a reader sees the old or the new text, never a part. */
export function writeAtomic(file: string, text: string): void {
  const next = `${file}.${process.pid}.next`;
  try {
    const fd = fs.openSync(next, 'w');
    try {
      fs.writeFileSync(fd, text);
      fs.fsyncSync(fd);
    } finally {
      fs.closeSync(fd);
    }
    fs.renameSync(next, file);
  } catch (e) {
    fs.rmSync(next, { force: true });
    throw diskError(e, 'write', file);
  }
}

export function readManifestOf(folder: string): RunManifest {
  const file = path.join(folder, MANIFEST);
  let text: string;
  try {
    text = fs.readFileSync(file, 'utf8');
  } catch (e) {
    if ((e as NodeJS.ErrnoException).code === 'ENOENT') throw new RunError(`"${folder}" is not a run: it has no ${MANIFEST}.`);
    throw diskError(e, 'read', file);
  }
  let value: RunManifest;
  try {
    value = JSON.parse(text) as RunManifest;
  } catch (e) {
    throw new RunError(`The ${MANIFEST} of "${folder}" is damaged (${(e as Error).message}). The samples may still be whole; make a new run to go on.`);
  }
  if (value.format !== 'lift-run/1') throw new RunError(`"${folder}" is a run of format ${JSON.stringify(value.format)}; this version reads "lift-run/1".`);
  return value;
}

export function readState(folder: string): RunState | undefined {
  try {
    return JSON.parse(fs.readFileSync(path.join(folder, STATE), 'utf8')) as RunState;
  } catch {
    return undefined;
  }
}

export function writeState(folder: string, change: Partial<RunState>): RunState {
  const old = readState(folder) ?? { status: 'planned', updated: '', seconds: 0, newTokens: 0 };
  const next: RunState = { ...old, ...change, updated: new Date().toISOString() };
  writeAtomic(path.join(folder, STATE), JSON.stringify(next, null, 2) + '\n');
  return next;
}

export interface SamplesReading {
  /** One per item; when an item was written twice (a retried failure), the later line. */
  readonly samples: readonly Sample[];
  /** Line numbers that could not be read. Their items count as not done. */
  readonly damagedLines: readonly number[];
  /** Bytes up to and with the last complete line. */
  readonly completeBytes: number;
}

/** Whether a line is whole enough to count as done: what the tables and the resume rely on is there. */
function isSample(value: Sample | null): value is Sample {
  return (
    value !== null && typeof value.id === 'string' && typeof value.language === 'string' && typeof value.completion === 'string' &&
    Array.isArray(value.tokenIds) && typeof value.stopReason === 'string' && typeof value.correct === 'boolean' && typeof value.gold === 'string'
  );
}

/** Reads samples.jsonl. A last line without its newline (a write cut short) is left out and not counted as damage. */
export function readSamples(folder: string): SamplesReading {
  const file = path.join(folder, SAMPLES);
  let data: Buffer;
  try {
    data = fs.readFileSync(file);
  } catch (e) {
    if ((e as NodeJS.ErrnoException).code === 'ENOENT') return { samples: [], damagedLines: [], completeBytes: 0 };
    throw diskError(e, 'read', file);
  }
  const end = data.lastIndexOf(10) + 1;
  const byKey = new Map<string, Sample>();
  const damagedLines: number[] = [];
  let line = 0;
  for (let at = 0; at < end; ) {
    const stop = data.indexOf(10, at);
    const text = data.toString('utf8', at, stop);
    at = stop + 1;
    line += 1;
    if (text.trim() === '') continue;
    try {
      const sample = JSON.parse(text) as Sample;
      if (!isSample(sample)) throw new Error('not a sample');
      byKey.set(sampleKey(sample), sample);
    } catch {
      damagedLines.push(line);
    }
  }
  return { samples: [...byKey.values()], damagedLines, completeBytes: end };
}

/** fsync at most this often while samples come in, and always at the end: kill −9 loses nothing, a power cut at most this much. */
const SYNC_MS = 1000;

/** The one writer of a run folder. Lines are appended whole; nothing that was written is ever changed. */
export class RunWriter {
  private constructor(
    readonly folder: string,
    private readonly fd: number,
    private readonly unlock: () => void,
    readonly existing: SamplesReading,
  ) {}

  private syncedAt = Date.now();
  private closed = false;

  /**
   * Opens a run folder for writing: makes it, takes its lock, and either starts the run or, when the fingerprint is the same,
   * resumes it.
   * @throws RunError when the folder holds another run, is written by somebody else, or cannot be written
   */
  static open(folder: string, manifest: RunManifest): RunWriter {
    makeFolder(folder);
    const unlock = lockRun(folder);
    try {
      if (fs.existsSync(path.join(folder, MANIFEST))) {
        const old = readManifestOf(folder);
        if (old.fingerprint !== manifest.fingerprint) {
          throw new RunError(`"${folder}" holds another run (${differences(old, manifest).join('; ')}). Different settings make a different run: choose another folder with --out.`, 4);
        }
      } else if (fs.existsSync(path.join(folder, SAMPLES))) {
        throw new RunError(`"${folder}" has samples but no ${MANIFEST}, so they cannot be trusted. Choose another folder with --out.`, 4);
      } else writeAtomic(path.join(folder, MANIFEST), JSON.stringify(manifest, null, 2) + '\n');
      const existing = readSamples(folder);
      const file = path.join(folder, SAMPLES);
      let fd: number;
      try {
        fd = fs.openSync(file, 'a');
        fs.ftruncateSync(fd, existing.completeBytes);
      } catch (e) {
        throw diskError(e, 'write', file);
      }
      return new RunWriter(folder, fd, unlock, existing);
    } catch (e) {
      unlock();
      throw e;
    }
  }

  append(sample: Sample): void {
    const line = Buffer.from(JSON.stringify(sample) + '\n');
    try {
      let at = 0;
      while (at < line.length) at += fs.writeSync(this.fd, line, at);
      if (Date.now() - this.syncedAt > SYNC_MS) {
        fs.fdatasyncSync(this.fd);
        this.syncedAt = Date.now();
      }
    } catch (e) {
      throw diskError(e, 'write a sample to', path.join(this.folder, SAMPLES));
    }
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    try {
      fs.fsyncSync(this.fd);
    } finally {
      fs.closeSync(this.fd);
      this.unlock();
    }
  }
}

function makeFolder(folder: string): void {
  try {
    fs.mkdirSync(folder, { recursive: true });
  } catch (e) {
    // Node says ENOENT for any failure below the first missing folder; ask again there for the true reason.
    let first = path.resolve(folder);
    while (!fs.existsSync(path.dirname(first))) first = path.dirname(first);
    try {
      if ((e as NodeJS.ErrnoException).code === 'ENOENT') fs.mkdirSync(first);
    } catch (reason) {
      throw diskError(reason, 'make the run folder', folder);
    }
    throw diskError(e, 'make the run folder', folder);
  }
}

/** Finds out before a model is loaded whether a run's folder can be made. Leaves nothing behind. @throws RunError (disk) in words */
export function checkRunFolder(folder: string): void {
  let there = path.resolve(folder);
  while (!fs.existsSync(there)) there = path.dirname(there);
  const probe = path.join(there, `.lingualift-${process.pid}`);
  try {
    fs.mkdirSync(probe);
    fs.rmdirSync(probe);
  } catch (e) {
    throw diskError(e, 'make the run folder', folder);
  }
}

/** What differs between two runs, in words. */
export function differences(a: RunManifest, b: RunManifest): string[] {
  const out: string[] = [];
  const walk = (x: unknown, y: unknown, where: string): void => {
    if (x !== null && y !== null && typeof x === 'object' && typeof y === 'object' && !Array.isArray(x)) {
      for (const key of new Set([...Object.keys(x), ...Object.keys(y)])) {
        walk((x as Record<string, unknown>)[key], (y as Record<string, unknown>)[key], where ? `${where}.${key}` : key);
      }
    } else if (JSON.stringify(x) !== JSON.stringify(y)) out.push(`${where}: ${short(x)} there, ${short(y)} now`);
  };
  walk({ ...a.environment, plan: a.plan }, { ...b.environment, plan: b.plan }, '');
  return out.slice(0, 4);
}

function short(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > 40 ? `${text.slice(0, 37)}…` : text;
}
