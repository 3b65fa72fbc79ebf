import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { type BundleIssue, BundleError, bundleFingerprint, filesOf, openBundle, readManifest, verifyBundle } from '../../src/bundle';
import { checkManifest } from '../../src/bundle/schema';
import { copyBundle, editLift, type Json, patchFile, readLift, replaceFile } from '../helpers/bundles';
import { ROOT, temporaryFolder, TINY, TINY_TEXT } from '../helpers/paths';
import { bytesField, externalTensor } from '../helpers/protobuf';

type Code = BundleIssue['code'];

/** Asserts that a damaged bundle is refused for this reason, in words that name the place and what to do. */
async function refused(dir: string, code: Code, words: RegExp, options: Parameters<typeof verifyBundle>[1] = { hashes: true }): Promise<readonly BundleIssue[]> {
  const { issues } = await verifyBundle(dir, options);
  const found = issues.find((i) => i.code === code && words.test(i.message));
  assert.ok(found, `expected ${code} ${String(words)}, found ${JSON.stringify(issues.map((i) => [i.code, i.message]))}`);
  for (const i of issues) assert.ok(i.fix.length > 10 && /[.)…]$/.test(i.fix), `what to do: ${JSON.stringify(i)}`);
  await assert.rejects(openBundle(dir, options), BundleError);
  return issues;
}

/** The issues of models/tiny's manifest with one thing changed; no file is touched. */
function manifestIssues(change: (m: Json) => void, from = TINY): readonly BundleIssue[] {
  const manifest = readLift(from);
  change(manifest);
  return checkManifest(manifest).issues;
}

const some = (issues: readonly BundleIssue[], code: Code, words: RegExp): void =>
  assert.ok(issues.some((i) => i.code === code && words.test(i.message)), `expected ${code} ${String(words)}, found ${JSON.stringify(issues.map((i) => [i.code, i.message]))}`);

const nothing = undefined as unknown as Json;
const value = (v: unknown): Json => v as Json;

describe('bundle validator: perceivers', () => {
  it('say how many soft rows they give', () => {
    const perceiver = (latents: unknown) => manifestIssues((m) => Object.assign(m.parts!.connector!, { type: 'perceiver', latents }));
    assert.deepEqual(perceiver(4), []);
    some(perceiver(undefined), 'schema', /parts\.connector\.latents/);
    some(perceiver(0), 'schema', /parts\.connector\.latents/);
  });
});

