import { TILE } from '../../src/protocol/attention-panel';
import { columnsIn, type Cursor, firstRow, half, type Model, rowsIn, type UnitAxis } from './model';
import { clipped, type Palette, sized } from './paint';
import { type Contrast, stageTitle } from './state';
import { type Place, type Tiles, type View } from './tiles';

export const LEFT = 104;
export const TOP = 76;
/** Pixels of a unit: the largest, the smallest that gets a label and lines, and the smallest cell that is drawn for itself. A cell may be so many times wider than high. */
const MOST_ZOOM = 28;
const LABELLED = 11;
const LINED = 6;
const LEAST_CELL = 2;
const STRETCH = 3;
const HALF_LINE = 8;

export interface Scene {
  readonly model: Model;
  readonly view: View;
  readonly contrast: Contrast;
  readonly tiles: Tiles;
  readonly palette: Palette;
  readonly cursor: Cursor;
  /** Under the pointer, here or in a linked plot. */
  readonly pointed: Cursor | null;
}

/** Units [from, to) of rows and columns that a scene has, on the joint axis. */
interface Extent {
  readonly axis: UnitAxis;
  readonly rows: readonly [number, number];
  readonly columns: readonly [number, number];
  readonly rowHalf: number;
  readonly columnHalf: number;
}

/** Draws a matrix of any size on one canvas and holds where one is in it. Panning and zooming draw anew and do nothing else. */
export class MatrixCanvas {
  private scene: Scene | undefined;
  /** Pixels of a unit downwards; across it is `aspect` times as much. */
  private zoom = 0;
  private aspect = 1;
  /** Zoomed in by the user; otherwise everything is shown, whatever the size of the frame. */
  private free = false;
  private x = 0;
  private y = 0;
  private width = 0;
  private height = 0;
  private frame = 0;
  private shape = '';
  private drawn = false;

  constructor(private readonly canvas: HTMLCanvasElement) {}

  dispose(): void {
    cancelAnimationFrame(this.frame);
  }

  /** What is to be seen; a scene of another shape is fitted into the frame. */
  show(scene: Scene): void {
    this.scene = scene;
    const { rows, columns } = this.extent(scene);
    const shape = `${scene.model.subject.fingerprint}/${scene.view.side}/${scene.view.units}/${rows.join()}/${columns.join()}`;
    if (shape !== this.shape) {
      this.shape = shape;
      this.free = false;
    }
    this.later();
  }

  resize(width: number, height: number): void {
    this.width = width;
    this.height = height;
    this.later();
  }

  later(): void {
    cancelAnimationFrame(this.frame);
    this.frame = requestAnimationFrame(() => this.draw());
  }

  extent({ model, view }: Pick<Scene, 'model' | 'view'>): Extent {
    const axis = model.units[view.units];
    const [rowHalf, columnHalf] = [half(axis, rowsIn(view.side)), half(axis, columnsIn(view.side))];
    return { axis, rows: [firstRow(model, axis, view.side), rowHalf[1]], columns: columnHalf, rowHalf: rowHalf[0], columnHalf: columnHalf[0] };
  }

  private get inner(): readonly [number, number] {
    return [Math.max(10, this.width - LEFT), Math.max(10, this.height - TOP)];
  }

  private get across(): number {
    return this.zoom * this.aspect;
  }

  /** The zoom that shows everything; sets the shape of the cells so that the frame is filled. */
  private fitZoom({ rows, columns }: Extent): number {
    const [w, h] = this.inner;
    const [wide, high] = [Math.min(MOST_ZOOM, w / Math.max(1, columns[1] - columns[0])), Math.min(MOST_ZOOM, h / Math.max(1, rows[1] - rows[0]))];
    this.aspect = Math.max(1 / STRETCH, Math.min(STRETCH, wide / high));
    return Math.min(high, wide / this.aspect);
  }


