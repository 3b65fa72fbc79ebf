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
