import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { languageFidelity, ownScriptShare, scriptCounts } from '../../src/core/analysis';
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
});
