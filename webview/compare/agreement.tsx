import { type VNode } from 'preact';
import { useCallback, useMemo, useState } from 'preact/hooks';
import { languageName } from '../../src/core/languages';
import { type AgreementView, GetAgreement } from '../../src/protocol/compare';
import { Select } from '../ui/fields';
import { Button } from '../ui/native';
import { count, percent, t } from '../ui/l10n';
import { useAnswer } from './answer';
import { Matrix } from './matrix';
import { type CompareState, inClasses, sideA, sideB, signed } from './state';

type Measure = 'sameAnswer' | 'sameCorrectness' | 'kappa';
type Of = 'a' | 'b' | 'difference';

const number = new Intl.NumberFormat(document.documentElement.lang || 'en', { minimumFractionDigits: 2, maximumFractionDigits: 2 });

const kappa = (x: number): string => number.format(x).replace('-', '−');

function measureWord(measure: Measure): string {
  switch (measure) {
    case 'sameAnswer': return t('same answer');
    case 'sameCorrectness': return t('both right or both wrong');
    case 'kappa': return t('Cohen’s κ of right/wrong');
  }
}

/** How far two languages of a run agree on the same problems: as a matrix with a cursor, and as a table. */
export function Agreement({ state, onError }: { readonly state: CompareState; readonly onError: (e: Error) => void }): VNode {
  const [measure, setMeasure] = useState<Measure>('sameAnswer');
  const [of, setOf] = useState<Of>('a');
  const [table, setTable] = useState(false);
  const first = useAnswer(GetAgreement, of === 'b' ? null : sideA(state), onError);
  const second = useAnswer(GetAgreement, of === 'a' ? null : sideB(state), onError);
  const shown = of === 'b' ? second.value : first.value;
  const other = of === 'difference' ? second.value : undefined;
  const languages = useMemo(() => inClasses((shown?.languages ?? []).filter((l) => of !== 'difference' || other?.languages.includes(l))), [shown, other, of]);
  const at = useCallback((view: AgreementView, x: string, y: string) => view.languages.indexOf(x) * view.languages.length + view.languages.indexOf(y), []);
  const value = useCallback((r: number, c: number): number | null => {
    const [x, y] = [languages[r], languages[c]];
    if (!shown || x === undefined || y === undefined) return null;
    const here = shown[measure][at(shown, x, y)] ?? null;
    if (of !== 'difference') return here;
    const there = other?.[measure][at(other, x, y)] ?? null;
    return here === null || there === null ? null : there - here;
  }, [languages, shown, other, of, measure, at]);
  const text = useCallback((v: number | null): string => {
    if (v === null) return '–';
    if (measure === 'kappa') return kappa(v);
    return of === 'difference' ? signed(v) : percent(v);
  }, [measure, of]);
  const describe = useCallback((r: number, c: number): string => {
    const [x, y] = [languages[r], languages[c]];
    if (!shown || x === undefined || y === undefined) return '';
    return t('{0} and {1}: {2} {3}, {4} problems', languageName(x), languageName(y), measureWord(measure), text(value(r, c)), count(shown.n[at(shown, x, y)] ?? 0));
  }, [languages, shown, measure, text, value, at]);
  const { consistency: total } = shown ?? {};
  return (
    <div class="agreement" aria-busy={first.busy || second.busy}>
      <div class="toolbar">
        <Select<Of> label={t('Run')} value={of} options={[['a', 'A'], ['b', 'B'], ['difference', t('B − A')]]} onChange={setOf} />
        <Select<Measure> label={t('Measure')} value={measure} options={(['sameAnswer', 'sameCorrectness', 'kappa'] as const).map((m) => [m, measureWord(m)] as const)} onChange={setMeasure} />
        <Button onClick={() => setTable(!table)}>{table ? t('As matrix') : t('As table')}</Button>
      </div>
      {total && of !== 'difference' && (
        <p class="basis">{t('Of {0} problems that all languages have: right in all {1}, wrong in all {2}, mixed {3}; Fleiss’ κ {4}.', count(total.problems), count(total.allRight), count(total.allWrong), count(total.mixed), total.fleiss === null ? '–' : kappa(total.fleiss))}</p>
      )}
      <div class="scroll" tabIndex={table ? 0 : undefined} role="group" aria-label={t('Agreement of languages')}>
        {languages.length === 0 ? <p class="empty">…</p> : table ? (
          <table class="agreement-table">
            <caption class="visually-hidden">{measureWord(measure)}</caption>
            <thead><tr><th scope="col">{t('Language')}</th>{languages.map((l) => <th key={l} scope="col" class="number"><abbr title={languageName(l)}>{l}</abbr></th>)}</tr></thead>
            <tbody>{languages.map((l, r) => <tr key={l}><th scope="row">{languageName(l)}</th>{languages.map((k, c) => <td key={k} class="number">{text(value(r, c))}</td>)}</tr>)}</tbody>
          </table>
        ) : <Matrix label={t('Agreement of languages: arrow keys move from cell to cell')} labels={languages} value={value} describe={describe} />}
      </div>
    </div>
  );
}
