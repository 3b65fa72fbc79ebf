import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { type EngineClient } from '../../src/engine/client';
import { type RunManifest } from '../../src/protocol/run';
import { MANIFEST, readSamples, SAMPLES } from '../../src/runs/store';
import { assertSameSamples, cli } from '../helpers/cli';
import { items, loadedEngine, maxDifference, scoreItem } from '../helpers/engine';
import { temporaryFolder, TINY } from '../helpers/paths';

const out = (): string => path.join(temporaryFolder('likelihood'), 'run');
const run = (folder: string, ...more: string[]): string[] => ['evaluate', '--bundle', TINY, '--languages', 'en,sw', '--threads', '1', '--out', folder, ...more];

interface Summary {
  readonly scorer: string;
  readonly mode: string;
  readonly run: { readonly fingerprint: string };
  readonly languages: Readonly<Record<string, { readonly n: number; readonly correct: number; readonly balanced: number; readonly floor: { readonly name: string; readonly share: number }; readonly aboveFloor: boolean }>>;
}

describe('likelihood runs', function () {
  this.timeout(120_000);
  let engine: EngineClient;
  before(async () => {
    engine = await loadedEngine();
  });
  after(() => engine.close());

  it('operation: scores the five calculations of each problem, resumes to the same samples, and can be compared and scored again', async () => {
    const whole = out();
    const args = ['--benchmark', 'lift48', '--mode', 'operation', '--sampling', 'balanced', '--limit', '8', '--json'];
    const first = await cli(run(whole, ...args));
    assert.equal(first.code, 0, first.stderr);
    const summary = JSON.parse(first.stdout) as Summary;
    assert.deepEqual([summary.mode, summary.scorer], ['operation', 'operation/1']);
    const { samples } = readSamples(whole);
    assert.equal(samples.length, 16);
    for (const s of samples) {
      assert.deepEqual([s.stopReason, s.candidates!.map((c) => c.label)], ['scored', ['a+b', 'a−b', 'b−a', 'a×b', 'a÷b']]);
      assert.equal(s.completion, s.candidates!.find((c) => c.label === s.value)!.text);
      assert.ok(s.candidates!.every((c) => c.tokens > 0 && c.logprob < 0));
    }
    // The numbers are the engine's own, asked for one by one.
    const probe = samples.find((s) => s.language === 'sw')!;
    for (const c of probe.candidates!) {
      const [alone] = await engine.score([{ key: c.label, chat: false, encoder: probe.question, instruction: probe.prompt, text: '', continuation: c.text }], 1);
      assert.ok(Math.abs(alone!.tokenLogprobs.reduce((a, b) => a + b, 0) - c.logprob) < 1e-3, `${c.label}: ${c.logprob}`);
    }
    // Two of each operation: balanced and plain accuracy are the same here, and so are majority and chance.
    for (const row of Object.values(summary.languages)) {
      assert.ok(Math.abs(row.balanced - row.correct / row.n) < 1e-12);
      assert.equal(row.floor.share, 0.25);
    }
    // Cut off after five samples, the same command goes on.
    const cut = out();
    fs.mkdirSync(cut, { recursive: true });
    fs.copyFileSync(path.join(whole, MANIFEST), path.join(cut, MANIFEST));
    fs.writeFileSync(path.join(cut, SAMPLES), fs.readFileSync(path.join(whole, SAMPLES), 'utf8').split('\n').slice(0, 5).join('\n') + '\n');
    const resumed = await cli(run(cut, ...args));
    assert.equal(resumed.code, 0, resumed.stderr);
    assert.equal((JSON.parse(resumed.stdout) as Summary).run.fingerprint, summary.run.fingerprint);
    const exact = (list: typeof samples) => list.map((s) => ({ ...s, reading: '', candidates: s.candidates!.map(({ logprob, ...c }) => ({ ...c, logprob: Math.round(logprob * 100) / 100 })) }));
    assertSameSamples(exact(readSamples(cut).samples), exact(samples));
    const compared = await cli(['compare', whole, cut, '--json']);
    assert.equal(compared.code, 0, compared.stderr);
    const again = await cli(['score', '--run', whole, '--scorer', 'operation-order', '--json']);
    assert.equal(again.code, 0, again.stderr);
    assert.equal((JSON.parse(again.stdout) as { before: string }).before, 'operation/1');
  });

  it('choice: texts or labels, plain or per character; each setting is another run', async () => {
    const settings = [[], ['--continuation', 'label'], ['--scorer', 'likelihood-norm']];
    const manifests: RunManifest[] = [];
    for (const more of settings) {
      const folder = out();
      const done = await cli(run(folder, '--benchmark', 'lift48-choice', '--mode', 'choice', '--ids', 'choice-01,nli-01', ...more));
      assert.equal(done.code, 0, done.stderr);
      manifests.push(JSON.parse(fs.readFileSync(path.join(folder, MANIFEST), 'utf8')) as RunManifest);
      const { samples } = readSamples(folder);
      const [question, pair] = ['choice-01', 'nli-01'].map((id) => samples.find((s) => s.id === id && s.language === 'en')!);
      assert.deepEqual(pair!.candidates!.map((c) => c.text.trim()), ['entailment', 'neutral', 'contradiction']);
      assert.deepEqual(question!.candidates!.map((c) => c.label), ['A', 'B', 'C', 'D', 'E']);
      const shown = question!.encoderPrompt!.includes('umbrella');
      if (more.includes('label')) assert.ok(shown && question!.candidates!.every((c) => c.text.trim() === c.label));
      else assert.ok(!shown && question!.candidates!.some((c) => c.text.includes('umbrella')));
    }
    assert.equal(new Set(manifests.map((m) => m.fingerprint)).size, 3);
    assert.deepEqual(manifests.map((m) => [m.environment.mode, m.environment.continuation, m.environment.scorer.name]), [['choice', 'text', 'likelihood'], ['choice', 'label', 'likelihood'], ['choice', 'text', 'likelihood-norm']]);
  });

  it('says in words what does not fit together', async () => {
    const rows: readonly [string[], RegExp][] = [
      [['--benchmark', 'lift48', '--mode', 'choice'], /asks for numbers/],
      [['--benchmark', 'lift48', '--mode', 'guess'], /--mode must be generate, choice, operation/],
      [['--benchmark', 'lift48', '--mode', 'operation', '--scorer', 'locale'], /cannot read LIFT-48 in --mode operation.*operation, operation-order/],
      [['--benchmark', 'lift48', '--scorer', 'operation'], /cannot read LIFT-48 in --mode generate/],
      [['--benchmark', 'lift48', '--continuation', 'label'], /belongs to --mode choice/],
      [['--benchmark', 'lift48', '--swap-sv-sw'], /MMWP/],
      [['--benchmark', 'lift48', '--sampling', 'balanced', '--limit', '4'], /needs answers that are classes/],
    ];
    for (const [args, words] of rows) {
      const done = await cli(run(out(), ...args));
      assert.equal(done.code, 2, `${args.join(' ')}: ${done.stderr}`);
      assert.match(done.stderr, words);
    }
  });

  it('an item that is too long comes back with its reason, the others with their numbers', async () => {
    const [short] = items(1);
    const long = { ...short!, key: 'long', encoder: 'x '.repeat(5000) };
    const results = await engine.score([scoreItem(short!, ' 12'), scoreItem(long, ' 12'), scoreItem({ ...short!, key: 'none' }, '')], 2);
    assert.deepEqual(results.map((r) => r.key), ['q0', 'long', 'none']);
    assert.equal(results[0]!.failure, undefined);
    assert.match(results[1]!.failure!, /encoder takes at most/);
    assert.match(results[2]!.failure!, /no token/);
    const [alone] = await engine.score([scoreItem(short!, ' 12')], 1);
    assert.ok(maxDifference(alone!.tokenLogprobs, results[0]!.tokenLogprobs) < 1e-4);
  });
});
