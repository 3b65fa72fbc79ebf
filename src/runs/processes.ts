import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { type EngineClient } from '../engine/client';
import { cacheFolder } from './locations';
import { EnginePool, type PoolOptions } from './pool';

/** Items below which a run is over before a second way of spreading it could pay. */
const WORTH_A_TRIAL = 256;
/** Most processes that are tried: each holds the weights once. */
const MOST = 8;
const TRIAL_TOKENS = 24;
const SENTENCE = 'Anna has twelve apples and gives three of them to each of her two friends . How many apples does she keep ?'.split(' ');

export interface SpreadRequest {
  /** Items that the run still has to answer. */
  readonly items: number;
  /** Names the weights: bundle hash and precision. */
  readonly weights: string;
  /** File that remembers measured choices; default: `processes.json` in the cache folder. */
  readonly memory?: string;
  readonly cores?: number;
  /** Bytes that may be used in all; default: what is free. */
  readonly available?: number;
}

/** How many processes could be better than one: one for each core while memory holds, or 1 when there is nothing to gain. */
export function candidate(request: SpreadRequest, bytesPerProcess: number): number {
  const cores = request.cores ?? os.availableParallelism();
  const available = request.available ?? os.freemem();
  const fit = Math.floor((0.8 * available) / Math.max(1, bytesPerProcess));
  return Math.max(1, Math.min(cores, MOST, fit));
}

/**
 * One process with all cores or one process for each core, whichever generated more tokens per second on this machine.
 *
 * Both are loaded and timed for about a second the first time a long enough run asks; the answer is remembered for these
 * weights, this CPU and this batch. On CUDA, with a given number of processes or threads, or for a short run that was
 * never timed, there is one process.
 */
export async function openFastest(options: Omit<PoolOptions, 'processes'>, request: SpreadRequest): Promise<EnginePool> {
  const cores = request.cores ?? os.availableParallelism();
  const file = request.memory ?? path.join(cacheFolder(), 'processes.json');
  const key = [request.weights, os.cpus()[0]?.model.trim(), `${cores} cores`, `batch ${options.batch}`].join(' | ');
  const free = options.threads === 0 && options.load.provider !== 'cuda' && request.items >= 2 * options.batch;
  const known = free ? remembered(file)[key] : undefined;
  if (known !== undefined && known > 1) {
    try {
      return await EnginePool.open({ ...options, processes: known });
    } catch (e) {
      options.onLog?.(`Goes on with one process: ${(e as Error).message}`);
    }
  }
  const one = await EnginePool.open({ ...options, processes: 1 });
  if (!free || known !== undefined || request.items < WORTH_A_TRIAL || one.provider !== 'cpu') return one;
  const most = candidate(request, one.loaded.memoryEstimate);
  if (most < 2) return one;
  const speed = await tokensPerSecond(one, options.batch);
  let several: EnginePool;
  try {
    several = await EnginePool.open({ ...options, processes: most });
  } catch (e) {
    options.onLog?.(`Stays with one process: ${(e as Error).message}`);
    return one;
  }
  const spread = await tokensPerSecond(several, options.batch);
  const best = spread > speed ? several : one;
  options.onLog?.(`Measured: one process with ${one.threads} threads ${speed.toFixed(0)} tokens/s, ${most} processes ${spread.toFixed(0)} tokens/s; goes on with ${best.processes}.`);
  remember(file, key, best.processes);
  await (best === several ? one : several).close();
  return best;
}

/** New tokens per second of all engines of a pool together, each on a full batch of short prompts. */
async function tokensPerSecond(pool: EnginePool, batch: number): Promise<number> {
  const once = async (engine: EngineClient): Promise<number> => {
    const items = Array.from({ length: batch }, (_, i) => {
      const text = SENTENCE.map((_w, k) => SENTENCE[(k + i) % SENTENCE.length]).join(' ');
      return { key: String(i), encoder: text, instruction: '', text, chat: false };
    });
    return (await engine.generate({ items, maxNewTokens: TRIAL_TOKENS, stop: [], batch, tokenBudget: 1 << 20, chunk: TRIAL_TOKENS, stream: false, ignoreEos: true }, { onItem: () => undefined })).newTokens;
  };
  const startedAt = performance.now();
  const tokens = await Promise.all(pool.all.map(once));
  return (1000 * tokens.reduce((a, b) => a + b, 0)) / (performance.now() - startedAt);
}

function remembered(file: string): Record<string, number> {
  try {
    const all = JSON.parse(fs.readFileSync(file, 'utf8')) as Record<string, unknown>;
    return Object.fromEntries(Object.entries(all).filter((e): e is [string, number] => Number.isInteger(e[1]) && (e[1] as number) >= 1));
  } catch {
    return {};
  }
}

/** A choice that cannot be kept is measured again next time. */
function remember(file: string, key: string, processes: number): void {
  try {
    fs.mkdirSync(path.dirname(file), { recursive: true });
    const partial = `${file}.${process.pid}`;
    fs.writeFileSync(partial, JSON.stringify({ ...remembered(file), [key]: processes }, null, 2) + '\n');
    fs.renameSync(partial, file);
  } catch {
    // Read-only cache folder.
  }
}
