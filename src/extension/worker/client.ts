import path from 'node:path';
import { Worker } from 'node:worker_threads';
import { createMessageConnection, type MessageConnection, PortMessageReader, PortMessageWriter } from 'vscode-jsonrpc/node';
import { OnLog } from './protocol';

export type WorkerLog = (level: 'debug' | 'info' | 'warn' | 'error', line: string) => void;

/** A worker thread with its connection. `ended` settles when the thread is gone, with the error that ended it, if any. */
export class WorkerClient {
  readonly connection: MessageConnection;
  readonly ended: Promise<Error | undefined>;
  private readonly worker: Worker;

  constructor(log: WorkerLog) {
    this.worker = new Worker(path.join(__dirname, 'worker.js'), { stdout: true, stderr: true });
    for (const stream of [this.worker.stdout, this.worker.stderr]) {
      stream.setEncoding('utf8');
      stream.on('data', (text: string) => text.split('\n').filter(Boolean).forEach((line) => log('debug', line)));
    }
    this.connection = createMessageConnection(new PortMessageReader(this.worker), new PortMessageWriter(this.worker));
    this.connection.onNotification(OnLog, ({ level, line }) => log(level, line));
    this.connection.onError(([e]) => log('error', e.message));
    this.connection.listen();
    this.ended = new Promise((resolve) => {
      let failure: Error | undefined;
      this.worker.once('error', (e) => (failure = e as Error));
      this.worker.once('exit', (code) => {
        this.connection.dispose();
        resolve(failure ?? (code === 0 || code === 1 ? undefined : new Error(`The worker ended with code ${code}.`)));
      });
    });
  }

  async dispose(): Promise<void> {
    await this.worker.terminate();
  }
}
