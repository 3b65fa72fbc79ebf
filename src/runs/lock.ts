import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { diskError, RunError } from './errors';

interface Holder {
  readonly pid: number;
  readonly host: string;
  readonly since: string;
  /** Start of the process in ticks since boot (Linux): tells it from a later process with the same number. */
  readonly start?: string;
}

const NAME = 'run.lock';

function startOf(pid: number): string | undefined {
  try {
    const stat = fs.readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
}

/** True unless the holder was a process of this machine that is gone. */
function alive({ pid, host, start }: Holder): boolean {
  if (host !== os.hostname()) return true;
  try {
    process.kill(pid, 0);
  } catch (e) {
    if ((e as NodeJS.ErrnoException).code !== 'EPERM') return false;
  }
  const now = start === undefined ? undefined : startOf(pid);
  return now === undefined || now === start;
}

function holderOf(file: string): Holder | undefined {
  try {
    const value = JSON.parse(fs.readFileSync(file, 'utf8')) as Holder | null;
    return typeof value?.pid === 'number' && typeof value.host === 'string' ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Makes a file that is there with its whole text or not at all. @returns false when it is there already */
function createWhole(file: string, text: string): boolean {
  const own = `${file}.${process.pid}.new`;
  try {
    fs.writeFileSync(own, text);
    try {
      fs.linkSync(own, file);
    } catch (e) {
      const { code } = e as NodeJS.ErrnoException;
      if (code === 'EEXIST') throw e;
      // A file system without hard links.
      fs.writeFileSync(file, text, { flag: 'wx' });
    }
    return true;
  } catch (e) {
    if ((e as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw e;
  } finally {
    fs.rmSync(own, { force: true });
  }
}

/** True while a live process on this machine, or any on another one, writes the run. */
export function isLocked(folder: string): boolean {
  const file = path.join(folder, NAME);
  const holder = holderOf(file);
  return holder !== undefined && alive(holder);
}

/**
 * Takes the writer's lock of a run folder; a lock of a dead process on this machine is taken over.
 *
 * @returns a function that gives it back
 * @throws RunError (exit 4) naming the holder when another writer is alive
 */
export function lockRun(folder: string): () => void {
  const file = path.join(folder, NAME);
  const mine: Holder = { pid: process.pid, host: os.hostname(), since: new Date().toISOString(), start: startOf(process.pid) };
  const text = JSON.stringify(mine);
  const release = (): void => {
    try {
      if (fs.readFileSync(file, 'utf8') === text) fs.rmSync(file, { force: true });
    } catch {
      // It is gone already.
    }
  };
  try {
    for (let attempt = 0; attempt < 200; attempt++) {
      if (createWhole(file, text)) return release;
      const holder = holderOf(file);
      if (holder && alive(holder)) throw heldBy(holder);
      if (!takeAway(file, text)) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
    }
  } catch (e) {
    throw e instanceof RunError ? e : diskError(e, 'write to the run folder', folder);
  }
  throw new RunError(`The lock of the run folder could not be taken. If no other process writes this run, delete "${NAME}" and "${NAME}.takeover" in the folder.`, 4);
}

function heldBy(holder: Holder): RunError {
  const stale = holder.host === os.hostname() ? '' : ` If that machine is gone, delete "${NAME}" in the folder.`;
  return new RunError(`Another process (${holder.pid} on ${holder.host}, since ${holder.since}) is writing this run. Wait for it, or choose another folder with --out.${stale}`, 4);
}

/** How long a lock without readable text may be one that its writer is still writing (file systems without hard links only). */
const WRITING_MS = 200;

/** True when the file is there and its writer is gone. A file that is not there is nobody's: another taker may make it at any moment. */
function isStale(file: string): boolean {
  const holder = holderOf(file);
  if (holder) return !alive(holder);
  const written = fs.statSync(file, { throwIfNoEntry: false })?.mtimeMs;
  return written !== undefined && Date.now() - written > WRITING_MS;
}

/**
 * Removes the lock of a dead process. Only the holder of a second lock may do so, and only after looking again: otherwise
 * the slower of two takers would remove the new lock of the faster one.
 *
 * @returns false when there was nothing to remove, or not yet: look again a little later
 */
function takeAway(file: string, text: string): boolean {
  const guard = `${file}.takeover`;
  if (!createWhole(guard, text)) {
    // Renamed first, so that of two that find it stale one removes it, and looked at again under the name that nobody else has.
    if (isStale(guard)) {
      const own = `${guard}.${process.pid}`;
      try {
        fs.renameSync(guard, own);
        if (!isStale(own)) fs.linkSync(own, guard);
      } catch {
        // Another one was faster.
      }
      fs.rmSync(own, { force: true });
    }
    return false;
  }
  try {
    const stale = isStale(file);
    if (stale) fs.rmSync(file, { force: true });
    return stale;
  } finally {
    fs.rmSync(guard, { force: true });
  }
}
