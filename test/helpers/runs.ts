import { type RunManifest, type Sample } from '../../src/protocol/run';

/** The manifest of an invented run. */
export function manifest(change: Partial<RunManifest> = {}): RunManifest {
  return {
    format: 'lift-run/1',
    id: 'abc-1',
    created: '2026-01-01T00:00:00.000Z',
    fingerprint: 'f'.repeat(64),
    environment: {
      bundle: { name: 'tiny', method: 'text', sha256: 'a'.repeat(64), precision: 'fp32' },
      benchmark: { name: 'lift48', title: 'LIFT-48', version: '1', sha256: 'b'.repeat(64) },
      prompt: { template: 'plain', version: 1 },
      scorer: { name: 'locale', version: 1 },
      generation: { maxNewTokens: 8, stop: [], greedy: true },
      backend: { name: 'onnxruntime', provider: 'cpu', versions: { onnxruntime: '1' } },
      calculator: false,
    },
    plan: { languages: ['en', 'sw'], ids: ['p1', 'p2'], seed: 1, sampling: 'all' },
    execution: { bundlePath: 'x', benchmarkPath: 'y', batch: 4, processes: 1, threads: 1, platform: 'test' },
    ...change,
  };
}

export function sample(id: string, language = 'en', change: Partial<Sample> = {}): Sample {
  return {
    id, language, question: 'Q', prompt: 'Q', completion: 'The answer is 7.', tokenIds: [1, 2], tokenLogprobs: [-0.5, -0.25], stopReason: 'eos', promptTokens: 3, encoderTokens: 0,
    gold: '7', value: 7, span: [14, 15], reading: 'answer phrase', ambiguous: false, correct: true, error: null, scorer: 'locale/1', ms: 1, ...change,
  };
}
