import { type VNode } from 'preact';
import { useCallback, useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { announce } from '../ui/live';

export interface MatrixProps {
  /** What the matrix shows, and how it is moved through. */
  readonly label: string;
  /** Short labels of the rows, and of the columns too when those have none of their own. */
  readonly labels: readonly string[];
  readonly columns?: readonly string[];
  /** -1 to 1; null is drawn empty. Below zero another colour is used. */
  readonly value: (row: number, column: number) => number | null;
  readonly describe: (row: number, column: number) => string;
}

const MARGIN = 26;
const LEAST = 7;
/** Pixels below the drawing for the cell in words. */
const READ_OUT = 34;

/** The theme's colours as the canvas takes them. */
function colours(element: Element): { readonly up: string; readonly down: string; readonly text: string; readonly line: string; readonly focus: string } {
  const style = getComputedStyle(element);
  const of = (name: string, otherwise: string): string => style.getPropertyValue(name).trim() || otherwise;
  const text = style.color;
  return { up: of('--vscode-charts-blue', '#3794ff'), down: of('--vscode-charts-red', '#f14c4c'), text, line: of('--vscode-panel-border', text), focus: of('--vscode-focusBorder', text) };
}

/**
 * A matrix on a canvas that fits the frame around it, with one cursor for mouse and keyboard. The cell under the cursor stands in words below the drawing
 * and is announced; every number is in the table that its user offers beside it.
 */
export function Matrix({ label, labels, columns = labels, value, describe }: MatrixProps): VNode {
  const box = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const [cursor, setCursor] = useState<readonly [number, number]>([0, Math.min(1, columns.length - 1)]);
  const [cell, setCell] = useState(LEAST);
  const [n, m] = [labels.length, columns.length];
  const head = columns === labels ? MARGIN : Math.max(MARGIN, 10 + 6 * Math.max(...columns.map((c) => c.length)));
  const [row, column] = [Math.min(cursor[0], n - 1), Math.min(cursor[1], m - 1)];

  const draw = useCallback(() => {
    const element = canvas.current;
    const context = element?.getContext('2d');
    if (!element || !context) return;
    const [wide, high] = [MARGIN + m * cell, head + n * cell];
    const scale = window.devicePixelRatio || 1;
    element.width = Math.round(wide * scale);
    element.height = Math.round(high * scale);
    element.style.width = `${wide}px`;
    element.style.height = `${high}px`;
    context.setTransform(scale, 0, 0, scale, 0, 0);
    const c = colours(element);
    for (let r = 0; r < n; r += 1) {
      for (let k = 0; k < m; k += 1) {
        const v = value(r, k);
        const [x, y] = [MARGIN + k * cell, head + r * cell];
        if (v === null) {
          context.globalAlpha = 0.5;
          context.strokeStyle = c.line;
          context.lineWidth = 1;
          context.beginPath();
          context.moveTo(x + 1, y + cell - 1);
          context.lineTo(x + cell - 1, y + 1);
          context.stroke();
        } else {
          context.globalAlpha = Math.min(1, Math.abs(v));
          context.fillStyle = v < 0 ? c.down : c.up;
          context.fillRect(x, y, cell - 1, cell - 1);
        }
      }
    }
    context.globalAlpha = 1;
    context.fillStyle = c.text;
    const every = Math.ceil(11 / cell);
    context.textBaseline = 'middle';
    const shows = (i: number, here: number): boolean => i % every === 0 || i === here;
    labels.forEach((text, i) => {
      if (!shows(i, row)) return;
      context.font = i === row ? 'bold 10px sans-serif' : '9px sans-serif';
      context.textAlign = 'right';
      context.fillText(text, MARGIN - 4, head + (i + 0.5) * cell);
    });
    columns.forEach((text, i) => {
      if (!shows(i, column)) return;
      context.font = i === column ? 'bold 10px sans-serif' : '9px sans-serif';
      context.textAlign = 'left';
      context.save();
      context.translate(MARGIN + (i + 0.5) * cell, head - 4);
      context.rotate(-Math.PI / 2);
      context.fillText(text, 0, 0);
      context.restore();
    });
    context.strokeStyle = c.focus;
    context.lineWidth = 2;
    context.strokeRect(MARGIN + column * cell - 1, head + row * cell - 1, cell + 1, cell + 1);
  }, [labels, columns, value, cell, row, column, n, m, head]);

  useLayoutEffect(draw, [draw]);
  useEffect(() => {
    const element = box.current!;
    const frame = element.parentElement!;
    const measure = (): void => setCell(Math.max(LEAST, Math.min(28, Math.floor(Math.min((frame.clientWidth - MARGIN) / Math.max(1, m), (frame.clientHeight - READ_OUT - head) / Math.max(1, n))))));
    const size = new ResizeObserver(measure);
    size.observe(frame);
    measure();
    // VS Code changes the body's class with the theme.
    const theme = new MutationObserver(draw);
    theme.observe(document.body, { attributes: true, attributeFilter: ['class'] });
    return () => {
      size.disconnect();
      theme.disconnect();
    };
  }, [draw, n, m, head]);

  const go = (r: number, k: number): void => {
    const next = [Math.max(0, Math.min(n - 1, r)), Math.max(0, Math.min(m - 1, k))] as const;
    setCursor(next);
    announce(describe(...next));
  };
  const onKeyDown = (e: KeyboardEvent): void => {
    const moves: Readonly<Record<string, readonly [number, number]>> = {
      ArrowDown: [row + 1, column], ArrowUp: [row - 1, column], ArrowRight: [row, column + 1], ArrowLeft: [row, column - 1], Home: [row, 0], End: [row, m - 1], PageUp: [0, column], PageDown: [n - 1, column],
    };
    const to = moves[e.key];
    if (!to || e.altKey || e.ctrlKey || e.metaKey) return;
    e.preventDefault();
    go(...to);
  };
  const onPointer = (e: MouseEvent): void => {
    const frame = canvas.current!.getBoundingClientRect();
    const [k, r] = [Math.floor((e.clientX - frame.left - MARGIN) / cell), Math.floor((e.clientY - frame.top - head) / cell)];
    if (r >= 0 && k >= 0 && r < n && k < m) go(r, k);
  };
  return (
    <div ref={box} class="matrix">
      <div class="matrix-focus" role="application" tabIndex={0} aria-label={label} onKeyDown={onKeyDown} onClick={onPointer} onFocus={() => announce(describe(row, column))}>
        <canvas ref={canvas} aria-hidden="true" />
      </div>
      <p class="read-out">{n > 0 ? describe(row, column) : ''}</p>
    </div>
  );
}
