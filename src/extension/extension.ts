import path from 'node:path';
import * as vscode from 'vscode';
import { givenByFile, requestOfFile } from './benchmarks/files';
import { BenchmarkLenses } from './benchmarks/lenses';
import { ResultMarks } from './benchmarks/marks';
import { Catalogue } from './catalogue';
import { type Handlers, registerCommands } from './commands';
import { AlignmentCommands } from './commands/alignment';
import { AttentionCommands, engineChoice } from './commands/attention';
import { BundleCommands } from './commands/bundles';
import { doctor } from './commands/doctor';
import { EvaluateCommands } from './commands/evaluate';
import { RunCommands } from './commands/runs';
import { OwnTasks, TrainingCommands } from './commands/training';
import { Command, View } from './contributions';
import { GenerationDebugger } from './debugger';
import { registerNotebooks } from './notebook';
import { newNotebook, openInNotebook } from './notebook/commands';
import { AlignmentPanels } from './panels/alignment';
import { AttentionPanels } from './panels/attention';
import { ComparePanels } from './panels/compare';
import { RunPanels } from './panels/run';
import { TrainingPanels } from './panels/training';
import { ActiveRuns } from './runs/active';
import { RunStatusItem } from './runs/status';
import { ContextKeys, Reader, runsFolder, Steps } from './services';
import { readSetting } from './settings';
import { CodeSwitchPreviews } from './tasks/preview';
import { TrainingTasks } from './tasks/provider';
import { RunLinks } from './terminal';
import { TextDocuments } from './text';
import { BenchmarkTests } from './testing';
import { attentionLink, RunUris } from './uri';
import { LocalServer } from './vllm/local';
import { Servers } from './vllm/servers';
import { BenchmarksView } from './views/benchmarks';
import { BundlesView } from './views/bundles';
import { RunsView } from './views/runs';
import { TrainingView } from './views/training';

/** What the extension gives to other extensions and to its own tests. */
export interface Api {
  /** Milliseconds that `activate` took. */
  readonly activationMs: number;
  /** Folders of the runs that this window has in motion or paused. */
  readonly activeRuns: () => readonly string[];
  /** Benchmarks as tests. */
  readonly tests: Pick<BenchmarkTests, 'controller' | 'run'>;
}

