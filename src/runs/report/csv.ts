import { type FidelityRow } from '../../core/analysis';
import { csvLine } from './escape';
import { sixDigits } from './format';
import { classOf, type Report, type ReportRun } from './model';

type Cell = string | number | null | undefined;

const RESULT_HEAD = [
  'run', 'fingerprint', 'bundle', 'precision', 'benchmark', 'scorer', 'level', 'key', 'resource_class', 'languages', 'n', 'correct', 'accuracy', 'low_95', 'high_95',
  'balanced', 'balanced_low_95', 'balanced_high_95', 'gap', 'gap_low_95', 'gap_high_95', 'right_given_english', 'floor', 'floor_rule', 'unread', 'failed', 'tokens_per_question', 'ms_per_question',
  'own_script', 'script_switch_rate', 'own_language', 'in_english', 'code_switch_rate', 'answers_identified',
];

/** Long form, one row per run and language or group; shares from 0 to 1, six significant digits. */
export function csvResults(report: Report): string {
  const lines = report.runs.flatMap((run) => {
    const head = identity(run);
    const fidelity = new Map(run.fidelity.map((f) => [f.language, f]));
    const languages = run.aggregate.languages.map((l): Cell[] => [
      ...head, 'language', l.language, classOf(l.language), 1, l.n, l.correct, num(l.accuracy), num(l.interval[0]), num(l.interval[1]), num(l.balanced?.mean), num(l.balanced?.interval[0]), num(l.balanced?.interval[1]), num(l.gap?.mean), num(l.gap?.interval[0]), num(l.gap?.interval[1]),
      num(l.conditional?.share), num(l.floor?.share), l.floor?.name, l.unread, l.failed, num(l.tokensPerQuestion), num(l.msPerQuestion), ...fidelityCells(fidelity.get(l.language)),
    ]);
    const groups = [...run.aggregate.groups, { ...run.aggregate.overall, by: 'all', key: 'all' }].map((g): Cell[] => [
      ...head, g.by, g.key, g.by === 'class' ? g.key : undefined, g.languages.length, g.n, undefined, num(g.mean), num(g.interval[0]), num(g.interval[1]), num(g.balanced?.mean), num(g.balanced?.interval[0]), num(g.balanced?.interval[1]), num(g.gap?.mean), num(g.gap?.interval[0]), num(g.gap?.interval[1]),
      undefined, num(g.floor), undefined, undefined, undefined, undefined, undefined, ...fidelityCells(undefined),
    ]);
    return [...languages, ...groups];
  });
  return csvLine(RESULT_HEAD) + lines.map(csvLine).join('');
}

/** Scripts and languages of the answers; empty for groups. */
const fidelityCells = (f: FidelityRow | undefined): Cell[] => [num(f?.ownScript), num(f?.scriptSwitchRate), num(f?.own), num(f?.english), num(f?.switchRate), f?.identified];

/** One row per sample. */
export function csvSamples(report: Report): string {
  const head = ['run', 'fingerprint', 'language', 'id', 'correct', 'gold', 'value', 'reading', 'ambiguous', 'error', 'stop_reason', 'new_tokens', 'ms', 'question', 'completion'];
  return (
    csvLine(head) +
    report.runs
      .flatMap((run) => run.samples.map((s) => csvLine([run.label, run.manifest.fingerprint, s.language, s.id, s.correct, s.gold, s.value, s.reading, s.ambiguous, s.error, s.stopReason, s.tokenIds.length, s.ms, s.question, s.completion])))
      .join('')
  );
}

/** One row per compared language and group of each later run against the first. */
export function csvComparisons(report: Report): string {
  const head = ['a', 'a_fingerprint', 'b', 'b_fingerprint', 'level', 'key', 'n', 'accuracy_a', 'accuracy_b', 'difference', 'low_95', 'high_95', 'both', 'only_a', 'only_b', 'neither', 'p_mcnemar', 'p_holm', 'p_bh'];
  const lines = report.comparisons.flatMap(({ a, b, result }) => {
    if (!result) return [];
    const who = [a.label, a.manifest.fingerprint, b.label, b.manifest.fingerprint];
    const languages = result.languages.map((l): Cell[] => [
      ...who, 'language', l.language, l.n, num(l.accuracyA), num(l.accuracyB), num(l.difference), num(l.interval[0]), num(l.interval[1]), l.quadrants.both, l.quadrants.onlyA, l.quadrants.onlyB, l.quadrants.neither, num(l.test.p), num(l.holm), num(l.bh),
    ]);
    const groups = [...result.groups, { ...result.overall, by: 'all', key: 'all' }].map((g): Cell[] => [
      ...who, g.by, g.key, g.n, undefined, undefined, num(g.difference), num(g.interval[0]), num(g.interval[1]), undefined, undefined, undefined, undefined, undefined, undefined, undefined,
    ]);
    return [...languages, ...groups];
  });
  return csvLine(head) + lines.map(csvLine).join('');
}

function identity(run: ReportRun): Cell[] {
  const { bundle, benchmark } = run.manifest.environment;
  return [run.label, run.manifest.fingerprint, bundle.name, bundle.precision, benchmark.name, run.scorer];
}

const num = (x: number | null | undefined): number | undefined => (x === null || x === undefined || !Number.isFinite(x) ? undefined : sixDigits(x));
