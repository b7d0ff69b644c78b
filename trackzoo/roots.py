"""Where the benchmarks lie: named once by the person, never in code."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trackzoo.config import config_file, read_config
from trackzoo.errors import TrackzooError
from trackzoo.sequence import DatasetSpec


@dataclass(frozen=True)
class Root:
    """A dataset's folder and how it is known.

    Attributes:
        path: the folder.
        source: where the path was said, for messages (`--data-root`, the config file, `TRACKZOO_DATA`).
        annotations_only: whether the person said that there are no images.
    """

    path: Path
    source: str
    annotations_only: bool = False


def _below(parent: Path, spec: DatasetSpec) -> Path | None:
    """The dataset's folder inside `parent`, by the names it usually has, in any case."""
    wanted = {name.lower() for name in (*spec.folders, spec.name, *spec.aliases)}
    try:
        entries = sorted(parent.iterdir())
    except OSError:
        return None
    return next((entry for entry in entries if entry.name.lower() in wanted and entry.is_dir()), None)


def locate(spec: DatasetSpec, option: str | Path | None = None) -> Root | None:
    """The folder of a dataset, or None when nobody said where it is.

    `--data-root` may be the dataset's own folder or the one that holds it. `TRACKZOO_DATA` holds all of them.
    """
    if option is not None:
        given = Path(option).expanduser()
        return Root(_below(given, spec) or given, "--data-root")
    entry: Any = read_config().get("data", {}).get(spec.name)
    if isinstance(entry, dict):
        return Root(Path(entry["path"]), str(config_file()), bool(entry.get("annotations_only")))
    if isinstance(entry, str):
        return Root(Path(entry), str(config_file()))
    if (parent := os.environ.get("TRACKZOO_DATA")) and (found := _below(Path(parent), spec)):
        return Root(found, "TRACKZOO_DATA")
    return None


def find_root(spec: DatasetSpec, option: str | Path | None = None) -> Root:
    """As `locate`, but a folder that is not known or not there is an error that says how to name it."""
    root = locate(spec, option)
    if root is None:
        raise TrackzooError(
            f"where is {spec.title}? Say it once with 'trackzoo datasets add {spec.name} DIR', or set TRACKZOO_DATA to "
            f"the folder that holds it as {' or '.join(spec.folders or (spec.name,))}, or give --data-root DIR"
        )
    if not root.path.is_dir():
        raise TrackzooError(
            f"{root.path} (from {root.source}): found no such folder, expected {spec.title}; "
            f"'trackzoo datasets add {spec.name} DIR' names another"
        )
    return root
