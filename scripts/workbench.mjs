// npm run workbench: a real VS Code in the browser, on 127.0.0.1 only, with the extension installed and a sample workspace.
// --port N   (default 8448)   --folder DIR   another workspace   --vsix FILE   another package
import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { packageFor } from './package.mjs';
import { cacheFolder, Unavailable, workbenchRuntime } from './lib/runtime.mjs';
import { build, ROOT } from './lib/suite.mjs';

const { values } = parseArgs({ options: { port: { type: 'string', default: '8448' }, folder: { type: 'string' }, vsix: { type: 'string' } } });
if (!/^\d{2,5}$/.test(values.port)) {
  console.error(`--port must be a number, not "${values.port}".`);
  process.exit(2);
}

/** A notebook with one cell of each kind (format: src/core/notebook/document.ts). */
function sampleNotebook() {
  const cells = [
    ['markdown', '# Questions to a bundle\n\nThe first cell asks one question, the second evaluates two bundles over the same problems and compares them.'],
    ['lift-prompt', 'bundle: tiny\nlanguage: sw\nmax-tokens: 48\ngold: 15\n---\nAna ana tufaha 24 na anatoa 9. Amebaki na mangapi?'],
    ['lift-eval', 'benchmark: lift48\nlanguages: en, sw, ar\nsample: 5\nseed: 1\nbundles: tiny, tiny-text'],
  ];
  return JSON.stringify({ format: 'lift-notebook/1', cells: cells.map(([language, text]) => ({ language, source: text.split('\n') })) }, null, 2) + '\n';
}

/** A workspace with the test bundle, so that a run can be started at once; made once and kept. */
function sampleWorkspace() {
  const folder = path.join(cacheFolder(), 'workbench', 'sample-workspace');
  if (!fs.existsSync(path.join(folder, 'README.md'))) {
    fs.mkdirSync(folder, { recursive: true });
    for (const name of ['tiny', 'tiny-text']) {
      const from = path.join(ROOT, 'models', name);
      if (fs.existsSync(from)) fs.cpSync(from, path.join(folder, 'bundles', name), { recursive: true });
    }
    fs.writeFileSync(path.join(folder, 'questions.liftnb'), sampleNotebook());
    fs.writeFileSync(path.join(folder, 'README.md'), '# Sample workspace\n\n`bundles/tiny` is a random model that answers nonsense fast: good for trying every view.\n\nStart with "LinguaLIFT: Run Evaluation…" in the command palette, or with the notebook `questions.liftnb`.\n');
  }
  return folder;
}

try {
  const { node, entry } = workbenchRuntime();
  let { vsix } = values;
  if (!vsix) {
    build();
    vsix = packageFor(`${process.platform}-${process.arch}`);
  }
  const data = path.join(cacheFolder(), 'workbench', 'window');
  fs.mkdirSync(path.join(data, 'user', 'User'), { recursive: true });
  const settings = path.join(data, 'user', 'User', 'settings.json');
  if (!fs.existsSync(settings)) fs.writeFileSync(settings, JSON.stringify({ 'telemetry.telemetryLevel': 'off', 'extensions.autoCheckUpdates': false, 'chat.disableAIFeatures': true }, null, 2));
  const config = path.join(data, 'config.yaml');
  fs.writeFileSync(config, 'auth: none\ncert: false\n');
  const base = [entry, '--config', config, '--user-data-dir', path.join(data, 'user'), '--extensions-dir', path.join(data, 'extensions')];
  const env = { ...process.env, EXTENSIONS_GALLERY: '{"serviceUrl":""}' };
  const installed = spawnSync(node, [...base, '--install-extension', vsix, '--force'], { env, encoding: 'utf8' });
  if (installed.status !== 0) throw new Unavailable(`the extension could not be installed: ${installed.stderr || installed.stdout}`);
  const folder = path.resolve(values.folder ?? sampleWorkspace());
  const child = spawn(node, [...base, '--auth', 'none', '--bind-addr', `127.0.0.1:${values.port}`, '--disable-telemetry', '--disable-update-check', '--disable-getting-started-override'], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  child.stdout.on('data', (data) => {
    if (/listening/i.test(String(data))) console.log(`\nVS Code with LinguaLIFT: http://127.0.0.1:${values.port}/?folder=${encodeURIComponent(folder)}\nCtrl-C ends it.`);
  });
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill('SIGTERM'));
  child.once('exit', (code) => process.exit(code ?? 0));
} catch (e) {
  if (!(e instanceof Unavailable)) throw e;
  console.error(`The workbench cannot be started here: ${e.message}.`);
  process.exit(1);
}
