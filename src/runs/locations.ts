import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

/** Cache of LinguaLIFT outside any checkout: base weights, Python environment, demo bundles. Env LINGUALIFT_CACHE overrides. */
export function cacheFolder(): string {
  if (process.env.LINGUALIFT_CACHE) return path.resolve(process.env.LINGUALIFT_CACHE);
  if (process.platform === 'darwin') return path.join(os.homedir(), 'Library', 'Caches', 'lingualift');
  if (process.platform === 'win32') return path.join(process.env.LOCALAPPDATA ?? path.join(os.homedir(), 'AppData', 'Local'), 'lingualift');
  return path.join(process.env.XDG_CACHE_HOME ?? path.join(os.homedir(), '.cache'), 'lingualift');
}

export const demoBundlesFolder = (): string => path.join(cacheFolder(), 'bundles');
export const baseWeightsFolder = (): string => path.join(cacheFolder(), 'base');

export interface PythonEnvironment {
  readonly python: string;
  /** Where it comes from, for messages. */
  readonly source: 'setting' | 'LINGUALIFT_PYTHON' | 'setup';
}

/** The Python environment with lingualift_training: a setting, LINGUALIFT_PYTHON, or what `lingualift setup` made. */
export function pythonEnvironment(setting?: string): PythonEnvironment | undefined {
  if (setting) return { python: setting, source: 'setting' };
  if (process.env.LINGUALIFT_PYTHON) return { python: process.env.LINGUALIFT_PYTHON, source: 'LINGUALIFT_PYTHON' };
  try {
    const { python } = JSON.parse(fs.readFileSync(path.join(cacheFolder(), 'python.json'), 'utf8')) as { python: string };
    if (fs.existsSync(python)) return { python, source: 'setup' };
  } catch {
    // Not set up yet.
  }
  return undefined;
}

/** Folder of the Python package `lingualift_training` in a checkout or beside the built extension. */
export function trainingFolder(): string {
  const candidates = [path.join(__dirname, '..', 'training'), path.join(__dirname, '..', '..', 'training')];
  return candidates.find((c) => fs.existsSync(path.join(c, 'lingualift_training'))) ?? candidates[0]!;
}

/** A bundle by path, or by the name of one in the demo bundles folder. */
export function resolveBundle(nameOrPath: string): string {
  if (fs.existsSync(nameOrPath)) return path.resolve(nameOrPath);
  const demo = path.join(demoBundlesFolder(), nameOrPath);
  return !nameOrPath.includes('/') && !nameOrPath.includes('\\') && fs.existsSync(demo) ? demo : path.resolve(nameOrPath);
}
