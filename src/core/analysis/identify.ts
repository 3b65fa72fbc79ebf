/** Tells which language a piece of text is in. */
export interface LanguageIdentifier {
  /** Name and version, for the record. */
  readonly name: string;
  /** ISO 639-1 code of a text of any length, or null when it cannot tell. */
  identify(text: string): string | null;
}

/** Languages of the 48 that eld has no profile for; cld3 speaks for these. */
const ONLY_CLD3 = new Set(['af', 'ha', 'id', 'lb', 'mk', 'ne', 'sw']);

/** Codes of other conventions, and standards too close to be told apart in a few sentences. */
const ALIASES: Readonly<Record<string, string>> = { no: 'nb', bs: 'hr', ms: 'id', iw: 'he', fil: 'tl' };

const MAX_BYTES = 2000;

let loading: Promise<LanguageIdentifier> | undefined;

/**
 * Loads the identifier for the 48 languages: eld (n-grams) for the 41 it knows, cld3 (a small network, WebAssembly) where it
 * names one of the other seven. Its accuracy on LIFT-48's questions is measured in test/unit/analysis-languages.test.ts.
 *
 * Loaded on first use and kept, because the two hold about 3 MB of profiles; meant for the host and the command line.
 */
export function loadLanguageIdentifier(): Promise<LanguageIdentifier> {
  loading ??= load();
  return loading;
}

async function load(): Promise<LanguageIdentifier> {
  const [{ eld }, { loadModule }] = await Promise.all([import('eld/small'), import('cld3-asm')]);
  const cld3 = (await loadModule()).create(0, MAX_BYTES);
  return {
    name: 'eld 2.1 small + cld3 4.0',
    identify(text) {
      const network = code(cld3.findLanguage(text).language);
      if (network !== null && ONLY_CLD3.has(network)) return network;
      return code(eld.detect(text).language) ?? network;
    },
  };
}

/** `sr-Latn` becomes `sr`; `und` and the empty string become null. */
function code(found: string): string | null {
  const base = found.split('-')[0]!;
  return base === '' || base === 'und' ? null : (ALIASES[base] ?? base);
}
