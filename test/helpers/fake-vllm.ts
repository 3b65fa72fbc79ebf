import { createHash } from 'node:crypto';
import http from 'node:http';
import { type AddressInfo, type Socket } from 'node:net';
import path from 'node:path';
import { readManifestOfBundle } from './bundles';
import { buildFolder, generate, LOAD, loadedEngine } from './engine';
import { type GenerateItem } from '../../src/protocol/engine';
import { completionBody } from '../../src/runs/vllm/completions';

interface Answer {
  readonly ids: readonly number[];
  readonly logprobs: readonly number[];
}

/** What a request asks, without how it is spelled: a hash of the embeddings, or the ids. */
const promptKey = (body: Record<string, unknown>): string => (typeof body.prompt_embeds === 'string' ? createHash('sha256').update(body.prompt_embeds).digest('hex') : JSON.stringify(body.prompt));

/** Long greedy answers of a bundle's own LLM, by what a server is sent: computed by the engine, so that the fake serves the same model. */
export type Oracle = ReadonlyMap<string, Answer>;

export async function oracle(dir: string, items: readonly GenerateItem[], length: number): Promise<Oracle> {
  const manifest = readManifestOfBundle(dir);
  const { hidden } = manifest.parts.lm;
  const engine = await loadedEngine({ ...LOAD, dir });
  try {
    const answers = new Map<string, Answer>();
    const key = (prompt: Parameters<typeof completionBody>[0]['prompt']): string => promptKey(completionBody({ model: '', prompt, hidden, maxTokens: 1, stop: [], eosIds: [] }));
    const long = await generate(engine, items, { maxNewTokens: length, ignoreEos: true });
    for (const prompt of await engine.compose.prompts(items, 16)) {
      const r = long.get(prompt.key);
      if (r && prompt.failure === undefined) answers.set(key(prompt), { ids: r.tokenIds, logprobs: r.tokenLogprobs });
    }
    const test = manifest.selfTest!.prompts;
    const stored = await engine.compose.prompts(test.map((p, i) => ({ key: String(i), inputIds: p.inputIds, encoderIds: p.encoderIds ?? null })), 16);
    stored.forEach((prompt, i) => answers.set(key(prompt), { ids: test[i]!.ids, logprobs: test[i]!.logprobs! }));
    return answers;
  } finally {
    await engine.close();
  }
}

/** What a fake server does with a completion request; anything but a string is an answer of that status. */
export type Deed = 'answer' | 'drop' | 'half' | 'hang' | 'garbage' | 'no-ids' | 'early' | { readonly status: number; readonly retryAfter?: string };

export interface FakeOptions {
  readonly name: string;
  readonly key?: string;
  readonly version?: string;
  readonly maxModelLen?: number;
  readonly models?: readonly string[];
  /** Added to every log-probability: a server that computes something else. */
  readonly offset?: number;
  readonly delayMs?: number;
}

/** An in-process server that speaks vLLM's completions API, and fails as it is told. */
export class FakeVllm {
  private server: http.Server | undefined;
  private port = 0;
  /** Decides about each completion request; `n` counts from 1. */
  deed: (n: number, body: Record<string, unknown>) => Deed = () => 'answer';
  readonly bodies: Record<string, unknown>[] = [];
  completions = 0;
  inFlight = 0;
  mostInFlight = 0;
  readonly authorizations = new Set<string | undefined>();
  private readonly sockets = new Set<Socket>();

  constructor(
    public answers: Oracle,
    public options: FakeOptions,
  ) {}

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Starts, on the port it had before when it had one. */
  async start(): Promise<this> {
    const server = http.createServer((request, response) => void this.handle(request, response));
    server.on('connection', (socket) => {
      this.sockets.add(socket);
      socket.once('close', () => this.sockets.delete(socket));
    });
    await new Promise<void>((resolve) => server.listen(this.port, '127.0.0.1', resolve));
    this.port = (server.address() as AddressInfo).port;
    this.server = server;
    return this;
  }

  /** Dies as a killed process does: open connections break. */
  async stop(): Promise<void> {
    const { server } = this;
    if (!server) return;
    this.server = undefined;
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    for (const socket of this.sockets) socket.destroy();
    await closed;
  }

  private async handle(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const json = (status: number, value: unknown, headers: http.OutgoingHttpHeaders = {}): void => void response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(value));
    const { key, name, models, maxModelLen, version } = this.options;
    this.authorizations.add(request.headers.authorization);
    if (request.url === '/version') return json(200, { version: version ?? '0.32.0' });
    if (key !== undefined && request.headers.authorization !== `Bearer ${key}`) return json(401, { error: 'Unauthorized' });
    if (request.url === '/v1/models') return json(200, { object: 'list', data: (models ?? [name]).map((id) => ({ id, object: 'model', max_model_len: maxModelLen ?? 1024 })) });
    if (request.url !== '/v1/completions') return json(404, { error: { message: 'no such path' } });
    const body = JSON.parse(Buffer.concat(chunks).toString('utf8')) as Record<string, unknown>;
    this.completions += 1;
    this.bodies.push(body);
    this.inFlight += 1;
    this.mostInFlight = Math.max(this.mostInFlight, this.inFlight);
    try {
      const deed = this.deed(this.completions, body);
      if (this.options.delayMs) await new Promise((resolve) => setTimeout(resolve, this.options.delayMs));
      if (deed === 'hang') return;
      if (deed === 'drop') return void request.socket.destroy();
      if (deed === 'half') return void response.writeHead(200, { 'content-length': 1000 }).write('{"choices"', () => request.socket.destroy());
      if (deed === 'garbage') return void response.writeHead(200).end('<html>not what you think</html>');
      if (typeof deed === 'object') return json(deed.status, { error: { message: `told to say ${deed.status}` } }, deed.retryAfter === undefined ? {} : { 'retry-after': deed.retryAfter });
      const known = this.answers.get(promptKey(body));
      if (!known) return json(400, { error: { message: 'the fake does not know this prompt' } });
      const eos = body.stop_token_ids as number[] | undefined;
      const at = eos ? known.ids.findIndex((id) => eos.includes(id)) : -1;
      const cut = Math.min(body.max_tokens as number, at >= 0 ? at + 1 : Infinity, known.ids.length);
      const n = deed === 'early' ? Math.min(2, cut) : cut;
      json(200, {
        choices: [{
          index: 0, text: '', finish_reason: deed === 'early' || (at >= 0 && at < cut) ? 'stop' : 'length', ...(deed === 'no-ids' ? {} : { token_ids: known.ids.slice(0, n) }),
          logprobs: { token_logprobs: known.logprobs.slice(0, n).map((x) => x + (this.options.offset ?? 0)) },
        }],
      });
    } finally {
      this.inFlight -= 1;
    }
  }
}

export const engineEntry = async (): Promise<string> => path.join(await buildFolder(), 'engine.js');
