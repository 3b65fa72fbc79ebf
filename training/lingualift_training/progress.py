"""Progress of long work, for people on a terminal or for the program that started it."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass


@dataclass
class Progress:
    """Counts steps and prints a line for each: JSON on standard output, or plain words on standard error."""

    of: int = 0
    as_json: bool = False
    silent: bool = False
    step: int = 0

    def next(self, message: str) -> None:
        """Begin the next step."""
        self.step += 1
        self.say(message)

    def say(self, message: str) -> None:
        """Add a line to the current step."""
        if self.silent:
            return
        if self.as_json:
            print(json.dumps({"step": self.step, "of": self.of, "message": message}), flush=True)
        else:
            print(f"[{self.step}/{self.of}] {message}", file=sys.stderr, flush=True)
