import path from 'node:path';
import { writeAtomic } from '../store';
import { csvComparisons, csvResults, csvSamples } from './csv';
import { htmlReport } from './html';
import { jsonReport } from './json';
import { latexReport } from './latex';
import { lmEvalFiles } from './lm-eval';
import { markdownReport } from './markdown';
import { buildReport, readRun, type ReportOptions, type RunSource } from './model';
import { shippedReference } from './reference';

export { readRun, type ReportOptions, type RunSource } from './model';
export { readReference, shippedReference, type ReferenceTable } from './reference';

export type ReportFormat = 'html' | 'markdown' | 'latex' | 'csv' | 'json' | 'lm-eval';
export const REPORT_FORMATS: readonly ReportFormat[] = ['html', 'markdown', 'latex', 'csv', 'json', 'lm-eval'];

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
