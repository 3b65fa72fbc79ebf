import {
  ATTENTION_ACTIONS, ATTENTION_SIDES, type AttentionAction, type HeadChoice, type LayerChoice, MOST_SUBJECTS, type TileParams, UNITS, type Units, VIEW_FORMATS, type ViewFormat,
} from '../../protocol/attention-panel';
import { type ProbeSide, type Range } from '../../protocol/probe';
import { count, record, refuse, text } from './validate';

/** Checks of what the attention panel sends, as in validate.ts. */

const MOST_BYTES = 64 * 2 ** 20;
const MOST_NEIGHBOURS = 20;
const MOST_LENS_ROWS = 256;

const subject = (value: unknown): number => (count(value, 'subject') < MOST_SUBJECTS ? (value as number) : refuse('an unknown prompt'));

function range(value: unknown, name: string): Range {
  if (!Array.isArray(value) || value.length !== 2) return refuse(`no range for "${name}"`);
  const [from, to] = [count(value[0], name), count(value[1], name)];
  return from < to ? [from, to] : refuse(`an empty range for "${name}"`);
}

function layer(value: unknown): LayerChoice {
  return value === 'mean' || value === 'max' || value === 'rollout' ? value : count(value, 'layer');
}

function head(value: unknown): HeadChoice {
  return value === 'mean' || value === 'max' ? value : count(value, 'head');
}

function probeSide(value: unknown): ProbeSide {
  return value === 'encoder' || value === 'lm' ? value : refuse('an unknown side');
}

export function tileParams(value: unknown): TileParams {
  const p = record(value);
  const pool = count(p.pool, 'pool');
  return {
    subject: subject(p.subject), side: ATTENTION_SIDES.find((s) => s === p.side) ?? refuse('an unknown side'), layer: layer(p.layer), head: head(p.head),
    units: UNITS.find((u) => u === p.units) ?? (refuse('unknown units') as Units), pool: pool >= 1 ? pool : refuse('no level of detail'), rows: range(p.rows, 'rows'), columns: range(p.columns, 'columns'),
  };
}

export function thumbnailParams(value: unknown): { subject: number; side: ProbeSide; size: number } {
  const p = record(value);
  return { subject: subject(p.subject), side: probeSide(p.side), size: count(p.size, 'size') };
}

export function softParams(value: unknown): { subject: number; k: number } {
  const p = record(value);
  return { subject: subject(p.subject), k: Math.min(MOST_NEIGHBOURS, count(p.k, 'k')) };
}

export function lensParams(value: unknown): { subject: number; rows: Range; k: number } {
  const p = record(value);
  const rows = range(p.rows, 'rows');
  return { subject: subject(p.subject), rows: rows[1] - rows[0] <= MOST_LENS_ROWS ? rows : refuse('too many positions at once'), k: Math.min(MOST_NEIGHBOURS, count(p.k, 'k')) };
}

export function attentionAction(value: unknown): { action: AttentionAction; subject: number } {
  const p = record(value);
  return { action: ATTENTION_ACTIONS.find((a) => a === p.action) ?? refuse('an unknown action'), subject: subject(p.subject) };
}

export function savedView(value: unknown): { name: string; format: ViewFormat; content: string | Uint8Array } {
  const p = record(value);
  const { content } = p;
  const format = VIEW_FORMATS.find((f) => f === p.format) ?? refuse('an unknown format');
  const fits = format === 'png' ? content instanceof Uint8Array : typeof content === 'string';
  if (!fits || (content as string | Uint8Array).length > MOST_BYTES) return refuse('a view that cannot be saved');
  return { name: text(p.name, 'name').replace(/[^\w.-]+/g, '-').slice(0, 80) || 'view', format, content: content as string | Uint8Array };
}
