import assert from 'node:assert/strict';
import v8 from 'node:v8';
import { type Browser } from 'playwright-core';
import { type MessageConnection } from 'vscode-jsonrpc/node';
import { attentionAction, lensParams, savedView, softParams, thumbnailParams, tileParams } from '../../src/extension/panels/attention-params';
import { type AttentionSubject, DoAttentionAction, GetLens, GetSoft, GetThumbnails, GetTile, OnAttentionChanged, OnAttentionProgress, OnAttentionToken, OpenAttention, SaveView, type TileParams } from '../../src/protocol/attention-panel';
import { figure } from '../helpers/figures';
import { type Block } from '../../src/protocol/probe';
import { axe, openBrowser, openPanel, type PanelOptions, type PanelPage, shot } from './page';
import { cutterOf, type Invented, lensOf, softOf, subjectOf, thumbnailsOf, weight } from './attention-data';
import { type Theme } from './themes';

/** Handed to `npm run bench`: frames of the matrix while it is moved by the wheel, `zoom` out and in, or across. The whole work of a frame, in ms. */
function frames(panel: PanelPage, zoom: boolean): Promise<{ times: number[]; moved: boolean }> {
  return panel.page.locator('.matrix-box').evaluate((box, ctrlKey) => new Promise<{ times: number[]; moved: boolean }>((resolve) => {
    const { left, top, width, height } = box.getBoundingClientRect();
    const channel = new MessageChannel();
    const times: number[] = [];
    let [n, start, moved] = [0, 0, false];
    const picture = (): string => box.querySelector('canvas')!.toDataURL();
    const first = picture();
    // After the frame's callbacks, style, layout and paint the message comes.
    channel.port1.onmessage = () => {
      times.push(performance.now() - start);
      n += 1;
      if (n === 20) moved = picture() !== first;
      if (n === 120) resolve({ times, moved });
      else setTimeout(step);
    };
    const step = (): void => {
      const way = n % 40 < 20 ? -1 : 1;
      // Asked for before the panel asks for its own, so it is called first in the frame in which the panel draws.
      requestAnimationFrame(() => {
        start = performance.now();
        channel.port2.postMessage(null);
      });
      box.dispatchEvent(new WheelEvent('wheel', { clientX: left + 0.7 * width, clientY: top + 0.7 * height, deltaY: way * (ctrlKey ? -40 : 30), deltaX: ctrlKey ? 0 : way * 30, ctrlKey, cancelable: true, bubbles: true }));
    };
    step();
  }), zoom);
}

/** The host's side over invented numbers, with the checks of the real one and the worker's own tile cutter. */
class Host {
  readonly subjects: AttentionSubject[];
  readonly tiles: TileParams[] = [];
  readonly actions: string[] = [];
  readonly saved: { name: string; format: string; content: string | Uint8Array }[] = [];
  readonly lensRows: (readonly [number, number])[] = [];
  bytes = 0;
  /** All answers with numbers, as structured cloning writes them, in bytes. */
  posted = 0;
  /** When the view was handed over; ms since 1970. */
  handed = 0;
  /** Tiles that were cut once: a page that opens the same view again gets them at once. */
  private readonly cut = new Map<string, Block>();
  opened = 0;
  token: number | null = null;
  openError: string | undefined;
  /** Answers wait until it is resolved. */
  hold: Promise<void> | undefined;
  cancelled = 0;
  connection: MessageConnection | undefined;

  constructor(...invented: readonly Invented[]) {
    this.subjects = invented.map(subjectOf);
  }

  private readonly count = <T>(answer: T): T => {
    this.posted += v8.serialize(answer).byteLength;
    return answer;
  };

