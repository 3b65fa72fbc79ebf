/**
 * What the debug adapter tells VS Code beyond the debug adapter protocol: custom events and one custom request.
 * The adapter runs in a process of its own; the extension shows the growing text.
 */
export const DEBUG_TYPE = 'lingualift';

/** Scheme of the documents that show a generation; `/session/language.liftout`. */
export const GENERATION_SCHEME = 'lingualift-generation';

/** A token as the editor shows it. */
export interface ShownToken {
  /** The text that it added to the document; "" for a part of a character. */
  readonly text: string;
  readonly p: number;
  readonly rank: number;
  /** In nats. */
  readonly entropy: number;
  readonly forced: boolean;
  /** The most probable texts with their probabilities, best first. */
  readonly best: readonly (readonly [text: string, p: number])[];
}

/** The body of `lingualift/text`: tokens from `from` on replace what was there. */
export interface TextEvent {
  readonly thread: number;
  readonly uri: string;
  readonly language: string;
  readonly from: number;
  readonly tokens: readonly ShownToken[];
  /** The token that comes next, chosen and not taken yet; null at the end. */
  readonly next: ShownToken | null;
}
export const TEXT_EVENT = 'lingualift/text';

/** The body of `lingualift/attention`: a GenerationRef of the thread at the present token. */
export const ATTENTION_EVENT = 'lingualift/attention';
/** The body of `lingualift/at`: the same after every stop, for a panel that follows. */
export const AT_EVENT = 'lingualift/at';
