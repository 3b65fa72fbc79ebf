import { type EndpointView } from '../../protocol/endpoints';
import { type Completion } from './completions';
import { EndpointError, JsonClient } from './http';
import { type Feed, type Job } from './feed';

export interface EndpointPolicy {
  /** Most requests at once. */
  readonly concurrency: number;
  /** First wait after a failed connection or an overloaded server; doubles up to `longestWaitMs`. */
  readonly firstWaitMs: number;
  readonly longestWaitMs: number;
  /** A server that does not come back within this time is given up. */
  readonly giveUpMs: number;
  /** Requests of one prompt that may fail before the prompt is recorded as failed. */
  readonly attempts: number;
}

export const DEFAULT_POLICY: EndpointPolicy = { concurrency: 64, firstWaitMs: 500, longestWaitMs: 30_000, giveUpMs: 600_000, attempts: 5 };

export interface EndpointWork {
  readonly feed: Feed;
  readonly signal: AbortSignal;
  /** Asks this server for one prompt. @throws EndpointError */
  readonly ask: (client: JsonClient, job: Job) => Promise<Completion>;
  readonly answered: (job: Job, completion: Completion, ms: number) => Promise<'done' | 'again'>;
  readonly failed: (job: Job, reason: string) => void;
  /** Whether a server that was away still serves the same model. @throws EndpointError or Error in words */
  readonly recheck: (client: JsonClient) => Promise<void>;
  readonly changed: () => void;
}

const WINDOW_MS = 10_000;
const FIRST_LIMIT = 4;

/**
 * One server: how many requests it gets at once, and what is done when it fails.
 *
 * The limit grows by one with every answer until the first sign of overload, then by one in as many answers as it allows; an
 * overload halves it. Waits double. What was under way at a server that fails goes back to the feed at once.
 */
export class Endpoint {
  readonly client: JsonClient;
  private limit: number;
  private overloaded = false;
  private inFlight = 0;
  private done = 0;
  private errors = 0;
  private lastError: string | null = null;
  private state: EndpointView['state'] = 'ready';
  private waits = 0;
  private downSince: number | undefined;
  private away = false;
  private readonly recent: { readonly at: number; readonly tokens: number }[] = [];
  private free: (() => void) | undefined;

  constructor(
    url: URL,
    key: string | undefined,
    private readonly policy: EndpointPolicy,
  ) {
    this.client = new JsonClient(url, key);
    this.limit = Math.min(policy.concurrency, FIRST_LIMIT);
  }

  get name(): string {
    return `${this.client.url.origin}${this.client.url.pathname.replace(/\/$/, '')}`;
  }

  get gone(): boolean {
    return this.state === 'gone';
  }

  /** Read through a method: the state changes while `serve` waits. */
  private is(state: EndpointView['state']): boolean {
    return this.state === state;
  }

  get room(): number {
    return this.gone ? 0 : Math.floor(this.limit);
  }

  get reason(): string {
    return this.lastError ?? 'no reason known';
  }

  view(): EndpointView {
    const now = performance.now();
    while (this.recent.length > 0 && now - this.recent[0]!.at > WINDOW_MS) this.recent.shift();
    const span = this.recent.length === 0 ? WINDOW_MS : Math.max(1000, Math.min(WINDOW_MS, now - this.recent[0]!.at));
    return {
      url: this.name, state: this.state, tokensPerSecond: (1000 * this.recent.reduce((s, r) => s + r.tokens, 0)) / span, inFlight: this.inFlight, limit: this.room,
      done: this.done, errors: this.errors, lastError: this.lastError,
    };
  }

  /** Works until the feed is empty, the signal aborts, or the server is given up. */
  async serve(work: EndpointWork): Promise<void> {
    const { feed, signal } = work;
    this.state = 'ready';
    while (!feed.ended && !signal.aborted && !this.gone) {
      if (this.is('waiting') && !(await this.recover(work))) break;
      if (this.inFlight >= this.room) {
        await new Promise<void>((resolve) => {
          this.free = resolve;
        });
        continue;
      }
      const job = await feed.take();
      if (!job) break;
      if (!this.is('ready') || signal.aborted) {
        feed.giveBack(job);
        continue;
      }
      this.inFlight += 1;
      void this.one(job, work).finally(() => {
        this.inFlight -= 1;
        this.free?.();
        work.changed();
      });
    }
    while (this.inFlight > 0) {
      await new Promise<void>((resolve) => {
        this.free = resolve;
      });
    }
  }

