import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { type FrameLocator, type Locator } from 'playwright-core';
import { formatNotebook } from '../../src/core/notebook';
import { ROOT, until } from './server';
import { Workbench } from './workbench';

type Cells = readonly (readonly [language: string, text: string])[];
const QUESTIONS: Cells = [
  ['markdown', '# Two questions'],
  ['lift-prompt', 'bundle: tiny\nlanguage: ar\nmax-tokens: 24\ngold: 15\n---\nلدى سارة 24 تفاحة وأعطت 9 منها. كم بقي؟'],
  ['lift-eval', 'benchmark: lift48\nlanguages: en, ar, th\nsample: 3\nbundles: tiny, tiny-text\nmax-tokens: 16'],
];
const LONG: Cells = [['lift-eval', 'benchmark: lift48\nlanguages: all\nbundle: tiny\nseed: 5']];
const file = (cells: Cells): string => formatNotebook({ cells: cells.map(([language, text]) => ({ language, text, outputs: [], extra: {} })), extra: {} });

describe('notebooks in the workbench', function () {
  this.timeout(180_000);
  let w: Workbench;
  before(async () => {
    w = await Workbench.open({
      links: { 'bundles/tiny': path.join(ROOT, 'models', 'tiny'), 'bundles/tiny-text': path.join(ROOT, 'models', 'tiny-text') },
      files: { 'questions.liftnb': file(QUESTIONS), 'long.liftnb': file(LONG), 'mgsm_sw.tsv': 'Mbili na tatu?\t5\nNne na tatu?\t7\n' },
      settings: { 'lingualift.engine.threads': 1 },
    });
  });
  after(async () => {
    await w?.close();
  });
  afterEach(async function () {
    if (this.currentTest?.state === 'failed') await w.shot(`failed-${this.currentTest.title.replace(/\W+/g, '-')}`);
  });

  /** The page that holds the outputs of the notebook in front. */
  const outputs = (): FrameLocator => w.page.frameLocator('iframe.webview.ready').last().frameLocator('iframe#active-frame');
  const openFile = async (name: string): Promise<void> => {
    await w.command('View: Show Explorer');
    await w.page.locator('.explorer-folders-view .monaco-list-row', { hasText: name }).first().dblclick();
    await w.page.locator('.tab.active', { hasText: name }).waitFor();
  };
  const kernel = (): Locator => w.page.locator('.notebook-toolbar-container .kernel-label');
  const run = async (text: string): Promise<void> => {
    const row = w.page.locator('.notebookOverlay .monaco-list-row.code-cell-row', { hasText: text });
    await row.locator('.monaco-editor').first().hover();
    await row.locator('.run-button-container .codicon-notebook-execute').click();
  };

  /** Turns the wheel over the notebook until an output is in the middle of the window; outputs do not scroll by themselves. */
  const reveal = (target: Locator): Promise<boolean> => until('the output in view', async () => {
    const box = await target.boundingBox({ timeout: 1000 });
    if (box && box.y > 200 && box.y < 700) return true;
    await w.page.mouse.move(1300, 500);
    await w.page.mouse.wheel(0, box && box.y < 200 ? -200 : 200);
    return false;
  });

  it('takes the kernel that the cells ask for, runs both kinds of cells and compares two bundles', async () => {
    await openFile('questions.liftnb');
    // Two bundles are as good as each other; the cells say which, so nobody is asked.
    await until('the kernel', async () => (await kernel().innerText()) === 'Bundle named in the cell', 60_000);
    await run('max-tokens: 24');
    await outputs().locator('.reading').first().waitFor({ timeout: 90_000 });
    assert.match(await outputs().locator('.reading').first().innerText(), /read: .*gold: 15/);
    await run('max-tokens: 16');
    await outputs().locator('.comparison table').waitFor({ timeout: 90_000 });
    assert.equal(await outputs().locator('table').first().locator('tbody tr').count(), 3);
    await w.shot('notebook-both-cells');
    const samples = outputs().locator('summary', { hasText: /^Samples/ }).first();
    await reveal(samples);
    await samples.click();
    const arabic = outputs().locator('.samples').filter({ hasText: 'Arabic' }).locator('details.sample').first();
    await reveal(arabic);
    await arabic.locator('summary').first().click();
    await arabic.locator('p.text').first().waitFor();
    assert.equal(await arabic.locator('p.text').first().evaluate((el) => getComputedStyle(el).direction), 'rtl');
    await w.shot('notebook-sample');
    await reveal(outputs().locator('.comparison table'));
    await w.shot('notebook-comparison');
  });

  it('debugs the answer of a cell from its output', async () => {
    const button = outputs().locator('button', { hasText: 'Debug this generation' }).first();
    await reveal(button);
    await button.click();
    await w.page.locator('.tab.active', { hasText: '1-ar.liftout' }).waitFor({ timeout: 60_000 });
    await w.page.locator('.debug-toolbar').waitFor();
    await w.shot('notebook-debugged');
    await w.page.keyboard.press('Shift+F5');
    await w.page.locator('.debug-toolbar').waitFor({ state: 'hidden' });
    await w.page.locator('.tab', { hasText: 'questions.liftnb' }).click();
  });

  it('saves its outputs as lines of text, and shows them and the kernel again when it is opened', async () => {
    await w.command('File: Save');
    const saved = path.join(w.server.workspace, 'questions.liftnb');
    await until('the saved file', () => fs.readFileSync(saved, 'utf8').includes('"lift-output/1"'));
    await w.closeEditors();
    await openFile('questions.liftnb');
    await outputs().locator('.comparison table').waitFor({ timeout: 60_000 });
    assert.match(await outputs().locator('.reading').first().innerText(), /gold: 15/);
    await until('the kernel of before', async () => (await kernel().innerText()) === 'Bundle named in the cell');
    await w.shot('notebook-reopened');
    await w.closeEditors();
  });

  it('interrupts a long evaluation and keeps what is finished', async () => {
    await openFile('long.liftnb');
    await until('the kernel', async () => (await kernel().innerText()) === 'Bundle named in the cell', 60_000);
    await run('seed: 5');
    await outputs().locator('progress').waitFor({ timeout: 90_000 });
    const runs = path.join(w.server.workspace, 'runs');
    const running = await until('the run', () => fs.readdirSync(runs).find((r) => (JSON.parse(fs.readFileSync(path.join(runs, r, 'manifest.json'), 'utf8')) as { plan: { seed?: number } }).plan.seed === 5), 60_000);
    const kept = (): number => fs.readFileSync(path.join(runs, running, 'samples.jsonl'), 'utf8').trim().split('\n').filter((l) => l !== '').length;
    await until('a finished sample', () => kept() > 0, 60_000);
    await w.command('Notebook: Interrupt');
    await outputs().locator('.state', { hasText: 'interrupted' }).waitFor({ timeout: 60_000 });
    await w.shot('notebook-interrupted');
    assert.equal((JSON.parse(fs.readFileSync(path.join(runs, running, 'state.json'), 'utf8')) as { status: string }).status, 'cancelled');
    assert.ok(kept() > 0 && kept() < 48 * 50, String(kept()));
    await w.closeEditors();
  });

  it('offers to evaluate a file of a benchmark above its first line, and to open it in a notebook', async () => {
    await openFile('mgsm_sw.tsv');
    for (const title of ['Evaluate here', 'Evaluate in all languages', 'Open in notebook']) await w.page.locator('.codelens-decoration', { hasText: title }).waitFor({ timeout: 60_000 });
    await w.shot('benchmark-lenses');
    await w.page.locator('.codelens-decoration a', { hasText: 'Open in notebook' }).click();
    await w.page.locator('.notebookOverlay .view-lines', { hasText: 'languages: sw' }).first().waitFor();
  });
});
