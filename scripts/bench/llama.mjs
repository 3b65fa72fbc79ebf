// node-llama-cpp on the GGUF file that the base weights come from. usage: node llama.mjs PACKAGES MODEL.gguf BATCH THREADS NEW_TOKENS PROMPTS.json
import fs from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const [packages, modelPath, batch, threads, newTokens, file] = process.argv.slice(2);
const { getLlama } = await import(pathToFileURL(path.join(packages, 'node_modules', 'node-llama-cpp', 'dist', 'index.js')).href);
const llama = await getLlama({ gpu: false, build: 'never', skipDownload: true, logLevel: 'error', maxThreads: Number(threads) });
const model = await llama.loadModel({ modelPath });
const B = Number(batch);
const N = Number(newTokens);
const context = await model.createContext({ sequences: B, contextSize: 256, threads: Number(threads) });
const texts = JSON.parse(fs.readFileSync(file, 'utf8')).slice(0, B);
const sequences = texts.map(() => context.getSequence());

async function one(sequence, text, n) {
  await sequence.clearHistory();
  const tokens = model.tokenize(text, false);
  let made = 0;
  for await (const _token of sequence.evaluate(tokens, { temperature: 0, yieldEogToken: true })) {
    made += 1;
    if (made >= n) break;
  }
  return made;
}

const once = async (n) => {
  const start = performance.now();
  const made = await Promise.all(texts.map((t, i) => one(sequences[i], t, n)));
  return [(performance.now() - start) / 1000, made.reduce((a, b) => a + b, 0)];
};
await once(4);
let best = 0;
for (let r = 0; r < 2; r++) {
  const [seconds, made] = await once(N);
  best = Math.max(best, made / seconds);
}
console.log(JSON.stringify({ tokensPerSecond: best }));
process.exit(0);
