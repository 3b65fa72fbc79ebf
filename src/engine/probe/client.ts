import { type CancellationToken, type MessageConnection, type RequestParam, type RequestType } from 'vscode-jsonrpc';
import {
  type AttentionParams, type Block, CloseProbe, type LensParams, type LensResult, OnPooledProgress, OpenProbe, type PooledItem, type PooledResult, PooledStates, ProbeAttention,
  ProbeHidden, type ProbeItem, ProbeLens, type ProbeSide, ProbeSoft, ProbeSoftVectors, type ProbeSummary, ProbeThumbnails, type Range, type SoftResult, type ThumbnailsResult,
} from '../../protocol/probe';

type Send = <R>(signal: AbortSignal | undefined, request: (token: CancellationToken) => Promise<R>) => Promise<R>;
type Without<P, K extends keyof P> = Omit<P, K>;

/** The probe requests of an engine client (protocol/probe says what each gives). Every one can be cancelled. */
export class ProbeClient {
  private job = 0;
  private readonly jobs = new Map<number, (done: number, of: number, share: number) => void>();

  constructor(
    private readonly connection: MessageConnection,
    private readonly send: Send,
  ) {
    connection.onNotification(OnPooledProgress, ({ job, done, of, share }) => this.jobs.get(job)?.(done, of, share));
  }

  private request<P, R>(type: RequestType<P, R, void>, params: RequestParam<P>, signal?: AbortSignal): Promise<R> {
    return this.send(signal, (token) => this.connection.sendRequest(type, params, token));
  }

  /** Opens one prompt. @param memoryLimit bytes for the results of all open probes together */
  open(item: ProbeItem, options: { memoryLimit?: number; signal?: AbortSignal } = {}): Promise<ProbeSummary> {
    return this.request(OpenProbe, { item, memoryLimit: options.memoryLimit }, options.signal);
  }

  close(handle: string): Promise<void> {
    return this.request(CloseProbe, { handle });
  }

  attention(handle: string, params: Without<AttentionParams, 'handle'>, signal?: AbortSignal): Promise<Block> {
    return this.request(ProbeAttention, { handle, ...params }, signal);
  }

  thumbnails(handle: string, side: ProbeSide, size: number, signal?: AbortSignal): Promise<ThumbnailsResult> {
    return this.request(ProbeThumbnails, { handle, side, size }, signal);
  }

  hidden(handle: string, side: ProbeSide, layer: number, rows: Range, signal?: AbortSignal): Promise<Block> {
    return this.request(ProbeHidden, { handle, side, layer, rows }, signal);
  }

  softVectors(handle: string, which: 'before' | 'after', rows: Range, signal?: AbortSignal): Promise<Block> {
    return this.request(ProbeSoftVectors, { handle, which, rows }, signal);
  }

  soft(handle: string, k?: number, signal?: AbortSignal): Promise<SoftResult> {
    return this.request(ProbeSoft, { handle, k }, signal);
  }

  lens(handle: string, params: Without<LensParams, 'handle'>, signal?: AbortSignal): Promise<LensResult> {
    return this.request(ProbeLens, { handle, ...params }, signal);
  }

  /** Mean-pooled states of many prompts at encoder, alignment layer and LLM layers. */
  async pooled(items: readonly PooledItem[], layers: readonly number[], batch: number, options: { onProgress?: (done: number, of: number, share: number) => void; signal?: AbortSignal } = {}): Promise<PooledResult> {
    const job = ++this.job;
    if (options.onProgress) this.jobs.set(job, options.onProgress);
    try {
      return await this.request(PooledStates, { job, items, layers, batch }, options.signal);
    } finally {
      this.jobs.delete(job);
    }
  }
}
