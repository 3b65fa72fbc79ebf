import { ALIGNMENT_ACTIONS, type AlignmentAction, EXPORT_KINDS, type ExportParams, type MapParams, MOST_BUNDLES, type SoftParams } from '../../protocol/alignmentpanel';
import { count, record, refuse, text } from './validate';

/** Checks of what the alignment panel sends, as in validate.ts. */

/** 64 MiB of text: a drawing or a table, never more. */
const LARGEST = 64 * 2 ** 20;
const MOST_POINTS = 500;

function place(value: unknown, name: string): number {
  const at = count(value, name);
  return at < MOST_BUNDLES ? at : refuse(`a place beyond the bundles for "${name}"`);
}

export function mapParams(value: unknown): MapParams {
  const p = record(value);
  const method = p.method === 'pca' || p.method === 'umap' ? p.method : refuse('an unknown kind of map');
  return { bundle: place(p.bundle, 'bundle'), stage: text(p.stage, 'stage'), method, fitBundle: place(p.fitBundle, 'fitBundle'), fitLanguage: text(p.fitLanguage, 'fitLanguage'), standardise: p.standardise === true };
}

export const colourParams = (value: unknown): { run: string } => ({ run: text(record(value).run, 'run') });
export const findParams = (value: unknown): { text: string } => ({ text: text(record(value).text, 'text') });

export function pointsParams(value: unknown): { points: readonly number[] } {
  const { points } = record(value);
  return Array.isArray(points) && points.length <= MOST_POINTS ? { points: points.map((p) => count(p, 'points')) } : refuse('too many points');
}

export function softParams(value: unknown): SoftParams {
  const p = record(value);
  return { bundle: place(p.bundle, 'bundle'), language: text(p.language, 'language'), id: text(p.id, 'id') };
}

export function alignmentAction(value: unknown): AlignmentAction {
  const p = record(value);
  const action = ALIGNMENT_ACTIONS.find((a) => a === p.action) ?? refuse('an unknown action');
  if (action === 'addBundle' || action === 'copyLink') return { action };
  const point = { language: text(p.language, 'language'), id: text(p.id, 'id') };
  return action === 'openSample' ? { action, run: text(p.run, 'run'), ...point } : { action, bundle: place(p.bundle, 'bundle'), ...point };
}

export function exportParams(value: unknown): ExportParams {
  const p = record(value);
  const kind = EXPORT_KINDS.find((k) => k === p.kind) ?? refuse('an unknown kind of export');
  const name = text(p.name, 'name').replace(/[^\p{L}\p{N}._-]+/gu, '-').replace(/^[.-]+/, '').slice(0, 120) || 'alignment';
  const content = typeof p.content === 'string' && p.content.length <= LARGEST ? p.content : refuse('no content to write');
  return { kind, name, content };
}
