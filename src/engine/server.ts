/** The engine process: everything that touches onnxruntime-node. Talks JSON-RPC over Node IPC and does nothing else. */
import fs from 'node:fs';
import path from 'node:path';
import { type CancellationToken, createMessageConnection, ErrorCodes, ResponseError } from 'vscode-jsonrpc';
import { IPCMessageReader, IPCMessageWriter } from 'vscode-jsonrpc/node';
import {
  Encode, Generate, type GenerateParams, type GenerateResult, Hello, type ItemResult, Load, OnBeat, OnItem, OnLoadProgress, OnPartial, OnStarted, RunSelfTest,
  ScoreContinuations, Tokenize,
} from '../protocol/engine';
import { serveCompose } from './compose/server';
import { calculatorFor } from './generation/calculator';
import { type ComposedPrompt, composePrompt } from './generation/prompt';
import { type FinishedItem, Scheduler, type ScheduledItem } from './generation/scheduler';
import { encodeSentences, scoreContinuations } from './generation/score';
import { runSelfTest } from './generation/selftest';
import { textBefore } from './generation/stop';
import { serveProbes } from './probe/server';
import { serveSteps } from './step/server';
import { LoadedBundle } from './sessions';
import { providerStates } from './sessions/provider';

const connection = createMessageConnection(new IPCMessageReader(process), new IPCMessageWriter(process));
let bundle: LoadedBundle | undefined;
let newTokens = 0;

const loaded = (): LoadedBundle => {
  if (!bundle) throw new Error('No bundle is loaded in this engine process.');
  return bundle;
};

/** Lets waiting messages in: a native call blocks the event loop while it runs. */
const breathe = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const packageVersion = (name: string): string => {
  try {
    let folder = path.dirname(require.resolve(name));
    while (!fs.existsSync(path.join(folder, 'package.json')) && folder !== path.dirname(folder)) folder = path.dirname(folder);
    return (JSON.parse(fs.readFileSync(path.join(folder, 'package.json'), 'utf8')) as { version: string }).version;
  } catch {
    return 'unknown';
  }
};

/** Turns any failure into an error that the other side can show. */
function guarded<P, R>(run: (params: P, token: CancellationToken) => Promise<R>): (params: P, token: CancellationToken) => Promise<R> {
  return async (params, token) => {
    try {
      return await run(params, token);
    } catch (e) {
      throw new ResponseError<void>(ErrorCodes.InternalError, e instanceof Error ? e.message : String(e));
    }
  };
}

connection.onRequest(Hello, () => ({
  versions: {
    engine: process.env.LINGUALIFT_VERSION ?? '0',
    onnxruntime: packageVersion('onnxruntime-node'),
    tokenizers: process.env.LINGUALIFT_TOKENIZERS_VERSION ?? packageVersion('@huggingface/tokenizers'),
    node: process.version,
  },
  pid: process.pid,
  providers: providerStates(),
}));

connection.onRequest(
  Load,
  guarded(async (params) => {
    await bundle?.release();
    bundle = undefined;
    bundle = await LoadedBundle.open(params, (p) => void connection.sendNotification(OnLoadProgress, p));
    return bundle.result;
  }),
);

connection.onRequest(
  Generate,
  guarded(async (params, token) => generate(loaded(), params, token)),
);

connection.onRequest(
  ScoreContinuations,
  guarded(async ({ items, batch }, token) => scoreContinuations(loaded(), items, batch, () => pause(token))),
);

connection.onRequest(
  Tokenize,
  guarded(async ({ which, texts }) => {
    const { lm, encoder } = loaded().tokenizers;
    const tokenizer = which === 'lm' ? lm : encoder;
    if (!tokenizer) throw new Error('This bundle has no encoder tokenizer.');
    return texts.map((t) => tokenizer.encode(t, which === 'encoder'));
  }),
);

connection.onRequest(
  Encode,
  guarded(async ({ texts, batch }, token) => encodeSentences(loaded(), texts, batch, () => pause(token))),
);

connection.onRequest(RunSelfTest, async () => runSelfTest(loaded()));

serveProbes({ connection, loaded, pause, guarded });
serveSteps({ connection, loaded, pause, guarded });
serveCompose({ connection, loaded, pause, guarded });

async function pause(token: CancellationToken): Promise<void> {
  void connection.sendNotification(OnBeat, { rss: process.memoryUsage().rss, newTokens });
  await breathe();
  if (token.isCancellationRequested) throw new ResponseError(ErrorCodes.PendingResponseRejected, 'cancelled');
}

