import assert from 'node:assert/strict';
import { promptFile } from '../../src/debug/prompt';

const given = (text: string): object => Object.fromEntries(Object.entries(promptFile(text).fields).filter(([, v]) => v !== undefined));
const issues = (text: string): string[] => promptFile(text).issues.map((i) => `${i.line + 1}: ${i.message}`);

describe('prompt files', () => {
  it('hold a header and a question', () => {
    const text = '\uFEFF# a comment\r\nbundle: smol-lift\r\nLanguage: sw\r\nMax tokens: 80\r\n\r\ngold:  7\r\n---\r\n\r\nJuma ana matofaa 12.\r\nNi mangapi?\r\n';
    assert.deepEqual(given(text), { question: 'Juma ana matofaa 12.\nNi mangapi?', language: 'sw', bundle: 'smol-lift', maxNewTokens: 80, gold: '7' });
    assert.deepEqual(issues(text), []);
  });

  it('are a question alone without the line', () => {
    assert.deepEqual(given('bundle: is this a header?'), { question: 'bundle: is this a header?', language: 'en' });
  });

  it('hold the question in several languages', () => {
    assert.deepEqual(given('language: en\n---\nOne?\n=== sw\nMoja?\n===  ar \nواحد؟\n'), { questions: { en: 'One?', sw: 'Moja?', ar: 'واحد؟' } });
  });

  it('say what is wrong, with the line', () => {
    assert.deepEqual(issues('bundel: x\nmax-tokens: many\nno key here\ngold:\nlanguage: en\nlanguage: sw\n---\nq\n=== en\nagain\n=== th\n'), [
      '1: Unknown key "bundel". Known: bundle, language, template, max-tokens, gold, precision, scorer.', '2: "max-tokens" must be a whole number of at least 1, not "many".', '3: Expected a line of the form "key: value".',
      '4: "gold" has no value.', '6: "language" is given twice.', '9: The question in "en" is given twice.', '11: There is no question in "th" below this line.',
    ]);
    assert.deepEqual(issues('language: en\n---\n  \n'), ['2: There is no question. Write it below the line "---".']);
  });
});
