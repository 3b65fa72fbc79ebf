import * as vscode from 'vscode';
import { type EvalCell, parseEvalCell } from '../../core/notebook';
import { type EvalOutput, OUTPUT_FORMAT, type OutputComparison, type OutputRun } from '../../protocol/notebook';
import { type SampleLine } from '../../protocol/panels';
import { type ActiveRun, CancelledStart } from '../runs/active';
import { runsFolder } from '../services';
import { engineSettings } from '../settings/engine';
import { CloseComparison, ReadEstimates, ReadPage, ReadPair, ReadRun, type RunFacts, type StartParams } from '../worker/protocol';
import { type Job, type NotebookServices, refuseIssues } from './job';
import { chosenBundle } from './prompt';
import { benchmarkPath, kept } from './resolve';

const t = vscode.l10n.t;

/** Samples that an output keeps of one run; the rest is in the run. */
const MOST_LINES = 200;
const READ_MS = 400;

export function versionOf(context: vscode.ExtensionContext): string {
  return String((context.extension.packageJSON as { version?: unknown }).version);
}

function startParams(services: NotebookServices, cell: EvalCell, bundle: string, benchmark: string): StartParams {
  return {
    ...engineSettings(), bundle, benchmark, runsFolder: runsFolder(services.context), version: versionOf(services.context),
    ...(cell.languages === undefined ? {} : { languages: cell.languages }), ...(cell.ids === undefined ? {} : { ids: cell.ids }), ...(cell.sample === undefined ? {} : { limit: cell.sample }),
    ...(cell.seed === undefined ? {} : { seed: cell.seed }), ...(cell.sampling === undefined ? {} : { sampling: cell.sampling }), ...(cell.scorer === undefined ? {} : { scorer: cell.scorer }), ...(cell.mode === undefined ? {} : { mode: cell.mode }),
    ...(cell.template === undefined ? {} : { template: cell.template }), ...(cell.precision === undefined ? {} : { precision: cell.precision }), ...(cell.maxNewTokens === undefined ? {} : { maxNewTokens: cell.maxNewTokens }),
  };
}

/**
 * Runs a `lift-eval` cell: each bundle's run through the run store, where the same cell again resumes what is missing; then the
 * paired comparisons of the first with each other one.
 *
 * @returns false when it was interrupted or a run failed
 */
export async function runEvaluation(services: NotebookServices, job: Job): Promise<boolean> {
  const cell = parseEvalCell(job.text);
  refuseIssues(cell.issues, (line, message) => t('Line {0}: {1}', line, message));
  const benchmark = await benchmarkPath(services.catalogue, job.notebook, cell.benchmark!);
  const bundles = cell.bundles.length === 0 ? [await chosenBundle(services, job, undefined)] : await Promise.all(cell.bundles.map((name) => chosenBundle(services, job, name)));
  const runs: OutputRun[] = [];
  const comparisons: OutputComparison[] = [];
  const show = (state: EvalOutput['state'], message: string | null): void => job.output.show({ format: OUTPUT_FORMAT, kind: 'eval', state, message, runs: [...runs], comparisons: [...comparisons] });
  const folders: string[] = [];
  for (const [i, bundle] of bundles.entries()) {
    show('loading', t('loading the engine'));
    let run: ActiveRun;
    try {
      run = await services.runs.start(startParams(services, cell, bundle, benchmark), (p) => show('loading', `${p.message} (${p.step}/${p.of})`), job.token);
    } catch (e) {
      if (!(e instanceof CancelledStart)) throw e;
      show('cancelled', null);
      return false;
    }
    folders.push(run.folder);
    await follow(services, job, run, async () => {
      runs[i] = outputRun(job, run, await services.reader.ask(ReadRun, { folder: run.folder }));
      show('running', run.status === 'paused' ? t('paused') : null);
    });
    runs[i] = await finished(services, job, run);
    if (run.status !== 'finished') {
      const failed = run.status === 'failed';
      show(failed ? 'failed' : 'cancelled', failed ? t('The run stopped: {0} What is finished is saved; run the cell again to go on.', run.last.message ?? '') : t('Interrupted. What is finished is saved; run the cell again to go on.'));
      return false;
    }
    if (run.manifest.plan.languages.length >= 2) services.steps.done('ranTwoLanguages');
  }
  for (let b = 1; b < folders.length; b += 1) comparisons.push(await comparison(services, folders, b));
  if (comparisons.some((c) => c.pair)) services.steps.done('compared');
  show('finished', null);
  return true;
}

