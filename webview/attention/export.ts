import { csvLine } from '../../src/core/csv';
import { type SoftResult, type ThumbnailsResult } from '../../src/protocol/probe';
import { type ViewFormat } from '../../src/protocol/attention-panel';
import { TILE } from '../../src/protocol/attention-panel';
import { languageName } from '../../src/core/languages';
import { t } from '../ui/l10n';
import { type MatrixCanvas } from './canvas';
import { layerTitle } from './lens';
import { type LensStore, strength, tokenText } from './lens-store';
import { columnsIn, half, type Model, rowsIn, type UnitAxis } from './model';
import { palette, scaled } from './paint';
import { type Choice, sideTitle, type Statistic, statisticTitle, viewWords } from './state';
import { headFacts } from './tables';
import { type Tiles, type View } from './tiles';

/** What can be exported, and how. */
export const EXPORTS = { matrix: ['png', 'svg', 'csv', 'json'], lens: ['png', 'svg', 'csv', 'json'], soft: ['csv', 'json'], heads: ['png', 'csv', 'json'] } as const satisfies Readonly<Record<string, readonly ViewFormat[]>>;
export type Exported = keyof typeof EXPORTS;

export interface Content {
  readonly name: string;
  readonly content: string | Uint8Array;
}

/** Cells in one SVG; more of them are one picture inside it. */
const MOST_SHAPES = 20_000;

/** Where the numbers come from: stands under every picture and in every file. */
export function caption(model: Model, what: string): string {
  const { bundle, precision, provider, ref, template, fingerprint } = model.subject;
  const source = ref.source ? ` · ${ref.source.id}` : '';
  return `${what} · ${bundle} ${precision} (${provider}) · ${languageName(ref.language)}${source} · ${t('template {0}', template)} · ${t('fingerprint {0}', fingerprint.slice(0, 16))}`;
}

const fileName = (model: Model, what: string): string => `${model.subject.bundle}-${model.subject.ref.language}-${what}-${model.subject.fingerprint.slice(0, 8)}`;

function origin(model: Model): object {
  const { bundle, precision, provider, template, fingerprint, ref } = model.subject;
  return { bundle, precision, provider, template, fingerprint, language: ref.language, question: ref.question, completion: ref.completion, source: ref.source };
}

const unitFacts = (model: Model, axis: UnitAxis, u: number): { index: number; token: string; stage: string } => ({ index: model.order[axis.starts[u]!]!, token: axis.chips[u]!.text, stage: axis.stages[u]! });

interface Grid {
  readonly rows: number;
  readonly columns: number;
  readonly pool: number;
  /** NaN where a tile has not come. */
  readonly values: Float32Array;
  readonly firstRow: number;
  readonly firstColumn: number;
}

/** The cells in view at the level of detail that is drawn. */
export function gridInView(canvas: MatrixCanvas, tiles: Tiles, view: View): Grid | undefined {
  const seen = canvas.visible();
  if (!seen) return undefined;
  const { pool } = seen;
  const [r0, c0] = [Math.floor(seen.rows[0] / pool), Math.floor(seen.columns[0] / pool)];
  const [rows, columns] = [Math.ceil(seen.rows[1] / pool) - r0, Math.ceil(seen.columns[1] / pool) - c0];
  const values = new Float32Array(rows * columns).fill(NaN);
  for (let r = 0; r < rows; r++) {
    for (let c = 0; c < columns; c++) {
      const [row, column] = [r0 + r, c0 + c];
      const block = tiles.block(view, { pool, row: Math.floor(row / TILE), column: Math.floor(column / TILE) });
      if (block) values[r * columns + c] = block.data[(row % TILE) * block.columns + (column % TILE)] ?? NaN;
    }
  }
  return { rows, columns, pool, values, firstRow: r0 * pool, firstColumn: c0 * pool };
}

