import fs from 'node:fs';

/**
 * A reader for the few parts of an ONNX file that the validator needs: graph inputs and outputs with types and shapes, and
 * where external initializers lie. Field numbers follow onnx.proto3. Weights are never decoded.
 */
export interface OnnxValue {
  readonly name: string;
  /** TensorProto.DataType: 1 float, 6 int32, 7 int64, 9 bool, 10 float16. */
  readonly elemType: number;
  /** Number for a fixed dimension, string for a symbolic one. */
  readonly dims: readonly (number | string)[];
}

export interface ExternalTensor {
  readonly name: string;
  readonly location: string;
  readonly offset: number;
  readonly length: number;
}

export interface OnnxSummary {
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
  readonly external: readonly ExternalTensor[];
}

export class OnnxFormatError extends Error {}

type Field = { number: number; wire: number; value: number; bytes?: Uint8Array };

/** The fields of one protobuf message, in file order; bytes are views of the buffer. @throws OnnxFormatError when it is cut off */
export function* fields(buf: Uint8Array): Generator<Field> {
  let at = 0;
  const varint = (): number => {
    let value = 0;
    let scale = 1;
    for (let i = 0; i < 10; i++) {
      if (at >= buf.length) throw new OnnxFormatError('the file ends inside a number');
      const byte = buf[at++]!;
      value += (byte & 0x7f) * scale;
      scale *= 128;
      if (byte < 0x80) return value;
    }
    throw new OnnxFormatError('a number is longer than ten bytes');
  };
  while (at < buf.length) {
    const key = varint();
    const number = Math.floor(key / 8);
    const wire = key % 8;
    if (number === 0) throw new OnnxFormatError('a field has number 0');
    if (wire === 0) yield { number, wire, value: varint() };
    else if (wire === 2) {
      const length = varint();
      if (at + length > buf.length) throw new OnnxFormatError('a field is longer than the file');
      yield { number, wire, value: length, bytes: buf.subarray(at, at + length) };
      at += length;
    } else if (wire === 5 || wire === 1) {
      at += wire === 5 ? 4 : 8;
      yield { number, wire, value: 0 };
    } else throw new OnnxFormatError(`unknown wire type ${wire}`);
  }
}

const text = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? new Uint8Array()).toString('utf8');

function valueInfo(bytes: Uint8Array): OnnxValue {
  let name = '';
  let elemType = 0;
  const dims: (number | string)[] = [];
  for (const f of fields(bytes)) {
    if (f.number === 1) name = text(f.bytes);
    else if (f.number === 2 && f.bytes) {
      for (const type of fields(f.bytes)) {
        if (type.number !== 1 || !type.bytes) continue; // TypeProto.tensor_type
        for (const t of fields(type.bytes)) {
          if (t.number === 1) elemType = t.value;
          else if (t.number === 2 && t.bytes) {
            for (const dim of fields(t.bytes)) {
              if (dim.number !== 1 || !dim.bytes) continue;
              let d: number | string = '?';
              for (const part of fields(dim.bytes)) d = part.number === 1 ? part.value : part.number === 2 ? text(part.bytes) : d;
              dims.push(d);
            }
          }
        }
      }
    }
  }
  return { name, elemType, dims };
}

function externalTensor(bytes: Uint8Array): ExternalTensor | undefined {
  let name = '';
  const entries = new Map<string, string>();
  for (const f of fields(bytes)) {
    if (f.number === 8) name = text(f.bytes);
    else if (f.number === 13 && f.bytes) {
      let key = '';
      let value = '';
      for (const e of fields(f.bytes)) {
        if (e.number === 1) key = text(e.bytes);
        else if (e.number === 2) value = text(e.bytes);
      }
      entries.set(key, value);
    }
  }
  const location = entries.get('location');
  if (location === undefined) return undefined;
  return { name, location, offset: byteCount(entries.get('offset'), name), length: byteCount(entries.get('length'), name) };
}

function byteCount(value: string | undefined, tensor: string): number {
  if (value === undefined) return 0;
  if (!/^\d{1,15}$/.test(value)) throw new OnnxFormatError(`the tensor "${tensor}" claims an impossible place in its data file (${JSON.stringify(value.slice(0, 40))})`);
  return Number(value);
}

/** Deepest nesting of subgraphs that is read; real graphs have one or two levels. */
const MAX_DEPTH = 16;

/** External tensors of a graph: its initializers, and those of tensors and subgraphs in the attributes of its nodes. */
function collectExternal(graph: Uint8Array, out: ExternalTensor[], depth: number): void {
  if (depth > MAX_DEPTH) throw new OnnxFormatError(`subgraphs are nested more than ${MAX_DEPTH} deep`);
  for (const g of fields(graph)) {
    if (!g.bytes) continue;
    if (g.number === 5) collectTensor(g.bytes, out); // initializer
    else if (g.number === 15) collectSparse(g.bytes, out); // sparse_initializer
    else if (g.number === 1) collectNode(g.bytes, out, depth);
  }
}

function collectTensor(bytes: Uint8Array, out: ExternalTensor[]): void {
  const found = externalTensor(bytes);
  if (found) out.push(found);
}

function collectSparse(bytes: Uint8Array, out: ExternalTensor[]): void {
  for (const f of fields(bytes)) if (f.bytes && (f.number === 1 || f.number === 2)) collectTensor(f.bytes, out); // values, indices
}

function collectNode(node: Uint8Array, out: ExternalTensor[], depth: number): void {
  for (const n of fields(node)) {
    if (n.number !== 5 || !n.bytes) continue; // NodeProto.attribute
    for (const a of fields(n.bytes)) {
      if (!a.bytes) continue;
      if (a.number === 5 || a.number === 10) collectTensor(a.bytes, out); // t, tensors
      else if (a.number === 22 || a.number === 23) collectSparse(a.bytes, out); // sparse_tensor(s)
      else if (a.number === 6 || a.number === 11) collectExternal(a.bytes, out, depth + 1); // g, graphs
    }
  }
}

/** @throws OnnxFormatError when the bytes are not an ONNX model */
export function summariseOnnx(model: Uint8Array): OnnxSummary {
  const inputs: OnnxValue[] = [];
  const outputs: OnnxValue[] = [];
  const external: ExternalTensor[] = [];
  let graphs = 0;
  for (const f of fields(model)) {
    if (f.number === 25 && f.bytes) {
      // ModelProto.functions: their nodes (field 7) can hold tensors too.
      for (const part of fields(f.bytes)) {
        if (part.number === 7 && part.bytes) collectNode(part.bytes, external, 1);
      }
      continue;
    }
    if (f.number !== 7 || !f.bytes) continue; // ModelProto.graph
    graphs += 1;
    collectExternal(f.bytes, external, 0);
    for (const g of fields(f.bytes)) {
      if (!g.bytes) continue;
      if (g.number === 11) inputs.push(valueInfo(g.bytes));
      else if (g.number === 12) outputs.push(valueInfo(g.bytes));
    }
  }
  if (graphs !== 1) throw new OnnxFormatError('the file holds no graph');
  return { inputs, outputs, external };
}

export const readOnnxSummary = (file: string): OnnxSummary => summariseOnnx(fs.readFileSync(file));
