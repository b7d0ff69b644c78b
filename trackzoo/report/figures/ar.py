"""Accuracy against robustness, a point a tracker (VOT): the best stand in the upper right."""

from __future__ import annotations

import math
from collections.abc import Sequence as ListOf
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trackzoo.errors import TrackzooError
from trackzoo.report import style
from trackzoo.report.figures.chart import chart
from trackzoo.report.figures.sheet import Styles, fitting, key_names, styled, styles_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class ArPoint:
    """One tracker.

    Attributes:
        tracker: name.
        accuracy: mean overlap while it tracks, 0..1; NaN where not known.
        robustness: share of frames that it tracks, or reliability exp(-S F), 0..1; NaN where not known.
    """

    tracker: str
    accuracy: float
    robustness: float


@styled
def ar_plot(
    points: ListOf[ArPoint],
    styles: Styles | None = None,
    *,
    title: str = "",
    label: str = "Robustness",
    width: float = style.COLUMN,
    full: bool = False,
    notes: ListOf[str] = (),
) -> Figure:
    """Points with a key in order of accuracy times robustness.

    Args:
        points: the trackers; those that miss a figure are left out with a note.
        styles: tracker -> its style.
        title: above the axes.
        label: of the horizontal axis: what robustness means here.
        width: of the figure in inches.
        full: show both axes from 0 to 1; otherwise what the points need.
        notes: small print.

    Raises:
        TrackzooError: nothing to draw.
    """
    from matplotlib.ticker import MaxNLocator

    shown = [point for point in points if math.isfinite(point.accuracy) and math.isfinite(point.robustness)]
    left = [style.shorten(point.tracker) for point in points if point not in shown]
    if not shown:
        raise TrackzooError("AR plot: found no tracker with both accuracy and robustness")
    shown.sort(key=lambda point: (-point.accuracy * point.robustness, point.tracker))
    look = styles_of([point.tracker for point in shown], styles)
    notes = [*notes, *([f"Not shown, no figures: {', '.join(left)}."] if left else [])]
    figure, axes, put_key = chart(
        width, min(0.8 * width, 3.2), key_names([point.tracker for point in shown], width), notes, title=title
    )
    handles = []
    for point in shown:
        line = look[point.tracker]
        [drawn] = axes.plot(
            [point.robustness], [point.accuracy], linestyle="", marker=style.marker(line.index), color=line.colour,
            markersize=6, markeredgecolor=style.PAPER, markeredgewidth=0.4, label=point.tracker, clip_on=False, zorder=3,
            gid=f"line:{line.index}",
        )  # fmt: skip
        handles.append(drawn)
    for values, limit in (
        ([point.robustness for point in shown], axes.set_xlim),
        ([point.accuracy for point in shown], axes.set_ylim),
    ):
        room = max(0.1 * (max(values) - min(values)), 0.01)
        low, high, _ = (
            (0.0, 1.0, 0.2) if full else fitting(max(min(values) - room, 0), min(max(values) + room, 1), most=5)
        )
        limit(max(low, 0.0), min(high, 1.0))
    axes.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
    axes.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
    axes.set_xlabel(label)
    axes.set_ylabel("Accuracy")
    axes.grid(True)
    axes.set_axisbelow(True)
    put_key(handles, [f"line:{look[point.tracker].index}" for point in shown])
    return figure
