import { DebugSession, Event, InvalidatedEvent, OutputEvent, Response, StoppedEvent, TerminatedEvent } from '@vscode/debugadapter';
import { type DebugProtocol } from '@vscode/debugprotocol';
import { type LanguageIdentifier } from '../../core/analysis';
import { EngineDied, type EngineOptions } from '../../engine/client';
import { ATTENTION_EVENT, AT_EVENT, TEXT_EVENT } from '../../protocol/debug';
import { checkArguments, launch, type LaunchArguments, type Setup } from '../launch';
import { type DataAsked, type Verdict } from '../runtime/breakpoints';
import { type Generation } from '../runtime/generation';
import { Inside } from '../runtime/inside';
import { Runtime, type Stop } from '../runtime/runtime';
import { FILTER_NAMES, FILTERS, type FilterName } from '../runtime/signals';
import { Inspector } from './inspector';
import { type Args, argsOf, BadRequest, integer, rows, text, textOr } from './params';
import { Places } from './places';
import { documentName, documentText, news, referenceTo, tokensOnLine } from './shown';

type Handler = (args: Args) => unknown;

/** Milliseconds between two looks at a running generation; it may be much faster than an editor. */
const NEWS_MS = 60;
const NOT_LAUNCHED = 'Nothing is being debugged yet.';

/** Translates between the debug adapter protocol and the runtime; holds no logic of its own about generations. */
export class LiftDebugSession extends DebugSession {
  private args: LaunchArguments = {};
  private setup: Setup | undefined;
  private runtime: Runtime | undefined;
  private inspector: Inspector | undefined;
  private readonly places = new Places();
  private scheme: string | undefined;
  private key = 'debug';
  private invalidates = false;
  private progressible = false;
  private readonly loading = new AbortController();
  private newsTimer: NodeJS.Timeout | undefined;
  private configured: () => void = () => undefined;
  private readonly isConfigured = new Promise<void>((resolve) => (this.configured = resolve));
  private follows = false;
  private over = false;

  constructor(private readonly engine?: EngineOptions) {
    super();
  }

  /** Process id of the engine, once it is started. */
  get enginePid(): number | undefined {
    return this.setup?.engine.pid;
  }

  /** Every request comes through here: one that is wrong or fails is answered with the reason, and the session goes on. */
  protected override dispatchRequest(request: DebugProtocol.Request): void {
    const response: DebugProtocol.Response = new Response(request);
    const handler = Object.hasOwn(this.handlers, request.command) ? this.handlers[request.command] : undefined;
    void (async () => {
      try {
        if (!handler) throw new BadRequest(`The request "${String(request.command)}" is not known here.`);
        response.body = await handler(argsOf(request.arguments));
        this.sendResponse(response);
        if (request.command === 'disconnect') this.shutdown();
        this.after.get(request.command)?.();
      } catch (e) {
        this.fail(response, e);
      }
    })();
  }

  private fail(response: DebugProtocol.Response, e: unknown): void {
    const message = e instanceof Error ? e.message : String(e);
    // What a hover or a watch cannot compute is no news; what a user asked for is.
    const quiet = e instanceof BadRequest || ['evaluate', 'dataBreakpointInfo', 'completions', 'setVariable'].includes(response.command);
    this.sendErrorResponse(response, { id: 1, format: message.replace(/[{}]/g, ''), showUser: !quiet });
    if (e instanceof EngineDied) this.engineDied(e);
  }

  private engineDied(e: EngineDied): void {
    if (this.over) return;
    this.say(`${e.message}. The generation is lost; start debugging again.\n`, 'stderr');
    this.terminate();
  }

  private terminate(): void {
    if (this.over) return;
    this.over = true;
    this.tellNews();
    this.sendEvent(new TerminatedEvent());
  }

  private say(output: string, category = 'console'): void {
    this.sendEvent(new OutputEvent(output, category));
  }

  private get live(): { readonly runtime: Runtime; readonly setup: Setup; readonly inspector: Inspector } {
    const { runtime, setup, inspector } = this;
    if (!runtime || !setup || !inspector) throw new BadRequest(NOT_LAUNCHED);
    return { runtime, setup, inspector };
  }

  private thread(args: Args, key = 'threadId'): Generation {
    const id = integer(args, key);
    const found = this.live.runtime.generations.find((g) => g.id === id);
    if (!found) throw new BadRequest(`There is no thread ${id}.`);
    return found;
  }

  private uri(generation: Generation): string {
    return this.scheme === undefined ? '' : `${this.scheme}:/${this.key}/${documentName(generation)}`;
  }

