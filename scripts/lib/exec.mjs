import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { StepError } from './log.mjs';

const children = new Set();
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, () => {
    for (const child of children) child.kill(signal);
    if (children.size === 0) process.exit(130);
  });
}

/**
 * Runs a program to its end.
 *
 * @param options `quiet` keeps the output for the error, `silent` drops it; `onLine` gets each line; `code` returns the exit code instead of throwing
 */
export function exec(command, args, options = {}) {
  const { what = command, quiet = false, silent = false, onLine, code: wantCode = false, ...spawnOptions } = options;
  const piped = quiet || onLine !== undefined;
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: piped ? ['ignore', 'pipe', 'pipe'] : ['ignore', 'inherit', 'inherit'], shell: process.platform === 'win32' && command === 'npm', ...spawnOptions });
    children.add(child);
    const tail = [];
    const keep = (line) => {
      if (line.trim() === '') return;
      tail.push(line);
      if (tail.length > 200) tail.shift();
      onLine?.(line);
    };
    if (child.stdout) createInterface({ input: child.stdout }).on('line', keep);
    if (child.stderr) createInterface({ input: child.stderr }).on('line', keep);
    child.once('error', (e) => {
      children.delete(child);
      reject(new StepError(`${what} could not be started: ${e.message}`));
    });
    child.once('close', (code, signal) => {
      children.delete(child);
      if (signal === 'SIGINT' || signal === 'SIGTERM' || code === 130) return reject(new StepError('Interrupted. Run the same command again: it goes on where it stopped.'));
      if (wantCode) return resolve(code ?? 1);
      if (code === 0) return resolve(tail);
      if (quiet && !silent) console.error(tail.slice(-25).join('\n'));
      const last = tail.filter((l) => /error|failed|cannot|could not|no such/i.test(l)).pop() ?? tail[tail.length - 1] ?? '';
      reject(new StepError(`${what} failed (${signal ?? `exit code ${code}`})${last ? `: ${last.trim().slice(0, 300)}` : ''}`));
    });
  });
}
