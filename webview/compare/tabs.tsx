import { type ComponentChildren, type VNode } from 'preact';
import { useRef } from 'preact/hooks';

export interface TabsProps<T extends string> {
  readonly label: string;
  readonly tabs: readonly (readonly [key: T, title: string])[];
  readonly chosen: T;
  readonly onChoose: (tab: T) => void;
  /** The chosen tab's content. */
  readonly children: ComponentChildren;
}

/** Tabs as the ARIA pattern has them: one stop of the Tab key, arrows move and choose. */
export function Tabs<T extends string>({ label, tabs, chosen, onChoose, children }: TabsProps<T>): VNode {
  const list = useRef<HTMLDivElement>(null);
  const onKeyDown = (e: KeyboardEvent): void => {
    const at = tabs.findIndex(([key]) => key === chosen);
    const moves: Readonly<Record<string, number>> = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: tabs.length - 1 };
    const to = moves[e.key];
    if (to === undefined || e.altKey) return;
    e.preventDefault();
    const next = (to + tabs.length) % tabs.length;
    onChoose(tabs[next]![0]);
    list.current?.querySelectorAll<HTMLButtonElement>('[role=tab]')[next]?.focus();
  };
  return (
    <div class="tabs">
      <div ref={list} class="tab-list" role="tablist" aria-label={label} onKeyDown={onKeyDown}>
        {tabs.map(([key, title]) => (
          <button key={key} id={`tab-${key}`} type="button" role="tab" aria-selected={key === chosen} aria-controls="tab-panel" tabIndex={key === chosen ? 0 : -1} onClick={() => onChoose(key)}>{title}</button>
        ))}
      </div>
      <div id="tab-panel" class="tab-panel" role="tabpanel" aria-labelledby={`tab-${chosen}`}>{children}</div>
    </div>
  );
}
