import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { ROOT, until } from './server';
import { Workbench } from './workbench';

interface Numbers {
  readonly ids: readonly string[];
  readonly stages: readonly { readonly stage: string; readonly rows: readonly { readonly language: string; readonly mrr: number }[] }[];
}

describe('alignment panel in the workbench', function () {
  this.timeout(180_000);
  let w: Workbench;
  const engines = (): number => w.server.processes().filter((p) => /engine\.js/.test(p.command)).length;
  /** Results in the cache of the runs folder, by the number of their problems. */
  const kept = (): Map<number, Numbers> => {
    const folder = path.join(w.server.workspace, 'runs', 'alignment');
    const files = fs.existsSync(folder) ? fs.readdirSync(folder).filter((f) => /^[0-9a-f]+\.json$/.test(f)) : [];
    return new Map(files.map((f) => JSON.parse(fs.readFileSync(path.join(folder, f), 'utf8')) as Numbers).map((r) => [r.ids.length, r]));
  };
  const cells = (language: string): Promise<string[]> => w.panel.locator(`tr[data-language="${language}"] td`).allInnerTexts();
  const mrr = (numbers: Numbers, language: string): string => numbers.stages[0]!.rows.find((r) => r.language === language)!.mrr.toFixed(3);

  before(async () => {
    w = await Workbench.open({ links: { 'bundles/tiny': path.join(ROOT, 'models', 'tiny') } });
  });
  after(async () => {
    await w?.close();
  });
  afterEach(async function () {
    if (this.currentTest?.state === 'failed') await w.shot(`failed-${this.currentTest.title.replace(/\W+/g, '-')}`);
  });

  it('opens from the palette: bundles, benchmark, languages, sample; shows the numbers that it keeps', async () => {
    await w.command('LinguaLIFT: Show Alignment…');
    await w.picker.locator('input[placeholder^="Bundles, up to"]').waitFor();
    // The only bundle is ticked already.
    await w.picker.locator('.quick-input-list .monaco-list-row', { hasText: 'tiny' }).waitFor();
    await w.page.keyboard.press('Enter');
    await w.picker.locator('input[placeholder="Benchmark"]').waitFor();
    await w.pick('LIFT-48');
    await w.languages(['English', 'Swahili', 'Arabic', 'Thai']);
    await w.sample('9');
    await w.panel.locator('.map figcaption', { hasText: 'tiny, Encoder: principal components' }).waitFor({ timeout: 90_000 });
    const numbers = kept().get(9)!;
    assert.equal((await cells('sw'))[2], mrr(numbers, 'sw'));
    await until('the engine to end with the analysis', () => engines() === 0);
    await w.panel.locator('.scatter-surface').focus();
    await w.page.keyboard.press('End');
    await w.panel.locator('.scatter .read-out', { hasText: /^(?:Arabic|English), lift48-\d+: x / }).waitFor();
    await w.panel.locator('.stage input').focus();
    await w.page.keyboard.press('ArrowRight');
    await w.panel.locator('figcaption', { hasText: 'tiny, After the alignment layer:' }).waitFor();
    await w.shot('alignment-palette');
  });

  it('comes back after a reload of the window where it was, from the cache', async () => {
    await w.keepState('aligned');
    await w.page.reload();
    await w.ready();
    await w.panel.locator('figcaption', { hasText: 'tiny, After the alignment layer:' }).waitFor({ timeout: 60_000 });
    assert.equal(engines(), 0, 'no model is loaded for what is kept');
    await w.closeEditors();
  });

  it('opens from a run in the side bar, coloured by its answers, and leads to a sample', async () => {
    await w.command('LinguaLIFT: Run Evaluation…');
    await w.choose({ bundle: 'tiny', benchmark: 'LIFT-48', languages: ['English', 'Arabic', 'Swahili', 'Thai'], sample: '5' });
    await w.panel.locator('.status', { hasText: 'finished' }).waitFor({ timeout: 90_000 });
    await w.closeEditors();
    await w.clearNotifications();
    await w.sideBar();
    await w.contextMenu(w.row(/^tiny · LIFT-48/), 'Show Alignment…');
    await w.panel.locator('.map figcaption').waitFor({ timeout: 90_000 });
    assert.deepEqual(await w.panel.locator('.legend-item').allInnerTexts(), ['right', 'wrong', 'unread', 'failed', 'not in the run']);
    const numbers = kept().get(5)!;
    await w.panel.locator('tr[data-language="ar"] td').nth(9).waitFor();
    const arabic = await cells('ar');
    assert.equal(arabic[2], mrr(numbers, 'ar'));
    assert.match(arabic[9]!, /^\d+\.\d$/, 'the accuracy of the run');
    await w.panel.locator('[role=tab]', { hasText: 'Points' }).click();
    await w.panel.locator('.vrow').nth(2).click();
    await w.shot('alignment-run');
    await w.panel.locator('vscode-button, .button', { hasText: 'Open sample' }).click();
    await w.panel.locator('.detail .completion').waitFor({ timeout: 60_000 });
    await w.closeEditors();
  });
});
