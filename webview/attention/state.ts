import { ATTENTION_SIDES, type AttentionSide, type HeadChoice, type LayerChoice, UNITS, type Units } from '../../src/protocol/attention-panel';
import { type GenerationRef, isGenerationRef } from '../../src/protocol/generation';
import { t } from '../ui/l10n';
import { type Model, type Stage } from './model';

export const TABS = ['lens', 'soft', 'row', 'heads'] as const;
export type Tab = (typeof TABS)[number];
export const STATISTICS = ['top1', 'entropy', 'rank', 'kl', 'chosen', 'script'] as const;
export type Statistic = (typeof STATISTICS)[number];
export const CONTRASTS = ['sqrt', 'linear', 'log'] as const;
export type Contrast = (typeof CONTRASTS)[number];

/** Everything the panel remembers. `refs` lets a reloaded window find the generations again. */
export interface PanelState {
  refs: GenerationRef[];
  side: string;
  layer: string;
  head: string;
  units: string;
  contrast: string;
  tab: string;
  statistic: string;
  script: string;
  /** Which of two prompts the lower half and the heads show. */
  shown: number;
  /** Places on the joint axis of the first prompt; -1: not chosen yet. */
  row: number;
  column: number;
}

export const INITIAL: PanelState = { refs: [], side: '', layer: '', head: 'mean', units: 'tokens', contrast: 'sqrt', tab: 'lens', statistic: 'top1', script: '', shown: 0, row: -1, column: -1 };

export type Change = (change: Partial<PanelState>) => void;

/** What the state says, made to fit the prompts that are there. */
export interface Choice {
  readonly side: AttentionSide;
  readonly layer: LayerChoice;
  readonly head: HeadChoice;
  readonly units: Units;
  readonly contrast: Contrast;
  readonly tab: Tab;
  readonly statistic: Statistic;
}

const pick = <T extends string>(list: readonly T[], value: string, otherwise: T): T => list.find((x) => x === value) ?? otherwise;

/** Sides that a prompt has: without an encoder only the LLM's. */
export const sidesOf = (models: readonly Model[]): AttentionSide[] => ATTENTION_SIDES.filter((s) => s === 'lm' || models.every((m) => m.encoder > 0));

/** Layers and heads of the part that a side shows; the smaller number where two bundles differ. */
export function partOf(models: readonly Model[], side: AttentionSide): { readonly layers: number; readonly heads: number } {
  const parts = models.map(({ subject: { summary } }) => (side === 'encoder' ? summary.encoder! : summary.lm));
  return { layers: Math.min(...parts.map((p) => p.layers)), heads: Math.min(...parts.map((p) => p.heads)) };
}

export function choiceOf(state: PanelState, models: readonly Model[]): Choice {
  const side = pick(sidesOf(models), state.side, 'lm');
  const { layers, heads } = partOf(models, side);
  const number = (value: string, most: number): number | undefined => (/^\d+$/.test(value) && Number(value) < most ? Number(value) : undefined);
  const layer: LayerChoice = side === 'source' ? 'rollout' : (number(state.layer, layers) ?? pick(['mean', 'max', 'rollout'] as const, state.layer, 'mean'));
  return {
    side, layer, head: layer === 'rollout' ? 'mean' : (number(state.head, heads) ?? pick(['mean', 'max'] as const, state.head, 'mean')),
    units: pick(UNITS, state.units, 'tokens'), contrast: pick(CONTRASTS, state.contrast, 'sqrt'), tab: pick(TABS, state.tab, 'lens'), statistic: pick(STATISTICS, state.statistic, 'top1'),
  };
}

/** The state that was kept, without generations that are none. */
export const fitted = (state: PanelState): PanelState => ({ ...state, refs: state.refs.filter(isGenerationRef) });

export function sideTitle(side: AttentionSide): string {
  switch (side) {
    case 'encoder': return t('Encoder self-attention');
    case 'lm': return t('LLM attention');
    case 'source': return t('Source roll-out (answer to source words)');
  }
}

export function stageTitle(stage: Stage): string {
  switch (stage) {
    case 'encoder': return t('encoder');
    case 'soft': return t('soft prefix');
    case 'prompt': return t('prompt');
    case 'generated': return t('answer');
  }
}

export function tabTitle(tab: Tab): string {
  switch (tab) {
    case 'lens': return t('Next token by layer');
    case 'soft': return t('Soft vectors');
    case 'row': return t('Attention as a table');
    case 'heads': return t('Heads as a table');
  }
}

export function statisticTitle(statistic: Statistic): string {
  switch (statistic) {
    case 'top1': return t('probability of the first token');
    case 'entropy': return t('entropy (nats)');
    case 'rank': return t('rank of the token that follows');
    case 'kl': return t('KL divergence from the last layer (nats)');
    case 'chosen': return t('probability of the token that follows');
    case 'script': return t('probability of a script');
  }
}

/** Which layers and heads a view shows, in words. */
export function viewWords({ layer, head }: Pick<Choice, 'layer' | 'head'>): string {
  const layers = layer === 'rollout' ? t('roll-out over all layers') : layer === 'mean' ? t('mean over layers') : layer === 'max' ? t('maximum over layers') : t('layer {0}', layer + 1);
  if (layer === 'rollout') return layers;
  return `${layers}, ${head === 'mean' ? t('mean over heads') : head === 'max' ? t('maximum over heads') : t('head {0}', head + 1)}`;
}

/** A text that keeps its direction to itself inside a sentence (U+2068, U+2069). */
export const isolated = (text: string): string => `\u2068${text}\u2069`;

/** A token in words: its text, its stage and its place there, from 1. */
export function tokenWords(model: Model, unit: number, units: Choice['units']): string {
  const axis = model.units[units];
  const place = axis.starts[unit]!;
  const [from, to] = [model.order[place]! + 1, model.order[axis.starts[unit + 1]! - 1]! + 1];
  return t('“{0}” ({1} {2})', isolated(axis.chips[unit]!.text), stageTitle(axis.stages[unit]!), from === to ? from : `${from}–${to}`);
}
