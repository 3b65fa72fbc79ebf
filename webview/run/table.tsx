import { type VNode } from 'preact';
import { useRef } from 'preact/hooks';
import { languageName, languageOf } from '../../src/core/languages';
import { type AnswerLanguage, type Estimates, type RunView, type TableRow } from '../../src/protocol/panels';
import { Bar } from '../ui/bar';
import { Checkbox, Select } from '../ui/controls';
import { count, one, percent, plusMinus, points, t } from '../ui/l10n';
import { announce } from '../ui/live';
import { type Column, COLUMNS, type GroupBy, groupRows, type More, type PanelState, type RowGroup, type SortKey } from './state';

export interface TableProps {
  readonly run: RunView;
  readonly estimates: Estimates | undefined;
  readonly answers: readonly AnswerLanguage[];
  readonly state: PanelState;
  readonly change: (change: Partial<PanelState>) => void;
  readonly onLanguage: (language: string) => void;
  readonly onCancelLanguage: (language: string, restore: boolean) => void;
}

/** One row a language, in groups; sorted by a click on a column, moved through with the arrow keys. */
export function LanguageTable(props: TableProps): VNode {
  const { run, estimates, answers, state, change } = props;
  const body = useRef<HTMLTableElement>(null);
  const gaps = new Map(estimates?.gaps.flatMap((g) => (g.language === null ? [] : [[g.language, g.mean] as const])) ?? []);
  const more: More = new Map(run.rows.map(({ language }) => [language, { ...estimates?.languages.find((l) => l.language === language), ...answers.find((a) => a.language === language) }] as const));
  const groups = groupRows(run.rows, state, gaps, more);
  // Accuracy over classes is there only where answers are classes.
  const able = COLUMNS.filter((c) => c.key !== 'balanced' || estimates?.languages.some((l) => l.balanced));
  const columns = able.filter((c) => !state.hidden.includes(c.key));
  const sortBy = (key: Column['key']): void => {
    if (key === 'interval') return;
    change({ sort: key, descending: state.sort === key ? !state.descending : key !== 'language' && key !== 'code' });
  };
  const onKeyDown = (e: KeyboardEvent): void => {
    const step: Readonly<Record<string, number>> = { ArrowDown: 1, ArrowUp: -1 };
    const buttons = [...(body.current?.querySelectorAll<HTMLButtonElement>('button.language') ?? [])];
    const at = buttons.indexOf(document.activeElement as HTMLButtonElement);
    const to = e.key === 'Home' ? 0 : e.key === 'End' ? buttons.length - 1 : at + (step[e.key] ?? 0);
    if (at < 0 || to === at || e.altKey || (!(e.key in step) && e.key !== 'Home' && e.key !== 'End')) return;
    e.preventDefault();
    buttons[Math.max(0, Math.min(buttons.length - 1, to))]?.focus();
  };
  return (
    <section class="languages" aria-label={t('Languages')}>
      <div class="toolbar">
        <Select<GroupBy> label={t('Group by')} value={state.groupBy} options={[['class', t('resource class')], ['script', t('script')], ['family', t('family')], ['none', t('nothing')]]} onChange={(groupBy) => change({ groupBy })} />
        <details class="columns">
          <summary>{t('Columns')}</summary>
          <div class="columns-list">
            {able.filter((c) => !c.fixed).map((c) => (
              <Checkbox key={c.key} checked={!state.hidden.includes(c.key)} onChange={(shown) => change({ hidden: shown ? state.hidden.filter((k) => k !== c.key) : [...new Set([...state.hidden, c.key])] })}>{c.title()}</Checkbox>
            ))}
          </div>
        </details>
      </div>
      {/* The scrolling region takes the focus, so that the keyboard can scroll it. */}
      <div class="table-scroll" tabIndex={0} role="group" aria-label={t('Results by language')}>
        <table ref={body} onKeyDown={onKeyDown}>
          <caption class="visually-hidden">{t('Results by language')}</caption>
          <thead>
            <tr>{columns.map((c) => <HeadCell key={c.key} column={c} sort={state.sort} descending={state.descending} onSort={() => sortBy(c.key)} />)}</tr>
          </thead>
          {groups.map((g) => <Group key={g.key} group={g} columns={columns} {...props} gaps={gaps} more={more} />)}
        </table>
      </div>
    </section>
  );
}

function HeadCell({ column, sort, descending, onSort }: { readonly column: Column; readonly sort: SortKey; readonly descending: boolean; readonly onSort: () => void }): VNode {
  const sorted = sort === column.key;
  return (
    <th scope="col" class={column.numeric ? 'number' : undefined} aria-sort={sorted ? (descending ? 'descending' : 'ascending') : undefined}>
      {column.key === 'interval' ? <span title={column.hint()}>{column.title()}</span> : (
        <button type="button" class="sort" title={column.hint()} onClick={onSort}>{column.title()}<span aria-hidden="true" class="arrow">{sorted ? (descending ? '▾' : '▴') : ''}</span></button>
      )}
    </th>
  );
}

interface GroupProps extends TableProps {
  readonly group: RowGroup;
  readonly columns: readonly Column[];
  readonly gaps: ReadonlyMap<string, number>;
  readonly more: More;
}

function Group({ group, columns, estimates, state, gaps, more, run, onLanguage, onCancelLanguage }: GroupProps): VNode {
  const by = state.groupBy === 'none' ? 'all' : state.groupBy;
  const estimate = estimates?.groups.find((g) => g.by === by && g.key === group.key);
  return (
    <tbody>
      <tr class="group">
        <th scope="rowgroup" colSpan={columns.length}>{group.title} ({group.rows.length}){estimate && <span class="group-mean"> {plusMinus(estimate.mean, estimate.interval)}{estimate.floor !== null && !estimate.above && <span class="note">{t('not above the floor')}</span>}</span>}</th>
      </tr>
      {group.rows.map((row) => <Row key={row.language} row={row} columns={columns} state={state} gaps={gaps} more={more} estimates={estimates} run={run} onLanguage={onLanguage} onCancelLanguage={onCancelLanguage} />)}
    </tbody>
  );
}

