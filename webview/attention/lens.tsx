import { type VNode } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { Select } from '../ui/fields';
import { Checkbox } from '../ui/native';
import { percent, t } from '../ui/l10n';
import { announce } from '../ui/live';
import { type LensStore, strength } from './lens-store';
import { type Model, type Stage } from './model';
import { clipped, onTheme, palette as readPalette, type Palette, sized } from './paint';
import { type Change, isolated, STATISTICS, type Statistic, statisticTitle, tokenWords } from './state';

export interface LensProps {
  readonly model: Model;
  readonly store: LensStore;
  /** Grows when numbers have come. */
  readonly version: number;
  readonly statistic: Statistic;
  readonly script: string;
  /** LLM position that is looked at. */
  readonly position: number;
  readonly change: Change;
  readonly onPick: (position: number) => void;
  readonly hold: (canvas: HTMLCanvasElement | undefined) => void;
}

const GUTTER = 66;
const HEAD = 24;
const ROW = 22;
const WIDE = 78;
const NARROW = 18;

const digits = (x: number): string => x.toFixed(2);

/** A statistic as it is written. */
export function statisticText(value: number, statistic: Statistic): string {
  if (Number.isNaN(value)) return '–';
  return statistic === 'rank' ? String(value) : statistic === 'entropy' || statistic === 'kl' ? digits(value) : percent(value);
}

export const layerTitle = (layer: number): string => (layer === 0 ? t('embeddings') : t('layer {0}', layer));

/** Everything about one cell in words. */
function describe(model: Model, store: LensStore, layer: number, position: number): string {
  const unit = model.encoder + position;
  const where = `${layerTitle(layer)}, ${tokenWords(model, unit, 'tokens')}`;
  const cell = store.cell(layer, position);
  if (!cell) return t('{0}: not computed yet', where);
  const top = cell.top.map((k) => `“${isolated(k.text)}” ${percent(k.probability)}`).join(', ');
  const follows = cell.rank === 0 ? t('no token follows here') : t('what follows has rank {0}, {1}', cell.rank, percent(cell.chosen));
  const scripts = cell.scripts.map(([s, mass]) => `${scriptTitle(s)} ${percent(mass)}`).join(', ');
  return t('{0}: next {1}; {2}; entropy {3} nats, KL to the last layer {4} nats; {5}', where, top, follows, digits(cell.entropy), digits(cell.kl), scripts);
}

export const scriptTitle = (script: string): string => (script === '' ? t('no letters') : script === 'Zzzz' ? t('bytes') : script === 'Zyyy' ? t('other letters') : script);

interface Drawn {
  readonly model: Model;
  readonly store: LensStore;
  readonly statistic: Statistic;
  readonly script: string;
  readonly layer: number;
  readonly position: number;
  readonly cell: number;
  readonly palette: Palette;
}

/** The part of the grid that is in view. */
function draw(context: CanvasRenderingContext2D, width: number, height: number, left: number, top: number, d: Drawn): void {
  const { model, store, palette, cell } = d;
  const layers = model.subject.summary.lm.layers;
  const { vocabulary } = model.subject.summary.lm;
  const [from, to] = inView(d, left, width);
  context.textBaseline = 'middle';
  for (let p = from; p < to; p++) {
    const x = GUTTER + p * cell - left;
    for (let r = 0; r <= layers; r++) {
      const y = HEAD + r * ROW - top;
      if (y + ROW < HEAD || y > height) continue;
      const layer = layers - r;
      const value = store.value(layer, p, d.statistic, d.script);
      if (value === undefined || Number.isNaN(value)) continue;
      const step = Math.round(255 * Math.max(0, Math.min(1, strength(value, d.statistic, vocabulary))));
      context.fillStyle = `rgb(${palette.ramp[4 * step]},${palette.ramp[4 * step + 1]},${palette.ramp[4 * step + 2]})`;
      context.fillRect(x, y, cell - 1, ROW - 1);
      if (cell >= WIDE) {
        // Text on the upper half of the ramp takes the background's colour where that stands out more.
        context.fillStyle = ink(palette, step);
        context.font = `12px ${palette.font}`;
        context.textAlign = 'left';
        context.fillText(clipped(context, store.first(layer, p) ?? '', cell - 8), x + 4, y + ROW / 2);
      }
    }
  }
  context.fillStyle = palette.back;
  context.fillRect(0, 0, GUTTER, height);
  context.fillRect(0, 0, width, HEAD);
  context.fillStyle = palette.quiet;
  context.textAlign = 'right';
  for (let r = 0; r <= layers; r++) {
    const y = HEAD + (r + 0.5) * ROW - top;
    if (y < HEAD + 4 || y > height) continue;
    context.font = `${layers - r === d.layer ? 'bold ' : ''}11px ${palette.font}`;
    context.fillText(clipped(context, layerTitle(layers - r), GUTTER - 10), GUTTER - 6, y);
  }
  context.textAlign = 'left';
  let stage: Stage | undefined;
  for (let p = from; p < to; p++) {
    const x = GUTTER + p * cell - left;
    const unit = model.units.tokens.stages[model.encoder + p];
    if (x >= GUTTER && unit !== stage && p > 0) {
      context.strokeStyle = palette.quiet;
      context.beginPath();
      context.moveTo(x - 0.5, 4);
      context.lineTo(x - 0.5, height);
      context.stroke();
    }
    stage = unit;
    if (x < GUTTER - cell / 2 || (cell < WIDE && p !== d.position)) continue;
    context.fillStyle = p === d.position ? palette.text : palette.quiet;
    context.font = `${p === d.position ? 'bold ' : ''}12px ${palette.font}`;
    context.fillText(clipped(context, model.units.tokens.chips[model.encoder + p]!.text, Math.max(WIDE, cell) - 8), Math.max(GUTTER, x + 3), HEAD / 2);
  }
  context.strokeStyle = palette.focus;
  context.lineWidth = 2;
  const [cx, cy] = [GUTTER + d.position * cell - left, HEAD + (layers - d.layer) * ROW - top];
  if (cx >= GUTTER - 1 && cy >= HEAD - 1) context.strokeRect(cx, cy, cell - 1, ROW - 1);
}