  private source(generation: Generation): DebugProtocol.Source {
    const name = documentName(generation);
    return this.scheme === undefined ? { name, sourceReference: generation.id } : { name, path: this.uri(generation) };
  }

  /** The generation whose document a source is. */
  private ofSource(value: unknown): Generation | undefined {
    const source = argsOf(value);
    return this.runtime?.generations.find((g) => (this.scheme === undefined ? source.sourceReference === g.id : source.path === this.uri(g)));
  }

  // What is told without being asked

  private readonly events = {
    stopped: (stop: Stop): void => {
      this.inspector?.reset();
      this.tellNews();
      const event = new StoppedEvent(stop.reason === 'end' ? 'pause' : stop.reason, stop.generation, stop.alarm?.message) as DebugProtocol.StoppedEvent;
      event.body = { ...event.body, description: stop.description, allThreadsStopped: true, ...(stop.hits.length > 0 ? { hitBreakpointIds: [...stop.hits] } : {}) };
      this.sendEvent(event);
      if (stop.reason === 'end') this.say(`${stop.description}. Step back to look again, or continue to finish.\n`);
      if (this.follows) this.sendEvent(new Event(AT_EVENT, referenceTo(this.live.setup, this.live.runtime.generation(stop.generation))));
    },
    finished: (): void => this.terminate(),
    moved: (): void => {
      this.newsTimer ??= setTimeout(() => this.tellNews(), NEWS_MS);
    },
    output: (line: string): void => this.say(`${line}\n`),
  };

  private tellNews(): void {
    clearTimeout(this.newsTimer);
    this.newsTimer = undefined;
    if (this.scheme === undefined) return;
    for (const g of this.runtime?.generations ?? []) if (g.isOpen) this.sendEvent(new Event(TEXT_EVENT, news(g, this.uri(g))));
  }

  /** Starts a movement, which ends with a stopped event; its errors cannot be a response any more. */
  private move(work: () => Promise<void>): void {
    work().catch((e: unknown) => {
      if (this.over) return;
      if (e instanceof EngineDied) return this.engineDied(e);
      const message = (e as Error).message;
      this.say(`${message}\n`, 'stderr');
      this.events.stopped({ reason: 'exception', generation: this.runtime?.last?.generation ?? 1, description: 'Cannot go on', hits: [], alarm: { filter: 'length', message } });
    });
  }

  /** Movements begin when their request has been answered. */
  private readonly after = new Map<string, () => void>();
  private later(command: string, work: () => Promise<void>): void {
    if (this.live.runtime.busy) throw new Error('The generation is running. Pause it first.');
    this.after.set(command, () => {
      this.after.delete(command);
      this.move(work);
    });
  }

  private verdict(v: Verdict): DebugProtocol.Breakpoint {
    return { id: v.id, verified: v.verified, ...(v.message === undefined ? {} : { message: v.message }) };
  }

  // Requests

