import * as vscode from 'vscode';
import { parsePromptCell } from '../../core/notebook';
import { OUTPUT_FORMAT, type PromptOutput } from '../../protocol/notebook';
import { Remedied } from '../commands';
import { Command } from '../contributions';
import { readSetting } from '../settings';
import { engineSettings } from '../settings/engine';
import { type Job, type NotebookServices, refuseIssues } from './job';
import { bundleFolder, kept } from './resolve';

const t = vscode.l10n.t;

/** The bundle of a cell: named in it, the kernel's, or the one of the settings. */
export async function chosenBundle(services: NotebookServices, job: Job, name: string | undefined): Promise<string> {
  const wanted = name ?? job.bundle ?? readSetting('defaultBundle');
  if (wanted !== '') return bundleFolder(services.catalogue, job.notebook, wanted);
  const usable = (await services.catalogue.bundles.get()).filter((b) => b.issues.length === 0);
  if (usable.length === 1) return usable[0]!.dir;
  if (usable.length === 0) throw new Remedied(t('There is no bundle yet. Add one, or get the demo bundle.'), { label: t('Get the demo bundle'), command: Command.getDemoBundle });
  throw new Error(t('Which bundle? Choose a kernel of one bundle, or write "bundle: {0}" into the cell.', usable[0]!.name));
}

/** Runs a `lift-prompt` cell: the completion streams into the output. @returns false when it was interrupted or the item failed */
export async function runPrompt(services: NotebookServices, job: Job): Promise<boolean> {
  const cell = parsePromptCell(job.text);
  refuseIssues(cell.issues, (line, message) => t('Line {0}: {1}', line, message));
  const bundle = await chosenBundle(services, job, cell.bundle);
  const { batch: _batch, tokenBudget: _budget, ...engine } = engineSettings();
  let now: PromptOutput = {
    format: OUTPUT_FORMAT, kind: 'prompt', state: 'loading', message: t('loading the engine'), bundle: cell.bundle ?? kept(job.notebook, bundle), precision: cell.precision ?? engine.precision ?? null, template: cell.template ?? null,
    provider: null, language: cell.language, question: cell.question, gold: cell.gold ?? null, text: '', newTokens: 0, tokensPerSecond: null, view: null, ref: null,
  };
  const show = (change: Partial<PromptOutput>): void => {
    now = { ...now, ...change };
    job.output.show(now);
  };
  show({});
  const asked = await services.asker.ask(
    {
      bundle, ...engine, language: cell.language, question: cell.question,
      ...(cell.precision === undefined ? {} : { precision: cell.precision }), ...(cell.template === undefined ? {} : { template: cell.template }), ...(cell.gold === undefined ? {} : { gold: cell.gold }),
      ...(cell.scorer === undefined ? {} : { scorer: cell.scorer }), ...(cell.maxNewTokens === undefined ? {} : { maxNewTokens: cell.maxNewTokens }),
    },
    { onLoading: (p) => show({ message: `${p.message} (${p.step}/${p.of})` }), onPiece: (text) => show({ state: 'running', message: null, text }) },
    job.token,
  );
  if (!asked) {
    show({ state: 'cancelled', message: null });
    return false;
  }
  const { sample } = asked;
  const path = kept(job.notebook, asked.bundlePath);
  const failed = sample.stopReason === 'failed';
  show({
    state: failed ? 'failed' : 'finished', message: failed ? (sample.failure ?? null) : null, bundle: asked.bundle, precision: asked.precision, template: asked.template, provider: asked.provider,
    text: sample.completion, newTokens: sample.tokenIds.length, tokensPerSecond: asked.tokensPerSecond, view: { sample, outcome: asked.outcome, twin: null, tokens: asked.tokens },
    ref: failed ? null : {
      bundle: path, precision: asked.precision, question: cell.question, language: cell.language, template: asked.template.split('/')[0]!, ...(cell.gold === undefined ? {} : { gold: cell.gold }),
      maxNewTokens: asked.maxNewTokens, completion: sample.completion, completionIds: sample.tokenIds,
    },
  });
  services.log.info(`Notebook: ${asked.bundle} (${asked.precision}, ${asked.provider}, ${asked.warm ? 'warm' : 'loaded'}) answered with ${sample.tokenIds.length} tokens`);
  return !failed;
}
