import { type SourceFile } from './types';

/** One record of a file, whatever its notation, and the line it begins on (from 1). */
export interface FileRow {
  readonly line: number;
  readonly fields: Readonly<Record<string, unknown>>;
}

export interface FileRows {
  readonly rows: readonly FileRow[];
  readonly problems: readonly { readonly line: number; readonly message: string }[];
}

/** Records of a JSON array, JSON lines, CSV or TSV file. CSV and TSV need a header line. */
export function fileRows(file: SourceFile, delimiter?: string): FileRows {
  const text = file.text.replace(/^\uFEFF/, '');
  const separator = delimiter ?? (/\.csv$/i.test(file.name) ? ',' : /\.tsv$/i.test(file.name) ? '\t' : undefined);
  if (separator !== undefined) return delimited(text, separator);
  return /^\s*\[/.test(text) ? jsonArray(text) : jsonLines(text);
}

const isRecord = (x: unknown): x is Record<string, unknown> => x !== null && typeof x === 'object' && !Array.isArray(x);

function jsonLines(text: string): FileRows {
  const rows: FileRow[] = [];
  const problems: { line: number; message: string }[] = [];
  text.split('\n').forEach((line, i) => {
    if (line.trim() === '') return;
    try {
      const value: unknown = JSON.parse(line);
      if (isRecord(value)) rows.push({ line: i + 1, fields: value });
      else problems.push({ line: i + 1, message: 'This line is not a JSON object.' });
    } catch (e) {
      problems.push({ line: i + 1, message: `This line is not JSON: ${(e as Error).message}` });
    }
  });
  return { rows, problems };
}

/** The line of an element is its place in the array: a parsed array has lost its lines. */
function jsonArray(text: string): FileRows {
  try {
    const values = JSON.parse(text) as unknown[];
    const problems = values.flatMap((v, i) => (isRecord(v) ? [] : [{ line: i + 1, message: `Element ${i + 1} is not a JSON object.` }]));
    return { rows: values.flatMap((v, i) => (isRecord(v) ? [{ line: i + 1, fields: v }] : [])), problems };
  } catch (e) {
    return { rows: [], problems: [{ line: 1, message: `Not JSON: ${(e as Error).message}` }] };
  }
}

/**
 * Fields separated by a character, as RFC 4180 has it: a field in double quotes may hold the separator, line breaks and doubled quotes.
 * In TSV a quote inside a field that does not begin with one is an ordinary character.
 */
function delimited(text: string, separator: string): FileRows {
  const records: { line: number; cells: string[] }[] = [];
  const problems: { line: number; message: string }[] = [];
  let [at, line] = [0, 1];
  while (at < text.length) {
    const record = { line, cells: [] as string[] };
    for (let more = true; more; ) {
      let cell = '';
      if (text[at] === '"') {
        const from = line;
        at += 1;
        for (;;) {
          if (at >= text.length) {
            problems.push({ line: from, message: 'A quoted field is never closed.' });
            break;
          }
          if (text[at] === '"' && text[at + 1] !== '"') break;
          if (text[at] === '"') at += 1;
          if (text[at] === '\n') line += 1;
          cell += text[at];
          at += 1;
        }
        at += 1;
      }
      const rest = /^[^\n]*/.exec(text.slice(at, at + 1_000_000))![0];
      const cut = rest.indexOf(separator);
      const tail = cut < 0 ? rest : rest.slice(0, cut);
      cell += tail.replace(/\r$/, '');
      record.cells.push(cell);
      at += tail.length;
      more = cut >= 0;
      at += 1;
      if (!more) line += 1;
    }
    if (record.cells.length > 1 || record.cells[0]!.trim() !== '') records.push(record);
  }
  const [header, ...body] = records;
  if (!header) return { rows: [], problems };
  const names = header.cells.map((c) => c.trim());
  const rows = body.map(({ line: where, cells }): FileRow => {
    if (cells.length !== names.length) problems.push({ line: where, message: `${cells.length} fields, the header has ${names.length}.` });
    return { line: where, fields: Object.fromEntries(names.map((name, i) => [name, cells[i]])) };
  });
  return { rows, problems };
}

/** A field by name, or by a path with dots (`question.stem`); undefined where it is not there. */
export function fieldOf(fields: Readonly<Record<string, unknown>>, path: string): unknown {
  if (path in fields) return fields[path];
  return path.split('.').reduce<unknown>((value, key) => (isRecord(value) ? value[key] : undefined), fields);
}
