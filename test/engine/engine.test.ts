import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { EngineDied } from '../../src/engine/client';
import { estimateMemory } from '../../src/engine/sessions/memory';
import { chooseProvider, providerStates } from '../../src/engine/sessions/provider';
import { readManifest } from '../../src/bundle';
import { type ItemResult, type LoadProgress, type ProviderState } from '../../src/protocol/engine';
import { copyBundle, editLift } from '../helpers/bundles';
import { generate, items, LOAD, loadedEngine, maxDifference, scoreItem, startEngine } from '../helpers/engine';
import { temporaryFolder, TINY, TINY_TEXT } from '../helpers/paths';

describe('engine process: loading', () => {
  it('says who it is and loads with progress in order', async () => {
    const engine = await startEngine();
    try {
      const hello = await engine.hello();
      assert.equal(hello.pid, engine.pid);
      assert.notEqual(hello.pid, process.pid);
      assert.match(hello.versions.onnxruntime, /^\d+\.\d+\.\d+/);
      assert.match(hello.versions.tokenizers, /^\d+\.\d+\.\d+/);
      assert.deepEqual(hello.providers.map((p) => p.name), ['cpu', 'cuda']);
      const steps: LoadProgress[] = [];
      const result = await engine.load(LOAD, (p) => void steps.push(p));
      assert.deepEqual(steps.map((s) => s.step), [1, 2, 3, 4, 5]);
      assert.ok(steps.every((s) => s.of === 5 && s.message !== ''));
      assert.equal(result.provider, 'cpu');
      assert.ok(result.rss > 10 * 2 ** 20 && result.memoryEstimate > 0);
      await engine.load({ ...LOAD, dir: TINY_TEXT, provider: 'auto' });
      assert.equal((await generate(engine, items(2))).size, 2, 'a second bundle replaces the first');
    } finally {
      await engine.close();
    }
    assert.equal(engine.alive, false);
  });

  it('refuses in words, and can be asked again', async () => {
    const engine = await startEngine();
    try {
      const refuses = (load: Partial<typeof LOAD>, words: RegExp): Promise<void> => assert.rejects(engine.load({ ...LOAD, ...load }), (e: Error) => !(e instanceof EngineDied) && words.test(e.message));
      await assert.rejects(generate(engine, items(1)), /No bundle is loaded/);
      await refuses({ memoryCeiling: 1024 }, /needs about \d\.\d GiB at batch 16, there are 0\.0 GiB\. Use a smaller batch/);
      await refuses({ precision: 'fp64' }, /Unknown precision "fp64"\. Known: fp32, int8, int4, fp16/);
      await refuses({ precision: 'int4' }, /no int4 graphs; it has fp32, int8/);
      await refuses({ dir: temporaryFolder() }, /There is no lift\.json/);
      if (!providerStates().find((p) => p.name === 'cuda')!.usable) await refuses({ provider: 'cuda' }, /CUDA cannot be used: .+\. Use --provider cpu/);
      const truncated = copyBundle();
      fs.truncateSync(path.join(truncated, 'fp32', 'model.onnx.data'), 1000);
      await refuses({ dir: truncated }, /"fp32\/model\.onnx\.data" is truncated/);
      const tokenizer = copyBundle();
      const file = path.join(tokenizer, 'tokenizers', 'lm', 'tokenizer.json');
      fs.writeFileSync(file, '{'.padEnd(fs.statSync(file).size));
      await refuses({ dir: tokenizer }, /The tokenizer file "tokenizer\.json" in "lm" cannot be read/);
      await engine.load(LOAD);
      assert.equal((await engine.selfTest()).idsEqual, true);
    } finally {
      await engine.close();
    }
  });

  it('a weight that was changed fails the self-test', async () => {
    const dir = copyBundle(TINY_TEXT);
    const file = path.join(dir, 'fp32', 'model.onnx.data');
    const data = fs.readFileSync(file);
    for (let i = 0; i < 4096; i += 4) data.writeFloatLE(data.readFloatLE(i) * 3, i);
    fs.writeFileSync(file, data);
    const engine = await loadedEngine({ dir });
    try {
      const test = await engine.selfTest();
      assert.equal(test.idsEqual, false);
      assert.match(test.message, /other ids than stored: prompt \d alone/);
    } finally {
      await engine.close();
    }
  });

  it('borrows a graph from fp32 only after checking it', async () => {
    const dir = copyBundle();
    editLift(dir, (m) => void delete m.precisions!.int8!.files!.score);
    const outside = path.join(temporaryFolder(), 'score.onnx');
    fs.renameSync(path.join(dir, 'fp32', 'score.onnx'), outside);
    fs.symlinkSync(outside, path.join(dir, 'fp32', 'score.onnx'));
    const engine = await loadedEngine({ dir, precision: 'int8' });
    try {
      await assert.rejects(engine.score([scoreItem(items(1)[0]!, 'x')], 1), /"fp32\/score\.onnx" is refused: a symbolic link/);
    } finally {
      await engine.close();
    }
  });

  it('without a chat template a chat prompt fails with what to do', async () => {
    const dir = copyBundle(TINY_TEXT);
    fs.rmSync(path.join(dir, 'tokenizers', 'lm', 'chat_template.jinja'));
    editLift(dir, (m) => void ((m as { files: unknown }).files = (m.files as unknown as { path: string }[]).filter((f) => !f.path.endsWith('.jinja'))));
    const engine = await loadedEngine({ dir });
    try {
      const results = await generate(engine, [{ ...items(1)[0]!, chat: true }, { ...items(1)[0]!, key: 'plain' }]);
      assert.match(results.get('q0')!.failure!, /no chat template\. Use a prompt template that is not a chat one/);
      assert.notEqual(results.get('plain')!.stopReason, 'failed');
    } finally {
      await engine.close();
    }
  });
});

