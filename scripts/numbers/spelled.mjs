/**
 * Derives the table of spelled-out numbers of a language from the forms that a speller gives: each form that the reader
 * (src/core/scoring/words.ts) cannot read yet is cut into known parts and what is new in it is added, as a word, a scale or a joiner.
 */
import { normaliseWords, WordNumbers } from '../../src/core/scoring/words.ts';
import { basque, malayalam } from './hand.mjs';
import { loadRules, Speller } from './rbnf.mjs';

/** Locale names of n2words: the only source for bn ha kn mr te, further usual forms for the others. */
export const N2WORDS = {
  bn: 'bn-BD', ha: 'ha-NG', kn: 'kn-IN', mr: 'mr-IN', te: 'te-IN', ar: 'ar-SA', cs: 'cs-CZ', da: 'da-DK', de: 'de-DE', en: 'en-GB', es: 'es-ES',
  fi: 'fi-FI', fr: 'fr-FR', gu: 'gu-IN', hi: 'hi-IN', hr: 'hr-HR', id: 'id-ID', it: 'it-IT', ko: 'ko-KR', nb: 'nb-NO', nl: 'nl-NL',
  pl: 'pl-PL', pt: 'pt-PT', ro: 'ro-RO', ru: 'ru-RU', sr: 'sr-Cyrl-RS', sv: 'sv-SE', ta: 'ta-IN', th: 'th-TH', uk: 'uk-UA', vi: 'vi-VN',
};
/** Chinese and Japanese numerals have a reader of their own. */
const OWN_READER = new Set(['ja', 'zh']);
export const UNSPACED = new Set(['th', 'ko']);
/** Joining words that the rules do not show and everybody writes. */
const EXTRA_JOINERS = { en: ['and'], pt: ['e'], es: ['y'] };

/** Forms that CLDR's rules build and nobody says: Bulgarian tens from the personal forms (*двамадесет). */
const DEFECTS = /(?:двама|трима|четирима|петима|шестима)(?:йсет|десет)/;

const SCALES = [1e9, 1e7, 1e6, 1e5, 1e4, 1e3];
const clean = (s) => normaliseWords(s.normalize('NFC')).replace(/ +/g, ' ').trim();

/** A function n -> set of normalised forms, or undefined when nothing spells the language out. */
export async function speller(code) {
  const cache = new Map();
  const memo = (make) => (n) => {
    if (!cache.has(n)) cache.set(n, new Set(make(n).map(clean).filter((f) => f !== '' && !/\d/.test(f) && !DEFECTS.test(f))));
    return cache.get(n);
  };
  const rules = loadRules(code);
  const more = N2WORDS[code] ? (await import(`n2words/${N2WORDS[code]}`)).toCardinal : undefined;
  if (rules && !OWN_READER.has(code)) {
    const spell = new Speller(code, rules);
    const sets = spell.cardinalSets();
    return memo((n) => [...sets.map((set) => spell.spell(n, set)), ...(more && n < 10000 ? [more(n)] : [])]);
  }
  if (more) return memo((n) => [more(n)]);
  if (code === 'eu') return memo((n) => basque(n));
  if (code === 'ml') return memo((n) => malayalam(n));
  return undefined;
}

/** The numbers whose forms the table is made from. */
function trainingNumbers() {
  const numbers = [];
  for (let n = 0; n < 1000; n++) numbers.push(n);
  const heads = [...Array.from({ length: 99 }, (_, i) => i + 1), 100, 101, 125, 200, 222, 300, 500, 900];
  const tails = [1, 2, 3, 5, 10, 11, 18, 20, 21, 25, 60, 71, 90, 99, 100, 101, 111, 200, 234, 500, 567, 700, 999];
  for (const scale of [...SCALES].reverse()) {
    for (const k of scale === 1000 ? heads : heads.filter((h) => h < 13)) numbers.push(k * scale);
    for (const k of [1, 2, 3, 5, 9, 11, 21]) for (const r of tails) numbers.push(k * scale + r);
  }
  return [...new Set(numbers)].sort((a, b) => a - b);
}

class Learner {
  constructor(code, forms) {
    this.code = code;
    this.forms = forms;
    this.table = { words: {}, scales: {}, joiners: [...(EXTRA_JOINERS[code] ?? [])] };
    /** Powers of ten that have a word of their own: lakh and crore in India, 10,000 in Thailand. */
    this.units = new Set();
    this.compile();
  }

  compile() {
    this.reader = new WordNumbers(this.table, UNSPACED.has(this.code));
  }

  reads(form, n) {
    const got = this.reader.parse(form, 0);
    return got?.value === n && got.end === form.length;
  }

  /** Keeps the change when the form is read with it, else takes it back. */
  attempt(kind, word, value, form, n) {
    if (word === '' || word in this.table.words || word in this.table.scales || this.table.joiners.includes(word)) return false;
    if (kind === 'joiners') this.table.joiners.push(word);
    else this.table[kind][word] = value;
    this.compile();
    if (this.reads(form, n)) return true;
    if (kind === 'joiners') this.table.joiners.pop();
    else delete this.table[kind][word];
    this.compile();
    return false;
  }

  learn(form, n) {
    if (this.reads(form, n)) return;
    if (n < 100) return void this.keep(form, n);
    if (n === 100 || (SCALES.includes(n) && ![...this.forms(n)].some((f) => this.reads(f, n)))) this.units.add(n);
    for (const unit of [...this.units].sort((a, b) => b - a)) {
      if (unit > n) continue;
      const k = Math.floor(n / unit);
      const rest = n % unit;
      if (rest === 0 ? this.learnRound(form, n, k, unit) : this.learnSum(form, n, k, unit, rest)) return;
    }
    this.keep(form, n);
  }

  keep(form, n) {
    this.table.words[form] = n;
    this.compile();
  }

  learnRound(form, n, k, unit) {
    for (const head of k === 1 ? [...this.forms(1), ''] : this.forms(k)) {
      if (form.startsWith(head) && this.attempt('scales', form.slice(head.length).trim(), unit, form, n)) return true;
    }
    return false;
  }

  learnSum(form, n, k, unit, rest) {
    for (const tail of [...this.forms(rest)].sort((a, b) => b.length - a.length)) {
      if (!form.endsWith(tail)) continue;
      const head = form.slice(0, form.length - tail.length).trim();
      for (const round of this.forms(k * unit)) {
        if (head.startsWith(round) && /^[ ,]/.test(head.slice(round.length)) && this.attempt('joiners', head.slice(round.length).trim(), 0, form, n)) return true;
      }
      for (const small of this.forms(k)) {
        if (head.startsWith(small) && this.attempt('scales', head.slice(small.length).trim(), unit, form, n)) return true;
      }
      if (this.attempt(k === 1 ? 'scales' : 'words', head, k * unit, form, n)) return true;
      if (k === 1 && this.attempt('words', head, k * unit, form, n)) return true;
    }
    return false;
  }
}

/** Table of one language. */
export async function learnTable(code) {
  const forms = await speller(code);
  if (!forms) return undefined;
  const learner = new Learner(code, forms);
  const limit = { eu: 10000, ml: 1001, ha: 10000 }[code] ?? Infinity;
  for (const n of trainingNumbers()) if (n < limit) for (const form of forms(n)) learner.learn(form, n);
  return learner.table;
}

export async function spelledTable(codes) {
  const lines = [];
  for (const code of codes) {
    const table = await learnTable(code);
    if (table) lines.push(`  ${JSON.stringify(code)}: ${JSON.stringify(table)}`);
  }
  return `{\n${lines.join(',\n')}\n}\n`;
}
