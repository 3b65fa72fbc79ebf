import fs from 'node:fs';
import { crc32 } from 'node:zlib';
import { diskError, RunError } from './errors';
import { centralHeader, endRecord, localHeader, type ZipEntry } from './zip';

export type NpyType = '<f4' | '<i4';

const LIMIT = 0xffffffff;

/**
 * Writes NumPy's .npz: a ZIP file without compression, one .npy (format 1.0) an array. Arrays are streamed, so that the
 * largest never is in memory as a whole. The file gets its name when `close` has succeeded.
 */
export class NpzWriter {
  private readonly fd: number;
  private readonly entries: ZipEntry[] = [];
  private readonly partial: string;
  private at = 0;

  /** @throws RunError when the file cannot be made */
  constructor(private readonly file: string) {
    this.partial = `${file}.${process.pid}.part`;
    try {
      this.fd = fs.openSync(this.partial, 'w');
    } catch (e) {
      throw diskError(e, 'write', file);
    }
  }

  /** Adds numbers. @throws RunError when the data are not as large as the shape says */
  async add(name: string, type: NpyType, shape: readonly number[], pieces: AsyncIterable<Float32Array | Int32Array> | Iterable<Float32Array | Int32Array>): Promise<void> {
    const header = npyHeader(type, shape);
    const offset = this.begin(name);
    let crc = this.write(header, 0);
    let bytes = 0;
    for await (const piece of pieces) {
      crc = this.write(littleEndian(piece), crc);
      bytes += piece.byteLength;
    }
    const expected = 4 * shape.reduce((a, b) => a * b, 1);
    if (bytes !== expected) throw new RunError(`The array "${name}" has ${bytes} bytes, its shape [${shape.join(', ')}] needs ${expected}.`, 1);
    this.finish(name, offset, crc, header.length + bytes);
  }

  /** Adds texts: a vector, or a scalar for one string. */
  addTexts(name: string, texts: string | readonly string[]): void {
    const all = (typeof texts === 'string' ? [texts] : texts).map((t) => Array.from(t, (c) => c.codePointAt(0)!));
    const width = Math.max(1, ...all.map((t) => t.length));
    const codes = new Int32Array(all.length * width);
    all.forEach((t, i) => codes.set(t, i * width));
    const header = npyHeader(`<U${width}`, typeof texts === 'string' ? [] : [texts.length]);
    const offset = this.begin(name);
    const crc = this.write(littleEndian(codes), this.write(header, 0));
    this.finish(name, offset, crc, header.length + codes.byteLength);
  }

  /** Room for the local header, which is written when size and checksum are known. */
  private begin(name: string): number {
    const offset = this.at;
    this.put(Buffer.alloc(30 + Buffer.byteLength(`${name}.npy`)));
    return offset;
  }

  private finish(name: string, offset: number, crc: number, bytes: number): void {
    if (bytes > LIMIT || this.at > LIMIT) throw new RunError('The file would be larger than 4 GiB. Leave the attention out (--no-attention), or choose layers (--layers).', 2);
    const entry = { name: `${name}.npy`, offset, crc, bytes };
    const header = localHeader(entry);
    fs.writeSync(this.fd, header, 0, header.length, offset);
    this.entries.push(entry);
  }

  private write(data: Buffer, crc: number): number {
    this.put(data);
    return crc32(data, crc);
  }

  private put(data: Buffer): void {
    try {
      for (let done = 0; done < data.length; ) done += fs.writeSync(this.fd, data, done, data.length - done, this.at + done);
    } catch (e) {
      throw diskError(e, 'write', this.file);
    }
    this.at += data.length;
  }

  /** Writes the directory and gives the file its name. */
  close(): void {
    const start = this.at;
    for (const entry of this.entries) this.put(centralHeader(entry));
    this.put(endRecord(this.entries.length, start, this.at - start));
    fs.closeSync(this.fd);
    try {
      fs.renameSync(this.partial, this.file);
    } catch (e) {
      fs.rmSync(this.partial, { force: true });
      throw diskError(e, 'write', this.file);
    }
  }

  /** Removes what was written so far. */
  abort(): void {
    fs.closeSync(this.fd);
    fs.rmSync(this.partial, { force: true });
  }
}

