import path from 'node:path';
import type * as ort from 'onnxruntime-node';
import { type BundleManifest, openBundle, type Precision, PRECISIONS } from '../../bundle';
import { type LoadParams, type LoadProgress, type LoadResult } from '../../protocol/engine';
import { OnnxModel } from '../generation/model';
import { type Tokenizers } from '../generation/prompt';
import { Tokenizer } from '../tokenizer';
import { availableMemory, estimateMemory, estimatePromptMemory } from './memory';
import { chooseProvider } from './provider';

type Ort = typeof ort;

/** A loaded bundle: tokenizers, the sessions that generation needs, and the others on demand. */
export class LoadedBundle {
  private readonly extra = new Map<string, Promise<ort.InferenceSession>>();

  private constructor(
    readonly ort: Ort,
    readonly dir: string,
    readonly manifest: BundleManifest,
    readonly precision: Precision,
    readonly tokenizers: Tokenizers,
    readonly model: OnnxModel,
    private readonly encoder: ort.InferenceSession | null,
    private readonly options: ort.InferenceSession.SessionOptions,
    readonly result: LoadResult,
  ) {}

  /**
   * Checks the bundle, chooses a provider, checks memory, and loads what generation needs.
   * @throws Error with what to do: unknown precision, no CUDA, not enough memory, damaged bundle, refused graph
   */
  static async open(params: LoadParams, onProgress: (p: LoadProgress) => void): Promise<LoadedBundle> {
    const startedAt = Date.now();
    const OF = 5;
    const step = (n: number, message: string): void => onProgress({ step: n, of: OF, message });
    if (!(PRECISIONS as readonly string[]).includes(params.precision)) throw new Error(`Unknown precision "${params.precision}". Known: ${PRECISIONS.join(', ')}.`);
    const precision = params.precision as Precision;
    step(1, 'checking the bundle');
    const { manifest, dir } = await openBundle(params.dir, { precision });
    const choice = chooseProvider(params.provider, precision);
    const context = Math.min(manifest.parts.lm.maxPositions, 512);
    const whole = params.parts !== 'prompts';
    const estimate = whole ? estimateMemory(manifest, precision, params.batch, context) : estimatePromptMemory(manifest, precision);
    const ceiling = params.memoryCeiling > 0 ? params.memoryCeiling : availableMemory();
    if (estimate > ceiling) {
      const gib = (n: number): string => `${(n / 2 ** 30).toFixed(1)} GiB`;
      throw new Error(`The bundle needs about ${gib(estimate)} at batch ${params.batch}, there are ${gib(ceiling)}. Use a smaller batch, another precision, or a higher memory ceiling.`);
    }
    step(2, 'reading the tokenizers');
    const { lm, encoder } = manifest.parts;
    const tokenizers: Tokenizers = {
      lm: Tokenizer.open(path.join(dir, lm.tokenizer ?? 'tokenizers/lm')),
      encoder: encoder ? Tokenizer.open(path.join(dir, encoder.tokenizer ?? 'tokenizers/encoder')) : null,
    };
    step(3, 'starting onnxruntime');
    const ortModule = await import('onnxruntime-node');
    const options: ort.InferenceSession.SessionOptions = {
      executionProviders: [choice.provider],
      intraOpNumThreads: params.threads,
      interOpNumThreads: 1,
      graphOptimizationLevel: 'all',
      logSeverityLevel: 3,
    };
    const files = manifest.precisions[precision]!.files;
    const open = (name: string): Promise<ort.InferenceSession> => ortModule.InferenceSession.create(path.join(dir, files[name]!), options);
    if (encoder) step(4, 'loading the encoder and the alignment layer');
    const encoderSession = encoder ? await open('encoder') : null;
    const openGenerate = whole ? () => open('generate') : () => Promise.reject(new Error('Only the prompt side of this bundle is loaded; its LLM runs elsewhere.'));
    const model = new OnnxModel(ortModule, manifest, openGenerate, encoderSession, precision === 'fp16');
    if (whole && !params.lazy) {
      step(5, 'loading the LLM');
      await model.prepare();
    }
    const result: LoadResult = {
      provider: choice.provider,
      providerReason: choice.reason,
      loadMs: Date.now() - startedAt,
      memoryEstimate: estimate,
      rss: process.memoryUsage().rss,
    };
    return new LoadedBundle(ortModule, dir, manifest, precision, tokenizers, model, encoderSession, options, result);
  }

  /** Where a graph lies: at this precision, or at fp32 when this one has none. @throws Error when the bundle does not have it */
  graphFile(name: 'step' | 'score' | 'probe' | 'encoder' | 'encoder_probe'): { readonly file: string; readonly precision: Precision } {
    const own = this.manifest.precisions[this.precision]!.files[name];
    const file = own ?? this.manifest.precisions.fp32?.files[name];
    if (!file) throw new Error(`The bundle has no ${name} graph at ${this.precision}. Export it again with this version.`);
    return { file: path.join(this.dir, file), precision: own ? this.precision : 'fp32' };
  }

  /** Another graph of this precision, loaded at its first use. @throws Error when the bundle does not have it */
  session(name: 'step' | 'score' | 'probe' | 'encoder' | 'encoder_probe'): Promise<ort.InferenceSession> {
    const known = this.extra.get(name);
    if (known) return known;
    if (name === 'encoder' && this.encoder) return Promise.resolve(this.encoder);
    const { file, precision } = this.graphFile(name);
    // The probe graph returns attention probabilities, for which there is no CUDA kernel.
    const options = name.endsWith('probe') ? { ...this.options, executionProviders: ['cpu'] } : this.options;
    const create = (): Promise<ort.InferenceSession> => this.ort.InferenceSession.create(file, options);
    // Opening checked the files of this precision only; a graph borrowed from fp32 has to be checked first.
    const session = precision === this.precision ? create() : openBundle(this.dir, { precision }).then(create);
    this.extra.set(name, session);
    return session;
  }

  /** A graph made in memory, on the CPU, whose weights lie in a folder of this bundle. The caller releases it. */
  inMemory(model: Uint8Array, weights: string): Promise<ort.InferenceSession> {
    const extra = { session: { model_external_initializers_file_folder_path: weights } };
    return this.ort.InferenceSession.create(model, { ...this.options, executionProviders: ['cpu'], extra });
  }

  async release(): Promise<void> {
    const others = await Promise.allSettled(this.extra.values());
    for (const o of others) if (o.status === 'fulfilled') await o.value.release();
    await this.model.release();
    await this.encoder?.release();
  }
}
