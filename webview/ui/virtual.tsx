import { type VNode } from 'preact';
import { useCallback, useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';

export interface VirtualListProps {
  readonly label: string;
  readonly total: number;
  /** Pixels; every row has this height. */
  readonly rowHeight: number;
  readonly selected: number;
  readonly onSelect: (index: number) => void;
  /** Rows [from, to) come into view; called again when the range changes. */
  readonly onRange: (from: number, to: number) => void;
  readonly row: (index: number) => VNode;
  readonly empty: string;
}

const OVERSCAN = 8;

/**
 * A list box that holds only the rows in view. Arrow keys, Home, End, Page Up and Page Down move the selection; assistive technology
 * gets each row's place by aria-posinset and aria-setsize.
 */
export function VirtualList({ label, total, rowHeight, selected, onSelect, onRange, row, empty }: VirtualListProps): VNode {
  const box = useRef<HTMLDivElement>(null);
  const [view, setView] = useState({ top: 0, height: 300 });
  const measure = useCallback(() => {
    const el = box.current;
    if (el) setView((old) => (old.top === el.scrollTop && old.height === el.clientHeight ? old : { top: el.scrollTop, height: el.clientHeight }));
  }, []);
  useLayoutEffect(() => {
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(box.current!);
    return () => observer.disconnect();
  }, [measure]);
  const from = Math.max(0, Math.floor(view.top / rowHeight) - OVERSCAN);
  const to = Math.min(total, Math.ceil((view.top + view.height) / rowHeight) + OVERSCAN);
  useEffect(() => {
    if (to > from) onRange(from, to);
  }, [from, to, onRange]);
  useEffect(() => {
    const el = box.current;
    if (!el || selected < 0) return;
    const top = selected * rowHeight;
    if (top < el.scrollTop) el.scrollTop = top;
    else if (top + rowHeight > el.scrollTop + el.clientHeight) el.scrollTop = top + rowHeight - el.clientHeight;
  }, [selected, rowHeight]);
  const page = Math.max(1, Math.floor(view.height / rowHeight) - 1);
  const onKeyDown = (e: KeyboardEvent): void => {
    const moves: Readonly<Record<string, number>> = { ArrowDown: selected + 1, ArrowUp: selected - 1, Home: 0, End: total - 1, PageDown: selected + page, PageUp: selected - page };
    const target = moves[e.key];
    if (target === undefined || total === 0 || e.altKey || e.ctrlKey || e.metaKey) return;
    e.preventDefault();
    onSelect(Math.max(0, Math.min(total - 1, target)));
  };
  const rows: VNode[] = [];
  for (let i = from; i < to; i++) {
    rows.push(
      <div key={i} id={`row-${i}`} role="option" class="vrow" aria-selected={i === selected} aria-setsize={total} aria-posinset={i + 1} style={{ top: `${i * rowHeight}px`, height: `${rowHeight}px` }} onClick={() => onSelect(i)}>
        {row(i)}
      </div>,
    );
  }
  return (
    <div ref={box} class="vlist" role="listbox" tabIndex={0} aria-label={label} aria-activedescendant={selected >= from && selected < to ? `row-${selected}` : undefined} onScroll={measure} onKeyDown={onKeyDown}>
      <div class="vspace" role="presentation" style={{ height: `${total * rowHeight}px` }}>{rows}</div>
      {total === 0 && <p class="empty">{empty}</p>}
    </div>
  );
}
