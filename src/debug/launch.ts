import { bundleFingerprint, type BundleManifest, openBundle, type Precision } from '../bundle';
import { type Problem } from '../core/benchmarks';
import { languageName } from '../core/languages';
import { promptTemplate } from '../core/prompts';
import { EngineClient, type EngineOptions } from '../engine/client';
import { type LoadProgress } from '../protocol/engine';
import { loadBenchmark } from '../runs/benchmark';
import { resolveBundle } from '../runs/locations';
import { checkTemplate, choosePrecision } from '../runs/session';
import { readManifestOf, readSamples } from '../runs/store';
import { type GenerationOptions } from './runtime/generation';

/** What launch.json, a prompt file or a sample of a run says. Every field of a workspace's file is checked here. */
export interface LaunchArguments {
  readonly bundle?: string;
  readonly precision?: string;
  readonly provider?: 'auto' | 'cpu' | 'cuda';
  readonly threads?: number;
  /** MiB. */
  readonly memoryCeiling?: number;
  /** One question in one language … */
  readonly question?: string;
  readonly language?: string;
  /** … the same question in several languages, by code … */
  readonly questions?: Readonly<Record<string, string>>;
  /** … or a problem of a benchmark in several languages. */
  readonly benchmark?: string;
  readonly problem?: string;
  readonly languages?: readonly string[];
  readonly gold?: string;
  readonly template?: string;
  readonly maxNewTokens?: number;
  readonly stop?: readonly string[];
  /** A run's folder: what it answered to the same problem is the reference. Without `bundle`, its bundle and settings, too. */
  readonly run?: string;
  /** Ids of the reference for a single question. */
  readonly referenceIds?: readonly number[];
  /** Go on at once to the token with this number. */
  readonly token?: number;
  /** Language that the answer should be in, for the drift alarm; default: the one it begins in. */
  readonly expectedLanguage?: string;
  readonly stopOnEntry?: boolean;
  readonly stopAtEnd?: boolean;
}

/** Something in the launch arguments cannot be used; the message says what to do. */
export class LaunchError extends Error {}

export interface Setup {
  readonly engine: EngineClient;
  readonly manifest: BundleManifest;
  readonly bundlePath: string;
  readonly precision: Precision;
  readonly fingerprint: string;
  readonly template: string;
  readonly problems: readonly Problem[];
  readonly benchmark: string;
  readonly generations: readonly GenerationOptions[];
  readonly reference: ReadonlyMap<number, readonly number[]>;
  readonly provider: string;
}

const MOST_LANGUAGES = 48;
const NO_QUESTION = 'There is nothing to generate: give "question" (with "language"), "questions" by language, "benchmark" with "problem", or a "run" with "problem".';

const text = (args: Readonly<Record<string, unknown>>, key: string): string | undefined => {
  const value = args[key];
  if (value === undefined || value === null || value === '') return undefined;
  if (typeof value !== 'string') throw new LaunchError(`"${key}" must be a text, not ${JSON.stringify(value)}.`);
  return value;
};

const whole = (args: Readonly<Record<string, unknown>>, key: string, least: number, most: number): number | undefined => {
  const value = args[key];
  if (value === undefined || value === null) return undefined;
  if (!Number.isInteger(value) || (value as number) < least || (value as number) > most) throw new LaunchError(`"${key}" must be a whole number from ${least} to ${most}, not ${JSON.stringify(value)}.`);
  return value as number;
};

const list = <T>(args: Readonly<Record<string, unknown>>, key: string, is: (v: unknown) => v is T, what: string): readonly T[] | undefined => {
  const value = args[key];
  if (value === undefined || value === null) return undefined;
  if (!Array.isArray(value) || !value.every(is)) throw new LaunchError(`"${key}" must be a list of ${what}.`);
  return value;
};

const isText = (v: unknown): v is string => typeof v === 'string' && v !== '';
const isId = (v: unknown): v is number => Number.isInteger(v) && (v as number) >= 0;

