import { type VNode } from 'preact';
import { useCallback, useMemo } from 'preact/hooks';
import { languageName } from '../../src/core/languages';
import { type AlignmentView, GetMap, type MapParams, type MapView, type RunColours } from '../../src/protocol/alignmentpanel';
import { useAnswer } from '../compare/answer';
import { inClasses } from '../compare/state';
import { outcomeWord } from '../run/state';
import { Select } from '../ui/fields';
import { Checkbox } from '../ui/native';
import { t } from '../ui/l10n';
import { boundsOf, glyph, type Scene } from './plot';
import { Scatter } from './scatter';
import { type AlignmentState, categories, type Category, type Change, COLOURS, type Colouring, colourTitle, idAt, languageAt, mapOf, mapWords, pointOf, stageOf, stageTitle, three } from './state';
import { stylesOf, type Theme } from './theme';

export interface MapsProps {
  readonly view: AlignmentView;
  readonly state: AlignmentState;
  readonly change: Change;
  readonly colours: RunColours | undefined;
  readonly theme: Theme;
  /** Points that a search has found; null: nothing is searched for. */
  readonly found: ReadonlySet<number> | null;
  readonly onError: (e: Error) => void;
  readonly onShown: (shown: ShownMaps) => void;
}

/** What stands on the screen, for exports and the table. */
export interface ShownMaps {
  /** What each map is the answer to; while another is awaited, not yet what the controls say. */
  readonly asked: readonly MapParams[];
  readonly maps: readonly MapView[];
  readonly scenes: readonly Scene[];
  readonly list: readonly Category[];
}

/** True for maps beside each other that one projection has made. */
export function onSameAxes({ asked, maps }: Pick<ShownMaps, 'asked' | 'maps'>): boolean {
  const projection = (i: number): string => JSON.stringify({ ...asked[i], bundle: null, fitBundle: maps[i]!.fitBundle });
  return maps.length > 1 && asked[0]!.method === 'pca' && maps.every((_, i) => projection(i) === projection(0));
}

const join = (view: AlignmentView, id: string): number[] => (id === '' ? [] : [view.reference, ...view.languages.filter((l) => l !== view.reference)].map((l) => pointOf(view, l, id)));

/** One map, or two beside each other with the same axes, with what the colours stand for. */
export function Maps({ view, state, change, colours, theme, found, onError, onShown }: MapsProps): VNode {
  const colour = state.colour as Colouring;
  const [firstHas, secondHas] = [state.bundle, state.other].map((b) => stageOf(view.bundles[b], state.stage) !== undefined);
  const first = useAnswer(GetMap, firstHas ? mapOf(state, state.bundle) : null, onError);
  const second = useAnswer(GetMap, secondHas ? mapOf(state, state.other) : null, onError);
  const { list, of } = useMemo(() => categories(view, colour, colours), [view, colour, colours]);
  const styles = useMemo(() => stylesOf(theme, colour, list.length), [theme, colour, list]);
  const selected = useMemo(() => new Set(state.lasso), [state.lasso]);
  const dim = useCallback((p: number): boolean =>
    (state.language !== '' && languageAt(view, p) !== state.language && languageAt(view, p) !== view.reference) || (selected.size > 0 && !selected.has(p)) || (found !== null && !found.has(p)), [view, state.language, selected, found]);
  const star = useMemo(() => join(view, state.problem), [view, state.problem]);
  const shown = useMemo((): ShownMaps => {
    const pairs = [firstHas ? ([first.asked, first.value] as const) : null, secondHas ? ([second.asked, second.value] as const) : null].filter((x): x is readonly [MapParams, MapView] => x?.[1] !== undefined);
    return { asked: pairs.map(([a]) => a), maps: pairs.map(([, m]) => m), list, scenes: pairs.map(([, { points }]) => ({ points, styles, of, dim, star })) };
  }, [firstHas, secondHas, first.asked, first.value, second.asked, second.value, list, styles, of, dim, star]);
  useMemo(() => onShown(shown), [shown, onShown]);
  // Maps of one projection share their axes; a UMAP, or a map fitted on its own bundle, has axes of its own.
  const shared = onSameAxes(shown);
  const bounds = useMemo(() => (shared ? boundsOf(shown.maps.map((m) => m.points)) : undefined), [shared, shown]);
  const describe = (scene: Scene) => (p: number): string => {
    const [language, id] = [languageAt(view, p), idAt(view, p)];
    const outcome = colours?.outcomes[p];
    return [t('{0}, {1}: x {2}, y {3}', languageName(language), id, three(scene.points[2 * p]!), three(scene.points[2 * p + 1]!)), outcome ? outcomeWord(outcome) : '', selected.has(p) ? t('selected') : ''].filter(Boolean).join(', ');
  };
  const pick = (p: number): void => change({ point: p, problem: state.problem === idAt(view, p) ? '' : idAt(view, p) });
  const toggle = (p: number): void => change({ lasso: selected.has(p) ? state.lasso.filter((q) => q !== p) : [...state.lasso, p] });
  const busy = first.busy || second.busy;
  return (
    <section class="maps" aria-busy={busy} aria-label={t('Map')}>
      <MapBar view={view} state={state} change={change} />
      <div class={state.other >= 0 ? 'maps-grid two' : 'maps-grid'}>
        {shown.scenes.map((scene, i) => (
          <figure key={`${i} ${shown.asked[i]!.bundle}`} class="map">
            <Scatter
              label={t('Map of {0}, {1}: arrow keys go to the next problem or language, Enter joins translations, Space selects, plus and minus magnify', view.bundles[shown.asked[i]!.bundle]!.name, stageTitle(shown.asked[i]!.stage))}
              scene={scene} bounds={bounds} theme={theme} problems={view.ids.length} cursor={state.point} describe={describe(scene)}
              onCursor={(point) => change({ point })} onPick={pick} onLasso={(lasso) => change({ lasso })} onToggle={toggle}
            />
            <figcaption class="quiet">{mapWords(view, shown.asked[i]!, shown.maps[i]!)}</figcaption>
          </figure>
        ))}
        {[[state.bundle, firstHas], [state.other, secondHas]].map(([b, has]) => !has && view.bundles[b as number] && <p key={String(b)} class="empty">{t('{0} has no stage "{1}".', view.bundles[b as number]!.name, stageTitle(state.stage))}</p>)}
        {shown.scenes.length === 0 && busy && <p class="empty" aria-busy="true">{state.method === 'umap' ? t('Computing the map…') : '…'}</p>}
      </div>
      <Legend list={list} colours={styles.map((s) => s.colour)} shapes={styles.map((s) => s.shape)} chosen={colour === 'language' ? state.language : ''} onChoose={colour === 'language' ? (key) => change({ language: state.language === key ? '' : key }) : undefined} />
    </section>
  );
}

