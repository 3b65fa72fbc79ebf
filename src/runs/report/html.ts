import { createHash } from 'node:crypto';
import { signedPoints, type FloorShare, type LanguageRow } from '../../core/analysis';
import { languageOf } from '../../core/languages';
import { type Interval } from '../../core/statistics';
import { type Sample } from '../../protocol/run';
import { html, Html, type HtmlValue } from './escape';
import { CLASS_TITLE, languageTitle, methodInWords, percent, percentInterval, planInWords, reproduceCommand, settings } from './format';
import { REPORT_STYLE } from './html-style';
import { title } from './markdown';
import { type Report, type ReportComparison, type ReportOptions, type ReportRun } from './model';
import { completionPieces, shownProblems, shownSamples, verdict } from './samples';
import { balancedCell, COMPARISON_HEAD, conditionalCell, hasBalance, comparisonCells, ERROR_WORDS, errorLines, FIDELITY_HEAD, fidelityCells, fidelityNote, floorCell, gapCell, groupLines, languageResults, publishedLanguages, publishedName, resultCell } from './tables';

/** Runs are told apart by colour and by order; more runs than colours begin again. */
const COLOURS = 6;

/**
 * The report as one HTML file that needs nothing else: no script, no image, no font, no address. Its content security policy
 * forbids all of them; the one style sheet is allowed by its hash.
 */
export function htmlReport(report: Report, options: ReportOptions = {}): string {
  const style = new Html(REPORT_STYLE);
  const hash = createHash('sha256').update(REPORT_STYLE).digest('base64');
  const csp = `default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'`;
  const { runs } = report;
  const page = html`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${csp}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title(report)}</title>
<style>${style}</style>
</head>
<body>
<h1>${title(report)}</h1>
${runs.map((run, i) => html`<p class="lead">${runs.length > 1 && keyMark(i)}${runs.length > 1 && `${run.label}: `}${planInWords(run)}, scorer ${run.scorer}, fingerprint <code>${run.manifest.fingerprint.slice(0, 12)}</code></p>
`)}${report.notes.length > 0 && html`<ul class="notes">${report.notes.map((note) => html`<li>${note}</li>`)}</ul>`}
<main>
${section('Result', groupTable(report))}
${report.comparisons.map((c) => section(`${c.b.label} against ${c.a.label}`, comparison(report, c)))}
${section('Languages', languageTable(report))}
${report.published.length > 0 && section('Published numbers', publishedTable(report))}
${errorSection(report)}
${fidelitySection(report, options)}
${sampleSection(report, options)}
${section('Settings', settingsTable(runs))}
${section('How to reproduce', runs.map((run) => html`${runs.length > 1 && html`<h3>${run.label}</h3>`}<pre>${reproduceCommand(run.manifest)}</pre>`))}
${runs[0] && section('Method', html`<p>${methodInWords(runs[0])}</p>`)}
</main>
</body>
</html>
`;
  return page.text.replace(/\n{2,}/g, '\n');
}

const section = (heading: string, body: HtmlValue): Html => html`<section>
<h2>${heading}</h2>
${body}
</section>`;

const keyMark = (i: number): Html => html`<span class="key"><svg viewBox="0 0 12 12" aria-hidden="true"><circle cx="6" cy="6" r="4.5" class="pt c${i % COLOURS}"/></svg></span>`;

/** A table: the first column heads its row, the others are numbers unless named in `text`. */
function table(head: readonly HtmlValue[], body: HtmlValue, text: ReadonlySet<number> = new Set()): Html {
  return html`<div class="scroll"><table>
<thead><tr>${head.map((h, i) => (i === 0 || text.has(i) ? html`<th scope="col">${h}</th>` : html`<th scope="col" class="n">${h}</th>`))}</tr></thead>
<tbody>
${body}</tbody>
</table></div>`;
}

const row = (head: HtmlValue, cells: readonly HtmlValue[], kind = ''): Html =>
  html`<tr${kind !== '' && new Html(` class="${kind}"`)}><th scope="row">${head}</th>${cells.map((c) => (c instanceof Html && c.text.startsWith('<td') ? c : html`<td class="n">${c}</td>`))}</tr>
`;

const classRow = (heading: string, columns: number): Html => html`<tr class="class"><th colspan="${columns}" scope="rowgroup">${heading}</th></tr>
`;

interface Bar {
  readonly value: number;
  readonly interval: Interval;
  readonly floor?: number;
}

