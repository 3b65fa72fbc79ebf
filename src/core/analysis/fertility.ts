/** Token count of one text by one tokenizer. */
export interface TokenizedText {
  readonly language: string;
  /** Problem id; the same text in another language has the same one. */
  readonly id: string;
  readonly text: string;
  readonly tokens: number;
}

export interface Fertility {
  readonly language: string;
  readonly texts: number;
  /** Tokens / characters (code points, white space left out), over all texts together. */
  readonly tokensPerCharacter: number;
  /** Tokens of this language / tokens of the reference over the problems that both have; NaN without one. */
  readonly versusReference: number;
  readonly paired: number;
}

/** Tokenizer fertility per language, and how many times the reference's tokens the same text costs. */
export function fertility(rows: readonly TokenizedText[], reference = 'en'): Fertility[] {
  const referenceTokens = new Map(rows.filter((row) => row.language === reference).map((row) => [row.id, row.tokens]));
  const byLanguage = new Map<string, { texts: number; tokens: number; characters: number; own: number; other: number; paired: number }>();
  for (const row of rows) {
    let sums = byLanguage.get(row.language);
    if (!sums) byLanguage.set(row.language, (sums = { texts: 0, tokens: 0, characters: 0, own: 0, other: 0, paired: 0 }));
    sums.texts += 1;
    sums.tokens += row.tokens;
    sums.characters += characterCount(row.text);
    const other = referenceTokens.get(row.id);
    if (other === undefined) continue;
    sums.own += row.tokens;
    sums.other += other;
    sums.paired += 1;
  }
  return [...byLanguage].map(([language, s]) => ({
    language,
    texts: s.texts,
    tokensPerCharacter: s.tokens / s.characters,
    versusReference: s.own / s.other,
    paired: s.paired,
  }));
}

/** Code points that are not white space. */
export function characterCount(text: string): number {
  let count = 0;
  for (const character of text) if (!/\s/u.test(character)) count += 1;
  return count;
}
