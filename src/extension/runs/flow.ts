import * as vscode from 'vscode';
import { languageName, languageOf, RESOURCE_CLASSES } from '../../core/languages';
import { type RunMode } from '../../protocol/run';
import { type Catalogue } from '../catalogue';
import { bundleSummary } from '../views/text';
import { type BenchmarkInfo, type BundleInfo } from '../worker/protocol';

const t = vscode.l10n.t;
const MEMORY = 'lingualift.lastEvaluation';

/** What the quick picks ask for. */
export interface Choice {
  readonly bundle: string;
  readonly benchmark: string;
  /** A selection as the CLI takes it: codes, classes, or `all`. */
  readonly languages: string;
  /** Problems per language; null: all. */
  readonly limit: number | null;
  /** What is asked of the model; older remembered choices lack it. */
  readonly mode?: RunMode;
  /** Whether the engine finishes calculations that the model writes. */
  readonly calculator?: boolean;
}

export interface Option<T> extends vscode.QuickPickItem {
  readonly value?: T;
}

export const BACK = Symbol('back');
export type Answer<T> = T | typeof BACK | undefined;

export interface Asking {
  readonly title: string;
  readonly step: number;
  /** Steps in all; default 4. */
  readonly of?: number;
  readonly placeholder: string;
}

const STEPS = 5;

/** One quick pick with a back button; undefined when it is closed. */
export function ask<T>(asking: Asking, options: readonly Option<T>[], active: (value: T) => boolean): Promise<Answer<T>> {
  return new Promise((resolve) => {
    const pick = vscode.window.createQuickPick<Option<T>>();
    pick.title = asking.title;
    pick.step = asking.step;
    pick.totalSteps = asking.of ?? STEPS;
    pick.placeholder = asking.placeholder;
    pick.matchOnDescription = true;
    pick.items = options;
    pick.buttons = asking.step > 1 ? [vscode.QuickInputButtons.Back] : [];
    const remembered = options.find((o) => o.value !== undefined && active(o.value));
    if (remembered) pick.activeItems = [remembered];
    pick.onDidTriggerButton(() => {
      resolve(BACK);
      pick.hide();
    });
    pick.onDidAccept(() => {
      const value = pick.activeItems[0]?.value;
      if (value === undefined) return;
      resolve(value);
      pick.hide();
    });
    pick.onDidHide(() => {
      resolve(undefined);
      pick.dispose();
    });
    pick.show();
  });
}

export interface Given {
  readonly bundle?: string;
  readonly benchmark?: string;
  /** With `problems`, for a benchmark that the side bar does not list. */
  readonly languages?: string;
  readonly problems?: number;
}

/** What to do instead of choosing: the picks offer it when something is missing. */
export type Detour = 'addBundle' | 'getDemoBundle' | 'importBenchmark';

/**
 * Asks for bundle, benchmark, languages and sample; each answer is remembered for the next time.
 *
 * @param given what the caller already knows (a tree item); its step is left out
 * @returns the choice, a detour the user took, or undefined when a pick was closed
 */
