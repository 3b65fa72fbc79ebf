"""The aligned model: encoder, alignment layer, language model."""

from .connector import Connector, ConnectorConfig, embedding_scale

__all__ = ["Connector", "ConnectorConfig", "embedding_scale"]
