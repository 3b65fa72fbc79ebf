import { type Curve, type TrainingView } from '../../src/protocol/training';
import { t } from '../ui/l10n';

export const TABS = ['curves', 'reconstruction', 'samples', 'checkpoints'] as const;
export type TabKey = (typeof TABS)[number];

/** What the panel remembers over hiding and reloading. */
export interface PanelState {
  /** Read by the host when the window is reloaded. */
  readonly folders: readonly string[];
  readonly tab: string;
  readonly log: boolean;
  readonly table: boolean;
}

export const INITIAL: PanelState = { folders: [], tab: 'curves', log: false, table: false };

export function tabTitle(tab: TabKey): string {
  switch (tab) {
    case 'curves': return t('Curves');
    case 'reconstruction': return t('Reconstruction');
    case 'samples': return t('Samples');
    case 'checkpoints': return t('Checkpoints');
  }
}

export function statusWord(status: TrainingView['status']): string {
  switch (status) {
    case 'running': return t('running');
    case 'finished': return t('finished');
    case 'resumable': return t('can be resumed');
    case 'stopped': return t('stopped');
    case 'damaged': return t('damaged');
  }
}

/** Name of a column of metrics.jsonl in words. */
export function keyWord(key: string): string {
  switch (key) {
    case 'loss': return t('loss');
    case 'eval_loss': case 'held_out_loss': return t('held-out loss');
    case 'learning_rate': return t('learning rate');
    case 'grad_norm': return t('gradient norm, all');
    case 'grad_norm_connector': return t('gradient norm, alignment layer');
    case 'grad_norm_llm': return t('gradient norm, LLM');
    case 'grad_norm_encoder': return t('gradient norm, encoder');
    case 'tokens_per_second': return t('tokens per second');
    case 'memory_mb': return t('peak memory, MB');
    default: return key.replaceAll('_', ' ');
  }
}

/** One line of a plot: whose it is and how it is told apart. */
export interface Line {
  readonly label: string;
  readonly colour: number;
  readonly dash: number;
  readonly x: readonly number[];
  readonly y: readonly (number | null)[];
  /** Few points: they are drawn, not only the line between them. */
  readonly dots: boolean;
}

export interface Plot {
  readonly key: string;
  readonly title: string;
  readonly lines: readonly Line[];
}

/** Plots in their order; a column that no plot knows gets one of its own. */
const PLOTS: readonly { readonly key: string; readonly title: () => string; readonly holds: (key: string) => boolean }[] = [
  { key: 'loss', title: () => t('Loss'), holds: (k) => k === 'loss' || k === 'eval_loss' || k === 'held_out_loss' },
  { key: 'learning_rate', title: () => t('Learning rate'), holds: (k) => k === 'learning_rate' },
  { key: 'grad_norm', title: () => t('Gradient norm'), holds: (k) => k.startsWith('grad_norm') },
  { key: 'tokens_per_second', title: () => t('Tokens per second'), holds: (k) => k === 'tokens_per_second' },
  { key: 'memory_mb', title: () => t('Peak memory, MB'), holds: (k) => k === 'memory_mb' },
];

const FEW = 60;

function lineOf(curve: Curve, training: TrainingView, at: number, dash: number, several: boolean): Line {
  const own = keyWord(curve.key);
  return { label: several ? `${training.name}, ${own}` : own, colour: several ? at : dash, dash, x: curve.x, y: curve.y, dots: curve.x.length <= FEW };
}

/** The plots of some trainings laid over each other: colour tells trainings apart, dashes tell columns apart; with one training both tell columns apart. */
export function plotsOf(trainings: readonly TrainingView[]): Plot[] {
  const keys = [...new Set(trainings.flatMap((v) => v.curves.map((c) => c.key)))];
  const known = PLOTS.map((p) => ({ key: p.key, title: p.title(), keys: keys.filter(p.holds) }));
  const others = keys.filter((k) => !PLOTS.some((p) => p.holds(k))).map((k) => ({ key: k, title: keyWord(k), keys: [k] }));
  return [...known, ...others].filter((p) => p.keys.length > 0).map(({ key, title, keys: mine }) => ({
    key, title,
    lines: trainings.flatMap((v, at) => mine.flatMap((k, dash) => {
      const curve = v.curves.find((c) => c.key === k);
      return curve ? [lineOf(curve, v, at, dash, trainings.length > 1)] : [];
    })),
  }));
}

/** Held-out reconstruction as one small plot a language. */
export function reconstructionPlots(trainings: readonly TrainingView[], languageName: (code: string) => string): Plot[] {
  const codes = [...new Set(trainings.flatMap((v) => v.chrf.map((c) => c.key)))].sort((a, b) => (languageName(a) < languageName(b) ? -1 : 1));
  return codes.map((code) => ({
    key: code, title: languageName(code),
    lines: trainings.flatMap((v, at) => {
      const curve = v.chrf.find((c) => c.key === code);
      return curve ? [{ label: trainings.length > 1 ? v.name : 'chrF', colour: at, dash: 0, x: curve.x, y: curve.y, dots: curve.x.length <= FEW }] : [];
    }),
  }));
}

/** The x values of all lines, each once and rising, with each line's y at them; null where it has none (and, for a logarithmic scale, where it is not above zero). */
export function aligned(lines: readonly Line[], log: boolean): { readonly x: number[]; readonly ys: (number | null)[][] } {
  const x = [...new Set(lines.flatMap((l) => l.x))].sort((a, b) => a - b);
  const place = new Map(x.map((v, i) => [v, i]));
  const ys = lines.map((l) => {
    const y = new Array<number | null>(x.length).fill(null);
    l.x.forEach((v, i) => {
      const value = l.y[i] ?? null;
      y[place.get(v)!] = value === null || (log && value <= 0) ? null : value;
    });
    return y;
  });
  return { x, ys };
}

const locale = document.documentElement.lang || 'en';
const whole = new Intl.NumberFormat(locale, { maximumFractionDigits: 0 });
const decimals = [1, 2, 3].map((n) => new Intl.NumberFormat(locale, { minimumFractionDigits: n, maximumFractionDigits: n }));

/** A measured value with about four digits. */
export function figure(value: number | null): string {
  if (value === null) return '–';
  const size = Math.abs(value);
  if (size >= 1000) return whole.format(value);
  if (size !== 0 && size < 0.01) return value.toExponential(2).replace('-', '−');
  return decimals[size >= 100 ? 0 : size >= 10 ? 1 : 2]!.format(value);
}
