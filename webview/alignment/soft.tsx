import { type VNode } from 'preact';
import { useCallback, useState } from 'preact/hooks';
import { languageName } from '../../src/core/languages';
import { type AlignmentView, GetSoft, type NearToken, type SoftParams, type SoftView } from '../../src/protocol/alignmentpanel';
import { useAnswer } from '../compare/answer';
import { inClasses } from '../compare/state';
import { Select } from '../ui/fields';
import { Button } from '../ui/native';
import { count, t } from '../ui/l10n';
import { type AlignmentState, type Change, idAt, languageAt, pointOf, three } from './state';

export interface SoftProps {
  readonly view: AlignmentView;
  readonly state: AlignmentState;
  readonly change: Change;
  readonly onError: (e: Error) => void;
  readonly onAttention: (language: string, id: string) => void;
}

/** The soft prefix of the point under the cursor: norms beside the LLM's own embeddings, and the vocabulary tokens nearest to each slot. */
export function Soft({ view, state, change, onError, onAttention }: SoftProps): VNode {
  const [by, setBy] = useState<'cosine' | 'distance'>('cosine');
  const [asked, setAsked] = useState<SoftParams | null>(null);
  const [language, id] = [languageAt(view, state.point), idAt(view, state.point)];
  const bundle = view.bundles[state.bundle]!;
  const wanted: SoftParams = { bundle: state.bundle, language, id };
  const same = JSON.stringify(asked) === JSON.stringify(wanted);
  const failed = useCallback((e: Error) => {
    setAsked(null);
    onError(e);
  }, [onError]);
  const { value, busy } = useAnswer(GetSoft, asked, failed);
  return (
    <div class="agreement">
      <div class="toolbar">
        <Select label={t('Language')} value={language} options={inClasses(view.languages).map((l) => [l, languageName(l)] as const)} onChange={(l) => change({ point: pointOf(view, l, id) })} />
        <Select label={t('Problem')} value={id} options={view.ids.map((i) => [i, i] as const)} onChange={(i) => change({ point: pointOf(view, language, i) })} />
        <Select<'cosine' | 'distance'> label={t('Nearest by')} value={by} options={[['cosine', t('cosine')], ['distance', t('Euclidean distance')]]} onChange={setBy} />
        <Button kind="primary" disabled={same} onClick={() => setAsked(wanted)}>{t('Read the soft prefix')}</Button>
        <Button onClick={() => onAttention(language, id)}>{t('Attention…')}</Button>
      </div>
      <div class="scroll" tabIndex={0} role="group" aria-label={t('What the LLM reads')} aria-busy={busy}>
        {busy ? <p class="empty">{t('Loading {0} and reading {1}…', bundle.name, id)}</p>
          : !asked || !value ? <p class="empty">{t('Reading a soft prefix loads the bundle once. Choose a point on the map, or a language and a problem here.')}</p>
            : 'none' in value ? <p class="empty">{value.none}</p> : <Slots soft={value.soft} by={by} caption={t('{0}: {1} in {2}', view.bundles[asked.bundle]!.name, asked.id, languageName(asked.language))} />}
      </div>
    </div>
  );
}

/** Control characters, which have no picture of their own. */
const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;
const seen = (text: string): string => text.replace(/ /g, '␣').replace(/\n/g, '⏎').replace(/\t/g, '⇥').replace(CONTROL, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`);

/** A token's text as one sees it: spaces and breaks by their signs, bytes in hex. */
function Token({ text, hex }: { readonly text: string; readonly hex?: string }): VNode {
  return <bdi class="chip-text">{hex !== undefined ? `0x${hex}` : seen(text)}</bdi>;
}

function Slots({ soft, by, caption }: { readonly soft: SoftView; readonly by: 'cosine' | 'distance'; readonly caption: string }): VNode {
  const { embeddings: e } = soft;
  const outside = soft.slots.filter((s) => s.after < e.q05 || s.after > e.q95).length;
  return (
    <>
      <p class="basis">{t('Norms of the LLM’s own embeddings: median {0}, 5 % to 95 % {1} to {2}, largest {3}. {4} of {5} soft vectors lie outside that range.', three(e.median), three(e.q05), three(e.q95), three(e.max), count(outside), count(soft.slots.length))}</p>
      <table class="numbers">
        <caption>{caption}</caption>
        <thead><tr><th scope="col" class="number">{t('Slot')}</th><th scope="col">{t('made of')}</th><th scope="col" class="number">{t('norm before')}</th><th scope="col" class="number">{t('norm after')}</th><th scope="col" class="number" title={t('Norm over the median norm of the embeddings')}>{t('× median')}</th><th scope="col">{by === 'cosine' ? t('nearest tokens (cosine)') : t('nearest tokens (distance)')}</th></tr></thead>
        <tbody>
          {soft.slots.map((slot, i) => (
            <tr key={i}>
              <th scope="row" class="number">{i}</th>
              <td>{slot.source === 'start' ? t('start vector') : slot.source === 'end' ? t('end vector') : slot.source === null ? t('latent') : <Token {...slot.source} />}</td>
              <td class="number">{slot.before === null ? '–' : three(slot.before)}</td>
              <td class="number">{three(slot.after)}</td>
              <td class={slot.after < e.q05 || slot.after > e.q95 ? 'number bad' : 'number'}>{three(slot.after / e.median)}</td>
              <td class="near">{slot[by].map((near: NearToken, k) => <span key={k} class="near-token"><Token {...near} /> <span class="quiet">{three(near.value)}</span></span>)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </>
  );
}
