import path from 'node:path';
import { type FrameLocator, type Locator, type Page } from 'playwright-core';
import { type Browser, browser, Server, type ServerOptions, sleep, until } from './server';

const exactly = (text: string): RegExp => new RegExp(`^${text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}$`);

/** A workbench as a person sees it: palette, picks, side bar, notifications, panels. */
export class Workbench {
  readonly page: Page;
  private constructor(
    readonly server: Server,
    private readonly browser: Browser,
  ) {
    this.page = browser.page;
    this.page.setDefaultTimeout(30_000);
  }

  static async open(options: ServerOptions, query?: Readonly<Record<string, string>>): Promise<Workbench> {
    const server = await Server.start({ vsix: process.env.LINGUALIFT_VSIX, ...options });
    try {
      const workbench = new Workbench(server, await browser());
      await workbench.page.goto(server.url(query));
      await workbench.ready();
      return workbench;
    } catch (e) {
      await server.stop();
      throw e;
    }
  }

  async ready(): Promise<void> {
    await this.page.locator('.monaco-workbench .activitybar').waitFor({ timeout: 120_000 });
    await this.page.locator('.activitybar .action-label[aria-label^="LinguaLIFT"]').waitFor({ timeout: 120_000 });
  }

  /**
   * Lets the workbench write down what is open, and waits until `text` is in what it keeps for the next window. It writes when its window
   * loses the focus, and otherwise once a minute; IndexedDB takes nothing any more while a page goes away. An event "blur" would not do:
   * a workbench whose focus is inside a panel has had its blur already. It looks at the focus again when its visibility changes, and
   * acts on what has changed since the last time.
   */
  async keepState(text: string): Promise<void> {
    await until(`the workbench to keep "${text}"`, () => this.page.evaluate(async (wanted) => {
      for (const focus of [true, false]) {
        document.hasFocus = () => focus;
        document.dispatchEvent(new Event('visibilitychange'));
      }
      delete (document as { hasFocus?: unknown }).hasFocus;
      for (const { name } of await indexedDB.databases()) {
        if (!name?.startsWith('vscode-web-state-db-')) continue;
        const db = await new Promise<IDBDatabase | undefined>((resolve) => {
          const r = indexedDB.open(name);
          r.onsuccess = () => resolve(r.result);
          r.onerror = () => resolve(undefined);
        });
        const values = await new Promise<unknown[]>((resolve) => {
          if (!db?.objectStoreNames.contains('ItemTable')) return resolve([]);
          const r: IDBRequest<unknown[]> = db.transaction('ItemTable', 'readonly').objectStore('ItemTable').getAll();
          r.onsuccess = () => resolve(r.result);
          r.onerror = () => resolve([]);
        });
        db?.close();
        if (values.some((v) => typeof v === 'string' && v.includes(wanted))) return true;
      }
      return false;
    }, text));
  }

  async close(): Promise<void> {
    await this.browser.context.close();
    await this.server.stop();
  }

  async shot(name: string): Promise<void> {
    if (process.env.LINGUALIFT_SHOTS) await this.page.screenshot({ path: path.join(process.env.LINGUALIFT_SHOTS, `${name}.png`) });
  }

  /** Runs a command of the palette by its whole label; commands of an extension come some time after the window. */
  async command(label: string): Promise<void> {
    await until(`the command "${label}"`, async () => {
      await this.page.keyboard.press('F1');
      const input = this.page.locator('.quick-input-widget:visible .quick-input-filter input');
      await input.waitFor({ timeout: 3000 });
      await input.fill(`>${label}`);
      const row = this.page.locator('.quick-input-list .monaco-list-row').filter({ has: this.page.locator('.label-name', { hasText: exactly(label) }) }).first();
      try {
        await row.waitFor({ timeout: 2500 });
        await row.click({ timeout: 2000 });
        return true;
      } catch {
        await this.page.keyboard.press('Escape');
        return false;
      }
    }, 60_000);
  }

  /** True when the palette offers the command. */
  async offers(label: string): Promise<boolean> {
    await this.page.keyboard.press('F1');
    const input = this.page.locator('.quick-input-widget:visible .quick-input-filter input');
    await input.waitFor();
    await input.fill(`>${label}`);
    await sleep(800);
    const found = await this.page.locator('.quick-input-list .monaco-list-row').filter({ has: this.page.locator('.label-name', { hasText: exactly(label) }) }).count();
    await this.page.keyboard.press('Escape');
    return found > 0;
  }

  /** Title and rows of the quick pick that is open. */
  get picker(): Locator {
    return this.page.locator('.quick-input-widget:visible');
  }

