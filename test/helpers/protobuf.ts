/** A writer for the few protobuf messages of ONNX that the tests make by hand. */
export function varint(value: number): number[] {
  const out: number[] = [];
  let rest = value;
  while (rest >= 128) {
    out.push((rest % 128) | 128);
    rest = Math.floor(rest / 128);
  }
  return [...out, rest];
}

export const bytesField = (number: number, value: string | Uint8Array): Buffer => {
  const data = Buffer.from(value as string);
  return Buffer.concat([Buffer.from([...varint(number * 8 + 2), ...varint(data.length)]), data]);
};

export const numberField = (number: number, value: number): Buffer => Buffer.from([...varint(number * 8), ...varint(value)]);

/** TensorProto with its data in another file. */
export function externalTensor(name: string, entries: Readonly<Record<string, string>>): Buffer {
  const pairs = Object.entries(entries).map(([k, v]) => bytesField(13, Buffer.concat([bytesField(1, k), bytesField(2, v)])));
  return Buffer.concat([bytesField(8, name), ...pairs]);
}

/** ValueInfoProto of a tensor; a dimension is a number or a name. */
export function valueInfo(name: string, elemType: number, dims: readonly (number | string)[]): Buffer {
  const shape = Buffer.concat(dims.map((d) => bytesField(1, typeof d === 'number' ? numberField(1, d) : bytesField(2, d))));
  const tensor = Buffer.concat([numberField(1, elemType), bytesField(2, shape)]);
  return Buffer.concat([bytesField(1, name), bytesField(2, bytesField(1, tensor))]);
}

/** ModelProto around the fields of one GraphProto. */
export const model = (...graphFields: readonly Buffer[]): Buffer => bytesField(7, Buffer.concat(graphFields));
