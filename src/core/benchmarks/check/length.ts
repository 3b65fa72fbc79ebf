import { type Problem } from '../types';
import { median, wholeText } from './text';
import { type CheckFinding } from './types';

/** A length ratio is an outlier when it is off the language's median by more than this many robust standard deviations … */
const DEVIATIONS = 4.5;
/** … and by more than this factor, so that an even translation is not held against a single longer name. */
const FACTOR = 1.6;
/** Characters per English character that a whole translation can need: Chinese has about 0.3, no language of the 48 more than 1.6. */
const PLAUSIBLE: readonly [number, number] = [0.15, 2.2];

/**
 * `length`: code points per code point of the reference, compared with the same ratio of the language's other problems.
 *
 * The logarithm of the ratio is compared with its median and median absolute deviation (times 1.4826, the normal-consistent scale).
 */
export function checkLengths(language: string, pairs: readonly { readonly problem: Problem; readonly twin: Problem }[], reference: string): CheckFinding[] {
  if (pairs.length < 8) return [];
  const size = (p: Problem): number => Array.from(wholeText(p)).length;
  const logs = pairs.map(({ problem, twin }) => Math.log(size(problem) / size(twin)));
  const middle = median(logs);
  const scale = 1.4826 * median(logs.map((x) => Math.abs(x - middle)));
  const limit = Math.max(DEVIATIONS * scale, Math.log(FACTOR));
  const findings: CheckFinding[] = [];
  const usual = Math.exp(middle);
  if (usual < PLAUSIBLE[0] || usual > PLAUSIBLE[1]) {
    findings.push({
      check: 'length', severity: 'warning', language,
      message: `The texts are ${usual.toFixed(2)} times as long as in "${reference}" (median); ${PLAUSIBLE[0]} to ${PLAUSIBLE[1]} is expected of a translation.`,
    });
  }
  pairs.forEach(({ problem }, i) => {
    const off = logs[i]! - middle;
    if (Math.abs(off) <= limit) return;
    findings.push({
      check: 'length', severity: 'warning', language, id: problem.id, field: 'question', text: problem.question,
      message: `The text is ${off < 0 ? 'short' : 'long'}: ${Math.exp(logs[i]!).toFixed(2)} times the length in "${reference}", the language's median is ${usual.toFixed(2)}.`,
    });
  });
  return findings;
}
