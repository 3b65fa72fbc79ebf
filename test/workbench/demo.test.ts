import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { cacheFolder, pythonEnvironment } from '../../src/runs/locations';
import { until } from './server';
import { Workbench } from './workbench';

interface Line {
  readonly language: string;
  readonly completion: string;
  readonly value: string | null;
}

/** The walkthrough with the real demo model, from an empty workspace to two runs side by side. */
describe('the demo bundle in the workbench', function () {
  this.timeout(600_000);
  let w: Workbench;
  const runs = (): string[] => {
    const folder = path.join(w.server.workspace, 'runs');
    return fs.existsSync(folder) ? fs.readdirSync(folder).map((n) => path.join(folder, n)) : [];
  };
  const finished = (count: number): Promise<string[]> => until(`${count} finished runs`, () => {
    const done = runs().filter((f) => fs.existsSync(path.join(f, 'state.json')) && /"finished"/.test(fs.readFileSync(path.join(f, 'state.json'), 'utf8')));
    return done.length === count ? done : undefined;
  }, 300_000);
  const samples = (folder: string): Line[] => fs.readFileSync(path.join(folder, 'samples.jsonl'), 'utf8').trim().split('\n').map((l) => JSON.parse(l) as Line);
  const step = (title: string) => w.page.locator('.getting-started-step', { hasText: title });
  const done = (title: string) => step(title).locator('.complete.codicon-getting-started-step-checked');
  const walkthrough = async (): Promise<void> => {
    await w.command('Welcome: Open Walkthrough...');
    await w.pick('Get started with LinguaLIFT');
    await step('Check the machine').waitFor();
  };

  before(async function () {
    if (!pythonEnvironment()) {
      console.log('      skipped: no Python environment in the cache folder (npm run setup makes it)');
      return this.skip();
    }
    w = await Workbench.open({ env: { LINGUALIFT_CACHE: cacheFolder() } });
  });
  after(async () => {
    await w?.close();
  });
  afterEach(async function () {
    if (this.currentTest?.state === 'failed') await w.shot(`failed-${this.currentTest.title.replace(/\W+/g, '-')}`);
  });

  it('is built, or found built, from the walkthrough, which completes that step', async () => {
    await walkthrough();
    await step('Get the demo bundle').click();
    await step('Get the demo bundle').locator('.monaco-button').first().click();
    await w.notification('The bundle is ready').waitFor({ timeout: 540_000 });
    await w.shot('demo-bundle-ready');
    await done('Get the demo bundle').waitFor({ state: 'attached', timeout: 20_000 });
    await w.clearNotifications();
    await w.closeEditors();
    await w.sideBar();
    await w.row(/^smol-lift/).waitFor();
  });

  it('answers LIFT-48 in two languages, from the palette', async () => {
    await w.command('LinguaLIFT: Run Evaluation…');
    await w.choose({ bundle: 'smol-lift', benchmark: 'LIFT-48', languages: ['English', 'Swahili'], sample: '3' });
    const [folder] = await finished(1);
    const lines = samples(folder!);
    assert.deepEqual([...new Set(lines.map((l) => l.language))].sort(), ['en', 'sw']);
    assert.equal(lines.length, 6);
    // Text of the model, not noise: words and a number that the scorer could read in most answers.
    assert.ok(lines.every((l) => /[a-z]{3,} [a-z]{2,}/i.test(l.completion)), JSON.stringify(lines.map((l) => l.completion)));
    assert.ok(lines.filter((l) => l.value !== null).length >= 4);
    await w.panel.locator('.status', { hasText: 'finished' }).waitFor();
    await w.panel.locator('tr[data-language="sw"] button.language').click();
    await w.panel.locator('.vrow').first().click();
    await w.panel.locator('.detail .completion .token').first().waitFor();
    await w.shot('demo-run');
    await w.clearNotifications();
    await w.closeEditors();
    await walkthrough();
    await done('Run two languages').waitFor({ state: 'attached', timeout: 20_000 });
    await w.closeEditors();
  });

  it('from the side bar and from the context menu of the benchmark', async () => {
    await w.sideBar();
    const bundle = w.row(/^smol-lift/);
    await bundle.hover();
    await bundle.locator('.action-label[aria-label="Run Evaluation…"]').click();
    await w.choose({ benchmark: 'LIFT-48', languages: ['English', 'Thai'], sample: '2' });
    await finished(2);
    await w.contextMenu(w.row(/^LIFT-48\s*48/), 'Run Evaluation…');
    await w.choose({ bundle: 'smol-lift', languages: ['English', 'Chinese'], sample: '3' });
    const all = await finished(3);
    assert.deepEqual(all.map((f) => samples(f).length).sort(), [4, 6, 6]);
    await w.shot('demo-runs-side-bar');
    await w.clearNotifications();
    await w.closeEditors();
  });
});