  private readonly handlers: Readonly<Record<string, Handler>> = {
    initialize: (args) => this.initialize(args),
    launch: (args) => this.begin(args),
    configurationDone: () => this.configured(),
    cancel: () => this.loading.abort(),
    disconnect: () => this.closeAll(),
    terminate: async () => {
      await this.closeAll();
      this.terminate();
    },
    restart: (args) => {
      const { runtime } = this.live;
      const again = args.arguments === undefined ? undefined : checkArguments(args.arguments);
      if (again && JSON.stringify(again) !== JSON.stringify(this.args)) throw new Error('The configuration has changed. Stop, and start again.');
      this.later('restart', () => runtime.restart(1, true));
    },

    setBreakpoints: (args) => {
      const generation = this.ofSource(args.source);
      const asked = rows(args, 'breakpoints').map((b) => ({ line: this.places.ownLine(integer(b, 'line')), condition: textOr(b, 'condition'), hitCondition: textOr(b, 'hitCondition'), logMessage: textOr(b, 'logMessage') }));
      if (!generation || !this.runtime) return { breakpoints: asked.map(() => ({ verified: false, message: 'Breakpoints are set in the text that is being generated.' })) };
      const verdicts = this.runtime.setLineBreakpoints(this.uri(generation) || String(generation.id), asked);
      return { breakpoints: verdicts.map((v, i) => ({ ...this.verdict(v), line: this.places.line(asked[i]!.line), source: this.source(generation) })) };
    },
    breakpointLocations: (args) => {
      const generation = this.ofSource(args.source);
      const line = integer(args, 'line');
      if (!generation) return { breakpoints: [] };
      return { breakpoints: tokensOnLine(generation, this.places.ownLine(line)).slice(0, 1).map(() => ({ line })) };
    },
    setFunctionBreakpoints: (args) => {
      const asked = rows(args, 'breakpoints').map((b) => ({ name: text(b, 'name'), condition: textOr(b, 'condition'), hitCondition: textOr(b, 'hitCondition') }));
      return { breakpoints: this.live.runtime.setFunctionBreakpoints(asked).map((v) => this.verdict(v)) };
    },
    setExceptionBreakpoints: (args) => {
      const plain = (args.filters ?? []) as readonly unknown[];
      if (!Array.isArray(plain)) throw new BadRequest('"filters" must be a list.');
      const asked = [...plain.map((name) => ({ name: String(name), condition: undefined as string | undefined })), ...rows(args, 'filterOptions').map((f) => ({ name: text(f, 'filterId'), condition: textOr(f, 'condition') }))];
      const unknown = asked.find((f) => !(FILTER_NAMES as string[]).includes(f.name));
      if (unknown) throw new BadRequest(`There is no exception filter "${unknown.name}". There are: ${FILTER_NAMES.join(', ')}.`);
      this.live.runtime.setFilters(asked as { name: FilterName; condition?: string }[]);
      return { breakpoints: asked.map(() => ({ verified: true })) };
    },
    setDataBreakpoints: async (args) => {
      const asked = rows(args, 'breakpoints').map((b): DataAsked => ({ dataId: text(b, 'dataId'), condition: textOr(b, 'condition'), hitCondition: textOr(b, 'hitCondition') }));
      return { breakpoints: (await this.live.runtime.setDataBreakpoints(asked)).map((v) => this.verdict(v)) };
    },
    exceptionInfo: (args) => {
      this.thread(args);
      const { last } = this.live.runtime;
      if (!last?.alarm) throw new BadRequest('Nothing of that kind happened here.');
      return { exceptionId: last.description, description: last.alarm.message, breakMode: 'always' };
    },

    threads: () => ({ threads: (this.runtime?.generations ?? []).map((g) => ({ id: g.id, name: `${g.options.name} (${g.options.language})${g.end === null ? '' : ' · ended'}` })) }),
    stackTrace: (args) => this.live.inspector.stackTrace(args, this.thread(args)),
    scopes: (args) => this.live.inspector.scopes(args),
    variables: (args) => this.live.inspector.variables(args),
    setVariable: (args) => this.live.inspector.setVariable(args),
    evaluate: (args) => this.live.inspector.evaluate(args),
    completions: (args) => this.live.inspector.completions(args),
    dataBreakpointInfo: (args) => this.live.inspector.dataInfo(args),
    source: (args) => {
      const generation = this.live.runtime.generations.find((g) => g.id === args.sourceReference) ?? this.ofSource(args.source);
      if (!generation) throw new BadRequest('There is no such document.');
      return { content: documentText(generation), mimeType: 'text/plain' };
    },
    loadedSources: () => ({ sources: (this.runtime?.generations ?? []).map((g) => this.source(g)) }),

    continue: (args) => {
      this.thread(args);
      this.later('continue', () => this.live.runtime.continue());
      return { allThreadsContinued: true };
    },
    pause: (args) => {
      this.thread(args);
      this.live.runtime.pause();
    },
    next: (args) => this.step('next', args, args.granularity === 'line' ? 'line' : 'token'),
    stepIn: (args) => this.step('stepIn', args, args.granularity === 'line' ? 'line' : 'token'),
    stepOut: (args) => this.step('stepOut', args, 'line'),
    stepBack: (args) => {
      const { id } = this.thread(args);
      this.later('stepBack', () => this.live.runtime.stepBack(id));
    },
    reverseContinue: (args) => {
      const { id } = this.thread(args);
      this.later('reverseContinue', () => this.live.runtime.reverseContinue(id));
    },
    restartFrame: (args) => {
      const { generation, stage } = this.live.inspector.frame(integer(args, 'frameId'));
      this.later('restartFrame', () => this.live.runtime.restart(generation.id, stage > 0));
    },
    gotoTargets: (args) => {
      const generation = this.ofSource(args.source);
      if (!generation) throw new BadRequest('Only in the text that is being generated can be gone to.');
      const line = integer(args, 'line');
      const on = tokensOnLine(generation, this.places.ownLine(line));
      return {
        targets: on.map((t) => ({
          id: generation.id * 1_000_000 + t.position, label: `token ${t.position} ${JSON.stringify(t.text)}`, line,
          column: this.places.column(t.column), endLine: line, endColumn: this.places.column(t.endColumn),
        })),
      };
    },
    goto: (args) => {
      const target = integer(args, 'targetId');
      const [id, position] = [Math.floor(target / 1_000_000), target % 1_000_000];
      const generation = this.live.runtime.generations.find((g) => g.id === id);
      if (!generation || position > generation.position) throw new BadRequest(`There is no target ${target}.`);
      this.later('goto', () => this.live.runtime.goto(id, position));
    },
  };

