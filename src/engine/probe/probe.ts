import { type LoadedBundle } from '../sessions';
import { composePrompt } from '../generation/prompt';
import { pooledBlock } from '../../core/analysis/blocks';
import { type ByteLru } from '../../core/analysis/lru';
import { klDivergence, nextTokenView, type NextTokenView, rankOf, topIndices } from '../../core/analysis/lens';
import { type AttentionParams, type Block, type LensParams, type LensResult, type LmPosition, type ProbeItem, type ProbeSide, type ProbeStage, type ProbeSummary, type Range, type SoftResult, type ThumbnailsResult } from '../../protocol/probe';
import { AttentionMatrix, rollBack, thumbnails } from './attention';
import { nearestTokens, rowNorms, TokenEmbeddings } from './embedding';
import { type EncoderResult, type LmInput, type ProbeGraphs } from './graphs';
import { type TokenTexts, type VocabularyScripts } from './tokens';

/** What all probes of one bundle share. */
export interface ProbeContext {
  readonly bundle: LoadedBundle;
  readonly graphs: ProbeGraphs;
  readonly store: ByteLru;
  readonly encoderTexts: TokenTexts | null;
  readonly lmTexts: TokenTexts;
  scripts(): VocabularyScripts;
}

/** Lets messages in and throws when the request was cancelled. Called before every native call and every long loop's step. */
export type Between = () => Promise<void>;

const DEFAULT_TOP = 5;
const MAX_TOP = 100;

/** One prompt with its completion, teacher-forced. Only ids and soft vectors are held; the rest lies in the bounded store. */
export class Probe {
  private constructor(
    private readonly context: ProbeContext,
    readonly summary: ProbeSummary,
    private readonly input: LmInput,
    private readonly encoderIds: readonly number[] | null,
    private readonly encoded: EncoderResult | null,
  ) {}

  /** @throws Error when the prompt does not fit, or one layer's attention alone would pass the memory limit */
  static async open(context: ProbeContext, handle: string, item: ProbeItem, between: Between): Promise<Probe> {
    const { bundle, graphs, store } = context;
    const { manifest, tokenizers } = bundle;
    const { lm, encoder } = manifest.parts;
    const prompt = composePrompt(manifest, tokenizers, item);
    const completion = item.completionIds ?? tokenizers.lm.encode(item.completion ?? '', false);
    const wrong = completion.find((id) => !Number.isInteger(id) || id < 0 || id >= lm.vocab);
    if (wrong !== undefined) throw new Error(`The completion holds the id ${wrong}; the vocabulary has ${lm.vocab}.`);
    const ids = [...prompt.inputIds, ...completion];
    if (ids.length > lm.maxPositions) throw new Error(`Prompt and completion have ${ids.length} tokens; the LLM takes at most ${lm.maxPositions}.`);
    const needed = Math.max(4 * lm.heads * ids.length ** 2, 4 * encoderHeads(bundle) * (prompt.encoderIds?.length ?? 0) ** 2);
    if (needed > store.limit) {
      const kib = (n: number): number => Math.ceil(n / 1024);
      throw new Error(`The attention of one layer over ${ids.length} tokens takes ${kib(needed)} KiB; the memory limit of probes is ${kib(store.limit)} KiB. Shorten the prompt or the completion, or raise the limit.`);
    }
    await between();
    const encoded = prompt.encoderIds ? await graphs.encode(prompt.encoderIds) : null;
    const positions = lmPositions(context, ids, prompt.inputIds.length, prompt.encoderIds?.length ?? 0, (encoded?.soft.length ?? 0) / lm.hidden);
    const tokens = (prompt.encoderIds ?? []).map((id) => context.encoderTexts!.show(id));
    const summary: ProbeSummary = {
      handle,
      encoder: encoder && prompt.encoderIds ? { layers: encoder.layers, heads: encoderHeads(bundle), width: encoder.hidden, precision: graphs.precisionOf('encoder'), tokens } : null,
      lm: { layers: lm.layers, heads: lm.heads, width: lm.hidden, precision: graphs.precisionOf('lm'), vocabulary: lm.vocab, positions },
      stages: stagesOf(tokens.length, positions),
      promptLength: prompt.inputIds.length,
    };
    return new Probe(context, summary, { ids, soft: encoded?.soft ?? new Float32Array(0) }, prompt.encoderIds, encoded);
  }

