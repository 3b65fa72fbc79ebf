import { type VNode } from 'preact';
import { useRef, useState } from 'preact/hooks';
import { type ManyCell, type ManyDifference, type ManyTest } from '../../src/core/analysis/many';
import { languageName, languageOf } from '../../src/core/languages';
import { type CompareView, GetMany, type ManyView } from '../../src/protocol/compare';
import { type PublishedResult } from '../../src/protocol/panels';
import { groupTitle } from '../run/state';
import { Bar } from '../ui/bar';
import { Select } from '../ui/fields';
import { count, points, t } from '../ui/l10n';
import { announce } from '../ui/live';
import { Button } from '../ui/native';
import { useAnswer } from './answer';
import { type Change, type CompareState, manyOf, pText, SAME, signed } from './state';

export interface ManyProps {
  readonly view: CompareView;
  readonly state: CompareState;
  readonly change: Change;
  readonly onError: (e: Error) => void;
}

/** All runs in one table, each against a baseline; a difference opens its pair of runs. */
export function Many({ view, state, change, onError }: ManyProps): VNode {
  const { value, busy } = useAnswer(GetMany, manyOf(state), onError);
  const names = view.runs.map((r, i) => [String(i), r.name] as const);
  return (
    <div class="many" aria-busy={busy}>
      <div class="toolbar">
        <Select label={t('Baseline')} value={String(state.baseline)} options={names} onChange={(baseline) => change({ baseline: Number(baseline) })} />
      </div>
      {!value ? <p class="empty">{busy ? t('Comparing…') : ''}</p> : 'refused' in value ? (
        <div class="notice" role="alert">
          <p>{value.refused}</p>
          {value.common > 0 && <Button onClick={() => change({ common: true })}>{t('Compare the {0} problems that all runs hold', count(value.common))}</Button>}
        </div>
      ) : <ManyTable many={value.many} published={view.published} change={change} />}
    </div>
  );
}

const changes = (many: ManyView, run: number, sign: number): number => many.languages.filter((l) => l.cells[run]!.against?.significant && Math.sign(l.cells[run]!.against!.difference) === sign).length;

