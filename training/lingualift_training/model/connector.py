"""The alignment layer: from encoder states to soft tokens of the language model.

LinguaLIFT (arXiv 2412.12499) calls this part the language alignment layer; LangBridge and MindMerger call it alignment
or mapping. It turns the last hidden states of a multilingual encoder, ``[batch, tokens, d_enc]``, into vectors of the
language model's embedding space, ``[batch, rows, d_lm]``, and puts learned boundary vectors around them.

The forward pass uses only operations that ``torch.export`` can trace with dynamic batch and token dimensions, because
the same module is fused into the encoder graph of a bundle.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast, get_args

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional

ConnectorType = Literal["linear", "mlp", "mlp-relu", "perceiver"]
Boundary = Literal["none", "start", "end", "both"]

WEIGHTS_NAME = "connector.safetensors"
CONFIG_NAME = "connector.json"


@dataclass(frozen=True)
class ConnectorConfig:
    """Shape of an alignment layer, as stored in ``connector.json``.

    Attributes:
        type: ``linear`` (one affine map), ``mlp`` (affine, exact GELU, affine; hidden width twice the encoder's, as
            LinguaLIFT), ``mlp-relu`` (the same with ReLU, as MindMerger) or ``perceiver`` (cross-attention to a fixed
            number of latent vectors).
        input_size: hidden size of the encoder.
        output_size: width of the language model's token embeddings.
        boundary: which learned vectors stand around the mapped states.
        scale: root mean square of the language model's token embeddings; initial vectors are drawn at this scale.
        latents: number of latent vectors (perceiver only).
        heads: attention heads (perceiver only).
        layers: cross-attention layers (perceiver only).
    """

    type: ConnectorType = "mlp"
    input_size: int = 0
    output_size: int = 0
    boundary: Boundary = "both"
    scale: float = 0.02
    latents: int = 64
    heads: int = 8
    layers: int = 2

    def __post_init__(self) -> None:
        if self.type not in get_args(ConnectorType):
            raise ValueError(f"unknown alignment layer type {self.type!r}; choose one of {get_args(ConnectorType)}")
        if self.boundary not in get_args(Boundary):
            raise ValueError(f"unknown boundary setting {self.boundary!r}; choose one of {get_args(Boundary)}")
        if self.input_size <= 0 or self.output_size <= 0:
            raise ValueError(f"alignment layer sizes must be positive, got {self.input_size} and {self.output_size}")
        if not self.scale > 0:
            raise ValueError(f"scale must be positive, got {self.scale}")
        if self.type == "perceiver" and self.input_size % self.heads:
            raise ValueError(f"{self.heads} heads do not divide the encoder width {self.input_size}")

    @property
    def has_start(self) -> bool:
        """Whether a learned vector stands before the mapped states."""
        return self.boundary in ("start", "both")

    @property
    def has_end(self) -> bool:
        """Whether a learned vector stands after the mapped states."""
        return self.boundary in ("end", "both")

    @property
    def boundary_rows(self) -> int:
        """Number of rows added to the mapped states: 0, 1 or 2."""
        return int(self.has_start) + int(self.has_end)

    def to_json(self) -> dict[str, object]:
        """The content of ``connector.json`` (keys type, in, out, boundary, scale, and the perceiver's own)."""
        out: dict[str, object] = {
            "type": self.type,
            "in": self.input_size,
            "out": self.output_size,
            "boundary": self.boundary,
            "scale": self.scale,
        }
        if self.type == "perceiver":
            out |= {"latents": self.latents, "heads": self.heads, "layers": self.layers}
        return out

    @classmethod
    def from_json(cls, data: dict[str, object]) -> ConnectorConfig:
        """Inverse of :meth:`to_json`. Raises ``ValueError`` on missing or unknown keys."""
        names = {"in": "input_size", "out": "output_size"}
        values = {names.get(key, key): value for key, value in data.items()}
        known = {field.name for field in dataclasses.fields(cls)}
        if unknown := set(values) - known:
            raise ValueError(f"{CONFIG_NAME} has unknown keys: {', '.join(sorted(unknown))}")
        if missing := {"type", "input_size", "output_size", "boundary", "scale"} - set(values):
            raise ValueError(f"{CONFIG_NAME} lacks keys: {', '.join(sorted(missing))}")
        return cls(**cast(dict, values))


def embedding_scale(weight: Tensor) -> float:
    """Root mean square of an embedding table ``[vocabulary, d_lm]``."""
    return float(weight.detach().float().square().mean().sqrt())


class _CrossAttentionBlock(nn.Module):
    """One perceiver layer: latents attend to the encoder states, then a two-layer MLP; pre-norm, residual."""

    def __init__(self, size: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm_latents = nn.LayerNorm(size)
        self.norm_states = nn.LayerNorm(size)
        self.query = nn.Linear(size, size)
        self.key = nn.Linear(size, size)
        self.value = nn.Linear(size, size)
        self.out = nn.Linear(size, size)
        self.norm_mlp = nn.LayerNorm(size)
        self.up = nn.Linear(size, 2 * size)
        self.down = nn.Linear(2 * size, size)

    def forward(self, latents: Tensor, states: Tensor, mask: Tensor) -> Tensor:
        """``latents`` [B, N, d], ``states`` [B, S, d], ``mask`` [B, S] (1 = real token) to new latents [B, N, d]."""
        memory = self.norm_states(states)
        query, key, value = self.query(self.norm_latents(latents)), self.key(memory), self.value(memory)
        query, key, value = (x.unflatten(-1, (self.heads, -1)).transpose(1, 2) for x in (query, key, value))
        scores = query @ key.transpose(2, 3) * query.shape[-1] ** -0.5
        scores = scores.masked_fill(mask[:, None, None, :] == 0, torch.finfo(scores.dtype).min)
        latents = latents + self.out((scores.softmax(-1) @ value).transpose(1, 2).flatten(2))
        return latents + self.down(functional.gelu(self.up(self.norm_mlp(latents))))


class Connector(nn.Module):
    """Alignment layer of one model; see :class:`ConnectorConfig` for the variants."""

    def __init__(self, config: ConnectorConfig) -> None:
        super().__init__()
        self.config = config
        wide, narrow = 2 * config.input_size, config.input_size
        if config.type == "linear":
            self.project = nn.Linear(narrow, config.output_size)
        elif config.type in ("mlp", "mlp-relu"):
            self.hidden = nn.Linear(narrow, wide)
            self.project = nn.Linear(wide, config.output_size)
        else:
            self.latents = nn.Parameter(torch.empty(config.latents, narrow))
            self.blocks = nn.ModuleList(_CrossAttentionBlock(narrow, config.heads) for _ in range(config.layers))
            self.project = nn.Linear(narrow, config.output_size)
        if config.has_start:
            self.start = nn.Parameter(torch.empty(config.output_size))
        if config.has_end:
            self.end = nn.Parameter(torch.empty(config.output_size))
        self.reset_parameters()

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Draws new weights. Boundary vectors get the root mean square ``config.scale`` exactly.

        The released LinguaLIFT code draws them from a standard normal, some fifty times the norm of a Llama token.
        """
        for module in self.modules():
            if isinstance(module, nn.Linear | nn.LayerNorm):
                module.reset_parameters()
        if self.config.type == "perceiver":
            self.latents.normal_(std=self.config.input_size**-0.5)
        for vector in self.boundary_vectors():
            vector.normal_()
            vector.mul_(self.config.scale / vector.square().mean().sqrt())

    def boundary_vectors(self) -> list[nn.Parameter]:
        """The learned boundary vectors present, each ``[d_lm]``: start before end."""
        names = (["start"] if self.config.has_start else []) + (["end"] if self.config.has_end else [])
        return [cast(nn.Parameter, getattr(self, name)) for name in names]

    def map_states(self, states: Tensor) -> Tensor:
        """Maps single states ``[..., d_enc]`` to ``[..., d_lm]`` without boundaries (linear and MLP variants only)."""
        if self.config.type == "perceiver":
            raise TypeError("a perceiver has no map of single states: its latents see the whole sequence")
        if self.config.type == "mlp":
            states = functional.gelu(self.hidden(states))
        elif self.config.type == "mlp-relu":
            states = functional.relu(self.hidden(states))
        return cast(Tensor, self.project(states))

    def forward(self, states: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Soft tokens of a right-padded batch.

        Args:
            states: encoder states ``[B, S, d_enc]``.
            mask: ``[B, S]``, 1 for real tokens and 0 for the padding that follows them.

        Returns:
            ``soft`` ``[B, S + k, d_lm]`` with rows start, x_0 … x_{n-1}, end, zeros (k boundary vectors; ``[B, N + k,
            d_lm]`` for a perceiver with N latents), and ``lengths`` ``[B]`` int64, the number of rows that are not
            padding. The mask of the soft tokens is ``arange(S + k) < lengths[:, None]``: boundary rows are included.
        """
        batch = states.shape[0]
        if self.config.type == "perceiver":
            latents = self.latents.expand(batch, -1, -1)
            for block in self.blocks:
                latents = block(latents, states, mask)
            rows = self.project(latents)
            count = torch.full_like(mask[:, 0], self.config.latents, dtype=torch.int64)
        else:
            rows = self.map_states(states)
            count = mask.to(torch.int64).sum(1)
        if self.config.has_start:
            rows = torch.cat([self.start.to(rows.dtype).expand(batch, 1, -1), rows], 1)
            count = count + 1
        if self.config.has_end:
            end = self.end.to(rows.dtype).expand(batch, 1, -1)
            rows = torch.cat([rows, end], 1)
        position = torch.arange(rows.shape[1], device=rows.device)[None]
        if self.config.has_end:
            rows = torch.where((position == count[:, None])[..., None], end, rows)
            count = count + 1
        rows = torch.where(
            (position < count[:, None])[..., None], rows, torch.zeros((), dtype=rows.dtype, device=rows.device)
        )
        return rows, count

    def save(self, folder: str | Path, dtype: torch.dtype = torch.float32) -> None:
        """Writes ``connector.safetensors`` (in ``dtype``) and ``connector.json`` into ``folder``."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        tensors = {name: tensor.detach().to("cpu", dtype).contiguous() for name, tensor in self.state_dict().items()}
        save_file(tensors, folder / WEIGHTS_NAME, metadata={"format": "pt"})
        (folder / CONFIG_NAME).write_text(json.dumps(self.config.to_json(), indent=2) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, folder: str | Path) -> Connector:
        """Reads an alignment layer written by :meth:`save`; weights are returned in float32.

        Raises:
            FileNotFoundError: a file is missing.
            ValueError: the configuration or the tensor names and shapes do not fit.
        """
        folder = Path(folder)
        for name in (CONFIG_NAME, WEIGHTS_NAME):
            if not (folder / name).is_file():
                raise FileNotFoundError(f"{folder} holds no {name}: it is not an alignment layer folder")
        connector = cls(ConnectorConfig.from_json(json.loads((folder / CONFIG_NAME).read_text(encoding="utf-8"))))
        state = {name: tensor.float() for name, tensor in load_file(folder / WEIGHTS_NAME).items()}
        try:
            connector.load_state_dict(state)
        except RuntimeError as error:
            raise ValueError(f"{folder / WEIGHTS_NAME} does not fit {CONFIG_NAME}: {error}") from error
        return connector
