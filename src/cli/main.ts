import { BundleError } from '../bundle';
import { RunError } from '../runs/errors';
import { HelpAsked, UsageError } from './options';
import { say } from './terminal';
import { VERSION } from './version';

type Command = { readonly summary: string; readonly run: (args: readonly string[]) => Promise<number> };

/** Commands load their module when used: `--help` must not wait for what it does not need. */
const COMMANDS: Readonly<Record<string, Command>> = {
  evaluate: { summary: 'run a benchmark on a bundle', run: async (a) => (await import('./evaluate')).evaluateCommand(a) },
  bundle: { summary: 'build, inspect or verify a bundle', run: async (a) => (await import('./bundle')).bundleCommand(a) },
  runs: { summary: 'list or show runs', run: async (a) => (await import('./runs')).runsCommand(a) },
  score: { summary: 'score completions from standard input, or score a run again', run: async (a) => (await import('./score')).scoreCommand(a) },
  compare: { summary: 'compare two or more runs problem by problem', run: async (a) => (await import('./compare')).compareCommand(a) },
  report: { summary: 'write a report of one or several runs', run: async (a) => (await import('./report')).reportCommand(a) },
  'check-benchmarks': { summary: 'check benchmark folders', run: async (a) => (await import('./check')).checkCommand(a) },
  recall: { summary: "check translations by the encoder's own embeddings", run: async (a) => (await import('./recall')).recallCommand(a) },
  align: { summary: 'compare the states of languages at every stage', run: async (a) => (await import('./align')).alignCommand(a) },
  probe: { summary: 'write what one prompt does inside a bundle as .npz', run: async (a) => (await import('./probe')).probeCommand(a) },
  setup: { summary: 'make the Python environment for building bundles and training', run: async (a) => (await import('./setup')).setupCommand(a) },
  doctor: { summary: 'check this machine', run: async (a) => (await import('./doctor')).doctorCommand(a) },
};

const HELP = `lingualift ${VERSION}

${Object.entries(COMMANDS).map(([name, c]) => `  ${name.padEnd(18)}${c.summary}`).join('\n')}

lingualift COMMAND --help says more. Exit codes: 0 ok, 1 failed while running, 2 wrong input, 3 disk, 4 conflict, 130 cancelled.`;

async function main(argv: readonly string[]): Promise<number> {
  const [name, ...rest] = argv;
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    process.stdout.write(HELP + '\n');
    return name === undefined ? 2 : 0;
  }
  if (name === '--version') {
    process.stdout.write(VERSION + '\n');
    return 0;
  }
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (!command) throw new UsageError(`Unknown command "${name}". Known: ${Object.keys(COMMANDS).join(', ')}.`);
  return command.run(rest);
}

process.stdout.on('error', (e: NodeJS.ErrnoException) => {
  if (e.code === 'EPIPE') process.exit(0);
});

main(process.argv.slice(2)).then(
  (code) => {
    process.exitCode = code;
  },
  (e: unknown) => {
    if (e instanceof HelpAsked) {
      process.stdout.write(e.message + '\n');
      return;
    }
    const known = e instanceof UsageError || e instanceof RunError || e instanceof BundleError;
    say(`lingualift: ${e instanceof Error ? e.message : String(e)}`);
    if (!known && process.env.LINGUALIFT_DEBUG && e instanceof Error) say(e.stack ?? '');
    process.exitCode = e instanceof RunError ? e.exit : e instanceof UsageError || e instanceof BundleError ? 2 : 1;
  },
);
