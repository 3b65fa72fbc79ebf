import { type CancellationToken, type MessageConnection, type RequestParam, type RequestType } from 'vscode-jsonrpc';
import { AdvanceStep, CloseStep, OpenStep, ShowStep, type StepItem, StepProbabilities, type StepShow, type StepSummary, type StepView, type TextProbability, TruncateStep } from '../../protocol/step';

type Send = <R>(signal: AbortSignal | undefined, request: (token: CancellationToken) => Promise<R>) => Promise<R>;

/** The step requests of an engine client (protocol/step says what each gives). */
export class StepClient {
  constructor(
    private readonly connection: MessageConnection,
    private readonly send: Send,
  ) {}

  private request<P, R>(type: RequestType<P, R, void>, params: RequestParam<P>, signal?: AbortSignal): Promise<R> {
    return this.send(signal, (token) => this.connection.sendRequest(type, params, token));
  }

  open(item: StepItem, show?: StepShow, signal?: AbortSignal): Promise<StepSummary> {
    return this.request(OpenStep, { item, show }, signal);
  }

  advance(handle: string, ids: readonly number[], show?: StepShow, signal?: AbortSignal): Promise<StepView> {
    return this.request(AdvanceStep, { handle, ids, show }, signal);
  }

  truncate(handle: string, position: number, show?: StepShow, signal?: AbortSignal): Promise<StepView> {
    return this.request(TruncateStep, { handle, position, show }, signal);
  }

  show(handle: string, show?: StepShow, signal?: AbortSignal): Promise<StepView> {
    return this.request(ShowStep, { handle, show }, signal);
  }

  probabilities(handle: string, texts: readonly string[], signal?: AbortSignal): Promise<TextProbability[]> {
    return this.request(StepProbabilities, { handle, texts }, signal);
  }

  close(handle: string): Promise<void> {
    return this.request(CloseStep, { handle });
  }
}
