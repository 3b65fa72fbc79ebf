import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { type Browser } from 'playwright-core';
import { type MessageConnection } from 'vscode-jsonrpc/node';
import { trainingAction } from '../../src/extension/panels/training-params';
import { DoTrainingAction, OnTrainings, OpenTrainings, type TrainingAction, type TrainingsView } from '../../src/protocol/training';
import { MetricsReader, trainingView } from '../../src/runs/training';
import { axe, openBrowser, openPanel, type PanelOptions, type PanelPage, says, shot } from './page';
import { HOSTILE } from './run-data';
import { type Theme } from './themes';

const ROOT = path.resolve(__dirname, '..', '..');
const LANGUAGES = ['ar', 'bn', 'es', 'sw', 'th', 'zh'];
const MIXED = { ar: 'Ann has 3 كتب and 2 أقلام .', bn: 'Ann has 3 বই and 2 কলম .', es: 'Ann has 3 libros and 2 lápices .', sw: 'Ann has 3 vitabu and 2 kalamu .', th: 'Ann has 3 หนังสือ .', zh: 'Ann has 3 书 .' } as const;

/** Metrics as the trainer writes them, with invented numbers: `rate` is how fast the loss falls. */
function rowsOf(steps: number, rate: number): string[] {
  const lines: string[] = [];
  for (let step = 10; step <= steps; step += 10) {
    const loss = 0.8 + 3 * Math.exp(-step / rate) + 0.05 * Math.sin(step);
    lines.push(JSON.stringify({ step, max_steps: 400, epoch: step / 200, loss, learning_rate: 6e-4 * Math.min(1, step / 60), grad_norm: 1 + 9 / step, grad_norm_connector: 0.9 + 9 / step, grad_norm_llm: 0.1, tokens_per_second: 900 + (step % 70), memory_mb: 1200 + step, seconds: step / 4 }));
    if (step % 50 === 0) {
      lines.push(JSON.stringify({ step, max_steps: 400, eval_loss: loss + 0.1, memory_mb: 1200 + step, seconds: step / 4 }));
      lines.push(JSON.stringify({
        step, reconstruction_chrf: Object.fromEntries(LANGUAGES.map((l, i) => [l, Math.min(99, step / (4 + i) + i)])),
        reconstruction_sample: Object.fromEntries(LANGUAGES.map((l) => [l, { input: MIXED[l as keyof typeof MIXED], output: l === 'es' ? HOSTILE : l === 'th' ? '' : `Ann has ${step} books.` }])),
      }));
    }
  }
  return lines;
}

/** The host's side: the extension's own reader behind its own checks. */
class Host {
  readonly actions: TrainingAction[] = [];
  connection: MessageConnection | undefined;
  private readonly readers = new Map<string, MetricsReader>();

  constructor(public folders: string[], private readonly trusted = true, private readonly others: TrainingsView['others'] = []) {}

  view(): TrainingsView {
    const read = (folder: string): MetricsReader => {
      const reader = this.readers.get(folder) ?? new MetricsReader(path.join(folder, 'metrics.jsonl'));
      this.readers.set(folder, reader);
      return reader;
    };
    return { trainings: this.folders.map((f) => trainingView(f, read(f))), trusted: this.trusted, others: this.others };
  }

  readonly attach = (connection: MessageConnection): void => {
    this.connection = connection;
    connection.onRequest(OpenTrainings, () => this.view());
    connection.onRequest(DoTrainingAction, (params) => {
      this.actions.push(trainingAction(params));
      return null;
    });
  };
}

