/**
 * Canonical text of a gold number: ASCII digits, `.` as the decimal mark, no groups, no trailing zeros after the mark.
 *
 * @returns undefined when the text is not one plain number (fractions and units are not gold answers here)
 */
export function canonicalNumber(text: string): string | undefined {
  const trimmed = text.trim().replace(/^[$€£]/, '').replace(/(?<=\d),(?=\d{3}(?!\d))/g, '');
  if (!/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(trimmed)) return undefined;
  const value = Number(trimmed);
  if (!Number.isFinite(value)) return undefined;
  if (Number.isInteger(value) && Math.abs(value) < 1e21) return String(Object.is(value, -0) ? 0 : value);
  const plain = trimmed.toLowerCase().includes('e') ? String(value) : trimmed.replace(/^\+/, '').replace(/(\.\d*?)0+$/, '$1').replace(/\.$/, '');
  return plain.startsWith('.') ? `0${plain}` : plain.replace(/^-\./, '-0.').replace(/^(-?)0+(?=\d)/, '$1');
}
