import { type CancellationToken, type MessageConnection } from 'vscode-jsonrpc';
import { CloseProbe, OnPooledProgress, OpenProbe, PooledStates, ProbeAttention, ProbeHidden, ProbeLens, ProbeSoft, ProbeSoftVectors, ProbeThumbnails } from '../../protocol/probe';
import { ByteLru } from '../../core/analysis/lru';
import { type LoadedBundle } from '../sessions';
import { ProbeGraphs } from './graphs';
import { pooledStates } from './pooled';
import { Probe, type ProbeContext } from './probe';
import { TokenTexts, vocabularyScripts, type VocabularyScripts } from './tokens';

const DEFAULT_LIMIT = 768 * 2 ** 20;
/** Open probes; the one used longest ago is closed when another comes. */
const MOST_PROBES = 32;

/** The probes of one loaded bundle. */
export class ProbeHost {
  private readonly probes = new Map<string, Probe>();
  private readonly context: ProbeContext;
  private count = 0;
  readonly graphs: ProbeGraphs;

  constructor(readonly bundle: LoadedBundle) {
    this.graphs = new ProbeGraphs(bundle);
    const lmTexts = new TokenTexts(bundle.tokenizers.lm);
    let scripts: VocabularyScripts | undefined;
    this.context = {
      bundle,
      graphs: this.graphs,
      store: new ByteLru(DEFAULT_LIMIT),
      lmTexts,
      encoderTexts: bundle.tokenizers.encoder ? new TokenTexts(bundle.tokenizers.encoder) : null,
      scripts: () => (scripts ??= vocabularyScripts(lmTexts, bundle.manifest.parts.lm.vocab)),
    };
  }

  async open(params: Parameters<typeof Probe.open>[2], memoryLimit: number | undefined, between: () => Promise<void>): Promise<Probe> {
    if (memoryLimit !== undefined) {
      if (!(memoryLimit > 0)) throw new Error(`The memory limit must be a number of bytes above 0, not ${memoryLimit}.`);
      this.context.store.setLimit(memoryLimit);
    }
    const probe = await Probe.open(this.context, `probe-${process.pid}-${++this.count}`, params, between);
    this.probes.set(probe.summary.handle, probe);
    for (const handle of this.probes.keys()) {
      if (this.probes.size <= MOST_PROBES) break;
      this.close(handle);
    }
    return probe;
  }

  get(handle: string): Probe {
    const probe = this.probes.get(handle);
    if (!probe) throw new Error('This probe is no longer open: the bundle was loaded again, or many others were opened since. Open it again.');
    this.probes.delete(handle);
    this.probes.set(handle, probe);
    return probe;
  }

  close(handle: string): void {
    this.probes.get(handle)?.forget();
    this.probes.delete(handle);
  }
}

/** Ways of the engine process that the requests use. */
export interface ServerParts {
  readonly connection: MessageConnection;
  loaded(): LoadedBundle;
  /** Beat, let messages in, throw when cancelled. */
  pause(token: CancellationToken): Promise<void>;
  guarded<P, R>(run: (params: P, token: CancellationToken) => Promise<R>): (params: P, token: CancellationToken) => Promise<R>;
}

/** Answers the requests of protocol/probe, one at a time, so that two of them never compute the same thing. */
export function serveProbes({ connection, loaded, pause, guarded }: ServerParts): void {
  let host: ProbeHost | undefined;
  const current = (): ProbeHost => {
    const bundle = loaded();
    if (host?.bundle !== bundle) {
      void host?.graphs.release();
      host = new ProbeHost(bundle);
    }
    return host;
  };
  let last: Promise<unknown> = Promise.resolve();
  const inTurn = <P, R>(run: (params: P, between: () => Promise<void>) => Promise<R>): ((params: P, token: CancellationToken) => Promise<R>) =>
    guarded((params, token) => {
      const between = (): Promise<void> => pause(token);
      const turn = last.then(async () => {
        await between();
        return run(params, between);
      });
      last = turn.catch(() => undefined);
      return turn;
    });
  connection.onRequest(OpenProbe, inTurn(async ({ item, memoryLimit }, between) => (await current().open(item, memoryLimit, between)).summary));
  connection.onRequest(CloseProbe, inTurn(async ({ handle }) => current().close(handle)));
  connection.onRequest(ProbeAttention, inTurn((params, between) => current().get(params.handle).attention(params, between)));
  connection.onRequest(ProbeThumbnails, inTurn(({ handle, side, size }, between) => current().get(handle).thumbnails(side, size, between)));
  connection.onRequest(ProbeHidden, inTurn(({ handle, side, layer, rows }, between) => current().get(handle).hidden(side, layer, rows, between)));
  connection.onRequest(ProbeSoftVectors, inTurn(async ({ handle, which, rows }) => current().get(handle).softVectors(which, rows)));
  connection.onRequest(ProbeSoft, inTurn(({ handle, k }, between) => current().get(handle).soft(k, between)));
  connection.onRequest(ProbeLens, inTurn((params, between) => current().get(params.handle).lens(params, between)));
  connection.onRequest(
    PooledStates,
    inTurn(({ job, items, layers, batch }, between) => pooledStates(loaded(), items, layers, batch, between, (done, share) => void connection.sendNotification(OnPooledProgress, { job, done, of: items.length, share }))),
  );
}
