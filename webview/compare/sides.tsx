import { type VNode } from 'preact';
import { languageName, languageOf } from '../../src/core/languages';
import { type CompareView, GetPairSample, type PairSample, type SideView } from '../../src/protocol/compare';
import { pieces } from '../ui/sample';
import { errorWord, OUTCOME_MARK, outcomeWord } from '../run/state';
import { Button, Checkbox } from '../ui/native';
import { count, percent, t } from '../ui/l10n';
import { useAnswer } from './answer';
import { type Change, type CompareState, sideA, sideB } from './state';

export interface SidesProps {
  readonly view: CompareView;
  readonly state: CompareState;
  readonly change: Change;
  readonly onOpen: (run: number, language: string, id: string) => void;
  readonly onError: (e: Error) => void;
}

/** One sample pair: the question once, both completions side by side with what was read in them. */
export function Sides({ view, state, change, onOpen, onError }: SidesProps): VNode {
  const { value: pair } = useAnswer(GetPairSample, { a: sideA(state), b: sideB(state), language: state.sampleLanguage, id: state.sample }, onError);
  if (!pair || pair.id !== state.sample || pair.language !== state.sampleLanguage) return <section class="sides" aria-busy="true" aria-label={t('Sample pair')}><p class="empty">…</p></section>;
  const text = { lang: pair.language, dir: languageOf(pair.language)?.direction ?? ('auto' as const) };
  return (
    <section class="sides" aria-label={t('Sample pair')}>
      <div class="toolbar">
        <h2><bdi>{pair.id}</bdi> · {languageName(pair.language)} · {t('gold: {0}', pair.gold)}</h2>
        <Button onClick={() => change({ sample: '' })}>{t('Close')}</Button>
      </div>
      <div class="sides-scroll" tabIndex={0} role="group" aria-label={t('Sample pair')}>
        <p class="text" {...text}>{pair.question}</p>
        {pair.twin !== null && (
          <>
            <Checkbox checked={state.english} onChange={(english) => english !== state.english && change({ english })}>{t('in English')}</Checkbox>
            {state.english && <p class="text twin" lang="en" dir="ltr">{pair.twin}</p>}
          </>
        )}
        <div class="sides-grid">
          {pair.sides.map((side, i) => {
            const run = i === 0 ? state.a : state.b;
            return <OneSide key={i} letter={i === 0 ? 'A' : 'B'} name={view.runs[run]?.name ?? ''} side={side} pair={pair} onOpen={() => onOpen(run, pair.language, pair.id)} />;
          })}
        </div>
      </div>
    </section>
  );
}

function OneSide({ letter, name, side, pair, onOpen }: { readonly letter: string; readonly name: string; readonly side: SideView; readonly pair: PairSample; readonly onOpen: () => void }): VNode {
  return (
    <article class="side" aria-label={`${letter}: ${name}`}>
      <h3><span class={`mark outcome-${side.outcome}`} aria-hidden="true">{OUTCOME_MARK[side.outcome]}</span> {letter} · <bdi>{name}</bdi> · {outcomeWord(side.outcome)}</h3>
      {side.stopReason === 'failed' ? <p class="notice">{t('The item failed: {0}', side.failure ?? '')}</p> : (
        <p class="text completion" lang={pair.language} dir="auto">
          {pieces(side.completion, null, side.span).map((piece, k) => (piece.read ? <mark key={k} class="read">{piece.text}</mark> : <span key={k}>{piece.text}</span>))}
          {side.completion === '' && <em>{t('(nothing)')}</em>}
        </p>
      )}
      <p class="reading">
        {side.value === null ? t('read: nothing') : t('read: {0}', side.value)} ({side.reading})
        {side.ambiguous && <> · {t('ambiguous, could also be {0}', side.alternatives.join(', '))}</>}
        {side.error !== null && <> · {errorWord(side.error)}</>}
      </p>
      <p class="quiet">
        {side.scorer} · {t('{0} tokens', count(side.tokens))} · {t('stopped by {0}', side.stopReason)}{side.probability === null ? '' : ` · ${t('mean probability {0}', percent(side.probability))}`} <button type="button" class="link" onClick={onOpen}>{t('Open in the run')}</button>
      </p>
    </article>
  );
}
