import { type Contrast } from './state';

/** Colours of the theme as a canvas takes them, read anew with every theme. */
export interface Palette {
  /** RGBA of 256 steps from nothing to most. */
  readonly ramp: Uint8ClampedArray;
  readonly text: string;
  readonly quiet: string;
  readonly line: string;
  readonly focus: string;
  readonly back: string;
  readonly font: string;
  /** Grows with every palette, so that what was painted by an older one is painted again. */
  readonly version: number;
}

let versions = 0;
const probe = document.createElement('canvas').getContext('2d', { willReadFrequently: true })!;

/** Any CSS colour as bytes. */
function rgb(colour: string): readonly [number, number, number] {
  probe.canvas.width = probe.canvas.height = 1;
  probe.fillStyle = '#000';
  probe.fillStyle = colour;
  probe.fillRect(0, 0, 1, 1);
  const [r, g, b] = probe.getImageData(0, 0, 1, 1).data;
  return [r!, g!, b!];
}

export function palette(): Palette {
  const style = getComputedStyle(document.body);
  const of = (name: string, otherwise: string): string => style.getPropertyValue(name).trim() || otherwise;
  const text = style.color;
  const back = of('--vscode-editor-background', '#1f1f1f');
  const contrast = /high-contrast/.test(document.body.className);
  const [from, to] = [rgb(back), rgb(contrast ? text : of('--vscode-charts-blue', '#3794ff'))];
  const ramp = new Uint8ClampedArray(4 * 256);
  for (let i = 0; i < 256; i++) {
    for (let c = 0; c < 3; c++) ramp[4 * i + c] = from[c]! + ((to[c]! - from[c]!) * i) / 255;
    ramp[4 * i + 3] = 255;
  }
  return { ramp, text, back, quiet: of('--vscode-descriptionForeground', text), line: of('--vscode-panel-border', text), focus: of('--vscode-focusBorder', text), font: style.fontFamily, version: ++versions };
}

/** Calls `then` when VS Code changes the theme, and gives the way to stop it. */
export function onTheme(then: () => void): () => void {
  const observer = new MutationObserver(then);
  observer.observe(document.body, { attributes: true, attributeFilter: ['class', 'data-vscode-theme-id'] });
  observer.observe(document.documentElement, { attributes: true, attributeFilter: ['style'] });
  return () => observer.disconnect();
}

const LOG_FLOOR = 4;

/** Share of 0 to 1 as a step of the ramp's scale, 0 to 1. The logarithm goes over four powers of ten. */
export function scaled(share: number, contrast: Contrast): number {
  const x = Math.max(0, Math.min(1, share));
  return contrast === 'linear' ? x : contrast === 'sqrt' ? Math.sqrt(x) : x <= 0 ? 0 : Math.max(0, 1 + Math.log10(x) / LOG_FLOOR);
}

/** Paints values into a canvas of one pixel each. */
export function paintBlock(canvas: HTMLCanvasElement, data: Float32Array, rows: number, columns: number, most: number, contrast: Contrast, { ramp }: Palette): void {
  canvas.width = columns;
  canvas.height = rows;
  const context = canvas.getContext('2d')!;
  const image = context.createImageData(columns, rows);
  const words = new Uint32Array(image.data.buffer);
  const table = new Uint32Array(ramp.buffer);
  const scale = most > 0 ? 1 / most : 0;
  for (let i = 0; i < data.length; i++) words[i] = table[Math.round(255 * scaled(data[i]! * scale, contrast))]!;
  context.putImageData(image, 0, 0);
}

/** Sets a canvas to a size in CSS pixels and gives its context, scaled for the screen. */
export function sized(canvas: HTMLCanvasElement, width: number, height: number): CanvasRenderingContext2D {
  const scale = window.devicePixelRatio || 1;
  const [w, h] = [Math.max(1, Math.round(width * scale)), Math.max(1, Math.round(height * scale))];
  if (canvas.width !== w || canvas.height !== h) {
    canvas.width = w;
    canvas.height = h;
    canvas.style.width = `${width}px`;
    canvas.style.height = `${height}px`;
  }
  const context = canvas.getContext('2d')!;
  context.setTransform(scale, 0, 0, scale, 0, 0);
  context.clearRect(0, 0, width, height);
  return context;
}

/** The text cut to a width, with an ellipsis; cuts between letters, never inside one. */
export function clipped(context: CanvasRenderingContext2D, text: string, width: number): string {
  if (context.measureText(text).width <= width) return text;
  const letters = [...new Intl.Segmenter(undefined, { granularity: 'grapheme' }).segment(text.slice(0, 80))].map((s) => s.segment);
  while (letters.length > 0 && context.measureText(`${letters.join('')}…`).width > width) letters.pop();
  return `${letters.join('')}…`;
}
