import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { type LanguageIdentifier, loadLanguageIdentifier } from '../../src/core/analysis/identify';
import { type Benchmark, type Problem, readBenchmark } from '../../src/core/benchmarks';
import { checkBenchmark, type CheckFinding, type CheckName, formatFindings, summarise, unexplained } from '../../src/core/benchmarks/check';
import { similarPairs } from '../../src/core/benchmarks/check/duplicates';
import { ROOT, sharedData } from '../helpers/paths';


function load(folder: string, pick: (name: string) => boolean = () => true): Benchmark {
  const names = fs.readdirSync(folder).filter((n) => /\.(json|tsv)$/.test(n) && pick(n));
  return readBenchmark(names.map((name) => ({ name, text: fs.readFileSync(path.join(folder, name), 'utf8') })), path.basename(folder));
}

const LIFT48 = load(path.join(ROOT, 'benchmarks', 'lift48'));
const CHOICE = load(path.join(ROOT, 'benchmarks', 'lift48-choice'));

/** A few languages of a benchmark, with one problem of one language changed. */
function seeded(benchmark: Benchmark, codes: readonly string[], change: (language: string, problems: Problem[]) => Problem[]): Benchmark {
  const problems = new Map(codes.map((code) => [code, change(code, [...benchmark.problems.get(code)!])]));
  return { ...benchmark, languages: codes, problems };
}

type Edit = (p: Problem) => Problem;
const question = (edit: (text: string) => string): Edit => (p) => {
  const changed = edit(p.question);
  assert.notEqual(changed, p.question, 'the seeded defect must change the text');
  return { ...p, question: changed };
};

function withDefect(language: string, id: string, edit: Edit, benchmark = LIFT48, codes = ['en', 'ar', 'de', 'fr', 'ru', 'zh']): CheckFinding[] {
  return unexplained(checkBenchmark(seeded(benchmark, codes, (code, list) => (code === language ? list.map((p) => (p.id === id ? edit(p) : p)) : list)), { identifier }));
}

let identifier: LanguageIdentifier;
before(async () => {
  identifier = await loadLanguageIdentifier();
});

describe('the shipped benchmarks', () => {
  for (const benchmark of [LIFT48, CHOICE]) {
    it(`${benchmark.title}: every language listed is there, and no finding is unexplained`, function () {
      this.timeout(120_000);
      assert.deepEqual(benchmark.findings, []);
      const manifest = JSON.parse(fs.readFileSync(path.join(ROOT, 'benchmarks', benchmark.name, 'benchmark.json'), 'utf8')) as { languages: string[] };
      assert.deepEqual([...benchmark.languages].sort(), [...manifest.languages].sort());
      const findings = checkBenchmark(benchmark, { identifier });
      assert.equal(formatFindings(unexplained(findings)), formatFindings([]));
      assert.equal(summarise(findings).note, 0);
    });
  }
});