  private settle(e: Extent): void {
    const [w, h] = this.inner;
    const fit = this.fitZoom(e);
    if (!this.free) {
      this.zoom = fit;
      this.x = e.columns[0];
      this.y = e.rows[0];
    }
    this.zoom = Math.max(fit, Math.min(MOST_ZOOM, this.zoom));
    const clamp = (at: number, [from, to]: readonly [number, number], units: number): number => Math.max(from, Math.min(at, to - units));
    this.x = clamp(this.x, e.columns, w / this.across);
    this.y = clamp(this.y, e.rows, h / this.zoom);
  }

  fit(): void {
    this.free = false;
    this.later();
  }

  /** Zooms around a point of the canvas, or around the cursor. */
  zoomBy(factor: number, at?: readonly [number, number]): void {
    if (!this.scene) return;
    const e = this.extent(this.scene);
    const [px, py] = at ?? this.pixelOf(this.scene.cursor, e);
    const [ux, uy] = [this.x + (px - LEFT) / this.across, this.y + (py - TOP) / this.zoom];
    this.zoom = Math.max(this.fitZoom(e), Math.min(MOST_ZOOM, this.zoom * factor));
    this.free = this.zoomed;
    this.x = ux - (px - LEFT) / this.across;
    this.y = uy - (py - TOP) / this.zoom;
    this.later();
  }

  panBy(dx: number, dy: number): void {
    this.x += dx / this.across;
    this.y += dy / this.zoom;
    this.later();
  }

  /** True when not everything is in view, so that there is somewhere to pan to. */
  get zoomed(): boolean {
    return this.scene !== undefined && this.zoom > this.fitZoom(this.extent(this.scene)) * 1.001;
  }

  private pixelOf({ row, column }: Cursor, { axis }: Extent): readonly [number, number] {
    return [LEFT + (axis.of[column]! + 0.5 - this.x) * this.across, TOP + (axis.of[row]! + 0.5 - this.y) * this.zoom];
  }

  /** Brings a cell into view. */
  reveal(cursor: Cursor): void {
    if (!this.scene || this.zoom === 0) return;
    const e = this.extent(this.scene);
    const [w, h] = this.inner;
    const into = (at: number, from: number, units: number): number => (at < from ? at : at + 1 > from + units ? at + 1 - units : from);
    this.x = into(e.axis.of[cursor.column]!, this.x, w / this.across);
    this.y = into(e.axis.of[cursor.row]!, this.y, h / this.zoom);
    this.later();
  }

  /** The cell under a point of the canvas, as places of its first tokens; null beside the matrix. */
  at(px: number, py: number): Cursor | null {
    if (!this.scene || px < LEFT || py < TOP) return null;
    const { axis, rows, columns } = this.extent(this.scene);
    const [column, row] = [Math.floor(this.x + (px - LEFT) / this.across), Math.floor(this.y + (py - TOP) / this.zoom)];
    if (row < rows[0] || row >= rows[1] || column < columns[0] || column >= columns[1]) return null;
    return { row: axis.starts[row]!, column: axis.starts[column]! };
  }

  /** Level of detail and the units in view, in the side's own numbers. */
  visible(): { readonly pool: number; readonly rows: readonly [number, number]; readonly columns: readonly [number, number] } | undefined {
    if (!this.scene || this.zoom === 0) return undefined;
    const e = this.extent(this.scene);
    const [w, h] = this.inner;
    const cut = (at: number, [from, to]: readonly [number, number], units: number, start: number): readonly [number, number] => [
      Math.max(from, Math.floor(at)) - start, Math.min(to, Math.ceil(at + units)) - start,
    ];
    return { pool: this.pool, rows: cut(this.y, e.rows, h / this.zoom, e.rowHalf), columns: cut(this.x, e.columns, w / this.across, e.columnHalf) };
  }

  private get pool(): number {
    return 2 ** Math.max(0, Math.ceil(Math.log2(LEAST_CELL / Math.sqrt(this.zoom * this.across))));
  }

