"""The scores of one run, or of boxes that are already in memory."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from trackzoo.errors import ResultsError, SettingsError, TrackzooError, incomplete
from trackzoo.geometry import Floats
from trackzoo.metrics import Scores
from trackzoo.registry import open_dataset
from trackzoo.report.collect import Rules, default_profile, finishing, score
from trackzoo.report.selection import Library, Opened
from trackzoo.report.vos import default_profile as vos_profile, is_vos, score_vos
from trackzoo.report.vot import VotRun, as_vot, score_vot
from trackzoo.sequence import Dataset
from trackzoo.store.layout import RUN_FILE
from trackzoo.store.read import StoredRun, read_json, stored_run


def evaluate(
    results: Any,
    *,
    dataset: str | Dataset | None = None,
    profile: str | None = None,
    as_released: bool = False,
    allow_incomplete: bool = False,
    lenient: bool = False,
    data_root: str | Path | None = None,
) -> Scores:
    """See `trackzoo.api.evaluate`."""
    given = dataset if isinstance(dataset, Dataset) else None
    if isinstance(results, Mapping):
        if dataset is None:
            raise SettingsError("boxes alone do not say what they are of; give dataset=NAME too")
        opened = Opened(given or open_dataset(str(dataset), data_root))
        names = opened.ordered(opened.dataset.own_name(str(name)) for name in results)
        found = {opened.dataset.own_name(str(name)): _boxes(name, values) for name, values in results.items()}
        boxes = [[found[name] for name in names]]
    elif dataset is not None and _foreign(results):
        return _of_files(
            Path(results),
            given or open_dataset(str(dataset), data_root),
            Rules((profile,) if profile else (), False, as_released, allow_incomplete, lenient=lenient),
        )
    else:
        run = as_vot(_run(results))
        opened = Library(data_root, [given] if given else []).open(run)
        missing = run.missing()
        if missing and not allow_incomplete:
            command = finishing(run, opened, run.path.parent.parent.parent)
            do = f"'{command}' finishes it, allow_incomplete=True scores what is there"
            raise incomplete(run.path, missing, len(run.expected), do, what="sequences finished")
        names = tuple(name for name in opened.ordered(run.expected) if name not in set(missing))
        if not names:
            raise ResultsError(run.path, "no finished sequence", "one at least")
        if isinstance(run, VotRun):
            return score_vot(run, opened, names, profile or "vot")
        if is_vos(run):
            if opened.hidden:
                raise TrackzooError(f"{opened.id}: {opened.hidden}; it cannot be scored here")
            return score_vos(run, opened, names, profile or vos_profile(opened.dataset), lenient=lenient)
        boxes = [[run.boxes(name, repeat) for name in names] for repeat in run.repeats]
    if opened.hidden:
        raise TrackzooError(f"{opened.id}: {opened.hidden}; it cannot be scored here")
    return score(
        opened,
        boxes,
        names,
        profile or default_profile(opened.dataset),
        as_released=as_released,
        lenient=lenient,
    )


def _foreign(results: Any) -> bool:
    """Whether it is a folder or file that no run of ours wrote."""
    return isinstance(results, str | Path) and Path(results).exists() and not (Path(results) / RUN_FILE).is_file()


def _of_files(path: Path, dataset: Dataset, rules: Rules) -> Scores:
    """Scores of the one tracker whose files lie there."""
    from trackzoo.importing.score import evaluate_folder

    boards = evaluate_folder(path, dataset, rules).boards
    entries = [entry for board in boards for entry in board.entries]
    if len(entries) != 1:
        names = ", ".join(f"{entry.tracker} ({entry.protocol})" for entry in entries)
        raise TrackzooError(
            f"{path}: found results of {names or 'nobody'}, expected one tracker's; name its own folder"
        )
    return entries[0].scores


def _run(results: Any) -> StoredRun:
    if isinstance(results, StoredRun):
        return results
    path = Path(getattr(results, "folder", results))
    if not (path / RUN_FILE).is_file():
        raise ResultsError(path, f"no {RUN_FILE}", "a run's folder <results>/<tracker>/<dataset>/<protocol>")
    protocol = str(read_json(path / RUN_FILE, "run again with --new").get("protocol", ""))
    run = stored_run(path.parent, protocol)
    if run is None:
        raise ResultsError(
            path, f"a folder that is not named after its protocol '{protocol}'", "the folder as it was written"
        )
    return run


def _boxes(name: Any, values: ArrayLike) -> Floats:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 2 or array.shape[1] != 4:
        raise SettingsError(
            f"boxes of '{name}': found an array of shape {array.shape}, expected (N, 4): x, y, w, h a frame"
        )
    return array
