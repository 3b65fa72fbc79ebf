"""A bundle's language model for other servers: as a Hugging Face folder that vLLM serves."""

from lingualift_training.serve.bundle_weights import BundleWeights
from lingualift_training.serve.export_vllm import ServeOptions, export_vllm, serve_command

__all__ = ["BundleWeights", "ServeOptions", "export_vllm", "serve_command"]
