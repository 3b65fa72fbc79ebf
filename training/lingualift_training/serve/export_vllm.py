"""Writes the fine-tuned language model of a bundle as a Hugging Face folder, and the command that serves it."""

from __future__ import annotations

import json
import shlex
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lingualift_training.export.errors import ExportError
from lingualift_training.progress import Progress
from lingualift_training.serve.bundle_weights import BundleWeights
from lingualift_training.serve.config import describe

NOTE = "lingualift-serve.json"
FORMAT = "lingualift-serve/1"
DTYPES = ("float32", "bfloat16", "float16")
SHARD_BYTES = 4 << 30
LONGEST = 4096
TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "chat_template.jinja")


@dataclass
class ServeOptions:
    """One export. ``dtype`` is the type of the stored weights and of the serve command."""

    bundle: Path
    out: Path
    dtype: str = "float32"
    max_model_len: int | None = None
    config: Path | None = None


def served_name(bundle: BundleWeights, dtype: str) -> str:
    """Name under which the model is served: bundle, first 12 digits of the decoder's fingerprint, dtype.

    An evaluation reads fingerprint and dtype from it, so a server with another model is told apart at once.
    """
    safe = "".join(c if c.isalnum() or c in "._-" else "-" for c in bundle.manifest["name"])
    return f"{safe}-{bundle.fingerprint[:12]}-{dtype}"


def serve_command(folder: Path, name: str, dtype: str, max_model_len: int, embeds: bool) -> list[str]:
    """The command that serves the folder, without host, port and parallelism, which depend on the machine."""
    command = ["vllm", "serve", str(folder), "--served-model-name", name, "--dtype", dtype]
    command += ["--max-model-len", str(max_model_len), "--generation-config", "vllm"]
    # Cached prefixes would make a prompt's numbers depend on what was asked before.
    command += ["--no-enable-prefix-caching"]
    return [*command, "--enable-prompt-embeds"] if embeds else command


def export_vllm(options: ServeOptions, progress: Progress) -> dict[str, Any]:
    """Write the folder and return its note (``lingualift-serve.json``).

    A folder that was written before from the same decoder in the same dtype is left as it is. Raises
    :class:`ExportError` for what cannot be exported.
    """
    if options.dtype not in DTYPES:
        raise ExportError(f"unknown dtype {options.dtype!r}; choose one of {', '.join(DTYPES)}")
    bundle = BundleWeights(options.bundle)
    lm = bundle.lm
    limit = options.max_model_len or min(lm["maxPositions"], LONGEST)
    if not 1 <= limit <= lm["maxPositions"]:
        raise ExportError(f"--max-model-len {limit} is outside 1 to {lm['maxPositions']}, the model's positions")
    name = served_name(bundle, options.dtype)
    embeds = bundle.manifest["parts"]["encoder"] is not None
    note: dict[str, Any] = {
        "format": FORMAT,
        "bundle": bundle.manifest["name"],
        "fingerprint": bundle.fingerprint,
        "dtype": options.dtype,
        "servedName": name,
        "maxModelLen": limit,
        "promptEmbeds": embeds,
    }
    command = serve_command(options.out.resolve(), name, options.dtype, limit, embeds)
    layers = lm["layers"]
    progress.of = 2
    held = _held(options.out)
    if held is not None and {**held, "rounded": None} == {**note, "rounded": None}:
        progress.next("the folder is there already")
        return {**held, "folder": str(options.out), "command": command}
    if options.out.exists() and held is None and any(options.out.iterdir()):
        raise ExportError(f"{options.out} exists and was not written by this command; choose another --out")
    progress.next("reading the configuration")
    config = describe(bundle, options.config) | {"dtype": options.dtype}
    progress.next(f"writing {layers} layers in {options.dtype}")
    partial = options.out.with_name(options.out.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    note["rounded"] = _write_weights(bundle, options.dtype, partial, progress)
    for file in TOKENIZER_FILES:
        source = options.bundle / lm.get("tokenizer", "tokenizers/lm") / file
        if source.is_file():
            shutil.copyfile(source, partial / file)
    _write_json(partial / "config.json", config)
    ids = {key: config.get(key) for key in ("bos_token_id", "eos_token_id", "pad_token_id")}
    _write_json(partial / "generation_config.json", {**ids, "do_sample": False})
    _write_json(partial / NOTE, note)
    shutil.rmtree(options.out, ignore_errors=True)
    partial.rename(options.out)
    return {**note, "folder": str(options.out), "command": command}


def _held(folder: Path) -> dict[str, Any] | None:
    try:
        note: dict[str, Any] = json.loads((folder / NOTE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return note if note.get("format") == FORMAT else None


def _write_json(path: Path, value: dict[str, Any]) -> None:
    path.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")


def _weights(bundle: BundleWeights, progress: Progress) -> Iterator[tuple[str, np.ndarray]]:
    yield from bundle.ends()
    for index in range(bundle.lm["layers"]):
        if index % 8 == 0:
            progress.say(f"layer {index} of {bundle.lm['layers']}")
        yield from bundle.layer(index)


def _write_weights(bundle: BundleWeights, dtype: str, folder: Path, progress: Progress) -> int:
    """Write safetensors in shards; returns how many weights another dtype has rounded (0 for float32)."""
    import torch
    from safetensors.torch import save_file

    wanted = getattr(torch, dtype)
    shard: dict[str, Any] = {}
    files: list[list[str]] = []
    held = total = rounded = 0

    def flush() -> None:
        nonlocal held
        save_file(shard, str(folder / f"part-{len(files)}.safetensors"), metadata={"format": "pt"})
        files.append(list(shard))
        shard.clear()
        held = 0

    for name, array in _weights(bundle, progress):
        exact = torch.from_numpy(np.array(array, dtype=np.float32, order="C"))
        stored = exact.to(wanted)
        if wanted is not torch.float32:
            rounded += int((stored.float() != exact).sum())
        size = stored.numel() * stored.element_size()
        if shard and held + size > SHARD_BYTES:
            flush()
        shard[name] = stored
        held += size
        total += size
    flush()
    if len(files) == 1:
        (folder / "part-0.safetensors").rename(folder / "model.safetensors")
        return rounded
    index: dict[str, str] = {}
    for number, names in enumerate(files):
        file = f"model-{number + 1:05d}-of-{len(files):05d}.safetensors"
        (folder / f"part-{number}.safetensors").rename(folder / file)
        index |= dict.fromkeys(names, file)
    _write_json(folder / "model.safetensors.index.json", {"metadata": {"total_size": total}, "weight_map": index})
    return rounded


def shown(command: list[str]) -> str:
    """A command as it is typed into a shell."""
    return shlex.join(command)
