/** A fraction of whole numbers in lowest terms; the denominator is above zero. All arithmetic is exact. */
export interface Rational {
  readonly n: bigint;
  readonly d: bigint;
}

function gcd(a: bigint, b: bigint): bigint {
  let [x, y] = [a < 0n ? -a : a, b < 0n ? -b : b];
  while (y > 0n) [x, y] = [y, x % y];
  return x;
}

function rational(n: bigint, d: bigint): Rational {
  const g = gcd(n, d) * (d < 0n ? -1n : 1n);
  return g === 0n ? { n: 0n, d: 1n } : { n: n / g, d: d / g };
}

/** `1,250.75` (separators already checked) as a fraction. */
export function parseDecimal(text: string): Rational {
  const [whole, places = ''] = text.replaceAll(',', '').split('.');
  return rational(BigInt(`${whole}${places}`), 10n ** BigInt(places.length));
}

/** `a op b`; undefined for a division by zero. */
export function apply(operation: '+' | '-' | '*' | '/', a: Rational, b: Rational): Rational | undefined {
  if (operation === '+') return rational(a.n * b.d + b.n * a.d, a.d * b.d);
  if (operation === '-') return rational(a.n * b.d - b.n * a.d, a.d * b.d);
  if (operation === '*') return rational(a.n * b.n, a.d * b.d);
  return b.n === 0n ? undefined : rational(a.n * b.d, a.d * b.n);
}

/** Decimal notation with a point and no separators; undefined when that takes more than `places` decimals (10/3: any number). */
export function formatDecimal(value: Rational, places: number): string | undefined {
  const scaled = rational(value.n * 10n ** BigInt(places), value.d);
  if (scaled.d !== 1n) return undefined;
  const digits = (scaled.n < 0n ? -scaled.n : scaled.n).toString().padStart(places + 1, '0');
  const whole = digits.slice(0, digits.length - places);
  const rest = digits.slice(digits.length - places).replace(/0+$/, '');
  return `${scaled.n < 0n ? '-' : ''}${whole}${rest === '' ? '' : `.${rest}`}`;
}
