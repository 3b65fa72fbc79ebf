import { type VNode } from 'preact';
import { useRef } from 'preact/hooks';
import { languageName, languageOf } from '../../src/core/languages';
import { type FloorsView, type LanguageDifference, type PairView } from '../../src/protocol/compare';
import { type PublishedResult } from '../../src/protocol/panels';
import { Bar } from '../ui/bar';
import { Select } from '../ui/fields';
import { count, points, t } from '../ui/l10n';
import { announce } from '../ui/live';
import { type Change, type CompareState, type DifferenceGroup, type GroupBy, groupDifferences, pText, signed, type SortKey } from './state';

export interface DifferencesProps {
  readonly pair: PairView;
  /** Arrives after the pair, because every question is read for it. */
  readonly floors: FloorsView | undefined;
  readonly published: readonly PublishedResult[];
  readonly state: CompareState;
  readonly change: Change;
}

interface Column {
  readonly key: SortKey;
  readonly title: string;
  readonly hint: string;
}

/** One row a language: both accuracies, the difference with its interval, and whether it stands after the correction. */
export function Differences({ pair, floors, published, state, change }: DifferencesProps): VNode {
  const table = useRef<HTMLTableElement>(null);
  const groups = groupDifferences(pair, state);
  const columns: readonly Column[] = [
    { key: 'language', title: t('Language'), hint: t('Language') },
    { key: 'n', title: t('n'), hint: t('Pairs') },
    { key: 'accuracyA', title: 'A', hint: t('Share of right answers in A, percent') },
    { key: 'accuracyB', title: 'B', hint: t('Share of right answers in B, percent') },
    { key: 'difference', title: t('B − A'), hint: t('Difference in percentage points with its 95 % interval') },
    { key: 'adjusted', title: state.correction === 'holm' ? t('p (Holm)') : t('p (BH)'), hint: t('Exact McNemar test, corrected over languages') },
  ];
  const besides = (language: string): Beside => ({ floor: floors?.languages[language], published: published.flatMap((p) => (p.languages[language] === undefined ? [] : [{ system: p.system, share: p.languages[language]! }])) });
  // One scale for all rows, so that lengths can be compared.
  const bound = Math.max(0.05, ...pair.languages.flatMap((l) => l.interval.map(Math.abs)));
  const onKeyDown = (e: KeyboardEvent): void => {
    const buttons = [...(table.current?.querySelectorAll<HTMLButtonElement>('button.language') ?? [])];
    const at = buttons.indexOf(document.activeElement as HTMLButtonElement);
    const moves: Readonly<Record<string, number>> = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: buttons.length - 1 };
    const to = moves[e.key];
    if (at < 0 || to === undefined || e.altKey) return;
    e.preventDefault();
    buttons[Math.max(0, Math.min(buttons.length - 1, to))]?.focus();
  };
  const sortBy = (key: SortKey): void => change({ sort: key, descending: state.sort === key ? !state.descending : key !== 'language' && key !== 'adjusted' });
  const choose = (language: string): void => change({ language: language === state.language ? '' : language, sample: '', tab: 'samples' });
  return (
    <section class="differences" aria-label={t('Difference by language')}>
      <div class="toolbar">
        <Select<GroupBy> label={t('Group by')} value={state.groupBy as GroupBy} options={[['class', t('resource class')], ['script', t('script')], ['family', t('family')], ['none', t('nothing')]]} onChange={(groupBy) => change({ groupBy })} />
        <span class="key"><Interval row={{ difference: 0.4, interval: [0.2, 0.6], significant: true }} bound={1} /> {t('significant')} <Interval row={{ difference: 0.4, interval: [-0.1, 0.9], significant: false }} bound={1} /> {t('not significant')}</span>
      </div>
      <div class="table-scroll" tabIndex={0} role="group" aria-label={t('Difference by language')}>
        <table ref={table} onKeyDown={onKeyDown}>
          <caption class="visually-hidden">{t('Difference by language')}</caption>
          <thead>
            <tr>
              {columns.flatMap((c) => [
                ...(c.key === 'difference' ? [<th key="floor" scope="col" class="number"><span title={t('Best trivial answer on the same problems, percent')}>{t('Floor')}</span></th>] : []),
                <th key={c.key} scope="col" class={c.key === 'language' || c.key === 'difference' ? undefined : 'number'} aria-sort={state.sort === c.key ? (state.descending ? 'descending' : 'ascending') : undefined}>
                  <button type="button" class="sort" title={c.hint} onClick={() => sortBy(c.key)}>{c.title}<span aria-hidden="true" class="arrow">{state.sort === c.key ? (state.descending ? '▾' : '▴') : ''}</span></button>
                </th>,
              ])}
            </tr>
          </thead>
          {groups.map((g) => <Group key={g.key} group={g} bound={bound} chosen={state.language} columns={columns.length + 1} besides={besides} onChoose={choose} />)}
        </table>
      </div>
    </section>
  );
}

