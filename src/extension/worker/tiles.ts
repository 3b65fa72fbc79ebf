import { pooledBlock, wordBlock } from '../../core/analysis/blocks';
import { ByteLru } from '../../core/analysis/lru';
import { encoderTokens, lmTokens, tokenStarts, wordStarts } from '../../core/analysis/tokens';
import { MOST_CELLS, TILE, type AttentionSide, type TileParams } from '../../protocol/attention-panel';
import { type AttentionParams, type Block, type ProbeSummary, type Range } from '../../protocol/probe';

/** Asks the engine for a block. */
export type AskBlock = (params: Omit<AttentionParams, 'handle'>, signal: AbortSignal) => Promise<Block>;

/** Rows that are asked of the engine at once where it must go through all layers for them. */
const STRIP = TILE;
/** Fewer rows than this are not worth a strip. */
const FEW = 4;
const KEPT_BYTES = 96 * 2 ** 20;

/**
 * Cuts tiles for one prompt. One layer's weights come from the engine at the level of detail that is asked for; what runs through all
 * layers (roll-out, mean and maximum over layers) and what is summed up to words is computed in strips of whole rows that are kept,
 * within a number of bytes.
 */
export class TileCutter {
  private readonly strips = new ByteLru(KEPT_BYTES);
  private readonly starts: Readonly<Record<'encoder' | 'lm', { readonly tokens: Int32Array; readonly words: Int32Array }>>;

  constructor(
    summary: ProbeSummary,
    private readonly ask: AskBlock,
  ) {
    const encoder = summary.encoder?.tokens ?? [];
    const { positions } = summary.lm;
    this.starts = {
      encoder: { tokens: tokenStarts(encoder.length), words: wordStarts(encoderTokens(encoder)) },
      lm: { tokens: tokenStarts(positions.length), words: wordStarts(lmTokens(positions, encoder)) },
    };
  }

  /** @throws Error when the ranges are not inside, or the answer would be too large */
  async tile(params: TileParams, signal: AbortSignal): Promise<Block> {
    const { side, units, pool, rows, columns } = params;
    const [rowStarts, columnStarts] = [this.starts[side === 'encoder' ? 'encoder' : 'lm'][units], this.starts[side === 'lm' ? 'lm' : 'encoder'][units]];
    inside(rows, rowStarts.length - 1);
    inside(columns, columnStarts.length - 1);
    if (!Number.isInteger(pool) || pool < 1) throw new Error(`pool must be a whole number of at least 1, not ${pool}.`);
    const [height, width] = [Math.ceil((rows[1] - rows[0]) / pool), Math.ceil((columns[1] - columns[0]) / pool)];
    if (height * width > MOST_CELLS) throw new Error(`A tile of ${height} × ${width} cells is too large.`);
    if (units === 'tokens' && (typeof params.layer === 'number' || rows[1] - rows[0] <= FEW)) {
      const kept = pool === 1 && rows[1] - rows[0] <= FEW ? this.keptRows(params, rows) : undefined;
      if (!kept) return this.ask({ side, layer: params.layer, head: params.head, rows, columns, pool, poolBy: 'max' }, signal);
    }
    const data = new Float32Array(height * width);
    // A few rows of the answer at a time, so that a coarse tile never needs all of its tokens at once.
    const step = Math.max(1, Math.floor(STRIP / pool)) * pool;
    for (let at = rows[0]; at < rows[1]; at += step) {
      const part: Range = [at, Math.min(rows[1], at + step)];
      const tokens: Range = [rowStarts[part[0]]!, rowStarts[part[1]]!];
      const lines = await this.tokenRows(params, tokens, signal);
      const keys = columnStarts[columnStarts.length - 1]!;
      const block = units === 'tokens' ? { data: lines, rows: part[1] - part[0], columns: keys } : wordBlock(lines, part, rowStarts, columnStarts);
      const pooled = pooledBlock((r) => block.data.subarray((r - at) * block.columns, (r - at + 1) * block.columns), part, columns, pool, 'max');
      data.set(pooled.data, ((at - rows[0]) / pool) * width);
    }
    return { data, rows: height, columns: width };
  }

  private key({ side, layer, head }: TileParams, strip: number): string {
    return `${side}/${layer}/${layer === 'rollout' ? '' : head}/${strip}`;
  }

  private keptRows(params: TileParams, rows: Range): true | undefined {
    for (let s = Math.floor(rows[0] / STRIP); s * STRIP < rows[1]; s++) if (!this.strips.get(this.key(params, s))) return undefined;
    return true;
  }

  /** Weights of whole rows, token by token: [rows, all keys]. */
  private async tokenRows(params: TileParams, rows: Range, signal: AbortSignal): Promise<Float32Array> {
    const { side, layer, head } = params;
    const count = this.starts[side === 'encoder' ? 'encoder' : 'lm'].tokens.length - 1;
    const width = this.starts[side === 'lm' ? 'lm' : 'encoder'].tokens.length - 1;
    const out = new Float32Array((rows[1] - rows[0]) * width);
    for (let s = Math.floor(rows[0] / STRIP); s * STRIP < rows[1]; s++) {
      const range: Range = [s * STRIP, Math.min(count, (s + 1) * STRIP)];
      const key = this.key(params, s);
      let strip = this.strips.get<Float32Array>(key);
      if (!strip) {
        strip = (await this.ask({ side, layer, head, rows: range }, signal)).data;
        this.strips.set(key, strip, strip.byteLength);
      }
      const [from, to] = [Math.max(rows[0], range[0]), Math.min(rows[1], range[1])];
      out.set(strip.subarray((from - range[0]) * width, (to - range[0]) * width), (from - rows[0]) * width);
    }
    return out;
  }

  /** Units on each axis of a side: [rows, columns]. */
  size(side: AttentionSide, units: TileParams['units']): readonly [number, number] {
    return [this.starts[side === 'encoder' ? 'encoder' : 'lm'][units].length - 1, this.starts[side === 'lm' ? 'lm' : 'encoder'][units].length - 1];
  }
}

function inside([from, to]: Range, size: number): void {
  if (!Number.isInteger(from) || !Number.isInteger(to) || from < 0 || from >= to || to > size) throw new Error(`The range ${from} to ${to} is not inside 0 to ${size}.`);
}
