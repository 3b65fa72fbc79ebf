"""``python -m lingualift_training.serve``: a bundle's language model as a folder that vLLM serves."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from lingualift_training.export.errors import ExportError
from lingualift_training.progress import Progress
from lingualift_training.serve.export_vllm import DTYPES, ServeOptions, export_vllm, shown


def parser() -> argparse.ArgumentParser:
    """The command line."""
    p = argparse.ArgumentParser(prog="python -m lingualift_training.serve", description=__doc__)
    p.add_argument("--bundle", type=Path, required=True, help="folder of a bundle with fp32 graphs")
    p.add_argument("--out", type=Path, required=True, help="folder to write")
    p.add_argument("--dtype", choices=DTYPES, default="float32", help="type of the weights and of the arithmetic")
    p.add_argument("--max-model-len", type=int, help="longest prompt and answer together, in tokens")
    p.add_argument("--config", type=Path, help="config.json of the original checkpoint, for scaled rotary positions")
    p.add_argument("--json-progress", action="store_true", help="progress as JSON lines on standard output")
    return p


def main(arguments: list[str] | None = None) -> int:
    """Run an export; returns the exit status: 0 done, 1 refused."""
    given = parser().parse_args(arguments)
    options = ServeOptions(given.bundle, given.out, given.dtype, given.max_model_len, given.config)
    progress = Progress(as_json=given.json_progress)
    try:
        note = export_vllm(options, progress)
    except ExportError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    if given.json_progress:
        print(json.dumps({"result": note}), flush=True)
    else:
        print(shown(note["command"]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