  readonly attach = (connection: MessageConnection): void => {
    this.connection = connection;
    const at = (i: number): AttentionSubject => this.subjects[i]!;
    const cutters = new Map<AttentionSubject, ReturnType<typeof cutterOf>>();
    connection.onRequest(OpenAttention, async (token) => {
      this.opened += 1;
      if (this.openError) throw new Error(this.openError);
      await connection.sendNotification(OnAttentionProgress, { step: 2, of: 5, message: 'loading generate.onnx' });
      if (this.hold) await Promise.race([this.hold, new Promise((_, reject) => token.onCancellationRequested(() => reject(new Error('cancelled'))))]);
      this.handed = performance.timeOrigin + performance.now();
      return this.count({ subjects: this.subjects, token: this.token });
    });
    connection.onRequest(GetTile, async (params, token) => {
      const checked = tileParams(params);
      this.tiles.push(checked);
      token.onCancellationRequested(() => (this.cancelled += 1));
      await this.hold;
      const subject = at(checked.subject);
      if (!cutters.has(subject)) cutters.set(subject, cutterOf(subject));
      const key = JSON.stringify(checked);
      const block = this.cut.get(key) ?? (await cutters.get(subject)!(checked));
      this.cut.set(key, block);
      this.bytes += block.data.byteLength;
      return this.count(block);
    });
    connection.onRequest(GetThumbnails, (params) => {
      const { subject, side, size } = thumbnailParams(params);
      return this.count(thumbnailsOf(at(subject), side, size));
    });
    connection.onRequest(GetSoft, (params) => this.count(softOf(at(softParams(params).subject), softParams(params).k)));
    connection.onRequest(GetLens, (params) => {
      const { subject, rows, k } = lensParams(params);
      this.lensRows.push(rows);
      return this.count(lensOf(at(subject), rows, k));
    });
    connection.onRequest(DoAttentionAction, (params) => {
      this.actions.push(JSON.stringify(attentionAction(params)));
      return null;
    });
    connection.onRequest(SaveView, (params) => {
      this.saved.push(savedView(params));
      return true;
    });
  };
}

