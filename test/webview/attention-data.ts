import { pooledBlock } from '../../src/core/analysis/blocks';
import { TileCutter } from '../../src/extension/worker/tiles';
import { type AttentionSubject, type TileParams } from '../../src/protocol/attention-panel';
import { type AttentionParams, type Block, type LensResult, type LmPosition, type ProbeStage, type ProbeToken, type Range, type SoftResult, type ThumbnailsResult } from '../../src/protocol/probe';

/** Invented prompts of any length in every script, with numbers that follow rules the tests know. */

export const TEXTS: Readonly<Record<string, readonly string[]>> = {
  ar: ['لدى', ' سارة', ' ٢٤', ' تفا', 'حة', ' وأعطت', ' ٩', ' منها', '.', ' كم', ' بقي', '؟'],
  hi: [' आना', ' के', ' पास', ' २४', ' से', 'ब', ' है', 'ं', ',', ' ९', ' दे', ' दि', 'ए', '।'],
  th: ['อานา', 'มี', 'แอปเปิล', ' 24', ' ลูก', ' ให้', 'ไป', ' 9', ' ลูก', ' เหลือ', 'กี่', 'ลูก'],
  zh: ['安娜', '有', '24', '个', '苹果', '，', '给了', '9', '个', '。', '还剩', '几个', '？'],
  am: [' አና', ' 24', ' ፖም', ' አላት', '፣', ' 9', ' ሰጠች', '።', ' ስንት', ' ቀረ', '?'],
  en: [' Ana', ' has', ' ', '24', ' ap', 'ples', ' and', ' gives', ' 9', ' away', '.', '\n', 'How', ' many', '?'],
};

const token = (text: string, id: number): ProbeToken => ({ id, text, special: false, wordStart: /^\s/.test(text) });
const special = (text: string, id: number): ProbeToken => ({ id, text, special: true, wordStart: true });
const bytes = (hex: string, id: number): ProbeToken => ({ id, text: '', hex, special: false, wordStart: false });

export interface Invented {
  readonly language: string;
  /** Tokens of the encoder, with its two special ones; the texts are repeated as often as needed. */
  readonly encoder?: number;
  readonly answer?: number;
  readonly prompt?: number;
  readonly layers?: number;
  readonly heads?: number;
  readonly bundle?: string;
}

const VOCABULARY = 1000;

export function subjectOf({ language, encoder, answer = 14, prompt = 6, layers = 3, heads = 4, bundle = 'invented' }: Invented): AttentionSubject {
  const words = TEXTS[language] ?? TEXTS.en!;
  const length = (encoder ?? words.length + 4) - 2;
  // After the words two bytes that make one letter together (০, U+09E6, is three bytes: cut in two tokens).
  const body = Array.from({ length }, (_, i) => (i === length - 2 ? bytes('e0 a7', 900) : i === length - 1 ? bytes('a6', 901) : token(words[i % words.length]!, 10 + (i % words.length))));
  const tokens = encoder === 0 ? [] : [special('<s>', 0), ...body, special('</s>', 1)];
  const soft: LmPosition[] = tokens.length === 0 ? [] : ['start' as const, ...tokens.map((_, i) => i), 'end' as const].map((source) => ({ id: -1, text: '', special: false, wordStart: true, stage: 'soft', source }));
  const english = [' Solve', ' it', ' step', ' by', ' step', ':'];
  const before: LmPosition[] = [{ ...special('<|begin|>', 2), stage: 'prompt' }];
  const after = Array.from({ length: prompt }, (_, i): LmPosition => ({ ...token(english[i % english.length]!, 100 + (i % english.length)), stage: 'prompt' }));
  const reply = [' 24', ' -', ' 9', ' =', ' 15', '.', ' The', ' answer', ' is', ' 15', '.'];
  const generated = Array.from({ length: answer }, (_, i): LmPosition => ({ ...token(reply[i % reply.length]!, 200 + (i % reply.length)), stage: 'generated' }));
  const positions = [...before, ...soft, ...after, ...generated];
  const stages: ProbeStage[] = [];
  [...tokens.map(() => 'encoder' as const), ...positions.map((p) => p.stage)].forEach((name, i) => {
    const last = stages.at(-1) as { name: string; to: number } | undefined;
    if (last?.name === name) last.to = i + 1;
    else stages.push({ name, from: i, to: i + 1 });
  });
  return {
    ref: { bundle: `/nowhere/${bundle}`, question: words.join('').trim(), language, precision: 'fp32', completion: generated.map((g) => g.text).join(''), completionIds: generated.map((g) => g.id), source: { run: '/nowhere/run', id: 'lift48/17' } },
    bundle, method: 'lingualift', template: 'plain', precision: 'fp32', provider: 'cpu', fingerprint: Buffer.from(JSON.stringify([language, encoder, answer, prompt, bundle])).toString('hex').padEnd(64, '0').slice(-64),
    summary: {
      handle: 'probe-1', encoder: tokens.length === 0 ? null : { layers: layers - 1, heads, width: 8, precision: 'fp32', tokens }, lm: { layers, heads, width: 8, precision: 'fp32', vocabulary: VOCABULARY, positions }, stages,
      promptLength: positions.length - generated.length,
    },
  };
}

/** Rows and columns of a side. */
function sizeOf({ summary }: AttentionSubject, side: AttentionParams['side']): readonly [number, number] {
  const [e, s] = [summary.encoder?.tokens.length ?? 0, summary.lm.positions.length];
  return side === 'encoder' ? [e, e] : side === 'lm' ? [s, s] : [s, e];
}

