import { Breakpoints, type Calls, type DataAsked, type FunctionAsked, type Hit, type LineAsked, type Verdict } from './breakpoints';
import { type Environment, Expression, ExpressionError, type Value } from './expression';
import { type Fork, Generation, type GenerationOptions, type Stepper } from './generation';
import { type Alarm, alarmsOf, FILTERS, type FilterName, lineOf, type Moment, momentOf, momentsOf, namesOf, type SignalOptions } from './signals';

export type StopReason = 'entry' | 'step' | 'pause' | 'breakpoint' | 'function breakpoint' | 'data breakpoint' | 'exception' | 'goto' | 'end';

/** Why everything stands still, and at which generation. */
export interface Stop {
  readonly reason: StopReason;
  readonly generation: number;
  readonly description: string;
  readonly hits: readonly number[];
  readonly alarm?: Alarm;
}

export interface RuntimeEvents {
  stopped(stop: Stop): void;
  /** All generations have ended, and nobody wanted to stop there. */
  finished(): void;
  /** Generations moved: what is shown of them is out of date. Comes often while they run. */
  moved(): void;
  output(text: string): void;
}

export interface RuntimeOptions extends SignalOptions {
  readonly generations: readonly GenerationOptions[];
  /** Stop before the first token; default true. */
  readonly stopOnEntry?: boolean;
  /** Stop when all generations have ended, instead of finishing; default true. */
  readonly stopAtEnd?: boolean;
}

export type Granularity = 'token' | 'line';

interface Filter {
  readonly name: FilterName;
  readonly condition?: Expression;
}

/**
 * Steps one generation, or several languages of one problem in lock-step. Knows nothing of any protocol.
 *
 * Position n of all generations belongs together: a step forward takes the token at the common position in each that has not
 * ended; a step back undoes the last of these.
 */
export class Runtime {
  readonly generations: readonly Generation[];
  readonly breakpoints: Breakpoints;
  private filters: readonly Filter[] = (Object.keys(FILTERS) as FilterName[]).filter((n) => FILTERS[n].default).map((name) => ({ name }));
  private pausing = false;
  private running = false;
  private abort = new AbortController();
  private sourceOf: (generation: Generation) => string = (g) => String(g.id);
  private outcome: Stop | 'finished' | undefined;
  last: Stop | undefined;

  constructor(
    stepper: Stepper,
    private readonly options: RuntimeOptions,
    private readonly events: RuntimeEvents,
  ) {
    this.generations = options.generations.map((o, i) => new Generation(stepper, i + 1, o));
    this.breakpoints = new Breakpoints(this.calls);
  }

  /** Names the document in which a generation's lines stand. */
  setSources(sourceOf: (generation: Generation) => string): void {
    this.sourceOf = sourceOf;
  }

  generation(id: number): Generation {
    const found = this.generations.find((g) => g.id === id);
    if (!found) throw new Error(`There is no generation ${id}.`);
    return found;
  }

  get busy(): boolean {
    return this.running;
  }

  get clock(): number {
    return Math.max(0, ...this.generations.map((g) => g.position));
  }

  /** Reads all prompts. @throws Error when one does not fit */
  async open(signal?: AbortSignal): Promise<void> {
    for (const g of this.generations) await g.open(signal);
    this.breakpoints.settle(this.moments());
  }

  private moments(): Moment[] {
    return this.generations.flatMap((g) => momentOf(g) ?? []);
  }

  private readonly calls: Calls = (moment) => async (name, args) => {
    if (name !== 'p' && name !== 'logprob') throw new ExpressionError(`There is no function "${name}"; there is p("text").`);
    const [text] = args;
    if (typeof text !== 'string' || args.length !== 1) throw new ExpressionError(`${name}(…) takes one text: ${name}("18").`);
    if (moment.facts.position !== moment.generation.position) throw new ExpressionError(`${name}(…) can be asked at the present position only.`);
    const sum = await this.logprob(moment.generation, text);
    return name === 'p' ? Math.exp(sum) : sum;
  };

  /** Log-probability of a text as what comes next, its tokens read one after the other. */
  private async logprob(generation: Generation, text: string): Promise<number> {
    const [found] = await generation.probabilities([text]);
    return found!.logprobs.reduce((a, b) => a + b, 0);
  }

  environment(generation: Generation): Environment {
    const moment = momentOf(generation);
    if (!moment) return { names: { position: generation.position, text: generation.text, end: generation.end }, call: async () => { throw new ExpressionError('The generation has ended.'); } };
    return { names: namesOf(moment), call: this.calls(moment) };
  }

  setFunctionBreakpoints(asked: readonly FunctionAsked[]): Verdict[] {
    return this.breakpoints.setFunctions(asked);
  }

