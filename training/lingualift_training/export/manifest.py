"""Composes ``lift.json``. Every field is described in ``src/bundle/lift.schema.json``."""

from __future__ import annotations

import datetime
import os
import platform
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from lingualift_training.export.checkpoint import DecoderSpec
from lingualift_training.export.encoder_checkpoint import EncoderSpec
from lingualift_training.export.errors import ExportError
from lingualift_training.export.operands import PRECISIONS
from lingualift_training.export.selftest import Answer, Case, Check
from lingualift_training.export.sources import file_sha256

FORMAT = "lift-bundle/1"
MANIFEST = "lift.json"
T5_MAX_LENGTH = 512
TOOLS = ("torch", "transformers", "onnx", "onnxruntime", "numpy", "peft")


def encoder_part(spec: EncoderSpec, longest: int | None, reading: dict[str, Any]) -> dict[str, Any]:
    """``parts.encoder``. ``longest`` is the user's limit in tokens, ``reading`` holds textPrefix and normalise."""
    limit = spec.positions or T5_MAX_LENGTH
    if longest is not None:
        if spec.positions is not None and longest > spec.positions:
            raise ExportError(f"--max-length-encoder {longest} is above the encoder's {spec.positions} positions")
        limit = longest
    return {
        "class": spec.model_type,
        "hidden": spec.hidden,
        "layers": spec.layers,
        "heads": spec.heads,
        "vocab": spec.vocab,
        "maxLength": limit,
        "padId": spec.pad_id,
        "tokenizer": "tokenizers/encoder",
        "textPrefix": reading.get("textPrefix", ""),
        "normalise": reading.get("normalise", {"digits": "keep", "spaceDigits": False}),
    }


def connector_part(config: Any) -> dict[str, Any]:
    """``parts.connector`` of a :class:`lingualift_training.model.connector.ConnectorConfig`."""
    activation = {"mlp": "gelu", "mlp-relu": "relu", "perceiver": "gelu"}.get(config.type, "none")
    part: dict[str, Any] = {
        "type": config.type,
        "activation": activation,
        "in": config.input_size,
        "out": config.output_size,
        "boundary": {"start": config.has_start, "end": config.has_end},
    }
    if config.type == "perceiver":
        part["latents"] = config.latents
    return part


def lm_part(spec: DecoderSpec, model: Any, tokenizer: Any, precisions: Sequence[str], delta: str) -> dict[str, Any]:
    """``parts.lm``. End tokens are those of the generation settings, the configuration and the tokenizer together."""
    config, generation = model.config, getattr(model, "generation_config", None)
    eos = _ids(getattr(generation, "eos_token_id", None)) or _ids(config.eos_token_id)
    if tokenizer.eos_token_id is not None and tokenizer.eos_token_id not in eos:
        eos.append(tokenizer.eos_token_id)
    pad = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else config.pad_token_id
    if pad is None or pad < 0 or pad >= spec.vocab:
        pad = eos[0] if eos else 0
    bos = config.bos_token_id if config.bos_token_id is not None else tokenizer.bos_token_id
    if bos is not None and not 0 <= bos < spec.vocab:
        bos = None
    if len(tokenizer) > spec.vocab:
        raise ExportError(f"the tokenizer has {len(tokenizer)} tokens but the language model only {spec.vocab} rows")
    return {
        "modelType": spec.model_type,
        "hidden": spec.hidden,
        "layers": spec.layers,
        "heads": spec.heads,
        "kvHeads": spec.kv_heads,
        "headDim": spec.head_dim,
        "vocab": spec.vocab,
        "maxPositions": spec.max_positions,
        "bosId": bos,
        "eosIds": eos,
        "padId": pad,
        "tiedEmbeddings": spec.tied,
        "tokenizer": "tokenizers/lm",
        "delta": {"kind": delta},
        "dtypeByPrecision": {name: PRECISIONS[name].dtype for name in precisions},
    }


def _ids(value: Any) -> list[int]:
    if value is None:
        return []
    return [int(x) for x in value] if isinstance(value, list | tuple) else [int(value)]


def self_test_part(
    cases: Sequence[Case],
    tokens: int,
    answers: dict[str, list[Answer]],
    checks: dict[str, Check],
) -> dict[str, Any]:
    """``selfTest``: prompts with the fp32 answers, the ids of every precision, and what was checked at export."""
    prompts = []
    for case, answer in zip(cases, answers["fp32"], strict=True):
        row: dict[str, Any] = {"encoderIds": case.encoder_ids, "inputIds": case.input_ids, "ids": answer.ids}
        row["softTokens"] = sum(token < 0 for token in case.input_ids)
        row["logprobs"] = [round(x, 5) for x in answer.logprobs]
        prompts.append(row)
    return {
        "maxNewTokens": tokens,
        "eosIds": [],
        "prompts": prompts,
        "idsByPrecision": {name: [answer.ids for answer in rows] for name, rows in answers.items()},
        "batch": {"rows": len(cases), "ragged": True},
        "checks": {name: check.to_json() for name, check in checks.items()},
    }


def tool_versions() -> dict[str, str]:
    """Versions of everything that had a hand in the graphs."""
    return {"python": platform.python_version(), **{name: metadata.version(name) for name in TOOLS}}


def now() -> str:
    """The time of the export; SOURCE_DATE_EPOCH, where it is set, makes it reproducible."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    moment = datetime.datetime.now(datetime.UTC)
    if epoch:
        moment = datetime.datetime.fromtimestamp(int(epoch), datetime.UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def list_files(folder: Path) -> list[dict[str, Any]]:
    """``files``: path, bytes and SHA-256 of everything in the bundle but the manifest and the exporter's own notes."""
    rows = []
    for path in sorted(folder.rglob("*")):
        relative = path.relative_to(folder).as_posix()
        if not path.is_file() or relative == MANIFEST or relative.startswith("."):
            continue
        rows.append({"path": relative, "bytes": path.stat().st_size, "sha256": file_sha256(path)})
    return rows


def check_agreement(manifest: dict[str, Any]) -> None:
    """What must hold between the parts before anything is computed; raises :class:`ExportError`."""
    encoder, connector, lm = (manifest["parts"][name] for name in ("encoder", "connector", "lm"))
    if encoder is None:
        return
    if connector["in"] != encoder["hidden"]:
        raise ExportError(
            f"the alignment layer takes states of width {connector['in']}, but the encoder gives {encoder['hidden']}"
        )
    if connector["out"] != lm["hidden"]:
        raise ExportError(
            f"the alignment layer gives rows of width {connector['out']}, but the language model takes {lm['hidden']}"
        )
