import { languageName, languageOf } from '../core/languages';

/** Writes to standard error, so that standard output holds results only. */
export const say = (line: string): void => void process.stderr.write(line + '\n');

export const percent = (x: number): string => (Number.isFinite(x) ? `${(100 * x).toFixed(1)}` : '–');

export function duration(seconds: number | undefined): string {
  if (seconds === undefined || !Number.isFinite(seconds)) return '–';
  const s = Math.round(seconds);
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${s % 60} s`;
  return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
}

/** Columns padded to equal width; numbers to the right. */
export function table(header: readonly string[], rows: readonly (readonly string[])[], right: ReadonlySet<number>): string {
  const width = header.map((h, i) => Math.max(h.length, ...rows.map((r) => (r[i] ?? '').length)));
  const line = (cells: readonly string[]): string => cells.map((c, i) => (right.has(i) ? c.padStart(width[i]!) : c.padEnd(width[i]!))).join('  ').trimEnd();
  return [line(header), line(width.map((w) => '─'.repeat(w))), ...rows.map(line)].join('\n');
}

export const languageLabel = (code: string): string => `${languageName(code)}${languageOf(code) ? '' : ' (outside the 48)'}`;

/** One line that is rewritten in place on a terminal, and printed now and then where there is none. */
export class StatusLine {
  private last = 0;
  private shown = false;
  constructor(private readonly quiet: boolean) {}

  show(text: string, force = false): void {
    if (this.quiet) return;
    const now = Date.now();
    if (process.stderr.isTTY) {
      if (now - this.last < 200 && !force) return;
      process.stderr.write(`\r\x1b[2K${text.slice(0, (process.stderr.columns ?? 100) - 1)}`);
      this.shown = true;
    } else {
      if (now - this.last < 15_000 && !force) return;
      say(text);
    }
    this.last = now;
  }

  clear(): void {
    if (this.shown) process.stderr.write('\r\x1b[2K');
    this.shown = false;
  }
}
