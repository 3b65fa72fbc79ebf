import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { type BundleManifest } from '../../src/bundle';
import { temporaryFolder, TINY } from './paths';

/** A manifest as loosely typed JSON, so that tests can break it in any way. */
export interface Json {
  [key: string]: Json;
}

/** A copy of a bundle that a test may damage. */
export function copyBundle(from = TINY): string {
  const folder = path.join(temporaryFolder('bundle'), path.basename(from));
  fs.cpSync(from, folder, { recursive: true });
  return folder;
}

export function readLift(dir: string): Json {
  return JSON.parse(fs.readFileSync(path.join(dir, 'lift.json'), 'utf8')) as Json;
}

/** The manifest of a bundle that is whole. */
export const readManifestOfBundle = (dir: string): BundleManifest => readLift(dir) as unknown as BundleManifest;

/** Changes lift.json of a copy. */
export function editLift(dir: string, change: (manifest: Json) => void): void {
  const manifest = readLift(dir);
  change(manifest);
  fs.writeFileSync(path.join(dir, 'lift.json'), JSON.stringify(manifest));
}

/** Writes a file of the bundle and its size and hash in the manifest, so that only its content can be at fault. */
export function replaceFile(dir: string, file: string, data: Uint8Array): void {
  fs.writeFileSync(path.join(dir, file), data);
  editLift(dir, (m) => {
    const files = m.files as unknown as { path: string; bytes: number; sha256: string }[];
    const sha256 = createHash('sha256').update(data).digest('hex');
    const entry = files.find((f) => f.path === file);
    if (entry) Object.assign(entry, { bytes: data.length, sha256 });
    else files.push({ path: file, bytes: data.length, sha256 });
  });
}

/** Replaces one byte string by another of the same length, everywhere in a file. */
export function patchFile(dir: string, file: string, from: string | Uint8Array, to: string | Uint8Array): void {
  const data = fs.readFileSync(path.join(dir, file));
  const [a, b] = [Buffer.from(from as string), Buffer.from(to as string)];
  if (a.length !== b.length) throw new Error('patchFile keeps lengths');
  let hits = 0;
  for (let at = data.indexOf(a); at >= 0; at = data.indexOf(a, at + b.length)) {
    b.copy(data, at);
    hits += 1;
  }
  if (hits === 0) throw new Error(`"${file}" does not hold the bytes to patch`);
  replaceFile(dir, file, data);
}
