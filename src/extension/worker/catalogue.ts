import fs from 'node:fs';
import path from 'node:path';
import { verifyBundle } from '../../bundle';
import { loadBenchmark, shippedNames } from '../../runs/benchmark';
import { listedRun, type ListedRun } from '../../runs/list';
import { MANIFEST, readManifestOf, SAMPLES, STATE, writeState } from '../../runs/store';
import { SCORES } from '../../runs/scores';
import { isLocked } from '../../runs/lock';
import { type BenchmarkInfo, type BundleInfo } from './protocol';

const SHOWN_FINDINGS = 50;

/** What a bundle's folder holds and everything that is wrong with it. With `hashes`, every file is read. */
export async function inspectBundle(dir: string, hashes = false): Promise<BundleInfo> {
  const { manifest, issues } = await verifyBundle(dir, { hashes });
  return {
    dir,
    name: manifest?.name ?? path.basename(dir),
    method: manifest?.method ?? null,
    precisions: manifest ? Object.keys(manifest.precisions) : [],
    languageModel: manifest?.parts.lm.modelType ?? null,
    encoder: manifest?.parts.encoder?.class ?? null,
    bytes: manifest?.files.reduce((sum, f) => sum + f.bytes, 0) ?? 0,
    issues,
  };
}

/** Bundles that are, or lie directly inside, the given folders; each once. A folder that itself should be a bundle is listed with its reason. */
export async function findBundles(folders: readonly string[]): Promise<BundleInfo[]> {
  const dirs = new Set<string>();
  for (const folder of folders) {
    if (fs.existsSync(path.join(folder, 'lift.json'))) dirs.add(path.resolve(folder));
    else {
      const inside = subfolders(folder).filter((d) => fs.existsSync(path.join(d, 'lift.json')));
      (inside.length > 0 ? inside : fs.existsSync(folder) ? [] : [folder]).forEach((d) => dirs.add(path.resolve(d)));
    }
  }
  return Promise.all([...dirs].map((d) => inspectBundle(d)));
}

function subfolders(folder: string): string[] {
  try {
    return fs.readdirSync(folder, { withFileTypes: true }).filter((d) => d.isDirectory()).map((d) => path.join(folder, d.name));
  } catch {
    return [];
  }
}

const seen = new Map<string, { readonly stamp: string; readonly info: BenchmarkInfo }>();

/** Benchmarks with their pre-flight findings; one that cannot be read is listed with its reason. */
export function inspectBenchmarks(paths: readonly string[], shipped: boolean): BenchmarkInfo[] {
  const names = shipped ? shippedNames() : [];
  return [...names.map((n) => inspectBenchmark(n, true)), ...[...new Set(paths)].map((p) => inspectBenchmark(p, false))];
}

function inspectBenchmark(nameOrPath: string, shipped: boolean): BenchmarkInfo {
  const stamp = stampOf(nameOrPath);
  const old = seen.get(nameOrPath);
  if (old && stamp !== '' && old.stamp === stamp) return old.info;
  let info: BenchmarkInfo;
  try {
    const { benchmark, path: found } = loadBenchmark(nameOrPath);
    info = {
      path: shipped ? nameOrPath : found, name: benchmark.name, title: benchmark.title, format: benchmark.format, languages: benchmark.languages,
      choices: [...benchmark.problems.values()].some((list) => list[0] !== undefined && list[0].kind !== 'number'),
      problems: Math.max(...[...benchmark.problems.values()].map((p) => p.length)),
      findings: benchmark.findings.slice(0, SHOWN_FINDINGS), findingCount: benchmark.findings.length, error: null, shipped,
    };
  } catch (e) {
    info = { path: nameOrPath, name: path.basename(nameOrPath), title: path.basename(nameOrPath), format: null, languages: [], choices: false, problems: 0, findings: [], findingCount: 0, error: (e as Error).message, shipped };
  }
  seen.set(nameOrPath, { stamp, info });
  return info;
}

/** Names, sizes and times of a folder's files; empty when there is nothing to see. */
function stampOf(folder: string): string {
  try {
    return fs.readdirSync(folder).map((n) => {
      const s = fs.statSync(path.join(folder, n));
      return `${n}:${s.size}:${s.mtimeMs}`;
    }).join('|');
  } catch {
    return '';
  }
}

const listed = new Map<string, { readonly stamp: string; readonly run: ListedRun }>();

/** The runs of a folder, newest first. Samples are read again only where a file of the run changed. */
export function listRunsCached(folder: string): ListedRun[] {
  return subfolders(folder)
    .filter((d) => fs.existsSync(path.join(d, MANIFEST)))
    .map((d) => {
      const stamp = [MANIFEST, SAMPLES, STATE, SCORES].map((n) => fileStamp(path.join(d, n))).join('|') + isLocked(d);
      const old = listed.get(d);
      if (old?.stamp === stamp) return old.run;
      const run = listedRun(d);
      listed.set(d, { stamp, run });
      return run;
    })
    .sort((a, b) => (a.created < b.created ? 1 : a.created > b.created ? -1 : a.folder < b.folder ? -1 : 1));
}

function fileStamp(file: string): string {
  try {
    const s = fs.statSync(file);
    return `${s.size}:${s.mtimeMs}`;
  } catch {
    return '-';
  }
}

/** Renames or tags a run. @throws RunError when the folder is not a run */
export function changeRun(folder: string, change: { name?: string; tags?: readonly string[] }): void {
  readManifestOf(folder);
  writeState(folder, { ...(change.name !== undefined ? { name: change.name } : {}), ...(change.tags ? { tags: change.tags } : {}) });
}
