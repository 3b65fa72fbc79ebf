import { Component, type ComponentChildren, type VNode } from 'preact';
import { useState } from 'preact/hooks';
import { type GenerationRef } from '../../src/protocol/generation';
import { type CellState, type SampleTarget } from '../../src/protocol/notebook';
import { t } from '../ui/l10n';
import { type Host } from './host';

function stateWord(state: CellState): string {
  switch (state) {
    case 'loading': return t('loading');
    case 'running': return t('running');
    case 'finished': return t('finished');
    case 'cancelled': return t('interrupted');
    case 'failed': return t('failed');
  }
}

/** First line of an output; the state is said only while it is not the plain end, and to assistive technology always. */
export function StateLine({ state, message, children }: { readonly state: CellState; readonly message: string | null; readonly children: ComponentChildren }): VNode {
  return (
    <>
      <div class="head">
        <span class={state === 'finished' ? 'visually-hidden' : `state ${state}`} role="status">{stateWord(state)}</span>
        {children}
      </div>
      {message !== null && (state === 'failed' || state === 'cancelled' ? <p class="notice">{message}</p> : <p class="quiet">{message}</p>)}
    </>
  );
}

/** Buttons that look into one generation; only those that this window has something behind. */
export function Inside({ host, question }: { readonly host: Host; readonly question: { readonly ref: GenerationRef } | SampleTarget }): VNode | null {
  const [error, setError] = useState('');
  if (!host.can('attention') && !host.can('debug')) return null;
  const act = (action: 'attention' | 'debug'): void => {
    setError('');
    host.ask({ type: 'act', action, ...question }).catch((e: unknown) => setError((e as Error).message));
  };
  return (
    <>
      <div class="actions">
        {host.can('attention') && <button type="button" onClick={() => act('attention')}>{t('Show attention')}</button>}
        {host.can('debug') && <button type="button" onClick={() => act('debug')}>{t('Debug this generation')}</button>}
      </div>
      {error !== '' && <p class="notice" role="alert">{error}</p>}
    </>
  );
}

/** An output that cannot be drawn must not take the notebook with it. */
export class Guard extends Component<{ readonly children: ComponentChildren }, { readonly broken: boolean }> {
  override state = { broken: false };

  static override getDerivedStateFromError(): { broken: boolean } {
    return { broken: true };
  }

  override render(): ComponentChildren {
    return this.state.broken ? <p class="notice">{t('This output cannot be shown: it is damaged. Run the cell again.')}</p> : this.props.children;
  }
}
