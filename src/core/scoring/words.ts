/**
 * Spelled-out numbers from a small table per language: words with a value, scale words that multiply, and joining words.
 *
 * Words are added while each is smaller than the lowest place of the sum so far ("one hundred" + "twenty" + "five"); a scale word
 * multiplies what stands before it. Words may follow each other with or without a space, so the fused compounds of German, Finnish
 * or Italian are read from the same table. Pure text in, so the table's generator and the tests use the same code.
 */
export interface WordTable {
  readonly words: Readonly<Record<string, number>>;
  readonly scales: Readonly<Record<string, number>>;
  readonly joiners: readonly string[];
}

interface Entry {
  readonly kind: 'word' | 'scale' | 'join';
  readonly value: number;
}
interface Node {
  readonly next: Map<string, Node>;
  readonly entries: Entry[];
}
interface Sum {
  /** Parts that a scale word closed, largest scale first. */
  readonly parts: readonly { readonly value: number; readonly scale: number }[];
  /** What a scale word can still multiply. */
  readonly section: number;
  /** True after a word for zero: nothing may follow. */
  readonly zero: boolean;
}

const START: Sum = { parts: [], section: 0, zero: false };
/** Value that marks a joiner which follows hundreds and thousands only. */
const AFTER_HUNDREDS = 1;
const LETTER = /[\p{L}\p{M}]/u;

/** Lower case, hyphens and every space as one space, no format characters; the length is kept unless format characters are removed. */
export function normaliseWords(text: string): string {
  return sameLengthLower(text.replace(/[\u00ad\u200b-\u200d\u2060]/g, '')).replace(/[-‐‑\u00a0\u202f\t]/g, ' ').replace(/[’ʼ]/g, "'");
}

function sameLengthLower(text: string): string {
  const lower = text.toLowerCase();
  if (lower.length === text.length) return lower;
  return Array.from(text, (c) => (c.toLowerCase().length === c.length ? c.toLowerCase() : c)).join('');
}

function totalOf(sum: Sum): number {
  return sum.parts.reduce((total, part) => total + part.value, sum.section);
}

/** The sum after a word of this value, or undefined when the word cannot follow. */
function addWord(sum: Sum, value: number): Sum | undefined {
  if (sum.zero) return undefined;
  const last = sum.parts[sum.parts.length - 1]?.scale ?? Infinity;
  if (value === 0) return sum.parts.length === 0 && sum.section === 0 ? { ...sum, zero: true } : undefined;
  if (value >= 1000) {
    if (sum.section !== 0 || value >= last) return undefined;
    return { ...sum, parts: [...sum.parts, { value, scale: value % 1000 === 0 ? 1000 : value % 100 === 0 ? 100 : 1 }] };
  }
  const place = 10 ** String(value).length;
  if (last === 1 || (last === 100 && sum.section + value >= 100)) return undefined;
  if (sum.section !== 0 && sum.section % place !== 0) return undefined;
  return { ...sum, section: sum.section + value };
}

/** The sum after a scale word: it multiplies everything since the last larger scale word. */
function multiply(sum: Sum, scale: number): Sum | undefined {
  if (sum.zero) return undefined;
  if (scale < 1000) {
    const low = sum.section % 1000;
    if (low >= scale || (low === 0 && sum.section !== 0)) return undefined;
    return { ...sum, section: sum.section - low + (low || 1) * scale };
  }
  const keep = sum.parts.filter((p) => p.scale >= scale);
  if (keep.some((p) => p.scale === scale) || sum.parts.some((p) => p.scale < 1000)) return undefined;
  const open = sum.parts.slice(keep.length).reduce((total, part) => total + part.value, sum.section);
  return { ...sum, parts: [...keep, { value: (open || 1) * scale, scale }], section: 0 };
}

export class WordNumbers {
  private readonly root: Node = { next: new Map(), entries: [] };

  /** @param unspaced true for scripts without spaces between words: no word boundary is asked for at the ends */
  constructor(
    table: WordTable,
    private readonly unspaced = false,
  ) {
    for (const [word, value] of Object.entries(table.words)) this.add(word, { kind: 'word', value });
    for (const [word, value] of Object.entries(table.scales)) this.add(word, { kind: 'scale', value });
    for (const word of table.joiners) this.add(word, { kind: 'join', value: word === ',' || word === 'and' ? AFTER_HUNDREDS : 0 });
  }

  private add(word: string, entry: Entry): void {
    let node = this.root;
    for (const unit of word) {
      let next = node.next.get(unit);
      if (!next) node.next.set(unit, (next = { next: new Map(), entries: [] }));
      node = next;
    }
    node.entries.push(entry);
  }

  /** True when some word of the table begins with this character. */
  startsWith(char: string): boolean {
    return this.root.next.has(char);
  }

  /** The longest number at offset `at` of a normalised text. */
  parse(text: string, at: number): { value: number; end: number; words: number } | undefined {
    return this.follow(text, at, START, false, 0);
  }

  /** Scale word (1,000 and above) at `at`, after optional space. */
  scaleAt(text: string, at: number): { value: number; end: number } | undefined {
    const from = text[at] === ' ' ? at + 1 : at;
    let best: { value: number; end: number } | undefined;
    for (const { entry, end } of this.matches(text, from)) {
      if (entry.kind === 'scale' && entry.value >= 1000 && this.boundary(text, end)) best ??= { value: entry.value, end };
    }
    return best;
  }

  private boundary(text: string, at: number): boolean {
    if (this.unspaced || at >= text.length) return true;
    // Catalan joins two l's with a middle dot inside a word: "mil·límetres" is no thousand.
    const next = text[at] === '·' || text[at] === '‧' ? text[at + 1] : text[at];
    return !LETTER.test(next ?? '');
  }

  /** Entries that match at `at`, longest first. */
  private matches(text: string, at: number): { entry: Entry; end: number }[] {
    const found: { entry: Entry; end: number }[] = [];
    let node: Node | undefined = this.root;
    for (let i = at; i < text.length && node; ) {
      const char = String.fromCodePoint(text.codePointAt(i) ?? 0);
      node = node.next.get(char);
      i += char.length;
      for (const entry of node?.entries ?? []) found.push({ entry, end: i });
    }
    return found.reverse();
  }

  private follow(text: string, at: number, sum: Sum, joined: boolean, words: number): { value: number; end: number; words: number } | undefined {
    for (const { entry, end } of this.matches(text, at)) {
      if (entry.kind === 'join') {
        if (words === 0 || joined || sum.zero) continue;
        // A comma, and the English "and", join after hundreds and thousands only: "twenty, three" are two numbers.
        if (entry.value === AFTER_HUNDREDS && sum.section % 100 !== 0) continue;
        const rest = this.follow(text, text[end] === ' ' ? end + 1 : end, sum, true, words);
        if (rest) return rest;
        continue;
      }
      const next = entry.kind === 'word' ? addWord(sum, entry.value) : multiply(sum, entry.value);
      if (!next) continue;
      const more = this.follow(text, end, next, false, words + 1) ?? (text[end] === ' ' ? this.follow(text, end + 1, next, false, words + 1) : undefined);
      if (more) return more;
      if (this.boundary(text, end)) return { value: totalOf(next), end, words: words + 1 };
    }
    return undefined;
  }
}
