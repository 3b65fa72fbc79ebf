import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { spawnSync } from 'node:child_process';
import { verifyBundle } from '../bundle';
import { EngineClient, type EngineOptions } from '../engine/client';
import { type HelloResult } from '../protocol/engine';
import { baseWeightsFolder, cacheFolder, demoBundlesFolder, pythonEnvironment, trainingFolder } from './locations';

export type DoctorFix = 'setup' | 'demo-bundle' | 'base-weights' | 'free-disk' | 'cuda-help' | 'runs-folder';

export interface DoctorLine {
  readonly id: string;
  readonly label: string;
  readonly status: 'ok' | 'warning' | 'error';
  readonly detail: string;
  /** What to do, in words. */
  readonly fix?: string;
  /** What a button can do about it. */
  readonly action?: DoctorFix;
}

export interface DoctorOptions {
  readonly python?: string;
  readonly runsFolder?: string;
  readonly engine?: EngineOptions;
}

const GIB = 2 ** 30;
const gib = (n: number): string => `${(n / GIB).toFixed(1)} GiB`;

/** Checks the machine line by line; each line says what is wrong and what to do. Nothing is changed. */
export async function* runDoctor(options: DoctorOptions = {}): AsyncGenerator<DoctorLine> {
  const [major, minor] = process.versions.node.split('.').map(Number) as [number, number];
  const nodeOk = major > 20 || (major === 20 && minor >= 19);
  yield { id: 'node', label: 'Node', status: nodeOk ? 'ok' : 'error', detail: process.version, ...(nodeOk ? {} : { fix: 'Install Node 20.19 or newer.' }) };

  let engine: EngineClient | undefined;
  let hello: HelloResult | undefined;
  try {
    engine = new EngineClient(options.engine);
    hello = await engine.hello();
    yield { id: 'engine', label: 'Engine', status: 'ok', detail: `onnxruntime-node ${hello.versions.onnxruntime}, tokenizers ${hello.versions.tokenizers}` };
  } catch (e) {
    yield { id: 'engine', label: 'Engine', status: 'error', detail: (e as Error).message, fix: 'Install the Node packages again: npm run setup.', action: 'setup' };
  }
  const cuda = hello?.providers.find((p) => p.name === 'cuda');
  yield { id: 'providers', label: 'Execution providers', status: hello ? 'ok' : 'warning', detail: cuda?.usable ? 'CPU and CUDA' : `CPU; no CUDA: ${cuda?.reason ?? 'engine did not start'}`, ...(cuda && !cuda.usable ? { action: 'cuda-help' as const } : {}) };

  const free = os.freemem();
  const memory = os.totalmem();
  yield { id: 'memory', label: 'Memory', status: memory >= 4 * GIB ? 'ok' : 'warning', detail: `${gib(free)} free of ${gib(memory)}, ${os.availableParallelism()} cores`, ...(memory >= 4 * GIB ? {} : { fix: 'Use int8 and a small batch.' }) };
  yield diskLine();
  yield pythonLine(options.python);
  yield weightsLine();
  const bundle = await bundleLine(engine);
  yield bundle;
  if (engine && bundle.status === 'ok') yield await tokenizerLine(engine);
  yield writeLine(options.runsFolder);
  await engine?.close();
}

function diskLine(): DoctorLine {
  let at = cacheFolder();
  while (!fs.existsSync(at) && path.dirname(at) !== at) at = path.dirname(at);
  const { bavail, bsize } = fs.statfsSync(at);
  const free = bavail * bsize;
  const ok = free > 8 * GIB;
  return { id: 'disk', label: 'Disk', status: ok ? 'ok' : free > 2 * GIB ? 'warning' : 'error', detail: `${gib(free)} free for the cache`, ...(ok ? {} : { fix: 'Set-up, base weights and the demo bundles take about 8 GiB. Free some space or set LINGUALIFT_CACHE to another disk.', action: 'free-disk' as const }) };
}

function pythonLine(setting: string | undefined): DoctorLine {
  const line = { id: 'python', label: 'Python environment' };
  const environment = pythonEnvironment(setting);
  if (!environment) return { ...line, status: 'warning', detail: 'not set up (needed to build bundles and to train, not to evaluate)', fix: 'Set up the training environment (lingualift setup).', action: 'setup' };
  const code = 'import sys, torch, transformers, onnx, peft; print("Python", sys.version.split()[0] + ", torch", torch.__version__ + ", transformers", transformers.__version__)';
  const r = spawnSync(environment.python, ['-c', code], { encoding: 'utf8', timeout: 120_000, env: { ...process.env, PYTHONPATH: trainingFolder() } });
  if (r.status === 0) return { ...line, status: 'ok', detail: r.stdout.trim().split('\n').pop() ?? '' };
  const why = r.error?.message ?? r.stderr.trim().split('\n').pop() ?? 'it gave no answer';
  return { ...line, status: 'error', detail: why, fix: 'Set it up again (lingualift setup).', action: 'setup' };
}

function weightsLine(): DoctorLine {
  const line = { id: 'weights', label: 'Base weights' };
  const missing = ['e5-small', 'smollm2-135m'].filter((m) => !fs.existsSync(path.join(baseWeightsFolder(), m, 'config.json')));
  if (missing.length === 0) return { ...line, status: 'ok', detail: 'multilingual-e5-small, SmolLM2-135M-Instruct' };
  return { ...line, status: 'warning', detail: `not fetched: ${missing.join(', ')} (needed for the demo bundles only)`, fix: 'Get the demo bundle: its base weights come with it.', action: 'base-weights' };
}

