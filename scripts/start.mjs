// npm start: sets up what is missing, builds the demo bundle from real pretrained models, evaluates it on LIFT-48, writes the report.
// Arguments after -- go to the evaluation: npm start -- --limit 5 --languages en,sw
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { run, step } from './lib/log.mjs';
import { baseWeights, build, checkNode, demoBundle, nodePackages, pythonEnvironment, ROOT } from './lib/setup.mjs';

const DEMO = fs.existsSync(path.join(ROOT, 'models', 'demo', 'smol-lift', 'connector.safetensors')) ? 'smol-lift' : 'smol-text';

/** The evaluation in its own process with the terminal handed over: Ctrl-C reaches it, and it saves what is finished. */
function evaluate(args) {
  return new Promise((resolve, reject) => {
    process.removeAllListeners('SIGINT');
    process.on('SIGINT', () => undefined);
    const child = spawn(process.execPath, [path.join(ROOT, 'dist', 'cli.js'), 'evaluate', ...args], { cwd: ROOT, stdio: 'inherit' });
    child.once('error', reject);
    child.once('exit', (code, signal) => resolve(signal ? 130 : (code ?? 1)));
  });
}

await run(async () => {
  checkNode();
  await nodePackages();
  await build();
  const python = await pythonEnvironment();
  await baseWeights(python);
  const bundle = await demoBundle(python, DEMO);
  const extra = process.argv.slice(2);
  const has = (name) => extra.some((a) => a === name || a.startsWith(`${name}=`));
  const defaults = [
    ...(has('--bundle') ? [] : ['--bundle', bundle]),
    ...(has('--benchmark') ? [] : ['--benchmark', 'lift48']),
    ...(has('--precision') ? [] : ['--precision', 'int8']),
  ];
  step('Evaluating. Ctrl-C stops it; npm start again goes on where it stopped.');
  const code = await evaluate([...defaults, ...extra]);
  if (code === 0) {
    console.log('\nTo look at the run in VS Code: open this folder there (code .), choose LinguaLIFT in the activity bar, and click the run.');
    console.log('Without VS Code on this machine: npm run workbench opens one in the browser.');
  } else if (code === 130) console.log('\nStopped. npm start goes on where it stopped.');
  return code;
});
