import { parentPort } from 'node:worker_threads';
import { type CancellationToken, createMessageConnection, PortMessageReader, PortMessageWriter, type RequestType, type RequestType0 } from 'vscode-jsonrpc/node';
import { plainErrors } from '../errors';
import { AskCancelled, Asker } from '../../runs/ask';
import { loadBenchmark } from '../../runs/benchmark';
import { buildBundle } from '../../runs/build';
import { doctorReport, runDoctor, type DoctorLine } from '../../runs/doctor';
import { scorerByName } from '../../core/scoring';
import { RunError } from '../../runs/errors';
import { setUpPython } from '../../runs/python';
import { rescoreRun } from '../../runs/rescore';
import { type LanguageIdentifier } from '../../core/analysis/identify';
import { exportReport } from '../../runs/report';
import { pythonEnvironment } from '../../runs/locations';
import { exportForVllm, findVllm, serverArguments } from '../../runs/serve';
import { type SampleView } from '../../protocol/panels';
import { AlignmentDesk } from './alignment';
import { changeRun, findBundles, inspectBenchmarks, inspectBundle, listRunsCached } from './catalogue';
import { Comparer } from './comparison';
import { Evaluation } from './evaluation';
import { pieceTable, tokenSpans } from './pieces';
import { benchmarkAround, listProblems } from './problems';
import * as Probing from './probe-protocol';
import { generationOf, Prober, questionsOf, translationsOf } from './probing';
import * as P from './protocol';
import { listTrainings, readTraining } from './trainings';
import { outcomeOf, RunIndex } from './runindex';

/** Entry of every worker thread of the extension: a catalogue and reader, or the runner of one evaluation. */
if (!parentPort) throw new Error('This script runs as a worker thread.');
const connection = createMessageConnection(new PortMessageReader(parentPort), new PortMessageWriter(parentPort));

/** Answers a request; what goes wrong goes back in its own words. */
function answer<P, R>(type: RequestType<P, R, void> | RequestType0<R, void>, work: (params: P, token: CancellationToken) => R | Promise<R>): void {
  connection.onRequest(type.method, plainErrors(work));
}

const indexes = new Map<string, RunIndex>();
function index(folder: string): RunIndex {
  let found = indexes.get(folder);
  if (!found) indexes.set(folder, (found = new RunIndex(folder)));
  return found;
}

answer(P.InspectBundle, ({ dir, hashes }) => inspectBundle(dir, hashes));
answer(P.FindBundles, ({ folders }) => findBundles(folders));
answer(P.InspectBenchmarks, ({ paths, shipped }) => inspectBenchmarks(paths, shipped));
answer(P.ReadProblems, ({ path, language }) => listProblems(path, language));
answer(P.ReadBenchmarkAround, ({ file, language }) => benchmarkAround(file, language));
answer(P.ListRuns, ({ folder }) => listRunsCached(folder));
answer(P.ChangeRun, ({ folder, ...change }) => (changeRun(folder, change), null));
answer(P.ExportReport, async ({ folders, format, target }) => ({ files: exportReport(folders, format, target, await identifier()) }));

answer(P.SaveScores, ({ folder, scorer }) => {
  rescoreRun(folder, scorerByName(scorer));
  return null;
});

answer(P.ReadRun, ({ folder }) => {
  const run = index(folder);
  run.update();
  return run.facts();
});
answer(P.CloseRun, ({ folder }) => (indexes.delete(folder), null));
answer(P.ReadPage, ({ folder, ...page }) => index(folder).page(page));
answer(P.ReadProblem, ({ folder, id }) => index(folder).problem(id));
answer(P.ReadEstimates, ({ folder }) => index(folder).estimates());
answer(P.ReadSample, ({ folder, language, id }): SampleView => {
  const run = index(folder);
  const sample = run.sample(language, id);
  if (!sample) throw new RunError(`The run has no sample ${language}/${id}.`);
  const table = pieceTable(run.manifest.execution.bundlePath);
  const tokens = table && tokenSpans(table, sample.completion, sample.tokenIds, sample.tokenLogprobs, sample.forced);
  return { sample, outcome: outcomeOf(sample), twin: twinOf(run, id), tokens: tokens ?? null, others: run.others(language, id) };
});

