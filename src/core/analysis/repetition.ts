/** A text that ends in the same piece over and over. */
export interface RepetitionLoop {
  /** UTF-16 offset where the first copy begins. */
  readonly start: number;
  /** The repeated piece. */
  readonly unit: string;
  /** Copies, the last possibly cut off (3.5 is three copies and a half). */
  readonly copies: number;
}

export interface LoopOptions {
  /** Copies needed; 3 when left out. */
  readonly minCopies?: number;
  /** UTF-16 units that the loop must cover; 40 when left out. */
  readonly minLength?: number;
}

/** A loop of very short pieces (dots, digits, dashes) needs this many copies, since tables and long numbers have some. */
const SHORT_UNIT = 4;
const SHORT_COPIES = 16;
/** Only the end is examined: a greedy decoder that loops does so until it is stopped. */
const WINDOW = 8000;

/**
 * Finds the loop in which a completion ends, or null.
 *
 * Linear in the text: the Z function of the reversed end gives, for every period, how far the text agrees with itself
 * shifted by that period. Of the periods that repeat often enough the one that covers most is taken, the shortest of equals.
 */
export function findLoop(text: string, options: LoopOptions = {}): RepetitionLoop | null {
  const { minCopies = 3, minLength = 40 } = options;
  const trimmed = text.trimEnd();
  const end = trimmed.slice(-WINDOW);
  const agree = reversedZ(end);
  let best: RepetitionLoop | null = null;
  let most = 0;
  for (let period = 1; period * minCopies <= end.length; period += 1) {
    const covered = agree[period]! + period;
    const copies = covered / period;
    if (covered <= most || covered < minLength || copies < (period < SHORT_UNIT ? Math.max(SHORT_COPIES, minCopies) : minCopies)) continue;
    const start = trimmed.length - covered;
    const unit = trimmed.slice(start, start + period);
    if (unit.trim() === '') continue;
    most = covered;
    best = { start, unit, copies };
  }
  return best;
}

/** z[p]: length of the longest suffix of `text` that also ends p units before its end. */
function reversedZ(text: string): Int32Array {
  const n = text.length;
  const at = (i: number): number => text.charCodeAt(n - 1 - i);
  const z = new Int32Array(n + 1);
  let [left, right] = [0, 0];
  for (let i = 1; i < n; i += 1) {
    let length = i < right ? Math.min(right - i, z[i - left]!) : 0;
    while (i + length < n && at(length) === at(i + length)) length += 1;
    z[i] = length;
    if (i + length > right) [left, right] = [i, i + length];
  }
  return z;
}
