import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { manifestOf, sampleOf } from '../webview/run-data';
import { ROOT, until } from './server';
import { Workbench } from './workbench';

const TINY = path.join(ROOT, 'models', 'tiny');
const IDS = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
const LANGUAGES = ['en', 'ar', 'hi', 'sw'];

/** Files of a finished run with invented answers, and of things that are broken in known ways. */
function files(): Record<string, string> {
  const manifest = JSON.parse(fs.readFileSync(path.join(TINY, 'lift.json'), 'utf8')) as Record<string, unknown>;
  const run = (title: string): string => {
    const m = manifestOf(IDS, LANGUAGES);
    return JSON.stringify({ ...m, environment: { ...m.environment, benchmark: { ...m.environment.benchmark, title } } });
  };
  const lines = LANGUAGES.flatMap((l) => IDS.map((id, i) => JSON.stringify(sampleOf(l, id, i)))).join('\n') + '\n';
  const finished = JSON.stringify({ status: 'finished', updated: '', seconds: 10, newTokens: 500, tags: ['kept'] });
  return {
    'bundles/no-files/lift.json': JSON.stringify({ ...manifest, name: 'no-files' }),
    'bundles/no-json/lift.json': '{ "format": ',
    'bench/broken/benchmark.json': JSON.stringify({ format: 'lift-benchmark/1', name: 'broken', title: 'Broken', languages: ['en', 'sw'] }),
    'runs/invented-fp32.lift48.000000000000/manifest.json': run('LIFT-48'),
    'runs/invented-fp32.lift48.000000000000/samples.jsonl': lines,
    'runs/invented-fp32.lift48.000000000000/state.json': finished,
    'runs/damaged/manifest.json': '{ "format": "lift-run/1", ',
  };
}

