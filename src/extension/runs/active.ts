import * as vscode from 'vscode';
import { type CancellationToken } from 'vscode-jsonrpc/node';
import { type RunManifest, type RunStatus, type Sampling, SAMPLINGS } from '../../protocol/run';
import { isLocked } from '../../runs/lock';
import { plannedItems } from '../../protocol/shard';
import { readManifestOf, readState } from '../../runs/store';
import { ContextKey } from '../contributions';
import { type ContextKeys, type Log, workerLog } from '../services';
import { WorkerClient } from '../worker/client';
import { CancelRun, ContinueRun, OnLoading, OnRunEvent, PauseRun, type RunEvent, SetCancelledLanguages, type Started, StartRun, type StartParams } from '../worker/protocol';

export interface LoadingStep {
  readonly step: number;
  readonly of: number;
  readonly message: string;
}

/** One run that this window has started: in motion, or paused with its engine loaded. */
export class ActiveRun {
  readonly folder: string;
  readonly manifest: RunManifest;
  last: RunEvent;

  constructor(
    private readonly worker: WorkerClient,
    readonly started: Started,
    last: RunEvent,
  ) {
    this.folder = started.folder;
    this.manifest = started.manifest;
    this.last = last;
  }

  get status(): RunStatus {
    return this.last.status;
  }

  get name(): string {
    return `${this.manifest.environment.bundle.name} · ${this.manifest.environment.benchmark.title}`;
  }

  async pause(): Promise<void> {
    await this.unlessOver(this.worker.connection.sendRequest(PauseRun));
  }

  async continue(): Promise<void> {
    this.last = { ...this.last, status: 'running', settled: false };
    await this.unlessOver(this.worker.connection.sendRequest(ContinueRun));
  }

  async cancel(): Promise<void> {
    await this.unlessOver(this.worker.connection.sendRequest(CancelRun));
  }

  async setCancelledLanguages(languages: readonly string[]): Promise<void> {
    await this.unlessOver(this.worker.connection.sendRequest(SetCancelledLanguages, { languages }));
  }

  /** A run that has ended meanwhile closes its connection before it answers: there is nothing left to ask, and nothing to report. */
  private async unlessOver(answer: Promise<unknown>): Promise<void> {
    try {
      await answer;
    } catch (e) {
      if (!this.last.settled || this.last.status === 'paused') throw e;
    }
  }
}

const REMEMBERED = 'lingualift.unfinished';

/** The runs of this window. A run whose window is reloaded is taken up again from its folder. */
export class ActiveRuns implements vscode.Disposable {
  private readonly runs = new Map<string, ActiveRun>();
  private readonly workers = new Set<WorkerClient>();
  private readonly changed = new vscode.EventEmitter<ActiveRun>();
  /** Fires with every event of a run, and last when it has ended (then `get` no longer finds it). */
  readonly onDidChange = this.changed.event;
  private disposed = false;

  constructor(
    private readonly memory: vscode.Memento,
    private readonly keys: ContextKeys,
    private readonly log: Log,
  ) {}

  get(folder: string): ActiveRun | undefined {
    return this.runs.get(folder);
  }

  get all(): readonly ActiveRun[] {
    return [...this.runs.values()];
  }

