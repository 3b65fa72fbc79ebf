import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { GetTile, type Units } from '../../src/protocol/attention-panel';
import { request } from '../ui/host';
import { type Row } from './details';
import { columnsIn, type Cursor, half, type Model, onHalf, rowsIn } from './model';
import { type Choice } from './state';

const MOST_ROWS = 400;
/** While the pointer runs over many rows only the one that it stays on is asked for. */
const WAIT_MS = 40;

/**
 * The whole attention row of each prompt's query at full detail: what ribbon, details and table show.
 * @param queries places on the joint axis, one a model
 */
export function useRows(models: readonly Model[], { side, layer, head, units }: Choice, queries: readonly number[], halted: boolean, onError: (e: Error) => void): readonly (Row | undefined)[] {
  const kept = useRef(new Map<string, Row>());
  const [, setCame] = useState(0);
  const wanted = models.map((model, subject) => {
    const axis = model.units[units];
    const [start] = half(axis, rowsIn(side));
    const [keys, keysEnd] = half(axis, columnsIn(side));
    const unit = axis.of[onHalf(model, queries[subject] ?? 0, rowsIn(side))]! - start;
    return { id: `${model.subject.fingerprint}/${subject}/${side}/${layer}/${head}/${units}/${unit}`, subject, rows: [unit, unit + 1] as const, columns: [0, keysEnd - keys] as const };
  });
  const missing = wanted.filter((w) => !kept.current.has(w.id));
  const ids = missing.map((w) => w.id).join(' ');
  useEffect(() => {
    if (ids === '' || halted) return undefined;
    const abort = new AbortController();
    const timer = setTimeout(() => {
      for (const { id, subject, rows, columns } of missing) {
        request(GetTile, { subject, side, layer, head, units, pool: 1, rows, columns }, abort.signal)
          .then((block) => {
            kept.current.set(id, { id, values: block.data });
            for (const old of kept.current.keys()) {
              if (kept.current.size <= MOST_ROWS) break;
              kept.current.delete(old);
            }
            if (!abort.signal.aborted) setCame((n) => n + 1);
          })
          .catch((e: unknown) => !abort.signal.aborted && onError(e as Error));
      }
    }, WAIT_MS);
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
    // The ids say everything that the requests depend on.
  }, [ids, halted, onError]);
  return wanted.map((w) => kept.current.get(w.id));
}

/** How strongly each chip of the ribbon is shaded: the keys' weights; in the LLM's attention an encoder token shows what its soft slot gets. */
export function useHeat(model: Model, side: Choice['side'], units: Units, row: Row | undefined): Float32Array {
  return useMemo(() => {
    const axis = model.units[units];
    const heat = new Float32Array(row ? axis.count : 0);
    if (!row) return heat;
    const [start] = half(axis, columnsIn(side));
    heat.set(row.values, start);
    if (side === 'lm') {
      for (let u = 0; u < axis.encoder; u++) {
        const slot = model.slotOf[axis.starts[u]!]!;
        if (slot >= 0) heat[u] = heat[axis.of[slot]!]!;
      }
    }
    return heat;
  }, [model, side, units, row]);
}

/** A cursor of one prompt carried over to the others. */
export function carried(models: readonly Model[], subject: number, cursor: Cursor, link: (from: Model, to: Model, place: number) => number): Cursor[] {
  return models.map((model, i) => (i === subject ? cursor : { row: link(models[subject]!, model, cursor.row), column: link(models[subject]!, model, cursor.column) }));
}
