import type * as vscode from 'vscode';
import { AbstractMessageReader, AbstractMessageWriter, createMessageConnection, type DataCallback, type Disposable, type Message, type MessageConnection, type MessageReader, type MessageWriter } from 'vscode-jsonrpc/node';

class WebviewReader extends AbstractMessageReader implements MessageReader {
  constructor(private readonly webview: vscode.Webview) {
    super();
  }

  listen(callback: DataCallback): Disposable {
    return this.webview.onDidReceiveMessage((message: unknown) => {
      // Anything that is not a JSON-RPC message is dropped: only our own page can post here, but it may be of an older version.
      if (typeof message === 'object' && message !== null && (message as { jsonrpc?: unknown }).jsonrpc === '2.0') callback(message as Message);
    });
  }
}

class WebviewWriter extends AbstractMessageWriter implements MessageWriter {
  constructor(private readonly webview: vscode.Webview) {
    super();
  }

  async write(message: Message): Promise<void> {
    await this.webview.postMessage(message);
  }

  end(): void {
    // The webview closes by itself.
  }
}

/** JSON-RPC over a webview's postMessage. Call `listen()` when the handlers are set. */
export function webviewConnection(webview: vscode.Webview): MessageConnection {
  return createMessageConnection(new WebviewReader(webview), new WebviewWriter(webview));
}
