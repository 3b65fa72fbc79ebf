import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { type RunManifest, type Sample } from '../../src/protocol/run';
import { inShard, plannedIn, plannedItems } from '../../src/protocol/shard';
import { RunError } from '../../src/runs/errors';
import { mergeRuns } from '../../src/runs/merge';
import { canonicalJson } from '../../src/runs/plan';
import { parseShard } from '../../src/runs/shard';
import { readManifestOf, readSamples, readState, RunWriter, sampleKey, writeState } from '../../src/runs/store';
import { temporaryFolder } from '../helpers/paths';
import { manifest, sample } from '../helpers/runs';

const IDS = ['p1', 'p2', 'p3', 'p4', 'p5', 'p6', 'p7'];
const LANGUAGES = ['en', 'sw', 'th'];

function shardManifest(index: number | undefined, of = 3, change: (m: RunManifest) => RunManifest = (m) => m): RunManifest {
  const base = manifest({ plan: { languages: LANGUAGES, ids: IDS, seed: 1, sampling: 'all', ...(index === undefined ? {} : { shard: { index, of } }) } });
  const changed = change(base);
  return { ...changed, fingerprint: createHash('sha256').update(canonicalJson({ environment: changed.environment, plan: changed.plan })).digest('hex') };
}

const own = (m: RunManifest): Sample[] => IDS.flatMap((id, i) => LANGUAGES.filter((_, j) => inShard(m.plan.shard, i, j)).map((l) => sample(id, l)));

function write(m: RunManifest, samples: readonly Sample[] = own(m)): string {
  const folder = path.join(temporaryFolder('shard'), 'run');
  const writer = RunWriter.open(folder, m);
  samples.forEach((s) => writer.append(s));
  writer.close();
  writeState(folder, { status: 'finished', seconds: 10, newTokens: 100 });
  return folder;
}

describe('shards', () => {
  it('every item is in exactly one shard, and every shard has every language in near equal parts', () => {
    for (const of of [1, 2, 3, 5, 8]) {
      const seen = new Map<string, number>();
      let total = 0;
      for (let index = 1; index <= of; index++) {
        const m = shardManifest(index, of);
        own(m).forEach((s) => seen.set(sampleKey(s), (seen.get(sampleKey(s)) ?? 0) + 1));
        for (const language of LANGUAGES) assert.ok(Math.abs(plannedIn(m.plan, language) - IDS.length / of) < 1, `${language} in ${index}/${of}`);
        assert.equal(plannedItems(m.plan), own(m).length);
        total += plannedItems(m.plan);
      }
      assert.equal(total, IDS.length * LANGUAGES.length);
      assert.deepEqual([...seen.values()].filter((n) => n !== 1), []);
    }
  });

  it('reads i/n and refuses anything else in words', () => {
    assert.deepEqual(parseShard('3/8'), { index: 3, of: 8 });
    for (const bad of ['0/8', '9/8', '3', 'a/b', '3/0', '-1/8', '1.5/3', '']) assert.throws(() => parseShard(bad), RunError);
  });

  it('a merge has the fingerprint, the samples and the order of the run in one piece', () => {
    const shards = [3, 1, 2].map((i) => write(shardManifest(i)));
    const out = path.join(temporaryFolder('merged'), 'run');
    const result = mergeRuns(shards, out);
    const whole = shardManifest(undefined);
    assert.equal(result.samples, 21);
    assert.equal(readManifestOf(out).fingerprint, whole.fingerprint);
    assert.deepEqual(readManifestOf(out).plan, whole.plan);
    assert.deepEqual(readSamples(out).samples.map(sampleKey), own(whole).map(sampleKey));
    assert.deepEqual([readState(out)?.status, readState(out)?.seconds, readState(out)?.newTokens], ['finished', 30, 300]);
    // The run in one piece takes it for its own.
    const writer = RunWriter.open(out, whole);
    assert.equal(writer.existing.samples.length, 21);
    writer.close();
  });

  it('refuses gaps, overlaps, other settings, whole runs and changed manifests, each by name', () => {
    const refused = (folders: readonly string[], words: RegExp): void => {
      const out = path.join(temporaryFolder('refused'), 'run');
      assert.throws(() => mergeRuns(folders, out), (e: unknown) => e instanceof RunError && words.test(e.message));
      assert.ok(!fs.existsSync(out), 'nothing is written');
    };
    const [one, two, three] = [1, 2, 3].map((i) => write(shardManifest(i))) as [string, string, string];
    refused([one, three], /Shard 2 of 3 is missing/);
    refused([one], /Shard 2, 3 of 3 are missing/);
    refused([one, two, three, write(shardManifest(2))], /are both shard 2 of 3/);
    const short = own(shardManifest(2));
    refused([one, write(shardManifest(2), short.slice(1)), three], new RegExp(`shard 2 of 3\\) lacks 1 of 7 items, the first: ${sampleKey(short[0]!)}`));
    refused([one, write(shardManifest(2), [...short, own(shardManifest(1))[0]!]), three], /is not an item of shard 2 of 3: shards would overlap/);
    const other = shardManifest(2, 3, (m) => ({ ...m, environment: { ...m.environment, generation: { ...m.environment.generation, maxNewTokens: 9 } } }));
    refused([one, write(other, short), three], /a part of another run than .*generation\.maxNewTokens: 8 there, 9 now/);
    refused([one, write(shardManifest(2, 4)), three], /3 shards there, 4 now/);
    refused([one, write(shardManifest(undefined)), three], /is a whole run, not a shard/);
    const changed = write(shardManifest(2));
    const file = path.join(changed, 'manifest.json');
    fs.writeFileSync(file, fs.readFileSync(file, 'utf8').replace('"maxNewTokens": 8', '"maxNewTokens": 7'));
    refused([one, changed, three], /was changed: its contents do not give its fingerprint/);
    refused([], /Name the run folders/);
    const taken = write(shardManifest(1));
    assert.throws(() => mergeRuns([one, two, three], taken), /holds a run already/);
  });

  it('backends of a run never mix: shards of the engine and of servers are two runs', () => {
    const served = shardManifest(2, 3, (m) => ({ ...m, environment: { ...m.environment, backend: { name: 'vllm', provider: 'openai-completions', versions: { vllm: '0.32.0' }, served: { fingerprint: 'a'.repeat(64), dtype: 'float32' } } } }));
    assert.throws(() => mergeRuns([write(shardManifest(1)), write(served), write(shardManifest(3))], path.join(temporaryFolder('mixed'), 'run')), /backend\.name: "onnxruntime" there, "vllm" now/);
  });
});
