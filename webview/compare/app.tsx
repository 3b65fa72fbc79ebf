import { type VNode } from 'preact';
import { useCallback, useEffect, useState } from 'preact/hooks';
import { type CompareAction, type CompareView, DoCompareAction, GetFloors, GetPair, OnCompareTarget, OpenCompare, type PairAnswer, TABS, type Tab } from '../../src/protocol/compare';
import { connection, request, saveState, savedState } from '../ui/host';
import { t } from '../ui/l10n';
import { announce, LiveRegion } from '../ui/live';
import { Agreement } from './agreement';
import { useAnswer } from './answer';
import { Differences } from './differences';
import { Header } from './header';
import { Many } from './many';
import { Pairs } from './pairs';
import { Scorers } from './scorers';
import { Shifts } from './shifts';
import { Sides } from './sides';
import { type Change, type CompareState, fitted, INITIAL, pairOf, sentence, tabTitle, targeted } from './state';
import { Tabs } from './tabs';
import { Trend } from './trend';

/** The compare panel: result in words, differences by language on the left, the way down to the samples on the right. */
export function App(): VNode {
  const [view, setView] = useState<CompareView | undefined>();
  const [state, setState] = useState<CompareState>(() => savedState(INITIAL));
  const [error, setError] = useState<string | undefined>();
  const change = useCallback<Change>((next) => {
    setError(undefined);
    setState((old) => ({ ...old, ...next }));
  }, []);
  const onError = useCallback((e: Error) => setError(e.message), []);
  useEffect(() => {
    if (view) saveState(state);
  }, [state, view]);
  useEffect(() => {
    const listener = connection.onNotification(OnCompareTarget, (target) => change(targeted(target)));
    connection.listen();
    request(OpenCompare, undefined)
      .then(({ target, ...opened }) => {
        setState((old) => ({ ...fitted(old, opened), ...(target ? targeted(target) : {}) }));
        setView(opened);
      })
      .catch(onError);
    return () => listener.dispose();
  }, [change, onError]);

  const { value: answer, busy } = useAnswer(GetPair, view && state.tab !== 'runs' ? pairOf(state) : null, onError);
  useEffect(() => {
    if (answer && 'pair' in answer) announce(sentence(answer.pair));
  }, [answer]);

  if (!view) return <><LiveRegion />{error === undefined ? <p class="empty" aria-busy="true">{t('Opening the runs…')}</p> : <p class="notice" role="alert">{error}</p>}</>;
  const act = (action: CompareAction): void => {
    setError(undefined);
    request(DoCompareAction, action).catch(onError);
  };
  return (
    <div class="panel compare">
      <LiveRegion />
      <Header view={view} answer={answer} busy={busy} state={state} change={change} onAction={(action) => act({ action })} />
      {error !== undefined && <p class="notice" role="alert">{error} <button type="button" class="small" aria-label={t('Close')} onClick={() => setError(undefined)}>×</button></p>}
      <Body view={view} answer={answer} state={state} change={change} onError={onError} onOpen={(run, language, id) => act({ action: 'openSample', run, language, id })} />
    </div>
  );
}

interface BodyProps {
  readonly view: CompareView;
  readonly answer: PairAnswer | undefined;
  readonly state: CompareState;
  readonly change: Change;
  readonly onError: (e: Error) => void;
  readonly onOpen: (run: number, language: string, id: string) => void;
}

function Body({ view, answer, state, change, onError, onOpen }: BodyProps): VNode {
  const pair = answer && 'pair' in answer ? answer.pair : undefined;
  const tab = state.tab as Tab;
  const { value: floors } = useAnswer(GetFloors, pair ? pairOf(state) : null, onError);
  const missing = <p class="empty">{answer ? t('There is no comparison of these two.') : '…'}</p>;
  const content = (): VNode => {
    switch (tab) {
      case 'runs': return <Many view={view} state={state} change={change} onError={onError} />;
      case 'samples': return pair ? <Pairs pair={pair} state={state} change={change} onError={onError} /> : missing;
      case 'agreement': return <Agreement state={state} onError={onError} />;
      case 'errors': return pair ? <Shifts pair={pair} change={change} /> : missing;
      case 'scorers': return <Scorers view={view} state={state} change={change} onError={onError} />;
      case 'trend': return <Trend state={state} onError={onError} />;
    }
  };
  return (
    <>
      <div class={tab === 'runs' ? 'compare-main one' : 'compare-main'}>
        {tab !== 'runs' && (pair ? <Differences pair={pair} floors={floors} published={view.published} state={state} change={change} /> : missing)}
        <Tabs<Tab> label={t('Views of the comparison')} tabs={TABS.filter((key) => key !== 'runs' || view.runs.length > 2).map((key) => [key, tabTitle(key)] as const)} chosen={tab} onChoose={(chosen) => change({ tab: chosen })}>{content()}</Tabs>
      </div>
      {pair && tab === 'samples' && state.sample !== '' && <Sides view={view} state={state} change={change} onOpen={onOpen} onError={onError} />}
    </>
  );
}
