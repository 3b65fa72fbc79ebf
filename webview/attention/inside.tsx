import { type VNode } from 'preact';
import { useCallback, useEffect, useMemo, useReducer, useRef, useState } from 'preact/hooks';
import { belongsTo } from '../../src/core/analysis/scripts';
import { type AttentionAction, GetLens, GetThumbnails, GetTile, SaveView, type ViewFormat } from '../../src/protocol/attention-panel';
import { type SoftResult, type ThumbnailsResult } from '../../src/protocol/probe';
import { Tabs } from '../compare/tabs';
import { Select } from '../ui/fields';
import { Button } from '../ui/native';
import { request } from '../ui/host';
import { percent, t } from '../ui/l10n';
import { announce, LiveRegion } from '../ui/live';
import { type MatrixCanvas } from './canvas';
import { cellWords, Details, rankedKeys } from './details';
import { exportHeads, exportLens, exportMatrix, exportSoft, type Exported } from './export';
import { Header } from './header';
import { Heads } from './heads';
import { Lens } from './lens';
import { LensStore, TOP } from './lens-store';
import { Matrix } from './matrix';
import { columnsIn, type Cursor, cursorOn, firstCursor, half, linkedPlace, type Model, onHalf, placeOfAnswer, rowsIn } from './model';
import { onTheme, palette as readPalette } from './paint';
import { Ribbon } from './ribbon';
import { carried, useHeat, useRows } from './rows';
import { type Change, choiceOf, type PanelState, sideTitle, TABS, tabTitle, viewWords } from './state';
import { HeadTable, RowTable, Soft } from './tables';
import { Tiles, type View } from './tiles';

export interface InsideProps {
  readonly models: readonly Model[];
  readonly state: PanelState;
  readonly change: Change;
  /** Token of the answer that somebody else points at: the cursor goes there. */
  readonly token: { readonly token: number } | undefined;
  readonly act: (action: AttentionAction, subject?: number) => void;
  readonly error: string | undefined;
  readonly setError: (error: string | undefined) => void;
}

/** Prompts up to this many tokens get all heads without asking. */
const FEW_TOKENS = 512;
const THUMBNAIL = 32;