describe('engine process: provider and memory', () => {
  const states = (usable: boolean): ProviderState[] => [{ name: 'cpu', usable: true, reason: 'part' }, { name: 'cuda', usable, reason: usable ? 'found' : 'no library' }];

  it('chooses the provider with a reason, and refuses what cannot run', () => {
    assert.deepEqual(chooseProvider('auto', 'fp32', states(false)), { provider: 'cpu', reason: 'no CUDA: no library' });
    assert.deepEqual(chooseProvider('auto', 'int8', states(true)), { provider: 'cpu', reason: 'int8 graphs are for the CPU (choose fp16 for CUDA)' });
    assert.deepEqual(chooseProvider('auto', 'fp16', states(true)), { provider: 'cuda', reason: 'found' });
    assert.deepEqual(chooseProvider('cuda', 'fp16', states(true)), { provider: 'cuda', reason: 'asked for' });
    assert.deepEqual(chooseProvider('cpu', 'fp32', states(true)), { provider: 'cpu', reason: 'asked for' });
    assert.throws(() => chooseProvider('cuda', 'fp16', states(false)), /CUDA cannot be used: no library\. Use --provider cpu/);
    assert.throws(() => chooseProvider('auto', 'fp16', states(false)), /fp16 graphs need CUDA, which cannot be used: no library\. Use --precision fp32 or int8/);
    assert.throws(() => chooseProvider('cuda', 'fp32', states(true)), /Use --precision fp16/);
    assert.throws(() => chooseProvider('cpu', 'fp16', states(true)), /fp16 graphs need the CUDA provider/);
  });

  it('says why there is no CUDA', () => {
    if (process.platform !== 'linux' || process.arch !== 'x64') {
      assert.match(providerStates(temporaryFolder())[1]!.reason, /has no CUDA provider for|CUDA provider library/);
      return;
    }
    const folder = temporaryFolder();
    assert.match(providerStates(folder)[1]!.reason, /libonnxruntime_providers_cuda\.so is not beside onnxruntime-node/);
    fs.writeFileSync(path.join(folder, 'libonnxruntime_providers_cuda.so'), '');
    const device = fs.existsSync('/dev/nvidiactl') || fs.existsSync('/dev/dxg');
    assert.equal(providerStates(folder)[1]!.usable, device);
    if (!device) assert.match(providerStates(folder)[1]!.reason, /no NVIDIA device/);
  });

  it('the memory estimate grows with batch and context by the size of keys and values', () => {
    const manifest = readManifest(TINY).manifest!;
    const at = (batch: number, tokens: number, precision: 'fp32' | 'int8' = 'fp32'): number => estimateMemory(manifest, precision, batch, tokens);
    // 2 layers × (keys + values) × 2 heads × 16 × 4 bytes = 512 bytes a token.
    assert.equal(at(8, 100) - at(4, 100), 3 * 4 * 100 * 512);
    assert.ok(at(1, 1, 'int8') < at(1, 1));
  });
});

