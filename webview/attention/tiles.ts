import { TILE, type TileParams } from '../../src/protocol/attention-panel';
import { type Block } from '../../src/protocol/probe';
import { paintBlock, type Palette } from './paint';
import { type Contrast } from './state';

/** What a matrix shows: every tile of one view has the same. */
export type View = Pick<TileParams, 'subject' | 'side' | 'layer' | 'head' | 'units'>;
export const viewKey = (v: View): string => `${v.subject}/${v.side}/${v.layer}/${v.head}/${v.units}`;

interface Tile {
  readonly block: Block;
  readonly canvas: HTMLCanvasElement;
  painted: string;
}

/** Place of a tile on the grid of its level: `row` × TILE × pool is its first unit. */
export interface Place {
  readonly pool: number;
  readonly row: number;
  readonly column: number;
}

const placeKey = (p: Place): string => `${p.pool}/${p.row}/${p.column}`;
const KEPT_BYTES = 64 * 2 ** 20;
const AT_ONCE = 3;

export type Load = (params: TileParams, signal: AbortSignal) => Promise<Block>;

/** Tiles that were fetched, and those on their way. What is no longer wanted is called off; what is longest out of sight is forgotten. */
export class Tiles {
  private readonly kept = new Map<string, Map<string, Tile>>();
  private readonly largestOf = new Map<string, number>();
  private readonly running = new Map<string, AbortController>();
  private queue: { readonly view: View; readonly place: Place; readonly size: readonly [number, number] }[] = [];
  private bytes = 0;
  private halted = false;
  private failed: string | undefined;
  /** Bytes of numbers that came in, for figures. */
  received = 0;

  constructor(
    private readonly load: Load,
    private readonly changed: () => void,
  ) {}

  get pending(): number {
    return this.running.size + this.queue.length;
  }

  get stopped(): boolean {
    return this.halted;
  }

  get error(): string | undefined {
    return this.failed;
  }

  /** The largest value that has been seen in a view. */
  largest(view: View): number {
    return this.largestOf.get(viewKey(view)) ?? 0;
  }

  /** Levels of which something is there, the coarsest first. */
  levels(view: View): number[] {
    const pools = new Set([...(this.kept.get(viewKey(view))?.keys() ?? [])].map((k) => Number(k.split('/')[0])));
    return [...pools].sort((a, b) => b - a);
  }

  /** One cell at full detail; undefined where it has not come. */
  value(view: View, row: number, column: number): number | undefined {
    const tile = this.kept.get(viewKey(view))?.get(placeKey({ pool: 1, row: Math.floor(row / TILE), column: Math.floor(column / TILE) }));
    return tile?.block.data[(row % TILE) * tile.block.columns + (column % TILE)];
  }

  block(view: View, place: Place): Block | undefined {
    return this.kept.get(viewKey(view))?.get(placeKey(place))?.block;
  }

  /** A tile as a picture of one pixel a cell. */
  picture(view: View, place: Place, contrast: Contrast, palette: Palette): HTMLCanvasElement | undefined {
    const key = viewKey(view);
    const tiles = this.kept.get(key);
    const tile = tiles?.get(placeKey(place));
    if (!tile) return undefined;
    tiles!.delete(placeKey(place));
    tiles!.set(placeKey(place), tile);
    const most = this.largest(view);
    const painted = `${contrast}/${palette.version}/${most}`;
    if (tile.painted !== painted) {
      paintBlock(tile.canvas, tile.block.data, tile.block.rows, tile.block.columns, most, contrast, palette);
      tile.painted = painted;
    }
    return tile.canvas;
  }

  /** Asks for the places that are missing, nearest first, and calls off what another view of the same prompt wanted. */
  want(view: View, places: readonly Place[], size: readonly [number, number]): void {
    const key = viewKey(view);
    const before = this.pending;
    const wanted = new Set(places.map((p) => `${key}#${placeKey(p)}`));
    for (const [id, abort] of this.running) if (id.startsWith(`${view.subject}/`) && !wanted.has(id)) abort.abort();
    this.queue = this.queue.filter((q) => q.view.subject !== view.subject);
    if (this.halted || this.failed !== undefined) return;
    const tiles = this.kept.get(key);
    for (const place of places) if (!tiles?.has(placeKey(place)) && !this.running.has(`${key}#${placeKey(place)}`)) this.queue.push({ view, place, size });
    this.next();
    if (before === 0 && this.pending > 0) this.changed();
  }

  private next(): void {
    while (this.running.size < AT_ONCE && this.queue.length > 0) {
      const { view, place, size } = this.queue.shift()!;
      const id = `${viewKey(view)}#${placeKey(place)}`;
      const abort = new AbortController();
      this.running.set(id, abort);
      const span = TILE * place.pool;
      const rows = [place.row * span, Math.min(size[0], (place.row + 1) * span)] as const;
      const columns = [place.column * span, Math.min(size[1], (place.column + 1) * span)] as const;
      this.load({ ...view, pool: place.pool, rows, columns }, abort.signal)
        .then((block) => {
          if (!abort.signal.aborted) this.keep(view, place, block);
        })
        .catch((e: unknown) => {
          if (!abort.signal.aborted) this.fail((e as Error).message);
        })
        .finally(() => {
          this.running.delete(id);
          this.next();
          this.changed();
        });
    }
  }

  private fail(message: string): void {
    this.failed = message;
    this.queue = [];
  }

  private keep(view: View, place: Place, block: Block): void {
    const key = viewKey(view);
    let tiles = this.kept.get(key);
    this.kept.delete(key);
    this.kept.set(key, (tiles ??= new Map()));
    tiles.set(placeKey(place), { block, canvas: document.createElement('canvas'), painted: '' });
    this.bytes += block.data.byteLength;
    this.received += block.data.byteLength;
    let most = this.largest(view);
    for (const v of block.data) if (v > most) most = v;
    this.largestOf.set(key, most);
    for (const [oldKey, old] of this.kept) {
      for (const [oldPlace, tile] of old) {
        if (this.bytes <= KEPT_BYTES) return;
        old.delete(oldPlace);
        this.bytes -= tile.block.data.byteLength;
      }
      if (oldKey !== key) this.kept.delete(oldKey);
    }
  }

  /** Calls everything off until `resume`. */
  stop(): void {
    this.halted = true;
    this.queue = [];
    for (const abort of this.running.values()) abort.abort();
    this.changed();
  }

  resume(): void {
    this.halted = false;
    this.failed = undefined;
    this.changed();
  }

  /** Forgets everything: other prompts are shown. */
  clear(): void {
    for (const abort of this.running.values()) abort.abort();
    this.queue = [];
    this.kept.clear();
    this.largestOf.clear();
    this.bytes = 0;
    this.halted = false;
    this.failed = undefined;
  }
}
