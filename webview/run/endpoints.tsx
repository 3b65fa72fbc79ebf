import { type VNode } from 'preact';
import { type EndpointView } from '../../src/protocol/endpoints';
import { count, t } from '../ui/l10n';

function stateWord(state: EndpointView['state']): string {
  switch (state) {
    case 'ready': return t('ready');
    case 'waiting': return t('waiting');
    case 'gone': return t('given up');
  }
}

/** The servers of a run in motion: speed, requests under way, errors. */
export function Endpoints({ endpoints }: { readonly endpoints: readonly EndpointView[] }): VNode {
  return (
    <details class="endpoints" open>
      <summary>{t('Servers ({0})', endpoints.length)}</summary>
      <table>
        <thead>
          <tr>{[t('Server'), t('State'), t('tokens/s'), t('Requests under way'), t('Answered'), t('Errors'), t('Last error')].map((name) => <th key={name} scope="col">{name}</th>)}</tr>
        </thead>
        <tbody>
          {endpoints.map((e) => (
            <tr key={e.url}>
              <th scope="row"><bdi>{e.url}</bdi></th>
              <td>{stateWord(e.state)}</td>
              <td>{count(e.tokensPerSecond)}</td>
              <td>{t('{0} of {1}', count(e.inFlight), count(e.limit))}</td>
              <td>{count(e.done)}</td>
              <td>{count(e.errors)}</td>
              <td><bdi>{e.lastError ?? ''}</bdi></td>
            </tr>
          ))}
        </tbody>
      </table>
    </details>
  );
}
