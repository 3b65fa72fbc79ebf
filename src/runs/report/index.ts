import fs from 'node:fs';
import path from 'node:path';
import { diskError } from '../errors';
import { writeAtomic } from '../store';
import { FOLDER_FORMATS, type ReportFormat } from './formats';
import { csvComparisons, csvResults, csvSamples } from './csv';
import { htmlReport } from './html';
import { jsonReport } from './json';
import { latexReport } from './latex';
import { lmEvalFiles } from './lm-eval';
import { markdownReport } from './markdown';
import { buildReport, readRun, type ReportOptions, type RunSource } from './model';
import { shippedReference } from './reference';

export { FOLDER_FORMATS, REPORT_FORMATS, type ReportFormat } from './formats';
export { readRun, type ReportOptions, type RunSource } from './model';
export { readReference, shippedReference, type ReferenceTable } from './reference';

/** One file of a report; names use forward slashes and stay inside the folder they are written to. */
export interface ReportFile {
  readonly name: string;
  readonly text: string;
}

/**
 * One or several runs in a format. The first file is the report itself; the others, where there are any, go beside it.
 * Deterministic: the same runs and options give the same bytes.
 */
export function renderReport(runs: readonly RunSource[], format: ReportFormat, options: ReportOptions = {}): ReportFile[] {
  const report = buildReport(runs, options);
  switch (format) {
    case 'html':
      return [{ name: 'report.html', text: htmlReport(report, options) }];
    case 'markdown':
      return [{ name: 'report.md', text: markdownReport(report, options) }];
    case 'latex':
      return [{ name: 'report.tex', text: latexReport(report) }];
    case 'csv':
      return [
        { name: 'results.csv', text: csvResults(report) },
        ...(report.comparisons.length > 0 ? [{ name: 'comparisons.csv', text: csvComparisons(report) }] : []),
        { name: 'samples.csv', text: csvSamples(report) },
      ];
    case 'json':
      return [{ name: 'report.json', text: jsonReport(report) }];
    case 'lm-eval':
      return lmEvalFiles(report);
  }
}

/** Writes report.html and report.md into a run folder. @returns path of report.html @throws RunError when the folder cannot be read or written */
export function writeReports(folder: string): string {
  const options = { reference: shippedReference() };
  const report = buildReport([readRun(folder)], options);
  writeAtomic(path.join(folder, 'report.md'), markdownReport(report, options));
  const file = path.join(folder, 'report.html');
  writeAtomic(file, htmlReport(report, options));
  return file;
}

/**
 * Writes a report over runs.
 *
 * @param target a file, or a folder for a format of several files
 * @param identifier names the language of the answers' sentences; without it only scripts are told
 * @returns paths of what was written, the report itself first
 * @throws RunError when a folder is no run or the target cannot be written
 */
export function exportReport(folders: readonly string[], format: ReportFormat, target: string, identifier?: ReportOptions['identifier']): string[] {
  const files = renderReport(folders.map(readRun), format, { reference: shippedReference(), identifier });
  const several = FOLDER_FORMATS.includes(format);
  return files.slice(0, several ? undefined : 1).map(({ name, text }) => {
    const file = several ? path.join(target, name) : target;
    try {
      fs.mkdirSync(path.dirname(file), { recursive: true });
    } catch (e) {
      throw diskError(e, 'make the folder', path.dirname(file));
    }
    writeAtomic(file, text);
    return file;
  });
}
