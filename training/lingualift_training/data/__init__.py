"""Training data: corpora, the word-problem generator, code-switching, the leakage check."""
