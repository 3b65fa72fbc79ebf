"""``python -m lingualift_training.export``: make a bundle from model folders or hub ids."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from lingualift_training.export.build import build_bundle
from lingualift_training.export.errors import ExportError
from lingualift_training.export.operands import PRECISIONS
from lingualift_training.export.options import MERGES, METHODS, ExportOptions
from lingualift_training.progress import Progress


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def parser() -> argparse.ArgumentParser:
    """The command line."""
    p = argparse.ArgumentParser(prog="python -m lingualift_training.export", description=__doc__)
    p.add_argument("--out", type=Path, required=True, help="folder of the bundle")
    p.add_argument("--lm", required=True, help="language model: a folder or a hub id")
    p.add_argument("--adapter", type=Path, help="folder of a LoRA adapter, merged before the export")
    p.add_argument("--encoder", help="multilingual encoder: a folder or a hub id")
    p.add_argument("--connector", type=Path, help="folder with connector.safetensors and connector.json")
    p.add_argument("--method", choices=METHODS, default="lingualift")
    p.add_argument("--merge", choices=MERGES, help="how soft tokens and text meet; the method's own by default")
    p.add_argument("--order", type=_listed, help="elements in their order, such as bos,start,enc,end,instruction")
    p.add_argument("--precisions", type=_listed, default=["fp32", "int8"], help=f"of {','.join(PRECISIONS)}")
    p.add_argument("--prompt-template", default="plain", help="name of the prompt template")
    p.add_argument("--name", default="", help="name of the bundle; its folder's name by default")
    p.add_argument("--max-length-encoder", type=int, help="longest encoder input in tokens")
    p.add_argument("--max-new-tokens", type=int, default=256, help="default limit of an answer in tokens")
    p.add_argument("--stop", action="append", default=[], help="a string that ends an answer; may be repeated")
    p.add_argument("--text-prefix", default="", help="text put before every encoder input, for instance 'query: '")
    p.add_argument("--digits", choices=("keep", "ascii"), default="keep", help="digits of the encoder's text")
    p.add_argument("--space-digits", action="store_true", help="put a space between digits of the encoder's text")
    p.add_argument("--license", default="", help="licence of the exported weights")
    p.add_argument("--json-progress", action="store_true", help="progress as JSON lines on standard output")
    return p


def main(arguments: list[str] | None = None) -> int:
    """Run an export; returns the exit status: 0 done, 1 refused, 130 interrupted (it can be resumed)."""
    given = parser().parse_args(arguments)
    reading = {
        "textPrefix": given.text_prefix,
        "normalise": {"digits": given.digits, "spaceDigits": given.space_digits},
    }
    options = ExportOptions(
        out=given.out,
        lm=given.lm,
        adapter=given.adapter,
        encoder=given.encoder,
        connector=given.connector,
        method=given.method,
        merge=given.merge,
        order=given.order,
        precisions=given.precisions,
        prompt_template=given.prompt_template,
        name=given.name,
        max_length_encoder=given.max_length_encoder,
        max_new_tokens=given.max_new_tokens,
        stop=given.stop,
        encoder_text=reading,
        license=given.license,
    )
    try:
        build_bundle(options, Progress(as_json=given.json_progress))
    except ExportError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted; the same command goes on where it stopped", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
