import { type VNode } from 'preact';
import { useCallback, useEffect, useMemo, useState } from 'preact/hooks';
import {
  type AlignmentAction, type AlignmentStatus, type AlignmentView, CancelAlignment, DoAlignmentAction, FindPoints, GetAlignment, GetRunColours, MOST_BUNDLES, OnAlignmentStatus, OpenAlignment,
  type OpenedAlignment, SaveExport, StartAlignment,
} from '../../src/protocol/alignmentpanel';
import { useAnswer } from '../compare/answer';
import { Tabs } from '../compare/tabs';
import { Select, TextInput } from '../ui/fields';
import { Button } from '../ui/native';
import { connection, request, saveState, savedState } from '../ui/host';
import { count, duration, percent, t } from '../ui/l10n';
import { announce, LiveRegion } from '../ui/live';
import { Accuracy } from './accuracy';
import { type Export, exported, EXPORTS, exportTitle } from './export';
import { Languages } from './languages';
import { Maps, type ShownMaps } from './maps';
import { Points } from './points';
import { Soft } from './soft';
import { Stages } from './stages';
import { type AlignmentState, type Change, fitted, INITIAL, type Tab, TABS, tabTitle } from './state';
import { useTheme } from './theme';

/** The alignment panel: map on the left, numbers on the right; before there is a result, how far the analysis is. */
export function App(): VNode {
  const [opened, setOpened] = useState<OpenedAlignment | undefined>();
  const [now, setNow] = useState<AlignmentStatus>({ status: 'idle' });
  const [view, setView] = useState<AlignmentView | undefined>();
  const [state, setState] = useState<AlignmentState>(() => savedState(INITIAL));
  const [error, setError] = useState<string | undefined>();
  const change = useCallback<Change>((next) => {
    setError(undefined);
    setState((old) => ({ ...old, ...next }));
  }, []);
  const onError = useCallback((e: Error) => setError(e.message), []);
  useEffect(() => {
    if (state.request) saveState(state);
  }, [state]);
  useEffect(() => {
    const listener = connection.onNotification(OnAlignmentStatus, setNow);
    connection.listen();
    request(OpenAlignment, undefined)
      .then((o) => {
        setOpened(o);
        setNow(o.now);
        // From here on a reload finds the analysis, finished or not.
        setState((old) => (JSON.stringify(old.request) === JSON.stringify(o.request) ? old : { ...INITIAL, request: o.request }));
      })
      .catch(onError);
    return () => listener.dispose();
  }, [onError]);
  useEffect(() => {
    if (now.status !== 'ready' || !opened) return;
    request(GetAlignment, undefined)
      .then((v) => {
        setState((old) => fitted(view ? old : { ...old, request: freshly(old) ? null : old.request }, opened.request, v));
        setView(v);
        announce(t('{0} languages × {1} problems at {2} stages', v.languages.length, v.ids.length, v.stages.length));
      })
      .catch(onError);
  }, [now.status, opened, onError]);

  const notice = error !== undefined && <p class="notice" role="alert">{error} <button type="button" class="small" aria-label={t('Close')} onClick={() => setError(undefined)}>×</button></p>;
  const content = opened && view ? <Shown view={view} state={state} change={change} onError={onError} notice={notice || null} /> : <div class="panel alignment"><h1>{t('Alignment')}{opened && <> <span aria-hidden="true">▸</span> <bdi>{opened.names.join(', ')}</bdi></>}</h1>{notice}{opened ? <Progress opened={opened} now={now} onError={onError} /> : <p class="empty" aria-busy="true">{t('Looking for the analysis…')}</p>}</div>;
  return <><LiveRegion />{content}</>;
}

/** True for a state that was never fitted to a result. */
const freshly = (state: AlignmentState): boolean => state.stage === '';

/** What the analysis does, how far it is, how long still, and how to stop it. */
function Progress({ opened, now, onError }: { readonly opened: OpenedAlignment; readonly now: AlignmentStatus; readonly onError: (e: Error) => void }): VNode {
  const start = (): void => void request(StartAlignment, undefined).catch(onError);
  const button = (label: string): VNode => <p><Button kind="primary" disabled={!opened.trusted} onClick={start}>{label}</Button></p>;
  if (!opened.trusted && now.status === 'idle') return <p class="notice" role="alert">{t('This analysis is not in the cache, and in Restricted Mode none is started. Trust the workspace first.')}</p>;
  if (now.status === 'idle') return <div class="empty"><p>{t('This analysis is not in the cache of this machine. It loads each bundle once and reads every problem in every language.')}</p>{button(t('Analyse'))}</div>;
  if (now.status === 'failed') return <div><p class="notice" role="alert">{now.error}</p>{button(t('Try again'))}</div>;
  if (now.status === 'cancelled') return <div class="empty"><p>{t('Cancelled; nothing was kept.')}</p>{button(t('Analyse'))}</div>;
  if (now.status === 'ready') return <p class="empty" aria-busy="true">…</p>;
  const { bundle = 0, bundles = 1, step, done = 0, of = 0, share, etaSeconds } = now;
  const words = step === 'reading' ? t('Reading: {0} of {1} texts', count(done), count(of)) : step === 'comparing' ? t('Comparing: {0} of {1} stages', done, of) : t('Loading the bundle');
  return (
    <div class="progress-block">
      <p class="progress-line">
        <progress max={1} value={step === 'reading' ? (share ?? 0) : step === 'comparing' ? 1 : 0} aria-label={t('Progress of the analysis')} />
        <span class="status">{words}</span>
        {bundles > 1 && <span>{t('bundle {0} of {1}', bundle + 1, bundles)} (<bdi>{opened.names[bundle]}</bdi>)</span>}
        {share !== undefined && <span>{percent(share)}</span>}
        {etaSeconds !== undefined && <span>{t('{0} left', duration(etaSeconds))}</span>}
      </p>
      <p><Button onClick={() => void request(CancelAlignment, undefined).catch(onError)}>{t('Cancel')}</Button></p>
    </div>
  );
}

