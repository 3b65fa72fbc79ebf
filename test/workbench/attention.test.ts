import assert from 'node:assert/strict';
import path from 'node:path';
import { ROOT, until } from './server';
import { Workbench } from './workbench';

describe('attention panel in the workbench', function () {
  this.timeout(180_000);
  let w: Workbench;
  const engines = (): number[] => w.server.processes().filter((p) => /engine\.js/.test(p.command)).map((p) => p.pid);
  const words = async (): Promise<string> => (await w.panel.locator('.cell-words').first().innerText()).replace(/[\u2068\u2069]/g, '');
  const cell = (): Promise<void> => until('the words of the cell', async () => /gives \d/.test(await words().catch(() => '')), 60_000).then(() => undefined);

  before(async () => {
    w = await Workbench.open({ links: { 'bundles/tiny': path.join(ROOT, 'models', 'tiny') } });
  });
  after(async () => {
    await w?.close();
  });
  afterEach(async function () {
    if (this.currentTest?.state === 'failed') await w.shot(`failed-${this.currentTest.title.replace(/\W+/g, '-')}`);
  });

  it('opens from the palette: bundle, benchmark, language, problem; the engine answers first', async () => {
    await w.command('LinguaLIFT: Show Attention…');
    for (const [asks, takes] of [['Bundle', 'tiny'], ['Prompt from', 'LIFT-48'], ['Language', 'Thai'], ['Problem', 'lift48-05']] as const) {
      await w.picker.locator(`input[placeholder="${asks}"]`).waitFor();
      // The list holds only the rows in view.
      await w.picker.locator('.quick-input-filter input:not([type=checkbox])').first().fill(takes);
      await w.pick(takes);
    }
    await cell();
    assert.deepEqual(await w.panel.locator('.prompt-title').allInnerTexts(), ['tiny fp32 · Thai']);
    assert.ok((await w.panel.locator('.tok.stage-soft').count()) > 10);
    await w.panel.locator('.heads canvas').waitFor();
    await w.panel.locator('.lens-table td.number').first().waitFor();
    assert.equal(engines().length, 1);
    await w.panel.locator('.matrix-box').focus();
    const before = await words();
    await w.page.keyboard.press('ArrowUp');
    await until('another cell', async () => (await words()) !== before);
    await w.shot('attention-palette-thai');
  });

  it('comes back after a reload of the window with the same answer, and ends its engine when it is closed', async () => {
    const answer = await w.panel.locator('.tok.stage-generated').allInnerTexts();
    // The answer is part of what a panel asks to be kept.
    await w.keepState('completionIds');
    await w.page.reload();
    await w.ready();
    await cell();
    assert.deepEqual(await w.panel.locator('.tok.stage-generated').allInnerTexts(), answer);
    await w.closeEditors();
    await until('the engine to end', () => engines().length === 0, 30_000);
  });

  it('opens from a sample of a run, and goes back to it', async () => {
    await w.command('LinguaLIFT: Run Evaluation…');
    await w.choose({ bundle: 'tiny', benchmark: 'LIFT-48', languages: ['English', 'Arabic'], sample: '2 at random' });
    await w.panel.locator('.status', { hasText: 'finished' }).waitFor({ timeout: 90_000 });
    await w.panel.locator('tr[data-language="ar"] button.language').click();
    await w.panel.locator('.vrow').first().click();
    const completion = await w.panel.locator('.completion').innerText();
    await w.panel.locator('.detail vscode-button', { hasText: 'Attention' }).click();
    await w.panel.locator('.ribbon').waitFor({ timeout: 60_000 });
    await cell();
    assert.match((await w.panel.locator('.prompt-title').innerText()), /tiny fp32 · Arabic · lift48-\d+/);
    await w.panel.locator('.provenance summary').click();
    assert.equal((await w.panel.locator('.provenance dd').nth(1).innerText()).trim(), completion.trim());
    await w.panel.locator('.provenance summary').click();
    await w.panel.locator('select').first().selectOption('source');
    await until('the source roll-out', async () => /draws/.test(await words()), 30_000);
    await w.shot('attention-sample-arabic');
    await w.panel.locator('button', { hasText: 'Beside another language…' }).click();
    await w.picker.locator('input[placeholder="Language"]').waitFor();
    await w.pick('English');
    await until('two prompts', async () => (await w.panel.locator('.ribbon').count()) === 2, 60_000);
    await until('both cells', async () => (await w.panel.locator('.cell-words', { hasText: 'draws' }).count()) === 2, 60_000);
    assert.equal(engines().length, 1, 'one engine for both');
    await w.shot('attention-two-languages');
    await w.clearNotifications();
    await w.closeEditors();
  });
});
