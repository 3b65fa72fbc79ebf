/**
 * What a run's samples say: tables, comparisons, floors, language fidelity, loops, fertility. The language identifier with
 * its profiles is not among them; who wants it imports ./identify.
 */
export * from './aggregate';
export * from './compare';
export * from './fertility';
export * from './fidelity';
export * from './floors';
export * from './many';
export type { LanguageIdentifier } from './identify';
export * from './repetition';
export { belongsTo, ownScriptShare, scriptCounts } from './scripts';
