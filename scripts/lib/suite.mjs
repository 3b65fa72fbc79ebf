// Runs one folder of tests by mocha and ends with the line that scripts/test.mjs counts.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..', '..');

export function build() {
  const done = spawnSync(process.execPath, [path.join(ROOT, 'scripts', 'build.mjs')], { cwd: ROOT, stdio: 'inherit' });
  if (done.status !== 0) throw new Error('the build failed');
}

/** @returns counts of mocha on test/<dir>; further arguments of the script (a file name part, --grep …) narrow it */
export function suite(dir, env) {
  const counts = path.join(os.tmpdir(), `lingualift-${dir}-${process.pid}.json`);
  const [only, ...rest] = process.argv[2]?.startsWith('-') ? ['', ...process.argv.slice(2)] : process.argv.slice(2);
  const files = fs.readdirSync(path.join(ROOT, 'test', dir)).filter((f) => /\.test\.tsx?$/.test(f) && f.includes(only ?? '')).sort();
  spawnSync(process.execPath, [path.join(ROOT, 'node_modules/mocha/bin/mocha.js'), '--reporter', path.join(ROOT, 'scripts/lib/reporter.cjs'), ...rest, ...files.map((f) => `test/${dir}/${f}`)], {
    cwd: ROOT, stdio: 'inherit', env: { ...process.env, ...env, LINGUALIFT_TEST_COUNTS: counts },
  });
  if (!fs.existsSync(counts)) return { passed: 0, failed: 1, skipped: 0 };
  const result = JSON.parse(fs.readFileSync(counts, 'utf8'));
  fs.rmSync(counts, { force: true });
  return result;
}

export function finish({ passed, failed, skipped = 0 }) {
  console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
  process.exit(failed > 0 || passed + skipped === 0 ? 1 : 0);
}
