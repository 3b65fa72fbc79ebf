import table from './numbers.generated.json';

/**
 * How the 48 languages (and some more) write numbers, from CLDR 48.2 at build time. Intl is not asked at run time: the ICU data of
 * VS Code's extension host and webview lack be eu ha hy is lb mk ne and would silently answer with English conventions.
 */
export interface NumberConventions {
  readonly decimal: string;
  /** Group separator; a no-break space (U+00A0 or U+202F) where the language groups with a space. */
  readonly group: string;
  readonly minus: string;
  /** True where digits are grouped 3;2;2 (lakh, crore). */
  readonly lakh: boolean;
  /** Digits left of the first separator that are needed before grouping is applied (CLDR's minimumGroupingDigits). */
  readonly minGrouping: number;
  /** Default and native numbering system (BCP 47 `nu` values). */
  readonly digits: string;
  readonly native: string;
  /** Words that stand for the minus sign before a number. */
  readonly minusWords: readonly string[];
  /** Words for the decimal point in spelled-out numbers. */
  readonly pointWords: readonly string[];
  /** Month names in dates and alone, longest first. */
  readonly months: readonly string[];
}

const TABLE = new Map<string, NumberConventions>(Object.entries(table));

/** The conventions of a language: the 48, and some thirty more (without month names and words); undefined for any other. */
export function numberConventions(code: string): NumberConventions | undefined {
  return TABLE.get(code);
}