  private initialize(args: Args): DebugProtocol.Capabilities {
    this.places.set(args.linesStartAt1 !== false, args.columnsStartAt1 !== false);
    this.invalidates = args.supportsInvalidatedEvent === true;
    this.progressible = args.supportsProgressReporting === true;
    return {
      supportsConfigurationDoneRequest: true, supportsFunctionBreakpoints: true, supportsConditionalBreakpoints: true, supportsHitConditionalBreakpoints: true, supportsLogPoints: true,
      supportsDataBreakpoints: true, supportsEvaluateForHovers: true, supportsStepBack: true, supportsSetVariable: true, supportsRestartFrame: true, supportsGotoTargetsRequest: true,
      supportsCompletionsRequest: true, supportsRestartRequest: true, supportsExceptionInfoRequest: true, supportsExceptionFilterOptions: true, supportsTerminateRequest: true,
      supportsSteppingGranularity: true, supportsBreakpointLocationsRequest: true, supportsLoadedSourcesRequest: true, supportsCancelRequest: true, supportsDelayedStackTraceLoading: false,
      exceptionBreakpointFilters: FILTER_NAMES.map((filter) => ({ filter, ...FILTERS[filter], supportsCondition: true, conditionDescription: 'such as position > 20' })),
    };
  }

  private async begin(given: Args): Promise<void> {
    if (this.setup) throw new BadRequest('This session debugs something already.');
    this.args = checkArguments(given);
    this.scheme = textOr(given, 'documents');
    this.key = textOr(given, '__sessionId') ?? this.key;
    const id = 'load';
    const progress = (event: string, body: object): void => {
      if (this.progressible) this.sendEvent(new Event(event, { progressId: id, ...body }));
    };
    progress('progressStart', { title: 'LinguaLIFT: loading the engine', cancellable: true });
    try {
      const setup = await launch(this.args, this.engine, (p) => progress('progressUpdate', { message: p.message, percentage: Math.round((100 * p.step) / p.of) }), this.loading.signal);
      this.setup = setup;
      const identifier = await this.identifier();
      const runtime = new Runtime(setup.engine.step, {
        generations: setup.generations, reference: setup.reference, expected: this.args.expectedLanguage, identifier, stopOnEntry: this.args.token === undefined ? this.args.stopOnEntry : true, stopAtEnd: this.args.stopAtEnd,
      }, this.events);
      runtime.setSources((g) => this.uri(g) || String(g.id));
      await runtime.open(this.loading.signal);
      this.runtime = runtime;
      this.inspector = new Inspector({
        setup, runtime, args: this.args, inside: new Inside(setup.engine), engine: this.engine, places: this.places,
        source: (g) => this.source(g), refresh: () => this.refresh(), say: (line) => this.say(line),
        attention: (g) => {
          this.follows = true;
          this.sendEvent(new Event(ATTENTION_EVENT, referenceTo(setup, g)));
        },
      });
    } catch (e) {
      await this.closeAll();
      this.over = true;
      throw e;
    } finally {
      progress('progressEnd', {});
    }
    const { manifest, precision, template, fingerprint, provider } = this.live.setup;
    this.say(`${manifest.name} · ${precision} on ${provider} · prompt template ${template} · fingerprint ${fingerprint.slice(0, 12)}\n`);
    this.tellNews();
    this.sendEvent({ type: 'event', event: 'initialized', seq: 0 } as DebugProtocol.InitializedEvent);
    void this.isConfigured.then(() => {
      if (!this.over) this.move(() => this.setOff());
    });
  }

  private async setOff(): Promise<void> {
    const { runtime } = this.live;
    const { token } = this.args;
    await (token === undefined || token === 0 ? runtime.begin() : runtime.runTo(token));
  }

  /** The language identifier, where its package is there; scripts decide otherwise. */
  private async identifier(): Promise<LanguageIdentifier | undefined> {
    try {
      return await (await import('../../core/analysis/identify')).loadLanguageIdentifier();
    } catch {
      return undefined;
    }
  }

  private async closeAll(): Promise<void> {
    this.loading.abort();
    clearTimeout(this.newsTimer);
    await this.runtime?.close();
    await this.setup?.engine.close();
  }

  private step(command: string, args: Args, granularity: 'token' | 'line'): void {
    const { id } = this.thread(args);
    this.later(command, () => this.live.runtime.next(id, granularity));
  }

  private refresh(): void {
    this.tellNews();
    if (this.invalidates) this.sendEvent(new InvalidatedEvent(['stacks', 'variables']));
  }
}
