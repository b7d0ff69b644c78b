"""Take somebody's results into the store: `trackzoo import`."""

from __future__ import annotations

from collections.abc import Sequence as ListOf
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from trackzoo._version import __version__
from trackzoo.errors import ResultsError, TrackzooError
from trackzoo.geometry import Floats
from trackzoo.importing.discover import Candidate
from trackzoo.importing.run import ForeignRun, Reading
from trackzoo.importing.score import candidates, shown_folder
from trackzoo.sequence import Dataset
from trackzoo.store.write import Place
from trackzoo.trial import Track, TrialResult


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


def _prepared(candidate: Candidate, dataset: Dataset, reading: Reading, source: Path, folder: Path) -> ForeignRun:
    if candidate.layout in ("masks", "vot"):
        raise TrackzooError(f"{source}: found {candidate.layout}; the store takes boxes")
    run = ForeignRun(candidate, dataset, reading, shown_folder(source.absolute(), folder, candidate))
    if not reading.allow_incomplete:
        refuse_partial(run)
    run.examine()
    for repeat in run.repeats:
        for name in run.names(repeat):
            _check_boxes(run, name, repeat, run.boxes(name, repeat))
    return run


def refuse_partial(run: ForeignRun) -> None:
    """Raise `ResultsError` where sequences are missing, leniently read or not."""
    missing = [name for name in run.expected if any(name not in run.names(repeat) for repeat in run.repeats)]
    if missing:
        shown = ", ".join(missing[:3]) + (f" and {len(missing) - 3} more" if len(missing) > 3 else "")
        raise ResultsError(
            run.path,
            f"{len(run.expected) - len(missing)} of {len(run.expected)} sequences of {run.dataset}, missing {shown}",
            "all of them",
            "--allow-incomplete takes what is there; reports then mark it as incomplete",
        )


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


def _store(run: ForeignRun, results: Path, notes: tuple[str, ...], new: bool) -> Imported:
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
    with place.open(identity, list(run.expected), about, new=new) as session:
        known = place.finished(list(run.expected))
        for number, repeat in enumerate(run.repeats):
            for name in run.names(repeat):
                if (number, name) in known:
                    _refuse_other(run, place, number, repeat, name)
                    continue
                if session.take(number, name) is True:
                    session.commit(_result(run, name, number, repeat))
        session.complete(lambda: run.data.fingerprint(session.expected()))
        folder = session.folders[0]
    taken = len(run.names(run.repeats[0]))
    return Imported(run.tracker, folder, run.layout, taken, len(run.expected), len(run.repeats), (*notes, *run.notes))


def _refuse_other(run: ForeignRun, place: Place, number: int, repeat: int, name: str) -> None:
    """A second import finds the same boxes, or is refused: results are never mixed."""
    from trackzoo.store.read import stored_run

    kept = stored_run(place.parent, run.protocol)
    if kept is None or not np.array_equal(kept.boxes(name, number), run.boxes(name, repeat), equal_nan=True):
        raise ResultsError(
            place.folder(number), f"other boxes of '{name}' than these", "the same", "--new moves what is there aside"
        )


def _result(run: ForeignRun, name: str, number: int, repeat: int) -> TrialResult:
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
    record = {
        "sequence": name,
        "imported": str(source.path.relative_to(run.candidate.folder)),
        "fingerprint": run.data.fingerprint([name]),
    }
    return TrialResult(name, number, 0, {1: track}, {}, record)


def several(imported: ListOf[Imported]) -> list[str]:
    """What to tell the person: a line a tracker, and its notes below."""
    return [line for each in imported for line in (str(each), *(f"  {note}" for note in each.notes))]
