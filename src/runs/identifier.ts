import { loadLanguageIdentifier } from '../core/analysis/identify';
import { languageOf } from '../core/languages';
import { type CheckOptions } from '../core/benchmarks/check';

/** The language identifier in the form that the benchmark checker takes. */
export async function languageIdentifier(): Promise<NonNullable<CheckOptions['identifier']>> {
  const identifier = await loadLanguageIdentifier();
  return {
    name: identifier.name,
    knows: (language) => languageOf(language) !== undefined,
    identify: (text) => {
      const language = identifier.identify(text);
      return language === null ? undefined : { language, confident: true };
    },
  };
}
