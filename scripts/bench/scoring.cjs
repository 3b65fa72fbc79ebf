// Opening, scoring again and summing up a run of MMWP's size (48 languages × 811 samples). Prints one JSON line.
require('tsx/cjs');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const src = (p) => require(path.join(__dirname, '..', '..', 'src', p));
const { readSamples } = src('runs/store.ts');
const { rescoreSamples } = src('runs/rescore.ts');
const { aggregateSamples } = src('runs/summary.ts');
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
fs.writeFileSync(path.join(folder, 'samples.jsonl'), lines.join('\n') + '\n');
const timed = (f) => {
  const start = performance.now();
  const value = f();
  return [value, (performance.now() - start) / 1000];
};
const result = { samples: lines.length, bytes: fs.statSync(path.join(folder, 'samples.jsonl')).size };
const [reading, readSeconds] = timed(() => readSamples(folder));
result.readSeconds = readSeconds;
result.aggregateSeconds = timed(() => aggregateSamples(reading.samples))[1];
for (const name of ['locale', 'harness', 'vllm']) result[`${name}Seconds`] = timed(() => rescoreSamples(reading.samples, scorerByName(name)))[1];
fs.rmSync(folder, { recursive: true });
console.log(JSON.stringify(result));
