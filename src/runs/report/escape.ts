/**
 * Text of models, benchmarks and users on its way into another notation. Each function here takes any string and gives one that
 * the target shows as text: no markup, no formula, no command.
 */

/** Control characters that are no white space, and the two separators that some readers take for line ends. */
const CONTROL = /[\u0000-\u0008\u000B\u000C\u000E-\u001F\u007F-\u009F\u2028\u2029]/g;

/** Well-formed text without control characters: C0 as their pictures (U+2400 …), everything else of the kind as U+FFFD. */
export function printable(text: string): string {
  return text
    .replace(/\r\n?/g, '\n')
    .replace(CONTROL, (c) => (c < ' ' ? String.fromCharCode(0x2400 + c.charCodeAt(0)) : '\uFFFD'))
    .replace(/[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/g, '\uFFFD');
}

/** The text on one line. */
export const oneLine = (text: string): string => printable(text).replace(/\s+/g, ' ').trim();

/** Markup that is known to be safe because it was made by `html`. */
export class Html {
  constructor(readonly text: string) {}
  toString(): string {
    return this.text;
  }
}

export type HtmlValue = Html | string | number | null | undefined | false | readonly HtmlValue[];

const HTML_ENTITY: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;', '`': '&#96;' };

function toHtml(value: HtmlValue): string {
  if (value instanceof Html) return value.text;
  if (Array.isArray(value)) return value.map(toHtml).join('');
  if (value === null || value === undefined || value === false) return '';
  return printable(String(value)).replace(/[&<>"'`]/g, (c) => HTML_ENTITY[c]!);
}

/** Template tag: what stands in the template is markup, what is put in is text, unless it is itself `Html`. */
export function html(parts: TemplateStringsArray, ...values: readonly HtmlValue[]): Html {
  return new Html(parts.reduce((out, part, i) => out + toHtml(values[i - 1]) + part));
}

/**
 * Inline text of GitHub-flavoured Markdown, also inside a table cell: one line; marks of the syntax escaped, block starts and
 * addresses made inert. What needs no escape stays readable in the source.
 */
export function markdownText(text: string): string {
  return oneLine(text)
    .replace(/[&<>|@$]/g, (c) => `&#${c.charCodeAt(0)};`)
    .replace(/[\\`*_[\]~]/g, (c) => `\\${c}`)
    .replace(/^(?:[-+](?=\s|$)|#|[-=](?=[-=]))/, (c) => `&#${c.charCodeAt(0)};`)
    .replace(/^(\d{1,9})([.)])(?=\s|$)/, (_, digits: string, mark: string) => `${digits}&#${mark.charCodeAt(0)};`)
    .replace(/:\/\//g, '&#58;//')
    .replace(/\b(www|mailto|xmpp)([.:])/gi, (_, word: string, mark: string) => `${word}&#${mark.charCodeAt(0)};`);
}

/** A fenced block that its content cannot close: the fence is longer than any run of backticks inside. */
export function markdownBlock(text: string): string {
  const clean = printable(text);
  const longest = Math.max(2, ...(clean.match(/`+/g) ?? []).map((run) => run.length));
  const fence = '`'.repeat(longest + 1);
  return `${fence}text\n${clean}\n${fence}`;
}

const LATEX: Readonly<Record<string, string>> = {
  '\\': '\\textbackslash{}', '{': '\\{', '}': '\\}', $: '\\$', '&': '\\&', '#': '\\#', '%': '\\%', _: '\\_', '^': '\\textasciicircum{}', '~': '\\textasciitilde{}',
  '<': '\\textless{}', '>': '\\textgreater{}', '|': '\\textbar{}', '"': '\\textquotedblright{}', '`': '\\textasciigrave{}', '−': '$-$', '–': '--', '×': '$\\times$',
  // A row may not begin with what `\\` or a column would take for its argument.
  '[': '{[}', ']': '{]}', '*': '{*}',
};

/** Text of LaTeX: one line, no character that TeX acts on. */
export function latexText(text: string): string {
  return oneLine(text).replace(/[\\{}$&#%_^~<>|"`−–×[\]*]/g, (c) => LATEX[c]!);
}

export { csvField, csvLine } from '../../core/csv';

/** A word for a POSIX shell. */
export const shellWord = (word: string): string => (/^[A-Za-z0-9_@%+=:,./-]+$/.test(word) ? word : `'${word.replace(/'/g, `'\\''`)}'`);

/** A part of a file name: nothing that a file system or a path takes for something else. */
export const fileNamePart = (text: string): string => text.replace(/[^A-Za-z0-9_-]+/g, '-').replace(/^-+|-+$/g, '').slice(0, 80) || 'unnamed';
