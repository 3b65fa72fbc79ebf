import { type Correction, type OutcomeShift, type Quadrant } from '../../core/analysis/compare';
import { COMPARE_ACTIONS, type CompareAction, type ListParams, type ManyParams, MOST_RUNS, type PairKey, type PairParams, QUADRANTS, type Side } from '../../protocol/compare';
import { count, record, refuse, text } from './validate';

/** Checks of what the compare panel sends, as in validate.ts. */

function place(value: unknown, name: string): number {
  const at = count(value, name);
  return at < MOST_RUNS ? at : refuse(`a place beyond the runs for "${name}"`);
}

export function runParams(value: unknown): { run: number } {
  return { run: place(record(value).run, 'run') };
}

export function sideParams(value: unknown): Side {
  const p = record(value);
  return { run: place(p.run, 'run'), scorer: text(p.scorer, 'scorer') };
}

const correctionOf = (value: unknown): Correction => (value === 'holm' || value === 'bh' ? value : refuse('an unknown correction'));

export function pairParams(value: unknown): PairParams {
  const p = record(value);
  return { a: sideParams(p.a), b: sideParams(p.b), correction: correctionOf(p.correction), common: p.common === true };
}

export function manyParams(value: unknown): ManyParams {
  const p = record(value);
  return { baseline: place(p.baseline, 'baseline'), scorer: text(p.scorer, 'scorer'), correction: correctionOf(p.correction), common: p.common === true };
}

export function listParams(value: unknown): ListParams {
  const p = record(value);
  const quadrants = Array.isArray(p.quadrants) && p.quadrants.every((q) => QUADRANTS.includes(q as Quadrant)) ? (p.quadrants as Quadrant[]) : refuse('an unknown quadrant');
  const shift = p.shift === null || p.shift === undefined ? null : record(p.shift);
  return {
    ...pairParams(p), language: text(p.language, 'language'), quadrants, readDiffers: p.readDiffers === true,
    // Names of outcomes only filter; an unknown one fits nothing.
    shift: shift && ({ from: text(shift.from, 'from'), to: text(shift.to, 'to') } as Pick<OutcomeShift, 'from' | 'to'>),
    offset: count(p.offset, 'offset'), count: count(p.count, 'count'),
  };
}

export function pairKey(value: unknown): PairKey {
  const p = record(value);
  return { a: sideParams(p.a), b: sideParams(p.b), language: text(p.language, 'language'), id: text(p.id, 'id') };
}

export function compareAction(value: unknown): CompareAction {
  const p = record(value);
  const action = COMPARE_ACTIONS.find((a) => a === p.action) ?? refuse('an unknown action');
  if (action !== 'openSample') return { action };
  return { action, run: place(p.run, 'run'), language: text(p.language, 'language'), id: text(p.id, 'id') };
}
