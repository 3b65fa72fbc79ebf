import { sixDigits } from './format';
import { type Report } from './model';

/** The report as one JSON document, `lift-report/1`; shares from 0 to 1, six significant digits, null where there is no number. */
export function jsonReport(report: Report): string {
  const document = {
    format: 'lift-report/1',
    notes: report.notes,
    runs: report.runs.map((run) => ({
      label: run.label,
      id: run.manifest.id,
      fingerprint: run.manifest.fingerprint,
      created: run.manifest.created,
      status: run.state?.status ?? 'planned',
      samples: run.samples.length,
      planned: run.planned,
      environment: run.manifest.environment,
      plan: run.manifest.plan,
      execution: run.manifest.execution,
      languages: run.aggregate.languages,
      groups: run.aggregate.groups,
      overall: run.aggregate.overall,
      reference: run.aggregate.reference ?? null,
      bootstrap: run.aggregate.bootstrap,
      fidelity: run.fidelity,
    })),
    comparisons: report.comparisons.map(({ a, b, result, refused }) => ({ a: a.manifest.fingerprint, b: b.manifest.fingerprint, ...(result ? { result } : { refused }) })),
    published: report.published,
  };
  return JSON.stringify(document, (_, value: unknown) => (typeof value === 'number' ? (Number.isFinite(value) ? sixDigits(value) : null) : value), 2) + '\n';
}