/** The arguments with every field of the right kind. @throws LaunchError naming the first that is not */
export function checkArguments(given: unknown): LaunchArguments {
  if (typeof given !== 'object' || given === null) throw new LaunchError('The launch arguments must be an object.');
  const args = given as Readonly<Record<string, unknown>>;
  const provider = text(args, 'provider');
  if (provider !== undefined && !['auto', 'cpu', 'cuda'].includes(provider)) throw new LaunchError(`"provider" must be auto, cpu or cuda, not "${provider}".`);
  const questions = args.questions;
  if (questions !== undefined && (typeof questions !== 'object' || questions === null || !Object.values(questions).every(isText))) throw new LaunchError('"questions" must be an object with one text per language code, such as { "en": "…", "sw": "…" }.');
  for (const key of ['stopOnEntry', 'stopAtEnd']) if (args[key] !== undefined && typeof args[key] !== 'boolean') throw new LaunchError(`"${key}" must be true or false, not ${JSON.stringify(args[key])}.`);
  return {
    bundle: text(args, 'bundle'), precision: text(args, 'precision'), provider: provider as LaunchArguments['provider'], threads: whole(args, 'threads', 0, 1024),
    memoryCeiling: whole(args, 'memoryCeiling', 0, 1 << 30), question: text(args, 'question'), language: text(args, 'language'), questions: questions as LaunchArguments['questions'],
    benchmark: text(args, 'benchmark'), problem: text(args, 'problem'), languages: list(args, 'languages', isText, 'language codes'), gold: text(args, 'gold'),
    template: text(args, 'template'), maxNewTokens: whole(args, 'maxNewTokens', 1, 1_000_000), stop: list(args, 'stop', isText, 'texts'), run: text(args, 'run'),
    referenceIds: list(args, 'referenceIds', isId, 'token ids'), token: whole(args, 'token', 0, 1_000_000), expectedLanguage: text(args, 'expectedLanguage'),
    stopOnEntry: args.stopOnEntry as boolean | undefined, stopAtEnd: args.stopAtEnd as boolean | undefined,
  };
}

/** The problems of the arguments, one a language, the reference ids of each, and what a run brings along. */
function problemsOf(args: LaunchArguments): { problems: Problem[]; benchmark: string; reference: Map<number, readonly number[]>; from?: ReturnType<typeof readManifestOf> } {
  const reference = new Map<number, readonly number[]>();
  const single = (language: string, question: string): Problem => ({ id: args.problem ?? 'prompt', language, kind: 'number', question, answer: args.gold ?? '' });
  const from = args.run === undefined ? undefined : readManifestOf(args.run);
  const samples = from ? readSamples(args.run!).samples.filter((s) => s.id === args.problem || (args.problem === undefined && s.question === args.question)) : [];
  let problems: Problem[];
  let benchmark = from?.environment.benchmark.name ?? 'prompt';
  if (args.question !== undefined) problems = [single(args.language ?? 'en', args.question)];
  else if (args.questions) problems = Object.entries(args.questions).map(([language, question]) => single(language, question));
  else if (args.benchmark !== undefined) {
    if (args.problem === undefined) throw new LaunchError(`Which problem of "${args.benchmark}"? Give its id as "problem".`);
    const loaded = loadBenchmark(args.benchmark).benchmark;
    benchmark = loaded.name;
    const languages = args.languages ?? (args.language === undefined ? ['en'] : [args.language]);
    problems = languages.map((language) => {
      const of = loaded.problems.get(language);
      if (!of) throw new LaunchError(`${loaded.title} has no "${language}". It has: ${loaded.languages.join(', ')}.`);
      const found = of.find((p) => p.id === args.problem);
      if (!found) throw new LaunchError(`${loaded.title} has no problem "${args.problem}" in "${language}"; the first ones are ${of.slice(0, 3).map((p) => p.id).join(', ')}.`);
      return found;
    });
  } else if (from && args.problem !== undefined) {
    const wanted = args.languages ?? (args.language === undefined ? undefined : [args.language]);
    const chosen = samples.filter((s) => wanted === undefined || wanted.includes(s.language));
    if (chosen.length === 0) throw new LaunchError(`The run has no sample of problem "${args.problem}"${wanted ? ` in ${wanted.join(', ')}` : ''}.`);
    problems = chosen.map((s) => ({ id: s.id, language: s.language, kind: 'number', question: s.question, answer: s.gold }));
  } else throw new LaunchError(NO_QUESTION);
  if (problems.length > MOST_LANGUAGES) throw new LaunchError(`At most ${MOST_LANGUAGES} languages are stepped side by side, not ${problems.length}.`);
  problems.forEach((p, i) => {
    const found = samples.find((s) => s.language === p.language && (s.id === p.id || s.question === p.question));
    if (found && found.tokenIds.length > 0) reference.set(i + 1, found.tokenIds);
  });
  if (args.referenceIds && args.referenceIds.length > 0 && problems.length === 1) reference.set(1, args.referenceIds);
  return { problems, benchmark, reference, from };
}

