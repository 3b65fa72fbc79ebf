"""Reads the float32 decoder of a bundle back: shape, rotary tables and every weight under its Hugging Face name.

The float32 graphs hold the trained model as it was exported (adapter merged), transposed and stacked but not rounded,
so what is read here is the bundle's model bit for bit. Nothing but the bundle is needed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from lingualift_training.export.errors import ExportError
from lingualift_training.export.manifest import FORMAT, MANIFEST

FOLDER = "fp32"
GRAPH = f"{FOLDER}/generate.onnx"
PARTS = (GRAPH, f"{FOLDER}/model.onnx.data", f"{FOLDER}/embed.data")


class BundleWeights:
    """The float32 decoder of one bundle. Weights are mapped, not loaded."""

    def __init__(self, folder: Path) -> None:
        """Read manifest and graph. Raises :class:`ExportError` when the folder is no bundle with fp32 graphs."""
        self.folder = folder
        try:
            self.manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise ExportError(f"{folder} is no bundle: {MANIFEST} cannot be read ({error})") from error
        if self.manifest.get("format") != FORMAT:
            raise ExportError(f"{folder} has format {self.manifest.get('format')!r}; this version reads {FORMAT!r}")
        if FOLDER not in self.manifest.get("precisions", {}):
            raise ExportError(
                f"the bundle {self.manifest['name']!r} has no fp32 graphs, and other precisions are rounded; "
                "build it with fp32 among its precisions"
            )
        try:
            self.model = onnx.load(str(folder / GRAPH), load_external_data=False)
        except (OSError, ValueError) as error:
            raise ExportError(f"cannot read {GRAPH} of the bundle: {error}") from error
        self.tensors = {tensor.name: tensor for tensor in self.model.graph.initializer}
        self.lm: dict[str, Any] = self.manifest["parts"]["lm"]

    @property
    def fingerprint(self) -> str:
        """SHA-256 over the hashes of the files that hold the float32 decoder, in the order of ``PARTS``."""
        known = {row["path"]: row["sha256"] for row in self.manifest["files"]}
        missing = [name for name in PARTS if name not in known]
        if missing:
            raise ExportError(f"the manifest does not list {missing[0]}; export the bundle again")
        return hashlib.sha256("\n".join(f"{name} {known[name]}" for name in PARTS).encode()).hexdigest()

    def array(self, name: str) -> np.ndarray:
        """A float32 initializer of the graph, mapped from its weight file."""
        tensor = self.tensors.get(name)
        if tensor is None:
            raise ExportError(f"the bundle's graph has no weight {name!r}; export the bundle again with this version")
        if tensor.data_type != onnx.TensorProto.FLOAT:
            raise ExportError(f"{name} is not float32")
        place = {entry.key: entry.value for entry in tensor.external_data}
        file = self.folder / FOLDER / Path(place["location"]).name
        shape = tuple(tensor.dims)
        return np.memmap(file, dtype="<f4", mode="r", offset=int(place.get("offset", 0)), shape=shape)

    def has(self, name: str) -> bool:
        """Whether the graph has this initializer."""
        return name in self.tensors

    @cached_property
    def _body(self) -> list[onnx.NodeProto]:
        loop = next((node for node in self.model.graph.node if node.op_type == "Loop"), None)
        if loop is None:
            raise ExportError(f"{GRAPH} has no Loop; export the bundle again")
        return list(next(a for a in loop.attribute if a.name == "body").g.node)

    def _attributes(self, op: str, name: str) -> list[Any]:
        return [
            onnx.helper.get_attribute_value(a)
            for n in self._body
            if n.op_type == op
            for a in n.attribute
            if a.name == name
        ]

    @property
    def eps(self) -> float:
        """Epsilon of the norms: the shortest decimal number that is this float32."""
        found = set(self._attributes("SimplifiedLayerNormalization", "epsilon"))
        found |= set(self._attributes("SkipSimplifiedLayerNormalization", "epsilon"))
        if len(found) != 1:
            raise ExportError(f"the norms have {len(found)} different epsilons")
        return float(str(np.float32(found.pop())))

    @property
    def windows(self) -> list[int | None]:
        """Sliding window of each layer."""
        sizes = [int(x) for x in self._attributes("GroupQueryAttention", "local_window_size")]
        return [None if size < 0 else size for size in sizes]

    @property
    def rotary(self) -> list[bool]:
        """Whether each layer has rotary positions."""
        return [bool(x) for x in self._attributes("GroupQueryAttention", "do_rotary")]

    @property
    def intermediate(self) -> int:
        """Width of the feed-forward layer."""
        return int(self.tensors["layers.0.down.weight"].dims[0])

    def layer(self, index: int) -> Iterator[tuple[str, np.ndarray]]:
        """Weights [outputs, inputs], biases and norms of one layer by Hugging Face name."""
        own, base = f"layers.{index}", f"model.layers.{index}"
        heads, kv, width = self.lm["heads"], self.lm["kvHeads"], self.lm["headDim"]
        qkv = [heads * width, kv * width, kv * width]
        stacked = [
            ("qkv", [f"{base}.self_attn.{part}_proj" for part in "qkv"], qkv),
            ("output", [f"{base}.self_attn.o_proj"], None),
            ("gate_up", [f"{base}.mlp.gate_proj", f"{base}.mlp.up_proj"], [self.intermediate] * 2),
            ("down", [f"{base}.mlp.down_proj"], None),
        ]
        for stem, names, sizes in stacked:
            for kind in ("weight", "bias"):
                if not self.has(f"{own}.{stem}.{kind}"):
                    continue
                rows = self.array(f"{own}.{stem}.{kind}").T
                cuts = np.cumsum(sizes)[:-1] if sizes else []
                for name, part in zip(names, np.split(rows, cuts, axis=0), strict=True):
                    yield f"{name}.{kind}", part
        norms = {
            "input_norm": "input_layernorm",
            "post_norm": "post_attention_layernorm",
            "q_norm": "self_attn.q_norm",
            "k_norm": "self_attn.k_norm",
        }
        for stem, name in norms.items():
            if self.has(f"{own}.{stem}"):
                yield f"{base}.{name}.weight", self.array(f"{own}.{stem}")

    def ends(self) -> Iterator[tuple[str, np.ndarray]]:
        """Token table, last norm and, where it is not the table, the head."""
        yield "model.embed_tokens.weight", self.array("embed.table")
        yield "model.norm.weight", self.array("norm")
        if not self.lm["tiedEmbeddings"]:
            yield "lm_head.weight", self.array("head.weight").T
            if self.has("head.bias"):
                yield "lm_head.bias", self.array("head.bias")
