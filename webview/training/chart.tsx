import { type VNode } from 'preact';
import { useCallback, useEffect, useMemo, useRef, useState } from 'preact/hooks';
import uPlot from 'uplot';
import { t } from '../ui/l10n';
import { announce } from '../ui/live';
import { aligned, figure, type Line, type Plot } from './state';

/** Dashes in canvas units and as an SVG attribute; the first is a whole line. */
const DASHES: readonly (readonly number[])[] = [[], [7, 3], [2, 2], [9, 3, 2, 3], [12, 4], [4, 6]];
// The theme's orange is left out: it is the translucent colour of search results.
const COLOURS = ['--vscode-charts-blue', '--vscode-charts-yellow', '--vscode-charts-green', '--vscode-charts-purple', '--vscode-charts-red', '--vscode-foreground'] as const;

const dashOf = (n: number): readonly number[] => DASHES[n % DASHES.length]!;

/** A short piece of a line as it is drawn. */
export function Swatch({ colour, dash }: { readonly colour: number; readonly dash: number }): VNode {
  return <svg class={`swatch colour-${colour % COLOURS.length}`} viewBox="0 0 26 10" aria-hidden="true" focusable="false"><path d="M1 5H25" stroke-dasharray={dashOf(dash).join(' ')} /></svg>;
}

interface Theme {
  readonly text: string;
  readonly grid: string;
  readonly lines: readonly string[];
}

function themeOf(element: Element): Theme {
  const style = getComputedStyle(element);
  const of = (name: string): string => style.getPropertyValue(name).trim() || style.color;
  return { text: of('--vscode-descriptionForeground'), grid: of('--vscode-panel-border'), lines: COLOURS.map(of) };
}

export interface ChartProps {
  readonly plot: Plot;
  readonly unit: string;
  readonly log: boolean;
  readonly height: number;
  /** Fixed range of y; by the data when absent. */
  readonly range?: readonly [number, number];
  /** The x under the cursor, shared by all plots of a view; null: none. */
  readonly at: number | null;
  readonly onAt: (x: number) => void;
}

/** Index of the value nearest to `x` in a rising list. */
function nearest(list: readonly number[], x: number): number {
  let best = 0;
  for (let i = 1; i < list.length; i++) if (Math.abs(list[i]! - x) < Math.abs(list[best]! - x)) best = i;
  return best;
}

/** The last value of a line at or before `i`: lines of other columns have no row there. */
function valueAt(y: readonly (number | null)[], i: number): number | null {
  for (let k = i; k >= 0; k--) if (y[k] !== null && y[k] !== undefined) return y[k]!;
  return null;
}

/**
 * Curves over steps on a canvas, with a cursor for mouse and keyboard (arrows, Page Up and Down, Home, End). What is under the cursor
 * stands in words below; every number is in the table that its user offers beside it.
 */
