import { type ComposedItem } from '../protocol/compose';
import { type EndpointView, type ServedModel } from '../protocol/endpoints';
import { type GenerateItem, type ItemResult, type ScoreResult } from '../protocol/engine';
import { type ScoreGroup } from './likelihood';

export interface BackendProgress {
  readonly newTokens: number;
  readonly rss: number;
  /** The servers of a run that is answered by servers. */
  readonly endpoints?: readonly EndpointView[];
}

export interface BackendRequest {
  readonly items: readonly GenerateItem[];
  readonly maxNewTokens: number;
  readonly stop: readonly string[];
  /** Finish calculations while decoding; only for a backend with `calculates`. */
  readonly calculator?: boolean;
  readonly onItem: (item: ItemResult) => void;
  readonly onProgress?: (progress: BackendProgress) => void;
  readonly onPartial?: (key: string, text: string) => void;
  readonly signal?: AbortSignal;
}

export interface ScoreRequest {
  readonly groups: readonly ScoreGroup[];
  /** One result per continuation of the group, in its order; `ms` is the group's share of the time. */
  readonly onGroup: (key: string, results: readonly ScoreResult[], ms: number) => void;
  readonly signal?: AbortSignal;
}

/** Something that can answer prompts: the onnxruntime engine, or another server behind the same interface. */
export interface GenerationBackend {
  readonly name: string;
  /** Execution provider or endpoint kind, part of the fingerprint. */
  readonly provider: string;
  readonly providerReason: string;
  readonly versions: Readonly<Record<string, string>>;
  /** What the servers serve, part of the fingerprint; absent for the engine. */
  readonly served?: ServedModel;
  readonly processes: number;
  readonly threads: number;
  /** True when `calculator` is understood. */
  readonly calculates?: boolean;
  /** Answers every item exactly once through `onItem` (failed ones too), unless the signal aborts it. */
  generate(request: BackendRequest): Promise<void>;
  /** Log-likelihoods of continuations; absent in a backend that cannot give them. Each group comes back once, failed ones too. */
  score?(request: ScoreRequest): Promise<void>;
  /** Tokens of each text by the LLM's and the encoder's tokenizer (null without an encoder); absent in a backend without tokenizers. */
  tokenCounts?(texts: readonly string[]): Promise<readonly (readonly [lm: number, encoder: number | null])[]>;
  close(): Promise<void>;
}

/** The result of an item that could not be answered. */
export function failedItem(key: string, failure: string, prompt?: ComposedItem): ItemResult {
  return {
    job: 0, key, prompt: prompt?.prompt ?? '', ...(prompt?.encoderPrompt !== undefined ? { encoderPrompt: prompt.encoderPrompt } : {}), completion: '', tokenIds: [], tokenLogprobs: [],
    stopReason: 'failed', failure, promptTokens: prompt?.inputIds.length ?? 0, encoderTokens: prompt?.encoderTokens ?? 0, ms: 0,
  };
}
