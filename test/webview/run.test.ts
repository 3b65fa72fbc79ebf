import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { figure } from '../helpers/figures';
import { type Browser } from 'playwright-core';
import { type MessageConnection } from 'vscode-jsonrpc/node';
import { LANGUAGES } from '../../src/core/languages';
import { outcomeOf, RunIndex } from '../../src/extension/worker/runindex';
import { type ActionParams, type Activity, DoAction, GetAnswerLanguages, GetEstimates, GetPage, GetProblem, GetSample, OnPanelCommand, OnRunChanged, OnShow, OpenRun, type PageParams, type RunView } from '../../src/protocol/panels';
import { axe, openBrowser, openPanel, type PanelOptions, type PanelPage, says, shot } from './page';
import { manifestOf, sampleOf } from './run-data';
import { type Theme } from './themes';

const IDS = Array.from({ length: 811 }, (_, i) => `lift48/${i + 1}`);

/** The host's side over a real index of a 38,928-sample run on disk. */
class Host {
  readonly actions: ActionParams[] = [];
  readonly pages: PageParams[] = [];
  connection: MessageConnection | undefined;
  activity: Activity = { status: 'finished', ours: false, done: 48 * 811, total: 48 * 811, tokensPerSecond: 412, etaSeconds: null, message: null };
  failPages: string | undefined;

  constructor(readonly index: RunIndex) {}

  view(): RunView {
    const { manifest, rows, damagedLines } = this.index.facts();
    return { folder: this.index.folder, name: 'invented · LIFT-48', tags: ['night'], manifest, rows, activity: this.activity, damagedLines, trusted: true, sampleActions: ['attention', 'debug'] };
  }

  askedAnswers = 0;

  readonly attach = (connection: MessageConnection): void => {
    this.connection = connection;
    connection.onRequest(OpenRun, () => this.view());
    connection.onRequest(GetPage, (params) => {
      this.pages.push(params);
      if (this.failPages) throw new Error(this.failPages);
      return this.index.page(params);
    });
    connection.onRequest(GetSample, ({ language, id }) => {
      const sample = this.index.sample(language, id)!;
      let at = 0;
      const tokens = sample.completion.split(/(?<= )/).map((word, i) => ({ start: at, end: (at += word.length), probability: Math.exp(sample.tokenLogprobs[i]!) }));
      return { sample, outcome: outcomeOf(sample), twin: this.index.sample('en', id)?.question ?? null, tokens, others: [{ scorer: 'harness/1', correct: !sample.correct, value: '33', reading: 'last number' }] };
    });
    connection.onRequest(GetProblem, ({ id }) => this.index.problem(id));
    connection.onRequest(GetEstimates, () => ({
      n: 1, resamples: 2000, seed: 1,
      groups: [{ by: 'class' as const, key: 'low', languages: 21, mean: 0.142, interval: [0.131, 0.153] as const, balanced: null, floor: 0.135, above: false }, { by: 'all' as const, key: 'all', languages: 48, mean: 0.21, interval: [0.2, 0.22] as const, balanced: null, floor: 0.1, above: true }],
      gaps: [{ language: null, mean: 0.123, interval: [0.1, 0.146] as const }, { language: 'sw', mean: -0.05, interval: [-0.1, 0] as const }],
      languages: [{ language: 'sw', floor: { name: '|a-b|', share: 0.39, above: false }, balanced: null, conditional: { share: 0.5, n: 12, interval: [0.2, 0.8] as const } }],
      published: [{ system: 'System <b>X</b>', languages: { sw: 0.568 }, mean: { share: 0.576, languages: 11 }, source: 'its README' }],
      rescored: [{ scorer: 'harness/1', n: 48, correct: 20, disagree: 7 }],
    }));
    connection.onRequest(GetAnswerLanguages, (token) => {
      this.askedAnswers += 1;
      // Every sentence is told to be English, so the panel must show 100 and 0 where there is one.
      return this.index.fidelity({ name: 'test', identify: () => 'en' }, token);
    });
    connection.onRequest(DoAction, (params) => {
      this.actions.push(params);
      return null;
    });
  };
}

