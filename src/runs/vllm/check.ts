import { type BundleManifest, type SelfTestPrompt } from '../../bundle';
import { type ComposedItem } from '../../protocol/compose';
import { type ServedModel } from '../../protocol/endpoints';
import { RunError } from '../errors';
import { complete, type Completion } from './completions';
import { EndpointError, type JsonClient } from './http';
import { lmFingerprint, parseServedName } from './served';

/** What one server is: found by asking it. */
export interface ServerFacts {
  readonly model: string;
  readonly version: string;
  /** Prompt and answer together, in tokens; undefined when the server does not say. */
  readonly maxModelLen: number | undefined;
  readonly served: ServedModel;
  readonly selfTest: { readonly prompts: number; readonly equal: number; readonly ties: number; readonly maxLogprobDifference: number };
}

export interface CheckOptions {
  readonly manifest: BundleManifest;
  /** The self-test's prompts, composed by the engine. */
  readonly prompts: readonly ComposedItem[];
  /** Name of the model to use, where the server has several. */
  readonly model?: string;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
}

/** Largest difference of a log-probability in float32; what separates two tokens less is a tie. */
const FLOAT32_TOLERANCE = 1e-3;
/** In reduced precision: mean difference over all tokens up to the first other id, and share of prompts with the same first id. */
const REDUCED_MEAN = 0.1;
const REDUCED_FIRST = 0.75;
const SHORT_MS = 30_000;

interface Listed {
  readonly id: string;
  readonly max_model_len?: number;
}

/** Asks a server which model it serves and which vLLM it is. @throws EndpointError; RunError when it is not the bundle's model */
export async function identify(client: JsonClient, { manifest, model, signal }: CheckOptions): Promise<Omit<ServerFacts, 'served' | 'selfTest'> & { readonly dtype: string | undefined }> {
  const options = { timeoutMs: SHORT_MS, signal };
  const answer = (await client.get('/v1/models', options)) as { data?: unknown };
  const listed = (Array.isArray(answer.data) ? answer.data : []).filter((m): m is Listed => typeof (m as Listed | null)?.id === 'string');
  if (listed.length === 0) throw new EndpointError('broken', 'the server lists no model; is it an OpenAI-compatible server?');
  const own = lmFingerprint(manifest).slice(0, 12);
  const names = listed.map((m) => `"${m.id}"`).join(', ');
  const chosen = model === undefined ? (listed.find((m) => parseServedName(m.id)?.fingerprint === own) ?? (listed.length === 1 ? listed[0]! : undefined)) : listed.find((m) => m.id === model);
  if (!chosen) throw new RunError(model === undefined ? `The server has several models (${names}), none named after the LLM of "${manifest.name}" (…-${own}-…). Name one with --served-model.` : `The server has no model "${model}"; it has ${names}.`);
  const said = parseServedName(chosen.id);
  if (said && said.fingerprint !== own) throw new RunError(`The server has another model: "${chosen.id}", while the LLM of "${manifest.name}" is ${own}. Serve this bundle's: lingualift bundle export-vllm.`);
  let version = 'unknown';
  try {
    const { version: v } = (await client.get('/version', options)) as { version?: unknown };
    if (typeof v === 'string') version = v;
  } catch (e) {
    if (!(e instanceof EndpointError) || e.trouble !== 'refused') throw e;
  }
  return { model: chosen.id, version, maxModelLen: Number.isInteger(chosen.max_model_len) ? chosen.max_model_len : undefined, dtype: said?.dtype };
}

/**
 * Checks that a server serves the bundle's LLM: by name, then by the ids and log-probabilities of the bundle's self-test.
 *
 * In float32 every prompt must give the stored ids (but where two tokens are equally likely within the tolerance) and
 * log-probabilities; in a reduced type ids may part, and the numbers must be near.
 *
 * @throws RunError when it is another model; EndpointError when the server cannot be asked
 */
export async function checkServer(client: JsonClient, options: CheckOptions): Promise<ServerFacts> {
  const { manifest, prompts, timeoutMs, signal } = options;
  const { model, version, maxModelLen, dtype } = await identify(client, options);
  const test = manifest.selfTest;
  if (!test || test.prompts.length === 0) throw new RunError(`The bundle "${manifest.name}" stores no self-test, so a served model cannot be checked against it. Export it again with this version.`);
  const hidden = manifest.parts.lm.hidden;
  const answers = await Promise.all(
    test.prompts.map((stored, i) => complete(client, { model, prompt: prompts[i]!, hidden, maxTokens: test.maxNewTokens ?? stored.ids.length, stop: [], eosIds: test.eosIds ?? [] }, { timeoutMs, signal })),
  );
  const found = compareSelfTest(test.prompts, answers);
  const exact = found.equal + found.ties === found.prompts && found.maxLogprobDifference <= FLOAT32_TOLERANCE;
  const shown = `${found.equal} of ${found.prompts} prompts with the stored ids, log-probabilities up to ${found.maxLogprobDifference.toExponential(1)} apart`;
  const other = (why: string): RunError => new RunError(`The model "${model}" does not compute what the LLM of "${manifest.name}" does: ${shown}${why}. Serve this bundle's LLM: lingualift bundle export-vllm.`);
  if (dtype === 'float32' && !exact) throw other(', although its name says float32');
  if (!exact && (found.meanDifference > REDUCED_MEAN || found.sameFirst < REDUCED_FIRST * found.prompts)) throw other('');
  const { prompts: n, equal, ties, maxLogprobDifference } = found;
  return {
    model, version, maxModelLen, served: { fingerprint: lmFingerprint(manifest), dtype: dtype ?? (exact ? 'float32' : 'reduced') },
    selfTest: { prompts: n, equal, ties, maxLogprobDifference },
  };
}

export interface SelfTestComparison {
  readonly prompts: number;
  readonly equal: number;
  /** Prompts that part where both tokens are equally likely within the tolerance. */
  readonly ties: number;
  readonly sameFirst: number;
  /** Over all tokens up to the first other id. */
  readonly maxLogprobDifference: number;
  readonly meanDifference: number;
}

/** Compares answers with the stored ones, token by token up to where the ids part. */
export function compareSelfTest(stored: readonly SelfTestPrompt[], answers: readonly Completion[]): SelfTestComparison {
  let [equal, ties, sameFirst, worst, sum, count] = [0, 0, 0, 0, 0, 0];
  stored.forEach((want, i) => {
    const got = answers[i]!;
    const n = want.ids.length;
    let same = 0;
    while (same < n && got.ids[same] === want.ids[same]) same += 1;
    for (let t = 0; t < same; t++) {
      const difference = Math.abs((want.logprobs?.[t] ?? got.logprobs[t]!) - got.logprobs[t]!);
      worst = Math.max(worst, difference);
      sum += difference;
      count += 1;
    }
    if (same > 0) sameFirst += 1;
    if (same === n) equal += 1;
    else if (got.ids.length > same && want.logprobs && Math.abs(got.logprobs[same]! - want.logprobs[same]!) <= FLOAT32_TOLERANCE) ties += 1;
  });
  return { prompts: stored.length, equal, ties, sameFirst, maxLogprobDifference: worst, meanDifference: count > 0 ? sum / count : Infinity };
}
