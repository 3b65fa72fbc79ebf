import { type VNode } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { GetSoft } from '../../src/protocol/attention-panel';
import { type SoftResult, type ThumbnailsResult } from '../../src/protocol/probe';
import { Button } from '../ui/native';
import { request } from '../ui/host';
import { count, percent, t } from '../ui/l10n';
import { type Row, rankedKeys } from './details';
import { tokenText } from './lens-store';
import { columnsIn, type Cursor, half, type Model } from './model';
import { type Choice, stageTitle, tokenWords, viewWords } from './state';

const FIRST_ROWS = 200;
export const NEIGHBOURS = 5;
const digits = (x: number): string => (Number.isNaN(x) ? '–' : x.toFixed(2));

/** The first rows of a table, and a button for the rest. */
function useMore(total: number): readonly [shown: number, button: VNode | null] {
  const [all, setAll] = useState(false);
  const shown = all ? total : Math.min(total, FIRST_ROWS);
  return [shown, shown < total ? <p><Button onClick={() => setAll(true)}>{t('Show all {0}', count(total))}</Button></p> : null];
}

export interface RowTableProps {
  readonly model: Model;
  readonly choice: Choice;
  readonly cursor: Cursor;
  readonly row: Row | undefined;
  readonly onPick: (cursor: Cursor) => void;
}

