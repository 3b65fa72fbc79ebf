"""Reading published LangBridge, LinguaLIFT and MindMerger checkpoints into alignment layers and language models.

LangBridge and the released LinguaLIFT code store one state dict with the prefix ``lb.``: ``lb.enc.*`` (encoder),
``lb.alignment.*`` (alignment layer), ``lb.lm.*`` (body of the language model), ``lb.lm_head.*`` and ``lb.embeddings.*``
(a second name of ``lb.lm.embed_tokens``). MindMerger stores ``mapping.*`` alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

from .connector import Boundary, Connector, ConnectorConfig, ConnectorType
from .merge import Merge

State = Mapping[str, Tensor]


@dataclass
class Imported:
    """What a foreign checkpoint holds.

    Attributes:
        connector: the alignment layer, float32.
        merge: how that system puts prefix and text together.
        llm: state dict of the language model with Hugging Face names, empty when the checkpoint has none.
        encoder: state dict of the encoder, empty when the checkpoint has none.
    """

    connector: Connector
    merge: Merge
    llm: dict[str, Tensor]
    encoder: dict[str, Tensor]


def read_state(path: str | Path) -> dict[str, Tensor]:
    """Reads a ``.safetensors`` or PyTorch file, or every such shard of a folder. Code in pickles is not run."""
    path = Path(path)
    files = sorted(path.glob("*.safetensors")) or sorted(path.glob("pytorch_model*.bin")) if path.is_dir() else [path]
    if not files:
        raise FileNotFoundError(f"{path} holds neither *.safetensors nor pytorch_model*.bin")
    state: dict[str, Tensor] = {}
    for file in files:
        part = (
            load_file(file)
            if file.suffix == ".safetensors"
            else torch.load(file, map_location="cpu", weights_only=True)
        )
        state |= part
    return state


def _strip(state: State, prefix: str) -> dict[str, Tensor]:
    return {name[len(prefix) :]: tensor for name, tensor in state.items() if name.startswith(prefix)}


def _connector(
    kind: ConnectorType, layers: list[tuple[Tensor, Tensor]], start: Tensor | None, end: Tensor | None
) -> Connector:
    boundary: Boundary = "both" if start is not None and end is not None else "start" if start is not None else "end"
    if start is None and end is None:
        boundary = "none"
    scale = float(
        (end if end is not None else start if start is not None else torch.ones(1)).float().square().mean().sqrt()
    )
    config = ConnectorConfig(kind, layers[0][0].shape[1], layers[-1][0].shape[0], boundary, scale=scale or 1.0)
    connector = Connector(config)
    tensors: dict[str, Tensor] = {}
    for name, (weight, bias) in zip(("hidden", "project") if len(layers) == 2 else ("project",), layers, strict=True):
        tensors |= {f"{name}.weight": weight.float(), f"{name}.bias": bias.float()}
    tensors |= {name: value.float().flatten() for name, value in (("start", start), ("end", end)) if value is not None}
    try:
        connector.load_state_dict(tensors)
    except RuntimeError as error:
        raise ValueError(f"the alignment layer of the checkpoint has another shape than expected: {error}") from error
    return connector


def import_langbridge(state: State) -> Imported:
    """A LangBridge or LinguaLIFT checkpoint (``lb.*``).

    ``lb.alignment.linear.*`` gives a linear layer, ``lb.alignment.ffn.{0,2}.*`` an MLP with GELU. ``enc_bos`` and
    ``enc_eos`` become the start and end vectors. The released LinguaLIFT code masks one position too few when both are
    present; here both are counted.

    Raises:
        ValueError: there is no ``lb.alignment`` of a known form (the perceiver of LangBridge is not read).
    """
    state = {name.removeprefix("module."): tensor for name, tensor in state.items()}
    alignment = _strip(state, "lb.alignment.")
    start, end = alignment.get("enc_bos"), alignment.get("enc_eos")
    if "ffn.0.weight" in alignment:
        layers = [(alignment[f"ffn.{i}.weight"], alignment[f"ffn.{i}.bias"]) for i in (0, 2)]
        connector = _connector("mlp", layers, start, end)
    elif "linear.weight" in alignment:
        connector = _connector("linear", [(alignment["linear.weight"], alignment["linear.bias"])], start, end)
    else:
        found = ", ".join(sorted(alignment)[:5]) or "none"
        raise ValueError(f"no linear or ffn alignment layer among the tensors lb.alignment.* (found: {found})")
    body = {f"model.{name}": tensor for name, tensor in _strip(state, "lb.lm.").items()}
    if body and "model.embed_tokens.weight" not in body and "lb.embeddings.weight" in state:
        body["model.embed_tokens.weight"] = state["lb.embeddings.weight"]
    head = {f"lm_head.{name}": tensor for name, tensor in _strip(state, "lb.lm_head.").items()}
    return Imported(connector, Merge("replace"), body | head, _strip(state, "lb.enc."))


def import_mindmerger(state: State) -> Imported:
    """A MindMerger checkpoint (``mapping.*``): ``mapping.mlp.linear{1,2}`` with ReLU and ``mapping.end_boundary``.

    Merge order as in its augmentation stage: BOS, mapped states, end vector, prompt.

    Raises:
        ValueError: there is no ``mapping.mlp``.
    """
    mapping = _strip({name.removeprefix("module."): tensor for name, tensor in state.items()}, "mapping.")
    try:
        layers = [(mapping[f"mlp.linear{i}.weight"], mapping[f"mlp.linear{i}.bias"]) for i in (1, 2)]
    except KeyError as error:
        raise ValueError(f"not a MindMerger mapping: tensor mapping.{error.args[0]} is missing") from None
    connector = _connector("mlp-relu", layers, None, mapping.get("end_boundary"))
    return Imported(connector, Merge("concat", ("bos", "enc", "end", "text")), {}, {})
