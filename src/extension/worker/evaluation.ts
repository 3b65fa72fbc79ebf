import { type EvaluateProgress } from '../../runs/evaluate';
import { prepareEvaluation, startEvaluation, type StartedEvaluation } from '../../runs/session';
import { readState, writeState } from '../../runs/store';
import { type RunStatus } from '../../protocol/run';
import { type RunEvent, type Started, type StartParams } from './protocol';

export interface EvaluationEvents {
  readonly onEvent: (event: RunEvent) => void;
  readonly onLoading: (p: { readonly step: number; readonly of: number; readonly message: string }) => void;
  readonly onLog: (level: 'debug' | 'info' | 'warn' | 'error', line: string) => void;
}

type Wish = 'run' | 'pause' | 'cancel' | 'restart';
const EVENT_MS = 200;

/**
 * One evaluation of one worker: checks, loads, runs, and does what is wished meanwhile. Pausing stops after the decode chunk in
 * flight and keeps the engine loaded; cancelling ends the engine too. Both can be resumed from the run's folder.
 */
export class Evaluation {
  private started: StartedEvaluation | undefined;
  private wish: Wish = 'run';
  private abort = new AbortController();
  private running: Promise<void> | undefined;
  private cancelled = new Set<string>();
  private last: EvaluateProgress | undefined;
  private sentAt = 0;

  constructor(private readonly events: EvaluationEvents) {}

  /** @throws RunError, BundleError, or the engine's own error, in words */
  async start(params: StartParams): Promise<Started> {
    const prepared = await prepareEvaluation(params);
    const started = await startEvaluation(params, prepared, this.events.onLoading, (line) => this.events.onLog('info', line));
    this.started = started;
    this.cancelled = new Set(readState(started.folder)?.cancelledLanguages ?? []);
    this.running = this.loop(params.retryFailed === true);
    return {
      folder: started.folder, manifest: started.manifest, provider: started.backend.provider, providerReason: started.backend.providerReason,
      findings: started.benchmark.benchmark.findings.length,
    };
  }

  private async loop(retryFailed: boolean): Promise<void> {
    const started = this.started!;
    for (;;) {
      this.wish = 'run';
      this.abort = new AbortController();
      try {
        const result = await started.run({
          signal: this.abort.signal,
          retryFailed,
          isLanguageCancelled: (language) => this.cancelled.has(language),
          onSample: (_, p) => this.progress(p),
          onProgress: (p) => this.progress(p),
        });
        this.last = result.progress;
        // Read through a function: the wish may have changed while run() was awaited.
        const wish = this.wished();
        if (wish === 'restart' && result.cancelled) continue;
        if (wish === 'pause' && result.cancelled) {
          writeState(started.folder, { status: 'paused' });
          this.send('paused', null, true);
          return;
        }
        await started.backend.close();
        this.send(result.state.status, null, true);
      } catch (e) {
        await started.backend.close();
        this.send('failed', (e as Error).message, true);
      }
      this.started = undefined;
      return;
    }
  }

  private wished(): Wish {
    return this.wish;
  }

  private progress(p: EvaluateProgress): void {
    this.last = p;
    const now = Date.now();
    if (now - this.sentAt < EVENT_MS && p.done < p.total) return;
    this.sentAt = now;
    this.send('running', null, false);
  }

  private send(status: RunStatus, message: string | null, settled: boolean): void {
    const p = this.last;
    this.events.onEvent({ status, done: p?.done ?? 0, total: p?.total ?? 0, tokensPerSecond: p && p.newTokens > 0 ? p.tokensPerSecond : null, etaSeconds: settled ? null : (p?.etaSeconds ?? null), message, settled, ...(p?.endpoints ? { endpoints: p.endpoints } : {}) });
  }

  /** Stops after the chunk in flight; the engine stays loaded. */
  async pause(): Promise<void> {
    await this.stop('pause');
  }

  continue(): void {
    if (!this.started || this.wish !== 'pause') return;
    this.running = this.loop(false);
  }

  async cancel(): Promise<void> {
    const paused = this.wish === 'pause' && this.started !== undefined;
    await this.stop('cancel');
    if (paused && this.started) {
      await this.started.backend.close();
      writeState(this.started.folder, { status: 'cancelled' });
      this.started = undefined;
      this.send('cancelled', null, true);
    }
  }

  private async stop(wish: Wish): Promise<void> {
    this.wish = wish;
    this.abort.abort();
    await this.running;
  }

  /** Takes languages out of the run, or back in. What is in flight is sent again without them. */
  async setCancelled(languages: readonly string[]): Promise<void> {
    this.cancelled = new Set(languages);
    if (!this.started) return;
    writeState(this.started.folder, { cancelledLanguages: languages });
    if (this.wish === 'run') {
      this.wish = 'restart';
      this.abort.abort();
    }
  }
}
