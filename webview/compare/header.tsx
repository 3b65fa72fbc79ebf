import { type VNode } from 'preact';
import { type Correction } from '../../src/core/analysis/compare';
import { type CompareAction, type CompareView, MOST_RUNS, type PairAnswer } from '../../src/protocol/compare';
import { Select } from '../ui/fields';
import { Button } from '../ui/native';
import { count, percent, points, t } from '../ui/l10n';
import { type Change, type CompareState, SAME, sentence } from './state';

export interface HeaderProps {
  readonly view: CompareView;
  readonly answer: PairAnswer | undefined;
  readonly busy: boolean;
  readonly state: CompareState;
  readonly change: Change;
  readonly onAction: (action: CompareAction['action']) => void;
}

export const LETTERS = 'ABCDEF';

/** Which runs and scorers stand against each other, and the result in words. */
export function Header({ view, answer, busy, state, change, onAction }: HeaderProps): VNode {
  const { runs, scorers } = view;
  const names = runs.map((r, i) => [String(i), r.name] as const);
  const benchmarks = [...new Set(runs.map((r) => r.benchmark))].join(', ');
  // The table of all runs has its own baseline and verdicts.
  const pairs = state.tab !== 'runs';
  const forget = { language: '', shift: [], sample: '' };
  return (
    <header>
      <div class="title-line">
        <h1>{runs.length === 1 ? t('Scorers compared') : t('Runs compared')} <span aria-hidden="true">▸</span> <bdi>{benchmarks}</bdi></h1>
        <div class="actions">
          {runs.length < MOST_RUNS && <Button onClick={() => onAction('addRun')}>{t('Add run…')}</Button>}
          <Button onClick={() => onAction('export')}>{t('Export…')}</Button>
        </div>
      </div>
      <div class="toolbar">
        {pairs && <><Select label="A" value={String(state.a)} options={names} onChange={(a) => change({ a: Number(a), ...forget })} />
        <Select label="B" value={String(state.b)} options={names} onChange={(b) => change({ b: Number(b), ...forget })} />
        <Button title={t('Exchange A and B')} onClick={() => change({ a: state.b, b: state.a, scorer: state.scorerB === SAME ? state.scorer : state.scorerB, scorerB: state.scorerB === SAME ? SAME : state.scorer, shift: [] })}>⇄</Button></>}
        <Select label={t('Scorer')} value={state.scorer} options={[['', t('as the run was scored')], ...scorers.map((s) => [s, s] as const)]} onChange={(scorer) => change({ scorer, shift: [] })} />
        {pairs && <Select label={t('Scorer of B')} value={state.scorerB} options={[[SAME, t('the same')], ['', t('as the run was scored')], ...scorers.map((s) => [s, s] as const)]} onChange={(scorerB) => change({ scorerB, shift: [] })} />}
        <Select<Correction> label={t('Correction')} value={state.correction as Correction} options={[['holm', 'Holm'], ['bh', 'Benjamini–Hochberg']]} onChange={(correction) => change({ correction })} />
      </div>
      {pairs && <Verdict answer={answer} busy={busy} change={change} />}
      <details class="provenance">
        <summary>{t('Runs and where they come from')}</summary>
        <div class="table-scroll" tabIndex={0} role="group" aria-label={t('Runs and where they come from')}>
          <table>
            <thead><tr><th scope="col">{t('Run')}</th><th scope="col">{t('Bundle')}</th><th scope="col">{t('Benchmark')}</th><th scope="col">{t('Scorer')}</th><th scope="col" class="number">{t('n')}</th><th scope="col" class="number">{t('Accuracy')}</th><th scope="col">{t('Fingerprint')}</th><th scope="col">{t('Created')}</th></tr></thead>
            <tbody>
              {runs.map((r, i) => (
                <tr key={r.folder}>
                  <th scope="row">{i + 1}. <bdi>{r.name}</bdi></th><td><bdi>{r.bundle}</bdi></td><td><bdi>{r.benchmark}</bdi></td><td>{r.scorer}</td>
                  <td class="number">{r.n === r.planned ? count(r.n) : `${count(r.n)}/${count(r.planned)}`}</td><td class="number">{r.accuracy === null ? '–' : percent(r.accuracy)}</td><td><code>{r.fingerprint.slice(0, 12)}</code></td><td>{r.created.slice(0, 16).replace('T', ' ')}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
        {view.published.length > 0 && (
          <div class="table-scroll" tabIndex={0} role="group" aria-label={t('Published numbers')}>
            <table class="published">
              <caption>{t('Published numbers')}</caption>
              <thead><tr><th scope="col">{t('System')}</th><th scope="col" class="number">{t('Mean (languages)')}</th><th scope="col">{t('By language')}</th><th scope="col">{t('Source')}</th></tr></thead>
              <tbody>{view.published.map((p) => <tr key={p.system + p.source}><th scope="row"><bdi>{p.system}</bdi></th><td class="number">{p.mean ? `${points(p.mean.share)} (${p.mean.languages})` : ''}</td><td>{Object.entries(p.languages).map(([code, share]) => `${code} ${points(share)}`).join(', ')}</td><td><bdi>{p.source}</bdi></td></tr>)}</tbody>
            </table>
          </div>
        )}
      </details>
    </header>
  );
}

function Verdict({ answer, busy, change }: Pick<HeaderProps, 'answer' | 'busy' | 'change'>): VNode {
  if (!answer) return <p class="verdict" aria-busy={busy}>{busy ? t('Comparing…') : ''}</p>;
  if ('refused' in answer) {
    return (
      <div class="notice" role="alert">
        <p>{answer.refused}</p>
        {answer.common > 0 && <Button onClick={() => change({ common: true })}>{t('Compare the {0} pairs that both hold', count(answer.common))}</Button>}
      </div>
    );
  }
  const { pair } = answer;
  const [fromA, fromB] = pair.leftOut;
  return (
    <>
      <p class="verdict" aria-busy={busy}><strong>{sentence(pair)}</strong></p>
      <p class="basis">
        {t('{0} pairs; paired bootstrap clustered by problem, {1} resamples, seed {2}; exact McNemar test per language.', count(pair.n), count(pair.resamples), String(pair.seed))}
        {fromA + fromB > 0 && <> {t('Left out without a partner: {0} of A, {1} of B.', count(fromA), count(fromB))} <button type="button" class="link" onClick={() => change({ common: false })}>{t('Require all')}</button></>}
      </p>
    </>
  );
}
