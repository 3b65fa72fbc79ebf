/** What the other rooms import of the engine: a client of one engine process. Loads no native code itself. */
import { type ChildProcess, fork } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { CancellationTokenSource, createMessageConnection, type MessageConnection } from 'vscode-jsonrpc';
import { IPCMessageReader, IPCMessageWriter } from 'vscode-jsonrpc/node';
import {
  Encode, type EncodeResult, Generate, type GenerateParams, type GenerateResult, Hello, type HelloResult, type ItemResult, Load, type LoadParams, type LoadProgress,
  type LoadResult, OnBeat, OnItem, OnLoadProgress, OnPartial, OnStarted, RunSelfTest, type ScoreItem, ScoreContinuations, type ScoreResult, type SelfTestResult, Tokenize,
} from '../protocol/engine';
import { ComposeClient } from './compose/client';
import { ProbeClient } from './probe/client';
import { StepClient } from './step/client';

export { type StepClient };

export interface EngineOptions {
  /** The script to run; default: `engine.js` beside this file when built, the TypeScript source otherwise. */
  readonly entry?: string;
  /** A Node executable; default: this process's own (Electron is told to behave as Node). */
  readonly node?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Milliseconds without a sign of life during a call after which the process counts as hung and is killed. */
  readonly hangMs?: number;
  readonly onLog?: (line: string) => void;
}

/** The engine process ended while it was needed. `reason` is fit for a user. */
export class EngineDied extends Error {
  constructor(readonly reason: string) {
    super(`The engine process ended: ${reason}`);
  }
}

export interface GenerateEvents {
  readonly onStarted?: (keys: readonly string[]) => void;
  readonly onItem: (item: ItemResult) => void;
  readonly onPartial?: (key: string, text: string, newTokens: number) => void;
  readonly onBeat?: (rss: number, newTokens: number) => void;
}

const DEFAULT_HANG_MS = 300_000;

function defaultEntry(): { entry: string; execArgv: string[] } {
  const built = path.join(__dirname, 'engine.js');
  if (fs.existsSync(built)) return { entry: built, execArgv: [] };
  return { entry: path.join(__dirname, 'server.ts'), execArgv: ['--require', require.resolve('tsx/cjs')] };
}

export class EngineClient {
  /** A look inside the loaded model: attention, states, soft prefix, layer-wise next tokens, pooled states. */
  readonly probe: ProbeClient;
  /** A generation one token at a time. */
  readonly step: StepClient;
  /** Prompts and endings for an LLM that runs in another server. */
  readonly compose: ComposeClient;
  private readonly child: ChildProcess;
  private readonly connection: MessageConnection;
  private readonly died: Promise<never>;
  private readonly hangMs: number;
  private lastBeat = Date.now();
  private busy = 0;
  private killReason: string | undefined;
  private job = 0;
  private readonly jobs = new Map<number, GenerateEvents>();
  private onLoad: ((p: LoadProgress) => void) | undefined;
  private readonly watchdog: NodeJS.Timeout;
  private readonly tail: string[] = [];
  private ended = false;

  constructor(options: EngineOptions = {}) {
    const { entry, execArgv } = options.entry ? { entry: options.entry, execArgv: options.entry.endsWith('.ts') ? ['--require', require.resolve('tsx/cjs')] : [] } : defaultEntry();
    this.hangMs = options.hangMs ?? DEFAULT_HANG_MS;
    this.child = fork(entry, [], {
      serialization: 'advanced',
      execPath: options.node ?? process.execPath,
      execArgv,
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      env: { ...process.env, ELECTRON_RUN_AS_NODE: '1', ...options.env },
    });
    const log = (data: Buffer): void => {
      for (const line of data.toString().split('\n')) {
        if (line === '') continue;
        this.tail.push(line);
        if (this.tail.length > 20) this.tail.shift();
        options.onLog?.(line);
      }
    };
    this.child.stdout!.on('data', log);
    this.child.stderr!.on('data', log);
    this.died = new Promise<never>((_, reject) => {
      this.child.once('error', (e) => reject(new EngineDied(`it could not be started (${e.message})`)));
      this.child.once('exit', (code, signal) => {
        this.ended = true;
        clearInterval(this.watchdog);
        reject(new EngineDied(this.explain(code, signal)));
      });
    });
    this.died.catch(() => undefined);
    this.connection = createMessageConnection(new IPCMessageReader(this.child), new IPCMessageWriter(this.child));
    this.connection.onNotification(OnBeat, ({ rss, newTokens }) => {
      this.lastBeat = Date.now();
      for (const events of this.jobs.values()) events.onBeat?.(rss, newTokens);
    });
    this.connection.onNotification(OnStarted, ({ job, keys }) => this.jobs.get(job)?.onStarted?.(keys));
    this.connection.onNotification(OnItem, (item) => {
      this.lastBeat = Date.now();
      this.jobs.get(item.job)?.onItem(item);
    });
    this.connection.onNotification(OnPartial, ({ job, key, text, newTokens }) => this.jobs.get(job)?.onPartial?.(key, text, newTokens));
    this.connection.onNotification(OnLoadProgress, (p) => {
      this.lastBeat = Date.now();
      this.onLoad?.(p);
    });
    this.probe = new ProbeClient(this.connection, (signal, request) => this.cancellable(signal, (source) => request(source.token)));
    this.step = new StepClient(this.connection, (signal, request) => this.cancellable(signal, (source) => request(source.token)));
    this.compose = new ComposeClient(this.connection, (signal, request) => this.cancellable(signal, (source) => request(source.token)));
    this.connection.onError(() => undefined);
    this.connection.listen();
    this.watchdog = setInterval(() => {
      if (this.busy > 0 && Date.now() - this.lastBeat > this.hangMs) this.kill(`no sign of life for ${Math.round(this.hangMs / 1000)} s`);
    }, Math.min(1000, this.hangMs / 2));
    this.watchdog.unref();
  }

