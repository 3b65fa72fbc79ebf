import { StatisticsError } from './distributions';

/**
 * Seeded generator: xoshiro128** (Blackman and Vigna) with its state filled by SplitMix32. Only 32-bit integer operations,
 * so that a seed gives the same sequence on every platform.
 */
export class Random {
  private a: number;
  private b: number;
  private c: number;
  private d: number;
  /** The bound used last, and the products to reject for it. */
  private bound = 1;
  private reject = 0;

  /** @param seed a number (its integer part modulo 2^32 counts) or a text, which is hashed by FNV-1a over its UTF-16 units */
  constructor(seed: number | string) {
    let state = typeof seed === 'number' ? toUint32(seed) : hashText(seed);
    const next = (): number => {
      state = (state + 0x9e3779b9) | 0;
      let z = state ^ (state >>> 16);
      z = Math.imul(z, 0x21f0aaad);
      z ^= z >>> 15;
      z = Math.imul(z, 0x735a2d97);
      return z ^ (z >>> 15);
    };
    [this.a, this.b, this.c, this.d] = [next(), next(), next(), next()];
  }

  /** Uniform in [0, 2^32). */
  uint32(): number {
    const result = Math.imul(rotateLeft(Math.imul(this.b, 5), 7), 9);
    const t = this.b << 9;
    this.c ^= this.a;
    this.d ^= this.b;
    this.b ^= this.c;
    this.a ^= this.d;
    this.c ^= t;
    this.d = rotateLeft(this.d, 11);
    return result >>> 0;
  }

  /** Uniform in [0, 1) with 53 random bits. */
  float(): number {
    const high = this.uint32() >>> 5;
    const low = this.uint32() >>> 6;
    return (high * 0x4000000 + low) / 0x20000000000000;
  }

  /**
   * Uniform integer in [0, n), without bias: the upper half of a 32 x 32 bit product, with Lemire's rejection (ACM TOMACS 29,
   * 2019). Below 2^21 the product is exact in a double.
   *
   * @throws StatisticsError unless n is an integer in [1, 2^21]
   */
  integer(n: number): number {
    if (n !== this.bound) this.setBound(n);
    let product = this.uint32() * n;
    let high = Math.floor(product / 0x100000000);
    while (product - high * 0x100000000 < this.reject) {
      product = this.uint32() * n;
      high = Math.floor(product / 0x100000000);
    }
    return high;
  }

  private setBound(n: number): void {
    if (!Number.isInteger(n) || n < 1 || n > 0x200000) throw new StatisticsError(`A random integer is drawn below a bound of 1 to 2^21, not ${n}.`);
    this.bound = n;
    this.reject = 0x100000000 % n;
  }
}

/** The items in random order (Fisher-Yates); the given array is left as it is. */
export function shuffle<T>(items: readonly T[], random: Random): T[] {
  return sampleWithoutReplacement(items, items.length, random);
}

/** `k` of the items, each at most once, in the order drawn. @throws StatisticsError when k is not an integer in [0, items.length] */
export function sampleWithoutReplacement<T>(items: readonly T[], k: number, random: Random): T[] {
  if (!Number.isInteger(k) || k < 0 || k > items.length) throw new StatisticsError(`Cannot draw ${k} of ${items.length} items without replacement.`);
  const pool = [...items];
  for (let i = 0; i < k; i += 1) {
    const j = i + random.integer(pool.length - i);
    const drawn = pool[j]!;
    pool[j] = pool[i]!;
    pool[i] = drawn;
  }
  pool.length = k;
  return pool;
}

/** Draw function for samplers: `k` distinct indices below `n`, from one generator that all calls share. */
export function indexDraw(seed: number | string): (n: number, k: number) => number[] {
  const random = new Random(seed);
  return (n, k) => sampleWithoutReplacement(Array.from({ length: n }, (_, i) => i), k, random);
}

function rotateLeft(x: number, k: number): number {
  return (x << k) | (x >>> (32 - k));
}

function toUint32(seed: number): number {
  if (!Number.isFinite(seed)) throw new StatisticsError(`A seed is a finite number or a text, not ${seed}.`);
  return Math.trunc(seed) | 0;
}

function hashText(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i += 1) {
    const unit = text.charCodeAt(i);
    hash = Math.imul(hash ^ (unit & 0xff), 0x01000193);
    hash = Math.imul(hash ^ (unit >>> 8), 0x01000193);
  }
  return hash;
}