export interface NpzArray {
  /** NumPy's type: `<f4`, `<i4` or `<Un`. */
  readonly type: string;
  readonly shape: readonly number[];
  /** Row-major, little-endian. */
  readonly data: Buffer;
}

/**
 * Reads a file that NpzWriter wrote: arrays by name, each checked against its checksum.
 *
 * @param names only these; default: all
 * @throws RunError when the file is damaged or holds something else
 */
export function readNpz(file: string, names?: readonly string[]): Map<string, NpzArray> {
  let fd: number;
  try {
    fd = fs.openSync(file, 'r');
  } catch (e) {
    throw diskError(e, 'read', file);
  }
  const damaged = (): RunError => new RunError(`"${file}" is not a whole .npz file of this program.`, 1);
  const bytesAt = (at: number, length: number): Buffer => {
    const out = Buffer.alloc(length);
    if (at < 0 || fs.readSync(fd, out, 0, length, at) !== length) throw damaged();
    return out;
  };
  try {
    const { size } = fs.fstatSync(fd);
    const end = bytesAt(size - 22, 22);
    if (end.readUInt32LE(0) !== 0x06054b50) throw damaged();
    const directory = bytesAt(end.readUInt32LE(16), end.readUInt32LE(12));
    const arrays = new Map<string, NpzArray>();
    for (let i = 0, at = 0; i < end.readUInt16LE(10); i++) {
      const [crc, bytes, nameLength, offset] = [directory.readUInt32LE(at + 16), directory.readUInt32LE(at + 24), directory.readUInt16LE(at + 28), directory.readUInt32LE(at + 42)];
      const name = directory.toString('utf8', at + 46, at + 46 + nameLength).replace(/\.npy$/, '');
      at += 46 + nameLength;
      if (names && !names.includes(name)) continue;
      if (offset + bytes > size) throw damaged();
      const content = bytesAt(offset + 30 + nameLength, bytes);
      const header = content.toString('latin1', 10, 10 + content.readUInt16LE(8));
      const found = /^\{'descr': '([^']+)', 'fortran_order': False, 'shape': \(([\d, ]*)\), \}/.exec(header);
      if (!found || crc32(content) !== crc) throw damaged();
      arrays.set(name, { type: found[1]!, shape: found[2]!.split(',').map((n) => n.trim()).filter(Boolean).map(Number), data: content.subarray(10 + header.length) });
    }
    return arrays;
  } catch (e) {
    throw e instanceof RunError ? e : damaged();
  } finally {
    fs.closeSync(fd);
  }
}

/** The numbers of a `<f4` array. @throws RunError for another type or size */
export function floatsOf({ type, shape, data }: NpzArray): Float32Array {
  if (type !== '<f4' || data.length !== 4 * shape.reduce((a, b) => a * b, 1)) throw new RunError('The array does not hold float32 numbers of its shape.', 1);
  return new Float32Array(data.buffer.slice(data.byteOffset, data.byteOffset + data.length));
}

/** The text of a `<Un` scalar, as `addTexts` writes one string. */
export function textOf({ data }: NpzArray): string {
  const codes = Array.from({ length: data.length / 4 }, (_, i) => data.readUInt32LE(4 * i));
  const end = codes.indexOf(0);
  return codes.slice(0, end < 0 ? undefined : end).map((c) => String.fromCodePoint(c)).join('');
}

function npyHeader(type: string, shape: readonly number[]): Buffer {
  const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(', ')})`;
  const text = `{'descr': '${type}', 'fortran_order': False, 'shape': ${tuple}, }`;
  const length = Math.ceil((10 + text.length + 1) / 64) * 64 - 10;
  const prefix = Buffer.from([0x93, ...Buffer.from('NUMPY'), 1, 0, length & 255, length >> 8]);
  return Buffer.concat([prefix, Buffer.from(text.padEnd(length - 1) + '\n', 'latin1')]);
}

/** Every platform that the engine runs on is little-endian; a view is enough. */
const littleEndian = (values: Float32Array | Int32Array): Buffer => Buffer.from(values.buffer, values.byteOffset, values.byteLength);
