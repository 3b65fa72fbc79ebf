import { type LanguageIdentifier } from '../../analysis/identify';

/** What a check looks at. The names stand in `exceptions` next to a problem, so they are part of the benchmark format. */
export const CHECKS = [
  'ids',
  'gold',
  'numbers',
  'digits',
  'script',
  'latin',
  'copy',
  'duplicate',
  'length',
  'language',
  'form',
  'exception',
] as const;

export type CheckName = (typeof CHECKS)[number];

/** `error`: the problem is wrong as it stands. `warning`: a person has to look. `note`: something could not be checked. */
export type CheckSeverity = 'error' | 'warning' | 'note';

/** One finding, at the most exact place that is known. */
export interface CheckFinding {
  readonly check: CheckName;
  readonly severity: CheckSeverity;
  readonly language: string;
  /** Problem id; absent when the finding is about the whole language. */
  readonly id?: string;
  /** `question`, `premise`, `hypothesis`, `choice A`, `answer`, `numbers` … */
  readonly field?: string;
  /** UTF-16 offsets [start, end) in the field's text. */
  readonly span?: readonly [number, number];
  /** The offending text itself. */
  readonly text?: string;
  readonly message: string;
  /** Reason of the exception written next to the problem, when there is one for this check. */
  readonly excused?: string;
}

export interface CheckOptions {
  /** Checks to run; default all. */
  readonly checks?: readonly CheckName[];
  /** Language that the others are compared with; default `en`, or the benchmark's first language. */
  readonly reference?: string;
  /** Language identification; without it the check `language` gives one note and nothing else. */
  readonly identifier?: LanguageIdentifier;
}