/** Points with their intervals on an axis from 0 to 100 %, one line per run; a dashed stroke marks the floor, ticks at the lower edge published numbers. */
function bars(all: readonly (Bar | undefined)[], label: string, published: readonly number[] = []): Html {
  const [width, step] = [220, 14];
  const height = Math.max(1, all.length) * step + 2;
  const x = (share: number): string => (5 + share * (width - 10)).toFixed(1);
  const lines = all.map((bar, i) => {
    if (!bar || !Number.isFinite(bar.value)) return undefined;
    const y = i * step + step / 2 + 1;
    return html`${bar.floor !== undefined && html`<line class="floor" x1="${x(bar.floor)}" x2="${x(bar.floor)}" y1="${y - 6}" y2="${y + 6}"/>`}<line class="iv c${i % COLOURS}" x1="${x(bar.interval[0])}" x2="${x(bar.interval[1])}" y1="${y}" y2="${y}"/><circle class="pt c${i % COLOURS}" cx="${x(bar.value)}" cy="${y}" r="3.5"/>`;
  });
  const ticks = [0, 0.5, 1].map((t) => html`<line class="axis" x1="${x(t)}" x2="${x(t)}" y1="0" y2="${height}"/>`);
  const marks = published.map((percentage) => html`<path class="pub" d="M${x(percentage / 100)} ${height - 5}v5"/>`);
  return html`<td><svg class="bar${all.length > 1 ? ' tall' : ''}" viewBox="0 0 ${width} ${height}" role="img" aria-label="${label}">${ticks}${lines}${marks}</svg></td>`;
}

const barOf = (r: LanguageRow | undefined): Bar | undefined => r && { value: r.accuracy, interval: r.interval, floor: r.floor?.share };

function barLabel(report: Report, name: string, all: readonly (Bar | undefined)[]): string {
  const each = all.flatMap((bar, i) => (bar ? [`${report.runs.length > 1 ? `${report.runs[i]!.label} ` : ''}${percent(bar.value)} % (${percentInterval(bar.interval)})`] : []));
  return `${name}: ${each.join('; ')}`;
}

function groupTable(report: Report): Html {
  const several = report.runs.length > 1;
  const balance = hasBalance(report);
  const head = several
    ? ['Group', 'languages', ...report.runs.map((r, i) => html`${keyMark(i)}${r.label}, %`), '0 to 100 %']
    : ['Group', 'languages', 'n', 'accuracy, %', '95 % interval', '0 to 100 %', ...(balance ? ['balanced, %'] : []), 'gap to English, points', 'floor, %'];
  const lines = groupLines(report);
  const body = lines.map((line, at) => {
    const found = line.results.map((r): Bar | undefined => r && { value: r.mean, interval: r.interval, floor: r.floor });
    const drawn = bars(found, barLabel(report, line.title, found));
    const r = line.results[0];
    const cells = several ? [line.languages, ...line.results.map(resultCell), drawn] : [line.languages, r?.n, percent(r?.mean), percentInterval(r?.interval), drawn, ...(balance ? [balancedCell(r)] : []), gapCell(r?.gap), floorOf(r?.floor, r?.aboveFloor)];
    return row(line.title, cells, at === lines.length - 1 && lines.length > 1 ? 'sum' : '');
  });
  return html`${table(head, body, new Set([several ? report.runs.length + 2 : 5]))}
<p class="dim">Point and line: mean and interval. Dashed: the floor, what the best trivial answer scores on the same samples.</p>`;
}

const floorOf = (share: number | undefined, above: boolean | undefined): HtmlValue => (share === undefined ? '–' : above === false ? html`${percent(share)} <span class="down">not above</span>` : percent(share));

const languageFloor = (floor: FloorShare | undefined, above: boolean | undefined): HtmlValue => (floor && above === false ? html`${floorCell(floor)} <span class="down">not above</span>` : floorCell(floor));

const languageHead = (code: string): Html => {
  const native = languageOf(code)?.nativeName;
  return html`${languageTitle(code)} <span class="code">${code}${native !== undefined && native !== languageTitle(code) && html` <bdi lang="${code}">${native}</bdi>`}</span>`;
};

