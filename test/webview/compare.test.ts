import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { type Browser } from 'playwright-core';
import { type MessageConnection } from 'vscode-jsonrpc/node';
import { compareRuns } from '../../src/core/analysis/compare';
import { compareMany } from '../../src/core/analysis/many';
import { LANGUAGES, languageName } from '../../src/core/languages';
import { scorerByName } from '../../src/core/scoring';
import { compareAction, listParams, manyParams, pairKey, pairParams, runParams, sideParams } from '../../src/extension/panels/compare-params';
import { Comparer } from '../../src/extension/worker/comparison';
import { type CompareAction, type CompareTarget, DoCompareAction, GetAgreement, GetFloors, GetMany, GetPair, GetPairs, GetPairSample, GetScorers, GetTrend, type ListParams, OnCompareTarget, OpenCompare } from '../../src/protocol/compare';
import { type Sample } from '../../src/protocol/run';
import { rescoreSamples } from '../../src/runs/rescore';
import { axe, openBrowser, openPanel, type PanelOptions, type PanelPage, says, shot } from './page';
import { HOSTILE, manifestOf, sampleOf } from './run-data';
import { type Theme } from './themes';

const IDS = Array.from({ length: 50 }, (_, i) => `lift48/${i + 1}`);
/** Languages in which the second run is much better. */
const BETTER = ['sw', 'th', 'bn', 'ar'];

const answering = (s: Sample, completion: string, value: number): Sample => ({
  ...s, completion, value, correct: value === 15, error: value === 15 ? null : 'wrong-number', stopReason: 'eos', failure: undefined, reading: 'answer phrase', span: [completion.indexOf(String(value)), completion.indexOf(String(value)) + 2],
});

/** A: as invented, in German with a step after the answer, which the port of the harness reads as the answer. */
const first = (code: string, id: string, i: number): Sample => (code === 'de' ? answering(sampleOf(code, id, i), 'The answer is 15. (Step 3)', 15) : sampleOf(code, id, i));
const second = (code: string, id: string, i: number): Sample => (BETTER.includes(code) && i % 10 !== 0 ? answering(sampleOf(code, id, i), 'The answer is 15.', 15) : code === 'fr' ? answering(sampleOf(code, id, i), `It is 44. ${HOSTILE}`, 44) : first(code, id, i));
const third = (code: string, id: string, i: number): Sample => first(code, id, i + 1);

type Maker = typeof first;
const samplesOf = (make: Maker, ids: readonly string[]): Sample[] => ids.flatMap((id, i) => LANGUAGES.map(({ code }) => make(code, id, i)));

/** The host's side: the worker's own comparer behind the host's own checks. */
class Host {
  readonly actions: CompareAction[] = [];
  readonly lists: ListParams[] = [];
  readonly comparer: Comparer;
  connection: MessageConnection | undefined;

  constructor(folders: readonly string[], readonly target: CompareTarget | null = null) {
    this.comparer = new Comparer(folders);
  }

  readonly attach = (connection: MessageConnection): void => {
    this.connection = connection;
    connection.onRequest(OpenCompare, () => ({ ...this.comparer.view(), target: this.target }));
    connection.onRequest(GetPair, (params) => this.comparer.pair(pairParams(params)));
    connection.onRequest(GetMany, (params) => this.comparer.many(manyParams(params)));
    connection.onRequest(GetFloors, (params) => this.comparer.floors(pairParams(params)));
    connection.onRequest(GetPairs, (params) => {
      this.lists.push(listParams(params));
      return this.comparer.list(listParams(params));
    });
    connection.onRequest(GetPairSample, (params) => this.comparer.sample(pairKey(params)));
    connection.onRequest(GetAgreement, (params) => this.comparer.agreement(sideParams(params)));
    connection.onRequest(GetScorers, (params) => this.comparer.scorers(runParams(params).run));
    connection.onRequest(GetTrend, (params) => this.comparer.trend(runParams(params).run));
    connection.onRequest(DoCompareAction, (params) => {
      this.actions.push(compareAction(params));
      return null;
    });
  };
}

