import * as vscode from 'vscode';
import { languageName } from '../../core/languages';
import { type SampleLine } from '../../protocol/panels';
import { type Catalogue } from '../catalogue';
import { requireTrust, showError } from '../commands';
import { TEST_CONTROLLER } from '../contributions';
import { bundleNames } from '../notebook/resolve';
import { type ActiveRun, type ActiveRuns, CancelledStart } from '../runs/active';
import { type Log, type Reader, runsFolder } from '../services';
import { readSetting } from '../settings';
import { engineSettings } from '../settings/engine';
import { bundleSummary } from '../views/text';
import { type BenchmarkInfo, type BundleInfo, ReadPage, ReadProblems, ReadRun, ReadSample } from '../worker/protocol';
import { type Group, groupsOf, type Target } from './groups';

const t = vscode.l10n.t;
const READ_MS = 400;
const MOST = 5000;

export interface TestServices {
  readonly context: vscode.ExtensionContext;
  readonly catalogue: Catalogue;
  readonly reader: Reader;
  readonly runs: ActiveRuns;
  readonly log: Log;
}

/** Benchmarks as tests: benchmark ▸ language ▸ problem. A test run is a run of the store like any other. */
export class BenchmarkTests implements vscode.Disposable {
  readonly controller: vscode.TestController;
  private readonly targets = new WeakMap<vscode.TestItem, Target>();
  private readonly profiles = new Map<string, vscode.TestRunProfile>();
  private readonly disposables: vscode.Disposable[];
  private resolved = false;

  constructor(private readonly services: TestServices) {
    this.controller = vscode.tests.createTestController(TEST_CONTROLLER, t('LinguaLIFT benchmarks'));
    this.controller.resolveHandler = (item) => this.resolve(item);
    this.controller.refreshHandler = () => this.roots();
    this.controller.createRunProfile(t('Default bundle'), vscode.TestRunProfileKind.Run, (request, token) => this.run(request, undefined, token), true);
    const again = (): void => void (this.resolved && this.roots().catch((e: unknown) => services.log.warn(`Tests: ${(e as Error).message}`)));
    this.disposables = [this.controller, services.catalogue.benchmarks.onDidChange(again), services.catalogue.bundles.onDidChange(again)];
  }

  private async resolve(item: vscode.TestItem | undefined): Promise<void> {
    if (!item) return this.roots();
    const target = this.targets.get(item);
    if (!target || target.id !== undefined || item.children.size > 0) return;
    item.busy = true;
    try {
      if (target.language === undefined) this.languages(item, target);
      else await this.problems(item, target);
      item.error = undefined;
    } catch (e) {
      item.error = (e as Error).message;
    } finally {
      item.busy = false;
    }
  }

  /** Benchmarks that can be read, and one profile a bundle. */
  private async roots(): Promise<void> {
    this.resolved = true;
    const [benchmarks, bundles] = await Promise.all([this.services.catalogue.benchmarks.get(), this.services.catalogue.bundles.get()]);
    const old = this.controller.items;
    this.controller.items.replace(benchmarks.filter((b) => b.error === null).map((b) => this.keptOr(old.get(b.path), b)));
    this.offer(bundles);
  }

  /** A benchmark that is as it was keeps its item with what is resolved below. */
  private keptOr(old: vscode.TestItem | undefined, info: BenchmarkInfo): vscode.TestItem {
    const target: Target = { benchmark: info.path, languages: info.languages };
    const before = old && this.targets.get(old);
    if (old && before && JSON.stringify(before) === JSON.stringify(target)) return old;
    const item = this.controller.createTestItem(info.path, info.title);
    item.description = `${info.languages.length} × ${info.problems}`;
    item.canResolveChildren = true;
    this.targets.set(item, target);
    return item;
  }

  private languages(item: vscode.TestItem, target: Target): void {
    item.children.replace((target.languages ?? []).map((language, i) => {
      const child = this.controller.createTestItem(`${target.benchmark}\u001f${language}`, languageName(language));
      child.description = language;
      child.sortText = String(i).padStart(4, '0');
      child.canResolveChildren = true;
      this.targets.set(child, { benchmark: target.benchmark, language });
      return child;
    }));
  }

