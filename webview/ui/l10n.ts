/** Translations by English text, as the host put them into the page. */
let strings: Readonly<Record<string, string>> = (() => {
  try {
    return JSON.parse(document.getElementById('strings')?.textContent ?? '{}') as Record<string, string>;
  } catch {
    return {};
  }
})();

/** For a page that the host does not write (outputs of a notebook): translations that come by message. */
export function setStrings(given: Readonly<Record<string, string>>): void {
  strings = given;
}

/** The text in the user's language; `{0}`, `{1}` … are replaced. English text is the key, as in the host's `vscode.l10n.t`. */
export function t(text: string, ...args: readonly (string | number)[]): string {
  return (strings[text] ?? text).replace(/\{(\d+)\}/g, (whole, n: string) => String(args[Number(n)] ?? whole));
}

const locale = document.documentElement.lang || 'en';
const fixed1 = new Intl.NumberFormat(locale, { minimumFractionDigits: 1, maximumFractionDigits: 1 });
const whole = new Intl.NumberFormat(locale, { maximumFractionDigits: 0 });

/** A share as a percentage with one decimal, without the sign. */
export const points = (share: number): string => fixed1.format(100 * share).replace('-', '−');
export const percent = (share: number): string => `${points(share)} %`;
export const one = (x: number): string => fixed1.format(x);
export const count = (x: number): string => whole.format(x);

/** `14.2 ± 1.1`; `0.0 (0.0–56.1)` where the two halves of the interval differ by more than a tenth. */
export const plusMinus = (mean: number, [low, high]: readonly [number, number]): string => {
  const [below, above] = [mean - low, high - mean];
  return Math.abs(above - below) <= 0.1 * Math.max(above, below) ? `${points(mean)} ± ${points(Math.max(above, below))}` : `${points(mean)} (${points(low)}–${points(high)})`;
};

export function duration(seconds: number): string {
  const s = Math.max(0, Math.round(seconds));
  if (s < 60) return t('{0} s', s);
  if (s < 3600) return t('{0} min {1} s', Math.floor(s / 60), s % 60);
  return t('{0} h {1} min', Math.floor(s / 3600), Math.floor((s % 3600) / 60));
}
