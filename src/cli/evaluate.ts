import path from 'node:path';
import { languageOf, RESOURCE_CLASSES } from '../core/languages';
import { aggregateSamples, summarise } from '../runs/summary';
import { type EvaluationOptions, prepareEvaluation, startEvaluation } from '../runs/session';
import { type Continuation, type RunMode, type RunPlan, type Sample, type Sampling, SAMPLINGS } from '../protocol/run';
import { plannedIn } from '../protocol/shard';
import { writeReports } from '../runs/report';
import { parseShard } from '../runs/shard';
import { readManifestOf } from '../runs/store';
import { integer, type Options, options, required, text, UsageError } from './options';
import { duration, languageLabel, percent, say, StatusLine, table } from './terminal';
import { VERSION } from './version';

export const EVALUATE_HELP = `lingualift evaluate --bundle DIR --benchmark NAME|PATH [options]

Asks every chosen problem in every chosen language and scores the answers.
The same command again resumes where it stopped.

  --bundle DIR            bundle folder, or the name of a demo bundle (smol-lift, smol-text)
  --benchmark NAME|PATH   lift48, lift48-choice, or a folder: MMWP, MGSM, MSVAMP, GSM8K, X-CSQA, XNLI,
                          LIFT, or your own (benchmarks/README.md)
  --languages LIST        codes (en,sw), low, medium, high or all (default all)
  --limit N               N problems per language, drawn at random, the same in every language
  --seed N                seed of the draw (default 1)
  --sampling METHOD       random (default), stratified (by difficulty), balanced (by gold answer) or first
  --ids a,b,c             exactly these problems
  --precision P           fp32, int8, int4 or fp16 (default fp32; fp16 with --provider cuda)
  --batch N               rows at once (default 24); completions do not depend on it
  --max-new-tokens N      default: what the bundle says
  --calculator            finish calculations that the model writes up to their equals sign (default no)
  --mode MODE             generate (default): the model writes, a scorer reads
                          choice: log-likelihood of each choice (X-CSQA, XNLI, lift48-choice)
                          operation: log-likelihood of each calculation with a problem's two numbers
  --continuation KIND     with --mode choice: text (default; the choices are not shown) or label (A, B, … after the listed choices)
  --scorer NAME           locale (default), harness, vllm; choice, choice-paper; likelihood, likelihood-norm (per character);
                          operation (+ − × ÷), operation-order (both orders of a subtraction)
  --template NAME         prompt template (default: the bundle's)
  --swap-sv-sw            parity with MMWP's harness, which exchanges the prefixes of Swedish and Swahili
  --provider P            auto (default), cpu or cuda
  --backend B             onnx (default), or vllm: encoder here, LLM on vLLM servers
  --endpoint URL          a server of the vllm backend; may be repeated. Key: LINGUALIFT_VLLM_KEY
  --concurrency N         most requests at once to one server (default 64)
  --request-timeout S     seconds that one completion may take (default 600)
  --served-model NAME     the model's name, where the server was not started as bundle export-vllm says
  --shard I/N             only part I of N of the items; put the parts together with: lingualift runs merge
  --threads N             threads of one engine process (default: all cores)
  --processes N           engine processes (default: one, or one for each core when that was measured faster)
  --memory-ceiling MIB    refuse to load above this many MiB
  --out DIR               run folder (default runs/<bundle>.<benchmark>.<fingerprint>)
  --runs DIR              folder of runs, in place of ./runs
  --retry-failed          run items again that failed before
  --json                  print the summary as JSON

Exit codes: 0 finished, 1 failed while running, 2 wrong input, 3 disk, 4 another run or writer is in the folder, 130 cancelled.`;

const SPEC = {
  bundle: 'text', benchmark: 'text', languages: 'text', limit: 'integer', seed: 'integer', sampling: 'text', ids: 'text', mode: 'text', continuation: 'text', 'swap-sv-sw': 'flag', precision: 'text', batch: 'integer',
  'max-new-tokens': 'integer', scorer: 'text', template: 'text', provider: 'text', threads: 'integer', processes: 'integer', 'memory-ceiling': 'integer', out: 'text', runs: 'text',
  backend: 'text', endpoint: 'list', concurrency: 'integer', 'request-timeout': 'integer', 'served-model': 'text', shard: 'text',
  calculator: 'flag', 'retry-failed': 'flag', json: 'flag', verbose: 'flag',
} as const;