  private async problems(item: vscode.TestItem, { benchmark, language }: Target): Promise<void> {
    const { file, problems } = await this.services.reader.ask(ReadProblems, { path: benchmark, language: language! });
    const uri = file === null ? undefined : vscode.Uri.file(file);
    item.children.replace(problems.map((p, i) => {
      const child = this.controller.createTestItem(`${benchmark}\u001f${language}\u001f${p.id}`, p.id, uri);
      child.description = p.question;
      child.sortText = String(i).padStart(6, '0');
      this.targets.set(child, { benchmark, language, id: p.id });
      return child;
    }));
  }

  private offer(bundles: readonly BundleInfo[]): void {
    const usable = bundleNames(bundles);
    for (const [dir, profile] of this.profiles) {
      if (usable.some((b) => b.info.dir === dir)) continue;
      profile.dispose();
      this.profiles.delete(dir);
    }
    for (const { name, info } of usable) {
      if (this.profiles.has(info.dir)) continue;
      this.profiles.set(info.dir, this.controller.createRunProfile(`${name} · ${bundleSummary(info)}`, vscode.TestRunProfileKind.Run, (request, token) => this.run(request, info.dir, token), false));
    }
  }

  /** The item of a problem, its parents resolved on the way. */
  private async itemOf(target: Required<Pick<Target, 'benchmark' | 'language' | 'id'>>): Promise<vscode.TestItem | undefined> {
    const benchmark = this.controller.items.get(target.benchmark);
    if (!benchmark) return undefined;
    await this.resolve(benchmark);
    const language = benchmark.children.get(`${target.benchmark}\u001f${target.language}`);
    if (!language) return undefined;
    await this.resolve(language);
    return language.children.get(`${target.benchmark}\u001f${target.language}\u001f${target.id}`);
  }

  /** Runs what is asked for; `bundle` is a folder, undefined the default one. Errors are shown, not thrown. */
  async run(request: vscode.TestRunRequest, bundle: string | undefined, token: vscode.CancellationToken): Promise<void> {
    try {
      requireTrust(t('Running an evaluation'));
      const dir = bundle ?? (await this.chooseBundle());
      if (dir === undefined) return;
      if (this.controller.items.size === 0) await this.roots();
      const all = [...this.controller.items].map(([, item]) => item);
      const targets = (items: readonly vscode.TestItem[]): Target[] => items.flatMap((i) => this.targets.get(i) ?? []);
      const groups = await groupsOf(targets(request.include ?? all), targets(request.exclude ?? []), async (benchmark, language) => (await this.services.reader.ask(ReadProblems, { path: benchmark, language })).problems.map((p) => p.id));
      const test = this.controller.createTestRun(request);
      // The button of the test view and the test run's own cancel are both heard.
      const cancel = new vscode.CancellationTokenSource();
      const listeners = [token.onCancellationRequested(() => cancel.cancel()), test.token.onCancellationRequested(() => cancel.cancel())];
      try {
        for (const group of groups) if (!cancel.token.isCancellationRequested) await this.runGroup(test, group, dir, cancel.token);
      } finally {
        test.end();
        listeners.forEach((l) => l.dispose());
      }
    } catch (e) {
      void showError(e, this.services.log);
    }
  }

  private async chooseBundle(): Promise<string | undefined> {
    const usable = bundleNames(await this.services.catalogue.bundles.get());
    const named = readSetting('defaultBundle');
    const hit = usable.find((b) => b.name === named || b.info.dir === named) ?? (usable.length === 1 ? usable[0] : undefined);
    if (hit) return hit.info.dir;
    if (usable.length === 0) throw new Error(t('There is no bundle yet. Add one, or get the demo bundle.'));
    const items = usable.map(({ name, info }) => ({ label: name, description: bundleSummary(info), dir: info.dir }));
    return (await vscode.window.showQuickPick(items, { title: t('Run evaluation'), placeHolder: t('Bundle') }))?.dir;
  }

