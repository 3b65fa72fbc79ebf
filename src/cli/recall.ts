import { retrieval } from '../core/analysis/retrieval';
import { questionText } from '../core/prompts';
import { wilson } from '../core/statistics';
import { EngineClient } from '../engine/client';
import { bundleFingerprint, openBundle, type Precision } from '../bundle';
import { loadBenchmark } from '../runs/benchmark';
import { resolveBundle } from '../runs/locations';
import { options, required, text } from './options';
import { languageLabel, percent, say, StatusLine, table } from './terminal';

const HELP = `lingualift recall --bundle DIR [--benchmark NAME|DIR] [--precision P] [--json]

Retrieves each problem's English twin by the encoder's own sentence embeddings (mean of the last hidden states, cosine):
recall@1 and mean reciprocal rank per language, and every miss. A translation that says something else shows here.`;

export interface RecallRow {
  readonly language: string;
  readonly n: number;
  readonly recallAt1: number;
  readonly interval: readonly [number, number];
  readonly mrr: number;
  readonly misses: readonly { readonly id: string; readonly rank: number; readonly found: string }[];
}

export async function recallCommand(args: readonly string[]): Promise<number> {
  const o = options(args, { bundle: 'text', benchmark: 'text', precision: 'text', json: 'flag' }, HELP);
  const dir = resolveBundle(required(o, 'bundle'));
  const precision = (text(o, 'precision') ?? 'fp32') as Precision;
  const { manifest } = await openBundle(dir, { precision });
  const { benchmark } = loadBenchmark(text(o, 'benchmark') ?? 'lift48');
  const status = new StatusLine(o.json === true);
  const engine = new EngineClient();
  const rows: RecallRow[] = [];
  try {
    await engine.load({ dir, precision, provider: 'cpu', threads: 0, memoryCeiling: 0, batch: 1 }, (p) => status.show(`Loading ${p.step}/${p.of}: ${p.message}`));
    const english = benchmark.problems.get('en') ?? [];
    const embed = async (texts: string[]) => {
      const { pooled, width } = await engine.encode(texts, 16);
      return { vectors: pooled, count: texts.length, width };
    };
    const target = await embed(english.map(questionText));
    for (const language of benchmark.languages.filter((l) => l !== 'en')) {
      status.show(`${languageLabel(language)} …`);
      const byId = new Map(benchmark.problems.get(language)!.map((p) => [p.id, p]));
      const pairs = english.flatMap((p, i) => (byId.has(p.id) ? [{ i, problem: byId.get(p.id)! }] : []));
      const queries = await embed(pairs.map((p) => questionText(p.problem)));
      const own = new Float32Array(pairs.length * target.width);
      pairs.forEach((p, k) => own.set(target.vectors.subarray(p.i * target.width, (p.i + 1) * target.width), k * target.width));
      const r = retrieval(queries, { vectors: own, count: pairs.length, width: target.width });
      const misses = r.misses.map((m) => ({ id: pairs[m.query]!.problem.id, rank: m.rank, found: pairs[m.found]!.problem.id }));
      rows.push({ language, n: r.n, recallAt1: r.recallAt1, interval: wilson(r.n - misses.length, r.n), mrr: r.mrr, misses });
    }
  } finally {
    status.clear();
    await engine.close();
  }
  const mean = (f: (r: RecallRow) => number): number => rows.reduce((s, r) => s + f(r), 0) / rows.length;
  const summary = { recallAt1: mean((r) => r.recallAt1), mrr: mean((r) => r.mrr), languages: rows.length };
  const fingerprint = bundleFingerprint(manifest, precision);
  if (o.json === true) {
    process.stdout.write(JSON.stringify({ bundle: { name: manifest.name, precision, sha256: fingerprint }, benchmark: benchmark.name, ...summary, rows }) + '\n');
    return 0;
  }
  const lines = rows.map((r) => [r.language, languageLabel(r.language), String(r.n), percent(r.recallAt1), `${percent(r.interval[0])} – ${percent(r.interval[1])}`, r.mrr.toFixed(3), r.misses.map((m) => `${m.id}→${m.found}`).join(' ')]);
  process.stdout.write(table(['', 'language', 'n', 'R@1 %', '95 % interval', 'MRR', 'misses'], lines, new Set([2, 3, 5])) + '\n');
  say(`Mean over ${rows.length} languages: recall@1 ${percent(summary.recallAt1)} %, MRR ${summary.mrr.toFixed(3)} (encoder of ${manifest.name}, ${precision}, fingerprint ${fingerprint.slice(0, 12)}).`);
  return 0;
}
