import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { crc32 } from 'node:zlib';
import { retrieval } from '../../src/core/analysis/retrieval';
import { questionText } from '../../src/core/prompts';
import { probeCommand } from '../../src/cli/probe';
import { EngineClient } from '../../src/engine/client';
import { align, correlateWithRun, findAlignment } from '../../src/runs/align';
import { loadBenchmark } from '../../src/runs/benchmark';
import { floatsOf, NpzWriter, readNpz as readBack, textOf } from '../../src/runs/npz';
import { readStates } from '../../src/runs/states';
import { copyBundle, editLift } from '../helpers/bundles';
import { temporaryFolder, TINY, TINY_TEXT } from '../helpers/paths';

interface Array_ {
  readonly descr: string;
  readonly shape: readonly number[];
  readonly data: Buffer;
}

/** Reads a ZIP file without compression by its directory, and the .npy headers in it. */
function readNpz(file: string): Map<string, Array_> {
  const zip = fs.readFileSync(file);
  const end = zip.length - 22;
  assert.equal(zip.readUInt32LE(end), 0x06054b50);
  const out = new Map<string, Array_>();
  let at = zip.readUInt32LE(end + 16);
  for (let i = 0; i < zip.readUInt16LE(end + 10); i++) {
    assert.equal(zip.readUInt32LE(at), 0x02014b50);
    const [crc, bytes, nameLength, offset] = [zip.readUInt32LE(at + 16), zip.readUInt32LE(at + 24), zip.readUInt16LE(at + 28), zip.readUInt32LE(at + 42)];
    const name = zip.toString('utf8', at + 46, at + 46 + nameLength);
    assert.equal(zip.readUInt32LE(offset), 0x04034b50);
    assert.equal(zip.toString('utf8', offset + 30, offset + 30 + nameLength), name);
    const content = zip.subarray(offset + 30 + nameLength, offset + 30 + nameLength + bytes);
    assert.equal(crc32(content), crc, `checksum of ${name}`);
    const length = content.readUInt16LE(8);
    assert.equal((10 + length) % 64, 0);
    const header = /^\{'descr': '([^']+)', 'fortran_order': False, 'shape': \(([\d, ]*)\), \} *\n$/.exec(content.toString('latin1', 10, 10 + length));
    assert.ok(header, `header of ${name}`);
    out.set(name.replace(/\.npy$/, ''), { descr: header[1]!, shape: header[2]!.split(',').map((n) => n.trim()).filter(Boolean).map(Number), data: content.subarray(10 + length) });
    at += 46 + nameLength;
  }
  assert.equal(at, end);
  return out;
}

const floats = (a: Array_): Float32Array => new Float32Array(new Uint8Array(a.data).buffer);

describe('the .npz writer', () => {
  it('writes arrays and texts that can be read back', async () => {
    const file = path.join(temporaryFolder('npz'), 'a.npz');
    const writer = new NpzWriter(file);
    await writer.add('numbers', '<f4', [2, 3], [Float32Array.of(1, 2), Float32Array.of(3, 4, 5, NaN)]);
    await writer.add('one', '<i4', [1], [Int32Array.of(-7)]);
    writer.addTexts('words', ['a', 'বই', '😀x']);
    writer.addTexts('text', 'meta');
    assert.equal(fs.existsSync(file), false, 'the file has no name before it is whole');
    writer.close();
    const arrays = readNpz(file);
    assert.deepEqual([...floats(arrays.get('numbers')!)], [1, 2, 3, 4, 5, NaN]);
    assert.deepEqual(arrays.get('numbers')!.shape, [2, 3]);
    assert.deepEqual([arrays.get('one')!.descr, arrays.get('one')!.shape, arrays.get('one')!.data.readInt32LE()], ['<i4', [1], -7]);
    const words = arrays.get('words')!;
    assert.deepEqual([words.descr, words.shape, words.data.length], ['<U2', [3], 24]);
    assert.equal(words.data.readUInt32LE(16), 0x1f600);
    assert.deepEqual([arrays.get('text')!.descr, arrays.get('text')!.shape], ['<U4', []]);
    const own = readBack(file, ['numbers', 'text']);
    assert.deepEqual([...own.keys()], ['numbers', 'text']);
    assert.deepEqual([...floatsOf(own.get('numbers')!)], [1, 2, 3, 4, 5, NaN]);
    assert.equal(textOf(own.get('text')!), 'meta');
    const bytes = fs.readFileSync(file);
    bytes[bytes.indexOf(Buffer.from(Float32Array.of(3, 4).buffer))]! ^= 1;
    fs.writeFileSync(file, bytes);
    assert.throws(() => readBack(file), /not a whole .npz file/);
    assert.throws(() => floatsOf(readBack(file, ['one']).get('one')!), /float32/);
  });

  it('refuses data of another size and leaves nothing behind', async () => {
    const folder = temporaryFolder('npz');
    const writer = new NpzWriter(path.join(folder, 'a.npz'));
    await assert.rejects(writer.add('numbers', '<f4', [3], [Float32Array.of(1)]), /has 4 bytes.*needs 12/);
    writer.abort();
    assert.deepEqual(fs.readdirSync(folder), []);
  });
});

