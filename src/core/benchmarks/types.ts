/** One question in one language. Problems with the same `id` in different languages are translations of each other. */
export interface Problem {
  readonly id: string;
  readonly language: string;
  readonly kind: ProblemKind;
  /** The question as the model gets it (for `nli`: premise and hypothesis are in their own fields as well). */
  readonly question: string;
  /** Gold answer as canonical text: an ASCII number (`.` decimal, no groups), a choice label, an NLI label, or an expression (operations.ts). */
  readonly answer: string;
  /** Numbers in the question, in order, when the benchmark stores them. */
  readonly numbers?: readonly number[];
  readonly choices?: readonly Choice[];
  readonly premise?: string;
  readonly hypothesis?: string;
  readonly difficulty?: number;
  readonly skills?: readonly string[];
  readonly equation?: string;
  /** The two numbers of an `operation` problem, as canonical text. */
  readonly operands?: Operands;
  /** True when the digits of the text are native ones (Bengali, Devanagari, Arabic-Indic …). */
  readonly nativeDigits?: boolean;
  /** Deliberate exceptions from the checker, each with its reason. */
  readonly exceptions?: readonly CheckException[];
}

/** `operation` problems are made from number problems (operations.ts); no file holds them. */
export type ProblemKind = 'number' | 'choice' | 'nli' | 'operation';

export interface Operands {
  readonly a: string;
  readonly b: string;
}

export interface Choice {
  readonly label: string;
  readonly text: string;
}

export interface CheckException {
  readonly check: string;
  readonly reason: string;
}

export interface Benchmark {
  /** Stable name used in prompts and prefix tables: lift48, mgsm, msvamp, mmwp, gsm8k, lift48-choice, or the folder's name. */
  readonly name: string;
  readonly title: string;
  readonly format: BenchmarkFormat;
  readonly license?: string;
  readonly version?: string;
  readonly languages: readonly string[];
  /** language -> problems in file order. */
  readonly problems: ReadonlyMap<string, readonly Problem[]>;
  readonly findings: readonly BenchmarkFinding[];
}

export type BenchmarkFormat = 'lift' | 'mgsm' | 'msvamp' | 'mmwp' | 'gsm8k' | 'x-csqa' | 'xnli' | 'jsonl' | 'csv';

/** What the pre-flight check says about a benchmark, with the place. */
export interface BenchmarkFinding {
  readonly severity: 'error' | 'warning';
  readonly file: string;
  readonly line?: number;
  readonly field?: string;
  readonly message: string;
}

/** A file as the readers see it: name inside the benchmark (forward slashes) and text. Reading the disk is the caller's job. */
export interface SourceFile {
  readonly name: string;
  readonly text: string;
}

export class BenchmarkError extends Error {
  constructor(
    message: string,
    readonly findings: readonly BenchmarkFinding[] = [],
  ) {
    super(message);
  }
}
