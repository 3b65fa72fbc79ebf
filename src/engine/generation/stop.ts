import { type StopReason } from '../../protocol/run';

/**
 * First stop string in the text of the ids.
 *
 * @returns the number of tokens up to and with the one that completes the stop string (found by bisection, so that it does
 *   not depend on where chunks ended) and the string; undefined when there is none
 */
export function cutAtStop(
  ids: readonly number[],
  stop: readonly string[],
  decode: (ids: readonly number[]) => string,
): { tokens: number; stop: string } | undefined {
  const has = (n: number): boolean => {
    const text = decode(ids.slice(0, n));
    return stop.some((s) => text.includes(s));
  };
  if (ids.length === 0 || !has(ids.length)) return undefined;
  let low = 0;
  let high = ids.length;
  while (high - low > 1) {
    const mid = (low + high) >> 1;
    if (has(mid)) high = mid;
    else low = mid;
  }
  const text = decode(ids.slice(0, high));
  const found = stop.filter((s) => text.includes(s)).sort((a, b) => text.indexOf(a) - text.indexOf(b))[0]!;
  return { tokens: high, stop: found };
}

/** The text before the first stop string. */
export function textBefore(text: string, stop: string | undefined): string {
  const at = stop === undefined ? -1 : text.indexOf(stop);
  return at < 0 ? text : text.slice(0, at);
}

/** Why a row stops, and how many of its ids belong to the answer. */
export interface Ending {
  readonly reason: StopReason;
  readonly keep: number;
  readonly stopString?: string;
}

export interface EndingRules {
  readonly eosIds: readonly number[];
  /** Most new tokens of the row. */
  readonly limit: number;
  readonly stop: readonly string[];
  readonly decode: (ids: readonly number[]) => string;
}

/**
 * Where greedy ids end: at the first stop string, the first end-of-text id (kept) or the limit; undefined when they go on.
 * Depends on the ids alone, not on how many of them came at once.
 */
export function endingOf(ids: readonly number[], { eosIds, limit, stop, decode }: EndingRules): Ending | undefined {
  const eos = ids.findIndex((id) => eosIds.includes(id));
  const end = Math.min(eos >= 0 ? eos + 1 : Infinity, limit);
  const cut = stop.length > 0 ? cutAtStop(ids.slice(0, Math.min(end, ids.length)), stop, decode) : undefined;
  if (cut) return { reason: 'stop-string', keep: cut.tokens, stopString: cut.stop };
  if (eos >= 0 && eos < limit) return { reason: 'eos', keep: eos + 1 };
  if (ids.length >= limit) return { reason: 'length', keep: limit };
  return undefined;
}
