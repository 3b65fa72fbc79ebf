import { type VNode } from 'preact';
import { useState } from 'preact/hooks';
import { languageName } from '../../src/core/languages';
import { type EvalOutput, type OutputComparison, type OutputRun } from '../../src/protocol/notebook';
import { type SampleLine, type SampleView } from '../../src/protocol/panels';
import { Bar } from '../ui/bar';
import { count, duration, one, percent, plusMinus, points, t } from '../ui/l10n';
import { Answer, Facts, Prompts, Question, TokenTable } from '../ui/sample';
import { OUTCOME_MARK, outcomeWord } from '../ui/words';
import { type Host } from './host';
import { Inside, StateLine } from './parts';

/** What a `lift-eval` cell put out: a table a run, live while it goes on, then its samples and the paired comparisons. */
export function EvalView({ output: o, host }: { readonly output: EvalOutput; readonly host: Host }): VNode {
  const live = o.state === 'running' || o.state === 'loading';
  const current = o.runs.at(-1);
  return (
    <section class="output" aria-label={t('Evaluation')}>
      <h2 class="visually-hidden">{t('Evaluation')}</h2>
      <StateLine state={o.state} message={o.message}>
        {live && current && current.done < current.total && (
          <>
            <progress max={current.total} value={current.done} aria-label={t('Progress')} />
            <span class="quiet">{current.done}/{current.total}{current.etaSeconds === null ? '' : ` · ${t('{0} left', duration(current.etaSeconds))}`}</span>
          </>
        )}
      </StateLine>
      {o.runs.map((run) => <RunTable key={run.folder} run={run} host={host} />)}
      {o.comparisons.map((c) => <ComparisonTable key={c.b} comparison={c} runs={o.runs} host={host} />)}
    </section>
  );
}

function RunTable({ run, host }: { readonly run: OutputRun; readonly host: Host }): VNode {
  return (
    <>
      <div class="table-scroll" tabIndex={0} role="group" aria-label={run.name}>
        <table>
          <caption>{run.bundle} ({run.precision}) · {run.benchmark}</caption>
          <thead>
            <tr>
              <th scope="col">{t('Language')}</th><th scope="col" class="number">{t('n')}</th><th scope="col" class="number">{t('Accuracy')}</th><th scope="col">{t('95 % interval')}</th>
              <th scope="col" class="number">{t('Unread')}</th><th scope="col" class="number">{t('Failed')}</th><th scope="col" class="number">{t('Tokens/question')}</th>
            </tr>
          </thead>
          <tbody>
            {run.rows.map((r) => (
              <tr key={r.language} data-language={r.language}>
                <th scope="row">{languageName(r.language)}</th>
                <td class="number">{r.n < r.total ? `${r.n}/${r.total}` : r.n}</td>
                <td class="number">{r.n === 0 ? '…' : percent(r.accuracy)}</td>
                <td>{r.n > 0 && <><Bar value={r.accuracy} interval={r.interval} partial={r.n < r.total} /><span class="interval-text">{points(r.interval[0])} – {points(r.interval[1])}</span></>}</td>
                <td class="number">{r.unread}</td>
                <td class="number">{r.failed}</td>
                <td class="number">{typeof r.tokensPerQuestion === 'number' ? one(r.tokensPerQuestion) : '–'}</td>
              </tr>
            ))}
          </tbody>
          {run.overall !== null && (
            <tfoot><tr><th scope="row">{t('Mean over languages')}</th><td class="number">{run.done}</td><td class="number" colSpan={2}>{plusMinus(run.overall.mean, run.overall.interval)} %</td><td colSpan={3} class="quiet">{t('bootstrap by problem, {0} resamples', count(run.overall.resamples))}</td></tr></tfoot>
          )}
        </table>
      </div>
      <p class="quiet">
        {[t('{0} problems a language', run.problems), `${t('sampling')}: ${run.sampling}`, t('seed {0}', run.seed), run.scorer, run.template, run.tokensPerSecond === null ? '' : t('{0} tokens/s', count(run.tokensPerSecond)), run.fingerprint.slice(0, 12)].filter(Boolean).join(' · ')}
      </p>
      {run.lines.length > 0 && <Samples run={run} host={host} />}
    </>
  );
}

