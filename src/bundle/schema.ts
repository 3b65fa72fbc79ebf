import { unsafeName } from './paths';
import { type BundleManifest, type MergeElement, PRECISIONS } from './types';

export interface BundleIssue {
  /** Short stable code, for tests and for the side bar's icon. */
  readonly code: 'missing' | 'json' | 'format' | 'schema' | 'path' | 'file' | 'size' | 'hash' | 'shape' | 'order' | 'dtype' | 'graph' | 'claim';
  readonly message: string;
  readonly fix: string;
}

type Row = Record<string, unknown>;
const REEXPORT = 'Export the bundle again (lingualift bundle build).';
const METHODS = ['lingualift', 'langbridge', 'mindmerger', 'text', 'custom'];
const MODES = ['replace', 'concat', 'placeholder', 'none'];
const ELEMENTS: readonly MergeElement[] = ['bos', 'start', 'enc', 'end', 'instruction', 'text'];
/** Far above any model of today; a larger claim is a damaged or hostile manifest. */
const MAX_COUNT = 16_777_216;

/** A value as it is quoted in a message. */
function show(v: unknown): string {
  const text = JSON.stringify(v) ?? 'nothing';
  return text.length > 80 ? `${text.slice(0, 77)}…` : text;
}

const isRow = (v: unknown): v is Row => v !== null && typeof v === 'object' && !Array.isArray(v);

class Check {
  readonly issues: BundleIssue[] = [];
  add(code: BundleIssue['code'], message: string, fix = REEXPORT): void {
    this.issues.push({ code, message, fix });
  }

  count(row: Row, key: string, where: string): number | undefined {
    const v = row[key];
    if (typeof v !== 'number' || !Number.isInteger(v) || v < 1) this.add('schema', `${where}.${key} must be a positive whole number, not ${show(v)}.`);
    else if (v > MAX_COUNT) this.add('claim', `${where}.${key} claims ${v}, more than any model has.`);
    else return v;
    return undefined;
  }

  text(row: Row, key: string, where: string): string | undefined {
    const v = row[key];
    if (typeof v === 'string' && v !== '') return v;
    this.add('schema', `${where}.${key} must be text, not ${show(v)}.`);
    return undefined;
  }

  /** A tokenizer folder must be a plain path inside the bundle, and both its files must be listed (and so hashed). */
  tokenizer(part: Row, name: 'lm' | 'encoder', manifest: Row): void {
    const folder = part.tokenizer ?? `tokenizers/${name}`;
    if (typeof folder !== 'string' || unsafeName(folder) !== undefined) {
      this.add('path', `parts.${name}.tokenizer is refused: ${show(folder)} is not a plain folder inside the bundle.`);
    } else if (Array.isArray(manifest.files)) {
      for (const file of ['tokenizer.json', 'tokenizer_config.json'].map((f) => `${folder}/${f}`)) {
        if (!manifest.files.some((f) => isRow(f) && f.path === file)) this.add('file', `files does not list "${file}", which the tokenizer of parts.${name} needs.`);
      }
    }
  }

  row(parent: Row, key: string, where: string): Row | undefined {
    const v = parent[key];
    if (isRow(v)) return v;
    this.add('schema', `${where}${key} must be an object, not ${show(v)}.`);
    return undefined;
  }
}

/** Checks the manifest's own structure: types, claims, agreement of its parts. Files are checked elsewhere. */
export function checkManifest(value: unknown): { manifest?: BundleManifest; issues: BundleIssue[] } {
  const c = new Check();
  if (!isRow(value)) {
    c.add('schema', 'lift.json must hold one JSON object.');
    return { issues: c.issues };
  }
  const format = value.format;
  if (format !== 'lift-bundle/1') {
    const newer = typeof format === 'string' && /^lift-bundle\/\d+$/.test(format);
    c.add('format', `Unknown format ${show(format)}; this version reads "lift-bundle/1".`, newer ? 'Update LinguaLIFT, or export the bundle with this version.' : REEXPORT);
    return { issues: c.issues };
  }
  c.text(value, 'name', 'lift.json');
  if (!METHODS.includes(value.method as string)) c.add('schema', `lift.json.method must be one of ${METHODS.join(', ')}, not ${show(value.method)}.`);
  checkParts(c, value);
  checkMerge(c, value);
  checkPrecisions(c, value);
  checkFileList(c, value);
  const prompts = c.row(value, 'prompts', '');
  if (prompts) c.text(prompts, 'template', 'prompts');
  const generation = c.row(value, 'generation', '');
  if (generation) c.count(generation, 'maxNewTokens', 'generation');
  return c.issues.length === 0 ? { manifest: value as unknown as BundleManifest, issues: [] } : { issues: c.issues };
}

