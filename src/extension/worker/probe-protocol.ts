import { NotificationType, RequestType, RequestType0 } from 'vscode-jsonrpc';
import { type AttentionProgress, type AttentionSubject, type SubjectParams, type TileParams } from '../../protocol/attention-panel';
import { type GenerationRef } from '../../protocol/generation';
import { type Block, type LensResult, type ProbeSide, type Range, type SoftResult, type ThumbnailsResult } from '../../protocol/probe';

/** Messages between the extension host and the worker of one attention panel. */

export interface EngineChoice {
  /** Of the settings; a generation's own comes first. */
  readonly precision?: string;
  readonly provider: 'auto' | 'cpu' | 'cuda';
  readonly threads: number;
  /** Bytes; 0: what is free. */
  readonly memoryCeiling: number;
}

/** Loads what is needed, lets go what no longer is, and answers where an answer is missing. */
export const OpenSubjects = new RequestType<{ readonly refs: readonly GenerationRef[]; readonly engine: EngineChoice }, AttentionSubject[], void>('probing/open');
export const ReadTile = new RequestType<TileParams, Block, void>('probing/tile');
export const ReadThumbnails = new RequestType<SubjectParams & { readonly side: ProbeSide; readonly size: number }, ThumbnailsResult, void>('probing/thumbnails');
export const ReadSoft = new RequestType<SubjectParams & { readonly k: number }, SoftResult, void>('probing/soft');
export const ReadLens = new RequestType<SubjectParams & { readonly rows: Range; readonly k: number }, LensResult, void>('probing/lens');
/** Ends the engines. */
export const CloseSubjects = new RequestType0<null, void>('probing/close');
export const OnProbing = new NotificationType<AttentionProgress>('probing/progress');

/** The generation of a sample of a run, as the commands take it. */
export const ReadGeneration = new RequestType<{ readonly folder: string; readonly language: string; readonly id: string }, GenerationRef, void>('run/generation');
/** Ids and questions of a benchmark in one language, and the languages that have the problem `id`. */
export const ReadQuestions = new RequestType<{ readonly benchmark: string; readonly language: string }, { readonly id: string; readonly question: string; readonly gold: string }[], void>('benchmark/questions');
/** The problem of a sample in the other languages of its run: from the run where it is answered, otherwise from the benchmark. */
export const ReadTranslations = new RequestType<{ readonly folder: string; readonly id: string }, GenerationRef[], void>('run/translations');