describe('views of the workbench', function () {
  this.timeout(120_000);
  let w: Workbench;
  before(async () => {
    w = await Workbench.open({ files: files() });
  });
  after(async () => {
    await w?.close();
  });
  afterEach(async function () {
    if (this.currentTest?.state === 'failed') await w.shot(`failed-${this.currentTest.title.replace(/\W+/g, '-')}`);
  });

  it('shows broken bundles, benchmarks and runs with their reasons', async () => {
    await w.sideBar();
    await w.row(/^no-files.*is missing/).waitFor();
    await w.row(/^no-json.*not JSON/).waitFor();
    await w.row(/^broken/i).waitFor();
    await w.row(/damaged/).waitFor();
    await w.shot('broken-things');
    await w.row(/^no-files/).click();
    await w.page.locator('.tab.active', { hasText: 'Bundle no-files' }).waitFor();
    const text = w.page.locator('.monaco-editor .view-lines').first();
    await until('every missing file with its fix', async () => /is missing[\s\S]*→/.test((await text.innerText()).replaceAll('\u00a0', ' ')));
    await w.shot('broken-bundle-reasons');
    await w.closeEditors();
  });

  it('does not offer a broken bundle for a run', async () => {
    await w.command('LinguaLIFT: Run Evaluation…');
    await w.picker.locator('input[placeholder="Bundle"]').waitFor();
    const row = w.picker.locator('.monaco-list-row', { hasText: 'no-files' });
    await row.waitFor();
    assert.match(await row.innerText(), /cannot be used/);
    await row.click();
    await w.picker.locator('input[placeholder="Bundle"]').waitFor();
    await w.page.keyboard.press('Escape');
  });

  it('notices a bundle that is put right, without being asked', async () => {
    fs.cpSync(TINY, path.join(w.server.workspace, 'bundles', 'no-json'), { recursive: true });
    await w.row(/^tiny\s*fp32/).waitFor({ timeout: 30_000 });
  });

  it('walks through the first steps: the doctor is run from there, and its step completes by that', async () => {
    await w.command('Welcome: Open Walkthrough...');
    await w.pick('Get started with LinguaLIFT');
    const step = (title: string) => w.page.locator('.getting-started-step', { hasText: title });
    const done = (title: string) => step(title).locator('.complete.codicon-getting-started-step-checked');
    await step('Check the machine').waitFor();
    assert.equal(await w.page.locator('.getting-started-step').count(), 5);
    assert.equal(await done('Check the machine').count(), 0);
    await w.shot('walkthrough');
    await step('Check the machine').locator('.monaco-button', { hasText: 'Run Doctor' }).click();
    for (const label of ['Engine', 'Execution providers', 'Memory', 'Disk', 'Python environment', 'Demo bundle', 'Write access']) {
      await w.picker.locator('.monaco-list-row', { hasText: label }).first().waitFor({ timeout: 60_000 });
    }
    const engine = w.picker.locator('.monaco-list-row', { hasText: 'Engine' }).first();
    assert.match(await engine.innerText(), /onnxruntime-node \d/);
    assert.match(await engine.locator('.quick-input-list-icon').evaluate((el) => getComputedStyle(el).backgroundImage), /status%2Fok-|status\/ok-/);
    await w.picker.locator('input[placeholder^="Nothing is broken"]').waitFor({ timeout: 30_000 });
    await w.shot('doctor');
    await w.page.keyboard.press('Escape');
    await done('Check the machine').waitFor({ state: 'attached', timeout: 20_000 });
    assert.equal(await done('Compare two runs').count(), 0);
    await w.shot('walkthrough-first-step-done');
    await w.closeEditors();
  });

  it('opens a run from the explorer as a read-only editor on its file', async () => {
    await w.command('View: Show Explorer');
    for (const name of ['runs', 'invented-fp32.lift48.000000000000']) await w.page.locator('.explorer-folders-view .monaco-list-row', { hasText: name }).first().click();
    const file = w.page.locator('.explorer-folders-view .monaco-list-row', { hasText: 'samples.jsonl' }).first();
    await w.contextMenu(file, 'Open With...');
    await w.pick('LinguaLIFT Run');
    await w.panel.locator('tr[data-language="sw"]').waitFor();
    await w.page.locator('.breadcrumbs-control', { hasText: 'samples.jsonl' }).waitFor();
    await w.shot('run-editor');
    await w.closeEditors();
  });

  it('opens a run from the path that the command line prints in a terminal', async () => {
    await w.command('Terminal: Create New Terminal');
    const rows = w.page.locator('.terminal-wrapper.active .xterm-rows');
    await until('a prompt', async () => /[$#]/.test(await rows.innerText()));
    await w.page.keyboard.type('clear; echo Run folder: runs/invented-fp32.lift48.000000000000\n');
    const line = rows.locator('div', { hasText: /^Run folder: runs\/invented/ }).first();
    await line.waitFor();
    await until('the panel', async () => {
      const box = (await line.boundingBox())!;
      await w.page.mouse.move(box.x + 140, box.y + box.height / 2);
      await w.page.mouse.move(box.x + 150, box.y + box.height / 2);
      await w.page.waitForTimeout(400);
      await w.page.keyboard.down('Control');
      await w.page.mouse.click(box.x + 150, box.y + box.height / 2);
      await w.page.keyboard.up('Control');
      return (await w.page.locator('.tab', { hasText: 'invented · LIFT-48' }).count()) > 0;
    });
    await w.panel.locator('tr[data-language="sw"]').waitFor();
    await w.command('Terminal: Kill All Terminals');
  });

  for (const [theme, file] of [['Light Modern', 'light'], ['Dark High Contrast', 'contrast'], ['Dark Modern', 'dark']] as const) {
    it(`is drawn in ${theme}, with a sample from right to left`, async () => {
      await w.theme(theme);
      await w.sideBar();
      await w.row(/^invented/).click();
      const arabic = w.panel.locator('tr[data-language="ar"]');
      await arabic.waitFor();
      if ((await arabic.getAttribute('class')) !== 'selected') await arabic.locator('button.language').click();
      await w.panel.locator('.vrow').first().click();
      const question = w.panel.locator('.detail p.text').first();
      await question.waitFor();
      assert.equal(await question.evaluate((el) => getComputedStyle(el).direction), 'rtl');
      // The panel's colours are the theme's: text and ground differ as the theme has them.
      const [text, ground] = await w.panel.locator('body').evaluate((el) => [getComputedStyle(el).color, getComputedStyle(el).backgroundColor]);
      assert.notEqual(text, ground);
      const light = (c: string): boolean => (/\d+/g.exec(c), Number(/\d+/.exec(c)![0]) > 127);
      assert.equal(light(ground!), file === 'light');
      await w.shot(`theme-${file}`);
    });
  }

  it('renames, tags and deletes a run from its context menu', async () => {
    await w.sideBar();
    await w.contextMenu(w.row(/^invented/), 'Rename Run…');
    await w.type('my baseline');
    const row = w.row(/^my baseline/);
    await row.waitFor();
    await w.contextMenu(row, 'Tag Run…');
    await w.type('first, paper');
    await w.row(/^my baseline.*#first #paper/).waitFor();
    await w.closeEditors();
    await w.contextMenu(w.row(/^my baseline/), 'Delete Run');
    await w.page.locator('.monaco-dialog-box .monaco-button', { hasText: 'Move to bin' }).click();
    const forever = w.page.locator('.monaco-dialog-box .monaco-button', { hasText: 'Delete permanently' });
    await until('the run to be gone', async () => {
      if (await forever.isVisible()) await forever.click();
      return !fs.existsSync(path.join(w.server.workspace, 'runs', 'invented-fp32.lift48.000000000000'));
    });
    await row.waitFor({ state: 'detached' });
  });
});

describe('the workbench in Restricted Mode', function () {
  this.timeout(120_000);
  let w: Workbench;
  before(async () => {
    w = await Workbench.open({ files: { ...files(), '.vscode/settings.json': JSON.stringify({ 'lingualift.runs.folder': '/etc', 'lingualift.bundle.folders': ['/etc'] }) }, trusted: false, settings: { 'security.workspace.trust.startupPrompt': 'never' } });
  });
  after(async () => {
    await w?.close();
  });
  afterEach(async function () {
    if (this.currentTest?.state === 'failed') await w.shot(`failed-${this.currentTest.title.replace(/\W+/g, '-')}`);
  });

  it('lets results be looked at', async () => {
    await w.sideBar();
    await w.row(/^invented/).click();
    await w.panel.locator('tr[data-language="sw"]').waitFor();
    await w.panel.locator('.notice', { hasText: 'Restricted Mode' }).waitFor();
    await w.shot('restricted');
  });

  it('starts nothing, and reads no path of the workspace settings', async () => {
    assert.equal(await w.offers('LinguaLIFT: Run Evaluation…'), false);
    assert.equal(await w.offers('LinguaLIFT: Start Training…'), false);
    assert.equal(await w.offers('LinguaLIFT: Doctor'), true);
    assert.equal(await w.page.locator('.sidebar .monaco-list-row', { hasText: '/etc' }).count(), 0);
  });
});
