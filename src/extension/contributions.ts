/**
 * Every name that package.json and the code share: commands, settings, views, context keys, editors, walkthrough steps.
 * A test holds package.json to this file, and another checks in a running extension host that each command is registered.
 */

export const Command = {
  runEvaluation: 'lingualift.runEvaluation',
  resumeRun: 'lingualift.resumeRun',
  pauseRun: 'lingualift.pauseRun',
  cancelRun: 'lingualift.cancelRun',
  openRun: 'lingualift.openRun',
  compareRuns: 'lingualift.compareRuns',
  rescoreRun: 'lingualift.rescoreRun',
  showTrend: 'lingualift.showTrend',
  showAlignment: 'lingualift.showAlignment',
  renameRun: 'lingualift.renameRun',
  tagRun: 'lingualift.tagRun',
  deleteRun: 'lingualift.deleteRun',
  exportRun: 'lingualift.exportRun',
  reveal: 'lingualift.reveal',
  copyPath: 'lingualift.copyPath',
  refresh: 'lingualift.refresh',
  addBundle: 'lingualift.addBundle',
  buildBundle: 'lingualift.buildBundle',
  getDemoBundle: 'lingualift.getDemoBundle',
  removeBundle: 'lingualift.removeBundle',
  verifyBundle: 'lingualift.verifyBundle',
  showProblems: 'lingualift.showProblems',
  importBenchmark: 'lingualift.importBenchmark',
  removeBenchmark: 'lingualift.removeBenchmark',
  setUpTraining: 'lingualift.setUpTraining',
  startTraining: 'lingualift.startTraining',
  trainChain: 'lingualift.trainChain',
  newTrainingConfig: 'lingualift.newTrainingConfig',
  previewCodeSwitch: 'lingualift.previewCodeSwitch',
  buildLexicon: 'lingualift.buildLexicon',
  openTraining: 'lingualift.openTraining',
  resumeTraining: 'lingualift.resumeTraining',
  cancelTraining: 'lingualift.cancelTraining',
  exportTraining: 'lingualift.exportTraining',
  evaluateTraining: 'lingualift.evaluateTraining',
  deleteTraining: 'lingualift.deleteTraining',
  debugGeneration: 'lingualift.debugGeneration',
  evaluateFile: 'lingualift.evaluateFile',
  evaluateFileEverywhere: 'lingualift.evaluateFileInAllLanguages',
  newNotebook: 'lingualift.newNotebook',
  openInNotebook: 'lingualift.openInNotebook',
  startVllmServer: 'lingualift.startVllmServer',
  setVllmKey: 'lingualift.setVllmKey',
  doctor: 'lingualift.doctor',
  showLog: 'lingualift.showLog',
  showSettings: 'lingualift.showSettings',
  showAttention: 'lingualift.showAttention',
  panelFind: 'lingualift.panel.find',
  panelPause: 'lingualift.panel.togglePause',
  panelNext: 'lingualift.panel.nextSample',
  panelPrevious: 'lingualift.panel.previousSample',
} as const;
export type CommandId = (typeof Command)[keyof typeof Command];

export const View = {
  bundles: 'lingualift.bundles',
  runs: 'lingualift.runs',
  benchmarks: 'lingualift.benchmarks',
  training: 'lingualift.training',
} as const;

export const VIEW_CONTAINER = 'lingualift';

/** View type of a run's panel (opened by command, link or URI) and of the read-only editor on a run's file. */
export const RUN_PANEL = 'lingualift.run';
export const RUN_EDITOR = 'lingualift.runEditor';
/** View type of the panel that shows runs side by side. */
export const COMPARE_PANEL = 'lingualift.compare';
/** View type of the panel that follows trainings. */
export const TRAINING_PANEL = 'lingualift.training';
/** Notebook type of `.liftnb` files, and the renderer of what their cells put out. */
export const NOTEBOOK_TYPE = 'lingualift.notebook';
export const OUTPUT_RENDERER = 'lingualift.output';
/** Test controller of the benchmarks. */
export const TEST_CONTROLLER = 'lingualift.benchmarks';
/** View type of the panel that looks into one generation. */
export const ATTENTION_PANEL = 'lingualift.attention';
/** View type of the alignment panel. */
export const ALIGNMENT_PANEL = 'lingualift.alignment';
/** Read-only text documents of the extension: findings and the doctor's report. */
export const TEXT_SCHEME = 'lingualift';

