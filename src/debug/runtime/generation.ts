import { type StepClient } from '../../engine/client';
import { type StepItem, type StepSummary, type StepView } from '../../protocol/step';
import { type Choice, choicesOf, factsOf, type TokenFacts } from './facts';

/** What a generation needs of the engine; the engine client's `step`. */
export type Stepper = Pick<StepClient, 'open' | 'advance' | 'truncate' | 'show' | 'probabilities' | 'close'>;

export type EndReason = 'eos' | 'length' | 'context' | 'stop-string';

/** A way that the generation went and left again. */
export interface Fork {
  readonly number: number;
  /** Position at which the way that was taken instead begins. */
  readonly at: number;
  /** Ids from position 0 on, and which of them were forced. */
  readonly path: readonly { readonly id: number; readonly forced: boolean }[];
  /** Where the generation stood on it. */
  readonly position: number;
  readonly text: string;
}

export interface GenerationOptions {
  readonly name: string;
  readonly language: string;
  readonly item: StepItem;
  readonly maxNewTokens: number;
  readonly stop: readonly string[];
}

/** Entries of the list at the present position. */
const TOP = 20;
const MOST_FORKS = 200;

/**
 * One generation under the debugger. It stands before a token: `chosen` is the next one, not yet taken. Going back cuts the
 * cache, so that going forward again computes again. The other way after a forced token is kept as a fork.
 */
export class Generation {
  readonly tokens: TokenFacts[] = [];
  readonly forks: Fork[] = [];
  end: EndReason | null = null;
  private pieces: string[] = [];
  private joined = '';
  private handle = '';
  private stood: { readonly view: StepView; readonly chosen: number; readonly forced: boolean } | undefined;
  /** What was taken from here on before the generation went back; forced ids among it are taken again. */
  private ahead: { readonly id: number; readonly forced: boolean }[] = [];
  private opened: StepSummary | undefined;
  private watch: readonly number[] = [];
  private nextFork = 1;
  private known = 0;
  /** Positions at which something was reported that is said once a way. */
  readonly reported = new Map<string, number>();

  constructor(
    private readonly stepper: Stepper,
    readonly id: number,
    readonly options: GenerationOptions,
  ) {}

  /** Reads the prompt. Called again, it reads it anew (the encoder, too). */
  async open(signal?: AbortSignal): Promise<void> {
    const old = this.handle;
    this.opened = await this.stepper.open(this.options.item, this.showing(), signal);
    this.handle = this.opened.handle;
    if (old !== '') {
      this.keepFork(0);
      await this.stepper.close(old);
    }
    this.cut(0);
    this.ahead = [];
    this.stand(this.opened.view);
  }

  close(): Promise<void> {
    return this.handle === '' ? Promise.resolve() : this.stepper.close(this.handle);
  }

  get summary(): StepSummary {
    if (!this.opened) throw new Error('The generation is not open yet.');
    return this.opened;
  }

  get isOpen(): boolean {
    return this.stood !== undefined;
  }

  get position(): number {
    return this.tokens.length;
  }

  /** Text of the tokens taken so far. */
  get text(): string {
    return this.joined;
  }

  /** Text that the token at a position added, "" where none was completed. */
  piece(position: number): string {
    return this.pieces[position] ?? '';
  }

  get view(): StepView {
    if (!this.stood) throw new Error('The generation is not open yet.');
    return this.stood.view;
  }

  /** Facts of the token that comes next; undefined at the end. */
  get chosen(): TokenFacts | undefined {
    if (this.end !== null || !this.stood) return undefined;
    return factsOf(this.stood.view, this.stood.chosen, this.stood.forced, this.tokens.at(-1)?.cumulative ?? 0);
  }

  /** The most probable tokens here, best first. */
  get choices(): readonly Choice[] {
    return choicesOf(this.view);
  }

  /** Most tokens that this generation can have. */
  get limit(): number {
    const { maxPositions, promptTokens } = this.summary;
    return Math.min(this.options.maxNewTokens, maxPositions - promptTokens);
  }

  private showing(more: readonly number[] = []): { k: number; watch: number[] } {
    return { k: TOP, watch: [...new Set([...this.watch, ...more])] };
  }

  /** Ids whose probability is wanted at every position from here on. */
  async setWatch(ids: readonly number[]): Promise<void> {
    this.watch = ids;
    if (!this.stood) return;
    const { chosen, forced } = this.stood;
    this.stood = { view: await this.stepper.show(this.handle, this.showing([chosen])), chosen, forced };
  }

  /** A longer list of the most probable tokens here. */
  async top(k: number): Promise<Choice[]> {
    return choicesOf(await this.stepper.show(this.handle, { k }));
  }

  probabilities(texts: readonly string[]): ReturnType<Stepper['probabilities']> {
    return this.stepper.probabilities(this.handle, texts);
  }

  private stand(view: StepView): void {
    const [next] = this.ahead;
    const forced = next?.forced === true;
    this.stood = { view, chosen: forced ? next.id : view.ids[0]!, forced };
  }

