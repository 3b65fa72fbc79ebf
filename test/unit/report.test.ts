import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { evaluateCommand } from '../../src/cli/evaluate';
import { UsageError } from '../../src/cli/options';
import { type LanguageIdentifier, loadLanguageIdentifier } from '../../src/core/analysis/identify';
import { reportCommand } from '../../src/cli/report';
import { runsCommand } from '../../src/cli/runs';
import { RunError } from '../../src/runs/errors';
import { readReference, renderReport, REPORT_FORMATS, type ReportFormat, type RunSource, shippedReference, writeReports } from '../../src/runs/report';
import { reproduceCommand } from '../../src/runs/report/format';
import { buildReport } from '../../src/runs/report/model';
import { completionPieces, shownProblems, shownSamples } from '../../src/runs/report/samples';
import { aggregateSamples } from '../../src/runs/summary';
import { FINISHED, IDS, RUN_A, RUN_B, writeRun } from '../fixtures/report/runs';
import { ROOT, temporaryFolder } from '../helpers/paths';
import { sample } from '../helpers/runs';

const FIXTURES = path.join(ROOT, 'test', 'fixtures', 'report');
const REFERENCE = readReference(path.join(FIXTURES, 'reference.json'));

/** Compares with a golden file; UPDATE_GOLDEN=1 rewrites it, a difference leaves the new text in `*.actual`. */
function golden(name: string, text: string): void {
  const file = path.join(FIXTURES, 'golden', name);
  if (process.env.UPDATE_GOLDEN === '1') {
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(file, text);
    return;
  }
  const expected = fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : '';
  if (expected !== text) fs.writeFileSync(`${file}.actual`, text);
  assert.ok(expected === text, `${name} differs from its golden file; see ${name}.actual. UPDATE_GOLDEN=1 rewrites it.`);
}

function captured(write: () => Promise<number>): Promise<{ code: number; out: string }> {
  const original = process.stdout.write.bind(process.stdout);
  let out = '';
  process.stdout.write = ((chunk: string) => ((out += chunk), true)) as typeof process.stdout.write;
  return write().then((code) => ({ code, out })).finally(() => (process.stdout.write = original));
}

describe('report: golden files', () => {
  let identifier: LanguageIdentifier;
  before(async () => {
    identifier = await loadLanguageIdentifier();
  });
  for (const format of REPORT_FORMATS) {
    for (const [name, runs] of [['one', [RUN_A]], ['two', [RUN_A, RUN_B]]] as const) {
      it(`${format}, ${name === 'one' ? 'one run' : 'two runs side by side'}`, () => {
        const files = renderReport(runs, format, { reference: REFERENCE, identifier });
        const kept = format === 'lm-eval' ? files.filter((f) => /results_|_ar\.jsonl$/.test(f.name)) : files;
        for (const file of kept) golden(`${name}/${format === 'lm-eval' ? 'lm-eval/' : ''}${file.name}`, file.text);
        assert.deepEqual(renderReport(runs, format, { reference: REFERENCE, identifier }), files, 'the same runs give the same bytes');
      });
    }
  }

  it('does not depend on the order of the samples', () => {
    const shuffled: RunSource = { ...RUN_A, samples: [...RUN_A.samples].reverse() };
    for (const format of ['html', 'markdown', 'latex', 'lm-eval'] as const) assert.deepEqual(renderReport([shuffled], format), renderReport([RUN_A], format), format);
  });
});