/** The one of text and ground that stands out more from a step of the ramp. */
function ink({ ramp, text, back }: Palette, step: number): string {
  const light = (i: number): number => 0.299 * ramp[4 * i]! + 0.587 * ramp[4 * i + 1]! + 0.114 * ramp[4 * i + 2]!;
  const [here, ground] = [light(step), light(0)];
  const ends = ground < 128 ? 204 : 59;
  return Math.abs(here - ground) > Math.abs(here - ends) ? back : text;
}

const inView = ({ store, cell }: Pick<Drawn, 'store' | 'cell'>, left: number, width: number): readonly [number, number] => [Math.max(0, Math.floor(left / cell)), Math.min(store.positions, Math.ceil((left + width - GUTTER) / cell))];

/** Layers × positions: what each layer would say next. Columns are fetched as they come into view; the table beside has every number of one position. */
export function Lens({ model, store, version, statistic, script, position, change, onPick, hold }: LensProps): VNode {
  const { layers } = model.subject.summary.lm;
  const [layer, setLayer] = useState(layers);
  const [wide, setWide] = useState(true);
  const [theme, setTheme] = useState(0);
  const [pointed, setPointed] = useState<readonly [number, number] | null>(null);
  const cell = wide ? WIDE : NARROW;
  const box = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const paint = useRef<() => void>(() => undefined);
  paint.current = () => {
    const [frame, element] = [box.current, canvas.current];
    if (!frame || !element || frame.clientWidth === 0) return;
    const [width, height] = [frame.clientWidth, frame.clientHeight];
    draw(sized(element, width, height), width, height, frame.scrollLeft, frame.scrollTop, { model, store, statistic, script, layer, position, cell, palette: readPalette() });
    store.want(inView({ store, cell }, frame.scrollLeft, width));
  };
  useEffect(() => {
    hold(canvas.current!);
    const observer = new ResizeObserver(() => paint.current());
    observer.observe(box.current!);
    const stop = onTheme(() => setTheme((n) => n + 1));
    return () => {
      observer.disconnect();
      stop();
      hold(undefined);
    };
  }, [hold]);
  // The position that is looked at comes into view, with a little of what is before it.
  useLayoutEffect(() => {
    const frame = box.current!;
    const x = position * cell;
    const room = frame.clientWidth - GUTTER - cell;
    if (x < frame.scrollLeft || x > frame.scrollLeft + room) frame.scrollLeft = Math.max(0, x - room / 2);
  }, [position, cell, store]);
  useLayoutEffect(() => {
    const frame = box.current!;
    const y = (layers - layer) * ROW;
    const room = frame.clientHeight - HEAD - ROW;
    if (y < frame.scrollTop) frame.scrollTop = y;
    else if (y > frame.scrollTop + room) frame.scrollTop = y - room;
  }, [layer, layers]);
  // After those two, so that what is asked for is what is seen.
  useLayoutEffect(() => paint.current(), [model, store, version, statistic, script, layer, position, cell, theme]);

  // Said once the numbers are there.
  const wish = useRef(false);
  useEffect(() => {
    if (!wish.current || !store.cell(layer, position)) return;
    wish.current = false;
    announce(describe(model, store, layer, position));
  });
  const go = (nextLayer: number, nextPosition: number): void => {
    const [l, p] = [Math.max(0, Math.min(layers, nextLayer)), Math.max(0, Math.min(store.positions - 1, nextPosition))];
    setLayer(l);
    if (p !== position) onPick(p);
    wish.current = true;
  };
  const onKeyDown = (e: KeyboardEvent): void => {
    if (e.altKey || e.metaKey || e.ctrlKey) return;
    const moves: Readonly<Record<string, readonly [number, number]>> = {
      ArrowUp: [layer + 1, position], ArrowDown: [layer - 1, position], ArrowRight: [layer, position + 1], ArrowLeft: [layer, position - 1], PageUp: [layers, position], PageDown: [0, position], Home: [layer, 0], End: [layer, store.positions - 1],
    };
    const to = moves[e.key];
    if (!to) return;
    e.preventDefault();
    go(...to);
  };
  const where = (e: MouseEvent): readonly [number, number] | null => {
    const frame = box.current!;
    const { left, top } = frame.getBoundingClientRect();
    const [x, y] = [e.clientX - left, e.clientY - top];
    const [p, r] = [Math.floor((x - GUTTER + frame.scrollLeft) / cell), Math.floor((y - HEAD + frame.scrollTop) / ROW)];
    return x < GUTTER || y < HEAD || p >= store.positions || r > layers ? null : [layers - r, p];
  };
  const shown = pointed ?? [layer, position];
  return (
    <div class="lens">
      <div class="toolbar">
        <Select label={t('Statistic')} value={statistic} options={STATISTICS.map((s) => [s, statisticTitle(s)] as const)} onChange={(value) => change({ statistic: value })} />
        {statistic === 'script' && <Select label={t('Script')} value={script} options={[...new Set([script, ...store.scripts])].filter(Boolean).map((s) => [s, s] as const)} onChange={(value) => change({ script: value })} />}
        <Checkbox checked={wide} onChange={setWide}>{t('with tokens')}</Checkbox>
      </div>
      <div class="lens-main">
        <div
          ref={box} class="lens-box" role="application" tabIndex={0} onKeyDown={onKeyDown} onScroll={() => paint.current()}
          aria-label={t('Next token by layer: layers from the last to the embeddings, over the positions of the LLM. Arrow keys move.')}
          onClick={(e) => {
            const at = where(e);
            if (at) go(...at);
          }}
          onPointerMove={(e) => setPointed(where(e))} onPointerLeave={() => setPointed(null)} onFocus={() => announce(describe(model, store, layer, position))}
        >
          <div role="presentation" style={{ width: `${GUTTER + store.positions * cell}px`, height: `${HEAD + (layers + 1) * ROW}px` }}><canvas ref={canvas} aria-hidden="true" /></div>
        </div>
        <LensTable model={model} store={store} position={position} layer={layer} onLayer={(l) => go(l, position)} />
      </div>
      <p class="read-out" title={describe(model, store, ...shown)}>{describe(model, store, ...shown)}</p>
    </div>
  );
}

