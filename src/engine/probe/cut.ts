import { fields, OnnxFormatError } from '../../bundle/onnx';

/**
 * Cuts a part out of an ONNX graph without decoding it: the nodes between some inner values, which become inputs, and some
 * others, which become outputs. Node and initializer messages are copied as they are, so the part runs the very kernels of
 * the whole, quantised weights and output transforms included. Field numbers follow onnx.proto3.
 */
export interface CutInput {
  /** Inner value of the source graph that becomes an input. */
  readonly value: string;
  /** Name of the new input, float32. */
  readonly name: string;
}

export interface CutOutput {
  readonly value: string;
  /** Name of the new output, float32. */
  readonly name: string;
}

interface Node {
  readonly bytes: Uint8Array;
  readonly op: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
}

const FLOAT = 1;
const SKIP_NORM = 'SkipSimplifiedLayerNormalization';
const NORMS: ReadonlySet<string> = new Set([SKIP_NORM, 'SimplifiedLayerNormalization', 'LayerNormalization', 'RMSNormalization']);
/** Operators that change a state's form, not what it says. */
const TRANSPARENT: ReadonlySet<string> = new Set(['Cast', 'Identity', 'Reshape']);
const text = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? new Uint8Array()).toString('utf8');

/** A parsed graph from which parts can be cut. */
export class CuttableGraph {
  private readonly header: Buffer[] = [];
  private readonly nodes: Node[] = [];
  private readonly producers = new Map<string, Node>();
  private readonly initializers = new Map<string, { bytes: Uint8Array; dataType: number }>();
  private readonly inputs = new Map<string, Uint8Array>();

  /** @throws OnnxFormatError when the bytes are not an ONNX model */
  constructor(model: Uint8Array) {
    let graph: Uint8Array | undefined;
    for (const f of fields(model)) {
      if (f.number === 7) graph = f.bytes;
      else if (f.wire === 0) this.header.push(numberField(f.number, f.value));
      else if (f.bytes && (f.number === 8 || f.number === 25)) this.header.push(bytesField(f.number, f.bytes)); // opsets, functions
    }
    if (!graph) throw new OnnxFormatError('the file holds no graph');
    for (const f of fields(graph)) {
      if (!f.bytes) continue;
      if (f.number === 1) this.addNode(f.bytes);
      else if (f.number === 5) {
        let name = '';
        let dataType = 0;
        for (const t of fields(f.bytes)) {
          if (t.number === 8) name = text(t.bytes);
          else if (t.number === 2) dataType = t.value;
        }
        this.initializers.set(name, { bytes: f.bytes, dataType });
      } else if (f.number === 11) {
        for (const v of fields(f.bytes)) if (v.number === 1) this.inputs.set(text(v.bytes), f.bytes);
      }
    }
  }

  private addNode(bytes: Uint8Array): void {
    let op = '';
    const inputs: string[] = [];
    const outputs: string[] = [];
    for (const n of fields(bytes)) {
      if (n.number === 1) inputs.push(text(n.bytes));
      else if (n.number === 2) outputs.push(text(n.bytes));
      else if (n.number === 4) op = text(n.bytes);
    }
    const node = { bytes, op, inputs, outputs };
    this.nodes.push(node);
    for (const o of outputs) if (o !== '') this.producers.set(o, node);
  }

  /**
   * The value behind the casts, copies and reshapes that end in `value`; `flat` when batch and positions are one axis there.
   * A reshape of states does nothing else than to join these two axes or to part them again.
   */
  origin(value: string): { value: string; flat: boolean } {
    const node = this.producers.get(value);
    if (!node || !TRANSPARENT.has(node.op)) return { value, flat: false };
    const before = this.origin(node.inputs[0]!);
    return { value: before.value, flat: node.op === 'Reshape' ? !before.flat : before.flat };
  }

  /** The output of the last norm before `value`, which single states lead to. @throws Error when the way forks before a norm */
  normBefore(value: string): string {
    let at = this.origin(value).value;
    for (;;) {
      const node = this.producers.get(at);
      if (node && NORMS.has(node.op)) return at;
      const states = this.states(node);
      if (states.length !== 1) throw new Error(`The probe graph computes "${at}" in a way that is not known here (${node?.op ?? 'no node'} with ${states.length} states). Export the bundle again with this version.`);
      at = this.origin(states[0]!).value;
    }
  }

  private states(node: Node | undefined): string[] {
    return node?.inputs.filter((i) => i !== '' && !this.initializers.has(i)) ?? [];
  }

