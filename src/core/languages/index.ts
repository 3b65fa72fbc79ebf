/**
 * The 48 languages of MMWP: code, names, script, direction, family and resource class.
 *
 * Source of the list: the file names of the authors' evaluation data (48 codes). The paper gives 21 low-, 17 medium- and
 * 10 high-resource languages; the per-language assignment is inferred from the Llama 2 pre-training table
 * (share >= 0.10 % high, 0.01-0.09 % medium, not listed low), which gives exactly 10/17/21.
 */
export type ResourceClass = 'low' | 'medium' | 'high';
export type Direction = 'ltr' | 'rtl';

export interface Language {
  /** ISO 639-1 code as MMWP's files use it (`nb` for Norwegian, `sr` in Cyrillic, `zh` simplified). */
  readonly code: string;
  readonly name: string;
  readonly nativeName: string;
  /** ISO 15924 code of the script that the benchmark texts use. */
  readonly script: string;
  readonly direction: Direction;
  readonly family: string;
  readonly resourceClass: ResourceClass;
}

type Row = readonly [code: string, name: string, nativeName: string, script: string, family: string, cls: 'L' | 'M' | 'H'];

const ROWS: readonly Row[] = [
  ['af', 'Afrikaans', 'Afrikaans', 'Latn', 'Germanic', 'L'],
  ['ar', 'Arabic', 'العربية', 'Arab', 'Semitic', 'L'],
  ['be', 'Belarusian', 'Беларуская', 'Cyrl', 'Slavic', 'L'],
  ['bg', 'Bulgarian', 'Български', 'Cyrl', 'Slavic', 'M'],
  ['bn', 'Bengali', 'বাংলা', 'Beng', 'Indo-Aryan', 'L'],
  ['ca', 'Catalan', 'Català', 'Latn', 'Romance', 'M'],
  ['cs', 'Czech', 'Čeština', 'Latn', 'Slavic', 'M'],
  ['da', 'Danish', 'Dansk', 'Latn', 'Germanic', 'M'],
  ['de', 'German', 'Deutsch', 'Latn', 'Germanic', 'H'],
  ['en', 'English', 'English', 'Latn', 'Germanic', 'H'],
  ['es', 'Spanish', 'Español', 'Latn', 'Romance', 'H'],
  ['eu', 'Basque', 'Euskara', 'Latn', 'Basque', 'L'],
  ['fi', 'Finnish', 'Suomi', 'Latn', 'Uralic', 'M'],
  ['fr', 'French', 'Français', 'Latn', 'Romance', 'H'],
  ['gu', 'Gujarati', 'ગુજરાતી', 'Gujr', 'Indo-Aryan', 'L'],
  ['ha', 'Hausa', 'Hausa', 'Latn', 'Chadic', 'L'],
  ['hi', 'Hindi', 'हिन्दी', 'Deva', 'Indo-Aryan', 'L'],
  ['hr', 'Croatian', 'Hrvatski', 'Latn', 'Slavic', 'M'],
  ['hu', 'Hungarian', 'Magyar', 'Latn', 'Uralic', 'M'],
  ['hy', 'Armenian', 'Հայերեն', 'Armn', 'Armenian', 'L'],
  ['id', 'Indonesian', 'Bahasa Indonesia', 'Latn', 'Austronesian', 'M'],
  ['is', 'Icelandic', 'Íslenska', 'Latn', 'Germanic', 'L'],
  ['it', 'Italian', 'Italiano', 'Latn', 'Romance', 'H'],
  ['ja', 'Japanese', '日本語', 'Jpan', 'Japonic', 'H'],
  ['kn', 'Kannada', 'ಕನ್ನಡ', 'Knda', 'Dravidian', 'L'],
  ['ko', 'Korean', '한국어', 'Kore', 'Koreanic', 'M'],
  ['lb', 'Luxembourgish', 'Lëtzebuergesch', 'Latn', 'Germanic', 'L'],
  ['mk', 'Macedonian', 'Македонски', 'Cyrl', 'Slavic', 'L'],
  ['ml', 'Malayalam', 'മലയാളം', 'Mlym', 'Dravidian', 'L'],
  ['mr', 'Marathi', 'मराठी', 'Deva', 'Indo-Aryan', 'L'],
  ['nb', 'Norwegian Bokmål', 'Norsk bokmål', 'Latn', 'Germanic', 'M'],
  ['ne', 'Nepali', 'नेपाली', 'Deva', 'Indo-Aryan', 'L'],
  ['nl', 'Dutch', 'Nederlands', 'Latn', 'Germanic', 'H'],
  ['pl', 'Polish', 'Polski', 'Latn', 'Slavic', 'M'],
  ['pt', 'Portuguese', 'Português', 'Latn', 'Romance', 'M'],
  ['ro', 'Romanian', 'Română', 'Latn', 'Romance', 'M'],
  ['ru', 'Russian', 'Русский', 'Cyrl', 'Slavic', 'H'],
  ['sk', 'Slovak', 'Slovenčina', 'Latn', 'Slavic', 'L'],
  ['sl', 'Slovenian', 'Slovenščina', 'Latn', 'Slavic', 'M'],
  ['sr', 'Serbian', 'Српски', 'Cyrl', 'Slavic', 'M'],
  ['sv', 'Swedish', 'Svenska', 'Latn', 'Germanic', 'H'],
  ['sw', 'Swahili', 'Kiswahili', 'Latn', 'Bantu', 'L'],
  ['ta', 'Tamil', 'தமிழ்', 'Taml', 'Dravidian', 'L'],
  ['te', 'Telugu', 'తెలుగు', 'Telu', 'Dravidian', 'L'],
  ['th', 'Thai', 'ไทย', 'Thai', 'Tai', 'L'],
  ['uk', 'Ukrainian', 'Українська', 'Cyrl', 'Slavic', 'M'],
  ['vi', 'Vietnamese', 'Tiếng Việt', 'Latn', 'Austroasiatic', 'M'],
  ['zh', 'Chinese', '中文', 'Hans', 'Sinitic', 'H'],
];

