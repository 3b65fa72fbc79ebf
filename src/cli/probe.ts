import fs from 'node:fs';
import path from 'node:path';
import { bundleFingerprint, openBundle, type Precision } from '../bundle';
import { promptTemplate } from '../core/prompts';
import { EngineClient } from '../engine/client';
import { type GenerateItem } from '../protocol/engine';
import { type ProbeSide, type ProbeSummary } from '../protocol/probe';
import { RunError } from '../runs/errors';
import { resolveBundle } from '../runs/locations';
import { NpzWriter } from '../runs/npz';
import { layerList } from './align';
import { integer, options, required, text, UsageError } from './options';
import { say, StatusLine } from './terminal';

const HELP = `lingualift probe --bundle DIR --prompt TEXT|FILE --out FILE.npz [options]

Reads one prompt, and a completion after it, and writes what happens inside the bundle as NumPy arrays: attention and states
of encoder and LLM per layer, the soft prefix before and after the alignment layer with its nearest vocabulary tokens, the
next-token view of every layer (final norm and head on its states), attention roll-out.

  --bundle DIR            bundle folder, or the name of a demo bundle
  --prompt TEXT|FILE      the question; the name of a file reads it from there
  --completion TEXT|FILE  what the LLM has answered (default: nothing)
  --generate N            let the bundle answer first, up to N tokens
  --template NAME         prompt template (default: the bundle's)
  --language CODE         language of the question, for templates that name it (default en)
  --layers LIST           layers whose attention and states are written: numbers, none or all (default all)
  --no-attention          leave the attention out
  --top N                 tokens in each list (default 5)
  --precision P           fp32 (default), int8 or int4
  --threads N             threads of the engine (default: all cores)
  --memory MIB            memory for results in the engine (default 768)
  --out FILE.npz          the file to write`;

export async function probeCommand(args: readonly string[]): Promise<number> {
  const o = options(
    args,
    {
      bundle: 'text', prompt: 'text', completion: 'text', generate: 'integer', template: 'text', language: 'text', layers: 'text', 'no-attention': 'flag', top: 'integer', precision: 'text',
      threads: 'integer', memory: 'integer', out: 'text',
    },
    HELP,
  );
  const out = path.resolve(required(o, 'out'));
  if (o.generate !== undefined && o.completion !== undefined) throw new UsageError('--completion and --generate exclude each other.');
  const question = textOrFile(required(o, 'prompt'));
  const layers = layerList(text(o, 'layers')) ?? 'all';
  const dir = resolveBundle(required(o, 'bundle'));
  const precision = (text(o, 'precision') ?? 'fp32') as Precision;
  const { manifest } = await openBundle(dir, { precision });
  const template = promptTemplate(text(o, 'template') ?? manifest.prompts.template);
  const problem = { id: 'prompt', language: text(o, 'language') ?? 'en', kind: 'number', question, answer: '0' } as const;
  const item = { ...template.render(problem, { benchmark: 'prompt' }), chat: template.chat };
  const abort = new AbortController();
  const interrupt = (): void => abort.abort();
  process.once('SIGINT', interrupt);
  const status = new StatusLine(false);
  const engine = new EngineClient();
  const writer = new NpzWriter(out);
  try {
    await engine.load({ dir, precision, provider: 'cpu', threads: integer(o, 'threads') ?? 0, memoryCeiling: 0, batch: 1 }, (p) => status.show(`Loading ${p.step}/${p.of}: ${p.message}`));
    const completionIds = o.generate === undefined ? undefined : await generate(engine, { key: 'prompt', ...item }, integer(o, 'generate')!);
    const completion = text(o, 'completion') === undefined ? undefined : textOrFile(text(o, 'completion')!);
    const memory = integer(o, 'memory');
    const opened = await engine.probe.open({ ...item, completion, completionIds }, { signal: abort.signal, memoryLimit: memory === undefined ? undefined : memory * 2 ** 20 });
    const plan = { layers, attention: o['no-attention'] !== true, top: integer(o, 'top') ?? 5, signal: abort.signal, show: (what: string): void => status.show(what) };
    writer.addTexts('meta', JSON.stringify({ bundle: manifest.name, precision, sha256: bundleFingerprint(manifest, precision), template: template.name, promptLength: opened.promptLength, stages: opened.stages }));
    await writeArrays(writer, engine, opened, plan);
    writer.close();
    status.clear();
    say(`Wrote ${path.relative(process.cwd(), out) || out}: ${opened.encoder?.tokens.length ?? 0} encoder tokens, ${opened.lm.positions.length} LLM positions, ${(fs.statSync(out).size / 2 ** 20).toFixed(1)} MiB.`);
    return 0;
  } catch (e) {
    writer.abort();
    status.clear();
    if (!abort.signal.aborted) throw e;
    say('Cancelled; nothing was written.');
    return 130;
  } finally {
    process.off('SIGINT', interrupt);
    await engine.close();
  }
}

function textOrFile(value: string): string {
  return fs.existsSync(value) && fs.statSync(value).isFile() ? fs.readFileSync(value, 'utf8').trimEnd() : value;
}

async function generate(engine: EngineClient, item: GenerateItem, maxNewTokens: number): Promise<readonly number[]> {
  let ids: readonly number[] = [];
  let failure: string | undefined;
  await engine.generate({ items: [item], maxNewTokens, stop: [], batch: 1, tokenBudget: 1 << 20, chunk: 16, stream: false }, { onItem: (r) => ([ids, failure] = [r.tokenIds, r.failure]) });
  if (failure !== undefined) throw new RunError(failure);
  return ids;
}

