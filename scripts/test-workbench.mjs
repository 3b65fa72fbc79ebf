// The packaged .vsix in a real VS Code workbench (code-server) in headless Chromium. Screenshots go to artifacts/workbench.
// node scripts/test-workbench.mjs [part of a file name] [--grep …]
import fs from 'node:fs';
import path from 'node:path';
import { packageFor } from './package.mjs';
import { chromium, fonts, skipAll, Unavailable, workbenchRuntime } from './lib/runtime.mjs';
import { build, finish, ROOT, suite } from './lib/suite.mjs';

let env;
try {
  const { node, entry } = workbenchRuntime();
  env = { LINGUALIFT_NODE24: node, LINGUALIFT_CODE_SERVER: entry, CHROMIUM: chromium() };
  const missing = fonts();
  if (missing.length > 0) console.log(`No font for: ${missing.join(', ')}. Screenshots will show boxes there.`);
} catch (e) {
  if (!(e instanceof Unavailable)) throw e;
  skipAll('workbench tests', e.message);
}
build();
const shots = path.join(ROOT, 'artifacts', 'workbench');
if (process.argv.length === 2) fs.rmSync(shots, { recursive: true, force: true });
fs.mkdirSync(shots, { recursive: true });
finish(suite('workbench', { ...env, LINGUALIFT_SHOTS: shots, LINGUALIFT_VSIX: packageFor(`${process.platform}-${process.arch}`, { quiet: true }) }));