describe('report: what it says', () => {
  it('has the figures of the run summary', () => {
    const { aggregate } = buildReport([RUN_A]).runs[0]!;
    const plain = aggregateSamples(RUN_A.samples);
    assert.deepEqual(aggregate.languages.map((l) => [l.language, l.n, l.correct, l.interval, l.gap]), plain.languages.map((l) => [l.language, l.n, l.correct, l.interval, l.gap]));
    assert.deepEqual([aggregate.overall.mean, aggregate.overall.interval], [plain.overall.mean, plain.overall.interval]);
    assert.deepEqual(aggregate.languages.map((l) => [l.language, l.correct]), [['ar', 4], ['de', 7], ['en', 9], ['hi', 3], ['sw', 1]]);
  });

  it('carries n, intervals and the fingerprint in every format', () => {
    const n = /\b36\b/; // three low-resource languages of twelve problems
    for (const format of REPORT_FORMATS) {
      const text = renderReport([RUN_A], format).map((f) => f.text).join('\n');
      assert.match(text, /a1b2c3d4e5f6/, format);
      assert.match(text, format === 'lm-eval' ? /"effective": 12/ : n, format);
      assert.match(text, /\b13\.8\b|0\.138/, `${format}: lower end of Wilson’s interval of 4 of 12`);
    }
  });

  it('draws floors over the run’s own samples and says where a result is not above', () => {
    const report = buildReport([RUN_A]);
    // "12 and 3": the sum is the gold answer of the first problem only.
    assert.deepEqual(report.runs[0]!.floors.get('ar'), { name: 'a+b', share: 1 / 12 });
    assert.deepEqual(report.notes, ['Not above the best trivial answer (lower end of the interval) in 1 of 5 languages: sw.']);
  });

  it('notes what is missing, damaged, failed, ambiguous, or scored by another scorer', () => {
    const partial: RunSource = {
      ...RUN_A,
      state: { ...FINISHED, status: 'cancelled' },
      samples: [...RUN_A.samples.slice(0, 24), { ...RUN_A.samples[30]!, correct: false, error: 'failed', stopReason: 'failed', failure: 'out of memory', ambiguous: true }],
      damagedLines: [3],
    };
    const notes = buildReport([partial]).notes.join('\n');
    for (const said of [/not complete \(25 of 60 samples, status cancelled\)/, /Line 3 of samples\.jsonl could not be read/, /1 sample failed in the engine and counts/, /1 score rests on a number that can be read in two ways/]) assert.match(notes, said);
    const other: RunSource = { ...RUN_A, manifest: { ...RUN_A.manifest, environment: { ...RUN_A.manifest.environment, scorer: { name: 'harness', version: 1 } } } };
    assert.match(buildReport([RUN_A, other]).notes.join('\n'), /different scorers \(locale\/1, harness\/1\)/);
    assert.deepEqual(buildReport([RUN_A, other, other]).runs.map((r) => r.label), ['demo-lift (int8), locale', 'demo-lift (int8), harness', 'demo-lift (int8), harness #2']);
  });

  it('pairs runs of the same problems, and says which problems keep it from pairing others', () => {
    const paired = buildReport([RUN_A, RUN_B]).comparisons[0]!;
    assert.deepEqual(paired.result?.better, ['ar']);
    const shorter: RunSource = { ...RUN_B, samples: RUN_B.samples.filter((s) => !(s.language === 'sw' && s.id === 'p05')) };
    const refused = buildReport([RUN_A, shorter]);
    assert.equal(refused.comparisons[0]!.result, undefined);
    assert.match(refused.comparisons[0]!.refused!, /sw.*p05/s);
    for (const format of REPORT_FORMATS) assert.ok(renderReport([RUN_A, shorter], format)[0]!.text.length > 0, format);
  });

  it('shows published numbers of the same benchmark, and no empty row', () => {
    const text = renderReport([RUN_A], 'markdown', { reference: REFERENCE })[0]!.text;
    assert.match(text, /\| Invented \(Base-7B\) \| 66\.0 \| 56\.8 \| 57\.6 \(11\) \| an invented paper \|/);
    assert.match(text, /\| Mean only \| – \| – \| 40\.0 \(10\)/);
    assert.doesNotMatch(text, /Empty|Elsewhere|to be filled/);
  });

  it('gives a command that the CLI takes', async () => {
    const [program, command, ...args] = reproduceCommand(RUN_A.manifest).split(' ');
    assert.deepEqual([program, command], ['lingualift', 'evaluate']);
    // Every option is known and well formed: what stops it is that this benchmark is invented.
    await assert.rejects(evaluateCommand(args), /There is no benchmark "data\/mgsm"/);
  });

  it('says that a run had the calculator: in its settings, its command and its name beside others', () => {
    const { environment } = RUN_A.manifest;
    const calculated: RunSource = { ...RUN_A, state: undefined, manifest: { ...RUN_A.manifest, environment: { ...environment, calculator: true } } };
    assert.match(renderReport([calculated], 'markdown')[0]!.text, /with calculator/);
    assert.doesNotMatch(renderReport([RUN_A], 'markdown')[0]!.text, /calculator/);
    assert.match(reproduceCommand(calculated.manifest), / --calculator /);
    const labels = buildReport([{ ...RUN_A, state: undefined }, calculated]).runs.map((run) => run.label);
    assert.deepEqual(labels, [`${environment.bundle.name} (int8)`, `${environment.bundle.name} (int8, calculator)`]);
  });

  it('says in which language and script the answers are, in every format of text and table, and in runs show', async () => {
    // Hindi questions answered once in Hindi, once half in English; the twelve others in English.
    const hindi = 'उसके पास अब कुल मिलाकर पंद्रह संतरे हैं।';
    const english = 'She has fifteen oranges in the basket now.';
    const completions = [hindi, `${hindi} ${english}`, ...Array.from({ length: 10 }, () => english)];
    const answered: RunSource = { ...RUN_A, samples: RUN_A.samples.filter((s) => s.language === 'hi').map((s, i) => ({ ...s, completion: completions[i]!, span: null })), manifest: { ...RUN_A.manifest, plan: { ...RUN_A.manifest.plan, languages: ['hi'] } } };
    const letters = (text: string): number => [...text].filter((c) => /[\p{L}\p{M}]/u.test(c)).length;
    const [own, other] = [2 * letters(hindi), 11 * letters(english)];
    const share = own / (own + other);
    const identifier = await loadLanguageIdentifier();
    const [row] = buildReport([answered], { identifier }).runs[0]!.fidelity;
    assert.ok(Math.abs(row!.own! - share) < 1e-12 && Math.abs(row!.ownScript! - share) < 1e-12 && Math.abs(row!.english! - (1 - share)) < 1e-12);
    assert.deepEqual([row!.n, row!.identified, row!.sentences, row!.dominant, row!.switchRate], [12, 12, 13, 'en', 1], 'one pair of neighbouring sentences, and it switches');
    const percent = (x: number): string => (100 * x).toFixed(1);
    assert.match(renderReport([answered], 'markdown', { identifier })[0]!.text, new RegExp(`\\| Hindi \\(hi\\) \\| 12 \\| ${percent(share)} \\| Latn ${percent(1 - share)}, Deva ${percent(share)} \\| ${percent(share)} \\| ${percent(1 - share)} \\| en \\| 100\\.0 \\|`));
    assert.match(renderReport([answered], 'html', { identifier })[0]!.text, new RegExp(`<h2>Language of the answers</h2>[^]*<td class="n">${percent(share)}</td>[^]*<td class="n">en</td>`));
    const json = JSON.parse(renderReport([answered], 'json', { identifier })[0]!.text) as { runs: { fidelity: { own: number; sentences: number }[] }[] };
    assert.ok(Math.abs(json.runs[0]!.fidelity[0]!.own - share) < 1e-6);
    const [head, first] = renderReport([answered], 'csv', { identifier })[0]!.text.split('\r\n').map((l) => l.split(','));
    assert.deepEqual([first![head!.indexOf('own_language')], first![head!.indexOf('code_switch_rate')], first![head!.indexOf('answers_identified')]].map(Number), [Number(share.toPrecision(6)), 1, 12]);
    const folder = writeRun(path.join(temporaryFolder('fidelity'), 'run'), answered);
    const shown = await captured(() => runsCommand(['show', folder]));
    assert.match(shown.out, new RegExp(`^hi +Hindi +12 +${percent(share)} .* en +100\\.0 `, 'm'));
    const told = JSON.parse((await captured(() => runsCommand(['show', folder, '--json', '--scripts-only']))).out) as { fidelity: { language: string; own: number | null; ownScript: number }[] };
    assert.deepEqual([told.fidelity[0]!.language, told.fidelity[0]!.own], ['hi', null]);
    assert.equal(buildReport([{ ...answered, samples: answered.samples.map((s) => ({ ...s, candidates: [] })) }]).runs[0]!.fidelity.length, 0, 'log-likelihoods are no answers in words');
  });

  it('stands a run without samples', () => {
    const empty: RunSource = { ...RUN_A, samples: [], state: undefined };
    for (const format of REPORT_FORMATS) assert.ok(renderReport([empty], format)[0]!.text.length > 0, format);
    assert.match(renderReport([empty], 'markdown')[0]!.text, /not complete \(0 of 60 samples/);
  });
});

describe('report: samples shown', () => {
  const wrong = (id: string, error: 'sign' | 'empty' | 'wrong-number') => sample(id, 'en', { correct: false, error });

  it('takes wrong ones of several error types first, then right ones, in the order of the plan', () => {
    const samples = [sample('p1'), wrong('p5', 'sign'), wrong('p2', 'wrong-number'), wrong('p3', 'wrong-number'), wrong('p4', 'wrong-number'), sample('p0')];
    const ids = ['p0', 'p1', 'p2', 'p3', 'p4', 'p5'];
    assert.deepEqual(shownSamples(samples, ids, 3, 1).map((s) => s.id), ['p2', 'p5', 'p3', 'p0']);
    assert.deepEqual(shownSamples(samples, ids, 0, 0), []);
  });

  it('of several runs takes the problems on which they disagree first', () => {
    const a = [sample('p1'), wrong('p2', 'sign'), sample('p3'), wrong('p4', 'sign')];
    const b = [sample('p1'), wrong('p2', 'sign'), wrong('p3', 'sign')];
    assert.deepEqual(shownProblems([a, b], ['p1', 'p2', 'p3', 'p4'], 3).map((p) => p.id), ['p3', 'p2', 'p4']);
  });

  it('keeps the read span of a long completion and cuts no character', () => {
    const text = '😀'.repeat(400) + 'READ' + '𝟘'.repeat(1000);
    const pieces = completionPieces(text, [800, 804]);
    assert.deepEqual(pieces.filter((p) => p.kind === 'read'), [{ kind: 'read', text: 'READ' }]);
    assert.ok(pieces.some((p) => p.kind === 'left-out'));
    const length = pieces.reduce((sum, p) => sum + (p.kind === 'left-out' ? p.characters : p.text.length), 0);
    assert.equal(length, text.length);
    for (const p of pieces) if (p.kind !== 'left-out') assert.doesNotMatch(p.text, /^[\uDC00-\uDFFF]|[\uD800-\uDBFF]$/);
    assert.deepEqual(completionPieces('short 5', [6, 7]), [{ kind: 'text', text: 'short ' }, { kind: 'read', text: '5' }]);
    assert.deepEqual(completionPieces('short', [3, 99]), [{ kind: 'text', text: 'short' }], 'a span outside the text is not drawn');
  });
});

describe('report: files and command line', () => {
  it('writes report.html and report.md into the run folder', () => {
    const folder = writeRun(path.join(temporaryFolder('report'), 'run'), RUN_A);
    assert.equal(writeReports(folder), path.join(folder, 'report.html'));
    assert.deepEqual(fs.readdirSync(folder).sort(), ['manifest.json', 'report.html', 'report.md', 'samples.jsonl', 'state.json']);
    const html = fs.readFileSync(path.join(folder, 'report.html'), 'utf8');
    assert.match(html, /lang="ar">لدى أمينة/);
    writeReports(folder);
    assert.equal(fs.readFileSync(path.join(folder, 'report.html'), 'utf8'), html);
  });

  it('prints to standard output, and writes a file or all files of a format to --out', async () => {
    const root = temporaryFolder('report');
    const runs = [writeRun(path.join(root, 'a'), RUN_A), writeRun(path.join(root, 'b'), RUN_B)];
    const printed = await captured(() => reportCommand([...runs, '--format', 'csv']));
    assert.equal(printed.code, 0);
    assert.equal(printed.out, renderReport([RUN_A, RUN_B], 'csv', { identifier: await loadLanguageIdentifier() })[0]!.text);
    const scripts = await captured(() => reportCommand([...runs, '--format', 'csv', '--scripts-only']));
    assert.equal(scripts.out, renderReport([RUN_A, RUN_B], 'csv')[0]!.text);
    assert.equal(await reportCommand([...runs, '--format', 'csv', '--out', path.join(root, 'csv')]), 0);
    assert.deepEqual(fs.readdirSync(path.join(root, 'csv')).sort(), ['comparisons.csv', 'results.csv', 'samples.csv']);
    assert.equal(await reportCommand([runs[0]!, '--format', 'latex', '--out', path.join(root, 'tables', 'a.tex')]), 0);
    assert.equal(fs.readFileSync(path.join(root, 'tables', 'a.tex'), 'utf8'), renderReport([RUN_A], 'latex')[0]!.text);
    assert.equal(await reportCommand([...runs, '--format', 'lm-eval', '--out', path.join(root, 'lm')]), 0);
    assert.deepEqual(fs.readdirSync(path.join(root, 'lm')).sort(), ['demo-base-int8', 'demo-lift-int8']);
    assert.equal(fs.readdirSync(path.join(root, 'lm', 'demo-lift-int8')).filter((f) => f.startsWith('samples_mgsm_')).length, 5);
  });

  it('refuses what it does not know, in words', async () => {
    const folder = temporaryFolder('report');
    await assert.rejects(reportCommand([]), (e: Error) => e instanceof UsageError && /Name one or more run folders/.test(e.message));
    await assert.rejects(reportCommand([folder, '--format', 'pdf']), (e: Error) => e instanceof UsageError && /html, markdown, latex, csv, json, lm-eval/.test(e.message));
    await assert.rejects(reportCommand([folder]), (e: Error) => e instanceof RunError && /is not a run/.test(e.message));
    await assert.rejects(reportCommand([folder, '--wrong', '-1']), (e: Error) => e instanceof UsageError);
  });
});

describe('report: reference tables', () => {
  const read = (value: unknown): unknown => {
    const file = path.join(temporaryFolder('reference'), 'table.json');
    fs.writeFileSync(file, typeof value === 'string' ? value : JSON.stringify(value));
    return readReference(file);
  };
  const row = { system: 'S', benchmark: 'mgsm', languages: {}, mean: null, source: 'x' };

  it('says which field of which entry is wrong', () => {
    const table = (...systems: unknown[]) => ({ format: 'lift-reference/1', systems });
    assert.throws(() => read('{'), /is not JSON/);
    assert.throws(() => read({ systems: [] }), /format: must be "lift-reference\/1"/);
    assert.throws(() => read({ format: 'lift-reference/1' }), /systems: must be a list/);
    assert.throws(() => read(table(row, { ...row, source: 1 })), /systems\[1\]\.source: must be a text/);
    assert.throws(() => read(table({ ...row, languages: { en: 660 } })), /systems\[0\]\.languages\.en: must be a percentage/);
    assert.throws(() => read(table({ ...row, mean: 50 })), /systems\[0\]\.mean: must be null or/);
    assert.throws(() => readReference(path.join(FIXTURES, 'absent.json')), (e: Error) => e instanceof RunError && e.exit === 3);
  });

  it('the shipped one is sound: sources everywhere, means as far from their rows as rounding allows, LinguaLIFT left empty', () => {
    const systems = shippedReference()!.systems;
    assert.ok(systems.length > 20);
    for (const s of systems) {
      const values = Object.values(s.languages);
      assert.match(s.source, /arXiv/, s.system);
      // Printed means are rounded or cut to one decimal.
      if (s.mean && values.length > 0) {
        assert.equal(values.length, s.mean.languages, `${s.system} on ${s.benchmark}`);
        assert.ok(Math.abs(values.reduce((a, b) => a + b, 0) / values.length - s.mean.value) < 0.1, `${s.system} on ${s.benchmark}`);
      }
    }
    const own = systems.filter((s) => s.system === 'LinguaLIFT');
    assert.deepEqual(own.map((s) => s.benchmark), ['mmwp', 'mgsm', 'msvamp', 'x-csqa', 'xnli']);
    assert.ok(own.every((s) => s.mean === null && Object.keys(s.languages).length === 0));
  });
});

describe('report: the layout of lm-evaluation-harness', () => {
  it('has one line per sample with the fields its viewers read, and results that agree with them', () => {
    const files = renderReport([RUN_A], 'lm-eval' satisfies ReportFormat);
    const results = JSON.parse(files.find((f) => f.name.startsWith('results_'))!.text) as { results: Record<string, Record<string, unknown>>; 'n-samples': Record<string, { effective: number }>; group_subtasks: Record<string, string[]> };
    assert.deepEqual(results.group_subtasks.mgsm_low, ['mgsm_ar', 'mgsm_hi', 'mgsm_sw']);
    for (const language of RUN_A.manifest.plan.languages) {
      const lines = files.find((f) => f.name === `samples_mgsm_${language}.jsonl`)!.text.trimEnd().split('\n').map((line) => JSON.parse(line) as Record<string, unknown>);
      assert.deepEqual(lines.map((l) => l.doc_id), IDS.map((_, i) => i));
      for (const key of ['doc', 'target', 'arguments', 'resps', 'filtered_resps', 'filter', 'doc_hash', 'prompt_hash', 'target_hash', 'exact_match']) assert.ok(lines.every((l) => key in l), key);
      const right = lines.reduce((sum, l) => sum + (l.exact_match as number), 0);
      assert.ok(Math.abs((results.results[`mgsm_${language}`]!['exact_match,locale'] as number) - right / 12) < 1e-6);
      assert.equal(results['n-samples'][`mgsm_${language}`]!.effective, lines.length);
    }
  });
});
