import { type VNode } from 'preact';
import { type PromptOutput } from '../../src/protocol/notebook';
import { languageName } from '../../src/core/languages';
import { count, t } from '../ui/l10n';
import { Answer, Facts, Prompts, Question, TokenTable } from '../ui/sample';
import { OUTCOME_MARK, outcomeWord } from '../ui/words';
import { type Host } from './host';
import { Inside, StateLine } from './parts';

/** What a `lift-prompt` cell put out: the completion, streamed and then read. */
export function PromptView({ output: o, host }: { readonly output: PromptOutput; readonly host: Host }): VNode {
  const { view } = o;
  const graded = o.gold !== null && view !== null && o.state === 'finished';
  return (
    <section class="output" aria-label={t('Answer')}>
      <h2 class="visually-hidden">{t('Answer')}</h2>
      <StateLine state={o.state} message={o.message}>
        {graded && <strong><span class={`mark outcome-${view.outcome}`} aria-hidden="true">{OUTCOME_MARK[view.outcome]}</span>{outcomeWord(view.outcome)}</strong>}
        <span>{o.bundle}{o.precision === null ? '' : ` (${o.precision})`}</span>
        <span class="quiet">{[o.template, languageName(o.language), o.provider].filter(Boolean).join(' · ')}</span>
        {o.tokensPerSecond !== null && <span class="quiet">{t('{0} tokens', count(o.newTokens))} · {t('{0} tokens/s', count(o.tokensPerSecond))}</span>}
      </StateLine>
      {view === null
        ? o.text !== '' && <p class="text completion" lang={o.language} dir="auto">{o.text}</p>
        : (
          <>
            <Answer view={view} graded={o.gold !== null} />
            {o.ref !== null && <Inside host={host} question={{ ref: o.ref }} />}
            <details>
              <summary class="link">{t('Details')}</summary>
              <Question sample={view.sample} />
              <Facts sample={view.sample} />
              <Prompts sample={view.sample} />
              {view.tokens !== null && <TokenTable text={view.sample.completion} tokens={view.tokens} />}
            </details>
          </>
        )}
    </section>
  );
}
