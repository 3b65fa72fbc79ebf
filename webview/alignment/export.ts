import { csvLine } from '../../src/core/csv';
import { languageName } from '../../src/core/languages';
import { type AlignmentView, type ExportKind, type ExportParams, type RunColours } from '../../src/protocol/alignmentpanel';
import { inClasses } from '../compare/state';
import { t } from '../ui/l10n';
import { onSameAxes, type ShownMaps } from './maps';
import { boundsOf, canvasPen, drawScene, glyph, type Pen, placing, svgPen } from './plot';
import { type AlignmentState, idAt, languageAt, mapWords, type Measure, measured, measureTitle, provenance, stageOf, stageShort, stageTitle, written } from './state';
import { type Theme } from './theme';

export const EXPORTS = ['map.svg', 'map.png', 'heat.svg', 'heat.png', 'numbers.csv', 'points.csv', 'all.json'] as const;
export type Export = (typeof EXPORTS)[number];

export function exportTitle(what: Export): string {
  switch (what) {
    case 'map.svg': return t('Map as SVG');
    case 'map.png': return t('Map as PNG');
    case 'heat.svg': return t('Heat map as SVG');
    case 'heat.png': return t('Heat map as PNG');
    case 'numbers.csv': return t('Numbers as CSV');
    case 'points.csv': return t('Points as CSV');
    case 'all.json': return t('Numbers and points as JSON');
  }
}

export interface Exported {
  readonly view: AlignmentView;
  readonly state: AlignmentState;
  readonly shown: ShownMaps;
  readonly colours: RunColours | undefined;
  readonly theme: Theme;
}

/** What is written to the file; every kind carries its caption and the fingerprints. */
export function exported(what: Export, from: Exported): ExportParams {
  const { view, state } = from;
  const [part, kind] = what.split('.') as [string, ExportKind];
  const name = `alignment-${view.bundles.map((b) => b.name).join('-')}-${view.bundles[0]!.benchmark.name}${part === 'map' ? `-${from.shown.asked[0]!.stage}` : part === 'heat' ? `-${state.measure}` : part === 'points' ? '-points' : ''}`;
  const content = (): string => {
    switch (what) {
      case 'map.svg': case 'heat.svg': return svg(part === 'map' ? mapPicture(from) : heatPicture(from), from.theme);
      case 'map.png': case 'heat.png': return png(part === 'map' ? mapPicture(from) : heatPicture(from), from.theme);
      case 'numbers.csv': return numbersCsv(from);
      case 'points.csv': return pointsCsv(from);
      case 'all.json': return JSON.stringify(everything(from), null, 1) + '\n';
    }
  };
  return { kind, name, content: content() };
}

// ---- pictures

interface Picture {
  readonly width: number;
  readonly height: number;
  readonly title: string;
  /** Lines below the drawing. */
  readonly caption: readonly string[];
  readonly draw: (pen: Pen) => void;
}

const LINE = 15;
const PAD = 12;

/** Breaks a text into lines of about as many letters as fit. */
function lines(text: string, width: number): string[] {
  const most = Math.floor(width / 6);
  const out: string[] = [];
  for (const word of text.split(' ')) {
    const last = out.at(-1);
    if (last !== undefined && last.length + word.length + 1 <= most) out[out.length - 1] = `${last} ${word}`;
    else out.push(word);
  }
  return out;
}

const SIDE = 520;