/** The matrix's twin: all keys of the query at the cursor. */
export function RowTable({ model, choice, cursor, row, onPick }: RowTableProps): VNode {
  const axis = model.units[choice.units];
  const ranked = row ? rankedKeys(row, half(axis, columnsIn(choice.side))[0]) : [];
  const [shown, more] = useMore(ranked.length);
  return (
    <div class="scroll" tabIndex={0} role="group" aria-label={t('Attention as a table')}>
      <table class="narrow">
        <caption>{t('What {0} looks at, {1}', tokenWords(model, axis.of[cursor.row]!, choice.units), viewWords(choice))}</caption>
        <thead><tr><th scope="col" class="number">{t('Rank')}</th><th scope="col">{t('Key')}</th><th scope="col">{t('Stage')}</th><th scope="col" class="number">{t('Place')}</th><th scope="col" class="number">{t('Weight')}</th></tr></thead>
        <tbody>
          {ranked.slice(0, shown).map(({ unit, weight }, i) => (
            <tr key={unit} class={axis.of[cursor.column] === unit ? 'selected' : undefined}>
              <td class="number">{i + 1}</td>
              <td><button type="button" class="language" onClick={() => onPick({ row: cursor.row, column: axis.starts[unit]! })}><bdi class="chip-text">{axis.chips[unit]!.text}</bdi></button></td>
              <td>{stageTitle(axis.stages[unit]!)}</td><td class="number">{model.order[axis.starts[unit]!]! + 1}</td><td class="number">{percent(weight)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {more}
    </div>
  );
}

export interface SoftProps {
  readonly model: Model;
  readonly subject: number;
  readonly place: number;
  readonly onPick: (place: number) => void;
  readonly onLoaded: (soft: SoftResult) => void;
  readonly onError: (e: Error) => void;
}

/** Name of what a soft slot is made of. */
export function slotSource(model: Model, place: number): string {
  return model.units.tokens.chips[place]!.text;
}

/** Soft vectors: norms against the LLM's own embeddings, and the vocabulary tokens nearest to each. */
export function Soft({ model, subject, place, onPick, onLoaded, onError }: SoftProps): VNode {
  const [soft, setSoft] = useState<SoftResult | undefined>();
  useEffect(() => {
    if (model.stageSize.soft === 0) return undefined;
    const abort = new AbortController();
    setSoft(undefined);
    request(GetSoft, { subject, k: NEIGHBOURS }, abort.signal)
      .then((answer) => {
        if (abort.signal.aborted) return;
        setSoft(answer);
        onLoaded(answer);
      })
      .catch((e: unknown) => !abort.signal.aborted && onError(e as Error));
    return () => abort.abort();
  }, [model, subject, onLoaded, onError]);
  const [shown, more] = useMore(soft?.slots ?? 0);
  if (model.stageSize.soft === 0) return <p class="empty">{t('This bundle has no encoder, so there is no soft prefix.')}</p>;
  if (!soft) return <p class="empty" aria-busy="true">{t('Comparing soft vectors with the vocabulary…')}</p>;
  const texts = new Map(soft.tokens.map((k) => [k.id, tokenText(k)]));
  const places = model.units.tokens.stages.flatMap((stage, u) => (stage === 'soft' ? [u] : []));
  const { q05, median, q95 } = soft.embeddings;
  const near = (ids: Int32Array, values: Float32Array, slot: number): VNode => (
    <>{Array.from({ length: soft.k }, (_, k) => <span key={k} class="near"><bdi class="chip-text">{texts.get(ids[slot * soft.k + k]!)}</bdi> {digits(values[slot * soft.k + k]!)} </span>)}</>
  );
  return (
    <div class="scroll" tabIndex={0} role="group" aria-label={t('Soft vectors')}>
      <p class="quiet">{t('Norms of the LLM’s own embeddings: median {0}, 5 % below {1}, 5 % above {2}. A soft vector far outside is nothing that the LLM has ever read.', digits(median), digits(q05), digits(q95))}</p>
      <table>
        <caption class="visually-hidden">{t('Soft vectors: nearest tokens and norms')}</caption>
        <thead><tr><th scope="col" class="number">{t('Slot')}</th><th scope="col">{t('Made of')}</th><th scope="col" class="number">{t('Norm before')}</th><th scope="col" class="number">{t('Norm after')}</th><th scope="col">{t('Against embeddings')}</th><th scope="col">{t('Nearest by cosine')}</th><th scope="col">{t('Nearest by distance')}</th></tr></thead>
        <tbody>
          {Array.from({ length: shown }, (_, s) => {
            const after = soft.after[s]!;
            return (
              <tr key={s} class={places[s] === place ? 'selected' : undefined}>
                <td class="number"><button type="button" class="language" aria-label={t('Slot {0}', s + 1)} onClick={() => onPick(places[s]!)}>{s + 1}</button></td>
                <td><bdi class="chip-text">{slotSource(model, places[s]!)}</bdi></td><td class="number">{digits(soft.before[s]!)}</td><td class="number">{digits(after)}</td>
                <td>{t('{0} × median', digits(after / median))}{after < q05 ? t(', below 95 % of them') : after > q95 ? t(', above 95 % of them') : ''}</td>
                <td>{near(soft.cosineIds, soft.cosine, s)}</td><td>{near(soft.distanceIds, soft.distance, s)}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
      {more}
    </div>
  );
}

export interface HeadFacts {
  readonly layer: number;
  readonly head: number;
  /** Largest weight on the first cell's keys, near the diagonal, and elsewhere: what the thumbnail shows, in three numbers. */
  readonly first: number;
  readonly diagonal: number;
  readonly elsewhere: number;
}

/** What the thumbnails show, in numbers: [layers × heads]. */
export function headFacts({ data, layers, heads, size }: ThumbnailsResult): HeadFacts[] {
  return Array.from({ length: layers * heads }, (_, at) => {
    let [first, diagonal, elsewhere] = [0, 0, 0];
    for (let r = 0; r < size; r++) {
      for (let c = 0; c < size; c++) {
        const v = data[(at * size + r) * size + c]!;
        if (c === 0 && r > 1) first = Math.max(first, v);
        else if (Math.abs(r - c) <= 1) diagonal = Math.max(diagonal, v);
        else elsewhere = Math.max(elsewhere, v);
      }
    }
    return { layer: Math.floor(at / heads), head: at % heads, first, diagonal, elsewhere };
  });
}

/** The thumbnails' twin. */
export function HeadTable({ thumbnails, choice, onPick }: { readonly thumbnails: ThumbnailsResult | undefined; readonly choice: Choice; readonly onPick: (layer: number, head: number) => void }): VNode {
  const facts = thumbnails ? headFacts(thumbnails) : [];
  const [shown, more] = useMore(facts.length);
  if (!thumbnails) return <p class="empty">{t('The heads have not been computed. They are computed in the strip at the left.')}</p>;
  return (
    <div class="scroll" tabIndex={0} role="group" aria-label={t('Heads as a table')}>
      <table class="narrow">
        <caption>{t('The largest weight of each head on the first tokens, on a token itself or its neighbours, and elsewhere ({0} × {0} cells)', thumbnails.size)}</caption>
        <thead><tr><th scope="col">{t('Head')}</th><th scope="col" class="number">{t('First tokens')}</th><th scope="col" class="number">{t('Near itself')}</th><th scope="col" class="number">{t('Elsewhere')}</th></tr></thead>
        <tbody>
          {facts.slice(0, shown).map((f) => (
            <tr key={`${f.layer}/${f.head}`} class={f.layer === choice.layer && f.head === choice.head ? 'selected' : undefined}>
              <th scope="row"><button type="button" class="language" onClick={() => onPick(f.layer, f.head)}>{viewWords({ layer: f.layer, head: f.head })}</button></th>
              <td class="number">{percent(f.first)}</td><td class="number">{percent(f.diagonal)}</td><td class="number">{percent(f.elsewhere)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {more}
    </div>
  );
}
