import { type CancellationToken } from 'vscode-jsonrpc';
import { AdvanceStep, CloseStep, OpenStep, ShowStep, StepProbabilities, type TextProbability, TruncateStep } from '../../protocol/step';
import { type ServerParts } from '../probe/server';
import { TokenTexts } from '../probe/tokens';
import { type LoadedBundle } from '../sessions';
import { StepSession } from './session';

/** Open sessions of a process: each holds a cache. */
const MOST_SESSIONS = 64;
const GONE = 'This generation is no longer open: the bundle was loaded again. Open it again.';

/** Answers the requests of protocol/step, one at a time. */
export function serveSteps({ connection, loaded, pause, guarded }: ServerParts): void {
  let bundle: LoadedBundle | undefined;
  let texts: TokenTexts;
  let count = 0;
  const sessions = new Map<string, StepSession>();
  const current = (): LoadedBundle => {
    const now = loaded();
    if (now !== bundle) {
      bundle = now;
      texts = new TokenTexts(now.tokenizers.lm);
      sessions.clear();
    }
    return now;
  };
  const session = (handle: string): StepSession => {
    current();
    const found = sessions.get(handle);
    if (!found) throw new Error(GONE);
    return found;
  };
  let last: Promise<unknown> = Promise.resolve();
  const inTurn = <P, R>(run: (params: P, between: () => Promise<void>) => Promise<R>): ((params: P, token: CancellationToken) => Promise<R>) =>
    guarded((params, token) => {
      const between = (): Promise<void> => pause(token);
      const turn = last.then(() => run(params, between));
      last = turn.catch(() => undefined);
      return turn;
    });

  connection.onRequest(OpenStep, inTurn(async ({ item, show }, between) => {
    const loadedNow = current();
    if (sessions.size >= MOST_SESSIONS) throw new Error(`${MOST_SESSIONS} generations are open already. Close one first.`);
    const made = await StepSession.open(loadedNow, texts, `step-${process.pid}-${++count}`, item, between);
    sessions.set(made.handle, made);
    return made.summary(show);
  }));
  connection.onRequest(AdvanceStep, inTurn(async ({ handle, ids, show }, between) => {
    const found = session(handle);
    await found.advance(ids, between);
    return found.view(show);
  }));
  connection.onRequest(TruncateStep, inTurn(async ({ handle, position, show }, between) => {
    const found = session(handle);
    await found.truncate(position, between);
    return found.view(show);
  }));
  connection.onRequest(ShowStep, inTurn(async ({ handle, show }) => session(handle).view(show)));
  connection.onRequest(StepProbabilities, inTurn(async ({ handle, texts: asked }, between) => {
    const found = session(handle);
    const out: TextProbability[] = [];
    for (const text of asked) out.push(await found.probability(text, between));
    return out;
  }));
  connection.onRequest(CloseStep, inTurn(async ({ handle }) => {
    sessions.delete(handle);
  }));
}