  async pick(text: string | RegExp): Promise<void> {
    const row = this.picker.locator('.quick-input-list .monaco-list-row', { hasText: text }).first();
    await row.waitFor();
    await row.click();
  }

  async type(text: string): Promise<void> {
    const input = this.picker.locator('input:not([type=checkbox])').first();
    await input.waitFor();
    await input.fill(text);
    await this.page.keyboard.press('Enter');
  }

  async sideBar(): Promise<void> {
    const view = this.page.locator('.pane-header', { hasText: 'Benchmarks' });
    if (!(await view.isVisible())) await this.page.locator('.activitybar .action-label[aria-label^="LinguaLIFT"]').click();
    await view.waitFor();
  }

  /** A row of the side bar by part of its label. */
  row(text: string | RegExp): Locator {
    return this.page.locator('.sidebar .monaco-list-row', { hasText: text }).first();
  }

  async contextMenu(row: Locator, label: string): Promise<void> {
    await row.click({ button: 'right' });
    const item = this.page.locator('.context-view .action-item, .monaco-menu .action-item').filter({ has: this.page.locator('.action-label', { hasText: exactly(label) }) }).first();
    await item.waitFor();
    // A menu takes no click in its first moments.
    await until(`the menu item "${label}"`, async () => {
      await sleep(250);
      await item.click({ timeout: 1000 });
      await sleep(100);
      return !(await item.isVisible());
    });
  }

  notification(text: string | RegExp): Locator {
    return this.page.locator('.notifications-toasts .notification-list-item', { hasText: text }).first();
  }

  async clearNotifications(): Promise<void> {
    await this.command('Notifications: Clear All Notifications');
  }

  /** The page inside the panel that is in front. */
  get panel(): FrameLocator {
    return this.page.frameLocator('iframe.webview.ready').last().frameLocator('iframe#active-frame');
  }

  async closeEditors(): Promise<void> {
    await this.command('View: Close All Editors');
  }

  async theme(name: string): Promise<void> {
    await this.command('Preferences: Color Theme');
    await this.picker.locator('.quick-input-filter input').fill(name);
    await sleep(500);
    await this.pick(name);
    await sleep(500);
  }

  /** Runs through the four picks of "Run Evaluation…". `given`: which of bundle and benchmark a tree item has answered already. */
  async choose(choice: { readonly bundle?: string; readonly benchmark?: string; readonly languages: string | readonly string[]; /** Label of the mode; default: Generate. */
    readonly mode?: string;
    readonly sample: string }): Promise<void> {
    if (choice.bundle !== undefined) {
      await this.picker.locator('input[placeholder="Bundle"]').waitFor();
      await this.pick(choice.bundle);
    }
    if (choice.benchmark !== undefined) {
      await this.picker.locator('input[placeholder="Benchmark"]').waitFor();
      await this.pick(choice.benchmark);
    }
    await this.languages(choice.languages);
    await this.picker.locator('input[placeholder="Mode"]').waitFor();
    await this.pick(choice.mode ?? 'Generate');
    await this.sample(choice.sample);
  }

  /** Answers the pick of languages: by its label, or by ticking these. */
  async languages(languages: string | readonly string[]): Promise<void> {
    await this.picker.locator('input[placeholder="Languages"]').waitFor();
    if (typeof languages === 'string') await this.pick(languages);
    else {
      await this.pick('Choose languages…');
      await this.picker.locator('.quick-input-list .monaco-checkbox').first().waitFor();
      // The languages of the last time are ticked: all of them are taken first, and then none.
      const all = this.picker.locator('[aria-label="Toggle all checkboxes"]').first();
      const ticked = async (): Promise<string> => (await this.picker.locator('.quick-input-count').innerText()).trim();
      await until('no language to be ticked', async () => {
        if ((await ticked()).startsWith('0 ')) return true;
        await all.click();
        return (await ticked()).startsWith('0 ');
      });
      for (const language of languages) {
        await this.picker.locator('.quick-input-filter input:not([type=checkbox])').first().fill(language);
        await this.pick(language);
      }
      await this.page.keyboard.press('Enter');
    }
  }

  /** Answers the pick of how many problems: a number, or a label. */
  async sample(sample: string): Promise<void> {
    await this.picker.locator('input[placeholder="Problems per language"]').waitFor();
    if (/^\d+$/.test(sample)) {
      await this.pick('Another number…');
      // The list's own input would take the number too.
      await this.page.locator('.quick-input-widget:visible', { hasText: 'drawn at random' }).waitFor();
      await this.type(sample);
    } else await this.pick(sample);
  }
}
