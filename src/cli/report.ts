import fs from 'node:fs';
import path from 'node:path';
import { loadLanguageIdentifier } from '../core/analysis/identify';
import { diskError } from '../runs/errors';
import { readReference, readRun, renderReport, REPORT_FORMATS, type ReportFile, type ReportFormat, shippedReference } from '../runs/report';
import { writeAtomic } from '../runs/store';
import { integer, options, text, UsageError } from './options';
import { say } from './terminal';

const HELP = `lingualift report RUN… [--format html|markdown|latex|csv|json|lm-eval] [--out FILE|DIR] [--reference FILE]

A report of one run, or of several side by side; later runs are paired with the first where they asked the same problems.

  --format F          default: html
  --out FILE|DIR      file, or folder for a format of several files (csv, lm-eval); default: standard output
  --reference FILE    published numbers to set beside (default: the table shipped with the project); none: leave them out
  --scripts-only      do not identify the languages of the answers' sentences, which takes some milliseconds for each answer
  --wrong N, --right N   samples shown per language in html and markdown`;

export async function reportCommand(args: readonly string[]): Promise<number> {
  const o = options(args, { format: 'text', out: 'text', reference: 'text', 'scripts-only': 'flag', wrong: 'integer', right: 'integer' }, HELP);
  if (o._.length === 0) throw new UsageError('Name one or more run folders. See lingualift report --help.');
  const format = text(o, 'format') ?? 'html';
  if (!isFormat(format)) throw new UsageError(`Unknown format "${format}". Known: ${REPORT_FORMATS.join(', ')}.`);
  for (const name of ['wrong', 'right']) if ((integer(o, name) ?? 0) < 0) throw new UsageError(`--${name} must not be negative.`);
  const asked = text(o, 'reference');
  const reference = asked === 'none' ? undefined : asked === undefined ? shippedReference() : readReference(asked);
  const runs = o._.map(readRun);
  for (const run of runs) if (run.damagedLines.length > 0) say(`Damaged lines in samples.jsonl of ${run.folder} are left out: ${run.damagedLines.join(', ')}`);
  const identifier = o['scripts-only'] === true ? undefined : await loadLanguageIdentifier();
  const files = renderReport(runs, format, { reference, identifier, wrong: integer(o, 'wrong'), right: integer(o, 'right') });
  const out = text(o, 'out');
  if (out === undefined) {
    process.stdout.write(files[0]!.text);
    if (files.length > 1) say(`Only ${files[0]!.name} is written here; ${files.length - 1} more: ${names(files.slice(1))}. Use --out DIR for all of them.`);
    return 0;
  }
  write(out, files, format);
  return 0;
}

const isFormat = (name: string): name is ReportFormat => (REPORT_FORMATS as readonly string[]).includes(name);

const names = (files: readonly ReportFile[]): string => files.slice(0, 3).map((f) => f.name).join(', ') + (files.length > 3 ? ', …' : '');

function write(out: string, files: readonly ReportFile[], format: ReportFormat): void {
  const isFolder = /[\\/]$/.test(out) || fs.statSync(out, { throwIfNoEntry: false })?.isDirectory() === true;
  const folder = isFolder || (files.length > 1 && path.extname(out) === '');
  const targets = folder ? files.map((f) => ({ file: path.join(out, f.name), text: f.text })) : [{ file: out, text: files[0]!.text }];
  for (const { file, text: content } of targets) {
    try {
      fs.mkdirSync(path.dirname(file), { recursive: true });
    } catch (e) {
      throw diskError(e, 'make the folder', path.dirname(file));
    }
    writeAtomic(file, content);
  }
  say(`Wrote ${targets.length === 1 ? targets[0]!.file : `${targets.length} files to ${out}`}`);
  if (!folder && files.length > 1) say(`${format} has ${files.length - 1} more (${names(files.slice(1))}); give a folder to --out for all of them.`);
}