describe('lingualift probe', function () {
  this.timeout(60_000);

  it('writes what one prompt and its answer do inside the bundle', async () => {
    const file = path.join(temporaryFolder('probe'), 'out.npz');
    assert.equal(await probeCommand(['--bundle', TINY, '--prompt', 'Ravi has 3 apples.', '--generate', '4', '--out', file, '--threads', '1', '--layers', '1', '--top', '3']), 0);
    const arrays = readNpz(file);
    const attention = arrays.get('lm_attention_01')!;
    const S = arrays.get('lm_ids')!.shape[0]!;
    assert.deepEqual(attention.shape, [4, S, S]);
    assert.ok(!arrays.has('lm_attention_00') && arrays.has('encoder_hidden_01'));
    const values = floats(attention);
    for (let row = 0; row < 4 * S; row++) assert.ok(Math.abs(values.subarray(row * S, (row + 1) * S).reduce((a, b) => a + b, 0) - 1) < 1e-5);
    assert.deepEqual(arrays.get('lens_top_ids')!.shape, [3, S, 3]);
    // The bundle answers greedily, so its own tokens have rank 1 in the last layer.
    const rank = arrays.get('lens_rank')!.data;
    for (let s = S - 5; s < S - 1; s++) assert.equal(rank.readInt32LE(4 * (2 * S + s)), 1);
    await assert.rejects(probeCommand(['--bundle', TINY, '--prompt', 'a', '--out', file, '--completion', 'b', '--generate', '1']), /exclude each other/);
  });
});

