import { type Grouping } from '../../src/core/analysis/aggregate';
import { languageName, languageOf, RESOURCE_CLASSES } from '../../src/core/languages';
import { type AnswerLanguage, type LanguageEstimate, type TableRow } from '../../src/protocol/panels';
import { t } from '../ui/l10n';

export { errorWord, OUTCOME_MARK, outcomeWord } from '../ui/words';

export type SortKey = 'language' | 'code' | 'n' | 'accuracy' | 'tokens' | 'fertility' | 'unread' | 'wrongLanguage' | 'failed' | 'ms' | 'gap' | 'floor' | 'balanced' | 'conditional' | 'lmFertility' | AnswerKey;
/** Columns that are asked for only while they are shown. */
export type AnswerKey = 'own' | 'english' | 'ownScript' | 'switchRate';
export const ANSWER_KEYS: readonly AnswerKey[] = ['own', 'english', 'ownScript', 'switchRate'];
export type GroupBy = Grouping | 'none';

/** Everything the panel remembers. `folder` lets a reloaded window find the run again. */
export interface PanelState {
  folder: string;
  sort: SortKey;
  descending: boolean;
  groupBy: GroupBy;
  hidden: string[];
  language: string;
  outcomes: string[];
  find: string;
  disagrees: string;
  sample: string;
  problem: string;
  english: boolean;
}

export const INITIAL: PanelState = { folder: '', sort: 'language', descending: false, groupBy: 'class', hidden: ['code', 'ms', 'lmFertility', ...ANSWER_KEYS], language: '', outcomes: [], find: '', disagrees: '', sample: '', problem: '', english: false };

export interface Column {
  readonly key: SortKey | 'interval';
  readonly title: () => string;
  readonly hint: () => string;
  readonly numeric: boolean;
  /** Cannot be hidden. */
  readonly fixed?: boolean;
}

export const COLUMNS: readonly Column[] = [
  { key: 'language', title: () => t('Language'), hint: () => t('Language'), numeric: false, fixed: true },
  { key: 'code', title: () => t('Code'), hint: () => t('ISO 639 code'), numeric: false },
  { key: 'n', title: () => t('n'), hint: () => t('Samples of all problems'), numeric: true },
  { key: 'accuracy', title: () => t('Accuracy'), hint: () => t('Share of right answers'), numeric: true, fixed: true },
  { key: 'interval', title: () => t('95 % interval'), hint: () => t('Wilson interval'), numeric: false },
  { key: 'gap', title: () => t('Gap to English'), hint: () => t('Accuracy in English minus accuracy here, same problems, in points'), numeric: true },
  { key: 'conditional', title: () => t('Also right'), hint: () => t('Of the problems right in English, the share right here'), numeric: true },
  { key: 'balanced', title: () => t('Balanced'), hint: () => t('Mean of the shares right within each class of gold answers'), numeric: true },
  { key: 'floor', title: () => t('Floor'), hint: () => t('The best trivial answer over the same samples'), numeric: true },
  { key: 'tokens', title: () => t('Tokens/question'), hint: () => t('Generated tokens per question'), numeric: true },
  { key: 'fertility', title: () => t('Fertility'), hint: () => t('Tokens of the questions over those in English, by the tokenizer that reads them'), numeric: true },
  { key: 'lmFertility', title: () => t('Fertility, LLM'), hint: () => t('The same by the LLM’s own tokenizer'), numeric: true },
  { key: 'unread', title: () => t('Unread'), hint: () => t('Answers in which nothing could be read'), numeric: true },
  { key: 'wrongLanguage', title: () => t('Wrong language'), hint: () => t('Wrong answers neither in the script of the language nor in Latin'), numeric: true },
  { key: 'own', title: () => t('In the language'), hint: () => t('Share of the answers’ letters in sentences of the question’s language, percent'), numeric: true },
  { key: 'english', title: () => t('In English'), hint: () => t('Share of the answers’ letters in English sentences, percent'), numeric: true },
  { key: 'ownScript', title: () => t('Own script'), hint: () => t('Share of the answers’ letters in the script of the question’s language, percent'), numeric: true },
  { key: 'switchRate', title: () => t('Code switches'), hint: () => t('Of neighbouring sentences of an answer, the share in different languages, percent'), numeric: true },
  { key: 'failed', title: () => t('Failed'), hint: () => t('Items that failed in the engine'), numeric: true },
  { key: 'ms', title: () => t('ms/question'), hint: () => t('Milliseconds from the start of the batch'), numeric: true },
];