export async function evaluateCommand(args: readonly string[]): Promise<number> {
  const o = options(args, SPEC, EVALUATE_HELP);
  if (o._.length > 0) throw new UsageError(`"${o._[0]}" is not an option. Lists are written without spaces: --languages en,sw. See --help.`);
  const request = evaluationOptions(o);
  const json = o.json === true;
  const status = new StatusLine(json && !process.stderr.isTTY);
  const prepared = await prepareEvaluation(request);
  const { benchmark, plan } = prepared;
  const findings = benchmark.benchmark.findings;
  if (!json) {
    say(`${prepared.bundle.name} (${prepared.precision}) ${request.calculator ? 'with calculator ' : ''}on ${benchmark.benchmark.title}: ${plan.languages.length} languages × ${plan.ids.length} problems, ${plan.sampling === 'all' ? 'all of them' : `${plan.sampling}, seed ${plan.seed}`}`);
    if (findings.length > 0) say(`Pre-flight: ${findings.length} finding${findings.length > 1 ? 's' : ''}, first: ${findings[0]!.file}${findings[0]!.line ? `:${findings[0]!.line}` : ''}${findings[0]!.field ? ` [${findings[0]!.field}]` : ''}: ${findings[0]!.message}`);
  }
  const abort = new AbortController();
  let interrupts = 0;
  const interrupt = (): void => {
    interrupts += 1;
    if (interrupts > 1) process.exit(130);
    status.clear();
    say('Stopping after the current chunk (press again to stop at once). What is finished is saved; the same command resumes.');
    abort.abort();
  };
  process.on('SIGINT', interrupt);
  process.on('SIGTERM', interrupt);
  const started = await startEvaluation(request, prepared, (p) => status.show(`Loading ${p.step}/${p.of}: ${p.message}`), o.verbose ? say : undefined);
  try {
    if (!json) say(`${request.backend === 'vllm' ? 'Servers' : 'Engine'}: ${started.backendInWords}`);
    const live = new LiveTable(plan);
    const result = await started.run({
      signal: abort.signal,
      retryFailed: o['retry-failed'] === true,
      onSample: (sample, p) => {
        live.add(sample);
        const finishedRow = live.finishedRow(sample.language);
        if (finishedRow && !json) {
          status.clear();
          say(finishedRow);
        }
        status.show(`${p.done}/${p.total}  ${p.tokensPerSecond.toFixed(0)} tok/s  ETA ${duration(p.etaSeconds)}  ${live.headline()}`);
      },
      onProgress: (p) => status.show(`${p.done}/${p.total}  ${p.tokensPerSecond.toFixed(0)} tok/s  ETA ${duration(p.etaSeconds)}  ${live.headline()}`),
    });
    status.clear();
    const summary = summarise(readManifestOf(started.folder), result.state, result.samples, started.folder);
    const report = result.samples.length > 0 ? writeReports(started.folder) : undefined;
    if (json) process.stdout.write(JSON.stringify(summary) + '\n');
    else {
      process.stdout.write(finalTable(result.samples) + '\n');
      say(`Run ${summary.run.id}, fingerprint ${summary.run.fingerprint.slice(0, 12)}, scorer ${summary.scorer}, ${summary.tokensPerSecond} tokens/s`);
      if (result.resumed > 0) say(`${result.resumed} items were already there from an earlier session.`);
      if (result.damagedLines.length > 0) say(`Damaged lines in samples.jsonl were computed again: ${result.damagedLines.join(', ')}`);
      if (report) say(`Report: ${path.relative(process.cwd(), report) || report}`);
      say(`Run folder: ${path.relative(process.cwd(), started.folder) || started.folder}`);
    }
    return result.cancelled ? 130 : 0;
  } finally {
    process.off('SIGINT', interrupt);
    process.off('SIGTERM', interrupt);
    await started.backend.close();
  }
}

export function evaluationOptions(o: Options): EvaluationOptions {
  const provider = text(o, 'provider');
  if (provider !== undefined && provider !== 'auto' && provider !== 'cpu' && provider !== 'cuda') throw new UsageError(`--provider must be auto, cpu or cuda, not "${provider}".`);
  const sampling = text(o, 'sampling');
  if (sampling !== undefined && !SAMPLINGS.includes(sampling as Sampling)) throw new UsageError(`--sampling must be ${SAMPLINGS.join(', ')}, not "${sampling}".`);
  const backend = text(o, 'backend');
  if (backend !== undefined && backend !== 'onnx' && backend !== 'vllm') throw new UsageError(`--backend must be onnx or vllm, not "${backend}".`);
  const [shard, timeout] = [text(o, 'shard'), integer(o, 'request-timeout')];
  if (timeout !== undefined && timeout < 1) throw new UsageError('--request-timeout must be at least 1 second.');
  const ceiling = integer(o, 'memory-ceiling');
  return {
    bundle: required(o, 'bundle'),
    benchmark: required(o, 'benchmark'),
    languages: text(o, 'languages'),
    limit: integer(o, 'limit'),
    seed: integer(o, 'seed'),
    sampling: sampling as Sampling | undefined,
    mode: text(o, 'mode') as RunMode | undefined,
    continuation: text(o, 'continuation') as Continuation | undefined,
    swapSwedishSwahili: o['swap-sv-sw'] === true,
    ids: text(o, 'ids')?.split(',').map((s) => s.trim()).filter(Boolean),
    precision: text(o, 'precision'),
    batch: integer(o, 'batch'),
    maxNewTokens: integer(o, 'max-new-tokens'),
    calculator: o.calculator === true,
    scorer: text(o, 'scorer'),
    template: text(o, 'template'),
    provider,
    threads: integer(o, 'threads'),
    processes: integer(o, 'processes'),
    memoryCeiling: ceiling === undefined ? undefined : ceiling * 2 ** 20,
    out: text(o, 'out'),
    backend,
    endpoints: o.endpoint as readonly string[] | undefined,
    concurrency: integer(o, 'concurrency'),
    requestTimeoutMs: timeout === undefined ? undefined : timeout * 1000,
    servedModel: text(o, 'served-model'),
    ...(shard === undefined ? {} : { shard: parseShard(shard) }),
    runsFolder: text(o, 'runs'),
    version: VERSION,
  };
}

