import { numberConventions } from '../languages/numbers';
import { stepWords } from './cues';
import { allMatches } from './matches';
import { type NumberRole } from './types';

/**
 * Stretches of a folded text whose numbers are not values: dates, times, list numbers, step labels, versions, phone numbers.
 */
export interface Mark {
  readonly start: number;
  readonly end: number;
  readonly role: NumberRole;
}

/** A pattern with the texts of which at least one occurs in whatever it matches: a quick test before the search. */
type Hinted = readonly [hints: readonly string[], pattern: RegExp];

/** `\d` here is ASCII: the text is folded. */
const TIME: readonly Hinted[] = [
  [[':'], /(?<![\d.:])\d{1,2}:\d{2}(?::\d{2})?(?![\d:])(?:\s*[ap]\.?\s?m\b\.?)?/giu],
  [['m', 'M'], /(?<![\d.,:])\d{1,2}(?:[.:]\d{2})?(?:\s?[ap]\.\s?m\.|\s?[Pp][Mm](?![\p{L}\d])|[Aa][Mm](?![\p{L}\d])|\sAM(?!\p{L}))/gu],
  [['h'], /(?<![\d.,])\d{1,2}\s?h\s?\d{2}(?!\d)/gu],
  [['Uhr', 'Auer'], /(?<![\d,])\d{1,2}(?:[.:]\d{2})?\s(?:Uhr|Auer)(?!\p{L})/gu],
  [['kl', 'Kl', 'kello', 'Kello', "o'clock"], /(?<!\p{L})(?:kl|klo|kello|klokken|klokka|klockan|klukkan|o'clock)\.?\s\d{1,2}(?:[.:]\d{2})?(?!\d)/giu],
  [["o'clock"], /(?<![\d.,])\d{1,2}\s?o'clock/giu],
  [['午', '오'], /(?:午前|午後|上午|下午|오전|오후)\s?\d{1,2}\s?[時时点點시](?!間|间|간)(?:\s?\d{1,2}\s?[分분])?/gu],
  [['時', '시'], /(?<![\d.,])\d{1,2}\s?(?:時|시)(?!間|간)(?:\s?\d{1,2}\s?[分분])?/gu],
  [['分'], /(?<![\d.,])\d{1,2}[点點时]\d{1,2}分/gu],
];
const DATE: readonly Hinted[] = [
  [['-', '/', '.'], /(?<![\d.,/-])\d{4}([-/.])\d{1,2}\1\d{1,2}(?![\d/-])/gu],
  [['-', '/', '.'], /(?<![\d.,/-])\d{1,2}([-/.])\d{1,2}\1(?:\d{4}|\d{2})(?![\d/-])(?!\s*=)/gu],
  [['. '], /(?<![\d.])\d{1,2}\.\s\d{1,2}\.\s\d{4}(?!\d)/gu],
  [['月', '월'], /(?<![\d.,])(?:\d{2,4}\s?[年년]\s?)?\d{1,2}\s?[月월](?!間|间|份的)(?:\s?\d{1,2}\s?[日号號일])?/gu],
  [['年', '년'], /(?<![\d.,])(?:1[5-9]|20)\d{2}\s?[年년](?!間|间)/gu],
];
const LABEL: readonly Hinted[] = [
  [['.'], /(?<![\d.])(?!\d{1,3}(?:\.\d{3})+(?![\d.]))\d+\.\d+(?:\.\d+)+(?![\d,])/gu],
  [['-'], /(?<!\d)(?:\+\d{1,3}[ -]?)?(?:\(?\d{3}\)?[ -])?\d{3}-\d{4}(?!\d|\s*=)/gu],
  [['#', '№', 'N°', 'n°', 'Nº', 'nº', 'No.'], /(?<![\p{L}\d#])(?:#(?!#)|№|[Nn][°º]|No\.)\s?\d+(?!\d)/gu],
  [['['], /(?<=[\p{L}.,])\[\d{1,2}\]/gu],
  [['第'], /(?:第)\s?\d+/gu],
];
const ORDINAL: readonly Hinted[] = [
  [['st', 'nd', 'rd', 'th', 'ST', 'ND', 'RD', 'TH'], /(?<![\d.,])\d*(?:1st|2nd|3rd|\dth)(?![\p{L}\d])/giu],
  [['me', 'er', 'nd', 'й', 'я', 'е', 'о', 'у', 'а', 'и'], /(?<![\d.,])\d+-?(?:ème|ième|ère|er|nd|nde|й|я|е|го|му|та|ти|ри|ми|и)(?![\p{L}\d])/gu],
  [['º', 'ª'], /(?<![\d.,])\d+[ºª](?!\s?[CFc])/gu],
  [['번째', '番目', 'वां', 'वाँ', 'वीं', 'તમ', 'তম'], /(?<![\d.,])\d+(?:번째|番目|वां|वाँ|वीं|તમ|তম)/gu],
];
const LIST_ITEM = /(?:^|\n)[ \t>*_#-]*\(?(\d{1,2})(?:[.)]|[、:])(?:[ \t*_]+(?=\S)|(?=[^\s\d]))/gu;

interface Months {
  readonly any: RegExp;
  readonly dates: readonly RegExp[];
}
const cache = new Map<string, Months>();

function monthPatterns(language: string): Months {
  const known = cache.get(language);
  if (known) return known;
  const names = new Set([...(numberConventions(language)?.months ?? []), ...(numberConventions('en')?.months ?? [])]);
  const month = `(?:${[...names].flatMap((n) => (n[0] === n[0]?.toLowerCase() && n.length > 3 ? [n, capital(n)] : [n])).join('|')})`;
  const year = '(?:,?\\s*(?:de\\s+|del\\s+|di\\s+)?(?:1[5-9]|20)\\d{2}(?!\\d))?';
  const dates = [
    new RegExp(`(?<![\\d.,])\\d{1,2}(?:st|nd|rd|th|er|\\.|º)?\\s(?:de\\s|of\\s|d'|di\\s|ta\\s)?${month}(?![\\p{L}\\p{M}])\\.?${year}`, 'gu'),
    new RegExp(`(?<![\\p{L}\\p{M}])${month}\\.?\\s\\d{1,2}(?:st|nd|rd|th|\\.)?(?![\\d\\p{L}.,]\\d|\\d|%)${year}`, 'gu'),
    new RegExp(`(?<![\\p{L}\\p{M}])${month}\\.?,?\\s(?:de\\s|del\\s)?(?:1[5-9]|20)\\d{2}(?!\\d)`, 'gu'),
  ];
  const patterns = { any: new RegExp(month, 'u'), dates };
  cache.set(language, patterns);
  return patterns;
}

function capital(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}

/** All marks of a folded text, sorted by start. */
export function findMarks(text: string, language: string): Mark[] {
  const marks: Mark[] = [];
  const add = (pattern: RegExp, role: NumberRole) => {
    for (const m of allMatches(text, pattern)) marks.push({ start: m.index, end: m.index + m[0].length, role });
  };
  const collect = (list: readonly Hinted[], role: NumberRole) => {
    for (const [hints, pattern] of list) if (hints.some((h) => text.includes(h))) add(pattern, role);
  };
  for (const pattern of stepWords(language, text)) add(pattern, 'step');
  collect(TIME, 'time');
  collect(DATE, 'date');
  const months = monthPatterns(language);
  if (months.any.test(text)) for (const pattern of months.dates) add(pattern, 'date');
  collect(LABEL, 'label');
  collect(ORDINAL, 'ordinal');
  listItems(text, marks);
  return marks.sort((a, b) => a.start - b.start);
}

/**
 * Numbers that count the lines of a list. A marker counts when text follows it and it is 1 or the list has its neighbour too, so that
 * an answer such as "18. Because …" keeps its number.
 */
function listItems(text: string, marks: Mark[]): void {
  const items = allMatches(text, LIST_ITEM);
  const numbers = new Set(items.map((m) => Number(m[1])));
  for (const m of items) {
    const n = Number(m[1]);
    if (n > 1 && !numbers.has(n - 1) && !numbers.has(n + 1)) continue;
    const start = m.index + m[0].indexOf(m[1] ?? '');
    marks.push({ start, end: start + (m[1] ?? '').length, role: 'list' });
  }
}

/** The role of a number at [start, end), or 'value' when no mark covers it. */
export function roleAt(marks: readonly Mark[], start: number, end: number): NumberRole {
  for (const mark of marks) {
    if (mark.start > start) break;
    if (mark.end >= end) return mark.role;
  }
  return 'value';
}
