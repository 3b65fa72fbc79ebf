/** Names of the scorers, in the order in which they are offered; apart from the scorers, which are large. A test holds them together. */
export const SCORER_NAMES: readonly string[] = ['harness', 'vllm', 'locale', 'choice', 'choice-paper', 'likelihood', 'likelihood-norm', 'operation', 'operation-order'];
