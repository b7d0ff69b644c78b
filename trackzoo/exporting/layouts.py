"""Write a stored run in another toolkit's layout: `trackzoo export`.

| format | files | numbers |
| --- | --- | --- |
| `pytracking` | `<tracker>/default[_%03d]/<seq>.txt`, `_time.txt`, `_object_presence_scores.txt` | tab, full |
| `stark` | the same; GOT-10k and TrackingNet in a sub-folder of that name | tab |
| `got10k` | `GOT-10k/<tracker>/<seq>/<seq>_001.txt`; other sets `<set>/<tracker>/<seq>.txt`, `times/` | comma, `%.3f` |
| `pysot` | `<set>/<tracker>/<seq>.txt` | comma, full |
| `lasot` | `<tracker>_tracking_result/<seq>.txt` (the LaSOT and TNL2K toolkits) | comma, full |
| `otb-mat` | `<seq>_<tracker>.mat` | double |
| `vot` | `<tracker>/baseline/<seq>/<seq>_001.txt`, `<seq>_00000012.bin`, `_time.value` | as they are stored |
| `davis` | `<tracker>/<seq>/00000.png`, palette index = object (YouTube-VOS too) | of runs that keep masks |

With `as_released` tabs and commas part integers, as the reference runners save them.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from trackzoo.errors import TrackzooError, UnknownName, incomplete
from trackzoo.exporting.numbers import fixed, full, lines, one_column, whole
from trackzoo.geometry import Floats
from trackzoo.importing.matlab import scipy_io, write_mat
from trackzoo.importing.names import Speller
from trackzoo.label_maps import encode as label_map
from trackzoo.metrics.boxes import as_released as cut
from trackzoo.protocols.vot_common import size_of
from trackzoo.rasterise import full_mask
from trackzoo.report.vos import VOS
from trackzoo.report.vot import PROTOCOLS as VOT_PROTOCOLS
from trackzoo.sequence import Dataset
from trackzoo.store.layout import safe_name
from trackzoo.store.read import StoredRun

#: A file to be written: its path in the folder, and its content or what writes it.
Entry = tuple[str, str | bytes | Callable[[Path], None]]


@dataclass(frozen=True)
class Job:
    """What is exported.

    Attributes:
        run: the stored run.
        dataset: the data set that it is on.
        as_released: cut boxes to integers, as the reference runners save them.
    """

    run: StoredRun
    dataset: Dataset
    as_released: bool = False

    @property
    def tracker(self) -> str:
        """Folder name of the tracker."""
        return safe_name(self.run.tracker)

    @property
    def set(self) -> str:
        """Folder name of the data set."""
        return safe_name(self.run.dataset)

    def boxes(self, name: str, repeat: int) -> Floats:
        """Rows (N, 4) of a sequence."""
        values = self.run.boxes(name, repeat)
        return cut(values) if self.as_released else values

    def rows(self, name: str, repeat: int, separator: str) -> str:
        """The same as text, in full."""
        values = self.run.boxes(name, repeat)
        return whole(values, separator) if self.as_released else lines(values, separator, full)

    def each(self) -> Iterator[tuple[int, int, str]]:
        """(place of the repetition, repetition, sequence) of all that is there."""
        for place, repeat in enumerate(self.run.repeats):
            for name in self.run.names(repeat):
                yield place, repeat, name


def _known(values: Floats) -> bool:
    return bool(len(values)) and bool(np.isfinite(values).all())


def pytracking(job: Job, within: str = "") -> Iterator[Entry]:
    """PyTracking's layout; sequences of UAV123 and NfS have its prefix."""
    prefix = Speller(job.dataset).prefix()
    several = len(job.run.repeats) > 1
    for place, repeat, name in job.each():
        home = f"{job.tracker}/default_{place:03d}" if several else f"{job.tracker}/default"
        stem = f"{home}/{within}{prefix}{name}"
        yield f"{stem}.txt", job.rows(name, repeat, "\t")
        if _known(seconds := job.run.seconds(name, repeat)):
            yield f"{stem}_time.txt", one_column(seconds, fixed(6))
        if _known(scores := job.run.scores(name, repeat)):
            yield f"{stem}_object_presence_scores.txt", one_column(scores, full)


