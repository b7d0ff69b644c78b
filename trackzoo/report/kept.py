"""What was computed before, kept on disk for as long as nothing that it came from has changed.

An entry belongs to the files of a run's folders, by name, size, times and inode (the change time moves with every write and
cannot be set back), to the annotation's fingerprint, to the profile's version and to trackzoo's. It is read back bit by bit
or not at all: a cache that is deleted, damaged or cannot be written costs time and nothing else. One file for each run and
way of scoring in the cache folder, so that it does not grow with every change.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence as ListOf
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trackzoo._version import __version__
from trackzoo.config import cache_folder
from trackzoo.metrics.bootstrap import Interval
from trackzoo.metrics.types import Curve, Scores
from trackzoo.store.read import StoredRun

#: Rises when equal files would give another entry.
VERSION = 2
#: Files younger than this many nanoseconds are not trusted: a later write could leave the same times. Where a file system
#: counts whole seconds, they must be older.
_YOUNG, _YOUNG_IN_SECONDS = 10**8, 2 * 10**9

Arrays = dict[str, NDArray[Any]]


def signature(run: StoredRun) -> str | None:
    """Digest of what the files of a run's folders look like from outside; None where one is too young to be trusted."""
    marks: list[Any] = []
    newest = 0
    whole = True
    try:
        for repeat, folder in run.folders.items():
            for name, entry in _files(folder):
                status = entry.stat()
                latest = max(status.st_ctime_ns, status.st_mtime_ns)
                newest, whole = max(newest, latest), whole and latest % 10**9 == 0
                marks.append((repeat, name, status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino))
    except OSError:
        return None
    if newest > time.time_ns() - (_YOUNG_IN_SECONDS if whole else _YOUNG):
        return None
    return hashlib.sha256(repr(marks).encode()).hexdigest()


def _files(folder: Path) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """What lies in a run's folder, label maps in folders of their own among it, in order."""
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        if entry.name.startswith("."):
            continue
        yield entry.name, entry
        if entry.is_dir():
            for inner in sorted(os.scandir(entry), key=lambda entry: entry.name):
                yield f"{entry.name}/{inner.name}", inner


class Slot:
    """One entry.

    Args:
        kind: what it is about.
        place: what the entry is of; another entry of the same place takes its room.
        key: what it must fit.
    """

    def __init__(self, kind: str, place: list[Any], key: list[Any]) -> None:
        name = hashlib.sha256(json.dumps([kind, *place]).encode()).hexdigest()[:24]
        self._path = cache_folder() / "reports" / f"{kind}-{name}"
        self._key = [VERSION, __version__, np.__version__, *key]

    def get(self) -> tuple[dict[str, Any], Arrays] | None:
        """What is kept, or None."""
        try:
            data = self._path.read_bytes()
            digest, data = data[:32], data[32:]
            if hashlib.sha256(data).digest() != digest:
                return None
            size = int.from_bytes(data[:8], "little")
            head = json.loads(data[8 : 8 + size])
            if head["key"] != json.loads(json.dumps(self._key)):
                return None
            arrays: Arrays = {}
            place = 8 + size
            for name, kind, shape in head["arrays"]:
                count = int(np.prod(shape, dtype=np.int64))
                arrays[name] = np.frombuffer(data, dtype=kind, count=count, offset=place).reshape(shape)
                place += arrays[name].nbytes
            return head["facts"], arrays
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def put(self, facts: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]] | None = None) -> None:
        """Keep something. What cannot be written is not kept."""
        arrays = {name: np.ascontiguousarray(values) for name, values in (arrays or {}).items()}
        head = json.dumps(
            {
                "key": self._key,
                "facts": dict(facts),
                "arrays": [[name, values.dtype.str, list(values.shape)] for name, values in arrays.items()],
            }
        ).encode()
        # So that the numbers behind it lie on full words.
        head += b" " * (-len(head) % 8)
        data = b"".join([len(head).to_bytes(8, "little"), head, *(values.tobytes() for values in arrays.values())])
        temporary = ""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            handle, temporary = tempfile.mkstemp(dir=self._path.parent, prefix=".", suffix=".tmp")
            with os.fdopen(handle, "wb") as file:
                file.write(hashlib.sha256(data).digest() + data)
            os.replace(temporary, self._path)
        except OSError:
            if temporary:
                with contextlib.suppress(OSError):
                    os.unlink(temporary)