export const WALKTHROUGH = 'lingualift.start';

/** Context keys that `when` clauses use. */
export const ContextKey = {
  running: 'lingualift.running',
  hasBundles: 'lingualift.hasBundles',
  hasRuns: 'lingualift.hasRuns',
  hasTrainings: 'lingualift.hasTrainings',
  benchmarkFile: 'lingualift.benchmarkFile',
  machineChecked: 'lingualift.done.machineChecked',
  demoBundle: 'lingualift.done.demoBundle',
  ranTwoLanguages: 'lingualift.done.ranTwoLanguages',
  compared: 'lingualift.done.compared',
  lookedInside: 'lingualift.done.lookedInside',
} as const;
export type ContextKeyId = (typeof ContextKey)[keyof typeof ContextKey];

/** What the user has done once; each completes one step of the walkthrough. */
export const STEPS = {
  machineChecked: ContextKey.machineChecked,
  demoBundle: ContextKey.demoBundle,
  ranTwoLanguages: ContextKey.ranTwoLanguages,
  compared: ContextKey.compared,
  lookedInside: ContextKey.lookedInside,
} as const;
export type Step = keyof typeof STEPS;

/** `contextValue` of tree items; menus match on them. */
export const Item = {
  bundle: 'bundle',
  bundleAdded: 'bundle.added',
  bundleBroken: 'bundle.broken',
  bundleBrokenAdded: 'bundle.broken.added',
  benchmark: 'benchmark',
  benchmarkAdded: 'benchmark.added',
  benchmarkBroken: 'benchmark.broken',
  benchmarkBrokenAdded: 'benchmark.broken.added',
  runActive: 'run.active',
  runPaused: 'run.paused',
  runFinished: 'run.finished',
  runOpen: 'run.unfinished',
  runElsewhere: 'run.elsewhere',
  runDamaged: 'run.damaged',
  trainingActive: 'training.active',
  trainingElsewhere: 'training.elsewhere',
  trainingFinished: 'training.finished',
  trainingDone: 'training.done',
  trainingResumable: 'training.resumable',
  trainingStopped: 'training.stopped',
  trainingDamaged: 'training.damaged',
} as const;

export type SettingScope = 'machine' | 'machine-overridable' | 'window' | 'resource';

interface SettingDeclaration<T> {
  readonly key: string;
  readonly default: T;
  readonly scope: SettingScope;
  /** Ignored in a workspace that is not trusted. */
  readonly restricted: boolean;
}

const setting = <T>(key: string, value: T, scope: SettingScope, restricted: boolean): SettingDeclaration<T> => ({ key: `lingualift.${key}`, default: value, scope, restricted });

/** Settings: name, default, scope, and whether Restricted Mode ignores the workspace's value. */
export const Setting = {
  defaultBundle: setting('bundle.default', '', 'machine-overridable', true),
  bundleFolders: setting('bundle.folders', [] as readonly string[], 'machine-overridable', true),
  benchmarkFolders: setting('benchmark.folders', [] as readonly string[], 'machine-overridable', true),
  precision: setting('engine.precision', 'auto' as 'auto' | 'fp32' | 'int8' | 'int4' | 'fp16', 'window', false),
  provider: setting('engine.provider', 'auto' as 'auto' | 'cpu' | 'cuda', 'window', false),
  threads: setting('engine.threads', 0, 'machine-overridable', false),
  memoryCeiling: setting('engine.memoryCeiling', 0, 'machine-overridable', false),
  batchSize: setting('engine.batchSize', 24, 'window', false),
  tokenBudget: setting('engine.batchTokenBudget', 4096, 'window', false),
  backends: setting('backends', [] as readonly string[], 'machine-overridable', true),
  swapSwedishSwahili: setting('parity.swapSwedishSwahili', false, 'window', false),
  runsFolder: setting('runs.folder', '', 'machine-overridable', true),
  saveOutputs: setting('notebook.saveOutputs', true as boolean, 'resource', false),
  python: setting('python.path', '', 'machine-overridable', true),
  hubAccess: setting('hub.access', false, 'machine', true),
} as const;
export type SettingName = keyof typeof Setting;
export type SettingValue<N extends SettingName> = (typeof Setting)[N]['default'];