export async function chooseEvaluation(catalogue: Catalogue, memory: vscode.Memento, given: Given, defaultBundle: string): Promise<Choice | Detour | undefined> {
  const last = memory.get<Choice>(MEMORY);
  const title = t('Run evaluation');
  let [bundle, benchmark] = [given.bundle, given.benchmark];
  let languages: string | undefined;
  let mode: Asked = 'generate';
  let info: BenchmarkInfo | undefined;
  for (let step = 1; ; ) {
    if (step === 1) {
      if (given.bundle) bundle = given.bundle;
      else {
        const answer = await ask<string>({ title, step, placeholder: t('Bundle') }, bundleOptions(await catalogue.bundles.get()), (v) => v === (last?.bundle ?? defaultBundle));
        if (answer === undefined || answer === BACK) return undefined;
        if (answer === 'addBundle' || answer === 'getDemoBundle') return answer;
        bundle = answer;
      }
      step = 2;
    } else if (step === 2) {
      const all = await catalogue.benchmarks.get();
      if (given.benchmark) benchmark = given.benchmark;
      else {
        const answer = await ask<string>({ title, step, placeholder: t('Benchmark') }, benchmarkOptions(all), (v) => v === last?.benchmark);
        if (answer === undefined) return undefined;
        if (answer === 'importBenchmark') return answer;
        if (answer === BACK) {
          if (given.bundle) return undefined;
          step = 1;
          continue;
        }
        benchmark = answer;
      }
      info = all.find((b) => b.path === benchmark);
      step = 3;
      if (given.languages !== undefined) {
        languages = given.languages;
        step = 4;
      }
    } else if (step === 3) {
      const answer = await askLanguages({ title, step, placeholder: t('Languages') }, info, last?.languages);
      if (answer === undefined) return undefined;
      if (answer === BACK) {
        if (given.benchmark && given.bundle) return undefined;
        step = given.benchmark ? 1 : 2;
        continue;
      }
      languages = answer;
      step = 4;
    } else if (step === 4) {
      const answer = await askMode({ title, step, placeholder: t('Mode') }, info, last?.calculator ? 'calculator' : last?.mode);
      if (answer === undefined) return undefined;
      if (answer === BACK) {
        if (given.languages !== undefined && given.bundle) return undefined;
        step = given.languages === undefined ? 3 : 1;
        continue;
      }
      mode = answer;
      step = 5;
    } else {
      const answer = await askSample({ title, step, placeholder: t('Problems per language') }, given.problems ?? info?.problems ?? 0, last?.limit);
      if (answer === undefined) return undefined;
      if (answer === BACK) {
        step = 4;
        continue;
      }
      const choice: Choice = { bundle: bundle!, benchmark: benchmark!, languages: languages!, limit: answer, ...(mode === 'calculator' ? { mode: 'generate', calculator: true } : { mode }) };
      await memory.update(MEMORY, choice);
      return choice;
    }
  }
}

const separator = (label: string): Option<never> => ({ label, kind: vscode.QuickPickItemKind.Separator });

export function bundleOptions(bundles: readonly BundleInfo[]): Option<string>[] {
  const usable = bundles.filter((b) => b.issues.length === 0).map((b): Option<string> => ({ label: `$(package) ${b.name}`, description: bundleSummary(b), detail: b.dir, value: b.dir }));
  const broken = bundles.filter((b) => b.issues.length > 0).map((b): Option<string> => ({ label: `$(warning) ${b.name}`, description: t('cannot be used'), detail: `${b.issues[0]!.message} ${b.issues[0]!.fix}` }));
  return [
    ...usable, ...broken, separator(t('more')),
    { label: `$(add) ${t('Add bundle…')}`, value: 'addBundle' },
    { label: `$(cloud-download) ${t('Get the demo bundle')}`, value: 'getDemoBundle' },
  ];
}

export function benchmarkOptions(benchmarks: readonly BenchmarkInfo[]): Option<string>[] {
  const option = (b: BenchmarkInfo): Option<string> => ({
    label: b.error === null ? `$(checklist) ${b.title}` : `$(warning) ${b.title}`,
    description: b.error === null ? t('{0} languages × {1} problems', b.languages.length, b.problems) : t('cannot be used'),
    detail: b.error ?? (b.shipped ? undefined : b.path),
    ...(b.error === null ? { value: b.path } : {}),
  });
  return [...benchmarks.map(option), separator(t('more')), { label: `$(add) ${t('Import benchmark…')}`, value: 'importBenchmark' }];
}

