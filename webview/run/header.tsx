import { type VNode } from 'preact';
import { type Activity, type Estimates, type RunAction, type RunView } from '../../src/protocol/panels';
import { Button } from '../ui/controls';
import { count, duration, percent, plusMinus, points, t } from '../ui/l10n';
import { Endpoints } from './endpoints';
import { groupTitle } from './state';

export interface HeaderProps {
  readonly run: RunView;
  readonly estimates: Estimates | undefined;
  readonly onAction: (action: RunAction) => void;
  /** Show the samples on which this other scorer disagrees. */
  readonly onDisagree: (scorer: string) => void;
}

export function statusWord(status: Activity['status']): string {
  switch (status) {
    case 'planned': return t('planned');
    case 'loading': return t('loading');
    case 'running': return t('running');
    case 'paused': return t('paused');
    case 'cancelled': return t('cancelled');
    case 'failed': return t('failed');
    case 'finished': return t('finished');
    case 'interrupted': return t('interrupted');
  }
}

/** What the run is, how far it is, and what can be done with it. */
export function Header({ run, estimates, onAction, onDisagree }: HeaderProps): VNode {
  const { environment } = run.manifest;
  const { activity } = run;
  const share = activity.total > 0 ? activity.done / activity.total : 0;
  return (
    <header>
      <div class="title-line">
        <h1>
          <bdi>{environment.bundle.name}</bdi> {environment.bundle.precision} <span aria-hidden="true">▸</span> <bdi>{environment.benchmark.title}</bdi> <span aria-hidden="true">▸</span> {t('scorer {0}', `${environment.scorer.name}/${environment.scorer.version}`)}
        </h1>
        {environment.calculator && <span class="tag">{t('with calculator')}</span>}
        {run.tags.map((tag) => <span key={tag} class="tag">#{tag}</span>)}
        <Actions run={run} onAction={onAction} />
      </div>
      <div class="progress-line">
        <progress max={1} value={share} aria-label={t('Progress')} />
        <span class={`status status-${activity.status}`}>{statusWord(activity.status)}</span>
        <span>{t('{0} of {1}', count(activity.done), count(activity.total))}</span>
        <span>{percent(share)}</span>
        {activity.etaSeconds !== null && <span>{t('{0} left', duration(activity.etaSeconds))}</span>}
        {activity.tokensPerSecond !== null && <span title={t('Generated tokens per second')}>{t('{0} tokens/s', count(activity.tokensPerSecond))}</span>}
      </div>
      {activity.endpoints && activity.endpoints.length > 0 && <Endpoints endpoints={activity.endpoints} />}
      {activity.message !== null && <p class="notice" role="alert">{activity.message}</p>}
      {run.damagedLines > 0 && <p class="notice">{t('{0} lines of samples.jsonl are damaged. Their items count as not done; resuming the run computes them again.', run.damagedLines)}</p>}
      {!run.trusted && <p class="notice">{t('Restricted Mode: results can be looked at, nothing can be run.')}</p>}
      <Summary estimates={estimates} />
      <Beside estimates={estimates} onDisagree={onDisagree} onAction={onAction} />
      <Provenance run={run} estimates={estimates} />
    </header>
  );
}

function Actions({ run, onAction }: Pick<HeaderProps, 'run' | 'onAction'>): VNode {
  const { activity, trusted } = run;
  const moving = activity.ours && activity.status === 'running';
  const paused = activity.ours && activity.status === 'paused';
  const resumable = paused || (!activity.ours && activity.status !== 'running' && activity.status !== 'finished');
  return (
    <div class="actions" role="group" aria-label={t('Run actions')}>
      {moving && <Button onClick={() => onAction('pause')}>{t('Pause')}</Button>}
      {resumable && <Button kind="primary" disabled={!trusted} onClick={() => onAction('resume')}>{t('Resume')}</Button>}
      {(moving || paused) && <Button onClick={() => onAction('cancel')}>{t('Cancel')}</Button>}
      <Button onClick={() => onAction('rescore')}>{t('Rescore…')}</Button>
      <Button onClick={() => onAction('compare')}>{t('Compare…')}</Button>
      <Button onClick={() => onAction('export')}>{t('Export…')}</Button>
    </div>
  );
}

function Summary({ estimates }: { readonly estimates: Estimates | undefined }): VNode {
  const groups = estimates?.groups.filter((g) => g.by === 'class' || g.by === 'all') ?? [];
  const gap = estimates?.gaps.find((g) => g.language === null);
  return (
    <dl class="summary" aria-label={t('Group means')}>
      {groups.map((g) => (
        <div key={g.key} class="chip" title={t('Mean of {0} languages, 95 % interval {1} to {2}, bootstrap clustered by problem', g.languages, points(g.interval[0]), points(g.interval[1]))}>
          <dt>{groupTitle(g.key)} ({g.languages})</dt>
          <dd>{plusMinus(g.mean, g.interval)}{g.balanced !== null && <> · {t('balanced {0}', points(g.balanced))}</>}{g.floor !== null && <> · <span class={g.above ? '' : 'bad'}>{g.above ? t('floor {0}', points(g.floor)) : t('not above the floor {0}', points(g.floor))}</span></>}</dd>
        </div>
      ))}
      {gap && (
        <div class="chip" title={t('Mean over the other languages, 95 % interval {0} to {1}', points(gap.interval[0]), points(gap.interval[1]))}>
          <dt>{t('Gap to English')}</dt>
          <dd>{plusMinus(gap.mean, gap.interval)}</dd>
        </div>
      )}
    </dl>
  );
}

/** What stands beside the run's own numbers: other scorers' scores and published results, as a table. */
function Beside({ estimates, onDisagree, onAction }: Pick<HeaderProps, 'estimates' | 'onDisagree' | 'onAction'>): VNode | null {
  if (!estimates || (estimates.rescored.length === 0 && estimates.published.length === 0)) return null;
  const { rescored, published } = estimates;
  return (
    <>
      {rescored.map((s) => (
        <p key={s.scorer} class="basis">
          {t('Also scored by {0}: {1} right of {2}.', s.scorer, count(s.correct), count(s.n))}{' '}
          {s.disagree === 0 ? t('The two agree on every sample.') : <><button type="button" class="link" onClick={() => onDisagree(s.scorer)}>{t('They disagree on {0}', count(s.disagree))}</button>, <button type="button" class="link" onClick={() => onAction('rescore')}>{t('side by side')}</button></>}
        </p>
      ))}
      {published.length > 0 && (
        <details class="provenance">
          <summary>{t('Published numbers ({0})', published.length)}</summary>
          <p class="basis">{t('Ticks in the bars. Other scorers, prompts and versions: for orientation.')}</p>
          <div class="table-scroll" tabIndex={0} role="group" aria-label={t('Published numbers')}>
            <table>
              <tbody>{published.map((p) => <tr key={p.system + p.source}><th scope="row">{p.system}</th><td class="number">{p.mean ? `${points(p.mean.share)} (${p.mean.languages})` : ''}</td><td>{Object.entries(p.languages).map(([code, share]) => `${code} ${points(share)}`).join(', ')}</td><td>{p.source}</td></tr>)}</tbody>
            </table>
          </div>
        </details>
      )}
    </>
  );
}

/** "From what?": everything that made the numbers. */
function Provenance({ run, estimates }: Pick<HeaderProps, 'run' | 'estimates'>): VNode {
  const { environment, plan, execution, fingerprint, id, created } = run.manifest;
  const facts: readonly (readonly [string, string])[] = [
    [t('Run'), id],
    [t('Fingerprint'), fingerprint],
    [t('Bundle'), `${environment.bundle.name} ${environment.bundle.precision}, ${environment.bundle.method}, ${environment.bundle.sha256.slice(0, 12)}`],
    [t('Benchmark'), `${environment.benchmark.title} ${environment.benchmark.version ?? ''}, ${environment.benchmark.sha256.slice(0, 12)}`],
    [t('Problems'), t('{0} in each of {1} languages, drawn: {2}, seed {3}', plan.ids.length, plan.languages.length, plan.sampling, plan.seed)],
    [t('Prompt'), `${environment.prompt.template}/${environment.prompt.version}`],
    environment.mode ? [t('Mode'), `${environment.mode}${environment.continuation ? `, ${environment.continuation}` : ''}`] : [t('Generation'), `${t('greedy, at most {0} tokens', environment.generation.maxNewTokens)}${environment.calculator ? `, ${t('with calculator')}` : ''}`],
    ...(environment.parity ? [[t('Parity'), Object.keys(environment.parity).join(', ')] as const] : []),
    [t('Engine'), `${environment.backend.name} ${environment.backend.provider}, ${Object.entries(environment.backend.versions).map(([name, version]) => `${name} ${version}`).join(', ')}`],
    [t('Intervals'), t('per language Wilson, 95 %; means and gaps by a bootstrap clustered by problem ({0} resamples, seed {1})', estimates?.resamples ?? '–', estimates?.seed ?? '–')],
    [t('Machine'), execution.platform],
    [t('Created'), created],
  ];
  return (
    <details class="provenance">
      <summary>{t('From what?')}</summary>
      <dl>{facts.map(([name, value]) => <div key={name}><dt>{name}</dt><dd><bdi>{value}</bdi></dd></div>)}</dl>
    </details>
  );
}
