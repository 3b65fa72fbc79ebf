import { type EngineClient } from '../../engine/client';
import { type LensResult, type ProbeSummary, type SoftResult } from '../../protocol/probe';
import { type Generation } from './generation';

/** Looks into the layers at the present position of generations: opened when asked for, one probe a generation at a time. */
export class Inside {
  private readonly probes = new Map<number, { readonly key: string; readonly opened: Promise<ProbeSummary> }>();

  private readonly softs = new Map<number, Promise<{ readonly summary: ProbeSummary; readonly soft: SoftResult }>>();

  constructor(private readonly engine: Pick<EngineClient, 'probe'>) {}

  /** The prompt with the tokens that were taken. @throws Error when the bundle has no probe graph */
  open(generation: Generation): Promise<ProbeSummary> {
    const ids = generation.tokens.map((t) => t.token.id);
    const key = ids.join(',');
    const known = this.probes.get(generation.id);
    if (known?.key === key) return known.opened;
    const opened = (async () => {
      const old = await known?.opened.catch(() => undefined);
      if (old) await this.engine.probe.close(old.handle);
      return this.engine.probe.open({ ...generation.options.item, completionIds: ids });
    })();
    this.probes.set(generation.id, { key, opened });
    opened.catch(() => this.probes.delete(generation.id));
    return opened;
  }

  /** What each layer would say next, at the last position. @param layer one of them; all when left out */
  async lens(generation: Generation, layer?: number, k = 5): Promise<LensResult> {
    const { handle, lm } = await this.open(generation);
    if (layer !== undefined && (!Number.isInteger(layer) || layer < 0 || layer > lm.layers)) throw new Error(`There is no layer ${layer}; they go from 0 (embeddings) to ${lm.layers}.`);
    const last = lm.positions.length;
    const layers = layer === undefined ? Array.from({ length: lm.layers + 1 }, (_, i) => i) : [layer];
    return this.engine.probe.lens(handle, { layers, rows: [last - 1, last], k });
  }

  /** The soft prefix does not depend on what was generated, so it is looked at once. */
  soft(generation: Generation): Promise<{ readonly summary: ProbeSummary; readonly soft: SoftResult }> {
    let known = this.softs.get(generation.id);
    if (!known) {
      known = this.open(generation).then(async (summary) => ({ summary, soft: await this.engine.probe.soft(summary.handle, 5) }));
      known.catch(() => this.softs.delete(generation.id));
      this.softs.set(generation.id, known);
    }
    return known;
  }
}