function checkParts(c: Check, value: Row): void {
  const parts = c.row(value, 'parts', '');
  if (!parts) return;
  const lm = c.row(parts, 'lm', 'parts.');
  const lmHidden = lm && c.count(lm, 'hidden', 'parts.lm');
  if (lm) {
    for (const key of ['layers', 'heads', 'kvHeads', 'headDim', 'vocab', 'maxPositions']) c.count(lm, key, 'parts.lm');
    c.tokenizer(lm, 'lm', value);
    const id = (x: unknown): boolean => Number.isInteger(x) && (x as number) >= 0;
    const vocab = typeof lm.vocab === 'number' ? lm.vocab : Infinity;
    if (!Array.isArray(lm.eosIds) || !lm.eosIds.every(id)) c.add('schema', 'parts.lm.eosIds must be a list of token ids.');
    if (lm.bosId !== null && !id(lm.bosId)) c.add('schema', 'parts.lm.bosId must be a token id or null.');
    if (!id(lm.padId)) c.add('schema', 'parts.lm.padId must be a token id.');
    for (const [key, ids] of Object.entries({ eosIds: lm.eosIds, bosId: lm.bosId, padId: lm.padId })) {
      const outside = [ids].flat().find((x) => id(x) && (x as number) >= vocab);
      if (outside !== undefined) c.add('shape', `parts.lm.${key} holds ${String(outside)}, the vocabulary has ${vocab} rows.`);
    }
  }
  const { encoder, connector } = parts;
  const merge = isRow(value.merge) ? value.merge.mode : undefined;
  if (encoder === null || encoder === undefined) {
    if (connector !== null && connector !== undefined) c.add('shape', 'There is an alignment layer (parts.connector) but no encoder.');
    if (merge !== 'none') c.add('order', `merge.mode is ${show(merge)} but there is no encoder; without one it must be "none".`);
    return;
  }
  if (merge === 'none') c.add('order', 'merge.mode is "none" but there is an encoder.');
  if (!isRow(encoder)) return c.add('schema', 'parts.encoder must be an object or null.');
  if (!isRow(connector)) return c.add('schema', 'parts.connector must be an object when there is an encoder.');
  const hidden = c.count(encoder, 'hidden', 'parts.encoder');
  c.count(encoder, 'maxLength', 'parts.encoder');
  c.tokenizer(encoder, 'encoder', value);
  if (!Number.isInteger(encoder.padId) || (encoder.padId as number) < 0) c.add('schema', 'parts.encoder.padId must be a token id.');
  if (encoder.textPrefix !== undefined && typeof encoder.textPrefix !== 'string') c.add('schema', 'parts.encoder.textPrefix must be text.');
  if (encoder.normalise !== undefined && !isRow(encoder.normalise)) c.add('schema', 'parts.encoder.normalise must be an object.');
  checkBoundary(c, connector, value);
  if (connector.type === 'perceiver') c.count(connector, 'latents', 'parts.connector');
  const into = c.count(connector, 'in', 'parts.connector');
  const out = c.count(connector, 'out', 'parts.connector');
  if (hidden && into && hidden !== into) c.add('shape', `The alignment layer takes ${into} values, the encoder gives ${hidden}.`, 'Use the alignment layer that was trained on this encoder.');
  if (lmHidden && out && lmHidden !== out) c.add('shape', `The alignment layer gives ${out} values, the LLM takes ${lmHidden}.`, 'Use the alignment layer that was trained for this LLM.');
}

/** The boundary vectors that the encoder graph adds must be those that the merge order names. */
function checkBoundary(c: Check, connector: Row, value: Row): void {
  const { boundary } = connector;
  if (!isRow(boundary) || typeof boundary.start !== 'boolean' || typeof boundary.end !== 'boolean') {
    return c.add('schema', 'parts.connector.boundary must be {"start": true or false, "end": true or false}.');
  }
  const order = isRow(value.merge) && Array.isArray(value.merge.order) ? (value.merge.order as unknown[]) : undefined;
  for (const side of ['start', 'end'] as const) {
    if (order && order.includes(side) !== boundary[side]) {
      c.add('order', `merge.order ${boundary[side] ? 'lacks' : 'names'} "${side}", but the alignment layer has ${boundary[side] ? 'that' : 'no such'} boundary vector.`);
    }
  }
}