function mapPicture({ view, state, shown, theme }: Exported): Picture {
  const { scenes, maps, asked, list } = shown;
  const width = Math.max(1, scenes.length) * (SIDE + PAD) + PAD;
  const columns = Math.max(1, Math.floor((width - 2 * PAD) / 170));
  const legend = Math.ceil(list.length / columns) * 18;
  const words = asked.map((a, i) => mapWords(view, a, maps[i]!));
  const joint = onSameAxes(shown) ? boundsOf(maps.map((m) => m.points)) : undefined;
  const caption = [...words.flatMap((w) => lines(`${w}.`, width - 2 * PAD)), ...(state.problem === '' ? [] : lines(t('Joined: the translations of {0}, around {1}.', state.problem, languageName(view.reference)), width - 2 * PAD)), ...lines(provenance(view), width - 2 * PAD)];
  return {
    width, height: SIDE + legend + 3 * PAD, title: words.join(' · '), caption,
    draw: (pen) => {
      scenes.forEach((scene, i) => {
        const left = PAD + i * (SIDE + PAD);
        const place = placing(joint ?? boundsOf([scene.points]), SIDE, SIDE);
        const corners = [[left, PAD], [left + SIDE, PAD], [left + SIDE, PAD + SIDE], [left, PAD + SIDE]] as const;
        pen.polygon(corners, { stroke: theme.quiet });
        const moved: Pen = {
          polygon: (points, ink) => pen.polygon(points.map(([x, y]) => [x + left, y + PAD] as const), ink),
          line: ([x1, y1], [x2, y2], ink) => pen.line([x1 + left, y1 + PAD], [x2 + left, y2 + PAD], ink),
          text: (x, y, text, ink) => pen.text(x + left, y + PAD, text, ink),
        };
        drawScene(moved, scene, place, SIDE, SIDE, theme.text, 4);
      });
      const styles = scenes[0]?.styles ?? [];
      list.forEach(({ title }, i) => {
        const [x, y] = [PAD + (i % columns) * 170, SIDE + 2 * PAD + Math.floor(i / columns) * 18 + 6];
        const { colour, shape } = styles[i]!;
        pen.polygon(glyph(shape, x + 6, y, 5), { fill: colour });
        pen.text(x + 16, y, title, { fill: theme.text, size: 11 });
      });
    },
  };
}

function heatPicture({ view, state, theme }: Exported): Picture {
  const measure = state.measure as Measure;
  const bundles = [state.bundle, state.other].filter((b, i, all) => b >= 0 && all.indexOf(b) === i).map((b) => view.bundles[b]!);
  const languages = inClasses(view.languages).filter((l) => measure === 'told' || l !== view.reference);
  const [cellWidth, cellHeight, left, top] = [58, 16, 130, 44];
  const block = view.stages.length * cellWidth + PAD;
  const width = Math.max(420, left + bundles.length * block + PAD);
  const all = bundles.flatMap((b) => languages.flatMap((l) => view.stages.map((s) => measured(stageOf(b, s), l, measure) ?? 0)));
  const most = measure === 'cosineGap' ? Math.max(1e-9, ...all.map(Math.abs)) : 1;
  const title = t('{0} by language and stage', measureTitle(measure)) + (measure === 'recallAt1' || measure === 'told' ? ' (%)' : '');
  return {
    width, height: top + languages.length * cellHeight + PAD, title, caption: [...lines(`${title}.`, width - 2 * PAD), ...lines(provenance(view), width - 2 * PAD)],
    draw: (pen) => {
      bundles.forEach((bundle, b) => {
        const x0 = left + b * block;
        pen.text(x0, 14, bundle.name, { fill: theme.text, bold: true });
        view.stages.forEach((s, c) => pen.text(x0 + (c + 0.5) * cellWidth, 34, stageShort(s), { fill: theme.text, size: 11, align: 'middle' }));
        languages.forEach((l, r) => {
          const y = top + r * cellHeight;
          if (b === 0) pen.text(left - 6, y + cellHeight / 2, languageName(l), { fill: theme.text, size: 11, align: 'end' });
          view.stages.forEach((s, c) => {
            const v = measured(stageOf(bundle, s), l, measure);
            const x = x0 + c * cellWidth;
            if (v !== null) pen.polygon([[x, y], [x + cellWidth - 1, y], [x + cellWidth - 1, y + cellHeight - 1], [x, y + cellHeight - 1]], { fill: v < 0 ? theme.series[1]! : theme.series[0]!, alpha: 0.6 * Math.min(1, Math.abs(v) / most) });
            pen.text(x + cellWidth / 2, y + cellHeight / 2, written(measure, v), { fill: theme.text, size: 10, align: 'middle' });
          });
        });
      });
    },
  };
}

function paint({ height, caption, draw }: Picture, pen: Pen, theme: Theme): void {
  draw(pen);
  caption.forEach((line, i) => pen.text(PAD, height + (i + 0.5) * LINE, line, { fill: theme.text, size: 11 }));
}

