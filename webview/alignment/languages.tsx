import { type VNode } from 'preact';
import { languageName } from '../../src/core/languages';
import { type AlignedBundle, type AlignmentView, type RunColours } from '../../src/protocol/alignmentpanel';
import { inClasses } from '../compare/state';
import { count, percent, points, t } from '../ui/l10n';
import { type AlignmentState, type Change, type Measure, measured, MEASURES, measureTitle, stageOf, stageTitle, three, written } from './state';

export interface NumbersProps {
  readonly view: AlignmentView;
  readonly state: AlignmentState;
  readonly change: Change;
  readonly colours: RunColours | undefined;
}

/** `+0.012` with its sign; shares in points. */
function difference(measure: Measure, a: number | null, b: number | null): string {
  if (a === null || b === null) return '–';
  const d = b - a;
  const text = measure === 'recallAt1' || measure === 'told' ? points(Math.abs(d)) : three(Math.abs(d));
  return /[1-9]/.test(text) ? `${d < 0 ? '−' : '+'}${text}` : text;
}

/** The numbers of each language at the chosen stage; with a second bundle, before, after and the difference. */
export function Languages({ view, state, change, colours }: NumbersProps): VNode {
  const [a, b] = [view.bundles[state.bundle]!, view.bundles[state.other]];
  const order = inClasses(view.languages);
  const select = (code: string): void => change({ language: state.language === code ? '' : code });
  return (
    <div class="scroll" tabIndex={0} role="group" aria-label={t('Numbers by language')}>
      <Told bundle={a} stage={state.stage} />
      {b && <Told bundle={b} stage={state.stage} />}
      {b ? <BeforeAfter view={view} a={a} b={b} order={order} state={state} onSelect={select} /> : <OneBundle view={view} bundle={a} order={order} state={state} colours={colours} onSelect={select} />}
    </div>
  );
}

function Told({ bundle, stage }: { readonly bundle: AlignedBundle; readonly stage: string }): VNode {
  const found = stageOf(bundle, stage);
  if (!found) return <p class="basis">{t('{0} has no stage "{1}".', bundle.name, stageTitle(stage))}</p>;
  const probe = found.languageProbe;
  if (!probe) return <p class="basis">{t('{0}: the language probe needs 5 problems.', bundle.name)}</p>;
  return <p class="basis">{t('{0}: the language is told from the state in {1} ({2} to {3}; chance {4}), by nearest centroid, 5-fold over problems.', bundle.name, percent(probe.accuracy), points(probe.interval[0]), percent(probe.interval[1]), percent(probe.chance))}</p>;
}

interface TableProps {
  readonly view: AlignmentView;
  readonly order: readonly string[];
  readonly state: AlignmentState;
  readonly onSelect: (code: string) => void;
}

function Name({ code, state, onSelect }: { readonly code: string; readonly state: AlignmentState; readonly onSelect: (code: string) => void }): VNode {
  return <th scope="row"><button type="button" class="language" aria-pressed={state.language === code} onClick={() => onSelect(code)}>{languageName(code)}</button></th>;
}

