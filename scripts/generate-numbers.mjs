/**
 * Writes the number tables of the 48 languages: src/core/languages/numbers.generated.json (separators, grouping, digits, minus words,
 * month names) and src/core/languages/spelled.generated.json (atoms of spelled-out numbers).
 *
 * Sources: CLDR 48.2 (npm cldr-numbers-full, cldr-rbnf; Unicode licence, see NOTICE), month names from this Node's Intl (which must
 * hold full ICU data), n2words 4.0.0 (MIT) for the five languages that it has and CLDR lacks and for further forms, and this folder's own lists for eu and ml.
 *
 * Run: npx tsx scripts/generate-numbers.mjs [--check]   (--check compares with what is committed and writes nothing)
 */
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadRules, Speller } from './numbers/rbnf.mjs';
import { N2WORDS, spelledTable } from './numbers/spelled.mjs';

const ROOT = path.join(path.dirname(fileURLToPath(import.meta.url)), '..');
export const CODES = (
  'af ar be bg bn ca cs da de en es eu fi fr gu ha hi hr hu hy id is it ja kn ko lb mk ml mr nb ne nl pl pt ro ru sk sl sr sv sw ta te ' +
  'th uk vi zh'
).split(' ');

/** Further languages whose separators are known to the reader (those of X-CSQA, XNLI and large ones); their answers are read without words. */
const FURTHER = 'am as az el et fa fil gl he jv ka kk km ky lo lt lv mn ms my or pa si so sq tr ur uz yo zu'.split(' ');

function numbersOf(code) {
  const file = path.join(ROOT, 'node_modules/cldr-numbers-full/main', code, 'numbers.json');
  return JSON.parse(fs.readFileSync(file, 'utf8')).main[code].numbers;
}

const visible = (s) => s.replace(/[\u061c\u200e\u200f]/g, '');

function separators(code) {
  const numbers = numbersOf(code);
  const latn = numbers['symbols-numberSystem-latn'];
  const pattern = numbers['decimalFormats-numberSystem-latn'].standard;
  return {
    decimal: latn.decimal,
    group: latn.group,
    minus: visible(latn.minusSign),
    lakh: pattern.startsWith('#,##,##0'),
    minGrouping: Number(numbers.minimumGroupingDigits),
    digits: numbers.defaultNumberingSystem,
    native: numbers.otherNumberingSystems.native,
  };
}

/** Month names as a date shows them and as they stand alone, longest first. */
function months(code) {
  if (Intl.DateTimeFormat.supportedLocalesOf([code]).length === 0) throw new Error(`this Node has no ICU data for ${code}`);
  const names = new Set();
  const styles = [{ month: 'long', day: 'numeric' }, { month: 'long' }, ...(code === 'en' ? [{ month: 'short' }] : [])];
  for (const style of styles) {
    const format = new Intl.DateTimeFormat(`${code}-u-ca-gregory-nu-latn`, { ...style, timeZone: 'UTC' });
    for (let m = 0; m < 12; m++) {
      const part = format.formatToParts(Date.UTC(2023, m, 15)).find((p) => p.type === 'month');
      const name = part.value.replace(/\.$/, '').trim();
      if (/^\p{L}[\p{L}\p{M}]+$/u.test(name)) names.add(name);
    }
  }
  return [...names].sort((a, b) => b.length - a.length || (a < b ? -1 : 1));
}

/** Words for the minus sign and the decimal point, from the spell-out rules (from n2words where CLDR has none). */
async function signWords(code) {
  const rules = loadRules(code);
  if (rules) {
    const speller = new Speller(code, rules);
    return { minusWords: [...speller.minus].map((w) => w.replaceAll('\u200b', '')), pointWords: [...speller.point] };
  }
  if (!N2WORDS[code]) return { minusWords: [], pointWords: [] };
  const { toCardinal } = await import(`n2words/${N2WORDS[code]}`);
  const between = (text, before, after) => text.replace(before, '').replace(after, '').trim();
  const five = toCardinal(5);
  return { minusWords: [between(toCardinal(-5), five, '')], pointWords: [between(toCardinal(2.5), toCardinal(2), five)] };
}

async function build() {
  const languages = {};
  for (const code of CODES) languages[code] = { ...separators(code), ...(await signWords(code)), months: months(code) };
  for (const code of FURTHER) languages[code] = { ...separators(code), minusWords: [], pointWords: [], months: [] };
  return {
    'src/core/languages/numbers.generated.json':
      '{\n' + Object.keys(languages).map((c) => `  ${JSON.stringify(c)}: ${JSON.stringify(languages[c])}`).join(',\n') + '\n}\n',
    'src/core/languages/spelled.generated.json': await spelledTable(CODES),
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const check = process.argv.includes('--check');
  let stale = false;
  for (const [name, text] of Object.entries(await build())) {
    const file = path.join(ROOT, name);
    const same = fs.existsSync(file) && fs.readFileSync(file, 'utf8') === text;
    if (!same && check) {
      stale = true;
      console.error(`${name} is not what this script makes. Run: npx tsx scripts/generate-numbers.mjs`);
    } else if (!same) {
      fs.writeFileSync(file, text);
      console.log(`wrote ${name} (${Buffer.byteLength(text)} bytes)`);
    }
  }
  if (stale) process.exitCode = 1;
}