const xml = (text: string): string => text.replace(/[<>&"']/g, (c) => `&#${c.charCodeAt(0)};`).replace(/[\0-\x08\x0b\x0c\x0e-\x1f]/g, '');

/** The canvas on the theme's ground with the caption below it. */
async function png(source: HTMLCanvasElement, words: string): Promise<Uint8Array> {
  const { back, text, font } = palette();
  const scale = window.devicePixelRatio || 1;
  const out = document.createElement('canvas');
  const context = out.getContext('2d')!;
  const line = 16 * scale;
  context.font = `${12 * scale}px ${font}`;
  out.width = Math.max(source.width, Math.ceil(context.measureText(words).width) + 2 * line);
  out.height = source.height + 2 * line;
  context.fillStyle = back;
  context.fillRect(0, 0, out.width, out.height);
  context.drawImage(source, 0, 0);
  context.fillStyle = text;
  context.font = `${12 * scale}px ${font}`;
  context.fillText(words, line / 2, source.height + line);
  const blob = await new Promise<Blob | null>((resolve) => out.toBlob(resolve, 'image/png'));
  if (!blob) throw new Error(t('The picture could not be made.'));
  return new Uint8Array(await blob.arrayBuffer());
}

interface SvgParts {
  readonly words: string;
  readonly rows: readonly string[];
  readonly columns: readonly string[];
  readonly cell: readonly [width: number, height: number];
  /** 0 to 1, or NaN for nothing. */
  readonly value: (row: number, column: number) => number;
  readonly text?: (row: number, column: number) => string;
}

/** A grid of cells with labels and caption; ground and ink are the theme's at this moment, so the file looks as the panel does. */
function svg({ words, rows, columns, cell: [w, h], value, text }: SvgParts): string {
  const colours = palette();
  const { ramp } = colours;
  const [left, top] = [130, 100];
  const [width, height] = [Math.max(left + columns.length * w + 10, 40 + words.length * 6.5), top + rows.length * h + 34];
  const step = (v: number): string => {
    const i = 4 * Math.round(255 * Math.max(0, Math.min(1, v)));
    return `#${[0, 1, 2].map((k) => ramp[i + k]!.toString(16).padStart(2, '0')).join('')}`;
  };
  const parts: string[] = [];
  if (rows.length * columns.length > MOST_SHAPES) {
    const picture = document.createElement('canvas');
    picture.width = columns.length;
    picture.height = rows.length;
    const context = picture.getContext('2d')!;
    rows.forEach((_, r) => columns.forEach((__, c) => {
      const v = value(r, c);
      if (Number.isNaN(v)) return;
      context.fillStyle = step(v);
      context.fillRect(c, r, 1, 1);
    }));
    parts.push(`<image x="${left}" y="${top}" width="${columns.length * w}" height="${rows.length * h}" preserveAspectRatio="none" image-rendering="pixelated" href="${picture.toDataURL('image/png')}"/>`);
  } else {
    rows.forEach((_, r) => columns.forEach((__, c) => {
      const v = value(r, c);
      if (Number.isNaN(v)) return;
      parts.push(`<rect x="${left + c * w}" y="${top + r * h}" width="${w - 1}" height="${h - 1}" fill="${step(v)}"/>`);
      const label = text?.(r, c);
      if (label) parts.push(`<text x="${left + c * w + 3}" y="${top + (r + 0.7) * h}" font-size="10">${xml(label)}</text>`);
    }));
  }
  if (h >= 9) rows.forEach((label, r) => parts.push(`<text x="${left - 6}" y="${top + (r + 0.7) * h}" text-anchor="end" font-size="10">${xml(label)}</text>`));
  if (w >= 9) columns.forEach((label, c) => parts.push(`<text transform="translate(${left + (c + 0.7) * w} ${top - 6}) rotate(-90)" font-size="10">${xml(label)}</text>`));
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="sans-serif" fill="${xml(colours.text)}"><title>${xml(words)}</title><rect width="100%" height="100%" fill="${xml(colours.back)}"/>${parts.join('')}<text x="10" y="${height - 10}" font-size="11">${xml(words)}</text></svg>\n`;
}

export interface MatrixParts {
  readonly model: Model;
  readonly choice: Choice;
  readonly view: View;
  readonly tiles: Tiles;
  readonly canvas: MatrixCanvas;
  readonly element: HTMLCanvasElement;
}

/** The matrix as it is in view. @throws Error while nothing is there */
export async function exportMatrix({ model, choice, view, tiles, canvas, element }: MatrixParts, format: ViewFormat): Promise<Content> {
  const grid = gridInView(canvas, tiles, view);
  if (!grid || grid.values.every(Number.isNaN)) throw new Error(t('There is nothing to export yet.'));
  const detail = grid.pool > 1 ? t(', each cell the largest of {0} × {0}', grid.pool) : '';
  const words = caption(model, `${sideTitle(choice.side)}, ${viewWords(choice)}, ${choice.units === 'words' ? t('words') : t('tokens')}${detail}`);
  const axis = model.units[choice.units];
  const [rowStart, columnStart] = [half(axis, rowsIn(choice.side))[0], half(axis, columnsIn(choice.side))[0]];
  const [row, column] = [(r: number): number => rowStart + grid.firstRow + r * grid.pool, (c: number): number => columnStart + grid.firstColumn + c * grid.pool];
  const name = fileName(model, `attention-${choice.side}-${choice.layer}-${choice.head}`);
  const [rows, columns] = [Array.from({ length: grid.rows }, (_, r) => unitFacts(model, axis, row(r))), Array.from({ length: grid.columns }, (_, c) => unitFacts(model, axis, column(c)))];
  if (format === 'png') return { name, content: await png(element, words) };
  if (format === 'svg') {
    const most = tiles.largest(view) || 1;
    const side = grid.pool > 1 || grid.columns > 200 ? 3 : 14;
    return { name, content: svg({ words, rows: rows.map((r) => r.token), columns: columns.map((c) => c.token), cell: [side, side], value: (r, c) => scaled(grid.values[r * grid.columns + c]! / most, choice.contrast) }) };
  }
  if (format === 'csv') {
    const lines = [csvLine(['query', 'query_stage', 'query_token', 'key', 'key_stage', 'key_token', 'pool', 'weight'])];
    rows.forEach((q, r) => columns.forEach((k, c) => {
      const v = grid.values[r * grid.columns + c]!;
      if (!Number.isNaN(v)) lines.push(csvLine([q.index, q.stage, q.token, k.index, k.stage, k.token, grid.pool, Number(v.toPrecision(6))]));
    }));
    return { name, content: `${lines.join('')}${csvLine([`# ${words}`])}` };
  }
  const values = rows.map((_, r) => columns.map((__, c) => finite(grid.values[r * grid.columns + c]!)));
  return { name, content: json({ caption: words, ...origin(model), side: choice.side, layer: choice.layer, head: choice.head, units: choice.units, pool: grid.pool, rows, columns, values }) };
}

const finite = (v: number): number | null => (Number.isFinite(v) ? Number(v.toPrecision(6)) : null);
const json = (value: object): string => `${JSON.stringify(value, null, 1)}\n`;

export interface LensParts {
  readonly model: Model;
  readonly store: LensStore;
  readonly statistic: Statistic;
  readonly script: string;
  readonly element: HTMLCanvasElement;
}

/** The next-token view: the picture as it is in view, the numbers of every position that has been computed. */
export async function exportLens({ model, store, statistic, script, element }: LensParts, format: ViewFormat): Promise<Content> {
  const { loaded } = store;
  if (loaded.length === 0) throw new Error(t('There is nothing to export yet.'));
  const { layers, vocabulary } = model.subject.summary.lm;
  const words = caption(model, t('Next token by layer: {0}', `${statisticTitle(statistic)}${statistic === 'script' ? ` ${script}` : ''}`));
  const name = fileName(model, `next-token-${statistic}`);
  if (format === 'png') return { name, content: await png(element, words) };
  const facts = (p: number) => unitFacts(model, model.units.tokens, model.encoder + p);
  if (format === 'svg') {
    return {
      name,
      content: svg({
        words, rows: Array.from({ length: layers + 1 }, (_, r) => layerTitle(layers - r)), columns: loaded.map((p) => facts(p).token), cell: [60, 18],
        value: (r, c) => strength(store.value(layers - r, loaded[c]!, statistic, script) ?? NaN, statistic, vocabulary), text: (r, c) => store.first(layers - r, loaded[c]!)?.slice(0, 9) ?? '',
      }),
    };
  }
  const cells = loaded.flatMap((p) => Array.from({ length: layers + 1 }, (_, layer) => ({ position: p, ...facts(p), layer, ...store.cell(layer, p)! })));
  if (format === 'json') return { name, content: json({ caption: words, ...origin(model), cells: cells.map((c) => ({ ...c, chosen: finite(c.chosen) })) }) };
  const head = csvLine(['position', 'stage', 'token', 'layer', 'top1', 'top1_p', 'entropy', 'kl', 'rank', 'chosen_p', 'top_script', 'top_script_p']);
  const lines = cells.map((c) => csvLine([c.position, c.stage, c.token, c.layer, c.top[0]!.text, finite(c.top[0]!.probability), finite(c.entropy), finite(c.kl), c.rank || null, finite(c.chosen), c.scripts[0]?.[0], finite(c.scripts[0]?.[1] ?? NaN)]));
  return { name, content: `${head}${lines.join('')}${csvLine([`# ${words}`])}` };
}

/** Soft vectors: norms and neighbours. */
export function exportSoft(model: Model, soft: SoftResult | undefined, format: ViewFormat): Content {
  if (!soft) throw new Error(t('There is nothing to export yet.'));
  const words = caption(model, t('Soft vectors: nearest tokens and norms'));
  const name = fileName(model, 'soft-vectors');
  const texts = new Map(soft.tokens.map((k) => [k.id, tokenText(k)]));
  const slots = model.units.tokens.stages.flatMap((stage, u) => (stage === 'soft' ? [u] : []));
  const near = (ids: Int32Array, values: Float32Array, s: number) => Array.from({ length: soft.k }, (_, k) => ({ id: ids[s * soft.k + k]!, token: texts.get(ids[s * soft.k + k]!) ?? '', value: finite(values[s * soft.k + k]!) }));
  const rows = slots.map((u, s) => ({ slot: s, source: model.units.tokens.chips[u]!.text, before: finite(soft.before[s]!), after: finite(soft.after[s]!), cosine: near(soft.cosineIds, soft.cosine, s), distance: near(soft.distanceIds, soft.distance, s) }));
  if (format === 'json') return { name, content: json({ caption: words, ...origin(model), embeddings: soft.embeddings, slots: rows }) };
  const lines = rows.flatMap((r) => (['cosine', 'distance'] as const).flatMap((by) => r[by].map((n, k) => csvLine([r.slot, r.source, r.before, r.after, by, k + 1, n.id, n.token, n.value]))));
  return { name, content: `${csvLine(['slot', 'source', 'norm_before', 'norm_after', 'by', 'rank', 'id', 'token', 'value'])}${lines.join('')}${csvLine([`# ${words}`])}` };
}

/** All heads: the pictures, or what they show in numbers. */
export async function exportHeads(model: Model, choice: Choice, thumbnails: ThumbnailsResult | undefined, element: HTMLCanvasElement | null, format: ViewFormat): Promise<Content> {
  if (!thumbnails) throw new Error(t('There is nothing to export yet.'));
  const words = caption(model, t('All heads: {0}', sideTitle(choice.side)));
  const name = fileName(model, `heads-${choice.side}`);
  if (format === 'png' && element) return { name, content: await png(element, words) };
  const facts = headFacts(thumbnails);
  if (format === 'json') return { name, content: json({ caption: words, ...origin(model), side: choice.side, heads: facts }) };
  return { name, content: `${csvLine(['layer', 'head', 'first_tokens', 'near_diagonal', 'elsewhere'])}${facts.map((f) => csvLine([f.layer, f.head, finite(f.first), finite(f.diagonal), finite(f.elsewhere)])).join('')}${csvLine([`# ${words}`])}` };
}
