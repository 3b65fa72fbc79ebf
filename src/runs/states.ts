import fs from 'node:fs';
import path from 'node:path';
import { type VectorTable } from '../core/analysis/retrieval';
import { floatsOf, NpzWriter, readNpz, textOf } from './npz';

/** Pooled states: by stage and language, row i of each table the same problem. */
export type PooledTables = ReadonlyMap<string, ReadonlyMap<string, VectorTable>>;

/** What a file of states says about itself. */
export interface StatesHead {
  readonly format: 'lift-states/1';
  /** SHA-256 over what makes the states: bundle, problems, template, languages, layers. */
  readonly fingerprint: string;
  readonly bundle: { readonly name: string; readonly precision: string; readonly sha256: string };
  readonly stages: readonly string[];
  readonly languages: readonly string[];
  readonly ids: readonly string[];
}

/**
 * Writes the pooled states of an analysis as NumPy arrays, one a stage, [languages, problems, width] float32, and `meta`, the head
 * as JSON. @throws RunError in words when the disk does not take it
 */
export async function writeStates(file: string, head: StatesHead, tables: PooledTables): Promise<void> {
  fs.mkdirSync(path.dirname(file), { recursive: true });
  const writer = new NpzWriter(file);
  try {
    writer.addTexts('meta', JSON.stringify(head));
    for (const stage of head.stages) {
      const own = tables.get(stage)!;
      const { width } = own.get(head.languages[0]!)!;
      await writer.add(stage, '<f4', [head.languages.length, head.ids.length, width], head.languages.map((language) => own.get(language)!.vectors));
    }
  } catch (e) {
    writer.abort();
    throw e;
  }
  writer.close();
}

/**
 * The states in a file, of all stages or of some; undefined when it is not there, damaged, or of another analysis: they are then
 * computed again.
 */
export function readStates(file: string, fingerprint: string, stages?: readonly string[]): { readonly head: StatesHead; readonly tables: PooledTables } | undefined {
  try {
    const head = JSON.parse(textOf(readNpz(file, ['meta']).get('meta')!)) as StatesHead;
    if (head.format !== 'lift-states/1' || head.fingerprint !== fingerprint) return undefined;
    const wanted = stages ?? head.stages;
    const arrays = readNpz(file, wanted);
    const count = head.ids.length;
    const tables = new Map(wanted.map((stage) => {
      const vectors = floatsOf(arrays.get(stage)!);
      const width = vectors.length / (head.languages.length * count);
      return [stage, new Map(head.languages.map((language, l) => [language, { vectors: vectors.subarray(l * count * width, (l + 1) * count * width), count, width }]))];
    }));
    return { head, tables };
  } catch {
    return undefined;
  }
}
