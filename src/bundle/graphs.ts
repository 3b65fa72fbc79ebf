import fs from 'node:fs';
import path from 'node:path';
import { OnnxFormatError, type OnnxSummary, type OnnxValue, readOnnxSummary } from './onnx';
import { unsafePath } from './paths';
import { type BundleIssue } from './schema';
import { type BundleManifest, type Precision } from './types';

const FLOAT = 1;
const INT32 = 6;
const INT64 = 7;
const BOOL = 9;
const FLOAT16 = 10;
const TYPE_NAMES: Record<number, string> = { [FLOAT]: 'float32', [INT32]: 'int32', [INT64]: 'int64', [BOOL]: 'bool', [FLOAT16]: 'float16', 16: 'bfloat16' };
const typeName = (t: number): string => TYPE_NAMES[t] ?? `type ${t}`;

type Contract = Readonly<Record<string, { readonly inputs: Readonly<Record<string, number>>; readonly outputs: Readonly<Record<string, number>> }>>;

/** The graph contracts of BUNDLE.md that do not depend on the model's size. */
const CONTRACTS: Contract = {
  encoder: { inputs: { input_ids: INT64, attention_mask: INT64 }, outputs: { prefix_embeds: FLOAT, prefix_lengths: INT64 } },
  generate: {
    inputs: {
      input_ids: INT64, soft_embeds: FLOAT, seq_lengths: INT64, max_new_tokens: INT64, eos_ids: INT64, stop_count: INT64,
      past_lengths: INT32, done_in: BOOL,
    },
    outputs: { tokens: INT64, token_logprobs: FLOAT, num_tokens: INT64, done: BOOL, cache_lengths: INT32 },
  },
  step: { inputs: { input_ids: INT64, soft_embeds: FLOAT, seq_lengths: INT64, past_lengths: INT32 }, outputs: { cache_lengths: INT32 } },
  score: { inputs: { input_ids: INT64, soft_embeds: FLOAT, seq_lengths: INT64, labels: INT64 }, outputs: { token_logprobs: FLOAT, is_argmax: BOOL } },
  probe: { inputs: { input_ids: INT64, soft_embeds: FLOAT, seq_lengths: INT64 }, outputs: {} },
};

/** Reads every graph's signature and external data table and compares them with the contract and the manifest's shapes. */
export function checkGraphs(dir: string, manifest: BundleManifest, precision?: Precision): BundleIssue[] {
  const issues: BundleIssue[] = [];
  const listed = new Set(manifest.files.map((f) => f.path));
  for (const [name, part] of Object.entries(manifest.precisions)) {
    if (precision && name !== precision) continue;
    for (const [graph, file] of Object.entries(part.files)) {
      if (!file.endsWith('.onnx')) continue;
      let summary: OnnxSummary;
      try {
        summary = readOnnxSummary(path.join(dir, file));
      } catch (e) {
        const why = e instanceof OnnxFormatError ? e.message : (e as Error).message;
        issues.push({ code: 'graph', message: `"${file}" is not an ONNX graph: ${why}.`, fix: 'Export the bundle again.' });
        continue;
      }
      issues.push(...checkExternal(dir, file, summary, listed), ...checkContract(file, graph, summary), ...checkShapes(file, graph, summary, manifest));
    }
  }
  return issues;
}

function checkExternal(dir: string, file: string, summary: OnnxSummary, listed: ReadonlySet<string>): BundleIssue[] {
  const folder = path.posix.dirname(file);
  const needed = new Map<string, number>();
  for (const t of summary.external) needed.set(t.location, Math.max(needed.get(t.location) ?? 0, t.offset + t.length));
  const issues: BundleIssue[] = [];
  for (const [location, bytes] of needed) {
    const data = path.posix.join(folder, location);
    const unsafe = unsafePath(path.join(dir, folder), location);
    if (unsafe || location.includes('/')) {
      issues.push({ code: 'path', message: `"${file}" reads its weights from "${location}", which is refused: ${unsafe ?? 'weights must lie beside the graph'}.`, fix: 'Do not use this bundle unless you made it; export it again.' });
    } else if (!listed.has(data)) {
      issues.push({ code: 'file', message: `"${file}" reads its weights from "${data}", which the manifest does not list.`, fix: 'Export the bundle again.' });
    } else {
      const size = fs.statSync(path.join(dir, data), { throwIfNoEntry: false })?.size;
      if (size === undefined) issues.push({ code: 'file', message: `"${data}" is missing; "${file}" reads its weights from it.`, fix: 'Copy the whole bundle folder again, or export it again.' });
      else if (size < bytes) issues.push({ code: 'size', message: `"${data}" is truncated: "${file}" needs ${bytes} bytes, there are ${size}.`, fix: 'Copy the bundle again, or export it again.' });
    }
  }
  return issues;
}

function checkContract(file: string, graph: string, summary: OnnxSummary): BundleIssue[] {
  const contract = CONTRACTS[graph];
  if (!contract) return [];
  const issues: BundleIssue[] = [];
  const compare = (side: 'input' | 'output', want: Readonly<Record<string, number>>, have: readonly OnnxValue[]): void => {
    for (const [name, type] of Object.entries(want)) {
      const value = have.find((v) => v.name === name);
      if (!value) issues.push({ code: 'graph', message: `"${file}" has no ${side} "${name}".`, fix: 'Export the bundle again with this version.' });
      else if (value.elemType !== type) {
        issues.push({ code: 'dtype', message: `"${file}": ${side} "${name}" is ${typeName(value.elemType)}, expected ${typeName(type)}.`, fix: 'Export the bundle again with this version.' });
      }
    }
  };
  compare('input', contract.inputs, summary.inputs);
  compare('output', contract.outputs, summary.outputs);
  return issues;
}

function checkShapes(file: string, graph: string, summary: OnnxSummary, manifest: BundleManifest): BundleIssue[] {
  const { lm } = manifest.parts;
  const issues: BundleIssue[] = [];
  const expect = (what: string, have: number | string | undefined, want: number): void => {
    if (typeof have === 'number' && have !== want) {
      issues.push({ code: 'shape', message: `"${file}": ${what} is ${have}, the manifest says ${want}.`, fix: 'The manifest and the graph do not belong together; export the bundle again.' });
    }
  };
  const soft = summary.inputs.find((v) => v.name === 'soft_embeds');
  expect('the width of soft_embeds', soft?.dims[2], lm.hidden);
  const past = summary.inputs.filter((v) => v.name.startsWith('past_key_values.'));
  if (past.length > 0) {
    if (past.length !== 2 * lm.layers) issues.push({ code: 'shape', message: `"${file}" has ${past.length / 2} layers of cache, the manifest says ${lm.layers}.`, fix: 'Export the bundle again.' });
    expect('the number of key/value heads', past[0]!.dims[1], lm.kvHeads);
    expect('the head size', past[0]!.dims[3], lm.headDim);
  }
  if (graph === 'encoder') expect('the width of the soft prefix', summary.outputs.find((v) => v.name === 'prefix_embeds')?.dims[2], lm.hidden);
  return issues;
}
