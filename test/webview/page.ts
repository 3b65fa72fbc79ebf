import assert from 'node:assert/strict';
import fs from 'node:fs';
import http from 'node:http';
import { type AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { type Browser, chromium, type Locator, type Page } from 'playwright-core';
import { createMessageConnection, type DataCallback, type Disposable, type Message, type MessageConnection } from 'vscode-jsonrpc/node';
import { AbstractMessageReader, AbstractMessageWriter } from 'vscode-jsonrpc';
import { contentSecurityPolicy, page as html } from '../../src/extension/panels/page';
import { type Theme, THEMES } from './themes';

const ROOT = path.resolve(__dirname, '..', '..');
const NONCE = 'testnonce';

export async function openBrowser(): Promise<Browser> {
  const executablePath = process.env.CHROMIUM;
  if (!executablePath) throw new Error('CHROMIUM is not set; run "node scripts/test-webview.mjs".');
  return chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'] });
}

class Reader extends AbstractMessageReader {
  callback: DataCallback | undefined;
  listen(callback: DataCallback): Disposable {
    this.callback = callback;
    return { dispose: () => (this.callback = undefined) };
  }
}
class Writer extends AbstractMessageWriter {
  constructor(private readonly page: Page) {
    super();
  }
  async write(message: Message): Promise<void> {
    await this.page.evaluate((m) => window.postMessage(m, '*'), message as unknown);
  }
  end(): void {
    // The page ends by itself.
  }
}

export interface PanelPage {
  readonly page: Page;
  /** What the browser said was against the policy. */
  readonly violations: string[];
  readonly errors: string[];
  /** The last state that the panel asked VS Code to keep. */
  readonly state: () => unknown;
  readonly close: () => Promise<void>;
}

export interface PanelOptions {
  readonly theme?: Theme;
  readonly state?: unknown;
  readonly strings?: Readonly<Record<string, string>>;
  readonly width?: number;
}

/**
 * The built panel `name` on a page with the extension's own HTML and policy; `host` sets the handlers of the other side.
 * VS Code's part (its variables, the body's class, `acquireVsCodeApi`) is put in before the page's scripts, as VS Code does.
 */
export async function openPanel(browser: Browser, name: string, host: (connection: MessageConnection) => void, options: PanelOptions = {}): Promise<PanelPage> {
  const server = http.createServer((request, response) => {
    const files: Readonly<Record<string, readonly [string, string]>> = {
      '/panel.js': [path.join(ROOT, 'dist', 'webview', `${name}.js`), 'text/javascript'], '/panel.css': [path.join(ROOT, 'media', 'panel.css'), 'text/css'],
    };
    const file = files[request.url ?? ''];
    if (file) response.writeHead(200, { 'content-type': file[1] }).end(fs.readFileSync(file[0]));
    else if (request.url === '/favicon.ico') response.writeHead(204).end();
    else if (request.url === '/') {
      const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
      response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(html({ csp: contentSecurityPolicy(origin, NONCE), nonce: NONCE, script: `${origin}/panel.js`, style: `${origin}/panel.css`, title: name, language: 'en', strings: options.strings ?? {} }));
    } else response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const context = await browser.newContext({ viewport: { width: options.width ?? 1200, height: 860 }, reducedMotion: 'reduce' });
  const page = await context.newPage();
  const violations: string[] = [];
  const errors: string[] = [];
  let state = options.state;
  page.on('pageerror', (e) => errors.push(e.message));
  page.on('console', (m) => {
    if (m.type() === 'error' || /Content Security Policy/.test(m.text())) (/Content Security Policy/.test(m.text()) ? violations : errors).push(m.text());
  });
  const reader = new Reader();
  const connection = createMessageConnection(reader, new Writer(page));
  host(connection);
  connection.listen();
  await page.exposeFunction('toHost', (message: Message) => reader.callback?.(message));
  await page.exposeFunction('keepState', (kept: unknown) => {
    state = kept;
  });
  // The compiler names functions by a helper that a page does not have.
  await page.addInitScript({ content: 'globalThis.__name = (f) => f;' });
  const theme = THEMES[options.theme ?? 'dark'];
  await page.addInitScript(({ variables, body, kept }) => {
    const out = window as unknown as { toHost(m: unknown): void; keepState(s: unknown): void };
    let now = kept;
    // When each answer reached the page, for figures: of these the page's own work is counted, and not the way of the message.
    window.addEventListener('message', ({ data }: MessageEvent<{ result?: object } | null>) => performance.mark('test:answer', { detail: Object.keys(data?.result ?? {}) }));
    Object.assign(window, {
      acquireVsCodeApi: () => ({
        postMessage: (m: unknown) => out.toHost(m),
        getState: () => now,
        setState: (s: unknown) => {
          now = s;
          out.keepState(s);
        },
      }),
    });
    document.addEventListener('DOMContentLoaded', () => {
      document.body.className = body;
      for (const [key, value] of Object.entries(variables)) document.documentElement.style.setProperty(`--${key}`, value);
      document.documentElement.style.setProperty('--vscode-font-family', 'sans-serif');
      document.documentElement.style.setProperty('--vscode-font-size', '13px');
      document.documentElement.style.setProperty('--vscode-editor-font-family', 'monospace');
    });
  }, { variables: theme.variables as Readonly<Record<string, string>>, body: theme.body, kept: options.state });
  await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  return {
    page, violations, errors, state: () => state,
    close: async () => {
      connection.dispose();
      await context.close();
      server.close();
    },
  };
}

/** Rules of axe that a page breaks, each with its first element. */
export async function axe(page: Page): Promise<string[]> {
  const source = fs.readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
  await page.evaluate(source); // evaluated by the debugger, which the policy does not forbid
  return page.evaluate(async () => {
    const runner = (window as unknown as { axe: { run(options: object): Promise<{ violations: { id: string; nodes: { html: string; failureSummary: string }[] }[] }> } }).axe;
    const { violations } = await runner.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] });
    return violations.map((v) => `${v.id}: ${v.nodes.length} × ${v.nodes[0]!.html.slice(0, 200)} ${v.nodes[0]!.failureSummary.replace(/\s+/g, ' ').slice(0, 200)}`);
  });
}

export const shot = async (page: Page, name: string): Promise<void> => {
  const folder = process.env.LINGUALIFT_SHOTS ?? os.tmpdir();
  await page.screenshot({ path: path.join(folder, `${name}.png`) });
};

/** The text of an element once it fits: what a key does is drawn a moment after the key. */
export async function says(element: Locator, pattern: RegExp): Promise<string> {
  const end = Date.now() + 10_000;
  for (;;) {
    const text = await element.innerText();
    if (pattern.test(text)) return text;
    if (Date.now() > end) throw new assert.AssertionError({ message: 'the text did not come to fit', actual: text, expected: pattern, operator: 'says' });
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
