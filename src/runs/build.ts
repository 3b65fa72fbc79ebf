import { spawn } from 'node:child_process';
import path from 'node:path';
import { RunError } from './errors';
import { demoBundlesFolder, pythonEnvironment } from './locations';
import { pythonVariables } from './python';

export interface BuildRequest {
  /** Name of a demo bundle, instead of `settings`. */
  readonly demo?: string;
  readonly out?: string;
  /** Options of the exporter, by name: lm, encoder, connector, method, … */
  readonly settings?: Readonly<Record<string, string>>;
  readonly python?: string;
  readonly signal?: AbortSignal;
  readonly onProgress?: (message: string) => void;
}

const OPTION: Readonly<Record<string, string>> = { template: 'prompt-template' };

/**
 * Runs the Python exporter and waits for the bundle. Its progress lines are passed on.
 *
 * @returns the bundle's folder
 * @throws RunError with the exporter's own last words
 */
export async function buildBundle(request: BuildRequest): Promise<string> {
  const environment = pythonEnvironment(request.python);
  if (!environment) throw new RunError('There is no Python environment with lingualift_training. Run "lingualift setup" (in VS Code: "Set Up Training Environment"), or set LINGUALIFT_PYTHON.');
  const out = path.resolve(request.out ?? path.join(demoBundlesFolder(), request.demo ?? 'bundle'));
  const args = request.demo
    ? ['-m', 'lingualift_training.demo', '--bundle', request.demo, '--out', path.dirname(out), '--json-progress']
    : ['-m', 'lingualift_training.export', '--out', out, '--json-progress', ...Object.entries(request.settings ?? {}).flatMap(([k, v]) => [`--${OPTION[k] ?? k}`, v])];
  await runPython(environment.python, args, request);
  return out;
}

interface Progress {
  readonly step?: number;
  readonly of?: number;
  readonly message?: string;
  /** What the module has made, said once at its end. */
  readonly result?: unknown;
}

/** Starts a module of lingualift_training; lines of JSON on its standard output are progress, the rest is kept for the error. */
export function runPython(python: string, args: readonly string[], request: Pick<BuildRequest, 'signal' | 'onProgress'> & { readonly onResult?: (value: unknown) => void }): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(python, [...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: pythonVariables(),
    });
    const tail: string[] = [];
    const stop = (): void => void child.kill('SIGTERM');
    request.signal?.addEventListener('abort', stop, { once: true });
    const lines = (take: (line: string) => void): ((data: Buffer) => void) => {
      let rest = '';
      return (data) => {
        const parts = (rest + data.toString('utf8')).split('\n');
        rest = parts.pop()!;
        parts.filter((l) => l.trim() !== '').forEach(take);
      };
    };
    const keep = (line: string): void => {
      tail.push(line);
      if (tail.length > 40) tail.shift();
    };
    child.stdout.on('data', lines((line) => {
      try {
        const p = JSON.parse(line) as Progress;
        if (p.result !== undefined) request.onResult?.(p.result);
        else request.onProgress?.(p.of ? `[${p.step}/${p.of}] ${p.message}` : String(p.message ?? line));
      } catch {
        keep(line);
      }
    }));
    child.stderr.on('data', lines(keep));
    child.once('error', (e) => reject(new RunError(`Python could not be started (${e.message}). Check the Python environment: lingualift doctor.`)));
    child.once('close', (code, signal) => {
      request.signal?.removeEventListener('abort', stop);
      if (code === 0) resolve();
      else if (request.signal?.aborted) reject(new RunError('Cancelled. What was finished is kept; run it again to go on.', 130));
      else reject(new RunError(tail[tail.length - 1] ?? `Python ended with ${signal ?? `code ${code}`}.`, 1));
    });
  });
}