function languageTable(report: Report): Html {
  const several = report.runs.length > 1;
  const balance = hasBalance(report);
  const head = several
    ? ['Language', ...report.runs.flatMap((r, i) => ['n', html`${keyMark(i)}${r.label}, %`]), '0 to 100 %']
    : ['Language', 'correct', 'accuracy, %', '95 % interval', '0 to 100 %', ...(balance ? ['balanced, %'] : []), 'gap to English, points', 'also right, %', 'floor, %', 'tokens', 'unread', 'failed'];
  const body = report.classes.map((cls) => [
    classRow(`${CLASS_TITLE[cls.key]} (${cls.languages.length})`, head.length),
    cls.languages.map((code) => {
      const results = languageResults(report, code);
      const all = results.map(barOf);
      const drawn = bars(all, barLabel(report, languageTitle(code), all), report.published.flatMap((s) => s.languages[code] ?? []));
      if (several) return row(languageHead(code), [...results.flatMap((r) => [r?.n ?? '–', resultCell(r)]), drawn]);
      const r = results[0]!;
      return row(languageHead(code), [
        `${r.correct}/${r.n}`, percent(r.accuracy), percentInterval(r.interval), drawn, ...(balance ? [balancedCell(r)] : []), gapCell(r.gap), conditionalCell(r.conditional),
        languageFloor(r.floor, r.aboveFloor), r.tokensPerQuestion?.toFixed(0) ?? '–', r.unread, r.failed,
      ]);
    }),
  ]);
  return html`${table(head, body, new Set([several ? 1 + 2 * report.runs.length : 4]))}
${publishedLanguages(report).length > 0 && html`<p class="dim">Ticks at the lower edge: published numbers of other systems, in the table below.</p>
`}${!several && report.runs[0]?.aggregate.reference !== undefined && html`<p class="dim">Also right: of the problems answered right in English, the share answered right in the language.</p>`}`;
}

function comparison(report: Report, c: ReportComparison): Html {
  if (!c.result) return html`<p>${c.refused}</p>`;
  const { result } = c;
  const q = result.quadrants;
  const body = report.classes.flatMap((cls) =>
    cls.languages.map((code) => {
      const found = result.languages.find((l) => l.language === code);
      const cells = comparisonCells(result, code);
      if (!found || !cells) return undefined;
      const tone = !found.significant ? 'faint' : found.difference > 0 ? 'up' : 'down';
      return row(languageHead(code), cells.map((cell, i) => (i === 3 ? html`<span class="${tone}">${cell}</span>` : cell)));
    }),
  );
  const groups = [...result.groups.filter((g) => g.by === 'class').map((g) => ({ ...g, name: CLASS_TITLE[g.key as keyof typeof CLASS_TITLE] })), { ...result.overall, name: 'All languages' }];
  return html`<p>${result.sentence}</p>
<p class="dim">A: ${c.a.label}. B: ${c.b.label}. Of ${result.n} pairs: ${q.both} right in both, ${q.onlyA} only in A, ${q.onlyB} only in B, ${q.neither} in neither.</p>
${table(['Group', 'n', 'B − A', '95 % interval'], groups.map((g) => row(g.name, [g.n, signedPoints(g.difference), `${signedPoints(g.interval[0])} to ${signedPoints(g.interval[1])}`])))}
${table(COMPARISON_HEAD, body)}
<p class="dim">McNemar’s test on the discordant pairs. * significant at 0.05 after Holm over ${result.languages.length} languages. Detectable: smallest true difference, in points, that this many pairs with this discordance show with 80 % power.</p>`;
}

function publishedTable(report: Report): Html {
  const codes = publishedLanguages(report);
  const own = report.runs.map((run) => {
    const found = codes.map((code) => run.aggregate.languages.find((l) => l.language === code));
    return row(run.label, [...found.map((r) => percent(r?.accuracy)), `${percent(run.aggregate.overall.mean)} (${run.aggregate.languages.length})`, html`<td>this report, scorer ${run.scorer}</td>`], 'sum');
  });
  const theirs = report.published.map((s) =>
    row(publishedName(s), [...codes.map((code) => s.languages[code]?.toFixed(1) ?? '–'), s.mean ? `${s.mean.value.toFixed(1)} (${s.mean.languages})` : '–', html`<td>${s.source}${s.note !== undefined && `. ${s.note}`}</td>`]),
  );
  return html`${table(['System, accuracy in %', ...codes, 'mean (languages)', 'source'], [...own, ...theirs], new Set([codes.length + 2]))}
<p class="dim">Published with other scorers, prompts and library versions: for orientation, not for a comparison.</p>`;
}

