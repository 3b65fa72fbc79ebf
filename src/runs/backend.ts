import { type GenerateItem, type ItemResult } from '../protocol/engine';

export interface BackendRequest {
  readonly items: readonly GenerateItem[];
  readonly maxNewTokens: number;
  readonly stop: readonly string[];
  /** Finish calculations while decoding; only for a backend with `calculates`. */
  readonly calculator?: boolean;
  readonly onItem: (item: ItemResult) => void;
  readonly onProgress?: (progress: { readonly newTokens: number; readonly rss: number }) => void;
  readonly onPartial?: (key: string, text: string) => void;
  readonly signal?: AbortSignal;
}

/** Something that can answer prompts: the onnxruntime engine, or another server behind the same interface. */
export interface GenerationBackend {
  readonly name: string;
  /** Execution provider or endpoint kind, part of the fingerprint. */
  readonly provider: string;
  readonly providerReason: string;
  readonly versions: Readonly<Record<string, string>>;
  readonly processes: number;
  readonly threads: number;
  /** True when `calculator` is understood. */
  readonly calculates?: boolean;
  /** Answers every item exactly once through `onItem` (failed ones too), unless the signal aborts it. */
  generate(request: BackendRequest): Promise<void>;
  close(): Promise<void>;
}
