// Runs the CLI of a checkout: builds dist/cli.js when a source is newer, then hands over.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const built = path.join(ROOT, 'dist', 'cli.js');

function newest(dir) {
  let time = 0;
  for (const entry of fs.readdirSync(dir, { withFileTypes: true })) {
    const p = path.join(dir, entry.name);
    time = Math.max(time, entry.isDirectory() ? newest(p) : fs.statSync(p).mtimeMs);
  }
  return time;
}

if (!fs.existsSync(path.join(ROOT, 'node_modules', 'esbuild'))) {
  console.error('The Node packages are not installed. Run "npm run setup" (or "npm start") first.');
  process.exit(2);
}
if (!fs.existsSync(built) || !fs.existsSync(path.join(ROOT, 'dist', 'engine.js')) || newest(path.join(ROOT, 'src')) > fs.statSync(built).mtimeMs) {
  const r = spawnSync(process.execPath, [path.join(ROOT, 'scripts', 'build.mjs')], { cwd: ROOT, stdio: ['ignore', 'ignore', 'inherit'] });
  if (r.status !== 0) process.exit(r.status ?? 1);
}
// In this very process, so that signals and exit codes are the CLI's own.
process.argv.splice(1, 1, built);
createRequire(import.meta.url)(built);
