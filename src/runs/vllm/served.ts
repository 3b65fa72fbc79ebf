import { createHash } from 'node:crypto';
import { type BundleManifest } from '../../bundle';
import { RunError } from '../errors';

export const SERVED_DTYPES = ['float32', 'bfloat16', 'float16'] as const;

/** Files that hold the float32 decoder, in the order in which `lingualift_training.serve` hashes their hashes. */
const PARTS = ['fp32/generate.onnx', 'fp32/model.onnx.data', 'fp32/embed.data'];

/** SHA-256 over the hashes of the files that hold the bundle's float32 LLM. @throws RunError without fp32 graphs */
export function lmFingerprint(manifest: BundleManifest): string {
  const known = new Map(manifest.files.map((f) => [f.path, f.sha256]));
  const missing = PARTS.find((p) => !known.has(p));
  if (missing) throw new RunError(`The bundle "${manifest.name}" has no "${missing}". Serving its LLM needs the fp32 graphs: build it with fp32 among the precisions.`);
  return createHash('sha256').update(PARTS.map((p) => `${p} ${known.get(p)}`).join('\n')).digest('hex');
}

/** What the name under which `bundle export-vllm` serves a model says: `<bundle>-<12 digits of the LLM>-<dtype>`. */
export function parseServedName(name: string): { readonly bundle: string; readonly fingerprint: string; readonly dtype: string } | undefined {
  const match = /^(.+)-([0-9a-f]{12})-(float32|bfloat16|float16)$/.exec(name);
  return match ? { bundle: match[1]!, fingerprint: match[2]!, dtype: match[3]! } : undefined;
}
