/** `lift.json`: the manifest of a bundle, format lift-bundle/1 (models/README.md explains it by example). */
export interface BundleManifest {
  readonly format: 'lift-bundle/1';
  readonly name: string;
  readonly method: BundleMethod;
  readonly created?: string;
  readonly parts: {
    readonly encoder: EncoderPart | null;
    readonly connector: ConnectorPart | null;
    readonly lm: LmPart;
  };
  readonly merge: { readonly mode: MergeMode; readonly order: readonly MergeElement[] };
  readonly prompts: { readonly template: string; readonly chat?: boolean };
  readonly generation: { readonly maxNewTokens: number; readonly stop?: readonly string[] };
  readonly precisions: Readonly<Record<string, PrecisionPart>>;
  readonly embedding?: EmbeddingTable;
  readonly selfTest?: SelfTest;
  readonly stages?: readonly unknown[];
  readonly provenance?: Readonly<Record<string, unknown>>;
  readonly files: readonly BundleFile[];
}

export type BundleMethod = 'lingualift' | 'langbridge' | 'mindmerger' | 'text' | 'custom';
export type MergeMode = 'replace' | 'concat' | 'placeholder' | 'none';
export type MergeElement = 'bos' | 'start' | 'enc' | 'end' | 'instruction' | 'text';
export type Precision = 'fp32' | 'int8' | 'int4' | 'fp16';
export const PRECISIONS: readonly Precision[] = ['fp32', 'int8', 'int4', 'fp16'];

export interface EncoderPart {
  readonly class: string;
  readonly hidden: number;
  readonly layers: number;
  readonly maxLength: number;
  readonly padId: number;
  readonly tokenizer?: string;
  readonly textPrefix?: string;
  readonly normalise?: { readonly digits?: 'ascii' | 'keep'; readonly spaceDigits?: boolean };
}

export interface ConnectorPart {
  readonly type: string;
  readonly in: number;
  readonly out: number;
  readonly boundary: { readonly start: boolean; readonly end: boolean };
  /** `perceiver` only: soft rows of every text, without boundary vectors. */
  readonly latents?: number;
}

export interface LmPart {
  readonly modelType: string;
  readonly hidden: number;
  readonly layers: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly vocab: number;
  readonly maxPositions: number;
  readonly bosId: number | null;
  readonly eosIds: readonly number[];
  readonly padId: number;
  readonly tokenizer?: string;
}

export interface PrecisionPart {
  readonly files: Readonly<Record<string, string>>;
  readonly weightsBytes?: number;
}

export interface EmbeddingTable {
  readonly file: string;
  readonly dtype: string;
  readonly shape: readonly [number, number];
}

export interface SelfTestPrompt {
  readonly encoderIds?: readonly number[] | null;
  readonly inputIds: readonly number[];
  readonly ids: readonly number[];
  readonly logprobs?: readonly number[];
}

export interface SelfTest {
  readonly maxNewTokens?: number;
  /** End-of-text ids of the test; an empty list lets every prompt run its full length. */
  readonly eosIds?: readonly number[];
  readonly prompts: readonly SelfTestPrompt[];
  readonly idsByPrecision?: Readonly<Record<string, readonly (readonly number[])[]>>;
}

export interface BundleFile {
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
}
