// Opening (as the run panel does), reading, summing up and scoring again a run of MMWP's size (48 languages × 811 samples). Prints one JSON line.
require('tsx/cjs');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const src = (p) => require(path.join(__dirname, '..', '..', 'src', p));
const { readSamples } = src('runs/store.ts');
const { rescoreSamples } = src('runs/rescore.ts');
const { aggregateSamples } = src('runs/summary.ts');
const { RunIndex } = src('extension/worker/runindex.ts');
const { scorerByName } = src('core/scoring/index.ts');
const { languageCodes } = src('core/languages/index.ts');

const PROBLEMS = 811;
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'lingualift-scoring-'));
const lines = [];
for (let p = 0; p < PROBLEMS; p++) {
  for (const language of languageCodes()) {
    const gold = String((p * 37) % 1000);
    const read = p % 3 === 0 ? gold : String((p * 31) % 1000);
    const completion = `First we take ${p} and then ${(p * 7) % 90}.\n${p} + ${(p * 7) % 90} = ${read}.\nThe answer is ${read}.`;
    const ids = Array.from({ length: 40 }, (_, i) => (i * 977 + p) % 49152);
    lines.push(JSON.stringify({
      id: `p-${p}`, language, question: 'Anna has 3 apples and buys 4 more. How many apples does she have?', prompt: 'x'.repeat(120), completion, tokenIds: ids,
      tokenLogprobs: ids.map((i) => -(i % 100) / 97), stopReason: 'eos', promptTokens: 40, encoderTokens: 30, gold, value: Number(read), span: [0, 1], reading: 'answer phrase', ambiguous: false,
      correct: gold === read, error: gold === read ? null : 'wrong-number', scorer: 'locale/1', ms: 12.5,
    }));
  }
}
fs.writeFileSync(path.join(folder, 'manifest.json'), JSON.stringify({
  format: 'lift-run/1', id: 'bench', created: '2026-01-01T00:00:00.000Z', fingerprint: '0'.repeat(64),
  environment: {
    bundle: { name: 'bench', method: 'text', sha256: '0'.repeat(64), precision: 'fp32' }, benchmark: { name: 'bench', title: 'bench', version: '1', sha256: '0'.repeat(64) },
    prompt: { template: 'plain', version: 1 }, scorer: { name: 'locale', version: 1 }, generation: { maxNewTokens: 40, stop: [], greedy: true },
    backend: { name: 'onnxruntime', provider: 'cpu', versions: {} }, calculator: false,
  },
  plan: { languages: languageCodes(), ids: Array.from({ length: PROBLEMS }, (_, i) => `p-${i}`), seed: 1, sampling: 'all' },
  execution: { bundlePath: 'x', benchmarkPath: 'y', batch: 1, processes: 1, threads: 1, platform: 'bench' },
}));
fs.writeFileSync(path.join(folder, 'samples.jsonl'), lines.join('\n') + '\n');
const timed = (f) => {
  const start = performance.now();
  const value = f();
  return [value, (performance.now() - start) / 1000];
};
const result = { samples: lines.length, bytes: fs.statSync(path.join(folder, 'samples.jsonl')).size };
// What the panel waits for when it opens: the table of all languages and the first page of samples.
result.panelOpenSeconds = timed(() => {
  const index = new RunIndex(folder);
  return [index.facts(), index.page({ language: 'sw', outcomes: [], find: '', offset: 0, count: 100 })];
})[1];
const [reading, readSeconds] = timed(() => readSamples(folder));
result.readSeconds = readSeconds;
result.aggregateSeconds = timed(() => aggregateSamples(reading.samples))[1];
for (const name of ['locale', 'harness', 'vllm']) result[`${name}Seconds`] = timed(() => rescoreSamples(reading.samples, scorerByName(name)))[1];
fs.rmSync(folder, { recursive: true });
console.log(JSON.stringify(result));