  private draw(): void {
    const { scene } = this;
    if (!scene || this.width === 0) return;
    const e = this.extent(scene);
    this.settle(e);
    const context = sized(this.canvas, this.width, this.height);
    const complete = this.drawTiles(context, scene, e);
    this.drawLines(context, scene, e);
    this.drawLabels(context, scene, e);
    if (complete && !this.drawn) {
      this.drawn = true;
      performance.mark('lingualift:matrix');
    }
  }

  private drawTiles(context: CanvasRenderingContext2D, scene: Scene, e: Extent): boolean {
    const { view, tiles, contrast, palette } = scene;
    const seen = this.visible()!;
    const places: Place[] = [];
    const cover = (pool: number): Place[] => {
      const span = TILE * pool;
      const out: Place[] = [];
      for (let row = Math.floor(seen.rows[0] / span); row * span < seen.rows[1]; row++) {
        for (let column = Math.floor(seen.columns[0] / span); column * span < seen.columns[1]; column++) {
          // Of the LLM's attention nothing lies above the diagonal.
          if (view.side !== 'lm' || column <= row) out.push({ pool, row, column });
        }
      }
      return out;
    };
    context.save();
    context.beginPath();
    context.rect(LEFT, TOP, (e.columns[1] - this.x) * this.across, (e.rows[1] - this.y) * this.zoom);
    context.clip();
    context.imageSmoothingEnabled = false;
    for (const pool of [...tiles.levels(view).filter((p) => p > seen.pool), seen.pool]) {
      for (const place of cover(pool)) {
        const picture = tiles.picture(view, place, contrast, palette);
        if (!picture) continue;
        const span = TILE * pool;
        const [px, py] = [LEFT + (place.column * span + e.columnHalf - this.x) * this.across, TOP + (place.row * span + e.rowHalf - this.y) * this.zoom];
        context.drawImage(picture, px, py, picture.width * pool * this.across, picture.height * pool * this.zoom);
      }
    }
    context.restore();
    places.push(...cover(seen.pool));
    const axisSize = (which: 'encoder' | 'lm'): number => {
      const [from, to] = half(e.axis, which);
      return to - from;
    };
    tiles.want(view, places, [axisSize(rowsIn(view.side)), axisSize(columnsIn(view.side))]);
    return places.every((p) => tiles.block(view, p));
  }

  private drawLines(context: CanvasRenderingContext2D, { palette, cursor, pointed }: Scene, e: Extent): void {
    const [right, bottom] = [Math.min(this.width, LEFT + (e.columns[1] - this.x) * this.across), Math.min(this.height, TOP + (e.rows[1] - this.y) * this.zoom)];
    const [px, py] = [(u: number): number => LEFT + (u - this.x) * this.across, (u: number): number => TOP + (u - this.y) * this.zoom];
    const line = (x0: number, y0: number, x1: number, y1: number): void => {
      context.moveTo(Math.round(x0) + 0.5, Math.round(y0) + 0.5);
      context.lineTo(Math.round(x1) + 0.5, Math.round(y1) + 0.5);
    };
    const [fromX, fromY] = [Math.max(e.columns[0], Math.floor(this.x)), Math.max(e.rows[0], Math.floor(this.y))];
    const [toX, toY] = [Math.min(e.columns[1], this.x + (right - LEFT) / this.across), Math.min(e.rows[1], this.y + (bottom - TOP) / this.zoom)];
    context.lineWidth = 1;
    context.strokeStyle = palette.back;
    context.beginPath();
    if (this.across >= LINED) for (let u = fromX; u <= toX; u++) if (px(u) >= LEFT) line(px(u), TOP, px(u), bottom);
    if (this.zoom >= LINED) for (let u = fromY; u <= toY; u++) if (py(u) >= TOP) line(LEFT, py(u), right, py(u));
    context.stroke();
    context.strokeStyle = palette.line;
    context.strokeRect(LEFT - 0.5, TOP - 0.5, right - LEFT + 1, bottom - TOP + 1);
    context.strokeStyle = palette.quiet;
    context.beginPath();
    for (let u = fromX + 1; u < toX; u++) if (e.axis.stages[u] !== e.axis.stages[u - 1] && px(u) >= LEFT) line(px(u), TOP - 8, px(u), bottom);
    for (let u = fromY + 1; u < toY; u++) if (e.axis.stages[u] !== e.axis.stages[u - 1] && py(u) >= TOP) line(LEFT - 8, py(u), right, py(u));
    context.stroke();
    const [wide, high] = [Math.max(3, this.across), Math.max(3, this.zoom)];
    for (const [at, width] of [[pointed, 1], [cursor, 2]] as const) {
      if (!at) continue;
      const [x, y] = this.pixelOf(at, e);
      context.strokeStyle = palette.focus;
      context.lineWidth = 1;
      context.globalAlpha = at === cursor ? 0.55 : 0.9;
      context.beginPath();
      if (y >= TOP && y <= bottom) line(LEFT, y, right, y);
      if (x >= LEFT && x <= right) line(x, TOP, x, bottom);
      context.stroke();
      context.globalAlpha = 1;
      context.lineWidth = width;
      if (x >= LEFT && y >= TOP && x <= right && y <= bottom) context.strokeRect(x - wide / 2, y - high / 2, wide, high);
    }
  }