describe('run panel', function () {
  this.timeout(60_000);
  let browser: Browser;
  let folder: string;
  let index: RunIndex;
  const opened: PanelPage[] = [];

  before(async () => {
    browser = await openBrowser();
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'lingualift-run-'));
    fs.writeFileSync(path.join(folder, 'manifest.json'), JSON.stringify(manifestOf(IDS)));
    const out = fs.createWriteStream(path.join(folder, 'samples.jsonl'));
    for (const [i, id] of IDS.entries()) for (const { code } of LANGUAGES) out.write(JSON.stringify(sampleOf(code, id, i)) + '\n');
    await new Promise<void>((resolve) => out.end(resolve));
    index = new RunIndex(folder);
  });
  after(async () => {
    await browser?.close();
    fs.rmSync(folder, { recursive: true, force: true });
  });
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((p) => p.close()));
  });

  async function open(host: Host, options: PanelOptions = {}): Promise<PanelPage> {
    const panel = await openPanel(browser, 'run', host.attach, options);
    opened.push(panel);
    try {
      await panel.page.locator('table caption').waitFor({ state: 'attached', timeout: 15_000 });
    } catch (e) {
      throw new Error([(e as Error).message, ...panel.errors, ...panel.violations].join('\n'));
    }
    return panel;
  }
  const row = (panel: PanelPage, code: string) => panel.page.locator(`tr[data-language="${code}"]`);
  const firstLanguages = (panel: PanelPage, n: number): Promise<string[]> => panel.page.locator('button.language').allInnerTexts().then((t) => t.slice(0, n));

  it('shows 48 rows in three groups, with accuracy, interval and group means, inside the policy', async () => {
    const panel = await open(new Host(index));
    assert.equal(await panel.page.locator('tr[data-language]').count(), 48);
    assert.deepEqual(await panel.page.locator('tr.group th').allInnerTexts().then((t) => t.map((s) => s.replace(/ .*/, ''))), ['Low-resource', 'Medium-resource', 'High-resource']);
    const english = index.facts().rows.find((r) => r.language === 'en')!;
    assert.equal(await row(panel, 'en').locator('td.strong').innerText(), `${(100 * english.accuracy).toFixed(1)} %`);
    await panel.page.locator('.chip', { hasText: '14.2 ± 1.1' }).waitFor();
    await panel.page.locator('.chip', { hasText: 'Gap to English' }).waitFor();
    assert.equal(await row(panel, 'sw').locator('td').nth(3).innerText(), '−5.0');
    assert.deepEqual(panel.violations, []);
    assert.deepEqual(panel.errors, []);
  });

  it('would notice a breach of the policy', async () => {
    const panel = await open(new Host(index));
    await panel.page.evaluate(() => {
      const div = document.createElement('div');
      div.innerHTML = '<p style="color:red">x</p>';
      document.body.append(div);
    });
    await panel.page.waitForTimeout(100);
    assert.equal(panel.violations.length, 1);
  });

  for (const theme of ['dark', 'light', 'contrast'] as readonly Theme[]) {
    it(`has no finding of axe in ${theme}, with a sample, the strip and the tables open`, async () => {
      const panel = await open(new Host(index), { theme });
      await row(panel, 'ar').locator('button.language').click();
      await panel.page.locator('.vrow').nth(2).click();
      await panel.page.locator('.detail p.completion').waitFor();
      await panel.page.locator('.detail vscode-button', { hasText: 'All languages' }).click();
      await panel.page.locator('.strip .cell').nth(47).waitFor();
      await panel.page.locator('.detail details', { hasText: 'Tokens as a table' }).locator('summary').click();
      assert.deepEqual(await axe(panel.page), []);
      await shot(panel.page, `run-${theme}`);
      await panel.page.locator('.problem vscode-button', { hasText: 'As table' }).click();
      await panel.page.locator('.problem-table').waitFor();
      assert.equal(await panel.page.locator('.problem-table tbody tr').count(), 48);
      assert.deepEqual(await axe(panel.page), []);
    });
  }

  it('sorts, groups and hides columns, and keeps all of it', async () => {
    const panel = await open(new Host(index));
    await panel.page.locator('button.sort', { hasText: 'Accuracy' }).click();
    await panel.page.locator('select').selectOption('none');
    const best = [...index.facts().rows].sort((a, b) => b.accuracy - a.accuracy)[0]!;
    const [first] = await firstLanguages(panel, 1);
    assert.equal(index.facts().rows.find((r) => r.language === best.language)!.accuracy, index.facts().rows.find((r) => LANGUAGES.find((l) => l.name === first)!.code === r.language)!.accuracy);
    assert.equal(await panel.page.locator('th[aria-sort]').getAttribute('aria-sort'), 'descending');
    await panel.page.locator('.columns summary').click();
    await panel.page.locator('.columns-list vscode-checkbox', { hasText: 'Unread' }).click();
    assert.equal(await panel.page.locator('thead th', { hasText: 'Unread' }).count(), 0);
    const kept = panel.state() as Record<string, unknown>;
    assert.deepEqual([kept.folder, kept.sort, kept.descending, kept.groupBy], [folder, 'accuracy', true, 'none']);
    const again = await open(new Host(index), { state: kept });
    assert.deepEqual(await firstLanguages(again, 5), await firstLanguages(panel, 5));
    assert.equal(await again.page.locator('thead th', { hasText: 'Unread' }).count(), 0);
  });

  it('shows in which language and script the answers are when their columns are chosen, and asks for them only then', async () => {
    const host = new Host(index);
    const panel = await open(host);
    await panel.page.locator('.columns summary').click();
    assert.equal(host.askedAnswers, 0);
    const choose = (name: string) => panel.page.locator('.columns-list vscode-checkbox', { hasText: name }).click();
    for (const name of ['In English', 'In the language', 'Own script', 'Code switches']) await choose(name);
    const heads = await panel.page.locator('thead th').allInnerTexts();
    const cell = (code: string, head: string) => panel.page.locator(`tr[data-language="${code}"] > *`).nth(heads.findIndex((h) => h.startsWith(head)));
    const told = await index.fidelity({ name: 'test', identify: () => 'en' }, { isCancellationRequested: false });
    const thai = told.find((l) => l.language === 'th')!;
    assert.ok(thai.own === 0 && thai.english === 1 && thai.ownScript !== null);
    await cell('th', 'In English').filter({ hasText: '100.0' }).waitFor();
    assert.deepEqual(await Promise.all(['In the language', 'Own script'].map((head) => cell('th', head).innerText())), ['0.0', (100 * thai.ownScript).toFixed(1)]);
    assert.equal(await cell('en', 'In the language').innerText(), '100.0');
    assert.equal(await cell('th', 'In English').getAttribute('title'), `n ${thai.identified}`);
    await panel.page.locator('button.sort', { hasText: 'In the language' }).click();
    await panel.page.locator('th[aria-sort="descending"]', { hasText: 'In the language' }).waitFor();
    assert.deepEqual(panel.errors, []);
  });

  it('falls back where the kept state makes no sense', async () => {
    const panel = await open(new Host(index), { state: { sort: 7, hidden: 'x', groupBy: {}, language: ['sw'], folder: 1 } });
    assert.equal(await panel.page.locator('tr[data-language]').count(), 48);
    assert.deepEqual(panel.errors, []);
  });

  it('holds only the lines in view of 811 samples and asks for the pages it shows', async () => {
    const host = new Host(index);
    const panel = await open(host);
    await row(panel, 'sw').locator('button.language').click();
    await panel.page.locator('.vrow').first().waitFor();
    assert.ok((await panel.page.locator('.vrow').count()) < 60);
    assert.deepEqual(host.pages.map((p) => p.offset), [0]);
    await panel.page.locator('.vlist').focus();
    await panel.page.keyboard.press('ArrowDown');
    await panel.page.keyboard.press('End');
    const last = panel.page.locator('.vrow[aria-posinset="811"]');
    await last.waitFor();
    assert.equal(await last.getAttribute('aria-setsize'), '811');
    assert.ok(host.pages.length <= 4, `asked for ${host.pages.length} pages`);
    await panel.page.locator('.vlist').evaluate((el) => el.scrollTo(0, 400 * 24));
    await panel.page.locator('.vrow', { hasText: 'lift48/401' }).first().waitFor();
    // Figures, not judged here: frames while the list is scrolled from end to end, and the page's memory.
    const frames = await panel.page.locator('.vlist').evaluate((el) => new Promise<number[]>((resolve) => {
      const times: number[] = [];
      const step = (now: number): void => {
        times.push(now);
        el.scrollTop = ((times.length % 120) / 120) * el.scrollHeight;
        if (times.length < 240) requestAnimationFrame(step);
        else resolve(times);
      };
      requestAnimationFrame(step);
    }));
    const session = await panel.page.context().newCDPSession(panel.page);
    await session.send('HeapProfiler.collectGarbage');
    const { usedSize } = (await session.send('Runtime.getHeapUsage')) as { usedSize: number };
    const gaps = frames.slice(1).map((t, i) => t - frames[i]!).sort((a, b) => a - b);
    figure('run panel, 38,928 samples: scrolling', 1000 / (gaps.reduce((a, b) => a + b, 0) / gaps.length), 'frames/s');
    figure('run panel, 38,928 samples: JavaScript heap', usedSize / 2 ** 20, 'MiB');
  });

  it('filters by outcome and finds text, and says so when nothing fits', async () => {
    const panel = await open(new Host(index));
    await row(panel, 'th').locator('button.language').click();
    await panel.page.locator('.filter', { hasText: 'unread' }).click();
    const unread = index.facts().rows.find((r) => r.language === 'th')!.unread;
    await panel.page.locator('.samples h2', { hasText: `(${unread})` }).waitFor();
    await panel.page.locator('.filter', { hasText: 'unread' }).click();
    await panel.page.locator('.text-input').fill('lift48/77');
    await panel.page.locator('.samples h2', { hasText: '(11)' }).waitFor(); // 77 and 770 to 779
    assert.match(await panel.page.locator('.vrow').first().innerText(), /lift48\/77/);
    await panel.page.locator('.text-input').fill('no such text');
    await panel.page.locator('.vlist .empty', { hasText: 'No sample fits the filter.' }).waitFor();
  });

  it('marks what was read, shades tokens, isolates text from right to left, and never makes markup of it', async () => {
    const host = new Host(index);
    const panel = await open(host);
    host.connection!.sendNotification(OnShow, { language: 'ar', id: 'lift48/1' }).catch(() => undefined);
    await panel.page.locator('.detail p.completion').waitFor();
    const question = panel.page.locator('.detail p.text').first();
    assert.equal(await question.evaluate((el) => getComputedStyle(el).direction), 'rtl');
    assert.equal(await question.evaluate((el) => getComputedStyle(el).unicodeBidi), 'isolate');
    const sample = index.sample('ar', 'lift48/1')!;
    assert.equal(await panel.page.locator('mark.read').allInnerTexts().then((t) => t.join('')), sample.completion.slice(...sample.span!));
    assert.ok((await panel.page.locator('.token').count()) >= 5);
    assert.match(await panel.page.locator('.reading').first().innerText(), /read: \d+ \(last number of the conclusion\) · gold: 15/);
    const hostile = index.page({ language: 'ar', outcomes: ['unread'], find: '', offset: 0, count: 1 }).lines[0]!;
    host.connection!.sendNotification(OnShow, { language: 'ar', id: hostile.id }).catch(() => undefined);
    await panel.page.locator('p.completion', { hasText: '<img src=x' }).waitFor();
    assert.equal(await panel.page.locator('.detail img, .detail script, .detail a').count(), 0);
    assert.equal(await panel.page.evaluate(() => (globalThis as { pwned?: number }).pwned), undefined);
    assert.deepEqual(panel.violations, []);
  });

  it('draws floors and published numbers, and leads to the samples on which another scorer disagrees', async () => {
    const host = new Host(index);
    const panel = await open(host);
    await panel.page.locator('.chip .bad', { hasText: 'not above the floor 13.5' }).waitFor();
    assert.equal(await row(panel, 'sw').locator('td.bad').first().innerText(), '39.0 ≥');
    assert.deepEqual([await row(panel, 'sw').locator('.bar-floor').count(), await row(panel, 'sw').locator('.bar-mark').count(), await row(panel, 'de').locator('.bar-floor').count()], [1, 1, 0]);
    await panel.page.locator('summary', { hasText: 'Published numbers (1)' }).click();
    assert.match(await panel.page.locator('tr', { hasText: 'System <b>X</b>' }).innerText(), /57\.6 \(11\).*sw 56\.8.*its README/s);
    await panel.page.locator('button.link', { hasText: 'They disagree on 7' }).click();
    await panel.page.locator('button.filter', { hasText: 'harness/1 disagrees' }).waitFor();
    assert.equal(host.pages.at(-1)!.disagrees, 'harness/1');
    assert.deepEqual([panel.violations, panel.errors], [[], []]);
  });

  it('is worked by the keyboard alone, with a read-out', async () => {
    const host = new Host(index);
    const panel = await open(host);
    await panel.page.locator('button.language').first().focus();
    await panel.page.keyboard.press('ArrowDown');
    const live = panel.page.locator('[role=status]');
    await says(live, /^Arabic: \d+\.\d % right, \d+ of 811, interval/);
    await panel.page.keyboard.press('Enter');
    await panel.page.locator('.vrow').first().waitFor();
    await host.connection!.sendNotification(OnPanelCommand, { command: 'next' });
    await panel.page.locator('.vrow[aria-selected=true]').waitFor();
    await says(live, /^lift48\/1: /);
    await host.connection!.sendNotification(OnPanelCommand, { command: 'find' });
    await panel.page.waitForFunction(() => document.activeElement?.classList.contains('text-input'));
    await panel.page.locator('.detail vscode-button', { hasText: 'All languages' }).click();
    await panel.page.locator('.strip .cell').first().focus();
    await panel.page.keyboard.press('ArrowRight');
    await says(live, /^[A-Z]\w+.*: (right|wrong|unread|failed), read /);
  });

  it('asks the host for pause, resume, cancel and one language, only when they make sense', async () => {
    const host = new Host(index);
    const panel = await open(host);
    const buttons = (): Promise<string[]> => panel.page.locator('.actions vscode-button').allInnerTexts();
    assert.deepEqual(await buttons(), ['Rescore…', 'Compare…', 'Export…']);
    const rows = host.view().rows.map((r) => (r.language === 'sw' ? { ...r, n: 400, correct: 80, accuracy: 0.2 } : r));
    const tell = (activity: Partial<Activity>): Promise<void> => host.connection!.sendNotification(OnRunChanged, { rows, activity: { ...host.activity, ...activity }, damagedLines: 0, name: 'x', tags: [] });
    await tell({ status: 'running', ours: true, done: 38_517 });
    await panel.page.locator('.status', { hasText: 'running' }).waitFor();
    assert.deepEqual(await buttons(), ['Pause', 'Cancel', 'Rescore…', 'Compare…', 'Export…']);
    assert.equal(await panel.page.locator('button[aria-label^="Take "]').count(), 1);
    await panel.page.locator('button[aria-label="Take Swahili out of the run"]').click();
    await panel.page.locator('.actions vscode-button', { hasText: 'Pause' }).click();
    await tell({ status: 'paused', ours: true, done: 38_517 });
    await panel.page.locator('.actions vscode-button', { hasText: 'Resume' }).click();
    await panel.page.locator('.actions vscode-button', { hasText: 'Cancel' }).click();
    await panel.page.waitForTimeout(50);
    assert.deepEqual(host.actions, [{ action: 'cancelLanguage', language: 'sw' }, { action: 'pause' }, { action: 'resume' }, { action: 'cancel' }]);
  });

  it('shows the servers of a run: speed, requests, errors', async () => {
    const host = new Host(index);
    const panel = await open(host);
    const rows = host.view().rows;
    const endpoints = [
      { url: 'http://gpu1:8000', state: 'ready' as const, tokensPerSecond: 1234.4, inFlight: 12, limit: 64, done: 300, errors: 0, lastError: null },
      { url: 'http://gpu2:8000', state: 'waiting' as const, tokensPerSecond: 0, inFlight: 0, limit: 4, done: 7, errors: 3, lastError: '<b>nothing listens there</b>' },
    ];
    await host.connection!.sendNotification(OnRunChanged, { rows, activity: { ...host.activity, status: 'running', ours: true, endpoints }, damagedLines: 0, name: 'x', tags: [] });
    await panel.page.locator('.endpoints tbody tr').nth(1).waitFor();
    assert.deepEqual(await panel.page.locator('.endpoints tbody tr').evaluateAll((trs) => trs.map((tr) => [...tr.children].map((cell) => cell.textContent))), [
      ['http://gpu1:8000', 'ready', '1,234', '12 of 64', '300', '0', ''],
      ['http://gpu2:8000', 'waiting', '0', '0 of 4', '7', '3', '<b>nothing listens there</b>'],
    ]);
    assert.deepEqual(await axe(panel.page), []);
    await shot(panel.page, 'run-endpoints');
  });

  it('shows an error of the host in its own words', async () => {
    const host = new Host(index);
    host.failPages = 'The disk is gone.';
    const panel = await open(host);
    await row(panel, 'sw').locator('button.language').click();
    await panel.page.locator('[role=alert]', { hasText: 'The disk is gone.' }).waitFor();
  });

  it('speaks the language of the workbench', async () => {
    const panel = await open(new Host(index), { strings: { Language: 'Sprache', finished: 'fertig', '{0} of {1}': '{0} von {1}' } });
    assert.match(await panel.page.locator('thead th').first().innerText(), /Sprache/);
    await panel.page.locator('.progress-line', { hasText: 'fertig' }).waitFor();
    assert.match(await panel.page.locator('.progress-line').innerText(), /38,928 von 38,928/);
  });

  it('draws a font for every script', async () => {
    const panel = await open(new Host(index));
    const samples = Object.fromEntries([...new Map(LANGUAGES.map((l) => [l.script, l.nativeName]))]);
    const missing = await panel.page.evaluate((texts) => {
      // A character without a glyph is drawn as a box of the same width as an unassigned one.
      const context = document.createElement('canvas').getContext('2d')!;
      const draw = (text: string): string => {
        context.canvas.width = 60;
        context.canvas.height = 60;
        context.font = '32px sans-serif';
        context.fillText(text, 5, 45);
        return context.canvas.toDataURL();
      };
      const box = draw('\u{10FFFE}');
      return Object.entries(texts).filter(([, text]) => draw([...text][0]!) === box).map(([script]) => script);
    }, samples);
    assert.deepEqual(missing, []);
    await row(panel, 'hi').locator('button.language').click();
    await panel.page.locator('.vrow').first().click();
    await panel.page.locator('.detail p.text').first().waitFor();
    await shot(panel.page, 'script-devanagari');
  });
});
