import * as vscode from 'vscode';
import { type AskRequest } from '../../runs/ask';
import { type Log, workerLog } from '../services';
import { WorkerClient } from '../worker/client';
import { AskQuestion, type Asked, OnLoading, OnPiece } from '../worker/protocol';

const IDLE_MS = 5 * 60_000;

export interface AskListener {
  readonly onLoading: (p: { readonly step: number; readonly of: number; readonly message: string }) => void;
  readonly onPiece: (text: string) => void;
}

/** A worker with an engine for single questions: kept warm between them, and let go after five minutes without one. */
export class WarmAsker implements vscode.Disposable {
  private worker: WorkerClient | undefined;
  private listener: AskListener | undefined;
  private timer: NodeJS.Timeout | undefined;
  private last: Promise<unknown> = Promise.resolve();

  constructor(private readonly log: Log) {}

  /** True while an engine may be loaded. */
  get warm(): boolean {
    return this.worker !== undefined;
  }

  /**
   * Answers one question after those that were asked before it.
   * @returns undefined when it was cancelled
   * @throws the worker's error in words
   */
  ask(request: AskRequest, listener: AskListener, token: vscode.CancellationToken): Promise<Asked | undefined> {
    const turn = this.last.then(() => this.now(request, listener, token));
    this.last = turn.catch(() => undefined);
    return turn;
  }

  private async now(request: AskRequest, listener: AskListener, token: vscode.CancellationToken): Promise<Asked | undefined> {
    if (token.isCancellationRequested) return undefined;
    clearTimeout(this.timer);
    const worker = this.client();
    this.listener = listener;
    const died = worker.ended.then((e) => Promise.reject(e ?? new Error(vscode.l10n.t('The worker ended before it could answer.'))));
    died.catch(() => undefined);
    let asking = true;
    const interrupted = new Promise<undefined>((resolve) => {
      // While a model loads, nothing listens to a cancellation: the worker is given up then.
      token.onCancellationRequested(() => setTimeout(() => {
        if (!asking) return;
        this.release();
        resolve(undefined);
      }, 3000));
    });
    try {
      return (await Promise.race([worker.connection.sendRequest(AskQuestion, request, token), died, interrupted])) ?? undefined;
    } finally {
      asking = false;
      this.listener = undefined;
      clearTimeout(this.timer);
      this.timer = setTimeout(() => {
        this.log.info('The engine of the notebook was let go: no question for five minutes');
        this.release();
      }, IDLE_MS);
    }
  }

  private client(): WorkerClient {
    if (this.worker) return this.worker;
    const worker = new WorkerClient(workerLog(this.log));
    this.worker = worker;
    worker.connection.onNotification(OnLoading, (p) => this.listener?.onLoading(p));
    worker.connection.onNotification(OnPiece, ({ text }) => this.listener?.onPiece(text));
    void worker.ended.then(() => {
      if (this.worker === worker) this.worker = undefined;
    });
    return worker;
  }

  /** Ends the worker and its engine. */
  release(): void {
    clearTimeout(this.timer);
    void this.worker?.dispose();
    this.worker = undefined;
  }

  dispose(): void {
    this.release();
  }
}