  /**
   * Checks the request, loads the engine and sets the run in motion.
   *
   * @returns the run once its folder is known; samples come later through `onDidChange`
   * @throws the worker's error, in words fit for the user; CancelledStart when the token was cancelled while loading
   */
  async start(params: StartParams, onLoading: (step: LoadingStep) => void, token?: CancellationToken): Promise<ActiveRun> {
    const worker = new WorkerClient(workerLog(this.log));
    this.workers.add(worker);
    void worker.ended.then(() => this.workers.delete(worker));
    let run: ActiveRun | undefined;
    let early: RunEvent | undefined;
    worker.connection.onNotification(OnLoading, onLoading);
    worker.connection.onNotification(OnRunEvent, (event) => {
      if (run) this.take(run, event, worker);
      else early = event;
    });
    const cancelled = new Promise<never>((_, reject) => token?.onCancellationRequested(() => reject(new CancelledStart())));
    cancelled.catch(() => undefined);
    const died = worker.ended.then((e) => Promise.reject(e ?? new Error('The worker ended before the run could start.')));
    died.catch(() => undefined);
    try {
      const started = await Promise.race([worker.connection.sendRequest(StartRun, params), cancelled, died]);
      const total = plannedItems(started.manifest.plan);
      run = new ActiveRun(worker, started, early ?? { status: 'running', done: 0, total, tokensPerSecond: null, etaSeconds: null, message: null, settled: false });
    } catch (e) {
      await worker.dispose();
      throw e;
    }
    this.runs.set(run.folder, run);
    this.log.info(`Run ${run.manifest.id} in ${run.folder}: ${run.started.provider} (${run.started.providerReason})`);
    this.take(run, run.last, worker);
    const own = run;
    void worker.ended.then((e) => {
      if (this.runs.get(own.folder) === own && !this.disposed) this.take(own, { ...own.last, status: 'failed', message: e?.message ?? 'The worker ended.', settled: true }, worker);
    });
    return run;
  }

  private take(run: ActiveRun, event: RunEvent, worker: WorkerClient): void {
    run.last = event;
    const over = event.settled && event.status !== 'paused';
    if (over) {
      this.runs.delete(run.folder);
      void worker.dispose();
      const why = event.message ? `: ${event.message}` : '';
      this.log[event.status === 'failed' ? 'error' : 'info'](`Run ${run.manifest.id} ${event.status} (${event.done}/${event.total})${why}`);
    }
    void this.memory.update(REMEMBERED, this.all.filter((r) => r.status === 'running').map((r) => r.folder));
    this.keys.set(ContextKey.running, this.runs.size > 0);
    this.changed.fire(run);
  }

  /** Folders of runs that went on when this window was last closed or reloaded, and that nobody else has finished or taken. */
  async unfinished(): Promise<string[]> {
    const folders = this.memory.get<string[]>(REMEMBERED) ?? [];
    const out: string[] = [];
    for (const folder of folders) {
      // The host that ran it may still be on its way out.
      for (let i = 0; i < 60 && isLocked(folder); i++) await new Promise((resolve) => setTimeout(resolve, 250));
      if (!isLocked(folder) && readState(folder)?.status === 'running') out.push(folder);
    }
    return out;
  }

  dispose(): void {
    this.disposed = true;
    for (const worker of this.workers) void worker.dispose();
    this.changed.dispose();
  }
}

export class CancelledStart extends Error {}

/** The request that continues a run from its folder: same bundle, benchmark, problems and settings. @throws RunError without a manifest */
export function resumeParams(folder: string, version: string): StartParams {
  const { environment, plan, execution } = readManifestOf(folder);
  const drawn = SAMPLINGS.includes(plan.sampling as Sampling);
  return {
    bundle: execution.bundlePath,
    benchmark: execution.benchmarkPath,
    languages: plan.languages.join(','),
    ...(plan.sampling === 'ids' ? { ids: plan.ids } : drawn ? { limit: plan.ids.length, sampling: plan.sampling as Sampling } : {}),
    ...(plan.shard ? { shard: plan.shard } : {}),
    ...(environment.backend.name === 'vllm' ? { backend: 'vllm' as const } : {}),
    mode: environment.mode,
    continuation: environment.continuation,
    swapSwedishSwahili: environment.parity?.swapSwedishSwahili,
    seed: plan.seed,
    precision: environment.bundle.precision,
    provider: environment.backend.provider === 'cuda' ? 'cuda' : 'cpu',
    scorer: environment.scorer.name,
    template: environment.prompt.template,
    ...(environment.mode === undefined ? { maxNewTokens: environment.generation.maxNewTokens } : {}),
    calculator: environment.calculator,
    batch: execution.batch,
    threads: execution.threads,
    out: folder,
    version,
  };
}
