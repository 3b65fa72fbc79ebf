/** Formats of a report; apart from the renderers, so that a list of them costs nothing to load. */
export type ReportFormat = 'html' | 'markdown' | 'latex' | 'csv' | 'json' | 'lm-eval';
export const REPORT_FORMATS: readonly ReportFormat[] = ['html', 'markdown', 'latex', 'csv', 'json', 'lm-eval'];

/** Formats that are several files and so need a folder. */
export const FOLDER_FORMATS: readonly ReportFormat[] = ['csv', 'lm-eval'];
