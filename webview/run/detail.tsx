import { type VNode } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { languageName } from '../../src/core/languages';
import { DoSampleAction, GetSample, type SampleAction, type SampleView } from '../../src/protocol/panels';
import { Button, Checkbox } from '../ui/controls';
import { request } from '../ui/host';
import { one, t } from '../ui/l10n';
import { Answer, Facts, Prompts, Question, TokenTable } from '../ui/sample';
import { OUTCOME_MARK, outcomeWord, type PanelState } from './state';

export interface DetailProps {
  readonly state: PanelState;
  /** What a sample can be handed to. */
  readonly actions: readonly SampleAction[];
  readonly change: (change: Partial<PanelState>) => void;
  readonly onError: (e: Error) => void;
}

/** One sample: question, English twin, the completion with its tokens and what was read, gold, timing. */
export function Detail({ state, actions, change, onError }: DetailProps): VNode {
  const { language, sample: id } = state;
  const [view, setView] = useState<SampleView | undefined>();
  useEffect(() => {
    const abort = new AbortController();
    request(GetSample, { language, id }, abort.signal)
      .then((answer) => !abort.signal.aborted && setView(answer))
      .catch((e: unknown) => !abort.signal.aborted && onError(e as Error));
    return () => abort.abort();
  }, [language, id, onError]);
  if (!view || view.sample.id !== id || view.sample.language !== language) return <section class="detail" aria-busy="true" aria-label={t('Sample')}><p class="empty">…</p></section>;
  return <SampleText view={view} state={state} actions={actions} change={change} onError={onError} />;
}

function SampleText({ view, state, actions, change, onError }: DetailProps & { readonly view: SampleView }): VNode {
  const { sample: s, tokens, twin, outcome } = view;
  return (
    <section class="detail" aria-label={t('Sample')}>
      <div class="toolbar">
        <h2><span class={`mark outcome-${outcome}`} aria-hidden="true">{OUTCOME_MARK[outcome]}</span> <bdi>{s.id}</bdi> · {languageName(s.language)} · {outcomeWord(outcome)}</h2>
        {s.stopReason !== 'failed' && actions.map((action) => <Button key={action} onClick={() => void request(DoSampleAction, { action, language: s.language, id: s.id }).catch(onError)}>{actionWord(action)}</Button>)}
        <Button onClick={() => change({ problem: s.id })}>{t('All languages')}</Button>
      </div>
      {/* The scrolling region takes the focus, so that the keyboard can scroll it. */}
      <div class="detail-scroll" tabIndex={0} role="group" aria-label={t('Sample')}>
        <Question sample={s} />
        {twin !== null && s.language !== 'en' && (
          <>
            <Checkbox checked={state.english} onChange={(english) => change({ english })}>{t('in English')}</Checkbox>
            {state.english && <p class="text twin" lang="en" dir="ltr">{twin}</p>}
          </>
        )}
        <Answer view={view} />
        {(view.others ?? []).map((o) => <p key={o.scorer} class={o.correct === s.correct ? 'reading' : 'reading bad'}>{o.scorer}: {o.correct ? t('right') : t('wrong')}, {o.value ?? t('nothing')} ({o.reading}){o.correct === s.correct ? '' : ` · ${t('disagrees')}`}</p>)}
        {s.candidates && <Candidates sample={s} />}
        <Facts sample={s} />
        <Prompts sample={s} />
        {tokens !== null && <TokenTable text={s.completion} tokens={tokens} />}
      </div>
    </section>
  );
}

function actionWord(action: SampleAction): string {
  return action === 'attention' ? t('Attention') : action === 'debug' ? t('Debug') : t('In notebook');
}

/** The continuations of a likelihood run, likeliest first. */
function Candidates({ sample: { candidates = [], value, gold } }: { readonly sample: SampleView['sample'] }): VNode {
  return (
    <table class="tokens">
      <caption>{t('Log-likelihoods')}</caption>
      <thead><tr><th scope="col">{t('Choice')}</th><th scope="col">{t('Text')}</th><th scope="col" class="number">{t('Sum')}</th><th scope="col" class="number">{t('Tokens')}</th></tr></thead>
      <tbody>{[...candidates].sort((a, b) => b.logprob - a.logprob).map((c) => <tr key={c.label}><th scope="row">{c.label}{c.label === value ? ' ◂' : ''}{c.label === gold ? ` ${t('gold')}` : ''}</th><td><bdi class="chip-text">{c.text}</bdi></td><td class="number">{one(c.logprob)}</td><td class="number">{c.tokens}</td></tr>)}</tbody>
    </table>
  );
}