function Samples({ run, host }: { readonly run: OutputRun; readonly host: Host }): VNode {
  const [open, setOpen] = useState(false);
  const languages = [...new Set(run.lines.map((l) => l.language))];
  return (
    <>
      {host.connected && <div class="actions"><button type="button" onClick={() => void host.ask({ type: 'act', action: 'openRun', folders: [run.folder] }).catch(() => undefined)}>{t('Open run')}</button></div>}
      <details onToggle={(e) => setOpen((e.currentTarget as HTMLDetailsElement).open)}>
        <summary class="link">{run.lines.length < run.done ? t('Samples ({0} of {1}; the run has all)', run.lines.length, run.done) : t('Samples ({0})', run.lines.length)}</summary>
        {open && languages.map((language) => (
          <div class="samples" key={language}>
            <h3>{languageName(language)}</h3>
            {run.lines.filter((l) => l.language === language).map((line) => <SampleRow key={line.id} folder={run.folder} line={line} host={host} />)}
          </div>
        ))}
      </details>
    </>
  );
}

/** One sample: closed it says what came of it; opened it is fetched from the run. */
function SampleRow({ folder, line, host }: { readonly folder: string; readonly line: SampleLine; readonly host: Host }): VNode {
  const [view, setView] = useState<SampleView | undefined>();
  const [error, setError] = useState('');
  const target = { folder, language: line.language, id: line.id };
  const onToggle = (e: Event): void => {
    if (!(e.currentTarget as HTMLDetailsElement).open || view) return;
    setError('');
    host.ask({ type: 'sample', ...target }).then(setView).catch((reason: unknown) => setError((reason as Error).message));
  };
  return (
    <details class="sample" onToggle={onToggle}>
      <summary><span class={`mark outcome-${line.outcome}`} aria-hidden="true">{OUTCOME_MARK[line.outcome] ?? ''}</span> <bdi>{line.id}</bdi> · {outcomeWord(line.outcome)} · {typeof line.value === 'string' ? t('read {0}, gold {1}', line.value, line.gold) : t('gold {0}', line.gold)}</summary>
      <div class="sample-body">
        {error !== '' && <p class="notice" role="alert">{error}</p>}
        {view
          ? <><Question sample={view.sample} /><Answer view={view} /><Inside host={host} question={target} /><Facts sample={view.sample} /><Prompts sample={view.sample} />{view.tokens !== null && <TokenTable text={view.sample.completion} tokens={view.tokens} />}</>
          : error === '' && <p class="quiet">…</p>}
      </div>
    </details>
  );
}

const signed = (share: number): string => (share > 0 ? `+${points(share)}` : points(share));

function ComparisonTable({ comparison: { a, b, pair, refused }, runs, host }: { readonly comparison: OutputComparison; readonly runs: readonly OutputRun[]; readonly host: Host }): VNode {
  const [A, B] = [runs[a], runs[b]];
  if (!pair || !A || !B) return <p class="notice">{refused ?? t('The two runs cannot be compared.')}</p>;
  const { overall, quadrants: q } = pair;
  return (
    <>
      <div class="table-scroll comparison" tabIndex={0} role="group" aria-label={t('Paired comparison')}>
        <table>
          <caption>{t('A: {0} · B: {1}', A.name, B.name)}</caption>
          <thead>
            <tr>
              <th scope="col">{t('Language')}</th><th scope="col" class="number">{t('n')}</th><th scope="col" class="number">A</th><th scope="col" class="number">B</th>
              <th scope="col" class="number">{t('B − A')}</th><th scope="col">{t('95 % interval')}</th><th scope="col" class="number">{t('p (Holm)')}</th>
            </tr>
          </thead>
          <tbody>
            {pair.languages.map((l) => (
              <tr key={l.language} class={l.significant ? 'significant' : undefined}>
                <th scope="row">{languageName(l.language)}</th><td class="number">{l.n}</td><td class="number">{percent(l.accuracyA)}</td><td class="number">{percent(l.accuracyB)}</td>
                <td class="number difference">{signed(l.difference)}</td><td>{signed(l.interval[0])} – {signed(l.interval[1])}</td><td class="number">{l.adjusted < 0.001 ? '< 0.001' : l.adjusted.toFixed(3)}</td>
              </tr>
            ))}
          </tbody>
          <tfoot><tr><th scope="row">{t('Mean over languages')}</th><td class="number">{pair.n}</td><td colSpan={2} /><td class="number">{signed(overall.difference)}</td><td colSpan={2}>{signed(overall.interval[0])} – {signed(overall.interval[1])}</td></tr></tfoot>
        </table>
      </div>
      <p class="quiet">{t('Both right {0}, only A {1}, only B {2}, neither {3}', q.both, q.onlyA, q.onlyB, q.neither)} · {t('B better in {0} languages, worse in {1}, at {2} after Holm', pair.better, pair.worse, percent(1 - pair.level))} · {t('{0} resamples', count(pair.resamples))}</p>
      {host.connected && <div class="actions"><button type="button" onClick={() => void host.ask({ type: 'act', action: 'compare', folders: [A.folder, B.folder] }).catch(() => undefined)}>{t('Open comparison')}</button></div>}
    </>
  );
}
