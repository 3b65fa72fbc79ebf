import assert from 'node:assert/strict';
import { fieldsOf, parsePromptCell, PROMPT_CELL } from '../../src/core/notebook';
import { promptFile } from '../../src/debug/prompt';

const given = (text: string): object => Object.fromEntries(Object.entries(promptFile(text).fields).filter(([, v]) => v !== undefined));
const issues = (text: string): string[] => promptFile(text).issues.map((i) => `${i.line + 1}: ${i.message}`);

describe('prompt files', () => {
  it('hold a header and a question', () => {
    const text = '\uFEFF# a comment\r\nbundle: smol-lift\r\nLanguage: sw\r\nMax tokens: 80\r\n\r\ngold:  7\r\n---\r\n\r\nJuma ana matofaa 12.\r\nNi mangapi?\r\n';
    assert.deepEqual(given(text), { question: 'Juma ana matofaa 12.\nNi mangapi?', language: 'sw', bundle: 'smol-lift', maxNewTokens: 80, gold: '7' });
    assert.deepEqual(issues(text), []);
  });

  it('know every key and every alias that a prompt cell of a notebook knows', () => {
    const header: Record<string, string> = { bundle: 'smol-lift', language: 'sw', template: 'short-cot', 'max-tokens': '80', gold: '7', scorer: 'locale', precision: 'int8' };
    for (const field of fieldsOf(PROMPT_CELL)) {
      for (const key of [field.key, ...field.aliases]) {
        const text = `${key}: ${header[field.key]!}\n---\nq`;
        assert.deepEqual(issues(text), []);
        const { issues: inCell, question, values, ...cell } = parsePromptCell(text);
        assert.deepEqual([inCell.length, question, values.length], [0, 'q', 1]);
        const file: Record<string, unknown> = { ...given(text) };
        for (const name of ['bundle', 'language', 'template', 'maxNewTokens', 'gold', 'precision'] as const) assert.equal(file[name], cell[name], key);
      }
    }
    assert.deepEqual(given('answer: 7\nprompt: short-cot\ntokens: 80\n---\nq'), { question: 'q', language: 'en', template: 'short-cot', maxNewTokens: 80, gold: '7' });
  });

  it('are a question alone without the line', () => {
    assert.deepEqual(given('bundle: is this a header?'), { question: 'bundle: is this a header?', language: 'en' });
  });

  it('hold the question in several languages', () => {
    assert.deepEqual(given('language: en\n---\nOne?\n=== sw\nMoja?\n===  ar \nواحد؟\n'), { questions: { en: 'One?', sw: 'Moja?', ar: 'واحد؟' } });
  });

  it('say what is wrong, with the line', () => {
    assert.deepEqual(issues('bundel: x\nmax-tokens: many\nno key here\ngold:\nlanguage: en\nlanguage: sw\n---\nq\n=== en\nagain\n=== th\n'), [
      '1: Unknown key "bundel". Known here: bundle, language, template, max-tokens, gold, scorer, precision.', '2: "max-tokens" must be a whole number of at least 1, not "many".',
      '3: Expected a line of the form "key: value", or a comment that begins with #.', '4: "gold" has no value. For instance: gold: 18', '6: "language" is already given on line 5.',
      '9: The question in "en" is given twice.', '11: There is no question in "th" below this line.',
    ]);
    assert.deepEqual(issues('language: en\n---\n  \n'), ['2: There is no question. Write it below the line "---".']);
  });
});
