"""Write results: a run's folder, and each trial's files, atomically, when the trial ends."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Mapping, Sequence as ListOf
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from trackzoo.config import write_atomically
from trackzoo.errors import ResultsError
from trackzoo.store.claims import Claims, Owner
from trackzoo.store.identity import differences, plain, refuse_other_run
from trackzoo.store.layout import (
    ASIDE,
    FAILURES,
    RECORD,
    RUN_FILE,
    SCORES,
    TEXT,
    TIME,
    folder_of,
    repetitions,
    run_parent,
    safe_name,
    stem,
)
from trackzoo.store.lock import locked
from trackzoo.store.masks import put_masks
from trackzoo.store.read import FORMAT, read_json, read_record, read_records, verify_trial
from trackzoo.store.spool import SPOOL
from trackzoo.store.text import Floats, format_table
from trackzoo.store.trajectories import write_trajectory
from trackzoo.trial import Track, TrialResult, timestamp


@dataclass(frozen=True)
class Place:
    """Where the results of one tracker on one dataset under one protocol lie.

    Attributes:
        results: the results folder.
        tracker: id of the tracker.
        dataset: id of the dataset and split.
        protocol: name of the protocol.
        repeats: number of repetitions that are wanted.
    """

    results: Path
    tracker: str
    dataset: str
    protocol: str
    repeats: int = 1

    @property
    def parent(self) -> Path:
        """Folder in which the protocol's folders stand."""
        return run_parent(self.results, self.tracker, self.dataset)

    def folder(self, repeat: int = 0) -> Path:
        """Folder of one repetition."""
        return folder_of(self.parent, self.protocol, repeat, self.repeats)

    def refuse_other_run(self, identity: Mapping[str, Any], busy: bool = False) -> list[Path]:
        """Raise `ResultsError` when a repetition on disk holds results of a run of another identity.

        Args:
            identity: of this run.
            busy: another run is at work in these folders, and may be about to finish its first trial.

        Returns:
            Run files of another identity beside which nothing was ever finished (the first trial failed, say): there is
            nothing to lose, so this run may take their place.
        """
        replaceable = []
        for folder in repetitions(self.parent, self.protocol).values():
            file = folder / RUN_FILE
            stored = read_json(file, "--new moves it aside").get("identity", {})
            if not busy and not any(path != file for path in folder.glob(f"*{RECORD}")):
                if differences(stored, identity):
                    replaceable.append(file)
                continue
            refuse_other_run(file, stored, identity)
        return replaceable

    def finished(self, names: ListOf[str]) -> dict[tuple[int, str], dict[str, Any]]:
        """(repetition, name) of the finished trials among `names` -> their records, all checked against their files.

        Raises:
            ResultsError: a file that is cut, altered or belongs to another trial.
        """
        found = {}
        for repeat in range(self.repeats):
            folder = self.folder(repeat)
            for name, record in read_records(folder, names).items():
                verify_trial(folder, record)
                found[repeat, name] = record
        return found

    def open(
        self,
        identity: Mapping[str, Any],
        expected: ListOf[str],
        about: Mapping[str, Any] | None = None,
        *,
        new: bool = False,
        durable: bool = True,
    ) -> Session:
        """Make (or go on with) the run's folders.

        Args:
            identity: what must be equal for two runs to fill one folder.
            expected: names of all trials of a repetition.
            about: further facts for `run.json` that need not be equal (code version …).
            new: move the folder's results aside first.
            durable: each trial reaches the disk before its record does, so that even a power cut loses nothing that is
                finished; what can be made again in a moment (an import) need not wait for that.

        Raises:
            ResultsError: the folder holds another run's results, or (with `new`) another run is at work in it.
        """
        try:
            with locked(self.parent) as alone:
                claims = Claims(self.parent, self.protocol)
                others = claims.others()
                _sweep_spools(self.parent, claims)
                if new:
                    self._move_aside(others)
                for file in self.refuse_other_run(identity, busy=bool(others)):
                    file.unlink()
                folders = {repeat: self.folder(repeat) for repeat in range(self.repeats)}
                for repeat, folder in folders.items():
                    folder.mkdir(parents=True, exist_ok=True)
                    if alone or not others:
                        _sweep(folder)
                    self._write_run_file(folder, repeat, identity, expected, about or {})
                try:
                    claims.open()
                except BaseException:
                    claims.close()
                    raise
        except OSError as error:
            raise _unwritable(self.parent, error) from None
        return Session(self, folders, claims, durable)

    def _move_aside(self, others: list[Owner]) -> None:
        folders = repetitions(self.parent, self.protocol)
        if folders and others:
            raise ResultsError(
                next(iter(folders.values())),
                f"{others[0]} at work here",
                "nobody, since --new moves the folder aside",
                "let it end, or stop it",
            )
        number = 1
        while any(self.parent.glob(f"{self.protocol}*{ASIDE}{number:03d}")):
            number += 1
        for folder in folders.values():
            os.rename(folder, folder.with_name(f"{folder.name}{ASIDE}{number:03d}"))

    def _write_run_file(
        self,
        folder: Path,
        repeat: int,
        identity: Mapping[str, Any],
        expected: ListOf[str],
        about: Mapping[str, Any],
    ) -> None:
        file = folder / RUN_FILE
        if file.exists():
            facts = read_json(file, "--new moves it aside")
            known = list(facts["expected"])
            # A run over what is available, and later over all (or over more that has come): the set grows, it never shrinks.
            union = [*expected, *(name for name in known if name not in set(expected))]
            if len(union) == len(known):
                return
            facts.update(expected=union, fingerprint=None)
        else:
            facts = {
                "format": FORMAT,
                "tracker": self.tracker,
                "dataset": self.dataset,
                "protocol": self.protocol,
                "repeat": repeat,
                "identity": plain(identity),
                "fingerprint": None,
                **plain(about),
                "created": timestamp(),
                "expected": list(expected),
            }
        write_atomically(file, json_text(facts))