describe('seeded defects', () => {
  const cases: readonly { name: string; language: string; id: string; edit: Edit; check: CheckName; text?: string; says: RegExp }[] = [
    { name: 'a changed number', language: 'de', id: 'lift48-02', edit: question((t) => t.replace('23', '32')), check: 'numbers', text: '32', says: /32 is not in "en" \(missing here: 23\)/ },
    { name: 'a missing number', language: 'fr', id: 'lift48-33', edit: question((t) => t.replace(/9/g, 'dix')), check: 'numbers', says: /lacks 9/ },
    { name: 'English separators in German', language: 'de', id: 'lift48-05', edit: question((t) => t.replace('1.250', '1,250')), check: 'numbers', text: '1,250', says: /reads 1\.25.*can also mean 1250/ },
    { name: 'a number spelled out', language: 'zh', id: 'lift48-24', edit: question((t) => t.replace('2名', '二名')), check: 'numbers', says: /2 stands in words here/ },
    { name: 'a stored number that is not in the text', language: 'fr', id: 'lift48-01', edit: (p) => ({ ...p, numbers: [7, 6] }), check: 'numbers', text: '[7, 6]', says: /not read in the text: 6; not in the list: 5/ },
    { name: 'native and ASCII digits in one text', language: 'ar', id: 'lift48-08', edit: question((t) => t.replace('14', '١٤')), check: 'digits', says: /mixes native and ASCII digits/ },
    { name: 'a wrong flag for native digits', language: 'ar', id: 'lift48-03', edit: (p) => ({ ...p, nativeDigits: false }), check: 'digits', says: /digits of the text are native/ },
    { name: 'a changed gold answer', language: 'ru', id: 'lift48-04', edit: (p) => ({ ...p, answer: '5' }), check: 'gold', text: '5', says: /answer is 5, in "en" it is 4/ },
    { name: 'a Latin letter in a Cyrillic word', language: 'ru', id: 'lift48-02', edit: question((t) => t.replace('автобус', 'aвтобус')), check: 'script', says: /"a" is U\+0061/ },
    { name: 'an English word in Arabic', language: 'ar', id: 'lift48-01', edit: question((t) => t.replace('السوق', 'market')), check: 'latin', text: 'market', says: /Latin letters in a Arab text/ },
    { name: 'English words in French', language: 'fr', id: 'lift48-01', edit: question((t) => `${t} How many apples does she have now?`), check: 'latin', says: /stand in the English text/ },
    { name: 'one English function word in German', language: 'de', id: 'lift48-07', edit: question((t) => t.replace(/^(\S+) /, '$1 the ')), check: 'latin', text: 'the', says: /English word/ },
    { name: 'an untranslated problem', language: 'de', id: 'lift48-09', edit: (p) => ({ ...p, question: LIFT48.problems.get('en')!.find((e) => e.id === p.id)!.question }), check: 'copy', says: /it is not translated/ },
    { name: 'a problem from another language', language: 'fr', id: 'lift48-12', edit: (p) => ({ ...p, question: LIFT48.problems.get('de')!.find((e) => e.id === p.id)!.question }), check: 'copy', says: /same as in "de"/ },
    { name: 'a problem in a distant language', language: 'fr', id: 'lift48-02', edit: (p) => ({ ...p, question: LIFT48.problems.get('fi')!.find((e) => e.id === p.id)!.question }), check: 'language', says: /for Finnish \(fi\)/ },
    { name: 'a problem that stands twice', language: 'ru', id: 'lift48-02', edit: (p) => ({ ...p, question: LIFT48.problems.get('ru')!.find((e) => e.id === 'lift48-01')!.question }), check: 'duplicate', says: /same as that of lift48-01/ },
    { name: 'a cut text', language: 'zh', id: 'lift48-43', edit: question((t) => t.slice(0, 18)), check: 'length', says: /text is short/ },
    { name: 'a text that stops without a mark', language: 'de', id: 'lift48-40', edit: question((t) => t.slice(0, -1)), check: 'form', says: /without a sentence mark/ },
    { name: 'a damaged character', language: 'fr', id: 'lift48-10', edit: question((t) => t.replace('é', '\ufffd')), check: 'form', text: '\ufffd', says: /U\+FFFD/ },
    { name: 'UTF-8 read as Latin-1', language: 'fr', id: 'lift48-10', edit: question((t) => t.replace('é', 'Ã©')), check: 'form', text: 'Ã©', says: /Latin-1/ },
    { name: 'a text that is not NFC', language: 'fr', id: 'lift48-10', edit: question((t) => t.replace('é', 'e\u0301')), check: 'form', text: 'e\u0301', says: /NFC/ },
    { name: 'a loop', language: 'zh', id: 'lift48-20', edit: question((t) => t + '多少只羊'.repeat(12)), check: 'form', says: /copies of the same words/ },
    { name: 'an invisible character', language: 'ru', id: 'lift48-20', edit: question((t) => t.replace(' ', ' \u200b')), check: 'form', text: '\u200b', says: /Invisible/ },
  ];
  for (const { name, language, id, edit, check, text, says } of cases) {
    it(`finds ${name}`, () => {
      const findings = withDefect(language, id, edit);
      const found = findings.filter((f) => f.check === check && says.test(f.message));
      assert.equal(found.length, 1, formatFindings(findings));
      const [f] = found;
      assert.equal(f!.id, id);
      assert.equal(f!.language, language);
      if (text !== undefined) assert.equal(f!.text, text);
      assert.deepEqual(findings.filter((x) => x.id !== id || x.language !== language), [], 'nothing else may be found');
    });
  }

  it('gives spans that hold the offending text', () => {
    const benchmark = seeded(LIFT48, ['en', 'de', 'ru'], (code, list) =>
      list.map((p) => (code === 'de' && p.id === 'lift48-02' ? question((t) => t.replace('23', '32'))(p) : code === 'ru' && p.id === 'lift48-03' ? question((t) => t.replace(/ /, ' classroom '))(p) : p)));
    const spans = unexplained(checkBenchmark(benchmark, { checks: ['numbers', 'latin'] })).filter((f) => f.span !== undefined);
    assert.deepEqual(spans.map((f) => [f.language, f.check, f.text]), [['de', 'numbers', '32'], ['ru', 'latin', 'classroom']]);
    for (const f of spans) {
      const text = benchmark.problems.get(f.language)!.find((p) => p.id === f.id)!.question;
      assert.equal(text.slice(...f.span!), f.text);
    }
  });

  it('finds missing, unknown, repeated and moved ids', () => {
    const ids = (change: (list: Problem[]) => Problem[]): string[] =>
      checkBenchmark(seeded(LIFT48, ['en', 'de'], (code, list) => (code === 'de' ? change(list) : list)), { checks: ['ids'] }).map((f) => `${f.id}: ${f.message}`);
    assert.deepEqual(ids((l) => l.slice(1)), ['lift48-01: The problem is missing; "en" has it.']);
    assert.deepEqual(ids((l) => [...l, { ...l[0]!, id: 'lift48-99' }]), ['lift48-99: The problem has no counterpart in "en".']);
    assert.deepEqual(ids((l) => [...l, l[0]!]), ['lift48-01: The id stands more than once.']);
    assert.deepEqual(ids((l) => [l[1]!, l[0]!, ...l.slice(2)]), ['lift48-02: The order differs from "en" from this problem on.']);
  });

  it('takes the whole file of another language for what it is', () => {
    const swapped = seeded(LIFT48, ['en', 'nl'], (code, list) => (code === 'nl' ? LIFT48.problems.get('pt')!.map((p) => ({ ...p, language: 'nl' })) : list));
    const whole = checkBenchmark(swapped, { checks: ['language'], identifier }).filter((f) => f.id === undefined);
    assert.deepEqual(whole.map((f) => [f.language, f.severity]), [['nl', 'error']]);
    assert.match(whole[0]!.message, /Portuguese \(pt\)/);
  });

  it('says that the language was not checked when there is no identifier', () => {
    const findings = checkBenchmark(seeded(LIFT48, ['en', 'de'], (_, l) => l), { checks: ['language'] });
    assert.deepEqual(findings.map((f) => [f.language, f.severity]), [['en', 'note'], ['de', 'note']]);
    assert.deepEqual(unexplained(findings), []);
  });

  it('looks into choices, premises and hypotheses', () => {
    const choice = withDefect('ru', 'choice-01', (p) => ({ ...p, choices: p.choices!.map((c) => (c.label === 'C' ? { ...c, text: 'pillow' } : c)) }), CHOICE, ['en', 'ru']);
    assert.deepEqual(choice.map((f) => [f.check, f.id, f.field, f.text]), [['latin', 'choice-01', 'choice C', 'pillow']]);
    const labels = withDefect('ru', 'choice-01', (p) => ({ ...p, choices: p.choices!.slice(1) }), CHOICE, ['en', 'ru']);
    assert.deepEqual(labels.map((f) => [f.check, f.field]), [['gold', 'choices']]);
    const nli = withDefect('zh', 'nli-03', (p) => ({ ...p, hypothesis: `${p.hypothesis} tea` }), CHOICE, ['en', 'zh']);
    assert.deepEqual(nli.map((f) => [f.check, f.id, f.field, f.text]), [['latin', 'nli-03', 'hypothesis', 'tea']]);
  });
});