function errorSection(report: Report): HtmlValue {
  const found = report.runs.map((run) => ({ run, lines: errorLines(run, report.classes) })).filter(({ lines }) => lines.length > 0);
  if (found.length === 0) return undefined;
  const head = ['Error', 'samples', '% of wrong', ...report.classes.map((c) => CLASS_TITLE[c.key])];
  return section('Wrong answers', found.map(({ run, lines }) => html`${report.runs.length > 1 && html`<h3>${run.label}</h3>`}
${table(head, lines.map((l) => row(html`${l.error} <span class="code">${ERROR_WORDS[l.error]}</span>`, [l.total, percent(l.share), ...l.byClass])))}`));
}

function fidelitySection(report: Report, options: ReportOptions): HtmlValue {
  const found = report.runs.filter((run) => run.fidelity.length > 0);
  if (found.length === 0) return undefined;
  return section('Language of the answers', found.map((run) => html`${report.runs.length > 1 && html`<h3>${run.label}</h3>`}
${table(FIDELITY_HEAD, run.fidelity.map((f) => row(languageHead(f.language), fidelityCells(f))))}
<p class="dim">${fidelityNote(run.fidelity, options.identifier?.name)}</p>`));
}

function sampleSection(report: Report, options: ReportOptions): HtmlValue {
  const [wrong, right] = [options.wrong ?? 3, options.right ?? 1];
  const [first] = report.runs;
  if (!first || wrong + right === 0) return undefined;
  const several = report.runs.length > 1;
  const blocks = report.classes.flatMap((cls) => cls.languages).flatMap((code) => {
    const own = report.runs.map((run) => run.samples.filter((s) => s.language === code));
    const shown = several
      ? shownProblems(own, first.manifest.plan.ids, wrong + right).map((p) => p.answers)
      : shownSamples(own[0]!, first.manifest.plan.ids, wrong, right).map((s) => [s]);
    if (shown.length === 0) return [];
    return [html`<details><summary>${languageTitle(code)} <span class="code">${code}, ${shown.length} of ${Math.max(...own.map((of) => of.length))}</span></summary>
${shown.map((answers) => problemBlock(answers, report.runs))}</details>
`];
  });
  if (blocks.length === 0) return undefined;
  const rule = several
    ? `Per language up to ${wrong + right} problems: first those on which the runs disagree, then those that none got right, in the order of the plan.`
    : `Per language up to ${wrong} wrong (each of another error type where there are several) and ${right} right, in the order of the plan.`;
  return section('Samples', html`<p class="dim">${rule} The mark shows what the scorer read.</p>
${blocks}`);
}

function problemBlock(answers: readonly (Sample | undefined)[], runs: readonly ReportRun[]): Html {
  const asked = answers.find((s) => s !== undefined)!;
  return html`<article class="sample">
<p class="label"><bdi>${asked.id}</bdi>, gold <bdi>${asked.gold}</bdi></p>
<div class="text" dir="auto" lang="${asked.language}">${asked.question}</div>
${answers.map((s, i) => s && answerBlock(s, i, runs))}</article>
`;
}

function answerBlock(s: Sample, i: number, runs: readonly ReportRun[]): Html {
  const pieces = completionPieces(s.completion, s.span).map((p) =>
    p.kind === 'left-out' ? html`<span class="left-out">[… ${p.characters} characters …]</span>` : p.kind === 'read' ? html`<mark>${p.text}</mark>` : html`${p.text}`,
  );
  return html`<p class="label">${runs.length > 1 && html`${keyMark(i)}${runs[i]!.label}: `}<span class="${s.correct ? 'up' : 'down'}">${s.correct ? '✓ right' : '✗ wrong'}</span>, <bdi>${verdict(s)}</bdi>, ${s.tokenIds.length} tokens</p>
<div class="text" dir="auto">${s.completion === '' ? html`<span class="left-out">empty</span>` : pieces}</div>
${s.prompt !== s.question && html`<details><summary class="label">Prompt (template ${runs[i]!.manifest.environment.prompt.template})</summary><div class="text" dir="auto">${s.prompt}</div></details>
`}`;
}

function settingsTable(runs: readonly ReportRun[]): Html {
  const all = runs.map(settings);
  const names = [...new Set(all.flatMap((rows) => rows.map(([name]) => name)))];
  const body = names.map((name) => html`<tr><th scope="row">${name}</th>${all.map((rows) => html`<td>${rows.find(([n]) => n === name)?.[1] ?? '–'}</td>`)}</tr>
`);
  return html`<div class="scroll"><table class="kv">
${runs.length > 1 && html`<thead><tr><td></td>${runs.map((run) => html`<th scope="col">${run.label}</th>`)}</tr></thead>`}<tbody>
${body}</tbody>
</table></div>`;
}