async function generate(b: LoadedBundle, params: GenerateParams, token: CancellationToken): Promise<GenerateResult> {
  const startedAt = performance.now();
  const before = newTokens;
  let promptTokens = 0;
  const send = (result: ItemResult): void => {
    crashForTests(result.key);
    void connection.sendNotification(OnItem, result);
  };
  const items: ScheduledItem[] = [];
  for (const item of params.items) {
    try {
      const prompt = composePrompt(b.manifest, b.tokenizers, item);
      promptTokens += prompt.inputIds.length;
      items.push({ key: item.key, prompt, ...(item.stop ? { stop: item.stop } : {}) });
    } catch (e) {
      send(failed(params.job, item.key, (e as Error).message));
    }
  }
  const decode = (ids: readonly number[]): string => b.tokenizers.lm.decode(ids);
  const { lm } = b.manifest.parts;
  const scheduler = new Scheduler(
    b.model,
    items,
    {
      maxNewTokens: params.maxNewTokens,
      maxPositions: lm.maxPositions,
      eosIds: params.ignoreEos ? [] : lm.eosIds,
      stop: params.stop,
      ignoreEos: params.ignoreEos ?? false,
      batch: params.batch,
      tokenBudget: params.tokenBudget,
      chunk: params.chunk,
      decode,
      ...(params.calculator ? { calculator: calculatorFor(b.tokenizers.lm) } : {}),
    },
    {
      started: (keys) => void connection.sendNotification(OnStarted, { job: params.job, keys }),
      finished: (f) => {
        newTokens += f.ids.length;
        send(result(params.job, f, decode, lm.eosIds));
      },
      beat: (active) => {
        void connection.sendNotification(OnBeat, { rss: process.memoryUsage().rss, newTokens });
        if (params.stream) for (const a of active) void connection.sendNotification(OnPartial, { job: params.job, key: a.key, text: decode(a.ids), newTokens: a.ids.length });
      },
      cancelled: async () => {
        await breathe();
        return token.isCancellationRequested;
      },
      now: () => performance.now(),
    },
  );
  const completed = await scheduler.run();
  return { newTokens: newTokens - before, promptTokens, seconds: (performance.now() - startedAt) / 1000, cancelled: !completed };
}

function failed(job: number, key: string, failure: string): ItemResult {
  return { job, key, prompt: '', completion: '', tokenIds: [], tokenLogprobs: [], stopReason: 'failed', failure, promptTokens: 0, encoderTokens: 0, ms: 0 };
}

function result(job: number, f: FinishedItem, decode: (ids: readonly number[]) => string, eosIds: readonly number[]): ItemResult {
  const { prompt }: { prompt: ComposedPrompt } = f.item;
  return {
    job,
    key: f.item.key,
    prompt: prompt.prompt,
    ...(prompt.encoderPrompt !== undefined ? { encoderPrompt: prompt.encoderPrompt } : {}),
    completion: textBefore(decode(f.ids.filter((id) => !eosIds.includes(id))), f.stopString),
    tokenIds: f.ids,
    tokenLogprobs: f.logprobs,
    ...(f.forced.length > 0 ? { forced: f.forced } : {}),
    stopReason: f.stopReason,
    ...(f.stopString !== undefined ? { stopString: f.stopString } : {}),
    promptTokens: prompt.inputIds.length,
    encoderTokens: prompt.encoderIds?.length ?? 0,
    ms: Math.round(f.ms * 10) / 10,
  };
}

/** Fault injection for the tests of recovery: die, hang or fail when the named item is about to be sent. */
function crashForTests(key: string): void {
  const [fault, when, marker] = (process.env.LINGUALIFT_TEST_FAULT ?? '').split('|');
  if (!fault || !when || !key.endsWith(when)) return;
  if (marker) {
    if (fs.existsSync(marker)) return;
    fs.writeFileSync(marker, '');
  }
  if (fault === 'crash') process.kill(process.pid, 'SIGKILL');
  if (fault === 'hang') for (;;);
  if (fault === 'throw') throw new Error('injected failure');
}

// Ctrl-C in a terminal reaches every process of the group; whether to stop is the host's decision.
process.on('SIGINT', () => undefined);

process.on('disconnect', () => process.exit(0));
connection.listen();
