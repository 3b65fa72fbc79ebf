import { type VNode } from 'preact';
import { useCallback, useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { languageName } from '../../src/core/languages';
import { DoTrainingAction, OnTrainings, OpenTrainings, type TrainingAction, type TrainingsView } from '../../src/protocol/training';
import { Tabs } from '../compare/tabs';
import { connection, request, saveState, savedState } from '../ui/host';
import { t } from '../ui/l10n';
import { announce, LiveRegion } from '../ui/live';
import { Chart } from './chart';
import { Header } from './header';
import { INITIAL, type PanelState, type Plot, plotsOf, reconstructionPlots, statusWord, TABS, type TabKey, tabTitle } from './state';
import { Checkpoints, MetricsTable, ReconstructionTable, Samples } from './tables';

/**
 * The training panel: trainings with their state on top, below them curves, reconstruction, samples and checkpoints. Buttons are
 * native elements here and not the toolkit's: with the plot library the page would otherwise be too large.
 */
export function App(): VNode {
  const [view, setView] = useState<TrainingsView | undefined>();
  const [state, setState] = useState<PanelState>(() => savedState(INITIAL));
  const [error, setError] = useState<string | undefined>();
  const told = useRef(new Map<string, string>());
  const take = useCallback((next: TrainingsView) => {
    for (const { folder, name, status } of next.trainings) {
      if (told.current.has(folder) && told.current.get(folder) !== status) announce(t('{0}: {1}', name, statusWord(status)));
      told.current.set(folder, status);
    }
    setView(next);
  }, []);
  useEffect(() => {
    const listener = connection.onNotification(OnTrainings, take);
    connection.listen();
    request(OpenTrainings, undefined).then(take).catch((e: Error) => setError(e.message));
    return () => listener.dispose();
  }, [take]);
  useEffect(() => {
    if (view) saveState({ ...state, folders: view.trainings.map((v) => v.folder) });
  }, [state, view]);
  const change = useCallback((next: Partial<PanelState>) => setState((old) => ({ ...old, ...next })), []);
  const act = useCallback((action: TrainingAction) => {
    setError(undefined);
    request(DoTrainingAction, action).catch((e: Error) => setError(e.message));
  }, []);

  if (!view) return <><LiveRegion />{error === undefined ? <p class="empty" aria-busy="true">{t('Opening the training…')}</p> : <p class="notice" role="alert">{error}</p>}</>;
  const tab = TABS.find((k) => k === state.tab) ?? 'curves';
  return (
    <div class="panel training">
      <LiveRegion />
      <Header view={view} onAction={act} />
      {error !== undefined && <p class="notice" role="alert">{error} <button type="button" class="small" aria-label={t('Close')} onClick={() => setError(undefined)}>×</button></p>}
      <Tabs<TabKey> label={t('Views of the training')} tabs={TABS.map((key) => [key, tabTitle(key)] as const)} chosen={tab} onChoose={(chosen) => change({ tab: chosen })}>
        {tab === 'samples' ? <Samples view={view} /> : tab === 'checkpoints' ? <Checkpoints view={view} onAction={act} /> : <Curves key={tab} view={view} small={tab === 'reconstruction'} state={state} change={change} />}
      </Tabs>
    </div>
  );
}

interface CurvesProps {
  readonly view: TrainingsView;
  /** Reconstruction by language as small multiples, instead of the curves of the training. */
  readonly small: boolean;
  readonly state: PanelState;
  readonly change: (next: Partial<PanelState>) => void;
}

function Curves({ view, small, state, change }: CurvesProps): VNode {
  const [at, setAt] = useState<number | null>(null);
  const { trainings } = view;
  const plots = useMemo<Plot[]>(() => (small ? reconstructionPlots(trainings, languageName) : plotsOf(trainings)), [trainings, small]);
  const units = new Set(trainings.map((v) => v.unit));
  const unit = units.size === 1 && units.has('epoch') ? t('epoch') : t('step');
  const most = Math.max(1, ...trainings.map((v) => v.every));
  if (plots.length === 0) {
    return <p class="empty">{small ? t('No reconstruction was measured. Stage I measures it at each evaluation when optim.reconstruction_samples is above 0.') : t('No metrics yet. They appear as the training writes them.')}</p>;
  }
  return (
    <>
      <div class="toolbar">
        {!small && <button type="button" class="filter" aria-pressed={state.log} onClick={() => change({ log: !state.log })}>{t('Logarithmic')}</button>}
        <button type="button" class="filter" aria-pressed={state.table} onClick={() => change({ table: !state.table })}>{t('As table')}</button>
        {small && <span class="quiet">{t('chrF of held-out sentences (0 to 100), per language of their replaced words')}</span>}
        {most > 1 && <span class="quiet">{t('Of the longest curve every {0}th point is drawn.', most)}</span>}
      </div>
      <div class="scroll" tabIndex={0} role="group" aria-label={small ? tabTitle('reconstruction') : tabTitle('curves')}>
        {state.table ? (small ? <ReconstructionTable view={view} /> : <MetricsTable view={view} />) : (
          <div class={small ? 'charts small' : 'charts'}>
            {plots.map((plot) => <Chart key={plot.key} plot={plot} unit={unit} log={state.log && !small} height={small ? 110 : 190} {...(small ? { range: [0, 100] as const } : {})} at={at} onAt={setAt} />)}
          </div>
        )}
      </div>
    </>
  );
}