describe('alignment of a bundle', function () {
  this.timeout(60_000);
  const engine = { onLog: (): void => undefined };
  const runsFolder = temporaryFolder('alignment');
  const options = { bundle: TINY, benchmark: 'lift48', languages: 'sw,bn,te', limit: 8, threads: 1, runsFolder, engine };

  it('gives the numbers of the pooled states, and reads them again by fingerprint', async () => {
    const seen = new Set<string>();
    const first = await align({ ...options, onProgress: (message) => seen.add(message) });
    assert.equal(first.cached, false);
    assert.ok(seen.has('reading') && seen.has('comparing encoder'));
    const { result } = first;
    assert.deepEqual(result.stages.map((s) => s.stage), ['encoder', 'aligned', 'lm.1', 'lm.2']);
    assert.deepEqual([...result.languages].sort(), ['bn', 'en', 'sw', 'te']);
    assert.equal(result.ids.length, 8);
    for (const { stage, rows, points, languageProbe } of result.stages) {
      assert.deepEqual(rows.map((r) => r.language).sort(), ['bn', 'sw', 'te'], stage);
      for (const r of rows) assert.ok(r.n === 8 && r.recallInterval[0] <= r.recallAt1 && r.recallAt1 <= r.recallInterval[1] && r.misses.length === Math.round(8 * (1 - r.recallAt1)));
      assert.deepEqual(Object.values(points).map((p) => p.length), [16, 16, 16, 16]);
      assert.equal(languageProbe!.chance, 0.25);
    }
    const again = await align({ ...options, languages: 'te,en,bn,sw' });
    assert.equal(again.cached, true);
    assert.deepEqual(again.result, JSON.parse(JSON.stringify(result)));
    const other = await align({ ...options, seed: 2, layers: 'none' });
    assert.equal(other.cached, false);
    assert.notEqual(other.result.fingerprint, result.fingerprint);
    assert.deepEqual(other.result.stages.map((s) => s.stage), ['encoder', 'aligned']);

    const client = new EngineClient(engine);
    try {
      await client.load({ dir: TINY, precision: 'fp32', provider: 'cpu', threads: 1, memoryCeiling: 0, batch: 1 });
      const { benchmark } = loadBenchmark('lift48');
      const tables = await Promise.all(['sw', 'en'].map(async (language) => {
        const chosen = result.ids.map((id) => benchmark.problems.get(language)!.find((p) => p.id === id)!);
        const { stages } = await client.probe.pooled(chosen.map((p) => ({ encoder: questionText(p), instruction: '', text: '', chat: false })), [], 3);
        return { vectors: stages[1]!.vectors, width: stages[1]!.width, count: 8 };
      }));
      const want = retrieval(tables[0]!, tables[1]!);
      const got = result.stages[1]!.rows.find((r) => r.language === 'sw')!;
      assert.deepEqual([got.recallAt1, got.mrr], [want.recallAt1, want.mrr]);
    } finally {
      await client.close();
    }
  });

  it('keeps the states beside the result: other settings need no model, and what is damaged is computed again', async () => {
    const none = { entry: path.join(runsFolder, 'there-is-no-engine.js') };
    const settings = { ...options, layers: 'none' as const, ids: ['lift48-03', 'lift48-05', 'lift48-08', 'lift48-13', 'lift48-21'] };
    assert.equal(await findAlignment(settings), undefined);
    const first = await align(settings);
    const { head, tables } = readStates(first.states!.file, first.states!.fingerprint)!;
    assert.deepEqual([head.stages, head.languages, head.ids], [['encoder', 'aligned'], first.result.languages, first.result.ids]);
    const back = retrieval(tables.get('aligned')!.get('sw')!, tables.get('aligned')!.get('en')!);
    assert.equal(first.result.stages[1]!.rows.find((r) => r.language === 'sw')!.mrr, back.mrr);
    assert.equal(readStates(first.states!.file, 'f'.repeat(64)), undefined);

    const other = await align({ ...settings, baseline: 'en', engine: none });
    assert.equal(other.cached, false);
    assert.notEqual(other.result.fingerprint, first.result.fingerprint);
    assert.deepEqual([other.states, other.result.stages[0]!.rows], [first.states, first.result.stages[0]!.rows]);
    assert.equal((await findAlignment({ ...settings, engine: none }))?.result.fingerprint, first.result.fingerprint);

    fs.truncateSync(first.states!.file, 1000);
    assert.equal(readStates(first.states!.file, first.states!.fingerprint), undefined);
    await assert.rejects(align({ ...settings, baseline: 'sw', engine: none }));
    fs.rmSync(first.states!.file);
    assert.equal(await findAlignment(settings), undefined);
    const again = await align(settings);
    assert.deepEqual([again.cached, again.result.stages], [false, first.result.stages]);
  });

  it('reads the questions as they are written when it is told to, under another fingerprint', async () => {
    const settings = { ...options, layers: 'none' as const };
    const [normalised, written] = [await align(settings), await align({ ...settings, normalise: false })];
    assert.notEqual(written.result.fingerprint, normalised.result.fingerprint);
    assert.notEqual(written.states!.fingerprint, normalised.states!.fingerprint);
    assert.deepEqual([normalised.result.settings.normalise, written.result.settings.normalise], [undefined, false]);
    assert.notDeepEqual(written.result.stages[0]!.points, normalised.result.stages[0]!.points);
    // The same as a bundle that asks for no normalisation; there the option changes nothing.
    const plain = copyBundle(TINY);
    editLift(plain, (m) => delete (m.parts!.encoder as { normalise?: unknown }).normalise);
    const [without, told] = [await align({ ...settings, bundle: plain }), await align({ ...settings, bundle: plain, normalise: false })];
    assert.deepEqual(written.result.stages, without.result.stages);
    assert.deepEqual([told.cached, told.result.fingerprint], [true, without.result.fingerprint]);
  });

  it('projects another bundle on the map of the first', async () => {
    const base = (await align(options)).result;
    const { result } = await align({ ...options, bundle: TINY, precision: 'int8', baseline: base, runsFolder: null });
    assert.deepEqual(result.stages.map((s) => s.pca.components), base.stages.map((s) => s.pca.components));
    assert.notDeepEqual(result.stages[0]!.points, base.stages[0]!.points);
  });

  it('correlates the numbers with the accuracy of a run', async () => {
    const { result } = await align(options);
    const folder = temporaryFolder('run');
    fs.writeFileSync(path.join(folder, 'manifest.json'), JSON.stringify({ format: 'lift-run/1', id: 'r', fingerprint: 'f' }));
    const right = { en: 8, sw: 6, bn: 1, te: 3 };
    const samples = Object.entries(right).flatMap(([language, n]) => result.ids.map((id, i) => ({ language, id, correct: i < n, completion: '', gold: '1', tokenIds: [], stopReason: 'eos' })));
    fs.writeFileSync(path.join(folder, 'samples.jsonl'), samples.map((s) => JSON.stringify(s)).join('\n') + '\n');
    const correlation = correlateWithRun(result, folder);
    assert.deepEqual(correlation.accuracy, Object.fromEntries(result.languages.filter((l) => l !== 'en').map((l) => [l, right[l as keyof typeof right] / 8])));
    assert.equal(correlation.rows.length, 16);
    const gap = correlation.rows.find((r) => r.stage === 'encoder' && r.measure === 'cosineGap')!;
    assert.equal(gap.n, 3);
    const rows = result.stages[0]!.rows.map((r) => [r.cosineGap, correlation.accuracy[r.language]!] as const);
    const mean = (i: 0 | 1): number => (rows[0]![i] + rows[1]![i] + rows[2]![i]) / 3;
    const product = (i: 0 | 1, j: 0 | 1): number => rows.reduce((sum, r) => sum + (r[i] - mean(i)) * (r[j] - mean(j)), 0);
    assert.ok(Math.abs(gap.pearson! - product(0, 1) / Math.sqrt(product(0, 0) * product(1, 1))) < 1e-9);
    assert.ok(gap.pearsonInterval![0] <= gap.pearson! && gap.pearson! <= gap.pearsonInterval![1]);
    fs.writeFileSync(path.join(folder, 'samples.jsonl'), JSON.stringify(samples[8]) + '\n');
    assert.throws(() => correlateWithRun(result, folder), /share 1 languages/);
  });

  it('says what is wrong before a model is loaded, and can be cancelled', async () => {
    await assert.rejects(align({ ...options, layers: [3] }), /no LLM layer 3/);
    await assert.rejects(align({ ...options, languages: 'en' }), /at least one language beside "en"/);
    await assert.rejects(align({ ...options, limit: 2 }), /at least 3 problems/);
    await assert.rejects(align({ ...options, baseline: 'fr' }), /not among the languages/);
    await assert.rejects(align({ ...options, reference: 'xx' }), /has no "xx"/);
    await assert.rejects(align({ ...options, bundle: TINY_TEXT, layers: 'none' }), /no encoder/);
    const abort = new AbortController();
    await assert.rejects(align({ ...options, seed: 77, signal: abort.signal, onProgress: (message) => message === 'reading' && abort.abort() }), /cancelled/);
    const left = fs.readdirSync(path.join(runsFolder, 'alignment')).length;
    await align({ ...options, seed: 77 });
    assert.equal(fs.readdirSync(path.join(runsFolder, 'alignment')).length, left + 2, 'a cancelled analysis keeps nothing, a finished one its result and its states');
  });
});
