import { scriptOfLetter } from './scripts';

/** What is known of one token for showing it; a part of the probe's tokens (protocol/probe). */
export interface TokenLike {
  readonly text: string;
  /** Bytes in hex where they are no whole UTF-8 text. */
  readonly hex?: string;
  readonly special: boolean;
  readonly wordStart: boolean;
}

/** A token of a row of tokens: a word never goes over the border of a stage. */
export interface PlacedToken extends TokenLike {
  readonly stage: string;
}

export interface Chip {
  readonly text: string;
  /** `bytes`: hex of a part of a character; `space`: nothing but white space, drawn by signs; `special`: the vocabulary's own spelling. */
  readonly kind: 'text' | 'space' | 'bytes' | 'special';
}

const SPACES: Readonly<Record<string, string>> = { ' ': '␣', '\n': '↵', '\r': '␍', '\t': '⇥' };
/** A mark, a joiner or a variation selector belongs to a letter before it, which here is not there. */
const DEPENDENT = /^[\p{M}\u200d\u{1f3fb}-\u{1f3ff}]/u;
/** Control and formatting characters (direction marks among them) have no look of their own. */
const HIDDEN = /[\p{Cc}\u200b\u200c\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff\u00ad]/gu;

/**
 * The text of a token as it can stand alone: white space as signs, hidden characters by number, a leading combining mark on a dotted
 * circle (U+25CC), bytes in hex. Letters are left as they are, so that each chip shapes by itself.
 */
export function chipOf(token: TokenLike): Chip {
  if (token.special) return { text: token.text === '' ? '∅' : token.text, kind: 'special' };
  if (token.hex !== undefined) return { text: token.hex.toUpperCase(), kind: 'bytes' };
  if (/^\s+$/u.test(token.text)) return { text: Array.from(token.text, (c) => SPACES[c] ?? hidden(c)).join(''), kind: 'space' };
  const body = token.text.replace(/^ /, '').replace(/[\n\r\t]/g, (c) => SPACES[c]!).replace(HIDDEN, hidden);
  if (body === '') return { text: '∅', kind: 'special' };
  return { text: DEPENDENT.test(body) ? `\u25cc${body}` : body, kind: 'text' };
}

const hidden = (c: string): string => `[${c.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')}]`;

/** Scripts that put no space between words: what a tokenizer calls a word there is a clause, so tokens stay apart. */
const UNSPACED = new Set(['Thai', 'Hani', 'Hira', 'Kana']);
const FURTHER = /[\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}\p{Script=Tibetan}]/u;

/** A part of a letter, or marks of the letter before. */
const continues = (token: TokenLike): boolean => token.hex !== undefined || DEPENDENT.test(token.text);

function unspaced(text: string): boolean {
  for (const c of text) {
    if (FURTHER.test(c)) return true;
    const script = scriptOfLetter(c.codePointAt(0)!);
    if (script !== null) return UNSPACED.has(script);
  }
  return false;
}

/**
 * First token of each word, and the number of tokens as the last entry: [words + 1]. Special tokens stand alone, stages do not mix, and
 * in scripts without spaces a word is a token.
 */
export function wordStarts(tokens: readonly PlacedToken[]): Int32Array {
  const starts: number[] = [];
  tokens.forEach((token, i) => {
    const before = tokens[i - 1];
    if (!before || token.wordStart || token.special || before.special || token.stage !== before.stage || (!continues(token) && (unspaced(token.text) || unspaced(before.text)))) starts.push(i);
  });
  return Int32Array.from([...starts, tokens.length]);
}

/** Every token for itself, in the form of `wordStarts`. */
export const tokenStarts = (count: number): Int32Array => Int32Array.from({ length: count + 1 }, (_, i) => i);

const STRICT = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Several tokens as one: bytes that make a whole text together become that text. */
export function joined(tokens: readonly TokenLike[]): TokenLike {
  const [first] = tokens;
  if (tokens.length === 1 || !first) return first ?? { text: '', special: false, wordStart: true };
  if (tokens.every((t) => t.hex === undefined)) return { ...first, text: tokens.map((t) => t.text).join('') };
  const encoder = new TextEncoder();
  const bytes = tokens.flatMap((t) => (t.hex === undefined ? [...encoder.encode(t.text)] : t.hex.split(' ').map((h) => parseInt(h, 16))));
  const { wordStart } = first;
  try {
    return { text: STRICT.decode(Uint8Array.from(bytes)), special: false, wordStart };
  } catch {
    return { text: '', hex: bytes.map((b) => b.toString(16).padStart(2, '0')).join(' '), special: false, wordStart };
  }
}

interface SlotLike extends PlacedToken {
  readonly source?: number | 'start' | 'end' | null;
}

/** Tokens of the encoder as tokens of a stage. */
export const encoderTokens = (tokens: readonly TokenLike[]): PlacedToken[] => tokens.map((t) => ({ ...t, stage: 'encoder' }));

/** Positions of the LLM; a soft slot takes the text and the word border of the encoder token that it is made of. */
export function lmTokens(positions: readonly SlotLike[], encoder: readonly TokenLike[]): PlacedToken[] {
  return positions.map((p) => {
    if (p.stage !== 'soft') return p;
    const own = typeof p.source === 'number' ? encoder[p.source] : undefined;
    if (own) return { ...own, stage: 'soft' };
    return { text: p.source === 'start' ? '[start]' : p.source === 'end' ? '[end]' : '[slot]', special: true, wordStart: true, stage: 'soft' };
  });
}
