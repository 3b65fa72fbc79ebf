import fs from 'node:fs';
import path from 'node:path';
import { fidelityRows } from '../core/analysis';
import { loadLanguageIdentifier } from '../core/analysis/identify';
import { plannedItems } from '../protocol/shard';
import { RunError } from '../runs/errors';
import { listRuns } from '../runs/list';
import { mergeRuns } from '../runs/merge';
import { writeReports } from '../runs/report';
import { foreignScores, otherScores } from '../runs/scores';
import { readManifestOf, readSamples, readState } from '../runs/store';
import { FIDELITY_HEAD, fidelityCells, fidelityNote } from '../runs/report/tables';
import { summarise, writtenSamples } from '../runs/summary';
import { finalTable } from './evaluate';
import { options, required, text, UsageError } from './options';
import { languageLabel, percent, say, table } from './terminal';

const HELP = `lingualift runs list [--runs DIR] [--json]   the runs of a folder (default: runs)
lingualift runs show RUN [--scripts-only] [--json]
                                            one run: settings, table, intervals, and in which languages and scripts it
                                            answers (--scripts-only does not identify languages, which takes a while)
lingualift runs merge SHARD… --out DIR      put all shards of a run together; refuses gaps, overlaps and different settings`;

export async function runsCommand(args: readonly string[]): Promise<number> {
  const [action, ...rest] = args;
  const o = options(rest, { runs: 'text', out: 'text', 'scripts-only': 'flag', json: 'flag' }, HELP);
  if (action === 'list') return list(path.resolve(text(o, 'runs') ?? 'runs'), o.json === true);
  if (action === 'show') {
    if (o._.length !== 1) throw new UsageError('Name one run folder. See lingualift runs --help.');
    return show(o._[0]!, path.resolve(text(o, 'runs') ?? 'runs'), o.json === true, o['scripts-only'] === true);
  }
  if (action === 'merge') return merge(o._, required(o, 'out'), o.json === true);
  options(args, {}, HELP);
  throw new UsageError('Say what to do: lingualift runs list, show or merge. See --help.');
}

function merge(shards: readonly string[], out: string, json: boolean): number {
  const { folder, manifest, samples, failed } = mergeRuns(shards.map((s) => path.resolve(s)), path.resolve(out));
  writeReports(folder);
  if (json) process.stdout.write(JSON.stringify({ folder, fingerprint: manifest.fingerprint, samples, failed }) + '\n');
  else {
    process.stdout.write(finalTable(readSamples(folder).samples) + '\n');
    say(`${shards.length} shards, ${samples} samples${failed > 0 ? `, ${failed} of them failed` : ''}, fingerprint ${manifest.fingerprint.slice(0, 12)}: ${path.relative(process.cwd(), folder) || folder}`);
  }
  return 0;
}

function list(folder: string, json: boolean): number {
  const runs = listRuns(folder);
  if (json) {
    process.stdout.write(JSON.stringify(runs) + '\n');
    return 0;
  }
  if (runs.length === 0) say(`No runs in ${folder}. Make one: lingualift evaluate --help`);
  else {
    const rows = runs.map((r) => [r.folder, r.status, r.bundle, r.benchmark, `${r.done}/${r.total}`, r.accuracy === null ? '–' : percent(r.accuracy), r.rescored.map((s) => `${s.scorer} ${s.n > 0 ? percent(s.correct / s.n) : '–'}`).join(', '), r.created.slice(0, 16).replace('T', ' ')]);
    process.stdout.write(table(['run', 'status', 'bundle', 'benchmark', 'done', 'acc %', 'also scored, %', 'created (UTC)'], rows, new Set([4, 5])) + '\n');
  }
  return 0;
}

async function show(run: string, runs: string, json: boolean, scriptsOnly: boolean): Promise<number> {
  const folder = fs.existsSync(run) ? path.resolve(run) : path.join(runs, run);
  if (!fs.existsSync(folder)) throw new RunError(`There is no run "${run}". See lingualift runs list.`);
  const manifest = readManifestOf(folder);
  const { samples, damagedLines } = readSamples(folder);
  const state = readState(folder) ?? { status: 'planned' as const, updated: '', seconds: 0, newTokens: 0 };
  const identifier = scriptsOnly ? undefined : await loadLanguageIdentifier();
  const fidelity = fidelityRows(writtenSamples(samples), identifier);
  if (json) {
    process.stdout.write(JSON.stringify({ ...summarise(manifest, state, samples, folder), rescored: otherScores(folder, samples), refusedScores: foreignScores(folder), fidelity, environment: manifest.environment, plan: manifest.plan, execution: manifest.execution, damagedLines }) + '\n');
    return 0;
  }
  const { environment: e } = manifest;
  say(`${manifest.id}: ${state.status}, ${samples.length} of ${plannedItems(manifest.plan)} samples`);
  say(`${e.bundle.name} (${e.bundle.precision}, ${e.bundle.sha256.slice(0, 12)}) on ${e.benchmark.title} (${e.benchmark.sha256.slice(0, 12)}), template ${e.prompt.template}/${e.prompt.version}, scorer ${e.scorer.name}/${e.scorer.version}`);
  say(`${e.backend.name} ${e.backend.provider}, ${Object.entries(e.backend.versions).map(([k, v]) => `${k} ${v}`).join(', ')}`);
  if (damagedLines.length > 0) say(`Damaged lines in samples.jsonl: ${damagedLines.join(', ')}`);
  for (const file of foreignScores(folder)) say(`${file} is not of this run (another fingerprint) and is not used. Delete it, or score again: lingualift score --run ${run} --scorer NAME`);
  for (const s of otherScores(folder, samples)) say(`Also scored by ${s.scorer}: ${s.correct} of ${s.n} right (${percent(s.correct / Math.max(1, s.n))} %); the two disagree on ${s.disagree}.`);
  if (samples.length > 0) process.stdout.write(finalTable(samples) + '\n');
  if (fidelity.length > 0) {
    const rows = fidelity.map((f) => [f.language, languageLabel(f.language), ...fidelityCells(f)]);
    process.stdout.write('\n' + table(['', ...FIDELITY_HEAD], rows, new Set([2, 3, 5, 6, 8, 9])) + `\n${fidelityNote(fidelity, identifier?.name)}\n`);
  }
  return 0;
}
