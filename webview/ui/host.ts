import { AbstractMessageReader, AbstractMessageWriter, CancellationTokenSource, createMessageConnection, type DataCallback, type Disposable, type Message, type MessageReader, type MessageWriter, type RequestType, type RequestType0 } from 'vscode-jsonrpc/browser';

/** The only way out of a panel: VS Code's handle. It can be asked for once. */
interface VsCodeApi {
  postMessage(message: unknown): void;
  getState(): unknown;
  setState(state: unknown): void;
}
declare function acquireVsCodeApi(): VsCodeApi;

const vscode = acquireVsCodeApi();

class Reader extends AbstractMessageReader implements MessageReader {
  listen(callback: DataCallback): Disposable {
    const take = (event: MessageEvent<unknown>): void => {
      const message = event.data;
      if (typeof message === 'object' && message !== null && (message as { jsonrpc?: unknown }).jsonrpc === '2.0') callback(message as Message);
    };
    window.addEventListener('message', take);
    return { dispose: () => window.removeEventListener('message', take) };
  }
}

class Writer extends AbstractMessageWriter implements MessageWriter {
  write(message: Message): Promise<void> {
    vscode.postMessage(message);
    return Promise.resolve();
  }

  end(): void {
    // The page ends with its frame.
  }
}

/** JSON-RPC to the extension host. Call `listen()` when the notification handlers are set. */
export const connection = createMessageConnection(new Reader(), new Writer());

/** A request that is cancelled on the other side when the signal is aborted. */
export async function request<P, R>(type: RequestType<P, R, void> | RequestType0<R, void>, params: P | undefined, signal?: AbortSignal): Promise<R> {
  const source = new CancellationTokenSource();
  const cancel = (): void => source.cancel();
  signal?.addEventListener('abort', cancel, { once: true });
  try {
    return params === undefined ? await connection.sendRequest(type as RequestType0<R, void>, source.token) : await connection.sendRequest(type.method, params, source.token);
  } finally {
    signal?.removeEventListener('abort', cancel);
    source.dispose();
  }
}

/** What the panel remembers over hiding and reloading. Fields that are missing or of another type fall back. */
export function savedState<T extends object>(fallback: T): T {
  const state = vscode.getState();
  if (typeof state !== 'object' || state === null) return fallback;
  const out = { ...fallback } as Record<string, unknown>;
  for (const [key, value] of Object.entries(fallback as Record<string, unknown>)) {
    const kept = (state as Record<string, unknown>)[key];
    if (kept !== undefined && (value === null || kept === null || (typeof kept === typeof value && Array.isArray(kept) === Array.isArray(value)))) out[key] = kept;
  }
  return out as T;
}

export const saveState = (state: object): void => vscode.setState(state);
