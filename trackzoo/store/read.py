"""Read results: which runs there are, which trials are finished, and their boxes, seconds and scores, all validated."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from trackzoo.errors import ResultsError
from trackzoo.regions import Region, bounds
from trackzoo.sequence import ObjectId
from trackzoo.store.layout import ASIDE, RECORD, RUN_FILE, repetitions, safe_name
from trackzoo.store.masks import StoredMasks, check_masks, there, usable
from trackzoo.store.text import MEND, Floats, check_table, parse_table
from trackzoo.store.trajectories import KINDS, check_file, stored_regions, stored_values

#: Version of the layout of `run.json` and of the records.
FORMAT = 1

#: What a record names, and how many numbers a row of it has.
COLUMNS = {"boxes": 4, "seconds": 1, "scores": 1}


def read_json(path: Path, do: str) -> dict[str, Any]:
    """A JSON object of the layout.

    Raises:
        ResultsError: the file is missing, cut, or of a newer layout; `do` says what helps.
    """
    try:
        value = json.loads(path.read_bytes())
    except OSError as error:
        raise ResultsError(path, (error.strerror or "an unreadable file").lower(), "a JSON object", do) from None
    except ValueError as error:
        raise ResultsError(path, f"no JSON ({error})", "a JSON object", do) from None
    if not isinstance(value, dict):
        raise ResultsError(path, type(value).__name__, "a JSON object", do)
    if value.get("format") != FORMAT:
        found = f"layout version {value.get('format')!r}"
        raise ResultsError(
            path, found, f"version {FORMAT}", "read it with the trackzoo that wrote it, or run with --new"
        )
    return value


class StoredRun:
    """The results of one tracker on one dataset under one protocol, with all repetitions. Files are read when asked for.

    Attributes:
        path: folder of the first repetition.
        folders: repetition -> folder.
        tracker: id of the tracker.
        dataset: id of the dataset and split.
        protocol: name of the protocol.
        identity: all of `run.json` of the first repetition.
        expected: names that each repetition is meant to have, in the dataset's order.
    """

    def __init__(self, folders: Mapping[int, Path]) -> None:
        self.folders = dict(folders)
        self._held: dict[tuple[str, str, int], Floats] = {}
        self.path = next(iter(self.folders.values()))
        file = self.path / RUN_FILE
        self.identity = read_json(file, "run again with --new")
        try:
            self.tracker = str(self.identity["tracker"])
            self.dataset = str(self.identity["dataset"])
            self.protocol = str(self.identity["protocol"])
            self.expected = tuple(str(name) for name in self.identity["expected"])
        except (KeyError, TypeError) as error:
            raise ResultsError(file, f"no usable {error}", "a run's identity", "run again with --new") from None

    @property
    def repeats(self) -> tuple[int, ...]:
        """Repetitions that are on disk, finished or not."""
        return tuple(self.folders)

    @cached_property
    def _records(self) -> dict[int, dict[str, dict[str, Any]]]:
        return {repeat: read_records(folder, self.expected) for repeat, folder in self.folders.items()}

    def names(self, repeat: int = 0) -> tuple[str, ...]:
        """Finished trials of a repetition, in the dataset's order."""
        return tuple(self._of(repeat))

    def missing(self, repeat: int | None = None) -> tuple[str, ...]:
        """Expected names that are not finished in `repeat`, or (None) not in every repetition."""
        wanted = [self._of(each) for each in (self.repeats if repeat is None else (repeat,))]
        return tuple(name for name in self.expected if any(name not in finished for finished in wanted))

    @property
    def complete(self) -> bool:
        """Whether every repetition has every expected name."""
        return not self.missing()

    @property
    def fingerprint(self) -> str | None:
        """Fingerprint of the dataset's annotation when the run became complete; None before. Each record has its sequence's."""
        value = self.identity.get("fingerprint")
        return None if value is None else str(value)

    @property
    def throughput(self) -> bool:
        """Whether any trial shared its machine with others (lanes, jobs), so that its seconds are no latency."""
        return any(record.get("throughput") for records in self._records.values() for record in records.values())

    def boxes(self, name: str, repeat: int = 0, obj: ObjectId | None = None) -> Floats:
        """Boxes (N, 4) float64 `x, y, w, h`, one a frame. `obj` picks one of several objects (default: the first).

        Of a trajectory: the bounds of its regions in the order of the visits, NaN where there is a code.

        Raises:
            ResultsError: the trial is not finished, or its file is cut, not numeric, or not its record's.
        """
        return self._table("boxes", name, repeat, obj)

    def seconds(self, name: str, repeat: int = 0, obj: ObjectId | None = None) -> Floats:
        """Seconds (N,) that the tracker took, the first entry being its start; NaN where it was not asked; see `boxes`."""
        return self._table("seconds", name, repeat, obj)[:, 0]

    def scores(self, name: str, repeat: int = 0, obj: ObjectId | None = None) -> Floats:
        """Scores (N,), higher is surer, in the tracker's own range; see `boxes`."""
        return self._table("scores", name, repeat, obj)[:, 0]

    def regions(self, name: str, repeat: int = 0, obj: ObjectId | None = None) -> tuple[Region, ...]:
        """Regions and codes of a trial that left a trajectory, in the order of its visits.

        Raises:
            ResultsError: the trial is not finished, left boxes alone, or its file is not its record's.
        """
        entry, folder = self._entry(name, repeat, obj), self.folders[repeat]
        if "regions" not in entry:
            path = folder / f"{safe_name(name)}{RECORD}"
            raise ResultsError(path, "boxes", "regions, which the protocols of VOT leave")
        return stored_regions(folder / entry["regions"]["file"], entry["regions"])

    def objects(self, name: str, repeat: int = 0) -> tuple[ObjectId, ...]:
        """The objects that a trial followed, in order of their start. Raises `ResultsError`."""
        return tuple(int(obj) for obj in self.record(name, repeat)["objects"])

    def has_masks(self, name: str, repeat: int = 0) -> bool:
        """Whether a trial kept label maps or masks beside its boxes. Raises `ResultsError`."""
        return "masks" in self.record(name, repeat)

    def masks(self, name: str, repeat: int = 0) -> StoredMasks:
        """Masks that a trial kept, read when asked for: `run.masks("bear")[5]` is the label map of frame 5, or None.

        Raises:
            ResultsError: the trial is not finished, or kept none (VOT's protocols leave `regions`).
        """
        record = self.record(name, repeat)
        if "masks" not in record:
            path = self.folders[repeat] / f"{safe_name(name)}{RECORD}"
            raise ResultsError(
                path, "boxes alone", "masks", "'trackzoo run --masks' keeps them, protocol 'vos' always does"
            )
        return StoredMasks(self.folders[repeat], record["masks"])

    def record(self, name: str, repeat: int = 0) -> dict[str, Any]:
        """How a trial came to be: device, host, lanes, dtype, versions, seed, seconds by stage … Raises `ResultsError`."""
        records = self._of(repeat)
        if name not in records:
            folder = self.folders[repeat]
            raise ResultsError(
                folder / f"{safe_name(name)}{RECORD}",
                f"no finished trial '{name}'",
                "one of " + (", ".join(list(records)[:4]) + (" …" if len(records) > 4 else "") if records else "none"),
                "'trackzoo run' with the same arguments runs what is missing",
            )
        return records[name]

    def verify(self, name: str, repeat: int = 0) -> None:
        """Check the files of a finished trial against its record. Raises `ResultsError`."""
        verify_trial(self.folders[repeat], self.record(name, repeat))

    def _of(self, repeat: int) -> dict[str, dict[str, Any]]:
        if repeat not in self.folders:
            raise ResultsError(self.path, f"no repetition {repeat}", f"one of {', '.join(map(str, self.repeats))}")
        return self._records[repeat]

    def _entry(self, name: str, repeat: int, obj: ObjectId | None) -> dict[str, Any]:
        """What the record names of one object."""
        record = self.record(name, repeat)
        objects = record["objects"]
        key = next(iter(objects)) if obj is None else str(obj)
        if key not in objects:
            path = self.folders[repeat] / f"{safe_name(name)}{RECORD}"
            raise ResultsError(path, f"no object {obj}", f"one of {', '.join(objects)}")
        entry: dict[str, Any] = objects[key]
        return entry

    def _table(self, kind: str, name: str, repeat: int, obj: ObjectId | None) -> Floats:
        objects = self._entry(name, repeat, obj)
        if "regions" in objects:
            if kind == "boxes":
                return np.stack([bounds(region) for region in self.regions(name, repeat, obj)])
            return stored_values(self.folders[repeat] / objects[kind]["file"], objects[kind])[:, None]
        if obj is None and (held := self._held.get((kind, name, repeat))) is not None:
            return held.copy()
        entry = objects[kind]
        path = self.folders[repeat] / entry["file"]
        return parse_table(path, COLUMNS[kind], rows=entry["rows"], sha256=entry["sha256"])

    def hold(self, kind: str, name: str, repeat: int, values: Floats) -> None:
        """Answer with these numbers, which somebody has read and checked already, until `let_go`."""
        self._held[kind, name, repeat] = values

    def let_go(self) -> None:
        """Forget what was held; files are read again."""
        self._held.clear()

    def __repr__(self) -> str:
        return f"StoredRun({str(self.path)!r}, repeats={len(self.repeats)}, expected={len(self.expected)})"


