import { type VNode } from 'preact';
import { languageName, languageOf } from '../../src/core/languages';
import { type AttentionAction, type ViewFormat } from '../../src/protocol/attention-panel';
import { Select } from '../ui/fields';
import { Button, Checkbox } from '../ui/native';
import { t } from '../ui/l10n';
import { EXPORTS, type Exported } from './export';
import { type Model } from './model';
import { type Change, type Choice, type Contrast, CONTRASTS, partOf, sidesOf, sideTitle } from './state';

export interface HeaderProps {
  readonly models: readonly Model[];
  readonly choice: Choice;
  readonly change: Change;
  readonly act: (action: AttentionAction, subject?: number) => void;
  readonly onExport: (what: Exported, format: ViewFormat) => void;
}

const contrastTitle = (contrast: Contrast): string => (contrast === 'sqrt' ? t('square root') : contrast === 'linear' ? t('linear') : t('logarithm'));
const exportTitle = (what: Exported): string => (what === 'matrix' ? t('Matrix') : what === 'lens' ? t('Next token by layer') : what === 'soft' ? t('Soft vectors') : t('All heads'));

/** What is looked at, and the pickers of stage, layer and head. */
export function Header({ models, choice, change, act, onExport }: HeaderProps): VNode {
  const { layers, heads } = partOf(models, choice.side);
  const numbers = (n: number, word: (i: number) => string): (readonly [string, string])[] => Array.from({ length: n }, (_, i) => [String(i), word(i + 1)] as const);
  const source = models[0]!.subject.ref.source;
  return (
    <header>
      <div class="title-line">
        <h1>{models.map(({ subject: s }, i) => <span key={i} class="prompt-title">{models.length > 1 ? `${i === 0 ? 'A' : 'B'} ` : ''}<bdi>{s.bundle}</bdi> {s.precision} · {languageName(s.ref.language)}{s.ref.source ? <> · <bdi>{s.ref.source.id}</bdi></> : null}</span>)}</h1>
        <div class="actions">
          {models.length === 1 ? (
            <>
              <Button onClick={() => act('compareLanguage')}>{t('Beside another language…')}</Button>
              <Button onClick={() => act('compareBundle')}>{t('Beside another bundle…')}</Button>
            </>
          ) : models.map((_, i) => <Button key={i} onClick={() => act('single', i)}>{t('Only {0}', i === 0 ? 'A' : 'B')}</Button>)}
          {source && <Button onClick={() => act('openSample')}>{t('Open sample')}</Button>}
          <Button onClick={() => act('copyLink')}>{t('Copy link')}</Button>
          <details class="columns">
            <summary>{t('Export')}</summary>
            <div class="columns-list export-list">
              {(Object.keys(EXPORTS) as Exported[]).map((what) => (
                <div key={what} class="export-line">
                  <span>{exportTitle(what)}</span>
                  {EXPORTS[what].map((format: ViewFormat) => <button key={format} type="button" class="small" aria-label={`${exportTitle(what)}: ${format.toUpperCase()}`} onClick={() => onExport(what, format)}>{format.toUpperCase()}</button>)}
                </div>
              ))}
            </div>
          </details>
        </div>
      </div>
      <div class="toolbar">
        <Select label={t('Look at')} value={choice.side} options={sidesOf(models).map((s) => [s, sideTitle(s)] as const)} onChange={(side) => change({ side })} />
        {choice.side !== 'source' && (
          <Select label={t('Layer')} value={String(choice.layer)} options={[['mean', t('mean')], ['max', t('maximum')], ['rollout', t('roll-out')], ...numbers(layers, (i) => String(i))]} onChange={(layer) => change({ layer })} />
        )}
        {choice.layer !== 'rollout' && <Select label={t('Head')} value={String(choice.head)} options={[['mean', t('mean')], ['max', t('maximum')], ...numbers(heads, (i) => String(i))]} onChange={(head) => change({ head })} />}
        <Select label={t('Contrast')} value={choice.contrast} options={CONTRASTS.map((c) => [c, contrastTitle(c)] as const)} onChange={(contrast) => change({ contrast })} />
        <Checkbox checked={choice.units === 'words'} onChange={(words) => change({ units: words ? 'words' : 'tokens' })}>{t('Merge sub-words')}</Checkbox>
      </div>
      <details class="provenance">
        <summary>{t('Prompt and provenance')}</summary>
        {models.map(({ subject: s }, i) => (
          <dl key={i}>
            <div><dt>{t('Question')}</dt><dd class="text" lang={s.ref.language} dir={languageOf(s.ref.language)?.direction ?? 'auto'}>{s.ref.question}</dd></div>
            <div><dt>{t('Answer')}</dt><dd class="text" dir="auto">{s.ref.completion ?? ''}</dd></div>
            <div><dt>{t('Bundle')}</dt><dd>{s.ref.bundle} ({s.method}, {s.precision}, {s.provider})</dd></div>
            <div><dt>{t('Template')}</dt><dd>{s.template}</dd></div>
            <div><dt>{t('Tokens')}</dt><dd>{t('{0} in the encoder, {1} soft slots, {2} in the prompt, {3} in the answer', models[i]!.encoder, models[i]!.stageSize.soft, models[i]!.stageSize.prompt, models[i]!.stageSize.generated)}</dd></div>
            <div><dt>{t('Fingerprint')}</dt><dd>{s.fingerprint}</dd></div>
          </dl>
        ))}
      </details>
    </header>
  );
}