/** Counts while samples come in, one row a language. */
class LiveTable {
  private readonly rows: Map<string, { n: number; correct: number }>;
  constructor(private readonly plan: RunPlan) {
    this.rows = new Map(plan.languages.map((l) => [l, { n: 0, correct: 0 }]));
  }

  add(sample: Sample): void {
    const row = this.rows.get(sample.language)!;
    row.n += 1;
    if (sample.correct) row.correct += 1;
  }

  /** A line for a language that has just become complete. */
  finishedRow(language: string): string | undefined {
    const row = this.rows.get(language)!;
    if (row.n !== plannedIn(this.plan, language)) return undefined;
    return `  ${language.padEnd(3)} ${languageLabel(language).padEnd(18)} ${String(row.correct).padStart(4)}/${row.n}  ${percent(row.correct / row.n).padStart(5)} %`;
  }

  headline(): string {
    return RESOURCE_CLASSES.map((cls) => {
      const mine = [...this.rows].filter(([l]) => languageOf(l)?.resourceClass === cls).map(([, r]) => r);
      const n = mine.reduce((s, r) => s + r.n, 0);
      return n === 0 ? '' : `${cls} ${percent(mine.reduce((s, r) => s + r.correct, 0) / n)} %`;
    }).filter(Boolean).join('  ');
  }
}

/** The closing table: languages by resource class, each with n, accuracy and interval, then group means. */
export function finalTable(samples: readonly Sample[]): string {
  const total = aggregateSamples(samples);
  const order = new Map([...RESOURCE_CLASSES, 'other'].map((c, i) => [c, i]));
  const cls = (code: string): string => languageOf(code)?.resourceClass ?? 'other';
  const balance = total.overall.balanced !== undefined;
  const balanced = (g: { readonly balanced?: { readonly mean: number } }): string[] => (balance ? [g.balanced ? percent(g.balanced.mean) : '–'] : []);
  const above = (floor: number | undefined, isAbove: boolean | undefined): string => (floor === undefined ? '–' : `${percent(floor)}${isAbove === false ? ' !' : ''}`);
  const rows = [...total.languages]
    .sort((a, b) => order.get(cls(a.language))! - order.get(cls(b.language))! || (a.language < b.language ? -1 : 1))
    .map((l) => [l.language, languageLabel(l.language), cls(l.language), `${l.correct}/${l.n}`, percent(l.accuracy), `${percent(l.interval[0])} – ${percent(l.interval[1])}`, ...balanced(l), above(l.floor?.share, l.aboveFloor), l.tokensPerQuestion?.toFixed(0) ?? '–', String(l.unread), String(l.failed)]);
  const groups = [...total.groups.filter((g) => g.by === 'class'), { key: 'all', ...total.overall }].map((g) => [
    '', `mean of ${g.languages.length}`, g.key, `n ${g.n}`, percent(g.mean), `${percent(g.interval[0])} – ${percent(g.interval[1])}`, ...balanced(g), above(g.floor, g.aboveFloor), '', '', '',
  ]);
  const header = ['', 'language', 'class', 'correct', 'acc %', '95 % interval', ...(balance ? ['balanced %'] : []), 'floor %', 'tok/q', 'unread', 'failed'];
  const notAbove = total.languages.filter((l) => l.aboveFloor === false).length;
  const note = `\nFloor: the best trivial answer over the same samples${notAbove > 0 ? `; "!" marks a result whose interval is not above it (${notAbove} of ${total.languages.length} languages)` : ''}.`;
  return `${table(header, [...rows, ...groups], new Set([3, 4, ...Array.from({ length: header.length - 6 }, (_, i) => i + 6)]))}${note}\nIntervals: Wilson per language; group means by bootstrap clustered by problem (${total.bootstrap.resamples} resamples, seed ${total.bootstrap.seed}).`;
}
