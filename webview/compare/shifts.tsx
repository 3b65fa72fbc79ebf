import { type VNode } from 'preact';
import { useRef, useState } from 'preact/hooks';
import { type OutcomeShift } from '../../src/core/analysis/compare';
import { type PairView } from '../../src/protocol/compare';
import { count, t } from '../ui/l10n';
import { announce } from '../ui/live';
import { type Change, shiftWord, signed } from './state';

type Outcome = OutcomeShift['from'];

/** Steps of shade for a share of a row. */
const step = (share: number): number => Math.min(5, Math.ceil(share * 5));

/** What became of each outcome of A under B: rows are A, columns are B, and every cell opens its samples. */
export function Shifts({ pair, change }: { readonly pair: PairView; readonly change: Change }): VNode {
  const table = useRef<HTMLTableElement>(null);
  const [cursor, setCursor] = useState<readonly [number, number]>([0, 0]);
  const total = (of: 'from' | 'to', outcome: Outcome): number => pair.shifts.reduce((sum, s) => sum + (s[of] === outcome ? s.count : 0), 0);
  const outcomes = [...new Set(pair.shifts.flatMap((s) => [s.from, s.to]))].sort((x, y) => Number(y === 'correct') - Number(x === 'correct') || total('from', y) + total('to', y) - total('from', x) - total('to', x));
  const counts = new Map(pair.shifts.map((s) => [`${s.from} ${s.to}`, s.count]));
  const at = (from: Outcome, to: Outcome): number => counts.get(`${from} ${to}`) ?? 0;
  const describe = (from: Outcome, to: Outcome): string => t('A {0}, B {1}: {2} of {3}', shiftWord(from), shiftWord(to), count(at(from, to)), count(total('from', from)));
  const onKeyDown = (e: KeyboardEvent): void => {
    const [r, c] = cursor;
    const moves: Readonly<Record<string, readonly [number, number]>> = { ArrowDown: [r + 1, c], ArrowUp: [r - 1, c], ArrowRight: [r, c + 1], ArrowLeft: [r, c - 1], Home: [r, 0], End: [r, outcomes.length - 1] };
    const to = moves[e.key];
    if (!to || e.altKey) return;
    e.preventDefault();
    const next = to.map((x) => Math.max(0, Math.min(outcomes.length - 1, x))) as [number, number];
    setCursor(next);
    table.current?.querySelectorAll<HTMLButtonElement>('button.shift')[next[0] * outcomes.length + next[1]]?.focus();
    announce(describe(outcomes[next[0]]!, outcomes[next[1]]!));
  };
  return (
    <div class="scroll" tabIndex={0} role="group" aria-label={t('Error types')}>
      <p class="hint">{t('Rows: outcome in A. Columns: outcome in B. A cell opens its samples. Last row: change in points.')}</p>
      <table ref={table} class="shifts" onKeyDown={onKeyDown}>
        <caption class="visually-hidden">{t('Outcomes of A and what became of them in B')}</caption>
        <thead>
          <tr><th scope="col">{t('A \\ B')}</th>{outcomes.map((o) => <th key={o} scope="col">{shiftWord(o)}</th>)}<th scope="col" class="number">{t('sum of A')}</th></tr>
        </thead>
        <tbody>
          {outcomes.map((from, r) => (
            <tr key={from}>
              <th scope="row">{shiftWord(from)}</th>
              {outcomes.map((to, c) => {
                const n = at(from, to);
                return (
                  <td key={to} class={`shift-cell step-${n === 0 ? 0 : step(n / total('from', from))} ${from === to ? 'same' : ''}`}>
                    <button type="button" class="shift" tabIndex={cursor[0] === r && cursor[1] === c ? 0 : -1} aria-label={describe(from, to)} title={describe(from, to)} onFocus={() => setCursor([r, c])} onClick={() => n > 0 && change({ shift: [from, to], quadrants: [], readDiffers: false, sample: '', tab: 'samples', language: '' })}>{n === 0 ? '·' : count(n)}</button>
                  </td>
                );
              })}
              <td class="number">{count(total('from', from))}</td>
            </tr>
          ))}
          <tr>
            <th scope="row">{t('sum of B')}</th>
            {outcomes.map((o) => <td key={o} class="centre">{count(total('to', o))} <span class="quiet">{signed((total('to', o) - total('from', o)) / Math.max(1, pair.n))}</span></td>)}
            <td class="number">{count(pair.n)}</td>
          </tr>
        </tbody>
      </table>
    </div>
  );
}