answer(P.ListTrainings, ({ folders }) => listTrainings(folders));
answer(P.ReadTrainings, ({ folders }) => folders.map((f) => readTraining(f)));

/** Names the language of a sentence; loaded on first use, because its profiles are large. */
const identifier = async (): Promise<LanguageIdentifier> => (await import('../../core/analysis/identify')).loadLanguageIdentifier();

answer(P.ReadFidelity, async ({ folder }, token) => index(folder).fidelity(await identifier(), token));

const comparers = new Map<string, Comparer>();
function comparer(folders: readonly string[]): Comparer {
  const key = JSON.stringify(folders);
  let found = comparers.get(key);
  if (!found) comparers.set(key, (found = new Comparer(folders)));
  return found;
}
answer(P.ReadComparison, ({ folders }) => comparer(folders).view());
answer(P.CloseComparison, ({ folders }) => (comparers.delete(JSON.stringify(folders)), null));
answer(P.ReadPair, ({ folders, ...pair }) => comparer(folders).pair(pair));
answer(P.ReadMany, ({ folders, ...many }) => comparer(folders).many(many));
answer(P.ReadFloors, ({ folders, ...pair }) => comparer(folders).floors(pair));
answer(P.ReadPairs, ({ folders, ...list }) => comparer(folders).list(list));
answer(P.ReadPairSample, ({ folders, ...key }) => comparer(folders).sample(key));
answer(P.ReadAgreement, ({ folders, ...side }) => comparer(folders).agreement(side));
answer(P.ReadScorers, ({ folders, run }) => comparer(folders).scorers(run));
answer(P.ReadTrend, ({ folders, run }) => comparer(folders).trend(run));

const english = new Map<string, ReadonlyMap<string, string>>();

/** The English question of a problem: from the run itself, otherwise from the benchmark when it is still there. */
function twinOf(run: RunIndex, id: string): string | null {
  const own = run.sample('en', id)?.question;
  if (own !== undefined) return own;
  const source = run.manifest.execution.benchmarkPath;
  if (!english.has(source)) {
    try {
      english.set(source, new Map((loadBenchmark(source).benchmark.problems.get('en') ?? []).map((p) => [p.id, p.question])));
    } catch {
      english.set(source, new Map());
    }
  }
  return english.get(source)!.get(id) ?? null;
}

let desk: AlignmentDesk | undefined;
const atDesk = (): AlignmentDesk => {
  if (!desk) throw new RunError('No alignment is open here.');
  return desk;
};
answer(P.OpenAlignmentDesk, (settings) => (desk = new AlignmentDesk(settings, (status) => void connection.sendNotification(P.OnDeskStatus, status))).find());
answer(P.AnalyseAlignment, async (token: CancellationToken) => {
  const abort = new AbortController();
  token.onCancellationRequested(() => abort.abort());
  await atDesk().analyse(abort.signal);
  return null;
});
answer(P.ReadAlignment, () => atDesk().view());
answer(P.ReadMap, (params, token) => atDesk().map(params, token));
answer(P.ReadRunColours, ({ run }) => atDesk().colours(run));
answer(P.SearchPoints, ({ text }) => atDesk().search(text));
answer(P.ReadPoints, ({ points }) => atDesk().pointTexts(points));
answer(P.ReadQuestion, ({ language, id }) => {
  const { question, answer: gold } = atDesk().problem(language, id);
  return { question, gold: String(gold) };
});
answer(P.ReadSoft, (params, token) => atDesk().soft(params, token));

const evaluation = new Evaluation({
  onEvent: (event) => void connection.sendNotification(P.OnRunEvent, event),
  onLoading: (p) => void connection.sendNotification(P.OnLoading, p),
  onLog: (level, line) => void connection.sendNotification(P.OnLog, { level, line }),
});
answer(P.StartRun, (params) => evaluation.start(params));
answer(P.PauseRun, async () => (await evaluation.pause(), null));
answer(P.ContinueRun, () => (evaluation.continue(), null));
answer(P.CancelRun, async () => (await evaluation.cancel(), null));
answer(P.SetCancelledLanguages, async ({ languages }) => (await evaluation.setCancelled(languages), null));

