import fs from 'node:fs';
import path from 'node:path';
import { diskError, RunError } from '../errors';
import { shippedBenchmarks } from '../benchmark';

/** One row of published numbers. Accuracies in percent, as printed in the source. */
export interface PublishedSystem {
  readonly system: string;
  readonly base?: string;
  readonly benchmark: string;
  /** Language code -> accuracy in percent. */
  readonly languages: Readonly<Record<string, number>>;
  /** The source's own mean and over how many languages; null when the source gives none. */
  readonly mean: { readonly value: number; readonly languages: number } | null;
  readonly source: string;
  readonly note?: string;
}

export interface ReferenceTable {
  readonly format: 'lift-reference/1';
  readonly systems: readonly PublishedSystem[];
}

/** The table that is shipped with the project, or undefined where it is not installed. */
export function shippedReference(): ReferenceTable | undefined {
  const file = path.join(shippedBenchmarks(), 'reference', 'published.json');
  return fs.existsSync(file) ? readReference(file) : undefined;
}

/**
 * Reads a reference table; it is meant to be edited by hand, so every field is checked.
 * @throws RunError naming the entry and the field
 */
export function readReference(file: string): ReferenceTable {
  let text: string;
  try {
    text = fs.readFileSync(file, 'utf8');
  } catch (e) {
    throw diskError(e, 'read', file);
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (e) {
    throw new RunError(`"${file}" is not JSON: ${(e as Error).message}`);
  }
  const wrong = (where: string, what: string): RunError => new RunError(`"${file}", ${where}: ${what}`);
  if (!isRecord(value) || value.format !== 'lift-reference/1') throw wrong('format', 'must be "lift-reference/1".');
  if (!Array.isArray(value.systems)) throw wrong('systems', 'must be a list.');
  const systems = value.systems.map((entry: unknown, i): PublishedSystem => {
    const at = `systems[${i}]`;
    if (!isRecord(entry)) throw wrong(at, 'must be an object.');
    for (const field of ['system', 'benchmark', 'source']) if (typeof entry[field] !== 'string') throw wrong(`${at}.${field}`, 'must be a text.');
    for (const field of ['base', 'note']) if (entry[field] !== undefined && typeof entry[field] !== 'string') throw wrong(`${at}.${field}`, 'must be a text, or left out.');
    if (!isRecord(entry.languages)) throw wrong(`${at}.languages`, 'must be an object of accuracies, such as {"en": 66.0}; {} when unknown.');
    for (const [code, accuracy] of Object.entries(entry.languages)) {
      if (!isPercent(accuracy)) throw wrong(`${at}.languages.${code}`, 'must be a percentage from 0 to 100.');
    }
    const mean = entry.mean;
    if (mean !== null && !(isRecord(mean) && isPercent(mean.value) && Number.isInteger(mean.languages))) {
      throw wrong(`${at}.mean`, 'must be null or {"value": percentage, "languages": how many}.');
    }
    return entry as unknown as PublishedSystem;
  });
  return { format: 'lift-reference/1', systems };
}

/** Rows of a benchmark that hold a number; a row left empty for the user is not shown. */
export function systemsFor(table: ReferenceTable, benchmark: string): PublishedSystem[] {
  return table.systems.filter((s) => s.benchmark.toLowerCase() === benchmark.toLowerCase() && (s.mean !== null || Object.keys(s.languages).length > 0));
}

const isRecord = (x: unknown): x is Record<string, unknown> => typeof x === 'object' && x !== null && !Array.isArray(x);
const isPercent = (x: unknown): x is number => typeof x === 'number' && x >= 0 && x <= 100;