  private key(side: ProbeSide, kind: string, index: number): string {
    return `${this.summary.handle}/${side}/${kind}/${index}`;
  }

  forget(): void {
    this.context.store.deletePrefix(`${this.summary.handle}/`);
  }

  private part(side: ProbeSide): { layers: number; heads: number; width: number; size: number } {
    const { encoder, lm } = this.summary;
    if (side === 'lm') return { ...lm, size: lm.positions.length };
    if (!encoder) throw new Error('This bundle has no encoder (method "text").');
    return { ...encoder, size: encoder.tokens.length };
  }

  private run(side: ProbeSide, names: readonly string[]): Promise<Readonly<Record<string, Float32Array>>> {
    const { graphs } = this.context;
    return side === 'encoder' ? graphs.encoderOutputs(this.encoderIds!, names) : graphs.lmOutputs(this.input, names);
  }

  /** States [size, width] after `layer` layers; the last ones after the final norm. */
  private async states(side: ProbeSide, layer: number, between: Between): Promise<Float32Array> {
    const { layers, width, size } = this.part(side);
    if (!Number.isInteger(layer) || layer < 0 || layer > layers) throw new Error(`There is no layer ${layer}; states go from 0 (embeddings) to ${layers}.`);
    const { store } = this.context;
    const known = store.get<Float32Array>(this.key(side, 'hidden', layer));
    if (known) return known;
    await between();
    const bytes = 4 * size * width;
    const all = Array.from({ length: layers + 1 }, (_, i) => i);
    // All layers in one pass where they fit; otherwise the asked one and those after it, for they are asked for next.
    const group = bytes * all.length <= store.limit / 2 ? all : all.slice(layer, layer + Math.max(1, Math.floor(store.limit / 2 / bytes)));
    const out = await this.run(side, group.map((i) => `hidden.${i}`));
    for (const i of group) store.set(this.key(side, 'hidden', i), out[`hidden.${i}`]!, bytes);
    return out[`hidden.${layer}`]!;
  }

  private async attentionLayer(side: ProbeSide, layer: number, between: Between): Promise<AttentionMatrix> {
    const { layers, heads, size } = this.part(side);
    if (!Number.isInteger(layer) || layer < 0 || layer >= layers) throw new Error(`There is no layer ${layer}; attention goes from layer 0 to ${layers - 1}.`);
    const { store, graphs } = this.context;
    const known = store.get<AttentionMatrix>(this.key(side, 'attention', layer));
    if (known) return known;
    await between();
    const square = 4 * heads * size ** 2;
    const keep = (index: number, data: Float32Array): AttentionMatrix => {
      const matrix = AttentionMatrix.fromSquare(data, heads, size, side === 'lm');
      store.set(this.key(side, 'attention', index), matrix, matrix.bytes);
      return matrix;
    };
    if (square * layers <= store.limit / 4) {
      const all = Array.from({ length: layers }, (_, i) => i);
      const out = await this.run(side, all.map((i) => `attention.${i}`));
      return all.map((i) => keep(i, out[`attention.${i}`]!))[layer]!;
    }
    if (side === 'encoder') return keep(layer, (await this.run(side, [`attention.${layer}`]))[`attention.${layer}`]!);
    const states = await this.states(side, layer, between);
    const embeddings = await this.states(side, 0, between);
    await between();
    return keep(layer, await graphs.layerAttention(this.input, layer, states, embeddings));
  }

