/** Results kept within a number of bytes; what was used longest ago goes first. */
export class ByteLru {
  private readonly entries = new Map<string, { value: unknown; bytes: number }>();
  private used = 0;

  constructor(private limitBytes: number) {}

  get limit(): number {
    return this.limitBytes;
  }

  get bytes(): number {
    return this.used;
  }

  setLimit(bytes: number): void {
    this.limitBytes = bytes;
    this.shrink();
  }

  get<T>(key: string): T | undefined {
    const found = this.entries.get(key);
    if (!found) return undefined;
    this.entries.delete(key);
    this.entries.set(key, found);
    return found.value as T;
  }

  /** Keeps a value; one that is larger than the limit is not kept at all. */
  set(key: string, value: unknown, bytes: number): void {
    this.delete(key);
    if (bytes > this.limitBytes) return;
    this.entries.set(key, { value, bytes });
    this.used += bytes;
    this.shrink();
  }

  delete(key: string): void {
    const found = this.entries.get(key);
    if (!found) return;
    this.entries.delete(key);
    this.used -= found.bytes;
  }

  /** Forgets every key that begins so. */
  deletePrefix(prefix: string): void {
    for (const key of [...this.entries.keys()]) if (key.startsWith(prefix)) this.delete(key);
  }

  private shrink(): void {
    for (const [key] of this.entries) {
      if (this.used <= this.limitBytes) return;
      this.delete(key);
    }
  }
}
