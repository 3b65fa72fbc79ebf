import http from 'node:http';
import https from 'node:https';
import { RunError } from '../errors';

/**
 * What went wrong with one request:
 * `key` the server does not accept the key; `refused` it does not accept this request; `busy` it has no room now (429, 503);
 * `broken` it failed (other 5xx, or an answer that cannot be understood); `lost` no connection; `timeout` no answer in time.
 */
export type Trouble = 'key' | 'refused' | 'busy' | 'broken' | 'lost' | 'timeout';

export class EndpointError extends Error {
  constructor(
    readonly trouble: Trouble,
    message: string,
    /** What the server asks to wait, in milliseconds. */
    readonly retryAfterMs?: number,
  ) {
    super(message);
  }
}

export interface RequestOptions {
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
}

const ANSWER_LIMIT = 64 * 1024 * 1024;

/** Checks the URL of a server; `/v1` at its end may be there or not. @throws RunError in words */
export function endpointUrl(text: string): URL {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw new RunError(`"${text}" is not the URL of a server. Give it like http://localhost:8000.`);
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:') throw new RunError(`The endpoint "${text}" must begin with http:// or https://.`);
  if (url.username !== '' || url.password !== '') throw new RunError('An endpoint URL must not hold a user name or password. Give the key through LINGUALIFT_VLLM_KEY or VS Code\'s secret storage.');
  url.search = '';
  url.hash = '';
  url.pathname = url.pathname.replace(/\/+$/, '').replace(/\/v1$/, '');
  return url;
}

/** JSON over HTTP to one server, with kept connections. The key goes into the header and nowhere else. */
export class JsonClient {
  private readonly agent: http.Agent;

  constructor(
    readonly url: URL,
    private readonly key: string | undefined,
  ) {
    const options = { keepAlive: true, maxSockets: Infinity };
    this.agent = url.protocol === 'https:' ? new https.Agent(options) : new http.Agent(options);
  }

  get(path: string, options: RequestOptions): Promise<unknown> {
    return this.send('GET', path, undefined, options);
  }

  post(path: string, body: unknown, options: RequestOptions): Promise<unknown> {
    return this.send('POST', path, Buffer.from(JSON.stringify(body)), options);
  }

  private async send(method: string, path: string, body: Buffer | undefined, options: RequestOptions): Promise<unknown> {
    for (let first = true; ; first = false) {
      try {
        return await this.once(method, path, body, options);
      } catch (e) {
        // A kept connection that the server has closed meanwhile says nothing about the server.
        if (!(e instanceof StaleConnection) || !first) throw e instanceof StaleConnection ? new EndpointError('lost', e.message) : e;
      }
    }
  }

  private once(method: string, path: string, body: Buffer | undefined, { timeoutMs, signal }: RequestOptions): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(new Error('cancelled'));
        return;
      }
      const secure = this.url.protocol === 'https:';
      const request = (secure ? https : http).request({
        agent: this.agent,
        hostname: this.url.hostname.replace(/^\[|\]$/g, ''),
        port: this.url.port || (secure ? 443 : 80),
        path: this.url.pathname.replace(/\/$/, '') + path,
        method,
        headers: {
          accept: 'application/json',
          ...(body ? { 'content-type': 'application/json', 'content-length': body.length } : {}),
          ...(this.key ? { authorization: `Bearer ${this.key}` } : {}),
        },
      });
      const timer = setTimeout(() => request.destroy(new EndpointError('timeout', `no answer within ${Math.round(timeoutMs / 1000)} s`)), timeoutMs);
      const abort = (): void => void request.destroy(new Error('cancelled'));
      signal?.addEventListener('abort', abort, { once: true });
      const done = (settle: () => void): void => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', abort);
        settle();
      };
      const fail = (e: NodeJS.ErrnoException): void =>
        done(() => {
          if (e instanceof EndpointError || e.message === 'cancelled') reject(e);
          else if (request.reusedSocket && (e.code === 'ECONNRESET' || e.code === 'EPIPE')) reject(new StaleConnection('the connection was closed'));
          else reject(new EndpointError('lost', connectionWords(e)));
        });
      request.on('error', fail);
      request.on('response', (response) => {
        const chunks: Buffer[] = [];
        let bytes = 0;
        response.on('data', (chunk: Buffer) => {
          bytes += chunk.length;
          if (bytes > ANSWER_LIMIT) request.destroy(new EndpointError('broken', 'the answer is larger than 64 MiB'));
          else chunks.push(chunk);
        });
        response.on('error', fail);
        response.on('aborted', () => fail(Object.assign(new Error('the connection broke off inside an answer'), { code: 'ABORTED' })));
        response.on('end', () =>
          done(() => {
            try {
              resolve(understood(response.statusCode ?? 0, response.headers['retry-after'], Buffer.concat(chunks).toString('utf8')));
            } catch (e) {
              reject(e as Error);
            }
          }));
      });
      request.end(body);
    });
  }

  close(): void {
    this.agent.destroy();
  }
}

class StaleConnection extends Error {}

function connectionWords(e: NodeJS.ErrnoException): string {
  const words: Readonly<Record<string, string>> = {
    ECONNREFUSED: 'nothing listens there', ECONNRESET: 'the connection was reset', EPIPE: 'the connection was closed', ENOTFOUND: 'the host name is unknown',
    EHOSTUNREACH: 'the host cannot be reached', ETIMEDOUT: 'the connection timed out',
  };
  return words[e.code ?? ''] ?? e.message;
}

/** @throws EndpointError for every status but 2xx, and for a body that is not JSON */
function understood(status: number, retryAfter: string | undefined, text: string): unknown {
  if (status >= 200 && status < 300) {
    try {
      return text === '' ? {} : (JSON.parse(text) as unknown);
    } catch {
      throw new EndpointError('broken', 'the answer is not JSON');
    }
  }
  const said = serverWords(text);
  const seconds = Number(retryAfter);
  const wait = retryAfter !== undefined && Number.isFinite(seconds) ? Math.max(0, seconds) * 1000 : undefined;
  if (status === 401 || status === 403) throw new EndpointError('key', 'the server does not accept the key');
  if (status === 429 || status === 503) throw new EndpointError('busy', `the server is busy (${status})${said}`, wait);
  if (status >= 500) throw new EndpointError('broken', `the server failed (${status})${said}`, wait);
  throw new EndpointError('refused', `the server refused the request (${status})${said}`);
}

function serverWords(text: string): string {
  try {
    const value = JSON.parse(text) as { error?: { message?: unknown }; message?: unknown; detail?: unknown };
    const message = value.error?.message ?? value.message ?? value.detail;
    if (typeof message === 'string' && message !== '') return `: ${message.slice(0, 300)}`;
  } catch {
    // Not JSON.
  }
  return '';
}
