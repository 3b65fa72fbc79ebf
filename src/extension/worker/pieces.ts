import fs from 'node:fs';
import path from 'node:path';
import { readManifest } from '../../bundle';
import { unsafePath } from '../../bundle/paths';
import { type TokenSpan } from '../../protocol/panels';

/** The part of a tokenizer.json that turns ids into bytes. */
interface TokenizerFile {
  readonly model?: { readonly vocab?: Readonly<Record<string, number>> | readonly (readonly [string, number])[] };
  readonly added_tokens?: readonly { readonly id: number; readonly content: string; readonly special?: boolean }[];
  readonly decoder?: unknown;
}

/** Ids to bytes of one vocabulary: byte-level BPE (GPT-2 alphabet) or SentencePiece (`▁`, `<0xHH>`). */
export class PieceTable {
  private readonly pieces = new Map<number, string>();
  private readonly special = new Set<number>();
  private readonly added = new Set<number>();
  private readonly byteLevel: boolean;

  constructor(file: TokenizerFile) {
    const vocab = file.model?.vocab;
    if (Array.isArray(vocab)) vocab.forEach(([piece]: readonly [string, number], id: number) => this.pieces.set(id, piece));
    else for (const [piece, id] of Object.entries(vocab ?? {})) this.pieces.set(id as number, piece);
    for (const { id, content, special } of file.added_tokens ?? []) {
      this.pieces.set(id, content);
      (special ? this.special : this.added).add(id);
    }
    this.byteLevel = JSON.stringify(file.decoder ?? null).includes('ByteLevel');
  }

  /** Bytes that an id stands for; none for special tokens and ids outside the vocabulary. */
  bytes(id: number): Buffer {
    const piece = this.pieces.get(id);
    if (piece === undefined || this.special.has(id)) return Buffer.alloc(0);
    if (this.added.has(id)) return Buffer.from(piece, 'utf8');
    if (this.byteLevel) return Buffer.from([...piece].flatMap((c) => BYTE_OF.get(c) ?? [...Buffer.from(c, 'utf8')]));
    const hex = /^<0x([0-9A-Fa-f]{2})>$/.exec(piece);
    return hex ? Buffer.from([parseInt(hex[1]!, 16)]) : Buffer.from(piece.replaceAll('▁', ' '), 'utf8');
  }
}

/** The printable stand-ins of GPT-2's byte-level alphabet: printable Latin-1 stays, the rest moves to U+0100 upwards. */
const BYTE_OF: ReadonlyMap<string, number> = (() => {
  const map = new Map<string, number>();
  let next = 0x100;
  for (let b = 0; b < 256; b++) {
    const printable = (b >= 0x21 && b <= 0x7e) || (b >= 0xa1 && b <= 0xac) || (b >= 0xae && b <= 0xff);
    map.set(String.fromCodePoint(printable ? b : next++), b);
  }
  return map;
})();

/**
 * Where each generated token stands in the completion.
 *
 * A token that ends inside a character gets no text of its own: the character belongs to the token that completes it, whose
 * probability is then the product of its parts.
 *
 * @param logprobs natural-log probabilities, one a token
 * @param forced indices of ids that the calculator wrote
 * @returns undefined when the ids do not spell the completion (another tokenizer)
 */
export function tokenSpans(table: PieceTable, completion: string, ids: readonly number[], logprobs: readonly number[], forced: readonly number[] = []): TokenSpan[] | undefined {
  const calculated = new Set(forced);
  const spans: TokenSpan[] = [];
  const decoder = new TextDecoder('utf-8');
  let text = '';
  let pendingLogprob = 0;
  let skipped = 0;
  for (const [i, id] of ids.entries()) {
    const piece = decoder.decode(table.bytes(id), { stream: true });
    pendingLogprob += logprobs[i] ?? 0;
    if (piece === '') continue;
    const start = text.length;
    text += piece;
    spans.push({ start, end: text.length, probability: Math.exp(pendingLogprob), ...(calculated.has(i) ? { calculated: true as const } : {}) });
    pendingLogprob = 0;
  }
  // A completion may have been cut at a stop string, and decoders drop the space that SentencePiece writes first.
  if (text.startsWith(' ') && !completion.startsWith(' ')) skipped = 1;
  const spelled = text.slice(skipped);
  const shared = Math.min(spelled.length, completion.length);
  if (spelled.slice(0, shared) !== completion.slice(0, shared) && spelled.trimStart() !== completion.trimStart()) return undefined;
  return spans
    .map((span) => ({ ...span, start: Math.max(0, span.start - skipped), end: Math.min(completion.length, span.end - skipped) }))
    .filter((s) => s.end > s.start);
}

const cache = new Map<string, PieceTable | undefined>();

/** The language model's vocabulary of a bundle, or undefined when the bundle is gone or has none. */
export function pieceTable(bundleDir: string): PieceTable | undefined {
  if (!cache.has(bundleDir)) cache.set(bundleDir, load(bundleDir));
  return cache.get(bundleDir);
}

function load(dir: string): PieceTable | undefined {
  const folder = readManifest(dir).manifest?.parts.lm.tokenizer;
  if (folder === undefined || unsafePath(dir, `${folder}/tokenizer.json`)) return undefined;
  try {
    return new PieceTable(JSON.parse(fs.readFileSync(path.join(dir, folder, 'tokenizer.json'), 'utf8')) as TokenizerFile);
  } catch {
    return undefined;
  }
}
