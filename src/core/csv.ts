/** What a spreadsheet takes for a formula at the start of a cell: = + - @, their full-width forms, tab and line breaks. */
const FORMULA = /^[\s\uFEFF]*[=+\-@＝＋－＠|%]|^[\t\r\n]/;

/**
 * One CSV field (RFC 4180). Numbers are written as they are; text that a spreadsheet would take for a formula gets a leading
 * apostrophe, which is the only change made to it.
 */
export function csvField(value: string | number | boolean | null | undefined): string {
  if (value === null || value === undefined) return '';
  if (typeof value === 'number') return Number.isFinite(value) ? String(value) : '';
  if (typeof value === 'boolean') return String(value);
  const guarded = FORMULA.test(value) ? `'${value}` : value;
  return /[",\r\n']|^\s|\s$/.test(guarded) ? `"${guarded.replace(/"/g, '""')}"` : guarded;
}

/** One line of CSV with its end. */
export const csvLine = (values: readonly (string | number | boolean | null | undefined)[]): string => values.map(csvField).join(',') + '\r\n';