/**
 * Checks the arguments, starts an engine process and loads the bundle into it. The caller closes the engine.
 * @throws LaunchError, BundleError, RunError or the engine's error, in words
 */
export async function launch(args: LaunchArguments, engineOptions: EngineOptions | undefined, onProgress: (p: LoadProgress) => void, signal?: AbortSignal): Promise<Setup> {
  const { problems, benchmark, reference, from } = problemsOf(args);
  const named = args.bundle ?? from?.execution.bundlePath;
  if (named === undefined) throw new LaunchError('Which model? Give the folder of a bundle, or the name of a demo bundle, as "bundle".');
  const bundlePath = resolveBundle(named);
  const { manifest } = await openBundle(bundlePath, {});
  const ofRun = args.bundle === undefined || args.bundle === from?.execution.bundlePath ? from : undefined;
  const precision = choosePrecision(manifest, args.precision ?? ofRun?.environment.bundle.precision, args.provider);
  const template = args.template ?? ofRun?.environment.prompt.template ?? manifest.prompts.template;
  checkTemplate(bundlePath, manifest, template);
  await openBundle(bundlePath, { precision });
  const maxNewTokens = args.maxNewTokens ?? ofRun?.environment.generation.maxNewTokens ?? manifest.generation.maxNewTokens;
  const stop = args.stop ?? ofRun?.environment.generation.stop ?? stopsOf(manifest, template);
  const generations = problems.map((problem): GenerationOptions => ({
    name: languageName(problem.language), language: problem.language, maxNewTokens, stop, item: itemOf(problem, template, benchmark),
  }));
  if (signal?.aborted) throw new LaunchError('Loading was cancelled.');
  const engine = new EngineClient(engineOptions);
  const cancel = (): void => engine.kill('loading was cancelled');
  signal?.addEventListener('abort', cancel, { once: true });
  try {
    const { provider } = await engine.load({
      dir: bundlePath, precision, provider: args.provider ?? 'auto', threads: args.threads ?? 0, memoryCeiling: (args.memoryCeiling ?? 0) * 2 ** 20, batch: generations.length, lazy: true,
    }, onProgress);
    return { engine, manifest, bundlePath, precision, fingerprint: bundleFingerprint(manifest, precision), template, problems, benchmark, generations, reference, provider };
  } catch (e) {
    await engine.close();
    throw e;
  } finally {
    signal?.removeEventListener('abort', cancel);
  }
}

/** A problem as a template puts it. */
export function itemOf(problem: Problem, template: string, benchmark: string): GenerationOptions['item'] {
  const found = promptTemplate(template);
  return { ...found.render(problem, { benchmark }), chat: found.chat };
}

/** Stop strings of a template and a bundle. */
export const stopsOf = (manifest: BundleManifest, template: string): string[] => [...new Set([...promptTemplate(template).stop, ...(manifest.generation.stop ?? [])])];