export function Chart({ plot, unit, log, height, range, at, onAt }: ChartProps): VNode {
  const box = useRef<HTMLDivElement>(null);
  const chart = useRef<uPlot | undefined>(undefined);
  const [generation, setGeneration] = useState(0);
  const data = useMemo(() => aligned(plot.lines, log), [plot, log]);
  const latest = useRef({ data, onAt });
  latest.current = { data, onAt };
  // Another look needs another chart; new points do not.
  const look = JSON.stringify([plot.lines.map((l) => [l.colour, l.dash, l.dots]), log, height, range, generation]);

  useEffect(() => {
    const element = box.current!;
    const theme = themeOf(element);
    const axis = { stroke: theme.text, font: '11px sans-serif', grid: { stroke: theme.grid, width: 1 }, ticks: { stroke: theme.grid, width: 1, size: 4 } };
    const series = plot.lines.map((l): uPlot.Series => {
      const stroke = theme.lines[l.colour % theme.lines.length]!;
      return { stroke, width: 1.5, dash: [...dashOf(l.dash)], spanGaps: true, points: { show: l.dots, size: 4, stroke, fill: stroke } };
    });
    const made = new uPlot({
      width: Math.max(120, element.clientWidth), height,
      legend: { show: false },
      cursor: { y: false, drag: { x: false, y: false }, points: { show: false } },
      scales: { x: { time: false }, y: { distr: log ? 3 : 1, ...(range ? { range: [...range] as [number, number] } : {}) } },
      axes: [{ ...axis, size: 26 }, { ...axis, size: 58, values: (_, splits) => splits.map((v) => (v === null ? '' : figure(v).replace(/([.,]\d*?)0+$/, '$1').replace(/[.,]$/, ''))) }],
      series: [{}, ...series],
      hooks: {
        setCursor: [(u) => {
          const { left } = u.cursor;
          // A cursor that we set ourselves comes here too and says the same again.
          if (left !== undefined && left >= 0 && u.data[0].length > 0) latest.current.onAt(u.data[0][nearest(u.data[0] as number[], u.posToVal(left, 'x'))]!);
        }],
      },
    }, [latest.current.data.x, ...latest.current.data.ys] as uPlot.AlignedData, element);
    chart.current = made;
    const size = new ResizeObserver(() => made.setSize({ width: Math.max(120, element.clientWidth), height }));
    size.observe(element);
    // VS Code changes the body's class with the theme.
    const themes = new MutationObserver(() => setGeneration((n) => n + 1));
    themes.observe(document.body, { attributes: true, attributeFilter: ['class'] });
    return () => {
      size.disconnect();
      themes.disconnect();
      made.destroy();
      chart.current = undefined;
    };
    // `look` stands for everything that the chart is made of.
  }, [look]);

  useEffect(() => chart.current?.setData([data.x, ...data.ys] as uPlot.AlignedData), [data, look]);
  const index = at === null || data.x.length === 0 ? null : nearest(data.x, at);
  useEffect(() => {
    const u = chart.current;
    if (!u || index === null) return;
    const left = u.valToPos(data.x[index]!, 'x');
    if (Math.abs((u.cursor.left ?? -9) - left) > 0.5) u.setCursor({ left, top: 0 }, false);
  }, [index, data, look]);

  const describe = useCallback((i: number): string => t('{0} {1}: {2}', unit, data.x[i]!, plot.lines.map((l, k) => `${l.label} ${figure(valueAt(data.ys[k]!, i))}`).join(', ')), [data, plot, unit]);
  const onKeyDown = (e: KeyboardEvent): void => {
    const last = data.x.length - 1;
    const now = index ?? last;
    const page = Math.max(1, Math.round(last / 10));
    const moves: Readonly<Record<string, number>> = { ArrowLeft: now - 1, ArrowRight: now + 1, PageUp: now - page, PageDown: now + page, Home: 0, End: last };
    const to = moves[e.key];
    if (to === undefined || last < 0 || e.altKey || e.ctrlKey || e.metaKey) return;
    e.preventDefault();
    const next = Math.max(0, Math.min(last, index === null && e.key.startsWith('Arrow') ? last : to));
    onAt(data.x[next]!);
    announce(`${plot.title}. ${describe(next)}`);
  };
  return (
    <figure class="chart" data-plot={plot.key}>
      <figcaption><strong><bdi>{plot.title}</bdi></strong>{plot.lines.length > 1 && plot.lines.map((l) => <span key={l.label} class="chart-key"><Swatch colour={l.colour} dash={l.dash} /> <bdi>{l.label}</bdi></span>)}</figcaption>
      <div class="chart-focus" role="application" tabIndex={0} aria-label={t('{0}: arrow keys move over the steps', plot.title)} onKeyDown={onKeyDown}>
        <div ref={box} class="chart-box" aria-hidden="true" />
      </div>
      <p class="chart-read-out">{index === null ? lastWords(plot.lines) : describe(index)}</p>
    </figure>
  );
}

/** Without a cursor: the last value of each line. */
function lastWords(lines: readonly Line[]): string {
  return t('last: {0}', lines.map((l) => `${l.label} ${figure(valueAt(l.y, l.y.length - 1))}`).join(', '));
}