const asker = new Asker();
answer(P.AskQuestion, async (request, token): Promise<P.Asked | null> => {
  const abort = new AbortController();
  token.onCancellationRequested(() => abort.abort());
  try {
    const given = await asker.ask(request, {
      signal: abort.signal,
      onLoad: (p) => void connection.sendNotification(P.OnLoading, p),
      onPartial: (text) => void connection.sendNotification(P.OnPiece, { text }),
      onLog: (line) => void connection.sendNotification(P.OnLog, { level: 'info', line }),
    });
    const { sample } = given;
    const table = pieceTable(given.bundlePath);
    return { ...given, tokens: (table && tokenSpans(table, sample.completion, sample.tokenIds, sample.tokenLogprobs, sample.forced)) ?? null, outcome: outcomeOf(sample) };
  } catch (e) {
    if (e instanceof AskCancelled) return null;
    throw e;
  }
});

answer(Probing.ReadGeneration, ({ folder, language, id }) => {
  const run = index(folder);
  run.update();
  const sample = run.sample(language, id);
  if (!sample) throw new RunError(`The run has no sample ${language}/${id}.`);
  return generationOf(folder, run.manifest, sample);
});
answer(Probing.ReadQuestions, ({ benchmark, language }) => questionsOf(benchmark, language));
answer(Probing.ReadTranslations, ({ folder, id }) => {
  const run = index(folder);
  run.update();
  return translationsOf(folder, run.manifest, id, (language) => run.sample(language, id));
});

const prober = new Prober(
  (progress) => void connection.sendNotification(Probing.OnProbing, progress),
  (line) => void connection.sendNotification(P.OnLog, { level: 'info', line }),
);
/** A request that the engine can be called off. */
const abortable = <Q, R>(work: (params: Q, signal: AbortSignal) => Promise<R>) => (params: Q, token: CancellationToken): Promise<R> => {
  const abort = new AbortController();
  if (token.isCancellationRequested) abort.abort();
  token.onCancellationRequested(() => abort.abort());
  return work(params, abort.signal);
};
answer(Probing.OpenSubjects, abortable(({ refs, engine }, signal) => prober.open(refs, engine, signal)));
answer(Probing.ReadTile, abortable((params, signal) => prober.tile(params, signal)));
answer(Probing.ReadThumbnails, abortable((params, signal) => prober.thumbnails(params, signal)));
answer(Probing.ReadSoft, abortable((params, signal) => prober.soft(params, signal)));
answer(Probing.ReadLens, abortable((params, signal) => prober.lens(params, signal)));
answer(Probing.CloseSubjects, async () => (await prober.close(), null));

answer(P.Doctor, async (options, token) => {
  const lines: DoctorLine[] = [];
  for await (const line of runDoctor(options)) {
    lines.push(line);
    void connection.sendNotification(P.OnDoctorLine, line);
    if (token.isCancellationRequested) break;
  }
  return { lines, report: doctorReport(lines) };
});
answer(P.SetUpPython, ({ weights, dryRun }, token) => {
  const abort = new AbortController();
  token.onCancellationRequested(() => abort.abort());
  return setUpPython({ weights, signal: abort.signal, onProgress: (message) => void connection.sendNotification(P.OnBuildProgress, { message }), ...(dryRun ? { dryRun } : {}) });
});
answer(P.BuildBundle, async ({ allowHub, ...request }, token) => {
  const abort = new AbortController();
  token.onCancellationRequested(() => abort.abort());
  process.env.HF_HUB_OFFLINE = allowHub ? '' : '1';
  const dir = await buildBundle({ ...request, signal: abort.signal, onProgress: (message) => void connection.sendNotification(P.OnBuildProgress, { message }) });
  return { dir };
});
answer(P.FindVllm, ({ python }) => findVllm(python) ?? null);
answer(P.ExportVllm, async ({ host, port, python, ...request }) => {
  // The Python that serves need not be the one that exports.
  const exporter = pythonEnvironment()?.python ?? python;
  const made = await exportForVllm({ ...request, python: exporter, onProgress: (message) => void connection.sendNotification(P.OnBuildProgress, { message }) });
  return { folder: made.folder, arguments: serverArguments(made, host, port) };
});
connection.listen();