/** One prompt, or two side by side: ribbon, matrix, heads, details, and the tables below. */
export function Inside({ models, state, change, token, act, error, setError }: InsideProps): VNode {
  const [version, came] = useReducer((n: number) => n + 1, 0);
  const scheduled = useRef(0);
  const changed = useCallback(() => {
    // Several answers in one frame are one new picture.
    scheduled.current ||= requestAnimationFrame(() => {
      scheduled.current = 0;
      came(undefined);
    });
  }, []);
  const onError = useCallback((e: Error) => setError(e.message), [setError]);
  const tiles = useMemo(() => new Tiles((params, signal) => request(GetTile, params, signal), changed), [models, changed]);
  const stores = useMemo(() => models.map((m, subject) => new LensStore(m.subject.summary.lm.positions.length, (rows, signal) => request(GetLens, { subject, rows, k: TOP }, signal), changed)), [models, changed]);
  useEffect(() => () => {
    tiles.clear();
    stores.forEach((s) => s.dispose());
  }, [tiles, stores]);
  const [theme, themed] = useReducer((n: number) => n + 1, 0);
  useEffect(() => onTheme(() => themed(undefined)), []);
  const palette = useMemo(() => readPalette(), [theme]);

  const choice = useMemo(() => choiceOf(state, models), [state, models]);
  const { side, units } = choice;
  const shown = Math.min(models.length - 1, Math.max(0, state.shown));
  const [cursors, setCursors] = useState<readonly Cursor[]>(() => {
    const [first] = models as [Model];
    const known = state.row >= 0 && state.row < first.size && state.column >= 0 && state.column < first.size;
    return carried(models, 0, known ? { row: state.row, column: state.column } : firstCursor(first), linkedPlace);
  });
  const [pointed, setPointed] = useState<readonly (Cursor | null)[]>([]);
  const speak = useRef(-1);
  const pick = useCallback((subject: number, cursor: Cursor, quiet = false) => {
    const next = carried(models, subject, cursor, linkedPlace);
    setCursors(next);
    change({ row: next[0]!.row, column: next[0]!.column, ...(models.length > 1 ? { shown: subject } : {}) });
    speak.current = quiet ? -1 : subject;
  }, [models, change]);
  const point = useCallback((subject: number, cursor: Cursor | null) => setPointed(cursor ? carried(models, subject, cursor, linkedPlace) : []), [models]);
  const placed = useMemo(() => models.map((m, i) => cursorOn(m, side, cursors[i]!)), [models, side, cursors]);
  useEffect(() => {
    if (!token) return;
    if (side === 'encoder') change({ side: 'lm' });
    const [first] = models as [Model];
    pick(0, { row: placeOfAnswer(first, token.token), column: cursors[0]!.column });
    // Only a new wish moves the cursor.
  }, [token]);

  const looked = models.map((m, i) => (pointed[i] ? cursorOn(m, side, pointed[i]!) : placed[i]!));
  const rows = useRows(models, choice, looked.map((c) => c.row), tiles.stopped, onError);
  useEffect(() => {
    const subject = speak.current;
    const row = rows[subject];
    if (!row || pointed.length > 0) return;
    speak.current = -1;
    const model = models[subject]!;
    const axis = model.units[units];
    const [start] = half(axis, columnsIn(side));
    const cursor = placed[subject]!;
    announce(cellWords(model, choice, cursor, row.values[axis.of[cursor.column]! - start], rankedKeys(row, start)));
  });

  const canvases = useRef<({ drawing: MatrixCanvas; element: HTMLCanvasElement } | undefined)[]>([]);
  const holds = useMemo(() => models.map((_, i) => (drawing: MatrixCanvas | undefined, element: HTMLCanvasElement | undefined) => (canvases.current[i] = drawing && element ? { drawing, element } : undefined)), [models]);
  const lensCanvas = useRef<HTMLCanvasElement | undefined>(undefined);
  const holdLens = useCallback((c: HTMLCanvasElement | undefined) => (lensCanvas.current = c), []);
  const soft = useRef<SoftResult | undefined>(undefined);
  const onSoft = useCallback((s: SoftResult) => (soft.current = s), []);
  const heads = useHeads(models, shown, side === 'encoder' ? 'encoder' : 'lm', onError);
  const script = state.script === '' ? (stores[shown]!.scripts.find((s) => belongsTo(s, models[shown]!.subject.ref.language)) ?? stores[shown]!.scripts[0] ?? '') : state.script;
  const viewOf = (subject: number): View => ({ subject, side, layer: choice.layer, head: choice.head, units });
  const onPickHead = (layer: number, head: number): void => change({ layer: String(layer), head: String(head), ...(side === 'source' ? { side: 'lm' } : {}) });

  const save = async (what: Exported, format: ViewFormat): Promise<void> => {
    const model = models[shown]!;
    const held = canvases.current[shown];
    const made = what === 'matrix'
      ? await exportMatrix({ model, choice, view: viewOf(shown), tiles, canvas: held!.drawing, element: held!.element }, format)
      : what === 'lens'
        ? await exportLens({ model, store: stores[shown]!, statistic: choice.statistic, script, element: lensCanvas.current ?? document.createElement('canvas') }, format)
        : what === 'soft' ? exportSoft(model, soft.current, format) : await exportHeads(model, choice, heads.thumbnails, document.querySelector('.heads canvas'), format);
    await request(SaveView, { ...made, format });
  };

  const failed = tiles.error ?? stores[shown]!.error;
  const stopped = tiles.stopped || stores.some((s) => s.stopped);
  const left = tiles.pending + stores.reduce((n, s) => n + s.pending, 0) + (heads.busy ? 1 : 0);
  const stop = (): void => {
    tiles.stop();
    stores.forEach((s) => s.stop());
    heads.stop();
  };
  const goOn = (): void => {
    setError(undefined);
    tiles.resume();
    stores.forEach((s) => s.resume());
  };
  const model = models[shown]!;
  const lmPosition = onHalf(model, looked[shown]!.row, 'lm') - model.encoder;
  return (
    <div class={models.length > 1 ? 'panel attention two' : 'panel attention'}>
      <LiveRegion />
      <Header models={models} choice={choice} change={change} act={act} onExport={(what, format) => void save(what, format).catch(onError)} />
      {error !== undefined && <p class="notice" role="alert">{error} <button type="button" class="small" aria-label={t('Close')} onClick={() => setError(undefined)}>×</button></p>}
      {failed !== undefined && <p class="notice" role="alert">{failed} <Button onClick={goOn}>{t('Try again')}</Button></p>}
      <div class="ribbons">
        {models.map((m, i) => <OneRibbon key={i} model={m} side={side} units={units} row={rows[i]} cursor={placed[i]!} pointed={pointed[i] ? looked[i]! : null} onPoint={(place) => point(i, place === null ? null : chosen(m, side, place, placed[i]!))} onPick={(place, key) => pick(i, key ? { ...placed[i]!, column: onHalf(m, place, columnsIn(side)) } : chosen(m, side, place, placed[i]!))} />)}
      </div>
      <div class="progress-line work">
        <span>{sideTitle(side)}, {viewWords(choice)}</span>
        <span class="quiet">{t('strongest: {0}', percent(tiles.largest(viewOf(shown))))}</span>
        {left > 0 && <><span class="quiet" role="progressbar" aria-label={t('Computing')} aria-valuetext={t('{0} parts left', left)}>{t('Computing: {0} parts left', left)}</span><Button onClick={stop}>{t('Stop')}</Button></>}
        {stopped && <><span class="quiet">{t('Stopped.')}</span><Button onClick={goOn}>{t('Go on')}</Button></>}
      </div>
      <div class="attention-main">
        {side !== 'source' && <Heads thumbnails={heads.thumbnails} busy={heads.busy} choice={choice} onCompute={heads.compute} onPick={onPickHead} />}
        {models.map((m, i) => (
          <Matrix
            key={i} version={version} hold={holds[i]!} onPoint={(at) => point(i, at)} onPick={(at) => pick(i, at)}
            label={t('{0}, {1}: queries downwards, keys across. Arrow keys move the cursor, plus and minus zoom.', models.length > 1 ? `${i === 0 ? 'A' : 'B'}: ${sideTitle(side)}` : sideTitle(side), viewWords(choice))}
            scene={{ model: m, view: viewOf(i), contrast: choice.contrast, tiles, palette, cursor: placed[i]!, pointed: pointed[i] ? looked[i]! : null }}
          />
        ))}
        <div class="details-column">
          {models.map((m, i) => <Details key={i} model={m} choice={choice} cursor={looked[i]!} row={rows[i]} title={models.length > 1 ? (i === 0 ? t('Cell of A') : t('Cell of B')) : t('Cell')} onPick={(cursor) => pick(i, cursor)} />)}
        </div>
      </div>
      <div class="below">
        {models.length > 1 && <Select label={t('Below and heads')} value={String(shown)} options={[['0', 'A'], ['1', 'B']]} onChange={(value) => change({ shown: Number(value) })} />}
        <Tabs label={t('More of this prompt')} tabs={TABS.map((tab) => [tab, tabTitle(tab)] as const)} chosen={choice.tab} onChoose={(tab) => change({ tab })}>
          {choice.tab === 'lens' && <Lens key={shown} model={model} store={stores[shown]!} version={version} statistic={choice.statistic} script={script} position={lmPosition} change={change} onPick={(p) => pick(shown, { ...placed[shown]!, row: model.encoder + p }, true)} hold={holdLens} />}
          {choice.tab === 'soft' && <Soft key={shown} model={model} subject={shown} place={onHalf(model, looked[shown]!.column, 'lm')} onPick={(place) => pick(shown, { ...placed[shown]!, column: place })} onLoaded={onSoft} onError={onError} />}
          {choice.tab === 'row' && <RowTable model={model} choice={choice} cursor={looked[shown]!} row={rows[shown]} onPick={(cursor) => pick(shown, cursor)} />}
          {choice.tab === 'heads' && <HeadTable thumbnails={heads.thumbnails} choice={choice} onPick={onPickHead} />}
        </Tabs>
      </div>
    </div>
  );
}

