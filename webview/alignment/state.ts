import { languageName, languageOf, RESOURCE_CLASSES } from '../../src/core/languages';
import { type AlignedBundle, type AlignmentRequest, type AlignmentView, type MapParams, type MapView, type RunColours, type ShownStage } from '../../src/protocol/alignmentpanel';
import { type AlignmentStageRow } from '../../src/protocol/alignment';
import { type Outcome, OUTCOMES } from '../../src/protocol/panels';
import { inClasses } from '../compare/state';
import { groupTitle, outcomeWord } from '../run/state';
import { count, percent, points as points100, t } from '../ui/l10n';

export const TABS = ['languages', 'stages', 'points', 'soft', 'accuracy'] as const;
export type Tab = (typeof TABS)[number];
export const COLOURS = ['language', 'class', 'script', 'outcome'] as const;
export type Colouring = (typeof COLOURS)[number];
export const MEASURES = ['recallAt1', 'mrr', 'cosineGap', 'cka', 'told'] as const;
export type Measure = (typeof MEASURES)[number];

/** Everything the panel remembers. `request` lets a reloaded window find the analysis again. */
export interface AlignmentState {
  request: AlignmentRequest | null;
  /** Place of the bundle of the map and the numbers, and of the one beside it; -1: none. */
  bundle: number;
  other: number;
  stage: string;
  method: string;
  fitBundle: number;
  fitLanguage: string;
  standardise: boolean;
  colour: string;
  run: string;
  /** Language that is brought out; empty: all alike. */
  language: string;
  /** Point under the cursor, and the problem whose translations are joined. */
  point: number;
  problem: string;
  find: string;
  lasso: number[];
  tab: string;
  measure: string;
}

export const INITIAL: AlignmentState = {
  request: null, bundle: 0, other: -1, stage: '', method: 'pca', fitBundle: 0, fitLanguage: 'all', standardise: true, colour: 'class', run: '', language: '', point: 0, problem: '', find: '', lasso: [], tab: 'languages',
  measure: 'recallAt1',
};

export type Change = (change: Partial<AlignmentState>) => void;

const oneOf = <T extends string>(value: string, known: readonly T[], otherwise: T): T => (known.includes(value as T) ? (value as T) : otherwise);

/** The kept state made to fit the analysis that is there. */
export function fitted(state: AlignmentState, request: AlignmentRequest, view: AlignmentView): AlignmentState {
  const same = JSON.stringify(state.request) === JSON.stringify(request);
  const base = same ? state : { ...INITIAL, request, colour: state.colour };
  const n = view.bundles.length;
  const place = (at: number, least: number, otherwise: number): number => (Number.isInteger(at) && at >= least && at < n ? at : otherwise);
  const total = view.languages.length * view.ids.length;
  const run = same ? base.run : (request.run ?? '');
  return {
    ...base, request, bundle: place(base.bundle, 0, 0), other: same ? place(base.other, -1, -1) : n > 1 ? 1 : -1, fitBundle: place(base.fitBundle, 0, 0),
    stage: view.stages.includes(base.stage) ? base.stage : view.stages[0]!, method: oneOf(base.method, ['pca', 'umap'], 'pca'), fitLanguage: view.languages.includes(base.fitLanguage) ? base.fitLanguage : 'all',
    run: view.runs.some((r) => r.folder === run) ? run : '', colour: oneOf(!same && run !== '' ? 'outcome' : base.colour, COLOURS, 'class'), language: view.languages.includes(base.language) ? base.language : '',
    problem: view.ids.includes(base.problem) ? base.problem : '', point: Number.isInteger(base.point) && base.point >= 0 && base.point < total ? base.point : 0,
    lasso: base.lasso.filter((p) => Number.isInteger(p) && p >= 0 && p < total), tab: oneOf(base.tab, TABS, 'languages'), measure: oneOf(base.measure, MEASURES, 'recallAt1'),
  };
}

export const mapOf = (s: AlignmentState, bundle: number): MapParams => ({ bundle, stage: s.stage, method: s.method === 'umap' ? 'umap' : 'pca', fitBundle: s.fitBundle, fitLanguage: s.fitLanguage, standardise: s.standardise });

export const languageAt = (view: AlignmentView, point: number): string => view.languages[Math.floor(point / view.ids.length)]!;
export const idAt = (view: AlignmentView, point: number): string => view.ids[point % view.ids.length]!;
export const pointOf = (view: AlignmentView, language: string, id: string): number => view.languages.indexOf(language) * view.ids.length + view.ids.indexOf(id);
export const stageOf = (bundle: AlignedBundle | undefined, stage: string): ShownStage | undefined => bundle?.stages.find((s) => s.stage === stage);

export function stageTitle(stage: string): string {
  if (stage === 'encoder') return t('Encoder');
  if (stage === 'aligned') return t('After the alignment layer');
  const layer = Number(stage.slice(3));
  return layer === 0 ? t('LLM embeddings') : t('LLM layer {0}', layer);
}

/** As short as a heat map needs it. */
export const stageShort = (stage: string): string => (stage === 'encoder' ? t('encoder') : stage === 'aligned' ? t('aligned') : stage.replace('lm.', 'L'));