/** The grid's twin: every layer's numbers at one position. */
function LensTable({ model, store, position, layer, onLayer }: { readonly model: Model; readonly store: LensStore; readonly position: number; readonly layer: number; readonly onLayer: (layer: number) => void }): VNode {
  const { layers } = model.subject.summary.lm;
  return (
    <div class="lens-table" tabIndex={0} role="group" aria-label={t('Next token by layer at one position')}>
      <table>
        <caption>{t('What comes after {0}', tokenWords(model, model.encoder + position, 'tokens'))}</caption>
        <thead>
          <tr><th scope="col">{t('Layer')}</th><th scope="col">{t('First')}</th><th scope="col" class="number">p</th><th scope="col" class="number">{t('Entropy')}</th><th scope="col" class="number">{t('Rank')}</th><th scope="col" class="number">{t('p follows')}</th><th scope="col" class="number">KL</th><th scope="col">{t('Script')}</th></tr>
        </thead>
        <tbody>
          {Array.from({ length: layers + 1 }, (_, r) => {
            const l = layers - r;
            const cell = store.cell(l, position);
            return (
              <tr key={l} class={l === layer ? 'selected' : undefined}>
                <th scope="row"><button type="button" class="language" onClick={() => onLayer(l)}>{layerTitle(l)}</button></th>
                {cell ? (
                  <>
                    <td><bdi class="chip-text">{cell.top[0]!.text}</bdi></td><td class="number">{percent(cell.top[0]!.probability)}</td><td class="number">{digits(cell.entropy)}</td><td class="number">{cell.rank || '–'}</td>
                    <td class="number">{Number.isNaN(cell.chosen) ? '–' : percent(cell.chosen)}</td><td class="number">{digits(cell.kl)}</td><td>{cell.scripts[0] ? `${scriptTitle(cell.scripts[0][0])} ${percent(cell.scripts[0][1])}` : '–'}</td>
                  </>
                ) : <td colSpan={7}>…</td>}
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}
