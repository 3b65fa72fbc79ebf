import { type VNode } from 'preact';
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import { t } from '../ui/l10n';
import { MatrixCanvas, type Scene } from './canvas';
import { type Cursor, type UnitAxis } from './model';

export interface MatrixProps {
  readonly scene: Scene;
  /** Grows when tiles have come. */
  readonly version: number;
  readonly label: string;
  readonly onPoint: (at: Cursor | null) => void;
  readonly onPick: (at: Cursor) => void;
  /** Gives the canvas to who exports it. */
  readonly hold: (canvas: MatrixCanvas | undefined, element: HTMLCanvasElement | undefined) => void;
}

const PAGE = 10;
const STEP = 1.5;
/** Pixels that a press may move and still be a click. */
const STILL = 4;

/** The next unit of another stage in a direction; the end where there is none. */
function stageJump({ stages }: UnitAxis, from: number, by: number, [low, high]: readonly [number, number]): number {
  let at = from;
  while (at + by >= low && at + by < high && stages[at + by] === stages[from]) at += by;
  return Math.max(low, Math.min(high - 1, at + by));
}

/**
 * Attention of queries (rows) over keys (columns). The arrow keys move the cursor, with Control to the next stage, Page Up and Down by ten; + and − zoom, 0 shows
 * everything. Mouse: drag to pan, Control and wheel to zoom, click to set the cursor.
 */
export function Matrix({ scene, version, label, onPoint, onPick, hold }: MatrixProps): VNode {
  const element = useRef<HTMLCanvasElement>(null);
  const box = useRef<HTMLDivElement>(null);
  const canvas = useRef<MatrixCanvas | undefined>(undefined);
  const { cursor } = scene;

  useLayoutEffect(() => {
    const drawing = (canvas.current = new MatrixCanvas(element.current!));
    hold(drawing, element.current!);
    const frame = box.current!;
    const measure = (): void => drawing.resize(frame.clientWidth, frame.clientHeight);
    const observer = new ResizeObserver(measure);
    observer.observe(frame);
    measure();
    const onWheel = (e: WheelEvent): void => {
      const { left, top } = element.current!.getBoundingClientRect();
      if (e.ctrlKey || e.metaKey) drawing.zoomBy(Math.exp(-e.deltaY / 300), [e.clientX - left, e.clientY - top]);
      else if (drawing.zoomed) drawing.panBy(e.shiftKey ? e.deltaY : e.deltaX, e.shiftKey ? 0 : e.deltaY);
      else return;
      e.preventDefault();
    };
    frame.addEventListener('wheel', onWheel, { passive: false });
    return () => {
      observer.disconnect();
      frame.removeEventListener('wheel', onWheel);
      drawing.dispose();
      hold(undefined, undefined);
    };
  }, [hold]);
  useLayoutEffect(() => canvas.current?.show(scene), [scene, version]);
  useEffect(() => canvas.current?.reveal(cursor), [cursor]);

  const press = useRef<{ x: number; y: number; moved: boolean } | undefined>(undefined);
  const where = (e: MouseEvent): Cursor | null => {
    const { left, top } = element.current!.getBoundingClientRect();
    return canvas.current?.at(e.clientX - left, e.clientY - top) ?? null;
  };
  const onPointerDown = (e: PointerEvent): void => {
    if (e.button !== 0) return;
    press.current = { x: e.clientX, y: e.clientY, moved: false };
    box.current!.setPointerCapture(e.pointerId);
  };
  const onPointerMove = (e: PointerEvent): void => {
    const p = press.current;
    if (!p) {
      onPoint(where(e));
      return;
    }
    if (!p.moved && Math.hypot(e.clientX - p.x, e.clientY - p.y) < STILL) return;
    p.moved = true;
    canvas.current?.panBy(p.x - e.clientX, p.y - e.clientY);
    [p.x, p.y] = [e.clientX, e.clientY];
  };
  const onPointerUp = (e: PointerEvent): void => {
    const p = press.current;
    press.current = undefined;
    const at = p && !p.moved ? where(e) : null;
    if (at) onPick(at);
  };
  const onKeyDown = (e: KeyboardEvent): void => {
    const drawing = canvas.current;
    if (!drawing || e.altKey || e.metaKey) return;
    const { axis, rows, columns } = drawing.extent(scene);
    const [row, column] = [axis.of[cursor.row]!, axis.of[cursor.column]!];
    const to = ((): readonly [number, number] | undefined => {
      switch (e.key) {
        case 'ArrowDown': return [e.ctrlKey ? stageJump(axis, row, 1, rows) : row + 1, column];
        case 'ArrowUp': return [e.ctrlKey ? stageJump(axis, row, -1, rows) : row - 1, column];
        case 'ArrowRight': return [row, e.ctrlKey ? stageJump(axis, column, 1, columns) : column + 1];
        case 'ArrowLeft': return [row, e.ctrlKey ? stageJump(axis, column, -1, columns) : column - 1];
        case 'PageDown': return [row + PAGE, column];
        case 'PageUp': return [row - PAGE, column];
        case 'Home': return [e.ctrlKey ? rows[0] : row, columns[0]];
        case 'End': return [e.ctrlKey ? rows[1] - 1 : row, columns[1] - 1];
        default: return undefined;
      }
    })();
    if (to) {
      const fit = (at: number, [low, high]: readonly [number, number]): number => axis.starts[Math.max(low, Math.min(high - 1, at))]!;
      onPick({ row: fit(to[0], rows), column: fit(to[1], columns) });
    } else if (e.key === '+' || e.key === '=') drawing.zoomBy(STEP);
    else if (e.key === '-') drawing.zoomBy(1 / STEP);
    else if (e.key === '0') drawing.fit();
    else return;
    e.preventDefault();
  };
  return (
    <div class="matrix-frame">
      <div ref={box} class="matrix-box" role="application" tabIndex={0} aria-label={label} onKeyDown={onKeyDown} onPointerDown={onPointerDown} onPointerMove={onPointerMove} onPointerUp={onPointerUp} onPointerLeave={() => onPoint(null)}>
        <canvas ref={element} aria-hidden="true" />
      </div>
      <div class="zoom">
        <button type="button" class="small" title={t('Zoom in (+)')} aria-label={t('Zoom in (+)')} onClick={() => canvas.current?.zoomBy(STEP)}>+</button>
        <button type="button" class="small" title={t('Zoom out (−)')} aria-label={t('Zoom out (−)')} onClick={() => canvas.current?.zoomBy(1 / STEP)}>−</button>
        <button type="button" class="small" title={t('Show everything (0)')} aria-label={t('Show everything (0)')} onClick={() => canvas.current?.fit()}>⤢</button>
      </div>
    </div>
  );
}
