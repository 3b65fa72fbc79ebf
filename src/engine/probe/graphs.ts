import fs from 'node:fs';
import path from 'node:path';
import type * as ort from 'onnxruntime-node';
import { type LoadedBundle } from '../sessions';
import { CuttableGraph } from './cut';

/** Inputs of the decoder graphs for one prompt. */
export interface LmInput {
  /** Ids; below zero: soft row −id−1. */
  readonly ids: readonly number[];
  /** [rows, width] */
  readonly soft: Float32Array;
}

export interface EncoderResult {
  /** Soft rows, [rows, LLM width], boundary vectors included. */
  readonly soft: Float32Array;
  /** Last hidden states, [tokens, encoder width]. */
  readonly states: Float32Array;
}

type Tensors = Readonly<Record<string, Float32Array>>;

/** Most bytes of logits at once; their statistics take several times as much. */
const LOGIT_BYTES = 16 * 2 ** 20;

/**
 * The graphs behind a probe. Final norm and head, and the attention of a single layer, are cut out of `probe.onnx`
 * (CuttableGraph), so that they are exactly what the LLM runs, whatever its precision or output transform.
 */
export class ProbeGraphs {
  private graph: CuttableGraph | undefined;
  private normSession: Promise<ort.InferenceSession> | undefined;
  private headSession: Promise<ort.InferenceSession> | undefined;

  constructor(private readonly bundle: LoadedBundle) {}

  private get lm(): LoadedBundle['manifest']['parts']['lm'] {
    return this.bundle.manifest.parts.lm;
  }

  private float(data: Float32Array, dims: readonly number[]): ort.Tensor {
    return new this.bundle.ort.Tensor('float32', data, dims);
  }

  private ids(data: readonly number[], dims: readonly number[]): ort.Tensor {
    return new this.bundle.ort.Tensor('int64', BigInt64Array.from(data, BigInt), dims);
  }

  /** Runs encoder and alignment layer on one text. */
  async encode(ids: readonly number[]): Promise<EncoderResult> {
    const session = await this.bundle.session('encoder');
    if (!session.outputNames.includes('encoder_hidden')) throw new Error('The encoder graph of this bundle has no "encoder_hidden" output. Export it again with this version.');
    const out = await session.run(this.encoderFeeds(ids), ['prefix_embeds', 'prefix_lengths', 'encoder_hidden']);
    const rows = Number((out.prefix_lengths!.data as BigInt64Array)[0]);
    return { soft: (out.prefix_embeds!.data as Float32Array).slice(0, rows * this.lm.hidden), states: out.encoder_hidden!.data as Float32Array };
  }

  private encoderFeeds(ids: readonly number[]): Record<string, ort.Tensor> {
    return { input_ids: this.ids(ids, [1, ids.length]), attention_mask: this.ids(ids.map(() => 1), [1, ids.length]) };
  }

  private lmFeeds({ ids, soft }: LmInput): Record<string, ort.Tensor> {
    return { input_ids: this.ids(ids, [1, ids.length]), soft_embeds: this.float(soft, [1, soft.length / this.lm.hidden, this.lm.hidden]), seq_lengths: this.ids([ids.length], [1]) };
  }

  /** Outputs of encoder_probe.onnx by name (`attention.N`, `hidden.N`); only these are computed and copied. */
  async encoderOutputs(ids: readonly number[], names: readonly string[]): Promise<Tensors> {
    return outputs(await this.bundle.session('encoder_probe'), this.encoderFeeds(ids), names);
  }

  /** Outputs of probe.onnx by name. */
  async lmOutputs(input: LmInput, names: readonly string[]): Promise<Tensors> {
    return outputs(await this.bundle.session('probe'), this.lmFeeds(input), names);
  }

  precisionOf(side: 'encoder' | 'lm'): string {
    return this.bundle.graphFile(side === 'encoder' ? 'encoder_probe' : 'probe').precision;
  }

