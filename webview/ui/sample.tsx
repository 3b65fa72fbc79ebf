import { type VNode } from 'preact';
import { useState } from 'preact/hooks';
import { languageOf } from '../../src/core/languages';
import { type SampleView, type TokenSpan } from '../../src/protocol/panels';
import { meanProbability, type Sample } from '../../src/protocol/run';
import { count, percent, t } from './l10n';
import { errorWord } from './words';

/** The parts of one sample, for every surface that shows one. Texts are isolated and have the direction of their own language. */

const own = (s: Sample): { lang: string; dir: 'ltr' | 'rtl' | 'auto' } => ({ lang: s.language, dir: languageOf(s.language)?.direction ?? 'auto' });

export function Question({ sample: s }: { readonly sample: Sample }): VNode {
  return (
    <>
      <h3>{t('Question')}</h3>
      <p class="text" {...own(s)}>{s.question}</p>
    </>
  );
}

/** The completion with its tokens shaded and what was read marked; below it what was read and why. @param graded false: there is no gold answer */
export function Answer({ view, graded = true }: { readonly view: SampleView; readonly graded?: boolean }): VNode {
  const { sample: s, tokens } = view;
  return (
    <>
      <h3>{t('Completion')}</h3>
      {s.stopReason === 'failed' ? <p class="notice">{t('The item failed: {0}', s.failure ?? '')}</p> : <Completion text={s.completion} language={s.language} tokens={tokens} span={s.span} />}
      <p class="reading">
        {s.value === null ? t('read: nothing') : t('read: {0}', String(s.value))} ({s.reading}){graded && <> · {t('gold: {0}', s.gold)}</>}
        {s.ambiguous && <> · {t('ambiguous, could also be {0}', (s.alternatives ?? []).join(', '))}</>}
        {s.error !== null && s.error !== undefined && <> · {errorWord(s.error)}</>}
      </p>
    </>
  );
}

export function Facts({ sample: s }: { readonly sample: Sample }): VNode {
  const mean = meanProbability(s);
  const calculated = s.forced?.length ?? 0;
  return (
    <dl class="facts">
      <div><dt>{t('Stopped by')}</dt><dd>{s.stopReason}{s.stopString === undefined ? '' : ` (${JSON.stringify(s.stopString)})`}</dd></div>
      <div><dt>{t('Tokens')}</dt><dd>{t('{0} generated, {1} in the prompt, {2} in the encoder', count(s.tokenIds.length), count(s.promptTokens), count(s.encoderTokens))}</dd></div>
      {calculated > 0 && <div><dt>{t('Calculator')}</dt><dd>{t('wrote {0} of the tokens', count(calculated))}</dd></div>}
      <div><dt>{t('Mean probability')}</dt><dd>{mean === null ? '–' : percent(mean)}</dd></div>
      <div><dt>{t('Time')}</dt><dd>{t('{0} ms', count(s.ms))}</dd></div>
      <div><dt>{t('Scorer')}</dt><dd>{s.scorer}</dd></div>
    </dl>
  );
}

/** What the LLM and the encoder read, closed at first. */
export function Prompts({ sample: s }: { readonly sample: Sample }): VNode {
  return (
    <details>
      <summary>{t('Prompt')}</summary>
      <pre class="text" dir="auto">{s.prompt}</pre>
      {s.encoderPrompt !== undefined && <><h4>{t('What the encoder read')}</h4><pre class="text" {...own(s)}>{s.encoderPrompt}</pre></>}
    </details>
  );
}

interface Piece {
  readonly text: string;
  readonly probability: number | undefined;
  /** Written by the calculator. */
  readonly calculated: boolean;
  readonly read: boolean;
}

/** The completion cut at every border of a token and of the span that was read. */
export function pieces(text: string, tokens: readonly TokenSpan[] | null, span: readonly [number, number] | null): Piece[] {
  const cuts = new Set([0, text.length, ...(tokens ?? []).flatMap((k) => [k.start, k.end]), ...(span ?? [])]);
  const borders = [...cuts].filter((c) => c >= 0 && c <= text.length).sort((a, b) => a - b);
  let token = 0;
  return borders.slice(1).map((end, i) => {
    const start = borders[i]!;
    while (tokens && token < tokens.length && tokens[token]!.end <= start) token += 1;
    const inside = tokens?.[token];
    return {
      text: text.slice(start, end),
      probability: inside && inside.start <= start && end <= inside.end ? inside.probability : undefined,
      calculated: inside?.calculated === true && inside.start <= start && end <= inside.end,
      read: span !== null && start >= span[0] && end <= span[1],
    };
  });
}

/** Shade of a token: 0 (certain) to 5 (a guess). */
export const shade = (probability: number): number => (probability >= 0.95 ? 0 : probability >= 0.8 ? 1 : probability >= 0.6 ? 2 : probability >= 0.4 ? 3 : probability >= 0.2 ? 4 : 5);

export function Completion({ text, language, tokens, span }: { readonly text: string; readonly language: string; readonly tokens: readonly TokenSpan[] | null; readonly span: readonly [number, number] | null }): VNode {
  // The direction is the text's own: a model often answers in English.
  return (
    <p class="text completion" lang={language} dir="auto">
      {pieces(text, tokens, span).map((piece, i) => {
        const name = piece.probability === undefined ? undefined : piece.calculated ? 'token calculated' : `token shade-${shade(piece.probability)}`;
        const title = piece.probability === undefined ? undefined : piece.calculated ? t('written by the calculator') : t('probability {0}', percent(piece.probability));
        return piece.read ? <mark key={i} class={`read ${name ?? ''}`} title={title}>{piece.text}</mark> : <span key={i} class={name} title={title}>{piece.text}</span>;
      })}
      {text === '' && <em>{t('(nothing)')}</em>}
    </p>
  );
}

/** The table twin of the shading. */
export function TokenTable({ text, tokens }: { readonly text: string; readonly tokens: readonly TokenSpan[] }): VNode {
  const [open, setOpen] = useState(false);
  return (
    <details onToggle={(e) => setOpen((e.currentTarget as HTMLDetailsElement).open)}>
      <summary>{t('Tokens as a table')}</summary>
      {open && (
        <table class="tokens">
          <thead><tr><th scope="col">{t('Token')}</th><th scope="col" class="number">{t('Probability')}</th></tr></thead>
          <tbody>{tokens.map((k) => <tr key={k.start}><td><bdi class="chip-text">{text.slice(k.start, k.end)}</bdi></td><td class="number">{k.calculated ? t('calculator') : percent(k.probability)}</td></tr>)}</tbody>
        </table>
      )}
    </details>
  );
}
