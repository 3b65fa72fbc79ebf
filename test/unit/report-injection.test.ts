import assert from 'node:assert/strict';
import fc from 'fast-check';
import { type Sample } from '../../src/protocol/run';
import { renderReport, type ReferenceTable, type RunSource } from '../../src/runs/report';
import { csvField, csvLine, fileNamePart, html, latexText, markdownBlock, markdownText, shellWord } from '../../src/runs/report/escape';
import { FINISHED, RUN_A } from '../fixtures/report/runs';

/** Text that would do something in one of the notations, had it not been made inert. */
const HOSTILE = [
  '<script>alert(1)</script>', '"><img src=x onerror=alert(1)>', "' onmouseover='alert(1)", '</title></style></svg><iframe srcdoc="x">', '<!-- ', ']]>', '&lt;b&gt;', '`${1}`',
  '=HYPERLINK("http://example.org","x")', '+1+cmd|\' /C calc\'!A0', '-2+3', '@SUM(A1:A9)', '\t=1+1', '\r=1', ' =1+1', '＝1+1', '",=1+1,"', '\'=1',
  '\\input{/etc/passwd}', '\\write18{id}', '}\\end{document}', '$\\sum', '^^5cinput{x}', '% comment', '&&& \\\\', '{[}', '\\catcode`\\%=12', '#1', 'a\n\nb',
  '| a | b |', '```\n# Heading\n```', '[x](javascript:alert(1))', '![x](http://example.org/x.png)', '# Heading', '1. list', '- list', '***bold***', 'http://example.org', 'www.example.org', '@someone', '$x$', '| --- |', '~~~',
  'a\u202Eb', 'nul\u0000bell\u0007esc\u001B[31m', 'lone \uD800', 'sep\u2028next', '../../etc/passwd', 'C:\\windows', '$(id)', '; rm -rf ~', "it's",
];

/** RUN_A with one text in every place that a model, a benchmark, a bundle or a user fills. */
function runWith(text: string): { run: RunSource; reference: ReferenceTable } {
  const e = RUN_A.manifest.environment;
  const change = (s: Sample, i: number): Sample => ({
    ...s,
    id: `${text}${s.id}`,
    question: `${text}?`, prompt: `${text} prompt`, completion: `${text} 5`, gold: i % 12 === 0 ? text : s.gold, reading: text, span: [text.length + 1, text.length + 2],
    ...(i % 12 === 1 && !s.correct ? { value: text } : {}),
    ...(i === 40 && !s.correct ? { stopReason: 'failed' as const, failure: text, error: 'failed' as const } : {}),
  });
  const run: RunSource = {
    ...RUN_A,
    state: { ...FINISHED, name: `n${text}` },
    manifest: {
      ...RUN_A.manifest,
      environment: {
        ...e,
        bundle: { ...e.bundle, name: text, method: text },
        benchmark: { ...e.benchmark, name: text, title: text, version: text },
        prompt: { template: text, version: 1 },
        scorer: { name: text, version: 1 },
        generation: { ...e.generation, stop: [text] },
        backend: { name: text, provider: text, versions: { [text]: text } },
      },
      plan: { ...RUN_A.manifest.plan, ids: RUN_A.manifest.plan.ids.map((id) => text + id) },
      execution: { ...RUN_A.manifest.execution, bundlePath: text, benchmarkPath: `x${text}`, platform: text },
    },
    samples: RUN_A.samples.map(change),
  };
  const reference: ReferenceTable = { format: 'lift-reference/1', systems: [{ system: text, base: text, benchmark: text, languages: { en: 50 }, mean: null, source: text, note: text }] };
  return { run, reference };
}

function render(text: string, format: Parameters<typeof renderReport>[1]): { name: string; text: string }[] {
  const { run, reference } = runWith(text);
  return renderReport([run, { ...run, state: FINISHED }], format, { reference, resamples: 20 });
}

/** Names of elements with the names of their attributes, and those values that do not come from text. */
function skeleton(page: string): string[] {
  return (page.match(/<[^>]*>/g) ?? []).map((tag) => tag.replace(/(aria-label)="[^"]*"/g, '$1'));
}

/** RFC 4180, strictly: quotes only around whole fields. */
function parseCsv(text: string): string[][] {
  const rows: string[][] = [[]];
  const field = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n|$)/gy;
  for (let at = 0; at < text.length; at = field.lastIndex) {
    const m = field.exec(text);
    assert.ok(m, `not CSV at ${at}: ${JSON.stringify(text.slice(at, at + 40))}`);
    rows.at(-1)!.push(m[1] === undefined ? m[2]! : m[1].replace(/""/g, '"'));
    if (m[3] === '\r\n') rows.push([]);
    if (m[3] === '') break;
  }
  return rows.filter((row) => row.length > 0);
}

