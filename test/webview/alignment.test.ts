import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { type Browser } from 'playwright-core';
import { type CancellationToken, type MessageConnection } from 'vscode-jsonrpc/node';
import { languageName } from '../../src/core/languages';
import { alignmentAction, colourParams, exportParams, findParams, mapParams, pointsParams, softParams } from '../../src/extension/panels/alignment-params';
import { AlignmentDesk } from '../../src/extension/worker/alignment';
import {
  type AlignmentAction, type AlignmentRequest, type AlignmentStatus, CancelAlignment, DoAlignmentAction, type ExportParams, FindPoints, GetAlignment, GetMap, GetPoints, GetRunColours, GetSoft, type MapParams,
  OnAlignmentStatus, OpenAlignment, SaveExport, StartAlignment,
} from '../../src/protocol/alignmentpanel';
import { axe, openBrowser, openPanel, type PanelOptions, type PanelPage, shot } from './page';
import { HOSTILE, manifestOf, sampleOf } from './run-data';
import { type Theme } from './themes';

const ROOT = path.resolve(__dirname, '..', '..');
const [TINY, TINY_TEXT] = [path.join(ROOT, 'models', 'tiny'), path.join(ROOT, 'models', 'tiny-text')];
const LANGUAGES = 'en,de,ru,zh,ja,ar,hi,bn,ta,th,sw,ko';

/** The host's side: the worker's own desk behind the host's own checks. */
class Host {
  readonly actions: AlignmentAction[] = [];
  readonly exports: ExportParams[] = [];
  readonly maps: MapParams[] = [];
  softAsked = 0;
  /** Maps are answered when this is done. */
  held: Promise<void> = Promise.resolve();
  connection: MessageConnection | undefined;
  started = 0;
  cancelled = 0;

  constructor(readonly desk: AlignmentDesk, readonly request: AlignmentRequest, public now: AlignmentStatus = { status: 'ready' }, readonly trusted = true) {}

  readonly attach = (c: MessageConnection): void => {
    this.connection = c;
    c.onRequest(OpenAlignment, () => ({ request: this.request, names: this.request.bundles.map((b) => path.basename(b)), trusted: this.trusted, now: this.now }));
    c.onRequest(StartAlignment, () => ((this.started += 1), null));
    c.onRequest(CancelAlignment, () => ((this.cancelled += 1), null));
    c.onRequest(GetAlignment, () => this.desk.view());
    c.onRequest(GetMap, async (params, token: CancellationToken) => {
      this.maps.push(mapParams(params));
      await this.held;
      return this.desk.map(mapParams(params), token);
    });
    c.onRequest(GetRunColours, (params) => this.desk.colours(colourParams(params).run));
    c.onRequest(FindPoints, (params) => ({ points: this.desk.search(findParams(params).text) }));
    c.onRequest(GetPoints, (params) => ({ texts: this.desk.pointTexts(pointsParams(params).points) }));
    c.onRequest(GetSoft, (params, token: CancellationToken) => {
      this.softAsked += 1;
      return this.desk.soft(softParams(params), token);
    });
    c.onRequest(DoAlignmentAction, (params) => (this.actions.push(alignmentAction(params)), null));
    c.onRequest(SaveExport, (params) => {
      this.exports.push(exportParams(params));
      return { saved: true };
    });
  };
  tell(status: AlignmentStatus): Promise<void> {
    this.now = status;
    return this.connection!.sendNotification(OnAlignmentStatus, status);
  }
}

