import * as vscode from 'vscode';
import { LANGUAGES, languageName, languageOf } from '../../core/languages';
import { type GenerationRef, isGenerationRef } from '../../protocol/generation';
import { type Catalogue } from '../catalogue';
import { Command } from '../contributions';
import { type AttentionPanels } from '../panels/attention';
import { bundleOptions } from '../runs/flow';
import { type Reader, type Steps } from '../services';
import { readSetting } from '../settings';
import { BundleNode } from '../views/bundles';
import { type EngineChoice, ReadQuestions, ReadTranslations } from '../worker/probe-protocol';
import { requireTrust } from './index';

const t = vscode.l10n.t;

export interface AttentionCommandServices {
  readonly catalogue: Catalogue;
  readonly reader: Reader;
  readonly steps: Steps;
  readonly panels: () => AttentionPanels;
}

/** The engine's settings as a probe takes them. */
export function engineChoice(): EngineChoice {
  const precision = readSetting('precision');
  return { ...(precision === 'auto' ? {} : { precision }), provider: readSetting('provider'), threads: readSetting('threads'), memoryCeiling: readSetting('memoryCeiling') * 2 ** 20 };
}

/** Opening the attention panel: from the palette, a bundle, or a generation that another surface hands over. */
export class AttentionCommands {
  constructor(private readonly services: AttentionCommandServices) {}

  /**
   * `lingualift.showAttention`.
   * @param argument a GenerationRef; with `token` set, a panel that shows the same prompt moves its cursor there and no second one opens.
   *   Or two of them in a list, side by side; or a bundle of the side bar; otherwise the user is asked
   */
  async show(argument: unknown): Promise<void> {
    requireTrust(t('Looking inside a model'));
    const { panels, steps } = this.services;
    if (isGenerationRef(argument)) {
      if (argument.token === undefined || !(await panels().follow(argument))) await panels().open([argument]);
    } else if (Array.isArray(argument) && argument.length === 2 && argument.every(isGenerationRef)) await panels().open(argument);
    else {
      const ref = await this.ask(argument instanceof BundleNode ? argument.info.dir : undefined);
      if (!ref) return;
      await panels().open([ref]);
    }
    steps.done('lookedInside');
  }

  private async ask(given: string | undefined): Promise<GenerationRef | undefined> {
    const bundle = given ?? (await this.pickBundle(t('Attention: bundle')));
    return bundle === undefined ? undefined : this.pickPrompt(bundle);
  }

  private async pickBundle(title: string): Promise<string | undefined> {
    const picked = await vscode.window.showQuickPick(bundleOptions(await this.services.catalogue.bundles.get()), { title, placeHolder: t('Bundle'), matchOnDescription: true });
    if (picked?.value === 'addBundle' || picked?.value === 'getDemoBundle') {
      await vscode.commands.executeCommand(Command[picked.value]);
      return undefined;
    }
    return picked?.value;
  }

  /** A problem of a benchmark, or a text of one's own. */
  private async pickPrompt(bundle: string): Promise<GenerationRef | undefined> {
    const benchmarks = (await this.services.catalogue.benchmarks.get()).filter((b) => b.error === null);
    const sources = [{ label: `$(edit) ${t('Own text…')}`, path: '' }, ...benchmarks.map((b) => ({ label: `$(checklist) ${b.title}`, description: t('{0} languages × {1} problems', b.languages.length, b.problems), path: b.path }))];
    const source = await vscode.window.showQuickPick(sources, { title: t('Attention: prompt'), placeHolder: t('Prompt from') });
    if (!source) return undefined;
    const codes = source.path === '' ? LANGUAGES.map((l) => l.code) : benchmarks.find((b) => b.path === source.path)!.languages;
    const language = await pickLanguage(codes);
    if (language === undefined) return undefined;
    if (source.path === '') {
      const question = await vscode.window.showInputBox({ title: t('Attention: own text'), prompt: t('What the bundle is asked; the template of the bundle is put around it'), validateInput: (v) => (v.trim() === '' ? t('The text is empty.') : undefined) });
      return question === undefined ? undefined : { bundle, question, language };
    }
    const questions = await this.services.reader.ask(ReadQuestions, { benchmark: source.path, language });
    const picked = await vscode.window.showQuickPick(questions.map((q) => ({ label: q.id, description: q.gold, detail: q.question, q })), { title: t('Attention: problem'), placeHolder: t('Problem'), matchOnDetail: true });
    return picked && { bundle, question: picked.q.question, language, gold: picked.q.gold };
  }

  /** What to put beside a generation: the same problem in another language, or the same prompt in another bundle. */
  async choose(what: 'compareLanguage' | 'compareBundle', ref: GenerationRef): Promise<GenerationRef | undefined> {
    if (what === 'compareBundle') {
      const bundle = await this.pickBundle(t('Attention: bundle to compare with'));
      if (bundle === undefined) return undefined;
      const { question, language, gold, maxNewTokens, source } = ref;
      return { bundle, question, language, gold, maxNewTokens, source };
    }
    if (!ref.source) return this.pickPrompt(ref.bundle);
    const { run, id } = ref.source;
    const others = (await this.services.reader.ask(ReadTranslations, { folder: run, id })).filter((r) => r.language !== ref.language);
    const items = others.map((r) => ({ label: languageName(r.language), description: r.completion === undefined ? t('not answered in the run; is answered now') : undefined, detail: r.question, ref: r }));
    const picked = await vscode.window.showQuickPick(items, { title: t('Attention: the same problem in another language'), placeHolder: t('Language'), matchOnDetail: true });
    // The bundle that is looked at may be another than the run's; then its answer does not count.
    if (!picked || picked.ref.bundle === ref.bundle) return picked?.ref;
    return { ...picked.ref, bundle: ref.bundle, precision: ref.precision, template: ref.template, completion: undefined, completionIds: undefined };
  }
}

async function pickLanguage(codes: readonly string[]): Promise<string | undefined> {
  const items = codes.map((code) => ({ label: languageName(code), description: `${code} ${languageOf(code)?.nativeName ?? ''}`, code }));
  return (await vscode.window.showQuickPick(items, { title: t('Attention: language'), placeHolder: t('Language'), matchOnDescription: true }))?.code;
}
