import { type BundleIssue, bundleFingerprint, type Precision, verifyBundle } from '../bundle';
import { buildBundle } from '../runs/build';
import { resolveBundle } from '../runs/locations';
import { exportForVllm } from '../runs/serve';
import { integer, options, required, text, UsageError } from './options';
import { say, StatusLine, table } from './terminal';

const HELP = `lingualift bundle build --lm DIR|ID --out DIR [options]   make a bundle from Hugging Face checkpoints
lingualift bundle inspect DIR [--json]                  what a bundle is made of
lingualift bundle verify DIR [--json]                   check schema, shapes, graphs, paths and every hash
lingualift bundle export-vllm DIR --out FOLDER [options] the LLM as a folder that vLLM serves, and the command to serve it

build:
  --lm DIR|ID             Llama, Qwen or Mistral checkpoint: local folder or hub id
  --adapter DIR           LoRA adapter to merge
  --encoder DIR|ID        BERT, XLM-R, mT5 or umT5 encoder; without one the bundle has method text
  --connector DIR|FILE    trained alignment layer
  --method NAME           lingualift, langbridge, mindmerger or text
  --merge MODE            replace, concat or none
  --order LIST            e.g. bos,start,enc,end,instruction,text
  --precisions LIST       fp32,int8,int4,fp16 (default fp32,int8)
  --template NAME         prompt template
  --name NAME             name of the bundle
  --demo NAME             build a demo bundle instead: smol-text, smol-lift or smol-baseline
  --out DIR               folder to write

export-vllm (weights come from the bundle's own fp32 graphs, so the folder is the bundle's LLM bit for bit in float32):
  --dtype TYPE            float32 (default), bfloat16 or float16
  --max-model-len N       longest prompt and answer together (default: the model's positions, at most 4096)
  --config FILE           config.json of the original checkpoint, when its rotary positions are scaled (Llama 3.1, YaRN)
  --out FOLDER            folder to write`;

export async function bundleCommand(args: readonly string[]): Promise<number> {
  const [action, ...rest] = args;
  if (action === 'inspect') return inspect(rest);
  if (action === 'verify') return verify(rest);
  if (action === 'build') return build(rest);
  if (action === 'export-vllm') return exportVllm(rest);
  options(args, {}, HELP);
  throw new UsageError('Say what to do: lingualift bundle build, inspect, verify or export-vllm. See --help.');
}

async function build(args: readonly string[]): Promise<number> {
  const names = ['lm', 'adapter', 'encoder', 'connector', 'method', 'merge', 'order', 'precisions', 'template', 'name', 'demo', 'out'] as const;
  const o = options(args, { ...Object.fromEntries(names.map((n) => [n, 'text' as const])), json: 'flag' }, HELP);
  const demo = text(o, 'demo');
  if (demo === undefined && text(o, 'lm') === undefined) throw new UsageError('--lm or --demo is missing. See lingualift bundle --help.');
  if (text(o, 'out') === undefined && demo === undefined) throw new UsageError('--out is missing. See lingualift bundle --help.');
  const status = new StatusLine(false);
  const abort = new AbortController();
  process.once('SIGINT', () => abort.abort());
  const settings = Object.fromEntries(names.filter((n) => n !== 'out' && n !== 'demo').flatMap((n) => (text(o, n) === undefined ? [] : [[n, text(o, n)!]])));
  const folder = await buildBundle({ demo, out: text(o, 'out'), settings, signal: abort.signal, onProgress: (message) => status.show(message, true) });
  status.clear();
  if (o.json === true) process.stdout.write(JSON.stringify({ bundle: folder }) + '\n');
  else say(`Bundle: ${folder}`);
  return 0;
}

