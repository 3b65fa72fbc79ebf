// npm test: sets up what is missing and runs every test of every runner; the last line counts them all.
// npm test -- unit engine   runs only these parts (lint unit engine python webview host workbench).
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { exec } from './lib/exec.mjs';
import { run, seconds, step, StepError } from './lib/log.mjs';
import { baseWeights, build, checkNode, demoBundle, nodePackages, pythonEnv, pythonEnvironment, ROOT } from './lib/setup.mjs';

const total = { passed: 0, failed: 0, skipped: 0 };
const lines = [];

function count(part, { passed, failed, skipped = 0 }, since) {
  total.passed += passed;
  total.failed += failed;
  total.skipped += skipped;
  lines.push(`  ${part.padEnd(12)} ${passed} passed, ${failed} failed${skipped ? `, ${skipped} skipped` : ''} in ${seconds(since)}`);
}

async function part(name, body) {
  const since = Date.now();
  step(`── ${name}`);
  try {
    count(name, await body(), since);
  } catch (e) {
    // Set-up that fails is a failure, not a skip.
    console.error(e instanceof StepError ? e.message : e);
    count(name, { passed: 0, failed: 1 }, since);
  }
}

async function checks(list) {
  const result = { passed: 0, failed: 0 };
  for (const [what, command, args] of list) {
    const code = await exec(command, args, { cwd: ROOT, code: true, what });
    result[code === 0 ? 'passed' : 'failed'] += 1;
    console.log(`  ${code === 0 ? 'ok' : 'FAILED'}  ${what}`);
  }
  return result;
}

const bin = (name, ...rest) => [process.execPath, [path.join(ROOT, 'node_modules', ...name.split('/')), ...rest]];

function testFiles(dir) {
  const folder = path.join(ROOT, 'test', dir);
  return fs.existsSync(folder) ? fs.readdirSync(folder).filter((f) => /\.test\.tsx?$/.test(f)).sort().map((f) => path.join('test', dir, f)) : [];
}

async function mocha(dir, env = {}) {
  const files = testFiles(dir);
  if (files.length === 0) return { passed: 0, failed: 0 };
  const counts = path.join(os.tmpdir(), `lingualift-counts-${process.pid}.json`);
  fs.rmSync(counts, { force: true });
  await exec(...bin('mocha/bin/mocha.js', '--reporter', path.join(ROOT, 'scripts', 'lib', 'reporter.cjs'), ...files), {
    cwd: ROOT, code: true, what: 'mocha', env: { ...process.env, ...env, LINGUALIFT_TEST_COUNTS: counts },
  });
  if (!fs.existsSync(counts)) throw new StepError(`mocha on test/${dir} ended without a result`);
  const result = JSON.parse(fs.readFileSync(counts, 'utf8'));
  fs.rmSync(counts, { force: true });
  return result;
}

async function pytest(python) {
  const report = path.join(os.tmpdir(), `lingualift-pytest-${process.pid}.xml`);
  fs.rmSync(report, { force: true });
  await exec(python, ['-m', 'pytest', '-q', '-p', 'no:cacheprovider', `--junitxml=${report}`, 'training/tests'], { cwd: ROOT, code: true, what: 'pytest', env: pythonEnv() });
  if (!fs.existsSync(report)) throw new StepError('pytest ended without a result');
  const suite = /<testsuite [^>]*>/.exec(fs.readFileSync(report, 'utf8'))[0];
  const number = (name) => Number(new RegExp(`${name}="(\\d+)"`).exec(suite)?.[1] ?? 0);
  const failed = number('failures') + number('errors');
  fs.rmSync(report, { force: true });
  return { passed: number('tests') - failed - number('skipped'), failed, skipped: number('skipped') };
}

/** A runner of its own that ends with "N passed, N failed, N skipped". */
async function script(name) {
  let last;
  const code = await exec(process.execPath, [path.join(ROOT, 'scripts', name)], {
    cwd: ROOT, code: true, what: name,
    onLine: (line) => {
      console.log(line);
      last = /^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$/.exec(line.trim()) ?? last;
    },
  });
  if (!last) throw new StepError(`${name} ended (exit code ${code}) without a result`);
  const result = { passed: Number(last[1]), failed: Number(last[2]), skipped: Number(last[3] ?? 0) };
  if (code !== 0 && result.failed === 0) throw new StepError(`${name} ended with exit code ${code}`);
  return result;
}

await run(async () => {
  checkNode();
  const asked = process.argv.slice(2).filter((a) => !a.startsWith('-'));
  const wants = (name) => asked.length === 0 || asked.includes(name);
  await nodePackages();
  await build();
  if (wants('lint')) {
    await part('lint', () => checks([['eslint and the door rules', ...bin('eslint/bin/eslint.js', '--max-warnings', '0', '.')], ['types', ...bin('typescript/bin/tsc', '--noEmit')]]));
  }
  if (wants('unit')) await part('unit', () => mocha('unit'));
  let python;
  if (wants('python') || wants('engine')) {
    try {
      python = await pythonEnvironment();
    } catch (e) {
      await part('python', () => { throw e; });
    }
  }
  if (python && wants('python')) {
    await part('python', async () => {
      const ruff = await checks([['ruff check', python, ['-m', 'ruff', 'check', 'training']], ['ruff format', python, ['-m', 'ruff', 'format', '--check', 'training']]]);
      const tests = await pytest(python);
      return { passed: ruff.passed + tests.passed, failed: ruff.failed + tests.failed, skipped: tests.skipped };
    });
  }
  if (wants('engine')) {
    await part('engine', async () => {
      if (python) {
        await baseWeights(python);
        await demoBundle(python, 'smol-text');
      }
      return mocha('engine', python ? { LINGUALIFT_PYTHON: python } : {});
    });
  }
  for (const name of ['webview', 'host', 'workbench']) {
    if (wants(name) && fs.existsSync(path.join(ROOT, 'scripts', `test-${name}.mjs`))) await part(name, () => script(`test-${name}.mjs`));
  }
  console.log(`\n${lines.join('\n')}\n`);
  console.log(`${total.passed} passed, ${total.failed} failed${total.skipped ? `, ${total.skipped} skipped` : ''}`);
  return total.failed === 0 && total.passed > 0 ? 0 : 1;
});