def stark(job: Job) -> Iterator[Entry]:
    """As PyTracking's; GOT-10k and TrackingNet have a folder of their own."""
    family = job.run.dataset.partition("-")[0]
    return pytracking(job, f"{family}/" if family in ("got10k", "trackingnet") else "")


def got10k(job: Job) -> Iterator[Entry]:
    """The GOT-10k toolkit's layout; other sets have no place for repetitions."""
    if not job.run.dataset.startswith("got10k"):
        _one_repetition(job, "got10k")
        for _, repeat, name in job.each():
            home = f"{job.set}/{job.tracker}"
            yield f"{home}/{name}.txt", lines(job.boxes(name, repeat), ",", fixed(3))
            if _known(seconds := job.run.seconds(name, repeat)):
                yield f"{home}/times/{name}_time.txt", one_column(seconds, fixed(8))
        return
    for name in job.run.names(job.run.repeats[0]):
        home = f"GOT-10k/{job.tracker}/{name}"
        times = []
        for place, repeat in enumerate(job.run.repeats):
            yield f"{home}/{name}_{place + 1:03d}.txt", lines(job.boxes(name, repeat), ",", fixed(3))
            times.append(job.run.seconds(name, repeat))
        if all(_known(seconds) and len(seconds) == len(times[0]) for seconds in times):
            yield f"{home}/{name}_time.txt", lines(np.stack(times, axis=1), ",", fixed(8))


def pysot(job: Job) -> Iterator[Entry]:
    """PySOT's layout."""
    _one_repetition(job, "pysot")
    for _, repeat, name in job.each():
        yield f"{job.set}/{job.tracker}/{name}.txt", job.rows(name, repeat, ",")


def lasot(job: Job) -> Iterator[Entry]:
    """The layout of the LaSOT and TNL2K toolkits."""
    _one_repetition(job, "lasot")
    for _, repeat, name in job.each():
        yield f"{job.tracker}_tracking_result/{name}.txt", job.rows(name, repeat, ",")


def otb_mat(job: Job) -> Iterator[Entry]:
    """The layout of OTB's toolbox."""
    scipy_io()
    _one_repetition(job, "otb-mat")
    for _, repeat, name in job.each():
        boxes = job.boxes(name, repeat)
        yield f"{name}_{job.tracker}.mat", lambda path, boxes=boxes: write_mat(path, boxes)  # type: ignore[misc]


def vot(job: Job) -> Iterator[Entry]:
    """The VOT toolkit's layout, which is that of the store."""
    experiment = {"vot-unsupervised": "unsupervised", "vot-realtime": "realtime"}.get(job.run.protocol, "baseline")
    for _, repeat, trial in job.each():
        entry = _trajectory(job, trial, repeat, "vot")
        for kind in ("regions", "seconds", "scores"):
            if kind != "regions" and not np.isfinite(getattr(job.run, kind)(trial, repeat)).any():
                continue  # nobody measured it
            file = str(entry[kind]["file"])
            yield f"{job.tracker}/{experiment}/{file}", (job.run.folders[repeat] / file).read_bytes()


def davis(job: Job) -> Iterator[Entry]:
    """Label maps, a palette PNG a frame: as they are stored, or drawn, of runs with one mask a frame."""
    _one_repetition(job, "davis")
    for _, repeat, name in job.each():
        for file, data in label_files(job.run, job.dataset, name, repeat):
            yield f"{job.tracker}/{name}/{file}", data


def label_files(run: StoredRun, dataset: Dataset, name: str, repeat: int) -> Iterator[tuple[str, bytes]]:
    """(name, content) of the label map of every frame of a sequence.

    Raises:
        TrackzooError: the run has no mask for each frame.
    """
    if run.protocol in ("vot-unsupervised", "vot-supervised"):
        sequence = dataset[name]
        regions, size = run.regions(name, repeat), size_of(sequence)
        for index, region in enumerate(regions):
            yield f"{index:05d}.png", label_map(full_mask(region, size))
        return
    if run.protocol in VOT_PROTOCOLS or not run.has_masks(name, repeat):
        raise TrackzooError(
            f"{run.path}: found a run of protocol '{run.protocol}', expected one with a mask for each frame; "
            "'--format pytracking' or '--format vot' writes what it has"
        )
    masks = run.masks(name, repeat)
    for index in masks.frames:
        if masks.names:
            yield masks.names[index], masks.data(index)
        else:
            region = masks.region(index)
            yield f"{index:05d}.png", label_map(full_mask(region, masks.size))


