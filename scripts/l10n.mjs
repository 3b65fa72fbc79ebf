// Gathers every text of the extension host and the panels into l10n/bundle.l10n.json. `--check` only says whether it is up to date.
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const FILE = path.join(ROOT, 'l10n', 'bundle.l10n.json');
const CALL = /(?<![\w.])(?:vscode\.l10n\.)?t\(\s*'((?:[^'\\\n]|\\.)*)'/g;

function sources(folder) {
  return fs.readdirSync(folder, { withFileTypes: true }).flatMap((e) => (e.isDirectory() ? sources(path.join(folder, e.name)) : /\.tsx?$/.test(e.name) ? [path.join(folder, e.name)] : []));
}

/** The texts of the sources, sorted; the English text is its own key. */
export function gather() {
  const texts = new Set();
  for (const file of ['src/extension', 'webview'].flatMap((f) => sources(path.join(ROOT, f)))) {
    for (const [, text] of fs.readFileSync(file, 'utf8').matchAll(CALL)) texts.add(text.replace(/\\(.)/g, '$1'));
  }
  return Object.fromEntries([...texts].sort().map((text) => [text, text]));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const text = JSON.stringify(gather(), null, 2) + '\n';
  const old = fs.existsSync(FILE) ? fs.readFileSync(FILE, 'utf8') : '';
  if (process.argv.includes('--check')) {
    console.log(old === text ? 'l10n is up to date' : 'l10n/bundle.l10n.json is out of date: node scripts/l10n.mjs');
    process.exit(old === text ? 0 : 1);
  }
  fs.mkdirSync(path.dirname(FILE), { recursive: true });
  fs.writeFileSync(FILE, text);
  console.log(`${Object.keys(gather()).length} texts in l10n/bundle.l10n.json`);
}