describe('engine process: while it works', () => {
  it('streams every row and ends with what it streamed', async () => {
    const engine = await loadedEngine({ dir: TINY_TEXT });
    try {
      const pieces = new Map<string, string[]>();
      const results = new Map<string, ItemResult>();
      await engine.generate(
        { items: items(4), maxNewTokens: 24, stop: [], batch: 4, tokenBudget: 4096, chunk: 4, stream: true },
        { onItem: (r) => void results.set(r.key, r), onPartial: (key, text) => void pieces.set(key, [...(pieces.get(key) ?? []), text]) },
      );
      for (const [key, r] of results) {
        if (r.tokenIds.length <= 4) continue;
        const mine = pieces.get(key)!;
        assert.ok(mine.length >= Math.floor(r.tokenIds.length / 4) - 1, `${key}: ${mine.length} pieces`);
        // Bytes of a character that is not whole yet show as U+FFFD at the end.
        for (const text of mine) assert.ok(r.completion.startsWith(text.replace(/\uFFFD+$/, '')), `${JSON.stringify(text)} of ${JSON.stringify(r.completion)}`);
      }
      assert.ok(pieces.size >= 2);
    } finally {
      await engine.close();
    }
  });

  it('a cancelled request ends within one chunk, drops what is in flight only, and the engine goes on', async () => {
    const engine = await loadedEngine({ dir: TINY_TEXT });
    try {
      const whole = await generate(engine, items(12), { maxNewTokens: 400 });
      const abort = new AbortController();
      const got = new Map<string, ItemResult>();
      let beats = 0;
      let tokensAtAbort = 0;
      const result = await engine.generate(
        { items: items(12), maxNewTokens: 400, stop: [], batch: 4, tokenBudget: 4096, chunk: 8, stream: false },
        {
          onItem: (r) => void got.set(r.key, r),
          onBeat: () => {
            beats += 1;
            if (beats === 3) abort.abort();
            else if (abort.signal.aborted) tokensAtAbort += 1;
          },
        },
        abort.signal,
      );
      assert.equal(result.cancelled, true);
      assert.ok(got.size < 12);
      assert.ok(tokensAtAbort <= 1, `${tokensAtAbort} chunks after the cancellation`);
      for (const [key, r] of got) assert.deepEqual(r.tokenIds, whole.get(key)!.tokenIds, 'what came is whole');
      for (const [key, r] of await generate(engine, items(3))) assert.deepEqual(r.tokenIds, whole.get(key)!.tokenIds.slice(0, 24), key);
    } finally {
      await engine.close();
    }
  });

  it('an aborted signal computes nothing', async () => {
    const engine = await loadedEngine({ dir: TINY_TEXT });
    try {
      const results: ItemResult[] = [];
      const outcome = await engine.generate({ items: items(4), maxNewTokens: 400, stop: [], batch: 4, tokenBudget: 4096, chunk: 8, stream: false }, { onItem: (r) => void results.push(r) }, AbortSignal.abort()).then((r) => r.cancelled, () => true);
      assert.deepEqual([outcome, results.length], [true, 0]);
    } finally {
      await engine.close();
    }
  });

  it('sentence vectors do not depend on the batch and follow the encoder reading of the bundle', async () => {
    const engine = await loadedEngine();
    try {
      const texts = ['Seven apples', 'x', 'A much longer sentence with ১২ in it, and more behind it', 'A much longer sentence with 12 in it, and more behind it'];
      const [one, many] = [await engine.encode(texts, 1), await engine.encode(texts, 4)];
      assert.deepEqual([one.width, one.pooled.length, one.pooled instanceof Float32Array], [32, 4 * 32, true]);
      assert.ok(maxDifference(Array.from(one.pooled), Array.from(many.pooled)) < 1e-5);
      const row = (i: number): number[] => Array.from(one.pooled.subarray(i * 32, (i + 1) * 32));
      assert.ok(maxDifference(row(2), row(3)) < 1e-6, 'digits are read as the model reads them in generation');
      assert.ok(maxDifference(row(0), row(1)) > 1e-3);
    } finally {
      await engine.close();
    }
    const text = await loadedEngine({ dir: TINY_TEXT });
    try {
      await assert.rejects(text.encode(['x'], 1), /no encoder \(method "text"\)/);
      await assert.rejects(text.tokenize('encoder', ['x']), /no encoder tokenizer/);
    } finally {
      await text.close();
    }
  });

  it('a killed process is an EngineDied with a reason, at once and for every later call', async () => {
    const engine = await loadedEngine({ dir: TINY_TEXT });
    const running = generate(engine, items(16), { maxNewTokens: 900 });
    setTimeout(() => process.kill(engine.pid!, 'SIGKILL'), 60);
    await assert.rejects(running, (e: Error) => e instanceof EngineDied && /killed \(SIGKILL\); the usual cause is that the machine ran out of memory/.test(e.message));
    assert.equal(engine.alive, false);
    await assert.rejects(engine.selfTest(), EngineDied);
    await engine.close();
  });

  it('Ctrl-C in the terminal does not end it: the host decides', async () => {
    const engine = await loadedEngine({ dir: TINY_TEXT });
    try {
      const running = generate(engine, items(8), { maxNewTokens: 300 });
      process.kill(engine.pid!, 'SIGINT');
      assert.equal((await running).size, 8);
    } finally {
      await engine.close();
    }
  });

  it('a call right after the process was killed is an EngineDied too', async () => {
    const engine = await loadedEngine({ dir: TINY_TEXT });
    process.kill(engine.pid!, 'SIGKILL');
    await assert.rejects(generate(engine, items(2)), EngineDied);
  });

  it('a process that cannot start says so', async () => {
    const engine = await startEngine({ entry: path.join(temporaryFolder(), 'nothing.js') });
    await assert.rejects(engine.hello(), (e: Error) => e instanceof EngineDied && /stopped with code 1/.test(e.message));
  });

  it('close ends the process', async () => {
    const engine = await loadedEngine({ dir: TINY_TEXT });
    const { pid } = engine;
    await engine.close();
    assert.throws(() => process.kill(pid!, 0), /ESRCH/);
  });
});