describe('training panel', function () {
  this.timeout(60_000);
  let browser: Browser;
  let home: string;
  const opened: PanelPage[] = [];
  const folder = (name: string): string => path.join(home, name);
  const metrics = (name: string): string => path.join(folder(name), 'metrics.jsonl');

  before(async () => {
    browser = await openBrowser();
  });
  after(async () => browser?.close());
  beforeEach(() => {
    home = fs.mkdtempSync(path.join(os.tmpdir(), 'lingualift-training-panel-'));
    write('half', 200, 60, true);
    write('whole', 400, 90, false);
  });
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((p) => p.close()));
    fs.rmSync(home, { recursive: true, force: true });
  });

  function write(name: string, steps: number, rate: number, running: boolean): void {
    fs.mkdirSync(folder(name));
    fs.writeFileSync(path.join(folder(name), 'settings.json'), JSON.stringify({ fingerprint: `${name}0123456789abcdef`, settings: { stage: 'stage1' } }));
    fs.writeFileSync(path.join(folder(name), 'process.json'), JSON.stringify({ pid: process.pid, host: os.hostname(), ...(running ? {} : { ended: 'x' }) }));
    fs.writeFileSync(metrics(name), rowsOf(steps, rate).map((l) => l + '\n').join(''));
    if (!running) fs.writeFileSync(path.join(folder(name), 'result.json'), JSON.stringify({ fingerprint: `${name}0123456789abcdef`, steps, train_loss: 1.1, files: ['connector.safetensors'] }));
    for (const step of [100, 200]) {
      fs.mkdirSync(path.join(folder(name), `checkpoint-${step}`));
      fs.writeFileSync(path.join(folder(name), `checkpoint-${step}`, 'complete'), '');
    }
  }

  async function open(host: Host, options: PanelOptions = {}): Promise<PanelPage> {
    const panel = await openPanel(browser, 'training', host.attach, options);
    opened.push(panel);
    await panel.page.locator('.training').waitFor();
    return panel;
  }
  const tab = (panel: PanelPage, name: string) => panel.page.locator('[role=tab]', { hasText: name });
  const chart = (panel: PanelPage, key: string) => panel.page.locator(`.chart[data-plot="${key}"]`);
  /** Share of a plot's pixels that are coloured like a line. */
  const painted = (panel: PanelPage, key: string): Promise<number> => chart(panel, key).locator('canvas').evaluate((c) => {
    const canvas = c as HTMLCanvasElement;
    const { data } = canvas.getContext('2d')!.getImageData(0, 0, canvas.width, canvas.height);
    let n = 0;
    for (let i = 0; i < data.length; i += 4) if (data[i + 3]! > 60 && Math.max(data[i]!, data[i + 1]!, data[i + 2]!) - Math.min(data[i]!, data[i + 1]!, data[i + 2]!) > 40) n += 1;
    return n;
  });

  it('draws every column of the metrics under the policy, and says the last values in words', async () => {
    const panel = await open(new Host([folder('half')]));
    await chart(panel, 'loss').waitFor();
    assert.deepEqual(await panel.page.locator('.chart').evaluateAll((all) => all.map((e) => (e as HTMLElement).dataset.plot)), ['loss', 'learning_rate', 'grad_norm', 'tokens_per_second', 'memory_mb']);
    for (const key of ['loss', 'grad_norm', 'memory_mb']) assert.ok((await painted(panel, key)) > 100, `${key} is not drawn`);
    const last = JSON.parse(rowsOf(200, 60).filter((l) => 'loss' in (JSON.parse(l) as object)).at(-1)!) as { loss: number };
    await says(chart(panel, 'loss').locator('.chart-read-out'), new RegExp(`^last: loss ${last.loss.toFixed(3)}, held-out loss ${(last.loss + 0.1).toFixed(3)}$`));
    assert.match(await panel.page.locator('.trainings tbody tr').innerText(), /stage1 half\s+running\s+200 \/ 400/);
    assert.deepEqual(panel.violations, []);
    assert.deepEqual(panel.errors, []);
  });

  for (const theme of ['dark', 'light', 'contrast'] as readonly Theme[]) {
    it(`has no finding of axe in ${theme}, in any view`, async () => {
      const panel = await open(new Host([folder('whole'), folder('half')], true, [{ folder: '/x', name: 'other', stage: 'stage2' }]), { theme });
      await chart(panel, 'loss').waitFor();
      assert.deepEqual(await axe(panel.page), []);
      await shot(panel.page, `training-${theme}`);
      for (const [name, ready] of [['Reconstruction', '.charts.small canvas'], ['Samples', '.reconstructions'], ['Checkpoints', '.checkpoints']] as const) {
        await tab(panel, name).click();
        await panel.page.locator(ready).first().waitFor();
        assert.deepEqual(await axe(panel.page), [], name);
        await shot(panel.page, `training-${name.toLowerCase()}-${theme}`);
      }
      assert.deepEqual(panel.violations, []);
    });
  }

  it('follows the file while it grows, without losing the cursor', async () => {
    const host = new Host([folder('half')]);
    const panel = await open(host);
    const loss = chart(panel, 'loss');
    await loss.locator('.chart-focus').focus();
    await panel.page.keyboard.press('Home');
    const words = await says(loss.locator('.chart-read-out'), /^step 10: loss /);
    fs.appendFileSync(metrics('half'), '{"step": 210, "max_steps": 400, "loss": 0.125}\n{"step": 220, "max_steps": 400, "lo');
    await host.connection!.sendNotification(OnTrainings, host.view());
    await panel.page.locator('.trainings tbody tr', { hasText: '210 / 400' }).waitFor();
    assert.equal(await loss.locator('.chart-read-out').innerText(), words);
    await panel.page.keyboard.press('End');
    await loss.locator('.chart-read-out', { hasText: /^step 210: loss 0\.125, held-out loss / }).waitFor();
    assert.deepEqual(panel.errors, []);
  });

  it('is read by keyboard: the cursor moves over all plots at once and is spoken', async () => {
    const panel = await open(new Host([folder('half')]));
    await chart(panel, 'loss').locator('.chart-focus').focus();
    await panel.page.keyboard.press('End');
    await panel.page.keyboard.press('ArrowLeft');
    const spoken = await says(panel.page.locator('[role=status]'), /^Loss\. step 190: /);
    assert.match(spoken, /^Loss\. step 190: loss \d\.\d{3}, held-out loss \d\.\d{3}$/);
    assert.equal(`Loss. ${await chart(panel, 'loss').locator('.chart-read-out').innerText()}`, spoken);
    await says(chart(panel, 'memory_mb').locator('.chart-read-out'), /^step 190: peak memory, MB 1,390$/);
    assert.ok(await chart(panel, 'memory_mb').locator('.u-cursor-x').evaluate((el) => getComputedStyle(el).display !== 'none'));
    await tab(panel, 'Curves').focus();
    await panel.page.keyboard.press('ArrowRight');
    await panel.page.locator('.charts.small').waitFor();
  });

  it('has every number in a table', async () => {
    const panel = await open(new Host([folder('half')]));
    await panel.page.locator('button.filter', { hasText: 'As table' }).click();
    const table = panel.page.locator('table.metrics');
    assert.deepEqual((await table.locator('thead th').allInnerTexts()).slice(0, 4), ['Step', 'loss', 'learning rate', 'gradient norm, all']);
    const rows = table.locator('tbody tr');
    assert.equal(await rows.count(), 20);
    const want = JSON.parse(rowsOf(200, 60)[0]!) as { loss: number; learning_rate: number };
    const cells = await rows.first().locator('th, td').allInnerTexts();
    assert.deepEqual(cells.slice(0, 3), ['10', want.loss.toFixed(3), want.learning_rate.toExponential(2).replace('-', '−')]);
    await tab(panel, 'Reconstruction').click();
    assert.match(await table.locator('tbody tr', { hasText: 'Swahili' }).innerText(), /Swahili\s+10\.14 \(50\)\s+31\.57 \(200\)/);
  });

  it('draws reconstruction as one plot a language, on the same scale', async () => {
    const panel = await open(new Host([folder('half')]));
    await tab(panel, 'Reconstruction').click();
    await panel.page.locator('.charts.small .chart').nth(5).waitFor();
    assert.deepEqual(await panel.page.locator('.charts.small figcaption').allInnerTexts(), ['Arabic', 'Bengali', 'Chinese', 'Spanish', 'Swahili', 'Thai']);
    assert.ok((await painted(panel, 'ar')) > 30);
  });

  it('shows the last reconstructions as text, in their own direction, and makes no markup of them', async () => {
    const panel = await open(new Host([folder('half')]));
    await tab(panel, 'Samples').click();
    const row = (name: string) => panel.page.locator('.reconstructions tbody tr', { hasText: name });
    assert.equal(await row('Arabic').locator('p.text').first().innerText(), MIXED.ar);
    assert.ok((await row('Spanish').innerText()).includes('<img src=x'));
    assert.equal(await row('Thai').locator('p.text').nth(1).innerText(), '(nothing)');
    assert.equal(await panel.page.locator('.reconstructions img, .reconstructions script').count(), 0);
    assert.equal(await panel.page.evaluate(() => (globalThis as { pwned?: number }).pwned), undefined);
  });

  it('lays trainings over each other, and takes one in or out', async () => {
    const host = new Host([folder('whole'), folder('half')], true, [{ folder: '/x', name: 'other', stage: 'stage2' }]);
    const panel = await open(host);
    const keys = await chart(panel, 'loss').locator('.chart-key').allInnerTexts();
    assert.deepEqual(keys.map((k) => k.trim()), ['whole, loss', 'whole, held-out loss', 'half, loss', 'half, held-out loss']);
    await panel.page.locator('header select').selectOption('0');
    await panel.page.locator('button[aria-label="Take out: half"]').click();
    await panel.page.waitForTimeout(50);
    assert.deepEqual(host.actions, [{ action: 'add', index: 0, other: 0 }, { action: 'remove', index: 1 }]);
    assert.deepEqual((panel.state() as { folders: string[] }).folders, [folder('whole'), folder('half')]);
  });

  it('offers what can be done with a training and with a checkpoint, and nothing without trust', async () => {
    const host = new Host([folder('whole')]);
    const panel = await open(host);
    await panel.page.locator('button[aria-label="Export…: whole"]').click();
    await tab(panel, 'Checkpoints').click();
    const rows = await panel.page.locator('.checkpoints tbody tr').allInnerTexts();
    assert.match(rows[1]!, /200\s+\d\.\d{3} \(lowest\)/);
    await panel.page.locator('button[aria-label="Evaluate…: whole, step 100"]').click();
    await panel.page.waitForTimeout(50);
    assert.deepEqual(host.actions, [{ action: 'export', index: 0 }, { action: 'evaluate', index: 0, checkpoint: 100 }]);
    const restricted = await open(new Host([folder('whole')], false), { state: { tab: 'checkpoints', log: 3, folders: [] } });
    await restricted.page.locator('.checkpoints').waitFor();
    await restricted.page.locator('.notice', { hasText: 'Restricted Mode' }).waitFor();
    assert.deepEqual(await restricted.page.locator('button.button').allInnerTexts(), ['Show folder']);
  });

  it('puts the loss on a logarithmic scale and keeps the choice', async () => {
    const panel = await open(new Host([folder('half')]));
    await panel.page.locator('button.filter', { hasText: 'Logarithmic' }).click();
    assert.ok((await painted(panel, 'loss')) > 100);
    assert.equal((panel.state() as { log: boolean }).log, true);
    assert.deepEqual(panel.errors, []);
  });

  it('says what is missing instead of an empty plot', async () => {
    fs.writeFileSync(metrics('half'), '');
    const panel = await open(new Host([folder('half')]));
    await panel.page.locator('.empty', { hasText: 'No metrics yet' }).waitFor();
    await tab(panel, 'Reconstruction').click();
    await panel.page.locator('.empty', { hasText: 'reconstruction_samples' }).waitFor();
  });

  it('is at most 200 kB', () => {
    assert.ok(fs.statSync(path.join(ROOT, 'dist', 'webview', 'training.js')).size <= 200_000);
  });
});
