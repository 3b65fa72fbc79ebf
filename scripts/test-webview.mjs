// The panels in headless Chromium under the production Content-Security-Policy, with axe-core. Screenshots go to artifacts/webview.
// node scripts/test-webview.mjs [part of a file name] [--grep …]
import fs from 'node:fs';
import path from 'node:path';
import { chromium, fonts, skipAll, Unavailable } from './lib/runtime.mjs';
import { build, finish, ROOT, suite } from './lib/suite.mjs';

let browser;
try {
  browser = chromium();
  fonts();
} catch (e) {
  if (!(e instanceof Unavailable)) throw e;
  skipAll('webview tests', e.message);
}
build();
const shots = path.join(ROOT, 'artifacts', 'webview');
if (process.argv.length === 2) fs.rmSync(shots, { recursive: true, force: true });
fs.mkdirSync(shots, { recursive: true });
finish(suite('webview', { CHROMIUM: browser, LINGUALIFT_SHOTS: shots }));
