/** What an alignment analysis gives: written as JSON, shown by the panel and printed by `lingualift align`. */
export interface AlignmentResult {
  readonly format: 'lift-alignment/1';
  /** SHA-256 over everything that makes the numbers: bundle, problems, template, languages, layers, settings. */
  readonly fingerprint: string;
  readonly bundle: { readonly name: string; readonly precision: string; readonly sha256: string };
  readonly benchmark: { readonly name: string; readonly title: string; readonly sha256: string };
  readonly template: { readonly name: string; readonly version: number };
  /** The language that the others are compared with. */
  readonly reference: string;
  readonly languages: readonly string[];
  /** Problems, the same in every language; rows and points refer to them by index. */
  readonly ids: readonly string[];
  readonly settings: {
    readonly seed: number;
    readonly resamples: number;
    readonly baseline: string;
    readonly standardise: boolean;
    /** There when the bundle's own normalisation of the encoder's text was left out. */
    readonly normalise?: false;
  };
  readonly stages: readonly AlignmentStage[];
  readonly milliseconds: number;
  /** With a run: how each stage's numbers go with the run's accuracy over languages. */
  readonly correlation?: AlignmentCorrelation;
}

export interface AlignmentStage {
  /** `encoder`, `aligned`, or `lm.N` (N = 0: embeddings). */
  readonly stage: string;
  readonly width: number;
  readonly rows: readonly AlignmentStageRow[];
  /** Telling the language from the state by nearest centroid, 5-fold over problems; null with fewer than 5 problems. */
  readonly languageProbe: { readonly accuracy: number; readonly chance: number; readonly interval: readonly [number, number]; readonly byLanguage: Readonly<Record<string, number>> } | null;
  /** The projection of the map. `components` is [2 or fewer, width], row-major. */
  readonly pca: StoredPca;
  /** Map coordinates of each language's problems: x, y, x, y … in the order of `ids`. */
  readonly points: Readonly<Record<string, readonly number[]>>;
}

export interface StoredPca {
  readonly mean: readonly number[];
  readonly scale: readonly number[];
  readonly components: readonly number[];
  readonly variance: readonly number[];
  readonly ratio: readonly number[];
}

export interface AlignmentStageRow {
  readonly language: string;
  readonly n: number;
  readonly recallAt1: number;
  readonly recallInterval: readonly [number, number];
  readonly mrr: number;
  /** From the reference to the language. */
  readonly reverseRecallAt1: number;
  readonly reverseMrr: number;
  readonly cosineParallel: number;
  readonly cosineRandom: number;
  readonly cosineGap: number;
  readonly cosineGapInterval: readonly [number, number];
  /** null when the states of one side do not vary. */
  readonly cka: number | null;
  /** null when there are fewer than 4 problems. */
  readonly ckaDebiased: number | null;
  readonly misses: readonly { readonly id: string; readonly rank: number; readonly found: string }[];
}

export interface AlignmentCorrelation {
  readonly run: { readonly id: string; readonly fingerprint: string; readonly name: string };
  /** Accuracy per language in the run, reference left out. */
  readonly accuracy: Readonly<Record<string, number>>;
  readonly rows: readonly {
    readonly stage: string;
    readonly measure: 'recallAt1' | 'mrr' | 'cosineGap' | 'cka';
    readonly n: number;
    /** null where one side does not vary. */
    readonly pearson: number | null;
    readonly pearsonInterval: readonly [number, number] | null;
    readonly spearman: number | null;
    readonly spearmanInterval: readonly [number, number] | null;
  }[];
}
