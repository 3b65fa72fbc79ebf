import { type ShownToken, type TextEvent } from '../../protocol/debug';
import { type GenerationRef } from '../../protocol/generation';
import { type Setup } from '../launch';
import { type TokenFacts } from '../runtime/facts';
import { type Generation } from '../runtime/generation';

/** Name of the document that shows a generation, unique among those of a session. */
export const documentName = (generation: Generation): string => `${generation.id}-${generation.options.language}.liftout`;

const shownToken = (facts: TokenFacts, text: string): ShownToken => ({
  text, p: Math.exp(facts.logprob), rank: facts.rank, entropy: facts.entropy, forced: facts.forced,
  best: facts.best.map((c) => [c.token.hex === undefined ? c.token.text : `<${c.token.hex}>`, Math.exp(c.logprob)] as const),
});

const next = (generation: Generation): ShownToken | null => {
  const facts = generation.chosen;
  return facts ? shownToken(facts, facts.token.special ? '' : facts.token.text) : null;
};

/** What was generated since the last time it was told. Marks it as told. */
export function news(generation: Generation, uri: string): TextEvent {
  const from = generation.told;
  const tokens = generation.tokens.slice(from).map((facts, i) => shownToken(facts, generation.piece(from + i)));
  generation.tell();
  return { thread: generation.id, uri, language: generation.options.language, from, tokens, next: next(generation) };
}

/** The whole text of a generation's document: what was taken, and the token that comes next. */
export const documentText = (generation: Generation): string => generation.text + (next(generation)?.text ?? '');

/** Line and column (from 0, UTF-16) of an offset. */
export function placeOf(text: string, offset: number): { readonly line: number; readonly column: number } {
  const before = text.slice(0, offset);
  const at = before.lastIndexOf('\n');
  return { line: before.split('\n').length - 1, column: before.length - at - 1 };
}

/** The tokens whose text begins on a line, with their columns; the one that comes next among them. */
export function tokensOnLine(generation: Generation, line: number): { readonly position: number; readonly column: number; readonly endColumn: number; readonly text: string }[] {
  const out: { position: number; column: number; endColumn: number; text: string }[] = [];
  let [row, column] = [0, 0];
  for (let position = 0; position <= generation.position; position++) {
    const text = position < generation.position ? generation.piece(position) : (next(generation)?.text ?? '');
    if (position === generation.position && !next(generation)) break;
    const lines = text.split('\n');
    if (row === line) out.push({ position, column, endColumn: column + lines[0]!.length, text });
    row += lines.length - 1;
    column = lines.length > 1 ? lines.at(-1)!.length : column + text.length;
  }
  return out;
}

/** The generation as other surfaces take it, at its present token. */
export function referenceTo(setup: Setup, generation: Generation): GenerationRef {
  const problem = setup.problems[generation.id - 1]!;
  const chosen = generation.chosen;
  return {
    bundle: setup.bundlePath, precision: setup.precision, question: problem.question, language: problem.language, template: setup.template,
    ...(problem.answer === '' ? {} : { gold: problem.answer }), maxNewTokens: generation.options.maxNewTokens, completion: documentText(generation),
    completionIds: [...generation.tokens.map((t) => t.token.id), ...(chosen ? [chosen.token.id] : [])], token: generation.position,
  };
}
