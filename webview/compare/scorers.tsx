import { type VNode } from 'preact';
import { useState } from 'preact/hooks';
import { type CompareView, GetScorers } from '../../src/protocol/compare';
import { Select } from '../ui/fields';
import { count, percent, t } from '../ui/l10n';
import { useAnswer } from './answer';
import { type Change, type CompareState, signed } from './state';

export interface ScorersProps {
  readonly view: CompareView;
  readonly state: CompareState;
  readonly change: Change;
  readonly onError: (e: Error) => void;
}

/** The same completions under every scorer, read again without the model, and the way to the samples where they disagree. */
export function Scorers({ view, state, change, onError }: ScorersProps): VNode {
  const [run, setRun] = useState(state.a);
  const { value, busy } = useAnswer(GetScorers, { run }, onError);
  const show = (scorerB: string, quadrants: string[], readDiffers: boolean): void => change({ a: run, b: run, scorer: '', scorerB, quadrants, readDiffers, language: '', shift: [], sample: '', common: false, tab: 'samples' });
  return (
    <div class="scroll" tabIndex={0} role="group" aria-label={t('Scorers')} aria-busy={busy}>
      {view.runs.length > 1 && <div class="toolbar"><Select label={t('Run')} value={String(run)} options={view.runs.map((r, i) => [String(i), r.name] as const)} onChange={(r) => setRun(Number(r))} /></div>}
      {!value ? <p class="empty">{busy ? t('Reading every completion again…') : ''}</p> : (
        <>
          <p class="basis">{t('The run was scored by {0}: {1} of {2} right. The run itself is not changed.', value.own, count(value.correct), count(value.n))}</p>
          <table class="scorers">
            <caption class="visually-hidden">{t('Scorers')}</caption>
            <thead><tr><th scope="col">{t('Scorer')}</th><th scope="col" class="number">{t('Accuracy')}</th><th scope="col" class="number">{t('Difference')}</th><th scope="col" class="number">{t('only the run’s right')}</th><th scope="col" class="number">{t('only this right')}</th><th scope="col" class="number">{t('read differently')}</th><th scope="col">{t('Samples')}</th></tr></thead>
            <tbody>
              {value.scorers.map((s) => (
                <tr key={s.name}>
                  <th scope="row">{s.scorer}</th>
                  <td class="number">{value.n === 0 ? '–' : percent(s.correct / value.n)}</td>
                  <td class="number">{value.n === 0 ? '' : signed((s.correct - value.correct) / value.n)}</td>
                  <td class="number">{count(s.onlyOwn)}</td>
                  <td class="number">{count(s.onlyThis)}</td>
                  <td class="number">{count(s.readDiffers)}</td>
                  <td>
                    {s.onlyOwn + s.onlyThis === 0 ? t('none') : <button type="button" class="link" onClick={() => show(s.name, ['onlyA', 'onlyB'], false)}>{t('disagreements ({0})', count(s.onlyOwn + s.onlyThis))}</button>}
                    {s.readDiffers > 0 && <>, <button type="button" class="link" onClick={() => show(s.name, [], true)}>{t('read differently')}</button></>}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </>
      )}
    </div>
  );
}
