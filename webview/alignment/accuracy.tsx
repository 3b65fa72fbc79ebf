import { type VNode } from 'preact';
import { type AlignmentView, type RunColours } from '../../src/protocol/alignmentpanel';
import { count, percent, t } from '../ui/l10n';
import { type AlignmentState, measureTitle, stageTitle, three } from './state';

/** How the numbers go with the accuracy of the chosen run, over languages, at every stage. */
export function Accuracy({ view, state, colours }: { readonly view: AlignmentView; readonly state: AlignmentState; readonly colours: RunColours | undefined }): VNode {
  if (state.run === '') return <p class="empty">{view.runs.length === 0 ? t('There is no run of this benchmark in the runs folder.') : t('Choose a run above.')}</p>;
  if (!colours) return <p class="empty" aria-busy="true">…</p>;
  const bundles = [state.bundle, state.other].filter((b, i, all) => b >= 0 && all.indexOf(b) === i);
  const interval = (x: readonly [number, number] | null): string => (x ? t('{0} to {1}', three(x[0]), three(x[1])) : '–');
  return (
    <div class="scroll" tabIndex={0} role="group" aria-label={t('Correlation with accuracy')}>
      {bundles.map((place) => {
        const correlation = colours.correlations[place];
        if (!correlation) return <p key={place} class="empty">{colours.refused}</p>;
        const shares = Object.values(correlation.accuracy);
        return (
          <table key={place} class="numbers">
            <caption>{t('{0}: correlation with the accuracy of {1} over {2} languages ({3} to {4}); 95 % bootstrap over languages', view.bundles[place]!.name, correlation.run.name, count(shares.length), percent(Math.min(...shares)), percent(Math.max(...shares)))}</caption>
            <thead><tr><th scope="col">{t('Stage')}</th><th scope="col">{t('Measure')}</th><th scope="col" class="number">n</th><th scope="col" class="number">Pearson</th><th scope="col">{t('interval')}</th><th scope="col" class="number">Spearman</th><th scope="col">{t('interval')}</th></tr></thead>
            <tbody>
              {correlation.rows.map((r) => (
                <tr key={r.stage + r.measure} class={r.stage === state.stage ? 'selected' : undefined}>
                  <th scope="row">{stageTitle(r.stage)}</th><td>{measureTitle(r.measure)}</td><td class="number">{r.n}</td>
                  <td class="number strong">{three(r.pearson)}</td><td>{interval(r.pearsonInterval)}</td><td class="number strong">{three(r.spearman)}</td><td>{interval(r.spearmanInterval)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        );
      })}
    </div>
  );
}