async function bundleLine(engine: EngineClient | undefined): Promise<DoctorLine> {
  const line = { id: 'bundle', label: 'Demo bundle' };
  const name = ['smol-lift', 'smol-text'].find((n) => fs.existsSync(path.join(demoBundlesFolder(), n, 'lift.json')));
  if (!name) return { ...line, status: 'warning', detail: 'not built', fix: 'npm start, or lingualift bundle build --demo smol-lift', action: 'demo-bundle' };
  const dir = path.join(demoBundlesFolder(), name);
  const { manifest, issues } = await verifyBundle(dir);
  if (!manifest || issues.length > 0) return { ...line, status: 'error', detail: `${name}: ${issues[0]?.message}`, fix: issues[0]?.fix, action: 'demo-bundle' };
  if (!engine) return { ...line, status: 'ok', detail: `${name}: complete (not tried, the engine did not start)` };
  try {
    const precision = manifest.precisions.int8 ? 'int8' : Object.keys(manifest.precisions)[0]!;
    await engine.load({ dir, precision, provider: 'auto', threads: 0, memoryCeiling: 0, batch: 1 });
    const test = await engine.selfTest();
    const status = test.idsEqual ? 'ok' : 'error';
    return { ...line, status, detail: `${name} (${precision}): ${test.message}`, ...(test.idsEqual ? {} : { fix: 'Build the demo bundle again.', action: 'demo-bundle' as const }) };
  } catch (e) {
    return { ...line, status: 'error', detail: `${name}: ${(e as Error).message}`, fix: 'Build the demo bundle again.', action: 'demo-bundle' };
  }
}

/** A text of seven scripts and the ids that Python's tokenizers gives for it with the tokenizers of the demo bundle. */
const PARITY = {
  text: 'Asha ana 12,5 kg; 小明有3个; সে ৪টি কেনে; ١٢ كتابًا; ราคา 1,250 บาท',
  lm: [
    49, 24818, 16143, 216, 33, 34, 28, 37, 11134, 43, 13223, 125, 233, 22178, 232, 30746, 35, 26951, 43, 216, 21826, 133, 47827, 225, 216, 47827, 120, 21826, 249,
    21826, 140, 216, 21826, 239, 47827, 225, 21826, 118, 47827, 225, 43, 216, 164, 111, 164, 112, 16936, 221, 27438, 10805, 31462, 164, 229, 10805, 43, 216, 44701,
    43662, 10283, 222, 43662, 216, 33, 28, 34, 37, 32, 216, 10283, 244, 43662, 10283, 241,
  ],
  encoder: [
    0, 71637, 3877, 155068, 5279, 74, 57960, 3924, 465, 363, 3294, 74, 22540, 33782, 4557, 65828, 956, 74, 47741, 78861, 30475, 703, 258, 74, 17587, 25568, 2525, 15747, 2,
  ],
} as const;

async function tokenizerLine(engine: EngineClient): Promise<DoctorLine> {
  const line = { id: 'tokenizer', label: 'Tokenizer parity' };
  const same = async (which: 'lm' | 'encoder'): Promise<boolean | undefined> => {
    try {
      return JSON.stringify((await engine.tokenize(which, [PARITY.text]))[0]) === JSON.stringify(PARITY[which]);
    } catch {
      return undefined; // A bundle without an encoder.
    }
  };
  const results = [await same('lm'), await same('encoder')];
  const wrong = ['LLM', 'encoder'].filter((_, i) => results[i] === false);
  if (wrong.length === 0) return { ...line, status: 'ok', detail: 'a text in seven scripts gives the ids that Python gives' };
  return { ...line, status: 'error', detail: `other ids than in Python: ${wrong.join(', ')}`, fix: 'Build the demo bundle again.', action: 'demo-bundle' };
}

function writeLine(runsFolder = 'runs'): DoctorLine {
  const line = { id: 'write', label: 'Write access' };
  const probe = (folder: string): void => {
    fs.mkdirSync(folder, { recursive: true });
    const file = path.join(folder, `.write-test-${process.pid}`);
    fs.writeFileSync(file, '');
    fs.rmSync(file);
  };
  try {
    probe(cacheFolder());
    let at = path.resolve(runsFolder);
    while (!fs.existsSync(at) && path.dirname(at) !== at) at = path.dirname(at);
    probe(at);
    return { ...line, status: 'ok', detail: 'cache and runs folder can be written' };
  } catch (e) {
    return { ...line, status: 'error', detail: (e as NodeJS.ErrnoException).code ?? (e as Error).message, fix: 'Choose another runs folder, or set LINGUALIFT_CACHE.', action: 'runs-folder' };
  }
}

/** A report that can be pasted into an issue: the home folder and the user's name are taken out. */
export function doctorReport(lines: readonly DoctorLine[]): string {
  const home = os.homedir();
  const clean = (s: string): string => s.split(home).join('~').replace(new RegExp(`\\b${os.userInfo().username.replace(/[^\w]/g, '.')}\\b`, 'g'), 'user');
  const mark = { ok: '✓', warning: '!', error: '✗' };
  return lines.map((l) => clean(`${mark[l.status]} ${l.label}: ${l.detail}${l.fix && l.status !== 'ok' ? `\n    ${l.fix}` : ''}`)).join('\n');
}