interface ShownProps {
  readonly view: AlignmentView;
  readonly state: AlignmentState;
  readonly change: Change;
  readonly onError: (e: Error) => void;
  readonly notice: VNode | null;
}

function Shown({ view, state, change, onError, notice }: ShownProps): VNode {
  const theme = useTheme();
  const [shown, setShown] = useState<ShownMaps | undefined>();
  const [find, setFind] = useState(state.find);
  useEffect(() => {
    const timer = setTimeout(() => find !== state.find && change({ find }), 250);
    return () => clearTimeout(timer);
  }, [find, state.find, change]);
  const { value: colours, asked: coloursOf } = useAnswer(GetRunColours, state.run === '' ? null : { run: state.run }, onError);
  const { value: hits, asked: hitsOf } = useAnswer(FindPoints, state.find.trim() === '' ? null : { text: state.find }, onError);
  const found = useMemo(() => (state.find.trim() === '' || !hits || hitsOf?.text !== state.find ? null : new Set(hits.points)), [hits, hitsOf, state.find]);
  // The answers of a run are shown under its own name only.
  const run = coloursOf?.run === state.run ? colours : undefined;
  const act = (action: AlignmentAction): void => void request(DoAlignmentAction, action).catch(onError);
  const save = (what: Export): void => {
    if (!shown || shown.maps.length === 0) return;
    request(SaveExport, exported(what, { view, state, shown, colours: run, theme })).then(({ saved }) => saved && announce(t('Exported'))).catch(onError);
  };
  const numbers = { view, state, change, colours: run };
  const content = (): VNode => {
    switch (state.tab as Tab) {
      case 'languages': return <Languages {...numbers} />;
      case 'stages': return <Stages {...numbers} />;
      case 'points': return <Points {...numbers} found={found} shown={shown} onError={onError} onOpen={(language, id) => act({ action: 'openSample', run: state.run, language, id })} />;
      case 'soft': return <Soft {...numbers} onError={onError} onAttention={(language, id) => act({ action: 'showAttention', bundle: state.bundle, language, id })} />;
      case 'accuracy': return <Accuracy view={view} state={state} colours={run} />;
    }
  };
  const { benchmark } = view.bundles[0]!;
  return (
    <div class="panel alignment">
      <header>
        <div class="title-line">
          <h1>{t('Alignment')} <span aria-hidden="true">▸</span> <bdi>{view.bundles.map((b) => b.name).join(', ')}</bdi> <span aria-hidden="true">▸</span> <bdi>{benchmark.title}</bdi></h1>
          <div class="actions">
            {view.bundles.length < MOST_BUNDLES && <Button onClick={() => act({ action: 'addBundle' })}>{t('Add bundle…')}</Button>}
            <Button onClick={() => act({ action: 'copyLink' })}>{t('Copy link')}</Button>
            <details class="columns">
              <summary>{t('Export…')}</summary>
              <div class="columns-list">{EXPORTS.map((what) => <button key={what} type="button" class="menu-item" onClick={() => save(what)}>{exportTitle(what)}</button>)}</div>
            </details>
          </div>
        </div>
        <div class="toolbar">
          <TextInput label={t('Find in questions, ids, languages')} value={find} onInput={setFind} />
          {found !== null && <span class="quiet" role="status">{t('{0} found', count(found.size))}</span>}
          <Select label={t('Run')} value={state.run} options={[['', t('none')], ...view.runs.map((r) => [r.folder, r.accuracy === null ? r.name : `${r.name} (${percent(r.accuracy)})`] as const)]} onChange={(folder) => change({ run: folder, ...(folder === '' && state.colour === 'outcome' ? { colour: 'class' } : {}) })} />
          {state.language !== '' && <Button onClick={() => change({ language: '' })}>{t('All languages')}</Button>}
        </div>
      </header>
      {notice}
      <div class="alignment-main">
        <Maps {...numbers} theme={theme} found={found} onError={onError} onShown={setShown} />
        <Tabs<Tab> label={t('Numbers')} tabs={TABS.map((key) => [key, tabTitle(key)] as const)} chosen={state.tab as Tab} onChoose={(tab) => change({ tab })}>{content()}</Tabs>
      </div>
      <details class="provenance">
        <summary>{t('What made these numbers')}</summary>
        <dl>
          {view.bundles.map((b) => <div key={b.name}><dt>{b.name}</dt><dd>{t('{0}, bundle {1}, fingerprint {2}, {3}', b.bundle.precision, b.bundle.sha256.slice(0, 12), b.fingerprint, b.cached ? t('read from the cache') : t('computed in {0}', duration(b.milliseconds / 1000)))}</dd></div>)}
          <div><dt>{benchmark.title}</dt><dd>{t('{0} languages × {1} problems, SHA-256 {2}, template {3}', view.languages.length, view.ids.length, benchmark.sha256.slice(0, 12), view.bundles[0]!.template.name)}{view.bundles[0]!.settings.normalise === false && t(', texts as they are written')}</dd></div>
        </dl>
      </details>
    </div>
  );
}