  private drawLabels(context: CanvasRenderingContext2D, { palette, cursor, pointed }: Scene, e: Extent): void {
    const [w, h] = this.inner;
    const { axis } = e;
    context.textBaseline = 'middle';
    const range = (at: number, [from, to]: readonly [number, number], units: number): readonly [number, number] => [Math.max(from, Math.ceil(at - 0.5)), Math.min(to, Math.floor(at + units + 0.5))];
    const [ys, xs] = [range(this.y, e.rows, h / this.zoom), range(this.x, e.columns, w / this.across)];
    const put = (text: string, pixel: number, upright: boolean, font: string, colour: string, boxed: boolean): void => {
      context.save();
      context.font = font;
      if (upright) context.translate(LEFT - 6, pixel);
      else {
        context.translate(pixel, TOP - 6);
        context.rotate(-Math.PI / 2);
      }
      const short = clipped(context, text, (upright ? LEFT : TOP) - 16);
      context.textAlign = upright ? 'right' : 'left';
      if (boxed) {
        const wide = context.measureText(short).width + 4;
        context.fillStyle = palette.back;
        context.fillRect(upright ? -wide : -2, -HALF_LINE, wide + 2, 2 * HALF_LINE);
      }
      context.fillStyle = colour;
      context.fillText(short, 0, 0);
      context.restore();
    };
    const [plain, bold] = [`11px ${palette.font}`, `bold 12px ${palette.font}`];
    // Half a line high: the label of a last row that is thinner than a line would stick out of the canvas.
    const pixel = (upright: boolean, u: number): number => (upright ? Math.min(this.height - HALF_LINE, TOP + (u + 0.5 - this.y) * this.zoom) : Math.min(this.width - HALF_LINE, LEFT + (u + 0.5 - this.x) * this.across));
    for (const [upright, [from, to]] of [[true, ys], [false, xs]] as const) {
      const room = upright ? this.zoom : this.across;
      if (room >= LABELLED) for (let u = from; u < to; u++) put(axis.chips[u]!.text, pixel(upright, u), upright, plain, palette.quiet, false);
      else {
        // Too small for tokens: the stages by name, in the middle of what is seen of them.
        for (let u = from; u < to; ) {
          let end = u + 1;
          while (end < to && axis.stages[end] === axis.stages[u]) end++;
          if ((end - u) * room >= 14) put(stageTitle(axis.stages[u]!), pixel(upright, (u + end - 1) / 2), upright, plain, palette.quiet, false);
          u = end;
        }
      }
      for (const at of pointed ? [cursor, pointed] : [cursor]) {
        const u = axis.of[upright ? at.row : at.column]!;
        if (u >= from && u < to) put(axis.chips[u]!.text, pixel(upright, u), upright, bold, palette.text, true);
      }
    }
  }
}
