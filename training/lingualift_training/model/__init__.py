"""The aligned model: encoder, alignment layer, language model."""

from .connector import Connector, ConnectorConfig, embedding_scale
from .encoder_text import EncoderText
from .merge import Merge
from .modeling import LinguaLiftConfig, LinguaLiftModel

__all__ = [
    "Connector",
    "ConnectorConfig",
    "EncoderText",
    "LinguaLiftConfig",
    "LinguaLiftModel",
    "Merge",
    "embedding_scale",
]
