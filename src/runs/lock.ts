import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { diskError, RunError } from './errors';

interface Holder {
  readonly pid: number;
  readonly host: string;
  readonly since: string;
}

const NAME = 'run.lock';

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (e) {
    return (e as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function holderOf(file: string): Holder | undefined {
  try {
    return JSON.parse(fs.readFileSync(file, 'utf8')) as Holder;
  } catch {
    return undefined;
  }
}

/** True while a live process on this machine, or any on another one, writes the run. */
export function isLocked(folder: string): boolean {
  const file = path.join(folder, NAME);
  const holder = holderOf(file);
  return holder !== undefined && (holder.host !== os.hostname() || alive(holder.pid));
}

/**
 * Takes the writer's lock of a run folder; a lock of a dead process on this machine is taken over.
 *
 * @returns a function that gives it back
 * @throws RunError (exit 4) naming the holder when another writer is alive
 */
export function lockRun(folder: string): () => void {
  const file = path.join(folder, NAME);
  const mine: Holder = { pid: process.pid, host: os.hostname(), since: new Date().toISOString() };
  for (let attempt = 0; attempt < 3; attempt++) {
    try {
      fs.writeFileSync(file, JSON.stringify(mine), { flag: 'wx' });
      return () => {
        const holder = holderOf(file);
        if (holder?.pid === mine.pid && holder.since === mine.since) fs.rmSync(file, { force: true });
      };
    } catch (e) {
      if ((e as NodeJS.ErrnoException).code !== 'EEXIST') throw diskError(e, 'write to the run folder', folder);
    }
    const holder = holderOf(file);
    if (holder && (holder.host !== os.hostname() || alive(holder.pid))) {
      const stale = holder.host === os.hostname() ? '' : ` If that machine is gone, delete "${NAME}" in the folder.`;
      throw new RunError(`Another process (${holder.pid} on ${holder.host}, since ${holder.since}) is writing this run. Wait for it, or choose another folder with --out.${stale}`, 4);
    }
    // The holder is dead: move the stale lock away under a name of our own, so that only one of two takers wins.
    const aside = `${file}.${process.pid}.stale`;
    try {
      fs.renameSync(file, aside);
      fs.rmSync(aside, { force: true });
    } catch {
      // Somebody else was faster; look again.
    }
  }
  throw new RunError('The lock of the run folder could not be taken. Try again.', 4);
}