  get pid(): number | undefined {
    return this.child.pid;
  }

  get alive(): boolean {
    return !this.ended;
  }

  private explain(code: number | null, signal: NodeJS.Signals | null): string {
    if (this.killReason) return this.killReason;
    const last = this.tail.filter((l) => /error|memory|abort|terminate/i.test(l)).pop();
    const tail = last ? ` (${last.slice(0, 200)})` : '';
    if (signal === 'SIGKILL') return 'it was killed (SIGKILL); the usual cause is that the machine ran out of memory';
    if (signal) return `it crashed with ${signal}${tail}`;
    return `it stopped with code ${code}${tail}`;
  }

  /** One request: rejects with EngineDied when the process ends first. */
  private async call<T>(request: () => Promise<T>): Promise<T> {
    this.busy += 1;
    this.lastBeat = Date.now();
    try {
      return await Promise.race([request(), this.died]);
    } catch (e) {
      // A message that could not be sent: the process is going; its end says why.
      if (e instanceof Error && /connection got disposed|is closed|channel closed|EPIPE/i.test(e.message)) return await this.died;
      throw e;
    } finally {
      this.busy -= 1;
    }
  }

  private async cancellable<T>(signal: AbortSignal | undefined, send: (source: CancellationTokenSource) => Promise<T>): Promise<T> {
    const source = new CancellationTokenSource();
    const cancel = (): void => source.cancel();
    if (signal?.aborted) source.cancel();
    signal?.addEventListener('abort', cancel, { once: true });
    try {
      return await this.call(() => send(source));
    } finally {
      signal?.removeEventListener('abort', cancel);
      source.dispose();
    }
  }

  hello(): Promise<HelloResult> {
    return this.call(() => this.connection.sendRequest(Hello));
  }

  load(params: LoadParams, onProgress?: (p: LoadProgress) => void): Promise<LoadResult> {
    this.onLoad = onProgress;
    return this.call(() => this.connection.sendRequest(Load, params));
  }

  async generate(params: Omit<GenerateParams, 'job'>, events: GenerateEvents, signal?: AbortSignal): Promise<GenerateResult> {
    const job = ++this.job;
    this.jobs.set(job, events);
    try {
      return await this.cancellable(signal, (source) => this.connection.sendRequest(Generate, { ...params, job }, source.token));
    } finally {
      this.jobs.delete(job);
    }
  }

  score(items: readonly ScoreItem[], batch: number, signal?: AbortSignal): Promise<ScoreResult[]> {
    return this.cancellable(signal, (source) => this.connection.sendRequest(ScoreContinuations, { items, batch }, source.token));
  }

  tokenize(which: 'lm' | 'encoder', texts: readonly string[]): Promise<number[][]> {
    return this.call(() => this.connection.sendRequest(Tokenize, { which, texts }));
  }

  /** Mean-pooled encoder states of texts, row-major [texts, width]. */
  encode(texts: readonly string[], batch: number, signal?: AbortSignal): Promise<EncodeResult> {
    return this.cancellable(signal, (source) => this.connection.sendRequest(Encode, { texts, batch }, source.token));
  }

  selfTest(): Promise<SelfTestResult> {
    return this.call(() => this.connection.sendRequest(RunSelfTest));
  }

  /** Ends the process at once, whatever it is doing. */
  kill(reason: string): void {
    if (this.ended) return;
    this.killReason ??= reason;
    this.child.kill('SIGKILL');
  }

  /** Ends the process and waits until it is gone. */
  async close(): Promise<void> {
    if (this.ended) return;
    this.killReason ??= 'closed';
    this.connection.dispose();
    if (this.child.connected) this.child.disconnect();
    const timer = setTimeout(() => this.child.kill('SIGKILL'), 2000);
    await this.died.catch(() => undefined);
    clearTimeout(timer);
  }
}
