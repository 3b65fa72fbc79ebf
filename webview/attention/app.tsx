import { type VNode } from 'preact';
import { useCallback, useEffect, useMemo, useReducer, useRef, useState } from 'preact/hooks';
import { type AttentionAction, type AttentionProgress, type AttentionView, DoAttentionAction, OnAttentionChanged, OnAttentionProgress, OnAttentionToken, OpenAttention } from '../../src/protocol/attention-panel';
import { Button } from '../ui/native';
import { connection, request, saveState, savedState } from '../ui/host';
import { t } from '../ui/l10n';
import { LiveRegion } from '../ui/live';
import { Inside } from './inside';
import { modelOf } from './model';
import { fitted, INITIAL, type PanelState } from './state';

/** The attention panel: opens what the host names, and shows it. */
export function App(): VNode {
  const [view, setView] = useState<AttentionView | undefined>();
  const [error, setError] = useState<string | undefined>();
  const [progress, setProgress] = useState<AttentionProgress | undefined>();
  const [state, setState] = useState<PanelState>(() => fitted(savedState(INITIAL)));
  const [token, setToken] = useState<{ readonly token: number } | undefined>();
  const [asked, again] = useReducer((n: number) => n + 1, 0);
  const opening = useRef<AbortController | undefined>(undefined);
  const change = useCallback((next: Partial<PanelState>) => setState((old) => ({ ...old, ...next })), []);

  useEffect(() => {
    const listeners = [
      connection.onNotification(OnAttentionProgress, setProgress),
      connection.onNotification(OnAttentionToken, (next) => setToken({ ...next })),
      connection.onNotification(OnAttentionChanged, ({ refs }) => {
        change({ refs: [...refs] });
        again(undefined);
      }),
    ];
    connection.listen();
    return () => listeners.forEach((l) => l.dispose());
  }, [change]);

  useEffect(() => {
    const abort = (opening.current = new AbortController());
    setError(undefined);
    setProgress(undefined);
    request(OpenAttention, undefined, abort.signal)
      .then((answer) => {
        if (opening.current !== abort) return;
        opening.current = undefined;
        setView(answer);
        if (answer.token !== null) setToken({ token: answer.token });
        change({ refs: answer.subjects.map((s) => s.ref) });
      })
      .catch((e: unknown) => {
        if (opening.current !== abort) return;
        opening.current = undefined;
        setView(undefined);
        setError(abort.signal.aborted ? t('Opening was cancelled.') : (e as Error).message);
      });
    return () => {
      opening.current = undefined;
    };
  }, [asked, change]);

  useEffect(() => {
    if (state.refs.length > 0) saveState(state);
  }, [state]);

  const models = useMemo(() => view?.subjects.map(modelOf), [view]);
  const act = useCallback((action: AttentionAction, subject = 0) => {
    request(DoAttentionAction, { action, subject }).catch((e: unknown) => setError((e as Error).message));
  }, []);
  if (!models) {
    return (
      <div class="panel attention">
        <LiveRegion />
        {error === undefined ? <Opening progress={progress} onCancel={() => opening.current?.abort()} /> : (
          <div class="opening" role="alert">
            <p class="notice">{error}</p>
            <Button kind="primary" onClick={() => again(undefined)}>{t('Try again')}</Button>
          </div>
        )}
      </div>
    );
  }
  return <Inside key={view!.subjects.map((s) => s.fingerprint).join()} models={models} state={state} change={change} token={token} act={act} error={error} setError={setError} />;
}

/** What is going on, how far, and how to stop it. */
function Opening({ progress, onCancel }: { readonly progress: AttentionProgress | undefined; readonly onCancel: () => void }): VNode {
  const { step = 0, of = 0, message = '' } = progress ?? {};
  return (
    <div class="opening" aria-busy="true">
      <h1>{t('Looking inside…')}</h1>
      <p role="status">{message === '' ? t('Starting the engine') : of > 0 ? t('{0} ({1} of {2})', message, step, of) : message}</p>
      <progress aria-label={t('Progress')} {...(of > 0 ? { value: step, max: of } : {})} />
      <p><Button onClick={onCancel}>{t('Cancel')}</Button></p>
    </div>
  );
}