interface WritePlan {
  readonly layers: NonNullable<ReturnType<typeof layerList>>;
  readonly attention: boolean;
  readonly top: number;
  readonly signal: AbortSignal;
  readonly show: (what: string) => void;
}

async function writeArrays(writer: NpzWriter, { probe }: EngineClient, opened: ProbeSummary, plan: WritePlan): Promise<void> {
  const { handle, encoder, lm } = opened;
  const { signal, top } = plan;
  const S = lm.positions.length;
  const sources = { start: -2, end: -3 } as const;
  writer.addTexts('lm_tokens', lm.positions.map((p) => p.hex ?? p.text));
  writer.addTexts('lm_stage', lm.positions.map((p) => p.stage));
  await writer.add('lm_ids', '<i4', [S], [Int32Array.from(lm.positions, (p) => p.id)]);
  await writer.add('lm_source', '<i4', [S], [Int32Array.from(lm.positions, (p) => (typeof p.source === 'number' ? p.source : p.source ? sources[p.source] : -1))]);
  await writeSide(writer, probe, handle, 'lm', { ...lm, size: S }, plan);
  if (encoder) {
    const E = encoder.tokens.length;
    writer.addTexts('encoder_tokens', encoder.tokens.map((t) => t.hex ?? t.text));
    await writer.add('encoder_ids', '<i4', [E], [Int32Array.from(encoder.tokens, (t) => t.id)]);
    await writeSide(writer, probe, handle, 'encoder', { ...encoder, size: E }, plan);
    plan.show('soft prefix');
    const soft = await probe.soft(handle, top, signal);
    for (const which of ['before', 'after'] as const) {
      const block = await probe.softVectors(handle, which, [0, soft.slots], signal);
      await writer.add(`soft_${which}`, '<f4', [block.rows, block.columns], [block.data]);
      await writer.add(`soft_norm_${which}`, '<f4', [soft.slots], [soft[which]]);
    }
    const { mean, min, q05, median, q95, max } = soft.embeddings;
    await writer.add('embedding_norms', '<f4', [6], [Float32Array.of(mean, min, q05, median, q95, max)]);
    const shape = [soft.slots, soft.k];
    await writer.add('soft_cosine_ids', '<i4', shape, [soft.cosineIds]);
    await writer.add('soft_cosine', '<f4', shape, [soft.cosine]);
    await writer.add('soft_distance_ids', '<i4', shape, [soft.distanceIds]);
    await writer.add('soft_distance', '<f4', shape, [soft.distance]);
    if (plan.attention) await writer.add('source_rollout', '<f4', [S, E], [(await probe.attention(handle, { side: 'source', layer: 'rollout', head: 'mean', rows: [0, S] }, signal)).data]);
  }
  await writeLens(writer, probe, opened, plan);
}

type Probe = EngineClient['probe'];

async function writeSide(writer: NpzWriter, probe: Probe, handle: string, side: ProbeSide, part: { layers: number; heads: number; width: number; size: number }, plan: WritePlan): Promise<void> {
  const { layers, heads, width, size } = part;
  const chosen = plan.layers === 'none' ? [] : plan.layers === 'all' ? Array.from({ length: layers + 1 }, (_, i) => i) : plan.layers.filter((l) => l <= layers);
  const name = (what: string, layer: number): string => `${side}_${what}_${String(layer).padStart(2, '0')}`;
  for (const layer of chosen) {
    plan.show(`${side} layer ${layer}`);
    await writer.add(name('hidden', layer), '<f4', [size, width], [(await probe.hidden(handle, side, layer, [0, size], plan.signal)).data]);
    if (!plan.attention || layer === layers) continue;
    const all = async function* (): AsyncGenerator<Float32Array> {
      for (let head = 0; head < heads; head++) yield (await probe.attention(handle, { side, layer, head, rows: [0, size] }, plan.signal)).data;
    };
    await writer.add(name('attention', layer), '<f4', [heads, size, size], all());
  }
  if (plan.attention) await writer.add(`${side}_rollout`, '<f4', [size, size], [(await probe.attention(handle, { side, layer: 'rollout', head: 'mean', rows: [0, size] }, plan.signal)).data]);
}

/** The next-token view of all layers, one layer a request. */
async function writeLens(writer: NpzWriter, probe: Probe, { handle, lm }: ProbeSummary, plan: WritePlan): Promise<void> {
  const S = lm.positions.length;
  const views = [];
  for (let layer = 0; layer <= lm.layers; layer++) {
    plan.show(`next tokens of layer ${layer}`);
    views.push(await probe.lens(handle, { layers: [layer], rows: [0, S], k: plan.top }, plan.signal));
  }
  const L = lm.layers + 1;
  const { k, scripts } = views[0]!;
  await writer.add('lens_top_ids', '<i4', [L, S, k], views.map((v) => v.topIds));
  await writer.add('lens_top_logprobs', '<f4', [L, S, k], views.map((v) => v.topLogprobs));
  await writer.add('lens_entropy', '<f4', [L, S], views.map((v) => v.entropy));
  await writer.add('lens_kl', '<f4', [L, S], views.map((v) => v.kl));
  await writer.add('lens_rank', '<i4', [L, S], views.map((v) => v.rank));
  await writer.add('lens_chosen_logprob', '<f4', [L, S], views.map((v) => v.chosenLogprob));
  await writer.add('lens_script_mass', '<f4', [L, S, scripts.length], views.map((v) => v.scriptMass));
  writer.addTexts('lens_scripts', scripts);
  const tokens = new Map(views.flatMap((v) => v.tokens.map((t) => [t.id, t.hex ?? t.text] as const)));
  await writer.add('token_ids', '<i4', [tokens.size], [Int32Array.from(tokens.keys())]);
  writer.addTexts('token_texts', [...tokens.values()]);
}
