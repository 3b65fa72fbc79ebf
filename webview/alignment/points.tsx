import { type VNode } from 'preact';
import { useCallback, useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { languageName, languageOf } from '../../src/core/languages';
import { type AlignmentView, GetPoints, type RunColours } from '../../src/protocol/alignmentpanel';
import { OUTCOME_MARK, outcomeWord } from '../run/state';
import { Button } from '../ui/native';
import { request } from '../ui/host';
import { count, t } from '../ui/l10n';
import { announce } from '../ui/live';
import { VirtualList } from '../ui/virtual';
import { type ShownMaps } from './maps';
import { type AlignmentState, type Change, idAt, languageAt, three } from './state';

export interface PointsProps {
  readonly view: AlignmentView;
  readonly state: AlignmentState;
  readonly change: Change;
  readonly colours: RunColours | undefined;
  readonly found: ReadonlySet<number> | null;
  readonly shown: ShownMaps | undefined;
  readonly onError: (e: Error) => void;
  readonly onOpen: (language: string, id: string) => void;
}

const ROW = 24;
const PAGE = 100;

/** The points of the map as a list: all, or those of the lasso, the search and the chosen language. The row of the cursor is chosen, and the other way round. */
export function Points({ view, state, change, colours, found, shown, onError, onOpen }: PointsProps): VNode {
  const [, redraw] = useState(0);
  const texts = useRef(new Map<number, string>());
  const list = useMemo(() => {
    const lasso = state.lasso.length > 0 ? new Set(state.lasso) : null;
    const all: number[] = [];
    for (let p = 0; p < view.languages.length * view.ids.length; p++) {
      if ((!lasso || lasso.has(p)) && (!found || found.has(p)) && (state.language === '' || languageAt(view, p) === state.language)) all.push(p);
    }
    return all;
  }, [view, state.lasso, state.language, found]);
  const asked = useRef(new Set<number>());
  const onRange = useCallback((from: number, to: number) => {
    const points = list.slice(from, Math.min(to, from + PAGE)).filter((p) => !asked.current.has(p));
    if (points.length === 0) return;
    points.forEach((p) => asked.current.add(p));
    request(GetPoints, { points }).then(({ texts: got }) => {
      points.forEach((p, i) => texts.current.set(p, got[i]?.question ?? ''));
      redraw((n) => n + 1);
    }).catch(onError);
  }, [list, onError]);
  const map = shown?.maps[0];
  const selected = list.indexOf(state.point);
  const line = (p: number): string => [languageName(languageAt(view, p)), idAt(view, p), colours?.outcomes[p] ? outcomeWord(colours.outcomes[p]) : '', texts.current.get(p) ?? ''].filter(Boolean).join(', ');
  useEffect(() => {
    if (selected < 0) return;
    onRange(selected, selected + 1);
  }, [selected, onRange]);
  const chosen = selected >= 0 ? state.point : -1;
  const code = chosen >= 0 ? languageAt(view, chosen) : '';
  return (
    <div class="agreement points">
      <div class="toolbar">
        <h2>{t('{0} of {1} points', count(list.length), count(view.languages.length * view.ids.length))}</h2>
        {state.lasso.length > 0 && <Button onClick={() => change({ lasso: [] })}>{t('Clear selection')}</Button>}
        {state.problem !== '' && <Button onClick={() => change({ problem: '' })}>{t('Do not join {0}', state.problem)}</Button>}
        {chosen >= 0 && <Button onClick={() => change({ problem: idAt(view, chosen) })}>{t('Join translations')}</Button>}
        {chosen >= 0 && colours?.outcomes[chosen] && <Button onClick={() => onOpen(code, idAt(view, chosen))}>{t('Open sample')}</Button>}
      </div>
      <VirtualList
        label={t('Points')} total={list.length} rowHeight={ROW} selected={selected} onRange={onRange} empty={t('No point fits.')}
        onSelect={(i) => {
          change({ point: list[i]! });
          announce(line(list[i]!));
        }}
        row={(i) => {
          const p = list[i]!;
          const outcome = colours?.outcomes[p];
          const language = languageAt(view, p);
          return (
            <>
              <span class={outcome ? `mark outcome-${outcome}` : 'mark'} title={outcome ? outcomeWord(outcome) : undefined}>{outcome ? OUTCOME_MARK[outcome] : ''}</span>
              <span>{languageName(language)}</span><span>{idAt(view, p)}</span>
              <span class="number">{map ? `${three(map.points[2 * p]!)}, ${three(map.points[2 * p + 1]!)}` : ''}</span>
              <span dir={languageOf(language)?.direction ?? 'auto'} lang={language}><bdi>{texts.current.get(p) ?? '…'}</bdi></span>
            </>
          );
        }}
      />
      {chosen >= 0 && <p class="text" lang={code} dir={languageOf(code)?.direction ?? 'auto'}>{texts.current.get(chosen) ?? ''}</p>}
    </div>
  );
}
