import { type VNode } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { type ThumbnailsResult } from '../../src/protocol/probe';
import { Button } from '../ui/native';
import { t } from '../ui/l10n';
import { announce } from '../ui/live';
import { onTheme, paintBlock, palette as readPalette, sized } from './paint';
import { type Choice, viewWords } from './state';

export interface HeadsProps {
  readonly thumbnails: ThumbnailsResult | undefined;
  readonly busy: boolean;
  readonly choice: Choice;
  readonly onCompute: () => void;
  readonly onPick: (layer: number, head: number) => void;
}

const SIDE = 36;
const GAP = 4;
const GUTTER = 20;

/** All heads as small pictures, layers downwards: click or arrow keys choose one. */
export function Heads({ thumbnails, busy, choice, onCompute, onPick }: HeadsProps): VNode {
  const canvas = useRef<HTMLCanvasElement>(null);
  const box = useRef<HTMLDivElement>(null);
  const [theme, setTheme] = useState(0);
  useEffect(() => onTheme(() => setTheme((n) => n + 1)), []);
  const layer = typeof choice.layer === 'number' ? choice.layer : -1;
  const head = typeof choice.head === 'number' ? choice.head : -1;
  useLayoutEffect(() => {
    const element = canvas.current;
    if (!element || !thumbnails) return;
    const { data, layers, heads, size } = thumbnails;
    const palette = readPalette();
    const context = sized(element, GUTTER + heads * (SIDE + GAP), GAP + layers * (SIDE + GAP));
    const picture = document.createElement('canvas');
    context.imageSmoothingEnabled = false;
    context.font = `10px ${palette.font}`;
    context.textAlign = 'right';
    context.textBaseline = 'middle';
    for (let l = 0; l < layers; l++) {
      context.fillStyle = palette.quiet;
      context.fillText(String(l + 1), GUTTER - 4, GAP + l * (SIDE + GAP) + SIDE / 2);
      for (let h = 0; h < heads; h++) {
        const block = data.subarray((l * heads + h) * size * size, (l * heads + h + 1) * size * size);
        paintBlock(picture, block, size, size, 1, choice.contrast, palette);
        const [x, y] = [GUTTER + h * (SIDE + GAP), GAP + l * (SIDE + GAP)];
        context.drawImage(picture, x, y, SIDE, SIDE);
        const own = (l === layer || layer < 0) && (h === head || head < 0) && !(layer < 0 && head < 0);
        context.strokeStyle = own ? palette.focus : palette.line;
        context.lineWidth = own ? 2 : 1;
        context.strokeRect(x - 0.5, y - 0.5, SIDE + 1, SIDE + 1);
      }
    }
  }, [thumbnails, choice.contrast, layer, head, theme]);
  if (!thumbnails) {
    return (
      <section class="heads" aria-label={t('All heads')}>
        {busy ? <p class="empty" aria-busy="true">{t('Computing all heads…')}</p> : <p class="empty"><Button onClick={onCompute}>{t('Compute all heads')}</Button></p>}
      </section>
    );
  }
  const { layers, heads } = thumbnails;
  const go = (l: number, h: number): void => {
    const [nextLayer, nextHead] = [Math.max(0, Math.min(layers - 1, l)), Math.max(0, Math.min(heads - 1, h))];
    onPick(nextLayer, nextHead);
    announce(viewWords({ layer: nextLayer, head: nextHead }));
    const frame = box.current!;
    const y = nextLayer * (SIDE + GAP);
    if (y < frame.scrollTop) frame.scrollTop = y;
    else if (y + SIDE + 2 * GAP > frame.scrollTop + frame.clientHeight) frame.scrollTop = y + SIDE + 2 * GAP - frame.clientHeight;
  };
  const onKeyDown = (e: KeyboardEvent): void => {
    if (e.altKey || e.ctrlKey || e.metaKey) return;
    const [l, h] = [Math.max(0, layer), Math.max(0, head)];
    const moves: Readonly<Record<string, readonly [number, number]>> = {
      ArrowDown: layer < 0 ? [0, h] : [l + 1, h], ArrowUp: [l - 1, h], ArrowRight: head < 0 ? [l, 0] : [l, h + 1], ArrowLeft: [l, h - 1], Home: [l, 0], End: [l, heads - 1], PageUp: [0, h], PageDown: [layers - 1, h],
    };
    const to = moves[e.key];
    if (!to) return;
    e.preventDefault();
    go(...to);
  };
  return (
    <section class="heads" aria-label={t('All heads')}>
      <div
        ref={box} class="heads-box" role="application" tabIndex={0} aria-label={t('All heads: layers downwards, heads across. Arrow keys choose a head.')} onKeyDown={onKeyDown}
        onClick={(e) => {
          const { left, top } = canvas.current!.getBoundingClientRect();
          const [h, l] = [Math.floor((e.clientX - left - GUTTER) / (SIDE + GAP)), Math.floor((e.clientY - top - GAP) / (SIDE + GAP))];
          if (h >= 0 && l >= 0 && h < heads && l < layers) go(l, h);
        }}
      >
        <canvas ref={canvas} aria-hidden="true" />
      </div>
    </section>
  );
}
