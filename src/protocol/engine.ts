import { NotificationType, RequestType, RequestType0 } from 'vscode-jsonrpc';
import { type PromptTexts } from '../core/prompts';
import { type StopReason } from './run';

/** Typed messages between the host and the engine process (vscode-jsonrpc over Node IPC, so typed arrays travel as they are). */

export interface EngineVersions {
  readonly engine: string;
  readonly onnxruntime: string;
  readonly tokenizers: string;
  readonly node: string;
}

export interface HelloResult {
  readonly versions: EngineVersions;
  readonly pid: number;
  /** Execution providers that could be used, each with why or why not. */
  readonly providers: readonly ProviderState[];
}

export interface ProviderState {
  readonly name: 'cpu' | 'cuda';
  readonly usable: boolean;
  readonly reason: string;
}

export interface LoadParams {
  readonly dir: string;
  readonly precision: string;
  readonly provider: 'auto' | 'cpu' | 'cuda';
  /** Threads inside one operator; 0 lets the engine choose (all cores). */
  readonly threads: number;
  /** Refuse to load when the estimate is above this many bytes; 0: the memory that is free now. */
  readonly memoryCeiling: number;
  /** Batch size that the memory estimate assumes. */
  readonly batch: number;
  /** Load the generation graph with the first generation only: for stepping and probing, which have graphs of their own. */
  readonly lazy?: boolean;
  /** `prompts`: tokenizers and encoder only, for an LLM that runs in another server; default: everything. */
  readonly parts?: 'all' | 'prompts';
}

export interface LoadResult {
  readonly provider: 'cpu' | 'cuda';
  readonly providerReason: string;
  readonly loadMs: number;
  /** Bytes: estimate before loading and resident set size after it. */
  readonly memoryEstimate: number;
  readonly rss: number;
}

export interface LoadProgress {
  readonly step: number;
  readonly of: number;
  readonly message: string;
}

export interface GenerateItem extends PromptTexts {
  /** Unique within the request. */
  readonly key: string;
  /** True when `text` is one user message for the chat template. */
  readonly chat: boolean;
  /** Stop strings of this item alone, beside those of the request. */
  readonly stop?: readonly string[];
}

export interface GenerateParams {
  readonly job: number;
  readonly items: readonly GenerateItem[];
  readonly maxNewTokens: number;
  readonly stop: readonly string[];
  /** Most rows at once. */
  readonly batch: number;
  /** Most padded tokens in one prefill. */
  readonly tokenBudget: number;
  /** Decode steps between two looks at cancellation; also the size of a streamed piece. */
  readonly chunk: number;
  /** Send the text so far of every row after each chunk. */
  readonly stream: boolean;
  /** Finish the calculations that the model writes up to their equals sign. Default: no. */
  readonly calculator?: boolean;
  /** Let every row run to its limit: for benchmarks, where the amount of work must be fixed. */
  readonly ignoreEos?: boolean;
}

export interface GenerateResult {
  readonly newTokens: number;
  readonly promptTokens: number;
  readonly seconds: number;
  readonly cancelled: boolean;
}

export interface ItemResult {
  readonly job: number;
  readonly key: string;
  readonly prompt: string;
  readonly encoderPrompt?: string;
  readonly completion: string;
  readonly tokenIds: readonly number[];
  readonly tokenLogprobs: readonly number[];
  /** Indices into `tokenIds` of what the calculator wrote; absent when it wrote nothing. */
  readonly forced?: readonly number[];
  readonly stopReason: StopReason;
  readonly stopString?: string;
  readonly failure?: string;
  readonly promptTokens: number;
  readonly encoderTokens: number;
  readonly ms: number;
}

export interface ScoreItem extends GenerateItem {
  /** Text whose log-probability after the prompt is asked for. */
  readonly continuation: string;
}

export interface ScoreResult {
  readonly key: string;
  readonly tokenIds: readonly number[];
  readonly tokenLogprobs: readonly number[];
  readonly greedy: readonly boolean[];
  readonly prompt: string;
  readonly encoderPrompt?: string;
  readonly promptTokens: number;
  readonly encoderTokens: number;
  /** Why the item could not be scored; the lists are empty then. */
  readonly failure?: string;
}

export interface EncodeResult {
  /** Row-major [texts, width] mean-pooled encoder states, float32. */
  readonly pooled: Float32Array;
  readonly width: number;
}

export interface SelfTestResult {
  readonly prompts: number;
  readonly idsEqual: boolean;
  readonly maxLogprobDifference: number;
  readonly message: string;
}

export const Hello = new RequestType0<HelloResult, void>('hello');
export const Load = new RequestType<LoadParams, LoadResult, void>('load');
export const Generate = new RequestType<GenerateParams, GenerateResult, void>('generate');
export const ScoreContinuations = new RequestType<{ items: readonly ScoreItem[]; batch: number }, ScoreResult[], void>('score');
export const Tokenize = new RequestType<{ which: 'lm' | 'encoder'; texts: readonly string[] }, number[][], void>('tokenize');
export const Encode = new RequestType<{ texts: readonly string[]; batch: number }, EncodeResult, void>('encode');
export const RunSelfTest = new RequestType0<SelfTestResult, void>('selfTest');

export const OnLoadProgress = new NotificationType<LoadProgress>('loadProgress');
/** Keys of the rows that are about to be computed: what is lost when the process dies. */
export const OnStarted = new NotificationType<{ job: number; keys: readonly string[] }>('started');
export const OnItem = new NotificationType<ItemResult>('item');
export const OnPartial = new NotificationType<{ job: number; key: string; text: string; newTokens: number }>('partial');
/** Sent after every native call; silence for too long means a hang. */
export const OnBeat = new NotificationType<{ rss: number; newTokens: number }>('beat');
