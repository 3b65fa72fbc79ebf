/**
 * A small evaluator of CLDR's rule-based number formats for non-negative integers, enough to spell cardinals out.
 *
 * Rules: `base[/radix][>…]: text`, where in the text ←…← is the quotient, →…→ the remainder by the rule's divisor (radix raised to
 * the largest power not above the base), =…= the number itself, `[…]` is left out when the remainder is 0, and
 * `$(cardinal,one{…}other{…})$` chooses by the plural category of the quotient.
 */
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = path.join(path.dirname(fileURLToPath(import.meta.url)), '..', '..');

/** CLDR's rule sets of a language (SpelloutRules), or undefined when it has none. `nb` uses the rules of `no`. */
export function loadRules(code) {
  const file = path.join(ROOT, 'node_modules/cldr-rbnf/rbnf', `${code === 'nb' ? 'no' : code}.json`);
  if (!fs.existsSync(file)) return undefined;
  return JSON.parse(fs.readFileSync(file, 'utf8')).rbnf.rbnf.SpelloutRules;
}

function parseRule([descriptor, body]) {
  const match = /^(\d+)(?:\/(\d+))?(>*)$/.exec(descriptor.replaceAll(',', ''));
  if (!match) return undefined;
  const base = Number(match[1]);
  const radix = Number(match[2] ?? 10);
  let exponent = base >= 1 ? Math.floor(Math.log(base) / Math.log(radix) + 1e-9) : 0;
  exponent -= match[3].length;
  return { base, divisor: radix ** Math.max(0, exponent), text: body.replace(/;$/, '').replace(/^'/, '') };
}

export class Speller {
  constructor(code, rules) {
    this.plural = new Intl.PluralRules(code);
    this.sets = new Map();
    this.minus = new Set();
    this.point = new Set();
    for (const [name, list] of Object.entries(rules)) {
      if (!Array.isArray(list)) continue;
      this.sets.set(name, list.map(parseRule).filter(Boolean).sort((a, b) => a.base - b.base));
      for (const [descriptor, body] of list) {
        const word = /^'?\s*(.*?)\s*→/.exec(body)?.[1];
        if (descriptor === '-x' && word) this.minus.add(word.replaceAll('\u00ad', ''));
        const point = /^←.*←[\s\u00ad]*([^←→=[\]]+?)[\s\u00ad]*→.*→/.exec(body)?.[1];
        if (descriptor === 'x.x' && point) this.point.add(point.replaceAll('\u00ad', '').replaceAll('\u200b', '').trim());
      }
    }
  }

  /** Names of the public rule sets that spell cardinals (no ordinals, no years). */
  cardinalSets() {
    return [...this.sets.keys()].filter((n) => /^%spellout-(cardinal|numbering)/.test(n) && !/year|ordinal/.test(n));
  }

  spell(n, setName) {
    const rules = this.sets.get(setName);
    if (!rules) throw new Error(`no rule set ${setName}`);
    let i = rules.length - 1;
    while (i > 0 && rules[i].base > n) i--;
    let rule = rules[i];
    const both = /→.*→/.test(rule.text) && /←.*←/.test(rule.text);
    if (both && i > 0 && n % rule.divisor === 0 && rule.base % rule.divisor !== 0) rule = rules[--i];
    return this.expand(n, rule, setName, i);
  }

  expand(n, rule, setName, index) {
    const quotient = Math.floor(n / rule.divisor);
    const rest = n % rule.divisor;
    let text = rule.text.replace(/\[([^\]]*)\]/g, (_, inner) => (rest === 0 ? '' : inner));
    text = text.replace(/\$\(cardinal,(.*?)\)\$/g, (_, forms) => {
      const cases = new Map([...forms.matchAll(/(\w+)\{(.*?)\}/g)].map((m) => [m[1], m[2]]));
      return cases.get(this.plural.select(quotient)) ?? cases.get('other') ?? '';
    });
    return text.replace(/→→→|([←→=])(.*?)\1/g, (whole, sign, target) => {
      if (whole === '→→→') return this.expand(rest, this.sets.get(setName)[index - 1], setName, index - 1);
      const value = sign === '←' ? quotient : sign === '→' ? rest : n;
      if (/^[#0]/.test(target)) return String(value);
      return this.spell(value, target === '' ? setName : target);
    });
  }
}
