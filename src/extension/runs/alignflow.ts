import * as vscode from 'vscode';
import { type AlignmentRequest, MOST_BUNDLES } from '../../protocol/alignmentpanel';
import { type Catalogue } from '../catalogue';
import { bundleSummary } from '../views/text';
import { ask, askLanguages, askSample, BACK, benchmarkOptions, type Detour } from './flow';

const t = vscode.l10n.t;
const MEMORY = 'lingualift.lastAlignment';

type Choice = Pick<AlignmentRequest, 'bundles' | 'benchmark' | 'languages' | 'reference' | 'limit'>;

/** One or several bundles, those that can be used. A detour when there is none; undefined when the pick was closed. */
export async function pickBundles(catalogue: Catalogue, title: string, without: readonly string[] = [], last: readonly string[] = []): Promise<readonly string[] | Detour | undefined> {
  const usable = (await catalogue.bundles.get()).filter((b) => b.issues.length === 0 && !without.includes(b.dir));
  if (usable.length === 0) {
    const [add, demo] = [t('Add bundle…'), t('Get the demo bundle')];
    const chosen = await vscode.window.showWarningMessage(without.length > 0 ? t('There is no further bundle that can be used.') : t('There is no bundle that can be used.'), add, demo);
    return chosen === add ? 'addBundle' : chosen === demo ? 'getDemoBundle' : undefined;
  }
  const items = usable.map((b) => ({ label: b.name, description: bundleSummary(b), detail: b.dir, dir: b.dir, picked: usable.length === 1 || last.includes(b.dir) }));
  const picked = await vscode.window.showQuickPick(items, { title, canPickMany: true, placeHolder: t('Bundles, up to {0}; the first is the baseline', MOST_BUNDLES), matchOnDetail: true });
  return picked && picked.length > 0 ? picked.slice(0, MOST_BUNDLES).map((p) => p.dir) : undefined;
}

/** How many of a run's problems are analysed; undefined when the pick was closed. */
export async function pickPart(title: string, problems: number): Promise<number | undefined> {
  const items = [25, 50, 100, 250].filter((n) => n < problems).map((n) => ({ label: t('{0} problems, spread evenly over the run', n), n }));
  return (await vscode.window.showQuickPick([...items, { label: t('All {0}', problems), n: problems }], { title, placeHolder: t('Problems per language') }))?.n;
}

/** Asks for bundles, benchmark, languages and sample; each answer is remembered. @param given a bundle that the caller knows */
export async function chooseAlignment(catalogue: Catalogue, memory: vscode.Memento, given: string | undefined): Promise<Choice | Detour | undefined> {
  const last = memory.get<Choice>(MEMORY);
  const title = t('Show alignment');
  let bundles: readonly string[] = given === undefined ? [] : [given];
  let [benchmark, languages] = ['', ''];
  const benchmarks = await catalogue.benchmarks.get();
  const of = 4;
  for (let step = given === undefined ? 1 : 2; ; ) {
    const info = benchmarks.find((b) => b.path === benchmark);
    if (step === 1) {
      const picked = await pickBundles(catalogue, title, [], last?.bundles);
      if (picked === undefined || typeof picked === 'string') return picked;
      bundles = picked;
      step = 2;
    } else if (step === 2) {
      const answer = await ask<string>({ title, step, of, placeholder: t('Benchmark') }, benchmarkOptions(benchmarks), (v) => v === last?.benchmark);
      if (answer === undefined || (answer === BACK && given !== undefined)) return undefined;
      if (answer === 'importBenchmark') return answer;
      if (answer !== BACK) benchmark = answer;
      step = answer === BACK ? 1 : 3;
    } else if (step === 3) {
      const answer = await askLanguages({ title, step, of, placeholder: t('Languages') }, info, last?.languages);
      if (answer === undefined) return undefined;
      if (answer !== BACK) languages = answer;
      step = answer === BACK ? 2 : 4;
    } else {
      const answer = await askSample({ title, step, of, placeholder: t('Problems per language') }, info?.problems ?? 0, last?.limit ?? 25);
      if (answer === undefined) return undefined;
      if (answer === BACK) {
        step = 3;
        continue;
      }
      const known = info?.languages ?? [];
      const choice: Choice = { bundles, benchmark, languages, reference: known.includes('en') ? 'en' : known[0]!, limit: answer };
      await memory.update(MEMORY, choice);
      return choice;
    }
  }
}
