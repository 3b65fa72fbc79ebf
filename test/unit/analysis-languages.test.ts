import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { fidelityRow, fidelityRows, languageFidelity, ownScriptShare, scriptCounts } from '../../src/core/analysis';
import { type LanguageIdentifier, loadLanguageIdentifier } from '../../src/core/analysis/identify';
import { splitSentences } from '../../src/core/analysis/fidelity';
import { languageCodes } from '../../src/core/languages';

const LIFT48 = path.join(__dirname, '../../benchmarks/lift48');

function questions(language: string): string[] {
  const { problems } = JSON.parse(fs.readFileSync(path.join(LIFT48, `${language}.json`), 'utf8')) as { problems: { question: string }[] };
  return problems.map((p) => p.question);
}

describe('scripts', () => {
  it('counts letters per script; LaTeX, addresses, digits and signs are no letters', () => {
    assert.deepEqual([...scriptCounts('\\frac{1}{2} x देश https://example.org 12 کتاب')], [['Latn', 1], ['Deva', 3], ['Arab', 4]]);
    assert.equal(ownScriptShare(scriptCounts('東京のカレー'), 'ja'), 1);
    assert.equal(ownScriptShare(scriptCounts('東京のカレー'), 'zh'), 2 / 6);
    assert.equal(ownScriptShare(scriptCounts('уксус ab'), 'mk'), 5 / 7);
    assert.ok(Number.isNaN(ownScriptShare(scriptCounts('12 + 3'), 'en')));
  });

  it('every LIFT-48 question is mostly in its own script, units and names of other scripts included', () => {
    for (const language of languageCodes()) {
      for (const question of questions(language)) assert.ok(ownScriptShare(scriptCounts(question), language) > 0.6, `${language}: ${question}`);
    }
  });

  it('splits sentences at the ends of each script and not inside numbers', () => {
    const parts = (text: string): string[] => splitSentences(text).map(([a, b]) => text.slice(a, b).trim());
    assert.deepEqual(parts('It costs 3.50 now. "Why?" he asks.\nBecause'), ['It costs 3.50 now.', '"Why?"', 'he asks.', 'Because']);
    assert.deepEqual(parts('उत्तर ५ है। ठीक है।'), ['उत्तर ५ है।', 'ठीक है।']);
    assert.deepEqual(parts('答案是5。好的。'), ['答案是5。', '好的。']);
    assert.deepEqual(parts('Պատասխանը 5 է։ Այո։'), ['Պատասխանը 5 է։', 'Այո։']);
  });
});