const fullHeight = ({ height, caption }: Picture): number => height + caption.length * LINE + PAD;

function svg(picture: Picture, theme: Theme): string {
  const pen = svgPen(picture.width, fullHeight(picture), theme.ground, picture.title, picture.caption.join(' '));
  paint(picture, pen, theme);
  return pen.done();
}

/** Twice the size, so that it can be printed. Base64. */
function png(picture: Picture, theme: Theme): string {
  const canvas = document.createElement('canvas');
  canvas.width = 2 * picture.width;
  canvas.height = 2 * fullHeight(picture);
  const context = canvas.getContext('2d')!;
  context.scale(2, 2);
  context.fillStyle = theme.ground;
  context.fillRect(0, 0, picture.width, fullHeight(picture));
  paint(picture, canvasPen(context), theme);
  return canvas.toDataURL('image/png').replace(/^data:image\/png;base64,/, '');
}

// ---- tables

const six = (x: number | null | undefined): number | null => (x === null || x === undefined ? null : Number(x.toPrecision(6)));

function numbersCsv({ view, colours }: Exported): string {
  const head = ['bundle', 'precision', 'fingerprint', 'benchmark', 'reference', 'stage', 'language', 'n', 'recall_at_1', 'recall_low_95', 'recall_high_95', 'mrr', 'back_recall_at_1', 'back_mrr', 'cosine_parallel', 'cosine_random', 'cosine_gap', 'gap_low_95', 'gap_high_95', 'cka', 'cka_debiased', 'language_told', 'accuracy', 'accuracy_n'];
  const rows = view.bundles.flatMap((b) => b.stages.flatMap((stage) => inClasses(view.languages).map((language) => {
    const row = stage.rows.find((r) => r.language === language);
    const run = colours?.accuracy[view.languages.indexOf(language)];
    return [
      b.name, b.bundle.precision, b.fingerprint, b.benchmark.name, view.reference, stage.stage, language, view.ids.length, six(row?.recallAt1), six(row?.recallInterval[0]), six(row?.recallInterval[1]), six(row?.mrr), six(row?.reverseRecallAt1),
      six(row?.reverseMrr), six(row?.cosineParallel), six(row?.cosineRandom), six(row?.cosineGap), six(row?.cosineGapInterval[0]), six(row?.cosineGapInterval[1]), six(row?.cka), six(row?.ckaDebiased),
      six(measured(stage, language, 'told')), run ? six(run.right / run.n) : null, run?.n,
    ];
  })));
  return `# ${provenance(view)}\r\n` + csvLine(head) + rows.map(csvLine).join('');
}

function pointsCsv({ view, state, shown, colours }: Exported): string {
  const lasso = new Set(state.lasso);
  const rows = shown.asked.flatMap(({ bundle: b, stage }, i) => Array.from({ length: shown.maps[i]!.points.length / 2 }, (_, p) => [view.bundles[b]!.name, view.bundles[b]!.fingerprint, stage, languageAt(view, p), idAt(view, p), shown.maps[i]!.points[2 * p], shown.maps[i]!.points[2 * p + 1], colours?.outcomes[p], lasso.has(p)]));
  const captions = shown.asked.map((a, i) => `# ${mapWords(view, a, shown.maps[i]!)}\r\n`).join('');
  return captions + `# ${provenance(view)}\r\n` + csvLine(['bundle', 'fingerprint', 'stage', 'language', 'id', 'x', 'y', 'outcome', 'selected']) + rows.map(csvLine).join('');
}

function everything({ view, state, shown, colours }: Exported): object {
  return {
    caption: provenance(view),
    fingerprints: view.bundles.map((b) => b.fingerprint),
    request: state.request,
    bundles: view.bundles.map(({ folder: _, cached: __, ...rest }) => rest),
    map: { maps: shown.asked.map((a, i) => ({ ...a, stageTitle: stageTitle(a.stage), caption: mapWords(view, a, shown.maps[i]!), ...shown.maps[i]!, bundle: view.bundles[a.bundle]!.name })) },
    selected: state.lasso.map((p) => ({ language: languageAt(view, p), id: idAt(view, p) })),
    run: colours && state.run !== '' ? { folder: state.run, ...colours } : null,
  };
}