  /**
   * Cuts before the norm that gives `normed`, so that it reads a given state: at its one input, or, where it adds two states
   * first, at both of them, of which the second is fed with zeros.
   *
   * @returns the cuts, inputs named `state` and `zero`, and the element type of the norm's weight
   * @throws Error when the norm is of another kind
   */
  beforeNorm(normed: string): { from: CutInput[]; dataType: number } {
    const node = this.producers.get(normed);
    const states = this.states(node);
    const weight = node?.inputs.map((i) => this.initializers.get(i)).find((w) => w !== undefined);
    const known = states.length === 1 || (states.length === 2 && node!.op === SKIP_NORM && node!.inputs.filter((i) => i !== '').length === 3);
    if (!node || !weight || !known) throw new Error(`The probe graph computes "${normed}" in a way that is not known here (${node?.op ?? 'no node'} with ${states.length} states). Export the bundle again with this version.`);
    return { from: states.map((value, i) => ({ value, name: i === 0 ? 'state' : 'zero' })), dataType: weight.dataType };
  }

  /** Cuts that put a given state in the place of `value`. A norm that adds two states gives their sum beside its result. */
  at(value: string): CutInput[] {
    const node = this.producers.get(value);
    return node?.op === SKIP_NORM && node.outputs[0] !== value ? this.beforeNorm(node.outputs[0]!).from : [{ value, name: 'state' }];
  }

  /**
   * A model with the nodes that lead from `from` to `to`. Inputs of the whole graph that they need stay inputs.
   *
   * @param dataType element type (TensorProto.DataType) of the cut values inside the graph; inputs are cast to it
   * @throws Error when an output depends on something that is not there
   */
  cut(from: readonly CutInput[], to: readonly CutOutput[], dataType: number): Buffer {
    const given = new Set(from.map((f) => f.value));
    const used = new Set<Node>();
    const weights = new Set<string>();
    const inputs = new Set<string>();
    const wanted = to.map((t) => t.value);
    while (wanted.length > 0) {
      const value = wanted.pop()!;
      if (value === '' || given.has(value)) continue;
      if (this.initializers.has(value)) weights.add(value);
      else if (this.inputs.has(value)) inputs.add(value);
      else {
        const node = this.producers.get(value);
        if (!node) throw new Error(`The probe graph has no value "${value}". Export the bundle again with this version.`);
        if (used.has(node)) continue;
        used.add(node);
        wanted.push(...node.inputs);
      }
    }
    const graph = [
      ...from.map((f) => bytesField(1, cast(f.name, f.value, dataType))),
      ...this.nodes.filter((n) => used.has(n)).map((n) => bytesField(1, n.bytes)),
      ...to.map((t) => bytesField(1, cast(t.value, t.name, FLOAT))),
      bytesField(2, Buffer.from('part')),
      ...[...weights].map((w) => bytesField(5, this.initializers.get(w)!.bytes)),
      ...from.map((f) => bytesField(11, floatValue(f.name))),
      ...[...inputs].map((i) => bytesField(11, this.inputs.get(i)!)),
      ...to.map((t) => bytesField(12, floatValue(t.name))),
    ];
    return Buffer.concat([...this.header, bytesField(7, Buffer.concat(graph))]);
  }
}

function varint(value: number): number[] {
  const out: number[] = [];
  let rest = value;
  while (rest >= 128) {
    out.push((rest % 128) | 128);
    rest = Math.floor(rest / 128);
  }
  out.push(rest);
  return out;
}

function bytesField(number: number, data: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from([...varint(number * 8 + 2), ...varint(data.length)]), data]);
}

const numberField = (number: number, value: number): Buffer => Buffer.from([...varint(number * 8), ...varint(value)]);

/** NodeProto of Cast; AttributeProto: name 1, integer 3, type 20 (2 = INT). */
function cast(input: string, output: string, to: number): Buffer {
  const attribute = Buffer.concat([bytesField(1, Buffer.from('to')), numberField(3, to), numberField(20, 2)]);
  return Buffer.concat([bytesField(1, Buffer.from(input)), bytesField(2, Buffer.from(output)), bytesField(4, Buffer.from('Cast')), bytesField(5, attribute)]);
}

/** ValueInfoProto of a float32 tensor of any shape. */
function floatValue(name: string): Buffer {
  return Buffer.concat([bytesField(1, Buffer.from(name)), bytesField(2, bytesField(1, numberField(1, FLOAT)))]);
}