/** The only composition root: everything is made and put together here. No worker and no engine is started before it is needed. */
export function activate(context: vscode.ExtensionContext): Api {
  const startedAt = performance.now();
  const log = vscode.window.createOutputChannel('LinguaLIFT', { log: true });
  const keys = new ContextKeys();
  const steps = new Steps(context.globalState, keys);
  const reader = new Reader(log);
  const runs = new ActiveRuns(context.workspaceState, keys, log);
  const catalogue = new Catalogue(context, reader, keys, log);
  const texts = new TextDocuments();

  const servers = new Servers(context.secrets, context.workspaceState);
  const localServer = new LocalServer({ catalogue, reader, servers });
  const evaluate = new EvaluateCommands({ context, servers, catalogue, runs, steps, log, panels: () => panels });
  const panels: RunPanels = new RunPanels(context.extensionUri, { reader, runs, steps, log, act: (folder, action, language) => evaluate.act(folder, action, language) });
  const comparisons = new ComparePanels(context.extensionUri, { reader, steps, log, openSample: (folder, show) => panels.open(folder, show) });
  const ofAttention = new AttentionCommands({ catalogue, reader, steps, panels: () => attention });
  const attention: AttentionPanels = new AttentionPanels(context.extensionUri, {
    log, engine: engineChoice, choose: (what, ref) => ofAttention.choose(what, ref), link: (refs) => attentionLink(context.extension.id, refs), openSample: (folder, show) => panels.open(folder, show),
  });
  const alignments = new AlignmentPanels(context.extensionUri, {
    steps, log, runsFolder: () => runsFolder(context), engine: () => ({ threads: readSetting('threads'), batch: readSetting('batchSize') }), openSample: (folder, show) => panels.open(folder, show),
  });
  const ofAlignment = new AlignmentCommands({ context, catalogue, alignments });
  const ofRuns = new RunCommands({ catalogue, reader, comparisons });
  const ofBundles = new BundleCommands({ extensionPath: context.extensionPath, catalogue, reader, steps, texts, log });

  const ownTasks = new OwnTasks();
  const previews = new CodeSwitchPreviews(texts);
  const trainings = new TrainingPanels(context.extensionUri, { reader, catalogue, log });
  const ofTraining = new TrainingCommands({ context, catalogue, reader, previews, panels: () => trainings, log }, ownTasks);
  const trainingView = new TrainingView(catalogue, (pid) => ownTasks.get(pid) !== undefined);
  const generationDebugger = new GenerationDebugger({ context, catalogue, log });

  const handlers: Handlers = {
    [Command.runEvaluation]: (argument) => evaluate.runEvaluation(argument),
    [Command.resumeRun]: (argument) => evaluate.resumeRun(argument),
    [Command.pauseRun]: (argument) => evaluate.pauseRun(argument),
    [Command.cancelRun]: (argument) => evaluate.cancelRun(argument),
    [Command.openRun]: (argument) => evaluate.openRun(argument),
    [Command.compareRuns]: (argument, selection) => ofRuns.compare(argument, selection),
    [Command.rescoreRun]: (argument, scorer) => ofRuns.rescore(argument, scorer),
    [Command.showTrend]: (argument) => ofRuns.trend(argument),
    [Command.showAlignment]: (argument, what) => ofAlignment.show(argument, what),
    [Command.renameRun]: (argument) => ofRuns.rename(argument),
    [Command.tagRun]: (argument) => ofRuns.tag(argument),
    [Command.deleteRun]: (argument) => ofRuns.delete(argument),
    [Command.exportRun]: (argument, format, target) => ofRuns.export(argument, format, target),
    [Command.reveal]: (argument) => ofRuns.reveal(argument),
    [Command.copyPath]: (argument) => ofRuns.copyPath(argument),
    [Command.refresh]: () => catalogue.refresh(),
    [Command.addBundle]: (argument) => ofBundles.addBundle(argument),
    [Command.buildBundle]: (argument) => ofBundles.buildBundle(argument),
    [Command.getDemoBundle]: () => ofBundles.getDemoBundle(),
    [Command.removeBundle]: (node) => ofBundles.removeBundle(node),
    [Command.verifyBundle]: (node) => ofBundles.verifyBundle(node),
    [Command.showProblems]: (node) => ofBundles.showProblems(node),
    [Command.importBenchmark]: (argument) => ofBundles.importBenchmark(argument),
    [Command.removeBenchmark]: (node) => ofBundles.removeBenchmark(node),
    [Command.setUpTraining]: () => ofTraining.setUp(),
    [Command.startTraining]: (argument) => ofTraining.start(argument),
    [Command.trainChain]: () => ofTraining.chain(),
    [Command.newTrainingConfig]: () => ofTraining.newConfig(),
    [Command.previewCodeSwitch]: (argument) => ofTraining.previewCodeSwitch(argument),
    [Command.buildLexicon]: (argument) => ofTraining.buildLexicon(argument),
    [Command.openTraining]: (argument, selection) => ofTraining.open(argument, selection),
    [Command.resumeTraining]: (argument) => ofTraining.resume(argument),
    [Command.cancelTraining]: (argument) => ofTraining.cancel(argument),
    [Command.exportTraining]: (argument, checkpoint) => ofTraining.export(argument, checkpoint),
    [Command.evaluateTraining]: (argument, checkpoint) => ofTraining.evaluate(argument, checkpoint),
    [Command.deleteTraining]: (argument) => ofTraining.delete(argument),
    [Command.debugGeneration]: (argument) => generationDebugger.debug(argument),
    [Command.newNotebook]: () => newNotebook(catalogue),
    [Command.openInNotebook]: async (argument) => openInNotebook(catalogue, argument instanceof vscode.Uri ? await requestOfFile(reader, argument) : argument),
    [Command.evaluateFile]: async (argument) => evaluate.evaluateChoice(await givenByFile(reader, argument, false)),
    [Command.evaluateFileEverywhere]: async (argument) => evaluate.evaluateChoice(await givenByFile(reader, argument, true)),
    [Command.startVllmServer]: (argument) => localServer.start(argument),
    [Command.setVllmKey]: () => servers.setKey(),
    [Command.doctor]: () => doctor({ context, reader, steps }),
    [Command.showLog]: () => log.show(),
    [Command.showSettings]: (key) => vscode.commands.executeCommand('workbench.action.openSettings', typeof key === 'string' ? key : `@ext:${context.extension.id}`),
    [Command.showAttention]: (argument) => ofAttention.show(argument),
    [Command.panelFind]: () => panels.active?.command('find'),
    [Command.panelPause]: () => panels.active?.command('togglePause'),
    [Command.panelNext]: () => panels.active?.command('next'),
    [Command.panelPrevious]: () => panels.active?.command('previous'),
  };

  const openRun = (folder: string, show?: { language: string; id?: string }): void => panels.open(path.resolve(folder), show);
  const runsView = new RunsView(catalogue, runs);
  const tests = new BenchmarkTests({ context, catalogue, reader, runs, log });
  context.subscriptions.push(
    log, reader, runs, catalogue, texts, panels, comparisons, attention, alignments, runsView, generationDebugger,
    ownTasks, previews, trainings, trainingView, new TrainingTasks(context, log),
    registerCommands(handlers, log),
    registerNotebooks({ context, catalogue, reader, runs, steps, log }),
    new BenchmarkLenses(keys),
    new ResultMarks(context.extensionUri, reader, runs, log),
    tests,
    vscode.window.createTreeView(View.bundles, { treeDataProvider: new BundlesView(catalogue), showCollapseAll: false }),
    vscode.window.createTreeView(View.runs, { treeDataProvider: runsView, canSelectMany: true }),
    vscode.window.createTreeView(View.benchmarks, { treeDataProvider: new BenchmarksView(catalogue) }),
    vscode.window.createTreeView(View.training, { treeDataProvider: trainingView, canSelectMany: true }),
    new RunStatusItem(runs),
    vscode.window.registerTerminalLinkProvider(new RunLinks(openRun)),
    vscode.window.registerUriHandler(new RunUris(openRun, (refs) => attention.open(refs), (request) => alignments.open(request, false), log)),
  );
  void evaluate.resumeUnfinished();
  const activationMs = performance.now() - startedAt;
  log.info(`LinguaLIFT ${String((context.extension.packageJSON as { version?: unknown }).version)} activated in ${activationMs.toFixed(1)} ms`);
  return { activationMs, activeRuns: () => runs.all.map((r) => r.folder), tests };
}

/** Workers and engines end with their disposables; what is finished of a run is on disk, and the next window takes it up. */
export function deactivate(): void {
  // Nothing beyond the subscriptions.
}