interface RowProps extends Pick<GroupProps, 'columns' | 'state' | 'gaps' | 'more' | 'estimates' | 'run' | 'onLanguage' | 'onCancelLanguage'> {
  readonly row: TableRow;
}

function Row({ row, columns, state, gaps, more, estimates, run, onLanguage, onCancelLanguage }: RowProps): VNode {
  const name = languageName(row.language);
  const beside = more.get(row.language) ?? {};
  const { floor, balanced, conditional } = beside;
  const published = (estimates?.published ?? []).flatMap((p) => (p.languages[row.language] === undefined ? [] : [{ name: p.system, share: p.languages[row.language]! }]));
  const selected = state.language === row.language;
  const readOut = (): void => announce(row.n === 0 ? t('{0}: no samples yet', name) : t('{0}: {1} right, {2} of {3}, interval {4} to {5}', name, percent(row.accuracy), row.correct, row.n, points(row.interval[0]), points(row.interval[1])) + (floor ? `, ${t('floor {0}', points(floor.share))}${floor.above ? '' : `, ${t('not above the floor')}`}` : ''));
  const restorable = row.cancelled && row.n < row.total && run.trusted;
  const cancellable = !row.cancelled && run.activity.ours && run.activity.status === 'running' && row.n < row.total;
  const cell = (c: Column): VNode => {
    switch (c.key) {
      case 'language':
        return (
          <th key={c.key} scope="row">
            <button type="button" class="language" aria-current={selected ? 'true' : undefined} onFocus={readOut} onClick={() => onLanguage(row.language)} title={languageOf(row.language)?.nativeName}>{name}</button>
            {cancellable && <button type="button" class="small" title={t('Take {0} out of the run', name)} aria-label={t('Take {0} out of the run', name)} onClick={() => onCancelLanguage(row.language, false)}>×</button>}
            {row.cancelled && <span class="note">{t('taken out')}</span>}
            {restorable && <button type="button" class="small" title={t('Put {0} back', name)} aria-label={t('Put {0} back', name)} onClick={() => onCancelLanguage(row.language, true)}>↺</button>}
          </th>
        );
      case 'code': return <td key={c.key}>{row.language}</td>;
      case 'n': return <td key={c.key} class="number">{row.n === row.total ? count(row.n) : `${count(row.n)}/${count(row.total)}`}</td>;
      case 'accuracy': return <td key={c.key} class="number strong">{row.n === 0 ? '…' : percent(row.accuracy)}</td>;
      case 'interval':
        return (
          <td key={c.key} class="interval" title={row.n === 0 ? undefined : t('{0} of {1} right, 95 % Wilson interval {2} to {3}', row.correct, row.n, points(row.interval[0]), points(row.interval[1]))}>
            {row.n > 0 && <><Bar value={row.accuracy} interval={row.interval} partial={row.n < row.total} floor={floor?.share} marks={published.map((p) => p.share)} /><span class="interval-text">{points(row.interval[0])}–{points(row.interval[1])}</span></>}
          </td>
        );
      case 'gap': return <td key={c.key} class="number">{gaps.has(row.language) ? points(gaps.get(row.language)!) : ''}</td>;
      case 'conditional': return <td key={c.key} class="number" title={conditional ? t('n {0}, 95 % interval {1} to {2}', conditional.n, points(conditional.interval[0]), points(conditional.interval[1])) : undefined}>{conditional ? points(conditional.share) : ''}</td>;
      case 'balanced': return <td key={c.key} class="number" title={balanced ? t('95 % interval {0} to {1}', points(balanced.interval[0]), points(balanced.interval[1])) : undefined}>{balanced ? points(balanced.mean) : ''}</td>;
      case 'floor': return <td key={c.key} class={floor && !floor.above ? 'number bad' : 'number'} title={floor ? `${floor.name}${floor.above ? '' : `: ${t('not above the floor')}`}` : undefined}>{floor ? `${points(floor.share)}${floor.above ? '' : ' ≥'}` : ''}</td>;
      case 'own':
      case 'english':
      case 'ownScript':
      case 'switchRate': return <td key={c.key} class="number" title={beside.identified ? t('n {0}', count(beside.identified)) : undefined}>{typeof beside[c.key] === 'number' ? points(beside[c.key]!) : ''}</td>;
      case 'lmFertility': return <td key={c.key} class="number">{row.lmFertility ? one(row.lmFertility) : ''}</td>;
      case 'tokens': return <td key={c.key} class="number">{row.tokensPerQuestion === null ? '' : one(row.tokensPerQuestion)}</td>;
      case 'fertility': return <td key={c.key} class="number">{row.fertility === null ? '' : one(row.fertility)}</td>;
      case 'unread': return <td key={c.key} class="number">{count(row.unread)}</td>;
      case 'wrongLanguage': return <td key={c.key} class="number">{count(row.wrongLanguage)}</td>;
      case 'failed': return <td key={c.key} class={row.failed > 0 ? 'number bad' : 'number'}>{count(row.failed)}</td>;
      case 'ms': return <td key={c.key} class="number">{row.msPerQuestion === null ? '' : count(row.msPerQuestion)}</td>;
    }
  };
  return <tr class={selected ? 'selected' : undefined} data-language={row.language}>{columns.map(cell)}</tr>;
}
