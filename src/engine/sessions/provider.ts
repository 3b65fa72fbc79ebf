import fs from 'node:fs';
import path from 'node:path';
import { type ProviderState } from '../../protocol/engine';

/** Where onnxruntime-node keeps its native libraries on this platform. */
export function nativeFolder(): string | undefined {
  try {
    const root = path.dirname(require.resolve('onnxruntime-node/package.json'));
    return path.join(root, 'bin', 'napi-v6', process.platform, process.arch);
  } catch {
    return undefined;
  }
}

const LIBRARY = { linux: 'libonnxruntime_providers_cuda.so', win32: 'onnxruntime_providers_cuda.dll' } as const;

/** Which execution providers can be used, each with the reason. Looks at files only; a session says the last word. */
export function providerStates(folder = nativeFolder()): ProviderState[] {
  const cpu: ProviderState = { name: 'cpu', usable: true, reason: 'part of onnxruntime-node' };
  const no = (reason: string): ProviderState[] => [cpu, { name: 'cuda', usable: false, reason }];
  const library = process.platform === 'linux' || process.platform === 'win32' ? LIBRARY[process.platform] : undefined;
  if (!library || process.arch !== 'x64') return no(`onnxruntime has no CUDA provider for ${process.platform}-${process.arch}`);
  if (!folder) return no('onnxruntime-node is not installed');
  if (!fs.existsSync(path.join(folder, library))) {
    return no(
      `the CUDA provider library ${library} is not beside onnxruntime-node; the package onnxruntime-gpu of the same version holds it ` +
        '(README, "CUDA")',
    );
  }
  if (process.platform === 'linux' && !fs.existsSync('/dev/nvidiactl') && !fs.existsSync('/dev/dxg')) return no('no NVIDIA device was found');
  return [cpu, { name: 'cuda', usable: true, reason: 'provider library and an NVIDIA device were found' }];
}

export interface ProviderChoice {
  readonly provider: 'cpu' | 'cuda';
  readonly reason: string;
}

/**
 * Chooses the execution provider.
 *
 * @param requested `auto` takes CUDA when it is usable and the graphs are fp16, else CPU
 * @throws Error when CUDA was asked for and cannot be used, with the reason
 */
export function chooseProvider(requested: 'auto' | 'cpu' | 'cuda', precision: string, states = providerStates()): ProviderChoice {
  const cuda = states.find((s) => s.name === 'cuda')!;
  if (requested === 'cpu') {
    if (precision === 'fp16') throw new Error('fp16 graphs need the CUDA provider. Use fp32 or int8 on the CPU.');
    return { provider: 'cpu', reason: 'asked for' };
  }
  if (requested === 'cuda') {
    if (!cuda.usable) throw new Error(`CUDA cannot be used: ${cuda.reason}. Use --provider cpu, or see README, "CUDA".`);
    if (precision !== 'fp16') throw new Error(`The CUDA provider runs fp16 graphs; ${precision} graphs are for the CPU. Use --precision fp16.`);
    return { provider: 'cuda', reason: 'asked for' };
  }
  if (precision === 'fp16') {
    if (!cuda.usable) throw new Error(`fp16 graphs need CUDA, which cannot be used: ${cuda.reason}. Use --precision fp32 or int8.`);
    return { provider: 'cuda', reason: cuda.reason };
  }
  return { provider: 'cpu', reason: cuda.usable ? `${precision} graphs are for the CPU (choose fp16 for CUDA)` : `no CUDA: ${cuda.reason}` };
}