describe('exceptions', () => {
  const seed = (exceptions: Problem['exceptions']): CheckFinding[] =>
    checkBenchmark(
      seeded(LIFT48, ['en', 'ru'], (code, list) => list.map((p) => (code === 'ru' && p.id === 'lift48-05' ? { ...p, question: `${p.question} Google`, exceptions } : p))),
      { checks: ['latin', 'exception'] },
    );

  it('explain a finding, which stays in the list with its reason', () => {
    const findings = seed([{ check: 'latin', reason: 'A company writes its name so.' }]);
    assert.deepEqual(findings.map((f) => [f.check, f.text, f.excused]), [['latin', 'Google', 'A company writes its name so.']]);
    assert.deepEqual(unexplained(findings), []);
    assert.deepEqual(summarise(findings), { error: 0, warning: 0, note: 0, excused: 1 });
    assert.match(formatFindings(findings), /excepted latin {2}lift48-05 question \[\d+, \d+\) "Google".*excepted: A company writes its name so\./);
  });

  it('need a reason, a known check, and something to explain', () => {
    const messages = (e: Problem['exceptions']): string[] => seed(e).filter((f) => f.check === 'exception').map((f) => f.message);
    assert.match(messages([{ check: 'latin', reason: ' ' }])[0]!, /gives no reason/);
    assert.match(messages([{ check: 'spelling', reason: 'x' }])[0]!, /no check "spelling"/);
    assert.match(messages([{ check: 'latin', reason: 'x' }, { check: 'exception', reason: 'x' }])[0]!, /explains no finding/);
    assert.equal(unexplained(seed([{ check: 'latin', reason: '' }])).length, 2);
  });

  it('do not reach another check of the same problem', () => {
    assert.deepEqual(unexplained(seed([{ check: 'length', reason: 'x' }])).map((f) => [f.check, f.text]), [['latin', 'Google']]);
  });
});

