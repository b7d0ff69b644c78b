"""Where the benchmarks lie: named once by the person, never in code."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trackzoo.config import config_file, read_config, update_config
from trackzoo.errors import DataError, TrackzooError
from trackzoo.sequence import Dataset, DatasetSpec


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
    roots = read_config().get("data", {})
    if not isinstance(roots, dict):
        raise DataError(config_file(), "'data' that is no table", "[data]", "mend or delete the file")
    for name in (spec.name, *spec.kin):
        if name in roots:
            return _configured(name, roots[name])
    if (parent := os.environ.get("TRACKZOO_DATA")) and (found := _below(Path(parent), spec)):
        return Root(found, "TRACKZOO_DATA")
    return None


def _configured(name: str, entry: Any) -> Root:
    """A root as the config file has it: a path, or a table with a path."""
    fields = {"path": entry} if isinstance(entry, str) else entry
    path = fields.get("path") if isinstance(fields, dict) else None
    if not isinstance(path, str) or not path:
        raise DataError(
            config_file(),
            f"no path for '{name}' in [data]",
            f'{name} = "FOLDER"',
            f"'trackzoo datasets add {name} DIR' writes it",
        )
    return Root(Path(path).expanduser(), str(config_file()), bool(fields.get("annotations_only")))


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


def own_root(option: str | Path) -> Root:
    """A person's own folder or file, taken as it is. Raises `TrackzooError` when there is none."""
    path = Path(option).expanduser()
    if not path.exists():
        raise TrackzooError(f"{path} (from --data-root): found no such folder or file, expected a person's own data")
    return Root(path, "--data-root")


@dataclass(frozen=True)
class Found:
    """What a folder holds of one split.

    Attributes:
        split: the split, or empty.
        id: its id, e.g. `lasot-test`.
        here: number of sequences that are there.
        total: number of sequences that there should be.
        missing: names of the others.
        annotations_only: whether there are no images.
        frames: number of frames of those that are there, where that is known without reading.
    """

    split: str
    id: str
    here: int
    total: int
    missing: tuple[str, ...] = ()
    annotations_only: bool = False
    frames: int | None = None

    @property
    def complete(self) -> bool:
        """Whether every sequence is there, as far as a look without reading can say."""
        return 0 < self.here == self.total


def survey(spec: DatasetSpec, root: Root | None, splits: Iterable[str] | None = None) -> list[Found]:
    """Look at a folder through the dataset's loader, split by split; nothing is read but what the loader lists itself by.

    A split that cannot be opened there counts as one of which nothing is there.
    """
    from trackzoo.registry import resolve

    found: list[Found] = []
    for split in (spec.splits or ("",)) if splits is None else splits:
        try:
            dataset: Dataset = resolve(spec.factory)(spec, split, root)
            names, here = dataset.names, dataset.available()
            frames = dataset.known_frames() if here else None
        except TrackzooError:
            found.append(Found(split, spec.id(split), 0, spec.sequences.get(split, 0)))
            continue
        missing = tuple(name for name in names if name not in set(here))
        bare = bool(getattr(dataset, "annotations_only", False))
        # A set that lists itself by its folder does not know of what is missing; the benchmark's own count does.
        total = max(len(names), spec.sequences.get(split, 0))
        found.append(Found(split, spec.id(split), len(here), total, missing, bare, frames))
    return found


def expected_tree(spec: DatasetSpec, folder: Path) -> str:
    """What the folder of a dataset should look like, for a person; `folder` is the one that does not."""
    from trackzoo.registry import resolve

    factory = resolve(spec.factory)
    try:
        dataset: Dataset = factory(spec, spec.splits[0] if spec.splits else "", Root(folder, ""))
        return dataset.expected_tree()
    except TrackzooError:
        # A loader that lists itself by the folder's files cannot even be opened there.
        text = getattr(factory, "tree", "")
        return text if isinstance(text, str) else ""


def remember(spec: DatasetSpec, folder: Path, annotations_only: bool = False) -> tuple[Root, list[Found]]:
    """Write the folder of a dataset to the config file, after a look at whether it is one.

    Args:
        spec: the dataset.
        folder: its folder, or the one that holds it.
        annotations_only: there are no images, by the person's word.

    Returns:
        The root as it was written, and what was found there.

    Raises:
        TrackzooError: no such folder, or nothing of the dataset in it; nothing is written then.
    """
    if not spec.needs_root:
        raise TrackzooError(f"'{spec.name}' is made by trackzoo or named at each run; it has no folder to add")
    folder = folder.expanduser().absolute()
    if not folder.is_dir():
        raise TrackzooError(f"{folder}: found no such folder, expected {spec.title}")
    candidates = [folder] + ([below] if (below := _below(folder, spec)) else [])
    for candidate in candidates:
        root = Root(candidate, str(config_file()), annotations_only)
        found = survey(spec, root)
        if any(split.here for split in found):
            entry: Any = {"path": str(candidate), "annotations_only": True} if annotations_only else str(candidate)
            update_config("data", {spec.name: entry})
            return root, found
    raise TrackzooError(
        f"{folder}: found nothing of {spec.title}, expected its folder as it is published; without images there, "
        "--annotations-only takes the annotation alone"
    )


def forget(spec: DatasetSpec) -> Path:
    """Remove a dataset from the config file (its files stay). Returns the folder that it was. Raises `TrackzooError`."""
    entry: Any = read_config().get("data", {}).get(spec.name)
    if entry is None:
        raise TrackzooError(f"no folder was added for '{spec.name}' in {config_file()}; nothing to remove")
    update_config("data", {spec.name: None})
    return Path(entry["path"] if isinstance(entry, dict) else entry)
