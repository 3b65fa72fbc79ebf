import { type VNode } from 'preact';
import { languageName } from '../../src/core/languages';
import { GetTrend } from '../../src/protocol/compare';
import { count, points, t } from '../ui/l10n';
import { useAnswer } from './answer';
import { type CompareState, inClasses, signed } from './state';

/** Accuracy per language over the runs of A's bundle on the same benchmark, oldest first. */
export function Trend({ state, onError }: { readonly state: CompareState; readonly onError: (e: Error) => void }): VNode {
  const { value, busy } = useAnswer(GetTrend, { run: state.a }, onError);
  if (!value) return <p class="empty" aria-busy={busy}>{busy ? '…' : ''}</p>;
  const top = Math.max(0.05, ...value.languages.flatMap((l) => l.accuracy.map((x) => x ?? 0)));
  const byCode = new Map(value.languages.map((l) => [l.language, l.accuracy]));
  return (
    <div class="scroll" tabIndex={0} role="group" aria-label={t('Trend')}>
      <p class="basis">{t('{0} on {1}: {2} runs, oldest first; accuracy in percent as each run was scored. A bundle is known by its name.', value.bundle, value.benchmark, count(value.points.length))}</p>
      <table class="trend">
        <caption class="visually-hidden">{t('Accuracy by language and run')}</caption>
        <thead>
          <tr><th scope="col">{t('Language')}</th><th scope="col">{t('Trend')}</th><th scope="col" class="number">{t('last − first')}</th>
            {value.points.map((p) => <th key={p.folder} scope="col" class="number" title={`${p.name}, ${p.bundle}, ${p.scorer}, n ${p.n}`}><bdi>{p.name}</bdi><br /><span class="quiet">{p.created.slice(0, 16).replace('T', ' ')}</span></th>)}
          </tr>
        </thead>
        <tbody>
          <Row name={t('Mean of {0} languages', value.meanLanguages)} accuracy={value.mean} top={top} strong />
          {inClasses([...byCode.keys()]).map((code) => <Row key={code} name={languageName(code)} accuracy={byCode.get(code)!} top={top} />)}
        </tbody>
      </table>
    </div>
  );
}

function Row({ name, accuracy, top, strong = false }: { readonly name: string; readonly accuracy: readonly (number | null)[]; readonly top: number; readonly strong?: boolean }): VNode {
  const known = accuracy.filter((x) => x !== null);
  return (
    <tr class={strong ? 'strong' : undefined}>
      <th scope="row">{name}</th>
      <td><Sparkline values={accuracy} top={top} /></td>
      <td class="number">{known.length < 2 ? '' : signed(known.at(-1)! - known[0]!)}</td>
      {accuracy.map((x, i) => <td key={i} class="number">{x === null ? '–' : points(x)}</td>)}
    </tr>
  );
}

const WIDTH = 90;
const HEIGHT = 18;

/** The row's numbers as a line from 0 to the table's highest; a gap where a run lacks the language. Hidden from assistive technology: the numbers stand beside it. */
function Sparkline({ values, top }: { readonly values: readonly (number | null)[]; readonly top: number }): VNode {
  const x = (i: number): number => (values.length === 1 ? WIDTH / 2 : 2 + (i * (WIDTH - 4)) / (values.length - 1));
  const y = (v: number): number => Math.round((HEIGHT - 2 - (v / top) * (HEIGHT - 4)) * 10) / 10;
  const path = values.map((v, i) => (v === null ? '' : `${i > 0 && values[i - 1] !== null ? 'L' : 'M'}${x(i).toFixed(1)} ${y(v)}`)).join('');
  return (
    <svg class="sparkline" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} aria-hidden="true" focusable="false">
      <path d={path} />
      {values.map((v, i) => v !== null && <circle key={i} cx={x(i)} cy={y(v)} r="1.8" />)}
    </svg>
  );
}
