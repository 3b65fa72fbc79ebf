import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { ROOT, until } from './server';
import { Workbench } from './workbench';

const TINY = path.join(ROOT, 'models', 'tiny');

interface State {
  readonly status: string;
  readonly cancelledLanguages?: readonly string[];
}
interface Key {
  readonly language: string;
  readonly id: string;
}

describe('runs in the workbench', function () {
  this.timeout(180_000);
  let w: Workbench;
  const runs = (): string[] => {
    const folder = path.join(w.server.workspace, 'runs');
    return fs.existsSync(folder) ? fs.readdirSync(folder).map((n) => path.join(folder, n)) : [];
  };
  const state = (folder: string): State | undefined => {
    try {
      return JSON.parse(fs.readFileSync(path.join(folder, 'state.json'), 'utf8')) as State;
    } catch {
      return undefined;
    }
  };
  const samples = (folder: string): Key[] => {
    try {
      // The last line may be on its way.
      return fs.readFileSync(path.join(folder, 'samples.jsonl'), 'utf8').split('\n').slice(0, -1).map((l) => JSON.parse(l) as Key);
    } catch {
      return [];
    }
  };
  const grows = async (folder: string): Promise<void> => {
    const before = samples(folder).length;
    await until('more samples', () => samples(folder).length > before, 60_000);
  };
  const engines = (): number[] => w.server.processes().filter((p) => /engine\.js/.test(p.command)).map((p) => p.pid);
  const status = (word: string, ms = 60_000): Promise<void> => w.panel.locator('.status', { hasText: word }).waitFor({ timeout: ms });

  before(async () => {
    w = await Workbench.open({ links: { 'bundles/tiny': TINY } });
  });
  after(async () => {
    await w?.close();
  });
  afterEach(async function () {
    if (this.currentTest?.state === 'failed') await w.shot(`failed-${this.currentTest.title.replace(/\W+/g, '-')}`);
  });

  it('starts from the palette, shows results live and finishes', async () => {
    await w.command('LinguaLIFT: Run Evaluation…');
    await w.choose({ bundle: 'tiny', benchmark: 'LIFT-48', languages: ['English', 'Arabic', 'Swahili'], sample: '10 at random' });
    await status('finished', 90_000);
    const [folder] = runs();
    assert.equal(samples(folder!).length, 30);
    assert.equal(state(folder!)?.status, 'finished');
    for (const code of ['en', 'ar', 'sw']) assert.equal(await w.panel.locator(`tr[data-language="${code}"] td.number`).first().innerText(), '10');
    await w.notification('is finished: 30 items').waitFor();
    await w.shot('run-finished');
  });

  it('shows the samples of a language and one sample, right to left with its English twin', async () => {
    await w.panel.locator('tr[data-language="ar"] button.language').click();
    await w.panel.locator('.vrow').nth(9).waitFor();
    assert.equal(await w.panel.locator('.vrow').count(), 10);
    await w.panel.locator('.vrow').first().click();
    const question = w.panel.locator('.detail p.text').first();
    await question.waitFor();
    assert.equal(await question.evaluate((el) => getComputedStyle(el).direction), 'rtl');
    assert.match(await question.innerText(), /[\u0600-\u06ff]{3}/);
    await w.panel.locator('.detail vscode-checkbox', { hasText: 'in English' }).click();
    assert.match(await w.panel.locator('.twin').innerText(), /[a-z]{3,} [a-z]+/i);
    assert.ok((await w.panel.locator('.completion .token').count()) > 5, 'tokens are shaded');
    await w.panel.locator('.detail vscode-button', { hasText: 'All languages' }).click();
    await w.panel.locator('.strip .cell').nth(2).waitFor();
    assert.equal(await w.panel.locator('.strip .cell').count(), 3);
    await w.shot('sample-arabic');
    await w.clearNotifications();
    await w.closeEditors();
  });

  it('starts from the side bar and from a context menu', async () => {
    await w.sideBar();
    const bundle = w.row(/^tiny/);
    await bundle.waitFor();
    await bundle.hover();
    await bundle.locator('.action-label[aria-label="Run Evaluation…"]').click();
    await w.choose({ benchmark: 'LIFT-48', languages: ['Basque', 'Thai'], sample: '2 at random' });
    await until('the second run', () => runs().some((f) => samples(f).length === 4 && state(f)?.status === 'finished'), 90_000);
    await w.contextMenu(w.row(/^LIFT-48\s*48/), 'Run Evaluation…');
    await w.choose({ bundle: 'tiny', languages: ['Hindi', 'Korean'], sample: '3' });
    await until('the third run', () => runs().some((f) => samples(f).length === 6 && state(f)?.status === 'finished'), 90_000);
    await until('three runs in the view', async () => (await w.page.locator('.sidebar .monaco-list-row', { hasText: 'tiny · LIFT-48' }).count()) === 3);
    await w.shot('side-bar-runs');
    await w.clearNotifications();
    await w.closeEditors();
  });

  describe('a long run', () => {
    let folder: string;

    it('pauses with its engine loaded, and resumes', async () => {
      const before = new Set(runs());
      await w.command('LinguaLIFT: Run Evaluation…');
      await w.choose({ bundle: 'tiny', benchmark: 'LIFT-48', languages: 'All languages', sample: 'All 50' });
      folder = await until('the run folder', () => runs().find((f) => !before.has(f)), 90_000);
      await grows(folder);
      await w.page.locator('.statusbar-item', { hasText: 'tiny · LIFT-48' }).waitFor();
      await w.panel.locator('.actions vscode-button', { hasText: 'Pause' }).click();
      await status('paused');
      await w.shot('run-paused');
      const held = samples(folder).length;
      assert.equal(state(folder)?.status, 'paused');
      assert.ok(engines().length >= 1, 'the engine stays loaded');
      assert.ok(held < 48 * 50, 'the run was paused before its end');
      await w.panel.locator('.actions vscode-button', { hasText: 'Resume' }).click();
      await status('running');
      await until('more samples than before the pause', () => samples(folder).length > held, 60_000);
    });

    it('takes one language out and goes on with the others', async () => {
      const row = w.panel.locator('tr[data-language="vi"]');
      await row.locator('button[aria-label^="Take Vietnamese out"]').click();
      await row.locator('.note', { hasText: 'taken out' }).waitFor();
      assert.deepEqual(state(folder)?.cancelledLanguages, ['vi']);
      await grows(folder);
      await w.shot('language-taken-out');
    });

    it('goes on when the engine process is killed', async () => {
      const before = await until('an engine', () => (engines().length > 0 ? engines() : undefined));
      process.kill(before[0]!, 'SIGKILL');
      await until('another engine', () => engines().some((pid) => !before.includes(pid)), 60_000);
      await grows(folder);
      assert.equal(state(folder)?.status, 'running');
    });

    it('is taken up again after the window is reloaded', async () => {
      await w.page.reload();
      await w.ready();
      await status('running', 90_000);
      await grows(folder);
      await w.shot('run-after-reload');
    });

    it('can be cancelled, and resumed to its end without asking an item twice', async () => {
      await w.panel.locator('.actions vscode-button', { hasText: 'Cancel' }).click();
      await status('cancelled');
      await until('the engine to end', () => engines().length === 0);
      await w.panel.locator('.actions vscode-button', { hasText: 'Resume' }).click();
      await until('the end of the run', () => state(folder)?.status === 'finished', 150_000);
      const keys = samples(folder).map((s) => `${s.language}/${s.id}`);
      assert.equal(new Set(keys).size, keys.length, 'no item twice');
      assert.equal(keys.filter((k) => !k.startsWith('vi/')).length, 47 * 50);
      await status('finished');
      await w.shot('run-48-languages');
    });
  });
});
