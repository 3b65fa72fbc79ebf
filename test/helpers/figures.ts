import fs from 'node:fs';

/** Hands a measured value to `npm run bench`, when that runs the tests (LINGUALIFT_FIGURES names its file); nothing is asserted about it. */
export function figure(name: string, value: number, unit: string): void {
  console.log(`      ${name}: ${Number(value.toPrecision(4))} ${unit}`);
  if (process.env.LINGUALIFT_FIGURES) fs.appendFileSync(process.env.LINGUALIFT_FIGURES, JSON.stringify({ name, value, unit }) + '\n');
}
