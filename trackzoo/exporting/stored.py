"""The one stored run that a person means by a tracker's and a data set's name."""

from __future__ import annotations

from pathlib import Path

from trackzoo.errors import TrackzooError, UnknownName
from trackzoo.report.collect import random_weights
from trackzoo.report.selection import Library, select
from trackzoo.report.vos import is_vos
from trackzoo.sequence import Dataset
from trackzoo.store.read import StoredRun


def chosen_run(
    results: Path,
    tracker: str,
    dataset: str,
    data_root: Path | None = None,
    *,
    masks: bool | None = None,
    protocol: str | None = None,
) -> tuple[StoredRun, Dataset]:
    """The run of a tracker on a data set, and the data set.

    Args:
        results: results folder.
        tracker, dataset: names.
        data_root: where the benchmarks lie.
        masks: of several runs the one that leaves label maps, or the one that does not; None takes no part.
        protocol: of several runs the one under this protocol.

    Raises:
        UnknownName: no such tracker or data set, or no run under the protocol.
        TrackzooError: no results of them, or under several protocols.
    """
    runs = select(results, [tracker], [dataset])
    if protocol is not None:
        known = {run.protocol: run for run in runs}
        if protocol not in known:
            raise UnknownName(f"protocol among the runs of {tracker} on {dataset}", protocol, known)
        runs = [known[protocol]]
    if masks is not None and len(runs) > 1:
        runs = [run for run in runs if is_vos(run) == masks] or runs
    if len(runs) > 1:
        which = ", ".join(run.protocol for run in runs)
        raise TrackzooError(
            f"{results}: found runs of {tracker} on {dataset} under the protocols {which}, expected one; "
            "name it with --protocol"
        )
    if random_weights(runs[0]):
        raise TrackzooError(
            f"{runs[0].path}: found a run with random weights, which tests speed; there is nothing to hand on"
        )
    return runs[0], Library(data_root).open(runs[0]).dataset