/** Reads the run again whenever it has moved, until it is over. A pause from its panel is waited out; an interrupt cancels it. */
async function follow(services: NotebookServices, job: Job, run: ActiveRun, read: () => Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  let reading: Promise<void> = Promise.resolve();
  const soon = (): void => {
    timer ??= setTimeout(() => {
      timer = undefined;
      reading = reading.then(read).catch((e: unknown) => services.log.warn(`Notebook: ${(e as Error).message}`));
    }, READ_MS);
  };
  soon();
  let listener: vscode.Disposable | undefined;
  const interrupt = job.token.onCancellationRequested(() => void run.cancel());
  try {
    await new Promise<void>((resolve) => {
      const over = (): boolean => run.last.settled && run.status !== 'paused';
      listener = services.runs.onDidChange((changed) => {
        if (changed !== run) return;
        if (over()) resolve();
        else soon();
      });
      if (over()) resolve();
      if (job.token.isCancellationRequested) void run.cancel();
    });
  } finally {
    listener?.dispose();
    interrupt.dispose();
    clearTimeout(timer);
    await reading;
  }
}

function outputRun(job: Job, run: ActiveRun, facts: RunFacts): OutputRun {
  const { environment: e, plan } = facts.manifest;
  return {
    folder: kept(job.notebook, run.folder), name: facts.state?.name ?? `${e.bundle.name} (${e.bundle.precision})`, bundle: e.bundle.name, precision: e.bundle.precision, benchmark: e.benchmark.title, scorer: `${e.scorer.name}/${e.scorer.version}`,
    template: `${e.prompt.template}/${e.prompt.version}`, fingerprint: facts.manifest.fingerprint, seed: plan.seed, sampling: plan.sampling, problems: plan.ids.length, done: facts.done, total: plan.languages.length * plan.ids.length,
    tokensPerSecond: run.last.tokensPerSecond, etaSeconds: run.last.etaSeconds, rows: facts.rows, overall: null, lines: [],
  };
}

/** The run as it stands on disk now, with its first samples and the mean over languages. */
async function finished(services: NotebookServices, job: Job, run: ActiveRun): Promise<OutputRun> {
  const { folder } = run;
  const facts = await services.reader.ask(ReadRun, { folder });
  const { groups, resamples } = await services.reader.ask(ReadEstimates, { folder });
  const all = groups.find((g) => g.by === 'all');
  const each = Math.max(1, Math.floor(MOST_LINES / Math.max(1, facts.rows.length)));
  const lines: SampleLine[] = [];
  for (const { language } of facts.rows.slice(0, MOST_LINES)) lines.push(...(await services.reader.ask(ReadPage, { folder, language, outcomes: [], find: '', offset: 0, count: each })).lines);
  const { seconds, newTokens } = facts.state ?? { seconds: 0, newTokens: 0 };
  return {
    ...outputRun(job, run, facts), etaSeconds: null, tokensPerSecond: seconds > 0 && newTokens > 0 ? newTokens / seconds : null, lines,
    overall: all ? { mean: all.mean, interval: all.interval, resamples } : null,
  };
}

async function comparison(services: NotebookServices, folders: readonly string[], b: number): Promise<OutputComparison> {
  const pair = [folders[0]!, folders[b]!];
  try {
    const answer = await services.reader.ask(ReadPair, { folders: pair, a: { run: 0, scorer: '' }, b: { run: 1, scorer: '' }, correction: 'holm', common: false });
    return 'pair' in answer ? { a: 0, b, pair: answer.pair, refused: null } : { a: 0, b, pair: null, refused: answer.refused };
  } catch (e) {
    return { a: 0, b, pair: null, refused: (e as Error).message };
  } finally {
    void services.reader.ask(CloseComparison, { folders: pair }).catch(() => undefined);
  }
}