export async function askLanguages(asking: Asking, info: BenchmarkInfo | undefined, last: string | undefined): Promise<Answer<string>> {
  const codes = info?.languages ?? [];
  const counts = RESOURCE_CLASSES.map((cls) => [cls, codes.filter((c) => languageOf(c)?.resourceClass === cls).length] as const);
  const names = { low: t('Low-resource languages'), medium: t('Medium-resource languages'), high: t('High-resource languages') };
  const known = new Set(['all', ...RESOURCE_CLASSES]);
  const again = last !== undefined && !known.has(last) && last.split(',').every((c) => codes.includes(c)) ? last : undefined;
  const options: Option<string>[] = [
    { label: t('All languages'), description: String(codes.length), value: 'all' },
    ...counts.filter(([, n]) => n > 0).map(([cls, n]): Option<string> => ({ label: names[cls], description: String(n), value: cls })),
    ...(again ? [{ label: again.split(',').map(languageName).join(', '), description: t('as last time'), value: again }] : []),
    { label: t('Choose languages…'), value: '' },
  ];
  const answer = await ask(asking, options, (v) => v === last);
  if (answer !== '') return answer;
  const chosen = new Set((again ?? '').split(','));
  const items = [...RESOURCE_CLASSES, 'other'].flatMap((cls) => {
    const mine = codes.filter((c) => (languageOf(c)?.resourceClass ?? 'other') === cls);
    if (mine.length === 0) return [];
    const entries = mine.map((code) => ({ label: languageName(code), description: `${code} ${languageOf(code)?.nativeName ?? ''}`, picked: chosen.has(code), code }));
    return [{ ...separator(cls in names ? names[cls as keyof typeof names] : t('Other languages')), code: '' }, ...entries];
  });
  const picked = await vscode.window.showQuickPick(items, { canPickMany: true, title: asking.title, placeHolder: t('Languages'), matchOnDescription: true });
  if (!picked) return undefined;
  const selected = codes.filter((c) => picked.some((p) => p.code === c));
  return selected.length === 0 ? undefined : selected.join(',');
}

/** A mode of the CLI, or generating with `--calculator`. */
type Asked = RunMode | 'calculator';

/** Whether the model writes, or what it finds likely is compared. Modes that the benchmark cannot be asked in are not offered. */
async function askMode(asking: Asking, info: BenchmarkInfo | undefined, last: Asked | undefined): Promise<Answer<Asked>> {
  const choices = info?.choices ?? false;
  const options: Option<Asked>[] = [
    { label: t('Generate'), description: t('the model writes, a scorer reads the answer'), value: 'generate' },
    ...(choices ? [] : [{ label: t('Generate, with calculator'), description: t('calculations that the model writes are finished for it; run and report say so'), value: 'calculator' as const }]),
    choices
      ? { label: t('Choice by likelihood'), description: t('log-likelihood of each choice'), value: 'choice' }
      : { label: t('Operation by likelihood'), description: t('which calculation with the problem’s two numbers the model prefers'), value: 'operation' },
  ];
  return ask(asking, options, (v) => v === last);
}

export async function askSample(asking: Asking, problems: number, last: number | null | undefined): Promise<Answer<number | null>> {
  type Value = { readonly limit: number | null } | 'other';
  const sizes = [2, 10, 25, 50, 100, 250].filter((n) => n < problems);
  const options: Option<Value>[] = [
    ...sizes.map((n): Option<Value> => ({ label: t('{0} at random', n), description: t('the same problems in every language, seed 1'), value: { limit: n } })),
    { label: t('All {0}', problems), value: { limit: null } },
    { label: t('Another number…'), value: 'other' },
  ];
  const answer = await ask(asking, options, (v) => v !== 'other' && v.limit === (last ?? null));
  if (answer === undefined || answer === BACK) return answer;
  if (answer !== 'other') return answer.limit;
  const typed = await vscode.window.showInputBox({
    title: asking.title, prompt: t('Problems per language, drawn at random'),
    validateInput: (v) => (/^[1-9]\d*$/.test(v) && Number(v) <= problems ? undefined : t('A whole number from 1 to {0}', problems)),
  });
  return typed === undefined ? undefined : Number(typed);
}
