import { setUpPython } from '../runs/python';
import { options, text, UsageError } from './options';
import { say } from './terminal';

export const SETUP_HELP = `lingualift setup [options]

Makes the Python environment that builds bundles and trains. It lies in the cache folder
(LINGUALIFT_CACHE), shared by everything on this machine; what is there already is left alone.
Prints the environment's Python.

  --weights        also fetch the two small base models of the demo bundles
  --python FILE    Python 3.11 or newer to make the environment with
  --dry-run        print what would be done, as JSON; do nothing

Exit codes: 0 ready, 1 failed, 2 wrong input, 130 cancelled; the same command goes on.`;

export async function setupCommand(args: readonly string[]): Promise<number> {
  const o = options(args, { weights: 'flag', python: 'text', 'dry-run': 'flag' }, SETUP_HELP);
  if (o._.length > 0) throw new UsageError(`"${o._[0]}" is not an option. See --help.`);
  const abort = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => abort.abort());
  const base = text(o, 'python');
  const result = await setUpPython({ weights: o.weights === true, dryRun: o['dry-run'] === true, signal: abort.signal, onProgress: say, ...(base ? { base } : {}) });
  process.stdout.write((o['dry-run'] ? JSON.stringify(result, null, 2) : result.python) + '\n');
  return 0;
}