class Kept:
    """What is kept of one run. Runs that are no plain stored ones (other toolkits' files, VOT's protocols) keep nothing."""

    def __init__(self, run: StoredRun) -> None:
        self._run = run
        self._place = [str(Path(run.path).absolute())]
        self.mark = signature(run) if type(run) is StoredRun else None
        self._recalled = False
        if self.mark is not None and (found := Slot("records", self._place, [self.mark]).get()) is not None:
            records = {int(repeat): each for repeat, each in found[0]["records"].items()}
            run.__dict__["_records"] = records
            self._recalled = True

    def keep_records(self) -> None:
        """Keep the run's records."""
        run = self._run
        if not self._recalled and self._sure():
            records = {repeat: {name: run.record(name, repeat) for name in run.names(repeat)} for repeat in run.repeats}
            Slot("records", self._place, [self.mark]).put({"records": records})

    def facts(self, names: ListOf[str]) -> dict[str, Any] | None:
        """What `keep_facts` was given for these sequences."""
        found = Slot("facts", self._place, [self.mark, list(names)]).get() if self.mark else None
        return found[0] if found else None

    def keep_facts(self, names: ListOf[str], facts: Mapping[str, Any]) -> None:
        """Keep what is known of the run on these sequences, apart from its scores."""
        if self._sure():
            Slot("facts", self._place, [self.mark, list(names)]).put(facts)

    def scores(self, how: ListOf[Any], key: ListOf[Any]) -> tuple[Scores, dict[str, Interval]] | None:
        """Scores and intervals.

        Args:
            how: how they were scored (profile, options): one entry each.
            key: what they depend on besides the run's files.
        """
        found = Slot("scores", [*self._place, *how], [self.mark, *key]).get() if self.mark else None
        return unpacked(*found) if found else None

    def keep_scores(
        self, how: ListOf[Any], key: ListOf[Any], scores: Scores, intervals: Mapping[str, Interval]
    ) -> None:
        """Keep scores and intervals; arguments as of `scores`."""
        if self._sure():
            Slot("scores", [*self._place, *how], [self.mark, *key]).put(*packed(scores, intervals))

    def _sure(self) -> bool:
        """Whether the run's files are still those that were looked at first."""
        return self.mark is not None and signature(self._run) == self.mark


def kept_of(run: StoredRun) -> Kept:
    """What is kept of a run; its files are looked at once, before anything of it is read."""
    kept: Kept | None = run.__dict__.get("_kept")
    if kept is None:
        kept = run.__dict__["_kept"] = Kept(run)
    return kept


def packed(scores: Scores, intervals: Mapping[str, Interval]) -> tuple[dict[str, Any], Arrays]:
    """Scores and intervals as facts and arrays."""
    arrays: Arrays = {}
    for group in ("per_sequence", "weights", "by_run"):
        arrays |= {f"{group}/{name}": values for name, values in getattr(scores, group).items()}
    for name, curve in scores.curves.items():
        for part in ("thresholds", "values", "per_sequence"):
            arrays[f"curves/{name}/{part}"] = getattr(curve, part)
    facts = {
        "profile": scores.profile,
        "version": scores.version,
        "dataset": scores.dataset,
        "names": scores.names,
        "metrics": dict(scores.metrics),
        "notes": scores.notes,
        "more": dict(scores.more),
        "groups": scores.groups,
        "units": {name: curve.unit for name, curve in scores.curves.items()},
        "intervals": {name: asdict(each) for name, each in intervals.items()},
    }
    return facts, arrays


def unpacked(facts: Mapping[str, Any], arrays: Arrays) -> tuple[Scores, dict[str, Interval]]:
    """What `packed` was given."""

    def group(name: str) -> Arrays:
        return {key.split("/", 1)[1]: values for key, values in arrays.items() if key.startswith(f"{name}/")}

    curves = {
        name: Curve(
            arrays[f"curves/{name}/thresholds"],
            arrays[f"curves/{name}/values"],
            arrays[f"curves/{name}/per_sequence"],
            unit,
        )
        for name, unit in facts["units"].items()
    }
    scores = Scores(
        facts["profile"],
        facts["version"],
        facts["dataset"],
        tuple(facts["names"]),
        facts["metrics"],
        group("per_sequence"),
        curves,
        tuple(facts["notes"]),
        facts["more"],
        group("weights"),
        group("by_run"),
        tuple(facts["groups"]),
    )
    return scores, {name: Interval(**each) for name, each in facts["intervals"].items()}
