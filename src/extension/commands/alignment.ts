import path from 'node:path';
import * as vscode from 'vscode';
import { type AlignmentRequest, isAlignmentRequest, MOST_BUNDLES } from '../../protocol/alignmentpanel';
import { readManifestOf } from '../../runs/store';
import { type Catalogue } from '../catalogue';
import { Command } from '../contributions';
import { type AlignmentPanels } from '../panels/alignment';
import { chooseAlignment, pickBundles, pickPart } from '../runs/alignflow';
import { readSetting } from '../settings';
import { BundleNode } from '../views/bundles';
import { folderOf } from './evaluate';
import { requireTrust } from './index';

const t = vscode.l10n.t;

export interface AlignmentCommandServices {
  readonly context: vscode.ExtensionContext;
  readonly catalogue: Catalogue;
  readonly alignments: AlignmentPanels;
}

/** More problems than this are asked about before a run's own are all analysed. */
const MANY = 60;
const SEED = 1;

/** `LinguaLIFT: Show Alignment…`: from the palette, a bundle, a run, another extension, or an open alignment that takes a further bundle. */
export class AlignmentCommands {
  constructor(private readonly services: AlignmentCommandServices) {}

  async show(argument: unknown, what?: unknown): Promise<void> {
    requireTrust(t('Analysing a bundle'));
    const request = isAlignmentRequest(argument) ? (what === 'addBundle' ? await this.withBundle(argument) : argument) : await this.ask(argument);
    if (request) this.services.alignments.open(request, true);
  }

  private async ask(argument: unknown): Promise<AlignmentRequest | undefined> {
    const given = typeof argument === 'object' && argument !== null && !(argument instanceof vscode.TreeItem) && !(argument instanceof vscode.Uri) ? (argument as { bundle?: unknown; run?: unknown }) : {};
    const bundle = argument instanceof BundleNode ? argument.info.dir : typeof given.bundle === 'string' ? given.bundle : undefined;
    const run = argument instanceof BundleNode ? undefined : typeof given.run === 'string' ? given.run : folderOf(argument);
    if (run !== undefined) return this.ofRun(path.resolve(run), bundle);
    const choice = await chooseAlignment(this.services.catalogue, this.services.context.workspaceState, bundle);
    if (choice === undefined) return undefined;
    if (typeof choice === 'string') {
      await vscode.commands.executeCommand(Command[choice]);
      return undefined;
    }
    return { ...choice, seed: SEED, ...precision() };
  }

  /** The run's own bundle, benchmark, languages and problems, and its answers as colours. @throws RunError when the folder is not a run */
  private async ofRun(run: string, bundle: string | undefined): Promise<AlignmentRequest | undefined> {
    const { plan, execution, environment } = readManifestOf(run);
    let ids = plan.ids;
    if (ids.length > MANY) {
      const part = await pickPart(t('Alignment: {0}', environment.bundle.name), ids.length);
      if (part === undefined) return undefined;
      ids = spread(ids, part);
    }
    return {
      bundles: [bundle ?? execution.bundlePath], benchmark: execution.benchmarkPath, languages: plan.languages.join(','), reference: plan.languages.includes('en') || plan.languages.length === 1 ? 'en' : plan.languages[0]!,
      limit: null, seed: SEED, ids, precision: environment.bundle.precision, run,
    };
  }

  private async withBundle(request: AlignmentRequest): Promise<AlignmentRequest | undefined> {
    if (request.bundles.length >= MOST_BUNDLES) throw new Error(t('An alignment panel holds up to {0} bundles.', MOST_BUNDLES));
    const more = await pickBundles(this.services.catalogue, t('Alignment: bundles to compare with'), request.bundles);
    if (more === undefined || typeof more === 'string') return undefined;
    return { ...request, bundles: [...request.bundles, ...more].slice(0, MOST_BUNDLES) };
  }
}

/** The precision of the settings; `auto` is what the command line takes, so that both find the same cache. */
const precision = (): { precision?: string } => {
  const set = readSetting('precision');
  return set === 'auto' ? {} : { precision: set };
};

/** Some of a run's problems, spread evenly over it: a draw of a draw that is the same every time. */
const spread = (ids: readonly string[], limit: number): string[] => Array.from({ length: limit }, (_, i) => ids[Math.floor((i * ids.length) / limit)]!);
