import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { probeCommand } from '../../src/cli/probe';
import { baseWeightsFolder, demoBundlesFolder, pythonEnvironment } from '../../src/runs/locations';
import { ROOT, temporaryFolder } from '../helpers/paths';

/** As the bundle's own models are: 12 layers of the encoder, 30 of the LLM; every layer and head is compared. */
describe('probe of the demo bundle against PyTorch, eager attention, float32', function () {
  this.timeout(600_000);

  it('gives attention, states and soft prefix to 1e-4, and the log-probabilities of every layer to 1e-3', async function () {
    const bundle = path.join(demoBundlesFolder(), 'smol-lift');
    const python = pythonEnvironment()?.python;
    const bases = ['e5-small', 'smollm2-135m'].map((name) => path.join(baseWeightsFolder(), name));
    const missing = python === undefined ? 'there is no Python environment' : !fs.existsSync(path.join(bundle, 'lift.json')) ? 'the demo bundle smol-lift is not built' : !bases.every((b) => fs.existsSync(b)) ? 'the base weights are not there' : undefined;
    if (missing !== undefined) {
      console.log(`      skipped: ${missing}`);
      return this.skip();
    }
    const file = path.join(temporaryFolder('probe'), 'out.npz');
    const prompt = '৯টি বই, ৪টি গেল?';
    assert.equal(await probeCommand(['--bundle', bundle, '--prompt', prompt, '--language', 'bn', '--completion', ' 9 - 4 = 5', '--out', file, '--threads', '2']), 0);
    const done = spawnSync(python!, [path.join(ROOT, 'test', 'fixtures', 'probe', 'compare_demo.py'), ...bases, path.join(ROOT, 'models', 'demo', 'smol-lift'), file], {
      encoding: 'utf8', env: { ...process.env, PYTHONPATH: path.join(ROOT, 'training'), TOKENIZERS_PARALLELISM: 'false', HF_HUB_OFFLINE: '1' },
    });
    assert.equal(done.status, 0, done.stderr);
    const { layers, tokens, ...found } = JSON.parse(done.stdout.trim().split('\n').at(-1)!) as { layers: number[]; tokens: number[] } & Record<string, number>;
    assert.deepEqual(layers, [12, 30]);
    assert.ok(tokens[0]! > 6 && tokens[1]! > tokens[0]! + 5, `${tokens.join()}`);
    // States of a deep residual stream reach thousands: there 1e-4 of a layer's largest value is what float32 can hold.
    for (const kind of ['encoder_attention', 'lm_attention', 'encoder_hidden_relative', 'lm_hidden_relative', 'soft_relative', 'soft']) assert.ok(found[kind]! <= 1e-4, `${kind} differs by ${found[kind]}`);
    for (const kind of ['lens_top_logprobs', 'lens_entropy', 'lens_kl']) assert.ok(found[kind]! <= 1e-3, `${kind} differs by ${found[kind]}`);
    assert.equal(found.lens_same_first, 1);
  });
});
