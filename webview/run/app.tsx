import { type VNode } from 'preact';
import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { type AnswerLanguage, DoAction, type Estimates, GetAnswerLanguages, GetEstimates, OnPanelCommand, OnRunChanged, OnShow, OpenRun, type RunAction, type RunView } from '../../src/protocol/panels';
import { connection, request, saveState, savedState } from '../ui/host';
import { percent, t } from '../ui/l10n';
import { announce, LiveRegion } from '../ui/live';
import { Detail } from './detail';
import { Header, statusWord } from './header';
import { Problem } from './problem';
import { Samples, type SamplesProps } from './samples';
import { ANSWER_KEYS, INITIAL, type PanelState } from './state';
import { LanguageTable } from './table';

/** At most so often the bootstrap is asked for while samples come in. */
const ESTIMATES_MS = 3000;

/** The run panel: header, languages, and below them the samples and one sample of the chosen language. */
export function App(): VNode {
  const [run, setRun] = useState<RunView | undefined>();
  const [estimates, setEstimates] = useState<Estimates | undefined>();
  const [error, setError] = useState<string | undefined>();
  const [state, setState] = useState<PanelState>(() => savedState(INITIAL));
  const commands = useRef<SamplesProps['commands']>({});
  const latest = useRef(run);
  latest.current = run;

  const change = useCallback((next: Partial<PanelState>) => setState((old) => ({ ...old, ...next })), []);
  const onError = useCallback((e: Error) => setError(e.message), []);
  useEffect(() => {
    if (state.folder !== '') saveState(state);
  }, [state]);

  const act = useCallback((action: RunAction, language?: string) => {
    setError(undefined);
    request(DoAction, { action, ...(language === undefined ? {} : { language }) }).catch(onError);
  }, [onError]);

  useEffect(() => {
    const listeners = [
      connection.onNotification(OnRunChanged, (changed) => setRun((old) => (old ? { ...old, ...changed } : old))),
      connection.onNotification(OnShow, ({ language, id }) => change({ language, sample: id ?? '', problem: '', find: '', outcomes: [] })),
      connection.onNotification(OnPanelCommand, ({ command }) => {
        if (command === 'find') commands.current.find?.();
        else if (command === 'next') commands.current.move?.(1);
        else if (command === 'previous') commands.current.move?.(-1);
        else if (latest.current) act(latest.current.activity.status === 'running' ? 'pause' : 'resume');
      }),
    ];
    connection.listen();
    request(OpenRun, undefined).then(setRun).catch(onError);
    return () => listeners.forEach((l) => l.dispose());
  }, [change, act, onError]);

  useFolder(run, change);
  useEstimates(run, setEstimates);
  const answers = useAnswerLanguages(run, ANSWER_KEYS.some((k) => !state.hidden.includes(k)), onError);
  useStatusAnnouncement(run);

  if (!run) return <><LiveRegion />{error === undefined ? <p class="empty" aria-busy="true">{t('Opening the run…')}</p> : <p class="notice" role="alert">{error}</p>}</>;
  const row = run.rows.find((r) => r.language === state.language);
  const onLanguage = (language: string): void => change({ language: language === state.language ? '' : language, sample: '', problem: '', find: '', outcomes: [] });
  return (
    <div class={row ? 'panel with-samples' : 'panel'}>
      <LiveRegion />
      <Header run={run} estimates={estimates} onAction={act} onDisagree={(disagrees) => change({ disagrees, language: state.language || (run.rows[0]?.language ?? ''), sample: '', problem: '', find: '', outcomes: [] })} />
      {error !== undefined && <p class="notice" role="alert">{error} <button type="button" class="small" aria-label={t('Close')} onClick={() => setError(undefined)}>×</button></p>}
      <LanguageTable run={run} estimates={estimates} answers={answers} state={state} change={change} onLanguage={onLanguage} onCancelLanguage={(language, restore) => act(restore ? 'restoreLanguage' : 'cancelLanguage', language)} />
      {state.problem !== '' && <Problem id={state.problem} done={run.activity.done} onOpen={(language) => change({ language, sample: state.problem, outcomes: [], find: '' })} onClose={() => change({ problem: '' })} onError={onError} />}
      {row && (
        <div class="inspect">
          <Samples row={row} state={state} change={change} commands={commands.current} onError={onError} />
          {state.sample === '' ? <section class="detail" aria-label={t('Sample')}><p class="empty">{t('Choose a sample to see its text.')}</p></section> : <Detail state={state} actions={run.sampleActions} change={change} onError={onError} />}
        </div>
      )}
      {!row && run.activity.done > 0 && <p class="hint">{t('Choose a language to see its samples.')}</p>}
    </div>
  );
}

/** Remembers which run this is, so that a reloaded window finds it again. */
function useFolder(run: RunView | undefined, change: (c: Partial<PanelState>) => void): void {
  const folder = run?.folder;
  useEffect(() => {
    if (folder !== undefined) change({ folder });
  }, [folder, change]);
}

/** Asks for means and gaps at first, while samples come in now and then, and when the run has ended. */
function useEstimates(run: RunView | undefined, set: (e: Estimates) => void): void {
  const done = run?.activity.done ?? 0;
  const asked = useRef({ at: 0, n: -1, busy: false });
  const [again, setAgain] = useState(0);
  useEffect(() => {
    const last = asked.current;
    if (done === 0 || done === last.n || last.busy) return undefined;
    const wait = Math.max(0, last.at + ESTIMATES_MS - Date.now());
    const timer = setTimeout(() => {
      asked.current = { at: Date.now(), n: done, busy: true };
      request(GetEstimates, undefined)
        .then(set)
        .catch(() => undefined) // the rows stand without them; the next change asks again
        .finally(() => {
          asked.current = { ...asked.current, at: Date.now(), busy: false };
          setAgain((n) => n + 1);
        });
    }, wait);
    return () => clearTimeout(timer);
  }, [done, again, set]);
}

/** Asks for the languages of the answers while a column of them is shown: once, and again when the run has come to rest. */
function useAnswerLanguages(run: RunView | undefined, shown: boolean, onError: (e: Error) => void): readonly AnswerLanguage[] {
  const [answers, set] = useState<readonly AnswerLanguage[]>([]);
  const done = run && run.activity.status !== 'running' ? run.activity.done : 0;
  useEffect(() => {
    if (!shown || done === 0) return undefined;
    const gone = new AbortController();
    request(GetAnswerLanguages, undefined, gone.signal).then(set).catch((e: Error) => !gone.signal.aborted && onError(e));
    return () => gone.abort();
  }, [shown, done, onError]);
  return answers;
}

/** Says what a screen reader should hear without being asked: a change of status. */
function useStatusAnnouncement(run: RunView | undefined): void {
  const status = run?.activity.status;
  useEffect(() => {
    if (run && status) announce(t('{0}: {1}, {2}', run.name, statusWord(status), percent(run.activity.total > 0 ? run.activity.done / run.activity.total : 0)));
    // Only a change of status is announced, not every sample.
  }, [status]);
}