export interface RowGroup {
  readonly key: string;
  readonly title: string;
  readonly rows: readonly TableRow[];
}

/** Estimates by language. */
export type More = ReadonlyMap<string, Partial<LanguageEstimate & AnswerLanguage>>;

function valueOf(row: TableRow, key: SortKey, gaps: ReadonlyMap<string, number>, more: More): number | string {
  switch (key) {
    case 'language': return languageName(row.language);
    case 'code': return row.language;
    case 'n': return row.n;
    case 'accuracy': return row.n === 0 ? -1 : row.accuracy;
    case 'tokens': return row.tokensPerQuestion ?? -1;
    case 'fertility': return row.fertility ?? -1;
    case 'unread': return row.unread;
    case 'wrongLanguage': return row.wrongLanguage;
    case 'failed': return row.failed;
    case 'ms': return row.msPerQuestion ?? -1;
    case 'gap': return gaps.get(row.language) ?? Number.NEGATIVE_INFINITY;
    case 'lmFertility': return row.lmFertility ?? -1;
    case 'floor': return more.get(row.language)?.floor?.share ?? -1;
    case 'balanced': return more.get(row.language)?.balanced?.mean ?? -1;
    case 'own':
    case 'english':
    case 'ownScript':
    case 'switchRate': return more.get(row.language)?.[key] ?? -1;
    case 'conditional': return more.get(row.language)?.conditional?.share ?? -1;
  }
}

/** Rows in groups, each sorted; ties keep the alphabet, so rows hold their place while results stream in under the default sort. */
export function groupRows(rows: readonly TableRow[], state: Pick<PanelState, 'sort' | 'descending' | 'groupBy'>, gaps: ReadonlyMap<string, number>, more: More = new Map()): RowGroup[] {
  const sign = state.descending ? -1 : 1;
  const sorted = [...rows].sort((a, b) => {
    const [x, y] = [valueOf(a, state.sort, gaps, more), valueOf(b, state.sort, gaps, more)];
    const order = typeof x === 'string' ? x.localeCompare(String(y)) : x - Number(y);
    return sign * order || languageName(a.language).localeCompare(languageName(b.language));
  });
  if (state.groupBy === 'none') return [{ key: 'all', title: t('All languages'), rows: sorted }];
  const groups = new Map<string, TableRow[]>();
  if (state.groupBy === 'class') for (const key of RESOURCE_CLASSES) groups.set(key, []);
  for (const row of sorted) {
    const key = keyOf(row.language, state.groupBy);
    groups.set(key, [...(groups.get(key) ?? []), row]);
  }
  const entries = [...groups].filter(([, list]) => list.length > 0);
  if (state.groupBy !== 'class') entries.sort(([a], [b]) => a.localeCompare(b));
  return entries.map(([key, list]) => ({ key, title: groupTitle(key), rows: list }));
}

function keyOf(code: string, by: Grouping): string {
  const language = languageOf(code);
  if (!language) return 'other';
  return by === 'class' ? language.resourceClass : by === 'script' ? language.script : language.family;
}

export function groupTitle(key: string): string {
  switch (key) {
    case 'low': return t('Low-resource');
    case 'medium': return t('Medium-resource');
    case 'high': return t('High-resource');
    case 'other': return t('Other');
    case 'all': return t('All languages');
    default: return key;
  }
}
