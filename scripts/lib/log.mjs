// Progress lines of the set-up scripts: one per step, and one line that says what went wrong.
const started = Date.now();

export class StepError extends Error {}

export const seconds = (since) => `${((Date.now() - since) / 1000).toFixed(1)} s`;

export function step(text) {
  console.log(`[${String(Math.round((Date.now() - started) / 1000)).padStart(4)} s] ${text}`);
}

/** Runs main and turns any failure into one line and an exit code. */
export async function run(main) {
  try {
    process.exitCode = (await main()) ?? 0;
  } catch (e) {
    console.error(`\n${e instanceof StepError ? e.message : (e?.stack ?? e)}`);
    process.exitCode = 1;
  }
}