function MapBar({ view, state, change }: { readonly view: AlignmentView; readonly state: AlignmentState; readonly change: Change }): VNode {
  const at = view.stages.indexOf(state.stage);
  const names = view.bundles.map((b, i) => [String(i), b.name] as const);
  return (
    <div class="toolbar">
      <label class="field stage">
        <span class="field-label">{t('Stage')}</span>
        <input type="range" min={0} max={view.stages.length - 1} step={1} value={at} aria-valuetext={stageTitle(state.stage)} onInput={(e) => change({ stage: view.stages[Number((e.target as HTMLInputElement).value)]! })} />
        <output>{stageTitle(state.stage)}</output>
      </label>
      {names.length > 1 && <Select label={t('Bundle')} value={String(state.bundle)} options={names} onChange={(b) => change({ bundle: Number(b) })} />}
      {names.length > 1 && <Select label={t('Beside it')} value={String(state.other)} options={[['-1', t('none')], ...names]} onChange={(b) => change({ other: Number(b) })} />}
      <Select label={t('Map')} value={state.method} options={[['pca', 'PCA'], ['umap', 'UMAP']]} onChange={(method) => change({ method })} />
      {state.method === 'pca' && (
        <>
          {names.length > 1 && <Select label={t('fitted on')} value={String(state.fitBundle)} options={names} onChange={(b) => change({ fitBundle: Number(b) })} />}
          <Select label={names.length > 1 ? t('language') : t('fitted on')} value={state.fitLanguage} options={[['all', t('all languages')], ...inClasses(view.languages).map((l) => [l, languageName(l)] as const)]} onChange={(fitLanguage) => change({ fitLanguage })} />
          <Checkbox checked={state.standardise} onChange={(standardise) => change({ standardise })}>{t('standardised')}</Checkbox>
        </>
      )}
      <Select<string> label={t('Colour')} value={state.colour} options={COLOURS.map((c) => [c, colourTitle(c)] as const)} onChange={(c) => change({ colour: c })} />
    </div>
  );
}

interface LegendProps {
  readonly list: readonly Category[];
  readonly colours: readonly string[];
  readonly shapes: readonly number[];
  readonly chosen: string;
  readonly onChoose?: (key: string) => void;
}

function Legend({ list, colours, shapes, chosen, onChoose }: LegendProps): VNode {
  const mark = (i: number): VNode => (
    <svg class="legend-mark" viewBox="-6 -6 12 12" aria-hidden="true" focusable="false"><polygon points={glyph(shapes[i]!, 0, 0, 5).map((p) => p.join(',')).join(' ')} fill={colours[i]} /></svg>
  );
  return (
    <ul class="legend" aria-label={t('Legend')}>
      {list.map(({ key, title }, i) => (
        <li key={key}>{onChoose ? <button type="button" class="legend-item" aria-pressed={chosen === key} onClick={() => onChoose(key)}>{mark(i)}{title}</button> : <span class="legend-item">{mark(i)}{title}</span>}</li>
      ))}
    </ul>
  );
}
