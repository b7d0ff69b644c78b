"""Take somebody's results into the store: `trackzoo import`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence as ListOf
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from trackzoo._version import __version__
from trackzoo.errors import ResultsError, incomplete
from trackzoo.geometry import Floats
from trackzoo.importing.discover import Candidate
from trackzoo.importing.maps import ForeignMaps
from trackzoo.importing.regions import ForeignVotRun
from trackzoo.importing.run import ForeignRun, Reading
from trackzoo.importing.score import candidates, shown_folder
from trackzoo.sequence import Dataset
from trackzoo.store.read import stored_run
from trackzoo.store.write import Place
from trackzoo.trajectory import Trajectory
from trackzoo.trial import Track, TrialResult

Foreign = ForeignRun | ForeignVotRun | ForeignMaps


@dataclass(frozen=True)
class Imported:
    """What became of one tracker's results.

    Attributes:
        tracker: what they are filed under.
        folder: of the first repetition.
        layout: whose layout they were in.
        sequences: number of sequences that were taken.
        expected: number of sequences of the data set.
        repeats: number of repetitions.
        notes: adjustments and oddities, a line each.
    """

    tracker: str
    folder: Path
    layout: str
    sequences: int
    expected: int
    repeats: int
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        several = f", {self.repeats} repetitions" if self.repeats > 1 else ""
        taken = f"{self.sequences} of {self.expected} sequences{several}"
        return f"{self.tracker}: {taken} ({self.layout}) taken into {self.folder}"


def import_folder(
    source: Path,
    dataset: Dataset,
    results: Path,
    *,
    tracker: str = "",
    reading: Reading | None = None,
    new: bool = False,
) -> list[Imported]:
    """Take the result files in a folder or an archive into a results folder.

    Boxes are kept as they lie (but for `origin` and `corners`, which the person said); what does not fit the annotation is
    refused, or, if one is lenient, kept and told: `trackzoo report --lenient` then treats it as the profile's toolkit does.

    Args:
        source: the folder or archive.
        dataset: what they are results on.
        results: results folder.
        tracker: what to file them under; where there are several trackers, the one to take.
        reading: how the files are read.
        new: move what the store has of that tracker aside.

    Raises:
        TrackzooError: as `trackzoo.importing.score.candidates`; results that do not fit. Nothing has been written then.
        ResultsError: the results folder has other results of that tracker.
    """
    reading = reading or Reading()
    with candidates(source, dataset, [tracker] if tracker else []) as (folder, search):
        runs = [_prepared(candidate, dataset, reading, source, folder) for candidate in search.candidates]
        return [_store(run, results, tuple(search.notes), new) for run in runs]


def _prepared(candidate: Candidate, dataset: Dataset, reading: Reading, source: Path, folder: Path) -> Foreign:
    shown = shown_folder(source.absolute(), folder, candidate)
    if candidate.layout == "masks":
        maps = ForeignMaps(candidate, dataset, reading, shown)
        maps.examine()
        return maps
    if candidate.layout.startswith("vot"):
        trajectories = ForeignVotRun(candidate, dataset, reading, shown)
        trajectories.examine()
        return trajectories
    run = ForeignRun(candidate, dataset, reading, shown)
    if not reading.allow_incomplete:
        refuse_partial(run)
    run.examine()
    for repeat in run.repeats:
        for name in run.names(repeat):
            _check_boxes(run, name, repeat, run.boxes(name, repeat))
    return run


def refuse_partial(run: ForeignRun) -> None:
    """Raise `ResultsError` where sequences are missing, leniently read or not."""
    missing = _missing(run)
    if missing:
        do = "--allow-incomplete takes what is there; reports then mark it as incomplete"
        raise incomplete(run.path, missing, len(run.expected), do, what=f"sequences of {run.dataset}")


def _check_boxes(run: ForeignRun, name: str, repeat: int, boxes: Floats) -> None:
    bad = ~np.isfinite(boxes).all(axis=1)
    if bad.any() and not run.reading.lenient:
        row = int(bad.argmax())
        text = ",".join(f"{value:g}" for value in boxes[row])
        raise ResultsError(
            run.shown_file(run.candidate.runs[repeat][name]),
            text,
            "four finite numbers x,y,w,h",
            "mend the file, or --lenient keeps the row",
            line=row + 1,
        )


def _store(run: Foreign, results: Path, notes: tuple[str, ...], new: bool) -> Imported:
    place = Place(results, run.tracker, run.dataset, run.protocol, len(run.repeats))
    facts = run.identity["imported"]
    identity = {
        "tracker": run.tracker,
        "settings": {},
        "weights": "unknown (imported results)",
        "dataset": run.dataset,
        "protocol": {"name": run.protocol},
        "imported": True,
    }
    about = {"imported": facts, "code": {"version": __version__}}
    expected = _expected(run)
    with place.open(identity, expected, about, new=new, durable=False) as session:
        known = place.finished(expected)
        for result in _results(run):
            if (result.repeat, result.name) in known:
                _refuse_other(run, place, result)
            elif session.take(result.repeat, result.name) is True:
                session.commit(result)
        session.complete(lambda: run.data.fingerprint(run.expected))
        folder = session.folders[0]
    taken = len(run.expected) - len(_missing(run))
    return Imported(run.tracker, folder, run.layout, taken, len(run.expected), len(run.repeats), (*notes, *run.notes))


def _missing(run: Foreign) -> list[str]:
    """Sequences that a repetition has not, whatever a profile would make of them."""
    return [name for name in run.expected if any(name not in run.names(repeat) for repeat in run.repeats)]


def _expected(run: Foreign) -> list[str]:
    """Names of all trials."""
    if isinstance(run, ForeignVotRun):
        return [trial for trials in run.trials.values() for trial in trials]
    return list(run.expected)


def _results(run: Foreign) -> Iterator[TrialResult]:
    for number, repeat in enumerate(run.repeats):
        for name in run.names(repeat):
            if isinstance(run, ForeignVotRun):
                for trial in run.trials[name]:
                    yield _trajectory(run, name, trial, number)
            elif isinstance(run, ForeignMaps):
                tracks, masks = run.tracks(name, repeat)
                record = _record(run, name, run.candidate.runs[repeat][name].path)
                yield TrialResult(name, number, 0, tracks, {}, record, masks=masks)
            else:
                yield _track(run, name, number, repeat)


def _refuse_other(run: Foreign, place: Place, result: TrialResult) -> None:
    """A second import finds the same results, or is refused: results are never mixed."""
    kept = stored_run(place.parent, run.protocol)
    same = False
    if kept is not None and result.trajectory is not None:
        same = kept.regions(result.name, result.repeat) == tuple(result.trajectory.regions)
    elif kept is not None and result.masks is not None:
        same = kept.record(result.name, result.repeat)["masks"]["files"] == dict(result.masks.digests)
    elif kept is not None:
        same = np.array_equal(kept.boxes(result.name, result.repeat), np.array(result.tracks[1].boxes), equal_nan=True)
    if not same:
        raise ResultsError(
            place.folder(result.repeat),
            f"other results of '{result.name}' than these",
            "the same",
            "--new moves what is there aside",
        )


def _track(run: ForeignRun, name: str, number: int, repeat: int) -> TrialResult:
    boxes = run.boxes(name, repeat)
    rows = len(boxes)
    track = Track(
        frames=list(range(rows)),
        boxes=list(boxes),
        scores=[float(value) for value in run.scores(name, repeat)],
        seconds=[float(value) for value in run.seconds(name, repeat)],
        started=[index == 0 for index in range(rows)],
    )
    source = run.candidate.runs[repeat][name]
    return TrialResult(name, number, 0, {1: track}, {}, _record(run, name, source.path))


def _trajectory(run: ForeignVotRun, name: str, trial: str, number: int) -> TrialResult:
    path = run.file(trial, number)
    regions = list(run.regions_of_trial(trial, number))
    nothing: list[float | None] = [None] * len(regions)
    kept = Trajectory(name, run.file_name(trial, number), regions, list(nothing), list(nothing))
    return TrialResult(trial, number, 0, {1: Track()}, {}, _record(run, name, path), kept)


def _record(run: Foreign, name: str, path: Path) -> dict[str, str]:
    return {
        "sequence": name,
        "imported": str(run.candidate.within(path)),
        "fingerprint": run.data.fingerprint([name]),
    }


def several(imported: ListOf[Imported]) -> list[str]:
    """What to tell the person: a line a tracker, and its notes below."""
    return [line for each in imported for line in (str(each), *(f"  {note}" for note in each.notes))]