class Session:
    """A run at work in its folders; made by `Place.open`, ended by `close` (or as a context)."""

    def __init__(self, place: Place, folders: Mapping[int, Path], claims: Claims, durable: bool = True) -> None:
        self.place, self.folders, self._claims, self._durable = place, dict(folders), claims, durable

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def spool(self) -> Path:
        """Folder for masks of trials that are running; it goes with the session. Raises `ResultsError`."""
        folder = self.place.parent / SPOOL / self._claims.token
        try:
            with locked(self.place.parent):  # nobody removes the folder above at the same time
                folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _unwritable(folder, error) from None
        return folder

    def take(self, repeat: int, name: str) -> Owner | bool:
        """Claim a trial: True when it is this run's to make, False when it is finished, else the run that is making it."""
        folder = self.folders[repeat]
        try:
            with locked(self.place.parent):
                if read_record(folder, name):
                    return False
                return self._claims.take(folder.name, name) or True
        except OSError as error:
            raise _unwritable(folder, error) from None

    def drop(self, repeat: int, name: str) -> None:
        """Give a claim back without a result."""
        with locked(self.place.parent):
            self._claims.drop(self.folders[repeat].name, name)

    def commit(self, result: TrialResult) -> bool:
        """Write a finished trial; its record comes last, so that a kill at any moment leaves it finished or not run.

        Returns:
            False when another run has finished the same trial in the meantime: its files stay.

        Raises:
            ResultsError: the files cannot be written.
        """
        folder = self.folders[result.repeat]
        file = folder / f"{safe_name(result.name)}{RECORD}"
        try:
            with locked(self.place.parent):
                fresh = read_record(folder, result.name) is None
                if fresh:
                    # A record without its files (somebody deleted one) must not meet the new ones.
                    file.unlink(missing_ok=True)
                    objects = _write_result(folder, result, self._durable)
                    masks = (
                        None if result.masks is None else put_masks(folder, result.name, result.masks, self._durable)
                    )
                    if self._durable:
                        _flush(folder)
                    _put(file, json_text(_record(result, objects, masks)), self._durable)
                    if self._durable:
                        _flush(folder)
                (folder / FAILURES / f"{safe_name(result.name)}{TEXT}").unlink(missing_ok=True)
                self._claims.drop(folder.name, result.name)
        except OSError as error:
            raise _unwritable(folder, error) from None
        return fresh

    def fail(self, repeat: int, name: str, traceback: str) -> Path:
        """Keep the traceback of a trial that failed, for whoever mends it, and give the claim back. Returns the file."""
        folder = self.folders[repeat] / FAILURES
        file = folder / f"{safe_name(name)}{TEXT}"
        try:
            folder.mkdir(exist_ok=True)
            write_atomically(file, traceback.encode(errors="replace"))
        except OSError as error:
            raise _unwritable(folder, error) from None
        self.drop(repeat, name)
        return file

    def expected(self) -> list[str]:
        """Names of all trials of a repetition, as the folder has them: this run's and those of runs before it."""
        names: dict[str, None] = {}
        for folder in self.folders.values():
            names.update(dict.fromkeys(read_json(folder / RUN_FILE, "--new moves it aside")["expected"]))
        return list(names)

    def complete(self, fingerprint: Callable[[], str]) -> bool:
        """Whether every repetition has every expected trial; if so, `run.json` is given the data's fingerprint."""
        for folder in self.folders.values():
            file = folder / RUN_FILE
            facts = read_json(file, "--new moves it aside")
            if len(read_records(folder, facts["expected"])) < len(facts["expected"]):
                return False
            if facts.get("fingerprint") is None:
                facts["fingerprint"] = fingerprint()
                try:
                    with locked(self.place.parent):
                        write_atomically(file, json_text(facts))
                except OSError as error:
                    raise _unwritable(file, error) from None
        return True

    def close(self) -> None:
        """Give the claims back, and the room for masks. Safe to call twice."""
        spools = self.place.parent / SPOOL
        if spools.is_dir():
            shutil.rmtree(spools / self._claims.token, ignore_errors=True)
            with contextlib.suppress(OSError), locked(self.place.parent):
                spools.rmdir()
        self._claims.close()
        for folder in self.folders.values():
            try:
                (folder / FAILURES).rmdir()
            except OSError:
                continue


