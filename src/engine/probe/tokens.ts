import { scriptOfLetter } from '../../core/analysis/scripts';
import { type ProbeToken } from '../../protocol/probe';
import { type Tokenizer } from '../tokenizer';

/**
 * GPT-2's spelling of bytes: printable Latin-1 characters stand for themselves, the other bytes for the characters from
 * U+0100 on, in order.
 */
const BYTE_OF = new Map<string, number>();
for (let byte = 0, next = 0x100; byte < 256; byte++) {
  const printable = (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
  BYTE_OF.set(String.fromCodePoint(printable ? byte : next++), byte);
}

const STRICT = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Texts of single vocabulary entries, for display. */
export class TokenTexts {
  private readonly known = new Map<number, ProbeToken>();
  private readonly style: 'bytes' | 'wordpiece' | 'pieces';
  private readonly byteFallback: boolean;

  constructor(private readonly tokenizer: Tokenizer) {
    const kinds = tokenizer.decoderKinds;
    this.style = kinds.includes('ByteLevel') ? 'bytes' : kinds.includes('WordPiece') ? 'wordpiece' : 'pieces';
    this.byteFallback = kinds.includes('ByteFallback');
  }

  show(id: number): ProbeToken {
    let token = this.known.get(id);
    if (!token) this.known.set(id, (token = this.make(id)));
    return token;
  }

  /** Each id once. */
  showAll(ids: Iterable<number>): ProbeToken[] {
    return [...new Set(ids)].map((id) => this.show(id));
  }

  private make(id: number): ProbeToken {
    const piece = this.tokenizer.token(id);
    if (piece === undefined) return { id, text: '', special: true, wordStart: true };
    if (this.tokenizer.isSpecial(id)) return { id, text: piece, special: true, wordStart: true };
    if (this.style === 'wordpiece') {
      const joined = piece.startsWith('##');
      return { id, text: joined ? piece.slice(2) : piece, special: false, wordStart: !joined };
    }
    if (this.style === 'bytes') {
      const bytes = Array.from(piece, (c) => BYTE_OF.get(c));
      if (bytes.every((b): b is number => b !== undefined)) return fromBytes(id, Uint8Array.from(bytes));
      return { id, text: piece, special: false, wordStart: /^\s/u.test(piece) }; // an added token, spelled as text
    }
    const byte = this.byteFallback ? /^<0x([0-9A-F]{2})>$/.exec(piece)?.[1] : undefined;
    if (byte !== undefined) return fromBytes(id, Uint8Array.of(parseInt(byte, 16)));
    const text = piece.replaceAll('▁', ' ');
    return { id, text, special: false, wordStart: text.startsWith(' ') };
  }
}

function fromBytes(id: number, bytes: Uint8Array): ProbeToken {
  try {
    const text = STRICT.decode(bytes);
    return { id, text, special: false, wordStart: /^\s/u.test(text) };
  } catch {
    const hex = Array.from(bytes, (b) => b.toString(16).padStart(2, '0')).join(' ');
    return { id, text: '', hex, special: false, wordStart: false };
  }
}

/** The script of every vocabulary entry, for "which script does this layer speak". */
export interface VocabularyScripts {
  readonly scripts: readonly string[];
  /** [vocabulary], index into `scripts`. */
  readonly ofId: Uint8Array;
}

/** Script of the first letter of each token; "" for a token without letters, `Zzzz` for a part of a character. */
export function vocabularyScripts(texts: TokenTexts, vocabulary: number): VocabularyScripts {
  const index = new Map<string, number>();
  const ofId = new Uint8Array(vocabulary);
  for (let id = 0; id < vocabulary; id++) {
    const token = texts.show(id);
    let script = token.hex !== undefined ? 'Zzzz' : '';
    if (script === '' && !token.special) {
      for (const character of token.text) {
        const found = scriptOfLetter(character.codePointAt(0)!);
        if (found === null) continue;
        script = found;
        break;
      }
    }
    if (!index.has(script)) index.set(script, index.size);
    ofId[id] = index.get(script)!;
  }
  return { scripts: [...index.keys()], ofId };
}
