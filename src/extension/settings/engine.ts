import { type StartParams } from '../worker/protocol';
import { readSetting } from './index';

/** The engine's settings as they are now. */
export function engineSettings(): Pick<StartParams, 'precision' | 'provider' | 'threads' | 'memoryCeiling' | 'batch' | 'tokenBudget'> {
  const precision = readSetting('precision');
  const [ceiling, threads] = [readSetting('memoryCeiling'), readSetting('threads')];
  return {
    ...(precision === 'auto' ? {} : { precision }),
    provider: readSetting('provider'),
    ...(threads > 0 ? { threads } : {}),
    ...(ceiling > 0 ? { memoryCeiling: ceiling * 2 ** 20 } : {}),
    batch: readSetting('batchSize'),
    tokenBudget: readSetting('tokenBudget'),
  };
}