def json_text(value: Any) -> bytes:
    """A JSON file for people and programs."""
    return (json.dumps(value, indent=1) + "\n").encode()


def _write_result(folder: Path, result: TrialResult, durable: bool = True) -> dict[str, Any]:
    """Write what a trial leaves; returns the record's entries, object by object."""
    if result.trajectory is None:
        return _write_tracks(folder, result, durable)
    return {str(next(iter(result.tracks), 1)): write_trajectory(folder, result.trajectory)}


def _put(path: Path, data: bytes, durable: bool) -> None:
    if durable:
        write_atomically(path, data)
    else:
        write_atomically(path, data, flush=False)


def _write_tracks(folder: Path, result: TrialResult, durable: bool) -> dict[str, Any]:
    several = len(result.tracks) > 1
    objects = {}
    for obj, track in result.tracks.items():
        name = stem(result.name, obj if several else None)
        ahead = _ahead(track)
        track = _padded(track, ahead)
        tables: dict[str, tuple[Floats, str]] = {
            "boxes": (_boxes(track), ""),
            "seconds": (np.array([round(value, 9) for value in track.seconds]), TIME),
            "scores": (np.array(track.scores, dtype=np.float64), SCORES),
        }
        entries: dict[str, Any] = {}
        for kind, (values, ending) in tables.items():
            data = format_table(values)
            path = folder / f"{name}{ending}{TEXT}"
            _put(path, data, durable)
            digest = hashlib.sha256(data).hexdigest()
            entries[kind] = {"file": path.name, "rows": len(values), "sha256": digest}
        if ahead:
            entries["first_frame"] = ahead
        elif track.frames != list(range(len(track.frames))):
            entries["frames"] = track.frames
        objects[str(obj)] = entries
    return objects


def _ahead(track: Track) -> int:
    """Frames before the object begins, where it was then followed to the end without a gap; else 0."""
    first = track.frames[0] if track.frames else 0
    return first if track.frames == list(range(first, first + len(track.frames))) else 0


def _padded(track: Track, ahead: int) -> Track:
    """The track with a row for each frame from the video's first: readers take row k for frame k. The first box fills them."""
    if not ahead:
        return track
    return Track(
        frames=[*range(ahead), *track.frames],
        boxes=[track.boxes[0]] * ahead + track.boxes,
        scores=[track.scores[0]] * ahead + track.scores,
        seconds=[0.0] * ahead + track.seconds,
    )


def _boxes(track: Track) -> Floats:
    return np.array(track.boxes, dtype=np.float64).reshape(len(track.boxes), 4)


def _record(result: TrialResult, objects: Mapping[str, Any], masks: Mapping[str, Any] | None) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "trial": result.name,
        "repeat": result.repeat,
        "seed": result.seed,
        **plain(result.record),
        "stages": {name: round(seconds, 6) for name, seconds in result.stages.items()},
        "objects": objects,
        **({"masks": masks} if masks else {}),
    }


def _flush(folder: Path) -> None:
    """Have the folder's entries reach the disk, so that a power cut cannot keep a record and lose its files."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(handle)
    except OSError:
        pass
    finally:
        os.close(handle)


def _sweep(folder: Path) -> None:
    """Remove temporary files that a killed run left; nobody writes one without holding the lock."""
    for pattern in (".*.tmp", "*/.*.tmp"):
        for path in folder.glob(pattern):
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)


def _sweep_spools(parent: Path, claims: Claims) -> None:
    """Remove the masks that runs which are no more had under way."""
    spools = parent / SPOOL
    if spools.is_dir():
        for path in spools.iterdir():
            if not claims.alive(path.name):
                shutil.rmtree(path, ignore_errors=True)
        with contextlib.suppress(OSError):
            spools.rmdir()


def _unwritable(path: Path, error: OSError) -> ResultsError:
    reason = (error.strerror or str(error)).lower()
    where = Path(error.filename) if isinstance(error.filename, str) else path
    return ResultsError(
        where, reason, "a folder that can be written", "finished trials are kept; make room or name another --results"
    )
