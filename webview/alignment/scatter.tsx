import { type VNode } from 'preact';
import { useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import { t } from '../ui/l10n';
import { announce } from '../ui/live';
import { at, boundsOf, canvasPen, drawScene, glyph, inside, nearest, placing, type Rect, type Scene } from './plot';
import { type Theme } from './theme';

export interface ScatterProps {
  readonly label: string;
  readonly scene: Scene;
  /** What all maps beside each other must show; default: the points' own. */
  readonly bounds?: Rect;
  readonly theme: Theme;
  /** Points of one language: how the cursor moves through them. */
  readonly problems: number;
  readonly cursor: number;
  readonly onCursor: (point: number) => void;
  /** Enter, or a click on a point. */
  readonly onPick: (point: number) => void;
  /** A lasso was drawn; empty: outside everything. */
  readonly onLasso: (points: number[]) => void;
  /** Space: this point into the selection, or out of it. */
  readonly onToggle: (point: number) => void;
  readonly describe: (point: number) => string;
}

const RADIUS = 4;
const STEP = 1.25;

/**
 * Points on a canvas with one cursor for mouse and keyboard: arrows go to the neighbouring problem or language, Enter joins the
 * translations of a problem, Space selects, + − 0 magnify, Escape gives the selection up. What is under the cursor stands in words below
 * and is announced; every point is in the table beside it.
 */
export function Scatter({ label, scene, bounds: given, theme, problems, cursor, onCursor, onPick, onLasso, onToggle, describe }: ScatterProps): VNode {
  const box = useRef<HTMLDivElement>(null);
  const [under, over] = [useRef<HTMLCanvasElement>(null), useRef<HTMLCanvasElement>(null)];
  const [size, setSize] = useState({ width: 10, height: 10 });
  const [view, setView] = useState<{ readonly zoom: number; readonly shift: readonly [number, number] }>({ zoom: 1, shift: [0, 0] });
  const lasso = useRef<[number, number][]>([]);
  const bounds = useMemo(() => given ?? boundsOf([scene.points]), [given, scene.points]);
  const place = useMemo(() => placing(bounds, size.width, size.height, view.zoom, view.shift), [bounds, size, view]);
  const total = scene.points.length / 2;
  const point = Math.min(cursor, total - 1);

  const surface = useCallback((canvas: HTMLCanvasElement | null): CanvasRenderingContext2D | null => {
    const context = canvas?.getContext('2d');
    if (!canvas || !context) return null;
    const ratio = window.devicePixelRatio || 1;
    const [w, h] = [Math.round(size.width * ratio), Math.round(size.height * ratio)];
    if (canvas.width !== w || canvas.height !== h) [canvas.width, canvas.height] = [w, h];
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, size.width, size.height);
    return context;
  }, [size]);

  useLayoutEffect(() => {
    const context = surface(under.current);
    if (context) drawScene(canvasPen(context), scene, place, size.width, size.height, theme.text, RADIUS);
  }, [surface, scene, place, size, theme]);

  const drawOver = useCallback(() => {
    const context = surface(over.current);
    if (!context || point < 0) return;
    const pen = canvasPen(context);
    const [x, y] = at(place, scene.points[2 * point]!, scene.points[2 * point + 1]!);
    const { colour, shape } = scene.styles[scene.of[point]!]!;
    pen.polygon(glyph(shape, x, y, RADIUS + 2), { fill: colour, stroke: theme.text, width: 1.5 });
    pen.polygon(glyph(0, x, y, RADIUS + 7), { stroke: theme.focus, width: 2 });
    if (lasso.current.length > 1) pen.polygon(lasso.current, { fill: theme.focus, stroke: theme.focus, alpha: 0.3 });
  }, [surface, place, scene, point, theme]);
  useLayoutEffect(drawOver, [drawOver]);

  useEffect(() => {
    const element = box.current!;
    const measure = (): void => setSize((old) => (old.width === element.clientWidth && old.height === element.clientHeight ? old : { width: element.clientWidth, height: element.clientHeight }));
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    measure();
    return () => observer.disconnect();
  }, []);

  /** Magnifies about a place of the surface. */
  const zoom = (factor: number, x = size.width / 2, y = size.height / 2): void => setView((old) => {
    const next = Math.max(1, Math.min(200, old.zoom * factor));
    if (next === 1) return { zoom: 1, shift: [0, 0] };
    const f = next / old.zoom;
    const [mx, my] = [x - size.width / 2, y - size.height / 2];
    return { zoom: next, shift: [mx - (mx - old.shift[0]) * f, my - (my - old.shift[1]) * f] };
  });
  /** Moves the cursor, and the map with it when the point is outside. */
  const go = (to: number): void => {
    onCursor(to);
    announce(describe(to));
    const [x, y] = at(place, scene.points[2 * to]!, scene.points[2 * to + 1]!);
    if (x < 0 || y < 0 || x > size.width || y > size.height) setView((old) => ({ zoom: old.zoom, shift: [old.shift[0] + size.width / 2 - x, old.shift[1] + size.height / 2 - y] }));
  };
  const onKeyDown = (e: KeyboardEvent): void => {
    if (e.altKey || e.ctrlKey || e.metaKey || total === 0) return;
    const languages = total / problems;
    const [l, i] = [Math.floor(point / problems), point % problems];
    const wrap = (x: number, n: number): number => (x + n) % n;
    const moves: Readonly<Record<string, number>> = {
      ArrowRight: l * problems + wrap(i + 1, problems), ArrowLeft: l * problems + wrap(i - 1, problems), ArrowDown: wrap(l + 1, languages) * problems + i, ArrowUp: wrap(l - 1, languages) * problems + i,
      Home: l * problems, End: l * problems + problems - 1, PageUp: i, PageDown: (languages - 1) * problems + i,
    };
    const acts: Readonly<Record<string, () => void>> = { Enter: () => onPick(point), ' ': () => onToggle(point), Escape: () => onLasso([]), '+': () => zoom(STEP, ...at(place, scene.points[2 * point]!, scene.points[2 * point + 1]!)), '-': () => zoom(1 / STEP), 0: () => setView({ zoom: 1, shift: [0, 0] }) };
    const to = moves[e.key];
    if (to !== undefined) go(to);
    else if (acts[e.key]) acts[e.key]!();
    else return;
    e.preventDefault();
  };

  const where = (e: MouseEvent): [number, number] => {
    const frame = box.current!.getBoundingClientRect();
    return [e.clientX - frame.left, e.clientY - frame.top];
  };
  const onPointerDown = (e: PointerEvent): void => {
    if (e.button !== 0) return;
    lasso.current = [where(e)];
    box.current!.setPointerCapture(e.pointerId);
  };
  const onPointerMove = (e: PointerEvent): void => {
    const here = where(e);
    if (e.buttons & 1 && lasso.current.length > 0) {
      const [sx, sy] = lasso.current[0]!;
      if (lasso.current.length > 1 || Math.hypot(here[0] - sx, here[1] - sy) > 4) {
        lasso.current.push(here);
        drawOver();
      }
      return;
    }
    const found = nearest(scene.points, place, ...here);
    if (found >= 0 && found !== point) onCursor(found);
  };
  const onPointerUp = (e: PointerEvent): void => {
    const drawn = lasso.current;
    lasso.current = [];
    if (drawn.length > 3) {
      const found = inside(scene.points, place, drawn);
      onLasso(found);
      announce(t('{0} points selected', found.length));
    } else if (drawn.length > 0) {
      const found = nearest(scene.points, place, ...where(e));
      if (found >= 0) onPick(found);
    }
    drawOver();
  };
  const onWheel = (e: WheelEvent): void => {
    e.preventDefault();
    zoom(e.deltaY < 0 ? STEP : 1 / STEP, ...where(e));
  };
  return (
    <div class="scatter">
      <div ref={box} class="scatter-surface" role="application" tabIndex={0} aria-label={label} onKeyDown={onKeyDown} onPointerDown={onPointerDown} onPointerMove={onPointerMove} onPointerUp={onPointerUp} onWheel={onWheel} onFocus={() => point >= 0 && announce(describe(point))}>
        <canvas ref={under} class="scatter-canvas" aria-hidden="true" />
        <canvas ref={over} class="scatter-canvas" aria-hidden="true" />
      </div>
      <p class="read-out">{point >= 0 ? describe(point) : ''}</p>
    </div>
  );
}