def files_of(record: Mapping[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """(kind, entry) of every file of numbers or regions that a record names; an entry has `file`, `rows` and `sha256`."""
    return [
        (kind, entry[kind])
        for entry in record["objects"].values()
        for kind in (KINDS if "regions" in entry else COLUMNS)
    ]


def _read_record(path: Path, name: str) -> dict[str, Any]:
    record = read_json(path, MEND)
    try:
        whole = record["trial"] == name and bool(record["objects"])
        whole = whole and all({"file", "rows", "sha256"} <= entry.keys() for _, entry in files_of(record))
        whole = whole and ("masks" not in record or usable(record["masks"]))
    except (KeyError, TypeError, AttributeError):
        whole = False
    if not whole:
        raise ResultsError(path, "a record with parts missing", f"the record of '{name}'", MEND)
    return record


def read_record(folder: Path, name: str) -> dict[str, Any] | None:
    """Record of one trial if it is finished: the record is there, and the files that it names.

    A trial without one of its files counts as not run, so that deleting a file is the way to have it made again.

    Raises:
        ResultsError: the record is cut or belongs to another trial.
    """
    path = folder / f"{safe_name(name)}{RECORD}"
    if not path.exists():
        return None
    record = _read_record(path, name)
    whole = all((folder / entry["file"]).exists() for _, entry in files_of(record))
    return record if whole and ("masks" not in record or there(folder, record["masks"])) else None


def read_records(folder: Path, names: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Records of those of `names` that are finished, in that order; see `read_record`."""
    try:
        there = set(os.listdir(folder))
    except FileNotFoundError:
        return {}
    # One listing for all: most names of a large set that is being run are not there yet.
    found = ((name, read_record(folder, name)) for name in names if f"{safe_name(name)}{RECORD}" in there)
    return {name: record for name, record in found if record is not None}


def verify_trial(folder: Path, record: Mapping[str, Any]) -> None:
    """Check the files of a trial against its record. Raises `ResultsError` for one that is cut or altered."""
    trajectory = any("regions" in entry for entry in record["objects"].values())
    for kind, entry in files_of(record):
        if trajectory:
            check_file(folder / entry["file"], entry)
            continue
        check_table(folder / entry["file"], COLUMNS[kind], rows=entry["rows"], sha256=entry["sha256"])
    if "masks" in record:
        check_masks(folder, record["masks"])


def stored_run(parent: Path, protocol: str) -> StoredRun | None:
    """The run under `<results>/<tracker>/<dataset>` with that protocol, or None. Raises `ResultsError`."""
    folders = repetitions(parent, protocol)
    return StoredRun(folders) if folders else None


def find_runs(results: Path, trackers: Iterable[str] = (), datasets: Iterable[str] = ()) -> list[StoredRun]:
    """Every run below a results folder, ordered by dataset, tracker, protocol.

    Args:
        results: the folder.
        trackers: keep those of these ids alone; empty keeps all.
        datasets: likewise.

    Raises:
        ResultsError: the folder does not exist, or a `run.json` in it cannot be read.
    """
    results = Path(results)
    if not results.is_dir():
        raise ResultsError(
            results, "no such folder", "results of 'trackzoo run'", "run a tracker, or name it with --results"
        )
    wanted_trackers, wanted_datasets = set(trackers), set(datasets)
    found = []
    for file in sorted(results.glob(f"*/*/*/{RUN_FILE}")):
        if ASIDE in file.parent.name:
            continue
        # Each run once: by its first repetition.
        parent, protocol = file.parent.parent, _protocol(file)
        folders = repetitions(parent, protocol)
        if not folders or next(iter(folders.values())) != file.parent:
            continue
        run = StoredRun(folders)
        if (not wanted_trackers or run.tracker in wanted_trackers) and (
            not wanted_datasets or run.dataset in wanted_datasets
        ):
            found.append(run)
    return sorted(found, key=lambda run: (run.dataset, run.tracker, run.protocol))


def _protocol(file: Path) -> str:
    return str(read_json(file, "run again with --new").get("protocol", ""))