describe('alignment panel', function () {
  this.timeout(90_000);
  let browser: Browser;
  let home: string;
  let run: string;
  let one: AlignmentDesk;
  let two: AlignmentDesk;
  let requests: readonly [AlignmentRequest, AlignmentRequest];
  const opened: PanelPage[] = [];

  before(async () => {
    browser = await openBrowser();
    home = fs.mkdtempSync(path.join(os.tmpdir(), 'lingualift-alignment-'));
    run = path.join(home, 'first');
    const request: AlignmentRequest = { bundles: [TINY], benchmark: 'lift48', languages: LANGUAGES, reference: 'en', limit: 8, seed: 1, run };
    requests = [request, { ...request, bundles: [TINY, TINY_TEXT] }];
    const settings = { runsFolder: home, threads: 1, batch: 16 };
    one = new AlignmentDesk({ request, ...settings });
    await one.analyse(new AbortController().signal);
    two = new AlignmentDesk({ request: requests[1], ...settings });
    await two.analyse(new AbortController().signal);
    const { ids, languages } = one.view();
    fs.mkdirSync(run);
    fs.writeFileSync(path.join(run, 'manifest.json'), JSON.stringify(manifestOf(ids, languages)));
    fs.writeFileSync(path.join(run, 'samples.jsonl'), languages.flatMap((l) => ids.map((id, i) => JSON.stringify(sampleOf(l, id, i)) + '\n')).join(''));
  });
  after(async () => {
    await Promise.all([one, two].map((d) => d?.release()));
    await browser?.close();
    fs.rmSync(home, { recursive: true, force: true });
  });
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((p) => p.close()));
  });

  async function open(host: Host, options: PanelOptions = {}): Promise<PanelPage> {
    const panel = await openPanel(browser, 'alignment', host.attach, { width: 1360, ...options });
    opened.push(panel);
    return panel;
  }
  async function shown(host = new Host(one, requests[0]), options: PanelOptions = {}): Promise<PanelPage> {
    const panel = await open(host, options);
    await panel.page.locator('.map').first().waitFor();
    return panel;
  }
  const tab = (panel: PanelPage, name: string) => panel.page.locator('[role=tab]', { hasText: name });
  const live = (panel: PanelPage) => panel.page.locator('.visually-hidden[role=status]').innerText();
  /** The page draws, speaks and keeps its state a moment after the key or the mouse. */
  const soon = async <T>(read: () => T | Promise<T>, is: (value: T) => boolean, what: string): Promise<T> => {
    let value = await read();
    for (let i = 0; i < 150 && !is(value); i++) {
      await new Promise((resolve) => setTimeout(resolve, 20));
      value = await read();
    }
    assert.ok(is(value), `${what}: ${JSON.stringify(value)?.slice(0, 300)}`);
    return value;
  };
  const says = (panel: PanelPage, pattern: RegExp): Promise<string> => soon(() => live(panel), (text) => pattern.test(text), String(pattern));
  const kept = (panel: PanelPage) => panel.state() as Record<string, unknown> & { lasso: number[] };
  const field = (panel: PanelPage, label: string) => panel.page.locator('.maps label.field, header label.field, .tab-panel label.field').filter({ has: panel.page.locator('.field-label', { hasText: new RegExp(`^${label}$`) }) }).locator('select');
  /** Number of pixels of the map that are painted. */
  const painted = (panel: PanelPage) => panel.page.locator('.scatter-canvas').first().evaluate((c) => {
    const canvas = c as HTMLCanvasElement;
    const { data } = canvas.getContext('2d')!.getImageData(0, 0, canvas.width, canvas.height);
    let n = 0;
    for (let i = 3; i < data.length; i += 4) if (data[i]! > 100) n += 1;
    return n;
  });

  it('shows the numbers of the analysis as they are, under the production policy', async () => {
    const panel = await shown();
    const { rows, languageProbe } = one.view().bundles[0]!.stages[0]!;
    const swahili = rows.find((r) => r.language === 'sw')!;
    const cells = await panel.page.locator('tr[data-language="sw"] td').allInnerTexts();
    assert.deepEqual([cells[0], cells[2], cells[4], cells[6]], [(100 * swahili.recallAt1).toFixed(1), swahili.mrr.toFixed(3), swahili.cosineGap.toFixed(3).replace('-', '−').replace('−0.000', '0.000'), swahili.cka!.toFixed(3)]);
    assert.match(await panel.page.locator('.tab-panel .basis').innerText(), new RegExp(`told from the state in ${(100 * languageProbe!.accuracy).toFixed(1)} %`));
    assert.ok(await painted(panel) > 12 * 8 * 10, 'the points are drawn');
    assert.match(await panel.page.locator('figcaption').innerText(), /^tiny, Encoder: principal components fitted on tiny, all languages \(standardised\), variance explained there \d/);
    assert.deepEqual(panel.violations, []);
    assert.deepEqual(panel.errors, []);
  });

  for (const theme of ['dark', 'light', 'contrast'] as readonly Theme[]) {
    it(`has no finding of axe in ${theme}, in any tab`, async () => {
      const panel = await shown(new Host(two, requests[1]), { theme });
      assert.deepEqual(await axe(panel.page), []);
      await shot(panel.page, `alignment-two-${theme}`);
      // The map is judged above and need not be judged in every tab again.
      await panel.page.locator('.maps').evaluate((el) => ((el as HTMLElement).style.display = 'none'));
      for (const [name, ready] of [['Stages', '.matrix canvas'], ['Points', '.points .vrow'], ['What the LLM reads', '.button.primary'], ['Accuracy', 'table.numbers']] as const) {
        await tab(panel, name).click();
        await panel.page.locator(`.tab-panel ${ready}`).first().waitFor();
        assert.deepEqual(await axe(panel.page), [], name);
        await shot(panel.page, `alignment-${name.split(' ')[0]!.toLowerCase()}-${theme}`);
      }
      assert.deepEqual(panel.violations, []);
    });
  }

  it('goes from stage to stage, and asks for the map that is chosen', async () => {
    const host = new Host(one, requests[0]);
    const panel = await shown(host);
    await panel.page.locator('.stage input').focus();
    await panel.page.keyboard.press('ArrowRight');
    await panel.page.locator('figcaption', { hasText: 'After the alignment layer' }).waitFor();
    await panel.page.keyboard.press('End');
    await panel.page.locator('figcaption', { hasText: 'LLM layer 2' }).waitFor();
    assert.equal(await panel.page.locator('.stage input').getAttribute('aria-valuetext'), 'LLM layer 2');
    await field(panel, 'fitted on').selectOption('en');
    await panel.page.locator('figcaption', { hasText: 'fitted on tiny, English (standardised)' }).waitFor();
    await panel.page.locator('.check input').click();
    await panel.page.locator('figcaption', { hasText: 'fitted on tiny, English, variance' }).waitFor();
    assert.deepEqual(host.maps.at(-1), { bundle: 0, stage: 'lm.2', method: 'pca', fitBundle: 0, fitLanguage: 'en', standardise: false });
    await field(panel, 'Map').selectOption('umap');
    await panel.page.locator('figcaption', { hasText: 'UMAP of cosine distances, 15 neighbours, seed 1' }).waitFor({ timeout: 30_000 });
  });

  it('writes under a map what that map is, also while the next one is awaited', async () => {
    const host = new Host(one, requests[0]);
    const panel = await shown(host);
    const caption = panel.page.locator('figcaption');
    const first = await caption.innerText();
    let release = (): void => undefined;
    host.held = new Promise((resolve) => (release = resolve));
    await panel.page.locator('.stage input').focus();
    await panel.page.keyboard.press('End');
    await soon(() => host.maps.at(-1)?.stage, (stage) => stage === 'lm.2', 'the next map is asked for');
    await panel.page.locator('.stage output', { hasText: 'LLM layer 2' }).waitFor();
    await panel.page.locator('.maps[aria-busy=true]').waitFor();
    assert.equal(await caption.innerText(), first);
    assert.match((await panel.page.locator('.scatter-surface').getAttribute('aria-label'))!, /^Map of tiny, Encoder:/);
    await panel.page.locator('.actions summary').click();
    await panel.page.locator('.menu-item', { hasText: 'Points as CSV' }).click();
    const csv = (await soon(() => host.exports[0], (e) => e !== undefined, 'an export'))!.content.split('\r\n');
    const { points } = await one.map({ bundle: 0, stage: 'encoder', method: 'pca', fitBundle: 0, fitLanguage: 'all', standardise: true });
    assert.match(csv[0]!, /^# tiny, Encoder: /);
    const row = csv.find((l) => l.startsWith('tiny,'))!.split(',');
    assert.deepEqual([row[2], Number(row[5]), Number(row[6])], ['encoder', points[0], points[1]]);
    release();
    await panel.page.locator('.maps[aria-busy=false]').waitFor();
    assert.match(await caption.innerText(), /^tiny, LLM layer 2: /);
  });

  it('is worked by the keyboard: cursor, star, selection, and the table that says the same', async () => {
    const panel = await shown();
    const { languages, ids } = one.view();
    await panel.page.locator('.scatter-surface').focus();
    await panel.page.keyboard.press('Home');
    await panel.page.keyboard.press('ArrowDown');
    await panel.page.keyboard.press('ArrowRight');
    const spoken = await says(panel, new RegExp(`^${languageName(languages[1]!)}, ${ids[1]}: x`));
    const [, language, id, x, y] = /^(.+), (lift48-\d+): x (.+), y ([^,]+)/.exec(spoken)!;
    assert.equal(await panel.page.locator('.scatter .read-out').innerText(), spoken);
    await panel.page.keyboard.press('Enter');
    await panel.page.keyboard.press(' ');
    await soon(() => [kept(panel).problem, ...kept(panel).lasso].join(), (v) => v === `${ids[1]},${ids.length + 1}`, 'problem and selection');
    await panel.page.keyboard.press('+');
    await panel.page.keyboard.press('PageDown');
    await says(panel, new RegExp(`^${languageName(languages.at(-1)!)}, `));
    await panel.page.keyboard.press('0');
    await tab(panel, 'Points').click();
    assert.equal(await panel.page.locator('.points h2').innerText(), '1 of 96 points');
    const line = await panel.page.locator('.vrow').first().locator('> span').allInnerTexts();
    assert.deepEqual([line[1], line[2], line[3]], [language, id, `${x}, ${y}`]);
    await panel.page.locator('.scatter-surface').focus();
    await panel.page.keyboard.press('Escape');
    await panel.page.locator('.points h2', { hasText: '96 of 96' }).waitFor();
    await soon(() => kept(panel).lasso.length, (n) => n === 0, 'no selection');
  });

  it('selects with the lasso and finds by text; points outside stand back', async () => {
    const panel = await shown();
    const box = (await panel.page.locator('.scatter-surface').boundingBox())!;
    const all = await painted(panel);
    await panel.page.mouse.move(box.x + 2, box.y + 2);
    await panel.page.mouse.down();
    for (const [fx, fy] of [[0.5, 0], [0.5, 0.5], [0.5, 1], [0, 1]] as const) await panel.page.mouse.move(box.x + 2 + fx * (box.width - 4), box.y + 2 + fy * (box.height - 4), { steps: 4 });
    await panel.page.mouse.up();
    const { points } = await one.map({ bundle: 0, stage: 'encoder', method: 'pca', fitBundle: 0, fitLanguage: 'all', standardise: true });
    const xs = points.filter((_, i) => i % 2 === 0);
    const middle = (Math.min(...xs) + Math.max(...xs)) / 2;
    const scale = (box.width - 28) / (Math.max(...xs) - Math.min(...xs));
    const left = xs.flatMap((x, i) => (x < middle - 6 / scale ? [i] : []));
    const inLasso = new Set(await soon(() => kept(panel).lasso, (l) => l.length > 0, 'a selection'));
    assert.ok(left.length > 10 && left.every((p) => inLasso.has(p)), 'everything left of the middle is selected');
    assert.ok(inLasso.size < 96 && xs.every((x, i) => x < middle + 6 / scale || !inLasso.has(i)), 'and nothing right of it');
    await says(panel, new RegExp(`^${inLasso.size} points selected$`));
    assert.ok((await painted(panel)) < all, 'the others are drawn paler');
    await panel.page.locator('.text-input').fill('Swahili');
    await panel.page.locator('header [role=status]', { hasText: '8 found' }).waitFor();
    await tab(panel, 'Points').click();
    const both = Array.from({ length: 8 }, (_, i) => one.view().languages.indexOf('sw') * 8 + i).filter((p) => inLasso.has(p));
    assert.equal(await panel.page.locator('.points h2').innerText(), `${both.length} of 96 points`);
    await panel.page.locator('.button', { hasText: 'Clear selection' }).click();
    await panel.page.locator('.vrow').nth(7).waitFor();
    await panel.page.locator('.vrow').nth(3).click();
    await soon(() => kept(panel).point, (at) => at === one.view().languages.indexOf('sw') * 8 + 3, 'the chosen point');
    assert.match(await panel.page.locator('.scatter .read-out').innerText(), /^Swahili, /);
  });

  it('colours by the answers of a run, leads to its samples, and correlates over languages', async () => {
    const host = new Host(one, requests[0]);
    const panel = await shown(host);
    // The request named the run, so that its answers are the first colours.
    assert.equal(await field(panel, 'Colour').inputValue(), 'outcome');
    const colours = one.colours(run);
    await panel.page.locator('tr[data-language="sw"] td').nth(9).waitFor();
    const { right, n } = colours.accuracy[one.view().languages.indexOf('sw')]!;
    assert.equal(await panel.page.locator('tr[data-language="sw"] td').nth(9).innerText(), ((100 * right) / n).toFixed(1));
    assert.deepEqual(await panel.page.locator('.legend-item').allInnerTexts(), ['right', 'wrong', 'unread', 'failed', 'not in the run']);
    await tab(panel, 'Accuracy').click();
    const row = colours.correlations[0]!.rows.find((r) => r.stage === 'aligned' && r.measure === 'mrr')!;
    const cells = await panel.page.locator('.numbers tbody tr', { hasText: 'After the alignment layer' }).filter({ hasText: 'MRR' }).locator('td').allInnerTexts();
    const three = (x: number): string => x.toFixed(3).replace('-', '−');
    assert.deepEqual(cells.slice(1, 4), ['11', three(row.pearson!), `${three(row.pearsonInterval![0])} to ${three(row.pearsonInterval![1])}`]);
    await tab(panel, 'Points').click();
    await panel.page.locator('.vrow').nth(5).click();
    await panel.page.locator('.button', { hasText: 'Open sample' }).click();
    await soon(() => host.actions.length, (n) => n === 1, 'one action');
    assert.deepEqual(host.actions, [{ action: 'openSample', run, language: one.view().languages[0], id: one.view().ids[5] }]);
  });

  it('reads what the LLM is given: every slot with its norms and nearest tokens', async () => {
    const host = new Host(one, requests[0]);
    const panel = await shown(host);
    await tab(panel, 'What the LLM reads').click();
    await field(panel, 'Language').selectOption('th');
    await panel.page.locator('.button.primary').click();
    await panel.page.locator('.tab-panel tbody tr').nth(3).waitFor({ timeout: 60_000 });
    const answer = await one.soft({ bundle: 0, language: 'th', id: one.view().ids[0]! });
    assert.ok('soft' in answer);
    const { slots, embeddings } = answer.soft;
    assert.equal(await panel.page.locator('.tab-panel tbody tr').count(), slots.length);
    const cells = await panel.page.locator('.tab-panel tbody tr').nth(2).locator('td').allInnerTexts();
    assert.deepEqual(cells.slice(1, 4), [slots[2]!.before!.toFixed(3), slots[2]!.after.toFixed(3), (slots[2]!.after / embeddings.median).toFixed(3)]);
    assert.equal(slots[0]!.source, 'start');
    assert.equal(await panel.page.locator('.tab-panel tbody tr').nth(2).locator('.near-token').count(), 5);
    assert.equal(host.softAsked, 1);
    assert.deepEqual(await axe(panel.page), []);
    await shot(panel.page, 'alignment-soft-thai');
    const text = await two.soft({ bundle: 1, language: 'th', id: two.view().ids[0]! });
    assert.ok('none' in text && /no encoder/.test(text.none));
  });

  it('sets two bundles beside each other on the map of the first', async () => {
    const host = new Host(two, requests[1]);
    const panel = await shown(host);
    const captions = (): Promise<string[]> => panel.page.locator('figcaption').allInnerTexts();
    await panel.page.locator('.maps .empty', { hasText: 'tiny-text has no stage "Encoder"' }).waitFor();
    assert.equal(await panel.page.locator('.map').count(), 1);
    await panel.page.locator('.stage input').fill('2');
    await panel.page.locator('.map').nth(1).waitFor();
    await panel.page.locator('figcaption', { hasText: /^tiny-text, LLM layer 1: principal components fitted on tiny,/ }).waitFor();
    assert.match((await captions())[0]!, /^tiny, LLM layer 1: principal components fitted on tiny,/);
    const [a, b] = two.view().bundles.map((x) => x.stages.find((s) => s.stage === 'lm.1')!.rows.find((r) => r.language === 'de')!);
    const cells = await panel.page.locator('tr[data-language="de"] td').allInnerTexts();
    assert.deepEqual(cells.slice(3, 5), [a!.mrr.toFixed(3), b!.mrr.toFixed(3)]);
    assert.equal(cells[5], `${b!.mrr < a!.mrr ? '−' : '+'}${Math.abs(b!.mrr - a!.mrr).toFixed(3)}`);
    await shot(panel.page, 'alignment-before-after');
  });

  it('exports pictures, tables and everything, each with caption and fingerprint', async () => {
    const host = new Host(one, requests[0]);
    const panel = await shown(host);
    const { fingerprint } = one.view().bundles[0]!;
    for (const [i, what] of ['Map as SVG', 'Map as PNG', 'Heat map as SVG', 'Numbers as CSV', 'Points as CSV', 'Numbers and points as JSON'].entries()) {
      if (i === 0) await panel.page.locator('.actions summary').click();
      await panel.page.locator('.menu-item', { hasText: what }).filter({ hasText: new RegExp(`^${what}$`) }).click();
      for (let k = 0; k < 100 && host.exports.length <= i; k++) await panel.page.waitForTimeout(20);
    }
    const [map, png, heat, numbers, points, all] = host.exports;
    for (const svg of [map!, heat!]) {
      const parsed = await panel.page.evaluate((text) => {
        const doc = new DOMParser().parseFromString(text, 'image/svg+xml');
        return { error: doc.querySelector('parsererror')?.textContent ?? '', polygons: doc.querySelectorAll('polygon').length, desc: doc.querySelector('desc')!.textContent };
      }, svg.content);
      assert.equal(parsed.error, '');
      assert.match(parsed.desc!, new RegExp(fingerprint.slice(0, 12)));
      assert.ok(parsed.polygons >= (svg === map ? 96 : 11 * 4));
    }
    const bytes = Buffer.from(png!.content, 'base64');
    assert.equal(bytes.subarray(1, 4).toString(), 'PNG');
    assert.ok(bytes.readUInt32BE(16) > 1000, 'twice the size');
    fs.writeFileSync(path.join(process.env.LINGUALIFT_SHOTS ?? home, 'alignment-export.png'), bytes);
    const lines = numbers!.content.split('\r\n');
    assert.ok(lines[0]!.startsWith('# LIFT-48') && lines[0]!.includes(fingerprint.slice(0, 12)));
    assert.equal(lines.filter((l) => l.startsWith('tiny,')).length, 4 * 12);
    const german = lines.find((l) => l.includes(',encoder,de,'))!.split(',');
    assert.equal(Number(german[11]), Number(one.view().bundles[0]!.stages[0]!.rows.find((r) => r.language === 'de')!.mrr.toPrecision(6)));
    assert.equal(points!.content.split('\r\n').filter((l) => l.startsWith('tiny,')).length, 96);
    const json = JSON.parse(all!.content) as { fingerprints: string[]; map: { maps: { points: number[] }[] }; bundles: { stages: unknown[] }[] };
    assert.deepEqual([json.fingerprints, json.map.maps[0]!.points.length, json.bundles[0]!.stages.length], [[fingerprint], 192, 4]);
    assert.deepEqual(panel.violations, []);
  });

  it('says how far an analysis is, cancels it, and shows the result when it is there', async () => {
    const host = new Host(one, requests[0], { status: 'working', bundle: 0, bundles: 1, step: 'reading', done: 32, of: 96, share: 0.25, etaSeconds: 71 });
    const panel = await open(host);
    await panel.page.locator('.progress-line', { hasText: 'Reading: 32 of 96 texts' }).waitFor();
    assert.match(await panel.page.locator('.progress-line').innerText(), /25\.0 %.*1 min 11 s left/s);
    assert.deepEqual(await axe(panel.page), []);
    await panel.page.locator('.button', { hasText: 'Cancel' }).click();
    await host.tell({ status: 'cancelled' });
    await panel.page.locator('.empty', { hasText: 'nothing was kept' }).waitFor();
    await panel.page.locator('.button.primary', { hasText: 'Analyse' }).click();
    await host.tell({ status: 'failed', error: `no <b>room</b> ${HOSTILE}` });
    await panel.page.locator('.notice', { hasText: 'no <b>room</b>' }).waitFor();
    assert.equal(await panel.page.locator('.notice b, .notice img').count(), 0);
    await soon(() => [host.started, host.cancelled].join(), (v) => v === '1,1', 'started and cancelled');
    await host.tell({ status: 'ready' });
    await panel.page.locator('.map').waitFor();
    await soon(() => JSON.stringify(kept(panel)?.request), (r) => r === JSON.stringify(requests[0]), 'the kept request');
  });

  it('starts nothing in Restricted Mode, and nothing by being opened again', async () => {
    const panel = await open(new Host(one, requests[0], { status: 'idle' }, false));
    await panel.page.locator('.notice', { hasText: 'Restricted Mode' }).waitFor();
    assert.equal(await panel.page.locator('.button').count(), 0);
    const host = new Host(one, requests[0], { status: 'idle' });
    const idle = await open(host);
    await idle.page.locator('.empty', { hasText: 'not in the cache' }).waitFor();
    assert.equal(host.started, 0);
  });

  it('keeps its state over a reload, drops what does not fit, and recolours with the theme', async () => {
    const first = await shown();
    await field(first, 'Colour').selectOption('language');
    await first.page.locator('.legend-item', { hasText: 'Thai' }).click();
    await tab(first, 'Stages').click();
    await field(first, 'Measure').selectOption('cka');
    const state = await soon(() => kept(first), (k) => k.measure === 'cka' && k.language === 'th', 'the kept state');
    const again = await shown(new Host(one, requests[0]), { state: { ...state, stage: 'lm.99', lasso: [3, 1e9], colour: 7 } });
    assert.equal(await field(again, 'Measure').inputValue(), 'cka');
    await soon(() => [kept(again).language, kept(again).stage, ...kept(again).lasso].join(), (v) => v === 'th,encoder,3', 'what fits');
    const matrix = again.page.locator('.matrix-focus');
    await matrix.focus();
    await again.page.keyboard.press('Home');
    const { rows } = one.view().bundles[0]!.stages[0]!;
    const spoken = await says(again, /: CKA /);
    const row = rows.find((r) => spoken.startsWith(languageName(r.language)))!;
    assert.ok(spoken.includes(`Encoder: CKA ${row.cka!.toFixed(3)}`), spoken);
    const before = await again.page.locator('.legend-mark polygon').first().getAttribute('fill');
    await again.page.evaluate(() => {
      document.documentElement.style.setProperty('--vscode-charts-blue', 'rgb(1, 2, 3)');
      document.body.className = 'vscode-light';
    });
    await soon(() => again.page.locator('.legend-mark polygon').first().getAttribute('fill'), (fill) => fill !== before, 'another colour');
  });
});