function checkMerge(c: Check, value: Row): void {
  const merge = c.row(value, 'merge', '');
  if (!merge) return;
  if (!MODES.includes(merge.mode as string)) return c.add('order', `merge.mode must be one of ${MODES.join(', ')}, not ${show(merge.mode)}.`);
  const order = merge.order;
  if (!Array.isArray(order) || order.length === 0) return c.add('order', 'merge.order must be a list such as ["bos", "start", "enc", "end"].');
  const unknown = order.filter((x) => !ELEMENTS.includes(x as MergeElement));
  if (unknown.length > 0) c.add('order', `merge.order holds ${show(unknown[0])}; known elements: ${ELEMENTS.join(', ')}.`);
  const twice = order.filter((x, i) => order.indexOf(x) !== i);
  if (twice.length > 0) c.add('order', `merge.order names "${String(twice[0])}" twice.`);
  const hasEncoder = isRow(value.parts) && isRow(value.parts.encoder);
  if (hasEncoder && !order.includes('enc')) c.add('order', 'merge.order has no "enc" although the bundle has an encoder.');
  if (!hasEncoder && order.includes('enc')) c.add('order', 'merge.order has "enc" but the bundle has no encoder.');
  if (order.includes('enc')) {
    const at = order.indexOf('enc');
    if (order.includes('start') && order.indexOf('start') !== at - 1) c.add('order', 'merge.order: "start" must stand directly before "enc".');
    if (order.includes('end') && order.indexOf('end') !== at + 1) c.add('order', 'merge.order: "end" must stand directly after "enc".');
  }
}

function checkPrecisions(c: Check, value: Row): void {
  const precisions = c.row(value, 'precisions', '');
  if (!precisions) return;
  const names = Object.keys(precisions);
  if (names.length === 0) c.add('schema', 'precisions is empty: the bundle offers nothing to run.');
  const needsEncoder = isRow(value.parts) && isRow(value.parts.encoder);
  for (const name of names) {
    if (!(PRECISIONS as readonly string[]).includes(name)) c.add('schema', `precisions has "${name}"; known: ${PRECISIONS.join(', ')}.`);
    const p = precisions[name];
    const files = isRow(p) && isRow(p.files) ? p.files : undefined;
    if (!files) {
      c.add('schema', `precisions.${name}.files must be an object.`);
      continue;
    }
    for (const graph of ['generate', ...(needsEncoder ? ['encoder'] : [])]) {
      if (typeof files[graph] !== 'string') c.add('schema', `precisions.${name}.files has no "${graph}" graph.`);
    }
  }
}

function checkFileList(c: Check, value: Row): void {
  if (!Array.isArray(value.files) || value.files.length === 0) return c.add('schema', 'files must list every file of the bundle with bytes and sha256.');
  const listed = new Set<string>();
  for (const file of value.files as unknown[]) {
    if (!isRow(file) || typeof file.path !== 'string') {
      c.add('schema', `files holds ${show(file)}; expected {path, bytes, sha256}.`);
      continue;
    }
    if (listed.has(file.path)) c.add('schema', `files names "${file.path}" twice.`);
    listed.add(file.path);
    if (typeof file.bytes !== 'number' || !Number.isSafeInteger(file.bytes) || file.bytes < 0) c.add('claim', `files: "${file.path}" claims ${show(file.bytes)} bytes.`);
    if (typeof file.sha256 !== 'string' || !/^[0-9a-f]{64}$/.test(file.sha256)) c.add('schema', `files: "${file.path}" has no SHA-256.`);
  }
  if (!isRow(value.precisions)) return;
  for (const [name, p] of Object.entries(value.precisions)) {
    if (!isRow(p) || !isRow(p.files)) continue;
    for (const [graph, path] of Object.entries(p.files)) {
      if (typeof path !== 'string') c.add('schema', `precisions.${name}.files.${graph} must be a path.`);
      else if (!listed.has(path)) c.add('schema', `precisions.${name}.files.${graph} is "${path}", which files does not list.`);
      else if (!path.startsWith(`${name}/`)) c.add('schema', `precisions.${name}.files.${graph} is "${path}"; the graphs of a precision lie in its own folder "${name}/".`);
    }
  }
}
