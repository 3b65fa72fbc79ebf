/**
 * Every match of a global pattern, in order. Unlike `String.matchAll` it does not clone the pattern for each text, which costs more
 * than the search itself when many patterns run over many short texts.
 *
 * @param pattern a pattern with the flag `g`; its `lastIndex` is used
 */
export function allMatches(text: string, pattern: RegExp): RegExpExecArray[] {
  const found: RegExpExecArray[] = [];
  pattern.lastIndex = 0;
  for (let m = pattern.exec(text); m; m = pattern.exec(text)) {
    found.push(m);
    if (m[0] === '') pattern.lastIndex++;
  }
  return found;
}

/** The last match of a global pattern, or undefined. */
export function lastMatch(text: string, pattern: RegExp): RegExpExecArray | undefined {
  return allMatches(text, pattern).at(-1);
}