  setLineBreakpoints(source: string, asked: readonly LineAsked[]): Verdict[] {
    return this.breakpoints.setLines(source, asked);
  }

  async setDataBreakpoints(asked: readonly DataAsked[]): Promise<Verdict[]> {
    const verdicts = this.breakpoints.setData(asked);
    if (!this.running) await this.watch();
    return verdicts;
  }

  private async watch(): Promise<void> {
    const ids = this.breakpoints.watched;
    for (const g of this.generations) await g.setWatch(ids);
    this.breakpoints.settle(this.moments());
  }

  /** @throws ExpressionError naming what is wrong with a condition */
  setFilters(filters: readonly { readonly name: FilterName; readonly condition?: string }[]): void {
    this.filters = filters.map(({ name, condition }) => ({ name, ...(condition ? { condition: new Expression(condition) } : {}) }));
  }

  /** Stands at the first token: stopped, or on its way. */
  async begin(): Promise<void> {
    if (this.options.stopOnEntry !== false) {
      this.stop({ reason: 'entry', generation: 1, description: 'Before the first token', hits: [] });
      return this.conclude();
    }
    await this.exclusively(async () => {
      const stop = await this.check();
      if (stop) this.stop(stop);
      else await this.loop(() => false);
    });
  }

  /** On to a token of the first generation, unless something stops before. */
  runTo(position: number): Promise<void> {
    return this.exclusively(() => this.loop(() => this.generations[0]!.position >= position, 1));
  }

  private stop(stop: Stop): void {
    this.outcome = stop;
  }

  /** Says how a movement ended, when the next one may begin. */
  private conclude(): void {
    const { outcome } = this;
    this.outcome = undefined;
    if (outcome === 'finished') this.events.finished();
    else if (outcome) {
      this.last = outcome;
      this.events.moved();
      this.events.stopped(outcome);
    }
  }

  /** One movement at a time. @throws Error when another is under way */
  private async exclusively(work: () => Promise<void>): Promise<void> {
    if (this.running) throw new Error('The generation is running. Pause it first.');
    this.running = true;
    this.pausing = false;
    this.abort = new AbortController();
    try {
      await work();
    } finally {
      this.running = false;
    }
    this.conclude();
  }

  pause(): void {
    this.pausing = true;
  }

  continue(): Promise<void> {
    return this.exclusively(() => this.loop(() => false));
  }

  /** The next token, or the first token of the next reasoning step of a generation. */
  next(id: number, granularity: Granularity): Promise<void> {
    return this.exclusively(async () => {
      const g = this.generation(id);
      const line = lineOf(g.text);
      await this.loop(() => granularity === 'token' || lineOf(g.text) > line || (g.end !== null && this.generations.length > 1), id);
    });
  }

  private async loop(enough: () => boolean, id = this.last?.generation ?? 1): Promise<void> {
    if (this.generations.every((g) => g.end !== null)) {
      this.outcome = 'finished';
      return;
    }
    for (;;) {
      try {
        await Promise.all(this.generations.map((g) => g.take(this.abort.signal)));
      } catch (e) {
        if (!this.pausing) throw e;
      }
      this.events.moved();
      const stop = await this.check();
      if (stop) return this.stop(stop);
      if (this.pausing) return this.stop({ reason: 'pause', generation: id, description: 'Paused', hits: [] });
      if (this.generations.every((g) => g.end !== null)) {
        if (this.options.stopAtEnd === false) {
          this.outcome = 'finished';
          return;
        }
        return this.stop({ reason: 'end', generation: id, description: this.endWords(), hits: [] });
      }
      if (enough()) return this.stop({ reason: 'step', generation: id, description: 'Stepped', hits: [] });
    }
  }

  private endWords(): string {
    const words = { eos: 'end of text', length: 'as many tokens as it may have', context: 'the context is full', 'stop-string': 'stop string' };
    const one = (g: Generation): string => `${words[g.end!]} after ${g.position} tokens`;
    return this.generations.length === 1 ? `Ended: ${one(this.generations[0]!)}` : `Ended: ${this.generations.map((g) => `${g.options.name} ${one(g)}`).join('; ')}`;
  }

