// Tests inside a real extension host: mocha runs beside the extension, so that tests call the vscode API.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { spawnSync } from 'node:child_process';
import * as esbuild from 'esbuild';
import { chromium, skipAll, Unavailable, workbenchRuntime } from './lib/runtime.mjs';
import { build, finish, ROOT } from './lib/suite.mjs';

let env;
try {
  const { node, entry } = workbenchRuntime();
  env = { LINGUALIFT_NODE24: node, LINGUALIFT_CODE_SERVER: entry, CHROMIUM: chromium() };
} catch (e) {
  if (!(e instanceof Unavailable)) throw e;
  skipAll('extension host tests', e.message);
}
build();
await esbuild.build({
  bundle: true, platform: 'node', target: 'node20', format: 'cjs', external: ['vscode', 'mocha'], logLevel: 'warning', absWorkingDir: ROOT, sourcemap: 'inline',
  entryPoints: ['test/host/index.ts'], outfile: 'dist/host-tests.js',
});
const report = path.join(os.tmpdir(), `lingualift-host-${process.pid}.json`);
spawnSync(process.execPath, [path.join(ROOT, 'node_modules/tsx/dist/cli.mjs'), 'test/host/launch.ts'], { cwd: ROOT, stdio: 'inherit', env: { ...process.env, ...env, LINGUALIFT_HOST_REPORT: report } });
// A host that crashed leaves no report, whatever it says at its end.
if (!fs.existsSync(report)) {
  console.log('The extension host ended without a report.');
  finish({ passed: 0, failed: 1 });
}
const result = JSON.parse(fs.readFileSync(report, 'utf8'));
fs.rmSync(report, { force: true });
for (const t of result.tests) console.log(`  ${t.state === 'passed' ? '✔' : t.state === 'failed' ? '✘' : '-'} ${t.title}${t.error ? `\n      ${t.error}` : ''}`);
finish(result);
