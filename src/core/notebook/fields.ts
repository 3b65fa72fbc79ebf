import { LANGUAGES, RESOURCE_CLASSES } from '../languages';
import { PROMPT_TEMPLATES } from '../prompts';
import { SCORER_NAMES } from '../scoring/names';

/** Languages of the two cells that run. */
export const PROMPT_CELL = 'lift-prompt';
export const EVAL_CELL = 'lift-eval';
export type CellKind = typeof PROMPT_CELL | typeof EVAL_CELL;

/** What a value is, so that it can be checked and completed. */
export type FieldValue = 'bundle' | 'benchmark' | 'language' | 'languages' | 'template' | 'scorer' | 'precision' | 'sampling' | 'mode' | 'reader' | 'count' | 'whole' | 'ids' | 'gold';

export interface Field {
  readonly key: string;
  readonly aliases: readonly string[];
  readonly value: FieldValue;
  /** Several values, separated by commas or on lines of their own. */
  readonly many: boolean;
  readonly help: string;
  readonly example: string;
}

const field = (key: string, value: FieldValue, help: string, example: string, more: { readonly aliases?: readonly string[]; readonly many?: boolean } = {}): Field => ({ key, value, help, example, aliases: more.aliases ?? [], many: more.many ?? false });

const TEMPLATE = field('template', 'template', 'Prompt template. Default: the one that the bundle names.', 'short-cot', { aliases: ['prompt'] });
const PRECISION = field('precision', 'precision', 'Precision of the weights. Default: the setting `lingualift.engine.precision`.', 'int8');
const TOKENS = field('max-tokens', 'count', 'Most new tokens. Default: what the bundle says.', '128', { aliases: ['max-new-tokens', 'tokens'] });
const SCORER = (value: 'scorer' | 'reader'): Field => field('scorer', value, 'How the answer is read: `locale` by the conventions of the language, `harness` and `vllm` as the ports of the two published scorers, `choice` for multiple choice.', 'locale');

const PROMPT_FIELDS: readonly Field[] = [
  field('bundle', 'bundle', 'Bundle by name or path. Default: the bundle of the chosen kernel.', 'smol-lift'),
  field('language', 'language', 'Language code of the question: its conventions decide how numbers are read. Default: `en`.', 'sw'),
  TEMPLATE,
  TOKENS,
  field('gold', 'gold', 'Right answer. With it the completion is judged; without, only read.', '18', { aliases: ['answer'] }),
  SCORER('reader'),
  PRECISION,
];

const EVAL_FIELDS: readonly Field[] = [
  field('benchmark', 'benchmark', 'Benchmark by name, or the path of its folder or of one file.', 'lift48'),
  field('languages', 'languages', 'Language codes, classes (`low`, `medium`, `high`) or `all`. Default: all.', 'en, sw, th', { aliases: ['language'], many: true }),
  field('sample', 'count', 'Problems a language, drawn at random with the seed, the same problems in every language. Default: all.', '20', { aliases: ['limit', 'n'] }),
  field('ids', 'ids', 'Ids of problems, instead of a sample.', 'lift48-01, lift48-02', { aliases: ['id', 'problems'], many: true }),
  field('seed', 'whole', 'Seed of the sample. Default: 1.', '1'),
  field('sampling', 'sampling', 'How the sample is drawn: `random`, `stratified` by difficulty, `balanced` over gold answers, or the `first` ones.', 'random'),
  field('bundle', 'bundle', 'Bundles by name or path. Default: the bundle of the chosen kernel. The first is compared with each further one, in pairs.', 'smol-lift, smol-text', { aliases: ['bundles'], many: true }),
  field('mode', 'mode', 'What is asked of the model: `generate` an answer, the likelihoods of the choices of an item (`choice`), or those of the calculations of a word problem (`operation`). Default: generate.', 'generate'),
  SCORER('scorer'),
  TEMPLATE,
  TOKENS,
  PRECISION,
];

export const fieldsOf = (kind: CellKind): readonly Field[] => (kind === PROMPT_CELL ? PROMPT_FIELDS : EVAL_FIELDS);

/** `Max tokens`, `max_tokens` and `max-tokens` are the same key. */
export const normalKey = (key: string): string => key.trim().toLowerCase().replace(/[ _]+/g, '-');

export function fieldOf(kind: CellKind, key: string): Field | undefined {
  const wanted = normalKey(key);
  return fieldsOf(kind).find((f) => f.key === wanted || f.aliases.includes(wanted));
}

export const PRECISION_NAMES: readonly string[] = ['fp32', 'int8', 'int4', 'fp16'];
export const SAMPLING_NAMES: readonly string[] = ['random', 'stratified', 'balanced', 'first'];
export const MODE_NAMES: readonly string[] = ['generate', 'choice', 'operation'];

/** The values that a field can have when they do not depend on what is on disk; undefined for free ones. */
export function knownValues(value: FieldValue): readonly { readonly name: string; readonly help: string }[] | undefined {
  const plain = (names: readonly string[]): { name: string; help: string }[] => names.map((name) => ({ name, help: '' }));
  const languages = LANGUAGES.map((l) => ({ name: l.code, help: `${l.name} · ${l.nativeName} · ${l.resourceClass}` }));
  switch (value) {
    case 'language': return languages;
    case 'languages': return [{ name: 'all', help: 'every language of the benchmark' }, ...RESOURCE_CLASSES.map((c) => ({ name: c, help: `${c}-resource languages` })), ...languages];
    case 'template': return [...PROMPT_TEMPLATES.values()].map((t) => ({ name: t.name, help: t.source }));
    case 'scorer': return plain(SCORER_NAMES);
    case 'reader': return plain(SCORER_NAMES.filter((n) => !/^(?:likelihood|operation)/.test(n)));
    case 'mode': return plain(MODE_NAMES);
    case 'precision': return plain(PRECISION_NAMES);
    case 'sampling': return plain(SAMPLING_NAMES);
    default: return undefined;
  }
}
