import { align, type AlignOptions } from '../runs/align';
import { type AlignmentResult } from '../protocol/alignment';
import { integer, options, required, text, UsageError } from './options';
import { duration, percent, say, StatusLine, table } from './terminal';

const HELP = `lingualift align --bundle DIR --benchmark NAME|PATH [options]

Compares the states that a bundle gives to the same problems in several languages: at the encoder's output, after the
alignment layer and at layers of the LLM, each averaged over the question's tokens. Per language and stage: retrieval of the
English twin (recall@1, MRR), cosine of parallel minus other pairs, linear CKA; per stage: how well the states tell the
language (nearest centroid, 5-fold over problems). Numbers are kept in RUNS/alignment by fingerprint.

  --bundle DIR            bundle folder, or the name of a demo bundle
  --benchmark NAME|PATH   lift48, or a folder: MMWP, MGSM, MSVAMP, LIFT
  --languages LIST        codes (en,sw), low, medium, high or all (default all)
  --limit N               N problems, drawn at random, the same in every language
  --seed N                seed of the draw and of the intervals (default 1)
  --ids a,b,c             exactly these problems
  --layers LIST           LLM layers (0 = embeddings), none, or all (default: quarter, half, three quarters, last)
  --reference CODE        language to compare with (default en)
  --baseline CODE|all     on what the 2-D map is fitted (default all)
  --standardise           divide each dimension by its standard deviation before the map is fitted
  --template NAME         prompt template (default plain: the question alone)
  --no-normalise          read the questions as they are written, without the bundle's normalisation of digits
  --run DIR               correlate the numbers with the accuracy of this run
  --precision P           fp32 (default), int8, int4 or fp16
  --batch N               rows at once (default 16)
  --threads N             threads of the engine (default: all cores)
  --runs DIR              folder of the cache (default runs)
  --no-cache              compute again and keep nothing
  --json                  print everything as JSON, map coordinates included`;

export async function alignCommand(args: readonly string[]): Promise<number> {
  const o = options(
    args,
    {
      bundle: 'text', benchmark: 'text', languages: 'text', limit: 'integer', seed: 'integer', ids: 'text', layers: 'text', reference: 'text', baseline: 'text', standardise: 'flag',
      template: 'text', 'no-normalise': 'flag', run: 'text', precision: 'text', batch: 'integer', threads: 'integer', runs: 'text', 'no-cache': 'flag', json: 'flag',
    },
    HELP,
  );
  const json = o.json === true;
  const status = new StatusLine(json);
  const abort = new AbortController();
  const interrupt = (): void => abort.abort();
  process.once('SIGINT', interrupt);
  try {
    const { result, cached, file } = await align({
      bundle: required(o, 'bundle'),
      benchmark: required(o, 'benchmark'),
      languages: text(o, 'languages'),
      limit: integer(o, 'limit'),
      seed: integer(o, 'seed'),
      ids: text(o, 'ids')?.split(',').map((id) => id.trim()).filter(Boolean),
      layers: layerList(text(o, 'layers')),
      reference: text(o, 'reference'),
      baseline: text(o, 'baseline'),
      standardise: o.standardise === true,
      template: text(o, 'template'),
      normalise: o['no-normalise'] !== true,
      run: text(o, 'run'),
      precision: text(o, 'precision'),
      batch: integer(o, 'batch'),
      threads: integer(o, 'threads'),
      runsFolder: o['no-cache'] === true ? null : text(o, 'runs'),
      signal: abort.signal,
      onProgress: (message, done, of) => status.show(`${message} ${done}/${of}`),
    });
    status.clear();
    if (json) process.stdout.write(JSON.stringify({ ...result, cached }) + '\n');
    else {
      print(result);
      say(`${cached ? 'Read from the cache' : `Computed in ${duration(result.milliseconds / 1000)}`}; fingerprint ${result.fingerprint.slice(0, 12)}${file ? `; ${file}` : ''}`);
    }
    return 0;
  } catch (e) {
    if (!abort.signal.aborted) throw e;
    status.clear();
    say('Cancelled; nothing was kept.');
    return 130;
  } finally {
    process.off('SIGINT', interrupt);
  }
}

/** `none`, `all`, or numbers: `0,6,12`. @throws UsageError for anything else */
export function layerList(list: string | undefined): AlignOptions['layers'] {
  if (list === undefined || list === 'none' || list === 'all') return list;
  if (!/^\d+(,\d+)*$/.test(list)) throw new UsageError(`--layers takes numbers like 0,6,12, or none, or all; not "${list}".`);
  return list.split(',').map(Number);
}

const three = (x: number | null): string => (x === null || !Number.isFinite(x) ? '–' : x.toFixed(3));
const range = ([low, high]: readonly [number, number], show: (x: number) => string): string => `${show(low)} – ${show(high)}`;

function print(result: AlignmentResult): void {
  say(`${result.bundle.name} (${result.bundle.precision}) on ${result.benchmark.title}: ${result.languages.length} languages × ${result.ids.length} problems, compared with ${result.reference}${result.settings.normalise === false ? ', texts as they are written' : ''}`);
  const header = ['stage', '', 'n', 'R@1 %', '95 % interval', 'MRR', 'back R@1 %', 'cosine gap', '95 % interval', 'CKA', 'debiased'];
  const lines = result.stages.flatMap(({ stage, rows }) =>
    rows.map((r) => [
      stage, r.language, String(r.n), percent(r.recallAt1), range(r.recallInterval, percent), three(r.mrr), percent(r.reverseRecallAt1), three(r.cosineGap), range(r.cosineGapInterval, three), three(r.cka), three(r.ckaDebiased),
    ]),
  );
  process.stdout.write(table(header, lines, new Set([2, 3, 5, 6, 7, 9, 10])) + '\n\n');
  const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;
  const summary = result.stages.map(({ stage, rows, languageProbe: probe, pca }) => [
    stage, percent(mean(rows.map((r) => r.recallAt1))), three(mean(rows.map((r) => r.mrr))), three(mean(rows.map((r) => r.cosineGap))),
    probe ? `${percent(probe.accuracy)} (${range(probe.interval, percent)}; chance ${percent(probe.chance)})` : '–', pca.ratio.map((r) => percent(r)).join(' + '),
  ]);
  process.stdout.write(table(['stage', 'mean R@1 %', 'mean MRR', 'mean gap', 'language told %', 'map explains %'], summary, new Set([1, 2, 3])) + '\n');
  if (!result.correlation) return;
  const rows = result.correlation.rows.map((r) => [r.stage, r.measure, String(r.n), three(r.pearson), r.pearsonInterval ? range(r.pearsonInterval, three) : '–', three(r.spearman), r.spearmanInterval ? range(r.spearmanInterval, three) : '–']);
  process.stdout.write(`\nCorrelation with the accuracy of ${result.correlation.run.name} over languages:\n` + table(['stage', 'measure', 'n', 'Pearson', '95 % interval', 'Spearman', '95 % interval'], rows, new Set([2, 3, 5])) + '\n');
}
