import { type VNode } from 'preact';
import { useCallback, useMemo, useState } from 'preact/hooks';
import { languageName } from '../../src/core/languages';
import { Matrix } from '../compare/matrix';
import { inClasses } from '../compare/state';
import { Select } from '../ui/fields';
import { Button } from '../ui/native';
import { count, t } from '../ui/l10n';
import { type NumbersProps } from './languages';
import { type Measure, measured, MEASURES, measureTitle, stageOf, stageShort, stageTitle, written } from './state';

/** Languages × stages as a heat map with a cursor, and as a table; with a second bundle also the difference. */
export function Stages({ view, state, change }: NumbersProps): VNode {
  const [table, setTable] = useState(false);
  const [of, setOf] = useState<'a' | 'b' | 'difference'>('a');
  const measure = state.measure as Measure;
  const [a, b] = [view.bundles[state.bundle]!, view.bundles[state.other]];
  const shown = b ? of : 'a';
  const languages = useMemo(() => inClasses(view.languages).filter((l) => measure === 'told' || l !== view.reference), [view, measure]);
  const raw = useCallback((r: number, c: number): number | null => {
    const [language, stage] = [languages[r], view.stages[c]];
    if (language === undefined || stage === undefined) return null;
    const [x, y] = [measured(stageOf(a, stage), language, measure), measured(stageOf(b, stage), language, measure)];
    return shown === 'a' ? x : shown === 'b' ? y : x === null || y === null ? null : y - x;
  }, [languages, view, a, b, measure, shown]);
  // A gap has no upper end of its own, and a difference is small: the strongest colour is the largest value.
  const most = useMemo(() => (shown !== 'difference' && measure !== 'cosineGap' ? 1 : Math.max(1e-9, ...languages.flatMap((_, r) => view.stages.map((__, c) => Math.abs(raw(r, c) ?? 0))))), [languages, view, raw, shown, measure]);
  const value = useCallback((r: number, c: number): number | null => {
    const v = raw(r, c);
    return v === null ? null : v / most;
  }, [raw, most]);
  const text = useCallback((v: number | null): string => (v === null ? '–' : `${shown === 'difference' && v > 0 ? '+' : ''}${written(measure, v)}`), [measure, shown]);
  const who = shown === 'a' ? a.name : shown === 'b' ? b!.name : `${b!.name} − ${a.name}`;
  const describe = useCallback((r: number, c: number): string => {
    const [language, stage] = [languages[r], view.stages[c]];
    return language === undefined || stage === undefined ? '' : t('{0}, {1}: {2} {3}, {4}, n = {5}', languageName(language), stageTitle(stage), measureTitle(measure), text(raw(r, c)), who, count(view.ids.length));
  }, [languages, view, measure, text, raw, who]);
  return (
    <div class="agreement">
      <div class="toolbar">
        <Select<Measure> label={t('Measure')} value={measure} options={MEASURES.map((m) => [m, measureTitle(m)] as const)} onChange={(m) => change({ measure: m })} />
        {b && <Select<'a' | 'b' | 'difference'> label={t('Bundle')} value={of} options={[['a', a.name], ['b', b.name], ['difference', t('B − A')]]} onChange={setOf} />}
        <Button onClick={() => setTable(!table)}>{table ? t('As heat map') : t('As table')}</Button>
      </div>
      <div class="scroll" tabIndex={table ? 0 : undefined} role="group" aria-label={t('Languages and stages')}>
        {table ? (
          <table class="agreement-table">
            <caption>{t('{0}, {1}', who, measureTitle(measure))}{measure === 'recallAt1' || measure === 'told' ? ', %' : ''}</caption>
            <thead><tr><th scope="col">{t('Language')}</th>{view.stages.map((s) => <th key={s} scope="col" class="number">{stageTitle(s)}</th>)}</tr></thead>
            <tbody>{languages.map((l, r) => <tr key={l}><th scope="row">{languageName(l)}</th>{view.stages.map((s, c) => <td key={s} class="number">{text(raw(r, c))}</td>)}</tr>)}</tbody>
          </table>
        ) : <Matrix label={t('Languages and stages: arrow keys move from cell to cell')} labels={languages} columns={view.stages.map(stageShort)} value={value} describe={describe} />}
      </div>
    </div>
  );
}
