/**
 * A `.liftnb` file: one JSON document, written so that a change of one line of a cell is a change of one line of the file.
 *
 * `{"format": "lift-notebook/1", "cells": [{"language", "source": [lines], "outputs"?: [{"items": [{"mime", "json" | "text" | "base64"}]}]}]}`.
 * Fields that this version does not know are kept where they stand.
 */
export const NOTEBOOK_FORMAT = 'lift-notebook/1';
export const MARKDOWN = 'markdown';

export interface OutputItem {
  readonly mime: string;
  /** Exactly one of the three: JSON types as values, other text as text, everything else as base64. */
  readonly json?: unknown;
  readonly text?: string;
  readonly base64?: string;
}

export type Extra = Readonly<Record<string, unknown>>;

export interface CellOutput {
  readonly items: readonly OutputItem[];
  readonly extra: Extra;
}

export interface Cell {
  /** `markdown`, `lift-prompt`, `lift-eval`, or any other language id, which is kept as code. */
  readonly language: string;
  readonly text: string;
  readonly outputs: readonly CellOutput[];
  readonly extra: Extra;
}

export interface NotebookFile {
  readonly cells: readonly Cell[];
  readonly extra: Extra;
}

/** A file that cannot be read as a notebook; the message says where and why. */
export class NotebookError extends Error {}

type Row = Record<string, unknown>;
const isRow = (v: unknown): v is Row => typeof v === 'object' && v !== null && !Array.isArray(v);
const without = (row: Row, ...keys: readonly string[]): Row => Object.fromEntries(Object.entries(row).filter(([k]) => !keys.includes(k)));

/**
 * Reads the text of a file; an empty one is a notebook without cells.
 * @throws NotebookError when it is not a notebook of this format, naming the place
 */
export function parseNotebook(text: string): NotebookFile {
  const source = text.replace(/^\uFEFF/, '');
  if (source.trim() === '') return { cells: [], extra: {} };
  if (/^(?:<{7}|={7}|>{7})/m.test(source)) throw new NotebookError('The notebook holds the marks of an unresolved merge (<<<<<<<). Resolve it in the text editor, then open the notebook again.');
  let root: unknown;
  try {
    root = JSON.parse(source);
  } catch (e) {
    throw new NotebookError(`The notebook is not JSON (${where(source, (e as Error).message)}). Open it in the text editor to mend it; nothing has been written to it.`);
  }
  if (!isRow(root)) throw new NotebookError('The notebook is not a JSON object. Nothing has been written to it.');
  const { format, cells } = root;
  if (format !== NOTEBOOK_FORMAT) {
    const newer = typeof format === 'string' && /^lift-notebook\/\d+$/.test(format);
    throw new NotebookError(newer ? `The notebook has the format "${format}", this version reads "${NOTEBOOK_FORMAT}". Update LinguaLIFT to open it.` : `The file does not say "format": "${NOTEBOOK_FORMAT}", so it is not a LinguaLIFT notebook.`);
  }
  if (!Array.isArray(cells)) throw new NotebookError('The notebook has no list of "cells".');
  return { cells: cells.map(readCell), extra: without(root, 'format', 'cells') };
}

/** The parser's words, with line and column where it gives a position. */
function where(source: string, message: string): string {
  const at = Number(/position (\d+)/.exec(message)?.[1]);
  if (!Number.isInteger(at) || /line \d+/.test(message)) return message;
  const before = source.slice(0, at).split('\n');
  return `line ${before.length}, column ${before.at(-1)!.length + 1}: ${message}`;
}

function readCell(value: unknown, i: number): Cell {
  const name = `Cell ${i + 1} of the notebook`;
  if (!isRow(value)) throw new NotebookError(`${name} is not an object.`);
  if (typeof value.language !== 'string' || value.language === '') throw new NotebookError(`${name} has no "language".`);
  const outputs = value.outputs ?? [];
  if (!Array.isArray(outputs)) throw new NotebookError(`The "outputs" of ${name.toLowerCase()} are not a list.`);
  return { language: value.language, text: lines(value.source, `The "source" of ${name.toLowerCase()}`), outputs: outputs.map((o) => readOutput(o, name)), extra: without(value, 'language', 'source', 'outputs') };
}

function lines(value: unknown, name: string): string {
  if (typeof value === 'string') return value;
  if (Array.isArray(value) && value.every((l) => typeof l === 'string')) return value.join('\n');
  throw new NotebookError(`${name} is neither text nor a list of lines.`);
}

