import { UMAP } from 'umap-js';
import { Random } from '../statistics';
import { fitPca, project } from './pca';
import { unitRows, type VectorTable } from './retrieval';

export interface UmapOptions {
  readonly seed: number | string;
  /** Neighbours that count as near; default 15, fewer when there are fewer rows. */
  readonly neighbours?: number;
  /** How close points may lie on the map; default 0.1. */
  readonly minDist?: number;
}

/** Principal components that UMAP starts from: the noise beyond them only costs time. */
const COMPONENTS = 50;
/** Optimisation steps between two pauses. */
const STEPS = 10;

/**
 * A 2-D map by UMAP (McInnes et al., 2018; umap-js) of rows at unit length, so that distance is a matter of cosine, cut to their
 * first 50 principal components. The same rows and seed give the same map. Distances between far groups and the size of groups
 * mean nothing in it.
 *
 * @param between awaited between steps with the share that is done: lets messages in, and throws when cancelled
 * @returns [count, 2], row-major
 * @throws RangeError for fewer than 4 rows
 */
export async function fitUmap(table: VectorTable, options: UmapOptions, between: (share: number) => Promise<void> = () => Promise.resolve()): Promise<Float64Array> {
  const { count, width } = table;
  if (count < 4) throw new RangeError(`A map by UMAP needs at least 4 points, not ${count}.`);
  const unit = { vectors: unitRows(table), count, width };
  const pca = fitPca(unit, Math.min(COMPONENTS, width, count - 1));
  const k = pca.variance.length;
  const rows = project(pca, unit);
  if (k === 0) return new Float64Array(2 * count);
  await between(0);
  const random = new Random(options.seed);
  const umap = new UMAP({ nComponents: 2, nNeighbors: Math.min(options.neighbours ?? 15, count - 1), minDist: options.minDist ?? 0.1, random: () => random.float() });
  const epochs = umap.initializeFit(Array.from({ length: count }, (_, r) => Array.from(rows.subarray(r * k, (r + 1) * k))));
  for (let epoch = 0; epoch < epochs; epoch++) {
    umap.step();
    if (epoch % STEPS === 0) await between(epoch / epochs);
  }
  return Float64Array.from(umap.getEmbedding().flat());
}
