"""Export of a LinguaLIFT model (or a plain language model) to a bundle of ONNX graphs."""

from lingualift_training.export.build import build_bundle
from lingualift_training.export.errors import ExportError
from lingualift_training.export.options import ExportOptions

__all__ = ["ExportError", "ExportOptions", "build_bundle"]
