import { type ComposedItem } from '../../protocol/compose';
import { EndpointError, type JsonClient, type RequestOptions } from './http';
import { torchTensor } from './torch';

/** One greedy completion as it is asked of a server. */
export interface CompletionRequest {
  readonly model: string;
  readonly prompt: ComposedItem;
  readonly hidden: number;
  readonly maxTokens: number;
  readonly stop: readonly string[];
  readonly eosIds: readonly number[];
}

export interface Completion {
  readonly ids: readonly number[];
  readonly logprobs: readonly number[];
  /** `stop`, `length`, or what else the server says. */
  readonly finish: string;
}

/**
 * Body of a request to the OpenAI-compatible completions API of vLLM: prompt ids, or embeddings where soft rows are among the
 * inputs. Without end-of-text ids every completion runs its full length.
 */
export function completionBody({ model, prompt, hidden, maxTokens, stop, eosIds }: CompletionRequest): Record<string, unknown> {
  const input = prompt.embeds
    ? { prompt_embeds: torchTensor(prompt.embeds, prompt.inputIds.length, hidden).toString('base64') }
    : { prompt: prompt.inputIds, add_special_tokens: false };
  return {
    model, ...input,
    max_tokens: maxTokens, temperature: 0, n: 1, logprobs: 0, return_token_ids: true,
    ...(stop.length > 0 ? { stop } : {}),
    ...(eosIds.length > 0 ? { stop_token_ids: eosIds } : { ignore_eos: true }),
  };
}

/** Asks once. @throws EndpointError, also when the answer holds no token ids */
export async function complete(client: JsonClient, request: CompletionRequest, options: RequestOptions): Promise<Completion> {
  return completionOf(await client.post('/v1/completions', completionBody(request), options));
}

/** Token ids and log-probabilities of an answer. @throws EndpointError('broken') when they are missing or do not fit each other */
export function completionOf(answer: unknown): Completion {
  const choice = (answer as { choices?: readonly unknown[] } | null)?.choices?.[0] as { token_ids?: unknown; logprobs?: { token_logprobs?: unknown } | null; finish_reason?: unknown } | undefined;
  const ids = choice?.token_ids;
  const logprobs = choice?.logprobs?.token_logprobs;
  if (!choice) throw new EndpointError('broken', 'the answer holds no completion');
  if (!Array.isArray(ids) || !ids.every((x) => Number.isInteger(x) && (x as number) >= 0)) throw new EndpointError('broken', 'the answer holds no token ids; vLLM 0.10.2 or newer is needed (return_token_ids)');
  if (!Array.isArray(logprobs) || logprobs.length !== ids.length || !logprobs.every((x) => typeof x === 'number')) throw new EndpointError('broken', 'the answer holds no log-probability for every token');
  return { ids: ids as number[], logprobs: logprobs as number[], finish: typeof choice.finish_reason === 'string' ? choice.finish_reason : 'unknown' };
}