describe('compare panel', function () {
  this.timeout(60_000);
  let browser: Browser;
  let home: string;
  const opened: PanelPage[] = [];
  const folder = (name: string): string => path.join(home, name);

  function write(name: string, make: Maker, created: string, ids: readonly string[] = IDS, benchmark?: string): void {
    fs.mkdirSync(folder(name));
    fs.writeFileSync(path.join(folder(name), 'manifest.json'), JSON.stringify({ ...manifestOf(ids), created, environment: { ...manifestOf(ids).environment, ...(benchmark === undefined ? {} : { benchmark: { ...manifestOf(ids).environment.benchmark, name: benchmark } }) } }));
    fs.writeFileSync(path.join(folder(name), 'state.json'), JSON.stringify({ status: 'finished', updated: created, seconds: 1, newTokens: 1, name }));
    fs.writeFileSync(path.join(folder(name), 'samples.jsonl'), samplesOf(make, ids).map((s) => JSON.stringify(s) + '\n').join(''));
  }

  before(async () => {
    browser = await openBrowser();
    home = fs.mkdtempSync(path.join(os.tmpdir(), 'lingualift-compare-'));
    write('before', first, '2026-01-01T00:00:00.000Z');
    write('after', second, '2026-01-02T00:00:00.000Z');
    write('shifted', third, '2026-01-03T00:00:00.000Z');
    write('mgsm-a', first, '2026-01-05T00:00:00.000Z', IDS, 'mgsm');
    write('mgsm-b', second, '2026-01-06T00:00:00.000Z', IDS, 'mgsm');
    write('shorter', second, '2026-01-04T00:00:00.000Z', IDS.slice(0, 40));
  });
  after(async () => {
    await browser?.close();
    fs.rmSync(home, { recursive: true, force: true });
  });
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((p) => p.close()));
  });

  async function open(host: Host, options: PanelOptions = {}): Promise<PanelPage> {
    const panel = await openPanel(browser, 'compare', host.attach, options);
    opened.push(panel);
    await panel.page.locator('.compare').waitFor();
    return panel;
  }
  async function pair(host = new Host([folder('before'), folder('after')]), options: PanelOptions = {}): Promise<PanelPage> {
    const panel = await open(host, options);
    await panel.page.locator('tr[data-language]').nth(47).waitFor();
    return panel;
  }
  const row = (panel: PanelPage, code: string) => panel.page.locator(`tr[data-language="${code}"]`);
  const tab = (panel: PanelPage, name: string) => panel.page.locator('[role=tab]', { hasText: name });
  const heading = (panel: PanelPage, n: number) => panel.page.locator('.pair-list h2', { hasText: `(${n.toLocaleString('en')})` });

  it('says the result in words and marks exactly the languages that stand after the correction', async () => {
    const expected = compareRuns(samplesOf(first, IDS), samplesOf(second, IDS));
    const panel = await pair();
    const verdict = await panel.page.locator('.verdict').innerText();
    assert.match(verdict, new RegExp(`^B is better in ${expected.better.length} of 48 languages, worse in ${expected.worse.length}; overall \\+\\d+\\.\\d points \\(95 % interval `));
    assert.ok(expected.better.length > 0 && expected.worse.includes('fr'));
    const marked = await panel.page.locator('tr.significant').evaluateAll((rows) => rows.map((r) => (r as HTMLElement).dataset.language!));
    assert.deepEqual(marked.sort(), [...expected.better, ...expected.worse].sort());
    const swahili = expected.languages.find((l) => l.language === 'sw')!;
    assert.deepEqual((await row(panel, 'sw').locator('td').allInnerTexts()).slice(0, 3), ['50', (100 * swahili.accuracyA).toFixed(1), (100 * swahili.accuracyB).toFixed(1)]);
    assert.ok((await row(panel, 'sw').locator('.difference-text').innerText()).startsWith(`+${(100 * swahili.difference).toFixed(1)} (`));
    assert.deepEqual(panel.violations, []);
    assert.deepEqual(panel.errors, []);
  });

  for (const theme of ['dark', 'light', 'contrast'] as readonly Theme[]) {
    it(`has no finding of axe in ${theme}, in any tab`, async () => {
      const panel = await pair(new Host([folder('before'), folder('after'), folder('shifted')], { a: { run: 0, scorer: '' }, b: { run: 1, scorer: '' } }), { theme, width: 1300 });
      await panel.page.locator('.vrow').nth(3).click();
      await panel.page.locator('.side').nth(1).waitFor();
      await panel.page.locator('.provenance summary').click();
      assert.deepEqual(await axe(panel.page), []);
      await panel.page.locator('.provenance summary').click();
      await shot(panel.page, `compare-${theme}`);
      // The language table is judged above and need not be judged in every tab again.
      await panel.page.locator('.differences').evaluate((el) => ((el as HTMLElement).style.display = 'none'));
      for (const [name, ready] of [['Agreement', '.matrix canvas'], ['Error types', '.shifts'], ['Scorers', '.scorers'], ['Trend', '.trend'], ['All runs', '.many-table']] as const) {
        await tab(panel, name).click();
        await panel.page.locator(ready).waitFor();
        await panel.page.mouse.move(0, 0);
        assert.deepEqual(await axe(panel.page), [], name);
        await shot(panel.page, `compare-${name.split(' ')[0]!.toLowerCase()}-${theme}`);
      }
      assert.deepEqual(panel.violations, []);
    });
  }

  it('sorts and groups by class, script and family, with each group’s difference', async () => {
    const panel = await pair();
    assert.deepEqual((await panel.page.locator('tr.group th').allInnerTexts()).map((s) => s.replace(/ .*/s, '')), ['Low-resource', 'Medium-resource', 'High-resource']);
    await panel.page.locator('.differences select').selectOption('script');
    assert.match(await panel.page.locator('tr.group', { hasText: 'Thai' }).innerText(), /^Thai \(1\) \+\d/);
    await panel.page.locator('.differences select').selectOption('none');
    await panel.page.locator('button.sort', { hasText: 'B − A' }).click();
    const top = await panel.page.locator('tr[data-language]').evaluateAll((rows) => rows.slice(0, 4).map((r) => (r as HTMLElement).dataset.language!));
    assert.deepEqual(top.sort(), [...BETTER].sort());
    assert.deepEqual((panel.state() as { folders: string[] }).folders, [folder('before'), folder('after')]);
  });

  it('leads from a language and a quadrant to the two answers, with what was read marked and no markup made of it', async () => {
    const host = new Host([folder('before'), folder('after')]);
    const panel = await pair(host);
    await row(panel, 'fr').locator('button.language').click();
    const lost = samplesOf(first, IDS).filter((s) => s.language === 'fr' && s.correct).length;
    await panel.page.locator('.quadrant.onlyA strong', { hasText: String(lost) }).waitFor();
    await panel.page.locator('.quadrant.onlyA').click();
    await heading(panel, lost).waitFor();
    await panel.page.locator('.vrow').first().click();
    await panel.page.locator('.side').nth(1).locator('.completion', { hasText: '<img src=x' }).waitFor();
    assert.deepEqual(await panel.page.locator('.side mark.read').allInnerTexts(), ['15', '44']);
    assert.match(await panel.page.locator('.side .reading').nth(1).innerText(), /^read: 44 \(answer phrase\) · wrong number/);
    assert.equal(await panel.page.locator('.side img, .side script, .side a').count(), 0);
    assert.equal(await panel.page.evaluate(() => (globalThis as { pwned?: number }).pwned), undefined);
    await panel.page.locator('.side').nth(1).locator('button.link').click();
    await panel.page.waitForTimeout(50);
    assert.deepEqual(host.actions.map((a) => [a.action, a.run, a.language]), [['openSample', 1, 'fr']]);
    assert.deepEqual(host.lists.at(-1)!.quadrants, ['onlyA']);
  });

  it('shows what became of every outcome, and a cell opens its samples', async () => {
    const panel = await pair();
    await tab(panel, 'Error types').click();
    const [a, b] = [samplesOf(first, IDS), samplesOf(second, IDS)];
    const gained = a.filter((s, i) => s.error === 'wrong-number' && b[i]!.correct).length;
    const cell = panel.page.locator(`button.shift[aria-label^="A wrong number, B right: ${gained} of "]`);
    assert.equal(await cell.innerText(), String(gained));
    await cell.click();
    await heading(panel, gained).waitFor();
  });

  it('reads an agreement matrix by keyboard, and the table says the same', async () => {
    const panel = await pair();
    await tab(panel, 'Agreement').click();
    const matrix = panel.page.locator('.matrix-focus');
    await matrix.focus();
    await panel.page.keyboard.press('Home');
    await panel.page.keyboard.press('ArrowDown');
    const spoken = await says(panel.page.locator('[role=status]'), /^(.+) and (.+): same answer (.+), 50 problems$/);
    const [, x, y, share] = /^(.+) and (.+): same answer (.+), 50 problems$/.exec(spoken)!;
    assert.deepEqual([x, y], [languageName('ar'), languageName('af')]);
    assert.equal(await panel.page.locator('.read-out').innerText(), spoken);
    await panel.page.locator('.agreement .button').click();
    assert.equal(await panel.page.locator('.agreement-table tbody tr').nth(1).locator('td').first().innerText(), share);
    const rows = samplesOf(first, IDS);
    const values = (code: string): readonly unknown[] => rows.filter((s) => s.language === code).map((s) => s.value);
    const [arabic, afrikaans] = [values('ar'), values('af')];
    assert.equal(share, `${(2 * arabic.filter((v, i) => v !== null && v === afrikaans[i]).length).toFixed(1)} %`);
  });

  it('draws the matrix in the theme’s colours: more agreement, more colour', async () => {
    const panel = await pair();
    await tab(panel, 'Agreement').click();
    await panel.page.locator('.matrix canvas').waitFor();
    const painted = await panel.page.locator('.matrix canvas').evaluate((c) => {
      const canvas = c as HTMLCanvasElement;
      const { data } = canvas.getContext('2d')!.getImageData(0, 0, canvas.width, canvas.height);
      let blue = 0;
      for (let i = 0; i < data.length; i += 4) if (data[i + 3]! > 60 && data[i + 2]! > data[i]! + 40) blue += 1;
      return blue / (canvas.width * canvas.height);
    });
    assert.ok(painted > 0.3, `only ${painted} of the canvas is painted`);
  });

  it('reads the completions again with another scorer and leads to the samples where the two disagree', async () => {
    const host = new Host([folder('before'), folder('after')]);
    const panel = await pair(host);
    await tab(panel, 'Scorers').click();
    const own = samplesOf(first, IDS);
    const again = rescoreSamples(own, scorerByName('harness'));
    const disagree = own.filter((s, i) => s.correct !== again[i]!.correct).length;
    assert.ok(disagree >= 50, 'the German answers end in a step');
    const line = panel.page.locator('.scorers tr', { hasText: 'harness/' });
    await line.locator('button.link', { hasText: `disagreements (${disagree})` }).click();
    await heading(panel, disagree).waitFor();
    await panel.page.locator('.vrow', { hasText: 'German' }).first().click();
    await panel.page.locator('.side').nth(1).waitFor();
    assert.deepEqual(await panel.page.locator('.side mark.read').allInnerTexts(), ['15', '3']);
    assert.match(await panel.page.locator('.side').nth(1).innerText(), /harness\/1/);
    assert.deepEqual(host.lists.at(-1)!.b, { run: 0, scorer: 'harness' });
  });

  it('opens one run against another scorer of it, as the command asks', async () => {
    const panel = await pair(new Host([folder('before')], { tab: 'samples', a: { run: 0, scorer: '' }, b: { run: 0, scorer: 'harness' } }));
    assert.match(await panel.page.locator('h1').innerText(), /^Scorers compared/);
    assert.deepEqual(await panel.page.locator('.quadrant[aria-pressed=true]').allInnerTexts().then((t) => t.map((s) => s.split('\n')[0]!.replace(/ right.*/, ''))), ['only A', 'only B']);
  });

  it('refuses to pair what is not the same problems, says which, and pairs what both hold when asked', async () => {
    const panel = await open(new Host([folder('before'), folder('shorter')]));
    const alert = panel.page.locator('.notice[role=alert]');
    assert.match(await alert.innerText(), /cannot be paired.*480 only in A: \w+ lift48\/41/s);
    await alert.locator('.button', { hasText: 'Compare the 1,920 pairs' }).click();
    await panel.page.locator('.basis', { hasText: '480 of A, 0 of B' }).waitFor();
    assert.equal(await row(panel, 'sw').locator('td').first().innerText(), '40');
  });

  it('pairs any two of three runs, exchanges them, and keeps the choice', async () => {
    const host = new Host([folder('before'), folder('after'), folder('shifted')]);
    const panel = await open(host);
    await tab(panel, 'Samples').click();
    const [a, b] = [panel.page.locator('label.field', { hasText: /^A/ }).locator('select'), panel.page.locator('label.field', { hasText: /^B/ }).locator('select')];
    await a.selectOption('1');
    await b.selectOption('0');
    await panel.page.locator('.verdict', { hasText: /^B is better in 1 of 48 languages/ }).waitFor();
    await panel.page.locator('button[title="Exchange A and B"]').click();
    await panel.page.locator('.verdict', { hasText: /worse in 1; overall \+/ }).waitFor();
    const kept = panel.state() as Record<string, unknown>;
    assert.deepEqual([kept.a, kept.b], [0, 1]);
    const again = await open(new Host([folder('before'), folder('after'), folder('shifted')]), { state: { ...kept, groupBy: 'family', scorer: 'no such scorer', tab: 7 } });
    await tab(again, 'Samples').click();
    await again.page.locator('tr.group', { hasText: 'Bantu' }).waitFor();
    assert.equal(await again.page.locator('label.field', { hasText: /^B/ }).locator('select').inputValue(), '1');
  });

  it('opens three runs as one table: accuracies, differences to a baseline, all tests corrected together, an overall row', async () => {
    const runs = [first, second, third].map((make, i) => ({ name: ['before', 'after', 'shifted'][i]!, samples: samplesOf(make, IDS) }));
    const panel = await open(new Host([folder('before'), folder('after'), folder('shifted')]));
    const line = (code: string) => panel.page.locator(`.many-table tr[data-language="${code}"]`);
    await line('sw').waitFor();
    const check = async (baseline: number, correction: 'holm' | 'bh'): Promise<void> => {
      const many = compareMany(runs, { baseline, correction });
      const others = [0, 1, 2].filter((i) => i !== baseline);
      const significant = many.languages.flatMap((l) => others.flatMap((i) => (l.cells[i]!.against!.significant ? [`${l.language} ${i}`] : [])));
      assert.ok(significant.length > 0);
      await panel.page.locator('.basis', { hasText: '2,400 problems in every run' }).waitFor();
      const shown = await panel.page.locator('.many-table tr[data-language]').evaluateAll((rows) => rows.flatMap((r) => [...r.querySelectorAll('.many-difference')].flatMap((d, k) => (d.textContent.includes('*') && d.classList.contains('significant') ? [`${(r as HTMLElement).dataset.language!} ${k}`] : []))));
      assert.deepEqual(shown.map((s) => `${s.split(' ')[0]!} ${others[Number(s.split(' ')[1])]!}`).sort(), significant.sort());
      const overall = many.overall.cells.map((c) => (100 * c.accuracy).toFixed(1));
      const texts = await panel.page.locator('.many-table tr[data-row="all"] .interval-text').allInnerTexts();
      assert.deepEqual(texts.map((s) => s.split(' ')[0]), overall);
      assert.equal(await panel.page.locator('.verdicts li').count(), 2);
    };
    await check(0, 'holm');
    assert.match(await panel.page.locator('.verdicts li').first().innerText(), /^after against before: better in \d+ of 48 languages, worse in \d+; overall \+\d/);
    await panel.page.locator('label.field', { hasText: 'Baseline' }).locator('select').selectOption('1');
    await panel.page.locator('.verdicts li', { hasText: /^before against after/ }).waitFor();
    await check(1, 'holm');
    await panel.page.locator('label.field', { hasText: 'Correction' }).locator('select').selectOption('bh');
    await panel.page.locator('.basis', { hasText: 'together by Benjamini' }).waitFor();
    await check(1, 'bh');
    assert.equal((panel.state() as { baseline: number }).baseline, 1);
    assert.deepEqual([panel.violations, panel.errors], [[], []]);
  });

  it('moves through the table of all runs by keyboard with a read-out, sorts it, and a difference opens its pair', async () => {
    const panel = await open(new Host([folder('before'), folder('after'), folder('shifted')]));
    const cells = panel.page.locator('button.many-cell');
    await cells.first().waitFor();
    await cells.first().focus();
    await panel.page.keyboard.press('ArrowRight');
    const readOut = panel.page.locator('.many .read-out');
    await readOut.filter({ hasText: /^Afrikaans, shifted: / }).waitFor();
    await panel.page.keyboard.press('ArrowDown');
    await readOut.filter({ hasText: /^Arabic, shifted: \d+\.\d, against before [+−]?\d+\.\d, interval .* p .*, (not )?significant$/ }).waitFor();
    await panel.page.locator('[role=status]', { hasText: /^Arabic, shifted: / }).waitFor({ state: 'attached' });
    await panel.page.locator('label.field', { hasText: 'Sort by' }).locator('select').selectOption('1');
    const top = panel.page.locator('.many-table tbody').nth(1).locator('tr[data-language]').first();
    const low = compareMany([first, second, third].map((make, i) => ({ name: String(i), samples: samplesOf(make, IDS) }))).languages.filter((l) => LANGUAGES.find((k) => k.code === l.language)!.resourceClass === 'low');
    const best = low.sort((x, y) => y.cells[1]!.against!.difference - x.cells[1]!.against!.difference || languageName(x.language).localeCompare(languageName(y.language)))[0]!;
    await panel.page.locator(`.many-table tbody:nth-of-type(2) tr:nth-child(2)[data-language="${best.language}"]`).waitFor();
    await top.locator('button.many-cell').first().click();
    await panel.page.locator('.differences').waitFor();
    const state = panel.state() as Record<string, unknown>;
    assert.deepEqual([state.a, state.b, state.language, state.tab], [0, 1, best.language, 'samples']);
  });

  it('refuses several runs over other problems, names the run, and takes what all hold when asked', async () => {
    const panel = await open(new Host([folder('before'), folder('after'), folder('shorter')]));
    const alert = panel.page.locator('.notice[role=alert]');
    await alert.filter({ hasText: 'shorter against before' }).waitFor();
    await alert.locator('.button', { hasText: 'Compare the 1,920 problems that all runs hold' }).click();
    await panel.page.locator('.basis', { hasText: 'before 480, after 480, shorter 0' }).waitFor();
  });

  it('draws floors and published numbers beside both accuracies, and lists them as numbers', async () => {
    const host = new Host([folder('mgsm-a'), folder('mgsm-b')]);
    const panel = await pair(host);
    const side = { run: 0, scorer: '' };
    const floors = host.comparer.floors({ a: side, b: { run: 1, scorer: '' }, correction: 'holm', common: false }).languages;
    await row(panel, 'sw').locator('.side-accuracy .bar-floor').nth(1).waitFor({ state: 'attached' });
    assert.equal(await row(panel, 'sw').locator('td').nth(3).innerText(), (100 * floors.sw!.share).toFixed(1));
    const published = host.comparer.view().published.filter((p) => p.languages.sw !== undefined);
    assert.ok(published.length > 0);
    const path = await row(panel, 'sw').locator('.bar-mark').first().getAttribute('d');
    assert.equal(path!.split('M').length - 1, published.length);
    assert.match((await row(panel, 'sw').locator('.side-accuracy').first().getAttribute('title'))!, new RegExp(published[0]!.system.replace(/[()]/g, '\\$&')));
    assert.equal(await row(panel, 'af').locator('.bar-mark').count(), 0, 'no published number for Afrikaans');
    await panel.page.locator('.provenance summary').click();
    assert.equal(await panel.page.locator('.published tbody tr').count(), host.comparer.view().published.length);
    await row(panel, 'sw').locator('button.language').focus();
    await panel.page.locator('[role=status]', { hasText: `floor ${(100 * floors.sw!.share).toFixed(1)}` }).waitFor({ state: 'attached' });
    await shot(panel.page, 'compare-published');
  });

  it('shows the trend over the runs of the bundle, oldest first', async () => {
    const panel = await pair();
    await tab(panel, 'Trend').click();
    await panel.page.locator('.trend').waitFor();
    assert.deepEqual((await panel.page.locator('.trend thead bdi').allInnerTexts()), ['before', 'after', 'shifted', 'shorter']);
    const shares = [first, second].map((make) => samplesOf(make, IDS).filter((s) => s.language === 'sw' && s.correct).length * 2);
    const cells = await panel.page.locator('.trend tbody tr', { hasText: 'Swahili' }).locator('td').allInnerTexts();
    assert.deepEqual(cells.slice(2, 4), shares.map((s) => s.toFixed(1)));
  });

  it('is worked by the keyboard alone', async () => {
    const panel = await pair();
    await panel.page.locator('button.language').first().focus();
    await panel.page.keyboard.press('ArrowDown');
    const live = panel.page.locator('[role=status]');
    await says(live, /^Arabic: A \d+\.\d, B \d+\.\d, difference \+\d+\.\d, interval \+\d+\.\d to \+\d+\.\d, significant(, floor \d|$)/);
    await panel.page.keyboard.press('Enter');
    await panel.page.locator('.vlist').focus();
    await panel.page.locator('.vrow').first().waitFor();
    await panel.page.keyboard.press('ArrowDown');
    await says(live, /^Arabic, lift48\/1: A \w+, read /);
    await tab(panel, 'Samples').focus();
    await panel.page.keyboard.press('ArrowRight');
    await panel.page.locator('.matrix').waitFor();
    assert.equal(await panel.page.evaluate(() => document.activeElement?.textContent), 'Agreement');
  });

  it('goes where a command points while it is open', async () => {
    const host = new Host([folder('before'), folder('after')]);
    const panel = await pair(host);
    await host.connection!.sendNotification(OnCompareTarget, { tab: 'trend' });
    await panel.page.locator('.trend').waitFor();
  });
});