function OneBundle({ view, bundle, order, state, colours, onSelect }: TableProps & { readonly bundle: AlignedBundle; readonly colours: RunColours | undefined }): VNode {
  const stage = stageOf(bundle, state.stage);
  if (!stage) return <p class="empty">{t('{0} has no stage "{1}".', bundle.name, stageTitle(state.stage))}</p>;
  const range = ([low, high]: readonly [number, number], show: (x: number) => string): string => t('{0} to {1}', show(low), show(high));
  return (
    <table class="numbers">
      <caption>{t('{0}, {1}, against {2}; n = {3} problems; intervals 95 %', bundle.name, stageTitle(state.stage), languageName(view.reference), count(view.ids.length))}</caption>
      <thead>
        <tr>
          <th scope="col">{t('Language')}</th><th scope="col" class="number" title={t('Share of problems whose own translation is the nearest, from the language to the reference')}>{t('Recall@1 %')}</th><th scope="col">{t('interval')}</th>
          <th scope="col" class="number">{t('MRR')}</th><th scope="col" class="number" title={t('From the reference to the language')}>{t('back %')}</th>
          <th scope="col" class="number" title={t('Mean cosine of translations minus that of other pairs')}>{t('Cosine gap')}</th><th scope="col">{t('interval')}</th>
          <th scope="col" class="number">{t('CKA')}</th><th scope="col" class="number" title={t('CKA with the unbiased estimator')}>{t('debiased')}</th><th scope="col" class="number" title={t('Share of this language’s states whose language is told right')}>{t('told %')}</th>
          {colours && <th scope="col" class="number">{t('Accuracy %')}</th>}
        </tr>
      </thead>
      <tbody>
        {order.map((code) => {
          const row = stage.rows.find((r) => r.language === code);
          const right = colours?.accuracy[view.languages.indexOf(code)];
          return (
            <tr key={code} data-language={code} class={state.language === code ? 'selected' : undefined}>
              <Name code={code} state={state} onSelect={onSelect} />
              <td class="number strong">{row ? points(row.recallAt1) : t('reference')}</td><td class="quiet">{row && range(row.recallInterval, points)}</td><td class="number">{row && three(row.mrr)}</td><td class="number">{row && points(row.reverseRecallAt1)}</td>
              <td class="number">{row && three(row.cosineGap)}</td><td class="quiet">{row && range(row.cosineGapInterval, three)}</td><td class="number">{row && three(row.cka)}</td><td class="number">{row && three(row.ckaDebiased)}</td>
              <td class="number">{written('told', measured(stage, code, 'told'))}</td>
              {colours && <td class="number">{right ? <span title={`n ${right.n}`}>{points(right.right / right.n)}</span> : '–'}</td>}
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}

function BeforeAfter({ view, a, b, order, state, onSelect }: TableProps & { readonly a: AlignedBundle; readonly b: AlignedBundle }): VNode {
  const [before, after] = [stageOf(a, state.stage), stageOf(b, state.stage)];
  const mean = (measure: Measure, of: typeof before): number | null => {
    const values = order.map((code) => measured(of, code, measure)).filter((x) => x !== null);
    return values.length === 0 ? null : values.reduce((x, y) => x + y, 0) / values.length;
  };
  const cells = (value: (measure: Measure) => readonly [number | null, number | null]): VNode[] =>
    MEASURES.flatMap((m) => {
      const [x, y] = value(m);
      return [<td key={`${m}a`} class="number">{written(m, x)}</td>, <td key={`${m}b`} class="number">{written(m, y)}</td>, <td key={`${m}d`} class="number strong">{difference(m, x, y)}</td>];
    });
  return (
    <table class="numbers">
      <caption>{t('{0}: A is {1}, B is {2}; against {3}; n = {4} problems', stageTitle(state.stage), a.name, b.name, languageName(view.reference), count(view.ids.length))}</caption>
      <thead>
        <tr><th scope="col" rowSpan={2}>{t('Language')}</th>{MEASURES.map((m) => <th key={m} scope="colgroup" colSpan={3}>{measureTitle(m)}{m === 'recallAt1' || m === 'told' ? ' %' : ''}</th>)}</tr>
        <tr>{MEASURES.flatMap((m) => ['A', 'B', t('B − A')].map((h) => <th key={m + h} scope="col" class="number">{h}</th>))}</tr>
      </thead>
      <tbody>
        <tr class="group"><th scope="row">{t('Mean')}</th>{cells((m) => [mean(m, before), mean(m, after)])}</tr>
        {order.map((code) => (
          <tr key={code} data-language={code} class={state.language === code ? 'selected' : undefined}>
            <Name code={code} state={state} onSelect={onSelect} />
            {cells((m) => [measured(before, code, m), measured(after, code, m)])}
          </tr>
        ))}
      </tbody>
    </table>
  );
}
