import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

export const ROOT = path.resolve(__dirname, '..', '..');
export const TINY = path.join(ROOT, 'models', 'tiny');
export const TINY_TEXT = path.join(ROOT, 'models', 'tiny-text');

/** A folder of the shared data sets, or undefined where they are not at hand. */
export function sharedData(name: string): string | undefined {
  const folder = path.join(process.env.LINGUALIFT_SHARED ?? path.resolve(ROOT, '..', 'shared'), 'data', name);
  return fs.existsSync(folder) ? folder : undefined;
}

const made: string[] = [];

/** A new empty folder that is removed when the process ends. */
export function temporaryFolder(name = 'test'): string {
  const folder = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), `lingualift-${name}-`)));
  made.push(folder);
  return folder;
}

process.on('exit', () => {
  for (const folder of made) fs.rmSync(folder, { recursive: true, force: true });
});