  /** Takes the chosen token. At the end nothing happens. */
  async take(signal?: AbortSignal): Promise<void> {
    const facts = this.chosen;
    if (!facts) return;
    const { id } = facts.token;
    const next = this.ahead.shift();
    if (next && next.id !== id) this.ahead = [];
    if (this.summary.eosIds.includes(id)) {
      this.push(facts, '');
      this.end = 'eos';
      return;
    }
    const forcedNext = this.ahead[0]?.forced ? [this.ahead[0].id] : [];
    let view: StepView;
    try {
      view = await this.stepper.advance(this.handle, [id], this.showing(forcedNext), signal);
    } catch (e) {
      if (next) this.ahead.unshift(next);
      throw e;
    }
    this.push(facts, view.pieces[0] ?? '');
    this.stand(view);
    const { stop, maxNewTokens } = this.options;
    if (stop.some((s) => this.joined.includes(s))) this.end = 'stop-string';
    else if (this.position >= maxNewTokens) this.end = 'length';
    else if (view.room < 1) this.end = 'context';
  }

  private push(facts: TokenFacts, piece: string): void {
    this.tokens.push(facts);
    this.pieces.push(piece);
    this.joined += piece;
  }

  private cut(position: number): void {
    this.known = Math.min(this.known, position);
    this.tokens.length = Math.min(position, this.tokens.length);
    this.pieces.length = this.tokens.length;
    this.joined = this.pieces.join('');
    this.end = null;
    for (const [name, at] of this.reported) if (at > position) this.reported.delete(name);
  }

  /** Goes back to before the token at `position`. @throws Error when it was not reached */
  async back(position: number): Promise<void> {
    if (!Number.isInteger(position) || position < 0 || position > this.position) throw new Error(`There is no token ${position} to go back to; ${this.position} were taken.`);
    const left = this.tokens.slice(position).map((t) => ({ id: t.token.id, forced: t.forced }));
    // The token that was chosen and not taken comes after them.
    if (this.end === null && this.stood?.forced) this.ahead[0] = { id: this.stood.chosen, forced: true };
    this.ahead = [...left, ...this.ahead];
    const forced = this.ahead[0]?.forced ? [this.ahead[0].id] : [];
    // The last end-of-text was never read by the graph.
    const view = await this.stepper.truncate(this.handle, position, this.showing(forced));
    this.cut(position);
    this.stand(view);
  }

  /** Tokens, from position 0, that somebody who shows them has been told of and that are still there. */
  get told(): number {
    return this.known;
  }

  tell(): void {
    this.known = this.position;
  }

  /** Keeps the way that is there now, unless nothing lies beyond `at` or it is kept already. */
  private keepFork(at: number): Fork | undefined {
    const path = [...this.tokens.map((t) => ({ id: t.token.id, forced: t.forced })), ...this.ahead];
    if (this.ahead.length === 0 && this.end === null && this.stood) path.push({ id: this.stood.chosen, forced: this.stood.forced });
    if (path.length <= at) return undefined;
    const same = (f: Fork): boolean => f.path.length >= path.length && path.every((t, i) => f.path[i]!.id === t.id);
    const found = this.forks.find(same);
    if (found) return found;
    if (this.forks.length >= MOST_FORKS) this.forks.shift();
    const fork: Fork = { number: this.nextFork++, at, path, position: this.position, text: this.joined };
    this.forks.push(fork);
    return fork;
  }

  /**
   * Chooses another token for the present position.
   * @returns the fork that keeps the way left behind; undefined when nothing changed
   * @throws Error for an id outside the vocabulary, or at the end
   */
  async force(id: number): Promise<Fork | undefined> {
    if (this.end !== null || !this.stood) throw new Error('The generation has ended. Step back first.');
    if (id === this.stood.chosen) return undefined;
    const view = await this.stepper.show(this.handle, this.showing([id]));
    const fork = this.keepFork(this.position);
    this.ahead = [];
    this.stood = { view, chosen: id, forced: id !== view.ids[0] };
    return fork;
  }

  /** Returns to a fork: to where the generation stood on it. The present way is kept in turn. */
  async return(number: number, signal?: AbortSignal): Promise<Fork> {
    const fork = this.forks.find((f) => f.number === number);
    if (!fork) throw new Error(this.forks.length === 0 ? 'There is no fork yet. One is made when a token is forced.' : `There is no fork ${number}. There are: ${this.forks.map((f) => f.number).join(', ')}.`);
    let same = 0;
    while (same < this.position && this.tokens[same]!.token.id === fork.path[same]?.id) same += 1;
    this.keepFork(same);
    const to = Math.min(same, fork.path.length);
    if (to < this.position || this.end !== null) await this.back(to);
    this.ahead = [...fork.path.slice(to)];
    this.stand(await this.stepper.show(this.handle, this.showing(this.ahead[0] ? [this.ahead[0].id] : [])));
    while (this.position < fork.position && this.end === null) await this.take(signal);
    return fork;
  }
}
