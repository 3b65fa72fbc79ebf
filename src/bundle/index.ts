import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { checkGraphs } from './graphs';
import { unsafePath } from './paths';
import { type BundleIssue, checkManifest } from './schema';
import { type BundleFile, type BundleManifest, type Precision } from './types';

export * from './types';
export { type BundleIssue } from './schema';
export { readOnnxSummary } from './onnx';

export interface OpenedBundle {
  readonly dir: string;
  readonly manifest: BundleManifest;
}

export class BundleError extends Error {
  constructor(
    readonly dir: string,
    readonly issues: readonly BundleIssue[],
  ) {
    const more = issues.length > 1 ? ` (and ${issues.length - 1} more: lingualift bundle verify)` : '';
    super(`The bundle "${path.basename(dir)}" cannot be used: ${issues[0]?.message ?? 'unknown reason'} ${issues[0]?.fix ?? ''}${more}`);
  }
}

export interface VerifyOptions {
  /** Compare every file's SHA-256 with the manifest (reads all weights). Otherwise presence and size only. */
  readonly hashes?: boolean;
  /** Only the files of this precision and the tokenizers. */
  readonly precision?: Precision;
  readonly onProgress?: (doneBytes: number, totalBytes: number) => void;
  readonly signal?: AbortSignal;
}

const MANIFEST_LIMIT = 64 * 1024 * 1024;
const issue = (code: BundleIssue['code'], message: string, fix: string): BundleIssue => ({ code, message, fix });

/** Reads and checks `lift.json`; never throws. */
export function readManifest(dir: string): { manifest?: BundleManifest; issues: readonly BundleIssue[] } {
  const file = path.join(dir, 'lift.json');
  let text: string;
  try {
    const stat = fs.statSync(file);
    if (!stat.isFile()) return { issues: [issue('missing', 'lift.json is not a regular file.', 'Point to the folder that holds the bundle.')] };
    if (stat.size > MANIFEST_LIMIT) return { issues: [issue('claim', `lift.json is ${stat.size} bytes; a manifest has a few kilobytes.`, 'Export the bundle again.')] };
    text = fs.readFileSync(file, 'utf8');
  } catch (e) {
    const code = (e as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENOTDIR') {
      return { issues: [issue('missing', `There is no lift.json in "${dir}".`, 'Point to the folder that holds the bundle, or make one: lingualift bundle build.')] };
    }
    return { issues: [issue('missing', `lift.json cannot be read (${code}).`, 'Check the permissions of the folder.')] };
  }
  try {
    return checkManifest(JSON.parse(text.replace(/^\uFEFF/, '')));
  } catch (e) {
    return { issues: [issue('json', `lift.json is not JSON: ${(e as Error).message}`, 'Export the bundle again.')] };
  }
}

/** The files that one precision needs: its own folder(s) and everything outside the precision folders. */
export function filesOf(manifest: BundleManifest, precision?: Precision): readonly BundleFile[] {
  if (!precision) return manifest.files;
  const others = Object.keys(manifest.precisions).filter((p) => p !== precision);
  return manifest.files.filter((f) => !others.some((p) => f.path.startsWith(`${p}/`)));
}

