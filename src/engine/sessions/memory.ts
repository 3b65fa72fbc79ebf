import fs from 'node:fs';
import os from 'node:os';
import { type BundleManifest, filesOf, type Precision } from '../../bundle';

/** The process itself. */
const PROCESS = 120 * 1024 * 1024;

/** Bytes of one token's keys and values over all layers. */
export function cacheBytesPerToken(manifest: BundleManifest, precision: Precision): number {
  const { layers, kvHeads, headDim } = manifest.parts.lm;
  return 2 * layers * kvHeads * headDim * (precision === 'fp16' ? 2 : 4);
}

/**
 * Resident memory a bundle will need, in bytes: weights (once more while ORT packs them), KV cache for `batch` rows of
 * `tokens`, which exists twice while a call returns it, and the process itself.
 */
export function estimateMemory(manifest: BundleManifest, precision: Precision, batch: number, tokens: number): number {
  const weights = filesOf(manifest, precision)
    .filter((f) => f.path.startsWith(`${precision}/`) && !/\b(?:step|score|probe|encoder_probe)\.onnx/.test(f.path))
    .reduce((sum, f) => sum + f.bytes, 0);
  return Math.round(weights * 1.15 + 3 * batch * tokens * cacheBytesPerToken(manifest, precision) + PROCESS);
}

/** The same for tokenizers and encoder alone. */
export function estimatePromptMemory(manifest: BundleManifest, precision: Precision): number {
  const weights = filesOf(manifest, precision).filter((f) => f.path.startsWith(`${precision}/encoder`)).reduce((sum, f) => sum + f.bytes, 0);
  return Math.round(weights * 1.15 + PROCESS);
}

/** Memory that can be taken now, in bytes: the smaller of the machine's and the container's. */
export function availableMemory(): number {
  let available = os.freemem();
  try {
    const kb = /MemAvailable:\s+(\d+) kB/.exec(fs.readFileSync('/proc/meminfo', 'utf8'))?.[1];
    if (kb) available = Number(kb) * 1024;
  } catch {
    // Not Linux: freemem is what there is.
  }
  const limit = readNumber('/sys/fs/cgroup/memory.max');
  const used = readNumber('/sys/fs/cgroup/memory.current');
  return limit !== undefined && used !== undefined ? Math.min(available, limit - used) : available;
}

function readNumber(file: string): number | undefined {
  try {
    const value = Number(fs.readFileSync(file, 'utf8').trim());
    return Number.isFinite(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