function ManyTable({ many, published, change }: { readonly many: ManyView; readonly published: readonly PublishedResult[]; readonly change: Change }): VNode {
  const table = useRef<HTMLTableElement>(null);
  const [cursor, setCursor] = useState<readonly [number, number]>([0, 0]);
  const [sort, setSort] = useState('language');
  const others = many.names.map((_, i) => i).filter((i) => i !== many.baseline);
  const base = many.names[many.baseline]!;
  const byRun = sort === 'language' ? -1 : Number(sort);
  const rows = [...many.languages].sort((x, y) => (byRun < 0 ? 0 : (y.cells[byRun]?.against?.difference ?? 0) - (x.cells[byRun]?.against?.difference ?? 0)) || languageName(x.language).localeCompare(languageName(y.language)));
  const classes = many.groups.filter((g) => g.by === 'class').map((g) => ({ group: g, rows: rows.filter((l) => g.languages.includes(l.language)) }));
  const order = classes.flatMap((c) => c.rows);
  const adjusted = (d: ManyTest): number => (many.correction === 'holm' ? d.holm : d.bh);
  const describe = (row: number, at: number): string => {
    const [l, run] = [order[row], others[at]];
    const cell = l && run !== undefined ? l.cells[run] : undefined;
    if (!l || run === undefined || !cell?.against) return '';
    const d = cell.against;
    return t('{0}, {1}: {2}, against {3} {4}, interval {5} to {6}, p {7}, {8}', languageName(l.language), many.names[run]!, points(cell.accuracy), base, signed(d.difference), signed(d.interval[0]), signed(d.interval[1]), pText(adjusted(d)), d.significant ? t('significant') : t('not significant'));
  };
  const open = (run: number, language: string): void => change({ a: many.baseline, b: run, scorerB: SAME, language, quadrants: [], readDiffers: false, shift: [], sample: '', tab: 'samples' });
  const onKeyDown = (e: KeyboardEvent): void => {
    const [r, c] = cursor;
    const moves: Readonly<Record<string, readonly [number, number]>> = { ArrowDown: [r + 1, c], ArrowUp: [r - 1, c], ArrowRight: [r, c + 1], ArrowLeft: [r, c - 1], Home: [r, 0], End: [r, others.length - 1], PageUp: [0, c], PageDown: [order.length - 1, c] };
    const to = moves[e.key];
    if (!to || e.altKey || e.ctrlKey || e.metaKey || !(document.activeElement instanceof HTMLElement) || !document.activeElement.matches('button.many-cell')) return;
    e.preventDefault();
    const next = [Math.max(0, Math.min(order.length - 1, to[0])), Math.max(0, Math.min(others.length - 1, to[1]))] as const;
    setCursor(next);
    table.current?.querySelectorAll<HTMLButtonElement>('button.many-cell')[next[0] * others.length + next[1]]?.focus();
  };
  const left = many.leftOut.reduce((sum, n) => sum + n, 0);
  const lines = (cells: readonly ManyCell<ManyDifference>[], floor: number | undefined, marks: readonly number[], click?: (run: number) => VNode): VNode[] => cells.flatMap((cell, i) => [
    <td key={`${i}a`} class="many-accuracy"><Bar value={cell.accuracy} interval={cell.interval} partial={false} floor={floor} marks={marks} /><span class="interval-text">{points(cell.accuracy)} ({points(cell.interval[0])}–{points(cell.interval[1])}){floor !== undefined && cell.interval[0] <= floor && <span class="bad" title={t('not above the floor')}> ≤</span>}</span></td>,
    ...(cell.against ? [click ? click(i) : <td key={`${i}d`} class="many-difference">{signed(cell.against.difference)} <span class="quiet">({signed(cell.against.interval[0])} {t('to')} {signed(cell.against.interval[1])})</span></td>] : []),
  ]);
  return (
    <>
      <ul class="verdicts">
        {others.map((i) => {
          const d = many.overall.cells[i]!.against!;
          return <li key={i}>{t('{0} against {1}: better in {2} of {3} languages, worse in {4}; overall {5} points ({6} to {7})', many.names[i]!, base, changes(many, i, 1), many.languages.length, changes(many, i, -1), signed(d.difference), signed(d.interval[0]), signed(d.interval[1]))}{d.interval[0] > 0 || d.interval[1] < 0 ? '' : t(', which includes no difference')}.</li>;
        })}
      </ul>
      <p class="basis">
        {t('{0} problems in every run; McNemar’s test per language and run, {1} tests corrected together by {2}; intervals {3} %, those of groups and differences by bootstrap clustered by problem, {4} resamples, seed {5}.', count(many.n), count(many.tests), many.correction === 'holm' ? 'Holm' : 'Benjamini–Hochberg', count(100 * many.bootstrap.level), count(many.bootstrap.resamples), String(many.bootstrap.seed))}
        {left > 0 && <> {t('Left out, because not every run holds them: {0}.', many.leftOut.map((n, i) => `${many.names[i]!} ${count(n)}`).join(', '))} <button type="button" class="link" onClick={() => change({ common: false })}>{t('Require all')}</button></>}
      </p>
      <div class="toolbar">
        <Select label={t('Sort by')} value={sort} options={[['language', t('Language')], ...others.map((i) => [String(i), t('difference of {0}', many.names[i]!)] as const)]} onChange={setSort} />
        <span class="quiet">{t('* significant after the correction; dashed: best trivial answer; ticks: published numbers; ≤: not above the floor.')}</span>
      </div>
      <div class="table-scroll" tabIndex={0} role="group" aria-label={t('Runs by language')}>
        <table ref={table} class="many-table" onKeyDown={onKeyDown}>
          <caption class="visually-hidden">{t('Runs by language')}</caption>
          <thead>
            <tr>
              <th scope="col" rowSpan={2}>{t('Language')}</th><th scope="col" rowSpan={2} class="number">{t('n')}</th><th scope="col" rowSpan={2} class="number">{t('Floor')}</th>
              {many.names.map((name, i) => <th key={i} scope="colgroup" colSpan={i === many.baseline ? 1 : 2}><bdi>{name}</bdi>{i === many.baseline && <span class="note">{t('baseline')}</span>}</th>)}
            </tr>
            <tr>{many.names.flatMap((_, i) => [<th key={`${i}a`} scope="col">{t('Accuracy, %')}</th>, ...(i === many.baseline ? [] : [<th key={`${i}d`} scope="col">{t('Difference, p')}</th>])])}</tr>
          </thead>
          <tbody>
            <tr class="group strong" data-row="all"><th scope="row">{t('All languages')} ({many.languages.length})</th><td class="number">{count(many.overall.cells[many.baseline]!.n)}</td><td class="number">{many.overall.floor === undefined ? '' : points(many.overall.floor)}</td>{lines(many.overall.cells, many.overall.floor, published.flatMap((p) => (p.mean ? [p.mean.share] : [])))}</tr>
          </tbody>
          {classes.map(({ group, rows: members }) => (
            <tbody key={group.key}>
              <tr class="group" data-row={group.key}><th scope="row">{groupTitle(group.key)} ({group.languages.length})</th><td class="number">{count(group.cells[many.baseline]!.n)}</td><td class="number">{group.floor === undefined ? '' : points(group.floor)}</td>{lines(group.cells, group.floor, [])}</tr>
              {members.map((l) => {
                const row = order.indexOf(l);
                return (
                  <tr key={l.language} data-language={l.language}>
                    <th scope="row" title={languageOf(l.language)?.nativeName}>{languageName(l.language)}</th>
                    <td class="number">{count(l.cells[many.baseline]!.n)}</td>
                    <td class="number" title={l.floor?.name}>{l.floor ? points(l.floor.share) : ''}</td>
                    {lines(l.cells, l.floor?.share, published.flatMap((p) => p.languages[l.language] ?? []), (run) => {
                      const d = l.cells[run]!.against!;
                      const at = others.indexOf(run);
                      return (
                        <td key={`${run}d`} class={`many-difference ${d.significant ? 'significant' : 'pale'}`}>
                          <button type="button" class="many-cell" tabIndex={cursor[0] === row && cursor[1] === at ? 0 : -1} title={t('Compare these two')} onFocus={() => { setCursor([row, at]); announce(describe(row, at)); }} onClick={() => open(run, l.language)}>{signed(d.difference)} <span class="quiet">({signed(d.interval[0])} {t('to')} {signed(d.interval[1])})</span> {pText(adjusted(d))}{d.significant ? ' *' : ''}</button>
                        </td>
                      );
                    })}
                  </tr>
                );
              })}
            </tbody>
          ))}
        </table>
      </div>
      <p class="read-out">{describe(...cursor)}</p>
    </>
  );
}