describe('similarPairs', () => {
  const grams = (s: string): Set<string> => new Set(s.length < 5 ? [s] : Array.from({ length: s.length - 4 }, (_, i) => s.slice(i, i + 5)));
  const jaccard = (a: Set<string>, b: Set<string>): number => {
    const shared = [...a].filter((g) => b.has(g)).length;
    return shared / (a.size + b.size - shared);
  };

  it('finds exactly the pairs that a comparison of all pairs finds', () => {
    const text = fc.array(fc.constantFrom('one ', 'two ', 'sheep ', 'apples '), { minLength: 1, maxLength: 6 }).map((words) => words.join(''));
    fc.assert(
      fc.property(fc.array(text, { maxLength: 25 }), fc.constantFrom(0.5, 0.85, 1), (texts, threshold) => {
        const sets = texts.map(grams);
        const wanted = texts.flatMap((_, a) => texts.flatMap((_, b) => (a < b && jaccard(sets[a]!, sets[b]!) >= threshold ? [`${a} ${b}`] : [])));
        assert.deepEqual(similarPairs(texts, threshold).map(({ a, b }) => `${a} ${b}`).sort(), wanted.sort());
      }),
      { numRuns: 200 },
    );
  });
});

describe('published benchmarks', () => {
  it('MSVAMP: finds translations that lost their text, their numbers, or went round in circles', function () {
    const folder = sharedData('msvamp');
    if (!folder) this.skip();
    this.timeout(120_000);
    const benchmark = load(folder, (n) => /English|Bengali|Russian|Thai/.test(n));
    const findings = checkBenchmark(benchmark, { identifier });
    const has = (language: string, check: CheckName, id: string): boolean => findings.some((f) => f.language === language && f.check === check && f.id === id);
    assert.ok(has('bn', 'form', 'msvamp-0365'), 'one word 41 times');
    assert.ok(has('ru', 'length', 'msvamp-0268') && has('ru', 'numbers', 'msvamp-0268'), 'only the last sentence was translated');
    assert.ok(has('th', 'duplicate', 'msvamp-0264'), 'the same short question for two problems');
    assert.ok(!findings.some((f) => f.check === 'ids' || f.check === 'gold'), 'the files are parallel');
    for (const code of ['bn', 'ru', 'th']) {
      const ids = new Set(unexplained(findings).filter((f) => f.language === code).map((f) => f.id));
      assert.ok(ids.size > 0 && ids.size < 200, `${code}: ${ids.size} of 1000 problems`);
    }
  });

  it('MGSM: finds clock times, foreign names and copied typography, and leaves most problems alone', function () {
    const folder = sharedData('mgsm');
    if (!folder) this.skip();
    this.timeout(120_000);
    const benchmark = load(folder, (n) => /_(en|de|th|ru)\.tsv$/.test(n));
    const findings = checkBenchmark(benchmark, { identifier });
    assert.ok(findings.some((f) => f.language === 'th' && f.check === 'latin' && f.id === 'mgsm-041' && f.text === 'iPhone'));
    assert.ok(findings.some((f) => f.language === 'de' && f.check === 'numbers' && f.severity === 'warning' && f.id === 'mgsm-024' && /time of day/.test(f.message)));
    assert.ok(!findings.some((f) => f.check === 'ids' || f.check === 'gold' || f.check === 'copy' || f.check === 'duplicate'));
    for (const code of ['de', 'ru', 'th']) {
      const ids = new Set(unexplained(findings).filter((f) => f.language === code).map((f) => f.id));
      assert.ok(ids.size < 25, `${code}: ${ids.size} of 250 problems`);
    }
  });
});
