import fs from 'node:fs';
import Mocha from 'mocha';

interface Result {
  readonly title: string;
  readonly state: string;
  readonly error?: string;
}

/** Called by the extension host. Runs the tests that are bundled here and writes the report at the very end. */
export function run(): Promise<void> {
  const mocha = new Mocha({ ui: 'bdd', timeout: 60_000, reporter: 'min' });
  mocha.suite.emit('pre-require', globalThis as unknown as Mocha.MochaGlobals, '', mocha);
  // Loaded here, when `describe` and `it` are there.
  // eslint-disable-next-line @typescript-eslint/no-require-imports
  require('./extension.test');
  // eslint-disable-next-line @typescript-eslint/no-require-imports
  require('./compare.test');
  // eslint-disable-next-line @typescript-eslint/no-require-imports
  require('./attention.test');
  // eslint-disable-next-line @typescript-eslint/no-require-imports
  require('./notebook.test');
  // eslint-disable-next-line @typescript-eslint/no-require-imports
  require('./testing.test');
  // eslint-disable-next-line @typescript-eslint/no-require-imports
  require('./training.test');
  // eslint-disable-next-line @typescript-eslint/no-require-imports
  require('./alignment.test');
  return new Promise((resolve, reject) => {
    const tests: Result[] = [];
    const runner = mocha.run((failures) => {
      const { passes, pending } = runner.stats!;
      fs.writeFileSync(process.env.LINGUALIFT_HOST_REPORT!, JSON.stringify({ passed: passes, failed: failures, skipped: pending, tests }));
      if (failures > 0) reject(new Error(`${failures} tests failed`));
      else resolve();
    });
    runner.on('pass', (t) => tests.push({ title: t.fullTitle(), state: 'passed' }));
    runner.on('pending', (t) => tests.push({ title: t.fullTitle(), state: 'skipped' }));
    runner.on('fail', (t, e: Error) => tests.push({ title: t.fullTitle(), state: 'failed', error: (e.stack ?? e.message).slice(0, 1500) }));
  });
}
