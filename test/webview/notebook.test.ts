import assert from 'node:assert/strict';
import fs from 'node:fs';
import http from 'node:http';
import { type AddressInfo } from 'node:net';
import path from 'node:path';
import { type Browser, type Page } from 'playwright-core';
import { type OutputAction, OUTPUT_MIME, readToHost, type ToHost, type ToRenderer } from '../../src/protocol/notebook';
import { evalOutput, IDS, promptOutput, runOf, viewOf } from './notebook-data';
import { axe, openBrowser, shot } from './page';
import { sampleOf } from './run-data';
import { type Theme, THEMES } from './themes';

const ROOT = path.resolve(__dirname, '..', '..');

/** A page as VS Code's notebook page loads a renderer, under a policy that allows no style and no script but the renderer's own. */
class NotebookPage {
  readonly violations: string[] = [];
  readonly errors: string[] = [];
  readonly messages: ToHost[] = [];
  private constructor(readonly page: Page, private readonly server: http.Server) {}

  static async open(browser: Browser, answer: (message: ToHost) => ToRenderer | undefined, theme: Theme = 'dark', can: readonly OutputAction[] = ['attention', 'debug', 'openRun', 'compare']): Promise<NotebookPage> {
    const server = http.createServer((request, response) => {
      const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
      if (request.url === '/notebook.js') response.writeHead(200, { 'content-type': 'text/javascript' }).end(fs.readFileSync(path.join(ROOT, 'dist', 'webview', 'notebook.js')));
      else if (request.url === '/page.js') response.writeHead(200, { 'content-type': 'text/javascript' }).end("import { activate } from './notebook.js'; window.activateRenderer = activate;");
      else if (request.url === '/') {
        response.writeHead(200, { 'content-type': 'text/html; charset=utf-8', 'content-security-policy': `default-src 'none'; script-src ${origin}; base-uri 'none'; form-action 'none'` })
          .end('<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>notebook</title><script type="module" src="/page.js"></script></head><body><main><h1>notebook</h1></main></body></html>');
      } else response.writeHead(204).end();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const context = await browser.newContext({ viewport: { width: 1000, height: 900 }, reducedMotion: 'reduce' });
    const page = await context.newPage();
    const self = new NotebookPage(page, server);
    page.on('pageerror', (e) => self.errors.push(e.message));
    page.on('console', (m) => {
      if (/Content Security Policy/.test(m.text())) self.violations.push(m.text());
      else if (m.type() === 'error') self.errors.push(m.text());
    });
    await page.exposeFunction('toHost', (raw: unknown) => {
      const message = readToHost(raw);
      if (!message) throw new Error(`refused: ${JSON.stringify(raw)}`);
      self.messages.push(message);
      return message.type === 'hello' ? { type: 'hello', strings: {}, language: 'en', can } : answer(message);
    });
    await page.addInitScript({ content: 'globalThis.__name = (f) => f;' });
    await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
    const { variables, body } = THEMES[theme];
    await page.waitForFunction(() => 'activateRenderer' in window);
    await page.evaluate(({ variables: given, name }) => {
      document.body.className = name;
      for (const [key, value] of Object.entries(given)) document.documentElement.style.setProperty(`--${key}`, value);
      document.documentElement.style.setProperty('--vscode-font-family', 'sans-serif');
      document.documentElement.style.setProperty('--vscode-editor-font-family', 'monospace');
      document.body.style.background = 'var(--vscode-editor-background)';
      document.body.style.color = 'var(--vscode-foreground)';
      const listeners: ((m: unknown) => void)[] = [];
      const out = window as unknown as { toHost(m: unknown): Promise<unknown>; activateRenderer(c: object): unknown; renderer: unknown };
      out.renderer = out.activateRenderer({
        postMessage: (m: unknown) => void out.toHost(m).then((a) => a && listeners.forEach((l) => l(a))),
        onDidReceiveMessage: (l: (m: unknown) => void) => listeners.push(l),
      });
    }, { variables: variables as Readonly<Record<string, string>>, name: body });
    return self;
  }

  /** Draws a value as the output `id`, anew or over what stood there. */
  async show(id: string, value: unknown): Promise<void> {
    await this.page.evaluate(({ id: key, json, mime }) => {
      let element = document.getElementById(key);
      if (!element) {
        element = document.createElement('div');
        element.id = key;
        document.querySelector('main')!.append(element);
      }
      (window as unknown as { renderer: { renderOutputItem(i: object, e: HTMLElement): void } }).renderer.renderOutputItem({ id: key, mime, json: () => JSON.parse(json) as unknown }, element);
    }, { id, json: JSON.stringify(value), mime: OUTPUT_MIME });
  }

  async close(): Promise<void> {
    await this.page.context().close();
    this.server.close();
  }
}

const answer = (m: ToHost): ToRenderer | undefined => {
  if (m.type === 'sample') {
    if (m.id === IDS[2]) return { type: 'answer', request: m.request, error: 'The run "runs/first" is not there any more.' };
    return { type: 'answer', request: m.request, view: viewOf(sampleOf(m.language, m.id, IDS.indexOf(m.id))) };
  }
  return m.type === 'act' ? { type: 'answer', request: m.request } : undefined;
};

describe('renderer of notebook outputs', function () {
  this.timeout(60_000);
  let browser: Browser;
  let n: NotebookPage;
  before(async () => {
    browser = await openBrowser();
  });
  after(async () => {
    await browser?.close();
  });
  afterEach(async () => {
    assert.deepEqual([n.violations, n.errors], [[], []]);
    await n.close();
  });

  it('shows an answer: what was read is marked, the gold beside it, tokens with probabilities, right to left', async () => {
    n = await NotebookPage.open(browser, answer);
    await n.show('o', promptOutput());
    const { page } = n;
    assert.equal(await page.locator('mark.read').first().innerText(), '15');
    assert.match(await page.locator('.reading').innerText(), /read: 15 \(last number of the conclusion\) · gold: 15/);
    assert.match(await page.locator('.head').innerText(), /right[\s\S]*invented \(fp32\)[\s\S]*42 tokens\/s/);
    await page.locator('summary', { hasText: 'Details' }).click();
    const question = page.locator('p.text[lang="ar"]').first();
    await page.locator('h3', { hasText: 'Question' }).waitFor();
    assert.equal(await page.locator('h3:text("Question") + p').evaluate((el) => getComputedStyle(el).direction), 'rtl');
    assert.ok(await question.isVisible());
    await page.locator('summary', { hasText: 'Tokens as a table' }).click();
    assert.match(await page.locator('table tbody tr').first().innerText(), /24\s+\d+\.\d %/);
    await page.locator('button', { hasText: 'Debug this generation' }).click();
    await page.locator('button', { hasText: 'Show attention' }).click();
    const acts = n.messages.filter((m) => m.type === 'act');
    assert.deepEqual(acts.map((m) => m.action), ['debug', 'attention']);
    assert.deepEqual('ref' in acts[0]! && acts[0].ref, promptOutput().ref);
    assert.deepEqual(await axe(page), []);
    await shot(page, 'notebook-prompt');
  });

  it('streams without losing what is open, and judges nothing without a gold answer', async () => {
    n = await NotebookPage.open(browser, answer);
    const { page } = n;
    await n.show('o', promptOutput({ state: 'loading', message: 'Loading weights (2/4)', view: null, text: '', ref: null, tokensPerSecond: null }));
    assert.match(await page.locator('section').innerText(), /loading[\s\S]*Loading weights \(2\/4\)/);
    await n.show('o', promptOutput({ state: 'running', view: null, text: '24 - 9', ref: null, tokensPerSecond: null }));
    assert.equal(await page.locator('.completion').innerText(), '24 - 9');
    await n.show('o', promptOutput({ gold: null }));
    assert.doesNotMatch(await page.locator('section').innerText(), /gold|right/);
    await page.locator('summary', { hasText: 'Details' }).click();
    await n.show('o', promptOutput({ gold: null, tokensPerSecond: 7 }));
    assert.ok(await page.locator('h3', { hasText: 'Question' }).isVisible(), 'still open');
    await n.show('o', promptOutput({ state: 'cancelled', view: null, text: '24', ref: null }));
    assert.match(await page.locator('.state').innerText(), /interrupted/);
  });

  for (const theme of ['dark', 'light', 'contrast'] as const) {
    it(`shows an evaluation with its samples and a paired comparison, accessible in ${theme}`, async () => {
      n = await NotebookPage.open(browser, answer, theme);
      const { page } = n;
      await n.show('o', evalOutput());
      const first = runOf('first', 0);
      const row = page.locator('table').first().locator('tr[data-language="ar"]');
      const expected = first.rows.find((r) => r.language === 'ar')!;
      assert.match(await row.innerText(), new RegExp(`Arabic\\s+6\\s+${(100 * expected.accuracy).toFixed(1)} %`));
      assert.match(await page.locator('tfoot').first().innerText(), /31\.0 ± 21\.0 %[\s\S]*2,000 resamples/);
      assert.match(await page.locator('section').innerText(), /seed 1 · locale\/1 · plain\/1 · 120 tokens\/s · 0123456789ab/);
      assert.match(await page.locator('.comparison caption').innerText(), /A: first · B: second/);
      await page.locator('summary', { hasText: 'Samples (24)' }).first().click();
      const sample = page.locator('details.sample').filter({ hasText: IDS[0]! }).nth(1);
      await sample.locator('summary').first().click();
      await sample.locator('.reading').waitFor();
      assert.equal(await sample.locator('p.text').first().evaluate((el) => getComputedStyle(el).direction), 'rtl');
      await sample.locator('button', { hasText: 'Debug this generation' }).click();
      assert.ok(n.messages.some((m) => m.type === 'act' && m.action === 'debug' && 'folder' in m && m.folder === 'runs/first' && m.id === IDS[0]));
      const gone = page.locator('details.sample').filter({ hasText: IDS[2]! }).first();
      await gone.locator('summary').first().click();
      assert.match(await gone.locator('.notice').innerText(), /not there any more/);
      assert.equal(await page.evaluate(() => (globalThis as { pwned?: number }).pwned), undefined);
      assert.deepEqual(await axe(page), []);
      await shot(page, `notebook-eval-${theme}`);
    });
  }

  it('opens a run and a comparison by the keyboard', async () => {
    n = await NotebookPage.open(browser, answer);
    await n.show('o', evalOutput());
    await n.page.locator('button', { hasText: 'Open run' }).first().focus();
    await n.page.keyboard.press('Enter');
    await n.page.locator('button', { hasText: 'Open comparison' }).focus();
    await n.page.keyboard.press('Enter');
    assert.deepEqual(n.messages.flatMap((m) => (m.type === 'act' && 'folders' in m ? [[m.action, ...m.folders]] : [])), [['openRun', 'runs/first'], ['compare', 'runs/first', 'runs/second']]);
  });

  it('offers only what the window can do, and says so when an output is damaged', async () => {
    n = await NotebookPage.open(browser, answer, 'dark', ['openRun']);
    await n.show('a', promptOutput());
    assert.equal(await n.page.locator('button').count(), 0);
    await n.show('b', { ...promptOutput(), text: 5 });
    assert.match(await n.page.locator('#b .notice').innerText(), /cannot be shown/);
    assert.deepEqual(await axe(n.page), []);
  });
});
