import { type VNode } from 'preact';
import { EXPORTABLE_STAGES, MOST_TRAININGS, type TrainingAction, type TrainingsView, type TrainingView } from '../../src/protocol/training';
import { count, t } from '../ui/l10n';
import { Swatch } from './chart';
import { figure, statusWord } from './state';

export interface HeaderProps {
  readonly view: TrainingsView;
  readonly onAction: (action: TrainingAction) => void;
}

/** Stage and folder; a folder that is called like its stage is named once. */
const titleOf = ({ stage, name }: TrainingView): string => (stage === name ? name : `${stage} ${name}`);

/** The trainings that are shown, each with its state and what can be done with it, and the way to lay another one over them. */
export function Header({ view, onAction }: HeaderProps): VNode {
  const { trainings, others, trusted } = view;
  return (
    <header>
      <div class="title-line">
        <h1>{trainings.length === 1 ? <bdi>{titleOf(trainings[0]!)}</bdi> : t('{0} trainings', trainings.length)}</h1>
        {others.length > 0 && trainings.length < MOST_TRAININGS && (
          <label class="field"><span class="field-label">{t('Lay over')}</span>
            <select value="" onChange={(e) => {
              const other = Number(e.currentTarget.value);
              e.currentTarget.value = '';
              if (Number.isInteger(other)) onAction({ action: 'add', index: 0, other });
            }}>
              <option value="">{t('choose a training…')}</option>
              {others.map((o, i) => <option key={o.folder} value={String(i)}>{o.stage} {o.name}</option>)}
            </select>
          </label>
        )}
      </div>
      {!trusted && <p class="notice">{t('Restricted Mode: trainings can be looked at, nothing can be run.')}</p>}
      <div class="table-scroll trainings" tabIndex={0} role="group" aria-label={t('Trainings')}>
        <table>
          <caption class="visually-hidden">{t('Trainings')}</caption>
          <thead><tr><th scope="col">{t('Training')}</th><th scope="col">{t('State')}</th><th scope="col" class="number">{t('Step')}</th><th scope="col" class="number">{t('Loss')}</th><th scope="col" class="number">{t('Held-out loss')}</th><th scope="col">{t('Fingerprint')}</th><th scope="col">{t('Actions')}</th></tr></thead>
          <tbody>{trainings.map((v, index) => <Row key={v.folder} training={v} index={index} several={trainings.length > 1} trusted={trusted} onAction={onAction} />)}</tbody>
        </table>
      </div>
      {trainings.map((v) => v.damagedLines > 0 && <p key={v.folder} class="notice">{t('{0}: {1} lines of metrics.jsonl cannot be read and are left out.', v.name, count(v.damagedLines))}</p>)}
      {trainings.map((v) => v.result.length > 0 && (
        <details key={v.folder} class="provenance">
          <summary>{t('Result of {0}', v.name)}</summary>
          <dl>{v.result.map(([name, value]) => <div key={name}><dt>{name}</dt><dd><bdi>{value}</bdi></dd></div>)}</dl>
        </details>
      ))}
    </header>
  );
}

function Row({ training, index, several, trusted, onAction }: { readonly training: TrainingView; readonly index: number; readonly several: boolean; readonly trusted: boolean; readonly onAction: HeaderProps['onAction'] }): VNode {
  const { status } = training;
  const button = (action: TrainingAction['action'], label: string): VNode => <button key={action} type="button" class="button" aria-label={`${label}: ${training.name}`} onClick={() => onAction({ action, index })}>{label}</button>;
  return (
    <tr>
      <th scope="row"><Swatch colour={several ? index : 0} dash={0} /> <bdi>{titleOf(training)}</bdi></th>
      <td class={`status-${status}`} title={training.problem}>{statusWord(status)}</td>
      <td class="number">{training.step === null ? '–' : count(training.step)}{training.maxSteps === null ? '' : ` / ${count(training.maxSteps)}`}</td>
      <td class="number">{figure(training.loss)}</td>
      <td class="number">{figure(training.evalLoss)}</td>
      <td><code>{training.fingerprint.slice(0, 12)}</code></td>
      <td class="actions">
        {trusted && status === 'running' && button('cancel', t('Cancel'))}
        {trusted && status === 'resumable' && button('resume', t('Resume'))}
        {trusted && status === 'finished' && EXPORTABLE_STAGES.includes(training.stage) && [button('export', t('Export…')), button('evaluate', t('Evaluate…'))]}
        {button('reveal', t('Show folder'))}
        {several && button('remove', t('Take out'))}
      </td>
    </tr>
  );
}
