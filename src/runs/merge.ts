import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { type RunManifest, type RunPlan, type Sample } from '../protocol/run';
import { inShard, plannedItems } from '../protocol/shard';
import { RunError } from './errors';
import { isLocked } from './lock';
import { canonicalJson } from './plan';
import { differences, MANIFEST, readManifestOf, readSamples, readState, RunWriter, sampleKey, writeState } from './store';

export interface MergeResult {
  readonly folder: string;
  readonly manifest: RunManifest;
  readonly samples: number;
  /** Samples that are recorded as failed in the shards. */
  readonly failed: number;
}

interface ShardRun {
  readonly folder: string;
  readonly manifest: RunManifest;
  readonly samples: readonly Sample[];
  readonly index: number;
  readonly of: number;
}

/** The whole that a shard is part of: same environment, same plan without the shard, and the fingerprint that goes with it. */
function wholeOf(manifest: RunManifest): RunManifest {
  const plan: RunPlan = { ...manifest.plan };
  delete (plan as { shard?: unknown }).shard;
  const fingerprint = createHash('sha256').update(canonicalJson({ environment: manifest.environment, plan })).digest('hex');
  return { ...manifest, plan, fingerprint, id: `${fingerprint.slice(0, 12)}-${manifest.id.slice(13)}` };
}

/**
 * Puts the shards of one run together into one run folder. The result has the fingerprint that the run would have had in one
 * piece, so that the same command without `--shard` resumes it (and finds nothing left to do).
 *
 * @throws RunError, naming the folders, when a run is no shard, shards belong to different runs, one is there twice or missing,
 *   or a shard lacks items, holds items of another one, or is still being written
 */
export function mergeRuns(folders: readonly string[], out: string): MergeResult {
  if (folders.length === 0) throw new RunError('Name the run folders of all shards.');
  const shards = folders.map(readShard);
  const first = shards[0]!;
  const whole = wholeOf(first.manifest);
  for (const shard of shards.slice(1)) {
    const other = wholeOf(shard.manifest);
    if (other.fingerprint === whole.fingerprint && shard.of === first.of) continue;
    const what = shard.of === first.of ? differences(whole, other).join('; ') : `${first.of} shards there, ${shard.of} now`;
    throw new RunError(`"${shard.folder}" is a part of another run than "${first.folder}" (${what}).`, 4);
  }
  const byIndex = new Map<number, ShardRun>();
  for (const shard of shards) {
    const twin = byIndex.get(shard.index);
    if (twin) throw new RunError(`"${twin.folder}" and "${shard.folder}" are both shard ${shard.index} of ${shard.of}. Leave one out.`, 4);
    byIndex.set(shard.index, shard);
  }
  const missing = Array.from({ length: first.of }, (_, i) => i + 1).filter((i) => !byIndex.has(i));
  if (missing.length > 0) throw new RunError(`Shard ${missing.join(', ')} of ${first.of} ${missing.length === 1 ? 'is' : 'are'} missing.`, 4);
  shards.forEach(checkItems);
  if (fs.existsSync(path.join(out, MANIFEST))) throw new RunError(`"${out}" holds a run already. Choose another folder with --out.`, 4);
  const samples = inOrder(whole.plan, shards.flatMap((s) => s.samples));
  const writer = RunWriter.open(out, { ...whole, created: new Date().toISOString(), execution: { ...whole.execution, processes: shards.reduce((n, s) => n + s.manifest.execution.processes, 0) } });
  try {
    samples.forEach((s) => writer.append(s));
  } finally {
    writer.close();
  }
  const states = shards.map((s) => readState(s.folder));
  const sum = (of: 'seconds' | 'newTokens'): number => states.reduce((n, s) => n + (s?.[of] ?? 0), 0);
  writeState(out, { status: 'finished', seconds: sum('seconds'), newTokens: sum('newTokens') });
  return { folder: out, manifest: whole, samples: samples.length, failed: samples.filter((s) => s.stopReason === 'failed').length };
}

function readShard(folder: string): ShardRun {
  const manifest = readManifestOf(folder);
  const { shard } = manifest.plan;
  if (!shard) throw new RunError(`"${folder}" is a whole run, not a shard. Shards are made by: lingualift evaluate --shard 1/8.`);
  const fingerprint = createHash('sha256').update(canonicalJson({ environment: manifest.environment, plan: manifest.plan })).digest('hex');
  if (fingerprint !== manifest.fingerprint) throw new RunError(`The ${MANIFEST} of "${folder}" was changed: its contents do not give its fingerprint.`, 4);
  if (isLocked(folder)) throw new RunError(`"${folder}" is still being written. Wait until it is finished.`, 4);
  return { folder, manifest, samples: readSamples(folder).samples, index: shard.index, of: shard.of };
}

/** Every item of the shard is there, and no other. */
function checkItems({ folder, manifest, samples, index, of }: ShardRun): void {
  const { plan } = manifest;
  const problems = new Map(plan.ids.map((id, i) => [id, i]));
  const languages = new Map(plan.languages.map((code, i) => [code, i]));
  const foreign = samples.find((s) => {
    const [problem, language] = [problems.get(s.id), languages.get(s.language)];
    return problem === undefined || language === undefined || !inShard(plan.shard, problem, language);
  });
  if (foreign) throw new RunError(`"${folder}" holds ${sampleKey(foreign)}, which is not an item of shard ${index} of ${of}: shards would overlap.`, 4);
  const planned = plannedItems(plan);
  if (samples.length === planned) return;
  const there = new Set(samples.map(sampleKey));
  const gap = plan.ids.flatMap((id, i) => plan.languages.filter((l, j) => inShard(plan.shard, i, j) && !there.has(`${l}/${id}`)).map((l) => `${l}/${id}`));
  throw new RunError(`"${folder}" (shard ${index} of ${of}) lacks ${planned - samples.length} of ${planned} items, the first: ${gap[0]}. Resume it with the same command.`, 4);
}

/** By problem, then language, as a run in one piece is asked. */
function inOrder(plan: RunPlan, samples: readonly Sample[]): Sample[] {
  const problems = new Map(plan.ids.map((id, i) => [id, i]));
  const languages = new Map(plan.languages.map((code, i) => [code, i]));
  const place = (s: Sample): number => problems.get(s.id)! * plan.languages.length + languages.get(s.language)!;
  return [...samples].sort((a, b) => place(a) - place(b));
}
