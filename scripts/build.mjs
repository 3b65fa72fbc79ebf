// Bundles the extension host, the engine process, the CLI and the panels into dist/. `--watch` keeps at it.
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import * as esbuild from 'esbuild';

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const version = JSON.parse(fs.readFileSync(path.join(ROOT, 'package.json'), 'utf8')).version;
const tokenizers = JSON.parse(fs.readFileSync(path.join(ROOT, 'node_modules/@huggingface/tokenizers/package.json'), 'utf8')).version;

const node = {
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'cjs',
  sourcemap: 'linked',
  minify: true,
  keepNames: true,
  external: ['vscode', 'onnxruntime-node', 'tsx', 'tsx/cjs', 'esbuild'],
  logLevel: 'warning',
  absWorkingDir: ROOT,
  define: { 'process.env.LINGUALIFT_VERSION': JSON.stringify(version), 'process.env.LINGUALIFT_TOKENIZERS_VERSION': JSON.stringify(tokenizers) },
};

const exists = (p) => fs.existsSync(path.join(ROOT, p));

/**
 * The toolkit asks whether the browser knows :focus-visible by putting a style element into the page, which the panels' policy forbids.
 * VS Code's Chromium knows it.
 */
const focusVisible = {
  name: 'focus-visible',
  setup(build) {
    build.onLoad({ filter: /fast-web-utilities[\\/]dist[\\/]dom\.js$/ }, ({ path: file }) => {
      const source = fs.readFileSync(file, 'utf8');
      if (!source.includes('let _canUseFocusVisible;')) throw new Error(`${file} has changed; look at the focus-visible plugin of scripts/build.mjs.`);
      return { contents: source.replace('let _canUseFocusVisible;', 'let _canUseFocusVisible = true;'), loader: 'js' };
    });
  },
};

/** Every bundle of the project. A panel is a folder of webview/ with a main.tsx. */
export function targets() {
  const list = [
    { ...node, entryPoints: ['src/cli/main.ts'], outfile: 'dist/cli.js', banner: { js: '#!/usr/bin/env node' } },
    { ...node, entryPoints: ['src/engine/server.ts'], outfile: 'dist/engine.js' },
  ];
  if (exists('src/extension/extension.ts')) list.push({ ...node, entryPoints: ['src/extension/extension.ts'], outfile: 'dist/extension.js' });
  if (exists('src/extension/worker/main.ts')) list.push({ ...node, entryPoints: ['src/extension/worker/main.ts'], outfile: 'dist/worker.js' });
  if (exists('src/debug/adapter/main.ts')) list.push({ ...node, entryPoints: ['src/debug/adapter/main.ts'], outfile: 'dist/debug.js' });
  const panels = exists('webview') ? fs.readdirSync(path.join(ROOT, 'webview')).filter((d) => exists(`webview/${d}/main.tsx`)) : [];
  for (const panel of panels) {
    list.push({
      // The renderer of notebook outputs is imported by VS Code; its style comes with it as text.
      bundle: true, platform: 'browser', target: 'es2022', format: panel === 'notebook' ? 'esm' : 'iife', loader: { '.css': 'text' }, minify: true, sourcemap: false, logLevel: 'warning', absWorkingDir: ROOT,
      plugins: [focusVisible], jsx: 'automatic', jsxImportSource: 'preact', entryPoints: [`webview/${panel}/main.tsx`], outfile: `dist/webview/${panel}.js`,
    });
  }
  return list;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  if (process.argv.includes('--watch')) {
    for (const t of targets()) await (await esbuild.context(t)).watch();
  } else {
    const started = Date.now();
    await Promise.all(targets().map((t) => esbuild.build(t)));
    console.log(`built ${targets().length} bundles in ${Date.now() - started} ms`);
  }
}
