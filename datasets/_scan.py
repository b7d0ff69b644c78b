"""What is known about the annotation files without reading them again: rows and digest of every sequence, kept on disk.

An entry holds as long as the size and the modification time of each file that it was made from; one JSON file a dataset and
root in the cache folder. A cache that cannot be read or written is no error: everything in it can be computed again.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trackzoo._version import __version__
from trackzoo.config import cache_folder, write_atomically

#: Rises when equal files would give another entry.
VERSION = 1

Signature = list[list[Any]]


def signature(paths: Iterable[Path], root: Path) -> Signature:
    """Name, size and time of each file; a missing one counts too, since a file that appears later changes the annotation."""
    marks: Signature = []
    before = os.path.join(root, "")
    for path in map(os.fspath, paths):
        # What `relpath` would give, many times faster, of a path that needs no tidying.
        plain = path.startswith(before) and ".." not in path and "//" not in path
        name = path[len(before) :] if plain else os.path.relpath(path, root)
        try:
            status = os.stat(path)
            marks.append([name, status.st_size, status.st_mtime_ns])
        except OSError:
            marks.append([name, -1, 0])
    return marks


@dataclass(frozen=True)
class Entry:
    """What a sequence's annotation gave.

    Attributes:
        rows: number of frames.
        digest: SHA-256 (hex) of the annotation's content.
    """

    rows: int
    digest: str


class Scan:
    """Entries of one dataset in one root.

    Args:
        dataset: the dataset's id.
        root: its folder.
    """

    def __init__(self, dataset: str, root: Path) -> None:
        self._key = [VERSION, __version__, dataset, str(root.absolute())]
        name = hashlib.sha256(json.dumps(self._key).encode()).hexdigest()[:16]
        self._path = cache_folder() / "scans" / f"{dataset}-{name}.json"
        self._dirty = False
        self._entries: dict[str, list[Any]] = {}
        with contextlib.suppress(OSError, ValueError):
            stored = json.loads(self._path.read_bytes())
            if isinstance(stored, dict) and stored.get("key") == self._key and isinstance(stored.get("entries"), dict):
                self._entries = stored["entries"]

    def get(self, name: str, marks: Signature) -> Entry | None:
        """The entry of a sequence, or None where there is none or its files have changed since."""
        match self._entries.get(name):
            case [stored, int(rows), str(digest)] if stored == marks:
                return Entry(rows, digest)
            case _:
                return None

    def put(self, name: str, marks: Signature, entry: Entry) -> None:
        """Keep an entry until `save`."""
        self._entries[name] = [marks, entry.rows, entry.digest]
        self._dirty = True

    def save(self) -> None:
        """Write what is new, atomically."""
        if not self._dirty:
            return
        with contextlib.suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(self._path, json.dumps({"key": self._key, "entries": self._entries}).encode())
            self._dirty = False