describe('language identification and fidelity', function () {
  this.timeout(60000);
  let identifier: LanguageIdentifier;
  before(async () => {
    identifier = await loadLanguageIdentifier();
  });

  it('names the language of LIFT-48 questions: 97 % over all, and at least 85 % in each of the 48', () => {
    let total = 0;
    for (const language of languageCodes()) {
      const texts = questions(language);
      const right = texts.filter((text) => identifier.identify(text) === language).length / texts.length;
      assert.ok(right >= 0.85, `${language}: ${right}`);
      total += right / 48;
    }
    assert.ok(total >= 0.97, `mean ${total}`);
  });

  it('calls an English answer wrong in every other language, and hardly ever a right one', () => {
    const english = questions('en').slice(0, 12);
    let [called, judged] = [0, 0];
    for (const language of languageCodes()) {
      for (const text of questions(language).slice(0, 12)) {
        judged += 1;
        if (languageFidelity(text, language, identifier).wrongLanguage) called += 1;
      }
      if (language === 'en') continue;
      for (const text of english) assert.ok(languageFidelity(text, language, identifier).wrongLanguage, `${language}: ${text}`);
    }
    assert.ok(called / judged < 0.02, `${called} of ${judged} called wrong`);
  });

  it('finds the switch to another language, by sentence and by script', () => {
    const text = 'Asha hat zwölf Äpfel und verschenkt davon vier Stück. The remaining number of apples is therefore eight. Also bleiben ihr am Ende noch acht Äpfel übrig.';
    const fidelity = languageFidelity(text, 'de', identifier);
    assert.deepEqual(fidelity.sentences.map((s) => s.language), ['de', 'en', 'de']);
    assert.deepEqual([fidelity.switches, fidelity.switchRate, fidelity.dominant, fidelity.wrongLanguage], [2, 1, 'de', false]);
    assert.ok(fidelity.share > 0.6 && fidelity.share < 0.75);
    const thai = languageFidelity('แมวสองตัว the answer is เจ็ด', 'th');
    assert.ok(Math.abs(thai.scriptSwitchRate - 2 / 4) < 1e-12, `${thai.scriptSwitchRate}`);
    assert.equal(thai.dominant, null);
  });

  it('without an identifier the script alone decides, and an empty or short answer is not judged', () => {
    assert.equal(languageFidelity('The remaining number of apples is eight.', 'th').wrongLanguage, true);
    assert.equal(languageFidelity('The remaining number of apples is eight.', 'de').wrongLanguage, false);
    for (const text of ['', '42', 'x = 7', '7 kg']) assert.equal(languageFidelity(text, 'bn', identifier).wrongLanguage, false, text);
  });

  it('sums a run up per language: scripts over all answers, languages and code switches over the sentences', () => {
    const answers = [
      { id: '2', language: 'de', completion: 'Asha hat zwölf Äpfel und verschenkt davon vier Stück. The remaining number of apples is therefore eight. Also bleiben ihr am Ende noch acht Äpfel übrig.' },
      { id: '1', language: 'de', completion: 'Der Preis beträgt am Ende zusammen zwölf Euro.' },
      { id: '3', language: 'de', completion: '12' },
      { id: '1', language: 'th', completion: 'The answer to the question is seven cats.' },
    ];
    const [de, th] = fidelityRows(answers, identifier);
    assert.deepEqual([de!.language, de!.n, de!.identified, de!.sentences, de!.dominant, de!.switchRate], ['de', 2, 2, 4, 'de', 1], 'a number alone is no text; two switches in two steps');
    // Letters by hand: 42 + 42 German, 47 English, and 38 in the second answer.
    const count = (text: string): number => [...text].filter((c) => /\p{L}/u.test(c)).length;
    const [first, second, third] = answers[0]!.completion.split(/(?<=\.) /);
    const german = count(first!) + count(third!) + count(answers[1]!.completion);
    assert.ok(Math.abs(de!.own! - german / (german + count(second!))) < 1e-12);
    assert.ok(Math.abs(de!.english! - count(second!) / (german + count(second!))) < 1e-12);
    assert.deepEqual([de!.ownScript, de!.scripts, de!.scriptSwitchRate], [1, [['Latn', 1]], 0]);
    assert.deepEqual([th!.ownScript, th!.own, th!.english, th!.dominant, th!.switchRate, th!.scripts[0]![0]], [0, 0, 1, 'en', null, 'Latn']);
    assert.deepEqual(fidelityRows([...answers].reverse(), identifier), fidelityRows(answers, identifier));
  });

  it('without an identifier gives scripts only, with hand-counted shares; takes answers spread over the ids when there are many', () => {
    const row = fidelityRow('th', [{ id: '1', completion: 'แมวสองตัว the cat เจ็ด' }, { id: '2', completion: 'abc' }]);
    // 9 and 4 Thai letters and marks, 6 and 3 Latin letters; words: Thai, the, cat, Thai: two changes in three steps.
    assert.deepEqual([row.n, row.letters, row.scripts.map(([s]) => s), row.identified, row.own, row.switchRate], [2, 22, ['Thai', 'Latn'], 0, null, null]);
    assert.ok(Math.abs(row.ownScript! - 13 / 22) < 1e-12 && Math.abs(row.scriptSwitchRate! - 2 / 3) < 1e-12);
    const seen: string[] = [];
    const spy: LanguageIdentifier = { name: 'spy', identify: (text) => (seen.push(text), text.includes('zwei') ? 'en' : 'de') };
    const many = fidelityRow('de', Array.from({ length: 40 }, (_, i) => ({ id: String(i).padStart(2, '0'), completion: `Das ist die Antwort Nummer ${i % 2 === 0 ? 'eins' : 'zwei'} hier` })), spy, 10);
    assert.deepEqual([many.n, many.identified, many.sentences, seen.length], [40, 10, 10, 10]);
    assert.deepEqual([many.own, many.english, many.switchRate], [1, 0, null], 'every fourth answer, and those are all of the first kind');
    const empty = fidelityRow('de', [{ id: '1', completion: '= 7' }], spy);
    assert.deepEqual([empty.n, empty.letters, empty.ownScript, empty.own, empty.scriptSwitchRate], [0, 0, null, null, null]);
  });
});
