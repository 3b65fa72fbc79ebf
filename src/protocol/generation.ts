/**
 * One generation to look into: what is needed to ask the same prompt again, and what was answered. Handed from surface to
 * surface (run panel, notebook, debugger, attention panel) as the argument of their commands, so it is plain JSON.
 */
export interface GenerationRef {
  /** Folder of the bundle. */
  readonly bundle: string;
  /** Default: the precision of the settings. */
  readonly precision?: string;
  /** The problem as the benchmark gives it, before any template. */
  readonly question: string;
  /** Language code of the question. */
  readonly language: string;
  /** Prompt template by name; default: the bundle's. */
  readonly template?: string;
  readonly gold?: string;
  readonly maxNewTokens?: number;
  /** What was generated: text, and the ids as they came. */
  readonly completion?: string;
  readonly completionIds?: readonly number[];
  /** Index into `completionIds` of the token to begin with. */
  readonly token?: number;
  /** The run and the sample that it is taken from. */
  readonly source?: { readonly run: string; readonly id: string };
}

/** True for a value of that shape; used where it comes in from a webview, a link or a notebook. */
export function isGenerationRef(value: unknown): value is GenerationRef {
  if (typeof value !== 'object' || value === null) return false;
  const v = value as Record<string, unknown>;
  const text = (x: unknown): boolean => x === undefined || typeof x === 'string';
  const whole = (x: unknown): boolean => x === undefined || (Number.isInteger(x) && (x as number) >= 0);
  const source = v['source'] as Record<string, unknown> | undefined;
  return typeof v['bundle'] === 'string' && typeof v['question'] === 'string' && typeof v['language'] === 'string'
    && text(v['precision']) && text(v['template']) && text(v['gold']) && text(v['completion']) && whole(v['maxNewTokens']) && whole(v['token'])
    && (v['completionIds'] === undefined || (Array.isArray(v['completionIds']) && v['completionIds'].every((i) => Number.isInteger(i))))
    && (source === undefined || (typeof source === 'object' && source !== null && typeof source['run'] === 'string' && typeof source['id'] === 'string'));
}