/** What a language's two accuracies are held against. */
interface Beside {
  readonly floor: { readonly name: string; readonly share: number } | undefined;
  readonly published: readonly { readonly system: string; readonly share: number }[];
}

function Group({ group, bound, chosen, columns, besides, onChoose }: { readonly group: DifferenceGroup; readonly bound: number; readonly chosen: string; readonly columns: number; readonly besides: (language: string) => Beside; readonly onChoose: (language: string) => void }): VNode {
  const { estimate } = group;
  return (
    <tbody>
      <tr class="group">
        <th scope="rowgroup" colSpan={columns}>{group.title} ({group.rows.length}){estimate && <span class="group-mean"> {signed(estimate.difference)} ({signed(estimate.interval[0])} {t('to')} {signed(estimate.interval[1])})</span>}</th>
      </tr>
      {group.rows.map((row) => <Row key={row.language} row={row} beside={besides(row.language)} bound={bound} selected={row.language === chosen} onChoose={() => onChoose(row.language)} />)}
    </tbody>
  );
}

function describe(row: LanguageDifference): string {
  const name = languageName(row.language);
  const verdict = row.significant ? t('significant') : t('not significant');
  return t('{0}: A {1}, B {2}, difference {3}, interval {4} to {5}, {6}', name, points(row.accuracyA), points(row.accuracyB), signed(row.difference), signed(row.interval[0]), signed(row.interval[1]), verdict);
}

function Row({ row, beside: { floor, published }, bound, selected, onChoose }: { readonly row: LanguageDifference; readonly beside: Beside; readonly bound: number; readonly selected: boolean; readonly onChoose: () => void }): VNode {
  const [low, high] = row.interval;
  const marks = published.map((p) => p.share);
  const below = (side: 'A' | 'B', accuracy: number): string => (floor && accuracy <= floor.share ? `, ${t('{0} not above the floor', side)}` : '');
  const against = floor ? `, ${t('floor {0}', points(floor.share))}${below('A', row.accuracyA)}${below('B', row.accuracyB)}` : '';
  const known = published.map((p) => `, ${p.system} ${points(p.share)}`).join('');
  const detail = row.detectable === null ? describe(row) : `${describe(row)}. ${t('Smallest difference found with 80 % power: {0} points', points(row.detectable))}`;
  return (
    <tr class={`${selected ? 'selected ' : ''}${row.significant ? 'significant' : 'pale'}`} data-language={row.language}>
      <th scope="row"><button type="button" class="language" aria-current={selected ? 'true' : undefined} title={languageOf(row.language)?.nativeName} onFocus={() => announce(describe(row) + against + known)} onClick={onChoose}>{languageName(row.language)}</button></th>
      <td class="number">{count(row.n)}</td>
      {[row.accuracyA, row.accuracyB].map((share, i) => <td key={i} class="number side-accuracy" title={published.map((p) => `${p.system} ${points(p.share)}`).join('\n') || undefined}>{points(share)}<Bar value={share} partial={false} floor={floor?.share} marks={marks} /></td>)}
      <td class={floor && Math.max(row.accuracyA, row.accuracyB) <= floor.share ? 'number bad' : 'number'} title={floor?.name}>{floor ? points(floor.share) : ''}</td>
      <td class="difference" title={detail}><Interval row={row} bound={bound} /><span class="difference-text">{signed(row.difference)} <span class="difference-interval">({signed(low)} {t('to')} {signed(high)})</span></span></td>
      <td class="number">{pText(row.adjusted)}{row.significant ? ' *' : ''}</td>
    </tr>
  );
}

const WIDTH = 120;
const HEIGHT = 14;

/** A difference with its interval around zero. The numbers stand beside it, so the drawing is hidden from assistive technology. */
function Interval({ row, bound }: { readonly row: Pick<LanguageDifference, 'difference' | 'interval' | 'significant'>; readonly bound: number }): VNode {
  const x = (d: number): number => Math.round((WIDTH / 2) * (1 + Math.max(-1, Math.min(1, d / bound))) * 10) / 10;
  const [low, high] = row.interval;
  const side = row.difference > 0 ? 'up' : row.difference < 0 ? 'down' : 'even';
  return (
    <svg class={`interval-plot ${side} ${row.significant ? 'significant' : 'pale'}`} viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true" focusable="false">
      <path class="zero" d={`M${WIDTH / 2} 0V${HEIGHT}`} />
      <rect class="whisker" x={x(low)} y={HEIGHT / 2 - 2} width={Math.max(1, x(high) - x(low))} height={4} />
      <rect class="point" x={x(row.difference) - 1.5} y={1} width={3} height={HEIGHT - 2} />
    </svg>
  );
}