  private probeGraph(): { graph: CuttableGraph; folder: string; normed: string; dataType: number } {
    const { file } = this.bundle.graphFile('probe');
    this.graph ??= new CuttableGraph(fs.readFileSync(file));
    const normed = this.graph.normBefore('logits');
    return { graph: this.graph, folder: path.dirname(file), normed, dataType: this.graph.beforeNorm(normed).dataType };
  }

  /** Final norm of states [rows, width]. */
  async finalNorm(states: Float32Array): Promise<Float32Array> {
    this.normSession ??= this.part(({ graph, normed, dataType }) => graph.cut(graph.beforeNorm(normed).from, [{ value: normed, name: 'out' }], dataType));
    return this.runPart(await this.normSession, { state: this.float(states, [states.length / this.lm.hidden, this.lm.hidden]) });
  }

  /** Logits [rows, vocabulary] of normalised states [rows, width]. */
  async head(states: Float32Array): Promise<Float32Array> {
    this.headSession ??= this.part(({ graph, normed, dataType }) => graph.cut([{ value: normed, name: 'state' }], [{ value: graph.origin('logits').value, name: 'out' }], dataType));
    return this.runPart(await this.headSession, { state: this.float(states, [states.length / this.lm.hidden, this.lm.hidden]) });
  }

  /** Rows whose logits fit the bound. */
  get headRows(): number {
    return Math.max(1, Math.min(64, Math.floor(LOGIT_BYTES / (4 * this.lm.vocab))));
  }

  private part(make: (graph: ReturnType<ProbeGraphs['probeGraph']>) => Uint8Array): Promise<ort.InferenceSession> {
    const source = this.probeGraph();
    return this.bundle.inMemory(make(source), source.folder);
  }

  /** Runs a part of the probe graph; of the feeds only what it takes is given. */
  private async runPart(session: ort.InferenceSession, feeds: Record<string, ort.Tensor>): Promise<Float32Array> {
    const state = feeds.state!;
    const all = { ...feeds, zero: this.float(new Float32Array(state.size), state.dims) };
    const out = await session.run(Object.fromEntries(Object.entries(all).filter(([name]) => session.inputNames.includes(name))));
    return out.out!.data as Float32Array;
  }

  /**
   * Attention of one layer, [heads, S, S], from the states before it, [S, width]: one layer's work instead of all.
   *
   * @param embeddings states of layer 0, [S, width]; the graph takes shapes from them
   */
  async layerAttention(input: LmInput, layer: number, states: Float32Array, embeddings: Float32Array): Promise<Float32Array> {
    const { graph } = this.probeGraph();
    const before = graph.origin(`hidden.${layer}`);
    const first = graph.origin('hidden.0').value;
    const session = await this.part(({ dataType }) => {
      const from = [...graph.at(before.value), ...(before.value === first ? [] : [{ value: first, name: 'embeddings' }])];
      return graph.cut(from, [{ value: `attention.${layer}`, name: 'out' }], dataType);
    });
    const { length } = input.ids;
    const width = this.lm.hidden;
    try {
      return await this.runPart(session, { ...this.lmFeeds(input), state: this.float(states, before.flat ? [length, width] : [1, length, width]), embeddings: this.float(embeddings, [1, length, width]) });
    } finally {
      await session.release();
    }
  }

  async release(): Promise<void> {
    for (const s of await Promise.allSettled([this.normSession, this.headSession])) if (s.status === 'fulfilled') await s.value?.release();
  }
}

async function outputs(session: ort.InferenceSession, feeds: Record<string, ort.Tensor>, names: readonly string[]): Promise<Tensors> {
  const missing = names.find((n) => !session.outputNames.includes(n));
  if (missing) throw new Error(`The probe graph of this bundle has no output "${missing}". Export the bundle again with this version.`);
  const out = await session.run(feeds, names);
  return Object.fromEntries(names.map((n) => [n, out[n]!.data as Float32Array]));
}
