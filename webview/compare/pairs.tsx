import { type VNode } from 'preact';
import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { type Quadrant } from '../../src/core/analysis/compare';
import { languageName } from '../../src/core/languages';
import { GetPairs, type ListParams, type PairLine, type PairView, QUADRANTS } from '../../src/protocol/compare';
import { OUTCOME_MARK, outcomeWord } from '../run/state';
import { Button, Checkbox } from '../ui/native';
import { request } from '../ui/host';
import { count, percent, t } from '../ui/l10n';
import { announce } from '../ui/live';
import { VirtualList } from '../ui/virtual';
import { type Change, type CompareState, pairOf, quadrantWord, shiftWord } from './state';

const PAGE = 100;
const ROW_HEIGHT = 24;

export interface PairsProps {
  readonly pair: PairView;
  readonly state: CompareState;
  readonly change: Change;
  readonly onError: (e: Error) => void;
}

/** The four quadrants, and below them the sample pairs that fit what is chosen. */
export function Pairs({ pair, state, change, onError }: PairsProps): VNode {
  const row = pair.languages.find((l) => l.language === state.language);
  const counts = row?.quadrants ?? pair.quadrants;
  const n = row?.n ?? pair.n;
  const toggle = (q: Quadrant): void => {
    change({ quadrants: state.quadrants.includes(q) ? state.quadrants.filter((o) => o !== q) : [...state.quadrants, q], sample: '' });
  };
  return (
    <>
      <div class="quadrants" role="group" aria-label={row ? t('Outcomes in {0}', languageName(row.language)) : t('Outcomes in all languages')}>
        {QUADRANTS.map((q) => (
          <button key={q} type="button" class={`quadrant ${q}`} aria-pressed={state.quadrants.includes(q)} onClick={() => toggle(q)}>
            <span>{quadrantWord(q)}</span> <strong>{count(counts[q])}</strong> <span class="quiet">{n === 0 ? '' : percent(counts[q] / n)}</span>
          </button>
        ))}
      </div>
      <div class="toolbar">
        {row && <Button onClick={() => change({ language: '', sample: '' })}>{languageName(row.language)} ×</Button>}
        {state.shift.length === 2 && <Button onClick={() => change({ shift: [], sample: '' })}>{t('A {0}, B {1}', shiftWord(state.shift[0]!), shiftWord(state.shift[1]!))} ×</Button>}
        <Checkbox checked={state.readDiffers} onChange={(readDiffers) => readDiffers !== state.readDiffers && change({ readDiffers, sample: '' })}>{t('read differently')}</Checkbox>
      </div>
      <List key={JSON.stringify(listOf(state))} n={pair.n} state={state} change={change} onError={onError} />
    </>
  );
}

function listOf(state: CompareState): Omit<ListParams, 'offset' | 'count'> {
  return {
    ...pairOf(state), language: state.language, quadrants: state.quadrants as Quadrant[], readDiffers: state.readDiffers,
    shift: state.shift.length === 2 ? ({ from: state.shift[0], to: state.shift[1] } as ListParams['shift']) : null,
  };
}

/** One query's lines, paged; another query is another list. */
function List({ state, change, onError }: Omit<PairsProps, 'pair'> & { readonly n: number }): VNode {
  const lines = useRef(new Map<number, PairLine>());
  const asked = useRef(new Set<number>());
  const [total, setTotal] = useState<number | undefined>();
  const [, redraw] = useState(0);
  const query = useRef(listOf(state));
  const gone = useRef(new AbortController());
  const load = useCallback((page: number) => {
    if (asked.current.has(page)) return;
    asked.current.add(page);
    const { signal } = gone.current;
    request(GetPairs, { ...query.current, offset: page * PAGE, count: PAGE }, signal)
      .then((answer) => {
        if (signal.aborted) return;
        answer.lines.forEach((line, i) => lines.current.set(answer.offset + i, line));
        setTotal(answer.total);
        redraw((k) => k + 1);
      })
      .catch((e: unknown) => {
        asked.current.delete(page);
        if (!signal.aborted) onError(e as Error);
      });
  }, [onError]);
  useEffect(() => {
    const abort = gone.current;
    load(0);
    return () => abort.abort();
  }, [load]);
  const onRange = useCallback((from: number, to: number) => {
    for (let page = Math.floor(from / PAGE); page <= Math.floor((to - 1) / PAGE); page++) load(page);
  }, [load]);
  const selected = state.sample === '' ? -1 : ([...lines.current].find(([, l]) => l.id === state.sample && l.language === state.sampleLanguage)?.[0] ?? -1);
  const select = useCallback((index: number) => {
    const line = lines.current.get(index);
    if (!line) return load(Math.floor(index / PAGE));
    change({ sample: line.id, sampleLanguage: line.language });
    announce(describe(line));
  }, [change, load]);
  return (
    <div class="pair-list">
      <h2>{t('Sample pairs')} {total === undefined ? '…' : `(${count(total)})`}</h2>
      <div class="pair-head" aria-hidden="true"><span>{t('Language')}</span><span>{t('Problem')}</span><span>A</span><span>B</span><span>{t('Gold')}</span></div>
      <VirtualList
        label={t('Sample pairs')}
        total={total ?? 0}
        rowHeight={ROW_HEIGHT}
        selected={selected}
        onSelect={select}
        onRange={onRange}
        empty={total === undefined ? '…' : t('No pair fits the filter.')}
        row={(i) => {
          const line = lines.current.get(i);
          return line ? <Line line={line} /> : <span class="loading">…</span>;
        }}
      />
    </div>
  );
}

function describe(line: PairLine): string {
  const [a, b] = line.outcomes;
  return t('{0}, {1}: A {2}, read {3}; B {4}, read {5}; gold {6}', languageName(line.language), line.id, outcomeWord(a), line.values[0] ?? t('nothing'), outcomeWord(b), line.values[1] ?? t('nothing'), line.gold);
}

function Line({ line }: { readonly line: PairLine }): VNode {
  return (
    <>
      <span>{languageName(line.language)}</span>
      <span class="line-id"><bdi>{line.id}</bdi></span>
      {line.outcomes.map((outcome, i) => (
        <span key={i}><span class={`mark outcome-${outcome}`} role="img" aria-label={`${i === 0 ? 'A' : 'B'} ${outcomeWord(outcome)}`}>{OUTCOME_MARK[outcome]}</span> <bdi>{line.values[i] ?? '–'}</bdi></span>
      ))}
      <span><bdi>{line.gold}</bdi></span>
    </>
  );
}
