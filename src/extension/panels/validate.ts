import { ErrorCodes, ResponseError } from 'vscode-jsonrpc/node';
import { type ActionParams, OUTCOMES, type Outcome, type PageParams, RUN_ACTIONS, type RunAction, SAMPLE_ACTIONS, type SampleAction, type SampleKey } from '../../protocol/panels';

/** Checks of what a webview sends. A message that does not fit is answered with an error and does nothing. */

const LONGEST = 2000;

export function refuse(what: string): never {
  throw new ResponseError(ErrorCodes.InvalidParams, `The panel sent ${what}.`);
}

export function record(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : refuse('no object');
}

export function text(value: unknown, name: string): string {
  return typeof value === 'string' && value.length <= LONGEST ? value : refuse(`no text for "${name}"`);
}

export function count(value: unknown, name: string): number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 ? value : refuse(`no count for "${name}"`);
}

export function pageParams(value: unknown): PageParams {
  const p = record(value);
  const outcomes = Array.isArray(p.outcomes) && p.outcomes.every((o) => OUTCOMES.includes(o as Outcome)) ? (p.outcomes as Outcome[]) : refuse('an unknown filter');
  return { language: text(p.language, 'language'), outcomes, ...(p.disagrees === undefined ? {} : { disagrees: text(p.disagrees, 'disagrees') }), find: text(p.find, 'find'), offset: count(p.offset, 'offset'), count: count(p.count, 'count') };
}

export function sampleParams(value: unknown): SampleKey {
  const p = record(value);
  return { language: text(p.language, 'language'), id: text(p.id, 'id') };
}

export function sampleActionParams(value: unknown): SampleKey & { action: SampleAction } {
  return { ...sampleParams(value), action: SAMPLE_ACTIONS.find((a) => a === record(value).action) ?? refuse('an unknown action') };
}

export function problemParams(value: unknown): { id: string } {
  return { id: text(record(value).id, 'id') };
}

export function actionParams(value: unknown): ActionParams {
  const p = record(value);
  const action = RUN_ACTIONS.includes(p.action as RunAction) ? (p.action as RunAction) : refuse('an unknown action');
  return { action, ...(p.language === undefined ? {} : { language: text(p.language, 'language') }) };
}
