/** Geometry and drawing of the map, for the screen, for PNG and for SVG alike. No DOM here but the canvas that is handed in. */

export interface Rect {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** Where coordinates go on a surface: x · scale + dx, y upwards. */
export interface Placing {
  readonly scale: number;
  readonly dx: number;
  readonly dy: number;
}

export const at = (p: Placing, x: number, y: number): readonly [number, number] => [x * p.scale + p.dx, p.dy - y * p.scale];

/** Smallest rectangle around the points [x, y, x, y …] of several maps; never empty. */
export function boundsOf(maps: readonly (readonly number[])[]): Rect {
  let [left, right, low, high] = [Infinity, -Infinity, Infinity, -Infinity];
  for (const points of maps) {
    for (let i = 0; i < points.length; i += 2) {
      left = Math.min(left, points[i]!);
      right = Math.max(right, points[i]!);
      low = Math.min(low, points[i + 1]!);
      high = Math.max(high, points[i + 1]!);
    }
  }
  if (left > right) return { x: -1, y: -1, width: 2, height: 2 };
  return { x: left, y: low, width: Math.max(right - left, 1e-9), height: Math.max(high - low, 1e-9) };
}

const MARGIN = 14;

/** The same scale on both axes, the rectangle in the middle of the surface, then magnified about its middle. */
export function placing(bounds: Rect, width: number, height: number, zoom = 1, shift: readonly [number, number] = [0, 0]): Placing {
  const scale = zoom * Math.min(Math.max(1, width - 2 * MARGIN) / bounds.width, Math.max(1, height - 2 * MARGIN) / bounds.height);
  return { scale, dx: width / 2 - (bounds.x + bounds.width / 2) * scale + shift[0], dy: height / 2 + (bounds.y + bounds.height / 2) * scale + shift[1] };
}

/** The point nearest to a place on the surface, at most `most` pixels away; -1: none. */
export function nearest(points: readonly number[], p: Placing, x: number, y: number, most = 12): number {
  let [best, found] = [most * most, -1];
  for (let i = 0; 2 * i < points.length; i++) {
    const [px, py] = at(p, points[2 * i]!, points[2 * i + 1]!);
    const d = (px - x) ** 2 + (py - y) ** 2;
    if (d <= best) [best, found] = [d, i];
  }
  return found;
}

/** Points inside a polygon of surface coordinates, by the even-odd rule. */
export function inside(points: readonly number[], p: Placing, polygon: readonly (readonly [number, number])[]): number[] {
  const found: number[] = [];
  for (let i = 0; 2 * i < points.length; i++) {
    const [x, y] = at(p, points[2 * i]!, points[2 * i + 1]!);
    let within = false;
    for (let a = 0, b = polygon.length - 1; a < polygon.length; b = a++) {
      const [[ax, ay], [bx, by]] = [polygon[a]!, polygon[b]!];
      if (ay > y !== by > y && x < ((bx - ax) * (y - ay)) / (by - ay) + ax) within = !within;
    }
    if (within) found.push(i);
  }
  return found;
}

/** What the drawing needs of a surface: a canvas, or the text of an SVG. */
export interface Pen {
  polygon(points: readonly (readonly [number, number])[], style: Ink): void;
  line(from: readonly [number, number], to: readonly [number, number], style: Ink): void;
  text(x: number, y: number, text: string, style: Ink & { readonly size?: number; readonly bold?: boolean; readonly align?: 'start' | 'end' | 'middle' }): void;
}

export interface Ink {
  readonly fill?: string;
  readonly stroke?: string;
  readonly width?: number;
  readonly alpha?: number;
}

const turned = (corners: number, inner: number, start: number): readonly (readonly [number, number])[] =>
  Array.from({ length: corners }, (_, i) => {
    const angle = start + (2 * Math.PI * i) / corners;
    const r = i % 2 === 1 ? inner : 1;
    return [Math.cos(angle) * r, Math.sin(angle) * r] as const;
  });
const PLUS: readonly (readonly [number, number])[] = [[-0.38, -1], [0.38, -1], [0.38, -0.38], [1, -0.38], [1, 0.38], [0.38, 0.38], [0.38, 1], [-0.38, 1], [-0.38, 0.38], [-1, 0.38], [-1, -0.38], [-0.38, -0.38]];
const UP = -Math.PI / 2;

/** Outlines of radius 1 that can be told apart without colour. */
export const SHAPES: readonly (readonly (readonly [number, number])[])[] = [
  turned(16, 1, 0), turned(4, 1, Math.PI / 4), turned(3, 1, UP), turned(4, 1, UP), turned(3, 1, -UP), PLUS, PLUS.map(([x, y]) => [(x - y) * Math.SQRT1_2, (x + y) * Math.SQRT1_2] as const), turned(10, 0.45, UP),
];

export const glyph = (shape: number, x: number, y: number, r: number): readonly (readonly [number, number])[] => SHAPES[shape % SHAPES.length]!.map(([dx, dy]) => [x + dx * r, y + dy * r] as const);

export function canvasPen(c: CanvasRenderingContext2D, font = 'sans-serif'): Pen {
  const ink = (style: Ink, path: () => void, closed: boolean): void => {
    c.globalAlpha = style.alpha ?? 1;
    c.beginPath();
    path();
    if (closed) c.closePath();
    if (style.fill) {
      c.fillStyle = style.fill;
      c.fill();
    }
    if (style.stroke) {
      c.strokeStyle = style.stroke;
      c.lineWidth = style.width ?? 1;
      c.stroke();
    }
    c.globalAlpha = 1;
  };
  return {
    polygon: (points, style) => ink(style, () => points.forEach(([x, y], i) => (i === 0 ? c.moveTo(x, y) : c.lineTo(x, y))), true),
    line: (from, to, style) => ink(style, () => (c.moveTo(...from), c.lineTo(...to)), false),
    text: (x, y, text, { fill, alpha, size = 12, bold = false, align = 'start' }) => {
      c.globalAlpha = alpha ?? 1;
      c.fillStyle = fill ?? '#000';
      c.font = `${bold ? 'bold ' : ''}${size}px ${font}`;
      c.textAlign = align === 'middle' ? 'center' : align;
      c.textBaseline = 'middle';
      c.fillText(text, x, y);
      c.globalAlpha = 1;
    },
  };
}

const escape = (text: string): string => text.replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);
const r2 = (x: number): string => String(Math.round(x * 100) / 100);