/** A chip that is no query of this side (an encoder token in the LLM's attention) becomes the key. */
function chosen(model: Model, side: View['side'], place: number, cursor: Cursor): Cursor {
  const which = place < model.encoder ? 'encoder' : 'lm';
  if (which === rowsIn(side)) return { ...cursor, row: place };
  return { ...cursor, column: onHalf(model, place, columnsIn(side)) };
}

interface OneRibbonProps {
  readonly model: Model;
  readonly side: View['side'];
  readonly units: View['units'];
  readonly row: ReturnType<typeof useRows>[number];
  readonly cursor: Cursor;
  readonly pointed: Cursor | null;
  readonly onPoint: (place: number | null) => void;
  readonly onPick: (place: number, key: boolean) => void;
}

function OneRibbon({ model, side, units, row, ...props }: OneRibbonProps): VNode {
  return <Ribbon model={model} units={units} heat={useHeat(model, side, units, row)} {...props} />;
}

interface HeadsState {
  readonly thumbnails: ThumbnailsResult | undefined;
  readonly busy: boolean;
  readonly compute: () => void;
  readonly stop: () => void;
}

/** Thumbnails of one prompt and side: by themselves for a short prompt, on a button for a long one. */
function useHeads(models: readonly Model[], subject: number, side: 'encoder' | 'lm', onError: (e: Error) => void): HeadsState {
  const kept = useRef(new Map<string, ThumbnailsResult>());
  const running = useRef<AbortController | undefined>(undefined);
  const [busy, setBusy] = useState(false);
  const model = models[subject]!;
  const id = `${model.subject.fingerprint}/${side}`;
  const compute = useCallback(() => {
    running.current?.abort();
    const abort = (running.current = new AbortController());
    setBusy(true);
    request(GetThumbnails, { subject, side, size: THUMBNAIL }, abort.signal)
      .then((answer) => void kept.current.set(id, answer))
      .catch((e: unknown) => !abort.signal.aborted && onError(e as Error))
      .finally(() => {
        if (running.current !== abort) return;
        running.current = undefined;
        setBusy(false);
      });
  }, [id, subject, side, onError]);
  useEffect(() => {
    const tokens = side === 'encoder' ? model.encoder : model.size - model.encoder;
    if (!kept.current.has(id) && tokens <= FEW_TOKENS) compute();
    return () => running.current?.abort();
  }, [id, model, side, compute]);
  return { thumbnails: kept.current.get(id), busy, compute, stop: () => running.current?.abort() };
}