const isFormula = (cell: string): boolean => /^\s*[=+\-@＝＋－＠]/.test(cell) && !/^-?\d+(?:\.\d+)?(?:e[+-]?\d+)?$/.test(cell);

describe('report: text cannot become markup, formulas or commands', () => {
  it('HTML has the same elements and attributes whatever the texts say', () => {
    const expected = skeleton(render('harmless', 'html')[0]!.text);
    assert.ok(expected.length > 500);
    assert.deepEqual([...new Set(expected.flatMap((tag) => tag.match(/\son\w+=|javascript:|\s(?:src|href|style)=/gi) ?? []))], []);
    for (const text of HOSTILE) assert.deepEqual(skeleton(render(text, 'html')[0]!.text), expected, JSON.stringify(text));
  });

  it('HTML allows nothing to load or run: its policy names only its own style', () => {
    const page = renderReport([RUN_A], 'html')[0]!.text;
    assert.match(page, /Content-Security-Policy" content="default-src &#39;none&#39;; style-src &#39;sha256-[A-Za-z0-9+/]{43}=&#39;; base-uri &#39;none&#39;; form-action &#39;none&#39;"/);
    assert.equal(page.match(/<style>/g)?.length, 1);
  });

  it('HTML holds no control characters and no half of a character', () => {
    const page = render('nul\u0000bell\u0007esc\u001B[31m\uD800', 'html')[0]!.text;
    assert.doesNotMatch(page, /[\u0000-\u0008\u000B-\u001F\u007F-\u009F]/);
    assert.equal(Buffer.from(page).toString(), page);
    assert.match(page, /nul␀bell␇esc␛\[31m\uFFFD/);
  });

  it('CSV has the same shape, gives the texts back, and has no formula', () => {
    for (const text of HOSTILE) {
      const [results, comparisons, samples] = render(text, 'csv').map((f) => parseCsv(f.text));
      for (const rows of [results!, comparisons!, samples!]) {
        assert.ok(rows.length > 10 && rows.every((row) => row.length === rows[0]!.length), JSON.stringify(text));
        assert.deepEqual(rows.flat().filter(isFormula), [], JSON.stringify(text));
      }
      const column = samples![0]!.indexOf('question');
      assert.ok([`${text}?`, `'${text}?`].includes(samples![1]![column]!), JSON.stringify(text));
    }
  });

  it('LaTeX has the same commands, groups and cells, apart from the signs that stand for single characters', () => {
    const signs = /\\text(?:backslash|asciicircum|asciitilde|less|greater|bar|quotedblright|asciigrave)\{\}|\\[{}$&#%_]|\{\[\}|\{\]\}|\{\*\}|\$\\times\$|\$-\$/g;
    const shape = (table: string): string => table.split('\n').map((line) => (line.startsWith('%') ? '%' : line.replace(signs, '').replace(/[^\\{}$&#%_^~\n[\]]/g, ''))).join('\n');
    const expected = shape(render('harmless', 'latex')[0]!.text);
    for (const text of HOSTILE) {
      const table = render(text, 'latex')[0]!.text;
      // Positive and negative differences have the same shape; the intervals' brackets are our own.
      assert.equal(shape(table), expected, JSON.stringify(text));
    }
  });

  it('Markdown has the same lines outside fenced blocks: headings, rows, columns', () => {
    const shape = (text: string): string[] => {
      let fence: string | undefined;
      return text.split('\n').flatMap((line) => {
        if (fence !== undefined) {
          if (line === fence) fence = undefined;
          return [];
        }
        fence = /^(`{3,})(?:text|sh)$/.exec(line)?.[1];
        return fence ? ['fence'] : [line.startsWith('#') ? '#' : line.startsWith('|') ? `${line.replace(/\\\|/g, '').split('|').length} cells` : line === '' ? '' : 'text'];
      });
    };
    const expected = shape(render('harmless', 'markdown')[0]!.text);
    for (const text of HOSTILE) {
      const page = render(text, 'markdown')[0]!.text;
      assert.deepEqual(shape(page), expected, JSON.stringify(text));
    }
  });

  it('JSON formats stay JSON, and file names stay in their folder', () => {
    for (const text of HOSTILE) {
      JSON.parse(render(text, 'json')[0]!.text);
      for (const file of render(text, 'lm-eval')) {
        assert.match(file.name, /^[\w-]+\/(?:results|samples)_[\w-]+\.jsonl?$/, JSON.stringify(text));
        for (const line of file.name.endsWith('.jsonl') ? file.text.trimEnd().split('\n') : [file.text]) JSON.parse(line);
      }
    }
  });
});

describe('report: escapes, for any text', () => {
  const anyText = fc.oneof(fc.string({ unit: 'binary' }), fc.string({ unit: fc.constantFrom(...'<>&"\'`\\{}[]()|*_#=+-@~$%^:\t\n\r ,;12aé١') }), fc.constantFrom(...HOSTILE));
  const decode = (s: string): string => s.replace(/&#(\d+);/g, (_, code: string) => String.fromCharCode(Number(code))).replace(/&lt;/g, '<').replace(/&gt;/g, '>').replace(/&quot;/g, '"').replace(/&amp;/g, '&');
  const clean = (s: string): boolean => !/[\u0000-\u0008\u000B-\u001F\u007F-\u009F\u2028\u2029\uD800-\uDFFF]/.test(s);

  it('html: no mark of the syntax is left, and the text comes back', () => {
    fc.assert(fc.property(anyText, (text) => {
      const out = html`${text}`.text;
      assert.doesNotMatch(out, /[<>"'`]|&(?!(?:amp|lt|gt|quot|#\d+);)/);
      if (clean(text)) assert.equal(decode(out), text);
    }));
    assert.equal(html`<b>${[html`<i>${'<'}</i>`, 1, null, undefined, false]}</b>`.text, '<b><i>&lt;</i>1</b>');
  });

  it('markdown: one line, no live mark', () => {
    fc.assert(fc.property(anyText, (text) => {
      const out = markdownText(text);
      assert.doesNotMatch(out, /\n|[<>|@$]|:\/\//);
      assert.doesNotMatch(out.replace(/\\[\\`*_[\]~]/g, ''), /[\\`*_[\]~]/);
      assert.doesNotMatch(out, /^(?:#{1,6}(?:\s|$)|[-+*](?:\s|$)|\d{1,9}[.)](?:\s|$)|={2,}|-{2,})/);
    }));
  });

  it('markdown blocks: nothing inside closes the fence', () => {
    fc.assert(fc.property(fc.string({ unit: fc.constantFrom('`', '~', '\n', 'a', ' ') }), (text) => {
      const lines = markdownBlock(text).split('\n');
      const fence = /^(`+)text$/.exec(lines[0]!)![1]!;
      assert.equal(lines.at(-1), fence);
      assert.ok(lines.slice(1, -1).every((line) => !line.includes(fence)));
    }));
  });

  it('latex: every special character is part of a sign', () => {
    fc.assert(fc.property(anyText, (text) => {
      const out = latexText(text);
      assert.doesNotMatch(out, /\n/);
      const rest = out.replace(/\\text[a-z]+\{\}|\\[{}$&#%_]|\{[[\]*]\}|\$(?:-|\\times)\$/g, '');
      assert.doesNotMatch(rest, /[\\{}$&#%_^~]/);
    }));
  });

  it('csv: parses back to the text, guarded only where it would be a formula', () => {
    fc.assert(fc.property(anyText, (text) => {
      const [[cell, after]] = parseCsv(csvLine([text, 'end'])) as [[string, string]];
      assert.equal(after, 'end');
      assert.ok(cell === text || cell === `'${text}`);
      assert.ok(!isFormula(cell) || /^-?\d/.test(cell) === false);
      assert.doesNotMatch(cell, /^\s*[=+\-@]/);
    }));
    assert.deepEqual([-0.5, true, null, undefined, NaN, '-0.5'].map(csvField), ['-0.5', 'true', '', '', '', '"\'-0.5"']);
  });

  it('shell words and file names', () => {
    fc.assert(fc.property(anyText, (text) => {
      assert.match(fileNamePart(text), /^[\w-]{1,80}$/);
      const word = shellWord(text);
      if (word !== text) assert.equal(word.slice(1, -1).split(`'\\''`).join("'"), text);
      else assert.match(text, /^[\w@%+=:,./-]+$/);
    }));
  });
});
