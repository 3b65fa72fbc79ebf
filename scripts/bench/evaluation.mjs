// A whole evaluation (ragged ends and all) beside PyTorch generate at batch 16, on the same random problems of LIFT-48 in six languages.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

export async function evaluation({ python, step, json, ROOT, cacheFolder, THREADS, pythonEnv }) {
  const out = fs.mkdtempSync(path.join(os.tmpdir(), 'lingualift-bench-run-'));
  const bundle = path.join(cacheFolder(), 'bundles', 'smol-text');
  const results = {};
  const languages = 'en,de,es,sw,th,zh';
  for (const precision of ['fp32', 'int8']) {
    step(`evaluation: LinguaLIFT ${precision}`);
    const folder = path.join(out, precision);
    const args = ['evaluate', '--bundle', bundle, '--benchmark', 'lift48', '--languages', languages, '--limit', '50', '--max-new-tokens', '128', '--precision', precision, '--out', folder, '--json'];
    await json(process.execPath, [path.join(ROOT, 'dist', 'cli.js'), ...args], { cwd: ROOT, what: 'the evaluation' });
    const state = JSON.parse(fs.readFileSync(path.join(folder, 'state.json'), 'utf8'));
    const { execution } = JSON.parse(fs.readFileSync(path.join(folder, 'manifest.json'), 'utf8'));
    results[precision] = { processes: execution.processes, threads: execution.threads, seconds: state.seconds, newTokens: state.newTokens, tokensPerSecond: state.newTokens / state.seconds };
  }
  const samples = fs.readFileSync(path.join(out, 'fp32', 'samples.jsonl'), 'utf8').trim().split('\n').map((l) => JSON.parse(l));
  const file = path.join(out, 'prompts.json');
  fs.writeFileSync(file, JSON.stringify(samples.map((s) => s.prompt)));
  step('evaluation: PyTorch generate, batch 16');
  const torch = await json(python, [path.join(ROOT, 'scripts', 'bench', 'torch_evaluate.py'), path.join(cacheFolder(), 'base', 'smollm2-135m'), String(THREADS), '128', file], { env: pythonEnv(), what: 'PyTorch' });
  const ids = samples.map((s) => JSON.stringify(s.tokenIds));
  results.problems = samples.length;
  results.pytorch = { seconds: torch.seconds, newTokens: torch.newTokens, tokensPerSecond: torch.newTokens / torch.seconds };
  results.sameIdsAsPyTorch = torch.ids.filter((x, i) => JSON.stringify(x) === ids[i]).length;
  for (const precision of ['fp32', 'int8']) results[precision].timesFasterThanPyTorch = torch.seconds / results[precision].seconds;
  fs.rmSync(out, { recursive: true });
  return results;
}