  private async runGroup(test: vscode.TestRun, group: Group, bundle: string, token: vscode.CancellationToken): Promise<void> {
    const { runs, context } = this.services;
    const say = (text: string): void => test.appendOutput(`${text}\r\n`);
    const items = new Map<string, vscode.TestItem>();
    for (const language of group.languages) {
      const ids = group.ids ?? (await this.services.reader.ask(ReadProblems, { path: group.benchmark, language })).problems.map((p) => p.id);
      for (const id of ids) {
        const item = await this.itemOf({ benchmark: group.benchmark, language, id });
        if (!item) continue;
        items.set(`${language}\u0000${id}`, item);
        test.enqueued(item);
      }
    }
    let run: ActiveRun;
    try {
      run = await runs.start(
        { ...engineSettings(), bundle, benchmark: group.benchmark, languages: group.languages.join(','), ...(group.ids ? { ids: group.ids } : {}), runsFolder: runsFolder(context), version: String((context.extension.packageJSON as { version?: unknown }).version) },
        (p) => say(`${p.message} (${p.step}/${p.of})`),
        token,
      );
    } catch (e) {
      if (e instanceof CancelledStart) return;
      say((e as Error).message);
      for (const item of items.values()) test.errored(item, new vscode.TestMessage((e as Error).message));
      return;
    }
    say(t('Run {0}: {1}, {2}', run.folder, run.name, run.started.providerReason));
    for (const item of items.values()) test.started(item);
    const told = new Set<string>();
    await this.follow(run, token, () => this.tell(test, run, group, items, told));
    if (run.status === 'failed') {
      say(run.last.message ?? '');
      for (const [key, item] of items) if (!told.has(key)) test.errored(item, new vscode.TestMessage(run.last.message ?? t('The run stopped.')));
    } else for (const [key, item] of items) if (!told.has(key)) test.skipped(item);
    say(t('{0} of {1} items', run.last.done, run.last.total));
  }

  /** Calls `read` whenever the run has moved, and once more when it is over. */
  private async follow(run: ActiveRun, token: vscode.CancellationToken, read: () => Promise<void>): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    let reading: Promise<void> = Promise.resolve();
    const now = (): void => {
      timer = undefined;
      reading = reading.then(read).catch((e: unknown) => this.services.log.warn(`Tests: ${(e as Error).message}`));
    };
    const interrupt = token.onCancellationRequested(() => void run.cancel());
    let listener: vscode.Disposable | undefined;
    await new Promise<void>((resolve) => {
      const look = (): void => {
        if (run.last.settled && run.status !== 'paused') resolve();
        else timer ??= setTimeout(now, READ_MS);
      };
      listener = this.services.runs.onDidChange((changed) => {
        if (changed === run) look();
      });
      if (token.isCancellationRequested) void run.cancel();
      look();
    });
    listener?.dispose();
    interrupt.dispose();
    clearTimeout(timer);
    now();
    await reading;
  }

  /** Tells the test view of the samples that are new. */
  private async tell(test: vscode.TestRun, run: ActiveRun, group: Group, items: ReadonlyMap<string, vscode.TestItem>, told: Set<string>): Promise<void> {
    const { reader } = this.services;
    const { folder } = run;
    await reader.ask(ReadRun, { folder });
    for (const language of group.languages) {
      const { lines } = await reader.ask(ReadPage, { folder, language, outcomes: [], find: '', offset: 0, count: MOST });
      for (const line of lines) {
        const key = `${language}\u0000${line.id}`;
        const item = items.get(key);
        if (!item || told.has(key)) continue;
        told.add(key);
        await this.tellOne(test, item, folder, line);
      }
    }
  }

  private async tellOne(test: vscode.TestRun, item: vscode.TestItem, folder: string, line: SampleLine): Promise<void> {
    const { sample } = await this.services.reader.ask(ReadSample, { folder, language: line.language, id: line.id });
    if (line.outcome === 'right') test.passed(item, sample.ms);
    else if (line.outcome === 'failed') test.errored(item, new vscode.TestMessage(t('The item failed: {0}', sample.failure ?? '')), sample.ms);
    else {
      const text = new vscode.MarkdownString();
      text.appendText(line.value === null ? t('Nothing was read ({0}); gold {1}.', sample.reading, line.gold) : t('Read {0} ({1}); gold {2}.', line.value, sample.reading, line.gold));
      text.appendMarkdown('\n\n');
      text.appendText(sample.completion);
      const message = new vscode.TestMessage(text);
      message.expectedOutput = line.gold;
      message.actualOutput = line.value ?? '';
      if (item.uri) message.location = new vscode.Location(item.uri, new vscode.Position(0, 0));
      test.failed(item, message, sample.ms);
    }
  }

  dispose(): void {
    for (const profile of this.profiles.values()) profile.dispose();
    this.disposables.forEach((d) => d.dispose());
  }
}
