/** U+FFFD: what the bytes of a character that is not complete yet decode to. */
const INCOMPLETE = '\uFFFD';

/**
 * The text that each token adds, without decoding the whole completion again for every one.
 *
 * A token is decoded together with a few before it, because decoders look back (a leading space, a character in several
 * tokens): from the last position at which text was complete. The pieces of all tokens joined are the text of all of them.
 */
export class TextTrack {
  private readonly ids: number[] = [];
  /** Before each token: from where to decode, and up to where the text was complete. */
  private readonly marks: { readonly from: number; readonly complete: number }[] = [];
  private from = 0;
  private complete = 0;

  constructor(private readonly decode: (ids: readonly number[]) => string) {}

  /** @returns the text that this token completes */
  push(id: number): string {
    this.marks.push({ from: this.from, complete: this.complete });
    this.ids.push(id);
    const before = this.decode(this.ids.slice(this.from, this.complete));
    const after = this.decode(this.ids.slice(this.from));
    if (after.length <= before.length || after.endsWith(INCOMPLETE)) return '';
    this.from = this.complete;
    this.complete = this.ids.length;
    return after.slice(before.length);
  }

  /** Forgets the tokens from `length` on. */
  truncate(length: number): void {
    const mark = this.marks[length];
    if (mark) [this.from, this.complete] = [mark.from, mark.complete];
    this.ids.length = Math.min(length, this.ids.length);
    this.marks.length = this.ids.length;
  }
}
