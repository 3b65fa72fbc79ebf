/** The headers of a ZIP file without compression (PKWARE APPNOTE 6.3.3), for writers of .npz and of PyTorch's tensor files. */
export interface ZipEntry {
  readonly name: string;
  /** Bytes before the entry's local header. */
  readonly offset: number;
  readonly crc: number;
  readonly bytes: number;
}

/** 1 January 1980, the earliest date of a ZIP file: equal contents give equal files. */
const DATE = (1 << 5) | 1;

/** The part that local and central headers share: version needed to name and extra lengths. Flag 11: names are UTF-8. */
function common({ name, crc, bytes }: ZipEntry): Buffer {
  const out = Buffer.alloc(26);
  out.writeUInt16LE(20, 0);
  out.writeUInt16LE(0x0800, 2);
  out.writeUInt16LE(DATE, 8);
  out.writeUInt32LE(crc >>> 0, 10);
  out.writeUInt32LE(bytes, 14);
  out.writeUInt32LE(bytes, 18);
  out.writeUInt16LE(Buffer.byteLength(name), 22);
  return out;
}

/** What stands before an entry's data. */
export function localHeader(entry: ZipEntry): Buffer {
  const head = Buffer.alloc(4);
  head.writeUInt32LE(0x04034b50);
  return Buffer.concat([head, common(entry), Buffer.from(entry.name)]);
}

/** What the directory at the end says of an entry. */
export function centralHeader(entry: ZipEntry): Buffer {
  const head = Buffer.alloc(6);
  head.writeUInt32LE(0x02014b50);
  head.writeUInt16LE(20, 4);
  const tail = Buffer.alloc(14);
  tail.writeUInt32LE(entry.offset, 10);
  return Buffer.concat([head, common(entry), tail, Buffer.from(entry.name)]);
}

/** The last record. @param start bytes before the directory @param bytes of the directory */
export function endRecord(entries: number, start: number, bytes: number): Buffer {
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50);
  end.writeUInt16LE(entries, 8);
  end.writeUInt16LE(entries, 10);
  end.writeUInt32LE(bytes, 12);
  end.writeUInt32LE(start, 16);
  return end;
}
