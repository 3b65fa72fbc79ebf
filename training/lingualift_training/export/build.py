"""Makes a bundle: reads the parts, writes the graphs of every precision, tests them, writes the manifest.

Everything is written into ``<out>.partial`` and renamed at the end, so a bundle folder is whole or absent. Finished
steps leave a stamp there with a hash of their inputs; an interrupted export goes on where it stopped.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

from lingualift_training.export import manifest as lift
from lingualift_training.export.assemble import write_decoder_folder, write_encoder_folder
from lingualift_training.export.checkpoint import Decoder, load_causal_lm, read_decoder
from lingualift_training.export.encoder_checkpoint import Encoder, load_encoder, read_encoder
from lingualift_training.export.errors import ExportError
from lingualift_training.export.options import ExportOptions, merge_order
from lingualift_training.export.selftest import (
    TEXTS,
    Answer,
    BundleRunner,
    Case,
    Check,
    require,
    run_check,
    torch_answers,
)
from lingualift_training.export.smooth import channel_maxima, smooth
from lingualift_training.export.sources import Source, file_sha256, fingerprint, resolve
from lingualift_training.export.tokenizers import adds_bos, write_tokenizer
from lingualift_training.progress import Progress

STAMPS = ".steps"


class Build:
    """One export under way. Models are loaded at first use, so a resumed export may not need them."""

    def __init__(self, options: ExportOptions, progress: Progress) -> None:
        options.check()
        self.options = options
        self.progress = progress
        self.partial = options.out.with_name(options.out.name + ".partial")
        self.lm_source = resolve(options.lm)
        self.encoder_source: Source | None = resolve(options.encoder) if options.encoder else None
        self.has_encoder = self.encoder_source is not None

    @cached_property
    def lm(self) -> Any:
        """The language model in PyTorch, adapter merged."""
        return load_causal_lm(self.lm_source.folder, self.options.adapter)

    @cached_property
    def decoder(self) -> Decoder:
        """The language model as arrays."""
        return read_decoder(self.lm)

    @cached_property
    def encoder_model(self) -> Any:
        """The encoder in PyTorch."""
        assert self.encoder_source is not None
        return load_encoder(self.encoder_source.folder)

    @cached_property
    def encoder(self) -> Encoder:
        """The encoder as arrays."""
        return read_encoder(self.encoder_model)

    @cached_property
    def connector(self) -> Any:
        """The alignment layer in PyTorch."""
        from lingualift_training.model.connector import Connector

        assert self.options.connector is not None
        folder = self.options.connector if self.options.connector.is_dir() else self.options.connector.parent
        try:
            return Connector.load(folder).eval()
        except (OSError, ValueError) as error:
            raise ExportError(f"cannot read the alignment layer: {error}") from error

    @cached_property
    def inputs(self) -> str:
        """A hash over everything the bundle is made from: weights, options and this exporter's own files."""
        parts: list[str] = [self.lm_source.sha256]
        if self.encoder_source:
            parts.append(self.encoder_source.sha256)
        for path in (self.options.adapter, self.options.connector):
            if path is not None:
                if not path.exists():
                    raise ExportError(f"there is no {path}")
                parts.append(fingerprint(path if path.is_dir() else path.parent))
        ignored = {"out", "created", "lm", "encoder", "adapter", "connector"}
        parts += [f"{k}={v!r}" for k, v in sorted(vars(self.options).items()) if k not in ignored]
        parts += [file_sha256(path) for path in sorted(Path(__file__).parent.glob("*.py"))]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    def step(self, name: str, message: str, work: Callable[[], Any]) -> Any:
        """Run a step, or take its result from the stamp of an interrupted export with the same inputs."""
        stamp = self.partial / STAMPS / f"{name}.json"
        if stamp.is_file():
            held = json.loads(stamp.read_text(encoding="utf-8"))
            if held["inputs"] == self.inputs:
                self.progress.next(f"{message} (done before)")
                return held["result"]
        self.progress.next(message)
        result = work()
        stamp.parent.mkdir(parents=True, exist_ok=True)
        written = stamp.with_suffix(".new")
        written.write_text(json.dumps({"inputs": self.inputs, "result": result}), encoding="utf-8")
        written.replace(stamp)
        return result

    def run(self) -> Path:
        """Make the bundle and return its folder."""
        options = self.options
        self._refuse_foreign_folder()
        if self._is_there():
            self.progress.of = 1
            self.progress.next(f"the bundle is there already: {options.out}")
            return options.out
        self.progress.of = 3 + len(options.precisions) * (3 if self.has_encoder else 2)
        self.partial.mkdir(parents=True, exist_ok=True)
        described = self.step("describe", "reading the parts and writing the tokenizers", self._describe)
        pad_id = described["parts"]["lm"]["padId"]
        cases = self._cases(described)
        precisions: dict[str, Any] = {}
        for name in options.precisions:
            folder = self.partial / name

            def decoder(name: str = name, folder: Path = folder) -> dict[str, Any]:
                prepared = self._smoothed(cases) if name == "int8" else self.decoder
                return write_decoder_folder(prepared, name, folder, pad_id)

            part = self.step(f"decoder-{name}", f"writing the decoder graphs in {name}", decoder)
            if self.has_encoder:
                mapped = self.step(
                    f"encoder-{name}",
                    f"writing the encoder graph in {name}",
                    lambda name=name, folder=folder: write_encoder_folder(self.encoder, self.connector, name, folder),
                )
                part["files"] = {**mapped["files"], **part["files"]}
                part["encoderBytes"] = mapped["encoderBytes"]
                part["weightsBytes"] += mapped["encoderBytes"]
            precisions[name] = {"folder": name, **part}
        described["precisions"] = precisions
        described["embedding"] = precisions["fp32"]["embedding"]
        described["selfTest"] = self._self_test(described, cases)
        return self.step_manifest(described)

    def _refuse_foreign_folder(self) -> None:
        out = self.options.out
        if out.exists() and not (out.is_dir() and ((out / lift.MANIFEST).is_file() or not any(out.iterdir()))):
            raise ExportError(f"{out} exists and is no bundle; choose another --out, or move it away")

    def _is_there(self) -> bool:
        """Whether the bundle was made before, from the same inputs by the same exporter."""
        try:
            held = json.loads((self.options.out / lift.MANIFEST).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return False
        return bool(held.get("provenance", {}).get("inputs") == self.inputs)

    def _describe(self) -> dict[str, Any]:
        options = self.options
        shutil.rmtree(self.partial / "tokenizers", ignore_errors=True)
        tokenizer = write_tokenizer(self.lm_source.folder, self.partial / "tokenizers" / "lm")
        delta = options.delta or ("lora" if options.adapter else "none")
        parts: dict[str, Any] = {"encoder": None, "connector": None}
        base: dict[str, Any] = {"lm": self.lm_source.provenance()}
        boundary = (False, False)
        if self.encoder_source:
            write_tokenizer(self.encoder_source.folder, self.partial / "tokenizers" / "encoder")
            spec, config = self.encoder.spec, self.connector.config
            parts["encoder"] = lift.encoder_part(spec, options.max_length_encoder, options.encoder_text)
            parts["connector"] = lift.connector_part(config)
            boundary = (config.has_start, config.has_end)
            base["encoder"] = self.encoder_source.provenance()
        parts["lm"] = lift.lm_part(self.decoder.spec, self.lm, tokenizer, options.precisions, delta)
        chat = options.chat if options.chat is not None else options.prompt_template == "chat"
        if chat and not tokenizer.chat_template:
            raise ExportError(f"template {options.prompt_template!r} needs a chat template, and the tokenizer has none")
        has_bos = parts["lm"]["bosId"] is not None if self.encoder_source else adds_bos(tokenizer)
        described = {
            "format": lift.FORMAT,
            "name": options.name or options.out.name,
            "method": options.method,
            "created": options.created or lift.now(),
            "parts": parts,
            "merge": {"mode": options.merge_mode, "order": merge_order(options, *boundary, has_bos)},
            "prompts": {"template": options.prompt_template, "chat": chat},
            "generation": {"maxNewTokens": options.max_new_tokens, "stop": options.stop},
            "stages": options.stages,
            "provenance": {
                "tools": lift.tool_versions(),
                "base": base,
                "license": options.license,
                "inputs": self.inputs,
            },
        }
        lift.check_agreement(described)
        return described

    def _cases(self, described: dict[str, Any]) -> list[Case]:
        """The self-test's prompts, tokenised with the bundle's own tokenizers."""
        from transformers import AutoTokenizer

        folder = self.partial / "tokenizers"
        lm = AutoTokenizer.from_pretrained(str(folder / "lm"))
        encoder = AutoTokenizer.from_pretrained(str(folder / "encoder")) if self.has_encoder else None
        parts = described["parts"]
        cases = []
        for text in TEXTS[: self.options.self_test_prompts]:
            words = lm(text, add_special_tokens=False)["input_ids"]
            if encoder is None:
                cases.append(Case(words))
                continue
            ids = encoder(text)["input_ids"][: parts["encoder"]["maxLength"]]
            rows = parts["connector"].get("latents", len(ids)) + sum(parts["connector"]["boundary"].values())
            prompt: list[int] = []
            for element in described["merge"]["order"]:
                if element == "bos" and parts["lm"]["bosId"] is not None:
                    prompt.append(parts["lm"]["bosId"])
                elif element == "enc":
                    prompt += [-row for row in range(1, rows + 1)]
                elif element in ("instruction", "text"):
                    prompt += words
            cases.append(Case(prompt, ids))
        return cases

    def _torch_parts(self) -> tuple[Any, Any]:
        return (self.encoder_model, self.connector) if self.has_encoder else (None, None)

    def _smoothed(self, cases: list[Case]) -> Decoder:
        return smooth(self.decoder, channel_maxima(self.lm, *self._torch_parts(), cases))

    def _self_test(self, described: dict[str, Any], cases: list[Case]) -> dict[str, Any]:
        tokens = self.options.self_test_tokens
        answers: dict[str, list[Answer]] = {}
        checks: dict[str, Check] = {}
        for name in self.options.precisions:

            def work(name: str = name) -> dict[str, Any]:
                expected = None
                if name == "fp32":
                    expected = torch_answers(self.lm, *self._torch_parts(), cases, tokens)
                runner = BundleRunner(self.partial / name, name, described["parts"])
                rows, check = run_check(runner, cases, tokens, expected)
                require(check, name)
                return {"answers": [vars(row) for row in rows], "check": vars(check)}

            held = self.step(f"self-test-{name}", f"testing {name} alone and in a batch of {len(cases)}", work)
            answers[name] = [Answer(**row) for row in held["answers"]]
            checks[name] = Check(**held["check"])
        return lift.self_test_part(cases, tokens, answers, checks)

    def step_manifest(self, described: dict[str, Any]) -> Path:
        """Hash the files, write ``lift.json`` and put the bundle in its place."""
        self.progress.next("hashing the files")
        described["files"] = lift.list_files(self.partial)
        text = json.dumps(described, ensure_ascii=False, indent=1)
        (self.partial / lift.MANIFEST).write_text(text + "\n", encoding="utf-8")
        out = self.options.out
        old = out.with_name(out.name + ".old")
        shutil.rmtree(old, ignore_errors=True)
        shutil.rmtree(self.partial / STAMPS)
        if out.exists():
            out.rename(old)
        self.partial.rename(out)
        shutil.rmtree(old, ignore_errors=True)
        self.progress.next(f"the bundle is ready: {out}")
        return out


def build_bundle(options: ExportOptions, progress: Progress | None = None) -> Path:
    """Make a bundle as ``options`` say. Raises :class:`ExportError` with a message for the user."""
    return Build(options, progress or Progress(silent=True)).run()
