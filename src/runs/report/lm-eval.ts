import { createHash } from 'node:crypto';
import { type Interval } from '../../core/statistics';
import { type Sample } from '../../protocol/run';
import { plannedIn } from '../../protocol/shard';
import { fileNamePart } from './escape';
import { sixDigits } from './format';
import { type Report, type ReportRun } from './model';

/**
 * Files in the layout of lm-evaluation-harness 0.4: per run `results_<time>.json` and, per language, `samples_<task>_<language>.jsonl`,
 * so that its viewers and one's own notebooks read them. The metric is `exact_match` under the filter named like the scorer.
 * Fields of our own are in `lingualift` and in `exact_match_ci95`.
 */
export function lmEvalFiles(report: Report): { name: string; text: string }[] {
  const folders = new Set<string>();
  return report.runs.flatMap((run) => {
    let folder = '';
    if (report.runs.length > 1) {
      const base = fileNamePart(run.label);
      for (let i = 1; folders.has((folder = i === 1 ? `${base}/` : `${base}-${i}/`)); i += 1);
      folders.add(folder);
    }
    const time = run.manifest.created.slice(0, 19).replace(/[^0-9T]/g, '-');
    return [{ name: `${folder}results_${time}.json`, text: JSON.stringify(results(run), null, 2) + '\n' }, ...run.aggregate.languages.map(({ language }) => ({ name: `${folder}samples_${task(run, language)}.jsonl`, text: sampleLines(run, language) }))];
  });
}

const task = (run: ReportRun, language: string): string => `${fileNamePart(run.manifest.environment.benchmark.name)}_${fileNamePart(language)}`;

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

function metrics(filter: string, alias: string, accuracy: number, stderr: number | 'N/A', interval: Interval): Record<string, unknown> {
  return { alias, [`exact_match,${filter}`]: sixDigits(accuracy), [`exact_match_stderr,${filter}`]: stderr === 'N/A' ? stderr : sixDigits(stderr), [`exact_match_ci95,${filter}`]: interval.map(sixDigits) };
}

function results(run: ReportRun): Record<string, unknown> {
  const { environment: e, plan, execution, fingerprint, id, created } = run.manifest;
  const filter = fileNamePart(e.scorer.name);
  const name = fileNamePart(e.benchmark.name);
  const rows = run.aggregate.languages;
  const each = <T>(of: (row: (typeof rows)[number]) => T): Record<string, T> => Object.fromEntries(rows.map((row) => [task(run, row.language), of(row)]));
  const groups = Object.fromEntries(
    [...run.aggregate.groups.filter((g) => g.by === 'class').map((g) => ({ ...g, name: `${name}_${g.key}` })), { ...run.aggregate.overall, name }].map((g) => [g.name, { metrics: metrics(filter, g.name, g.mean, 'N/A', g.interval), tasks: g.languages.map((l) => task(run, l)) }]),
  );
  return {
    results: each((row) => metrics(filter, task(run, row.language), row.accuracy, row.n > 1 ? Math.sqrt((row.accuracy * (1 - row.accuracy)) / (row.n - 1)) : 'N/A', row.interval)),
    groups: Object.fromEntries(Object.entries(groups).map(([key, g]) => [key, g.metrics])),
    group_subtasks: Object.fromEntries(Object.entries(groups).map(([key, g]) => [key, g.tasks])),
    configs: each((row) => ({
      task: task(run, row.language),
      output_type: 'generate_until',
      num_fewshot: 0,
      generation_kwargs: { until: e.generation.stop, do_sample: false, max_gen_toks: e.generation.maxNewTokens },
      metric_list: [{ metric: 'exact_match', aggregation: 'mean', higher_is_better: true }],
      metadata: { version: e.benchmark.version, language: row.language, prompt: e.prompt, scorer: e.scorer },
    })),
    versions: each(() => e.benchmark.version),
    'n-shot': each(() => 0),
    higher_is_better: each(() => ({ exact_match: true })),
    'n-samples': each((row) => ({ original: plannedIn(plan, row.language), effective: row.n })),
    config: { model: e.backend.name, model_args: { bundle: e.bundle.name, method: e.bundle.method, dtype: e.bundle.precision }, batch_size: execution.batch, device: e.backend.provider, limit: plan.sampling === 'all' ? null : plan.ids.length, random_seed: plan.seed },
    date: Math.floor(Date.parse(created) / 1000),
    model_name: run.label,
    model_name_sanitized: fileNamePart(run.label),
    total_evaluation_time_seconds: run.state ? String(run.state.seconds) : null,
    lingualift: { run: id, fingerprint, scorer: run.scorer, bundle: e.bundle, benchmark: e.benchmark, versions: e.backend.versions, bootstrap: run.aggregate.bootstrap },
  };
}

function sampleLines(run: ReportRun, language: string): string {
  const { generation, scorer } = run.manifest.environment;
  const place = new Map(run.manifest.plan.ids.map((id, i) => [id, i]));
  const generationArguments = { until: generation.stop, do_sample: false, max_gen_toks: generation.maxNewTokens };
  const line = (s: Sample): string => {
    const doc = { id: s.id, language: s.language, question: s.question, answer: s.gold };
    const read = s.value === null ? '[invalid]' : String(s.value);
    return JSON.stringify({
      doc_id: place.get(s.id) ?? -1,
      doc,
      target: s.gold,
      arguments: { gen_args_0: { arg_0: s.prompt, arg_1: generationArguments } },
      resps: [[s.completion]],
      filtered_resps: [read],
      filter: fileNamePart(scorer.name),
      metrics: ['exact_match'],
      doc_hash: sha256(JSON.stringify(doc, null, 2)),
      prompt_hash: sha256(s.prompt),
      target_hash: sha256(s.gold),
      exact_match: s.correct ? 1 : 0,
      lingualift: { fingerprint: run.manifest.fingerprint, encoder_prompt: s.encoderPrompt, reading: s.reading, ambiguous: s.ambiguous, error: s.error, stop_reason: s.stopReason },
    });
  };
  return run.samples
    .filter((s) => s.language === language)
    .sort((a, b) => (place.get(a.id) ?? Infinity) - (place.get(b.id) ?? Infinity) || (a.id < b.id ? -1 : 1))
    .map((s) => line(s) + '\n')
    .join('');
}
