import { type VNode } from 'preact';
import { count, percent, t } from '../ui/l10n';
import { columnsIn, type Cursor, half, type Model, type Stage } from './model';
import { type Choice, stageTitle, tokenWords, viewWords } from './state';

/** Attention of one query over all keys of a side, in units. */
export interface Row {
  readonly id: string;
  readonly values: Float32Array;
}

const MOST = 8;

export interface RankedKey {
  /** Unit on the joint axis. */
  readonly unit: number;
  readonly weight: number;
}

/** Keys by weight, the largest first; zeros (what comes after the query) left out. */
export function rankedKeys(row: Row, start: number): RankedKey[] {
  return Array.from(row.values, (weight, i) => ({ unit: start + i, weight })).filter((k) => k.weight > 0).sort((a, b) => b.weight - a.weight);
}

/** Share of each stage among what the query looks at. */
export function stageShares(model: Model, units: Choice['units'], row: Row, start: number): (readonly [Stage, number])[] {
  const sums = new Map<Stage, number>();
  row.values.forEach((weight, i) => {
    const stage = model.units[units].stages[start + i]!;
    sums.set(stage, (sums.get(stage) ?? 0) + weight);
  });
  return [...sums];
}

/** One cell in a sentence. */
export function cellWords(model: Model, choice: Choice, cursor: Cursor, weight: number | undefined, ranked?: readonly RankedKey[]): string {
  const axis = model.units[choice.units];
  const [query, key] = [axis.of[cursor.row]!, axis.of[cursor.column]!];
  const [q, k] = [tokenWords(model, query, choice.units), tokenWords(model, key, choice.units)];
  if (weight === undefined) return t('{0} on {1}: not computed yet', q, k);
  if (weight === 0 && choice.side === 'lm' && key > query) return t('{0} comes before {1} and cannot look at it.', q, k);
  const at = ranked?.findIndex((r) => r.unit === key) ?? -1;
  const rank = at < 0 ? '' : t(', {0} of {1} keys', at + 1, count(ranked!.length));
  const words = choice.layer === 'rollout' ? t('{0} draws {1} of what it is made of on {2} ({3})', q, percent(weight), k, viewWords(choice)) : t('{0} gives {1} of its attention to {2} ({3})', q, percent(weight), k, viewWords(choice));
  return `${words}${rank}.`;
}

export interface DetailsProps {
  readonly model: Model;
  readonly choice: Choice;
  readonly cursor: Cursor;
  readonly row: Row | undefined;
  readonly title: string;
  readonly onPick: (cursor: Cursor) => void;
}

/** The cell under the cursor in words, what its query looks at by stage, and its largest keys. */
export function Details({ model, choice, cursor, row, title, onPick }: DetailsProps): VNode {
  const axis = model.units[choice.units];
  const [start] = half(axis, columnsIn(choice.side));
  const key = axis.of[cursor.column]!;
  const ranked = row ? rankedKeys(row, start) : [];
  const shares = row ? stageShares(model, choice.units, row, start) : [];
  return (
    <section class="cell-details" aria-label={title}>
      <h2>{title}</h2>
      <p class="cell-words">{cellWords(model, choice, cursor, row?.values[key - start], ranked)}</p>
      {shares.length > 1 && <p class="quiet">{shares.map(([stage, share]) => `${stageTitle(stage)} ${percent(share)}`).join(' · ')}</p>}
      {ranked.length > 0 && (
        <table class="keys">
          <caption>{t('Largest keys of this query')}</caption>
          <tbody>
            {ranked.slice(0, MOST).map(({ unit, weight }) => (
              <tr key={unit} class={unit === key ? 'selected' : undefined}>
                <td><button type="button" class="language" onClick={() => onPick({ row: cursor.row, column: axis.starts[unit]! })}><bdi class="chip-text">{axis.chips[unit]!.text}</bdi></button></td>
                <td class="quiet">{stageTitle(axis.stages[unit]!)} {model.order[axis.starts[unit]!]! + 1}</td>
                <td class="number">{percent(weight)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}
