import fs from 'node:fs';
import path from 'node:path';
import * as vscode from 'vscode';
import { MANIFEST } from '../../runs/store';
import { type Catalogue } from '../catalogue';
import { Remedied } from '../commands';
import { Command } from '../contributions';
import { expandHome } from '../services';
import { type BenchmarkInfo, type BundleInfo } from '../worker/protocol';

const t = vscode.l10n.t;

/** Folders that relative paths of a notebook begin at: its own, and the workspace's. */
export function basesOf(notebook: vscode.Uri): string[] {
  const workspace = vscode.workspace.getWorkspaceFolder(notebook)?.uri ?? vscode.workspace.workspaceFolders?.[0]?.uri;
  return [...(notebook.scheme === 'file' ? [path.dirname(notebook.fsPath)] : []), ...(workspace?.scheme === 'file' ? [workspace.fsPath] : [])];
}

/** A path as a notebook keeps it: relative to its folder inside the same workspace folder, so that both can move together. */
export function kept(notebook: vscode.Uri, target: string): string {
  const own = vscode.workspace.getWorkspaceFolder(vscode.Uri.file(target));
  const [base] = basesOf(notebook);
  return own && base !== undefined && (notebook.scheme !== 'file' || vscode.workspace.getWorkspaceFolder(notebook)?.uri.toString() === own.uri.toString()) ? path.relative(base, target).replaceAll('\\', '/') || '.' : target;
}

/** The first existing file of a path that a notebook names. */
function found(bases: readonly string[], name: string, file: string): string | undefined {
  return bases.map((base) => path.resolve(base, expandHome(name))).find((p) => fs.existsSync(path.join(p, file)));
}

const nameOf = (b: BundleInfo): string => path.basename(b.dir);

/** What the cell languages offer: names of usable bundles, each as it can be written in a cell. */
export function bundleNames(bundles: readonly BundleInfo[]): { readonly name: string; readonly info: BundleInfo }[] {
  return bundles.filter((b) => b.issues.length === 0).map((info) => ({ name: bundles.filter((b) => b.name === info.name).length === 1 ? info.name : nameOf(info), info }));
}

export function findBundle(bundles: readonly BundleInfo[], bases: readonly string[], name: string): BundleInfo | string | undefined {
  const named = bundles.filter((b) => b.name === name);
  const mine = named.length === 1 ? named[0] : bundles.filter((b) => nameOf(b) === name).length === 1 ? bundles.find((b) => nameOf(b) === name) : undefined;
  return mine ?? found(bases, name, 'lift.json');
}

/**
 * The folder of a bundle by its name in the side bar, its folder's name, or a path.
 * @throws Remedied naming the bundles that there are, or what is wrong with this one
 */
export async function bundleFolder(catalogue: Catalogue, notebook: vscode.Uri, name: string): Promise<string> {
  const bundles = await catalogue.bundles.get();
  const hit = findBundle(bundles, basesOf(notebook), name);
  if (typeof hit === 'string') return hit;
  if (hit && hit.issues.length > 0) throw new Error(t('The bundle "{0}" cannot be used: {1} {2}', name, hit.issues[0]!.message, hit.issues[0]!.fix));
  if (hit) return hit.dir;
  const known = bundleNames(bundles).map((b) => b.name).join(', ');
  throw new Remedied(known === '' ? t('There is no bundle "{0}", and no other.', name) : t('There is no bundle "{0}". There are: {1}.', name, known), { label: t('Add bundle…'), command: Command.addBundle });
}

export function findBenchmark(benchmarks: readonly BenchmarkInfo[], bases: readonly string[], name: string): BenchmarkInfo | string | undefined {
  const hit = benchmarks.find((b) => b.shipped && b.path === name) ?? benchmarks.find((b) => b.name === name || b.title === name || path.basename(b.path) === name);
  if (hit) return hit;
  return bases.map((base) => path.resolve(base, expandHome(name))).find((p) => fs.existsSync(p));
}

/** What the worker loads for a benchmark that a cell names. @throws Remedied naming the benchmarks that there are */
export async function benchmarkPath(catalogue: Catalogue, notebook: vscode.Uri, name: string): Promise<string> {
  const benchmarks = await catalogue.benchmarks.get();
  const hit = findBenchmark(benchmarks, basesOf(notebook), name);
  if (typeof hit === 'string') return hit;
  if (hit && hit.error !== null) throw new Error(t('The benchmark "{0}" cannot be used: {1}', name, hit.error));
  if (hit) return hit.path;
  throw new Remedied(t('There is no benchmark "{0}". There are: {1}.', name, benchmarks.filter((b) => b.error === null).map((b) => b.name).join(', ')), { label: t('Import benchmark…'), command: Command.importBenchmark });
}

/** The folder of a run that an output names. @throws when it is not there any more */
export function runFolder(notebook: vscode.Uri, folder: string): string {
  const hit = found(basesOf(notebook), folder, MANIFEST);
  if (hit === undefined) throw new Error(t('The run "{0}" is not there any more, so its samples cannot be shown. Run the cell again.', folder));
  return hit;
}