describe('what the compare panel may ask', () => {
  it('is small: at most 200 kB, as every panel', () => {
    for (const panel of ['compare', 'run']) assert.ok(fs.statSync(path.join(__dirname, '..', '..', 'dist', 'webview', `${panel}.js`)).size <= 200_000, panel);
  });

  it('is checked: unknown runs, quadrants, corrections and actions are refused', () => {
    const side = { run: 0, scorer: '' };
    const list = { a: side, b: side, correction: 'holm', common: false, language: '', quadrants: [], readDiffers: false, shift: null, offset: 0, count: 10 };
    assert.equal(listParams(list).count, 10);
    assert.throws(() => listParams({ ...list, quadrants: ['all'] }), /an unknown quadrant/);
    assert.throws(() => pairParams({ ...list, correction: 'none' }), /an unknown correction/);
    assert.throws(() => pairParams({ ...list, a: { run: 6, scorer: '' } }), /beyond the runs/);
    assert.equal(manyParams({ baseline: 2, scorer: '', correction: 'bh', common: true }).baseline, 2);
    assert.throws(() => manyParams({ baseline: 6, scorer: '', correction: 'bh' }), /beyond the runs/);
    assert.throws(() => sideParams({ run: -1, scorer: '' }), /no count/);
    assert.throws(() => compareAction({ action: 'delete' }), /an unknown action/);
    assert.throws(() => compareAction({ action: 'openSample', run: 0, language: 'sw' }), /no text for "id"/);
  });
});