def _trajectory(job: Job, trial: str, repeat: int, form: str) -> dict[str, Any]:
    """What the record names of a trial's regions."""
    entry: dict[str, Any] = next(iter(job.run.record(trial, repeat)["objects"].values()))
    if "regions" not in entry:
        raise TrackzooError(
            f"{job.run.path}: found boxes, expected regions for format '{form}'; '--format pytracking' writes those"
        )
    return entry


def _one_repetition(job: Job, form: str) -> None:
    if len(job.run.repeats) > 1:
        raise TrackzooError(
            f"{job.run.path}: found {len(job.run.repeats)} repetitions, for which format '{form}' has no place; "
            "'--format pytracking' has"
        )


FORMATS: dict[str, Callable[[Job], Iterator[Entry]]] = {
    "pytracking": pytracking,
    "stark": stark,
    "got10k": got10k,
    "pysot": pysot,
    "lasot": lasot,
    "otb-mat": otb_mat,
    "vot": vot,
    "davis": davis,
}


def export(
    run: StoredRun,
    dataset: Dataset,
    form: str,
    out: Path,
    *,
    as_released: bool = False,
    allow_incomplete: bool = False,
) -> list[Path]:
    """Write a run's results in another toolkit's layout.

    Args:
        run: the stored run.
        dataset: its data set.
        form: name in `FORMATS`.
        out: folder; files of this run that are there are replaced.
        as_released: cut boxes to integers towards zero.
        allow_incomplete: write what is there of a run that is not complete.

    Returns:
        The files that were written.

    Raises:
        UnknownName: no such format.
        ResultsError: the run is not complete, or damaged.
        TrackzooError: the format has no place for what the run has; the folder cannot be written.
    """
    if form not in FORMATS:
        raise UnknownName("format", form, FORMATS)
    if run.protocol == VOS and form != "davis":
        raise TrackzooError(
            f"{run.path}: found label maps, which format '{form}' has no place for; '--format davis' has"
        )
    if run.protocol in VOT_PROTOCOLS and form not in ("vot", "davis"):
        raise TrackzooError(
            f"{run.path}: found regions of protocol '{run.protocol}', which format '{form}' has no place for; "
            "'--format vot' has"
        )
    missing = run.missing()
    if missing and not allow_incomplete:
        raise incomplete(run.path, missing, len(run.expected), "--allow-incomplete writes what is there")
    return write_all(FORMATS[form](Job(run, dataset, as_released)), out)


def write_all(entries: Iterator[Entry], out: Path) -> list[Path]:
    """Make all files beside `out` first and move them into place then, so that a failure leaves nothing half-written."""
    written: list[Path] = []
    fresh = not out.exists()
    try:
        out.mkdir(parents=True, exist_ok=True)
        workshop = Path(tempfile.mkdtemp(dir=out, prefix=".export-", suffix=".tmp"))
    except OSError as error:
        raise TrackzooError(f"{out}: cannot be written ({(error.strerror or str(error)).lower()})") from None
    try:
        names = []
        for name, content in entries:
            path = workshop / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if callable(content):
                content(path)
            else:
                path.write_bytes(content.encode() if isinstance(content, str) else content)
            names.append(name)
        for name in names:
            (out / name).parent.mkdir(parents=True, exist_ok=True)
            os.replace(workshop / name, out / name)
            written.append(out / name)
    except OSError as error:
        raise TrackzooError(f"{out}: cannot be written ({(error.strerror or str(error)).lower()})") from None
    finally:
        shutil.rmtree(workshop, ignore_errors=True)
        if fresh and not written:
            out.rmdir()
    return written
