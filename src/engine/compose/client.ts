import { type CancellationToken, type MessageConnection } from 'vscode-jsonrpc';
import { Compose, type ComposedItem, type ComposeItem, Settle, type SettledItem, type SettleParams } from '../../protocol/compose';

type Send = <R>(signal: AbortSignal | undefined, request: (token: CancellationToken) => Promise<R>) => Promise<R>;

/** The requests of protocol/compose of an engine client. */
export class ComposeClient {
  constructor(
    private readonly connection: MessageConnection,
    private readonly send: Send,
  ) {}

  /** What the LLM reads for each item, in their order. */
  prompts(items: readonly ComposeItem[], batch: number, signal?: AbortSignal): Promise<ComposedItem[]> {
    return this.send(signal, (token) => this.connection.sendRequest(Compose, { items, batch }, token));
  }

  /** Where lists of greedy ids end, and their text. */
  settle(params: SettleParams): Promise<SettledItem[]> {
    return this.send(undefined, (token) => this.connection.sendRequest(Settle, params, token));
  }
}