/**
 * Weight of a query on a key: a share on the first key, one on the query itself, one on a key that moves with layer and head, the rest even.
 * Rows sum to 1; the LLM's are causal.
 */
export function weight(side: AttentionParams['side'], layer: AttentionParams['layer'], head: AttentionParams['head'], rows: number, columns: number, r: number, c: number): number {
  const keys = side === 'lm' ? r + 1 : columns;
  if (c >= keys) return 0;
  const shift = (typeof layer === 'number' ? 3 * layer : 1) + (typeof head === 'number' ? head + 1 : 2);
  const own = side === 'source' ? Math.floor((r * columns) / rows) : r;
  const other = (own + keys - (shift % keys)) % keys;
  return (c === 0 ? 0.3 : 0) + (c === own ? 0.2 : 0) + (c === other ? 0.4 : 0) + 0.1 / keys;
}

export const engineBlock = (subject: AttentionSubject) => (params: Omit<AttentionParams, 'handle'>): Block => {
  const [rows, columns] = sizeOf(subject, params.side);
  const line = new Float32Array(columns);
  const rowAt = (r: number): Float32Array => {
    for (let c = 0; c < columns; c++) line[c] = weight(params.side, params.layer, params.head, rows, columns, r, c);
    return line;
  };
  return pooledBlock(rowAt, params.rows, params.columns ?? [0, columns], params.pool ?? 1, params.poolBy ?? 'max');
};

/** The worker's own tile cutter over invented numbers. */
export function cutterOf(subject: AttentionSubject): (params: TileParams) => Promise<Block> {
  const cutter = new TileCutter(subject.summary, (params) => Promise.resolve(engineBlock(subject)(params)));
  return (params) => cutter.tile(params, new AbortController().signal);
}

export function thumbnailsOf(subject: AttentionSubject, side: 'encoder' | 'lm', asked: number): ThumbnailsResult {
  const part = side === 'encoder' ? subject.summary.encoder! : subject.summary.lm;
  const [n] = sizeOf(subject, side);
  const size = Math.min(asked, n);
  const data = new Float32Array(part.layers * part.heads * size * size);
  for (let l = 0; l < part.layers; l++) for (let h = 0; h < part.heads; h++) for (let r = 0; r < size; r++) for (let c = 0; c < size; c++) data[((l * part.heads + h) * size + r) * size + c] = weight(side, l, h, size, size, r, c);
  return { data, layers: part.layers, heads: part.heads, size };
}

export function softOf(subject: AttentionSubject, k: number): SoftResult {
  const slots = subject.summary.lm.positions.filter((p) => p.stage === 'soft').length;
  const ids = Int32Array.from({ length: slots * k }, (_, i) => 300 + (i % 7));
  return {
    slots, before: Float32Array.from({ length: slots }, (_, i) => (i === 0 || i === slots - 1 ? NaN : 3 + i / 10)), after: Float32Array.from({ length: slots }, (_, i) => 1 + i / 10), embeddings: { mean: 1.5, min: 0.5, q05: 0.9, median: 1.4, q95: 2, max: 4 },
    k, cosineIds: ids, cosine: Float32Array.from(ids, (_, i) => 0.9 - (i % k) / 10), distanceIds: ids, distance: Float32Array.from(ids, (_, i) => 1 + (i % k)), tokens: Array.from({ length: 7 }, (_, i) => token([' apples', ' ثلاث', 'ं', ' 三', ' many', '\n', ' the'][i]!, 300 + i)),
  };
}

/** Entropy falls and the first token's probability grows with the layer; the rank of what follows is the number of layers above. */
export function lensOf(subject: AttentionSubject, rows: Range, k: number): LensResult {
  const { layers, positions } = subject.summary.lm;
  const [n, L] = [rows[1] - rows[0], layers + 1];
  const cell = (i: number): { layer: number; position: number } => ({ layer: Math.floor(i / n), position: rows[0] + (i % n) });
  const make = (f: (layer: number, position: number, i: number) => number): Float32Array => Float32Array.from({ length: L * n }, (_, i) => f(cell(i).layer, cell(i).position, i));
  const follows = (p: number): boolean => positions[p + 1] !== undefined && positions[p + 1]!.stage !== 'soft';
  const scripts = ['', 'Latn', 'Arab', 'Deva'];
  const mass = new Float32Array(L * n * scripts.length);
  for (let i = 0; i < L * n; i++) {
    const share = cell(i).layer / layers;
    mass.set([0.1, 0.1 + 0.7 * share, 0.8 - 0.7 * share, 0], i * scripts.length);
  }
  return {
    layers: Array.from({ length: L }, (_, l) => l), rows, k,
    topIds: Int32Array.from({ length: L * n * k }, (_, i) => 300 + ((Math.floor(i / k) + (i % k)) % 7)), topLogprobs: Float32Array.from({ length: L * n * k }, (_, i) => Math.log((0.1 + (0.8 * cell(Math.floor(i / k)).layer) / layers) / 2 ** (i % k))),
    entropy: make((l) => 6 - (5 * l) / layers), kl: make((l) => 3 - (3 * l) / layers), rank: Int32Array.from({ length: L * n }, (_, i) => (follows(cell(i).position) ? 1 + layers - cell(i).layer : 0)),
    chosenLogprob: make((l, p) => (follows(p) ? Math.log(0.05 + (0.9 * l) / layers) : NaN)), scripts, scriptMass: mass, tokens: softOf(subject, 1).tokens,
  };
}
