import path from 'node:path';
import { type Interval } from '../../core/statistics';
import { languageName } from '../../core/languages';
import { type RunManifest } from '../../protocol/run';
import { shippedNames } from '../benchmark';
import { shellWord } from './escape';
import { type ReportClass, type ReportRun } from './model';

/** Percentage with one decimal, without the sign; an en dash for what is not there. */
export const percent = (x: number | null | undefined): string => (x === null || x === undefined || !Number.isFinite(x) ? '–' : (100 * x).toFixed(1));

export const percentInterval = (interval: Interval | undefined): string => (interval ? `${percent(interval[0])} – ${percent(interval[1])}` : '–');

/** p value: two significant digits, `< 0.0001` below. */
export const pValue = (p: number): string => (p < 1e-4 ? '< 0.0001' : p.toPrecision(2));

/** For machine-read files: six significant digits, so that a file does not change with the last bits of a sum; integers as they are. */
export const sixDigits = (x: number): number => (Number.isInteger(x) || Math.abs(x) < 1e-12 ? Math.round(x) + 0 : Number(x.toPrecision(6)));

export const CLASS_TITLE: Readonly<Record<ReportClass, string>> = { low: 'Low-resource', medium: 'Medium-resource', high: 'High-resource', other: 'Outside the 48' };

export const languageTitle = (code: string): string => languageName(code);

/** `2025-03-01 12:00 UTC`. */
export const utc = (iso: string): string => `${iso.slice(0, 16).replace('T', ' ')} UTC`;

/** Languages and problems of a run in words. */
export function planInWords(run: ReportRun): string {
  const { plan } = run.manifest;
  const drawn = plan.sampling === 'all' ? 'all of them' : plan.sampling === 'ids' ? 'chosen by id' : plan.sampling === 'first' ? 'the first ones' : plan.sampling === 'balanced' ? `drawn with equally many of each gold answer, seed ${plan.seed}` : `drawn ${plan.sampling === 'random' ? 'at random' : 'stratified'}, seed ${plan.seed}`;
  return `${plan.languages.length} ${plan.languages.length === 1 ? 'language' : 'languages'} × ${plan.ids.length} ${plan.ids.length === 1 ? 'problem' : 'problems'} (${drawn})${plan.shard ? `, shard ${plan.shard.index} of ${plan.shard.of}` : ''}`;
}

/** Settings of a run, in the order of a report. */
export function settings(run: ReportRun): [name: string, value: string][] {
  const { environment: e, execution: x } = run.manifest;
  return [
    ['Run', run.manifest.id],
    ['Fingerprint', run.manifest.fingerprint],
    ['Created', utc(run.manifest.created)],
    ['Status', `${run.state?.status ?? 'planned'}, ${run.samples.length} of ${run.planned} samples`],
    ['Bundle', `${e.bundle.name}, ${e.bundle.method}, ${e.bundle.precision}`],
    ['Bundle SHA-256', e.bundle.sha256],
    ['Benchmark', `${e.benchmark.title}${e.benchmark.version === null ? '' : ` ${e.benchmark.version}`}`],
    ['Benchmark SHA-256', e.benchmark.sha256],
    ['Problems', planInWords(run)],
    ['Prompt template', `${e.prompt.template}/${e.prompt.version}`],
    ['Scorer', run.scorer],
    e.mode !== undefined ? ['Mode', modeInWords(e)] : ['Decoding', `greedy, at most ${e.generation.maxNewTokens} new tokens${e.generation.stop.length === 0 ? '' : `, stops at ${e.generation.stop.map((s) => JSON.stringify(s)).join(', ')}`}${e.calculator ? ', with calculator' : ''}`],
    ['Backend', `${e.backend.name}, ${e.backend.provider}`],
    ...(e.backend.served ? [['Served LLM', `${e.backend.served.dtype}, ${e.backend.served.fingerprint}`] as [string, string]] : []),
    ['Versions', Object.entries(e.backend.versions).map(([name, version]) => `${name} ${version}`).join(', ')],
    ['Execution', `batch ${x.batch}, ${x.processes} × ${x.threads} threads, ${x.platform}`],
    ...(run.state && run.state.seconds > 0 ? [['Speed', `${run.state.newTokens} new tokens in ${run.state.seconds.toFixed(0)} s, ${(run.state.newTokens / run.state.seconds).toFixed(1)} tokens/s`] as [string, string]] : []),
  ];
}

/** What a likelihood run compared. */
export function modeInWords(e: RunManifest['environment']): string {
  if (e.mode === 'operation') return 'operation: log-likelihood of the calculations with the problem’s two numbers (a+b, a−b, b−a, a×b, a÷b), nothing is generated';
  return `choice: log-likelihood of ${e.continuation === 'label' ? 'the label of each choice after the listed choices' : 'the text of each choice after the bare question'}, nothing is generated`;
}

/** The command that makes this run again (another machine may need other paths). */
export function reproduceCommand(manifest: RunManifest): string {
  const { environment: e, execution: x, plan } = manifest;
  const shipped = shippedNames().includes(e.benchmark.name) && path.basename(x.benchmarkPath) === e.benchmark.name;
  const words = ['lingualift', 'evaluate', '--bundle', x.bundlePath, '--benchmark', shipped ? e.benchmark.name : x.benchmarkPath, '--languages', plan.languages.join(',')];
  if (plan.sampling === 'ids') words.push('--ids', plan.ids.join(','));
  else if (plan.sampling !== 'all') words.push('--limit', String(plan.ids.length), '--sampling', plan.sampling, '--seed', String(plan.seed));
  if (e.mode !== undefined) words.push('--mode', e.mode, ...(e.continuation !== undefined ? ['--continuation', e.continuation] : []));
  else words.push('--max-new-tokens', String(e.generation.maxNewTokens));
  if (e.parity?.swapSwedishSwahili) words.push('--swap-sv-sw');
  words.push('--precision', e.bundle.precision, '--scorer', e.scorer.name, '--template', e.prompt.template);
  if (e.calculator) words.push('--calculator');
  if (/cpu|cuda/i.test(e.backend.provider)) words.push('--provider', /cuda/i.test(e.backend.provider) ? 'cuda' : 'cpu');
  if (plan.shard) words.push('--shard', `${plan.shard.index}/${plan.shard.of}`);
  if (e.backend.served) {
    words.push('--backend', 'vllm', '--endpoint', 'URL');
    return words.map(shellWord).join(' ');
  }
  words.push('--batch', String(x.batch), '--threads', String(x.threads), '--processes', String(x.processes));
  return words.map(shellWord).join(' ');
}

/** How the figures were made; one paragraph for every format. */
export function methodInWords(run: ReportRun): string {
  const { bootstrap, reference } = run.aggregate;
  return (
    `Intervals are ${Math.round(bootstrap.level * 100)} % intervals: Wilson’s per language; for means over languages and for paired differences a percentile bootstrap clustered by problem ` +
    `(the same problem in all its languages is drawn as one), ${bootstrap.resamples} resamples, seed ${bootstrap.seed}. Means over languages are unweighted.` +
    (reference === undefined ? '' : ` The gap is the accuracy in ${languageTitle(reference)} minus that of the language, over the problems answered in both.`) +
    ' The floor is the best of the trivial answers over the same samples: the last number of the question (last), sum, difference or product of its first two (a+b, |a−b|, a×b), the most frequent answer or label (mode), a choice at random (chance).' +
    (run.aggregate.overall.balanced ? ' Balanced: the mean of the shares right within each class of gold answers, so that always saying the same gives 1 / classes.' : '')
  );
}