const CLASS = { L: 'low', M: 'medium', H: 'high' } as const;

export const LANGUAGES: readonly Language[] = ROWS.map(([code, name, nativeName, script, family, cls]) => ({
  code,
  name,
  nativeName,
  script,
  direction: script === 'Arab' ? 'rtl' : 'ltr',
  family,
  resourceClass: CLASS[cls],
}));

const BY_CODE = new Map(LANGUAGES.map((l) => [l.code, l]));

export const RESOURCE_CLASSES: readonly ResourceClass[] = ['low', 'medium', 'high'];

/** The language with this code, or undefined when it is not one of the 48. */
export function languageOf(code: string): Language | undefined {
  return BY_CODE.get(code);
}

export function languageCodes(): string[] {
  return LANGUAGES.map((l) => l.code);
}

/** English name; of a language outside the table what CLDR calls it (for `am` Amharic), or the code itself where that has none. */
export function languageName(code: string): string {
  return BY_CODE.get(code)?.name ?? nameElsewhere(code) ?? code;
}

function nameElsewhere(code: string): string | undefined {
  if (!/^[a-z]{2,3}(?:-|$)/i.test(code)) return undefined;
  try {
    return new Intl.DisplayNames('en', { type: 'language', fallback: 'none' }).of(code);
  } catch {
    return undefined; // Not a language tag.
  }
}

export class LanguageSelectionError extends Error {}

/**
 * Reads a language selection such as `en,sw`, `low`, `medium,high`, `all`.
 *
 * @param selection comma-separated codes, class names, or `all`
 * @param available the benchmark's languages, in its own order
 * @returns codes in the benchmark's order, each once
 * @throws LanguageSelectionError naming what is unknown and what there is
 */
export function selectLanguages(selection: string | undefined, available: readonly string[]): string[] {
  const wanted = new Set<string>();
  const words = (selection ?? 'all').split(',').map((w) => w.trim()).filter(Boolean);
  if (words.length === 0) throw new LanguageSelectionError('No language was named. Use codes (en,sw), a class (low, medium, high) or all.');
  for (const word of words) {
    if (word === 'all') for (const code of available) wanted.add(code);
    else if (word === 'low' || word === 'medium' || word === 'high') {
      for (const code of available) if (languageOf(code)?.resourceClass === word) wanted.add(code);
    } else if (available.includes(word)) wanted.add(word);
    else {
      throw new LanguageSelectionError(
        `Language "${word}" is not in this benchmark. It has: ${available.join(' ')} (or low, medium, high, all).`,
      );
    }
  }
  const chosen = available.filter((code) => wanted.has(code));
  if (chosen.length === 0) throw new LanguageSelectionError(`"${selection}" selects none of this benchmark's languages (${available.join(' ')}).`);
  return chosen;
}