  /** Breakpoints and alarms at the present positions; log points are written. */
  private async check(): Promise<Stop | undefined> {
    let stop: Stop | undefined;
    const names = new Set(this.filters.map((f) => f.name));
    for (const g of this.generations) {
      const stale = g.end !== null && g.position < this.clock;
      if (stale) continue;
      try {
        for (const alarm of alarmsOf(g, names, this.options)) {
          const condition = this.filters.find((f) => f.name === alarm.filter)!.condition;
          if (condition && !(await condition.holds(this.environment(g)))) continue;
          stop ??= { reason: 'exception', generation: g.id, description: FILTERS[alarm.filter].label, hits: [], alarm };
        }
        const moment = momentOf(g);
        const hits = moment ? await this.breakpoints.hits(moment, this.sourceOf(g)) : [];
        for (const h of hits) if (h.log !== undefined) this.events.output(h.log);
        const real = hits.filter((h) => h.log === undefined);
        if (real.length > 0) stop ??= hitStop(g, real);
      } catch (e) {
        if (!(e instanceof ExpressionError)) throw e;
        stop ??= { reason: 'pause', generation: g.id, description: `A condition cannot be computed: ${e.message}`, hits: [] };
      }
    }
    return stop;
  }

  /** One token back in every generation that is at the common position. */
  stepBack(id: number): Promise<void> {
    return this.exclusively(async () => {
      const clock = this.clock;
      if (clock === 0) return this.stop({ reason: 'entry', generation: id, description: 'Before the first token', hits: [] });
      await this.backTo(clock - 1);
      this.stop({ reason: 'step', generation: id, description: 'Stepped back', hits: [] });
    });
  }

  private async backTo(position: number): Promise<void> {
    for (const g of this.generations) if (g.position > position) await g.back(position);
    this.breakpoints.settle(this.moments());
  }

  /** Back to the last position at which a breakpoint holds or a watched value changed, else to the beginning. */
  reverseContinue(id: number): Promise<void> {
    return this.exclusively(async () => {
      const changes = new Map<number, ReadonlyMap<number, readonly Hit[]>>();
      for (const g of this.generations) changes.set(g.id, await this.breakpoints.changes(g.id, momentsOf(g)));
      for (let position = this.clock - 1; position >= 0 && !this.pausing; position--) {
        for (const g of this.generations) {
          const moment = position < g.position ? momentOf(g, position) : undefined;
          const hits = moment ? await this.breakpoints.passed(moment, this.sourceOf(g), changes.get(g.id)!.get(position) ?? []) : [];
          if (hits.length === 0) continue;
          await this.backTo(position);
          this.breakpoints.settle(this.moments().filter((m) => m.generation === g), { hit: hits.map((h) => h.id) });
          return this.stop(hitStop(g, hits));
        }
      }
      await this.backTo(0);
      this.stop({ reason: 'entry', generation: id, description: 'Before the first token', hits: [] });
    });
  }

  /** To before a token that was taken already; the other generations come along. */
  goto(id: number, position: number): Promise<void> {
    return this.exclusively(async () => {
      const g = this.generation(id);
      if (position > g.position) throw new Error(`Token ${position} was not generated yet; ${g.position} were. Continue to it.`);
      await this.backTo(position);
      this.stop({ reason: 'goto', generation: id, description: `At token ${position}`, hits: [] });
    });
  }

  /** Begins again; with the encoder, reading the prompt anew. */
  restart(id: number, encoder: boolean): Promise<void> {
    return this.exclusively(async () => {
      if (encoder) for (const g of this.generations) await g.open();
      else await this.backTo(0);
      this.breakpoints.settle(this.moments());
      this.stop({ reason: 'entry', generation: id, description: 'Before the first token', hits: [] });
    });
  }

  /** Chooses another token for a generation; it is taken with the next step. */
  async force(id: number, token: number): Promise<Fork | undefined> {
    let fork: Fork | undefined;
    await this.exclusively(async () => {
      fork = await this.generation(id).force(token);
      this.events.moved();
    });
    return fork;
  }

  /** Returns to a fork; the other generations stay where they are. */
  async return(id: number, fork: number): Promise<void> {
    await this.exclusively(async () => {
      const g = this.generation(id);
      const { number, position } = await g.return(fork, this.abort.signal);
      this.breakpoints.settle(this.moments(), { other: true });
      this.stop({ reason: 'goto', generation: id, description: `Fork ${number}, at token ${position}`, hits: [] });
    });
  }

  async evaluate(generation: Generation, source: string): Promise<Value> {
    return new Expression(source).evaluate(this.environment(generation));
  }

  /** Stops whatever is running and closes the sessions; an engine that is gone is no reason to fail. */
  async close(): Promise<void> {
    this.pausing = true;
    this.abort.abort();
    await Promise.all(this.generations.map((g) => g.close().catch(() => undefined)));
  }
}

function hitStop(g: Generation, hits: readonly Hit[]): Stop {
  return { reason: hits[0]!.kind, generation: g.id, description: hits.map((h) => h.text).join(', '), hits: hits.map((h) => h.id) };
}