describe('attention panel', function () {
  this.timeout(60_000);
  let browser: Browser;
  const opened: PanelPage[] = [];
  before(async () => {
    browser = await openBrowser();
  });
  after(() => browser?.close());
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((p) => p.close()));
  });

  async function page(host: Host, options: PanelOptions = {}): Promise<PanelPage> {
    const panel = await openPanel(browser, 'attention', host.attach, { width: 1400, ...options });
    opened.push(panel);
    return panel;
  }
  /** Opened, and nothing on its way any more. */
  async function open(host: Host, options: PanelOptions = {}): Promise<PanelPage> {
    const panel = await page(host, options);
    try {
      await panel.page.locator('.matrix-box canvas').first().waitFor({ timeout: 15_000 });
      await settled(panel);
    } catch (e) {
      throw new Error([(e as Error).message, ...panel.errors, ...panel.violations].join('\n'));
    }
    return panel;
  }
  async function settled(panel: PanelPage): Promise<void> {
    await panel.page.waitForFunction(() => performance.getEntriesByName('lingualift:matrix').length > 0 && !document.querySelector('.work [role=progressbar]') && !/not computed|noch nicht/.test(document.querySelector('.cell-words')?.textContent ?? 'not computed'));
  }
  const words = (panel: PanelPage, i = 0): Promise<string> => panel.page.locator('.cell-words').nth(i).innerText().then((text) => text.replace(/[\u2068\u2069]/g, ''));
  const press = async (panel: PanelPage, ...keys: string[]): Promise<void> => {
    for (const key of keys) await panel.page.keyboard.press(key);
    await settled(panel);
  };
  const inked = (panel: PanelPage, selector = '.matrix-box canvas'): Promise<number> => panel.page.locator(selector).first().evaluate((el) => {
    const c = el as HTMLCanvasElement;
    const { data } = c.getContext('2d')!.getImageData(0, 0, c.width, c.height);
    let n = 0;
    for (let i = 0; i < data.length; i += 4) if (data[i + 3]! > 0 && data[i + 2]! > data[i]! + 40) n += 1;
    return n;
  });

  it('draws ribbon, matrix, heads and the next-token grid inside the policy', async () => {
    const panel = await open(new Host({ language: 'sw' }));
    assert.deepEqual(await panel.page.locator('.ribbon-line.first .ribbon-stage').allInnerTexts(), ['encoder', 'prompt', 'soft prefix', 'prompt', 'answer']);
    assert.ok((await inked(panel)) > 500, 'the matrix has colour');
    assert.ok((await inked(panel, '.heads canvas')) > 500, 'the thumbnails have colour');
    await panel.page.locator('.lens-table td').first().waitFor();
    assert.match(await words(panel), /^“\.?[^”]*” \(answer 14\) gives \d+\.\d % of its attention to “<s>” \(soft prefix 2\) \(mean over layers, mean over heads\), \d+ of \d+ keys\.$/);
    assert.deepEqual(panel.violations, []);
    assert.deepEqual(panel.errors, []);
    await shot(panel.page, 'attention-first');
  });

  it('says the weight of the cell under the keyboard cursor, exactly', async () => {
    const host = new Host({ language: 'en' });
    const panel = await open(host, { state: { side: 'lm', layer: '1', head: '2' } });
    const [s] = host.subjects;
    const S = s!.summary.lm.positions.length;
    const box = panel.page.locator('.matrix-box');
    await box.focus();
    const expect = (r: number, c: number): string => `${(100 * weight('lm', 1, 2, S, S, r, c)).toFixed(1)} %`;
    await press(panel, 'Control+End', 'Home');
    assert.ok((await words(panel)).includes(`gives ${expect(S - 1, 0)} of its attention to “<|begin|>” (prompt 1) (layer 2, head 3)`), await words(panel));
    await press(panel, 'ArrowUp', 'ArrowRight');
    assert.ok((await words(panel)).includes(expect(S - 2, 1)), await words(panel));
    await panel.page.waitForFunction((text) => document.querySelector('[role=status]')?.textContent?.replace(/[\u2068\u2069]/g, '') === text, await words(panel));
    await press(panel, 'Control+ArrowRight'); // from the soft prefix to the prompt after it
    assert.match(await words(panel), /to “Solve” \(prompt 2\)/);
    await press(panel, 'Home', 'PageUp', 'End');
    assert.match(await words(panel), /comes before .* and cannot look at it/);
    // The selection is in ribbon and state too.
    assert.equal(await panel.page.locator('.tok.is-query').count(), 1);
    const kept = panel.state() as { row: number; column: number };
    assert.equal(kept.column, s!.summary.encoder!.tokens.length + S - 1);
  });

  it('links ribbon and matrix in both directions', async () => {
    const panel = await open(new Host({ language: 'hi' }), { state: { side: 'lm', layer: '0', head: '0' } });
    const token = (stage: string, text: string) => panel.page.locator(`.tok.stage-${stage}`, { hasText: text }).first();
    await token('generated', '=').click();
    assert.match(await words(panel), /^“=” \(answer 4\)/);
    // A chip of the encoder stands for its soft slot.
    await token('encoder', 'पास').click();
    await settled(panel);
    assert.match(await words(panel), /^“=” \(answer 4\) gives .* to “पास” \(soft prefix 5\)/);
    const box = (await panel.page.locator('.matrix-box').boundingBox())!;
    await panel.page.mouse.move(box.x + 104 + 40, box.y + box.height - 30);
    await panel.page.locator('.tok.is-pointed').first().waitFor();
    const hovered = await words(panel);
    assert.doesNotMatch(hovered, /^“=”/);
    await panel.page.mouse.move(5, 5);
    await panel.page.waitForFunction(() => document.querySelectorAll('.tok.is-pointed').length === 0);
    assert.match(await words(panel), /^“=” \(answer 4\)/, 'back to the cursor');
    const ribbon = panel.page.locator('.ribbon');
    await ribbon.focus();
    await press(panel, 'ArrowRight', 'Shift+ArrowRight');
    assert.match(await words(panel), /^“15” \(answer 5\) gives .* to “२४” \(soft prefix 6\)/);
  });

  it('shows each script as chips of its own, merged to words on request', async () => {
    for (const language of ['ar', 'hi', 'th', 'zh', 'am']) {
      const panel = await open(new Host({ language }));
      if (language === 'am') assert.match(await panel.page.locator('.prompt-title').innerText(), /· Amharic ·/, 'a name, also for a language outside the 48');
      const chips = await panel.page.locator('.tok.stage-encoder').allInnerTexts();
      assert.deepEqual(chips.slice(-3), ['E0 A7', 'A6', '</s>'], 'bytes as hex');
      if (language === 'hi') assert.ok(chips.includes('\u25cc\u0902'), 'a mark stands on a dotted circle');
      const isolated = await panel.page.locator('.tok').evaluateAll((all) => all.every((el) => getComputedStyle(el).unicodeBidi === 'isolate'));
      assert.ok(isolated);
      await shot(panel.page, `attention-${language}`);
      await panel.page.locator('.check', { hasText: 'Merge sub-words' }).click();
      await panel.page.waitForFunction((n) => document.querySelectorAll('.tok.stage-encoder').length < n, chips.length);
      const merged = await panel.page.locator('.tok.stage-encoder').allInnerTexts();
      if (language === 'ar') assert.ok(merged.includes('تفاحة'), merged.join('|'));
      if (language === 'hi') assert.ok(merged.includes('हैं,') || merged.some((m) => m.startsWith('हैं')), merged.join('|'));
      if (language === 'zh') assert.ok(merged.includes('苹果'), 'words of a script without spaces stay tokens');
      await settled(panel);
      assert.deepEqual(panel.violations, []);
      if (language === 'ar' || language === 'hi') await shot(panel.page, `attention-${language}-words`);
    }
  });

  it('sums sub-words up: a row of words still sums to 1', async () => {
    const host = new Host({ language: 'en' });
    const panel = await open(host, { state: { side: 'encoder', layer: '0', head: '1', units: 'words' } });
    await panel.page.locator('[role=tab]', { hasText: 'Attention as a table' }).click();
    const cells = await panel.page.locator('.tab-panel tbody tr td:last-child').allInnerTexts();
    const sum = cells.reduce((a, c) => a + Number(c.replace(' %', '')), 0);
    assert.ok(Math.abs(sum - 100) < 0.1 * cells.length, `${sum}`);
    assert.ok((await panel.page.locator('.tab-panel tbody').innerText()).includes('apples'));
  });

  it('looks from the answer at source words, and rolls attention out', async () => {
    const host = new Host({ language: 'th' });
    const panel = await open(host, { state: { side: 'source' } });
    assert.equal(await panel.page.locator('select').nth(0).inputValue(), 'source');
    assert.match(await words(panel), /\(answer 14\) draws \d+\.\d % of what it is made of on “.*” \(encoder \d+\) \(roll-out over all layers\)/);
    const first = host.tiles.find((tile) => tile.rows[1] - tile.rows[0] > 1)!;
    assert.equal(first.layer, 'rollout');
    await shot(panel.page, 'attention-source');
  });

  it('chooses a head from the thumbnails and from their table', async () => {
    const panel = await open(new Host({ language: 'en' }), { state: { side: 'lm', layer: '0', head: '0' } });
    await panel.page.locator('.heads-box').focus();
    await press(panel, 'ArrowDown', 'ArrowRight');
    assert.match(await words(panel), /layer 2, head 2/);
    await panel.page.locator('[role=tab]', { hasText: 'Heads as a table' }).click();
    assert.equal(await panel.page.locator('.tab-panel tbody tr').count(), 12);
    await panel.page.locator('.tab-panel button', { hasText: 'layer 3, head 4' }).click();
    await settled(panel);
    assert.match(await words(panel), /layer 3, head 4/);
  });

  it('reads every layer at one position, with the statistic that is chosen', async () => {
    const panel = await open(new Host({ language: 'ar' }));
    await panel.page.locator('.lens-box').focus();
    await press(panel, 'Home', 'ArrowDown');
    const readOut = (await panel.page.locator('.lens .read-out').innerText()).replace(/[\u2068\u2069]/g, '');
    assert.match(readOut, /^layer 2, “<\|begin\|>” \(prompt 1\): next “.*” \d+\.\d %, .*; no token follows here; entropy 2\.67 nats, KL to the last layer 1\.00 nats; Latn 56\.7 %, Arab 33\.3 %, no letters 10\.0 %$/);
    await panel.page.waitForFunction((text) => document.querySelector('[role=status]')?.textContent?.replace(/[\u2068\u2069]/g, '') === text, readOut);
    const table = await panel.page.locator('.lens-table tbody tr').allInnerTexts();
    assert.equal(table.length, 4);
    assert.match(table[3]!, /^embeddings\s.*6\.00\s+–\s+–\s+3\.00\s+Arab 80\.0 %$/);
    await panel.page.locator('.lens select').first().selectOption('script');
    assert.equal(await panel.page.locator('.lens select').nth(1).inputValue(), 'Arab', "the question's own script comes first");
    await press(panel, 'End');
    assert.match(await words(panel), /\(answer 14\)/, 'the grid moves the query');
    await shot(panel.page, 'attention-lens-script');
  });

  it('compares soft vectors with the vocabulary', async () => {
    const panel = await open(new Host({ language: 'hi' }), { state: { tab: 'soft' } });
    await panel.page.locator('.tab-panel tbody tr').nth(3).waitFor();
    const row = await panel.page.locator('.tab-panel tbody tr').nth(4).innerText();
    assert.match(row, /^5\s+पास\s+3\.40\s+1\.40\s+1\.00 × median\s+the 0\.90/);
    assert.match(await panel.page.locator('.tab-panel tbody tr').first().innerText(), /^1\s+\[start\]\s+–\s+1\.00/);
    assert.match(await panel.page.locator('.tab-panel tbody tr').last().innerText(), /above 95 % of them/);
    await panel.page.locator('.tab-panel tbody tr').nth(4).locator('button').click();
    await settled(panel);
    assert.match(await words(panel), /to “पास” \(soft prefix 5\)/);
  });

  it('sets two prompts side by side with linked selection', async () => {
    const panel = await open(new Host({ language: 'en' }, { language: 'ar' }), { state: { side: 'lm', layer: '0', head: '0' } });
    assert.equal(await panel.page.locator('.ribbon').count(), 2);
    assert.equal(await panel.page.locator('.matrix-box').count(), 2);
    const second = panel.page.locator('.ribbon').nth(1);
    await second.locator('.tok.stage-generated', { hasText: '=' }).click();
    await settled(panel);
    for (const i of [0, 1]) assert.match(await words(panel, i), /^“=” \(answer 4\)/);
    await second.locator('.tok.stage-encoder').first().click();
    await settled(panel);
    for (const i of [0, 1]) assert.match(await words(panel, i), /to “<s>” \(soft prefix 2\)/);
    await second.locator('.tok.stage-encoder').last().click();
    await settled(panel);
    const order = (text: string): number => Number(/soft prefix (\d+)\)/.exec(text)![1]);
    const [a, b] = [order(await words(panel, 0)), order(await words(panel, 1))];
    assert.ok(a > b && Math.abs(a / 21 - b / 18) < 0.06, `the same share of the prefix: ${a} and ${b}`);
    await shot(panel.page, 'attention-two');
    await panel.page.locator('button', { hasText: 'Only B' }).click();
    await panel.page.waitForTimeout(50);
    assert.deepEqual((panel.state() as { refs: unknown[] }).refs.length, 2);
  });

  it('passes actions on, each checked', async () => {
    const host = new Host({ language: 'en' });
    const panel = await open(host);
    for (const name of ['Beside another language…', 'Beside another bundle…', 'Open sample', 'Copy link']) await panel.page.locator('button', { hasText: name }).click();
    for (let i = 0; i < 40 && host.actions.length < 4; i += 1) await panel.page.waitForTimeout(25);
    assert.deepEqual(host.actions.map((a) => (JSON.parse(a) as { action: string }).action), ['compareLanguage', 'compareBundle', 'openSample', 'copyLink']);
    assert.throws(() => attentionAction({ action: 'delete', subject: 0 }), /unknown action/);
    assert.throws(() => tileParams({ subject: 0, side: 'lm', layer: -1, head: 0, units: 'tokens', pool: 1, rows: [0, 1], columns: [0, 1] }), /layer/);
    assert.throws(() => savedView({ name: 'x', format: 'exe', content: '' }), /unknown format/);
    assert.equal(savedView({ name: '../../etc/passwd', format: 'csv', content: '' }).name, '..-..-etc-passwd');
  });

  it('moves its cursor when somebody else points at a token, and follows a growing answer', async () => {
    const host = new Host({ language: 'en' });
    host.token = 2;
    const panel = await open(host, { state: { side: 'encoder' } });
    await panel.page.waitForFunction(() => /^“\u20689\u2069” \(answer 3\)/.test(document.querySelector('.cell-words')?.textContent ?? ''));
    await host.connection!.sendNotification(OnAttentionToken, { token: 6 });
    await panel.page.waitForFunction(() => /^“\u2068The\u2069” \(answer 7\)/.test(document.querySelector('.cell-words')?.textContent ?? ''));
    host.subjects[0] = subjectOf({ language: 'en', answer: 20 });
    host.token = 19;
    await host.connection!.sendNotification(OnAttentionChanged, { refs: [host.subjects[0].ref] });
    await panel.page.waitForFunction(() => /\(answer 20\)/.test(document.querySelector('.cell-words')?.textContent ?? ''));
    assert.equal(host.opened, 2);
    assert.equal(((panel.state() as { refs: { completionIds: number[] }[] }).refs[0]!).completionIds.length, 20);
  });

  it('shows what it waits for, can be called off, and tries again', async () => {
    const host = new Host({ language: 'en' });
    let free = (): void => undefined;
    host.hold = new Promise((resolve) => (free = resolve));
    const panel = await page(host);
    await panel.page.locator('.opening [role=status]', { hasText: 'loading generate.onnx (2 of 5)' }).waitFor();
    await panel.page.locator('button', { hasText: 'Cancel' }).click();
    await panel.page.locator('.notice', { hasText: 'Opening was cancelled.' }).waitFor();
    host.openError = 'The bundle is gone. Choose another.';
    await panel.page.locator('button', { hasText: 'Try again' }).click();
    await panel.page.locator('.notice', { hasText: 'The bundle is gone.' }).waitFor();
    host.openError = undefined;
    host.hold = undefined;
    free();
    await panel.page.locator('button', { hasText: 'Try again' }).click();
    await settled(panel);
    // Numbers on their way can be stopped too.
    host.hold = new Promise((resolve) => (free = resolve));
    await panel.page.locator('select').nth(1).selectOption({ value: '2' });
    await panel.page.locator('button', { hasText: 'Stop' }).click();
    await panel.page.locator('.work', { hasText: 'Stopped.' }).waitFor();
    assert.ok(host.cancelled > 0);
    host.hold = undefined;
    free();
    await panel.page.locator('button', { hasText: 'Go on' }).click();
    await settled(panel);
    assert.match(await words(panel), /layer 3/);
  });

  it('takes 2,048 tokens: only what is in view comes, at the level of detail that is seen', async () => {
    const host = new Host({ language: 'hi', encoder: 512, answer: 200, prompt: 1333, layers: 4, heads: 2 });
    const panel = await open(host, { state: { side: 'lm', layer: '1', head: '0' } });
    const posted = host.posted;
    const [s] = host.subjects;
    assert.equal(s!.summary.lm.positions.length, 2048);
    assert.ok((await panel.page.locator('.tok').count()) < 400, 'chips out of view are not there');
    const whole = host.tiles.filter((tile) => tile.rows[1] - tile.rows[0] > 1);
    assert.ok(whole.length > 0 && whole.every((tile) => tile.pool >= 4), 'the overview is coarse');
    assert.ok(host.bytes < 1_500_000, `${host.bytes} bytes`);
    await shot(panel.page, 'attention-2048');
    const before = host.tiles.length;
    await panel.page.locator('.matrix-box').focus();
    await press(panel, ...Array.from({ length: 14 }, () => '+'));
    const fine = host.tiles.slice(before).filter((tile) => tile.rows[1] - tile.rows[0] > 1 && tile.pool === 1);
    assert.ok(fine.length > 0 && fine.length <= 6, `${fine.length} fine tiles`);
    assert.ok(fine.every((tile) => tile.rows[1] > 1700), 'around the cursor only');
    await press(panel, 'ArrowUp');
    const S = 2048;
    const column = s!.summary.lm.positions.findIndex((p) => p.source === 0);
    assert.ok((await words(panel)).includes(`${(100 * weight('lm', 1, 0, S, S, S - 2, column)).toFixed(1)} %`), await words(panel));
    assert.ok(host.lensRows.length > 0 && host.lensRows.every(([from, to]) => to > 1900 && to - from <= 16), 'the grid asks for positions in view');
    await shot(panel.page, 'attention-2048-zoomed');
    // Figures, not judged here.
    figure('attention panel, 2,048 tokens: posted for the first view', posted / 2 ** 10, 'KiB');
    for (const [name, zoom] of [['pan', false], ['zoom', true]] as const) {
      const before = host.posted;
      const { times, moved } = await frames(panel, zoom);
      assert.ok(moved, `${name} moves the picture`);
      times.sort((a, b) => a - b);
      figure(`attention panel, 2,048 tokens: ${name}, median frame`, times[times.length >> 1]!, 'ms');
      figure(`attention panel, 2,048 tokens: ${name}, 95th percentile`, times[Math.floor(0.95 * times.length)]!, 'ms');
      await settled(panel);
      figure(`attention panel, 2,048 tokens: ${name}, posted in 120 frames`, (host.posted - before) / 2 ** 10, 'KiB');
    }
    const again = await open(host, { state: { side: 'lm', layer: '1', head: '0' } });
    const [origin, painted, answers] = await again.page.evaluate(() => [
      performance.timeOrigin, performance.getEntriesByName('lingualift:matrix')[0]!.startTime,
      performance.getEntriesByName('test:answer').map((e) => ({ time: e.startTime, keys: (e as PerformanceMark).detail as string[] })),
    ] as const);
    const tiles = answers.filter(({ time, keys }) => time <= painted && keys.includes('data') && keys.includes('columns'));
    assert.ok(tiles.length > 0, 'the matrix is painted from tiles');
    figure('attention panel, 2,048 tokens: first paint, after the last of its tiles has come', painted - tiles.at(-1)!.time, 'ms');
    figure('attention panel, 2,048 tokens: first paint, after the prompt has come, the way of the tiles over the test included', painted - answers.find(({ keys }) => keys.includes('subjects'))!.time, 'ms');
    figure('attention panel, 2,048 tokens: first paint, after the host has handed the prompt over', origin + painted - host.handed, 'ms');
    assert.deepEqual(again.errors, []);
    assert.deepEqual(panel.violations, []);
    assert.deepEqual(panel.errors, []);
  });

  it('exports each view with its caption and fingerprint', async () => {
    const host = new Host({ language: 'ar' });
    const panel = await open(host, { state: { side: 'lm', layer: '1', head: '2' } });
    const [s] = host.subjects;
    await panel.page.locator('details.columns summary').click();
    const save = async (label: string): Promise<(typeof host.saved)[number]> => {
      const n = host.saved.length;
      await panel.page.locator(`button[aria-label="${label}"]`).click();
      for (let i = 0; i < 80 && host.saved.length === n; i += 1) await panel.page.waitForTimeout(25);
      assert.equal(host.saved.length, n + 1, label);
      return host.saved.at(-1)!;
    };
    const mark = s!.fingerprint.slice(0, 16);
    const json = JSON.parse((await save('Matrix: JSON')).content as string) as { caption: string; fingerprint: string; rows: { token: string }[]; values: number[][] };
    const S = s!.summary.lm.positions.length;
    assert.deepEqual([json.rows.length, json.fingerprint], [S, s!.fingerprint]);
    assert.ok(json.caption.includes(mark) && json.caption.includes('layer 2, head 3'));
    assert.ok(Math.abs(json.values[S - 1]![0]! - weight('lm', 1, 2, S, S, S - 1, 0)) < 1e-5);
    const csv = (await save('Matrix: CSV')).content as string;
    assert.equal(csv.split('\r\n').length, S * S + 3);
    assert.ok(csv.includes(mark));
    const svg = (await save('Matrix: SVG')).content as string;
    assert.ok(svg.startsWith('<svg') && svg.includes(mark) && svg.includes('تفا'));
    const parsed = await panel.page.evaluate((text) => new DOMParser().parseFromString(text, 'image/svg+xml').querySelector('parsererror') === null, svg);
    assert.ok(parsed, 'well-formed');
    const png = (await save('Matrix: PNG')).content as Uint8Array;
    assert.deepEqual([...png.subarray(0, 4)], [0x89, 0x50, 0x4e, 0x47]);
    for (const [label, what] of [['Next token by layer: CSV', 'top1'], ['Next token by layer: SVG', '<svg'], ['All heads: CSV', 'near_diagonal'], ['All heads: JSON', 'elsewhere']] as const) {
      const { content } = await save(label);
      assert.ok((content as string).includes(what) && (content as string).includes(mark), label);
    }
    await panel.page.locator('button[aria-label="Soft vectors: CSV"]').click();
    await panel.page.locator('.notice', { hasText: 'nothing to export yet' }).waitFor();
  });

  it('restores its view, and shows a bundle without an encoder', async () => {
    const host = new Host({ language: 'en', encoder: 0 });
    const panel = await open(host, { state: { side: 'encoder', layer: '99', head: 'x', tab: 'soft', row: 3, column: 1, refs: ['no', 3] } });
    assert.equal(await panel.page.locator('select').first().inputValue(), 'lm');
    assert.match(await words(panel), /\(prompt 4\) gives .* “Solve” \(prompt 2\)/);
    await panel.page.locator('.empty', { hasText: 'no soft prefix' }).waitFor();
    assert.deepEqual(panel.errors, []);
  });

  it('recolours at once with the theme', async () => {
    const panel = await open(new Host({ language: 'en' }));
    const reds = (): Promise<number> => panel.page.locator('.matrix-box canvas').evaluate((el) => {
      const c = el as HTMLCanvasElement;
      const { data } = c.getContext('2d')!.getImageData(0, 0, c.width, c.height);
      let n = 0;
      for (let i = 0; i < data.length; i += 4) if (data[i + 3]! > 0 && data[i]! > data[i + 2]! + 60) n += 1;
      return n;
    });
    assert.equal(await reds(), 0);
    await panel.page.evaluate(() => {
      document.documentElement.style.setProperty('--vscode-charts-blue', '#ff2010');
      document.body.className = 'vscode-light';
    });
    await panel.page.waitForFunction(() => {
      const c = document.querySelector<HTMLCanvasElement>('.matrix-box canvas')!;
      const { data } = c.getContext('2d')!.getImageData(0, 0, c.width, c.height);
      for (let i = 0; i < data.length; i += 4) if (data[i + 3]! > 0 && data[i]! > data[i + 2]! + 60) return true;
      return false;
    });
  });

  for (const theme of ['dark', 'light', 'contrast'] as Theme[]) {
    it(`has no finding of axe in the ${theme} theme`, async () => {
      const panel = await open(new Host({ language: 'ar' }), { theme });
      for (const tab of theme === 'dark' ? ['Next token by layer', 'Soft vectors', 'Attention as a table', 'Heads as a table'] : ['Next token by layer']) {
        await panel.page.locator('[role=tab]', { hasText: tab }).click();
        assert.deepEqual(await axe(panel.page), [], tab);
      }
      await panel.page.locator('[role=tab]', { hasText: 'Next token by layer' }).click();
      await shot(panel.page, `attention-${theme}`);
    });
  }
});
