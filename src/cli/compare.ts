import { bestFloors, sampleFloors } from '../core/analysis';
import { type Comparison, compareRuns, type Correction, signedPoints } from '../core/analysis/compare';
import { commonSamples, compareMany, type ManyCell, type ManyComparison, type ManyDifference } from '../core/analysis/many';
import { languageOf } from '../core/languages';
import { PairingError } from '../core/statistics';
import { MOST_RUNS } from '../protocol/compare';
import { type RunManifest } from '../protocol/run';
import { RunError } from '../runs/errors';
import { uniqueLabels } from '../runs/report/model';
import { readManifestOf, readSamples, readState } from '../runs/store';
import { sampleRows } from '../runs/summary';
import { integer, options, UsageError } from './options';
import { languageLabel, percent, say, table } from './terminal';

const HELP = `lingualift compare RUN_A RUN_B [RUN_C …] [--baseline N] [--correction holm|bh] [--common] [--json]

Two runs are paired problem by problem: differences per language with a paired bootstrap interval and McNemar's test,
corrected over languages. Three to ${MOST_RUNS} runs make one table, languages × runs: n, accuracy with its interval, and each run's
difference to the baseline, with the p-values of all languages and runs corrected together. Refuses runs that did not ask
the same problems.

  --baseline N          place of the run the others are compared with, from 1 (default: 1; three or more runs)
  --correction holm|bh  family-wise error (default) or false discovery rate
  --common              leave out the problems that not every run holds, instead of refusing
  --json                two runs: {names, n, languages [...], groups, overall, quadrants, shifts, sentence, …, fingerprints, scorers};
                        more: {format: "lift-compare/1", names, baseline (from 0), correction, tests, n, fingerprints, scorers, leftOut,
                        languages: [{language, floor, cells: [{n, accuracy, interval, against: {difference, interval, p, holm, bh,
                        significant}}]}], groups, overall, bootstrap}, a cell for each run and no "against" for the baseline`;

export async function compareCommand(args: readonly string[]): Promise<number> {
  const o = options(args, { correction: 'text', baseline: 'integer', common: 'flag', json: 'flag' }, HELP);
  if (o._.length < 2) throw new UsageError('Name two or more run folders. See lingualift compare --help.');
  if (o._.length > MOST_RUNS) throw new UsageError(`A comparison holds up to ${MOST_RUNS} runs, not ${o._.length}. See lingualift compare --help.`);
  const correction = o.correction ?? 'holm';
  if (correction !== 'holm' && correction !== 'bh') throw new UsageError(`--correction must be holm or bh, not "${String(correction)}".`);
  const given = integer(o, 'baseline');
  if (given !== undefined && o._.length === 2) throw new UsageError('--baseline is for three or more runs; of two, the first is A. See lingualift compare --help.');
  const baseline = (given ?? 1) - 1;
  if (baseline < 0 || baseline >= o._.length) throw new UsageError(`--baseline must be a place from 1 to ${o._.length}, not ${String(given)}.`);
  const sources = o._.map((folder) => ({ folder, manifest: readManifestOf(folder), state: readState(folder), samples: readSamples(folder).samples }));
  const empty = sources.filter((s) => s.samples.length === 0).map((s) => s.folder);
  if (empty.length > 0) throw new RunError(`No samples yet in ${empty.join(', ')}. Let the run finish, or leave it out.`);
  const kept = o.common === true ? commonSamples(sources.map((s) => s.samples)) : sources.map((s) => s.samples);
  const leftOut = sources.map((s, i) => s.samples.length - kept[i]!.length);
  if (kept[0]!.length === 0) throw new RunError('There is no problem that all of these runs hold, so there is nothing to compare.');
  if (leftOut.some((n) => n > 0)) say(`Left out, because not every run holds them: ${leftOut.map((n, i) => `${n} of ${o._[i]!}`).join(', ')}.`);
  const about = { fingerprints: sources.map((s) => s.manifest.fingerprint), scorers: sources.map((s) => scorerOf(s.manifest)) };
  const different = new Set(about.scorers.map((s) => s.split('/')[0])).size > 1;
  try {
    if (sources.length === 2) {
      const names = sources.map(({ manifest: { environment: e } }) => `${e.bundle.name} (${e.bundle.precision})`) as [string, string];
      if (names[0] === names[1]) names[1] += ' #2';
      const comparison = compareRuns(sampleRows(kept[0]!), sampleRows(kept[1]!), { correction, names });
      if (o.json === true) process.stdout.write(JSON.stringify({ ...comparison, ...about }) + '\n');
      else pairTable(comparison, correction);
    } else {
      const names = uniqueLabels(sources);
      const floors = bestFloors(sampleFloors(kept[baseline]!));
      const many = compareMany(kept.map((samples, i) => ({ name: names[i]!, samples: sampleRows(samples) })), { baseline, correction, floors });
      if (o.json === true) process.stdout.write(JSON.stringify({ format: 'lift-compare/1', ...many, ...about, leftOut }) + '\n');
      else manyTable(many);
    }
  } catch (e) {
    if (e instanceof PairingError) throw new RunError(e.message, 4);
    throw e;
  }
  if (different && o.json !== true) say('Note: the runs were scored by different scorers. Score one again: lingualift score --run.');
  return 0;
}

