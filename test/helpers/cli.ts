import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { type Sample } from '../../src/protocol/run';
import { sampleKey } from '../../src/runs/store';
import { buildFolder, maxDifference } from './engine';
import { temporaryFolder } from './paths';

export interface Finished {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunningCli {
  readonly child: ChildProcess;
  readonly finished: Promise<Finished>;
}

/** Starts the CLI as a process group of its own, built from the sources of now. */
export async function startCli(args: readonly string[], options: { input?: string; cwd?: string; env?: Record<string, string> } = {}): Promise<RunningCli> {
  const child = spawn(process.execPath, [path.join(await buildFolder(), 'cli.js'), ...args], {
    cwd: options.cwd ?? temporaryFolder('cwd'), env: { ...process.env, ...options.env }, stdio: ['pipe', 'pipe', 'pipe'], detached: true,
  });
  child.stdin!.on('error', () => undefined);
  child.stdin!.end(options.input ?? '');
  const out = { stdout: '', stderr: '' };
  child.stdout!.setEncoding('utf8').on('data', (d: string) => (out.stdout += d));
  child.stderr!.setEncoding('utf8').on('data', (d: string) => (out.stderr += d));
  const finished = new Promise<Finished>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ code, signal, ...out }));
  });
  return { child, finished };
}

export async function cli(args: readonly string[], options: Parameters<typeof startCli>[1] = {}): Promise<Finished> {
  return (await startCli(args, options)).finished;
}

/** Several commands, three at a time; results in order. */
export async function cliAll(commands: readonly (readonly string[])[]): Promise<Finished[]> {
  const results: Finished[] = [];
  for (let i = 0; i < commands.length; i += 3) results.push(...(await Promise.all(commands.slice(i, i + 3).map((args) => cli(args)))));
  return results;
}

/**
 * Two sets of samples must be the same in every field, in any order, but for the clock (`ms`) and the last digit of
 * log-probabilities: their sums run in another order in a batch of another size.
 */
export function assertSameSamples(actual: readonly Sample[], expected: readonly Sample[]): void {
  const sorted = (samples: readonly Sample[]): Sample[] => [...samples].sort((a, b) => (sampleKey(a) < sampleKey(b) ? -1 : 1));
  const [a, b] = [sorted(actual), sorted(expected)];
  const exact = ({ ms: _ms, tokenLogprobs: _t, ...rest }: Sample): unknown => rest;
  assert.deepEqual(a.map(exact), b.map(exact));
  a.forEach((s, i) => assert.ok(maxDifference(s.tokenLogprobs, b[i]!.tokenLogprobs) < 5e-5, `log-probabilities of ${sampleKey(s)}`));
}

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Waits until something is so; gives up after half a minute. */
export async function until(what: string, is: () => boolean): Promise<void> {
  for (let i = 0; i < 6000; i++) {
    if (is()) return;
    await sleep(5);
  }
  throw new Error(`waited in vain until ${what}`);
}

export function lineCount(file: string): number {
  try {
    return fs.readFileSync(file).filter((b) => b === 10).length;
  } catch {
    return 0;
  }
}
