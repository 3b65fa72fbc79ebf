import { type ProbeToken } from '../../protocol/probe';
import { type StepView } from '../../protocol/step';

/** A token with its place in the distribution. */
export interface Choice {
  readonly token: ProbeToken;
  readonly logprob: number;
  /** 1 = the most probable. */
  readonly rank: number;
}

/** What is kept of a token when the generation has gone on. */
export interface TokenFacts extends Choice {
  /** 0 = the first generated token. */
  readonly position: number;
  /** In nats. */
  readonly entropy: number;
  readonly nonFinite: number;
  /** True when somebody chose it instead of the most probable one. */
  readonly forced: boolean;
  /** A few of the most probable, best first. */
  readonly best: readonly Choice[];
  /** Log-probability of the ids that data breakpoints watch. */
  readonly watched: ReadonlyMap<number, number>;
  /** Sum of the log-probabilities up to and with this token. */
  readonly cumulative: number;
  readonly ms: number;
}

/** Kept per token; the whole list is there at the present position only. */
const KEPT = 5;

/** The entries of a view, best first. */
export function choicesOf(view: StepView): Choice[] {
  const tokens = new Map(view.tokens.map((t) => [t.id, t]));
  return view.ids.map((id, i) => ({ token: tokens.get(id)!, logprob: view.logprobs[i]!, rank: i + 1 }));
}

/** Facts of `id` at the position of the view. The id must be among those that the view shows. */
export function factsOf(view: StepView, id: number, forced: boolean, before: number): TokenFacts {
  const watched = new Map(view.watched.map((w) => [w.id, w.logprob]));
  const seen = view.watched.find((w) => w.id === id);
  const at = view.ids.indexOf(id);
  if (at < 0 && !seen) throw new Error(`Token ${id} is not in the view of position ${view.position}.`);
  const token = view.tokens.find((t) => t.id === id)!;
  const logprob = at >= 0 ? view.logprobs[at]! : seen!.logprob;
  return {
    position: view.position, token, logprob, rank: at >= 0 ? at + 1 : seen!.rank, entropy: view.entropy, nonFinite: view.nonFinite, forced,
    best: choicesOf({ ...view, ids: view.ids.slice(0, KEPT) }), watched, cumulative: before + logprob, ms: view.ms,
  };
}

/** The bytes of a token: of its text, or of the part of a character that it is. */
export function bytesOf(token: ProbeToken): string {
  return token.hex ?? Array.from(new TextEncoder().encode(token.text), (b) => b.toString(16).padStart(2, '0')).join(' ');
}

/** A token as it is shown in a line of text: quoted, or its bytes. */
export function shown(token: ProbeToken): string {
  if (token.hex !== undefined) return `<${token.hex}>`;
  return token.special ? token.text || `<${token.id}>` : JSON.stringify(token.text);
}

export const percent = (logprob: number): string => {
  const p = Math.exp(logprob);
  return Number.isNaN(p) ? 'not a number' : p >= 0.0001 || p === 0 ? p.toFixed(4) : p.toExponential(2);
};