const scorerOf = ({ environment: { scorer } }: RunManifest): string => `${scorer.name}/${scorer.version}`;

function pairTable(comparison: Comparison, correction: Correction): void {
  const lines = comparison.languages.map((l) => [
    l.language, languageLabel(l.language), languageOf(l.language)?.resourceClass ?? 'other', String(l.n), percent(l.accuracyA), percent(l.accuracyB), signedPoints(l.difference),
    `${signedPoints(l.interval[0])} – ${signedPoints(l.interval[1])}`, l.test.p.toPrecision(2), (correction === 'holm' ? l.holm : l.bh).toPrecision(2) + (l.significant ? ' *' : ''),
  ]);
  process.stdout.write(table(['', 'language', 'class', 'n', 'A %', 'B %', 'B − A', '95 % interval', 'p', `p (${correction})`], lines, new Set([3, 4, 5, 6, 8, 9])) + '\n');
  say(`A: ${comparison.names[0]}, B: ${comparison.names[1]}. ${comparison.sentence}`);
}

function manyTable(many: ManyComparison): void {
  const letters = many.names.map((_, i) => String.fromCharCode(65 + i));
  const base = letters[many.baseline]!;
  const cells = (list: readonly ManyCell<ManyDifference>[], tests?: ManyComparison['languages'][number]['cells']): string[] => list.flatMap((c, i) => {
    const test = tests?.[i]?.against;
    const own = [`${percent(c.accuracy)} (${percent(c.interval[0])}–${percent(c.interval[1])})`];
    if (!c.against) return own;
    const p = test ? ` p ${(many.correction === 'holm' ? test.holm : test.bh).toPrecision(2)}${test.significant ? ' *' : ''}` : '';
    return [...own, `${signedPoints(c.against.difference)} (${signedPoints(c.against.interval[0])} to ${signedPoints(c.against.interval[1])})${p}`];
  });
  const floor = (share: number | undefined): string => (share === undefined ? '' : percent(share));
  const groups = [...many.groups.filter((g) => g.by === 'class').map((g) => ({ ...g, title: `${g.key} (${g.languages.length})` })), { ...many.overall, title: `all (${many.overall.languages.length})` }];
  const rows = [
    ...many.languages.map((l) => [l.language, languageLabel(l.language), languageOf(l.language)?.resourceClass ?? 'other', String(l.cells[many.baseline]!.n), floor(l.floor?.share), ...cells(l.cells, l.cells)]),
    ...groups.map((g) => ['', g.title, '', String(g.cells[many.baseline]!.n), floor(g.floor), ...cells(g.cells)]),
  ];
  const head = ['', 'language', 'class', 'n', 'floor %', ...letters.flatMap((letter, i) => (i === many.baseline ? [`${letter} %`] : [`${letter} %`, `${letter} − ${base}`]))];
  process.stdout.write(table(head, rows, new Set([3, 4])) + '\n');
  many.names.forEach((name, i) => say(`${letters[i]!}: ${name}${i === many.baseline ? ' (baseline)' : ''}`));
  say(`McNemar's test per language and run; ${many.tests} tests corrected together by ${many.correction === 'holm' ? 'Holm' : 'Benjamini-Hochberg'}, * significant. Differences and groups: bootstrap clustered by problem, ${many.bootstrap.resamples} resamples, seed ${many.bootstrap.seed}.`);
}
