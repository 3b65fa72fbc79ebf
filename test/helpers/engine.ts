import fs from 'node:fs';
import path from 'node:path';
import * as esbuild from 'esbuild';
import { EngineClient, type EngineOptions } from '../../src/engine/client';
import { type GenerateItem, type GenerateParams, type ItemResult, type LoadParams, type ScoreItem } from '../../src/protocol/engine';
import { ROOT, TINY } from './paths';

let built: Promise<string> | undefined;

/**
 * Bundles the CLI and the engine process from the sources of now into a folder of their own (so that an old `dist/` is
 * never tested) and gives that folder. It is removed when the process ends.
 */
export function buildFolder(): Promise<string> {
  built ??= (async () => {
    const folder = path.join(ROOT, 'dist', `test-${process.pid}`);
    process.on('exit', () => fs.rmSync(folder, { recursive: true, force: true }));
    const { version } = JSON.parse(fs.readFileSync(path.join(ROOT, 'package.json'), 'utf8')) as { version: string };
    await esbuild.build({
      bundle: true, platform: 'node', target: 'node20', format: 'cjs', keepNames: true, logLevel: 'error', absWorkingDir: ROOT, outdir: folder,
      external: ['vscode', 'onnxruntime-node', 'tsx', 'tsx/cjs', 'esbuild', 'cld3-asm'],
      entryPoints: { cli: 'src/cli/main.ts', engine: 'src/engine/server.ts' },
      define: { 'process.env.LINGUALIFT_VERSION': JSON.stringify(version) },
    });
    return folder;
  })();
  return built;
}

export const LOAD: LoadParams = { dir: TINY, precision: 'fp32', provider: 'cpu', threads: 1, memoryCeiling: 0, batch: 16 };

/** A started engine process; close it. */
export async function startEngine(options: EngineOptions = {}): Promise<EngineClient> {
  return new EngineClient({ entry: path.join(await buildFolder(), 'engine.js'), ...options });
}

/** A started engine process with a loaded bundle; close it. */
export async function loadedEngine(load: Partial<LoadParams> = {}, options: EngineOptions = {}): Promise<EngineClient> {
  const engine = await startEngine(options);
  try {
    await engine.load({ ...LOAD, ...load });
    return engine;
  } catch (e) {
    await engine.close();
    throw e;
  }
}

export type Settings = Partial<Omit<GenerateParams, 'job' | 'items'>>;

/** Runs items and gives the results by key; fails when one comes twice. */
export async function generate(engine: EngineClient, items: readonly GenerateItem[], settings: Settings = {}): Promise<Map<string, ItemResult>> {
  const results = new Map<string, ItemResult>();
  await engine.generate(
    { items, maxNewTokens: 24, stop: [], batch: 16, tokenBudget: 4096, chunk: 8, stream: false, ...settings },
    {
      onItem: (item) => {
        if (results.has(item.key)) throw new Error(`"${item.key}" came twice`);
        results.set(item.key, item);
      },
    },
  );
  return results;
}

/** What must not depend on batch, chunk or neighbours. */
export const answer = ({ completion, tokenIds, stopReason, stopString, prompt, encoderPrompt, promptTokens, encoderTokens }: ItemResult) =>
  ({ completion, tokenIds, stopReason, stopString, prompt, encoderPrompt, promptTokens, encoderTokens });

export const maxDifference = (a: readonly number[], b: readonly number[]): number => {
  if (a.length !== b.length) return Infinity;
  return a.reduce((worst, x, i) => Math.max(worst, Math.abs(x - b[i]!)), 0);
};

/** Questions of very different lengths and scripts. */
export const QUESTIONS: readonly string[] = [
  'What is 3 + 4?', 'Asha ana matofaa 7. Ananunua matofaa mengine 5 sokoni. Sasa Asha ana matofaa mangapi?', '七加五等于几？', 'একটি বাক্সে ১২টি আপেল আছে।', 'x',
  'A train leaves at 9 and arrives at 14, then waits 2 hours, and then goes back along the same way at half the speed. When is it back?', 'ما هو ١٢ + ٣؟', 'Сколько будет 18 минус 9?',
  '7', 'Hver mange epler?', 'คำถาม: 5 คูณ 6', 'Ein Bus hat 23 Fahrgäste. An der nächsten Haltestelle steigen 8 aus.', 'రాము దగ్గర 4 పెన్నులు ఉన్నాయి.', 'Zenbat da 6 × 7?', '사과가 3개 있습니다.', 'How many wheels have 13 bicycles and 2 tricycles together?',
];

export const items = (n = 16, change: Partial<GenerateItem> = {}): GenerateItem[] =>
  Array.from({ length: n }, (_, i) => {
    const question = QUESTIONS[i % QUESTIONS.length]! + (i >= QUESTIONS.length ? ` (${i})` : '');
    return { key: `q${i}`, chat: false, encoder: question, instruction: `Answer ${i}:`, text: question, ...change };
  });

export const scoreItem = (item: GenerateItem, continuation: string): ScoreItem => ({ ...item, continuation });
