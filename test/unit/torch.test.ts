import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { crc32 } from 'node:zlib';
import { pythonEnvironment } from '../../src/runs/locations';
import { torchTensor } from '../../src/runs/vllm/torch';
import { temporaryFolder } from '../helpers/paths';

const values = Float32Array.from({ length: 7 * 5 }, (_, i) => Math.fround(Math.sin(i) * 10 ** ((i % 9) - 4)));

/** Local entries of a ZIP file as they lie there. */
function entries(zip: Buffer): Map<string, { data: Buffer; at: number; crc: number }> {
  const out = new Map<string, { data: Buffer; at: number; crc: number }>();
  for (let at = 0; zip.readUInt32LE(at) === 0x04034b50; ) {
    const [bytes, name, extra] = [zip.readUInt32LE(at + 18), zip.readUInt16LE(at + 26), zip.readUInt16LE(at + 28)];
    const start = at + 30 + name + extra;
    out.set(zip.toString('utf8', at + 30, at + 30 + name), { data: zip.subarray(start, start + bytes), at: start, crc: zip.readUInt32LE(at + 14) });
    at = start + bytes;
  }
  return out;
}

describe('tensor files of PyTorch', () => {
  it('hold the numbers as they are, aligned, with right checksums', () => {
    const found = entries(torchTensor(values, 7, 5));
    assert.deepEqual([...found.keys()], ['archive/data.pkl', 'archive/byteorder', 'archive/data/0', 'archive/version']);
    for (const [name, { data, at, crc }] of found) {
      assert.equal(crc, crc32(data) >>> 0, name);
      assert.equal(at % 64, 0, name);
    }
    const { data } = found.get('archive/data/0')!;
    assert.deepEqual(new Float32Array(Uint8Array.from(data).buffer), values);
  });

  it('refuse numbers that do not fill the matrix', () => {
    assert.throws(() => torchTensor(values, 7, 6), /42 numbers, not 35/);
  });

  it('are read by torch.load with weights_only', function () {
    this.timeout(60_000);
    const python = process.env.LINGUALIFT_TEST_PYTHON ?? pythonEnvironment()?.python;
    if (python === undefined || spawnSync(python, ['-c', 'import torch']).status !== 0) {
      this.test!.title += ' (skipped: no Python with torch)';
      this.skip();
    }
    const folder = temporaryFolder('torch');
    const file = path.join(folder, 'x.pt');
    fs.writeFileSync(file, torchTensor(values, 7, 5));
    fs.writeFileSync(path.join(folder, 'x.f32'), Buffer.from(values.buffer));
    const script = "import sys, torch; t = torch.load(sys.argv[1], weights_only=True); w = torch.frombuffer(bytearray(open(sys.argv[2], 'rb').read()), dtype=torch.float32).reshape(7, 5); print(t.dtype, tuple(t.shape), t.stride(), t.is_contiguous(), torch.equal(t, w))";
    const out = spawnSync(python, ['-c', script, file, path.join(folder, 'x.f32')], { encoding: 'utf8' });
    assert.equal(out.stdout.trim(), 'torch.float32 (7, 5) (5, 1) True True', out.stderr);
  });
});
