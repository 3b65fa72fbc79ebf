// What the workbench tests stand on: VS Code's server and browser workbench (code-server) and Node 24 from the package registry,
// Chromium and fonts for every script from the system's packages. Each step is skipped when its result is there.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

const CODE_SERVER = '4.139.1';
const NODE_24 = '24.21.0';

/** The user's cache folder of LinguaLIFT (the same rule as src/runs/locations.ts). */
export function cacheFolder() {
  if (process.env.LINGUALIFT_CACHE) return path.resolve(process.env.LINGUALIFT_CACHE);
  if (process.platform === 'darwin') return path.join(os.homedir(), 'Library', 'Caches', 'lingualift');
  return path.join(process.env.XDG_CACHE_HOME ?? path.join(os.homedir(), '.cache'), 'lingualift');
}

/** Thrown when a machine cannot run these tests; the message is the reason that the skip line shows. */
export class Unavailable extends Error {}

function run(command, args, options = {}) {
  const done = spawnSync(command, args, { encoding: 'utf8', maxBuffer: 1 << 26, ...options });
  if (done.status !== 0) throw new Unavailable(`"${command} ${args.slice(0, 4).join(' ')}" failed: ${(done.stderr || done.error?.message || '').trim().split('\n').slice(-3).join(' ')}`);
  return done.stdout;
}

const NPM_QUIET = ['--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];

/**
 * Installs code-server and Node 24 below the cache folder, without compiling anything.
 *
 * @returns {{ node: string, entry: string }} the Node 24 executable and code-server's entry script
 * @throws Unavailable on a platform without packages, or when the registry cannot be reached
 */
export function workbenchRuntime() {
  if (process.platform !== 'linux' || (process.arch !== 'x64' && process.arch !== 'arm64')) throw new Unavailable(`the workbench runtime is set up for Linux on x64 and arm64, not ${process.platform}-${process.arch}`);
  const nodePackage = `node-linux-${process.arch}`;
  const dir = path.join(cacheFolder(), 'workbench', `code-server-${CODE_SERVER}`);
  const node = path.join(dir, 'node_modules', nodePackage, 'bin', 'node');
  const entry = path.join(dir, 'node_modules', 'code-server', 'out', 'node', 'entry.js');
  const stamp = path.join(dir, 'complete');
  if (fs.existsSync(stamp)) return { node, entry };
  console.log(`Setting up the workbench runtime in ${dir} (once, about 20 s) …`);
  fs.mkdirSync(dir, { recursive: true });
  const manifest = { name: 'lingualift-workbench-runtime', version: '0.0.0', private: true, dependencies: { 'code-server': CODE_SERVER, [nodePackage]: NODE_24 } };
  fs.writeFileSync(path.join(dir, 'package.json'), JSON.stringify(manifest, null, 2));
  run('npm', ['install', ...NPM_QUIET], { cwd: dir });
  const env = { ...process.env, PATH: `${path.dirname(node)}${path.delimiter}${process.env.PATH}` };
  const server = path.join(dir, 'node_modules', 'code-server', 'lib', 'vscode');
  for (const folder of [server, path.join(server, 'extensions')]) run('npm', ['install', '--omit=dev', ...NPM_QUIET], { cwd: folder, env });
  run(node, [entry, '--config', path.join(dir, 'config.yaml'), '--version'], { env });
  fs.writeFileSync(stamp, new Date().toISOString());
  return { node, entry };
}

const CHROMIUM = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

/** Scripts of the 48 languages that a plain system has no glyphs for; one sample character each. */
const SCRIPT_SAMPLES = { Arab: 'ar', Beng: 'bn', Deva: 'hi', Gujr: 'gu', Knda: 'kn', Mlym: 'ml', Taml: 'ta', Telu: 'te', Thai: 'th', Armn: 'hy', Jpan: 'ja', Kore: 'ko', Hans: 'zh' };

function missingScripts() {
  const list = spawnSync('fc-list', [':', 'lang'], { encoding: 'utf8' });
  if (list.status !== 0) return Object.keys(SCRIPT_SAMPLES);
  const covered = new Set(list.stdout.split('\n').flatMap((line) => line.replace(/^.*lang=/, '').split(/[|,]/)).map((l) => l.trim().split('-')[0]));
  return Object.entries(SCRIPT_SAMPLES).filter(([, lang]) => !covered.has(lang)).map(([script]) => script);
}

const installable = () => process.platform === 'linux' && process.getuid?.() === 0 && spawnSync('apt-get', ['--version']).status === 0;

function aptInstall(...packages) {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  run('apt-get', ['update', '-qq'], { env });
  run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...packages], { env });
}

/** Path of a Chromium: env CHROMIUM, a system one, or (as root on Debian) installed now. @throws Unavailable */
export function chromium() {
  const found = [process.env.CHROMIUM, ...CHROMIUM].find((p) => p && fs.existsSync(p));
  if (found) return found;
  if (!installable()) throw new Unavailable('Chromium is not installed; install it or set CHROMIUM to its path');
  console.log('Installing Chromium …');
  aptInstall('chromium');
  return CHROMIUM[0];
}

/** Fonts for all 48 languages. @returns the scripts that stay without a font (ISO 15924 codes) */
export function fonts() {
  const missing = missingScripts();
  if (missing.length === 0 || !installable()) return missing;
  console.log(`Installing fonts for ${missing.join(', ')} …`);
  try {
    aptInstall('fonts-noto-core', 'fonts-noto-cjk');
  } catch (e) {
    console.log(`Fonts could not be installed: ${e.message}`);
  }
  return missingScripts();
}

/** Ends a test script that cannot run here: one reason, one summary line, exit 0. */
export function skipAll(name, reason) {
  console.log(`SKIPPED ${name}: ${reason}.`);
  console.log('0 passed, 0 failed, 1 skipped');
  process.exit(0);
}
