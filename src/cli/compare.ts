import { compareRuns, signedPoints } from '../core/analysis/compare';
import { languageOf } from '../core/languages';
import { PairingError } from '../core/statistics';
import { RunError } from '../runs/errors';
import { readManifestOf, readSamples } from '../runs/store';
import { options, UsageError } from './options';
import { languageLabel, percent, say, table } from './terminal';

const HELP = `lingualift compare RUN_A RUN_B [--correction holm|bh] [--json]

Pairs the two runs problem by problem: differences per language with a paired bootstrap interval and McNemar's test,
corrected over languages. Refuses runs that did not ask the same problems.`;

export async function compareCommand(args: readonly string[]): Promise<number> {
  const o = options(args, { correction: 'text', json: 'flag' }, HELP);
  if (o._.length !== 2) throw new UsageError('Name two run folders. See lingualift compare --help.');
  const correction = o.correction ?? 'holm';
  if (correction !== 'holm' && correction !== 'bh') throw new UsageError(`--correction must be holm or bh, not "${String(correction)}".`);
  const [a, b] = o._.map((folder) => ({ manifest: readManifestOf(folder), samples: readSamples(folder).samples }));
  const name = (m: (typeof a & object)['manifest']): string => `${m.environment.bundle.name} (${m.environment.bundle.precision})`;
  const names = [name(a!.manifest), name(b!.manifest)] as [string, string];
  if (names[0] === names[1]) names[1] += ' #2';
  let comparison: ReturnType<typeof compareRuns>;
  try {
    comparison = compareRuns(rows(a!.samples), rows(b!.samples), { correction, names });
  } catch (e) {
    if (e instanceof PairingError) throw new RunError(e.message, 4);
    throw e;
  }
  if (o.json === true) {
    const fingerprints = [a!.manifest.fingerprint, b!.manifest.fingerprint];
    const scorers = [a!, b!].map((r) => `${r.manifest.environment.scorer.name}/${r.manifest.environment.scorer.version}`);
    process.stdout.write(JSON.stringify({ ...comparison, fingerprints, scorers }) + '\n');
    return 0;
  }
  const lines = comparison.languages.map((l) => [
    l.language, languageLabel(l.language), languageOf(l.language)?.resourceClass ?? 'other', String(l.n), percent(l.accuracyA), percent(l.accuracyB), signedPoints(l.difference),
    `${signedPoints(l.interval[0])} – ${signedPoints(l.interval[1])}`, l.test.p.toPrecision(2), (correction === 'holm' ? l.holm : l.bh).toPrecision(2) + (l.significant ? ' *' : ''),
  ]);
  process.stdout.write(table(['', 'language', 'class', 'n', 'A %', 'B %', 'B − A', '95 % interval', 'p', `p (${correction})`], lines, new Set([3, 4, 5, 6, 8, 9])) + '\n');
  say(`A: ${names[0]}, B: ${names[1]}. ${comparison.sentence}`);
  if (a!.manifest.environment.scorer.name !== b!.manifest.environment.scorer.name) say('Note: the two runs were scored by different scorers. Score one again: lingualift score --run.');
  return 0;
}

const rows = (samples: ReturnType<typeof readSamples>['samples']) =>
  samples.map((s) => ({ language: s.language, id: s.id, correct: s.correct, value: s.value, error: s.error, gold: s.gold, newTokens: s.tokenIds.length, ms: s.ms }));
