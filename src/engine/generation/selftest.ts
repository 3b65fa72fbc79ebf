import { type SelfTestResult } from '../../protocol/engine';
import { type LoadedBundle } from '../sessions';

/** Repeats the manifest's self-test: the same greedy ids as at export, alone and in one batch, and close log-probabilities. */
export async function runSelfTest(bundle: LoadedBundle): Promise<SelfTestResult> {
  const test = bundle.manifest.selfTest;
  if (!test || test.prompts.length === 0) return { prompts: 0, idsEqual: true, maxLogprobDifference: 0, message: 'the bundle stores no self-test' };
  const { precision, model, manifest } = bundle;
  const stored = precision === 'fp32' || precision === 'fp16' ? undefined : test.idsByPrecision?.[precision];
  const want = test.prompts.map((p, i) => stored?.[i] ?? p.ids);
  const steps = test.maxNewTokens ?? Math.max(...want.map((ids) => ids.length));
  const soft = manifest.parts.encoder ? await model.encode(test.prompts.map((p) => p.encoderIds ?? [])) : test.prompts.map(() => new Float32Array(0));
  const rows = test.prompts.map((p, i) => ({ ids: p.inputIds, soft: soft[i]!, past: 0 }));
  const together = await model.decode(rows, null, steps, rows.length, test.eosIds);
  const bad: string[] = [];
  let worst = 0;
  for (const [i, row] of rows.entries()) {
    const alone = await model.decode([row], null, steps, 1, test.eosIds);
    const n = want[i]!.length;
    const same = (ids: readonly number[]): boolean => JSON.stringify(ids.slice(0, n)) === JSON.stringify(want[i]);
    if (!same(alone.ids[0]!)) bad.push(`prompt ${i + 1} alone`);
    if (!same(together.ids[i]!)) bad.push(`prompt ${i + 1} in a batch`);
    if (precision === 'fp32') test.prompts[i]!.logprobs?.forEach((lp, t) => (worst = Math.max(worst, Math.abs(lp - (alone.logprobs[0]![t] ?? NaN)))));
  }
  const idsEqual = bad.length === 0;
  return {
    prompts: rows.length,
    idsEqual,
    maxLogprobDifference: worst,
    message: idsEqual ? `${rows.length} prompts give the stored ids, alone and in a batch` : `other ids than stored: ${bad.join(', ')}`,
  };
}
