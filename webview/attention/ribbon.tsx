import { type VNode } from 'preact';
import { useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import { type Units } from '../../src/protocol/attention-panel';
import { t } from '../ui/l10n';
import { type Cursor, type Model, type Stage, type UnitAxis } from './model';
import { stageTitle, tokenWords } from './state';

export interface RibbonProps {
  readonly model: Model;
  readonly units: Units;
  readonly cursor: Cursor;
  readonly pointed: Cursor | null;
  /** How much each unit gets of the query's attention, 0 to 1; empty while it is not known. */
  readonly heat: Float32Array;
  readonly onPoint: (place: number | null) => void;
  /** `key`: as key of the cell, otherwise as query. */
  readonly onPick: (place: number, key: boolean) => void;
}

const LINE = 28;
const GUTTER = 86;
const GAP = 3;
const WIDEST = 200;
const SHADES = 8;

interface Line {
  readonly from: number;
  readonly to: number;
  readonly stage: Stage;
  readonly first: boolean;
}

let measurer: CanvasRenderingContext2D | undefined;

/** Width of each chip in pixels. */
function widths({ chips }: UnitAxis, font: string): Float32Array {
  measurer ??= document.createElement('canvas').getContext('2d')!;
  measurer.font = font;
  const known = new Map<string, number>();
  return Float32Array.from(chips, ({ text }) => {
    let width = known.get(text);
    if (width === undefined) known.set(text, (width = Math.ceil(Math.min(WIDEST, measurer!.measureText(text).width + 12))));
    return width;
  });
}

/** Chips in lines; a stage begins a new one. */
function linesOf(axis: UnitAxis, width: Float32Array, room: number): Line[] {
  const lines: Line[] = [];
  let from = 0;
  let used = 0;
  for (let u = 0; u < axis.count; u++) {
    const border = u > 0 && axis.stages[u] !== axis.stages[u - 1];
    if (u > from && (border || used + width[u]! > room)) {
      lines.push({ from, to: u, stage: axis.stages[from]!, first: from === 0 || axis.stages[from] !== axis.stages[from - 1] });
      from = u;
      used = 0;
    }
    used += width[u]! + GAP;
  }
  if (axis.count > from) lines.push({ from, to: axis.count, stage: axis.stages[from]!, first: from === 0 || axis.stages[from] !== axis.stages[from - 1] });
  return lines;
}

/** Step of shade for a weight: square root, so that small weights are seen. */
const shadeOf = (weight: number | undefined): number => (weight === undefined || !(weight > 0) ? 0 : Math.max(1, Math.round(SHADES * Math.sqrt(Math.min(1, weight)))));

/**
 * All tokens in their order and stages. Only the lines in view are there. Arrow keys move the query, with Shift the key; up and down go by lines, Control with an
 * arrow to the next stage.
 */
export function Ribbon({ model, units, cursor, pointed, heat, onPoint, onPick }: RibbonProps): VNode {
  const axis = model.units[units];
  const box = useRef<HTMLDivElement>(null);
  const [view, setView] = useState({ top: 0, height: 150, width: 0, font: '' });
  useLayoutEffect(() => {
    const el = box.current!;
    const measure = (): void => {
      const style = getComputedStyle(el);
      setView({ top: el.scrollTop, height: el.clientHeight, width: el.clientWidth, font: `${style.fontSize} ${style.fontFamily}` });
    };
    const observer = new ResizeObserver(measure);
    observer.observe(el);
    measure();
    return () => observer.disconnect();
  }, []);
  const width = useMemo(() => (view.font === '' ? new Float32Array(axis.count) : widths(axis, view.font)), [axis, view.font]);
  const lines = useMemo(() => (view.width === 0 ? [] : linesOf(axis, width, view.width - GUTTER - 8)), [axis, width, view.width]);
  const lineOf = (unit: number): number => lines.findIndex((l) => unit < l.to);
  const [query, key] = [axis.of[cursor.row]!, axis.of[cursor.column]!];

  const bring = (unit: number): void => {
    const el = box.current;
    const line = lineOf(unit);
    if (!el || line < 0) return;
    if (line * LINE < el.scrollTop) el.scrollTop = line * LINE;
    else if ((line + 1) * LINE > el.scrollTop + el.clientHeight) el.scrollTop = (line + 1) * LINE - el.clientHeight;
  };
  useLayoutEffect(() => bring(key), [key, lines]);
  useLayoutEffect(() => bring(query), [query, lines]);

  const unitOf = (e: Event): number | undefined => {
    const at = (e.target as Element).closest<HTMLElement>('[data-unit]')?.dataset.unit;
    return at === undefined ? undefined : Number(at);
  };
  const onKeyDown = (e: KeyboardEvent): void => {
    if (e.altKey || e.metaKey) return;
    const at = e.shiftKey ? key : query;
    const line = lineOf(at);
    const beside = (by: number): number => {
      const [own, other] = [lines[line], lines[line + by]];
      return own && other ? Math.min(other.to - 1, other.from + (at - own.from)) : at;
    };
    const stage = (by: number): number => {
      let u = at;
      while (u + by >= 0 && u + by < axis.count && axis.stages[u + by] === axis.stages[at]) u += by;
      return u + by;
    };
    const moves: Readonly<Record<string, () => number>> = {
      ArrowRight: () => (e.ctrlKey ? stage(1) : at + 1), ArrowLeft: () => (e.ctrlKey ? stage(-1) : at - 1), ArrowDown: () => beside(1), ArrowUp: () => beside(-1), Home: () => 0, End: () => axis.count - 1,
    };
    const to = moves[e.key]?.();
    if (to === undefined) return;
    e.preventDefault();
    onPick(axis.starts[Math.max(0, Math.min(axis.count - 1, to))]!, e.shiftKey);
  };
  const [from, to] = [Math.max(0, Math.floor(view.top / LINE) - 2), Math.min(lines.length, Math.ceil((view.top + view.height) / LINE) + 2)];
  const marked = pointed && { query: axis.of[pointed.row]!, key: axis.of[pointed.column]! };
  return (
    <div
      ref={box} class="ribbon" role="listbox" tabIndex={0} aria-label={t('Tokens in stages: encoder, soft prefix, prompt, answer. Arrow keys choose the query, with Shift the key.')} aria-activedescendant={lineOf(query) >= from && lineOf(query) < to ? `token-${model.subject.fingerprint.slice(0, 6)}-${query}` : undefined}
      style={{ height: `${Math.max(1, lines.length) * LINE + 2}px` }} onScroll={() => setView((old) => ({ ...old, top: box.current!.scrollTop }))} onKeyDown={onKeyDown}
      onPointerOver={(e) => {
        const unit = unitOf(e);
        onPoint(unit === undefined ? null : axis.starts[unit]!);
      }}
      onPointerLeave={() => onPoint(null)}
      onClick={(e) => {
        const unit = unitOf(e);
        if (unit !== undefined) onPick(axis.starts[unit]!, e.shiftKey);
      }}
    >
      <div class="vspace" role="presentation" style={{ height: `${lines.length * LINE}px` }}>
        {lines.slice(from, to).map((line, i) => (
          <div key={line.from} class={line.first ? 'ribbon-line first' : 'ribbon-line'} role="presentation" style={{ top: `${(from + i) * LINE}px` }}>
            <span class="ribbon-stage" aria-hidden="true">{line.first ? stageTitle(line.stage) : ''}</span>
            {Array.from({ length: line.to - line.from }, (_, k) => {
              const u = line.from + k;
              const { text, kind } = axis.chips[u]!;
              const names = ['tok', `tok-${kind}`, `stage-${line.stage}`, `heat-${shadeOf(heat[u])}`];
              if (u === query) names.push('is-query');
              if (u === key) names.push('is-key');
              if (marked && (u === marked.query || u === marked.key)) names.push('is-pointed');
              return <bdi key={u} id={`token-${model.subject.fingerprint.slice(0, 6)}-${u}`} data-unit={u} class={names.join(' ')} role="option" aria-selected={u === query} aria-setsize={axis.count} aria-posinset={u + 1} title={tokenWords(model, u, units)} style={{ width: `${width[u]}px` }}>{text}</bdi>;
            })}
          </div>
        ))}
      </div>
    </div>
  );
}
