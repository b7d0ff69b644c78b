"""Figures that papers print: looked up, listed, set against ours.

One CSV a paper in `results/published`, one row a figure; `docs/published.md` says by which rules they were transcribed. A
figure belongs to the evaluation code it was made with (`Figure.profile`): ours is set against it under that profile, or not
at all.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence as ListOf
from dataclasses import dataclass
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable

from trackzoo.errors import UnknownName
from trackzoo.report.published_facts import CLEAN, KINDS, METRICS, PAPERS, PROFILES, STATUSES, MetricFacts, Paper
from trackzoo.report.published_figure import COLUMNS, Figure, read

__all__ = [
    "CLEAN",
    "COLUMNS",
    "KINDS",
    "METRICS",
    "PAPERS",
    "PROFILES",
    "STATUSES",
    "Figure",
    "Listing",
    "MetricFacts",
    "Paper",
    "Row",
    "deviation",
    "load",
    "lookup",
    "own",
    "read",
    "rows_for",
]


def _files() -> Iterator[tuple[Paper, Traversable]]:
    folder = resources.files("trackzoo.results.published")
    return ((paper, folder / f"{paper.key}.csv") for paper in PAPERS.values())


@cache
def _load() -> tuple[Figure, ...]:
    return tuple(figure for paper, file in _files() for figure in read(file, paper))


def load() -> list[Figure]:
    """Every figure of every paper, in the order of `PAPERS` and of their files. Read once a process.

    Raises:
        DataError: a CSV file is not as `COLUMNS` and the tables of this module say; names file and line.
    """
    return list(_load())


def _preference(figure: Figure) -> tuple[bool, bool, bool, bool, int]:
    order = list(PAPERS).index(figure.paper)
    return (not figure.own, not figure.clean, figure.kind != "result", not figure.profile, order)


def lookup(
    tracker: str | None = None,
    dataset: str | None = None,
    metric: str | None = None,
    profile: str | None = None,
    *,
    paper: str | None = None,
    kind: str | None = None,
    variant: str | None = "",
) -> list[Figure]:
    """Figures that match all that is given, the one to prefer first.

    The tracker's own paper goes first, then figures without doubt, results before ablations, figures whose profile is
    known; last the order of `PAPERS` and of the tables.

    Args:
        tracker: id.
        dataset: id of data set and split.
        metric: key of `METRICS`.
        profile: profile of the figure.
        paper: key of `PAPERS`.
        kind: key of `KINDS`.
        variant: `""` for trackers as proposed; None for any.

    Raises:
        UnknownName: a paper, metric or kind that does not exist. Trackers and data sets without figures give `[]`.
    """
    for what, name, known in (("paper", paper, PAPERS), ("metric", metric, METRICS), ("kind", kind, KINDS)):
        if name is not None and name not in known:
            raise UnknownName(what, name, known)
    wanted = {
        "tracker": tracker,
        "dataset": dataset,
        "metric": metric,
        "profile": profile,
        "paper": paper,
        "kind": kind,
        "variant": variant,
    }
    given = {name: value for name, value in wanted.items() if value is not None}
    found = (figure for figure in _load() if all(getattr(figure, name) == value for name, value in given.items()))
    return sorted(found, key=_preference)


def own(tracker: str) -> list[Figure]:
    """What the tracker's own paper prints for it as proposed (results, costs, the last rows of ablations), best first."""
    return [figure for figure in lookup(tracker) if figure.own]


def deviation(value: float, figure: Figure, profile: str | None = None) -> float | None:
    """Ours minus printed, after rounding ours to the decimals that the paper prints.

    Args:
        value: ours, in the unit of `Figure.percent`, computed under `figure.profile`.
        figure: the printed one.
        profile: profile that ours was computed under; where given, it must be the figure's.

    Returns:
        The difference in the unit of `Figure.percent` (0.0 where the paper would have printed ours), or None where it
        would mean nothing: the figure's profile is not known or is another one, the figure itself is in doubt, or ours is
        not finite.
    """
    printed = figure.percent
    if printed is None or not figure.clean or not figure.profile or not math.isfinite(value):
        return None
    if profile is not None and profile != figure.profile:
        return None
    places = figure.percent_rounding
    return round(round(value, places) - round(printed, places), places) + 0.0  # + 0.0 makes -0.0 a plain zero


@dataclass(frozen=True)
class Row:
    """One tracker of a listing.

    Attributes:
        tracker: id.
        printed: its name as the source of its first figure prints it.
        figures: metric -> the figure chosen.
        marks: metric -> numbers of the listing's footnotes that belong to it.
    """

    tracker: str
    printed: str
    figures: dict[str, Figure]
    marks: dict[str, tuple[int, ...]]


@dataclass(frozen=True)
class Listing:
    """Published figures of one data set, ready to be set under ours.

    Attributes:
        dataset: id.
        metrics: columns, in the order of `METRICS`.
        rows: best first by the first metric; trackers without it come last.
        notes: footnotes; number k is `notes[k - 1]`.
    """

    dataset: str
    metrics: tuple[str, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...]


def rows_for(dataset: str, metrics: ListOf[str] | None = None, trackers: Iterable[str] | None = None) -> Listing:
    """All trackers with published figures on a data set.

    Where several papers print a figure, the tracker's own paper is taken, else the first of `lookup`. Lost figures and
    variants (ablations) are left out. Each figure has a footnote with its source and profile, and one more where it is in
    doubt.

    Args:
        dataset: id of data set and split.
        metrics: columns wanted, in this order; by default all that are printed.
        trackers: ids wanted; by default all.

    Raises:
        UnknownName: a metric that does not exist.
    """
    for metric in metrics or ():
        if metric not in METRICS:
            raise UnknownName("metric", metric, METRICS)
    chosen: dict[str, dict[str, Figure]] = {}
    wanted = None if trackers is None else set(trackers)
    for figure in lookup(dataset=dataset):
        if figure.value is None or figure.kind == "cost" or (wanted is not None and figure.tracker not in wanted):
            continue
        if metrics is None or figure.metric in metrics:
            chosen.setdefault(figure.tracker, {}).setdefault(figure.metric, figure)
    columns = tuple(metric for metric in metrics or METRICS if any(metric in figures for figures in chosen.values()))
    notes: list[str] = []

    def number(note: str) -> int:
        if note not in notes:
            notes.append(note)
        return notes.index(note) + 1

    def rank(tracker: str) -> tuple[float, ...]:
        values = (figure.percent if (figure := chosen[tracker].get(column)) else None for column in columns)
        return tuple(1.0 if value is None else -value for value in values)  # 1.0: behind all that have a figure

    rows = []
    for tracker in sorted(chosen, key=lambda tracker: (rank(tracker), tracker)):
        figures = chosen[tracker]
        ordered = {column: figures[column] for column in columns if column in figures}
        marks = {column: tuple(number(note) for note in _footnotes(figure)) for column, figure in ordered.items()}
        rows.append(Row(tracker, next(iter(ordered.values())).printed, ordered, marks))
    return Listing(dataset, columns, tuple(rows), tuple(notes))


def _footnotes(figure: Figure) -> Iterator[str]:
    yield f"{figure.source}, profile {figure.profile or 'not known'}"
    if not figure.clean:
        yield f"{figure.status}: {figure.note}"
