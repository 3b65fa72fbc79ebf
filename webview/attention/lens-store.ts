import { chipOf } from '../../src/core/analysis/tokens';
import { type LensResult, type ProbeToken, type Range } from '../../src/protocol/probe';
import { type Statistic } from './state';

/** Positions in one answer. */
export const CHUNK = 16;
export const TOP = 5;
const MOST_CHUNKS = 96;

export interface LensCell {
  readonly top: readonly { readonly id: number; readonly text: string; readonly probability: number }[];
  readonly entropy: number;
  readonly kl: number;
  /** 0 where no token follows. */
  readonly rank: number;
  /** NaN where no token follows. */
  readonly chosen: number;
  /** Probability of each script, most first, those below 1 % left out. */
  readonly scripts: readonly (readonly [script: string, mass: number])[];
}

export type LoadLens = (rows: Range, signal: AbortSignal) => Promise<LensResult>;

/** The next-token view of one prompt, fetched in chunks of positions as they come into view. */
export class LensStore {
  private readonly chunks = new Map<number, LensResult>();
  private readonly texts = new Map<number, string>();
  private running: { readonly chunk: number; readonly abort: AbortController } | undefined;
  private wanted: number[] = [];
  private halted = false;
  private failed: string | undefined;

  constructor(
    readonly positions: number,
    private readonly load: LoadLens,
    private readonly changed: () => void,
  ) {}

  get pending(): number {
    return this.wanted.length;
  }

  get stopped(): boolean {
    return this.halted;
  }

  get error(): string | undefined {
    return this.failed;
  }

  /** Positions whose numbers are there, in order. */
  get loaded(): number[] {
    return [...this.chunks.values()].flatMap(({ rows: [from, to] }) => Array.from({ length: to - from }, (_, i) => from + i)).sort((a, b) => a - b);
  }

  /** Every script that occurs. */
  get scripts(): string[] {
    return [...new Set([...this.chunks.values()].flatMap((c) => c.scripts))].filter((s) => s !== '' && s !== 'Zzzz' && s !== 'Zyyy').sort();
  }

  want([from, to]: Range): void {
    if (this.halted || this.failed !== undefined) return;
    const before = this.pending;
    this.wanted = [];
    for (let c = Math.floor(from / CHUNK); c * CHUNK < to; c++) if (!this.chunks.has(c)) this.wanted.push(c);
    if (this.running && !this.wanted.includes(this.running.chunk)) this.running.abort.abort();
    this.next();
    if (before === 0 && this.pending > 0) this.changed();
  }

  private next(): void {
    const chunk = this.wanted[0];
    if (this.running || chunk === undefined) return;
    const abort = new AbortController();
    this.running = { chunk, abort };
    this.load([chunk * CHUNK, Math.min(this.positions, (chunk + 1) * CHUNK)], abort.signal)
      .then((result) => {
        if (!abort.signal.aborted) this.keep(chunk, result);
      })
      .catch((e: unknown) => {
        if (!abort.signal.aborted) {
          this.failed = (e as Error).message;
          this.wanted = [];
        }
      })
      .finally(() => {
        this.running = undefined;
        this.next();
        this.changed();
      });
  }

  private keep(chunk: number, result: LensResult): void {
    this.chunks.set(chunk, result);
    this.wanted = this.wanted.filter((c) => c !== chunk);
    for (const token of result.tokens) this.texts.set(token.id, chipOf(token).text);
    for (const [old] of this.chunks) {
      if (this.chunks.size <= MOST_CHUNKS) break;
      this.chunks.delete(old);
    }
  }

  private find(layer: number, position: number): readonly [LensResult, number] | undefined {
    const chunk = this.chunks.get(Math.floor(position / CHUNK));
    if (!chunk) return undefined;
    const [from, to] = chunk.rows;
    return [chunk, layer * (to - from) + position - from];
  }

  /** One statistic of a cell; NaN where there is none, undefined where it has not come. */
  value(layer: number, position: number, statistic: Statistic, script: string): number | undefined {
    const found = this.find(layer, position);
    if (!found) return undefined;
    const [c, i] = found;
    switch (statistic) {
      case 'top1': return Math.exp(c.topLogprobs[i * c.k]!);
      case 'entropy': return c.entropy[i]!;
      case 'kl': return c.kl[i]!;
      case 'rank': return c.rank[i] === 0 ? NaN : c.rank[i]!;
      case 'chosen': return Math.exp(c.chosenLogprob[i]!);
      case 'script': {
        const s = c.scripts.indexOf(script);
        return s < 0 ? 0 : c.scriptMass[i * c.scripts.length + s]!;
      }
    }
  }

  /** Text of the most likely token. */
  first(layer: number, position: number): string | undefined {
    const found = this.find(layer, position);
    return found && this.texts.get(found[0].topIds[found[1] * found[0].k]!);
  }

  cell(layer: number, position: number): LensCell | undefined {
    const found = this.find(layer, position);
    if (!found) return undefined;
    const [c, i] = found;
    return {
      top: Array.from({ length: c.k }, (_, k) => ({ id: c.topIds[i * c.k + k]!, text: this.texts.get(c.topIds[i * c.k + k]!) ?? '', probability: Math.exp(c.topLogprobs[i * c.k + k]!) })),
      entropy: c.entropy[i]!, kl: c.kl[i]!, rank: c.rank[i]!, chosen: Math.exp(c.chosenLogprob[i]!),
      scripts: c.scripts.map((s, k) => [s, c.scriptMass[i * c.scripts.length + k]!] as const).filter(([, mass]) => mass >= 0.01).sort((a, b) => b[1] - a[1]),
    };
  }

  stop(): void {
    this.halted = true;
    this.wanted = [];
    this.running?.abort.abort();
    this.changed();
  }

  resume(): void {
    this.halted = false;
    this.failed = undefined;
    this.changed();
  }

  dispose(): void {
    this.halted = true;
    this.running?.abort.abort();
  }
}

/** A value on the scale of its statistic, 0 to 1: what is drawn strong. Probabilities as they are; a rank strong when it is 1. */
export function strength(value: number, statistic: Statistic, vocabulary: number): number {
  switch (statistic) {
    case 'entropy': return value / Math.log(vocabulary);
    case 'rank': return 1 - Math.log(value) / Math.log(vocabulary);
    case 'kl': return value / (value + 2);
    default: return value;
  }
}

export const tokenText = (token: ProbeToken | undefined): string => (token ? chipOf(token).text : '');