  private async one(job: Job, work: EndpointWork): Promise<void> {
    const startedAt = performance.now();
    let completion: Completion;
    try {
      completion = await work.ask(this.client, job);
    } catch (e) {
      this.trouble(e as Error, job, work);
      return;
    }
    this.recent.push({ at: performance.now(), tokens: completion.ids.length });
    this.limit = Math.min(this.policy.concurrency, this.limit + (this.overloaded ? 1 / this.limit : 1));
    this.downSince = undefined;
    this.waits = 0;
    try {
      if ((await work.answered(job, completion, performance.now() - startedAt)) === 'again') work.feed.giveBack(job);
      else {
        this.done += 1;
        work.feed.settle();
      }
    } catch (e) {
      work.failed(job, (e as Error).message);
      work.feed.settle();
    }
  }

  private trouble(e: Error, job: Job, { feed, signal, failed }: EndpointWork): void {
    if (signal.aborted) {
      feed.giveBack(job);
      return;
    }
    if (!(e instanceof EndpointError)) {
      failed(job, e.message);
      feed.settle();
      return;
    }
    this.errors += 1;
    this.lastError = e.message;
    const { trouble } = e;
    if (trouble === 'refused') {
      failed(job, e.message);
      feed.settle();
      return;
    }
    if (trouble === 'key') this.giveUp();
    else {
      if (trouble === 'lost') this.away = true;
      if (trouble !== 'broken' || e.retryAfterMs !== undefined) this.ease(trouble === 'busy' || trouble === 'timeout');
      this.wait(e.retryAfterMs);
    }
    if (trouble !== 'busy' && trouble !== 'key') job.attempts += 1;
    if (job.attempts >= this.policy.attempts) {
      failed(job, `${job.attempts} requests failed; the last: ${e.message}`);
      feed.settle();
    } else feed.giveBack(job);
  }

  private ease(overloaded: boolean): void {
    if (this.state !== 'ready') return;
    if (overloaded) this.overloaded = true;
    this.limit = Math.max(1, this.limit / 2);
  }

  private wait(askedMs: number | undefined): void {
    if (this.state !== 'ready') return;
    this.state = 'waiting';
    this.downSince ??= performance.now();
    this.nextWaitMs = Math.min(this.policy.longestWaitMs, Math.max(askedMs ?? 0, this.policy.firstWaitMs * 2 ** Math.min(this.waits, 16)));
    this.waits += 1;
    this.free?.();
  }

  private nextWaitMs = 0;

  private giveUp(): void {
    this.state = 'gone';
    this.free?.();
  }

  /** Waits, and makes sure that a server that was away is the same one. False: it is given up. */
  private async recover(work: EndpointWork): Promise<boolean> {
    for (;;) {
      work.changed();
      await pause(this.nextWaitMs, work.signal, work.feed);
      if (work.signal.aborted || work.feed.ended) return false;
      // `giveUp` may have happened while this waited.
      if (this.gone) return false;
      if (!this.away) {
        this.state = 'ready';
        return true;
      }
      try {
        await work.recheck(this.client);
        this.away = false;
        this.state = 'ready';
        return true;
      } catch (e) {
        this.errors += 1;
        this.lastError = (e as Error).message;
        const passing = e instanceof EndpointError && e.trouble !== 'key';
        if (!passing || performance.now() - this.downSince! > this.policy.giveUpMs) {
          this.giveUp();
          work.changed();
          return false;
        }
        this.nextWaitMs = Math.min(this.policy.longestWaitMs, this.policy.firstWaitMs * 2 ** Math.min(this.waits++, 16));
      }
    }
  }
}

/** Waits, but no longer than until the signal aborts or the feed ends. */
function pause(ms: number, signal: AbortSignal, feed: Feed): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done, { once: true });
    void feed.finished.then(done);
  });
}
