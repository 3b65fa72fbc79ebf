import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { PassThrough } from 'node:stream';
import { type DebugProtocol } from '@vscode/debugprotocol';
import { LiftDebugSession } from '../../src/debug/adapter/session';
import { type EngineOptions } from '../../src/engine/client';
import { ROOT } from './paths';

type Message = DebugProtocol.Response | DebugProtocol.Event;

/** A debug client of a session in this process, which writes down what is said. */
export class Dap {
  readonly session: LiftDebugSession;
  readonly events: DebugProtocol.Event[] = [];
  readonly lines: string[] = [];
  private readonly toAdapter = new PassThrough();
  private readonly waiting = new Map<number, (r: DebugProtocol.Response) => void>();
  private readonly watchers: { readonly is: (e: DebugProtocol.Event) => boolean; readonly done: (e: DebugProtocol.Event) => void }[] = [];
  private seq = 0;
  private buffer = Buffer.alloc(0);
  private seen = 0;

  constructor(engine?: EngineOptions) {
    this.session = new LiftDebugSession(engine);
    this.session.setRunAsServer(true);
    const fromAdapter = new PassThrough();
    fromAdapter.on('data', (data: Buffer) => this.receive(data));
    this.session.start(this.toAdapter, fromAdapter);
  }

  private receive(data: Buffer): void {
    this.buffer = Buffer.concat([this.buffer, data]);
    for (;;) {
      const head = /^Content-Length: (\d+)\r\n\r\n/.exec(this.buffer.toString('latin1'));
      if (!head || this.buffer.length < head[0].length + Number(head[1])) return;
      const end = head[0].length + Number(head[1]);
      const message = JSON.parse(this.buffer.subarray(head[0].length, end).toString('utf8')) as Message;
      this.buffer = this.buffer.subarray(end);
      if (message.type === 'response') this.waiting.get((message as DebugProtocol.Response).request_seq)?.(message as DebugProtocol.Response);
      else this.event(message as DebugProtocol.Event);
    }
  }

  private event(e: DebugProtocol.Event): void {
    this.events.push(e);
    if (!e.event.startsWith('lingualift/')) this.lines.push(`  event ${e.event}${e.body ? ` ${flat(e.body)}` : ''}`);
    const at = this.watchers.findIndex((w) => w.is(e));
    if (at >= 0) this.watchers.splice(at, 1)[0]!.done(e);
  }

  /** Any message, however wrong. */
  raw(message: object): Promise<DebugProtocol.Response> {
    const seq = ++this.seq;
    const text = JSON.stringify({ seq, type: 'request', ...message });
    return new Promise((resolve) => {
      this.waiting.set(seq, resolve);
      this.toAdapter.write(`Content-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`);
    });
  }

  /** One request and its response; the response may be a failure. */
  async request(command: string, args?: unknown): Promise<DebugProtocol.Response> {
    this.lines.push(`> ${command}${args === undefined ? '' : ` ${flat(args)}`}`);
    const response = await this.raw({ command, ...(args === undefined ? {} : { arguments: args }) });
    this.lines.push(response.success ? `< ${flat(response.body ?? {})}` : `< failed: ${(response.body as { error: { format: string } }).error.format}`);
    return response;
  }

  /** The body of a response that must be a success. */
  async ask<T = Record<string, unknown>>(command: string, args?: unknown): Promise<T> {
    const response = await this.request(command, args);
    assert.ok(response.success, `${command}: ${JSON.stringify(response.body)}`);
    return response.body as T;
  }

  /** The reason of a response that must be a failure. */
  async refused(command: string, args?: unknown): Promise<string> {
    const response = await this.request(command, args);
    assert.equal(response.success, false, `${command} should fail`);
    return (response.body as { error: { format: string } }).error.format;
  }

  next(event: string): Promise<DebugProtocol.Event> {
    return new Promise((done) => this.watchers.push({ is: (e) => e.event === event, done }));
  }

  /** A movement, up to where it stops. */
  async move(command: string, args: object = { threadId: 1 }): Promise<DebugProtocol.StoppedEvent['body']> {
    const stopped = this.next('stopped');
    await this.ask(command, args);
    return ((await stopped) as DebugProtocol.StoppedEvent).body;
  }

  /** Initialises, launches, configures and waits for the first stop. */
  async start(args: object, configure: () => Promise<unknown> = () => Promise.resolve()): Promise<DebugProtocol.StoppedEvent['body']> {
    await this.ask('initialize', { adapterID: 'lingualift', linesStartAt1: true, columnsStartAt1: true, supportsInvalidatedEvent: true });
    const initialized = this.next('initialized');
    await this.ask('launch', args);
    await initialized;
    await configure();
    return this.move('configurationDone', {});
  }

  /** The variables of one scope of a frame, by name. */
  async scope(name: string, frameId = 10): Promise<DebugProtocol.Variable[]> {
    const { scopes } = await this.ask<{ scopes: DebugProtocol.Scope[] }>('scopes', { frameId });
    const scope = scopes.find((s) => s.name === name);
    assert.ok(scope, `scope ${name} of ${scopes.map((s) => s.name).join(', ')}`);
    return (await this.ask<{ variables: DebugProtocol.Variable[] }>('variables', { variablesReference: scope.variablesReference })).variables;
  }

  async value(scope: string, name: string, frameId = 10): Promise<string> {
    const found = (await this.scope(scope, frameId)).find((v) => v.name === name);
    assert.ok(found, `${name} in ${scope}`);
    return found.value;
  }

  /** Ids of the tokens taken and of the one that is chosen, read from the console. */
  async ids(thread = 1): Promise<{ text: string; id: number; position: number }> {
    const of = async (expression: string): Promise<string> => (await this.raw({ command: 'evaluate', arguments: { expression, frameId: thread * 10, context: 'watch' } })).body.result as string;
    return { text: await of('text'), id: Number(await of('id')), position: Number(await of('position')) };
  }

  async close(): Promise<void> {
    await this.raw({ command: 'disconnect', arguments: {} });
    this.toAdapter.end();
  }

  /** A mark in the transcript. */
  note(text: string): void {
    this.lines.push('', `# ${text}`);
  }

  /** Compares the transcript with test/golden/dap/NAME.txt; UPDATE_GOLDEN=1 writes it. */
  golden(name: string): void {
    const file = path.join(ROOT, 'test', 'golden', 'dap', `${name}.txt`);
    const text = `${this.lines.slice(this.seen).join('\n').trim()}\n`.replaceAll(ROOT, 'ROOT');
    this.seen = this.lines.length;
    if (process.env.UPDATE_GOLDEN) {
      fs.mkdirSync(path.dirname(file), { recursive: true });
      fs.writeFileSync(file, text);
    }
    assert.ok(fs.existsSync(file), `${file} is not there; UPDATE_GOLDEN=1 writes it`);
    assert.equal(text, fs.readFileSync(file, 'utf8'), `the transcript differs from test/golden/dap/${name}.txt; UPDATE_GOLDEN=1 rewrites it`);
  }
}

/** One line of JSON without what differs between machines and days: paths, times, and digits beyond the second. */
function flat(value: unknown): string {
  return JSON.stringify(value)
    .replaceAll(JSON.stringify(ROOT).slice(1, -1), '<root>')
    .replace(/fingerprint [0-9a-f]{12}/g, 'fingerprint <hash>')
    .replace(/-?\d+\.\d{3,}(?:e[+-]?\d+)?/g, (n) => String(Math.round(Number(n) * 100) / 100));
}