function readOutput(value: unknown, cell: string): CellOutput {
  if (!isRow(value) || !Array.isArray(value.items)) throw new NotebookError(`${cell} has an output without a list of "items".`);
  const items = value.items.map((item: unknown): OutputItem => {
    if (!isRow(item) || typeof item.mime !== 'string') throw new NotebookError(`${cell} has an output without a "mime" type.`);
    if ('json' in item) return { mime: item.mime, json: item.json };
    if (typeof item.base64 === 'string') return { mime: item.mime, base64: item.base64 };
    return { mime: item.mime, text: lines(item.text, `The output "${item.mime}" of ${cell.toLowerCase()}`) };
  });
  return { items, extra: without(value, 'items') };
}

export const isJsonMime = (mime: string): boolean => /[/+]json$/.test(mime);

/** The text of a file. @param outputs false leaves the outputs out */
export function formatNotebook(file: NotebookFile, outputs = true): string {
  const cells = file.cells.map((cell) => {
    const kept = outputs && cell.outputs.length > 0 ? [`"outputs": ${list(cell.outputs.map(formatOutput), 6)}`] : [];
    const members = [`"language": ${JSON.stringify(cell.language)}`, ...membersOf(cell.extra, 6), `"source": ${source(cell.text, 6)}`, ...kept];
    return `{\n      ${members.join(',\n      ')}\n    }`;
  });
  const members = [`"format": ${JSON.stringify(NOTEBOOK_FORMAT)}`, ...membersOf(file.extra, 2), `"cells": ${list(cells, 2)}`];
  return `{\n  ${members.join(',\n  ')}\n}\n`;
}

function formatOutput(output: CellOutput): string {
  const items = output.items.map((item) => {
    const value = item.json !== undefined ? `"json": ${pretty(item.json, 14)}` : item.base64 !== undefined ? `"base64": ${JSON.stringify(item.base64)}` : `"text": ${source(item.text ?? '', 14)}`;
    return `{\n              "mime": ${JSON.stringify(item.mime)},\n              ${value}\n            }`;
  });
  return `{\n          ${[...membersOf(output.extra, 10), `"items": ${list(items, 10)}`].join(',\n          ')}\n        }`;
}

const membersOf = (extra: Extra, indent: number): string[] => Object.entries(extra).map(([key, value]) => `${JSON.stringify(key)}: ${pretty(value, indent)}`);
const list = (entries: readonly string[], indent: number): string => (entries.length === 0 ? '[]' : `[\n${' '.repeat(indent + 2)}${entries.join(`,\n${' '.repeat(indent + 2)}`)}\n${' '.repeat(indent)}]`);
/** One line of text a line of the file. */
const source = (text: string, indent: number): string => list(text.split(/\r\n?|\n/).map((l) => JSON.stringify(l)), indent);

const WIDTH = 120;

/** JSON in which what fits on a line stays on one, and numbers fill their lines. */
function pretty(value: unknown, indent: number): string {
  const flat = inline(value);
  if (flat.length + indent <= WIDTH || typeof value !== 'object' || value === null) return flat;
  const pad = ' '.repeat(indent + 2);
  if (!Array.isArray(value)) return `{\n${pad}${Object.entries(value).filter(([, v]) => v !== undefined).map(([k, v]) => `${JSON.stringify(k)}: ${pretty(v, indent + 2)}`).join(`,\n${pad}`)}\n${' '.repeat(indent)}}`;
  if (!value.every((v) => typeof v === 'number')) return list(value.map((v) => pretty(v, indent + 2)), indent);
  const rows: string[] = [''];
  for (const [i, number] of value.entries()) {
    const next = inline(number) + (i + 1 < value.length ? ',' : '');
    if (rows.at(-1) !== '' && rows.at(-1)!.length + next.length + indent > WIDTH) rows.push('');
    rows[rows.length - 1] += (rows.at(-1) === '' ? '' : ' ') + next;
  }
  return `[\n${pad}${rows.join(`\n${pad}`)}\n${' '.repeat(indent)}]`;
}

function inline(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  if (Array.isArray(value)) return `[${value.map(inline).join(', ')}]`;
  const members = Object.entries(value).filter(([, v]) => v !== undefined).map(([k, v]) => `${JSON.stringify(k)}: ${inline(v)}`);
  return members.length === 0 ? '{}' : `{ ${members.join(', ')} }`;
}