/** A pen that writes SVG; `done` gives the document. */
export function svgPen(width: number, height: number, ground: string, title: string, description: string): Pen & { done(): string } {
  const out: string[] = [];
  const paint = ({ fill, stroke, width: w, alpha }: Ink): string => `fill="${fill ? escape(fill) : 'none'}"${stroke ? ` stroke="${escape(stroke)}" stroke-width="${w ?? 1}"` : ''}${alpha !== undefined && alpha < 1 ? ` opacity="${r2(alpha)}"` : ''}`;
  return {
    polygon: (points, style) => void out.push(`<polygon points="${points.map(([x, y]) => `${r2(x)},${r2(y)}`).join(' ')}" ${paint(style)}/>`),
    line: ([x1, y1], [x2, y2], style) => void out.push(`<line x1="${r2(x1)}" y1="${r2(y1)}" x2="${r2(x2)}" y2="${r2(y2)}" ${paint(style)}/>`),
    text: (x, y, text, { size = 12, bold = false, align = 'start', ...ink }) =>
      void out.push(`<text x="${r2(x)}" y="${r2(y)}" font-family="sans-serif" font-size="${size}"${bold ? ' font-weight="bold"' : ''} text-anchor="${align}" dominant-baseline="central" ${paint(ink)}>${escape(text)}</text>`),
    done: () => `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img"><title>${escape(title)}</title><desc>${escape(description)}</desc><rect width="${width}" height="${height}" fill="${escape(ground)}"/>${out.join('')}</svg>\n`,
  };
}

export interface Style {
  readonly colour: string;
  readonly shape: number;
}

export interface Scene {
  readonly points: readonly number[];
  readonly styles: readonly Style[];
  /** Category of each point: place in `styles`. */
  readonly of: Uint8Array;
  /** Points that stand back. */
  readonly dim: (point: number) => boolean;
  /** Translations of one problem, joined to the first. */
  readonly star: readonly number[];
}

/** Draws points, those that stand back first, and the star above them. Points outside the surface are left out. */
export function drawScene(pen: Pen, scene: Scene, p: Placing, width: number, height: number, line: string, radius: number): void {
  const n = scene.points.length / 2;
  for (const back of [true, false]) {
    for (let i = 0; i < n; i++) {
      if (scene.dim(i) !== back) continue;
      const [x, y] = at(p, scene.points[2 * i]!, scene.points[2 * i + 1]!);
      if (x < -radius || y < -radius || x > width + radius || y > height + radius) continue;
      const { colour, shape } = scene.styles[scene.of[i]!]!;
      pen.polygon(glyph(shape, x, y, radius), { fill: colour, alpha: back ? 0.15 : 0.85 });
    }
  }
  const [centre, ...rays] = scene.star;
  if (centre === undefined) return;
  const middle = at(p, scene.points[2 * centre]!, scene.points[2 * centre + 1]!);
  for (const i of rays) pen.line(middle, at(p, scene.points[2 * i]!, scene.points[2 * i + 1]!), { stroke: line, width: 1, alpha: 0.7 });
  for (const i of scene.star) {
    const { colour, shape } = scene.styles[scene.of[i]!]!;
    pen.polygon(glyph(shape, ...at(p, scene.points[2 * i]!, scene.points[2 * i + 1]!), radius + (i === centre ? 3 : 1)), { fill: colour, stroke: line, width: i === centre ? 2 : 1 });
  }
}