  private async headMean(side: ProbeSide, layer: number, between: Between): Promise<AttentionMatrix> {
    const key = this.key(side, 'mean', layer);
    let mean = this.context.store.get<AttentionMatrix>(key);
    if (!mean) {
      mean = (await this.attentionLayer(side, layer, between)).headMean();
      this.context.store.set(key, mean, mean.bytes);
    }
    return mean;
  }

  /** Roll-out over all layers: [rows, size]. */
  private async rollout(side: ProbeSide, rows: Range, between: Between): Promise<Float64Array> {
    const { layers, size } = this.part(side);
    const n = rows[1] - rows[0];
    const flow = new Float64Array(n * size);
    for (let r = 0; r < n; r++) flow[r * size + rows[0] + r] = 1;
    for (let layer = layers - 1; layer >= 0; layer--) {
      const mean = await this.headMean(side, layer, between);
      await between();
      rollBack(flow, n, mean);
    }
    return flow;
  }

  /** What LLM positions draw on encoder tokens: the LLM's roll-out onto soft slots, then the encoder's onto its tokens. */
  private async sourceRollout(rows: Range, between: Between): Promise<Float64Array> {
    const flow = await this.rollout('lm', rows, between);
    const { positions } = this.summary.lm;
    const tokens = this.part('encoder').size;
    const encoder = await this.rollout('encoder', [0, tokens], between);
    const n = rows[1] - rows[0];
    const out = new Float64Array(n * tokens);
    positions.forEach((p, s) => {
      if (typeof p.source !== 'number') return;
      for (let r = 0; r < n; r++) {
        const weight = flow[r * positions.length + s]!;
        if (weight > 0) for (let c = 0; c < tokens; c++) out[r * tokens + c]! += weight * encoder[p.source * tokens + c]!;
      }
    });
    return out;
  }

  async attention(params: AttentionParams, between: Between): Promise<Block> {
    const { side, layer, head } = params;
    const pool = params.pool ?? 1;
    if (!Number.isInteger(pool) || pool < 1) throw new Error(`pool must be a whole number of at least 1, not ${params.pool}.`);
    const height = this.part(side === 'source' ? 'lm' : side).size;
    const width = this.part(side === 'lm' ? 'lm' : 'encoder').size;
    const rows = checkRange(params.rows, height);
    const columns = checkRange(params.columns ?? [0, width], width);
    const block = (rowAt: (r: number) => ArrayLike<number>): Block => pooledBlock(rowAt, rows, columns, pool, params.poolBy ?? 'max');
    if (layer === 'rollout') {
      const flow = side === 'source' ? await this.sourceRollout(rows, between) : await this.rollout(side, rows, between);
      return block((r) => flow.subarray((r - rows[0]) * width, (r - rows[0] + 1) * width));
    }
    if (side === 'source') throw new Error('Only the roll-out leads from LLM positions to encoder tokens.');
    const { layers, heads } = this.part(side);
    if (typeof head === 'number' && (!Number.isInteger(head) || head < 0 || head >= heads)) throw new Error(`There is no head ${head}; heads go from 0 to ${heads - 1}.`);
    const line = new Float64Array(width);
    if (typeof layer === 'number') {
      const matrix = await this.attentionLayer(side, layer, between);
      return block((r) => (matrix.fill(line, head, r), line));
    }
    const n = rows[1] - rows[0];
    const sum = new Float64Array(n * width);
    for (let l = 0; l < layers; l++) {
      const matrix = await this.attentionLayer(side, l, between);
      for (let r = 0; r < n; r++) {
        matrix.fill(line, head, rows[0] + r);
        for (let c = 0; c < width; c++) {
          const i = r * width + c;
          sum[i] = layer === 'mean' ? sum[i]! + line[c]! / layers : Math.max(sum[i]!, line[c]!);
        }
      }
    }
    return block((r) => sum.subarray((r - rows[0]) * width, (r - rows[0] + 1) * width));
  }

