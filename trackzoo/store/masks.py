"""Masks on disk, and how a record names them.

    <trial>/00000.png     label maps, one a frame, index = object: what DAVIS' and YouTube-VOS' evaluations read (`files`)
    <trial>_masks.txt     masks of one object as VOT writes them, a line a frame, 0 where there is none (`lines`)

A record has them under `masks`: kind, frames, size, and the SHA-256 of every file.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from trackzoo.config import UMASK
from trackzoo.errors import DataError, ResultsError
from trackzoo.label_maps import Labels, decode
from trackzoo.rasterise import full_mask
from trackzoo.region_text import parse_region
from trackzoo.regions import Mask, Region, Special
from trackzoo.sequence import LabelMaps
from trackzoo.store.layout import MASKS, TEXT, safe_name
from trackzoo.store.text import MEND
from trackzoo.trial import FILES, LINES, StreamedMasks

_REDO = "run again, the same command redoes that trial"


def put_masks(folder: Path, trial: str, masks: StreamedMasks, durable: bool) -> dict[str, Any]:
    """Move (or copy) a trial's masks into a run's folder; what lay there is replaced. Returns the record's entry.

    The trial is not finished before its record is there: a kill in between leaves files that the next run replaces.
    """
    name = safe_name(trial) if masks.kind == FILES else f"{safe_name(trial)}{MASKS}{TEXT}"
    place = folder / name
    if place.is_dir() and not place.is_symlink():
        shutil.rmtree(place)
    else:
        place.unlink(missing_ok=True)
    source = masks.path
    if masks.keep:
        source = folder / f".{name}.tmp"
        shutil.rmtree(source, ignore_errors=True)
        source.mkdir()
        for file in masks.digests:
            shutil.copyfile(masks.path / file, source / file)
    if durable:
        for path in [source / each for each in masks.digests] if masks.kind == FILES else [source]:
            _flush(path)
    if masks.kind == FILES:
        os.chmod(source, 0o777 & ~UMASK)
    os.replace(source, place)
    first = masks.frames[0]
    entry: dict[str, Any] = {"kind": masks.kind, "size": list(masks.size), "first_frame": first}
    if masks.frames != tuple(range(first, first + len(masks.frames))):
        entry["frames"] = list(masks.frames)
    if masks.kind == FILES:
        return {**entry, "folder": name, "files": dict(masks.digests)}
    return {**entry, "file": name, "rows": len(masks.frames), "sha256": masks.digests[""]}


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def mask_files(entry: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """(path within the run's folder, SHA-256) of every file that an entry names."""
    if entry["kind"] == FILES:
        yield from ((f"{entry['folder']}/{name}", digest) for name, digest in entry["files"].items())
    else:
        yield entry["file"], entry["sha256"]


def usable(entry: Any) -> bool:
    """Whether a record's entry has all its parts."""
    if not isinstance(entry, Mapping) or not {"kind", "size", "first_frame"} <= entry.keys():
        return False
    if entry["kind"] == FILES:
        return isinstance(entry.get("files"), Mapping) and bool(entry["files"]) and isinstance(entry.get("folder"), str)
    return bool(entry["kind"] == LINES) and {"file", "rows", "sha256"} <= entry.keys()


def there(folder: Path, entry: Mapping[str, Any]) -> bool:
    """Whether all files that an entry names are there."""
    if entry["kind"] == FILES:
        try:
            return set(os.listdir(folder / entry["folder"])).issuperset(entry["files"])
        except OSError:
            return False
    return Path(folder, entry["file"]).exists()


def check_masks(folder: Path, entry: Mapping[str, Any]) -> None:
    """Check all files that an entry names. Raises `ResultsError` for one that is missing, cut or altered."""
    for name, digest in mask_files(entry):
        _content(folder / name, digest)


def _content(path: Path, digest: str) -> bytes:
    try:
        data = path.read_bytes()
    except OSError as error:
        reason = (error.strerror or "an unreadable file").lower()
        raise ResultsError(path, reason, "masks of a trial", _REDO) from None
    if hashlib.sha256(data).hexdigest() != digest:
        raise ResultsError(path, "other content than its record's SHA-256 promises", "masks as they were written", MEND)
    return data


@dataclass(frozen=True)
class StoredMasks(LabelMaps):
    """Masks of a finished trial. `masks[i]` is the label map of frame i, or None where there is none.

    Attributes:
        folder: of the run.
        entry: of the record.
    """

    folder: Path
    entry: Mapping[str, Any]

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels."""
        width, height = self.entry["size"]
        return int(width), int(height)

    @cached_property
    def frames(self) -> tuple[int, ...]:
        """Indices of the frames that have a label map, in order."""
        first = int(self.entry["first_frame"])
        count = len(self.entry["files"]) if self.entry["kind"] == FILES else int(self.entry["rows"])
        return tuple(self.entry.get("frames", range(first, first + count)))

    @cached_property
    def names(self) -> dict[int, str]:
        """Frame -> name of its file; empty where all masks are in one file."""
        return dict(zip(self.frames, self.entry["files"], strict=True)) if self.entry["kind"] == FILES else {}

    def data(self, index: int) -> bytes:
        """The PNG file of a frame, as it lies. Raises `ResultsError` when it is damaged, `KeyError` when there is none."""
        name = self.names[index]
        return _content(self.folder / self.entry["folder"] / name, self.entry["files"][name])

    @cached_property
    def _regions(self) -> dict[int, Region]:
        path = self.folder / self.entry["file"]
        lines = _content(path, self.entry["sha256"]).decode(errors="replace").split("\n")[:-1]
        if len(lines) != len(self.frames):
            raise ResultsError(path, f"{len(lines)} rows", f"{len(self.frames)} (its record)", MEND)
        return {
            index: parse_region(line, path, row)
            for row, (index, line) in enumerate(zip(self.frames, lines, strict=True), 1)
        }

    def region(self, index: int) -> Region:
        """Frame `index` as a region: a mask, or code 0 where there is none. Raises `ResultsError`."""
        if self.entry["kind"] == FILES:
            labels = self[index]
            return Special(0) if labels is None else Mask(0, 0, labels > 0)
        try:
            return self._regions.get(index, Special(0))
        except DataError as error:
            raise ResultsError(error.path, error.reason.removeprefix("found "), "masks", MEND) from None

    def __getitem__(self, index: int) -> Labels | None:
        """Labels (H, W) uint8. Raises `ResultsError` for a damaged file."""
        if self.entry["kind"] == FILES:
            if index not in self.names:
                return None
            try:
                return decode(self.data(index))
            except ValueError as error:
                path = self.folder / self.entry["folder"] / self.names[index]
                raise ResultsError(path, str(error), "an 8-bit palette PNG", MEND) from None
        region = self.region(index)
        return None if isinstance(region, Special) else full_mask(region, self.size).astype(np.uint8)

    def __len__(self) -> int:
        """Number of frames that have a label map."""
        return len(self.frames)
