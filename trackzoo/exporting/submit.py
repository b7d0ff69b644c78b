"""Build a benchmark server's package out of stored results or of a folder of result files: `trackzoo submit`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from trackzoo.errors import ResultsError, TrackzooError, incomplete
from trackzoo.exporting.archives import Part
from trackzoo.exporting.layouts import label_files
from trackzoo.exporting.numbers import fixed, lines
from trackzoo.exporting.servers import Expected, Server, Verdict, check, expected, refuse
from trackzoo.geometry import Floats
from trackzoo.importing.discover import Candidate
from trackzoo.importing.run import ForeignRun
from trackzoo.sequence import Dataset
from trackzoo.store.read import StoredRun

_ALL = "all of them, or the server refuses the package"
#: Repetitions that GOT-10k's server reads.
_MOST = 3


def build(server: Server, run: Any, dataset: Dataset, here: bool, out: Path) -> Verdict:
    """Build a package of boxes and check it; the file is there only if the server would take it.

    Args:
        server: its rules.
        run: a stored run, or anything that answers like one.
        dataset: the server's split.
        here: whether the data set lies on this machine, so that lengths are known.
        out: the zip file.

    Raises:
        ResultsError: sequences or times that are missing, damaged files.
        DataError: the package is none that the server takes; names file and reason.
    """
    missing = run.missing()
    if missing:
        raise incomplete(run.path, missing, len(run.expected), expected=_ALL)
    members = _got10k(run, dataset) if server.name == "got10k" else _trackingnet(run, dataset)
    return _write(server, members, expected(server, dataset, here), out)


def build_masks(server: Server, source: Candidate | StoredRun, dataset: Dataset, out: Path) -> Verdict:
    """Build a package of label maps out of a stored run, or of a folder of PNG files; see `build`."""
    wanted = expected(server, dataset, True)
    within = "Annotations/" if server.name == "ytvos" else ""
    members = (
        _maps(source, wanted, within) if isinstance(source, Candidate) else _stored(source, dataset, wanted, within)
    )
    return _write(server, members, wanted, out)


def _stored(run: StoredRun, dataset: Dataset, wanted: Expected, within: str) -> Iterator[tuple[str, bytes]]:
    """Label maps of a run, those that the server asks for."""
    if len(run.repeats) > 1:
        raise TrackzooError(f"{run.path}: found {len(run.repeats)} repetitions, expected one: the server takes no more")
    missing = [name for name in wanted.names if name not in set(run.names(run.repeats[0]))]
    if missing:
        raise incomplete(run.path, missing, len(wanted.names), expected=_ALL)
    for name in wanted.names:
        asked = set(wanted.frames[name])
        for file, data in label_files(run, dataset, name, run.repeats[0]):
            if Path(file).stem in asked:
                yield f"{within}{name}/{file}", data


def _write(server: Server, members: Iterator[tuple[str, bytes]], wanted: Expected, out: Path) -> Verdict:
    with Part(out) as part:
        part.write(members)
        verdict = check(server, part.path, wanted, out)
        refuse(out, verdict)
        part.keep()
    return verdict


def _maps(candidate: Candidate, wanted: Expected, within: str) -> Iterator[tuple[str, bytes]]:
    folders = candidate.runs[min(candidate.runs)]
    missing = [name for name in wanted.names if name not in folders]
    if missing:
        raise incomplete(candidate.folder, missing, len(wanted.names), expected=_ALL)
    for name in wanted.names:
        for stem in wanted.frames[name]:
            path = folders[name].path / f"{stem}.png"
            if path.is_file():
                yield f"{within}{name}/{stem}.png", path.read_bytes()


def _trackingnet(run: Any, dataset: Dataset) -> Iterator[tuple[str, bytes]]:
    if len(run.repeats) > 1:
        raise TrackzooError(f"{run.path}: found {len(run.repeats)} repetitions, expected one: the server takes no more")
    for name in dataset.names:
        yield f"{name}.txt", lines(_finite(run, name, run.repeats[0]), ",", fixed(2)).encode()


def _got10k(run: Any, dataset: Dataset) -> Iterator[tuple[str, bytes]]:
    repeats = run.repeats
    if len(repeats) > _MOST:
        raise TrackzooError(
            f"{run.path}: found {len(repeats)} repetitions, expected at most {_MOST}: the server's number"
        )
    for name in dataset.names:
        times = []
        for place, repeat in enumerate(repeats, start=1):
            yield f"{name}/{name}_{place:03d}.txt", lines(_finite(run, name, repeat), ",", fixed(3)).encode()
            seconds = np.asarray(run.seconds(name, repeat), dtype=np.float64)
            if not len(seconds) or not np.isfinite(seconds).all():
                raise ResultsError(
                    run.path, f"no times of '{name}'", f"seconds a frame: the server reads {name}_time.txt"
                )
            times.append(seconds)
        if len({len(seconds) for seconds in times}) > 1:
            raise ResultsError(run.path, f"repetitions of '{name}' of different lengths", "one row a frame in each")
        yield f"{name}/{name}_time.txt", lines(np.stack(times, axis=1), ",", fixed(8)).encode()


def _finite(run: Any, name: str, repeat: int) -> Floats:
    boxes: Floats = run.boxes(name, repeat)
    bad = ~np.isfinite(boxes).all(axis=1)
    if bad.any():
        row = int(bad.argmax())
        text = ",".join(f"{value:g}" for value in boxes[row])
        raise ResultsError(_file(run, name, repeat), text, "four finite numbers x,y,w,h", "mend it", line=row + 1)
    return boxes


def _file(run: Any, name: str, repeat: int) -> Path:
    """The file with a sequence's boxes, as the person knows it."""
    if isinstance(run, ForeignRun):
        return run.shown_file(run.candidate.runs[repeat][name])
    entry = next(iter(run.record(name, repeat)["objects"].values()))
    return Path(run.folders[repeat] / entry["boxes"]["file"])
