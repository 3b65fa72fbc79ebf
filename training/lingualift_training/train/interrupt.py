"""Stopping a run from outside: one signal ends it after the step under way, with a checkpoint; a second one at once."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from .settings import SettingsError

PROCESS_NAME = "process.json"

# A closed terminal sends SIGHUP, a task that is cancelled SIGHUP or SIGTERM, Ctrl+C SIGINT. Windows has no SIGHUP.
SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]


class Interrupted(RuntimeError):
    """The run was stopped from outside after a whole step; ``step`` is the one its checkpoint was written at."""

    def __init__(self, step: int) -> None:
        super().__init__(f"interrupted at step {step}; the same command goes on from there")
        self.step = step


class StopSignals(TrainerCallback):
    """Turns a signal into a checkpoint and the end of training.

    Outside the training loop, and at the second signal, the usual ``KeyboardInterrupt`` is raised. With several
    processes each gets the signal itself (torchrun passes it on).
    """

    def __init__(self) -> None:
        self.asked = False
        self._in_loop = False

    @contextlib.contextmanager
    def installed(self) -> Iterator[StopSignals]:
        """Handles the signals inside the block and puts the old handlers back; in the main thread only."""
        if threading.current_thread() is not threading.main_thread():
            yield self
            return
        old = {number: signal.signal(number, self._take) for number in SIGNALS}
        try:
            yield self
        finally:
            for number, handler in old.items():
                signal.signal(number, handler)

    def _take(self, number: int, frame: FrameType | None) -> None:
        if number == getattr(signal, "SIGHUP", None):
            # The terminal is gone, and with it the pipes: what is printed from now on has no reader.
            sys.stdout = sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
        if self.asked or not self._in_loop:
            raise KeyboardInterrupt
        self.asked = True

    def on_train_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        self._in_loop = True

    def on_train_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        self._in_loop = False

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        if self.asked:
            control.should_save = True
            control.should_training_stop = True


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # Somebody else's process, or a system that does not tell.
        return True
    return True


def _held(path: Path) -> dict[str, Any] | None:
    """The process that works in the folder, if it is one of this machine and alive."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(value, dict) or "ended" in value or value.get("host") != socket.gethostname():
        return None
    pid = value.get("pid")
    # On Windows os.kill ends a process, whatever the signal.
    return value if isinstance(pid, int) and pid != os.getpid() and os.name != "nt" and _alive(pid) else None


@contextlib.contextmanager
def running(folder: str | Path, config: str | Path) -> Iterator[None]:
    """Says in ``process.json`` of a run's folder which process works there, from which file, and when it ended.

    A program that follows the run reads it: fields ``pid``, ``host``, ``started``, ``config`` and ``cwd`` (absolute),
    and ``ended`` once it is over. A killed process leaves no ``ended``.

    Raises:
        SettingsError: another process of this machine works there.
    """
    path = Path(folder) / PROCESS_NAME
    if int(os.environ.get("RANK", "0")) != 0:
        yield
        return
    if other := _held(path):
        raise SettingsError(
            f"process {other['pid']} (since {other.get('started')}) trains in {folder}; wait for it, or choose another "
            "output folder"
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    mine = {
        "pid": os.getpid(),
        "host": socket.gethostname(),
        "started": _now(),
        "config": str(Path(config).resolve()),
        "cwd": str(Path.cwd()),
    }
    path.write_text(json.dumps(mine) + "\n", encoding="utf-8")
    try:
        yield
    finally:
        path.write_text(json.dumps({**mine, "ended": _now()}) + "\n", encoding="utf-8")


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
