"""The one stored run that a person means by a tracker's and a data set's name."""

from __future__ import annotations

from pathlib import Path

from trackzoo.errors import TrackzooError
from trackzoo.report.collect import random_weights
from trackzoo.report.selection import Library, select
from trackzoo.sequence import Dataset
from trackzoo.store.read import StoredRun


def chosen_run(results: Path, tracker: str, dataset: str, data_root: Path | None = None) -> tuple[StoredRun, Dataset]:
    """The run of a tracker on a data set, and the data set.

    Raises:
        UnknownName: no such tracker or data set.
        TrackzooError: no results of them, or under several protocols.
    """
    runs = select(results, [tracker], [dataset])
    if len(runs) > 1:
        which = ", ".join(str(run.path) for run in runs)
        raise TrackzooError(f"{results}: found several runs of {tracker} on {dataset} ({which}), expected one")
    if random_weights(runs[0]):
        raise TrackzooError(
            f"{runs[0].path}: found a run with random weights, which tests speed; there is nothing to hand on"
        )
    return runs[0], Library(data_root).open(runs[0]).dataset
