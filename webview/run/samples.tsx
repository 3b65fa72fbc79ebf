import { type VNode } from 'preact';
import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { languageName } from '../../src/core/languages';
import { GetPage, type Outcome, OUTCOMES, type SampleLine, type TableRow } from '../../src/protocol/panels';
import { TextInput } from '../ui/controls';
import { request } from '../ui/host';
import { count, t } from '../ui/l10n';
import { announce } from '../ui/live';
import { VirtualList } from '../ui/virtual';
import { errorWord, OUTCOME_MARK, outcomeWord, type PanelState } from './state';

const PAGE = 100;
const ROW_HEIGHT = 24;
const FIND_MS = 250;

export interface SamplesProps {
  readonly row: TableRow;
  readonly state: PanelState;
  readonly change: (change: Partial<PanelState>) => void;
  /** Where the panel's own shortcuts reach the list. */
  readonly commands: { find?: () => void; move?: (by: number) => void };
  readonly onError: (e: Error) => void;
}

/** The samples of one language: filtered, found and paged by the host; only the lines in view are here. */
export function Samples({ row, state, change, commands, onError }: SamplesProps): VNode {
  const { language, outcomes, find, disagrees } = state;
  const input = useRef<HTMLInputElement>(null);
  const lines = useRef(new Map<number, SampleLine>());
  const asked = useRef(new Set<number>());
  const abort = useRef(new AbortController());
  const [total, setTotal] = useState(0);
  const [, redraw] = useState(0);
  const [typed, setTyped] = useState(find);

  /** A line that was chosen before it was here. */
  const wanted = useRef(-1);

  const load = useCallback((page: number) => {
    if (asked.current.has(page)) return;
    asked.current.add(page);
    const { signal } = abort.current;
    request(GetPage, { language, outcomes: outcomes as Outcome[], find, ...(disagrees === '' ? {} : { disagrees }), offset: page * PAGE, count: PAGE }, signal)
      .then((answer) => {
        if (signal.aborted) return;
        answer.lines.forEach((line, i) => lines.current.set(answer.offset + i, line));
        setTotal(answer.total);
        redraw((n) => n + 1);
        const line = wanted.current >= 0 ? lines.current.get(wanted.current) : undefined;
        if (line) {
          wanted.current = -1;
          change({ sample: line.id, problem: '' });
          announce(describe(line));
        }
      })
      .catch((e: unknown) => {
        asked.current.delete(page);
        if (!signal.aborted) onError(e as Error);
      });
  }, [language, outcomes, find, disagrees, onError, change]);

  // Another language, filter or search: everything is asked again. More samples of the same: what is shown is asked again.
  const lastQuery = useRef('');
  useEffect(() => {
    abort.current.abort();
    abort.current = new AbortController();
    const query = JSON.stringify([language, outcomes, find, disagrees]);
    const shown = [...asked.current];
    asked.current = new Set();
    if (query !== lastQuery.current) {
      lines.current = new Map();
      lastQuery.current = query;
      wanted.current = -1;
      load(0);
    } else (shown.length > 0 ? shown : [0]).forEach((page) => load(page));
  }, [language, outcomes, find, disagrees, row.n, load]);

  useEffect(() => {
    const timer = setTimeout(() => {
      if (typed !== find) change({ find: typed });
    }, FIND_MS);
    return () => clearTimeout(timer);
  }, [typed, find, change]);

  const selected = [...lines.current].find(([, line]) => line.id === state.sample)?.[0] ?? -1;
  const select = useCallback((index: number) => {
    const line = lines.current.get(index);
    wanted.current = line ? -1 : index;
    if (line) {
      change({ sample: line.id, problem: '' });
      announce(describe(line));
    } else load(Math.floor(index / PAGE));
  }, [change, load]);

  useEffect(() => {
    commands.find = () => {
      input.current?.focus();
      input.current?.select();
    };
    commands.move = (by) => {
      if (total > 0) select(Math.max(0, Math.min(total - 1, selected + by)));
    };
    return () => {
      commands.find = undefined;
      commands.move = undefined;
    };
  }, [commands, total, selected, select]);

  const onRange = useCallback((from: number, to: number) => {
    for (let page = Math.floor(from / PAGE); page <= Math.floor((to - 1) / PAGE); page++) load(page);
  }, [load]);

  const name = languageName(language);
  const counts: Readonly<Record<Outcome, number>> = { right: row.correct, wrong: row.n - row.correct - row.unread - row.failed, unread: row.unread, failed: row.failed };
  const toggle = (outcome: Outcome): void => change({ outcomes: outcomes.includes(outcome) ? outcomes.filter((o) => o !== outcome) : [...outcomes, outcome] });
  return (
    <section class="samples" aria-label={t('Samples: {0}', name)}>
      <div class="toolbar">
        <h2>{t('Samples: {0}', name)} ({count(total)})</h2>
        <div class="filters" role="group" aria-label={t('Filter')}>
          {OUTCOMES.map((o) => (
            <button key={o} type="button" class={`filter outcome-${o}`} aria-pressed={outcomes.includes(o)} onClick={() => toggle(o)}><span aria-hidden="true">{OUTCOME_MARK[o]}</span> {outcomeWord(o)} {count(counts[o])}</button>
          ))}
          {disagrees !== '' && <button type="button" class="filter" aria-pressed onClick={() => change({ disagrees: '' })}>{t('{0} disagrees', disagrees)} ×</button>}
        </div>
        <TextInput label={t('Find in samples')} value={typed} onInput={setTyped} input={input} />
      </div>
      <VirtualList
        label={t('Samples: {0}', name)}
        total={total}
        rowHeight={ROW_HEIGHT}
        selected={selected}
        onSelect={select}
        onRange={onRange}
        empty={find !== '' || disagrees !== '' || outcomes.length > 0 ? t('No sample fits the filter.') : t('No samples yet.')}
        row={(i) => {
          const line = lines.current.get(i);
          return line ? <Line line={line} /> : <span class="loading">…</span>;
        }}
      />
    </section>
  );
}

function describe(line: SampleLine): string {
  return line.outcome === 'right' ? t('{0}: right, {1}', line.id, line.value ?? '') : t('{0}: {1}, read {2}, gold {3}', line.id, outcomeWord(line.outcome), line.value ?? t('nothing'), line.gold);
}

function Line({ line }: { readonly line: SampleLine }): VNode {
  return (
    <>
      <span class={`mark outcome-${line.outcome}`} aria-label={outcomeWord(line.outcome)} role="img">{OUTCOME_MARK[line.outcome]}</span>
      <span class="line-id"><bdi>{line.id}</bdi></span>
      <span class="line-value"><bdi>{line.value ?? '–'}</bdi>{line.outcome !== 'right' && <> → <bdi>{line.gold}</bdi></>}</span>
      <span class="line-error">{line.error === null ? '' : errorWord(line.error)}</span>
    </>
  );
}
