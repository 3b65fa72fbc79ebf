"""Two-stage training and export of LinguaLIFT models."""
