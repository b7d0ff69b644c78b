"""What the command line does, from Python."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trackzoo.registry import open_dataset, tracker
from trackzoo.sequence import Dataset
from trackzoo.tracker import Tracker

if TYPE_CHECKING:
    from trackzoo.engine.runner import RunOutcome
    from trackzoo.metrics import Scores
    from trackzoo.report.report import Report

__all__ = ["compare", "evaluate", "load", "open_dataset", "run"]


def load(name: str, *, device: str = "cpu", dtype: str = "fp32", **settings: Any) -> Tracker[Any]:
    """A tracker, ready to run.

    Args:
        name: a family (`rts`), a variant (`rts50`), or `module:Class`.
        device: torch device name.
        dtype: `fp32`, `fp16` or `bf16`.
        settings: go before the variant's; `weights` names others than the tracker's own (a name, a path, tensors by name, or
            `random`).

    Raises:
        UnknownName: no such tracker; the nearest names are suggested.
        TrackzooError: something it needs is missing.
    """
    return tracker(name).load(device=device, dtype=dtype, **settings)


def run(tracker: str, dataset: str | Dataset, **options: Any) -> RunOutcome:
    """Run a tracker on a data set; what is finished in the results folder is kept, so that a stopped run goes on.

    Args:
        tracker: a name as `load` takes it.
        dataset: a name, or an open data set.
        options: `results`, `protocol`, `lanes`, `jobs`, `device`, `dtype`, `repeats`, `seed`, `sequences`, `limit`, `shard`,
            `new`, `available`, `data_root`, `settings`, `weights`, `text`, `progress`, `dry_run`: see
            `trackzoo.engine.runner.run`.

    Returns:
        What became of it; printing it shows a line. `.failed` lists the trials that failed, with their causes.

    Raises:
        TrackzooError: what was asked for cannot be run, or the folder holds another run's results (without `new`).
    """
    from trackzoo.engine.runner import run as run_one

    return run_one(tracker, dataset, **options)


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
    """Scores of one run.

    Args:
        results: what `run` returned; the run's folder `<results>/<tracker>/<dataset>/<protocol>`; a folder or an archive of one
            tracker's result files in another toolkit's layout; or a mapping from sequence to boxes (N, 4) `x, y, w, h`, one
            a frame.
        dataset: name or open data set; needed for boxes and for other toolkits' files, and for runs on a data set that only
            Python knows.
        profile: name of a metric profile; by default the data set's own.
        as_released: cut boxes to integers first, as the reference runners did when they saved them.
        allow_incomplete: score what is there of a run that is not complete.
        lenient: treat boxes that do not fit as the profile's toolkit does, with a line for each in `.notes`.
        data_root: where the benchmarks lie.

    Returns:
        `Scores`; printing it shows its figures.

    Raises:
        UnknownName: no such data set, profile or sequence.
        ResultsError: the run is not complete, or its files are damaged or do not fit the annotation.
        TrackzooError: the data set is not on this machine, or its annotation is not public.
    """
    from trackzoo.report.single import evaluate as evaluate_one

    return evaluate_one(
        results,
        dataset=dataset,
        profile=profile,
        as_released=as_released,
        allow_incomplete=allow_incomplete,
        lenient=lenient,
        data_root=data_root,
    )


def compare(
    *trackers: str,
    datasets: Iterable[str | Dataset] = (),
    results: str | Path | None = None,
    profiles: Iterable[str] = (),
    published: bool = False,
    as_released: bool = False,
    allow_incomplete: bool = False,
    common: bool = False,
    allow_other_data: bool = False,
    lenient: bool = False,
    intervals: bool = False,
    pairs: Iterable[tuple[str, str]] = (),
    decimals: int = 2,
    data_root: str | Path | None = None,
) -> Report:
    """Compare stored runs. The report shows its tables; `.frame` is a data frame, `.write(folder)` leaves files.

    Args:
        trackers: names; none means all in the results folder.
        datasets: names or open data sets; none means all in the results folder.
        results: results folder; by default the config's, else `runs`.
        profiles: metric profiles; by default each data set's own. `all`: every one that applies, with each one's ceiling (the
            annotation as results) and floor (the first box in every frame).
        published: add papers' figures, and deviations from a tracker's own paper.
        as_released: cut boxes to integers first.
        allow_incomplete: show incomplete sets, marked and unranked.
        common: score all on the sequences that every run of a data set has.
        allow_other_data: show runs on annotation that differs from what is on disk now, marked.
        lenient: treat boxes that do not fit as the profile's toolkit does, with a note for each.
        intervals: show the figures' 95 % intervals, and every tracker against the best one.
        pairs: two trackers each, held against each other in tables of their own.
        decimals: digits after the point in tables.
        data_root: where the benchmarks lie.

    Raises:
        UnknownName: no such tracker, data set or profile.
        ResultsError: a set that is incomplete or was run on other annotation; damaged files.
        TrackzooError: no results, or a data set that is not on this machine.
    """
    from trackzoo.config import results_folder
    from trackzoo.report.collect import Rules, collect
    from trackzoo.report.report import Report, checked_pairs

    rules = Rules(tuple(profiles), published, as_released, allow_incomplete, common, allow_other_data, lenient)
    comparison = collect(results_folder(results), trackers, tuple(datasets), rules, data_root=data_root)
    return Report(comparison, decimals, intervals, checked_pairs(comparison, pairs))
