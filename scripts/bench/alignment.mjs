// An alignment analysis of the demo bundle (50 problems of LIFT-48 in 48 languages) beside the same states by PyTorch: same texts, layers,
// threads, batch and order, one process each. PyTorch makes the states only; ours also the numbers, intervals and maps.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

/** LINGUALIFT_BENCH_PROBLEMS: fewer problems, for a short check. */
const PROBLEMS = Number(process.env.LINGUALIFT_BENCH_PROBLEMS ?? 50);

export async function alignment({ python, step, json, ROOT, cacheFolder, THREADS, pythonEnv }) {
  const out = fs.mkdtempSync(path.join(os.tmpdir(), 'lingualift-bench-align-'));
  const bundle = path.join(cacheFolder(), 'bundles', 'smol-lift');
  const args = ['align', '--bundle', bundle, '--benchmark', 'lift48', '--languages', 'all', '--limit', String(PROBLEMS), '--threads', String(THREADS), '--batch', '16', '--runs', out, '--json'];
  const cli = (what, ...more) => json(process.execPath, [path.join(ROOT, 'dist', 'cli.js'), ...args, ...more], { cwd: ROOT, what });
  step(`alignment: LinguaLIFT, ${PROBLEMS} problems × 48 languages`);
  const startedAt = performance.now();
  const result = await cli('the alignment');
  const process_ = (performance.now() - startedAt) / 1000;
  // With the same problems and another baseline of the map the states are read from the cache: what is left are the numbers.
  step('alignment: the numbers alone');
  const numbers = await cli('the numbers', '--baseline', 'en');
  const texts = Object.fromEntries(result.languages.map((language) => {
    const { problems } = JSON.parse(fs.readFileSync(path.join(ROOT, 'benchmarks', 'lift48', `${language}.json`), 'utf8'));
    const byId = new Map(problems.map((p) => [p.id, p.question]));
    return [language, result.ids.map((id) => byId.get(id))];
  }));
  const file = path.join(out, 'texts.json');
  fs.writeFileSync(file, JSON.stringify({ languages: result.languages, reference: result.reference, texts }));
  step('alignment: PyTorch, batch 16');
  const base = path.join(cacheFolder(), 'base');
  const demo = path.join(ROOT, 'models', 'demo', 'smol-lift');
  const layers = result.stages.filter((s) => s.stage.startsWith('lm.')).map((s) => s.stage.slice(3)).join();
  const torch = await json(python, [path.join(ROOT, 'scripts', 'bench', 'torch_alignment.py'), path.join(base, 'e5-small'), path.join(base, 'smollm2-135m'), path.join(demo, 'adapter'), demo, path.join(bundle, 'lift.json'), String(THREADS), layers, file], { env: pythonEnv(), what: 'PyTorch' });
  fs.rmSync(out, { recursive: true });
  const worst = (of, k) => Math.max(...result.stages.flatMap(({ stage, rows }) => rows.map((r) => Math.abs(r[of] - torch.rows[stage][r.language][k]))));
  const [all, onlyNumbers] = [result.milliseconds / 1000, numbers.milliseconds / 1000];
  return {
    problems: PROBLEMS, languages: result.languages.length, layers, threads: THREADS, encoderTokens: torch.tokens,
    lingualift: { seconds: all, ofThatNumbers: onlyNumbers, loadingAndStates: all - onlyNumbers, wholeProcess: process_ },
    pytorch: { loading: torch.loading, states: torch.states },
    // Both with loading: ours without and with the numbers, PyTorch without them.
    timesFasterThanPyTorch: (torch.loading + torch.states) / (all - onlyNumbers),
    timesFasterNumbersIncluded: (torch.loading + torch.states) / all,
    largestDifference: { recallAt1: worst('recallAt1', 0), mrr: worst('mrr', 1) },
  };
}
