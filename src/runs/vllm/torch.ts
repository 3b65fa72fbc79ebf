import { crc32 } from 'node:zlib';
import { centralHeader, endRecord, localHeader, type ZipEntry } from '../zip';

/** Data are aligned as PyTorch's own writer aligns them, so that a reader can map them. */
const ALIGNMENT = 64;
const ROOT = 'archive';

/**
 * One float32 matrix as `torch.save` writes it: a ZIP file of a pickle (protocol 2: `torch._utils._rebuild_tensor_v2` over a
 * `FloatStorage` on the CPU), the numbers, byte order and format version. `torch.load(..., weights_only=True)` reads it.
 *
 * @param values row-major [rows, columns]
 */
export function torchTensor(values: Float32Array, rows: number, columns: number): Buffer {
  if (values.length !== rows * columns) throw new Error(`A matrix of ${rows} × ${columns} has ${rows * columns} numbers, not ${values.length}.`);
  const numbers = Buffer.from(values.buffer, values.byteOffset, values.byteLength);
  const parts: Buffer[] = [];
  const entries: ZipEntry[] = [];
  let at = 0;
  const put = (data: Buffer): void => {
    parts.push(data);
    at += data.length;
  };
  const add = (name: string, data: Buffer): void => {
    const entry = { name: `${ROOT}/${name}`, offset: at, crc: crc32(data), bytes: data.length };
    const header = localHeader(entry);
    // The extra field "FB" fills up to the alignment, as PyTorch does it.
    const gap = (ALIGNMENT - ((at + header.length + 4) % ALIGNMENT)) % ALIGNMENT;
    header.writeUInt16LE(gap + 4, 28);
    const extra = Buffer.alloc(gap + 4, 'Z');
    extra.write('FB', 0, 'latin1');
    extra.writeUInt16LE(gap, 2);
    put(header);
    put(extra);
    put(data);
    entries.push(entry);
  };
  add('data.pkl', tensorPickle(rows, columns));
  add('byteorder', Buffer.from('little'));
  add('data/0', numbers);
  add('version', Buffer.from('3\n'));
  const start = at;
  for (const entry of entries) put(centralHeader(entry));
  put(endRecord(entries.length, start, at - start));
  return Buffer.concat(parts);
}

const op = (code: number): Buffer => Buffer.from([code]);
const whole = (value: number): Buffer => {
  const out = Buffer.alloc(5);
  out.write('J', 0, 'latin1');
  out.writeInt32LE(value, 1);
  return out;
};
const text = (value: string): Buffer => {
  const head = Buffer.alloc(5);
  head.write('X', 0, 'latin1');
  head.writeUInt32LE(Buffer.byteLength(value), 1);
  return Buffer.concat([head, Buffer.from(value)]);
};
const global = (module: string, name: string): Buffer => Buffer.from(`c${module}\n${name}\n`, 'latin1');

const [MARK, TUPLE, TUPLE2, EMPTY_TUPLE, REDUCE, PERSISTENT, FALSE, STOP] = [0x28, 0x74, 0x86, 0x29, 0x52, 0x51, 0x89, 0x2e].map(op) as [Buffer, Buffer, Buffer, Buffer, Buffer, Buffer, Buffer, Buffer];

function tensorPickle(rows: number, columns: number): Buffer {
  const storage = [MARK, text('storage'), global('torch', 'FloatStorage'), text('0'), text('cpu'), whole(rows * columns), TUPLE, PERSISTENT];
  const pair = (a: number, b: number): Buffer[] => [whole(a), whole(b), TUPLE2];
  return Buffer.concat([
    Buffer.from([0x80, 2]), global('torch._utils', '_rebuild_tensor_v2'), MARK, ...storage, whole(0), ...pair(rows, columns), ...pair(columns, 1), FALSE,
    global('collections', 'OrderedDict'), EMPTY_TUPLE, REDUCE, TUPLE, REDUCE, STOP,
  ]);
}
