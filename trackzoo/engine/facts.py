"""What a record says about where and with what a trial was made."""

from __future__ import annotations

import importlib.metadata
import platform
import socket
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

from trackzoo._version import __version__
from trackzoo.engine.devices import device_name

#: Modules whose versions the pixels and numbers may depend on -> the distributions they come in.
_LIBRARIES = {
    "numpy": ("numpy",),
    "torch": ("torch",),
    "cv2": (
        "opencv-python",
        "opencv-contrib-python",
        "opencv-python-headless",
        "opencv-contrib-python-headless",
    ),
}


def _version(module: str) -> str | None:
    """Version of a library; read from its metadata where it is not loaded, since loading torch takes seconds."""
    if (loaded := sys.modules.get(module)) is not None:
        return str(getattr(loaded, "__version__", "")) or None
    for distribution in _LIBRARIES[module]:
        try:
            return importlib.metadata.version(distribution)
        except importlib.metadata.PackageNotFoundError:
            continue
    return None


def versions() -> dict[str, str | None]:
    """Versions of trackzoo, Python and the libraries that results depend on; None for those that are not installed."""
    return {
        "trackzoo": __version__,
        "python": platform.python_version(),
        **{module: _version(module) for module in _LIBRARIES},
    }


@cache
def code() -> dict[str, Any]:
    """Version of this package; in a checkout also the commit and whether files differ from it."""
    facts: dict[str, Any] = {"version": __version__, "commit": None, "dirty": None}
    root = Path(__file__).resolve().parents[2]
    if (root / ".git").exists():
        try:
            commit = _git(root, "rev-parse", "HEAD")
            facts.update(commit=commit, dirty=bool(_git(root, "status", "--porcelain", "--untracked-files=no")))
        except (OSError, subprocess.SubprocessError):
            pass
    return facts


def _git(root: Path, *arguments: str) -> str:
    # Without locks: looking at a checkout must not disturb whoever works in it.
    command = ["git", "--no-optional-locks", "-C", str(root), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=10, check=True).stdout.strip()


def environment(device: str, *, lanes: int, jobs: int, dtype: str, threads: int) -> dict[str, Any]:
    """Facts about the worker; part of the record of each of its trials.

    `throughput` says that the trial shared its machine with others, so that its seconds are no latency.
    """
    return {
        "host": socket.gethostname(),
        "system": f"{platform.system()} {platform.machine()}",
        "device": device,
        "device_name": device_name(device),
        "lanes": lanes,
        "jobs": jobs,
        "threads": threads,
        "dtype": dtype,
        "throughput": lanes > 1 or jobs > 1,
        "versions": versions(),
    }
