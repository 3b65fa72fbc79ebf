import { Compose, Settle } from '../../protocol/compose';
import { type ServerParts } from '../probe/server';
import { Composer } from './compose';

/** Answers the requests of protocol/compose. */
export function serveCompose({ connection, loaded, pause, guarded }: ServerParts): void {
  let composer: Composer | undefined;
  const current = (): Composer => {
    const bundle = loaded();
    if (composer?.bundle !== bundle) composer = new Composer(bundle);
    return composer;
  };
  connection.onRequest(Compose, guarded(({ items, batch }, token) => current().compose(items, Math.max(1, batch), () => pause(token))));
  connection.onRequest(Settle, guarded(async (params) => current().settle(params)));
}
