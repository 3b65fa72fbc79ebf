import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { type Locator } from 'playwright-core';
import { demoBundlesFolder } from '../../src/runs/locations';
import { ROOT, until } from './server';
import { Workbench } from './workbench';

const TINY = path.join(ROOT, 'models', 'tiny');
const DEMO = path.join(demoBundlesFolder(), 'smol-lift');
const REAL = `bundle: smol-lift
language: en
gold: 7
---
Ben has 12 apples. He gives 5 to Mia. How many apples does Ben have now?
`;
const PROMPT = `bundle: tiny
language: en
max-tokens: 40
---
Ana has 24 apples and gives 9 away. How many are left?
=== sw
Ana ana matofaa 24 na anatoa 9. Yamebaki mangapi?
`;
describe('debugging in the workbench', function () {
  this.timeout(150_000);
  let w: Workbench;
  before(async () => {
    w = await Workbench.open({
      links: { 'bundles/tiny': TINY, ...(fs.existsSync(DEMO) ? { 'bundles/smol-lift': DEMO } : {}) }, files: { 'apples.lift': PROMPT, 'real.lift': REAL },
      settings: { 'lingualift.engine.threads': 1, 'debug.openDebug': 'openOnDebugBreak', 'debug.internalConsoleOptions': 'neverOpen' },
    });
  });
  after(async () => {
    await w?.close();
  });
  afterEach(async function () {
    if (this.currentTest?.state === 'failed') await w.shot(`failed-${this.currentTest.title.replace(/\W+/g, '-')}`);
  });

  const open = async (name: string): Promise<void> => {
    await w.command('View: Show Explorer');
    await w.page.locator('.explorer-folders-view .monaco-list-row', { hasText: name }).first().dblclick();
    await w.page.locator('.tab.active', { hasText: name }).waitFor();
    await w.page.locator('.editor-instance .monaco-editor .view-line').first().click();
  };
  /** The debug view is there before the session, as it shows what it is told of from then on. */
  const start = async (name: string): Promise<void> => {
    await open(name);
    await w.command('View: Show Run and Debug');
    await w.page.locator('.editor-instance .monaco-editor .view-line').first().click();
    await w.page.keyboard.press('F5');
  };
  const variable = (name: string): Locator => w.page.locator('.debug-variables .monaco-list-row', { has: w.page.locator('.expression .name', { hasText: new RegExp(`^${name}\\s*[:=]?\\s*$`) }) }).first();
  const value = async (name: string): Promise<string> => (await variable(name).locator('.value').first().innerText({ timeout: 1000 })).trim();
  /** Number and token that the top frame of a thread names. */
  const frame = async (): Promise<readonly [number, string]> => {
    const found = /token (\d+) (\S+)/.exec(await w.page.locator('.debug-call-stack .stack-frame', { hasText: 'LLM · token' }).first().innerText({ timeout: 1000 }));
    return [Number(found?.[1] ?? NaN), found?.[2] ?? ''];
  };
  /** Waits for call stack and variables, which follow one after the other. */
  const at = (n: number): Promise<boolean> => until(`token ${n}`, async () => {
    const [there, token] = await frame();
    return there === n && (await value('chosen')).startsWith(token);
  });
  const step = async (key: string, n: number): Promise<void> => {
    await w.page.keyboard.press(key);
    await at(n);
  };
  const text = async (): Promise<string> => (await w.page.locator('.editor-instance .monaco-editor .view-lines').first().innerText()).replaceAll('\u00a0', ' ');

  it('starts with F5 on a prompt file, stops before the first token and steps; back and forth give the same ids', async () => {
    await start('apples.lift');
    await w.page.locator('.debug-toolbar').waitFor({ timeout: 60_000 });
    await w.page.locator('.tab.active', { hasText: '1-en.liftout' }).waitFor({ timeout: 60_000 });
    await at(0);
    const ids: string[] = [await value('id')];
    for (let n = 1; n <= 6; n++) {
      await step('F10', n);
      ids.push(await value('id'));
    }
    assert.equal(new Set(ids).size > 2, true, ids.join(' '));
    await w.shot('debug-stepped');
    for (let n = 5; n >= 4; n--) {
      await w.page.locator('.debug-toolbar .codicon-debug-step-back').click();
      await at(n);
      await until('the id of before', async () => (await value('id')) === ids[n]);
    }
    for (let n = 5; n <= 6; n++) {
      await step('F10', n);
      await until('the same id again', async () => (await value('id')) === ids[n]);
    }
    assert.ok((await text()).length > 3);
  });

  it('forces a token by setting the variable, marks it alone, and goes on from it', async () => {
    const chosen = variable('chosen');
    const before = await value('chosen');
    await chosen.locator('.expression').first().dblclick();
    const input = w.page.locator('.debug-variables .inputBoxContainer input, .debug-variables .monaco-inputbox input');
    await input.waitFor();
    await input.fill('"7"');
    await w.page.keyboard.press('Enter');
    await until('the forced token', async () => (await value('chosen')) === '"7"');
    assert.notEqual(before, '"7"');
    await until('what follows from it', async () => (await value('forced')) === 'true' && (await frame())[1] === '"7"');
    await until('the text and its least probable token', async () => /7.*lowest \S+ "7"/s.test(await text()));
    // The forced token is marked, and nothing else, also when more text follows.
    const marked = (): Promise<string> => w.page.locator('.editor-instance .monaco-editor .view-line span').evaluateAll((spans) => spans.filter((s) => s.children.length === 0 && Number(getComputedStyle(s).fontWeight) >= 700).map((s) => s.textContent ?? '').join('|'));
    await until('the mark', async () => (await marked()) === '7');
    await w.shot('debug-forced');
    await step('F10', 7);
    await until('the mark where it was', async () => (await marked()) === '7');
  });

  it('stops when a quantity that is watched changes, in whichever language that is', async () => {
    await w.contextMenu(variable('entropy'), 'Break on Value Change');
    await w.page.locator('.debug-breakpoints .breakpoint', { hasText: 'entropy' }).waitFor();
    const [from] = await frame();
    await w.page.keyboard.press('F5');
    await w.page.locator('.debug-call-stack', { hasText: /entropy: \S+ → \S+/ }).waitFor();
    await until('a later token', async () => (await frame())[0] > from);
    await w.shot('debug-data-breakpoint');
  });

  it('switches to the thread of the other language, which is at the same token', async () => {
    const [n] = await frame();
    const front = await w.page.locator('.tab.active').innerText();
    const [thread, document] = front.includes('1-en') ? ['Swahili (sw)', '2-sw.liftout'] : ['English (en)', '1-en.liftout'];
    const rows = w.page.locator('.debug-call-stack .monaco-list-row');
    const row = rows.filter({ hasText: thread });
    const frames = rows.filter({ hasText: `LLM · token ${n}` });
    // The list holds what is in view only.
    await w.page.locator('.pane-header', { hasText: 'Watch' }).click();
    await until('the frames of both threads', async () => {
      if ((await row.getAttribute('aria-expanded', { timeout: 1000 })) !== 'true') await row.locator('.monaco-tl-twistie').click({ timeout: 1000 });
      return (await frames.count()) === 2;
    });
    const index = Number(await row.getAttribute('data-index'));
    await w.page.locator(`.debug-call-stack .monaco-list-row[data-index="${index + 1}"]`, { hasText: `LLM · token ${n}` }).click();
    await w.page.locator('.tab.active', { hasText: document }).waitFor();
    await w.shot('debug-other-language');
    await w.page.keyboard.press('Shift+F5');
    await w.page.locator('.debug-toolbar').waitFor({ state: 'hidden' });
  });

  it('shows real text with its probabilities on the demo bundle', async function () {
    if (!fs.existsSync(path.join(DEMO, 'lift.json'))) return this.skip();
    await w.closeEditors();
    await start('real.lift');
    await w.page.locator('.tab.active', { hasText: '1-en.liftout' }).waitFor({ timeout: 90_000 });
    await at(0);
    for (let n = 1; n <= 5; n++) await step('F10', n);
    // A trained model begins with a number of the question, where models/tiny makes up characters.
    await w.page.locator('.debug-variables .monaco-list-row', { hasText: /^Text$/ }).click();
    await until('the text so far', async () => /^"\s*(?:12|5)\b/.test(await value('text')));
    await w.shot('debug-demo');
    await w.page.keyboard.press('Shift+F5');
    await w.page.locator('.debug-toolbar').waitFor({ state: 'hidden' });
  });
});
