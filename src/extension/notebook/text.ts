import * as vscode from 'vscode';
import { languageName } from '../../core/languages';
import { type EvalOutput, type LiftOutput, type OutputComparison, type PromptOutput } from '../../protocol/notebook';
import { markdownText } from '../../runs/report/escape';
import { duration, percent } from '../views/text';

const t = vscode.l10n.t;

export function stateWord(state: LiftOutput['state']): string {
  switch (state) {
    case 'loading': return t('loading');
    case 'running': return t('running');
    case 'finished': return t('finished');
    case 'cancelled': return t('cancelled');
    case 'failed': return t('failed');
  }
}

/** The output for places without the renderer: other programs, diffs, copied text. */
export function textTwin(output: LiftOutput): { readonly mime: string; readonly text: string } {
  return output.kind === 'prompt' ? { mime: 'text/plain', text: promptText(output) } : { mime: 'text/markdown', text: evalText(output) };
}

function promptText(o: PromptOutput): string {
  const head = [o.bundle, o.precision, o.template, o.language].filter(Boolean).join(' · ');
  if (o.state === 'failed' || o.state === 'loading') return [head, o.message ?? stateWord(o.state)].join('\n');
  const s = o.view?.sample;
  if (!s) return [head, '', o.text, '', stateWord(o.state)].join('\n');
  const read = s.value === null ? t('read: nothing') : t('read: {0}', String(s.value));
  const gold = o.gold === null ? '' : `${t('gold: {0}', o.gold)}, ${s.correct ? t('right') : t('wrong')}`;
  const speed = o.tokensPerSecond === null ? '' : t('{0} tokens/s', Math.round(o.tokensPerSecond));
  return [head, '', s.stopReason === 'failed' ? t('The item failed: {0}', s.failure ?? '') : s.completion, '', [`${read} (${s.reading})`, gold, s.scorer, t('{0} tokens', s.tokenIds.length), speed].filter(Boolean).join(' · ')].join('\n');
}

const bar = (cells: readonly (string | number)[]): string => `| ${cells.map((c) => markdownText(String(c))).join(' | ')} |`;

function evalText(o: EvalOutput): string {
  const parts: string[] = o.message === null ? [] : [markdownText(o.message)];
  for (const run of o.runs) {
    const basis = [`${run.done}/${run.total}`, run.scorer, run.template, t('seed {0}', run.seed), run.fingerprint.slice(0, 12), run.tokensPerSecond === null ? '' : t('{0} tokens/s', Math.round(run.tokensPerSecond)), o.state === 'running' && run.etaSeconds !== null ? t('{0} left', duration(run.etaSeconds)) : ''];
    parts.push(`**${markdownText(`${run.bundle} (${run.precision}) · ${run.benchmark}`)}** ${markdownText(basis.filter(Boolean).join(' · '))}`);
    parts.push([
      bar([t('Language'), t('n'), t('Accuracy'), t('95 % interval'), t('Unread'), t('Failed')]), '| --- | ---: | ---: | --- | ---: | ---: |',
      ...run.rows.map((r) => bar([`${languageName(r.language)} (${r.language})`, r.n, r.n === 0 ? '–' : percent(r.accuracy), r.n === 0 ? '–' : `${percent(r.interval[0])} – ${percent(r.interval[1])}`, r.unread, r.failed])),
    ].join('\n'));
  }
  for (const c of o.comparisons) parts.push(comparisonText(o, c));
  return parts.join('\n\n');
}

function comparisonText(o: EvalOutput, { a, b, pair, refused }: OutputComparison): string {
  const names = `${o.runs[b]?.name ?? b} − ${o.runs[a]?.name ?? a}`;
  if (!pair) return `**${markdownText(names)}** ${markdownText(refused ?? '')}`;
  const points = (x: number): string => (100 * x).toFixed(1);
  return [
    `**${markdownText(names)}** ${markdownText(t('overall {0} points ({1} to {2}), n {3} pairs', points(pair.overall.difference), points(pair.overall.interval[0]), points(pair.overall.interval[1]), pair.n))}`, '',
    bar([t('Language'), t('n'), 'A', 'B', t('B − A'), t('95 % interval'), t('p (Holm)')]), '| --- | ---: | ---: | ---: | ---: | --- | ---: |',
    ...pair.languages.map((l) => bar([languageName(l.language), l.n, percent(l.accuracyA), percent(l.accuracyB), points(l.difference), `${points(l.interval[0])} – ${points(l.interval[1])}`, l.adjusted.toFixed(3)])),
  ].join('\n');
}