export function tabTitle(tab: Tab): string {
  switch (tab) {
    case 'languages': return t('Languages');
    case 'stages': return t('Stages');
    case 'points': return t('Points');
    case 'soft': return t('What the LLM reads');
    case 'accuracy': return t('Accuracy');
  }
}

export function measureTitle(measure: Measure | string): string {
  switch (measure) {
    case 'recallAt1': return t('Recall@1');
    case 'mrr': return t('MRR');
    case 'cosineGap': return t('Cosine gap');
    case 'cka': return t('CKA');
    case 'told': return t('Language told');
    default: return measure;
  }
}

export function colourTitle(colour: Colouring): string {
  switch (colour) {
    case 'language': return t('Language');
    case 'class': return t('Resource class');
    case 'script': return t('Script');
    case 'outcome': return t('Answer of the run');
  }
}

const number3 = new Intl.NumberFormat(document.documentElement.lang || 'en', { minimumFractionDigits: 3, maximumFractionDigits: 3 });
export const three = (x: number | null | undefined): string => {
  if (x === null || x === undefined || !Number.isFinite(x)) return '–';
  const text = number3.format(Math.abs(x));
  return x < 0 && /[1-9]/.test(text) ? `−${text}` : text;
};

/** A measure as it is written: shares in percent, the others with three decimals. */
export const written = (measure: Measure, x: number | null | undefined): string => (x === null || x === undefined ? '–' : measure === 'recallAt1' || measure === 'told' ? points100(x) : three(x));

/** The number of a language at a stage; null where there is none (the reference has only the language probe). */
export function measured(stage: ShownStage | undefined, language: string, measure: Measure): number | null {
  if (!stage) return null;
  if (measure === 'told') return stage.languageProbe?.byLanguage[language] ?? null;
  const row: AlignmentStageRow | undefined = stage.rows.find((r) => r.language === language);
  return row?.[measure] ?? null;
}

export interface Category {
  readonly key: string;
  readonly title: string;
}

/** What the colours stand for, in the legend's order, and the category of each point. */
export function categories(view: AlignmentView, colour: Colouring, colours: RunColours | undefined): { readonly list: readonly Category[]; readonly of: Uint8Array } {
  const n = view.ids.length;
  const of = new Uint8Array(view.languages.length * n);
  if (colour === 'outcome') {
    const list = [...OUTCOMES.map((o: Outcome) => ({ key: o, title: outcomeWord(o) })), { key: 'none', title: t('not in the run') }];
    for (let p = 0; p < of.length; p++) {
      const outcome = colours?.outcomes[p] ?? null;
      of[p] = outcome === null ? OUTCOMES.length : OUTCOMES.indexOf(outcome);
    }
    return { list, of };
  }
  const keyOf = (code: string): string => (colour === 'language' ? code : colour === 'class' ? (languageOf(code)?.resourceClass ?? 'other') : (languageOf(code)?.script ?? 'other'));
  const keys = colour === 'language' ? inClasses(view.languages) : colour === 'class' ? [...RESOURCE_CLASSES, 'other'] : [...new Set(view.languages.map(keyOf))].sort();
  const present = keys.filter((key) => view.languages.some((code) => keyOf(code) === key));
  const list = present.map((key) => ({ key, title: colour === 'language' ? languageName(key) : colour === 'class' ? groupTitle(key) : key === 'other' ? groupTitle(key) : key }));
  view.languages.forEach((code, l) => of.fill(present.indexOf(keyOf(code)), l * n, (l + 1) * n));
  return { list, of };
}

/** What a map is, in words: for the line below it and for exports. `s`: the question that the map answers. */
export function mapWords(view: AlignmentView, s: MapParams, { explained, fitBundle }: MapView): string {
  const { name } = view.bundles[s.bundle]!;
  const head = `${name}, ${stageTitle(s.stage)}`;
  if (s.method === 'umap') return t('{0}: UMAP of cosine distances, 15 neighbours, seed 1; distances between far groups mean nothing', head);
  const on = `${view.bundles[fitBundle]!.name}, ${s.fitLanguage === 'all' ? t('all languages') : languageName(s.fitLanguage)}`;
  const share = (explained ?? []).map((x) => percent(x)).join(' + ');
  return t('{0}: principal components fitted on {1}{2}, variance explained there {3}', head, on, s.standardise ? t(' (standardised)') : '', share);
}

/** Bundles, benchmark, size and fingerprints: what every export carries. */
export function provenance(view: AlignmentView): string {
  const { benchmark, settings, template } = view.bundles[0]!;
  const made = view.bundles.map((b) => `${b.name} (${b.bundle.precision}, ${b.fingerprint.slice(0, 12)})`).join('; ');
  return t('{0}: {1} languages × {2} problems against {3}, template {4}/{5}{8}, seed {6}. Bundles with fingerprint: {7}.', benchmark.title, count(view.languages.length), count(view.ids.length), languageName(view.reference), template.name, template.version, settings.seed, made, settings.normalise === false ? t(', texts as they are written') : '');
}
