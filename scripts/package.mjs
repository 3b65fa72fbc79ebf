// npm run package: one .vsix for this platform (or --target T, --target all), with only that platform's onnxruntime files.
// The package is put together in a folder of its own, so that what goes in is a list and not an exclusion.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const OUT = path.join(ROOT, 'artifacts');
const TARGETS = { 'linux-x64': 'linux/x64', 'linux-arm64': 'linux/arm64', 'darwin-arm64': 'darwin/arm64', 'win32-x64': 'win32/x64', 'win32-arm64': 'win32/arm64' };

/** What goes in, relative to the root; a folder with the endings that are wanted of it. */
const CONTENT = [
  ['package.json'], ['package.nls.json'], ['README.md'], ['CHANGELOG.md'], ['LICENSE'], ['NOTICE'],
  ['l10n', /\.json$/], ['media', /\.(?:css|svg|png)$/], ['dist', /^(?:extension|worker|engine|cli|debug)\.js$/], ['dist/webview', /\.js$/],
  ['languages', /\.json$/], ['benchmarks', /\.(?:json|md)$/], ['models/demo', /\.(?:json|md|py|toml|yaml|safetensors|txt)$/], ['training/lingualift_training', /\.(?:py|json|toml|txt)$/], ['training/configs', /\.(?:yaml|json)$/],
  ['training/pyproject.toml'], ['training/README.md'], ['training/requirements.txt'], ['training/requirements-nodeps.txt'],
];

function copy(from, to, wanted) {
  const stat = fs.statSync(from, { throwIfNoEntry: false });
  if (!stat) return;
  if (stat.isFile()) {
    fs.mkdirSync(path.dirname(to), { recursive: true });
    fs.copyFileSync(from, to);
    return;
  }
  for (const entry of fs.readdirSync(from, { withFileTypes: true })) {
    if (entry.name === '__pycache__' || entry.name === 'webview') continue;
    if (entry.isDirectory()) {
      if (path.basename(from) !== 'dist') copy(path.join(from, entry.name), path.join(to, entry.name), wanted);
    } else if (wanted.test(entry.name)) copy(path.join(from, entry.name), path.join(to, entry.name));
  }
}

/** The native module beside the engine: its JavaScript and one platform's libraries; CUDA's own files are the user's. */
function copyOnnxruntime(stage, target) {
  const native = path.join('bin', 'napi-v6', ...TARGETS[target].split('/'));
  const from = path.join(ROOT, 'node_modules', 'onnxruntime-node');
  if (!fs.existsSync(path.join(from, native))) throw new Error(`onnxruntime-node has no files for ${target} here.`);
  const to = path.join(stage, 'dist', 'node_modules');
  const { name, version, license, main } = JSON.parse(fs.readFileSync(path.join(from, 'package.json'), 'utf8'));
  fs.mkdirSync(path.join(to, name), { recursive: true });
  fs.writeFileSync(path.join(to, name, 'package.json'), JSON.stringify({ name, version, license, main }, null, 2));
  copy(path.join(from, 'dist'), path.join(to, name, 'dist'), /\.js$/);
  for (const file of fs.readdirSync(path.join(from, native))) {
    if (!/cuda|tensorrt/i.test(file)) copy(path.join(from, native, file), path.join(to, name, native, file));
  }
  const common = path.join(ROOT, 'node_modules', 'onnxruntime-common');
  copy(path.join(common, 'package.json'), path.join(to, 'onnxruntime-common', 'package.json'));
  copy(path.join(common, 'dist', 'cjs'), path.join(to, 'onnxruntime-common', 'dist', 'cjs'), /^(?!.*\.map$).*\.(?:js|json)$/);
}

/** @returns the path of the .vsix */
export function packageFor(target, { quiet = false } = {}) {
  if (!(target in TARGETS)) throw new Error(`There is no package for ${target}; there is one for ${Object.keys(TARGETS).join(', ')}.`);
  const stage = path.join(OUT, `stage-${target}`);
  fs.rmSync(stage, { recursive: true, force: true });
  for (const [name, wanted] of CONTENT) copy(path.join(ROOT, name), path.join(stage, name), wanted ?? /./);
  const manifest = JSON.parse(fs.readFileSync(path.join(ROOT, 'package.json'), 'utf8'));
  for (const key of ['scripts', 'devDependencies', 'dependencies', 'allowScripts', 'bin', 'private']) delete manifest[key];
  fs.writeFileSync(path.join(stage, 'package.json'), JSON.stringify(manifest, null, 2));
  if (!fs.existsSync(path.join(stage, 'README.md'))) fs.writeFileSync(path.join(stage, 'README.md'), `# ${manifest.displayName}\n\n${manifest.description}\n`);
  copyOnnxruntime(stage, target);
  const vsix = path.join(OUT, `lingualift-${manifest.version}-${target}.vsix`);
  const vsce = path.join(ROOT, 'node_modules', '@vscode', 'vsce', 'vsce');
  const done = spawnSync(process.execPath, [vsce, 'package', '--target', target, '--no-dependencies', '--allow-missing-repository', '--skip-license', '--out', vsix], { cwd: stage, encoding: 'utf8', env: { ...process.env, CI: '1' } });
  if (done.status !== 0) throw new Error(`vsce failed: ${done.stdout}${done.stderr}`);
  fs.rmSync(stage, { recursive: true, force: true });
  if (!quiet) console.log(`${path.relative(ROOT, vsix)}  ${(fs.statSync(vsix).size / 1e6).toFixed(1)} MB`);
  return vsix;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const at = process.argv.indexOf('--target');
  const asked = at >= 0 ? process.argv[at + 1] : `${process.platform}-${process.arch}`;
  const built = spawnSync(process.execPath, [path.join(ROOT, 'scripts', 'build.mjs')], { cwd: ROOT, stdio: 'inherit' });
  if (built.status !== 0) process.exit(1);
  try {
    for (const target of asked === 'all' ? Object.keys(TARGETS) : [asked]) packageFor(target);
  } catch (e) {
    console.error(e.message);
    process.exit(1);
  }
}
