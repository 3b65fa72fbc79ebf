import { type VNode } from 'preact';
import { useState } from 'preact/hooks';
import { languageName, languageOf } from '../../src/core/languages';
import { EXPORTABLE_STAGES, RESUMABLE_STAGES, type TrainingAction, type TrainingsView, type TrainingView } from '../../src/protocol/training';
import { count, t } from '../ui/l10n';
import { figure, keyWord } from './state';

/** Every number of the curves of one training, a row a step; another training is chosen above. */
export function MetricsTable({ view }: { readonly view: TrainingsView }): VNode {
  const [chosen, setChosen] = useState(0);
  const training = view.trainings[chosen] ?? view.trainings[0]!;
  const xs = [...new Set(training.curves.flatMap((c) => c.x))].sort((a, b) => a - b);
  const values = training.curves.map((c) => new Map(c.x.map((x, i) => [x, c.y[i] ?? null])));
  return (
    <>
      {view.trainings.length > 1 && (
        <label class="field"><span class="field-label">{t('Training')}</span>
          <select value={String(chosen)} onChange={(e) => setChosen(Number(e.currentTarget.value))}>{view.trainings.map((v, i) => <option key={v.folder} value={String(i)}>{v.name}</option>)}</select>
        </label>
      )}
      <table class="metrics">
        <caption class="visually-hidden">{t('Metrics of {0}', training.name)}</caption>
        <thead><tr><th scope="col" class="number">{training.unit === 'epoch' ? t('Epoch') : t('Step')}</th>{training.curves.map((c) => <th key={c.key} scope="col" class="number">{keyWord(c.key)}</th>)}</tr></thead>
        <tbody>{xs.map((x) => <tr key={x}><th scope="row" class="number">{count(x)}</th>{values.map((v, i) => <td key={i} class="number">{v.has(x) ? figure(v.get(x)!) : ''}</td>)}</tr>)}</tbody>
      </table>
    </>
  );
}

/** The last held-out reconstruction of each language and training, and the first for comparison. */
export function ReconstructionTable({ view }: { readonly view: TrainingsView }): VNode {
  const codes = [...new Set(view.trainings.flatMap((v) => v.chrf.map((c) => c.key)))];
  const first = (v: TrainingView, code: string, last: boolean): string => {
    const curve = v.chrf.find((c) => c.key === code);
    return curve ? `${figure(curve.y[last ? curve.y.length - 1 : 0] ?? null)} (${count(curve.x[last ? curve.x.length - 1 : 0] ?? 0)})` : '–';
  };
  return (
    <table class="metrics">
      <caption class="visually-hidden">{t('chrF by language')}</caption>
      <thead><tr><th scope="col">{t('Language')}</th>{view.trainings.flatMap((v) => [<th key={`${v.folder} first`} scope="col" class="number">{t('{0}, first (step)', v.name)}</th>, <th key={v.folder} scope="col" class="number">{t('{0}, last (step)', v.name)}</th>])}</tr></thead>
      <tbody>{codes.map((code) => <tr key={code}><th scope="row">{languageName(code)}</th>{view.trainings.flatMap((v) => [<td key={`${v.folder} first`} class="number">{first(v, code, false)}</td>, <td key={v.folder} class="number">{first(v, code, true)}</td>])}</tr>)}</tbody>
    </table>
  );
}

/** The last reconstructions as text: what the encoder read, and what the model wrote. */
export function Samples({ view }: { readonly view: TrainingsView }): VNode {
  const rows = view.trainings.flatMap((v) => v.samples.map((s) => ({ ...s, name: v.name, folder: v.folder })));
  if (rows.length === 0) return <p class="empty">{t('No reconstruction was written. Stage I writes one a language at each evaluation when optim.reconstruction_samples is above 0.')}</p>;
  return (
    <div class="scroll" tabIndex={0} role="group" aria-label={t('Samples')}>
      <table class="reconstructions">
        <caption class="visually-hidden">{t('Samples')}</caption>
        <thead><tr>{view.trainings.length > 1 && <th scope="col">{t('Training')}</th>}<th scope="col">{t('Language')}</th><th scope="col" class="number">{t('Step')}</th><th scope="col">{t('Mixed sentence')}</th><th scope="col">{t('Reconstruction')}</th></tr></thead>
        <tbody>
          {rows.map((r) => (
            <tr key={`${r.folder} ${r.language}`}>
              {view.trainings.length > 1 && <td><bdi>{r.name}</bdi></td>}
              <th scope="row">{languageName(r.language)}</th><td class="number">{count(r.step)}</td>
              <td class="wrap"><p class="text" dir="auto" lang={languageOf(r.language)?.code}>{r.input}</p></td><td class="wrap"><p class="text" dir="auto" lang="en">{r.output === '' ? <span class="quiet">{t('(nothing)')}</span> : r.output}</p></td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** Checkpoints with their held-out loss, and what can be made of each. */
export function Checkpoints({ view, onAction }: { readonly view: TrainingsView; readonly onAction: (action: TrainingAction) => void }): VNode {
  if (view.trainings.every((v) => v.checkpointList.length === 0)) return <p class="empty">{t('There is no checkpoint. Stage I, Stage II and the baseline write one every optim.save_steps steps and when they are cancelled.')}</p>;
  return (
    <div class="scroll" tabIndex={0} role="group" aria-label={t('Checkpoints')}>
      <table class="checkpoints">
        <caption class="visually-hidden">{t('Checkpoints')}</caption>
        <thead><tr><th scope="col">{t('Training')}</th><th scope="col" class="number">{t('Step')}</th><th scope="col" class="number">{t('Held-out loss')}</th><th scope="col">{t('Actions')}</th></tr></thead>
        <tbody>
          {view.trainings.flatMap((v, index) => v.checkpointList.map((c, i) => {
            const button = (action: TrainingAction['action'], label: string): VNode => <button type="button" class="button" aria-label={t('{0}: {1}, step {2}', label, v.name, c.step)} onClick={() => onAction({ action, index, ...(action === 'resume' ? {} : { checkpoint: c.step }) })}>{label}</button>;
            return (
              <tr key={`${v.folder} ${c.step}`}>
                <th scope="row"><bdi>{v.name}</bdi></th><td class="number">{count(c.step)}</td><td class="number">{figure(c.evalLoss)}{c.best ? ` ${t('(lowest)')}` : ''}</td>
                <td class="actions">
                  {view.trusted && EXPORTABLE_STAGES.includes(v.stage) && [button('export', t('Export…')), button('evaluate', t('Evaluate…'))]}
                  {view.trusted && v.status === 'resumable' && RESUMABLE_STAGES.includes(v.stage) && i === v.checkpointList.length - 1 && button('resume', t('Resume'))}
                </td>
              </tr>
            );
          }))}
        </tbody>
      </table>
    </div>
  );
}
