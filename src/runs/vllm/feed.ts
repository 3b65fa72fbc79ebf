import { type ComposedItem } from '../../protocol/compose';
import { type GenerateItem } from '../../protocol/engine';

/** A prompt on its way to a server. */
export interface Job {
  readonly item: GenerateItem;
  readonly prompt: ComposedItem;
  /** Requests of this prompt that failed for a reason that may lie in the prompt. */
  attempts: number;
  /** The server's own stop strings ended it where ours do not: asked again without them. */
  withoutStop: boolean;
}

/**
 * Prompts for the servers: composed in batches ahead of need, handed out one at a time, taken back when a server could not
 * answer. `take` waits while prompts that are under way could still come back.
 */
export class Feed {
  private readonly ready: Job[] = [];
  private next = 0;
  private outstanding = 0;
  private composing = false;
  private closed = false;
  private waiting: ((job: Job | undefined) => void)[] = [];
  private readonly over: Promise<Error | undefined>;
  private end!: (error: Error | undefined) => void;

  /**
   * @param compose gives the jobs of some items; items that cannot be asked are settled by it and left out
   * @param ahead how many prompts should be ready beyond those under way
   */
  constructor(
    private readonly items: readonly GenerateItem[],
    private readonly batch: number,
    private readonly ahead: () => number,
    private readonly compose: (items: readonly GenerateItem[]) => Promise<Job[]>,
  ) {
    this.over = new Promise((resolve) => {
      this.end = (error) => {
        this.closed = true;
        this.wake();
        resolve(error);
      };
    });
    this.pump();
  }

  /** Resolves when every prompt is settled, with an error when composing failed, or when `stop` was called. */
  get finished(): Promise<Error | undefined> {
    return this.over;
  }

  /** Prompts that are not settled: ready, under way, or not composed. */
  get left(): number {
    return this.ready.length + this.outstanding + (this.items.length - this.next);
  }

  get ended(): boolean {
    return this.closed;
  }

  /** The next prompt; undefined when there is none any more. */
  take(): Promise<Job | undefined> {
    if (this.closed) return Promise.resolve(undefined);
    const job = this.ready.shift();
    if (job) {
      this.outstanding += 1;
      this.pump();
      return Promise.resolve(job);
    }
    return new Promise((resolve) => {
      this.waiting.push(resolve);
      this.pump();
    });
  }

  /** Back to the head of the queue: another server, or the same one later, will answer it. */
  giveBack(job: Job): void {
    this.outstanding -= 1;
    this.ready.unshift(job);
    this.wake();
  }

  /** The prompt has its answer, or its failure. */
  settle(): void {
    this.outstanding -= 1;
    this.check();
  }

  stop(error?: Error): void {
    if (!this.closed) this.end(error);
  }

  private wake(): void {
    while (this.waiting.length > 0 && (this.closed || this.ready.length > 0)) {
      const resolve = this.waiting.shift()!;
      const job = this.closed ? undefined : this.ready.shift();
      if (job) this.outstanding += 1;
      resolve(job);
    }
  }

  private check(): void {
    if (!this.closed && !this.composing && this.left === 0) this.end(undefined);
  }

  private pump(): void {
    if (this.composing || this.closed) return;
    if (this.next >= this.items.length || this.ready.length >= Math.max(this.batch, this.ahead())) {
      this.check();
      return;
    }
    const part = this.items.slice(this.next, this.next + this.batch);
    this.next += part.length;
    this.composing = true;
    void this.compose(part).then(
      (jobs) => {
        this.composing = false;
        this.ready.push(...jobs);
        this.wake();
        this.pump();
      },
      (e: unknown) => {
        this.composing = false;
        this.stop(e as Error);
      },
    );
  }
}