  async thumbnails(side: ProbeSide, asked: number, between: Between): Promise<ThumbnailsResult> {
    const { layers, heads, size: tokens } = this.part(side);
    if (!Number.isInteger(asked) || asked < 1 || asked > 256) throw new Error(`The size of thumbnails must be 1 to 256, not ${asked}.`);
    const size = Math.min(asked, tokens);
    const data = new Float32Array(layers * heads * size * size);
    for (let l = 0; l < layers; l++) data.set(thumbnails(await this.attentionLayer(side, l, between), size), l * heads * size * size);
    return { data, layers, heads, size };
  }

  async hidden(side: ProbeSide, layer: number, range: Range, between: Between): Promise<Block> {
    const { width, size } = this.part(side);
    const rows = checkRange(range, size);
    const states = await this.states(side, layer, between);
    return { data: states.slice(rows[0] * width, rows[1] * width), rows: rows[1] - rows[0], columns: width };
  }

  /** Rows of soft vectors, before or after the alignment layer. A boundary vector has no row before it: zeros. */
  softVectors(which: 'before' | 'after', range: Range): Block {
    const encoded = this.requireSoft();
    const width = which === 'after' ? this.summary.lm.width : this.summary.encoder!.width;
    const sources = this.slotSources();
    const rows = checkRange(range, sources.length);
    if (which === 'after') return { data: encoded.soft.slice(rows[0] * width, rows[1] * width), rows: rows[1] - rows[0], columns: width };
    const data = new Float32Array((rows[1] - rows[0]) * width);
    for (let s = rows[0]; s < rows[1]; s++) {
      const token = sources[s];
      if (typeof token === 'number') data.set(encoded.states.subarray(token * width, (token + 1) * width), (s - rows[0]) * width);
    }
    return { data, rows: rows[1] - rows[0], columns: width };
  }

  private requireSoft(): EncoderResult {
    if (!this.encoded) throw new Error('This bundle has no encoder (method "text"), so there is no soft prefix.');
    return this.encoded;
  }

  private slotSources(): LmPosition['source'][] {
    return this.summary.lm.positions.filter((p) => p.stage === 'soft').sort((a, b) => b.id - a.id).map((p) => p.source);
  }

  async soft(asked: number | undefined, between: Between): Promise<SoftResult> {
    const encoded = this.requireSoft();
    const k = checkTop(asked);
    const { bundle, lmTexts, store } = this.context;
    const key = this.key('lm', 'soft', k);
    const known = store.get<SoftResult>(key);
    if (known) return known;
    const { width } = this.summary.lm;
    const slots = encoded.soft.length / width;
    const before = this.softVectors('before', [0, slots]);
    const norms = rowNorms(before.data, slots, before.columns);
    const table = TokenEmbeddings.of(bundle.manifest, bundle.precision, bundle.dir);
    const near = await nearestTokens(table, encoded.soft, k, between);
    const sources = this.slotSources();
    const result: SoftResult = {
      slots,
      before: norms.map((n, s) => (typeof sources[s] === 'number' ? n : NaN)),
      after: rowNorms(encoded.soft, slots, width),
      embeddings: near.norms,
      k: near.k,
      cosineIds: near.cosineIds,
      cosine: near.cosine,
      distanceIds: near.distanceIds,
      distance: near.distance,
      tokens: lmTexts.showAll([...near.cosineIds, ...near.distanceIds]),
    };
    store.set(key, result, 16 * slots * k + 8 * slots);
    return result;
  }

