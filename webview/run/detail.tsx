import { type VNode } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { languageName, languageOf } from '../../src/core/languages';
import { meanProbability } from '../../src/protocol/run';
import { GetSample, type SampleView, type TokenSpan } from '../../src/protocol/panels';
import { Button, Checkbox } from '../ui/controls';
import { request } from '../ui/host';
import { count, percent, t } from '../ui/l10n';
import { errorWord, OUTCOME_MARK, outcomeWord, type PanelState } from './state';

export interface DetailProps {
  readonly state: PanelState;
  readonly change: (change: Partial<PanelState>) => void;
  readonly onError: (e: Error) => void;
}

/** One sample: question, English twin, the completion with its tokens and what was read, gold, timing. */
export function Detail({ state, change, onError }: DetailProps): VNode {
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
  return <SampleText view={view} state={state} change={change} />;
}

function SampleText({ view, state, change }: { readonly view: SampleView; readonly state: PanelState; readonly change: DetailProps['change'] }): VNode {
  const { sample: s, tokens, twin, outcome } = view;
  const text = { lang: s.language, dir: languageOf(s.language)?.direction ?? ('auto' as const) };
  const mean = meanProbability(s);
  const calculated = s.forced?.length ?? 0;
  return (
    <section class="detail" aria-label={t('Sample')}>
      <div class="toolbar">
        <h2><span class={`mark outcome-${outcome}`} aria-hidden="true">{OUTCOME_MARK[outcome]}</span> <bdi>{s.id}</bdi> · {languageName(s.language)} · {outcomeWord(outcome)}</h2>
        <Button onClick={() => change({ problem: s.id })}>{t('All languages')}</Button>
      </div>
      {/* The scrolling region takes the focus, so that the keyboard can scroll it. */}
      <div class="detail-scroll" tabIndex={0} role="group" aria-label={t('Sample')}>
        <h3>{t('Question')}</h3>
        <p class="text" {...text}>{s.question}</p>
        {twin !== null && s.language !== 'en' && (
          <>
            <Checkbox checked={state.english} onChange={(english) => change({ english })}>{t('in English')}</Checkbox>
            {state.english && <p class="text twin" lang="en" dir="ltr">{twin}</p>}
          </>
        )}
        <h3>{t('Completion')}</h3>
        {s.stopReason === 'failed' ? <p class="notice">{t('The item failed: {0}', s.failure ?? '')}</p> : <Completion text={s.completion} language={s.language} tokens={tokens} span={s.span} />}
        <p class="reading">
          {s.value === null ? t('read: nothing') : t('read: {0}', String(s.value))} ({s.reading}) · {t('gold: {0}', s.gold)}
          {s.ambiguous && <> · {t('ambiguous, could also be {0}', (s.alternatives ?? []).join(', '))}</>}
          {s.error !== null && s.error !== undefined && <> · {errorWord(s.error)}</>}
        </p>
        <dl class="facts">
          <div><dt>{t('Stopped by')}</dt><dd>{s.stopReason}{s.stopString === undefined ? '' : ` (${JSON.stringify(s.stopString)})`}</dd></div>
          <div><dt>{t('Tokens')}</dt><dd>{t('{0} generated, {1} in the prompt, {2} in the encoder', count(s.tokenIds.length), count(s.promptTokens), count(s.encoderTokens))}</dd></div>
          {calculated > 0 && <div><dt>{t('Calculator')}</dt><dd>{t('wrote {0} of the tokens', count(calculated))}</dd></div>}
          <div><dt>{t('Mean probability')}</dt><dd>{mean === null ? '–' : percent(mean)}</dd></div>
          <div><dt>{t('Time')}</dt><dd>{t('{0} ms', count(s.ms))}</dd></div>
          <div><dt>{t('Scorer')}</dt><dd>{s.scorer}</dd></div>
        </dl>
        <details>
          <summary>{t('Prompt')}</summary>
          <pre class="text" dir="auto">{s.prompt}</pre>
          {s.encoderPrompt !== undefined && <><h4>{t('What the encoder read')}</h4><pre class="text" {...text}>{s.encoderPrompt}</pre></>}
        </details>
        {tokens !== null && <TokenTable text={s.completion} tokens={tokens} />}
      </div>
    </section>
  );
}

interface Piece {
  readonly text: string;
  readonly probability: number | undefined;
  /** Written by the calculator. */
  readonly calculated: boolean;
  readonly read: boolean;
}

/** The completion cut at every border of a token and of the span that was read. */
export function pieces(text: string, tokens: readonly TokenSpan[] | null, span: readonly [number, number] | null): Piece[] {
  const cuts = new Set([0, text.length, ...(tokens ?? []).flatMap((k) => [k.start, k.end]), ...(span ?? [])]);
  const borders = [...cuts].filter((c) => c >= 0 && c <= text.length).sort((a, b) => a - b);
  let token = 0;
  return borders.slice(1).map((end, i) => {
    const start = borders[i]!;
    while (tokens && token < tokens.length && tokens[token]!.end <= start) token += 1;
    const inside = tokens?.[token];
    return {
      text: text.slice(start, end),
      probability: inside && inside.start <= start && end <= inside.end ? inside.probability : undefined,
      calculated: inside?.calculated === true && inside.start <= start && end <= inside.end,
      read: span !== null && start >= span[0] && end <= span[1],
    };
  });
}

/** Shade of a token: 0 (certain) to 5 (a guess). */
export const shade = (probability: number): number => (probability >= 0.95 ? 0 : probability >= 0.8 ? 1 : probability >= 0.6 ? 2 : probability >= 0.4 ? 3 : probability >= 0.2 ? 4 : 5);

function Completion({ text, language, tokens, span }: { readonly text: string; readonly language: string; readonly tokens: readonly TokenSpan[] | null; readonly span: readonly [number, number] | null }): VNode {
  // The direction is the text's own: a model often answers in English.
  return (
    <p class="text completion" lang={language} dir="auto">
      {pieces(text, tokens, span).map((piece, i) => {
        const name = piece.probability === undefined ? undefined : piece.calculated ? 'token calculated' : `token shade-${shade(piece.probability)}`;
        const title = piece.probability === undefined ? undefined : piece.calculated ? t('written by the calculator') : t('probability {0}', percent(piece.probability));
        return piece.read ? <mark key={i} class={`read ${name ?? ''}`} title={title}>{piece.text}</mark> : <span key={i} class={name} title={title}>{piece.text}</span>;
      })}
      {text === '' && <em>{t('(nothing)')}</em>}
    </p>
  );
}

/** The table twin of the shading. */
function TokenTable({ text, tokens }: { readonly text: string; readonly tokens: readonly TokenSpan[] }): VNode {
  const [open, setOpen] = useState(false);
  return (
    <details onToggle={(e) => setOpen((e.currentTarget as HTMLDetailsElement).open)}>
      <summary>{t('Tokens as a table')}</summary>
      {open && (
        <table class="tokens">
          <thead><tr><th scope="col">{t('Token')}</th><th scope="col" class="number">{t('Probability')}</th></tr></thead>
          <tbody>{tokens.map((k) => <tr key={k.start}><td><bdi class="chip-text">{text.slice(k.start, k.end)}</bdi></td><td class="number">{k.calculated ? t('calculator') : percent(k.probability)}</td></tr>)}</tbody>
        </table>
      )}
    </details>
  );
}
