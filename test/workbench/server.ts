import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { type BrowserContext, chromium, type Page } from 'playwright-core';

export const ROOT = path.resolve(__dirname, '..', '..');

function need(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set; run the tests by their script in scripts/.`);
  return value;
}

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Calls `probe` until it gives a value that is not undefined or false; the last error or `what` explains a timeout. */
export async function until<T>(what: string, probe: () => T | Promise<T>, ms = 30_000): Promise<NonNullable<T>> {
  const end = Date.now() + ms;
  let last: unknown;
  for (;;) {
    try {
      const value = await probe();
      if (value !== undefined && value !== null && value !== false) return value;
    } catch (e) {
      last = e;
    }
    if (Date.now() > end) throw new Error(`Timed out waiting for: ${what}${last instanceof Error ? ` (${last.message.split('\n')[0]})` : ''}`);
    await sleep(100);
  }
}

/** Removes a temporary folder; a process on its way out may still write there, and what is left then is only litter. */
function remove(folder: string): void {
  try {
    fs.rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 });
  } catch (e) {
    console.log(`${folder} could not be removed: ${(e as Error).message}`);
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = net.createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as net.AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

export interface ServerOptions {
  readonly vsix?: string;
  /** Copied into the workspace folder. */
  readonly files?: Readonly<Record<string, string>>;
  /** Folders that are linked into the workspace by name. */
  readonly links?: Readonly<Record<string, string>>;
  readonly settings?: Readonly<Record<string, unknown>>;
  readonly env?: Readonly<Record<string, string>>;
  /** False: folders open in Restricted Mode until they are trusted. */
  readonly trusted?: boolean;
  /** Lets the page load an extension's own tests into the extension host; suppresses notifications. */
  readonly testDriver?: boolean;
}

const SETTINGS = {
  'workbench.startupEditor': 'none', 'workbench.reduceMotion': 'on', 'workbench.tips.enabled': false, 'window.restoreWindows': 'none', 'telemetry.telemetryLevel': 'off',
  'extensions.autoUpdate': false, 'extensions.autoCheckUpdates': false, 'extensions.ignoreRecommendations': true, 'update.mode': 'none', 'git.enabled': false,
  'workbench.enableExperiments': false, 'chat.disableAIFeatures': true, 'workbench.secondarySideBar.defaultVisibility': 'hidden', 'terminal.integrated.gpuAcceleration': 'off',
  'files.simpleDialog.enable': true, 'workbench.colorTheme': 'Default Dark Modern',
};

/** VS Code's server on 127.0.0.1 with a workspace, a home and an extensions folder of its own. */
export class Server {
  private constructor(
    readonly dir: string,
    readonly workspace: string,
    readonly port: number,
    private readonly child: ChildProcess,
  ) {}

  static async start(options: ServerOptions = {}): Promise<Server> {
    const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'lingualift-workbench-'));
    const [user, extensions, workspace] = ['user', 'extensions', 'workspace'].map((n) => path.join(dir, n)) as [string, string, string];
    fs.mkdirSync(path.join(user, 'User'), { recursive: true });
    fs.mkdirSync(extensions);
    fs.mkdirSync(workspace);
    for (const [name, text] of Object.entries(options.files ?? {})) {
      fs.mkdirSync(path.dirname(path.join(workspace, name)), { recursive: true });
      fs.writeFileSync(path.join(workspace, name), text);
    }
    for (const [name, from] of Object.entries(options.links ?? {})) fs.cpSync(from, path.join(workspace, name), { recursive: true });
    fs.writeFileSync(path.join(user, 'User', 'settings.json'), JSON.stringify({ ...SETTINGS, ...options.settings }));
    fs.writeFileSync(path.join(dir, 'config.yaml'), 'auth: none\ncert: false\n');
    const [node, entry] = [need('LINGUALIFT_NODE24'), need('LINGUALIFT_CODE_SERVER')];
    const base = [entry, '--config', path.join(dir, 'config.yaml'), '--user-data-dir', user, '--extensions-dir', extensions];
    // A clean environment: nothing of an editor around the tests may leak in, and no address of a gallery.
    const env = {
      PATH: process.env.PATH, HOME: dir, LANG: 'C.UTF-8', SHELL: '/bin/bash', XDG_CONFIG_HOME: path.join(dir, 'config'), XDG_DATA_HOME: path.join(dir, 'data'),
      LINGUALIFT_CACHE: path.join(dir, 'cache'), EXTENSIONS_GALLERY: '{"serviceUrl":""}', ...options.env,
    };
    if (options.vsix) {
      const done = spawnSync(node, [...base, '--install-extension', options.vsix, '--force'], { env, encoding: 'utf8' });
      if (done.status !== 0 || !/successfully installed/.test(done.stdout + done.stderr)) throw new Error(`The extension could not be installed: ${done.stdout}${done.stderr}`);
    }
    const port = await freePort();
    const log = fs.openSync(path.join(dir, 'server.log'), 'w');
    const child = spawn(node, [
      ...base, '--auth', 'none', '--bind-addr', `127.0.0.1:${port}`, '--disable-telemetry', '--disable-update-check', '--disable-getting-started-override', '--ignore-last-opened',
      ...(options.trusted === false ? [] : ['--disable-workspace-trust']), ...(options.testDriver ? ['--vscode-option', 'enable-smoke-test-driver'] : []),
    ], { env, detached: true, stdio: ['ignore', log, log] });
    fs.closeSync(log);
    const server = new Server(dir, workspace, port, child);
    try {
      await until('the server to listen', async () => {
        if (child.exitCode !== null) throw new Error(`the server ended: ${fs.readFileSync(path.join(dir, 'server.log'), 'utf8').slice(-2000)}`);
        return (await fetch(`http://127.0.0.1:${port}/healthz`)).ok;
      }, 60_000);
    } catch (e) {
      await server.stop();
      throw e;
    }
    return server;
  }

  url(query: Readonly<Record<string, string>> = {}): string {
    const url = new URL(`http://127.0.0.1:${this.port}/`);
    for (const [key, value] of Object.entries({ folder: this.workspace, ...query })) url.searchParams.set(key, value);
    return url.href;
  }

  /** Command lines of the processes below the server. */
  processes(): { readonly pid: number; readonly command: string }[] {
    const parents = new Map<number, { parent: number; command: string }>();
    for (const name of fs.readdirSync('/proc').filter((n) => /^\d+$/.test(n))) {
      try {
        const parent = Number(/PPid:\s+(\d+)/.exec(fs.readFileSync(`/proc/${name}/status`, 'utf8'))![1]);
        parents.set(Number(name), { parent, command: fs.readFileSync(`/proc/${name}/cmdline`, 'utf8').replaceAll('\0', ' ') });
      } catch {
        // The process has ended meanwhile.
      }
    }
    const out: { pid: number; command: string }[] = [];
    const walk = (pid: number): void => {
      for (const [child, { parent, command }] of parents) {
        if (parent !== pid) continue;
        out.push({ pid: child, command });
        walk(child);
      }
    };
    walk(this.child.pid!);
    return out;
  }

  /** Ends the process group that this server started, and its folders. */
  async stop(): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) {
      const gone = new Promise((resolve) => this.child.once('exit', resolve));
      process.kill(-this.child.pid!, 'SIGTERM');
      await Promise.race([gone, sleep(5000)]);
      try {
        process.kill(-this.child.pid!, 'SIGKILL');
      } catch {
        // Nothing is left of the group.
      }
    }
    if (!process.env.LINGUALIFT_KEEP) remove(this.dir);
  }
}

export interface Browser {
  readonly context: BrowserContext;
  readonly page: Page;
}

export async function browser(): Promise<Browser> {
  const profile = fs.mkdtempSync(path.join(os.tmpdir(), 'lingualift-chromium-'));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: need('CHROMIUM'), headless: true, viewport: { width: 1440, height: 960 }, reducedMotion: 'reduce',
    args: ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--disable-dev-shm-usage'],
  });
  context.on('close', () => remove(profile));
  return { context, page: context.pages()[0] ?? (await context.newPage()) };
}