  async lens(params: LensParams, between: Between): Promise<LensResult> {
    const { graphs, lmTexts } = this.context;
    const { layers: last, width, vocabulary, positions } = this.summary.lm;
    const k = Math.min(checkTop(params.k), vocabulary);
    const rows = checkRange(params.rows, positions.length);
    const n = rows[1] - rows[0];
    const { layers } = params;
    const { scripts, ofId } = this.context.scripts();
    const cells = layers.length * n;
    const result = {
      topIds: new Int32Array(cells * k), topLogprobs: new Float32Array(cells * k), entropy: new Float32Array(cells), kl: new Float32Array(cells), rank: new Int32Array(cells),
      chosenLogprob: new Float32Array(cells).fill(NaN), scriptMass: new Float32Array(cells * scripts.length),
    };
    const put = (cell: number, view: NextTokenView, final: NextTokenView, next: number | undefined): void => {
      topIndices(view.logprobs, k).forEach((id, i) => {
        result.topIds[cell * k + i] = id;
        result.topLogprobs[cell * k + i] = view.logprobs[id]!;
      });
      result.entropy[cell] = view.entropy;
      result.kl[cell] = klDivergence(final, view);
      if (next !== undefined && next >= 0) {
        result.rank[cell] = rankOf(view.logprobs, next);
        result.chosenLogprob[cell] = view.logprobs[next]!;
      }
      const mass = new Float64Array(scripts.length);
      for (let id = 0; id < vocabulary; id++) mass[ofId[id]!]! += view.probabilities[id]!;
      result.scriptMass.set(mass, cell * scripts.length);
    };
    for (let at = rows[0]; at < rows[1]; at += graphs.headRows) {
      const end = Math.min(rows[1], at + graphs.headRows);
      const slice = async (layer: number): Promise<Float32Array> => (await this.states('lm', layer, between)).slice(at * width, end * width);
      const viewsOf = async (states: Float32Array): Promise<NextTokenView[]> => {
        await between();
        const logits = await graphs.head(states);
        return Array.from({ length: end - at }, (_, r) => nextTokenView(logits.subarray(r * vocabulary, (r + 1) * vocabulary)));
      };
      const final = await viewsOf(await slice(last));
      for (const [l, layer] of layers.entries()) {
        const views = layer === last ? final : await viewsOf(await graphs.finalNorm(await slice(layer)));
        views.forEach((view, r) => put(l * n + at - rows[0] + r, view, final[r]!, this.input.ids[at + r + 1]));
      }
    }
    return { layers, rows, k, ...result, scripts, tokens: lmTexts.showAll(result.topIds) };
  }
}

function checkRange(range: Range, size: number): Range {
  const [from, to] = range;
  if (!Number.isInteger(from) || !Number.isInteger(to) || from < 0 || to > size || from >= to) throw new Error(`The range ${from} to ${to} is not inside 0 to ${size}.`);
  return range;
}

function checkTop(k = DEFAULT_TOP): number {
  if (!Number.isInteger(k) || k < 1 || k > MAX_TOP) throw new Error(`k must be 1 to ${MAX_TOP}, not ${k}.`);
  return k;
}

function encoderHeads(bundle: LoadedBundle): number {
  return (bundle.manifest.parts.encoder as { heads?: number } | null)?.heads ?? 0;
}

function lmPositions({ bundle, lmTexts }: ProbeContext, ids: readonly number[], promptLength: number, encoderTokens: number, slots: number): LmPosition[] {
  const { start = false, end = false } = bundle.manifest.parts.connector?.boundary ?? {};
  const oneToOne = slots === encoderTokens + (start ? 1 : 0) + (end ? 1 : 0);
  return ids.map((id, s) => {
    if (id >= 0) return { ...lmTexts.show(id), stage: s < promptLength ? 'prompt' : 'generated' };
    const slot = -id - 1;
    const source = start && slot === 0 ? 'start' : end && slot === slots - 1 ? 'end' : oneToOne ? slot - (start ? 1 : 0) : null;
    return { id, text: '', special: false, wordStart: true, stage: 'soft', source };
  });
}

function stagesOf(encoderTokens: number, positions: readonly LmPosition[]): ProbeStage[] {
  const stages: { name: ProbeStage['name']; from: number; to: number }[] = [];
  if (encoderTokens > 0) stages.push({ name: 'encoder', from: 0, to: encoderTokens });
  positions.forEach(({ stage }, s) => {
    const last = stages.at(-1);
    if (last?.name === stage) last.to += 1;
    else stages.push({ name: stage, from: encoderTokens + s, to: encoderTokens + s + 1 });
  });
  return stages;
}