async function exportVllm(args: readonly string[]): Promise<number> {
  const o = options(args, { out: 'text', dtype: 'text', 'max-model-len': 'integer', config: 'text', json: 'flag' }, HELP);
  if (o._.length !== 1) throw new UsageError('Name one bundle folder. See lingualift bundle --help.');
  const status = new StatusLine(false);
  const abort = new AbortController();
  process.once('SIGINT', () => abort.abort());
  const made = await exportForVllm({
    bundle: o._[0]!, out: required(o, 'out'), dtype: text(o, 'dtype'), maxModelLen: integer(o, 'max-model-len'), config: text(o, 'config'), signal: abort.signal,
    onProgress: (message) => status.show(message, true),
  });
  status.clear();
  if (o.json === true) process.stdout.write(JSON.stringify(made) + '\n');
  else {
    const exact = made.dtype === 'float32' ? 'exactly the weights of the fp32 graphs' : made.rounded === 0 ? `every weight is exact in ${made.dtype}` : `${made.rounded} weights were rounded to ${made.dtype}`;
    say(`${made.folder}: ${exact}. Serve it with:`);
    process.stdout.write(made.command.map((w) => (/^[\w@%+=:,./-]+$/.test(w) ? w : `'${w.replaceAll("'", "'\\''")}'`)).join(' ') + '\n');
    say('Add --host, --port, --api-key and, over several GPUs, --tensor-parallel-size or --data-parallel-size as the machine asks for.');
  }
  return 0;
}

function folderOf(args: readonly string[]): { dir: string; json: boolean } {
  const o = options(args, { json: 'flag' }, HELP);
  if (o._.length !== 1) throw new UsageError('Name one bundle folder. See lingualift bundle --help.');
  return { dir: resolveBundle(o._[0]!), json: o.json === true };
}

const issueLines = (issues: readonly BundleIssue[]): string => issues.map((i) => `✗ ${i.message}\n  ${i.fix}`).join('\n');

async function verify(args: readonly string[]): Promise<number> {
  const { dir, json } = folderOf(args);
  const status = new StatusLine(json);
  const { manifest, issues } = await verifyBundle(dir, { hashes: true, onProgress: (done, total) => status.show(`hashing ${((100 * done) / total).toFixed(0)} %`) });
  status.clear();
  if (json) process.stdout.write(JSON.stringify({ valid: issues.length === 0, name: manifest?.name ?? null, issues }) + '\n');
  else process.stdout.write(issues.length === 0 ? `✓ ${manifest!.name}: valid, ${manifest!.files.length} files, every hash is right\n` : `${issueLines(issues)}\n`);
  return issues.length === 0 ? 0 : 2;
}

async function inspect(args: readonly string[]): Promise<number> {
  const { dir, json } = folderOf(args);
  const { manifest, issues } = await verifyBundle(dir);
  if (!manifest) {
    if (json) process.stdout.write(JSON.stringify({ valid: false, issues }) + '\n');
    else process.stdout.write(issueLines(issues) + '\n');
    return 2;
  }
  const { encoder, connector, lm } = manifest.parts;
  const precisions = Object.keys(manifest.precisions) as Precision[];
  const bytes = (p: string): number => manifest.files.filter((f) => f.path.startsWith(`${p}/`)).reduce((s, f) => s + f.bytes, 0);
  if (json) {
    const fingerprints = Object.fromEntries(precisions.map((p) => [p, bundleFingerprint(manifest, p)]));
    const { name, method, parts, merge, prompts, generation, stages, provenance } = manifest;
    process.stdout.write(JSON.stringify({ valid: issues.length === 0, name, method, parts, merge, prompts, generation, stages: stages ?? [], provenance: provenance ?? {}, precisions, fingerprints, issues }) + '\n');
    return issues.length === 0 ? 0 : 2;
  }
  const rows = [
    ['method', manifest.method],
    ['encoder', encoder ? `${encoder.class}, ${encoder.layers} layers × ${encoder.hidden}, at most ${encoder.maxLength} tokens` : 'none'],
    ['alignment layer', connector ? `${connector.type} ${connector.in} → ${connector.out}, boundary ${[connector.boundary.start && 'start', connector.boundary.end && 'end'].filter(Boolean).join(' + ') || 'none'}` : 'none'],
    ['LLM', `${lm.modelType}, ${lm.layers} layers × ${lm.hidden}, ${lm.heads} heads (${lm.kvHeads} key/value), vocabulary ${lm.vocab}, at most ${lm.maxPositions} tokens`],
    ['merge', `${manifest.merge.mode}: ${manifest.merge.order.join(' ▸ ')}`],
    ['prompt template', manifest.prompts.template],
    ...precisions.map((p) => [p, `${(bytes(p) / 2 ** 20).toFixed(1)} MiB, fingerprint ${bundleFingerprint(manifest, p).slice(0, 12)}`]),
  ];
  process.stdout.write(`${manifest.name}\n${table(['part', 'what'], rows, new Set())}\n`);
  if (issues.length > 0) process.stdout.write(issueLines(issues) + '\n');
  return issues.length === 0 ? 0 : 2;
}