/** Every finding about a bundle, in the order in which a user should mend them. Never throws but for an aborted signal. */
export async function verifyBundle(dir: string, options: VerifyOptions = {}): Promise<{ manifest?: BundleManifest; issues: BundleIssue[] }> {
  const read = readManifest(dir);
  if (!read.manifest) return { issues: [...read.issues] };
  const { manifest } = read;
  if (options.precision && !manifest.precisions[options.precision]) {
    const has = Object.keys(manifest.precisions).join(', ');
    return { manifest, issues: [issue('missing', `The bundle has no ${options.precision} graphs; it has ${has}.`, `Choose one of ${has}, or export ${options.precision}.`)] };
  }
  const issues: BundleIssue[] = [];
  const files = filesOf(manifest, options.precision);
  const total = files.reduce((sum, f) => sum + f.bytes, 0);
  let done = 0;
  for (const file of files) {
    const found = checkFile(dir, file);
    if (found) issues.push(found);
    else if (options.hashes) {
      let sha: string;
      try {
        sha = await sha256File(path.join(dir, file.path), options.signal, (n) => options.onProgress?.((done += n), total));
      } catch (e) {
        if (options.signal?.aborted) throw e;
        issues.push(issue('file', `"${file.path}" cannot be read (${(e as NodeJS.ErrnoException).code ?? (e as Error).message}).`, 'Check the permissions of the folder.'));
        continue;
      }
      if (sha !== file.sha256) issues.push(issue('hash', `"${file.path}" was changed: its SHA-256 is ${sha.slice(0, 12)}…, the manifest says ${file.sha256.slice(0, 12)}….`, 'Export the bundle again, or copy it again without loss.'));
    }
  }
  issues.push(...checkTemplates(dir, manifest));
  if (issues.length === 0) issues.push(...checkGraphs(dir, manifest, options.precision));
  return { manifest, issues };
}

/** A chat template changes every prompt, so one that the manifest does not list (and hash) is refused. */
function checkTemplates(dir: string, manifest: BundleManifest): BundleIssue[] {
  const { lm, encoder } = manifest.parts;
  const folders = [lm.tokenizer ?? 'tokenizers/lm', ...(encoder ? [encoder.tokenizer ?? 'tokenizers/encoder'] : [])];
  return folders
    .map((folder) => `${folder}/chat_template.jinja`)
    .filter((file) => !manifest.files.some((f) => f.path === file) && fs.existsSync(path.join(dir, file)))
    .map((file) => issue('file', `"${file}" is there but the manifest does not list it.`, 'Remove it, or export the bundle again.'));
}

function checkFile(dir: string, file: BundleFile): BundleIssue | undefined {
  const unsafe = unsafePath(dir, file.path);
  if (unsafe) return issue('path', `"${file.path}" is refused: ${unsafe}.`, 'A bundle may only name plain files inside its own folder.');
  let size: number;
  try {
    size = fs.statSync(path.join(dir, file.path)).size;
  } catch {
    return issue('file', `"${file.path}" is missing.`, 'Copy the whole bundle folder again, or export it again.');
  }
  if (size === file.bytes) return undefined;
  const what = size < file.bytes ? 'truncated' : 'longer than stated';
  return issue('size', `"${file.path}" is ${what}: ${size} bytes, the manifest says ${file.bytes}.`, 'Copy the bundle again, or export it again.');
}

async function sha256File(file: string, signal: AbortSignal | undefined, onBytes: (n: number) => void): Promise<string> {
  const hash = createHash('sha256');
  const stream = fs.createReadStream(file, { highWaterMark: 1 << 20, signal });
  for await (const chunk of stream) {
    hash.update(chunk as Buffer);
    onBytes((chunk as Buffer).length);
  }
  return hash.digest('hex');
}

/** Opens a bundle for use. @throws BundleError with every issue found */
export async function openBundle(dir: string, options: VerifyOptions = {}): Promise<OpenedBundle> {
  const { manifest, issues } = await verifyBundle(dir, options);
  if (!manifest || issues.length > 0) throw new BundleError(dir, issues);
  return { dir: path.resolve(dir), manifest };
}

/** SHA-256 of everything in the bundle that can change a completion at this precision: parts, merge, files. */
export function bundleFingerprint(manifest: BundleManifest, precision: Precision): string {
  const files = filesOf(manifest, precision).map((f) => [f.path, f.sha256]).sort((a, b) => (a[0]! < b[0]! ? -1 : 1));
  const essence = { method: manifest.method, parts: manifest.parts, merge: manifest.merge, files };
  return createHash('sha256').update(JSON.stringify(essence)).digest('hex');
}
