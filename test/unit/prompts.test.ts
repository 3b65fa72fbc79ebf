import assert from 'node:assert/strict';
import fc from 'fast-check';
import { type Problem } from '../../src/core/benchmarks';
import { languageCodes } from '../../src/core/languages';
import { encoderText, PROMPT_TEMPLATES, promptTemplate, questionPrefix, questionText } from '../../src/core/prompts';

const number: Problem = { id: 'n', language: 'sw', kind: 'number', question: 'Asha ana matofaa 7?', answer: '7' };
const choice: Problem = { id: 'c', language: 'sw', kind: 'choice', question: 'Which?', answer: 'A', choices: [{ label: 'A', text: 'one' }, { label: 'B', text: 'two' }] };
const pair: Problem = { id: 'p', language: 'sw', kind: 'nli', question: 'P\nH', premise: 'It rains.', hypothesis: 'It is wet.', answer: 'entailment' };
const PREAMBLE = 'Below is an instruction that describes a task. Write a response that appropriately completes the request';

const render = (name: string, problem: Problem, benchmark = 'mmwp') => promptTemplate(name).render(problem, { benchmark });

describe('prompt templates', () => {
  const names = ['plain', 'short-cot', 'chat', 'lingualift', 'lingualift-harness', 'lingualift-figure', 'mindmerger', 'metamath', 'mammoth', 'mathoctopus', 'mcot'];

  it('are the documented ones; another name is an error that lists them', () => {
    assert.deepEqual([...PROMPT_TEMPLATES.keys()], [...names, 'lingualift-xcsqa', 'lingualift-xnli']);
    assert.throws(() => promptTemplate('alpaca'), (e: Error) => /Unknown prompt template "alpaca"/.test(e.message) && names.every((n) => e.message.includes(n)));
  });

  for (const name of names) {
    it(`${name} puts every kind of problem into the encoder's text, whole`, () => {
      for (const problem of [number, choice, pair]) {
        const { encoder, instruction, text } = render(name, problem);
        const asked = questionText(problem);
        assert.ok(encoder.includes(asked), `${name} ${problem.kind}: ${encoder}`);
        for (const part of [encoder, instruction, text]) assert.ok(!/undefined|\[object/.test(part), part);
        assert.equal(promptTemplate(name).version >= 1 && promptTemplate(name).source.length > 5, true);
      }
    });
  }

  it('lingualift-xcsqa and lingualift-xnli: the forms of method.md 5, whole for the encoder, each for its own kind', () => {
    const asked = render('lingualift-xcsqa', choice);
    assert.equal(asked.encoder, 'Read the following commonsense question carefully, then choose the best answer. Your answer must be one of A, B.\n<Question>: Which?\n<Choices>:\nA. one\nB. two\n<Answer>:');
    assert.deepEqual(asked, { encoder: asked.encoder, instruction: '', text: asked.encoder });
    assert.deepEqual(promptTemplate('lingualift-xcsqa').stop, ['</s>', '\n']);
    const relation = render('lingualift-xnli', pair);
    assert.match(relation.encoder, /^I will give you a premise and a hypothesis\. Choose the most appropriate relationship .*Entailment, Neutral, Contradiction\.\n### Premise:It rains\.\n### Hypothesis:It is wet\.\n### Answer:$/);
    assert.equal(relation.text, relation.encoder);
    for (const name of ['lingualift-xcsqa', 'lingualift-xnli']) assert.deepEqual(render(name, number), render('plain', number));
    assert.deepEqual([render('lingualift-xcsqa', pair), render('lingualift-xnli', choice)], [render('plain', pair), render('plain', choice)]);
  });

  it('only "chat" goes through the chat template', () => assert.deepEqual([...PROMPT_TEMPLATES.values()].filter((t) => t.chat).map((t) => t.name), ['chat']));

  it('questions of the three kinds', () => {
    assert.equal(questionText(number), 'Asha ana matofaa 7?');
    assert.equal(questionText(choice), 'Which?\nA. one\nB. two');
    assert.equal(questionText(pair), 'Premise: It rains.\nHypothesis: It is wet.');
  });

  it('lingualift: the wrapper with the localized prefix, all of it for the encoder', () => {
    const whole = `${PREAMBLE}.\n\n### Instruction:\nSwali: Asha ana matofaa 7?\n\n### Response: Let's think step by step.`;
    assert.deepEqual(render('lingualift', number), { encoder: whole, instruction: '', text: whole });
    assert.deepEqual(promptTemplate('lingualift').stop, ['[END]', '</s>', '<|im_end|>']);
  });

  it('lingualift-harness: the same prompt, stopped at the localized prefix too; the parity switch exchanges Swedish and Swahili on MMWP only', () => {
    const t = promptTemplate('lingualift-harness');
    assert.deepEqual(render('lingualift-harness', number), render('lingualift', number));
    assert.deepEqual(t.itemStop!(number, { benchmark: 'mmwp' }), ['Swali:']);
    assert.deepEqual(t.itemStop!({ ...number, language: 'th' }, { benchmark: 'mgsm' }), ['โจทย์:', '<|end_of_text|>']);
    const swapped = { benchmark: 'mmwp', swapSwedishSwahili: true };
    assert.deepEqual(t.itemStop!(number, swapped), ['Fråga:']);
    assert.ok(t.render(number, swapped).encoder.includes('\nFråga: Asha ana'));
    assert.ok(t.render({ ...number, language: 'sv' }, swapped).encoder.includes('\nSwali: '));
    assert.deepEqual(t.itemStop!(number, { benchmark: 'mgsm', swapSwedishSwahili: true })[0], 'Swali:');
  });

  it('metamath and mammoth: without prefix, with and without "step by step"', () => {
    const base = `${PREAMBLE}.\n\n### Instruction:\nAsha ana matofaa 7?\n\n### Response:`;
    assert.equal(render('metamath', number).text, `${base} Let's think step by step.`);
    assert.equal(render('mammoth', number).text, base);
  });

  it('mathoctopus names the language twice', () => {
    assert.equal(render('mathoctopus', number).text, `${PREAMBLE} in Swahili. Please answer in Swahili.\n\n### Instruction:\nAsha ana matofaa 7?\n\n### Response:`);
  });

  it('mcot, short-cot, plain, mindmerger and the figure', () => {
    assert.equal(render('mcot', number).text, "Question: \nAsha ana matofaa 7? \nAnswer: \nLet's think step by step.\n");
    assert.deepEqual(render('short-cot', number), { encoder: 'Asha ana matofaa 7?', instruction: '', text: 'Question: Asha ana matofaa 7?\nAnswer:' });
    assert.deepEqual(promptTemplate('short-cot').stop, ['\nQuestion:']);
    assert.deepEqual(render('plain', number), { encoder: 'Asha ana matofaa 7?', instruction: '', text: 'Asha ana matofaa 7?' });
    assert.equal(render('mindmerger', number).encoder, 'Asha ana matofaa 7?');
    assert.equal(render('mindmerger', number).text, render('metamath', number).text);
    assert.deepEqual(render('lingualift-figure', number), { encoder: 'Asha ana matofaa 7?', instruction: 'Solve the following math problem:', text: '' });
  });

  it('chat says what to reply for each kind', () => {
    assert.match(render('chat', number).text, /The answer is.*\n\nAsha ana matofaa 7\?$/s);
    assert.match(render('chat', choice).text, /letter.*\n\nWhich\?\nA\. one\nB\. two$/s);
    assert.match(render('chat', pair).text, /entailment, neutral or contradiction.*Hypothesis: It is wet\.$/s);
  });
});

describe('question prefixes', () => {
  // method.md 4.4, written out independently of the source.
  const MMWP = 'en Question:|de Frage:|es Pregunta:|fr Question:|it Domanda:|ja 質問:|nl Vraag:|ru Вопрос:|sv Fråga:|zh 问题:|bg Въпрос:|ca Pregunta:|cs Otázka:|da Spørgsmål:|fi Kysymys:|hr Pitanje:|hu Kérdés:|id Pertanyaan:|ko 질문:|nb Spørsmål:|pl Pytanie:|pt Pergunta:|ro Întrebare:|sl Vprašanje:|sr Питање:|uk Запитання:|vi Câu hỏi:|af Vraag:|ar السؤال:|be Пытанне:|bn প্রশ্ন:|eu Galdera:|gu પ્રશ્ન:|ha Tambaya:|hi प्रश्न:|hy Հարց:|is Spurning:|kn ಪ್ರಶ್ನೆ:|lb Fro:|mk Прашање:|ml പ്രശ്നം:|mr प्रश्न:|ne प्रश्न:|sk Otázka:|sw Swali:|ta கேள்வி:|te ప్రశ్న:|th คำถาม:';

  it('MMWP and LIFT-48 use the words of the harness, one for each of the 48', () => {
    const table = Object.fromEntries(MMWP.split('|').map((s) => [s.slice(0, 2), s.slice(3)]));
    assert.deepEqual(Object.keys(table).sort(), languageCodes().sort());
    for (const code of languageCodes()) {
      assert.equal(questionPrefix('mmwp', code), table[code], code);
      assert.equal(questionPrefix('lift48', code), table[code], code);
    }
  });

  it('MGSM and MSVAMP differ in exactly four languages', () => {
    for (const benchmark of ['mgsm', 'msvamp']) {
      const differing = languageCodes().filter((c) => questionPrefix(benchmark, c) !== questionPrefix('mmwp', c)).map((c) => [c, questionPrefix(benchmark, c)]);
      assert.deepEqual(differing, [['fr', 'Question :'], ['ja', '問題:'], ['ru', 'Задача:'], ['th', 'โจทย์:']]);
    }
  });

  it('the parity switch swaps Swedish and Swahili in MMWP and nothing else', () => {
    for (const code of languageCodes()) {
      const swapped = { sw: 'sv', sv: 'sw' }[code] ?? code;
      assert.equal(questionPrefix('mmwp', code, true), questionPrefix('mmwp', swapped), code);
      for (const benchmark of ['mgsm', 'lift48']) assert.equal(questionPrefix(benchmark, code, true), questionPrefix(benchmark, code), code);
    }
    assert.notEqual(questionPrefix('mmwp', 'sw', true), questionPrefix('mmwp', 'sw'));
  });

  it('a language outside the 48 gets the English word', () => assert.equal(questionPrefix('mmwp', 'xx'), 'Question:'));
});

describe('what the encoder reads', () => {
  const ascii = { digits: 'ascii' } as const;
  const all: string[] = [];
  for (let code = 0; code <= 0x10ffff; code++) {
    if (code >= 0xd800 && code <= 0xdfff) continue;
    const c = String.fromCodePoint(code);
    if (/\p{Nd}/u.test(c)) all.push(c);
  }

  it('every decimal digit of Unicode becomes its ASCII twin', () => {
    assert.ok(all.length >= 650 && all.length % 10 === 0, `${all.length} digits`);
    // Decimal digits are encoded in ascending runs of ten, so the rank among all of them gives the value.
    all.forEach((c, rank) => assert.equal(encoderText(c, '', ascii), String(rank % 10), `U+${c.codePointAt(0)!.toString(16)}`));
  });

  it('agrees with ICU on every numbering system that ICU writes with decimal digits', () => {
    let systems = 0;
    for (const system of Intl.supportedValuesOf('numberingSystem')) {
      const format = new Intl.NumberFormat(`en-u-nu-${system}`, { useGrouping: false });
      const digits = Array.from({ length: 10 }, (_, d) => format.format(d));
      if (format.resolvedOptions().numberingSystem !== system || !digits.every((d) => /^\p{Nd}$/u.test(d))) continue;
      digits.forEach((d, v) => assert.equal(encoderText(d, '', ascii), String(v), `${system} ${v}`));
      systems += 1;
    }
    assert.ok(systems >= 60, `${systems} systems`);
  });

  it('leaves everything else as it is: other numerals, letters, halves of pairs', () => {
    for (const text of ['½ Ⅷ 三百 ① ² x٬y', '\ud835', 'a\udfce', 'emoji 🙂 ok']) assert.equal(encoderText(text, '', ascii), text);
    assert.equal(encoderText('٣ and ۳', '', { digits: 'keep' }), '٣ and ۳');
    assert.equal(encoderText('٣ and ۳', ''), '٣ and ۳');
  });

  it('spaces digits, in every script, without touching what stands between', () => {
    const spaced = { digits: 'ascii', spaceDigits: true } as const;
    assert.equal(encoderText('1,250 and ১২৩৪', 'query: ', spaced), 'query: 1,2 5 0 and 1 2 3 4');
    assert.equal(encoderText('১২', '', { spaceDigits: true }), '১ ২');
    assert.equal(encoderText('𝟙𝟚a3', '', spaced), '1 2a3');
    assert.equal(encoderText('7 8', '12', spaced), '127 8', 'the prefix is not normalised');
  });

  it('mapping keeps the length in characters, and spacing can be undone', () => {
    const text = fc.array(fc.oneof(fc.constantFrom(...all), fc.constantFrom(' ', 'a', 'ж', '水', ',', '.', '🙂')), { maxLength: 30 }).map((c) => c.join(''));
    fc.assert(
      fc.property(text, (t) => {
        assert.equal([...encoderText(t, '', ascii)].length, [...t].length);
        const spaced = encoderText(t, '', { digits: 'ascii', spaceDigits: true });
        assert.ok(!/\p{Nd}{2}/u.test(spaced));
        assert.equal(spaced.replace(/(?<=\d) (?=\d)/g, ''), encoderText(t, '', ascii).replace(/(?<=\d) (?=\d)/g, ''));
      }),
    );
  });
});