describe('bundle validator: what is good', () => {
  for (const dir of [TINY, TINY_TEXT]) {
    it(`${path.basename(dir)} is valid, hashes and graphs included`, async () => {
      let bytes = 0;
      const { manifest, issues } = await verifyBundle(dir, { hashes: true, onProgress: (done) => (bytes = done) });
      assert.deepEqual(issues, []);
      assert.equal(bytes, manifest!.files.reduce((s, f) => s + f.bytes, 0));
      const onDisk = fs.readdirSync(dir, { recursive: true, withFileTypes: true }).filter((e) => e.isFile()).map((e) => path.relative(dir, path.join(e.parentPath, e.name)));
      assert.deepEqual([...manifest!.files.map((f) => f.path), 'lift.json'].sort(), onDisk.sort());
    });
  }

  it('looks only at one precision when asked to', async () => {
    const dir = copyBundle();
    fs.rmSync(path.join(dir, 'int8'), { recursive: true });
    assert.deepEqual((await verifyBundle(dir, { precision: 'fp32', hashes: true })).issues, []);
    await refused(dir, 'file', /"int8\/encoder\.onnx" is missing/, { precision: 'int8' });
    assert.ok(filesOf(readManifest(dir).manifest!, 'fp32').every((f) => /^(?:fp32|tokenizers)\//.test(f.path)));
    await refused(dir, 'missing', /no int4 graphs; it has fp32, int8/, { precision: 'int4' });
  });

  it('the fingerprint follows what can change a completion and nothing else', () => {
    const manifest = readManifest(TINY).manifest!;
    const print = (change: (m: Json) => void, precision: 'fp32' | 'int8' = 'fp32'): string => {
      const m = readLift(TINY);
      change(m);
      return bundleFingerprint(m as never, precision);
    };
    const same = bundleFingerprint(manifest, 'fp32');
    assert.match(same, /^[0-9a-f]{64}$/);
    assert.equal(print((m) => void (m.name = value('other'))), same);
    assert.equal(print((m) => void (m.files as unknown as unknown[]).reverse()), same);
    const file = (m: Json, name: string): Json => (m.files as unknown as Json[]).find((f) => (f.path as unknown) === name)!;
    assert.equal(print((m) => void (file(m, 'int8/embed.data').sha256 = value('0'.repeat(64)))), same);
    const changes: ((m: Json) => void)[] = [
      (m) => void (file(m, 'fp32/embed.data').sha256 = value('0'.repeat(64))),
      (m) => void (file(m, 'tokenizers/lm/tokenizer.json').sha256 = value('0'.repeat(64))),
      (m) => void (m.merge!.order = value(['bos', 'instruction', 'start', 'enc', 'end'])),
      (m) => void (m.parts!.encoder!.normalise = value({})),
    ];
    const prints = changes.map((c) => print(c));
    assert.equal(new Set([same, ...prints, print(() => undefined, 'int8')]).size, changes.length + 2);
  });
});

describe('bundle validator: manifest', () => {
  it('missing, unreadable as JSON, not an object, other or newer format', async () => {
    await refused(temporaryFolder(), 'missing', /no lift\.json in/);
    await refused(path.join(temporaryFolder(), 'nowhere'), 'missing', /no lift\.json in/);
    const dir = copyBundle();
    const file = path.join(dir, 'lift.json');
    const text = fs.readFileSync(file, 'utf8');
    fs.writeFileSync(file, text.slice(0, 700));
    await refused(dir, 'json', /lift\.json is not JSON/);
    fs.writeFileSync(file, '[]');
    await refused(dir, 'schema', /one JSON object/);
    fs.writeFileSync(file, '\uFEFF' + text);
    assert.deepEqual((await verifyBundle(dir)).issues, []);
    fs.rmSync(file);
    fs.mkdirSync(file);
    await refused(dir, 'missing', /not a regular file/);
    some(manifestIssues((m) => void (m.format = value('lift-bundle/2'))), 'format', /"lift-bundle\/2".*"lift-bundle\/1"/);
    assert.match(manifestIssues((m) => void (m.format = value('lift-bundle/2')))[0]!.fix, /Update LinguaLIFT/);
    some(manifestIssues((m) => void (m.format = value(7))), 'format', /Unknown format 7/);
  });

  it('an oversized manifest is refused before it is read', async () => {
    const dir = copyBundle();
    fs.truncateSync(path.join(dir, 'lift.json'), 64 * 1024 * 1024 + 1);
    await refused(dir, 'claim', /lift\.json is 67108865 bytes/);
  });

  const wrong: [string, (m: Json) => void, Code, RegExp][] = [
    ['no name', (m) => void (m.name = nothing), 'schema', /lift\.json\.name/],
    ['unknown method', (m) => void (m.method = value('magic')), 'schema', /method must be one of lingualift,.*"magic"/],
    ['no parts', (m) => void (m.parts = value([])), 'schema', /parts must be an object/],
    ['no LLM', (m) => void (m.parts!.lm = nothing), 'schema', /parts\.lm must be an object, not nothing/],
    ['a width of zero', (m) => void (m.parts!.lm!.hidden = value(0)), 'schema', /parts\.lm\.hidden must be a positive whole number, not 0/],
    ['a fraction of a layer', (m) => void (m.parts!.lm!.layers = value(1.5)), 'schema', /parts\.lm\.layers/],
    ['text for a number', (m) => void (m.parts!.lm!.vocab = value('384')), 'schema', /parts\.lm\.vocab .* "384"/],
    ['absurd width', (m) => void (m.parts!.lm!.hidden = value(1e9)), 'claim', /parts\.lm\.hidden claims 1000000000/],
    ['absurd context', (m) => void (m.parts!.lm!.maxPositions = value(2 ** 40)), 'claim', /maxPositions claims/],
    ['end ids that are no list', (m) => void (m.parts!.lm!.eosIds = value(1)), 'schema', /eosIds must be a list/],
    ['a negative BOS', (m) => void (m.parts!.lm!.bosId = value(-1)), 'schema', /bosId/],
    ['no pad id', (m) => void (m.parts!.lm!.padId = nothing), 'schema', /padId/],
    ['an end id outside the table', (m) => void (m.parts!.lm!.eosIds = value([1, 384])), 'shape', /eosIds holds 384, the vocabulary has 384 rows/],
    ['a pad id outside the table', (m) => void (m.parts!.lm!.padId = value(500)), 'shape', /padId holds 500/],
    ['encoder of another width', (m) => void (m.parts!.connector!.in = value(48)), 'shape', /takes 48 values, the encoder gives 32/],
    ['LLM of another width', (m) => void (m.parts!.connector!.out = value(64)), 'shape', /gives 64 values, the LLM takes 32/],
    ['encoder without alignment layer', (m) => void (m.parts!.connector = value(null)), 'schema', /parts\.connector must be an object/],
    ['alignment layer without boundary', (m) => void (m.parts!.connector!.boundary = nothing), 'schema', /connector\.boundary/],
    ['alignment layer without encoder', (m) => void (m.parts!.encoder = value(null)), 'shape', /alignment layer.* but no encoder/],
    ['no encoder, merge concat', (m) => void (m.parts!.encoder = value(null)), 'order', /merge\.mode is "concat" but there is no encoder/],
    ['encoder, merge none', (m) => void (m.merge!.mode = value('none')), 'order', /"none" but there is an encoder/],
    ['encoder pad id missing', (m) => void (m.parts!.encoder!.padId = nothing), 'schema', /parts\.encoder\.padId/],
    ['unknown merge mode', (m) => void (m.merge!.mode = value('blend')), 'order', /merge\.mode must be one of .*"blend"/],
    ['empty order', (m) => void (m.merge!.order = value([])), 'order', /merge\.order must be a list/],
    ['unknown element', (m) => void (m.merge!.order = value(['bos', 'start', 'enc', 'end', 'soup'])), 'order', /holds "soup"; known elements: bos/],
    ['element twice', (m) => void (m.merge!.order = value(['bos', 'start', 'enc', 'end', 'bos'])), 'order', /names "bos" twice/],
    ['order without enc', (m) => void (m.merge!.order = value(['bos', 'instruction'])), 'order', /no "enc" although/],
    ['order with enc but no encoder', (m) => void (m.parts!.encoder = value(null)), 'order', /has "enc" but the bundle has no encoder/],
    ['start away from enc', (m) => void (m.merge!.order = value(['start', 'bos', 'enc', 'end', 'instruction'])), 'order', /"start" must stand directly before "enc"/],
    ['end away from enc', (m) => void (m.merge!.order = value(['bos', 'start', 'enc', 'instruction', 'end'])), 'order', /"end" must stand directly after "enc"/],
    ['a boundary vector that the order lacks', (m) => void (m.merge!.order = value(['bos', 'enc', 'end', 'instruction'])), 'order', /lacks "start"/],
    ['an order with a boundary vector that is not there', (m) => void (m.parts!.connector!.boundary = value({ start: true, end: false })), 'order', /names "end", but the alignment layer has no such/],
    ['no precisions', (m) => void (m.precisions = value({})), 'schema', /precisions is empty/],
    ['unknown precision', (m) => void (m.precisions!.fp64 = m.precisions!.fp32!), 'schema', /precisions has "fp64"; known: fp32/],
    ['no generate graph', (m) => void (m.precisions!.fp32!.files!.generate = nothing), 'schema', /fp32\.files has no "generate"/],
    ['no encoder graph', (m) => void (m.precisions!.int8!.files!.encoder = nothing), 'schema', /int8\.files has no "encoder"/],
    ['a graph that files does not list', (m) => void (m.precisions!.fp32!.files!.step = value('fp32/stop.onnx')), 'schema', /"fp32\/stop\.onnx", which files does not list/],
    ['a graph in the folder of another precision', (m) => void (m.precisions!.fp32!.files!.step = value('int8/step.onnx')), 'schema', /in its own folder "fp32\/"/],
    ['no file list', (m) => void (m.files = value([])), 'schema', /files must list every file/],
    ['a file without path', (m) => void (m.files as unknown as unknown[]).push({ bytes: 1 }), 'schema', /expected \{path, bytes, sha256\}/],
    ['a file twice', (m) => void (m.files as unknown as Json[]).push((m.files as unknown as Json[])[0]!), 'schema', /names "fp32\/embed\.data" twice/],
    ['negative size', (m) => void ((m.files as unknown as Json[])[0]!.bytes = value(-1)), 'claim', /"fp32\/embed\.data" claims -1 bytes/],
    ['a size beyond whole numbers', (m) => void ((m.files as unknown as Json[])[0]!.bytes = value(1e300)), 'claim', /claims 1e\+300 bytes/],
    ['no hash', (m) => void ((m.files as unknown as Json[])[0]!.sha256 = value('abc')), 'schema', /"fp32\/embed\.data" has no SHA-256/],
    ['tokenizer outside', (m) => void (m.parts!.lm!.tokenizer = value('../../tokenizers')), 'path', /parts\.lm\.tokenizer is refused: "\.\.\/\.\.\/tokenizers"/],
    ['absolute tokenizer', (m) => void (m.parts!.encoder!.tokenizer = value('/tokenizers')), 'path', /parts\.encoder\.tokenizer/],
    ['tokenizer that is not listed', (m) => void (m.parts!.lm!.tokenizer = value('tokenizers/other')), 'file', /files does not list "tokenizers\/other\/tokenizer\.json"/],
    ['no prompt template', (m) => void (m.prompts = value({})), 'schema', /prompts\.template/],
    ['no token limit', (m) => void (m.generation!.maxNewTokens = value(-5)), 'schema', /generation\.maxNewTokens/],
  ];
  for (const [what, change, code, words] of wrong) it(`refuses: ${what}`, () => some(manifestIssues(change), code, words));

  it('lists every fault at once, not only the first', () => {
    const issues = manifestIssues((m) => {
      m.name = nothing;
      m.parts!.lm!.hidden = value(-1);
      m.merge!.order = value(['enc', 'enc']);
    });
    some(issues, 'schema', /name/);
    some(issues, 'schema', /hidden/);
    some(issues, 'order', /twice/);
  });

  it('quotes a long value only in part', () => {
    const issues = manifestIssues((m) => void (m.method = value('x'.repeat(100_000))));
    assert.ok(issues[0]!.message.length < 300);
  });
});

describe('bundle validator: paths', () => {
  const named = (change: string): string => {
    const dir = copyBundle();
    editLift(dir, (m) => void (m.files as unknown as unknown[]).push({ path: change, bytes: 4, sha256: '0'.repeat(64) }));
    return dir;
  };
  const bad: [string, RegExp][] = [
    ['/etc/hostname', /the path is absolute/],
    ['C:/x', /the path is absolute/],
    ['\\\\host\\x', /absolute/],
    ['../x', /leaves the folder/],
    ['fp32/../../x', /leaves the folder/],
    ['./fp32/x', /leaves the folder/],
    ['fp32//x', /leaves the folder/],
    ['fp32\\x', /backslash/],
    ['fp32/a\0b', /NUL/],
    ['', /empty/],
    ['fp32/CON', /reserved on Windows/],
    ['fp32/nul.data', /reserved on Windows/],
    ['fp32', /not a regular file/],
  ];
  for (const [name, words] of bad) it(`refuses ${JSON.stringify(name)}`, async () => void (await refused(named(name), 'path', words)));

  it('refuses a symbolic link out of the folder, and follows one beside the graph', async () => {
    const dir = copyBundle();
    const inside = path.join(dir, 'fp32', 'embed.data');
    const outside = path.join(temporaryFolder(), 'embed.data');
    fs.renameSync(inside, outside);
    fs.symlinkSync(outside, inside);
    await refused(dir, 'path', /"fp32\/embed\.data" is refused: a symbolic link leads out of the bundle folder/);
    fs.rmSync(inside);
    fs.renameSync(outside, path.join(dir, 'fp32', 'real.data'));
    fs.symlinkSync('real.data', inside);
    assert.deepEqual((await verifyBundle(dir, { hashes: true })).issues, []);
  });

  it('refuses a folder that is a symbolic link out of the bundle', async () => {
    const dir = copyBundle();
    const outside = temporaryFolder();
    fs.cpSync(path.join(dir, 'fp32'), path.join(outside, 'fp32'), { recursive: true });
    fs.rmSync(path.join(dir, 'fp32'), { recursive: true });
    fs.symlinkSync(path.join(outside, 'fp32'), path.join(dir, 'fp32'));
    await refused(dir, 'path', /"fp32\/generate\.onnx" is refused: a symbolic link/);
  });

  it('a sibling folder whose name begins with the bundle folder is still outside', async () => {
    const dir = copyBundle();
    fs.mkdirSync(`${dir}-evil`);
    // No graph names this file, so that only the check of the file list can find it.
    const [inside, outside] = [path.join(dir, 'tokenizers', 'lm', 'tokenizer.json'), path.join(`${dir}-evil`, 'tokenizer.json')];
    fs.renameSync(inside, outside);
    fs.symlinkSync(outside, inside);
    await refused(dir, 'path', /"tokenizers\/lm\/tokenizer\.json" is refused: a symbolic link leads out/);
  });

  it('never opens a device file or a FIFO', async function () {
    if (process.platform === 'win32') this.skip();
    const fifo = copyBundle();
    fs.rmSync(path.join(fifo, 'fp32', 'embed.data'));
    execFileSync('mkfifo', [path.join(fifo, 'fp32', 'embed.data')]);
    await refused(fifo, 'path', /"fp32\/embed\.data" is refused: it is not a regular file/);
    const device = copyBundle();
    fs.rmSync(path.join(device, 'lift.json'));
    fs.symlinkSync('/dev/zero', path.join(device, 'lift.json'));
    await refused(device, 'missing', /lift\.json is not a regular file/);
    fs.rmSync(path.join(device, 'lift.json'));
    execFileSync('mkfifo', [path.join(device, 'lift.json')]);
    await refused(device, 'missing', /lift\.json is not a regular file/);
  });

  it('refuses a chat template that the manifest does not list', async () => {
    const dir = copyBundle();
    fs.writeFileSync(path.join(dir, 'tokenizers', 'encoder', 'chat_template.jinja'), 'x');
    await refused(dir, 'file', /"tokenizers\/encoder\/chat_template\.jinja" is there but the manifest does not list it/);
  });
});

describe('bundle validator: files', () => {
  it('changed, truncated, longer, missing', async () => {
    const dir = copyBundle();
    const file = path.join(dir, 'fp32', 'model.onnx.data');
    const whole = fs.readFileSync(file);
    const changed = Buffer.from(whole);
    changed[1000]! ^= 1;
    fs.writeFileSync(file, changed);
    await refused(dir, 'hash', /"fp32\/model\.onnx\.data" was changed: its SHA-256 is [0-9a-f]{12}/);
    assert.deepEqual((await verifyBundle(dir)).issues, [], 'sizes alone cannot see it');
    fs.writeFileSync(file, whole.subarray(0, 100_000));
    await refused(dir, 'size', new RegExp(`"fp32/model\\.onnx\\.data" is truncated: 100000 bytes, the manifest says ${whole.length}\\.`), {});
    fs.writeFileSync(file, Buffer.concat([whole, Buffer.from('x')]));
    await refused(dir, 'size', /longer than stated/, {});
    fs.rmSync(file);
    await refused(dir, 'file', /"fp32\/model\.onnx\.data" is missing/, {});
  });

  it('an aborted check stops with the reason of the signal', async () => {
    await assert.rejects(verifyBundle(TINY, { hashes: true, signal: AbortSignal.abort() }), { name: 'AbortError' });
  });
});

describe('bundle validator: graphs', () => {
  const GRAPH = 'fp32/generate.onnx';
  const append = (dir: string, graphField: Buffer): void => {
    // A protobuf message may come in pieces only for the outer message, so the graph field itself is rebuilt.
    const data = fs.readFileSync(path.join(dir, GRAPH));
    let at = 0;
    const out: Buffer[] = [];
    const varint = (): number => {
      let value = 0;
      for (let scale = 1; ; scale *= 128) {
        const b = data[at++]!;
        value += (b & 127) * scale;
        if (b < 128) return value;
      }
    };
    while (at < data.length) {
      const start = at;
      const key = varint();
      if (key % 8 === 2) {
        const length = varint();
        at += length;
        if (key >> 3 === 7) {
          out.push(bytesField(7, Buffer.concat([data.subarray(at - length, at), graphField])));
          continue;
        }
      } else varint();
      out.push(data.subarray(start, at));
    }
    replaceFile(dir, GRAPH, Buffer.concat(out));
  };

  it('weights outside the folder, by name, by subfolder, or not listed', async () => {
    const up = copyBundle();
    patchFile(up, GRAPH, 'model.onnx.data', '../../../secret');
    await refused(up, 'path', /"fp32\/generate\.onnx" reads its weights from "\.\.\/\.\.\/\.\.\/secret", which is refused/);
    const absolute = copyBundle();
    patchFile(absolute, GRAPH, 'model.onnx.data', '/etc/hostname/x');
    await refused(absolute, 'path', /"\/etc\/hostname\/x", which is refused: the path is absolute/);
    const below = copyBundle();
    patchFile(below, GRAPH, 'model.onnx.data', 'sub/onnx.data.x');
    await refused(below, 'path', /weights must lie beside the graph/);
    const other = copyBundle();
    patchFile(other, GRAPH, 'model.onnx.data', 'other.onnx.data');
    await refused(other, 'file', /"fp32\/other\.onnx\.data", which the manifest does not list/);
  });

  it('weights outside the folder in a subgraph', async () => {
    const dir = copyBundle();
    const hidden = bytesField(1, bytesField(5, bytesField(6, bytesField(5, externalTensor('w', { location: '../../secret' })))));
    append(dir, hidden);
    await refused(dir, 'path', /"\.\.\/\.\.\/secret", which is refused/);
  });

  it('a data file that is shorter than the graph needs', async () => {
    const dir = copyBundle();
    replaceFile(dir, 'fp32/model.onnx.data', fs.readFileSync(path.join(dir, 'fp32', 'model.onnx.data')).subarray(0, 5000));
    await refused(dir, 'size', /"fp32\/model\.onnx\.data" is truncated: "fp32\/generate\.onnx" needs \d{6} bytes, there are 5000/);
  });

  it('a data file with a claim beyond all disks', async () => {
    const dir = copyBundle();
    append(dir, bytesField(5, externalTensor('w', { location: 'embed.data', offset: '0', length: '900000000000000' })));
    await refused(dir, 'size', /needs 900000000000000 bytes, there are 49152/);
    const negative = copyBundle();
    append(negative, bytesField(5, externalTensor('w', { location: 'embed.data', offset: '-4096' })));
    await refused(negative, 'graph', /"fp32\/generate\.onnx" is not an ONNX graph: the tensor "w" claims an impossible place/);
  });

  it('a graph that is no graph', async () => {
    const dir = copyBundle();
    replaceFile(dir, GRAPH, Buffer.from('<html>not found</html>'));
    await refused(dir, 'graph', /"fp32\/generate\.onnx" is not an ONNX graph/);
    replaceFile(dir, GRAPH, Buffer.alloc(0));
    await refused(dir, 'graph', /"fp32\/generate\.onnx" is not an ONNX graph: the file holds no graph/);
  });

  it('an input of another name or type', async () => {
    const renamed = copyBundle();
    patchFile(renamed, GRAPH, 'soft_embeds', 'soft_embedz');
    await refused(renamed, 'graph', /"fp32\/generate\.onnx" has no input "soft_embeds"/);
    const typed = copyBundle();
    // ValueInfoProto: field 2 (type), tensor_type, then elem_type = 1 right behind the name.
    const data = fs.readFileSync(path.join(typed, GRAPH));
    for (let at = data.indexOf('soft_embeds'); at >= 0; at = data.indexOf('soft_embeds', at + 11)) {
      if (data[at + 11] === 0x12 && data[at + 15] === 0x08 && data[at + 16] === 1) data[at + 16] = 10;
    }
    replaceFile(typed, GRAPH, data);
    await refused(typed, 'dtype', /"fp32\/generate\.onnx": input "soft_embeds" is float16, expected float32/);
    const output = copyBundle();
    patchFile(output, 'fp32/encoder.onnx', 'prefix_lengths', 'prefix_lengthz');
    await refused(output, 'graph', /"fp32\/encoder\.onnx" has no output "prefix_lengths"/);
  });

  const mismatch: [string, (m: Json) => void, RegExp][] = [
    ['layers', (m) => void (m.parts!.lm!.layers = value(3)), /"fp32\/generate\.onnx" has 2 layers of cache, the manifest says 3/],
    ['key/value heads', (m) => void (m.parts!.lm!.kvHeads = value(4)), /number of key\/value heads is 2, the manifest says 4/],
    ['head size', (m) => void (m.parts!.lm!.headDim = value(8)), /head size is 16, the manifest says 8/],
    [
      'width',
      (m) => {
        m.parts!.lm!.hidden = value(64);
        m.parts!.connector!.out = value(64);
      },
      /"fp32\/encoder\.onnx": the width of the soft prefix is 32, the manifest says 64|width of soft_embeds is 32, the manifest says 64/,
    ],
  ];
  for (const [what, change, words] of mismatch) {
    it(`graph and manifest disagree on ${what}`, async () => {
      const dir = copyBundle();
      editLift(dir, change);
      await refused(dir, 'shape', words);
    });
  }
});

describe('bundle validator: fuzz', () => {
  const text = fs.readFileSync(path.join(ROOT, 'models', 'tiny', 'lift.json'));
  const flips = (length: number) => fc.array(fc.tuple(fc.nat({ max: length - 1 }), fc.integer({ min: 1, max: 255 })), { minLength: 1, maxLength: 6 });

  it('damaged bytes of lift.json give issues or a valid manifest, never an exception', async () => {
    const dir = copyBundle();
    const seen = { valid: 0, refused: 0 };
    await fc.assert(
      fc.asyncProperty(flips(text.length), fc.option(fc.nat({ max: text.length })), async (list, cut) => {
        const damaged = Buffer.from(text);
        for (const [at, mask] of list) damaged[at]! ^= mask;
        fs.writeFileSync(path.join(dir, 'lift.json'), cut === null ? damaged : damaged.subarray(0, cut));
        const { manifest, issues } = await verifyBundle(dir);
        assert.ok(manifest !== undefined || issues.length > 0);
        seen[issues.length === 0 ? 'valid' : 'refused'] += 1;
      }),
      { numRuns: 300 },
    );
    assert.ok(seen.refused > 100, JSON.stringify(seen));
  });

  it('a field of any type anywhere in the manifest gives issues or a valid manifest, never an exception', () => {
    const paths: (string | number)[][] = [];
    const walk = (v: unknown, at: (string | number)[]): void => {
      if (at.length > 0) paths.push(at);
      if (at[0] === 'selfTest' || at[0] === 'provenance' || (at[0] === 'files' && Number(at[1]) > 1)) return;
      if (v !== null && typeof v === 'object') for (const [k, x] of Object.entries(v)) walk(x, [...at, k]);
    };
    walk(JSON.parse(text.toString()), []);
    fc.assert(
      fc.property(fc.constantFrom(...paths), fc.jsonValue({ maxDepth: 2 }), fc.boolean(), (where, instead, remove) => {
        const manifest = JSON.parse(text.toString()) as Record<string, unknown>;
        const parent = where.slice(0, -1).reduce<Record<string, unknown>>((v, k) => v[k] as Record<string, unknown>, manifest);
        if (remove) delete parent[where.at(-1)!];
        else parent[where.at(-1)!] = instead;
        const result = checkManifest(manifest);
        assert.equal(result.manifest === undefined, result.issues.length > 0);
      }),
      { numRuns: 3000 },
    );
  });

  it('damaged bytes of a graph give issues or a valid bundle, never an exception', async () => {
    const dir = copyBundle();
    const whole = fs.readFileSync(path.join(dir, 'fp32', 'score.onnx'));
    await fc.assert(
      fc.asyncProperty(flips(whole.length), fc.option(fc.nat({ max: whole.length })), async (list, cut) => {
        const damaged = Buffer.from(whole);
        for (const [at, mask] of list) damaged[at]! ^= mask;
        replaceFile(dir, 'fp32/score.onnx', cut === null ? damaged : damaged.subarray(0, cut));
        await verifyBundle(dir, { precision: 'fp32' });
      }),
      { numRuns: 150 },
    );
  });

  it('deeply nested and huge JSON is refused without a crash', async () => {
    const dir = copyBundle();
    const nested = '['.repeat(200_000) + ']'.repeat(200_000);
    fs.writeFileSync(path.join(dir, 'lift.json'), `{"format":"lift-bundle/1","name":${nested}}`);
    const { manifest, issues } = await verifyBundle(dir);
    assert.equal(manifest, undefined);
    assert.ok(issues.length > 0);
  });
});
