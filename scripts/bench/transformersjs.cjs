// transformers.js generate() on the same weights and prompts. usage: node transformersjs.cjs PACKAGES MODEL BATCH THREADS NEW_TOKENS PROMPTS.json
const fs = require('node:fs');
const path = require('node:path');
const { createRequire } = require('node:module');

const [packages, model, batch, threads, newTokens, file] = process.argv.slice(2);

async function main() {
  const { AutoModelForCausalLM, AutoTokenizer, env } = createRequire(path.join(packages, 'package.json'))('@huggingface/transformers');
  env.allowRemoteModels = false;
  env.localModelPath = path.dirname(model);
  const name = path.basename(model);
  const tokenizer = await AutoTokenizer.from_pretrained(name);
  tokenizer.padding_side = 'left';
  const session_options = { intraOpNumThreads: Number(threads), interOpNumThreads: 1 };
  const lm = await AutoModelForCausalLM.from_pretrained(name, { dtype: 'fp32', device: 'cpu', session_options, use_external_data_format: true });
  const texts = JSON.parse(fs.readFileSync(file, 'utf8')).slice(0, Number(batch));
  const inputs = tokenizer(texts, { padding: true, add_special_tokens: false });
  const once = async (n) => {
    const start = performance.now();
    const out = await lm.generate({ ...inputs, max_new_tokens: n, min_new_tokens: n, do_sample: false });
    return [(performance.now() - start) / 1000, out];
  };
  await once(4);
  let best = Infinity;
  for (let r = 0; r < 2; r++) best = Math.min(best, (await once(Number(newTokens)))[0]);
  console.log(JSON.stringify({ tokensPerSecond: (texts.length * Number(newTokens)) / best, seconds: best }));
}
main().catch((e) => {
  console.error(e);
  process.exit(1);
});
