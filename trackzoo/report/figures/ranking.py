"""Trackers ranked by one figure, best at the top, with what another choice of sequences could have made of it."""

from __future__ import annotations

import math
from collections.abc import Sequence as ListOf
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trackzoo.errors import TrackzooError
from trackzoo.report import style
from trackzoo.report.columns import show
from trackzoo.report.figures.chart import chart
from trackzoo.report.figures.sheet import Styles, fitting, name_of, styled, styles_of, text_width

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Ranked:
    """One tracker.

    Attributes:
        tracker: name.
        score: what ranks; NaN where not known.
        low, high: ends of its interval; NaN where not known.
        mark: behind its name, e.g. `†` for incomplete runs.
    """

    tracker: str
    score: float
    low: float = math.nan
    high: float = math.nan
    mark: str = ""


@styled
def ranking(
    entries: ListOf[Ranked],
    styles: Styles | None = None,
    *,
    label: str,
    title: str = "",
    width: float = style.COLUMN,
    decimals: int = 1,
    higher: bool = True,
    notes: ListOf[str] = (),
) -> Figure:
    """A dot a tracker with its interval, names on the left, figures on the right.

    Args:
        entries: the trackers; those without a score are left out with a note.
        styles: tracker -> its style.
        label: of the score, with its unit.
        title: above the axes.
        width: of the figure in inches.
        decimals: of the figures.
        higher: whether more is better.
        notes: small print.

    Raises:
        TrackzooError: no tracker has a score.
    """
    known = [entry for entry in entries if math.isfinite(entry.score)]
    unknown = [style.shorten(entry.tracker) for entry in entries if not math.isfinite(entry.score)]
    if not known:
        raise TrackzooError(f"ranking by {label}: found no tracker that has it")
    notes = [*notes, *([f"Not shown, no figure: {', '.join(unknown)}."] if unknown else [])]
    ordered = sorted(known, key=lambda entry: (-entry.score if higher else entry.score, entry.tracker))
    look = styles_of([entry.tracker for entry in ordered], styles)
    size = style.FONT_SIZE - 1
    names = [f"{name_of(entry.tracker, 28)}{entry.mark}" for entry in ordered]
    figures = [show(entry.score, decimals) for entry in ordered]
    left = text_width(names, size) + 0.17
    right = text_width(figures, size) + 0.12
    figure, axes, _ = chart(
        width, max(0.3, 0.155 * len(ordered)), (), notes, title=title, left=left, right=right, bottom=0.36
    )
    ends = [value for entry in ordered for value in (entry.score, entry.low, entry.high) if math.isfinite(value)]
    room = 0.04 * (max(ends) - min(ends)) or 0.05 * abs(max(ends)) or 1.0
    # Never below nothing: no score here can be.
    low, high, _ = fitting(max(min(ends) - room, min(0.0, *ends)), max(ends) + room, most=8)
    axes.set_xlim(low, high)
    axes.set_ylim(len(ordered) - 0.4, -0.6)
    for place, entry in enumerate(ordered):
        line = look[entry.tracker]
        if math.isfinite(entry.low) and math.isfinite(entry.high):
            axes.plot([entry.low, entry.high], [place, place], color=line.colour, linewidth=1.1, zorder=2)
        axes.plot(
            [entry.score], [place], marker=style.marker(line.index), color=line.colour, markersize=4.2, linestyle="",
            markeredgecolor=style.PAPER, markeredgewidth=0.3, zorder=3, label=entry.tracker, gid=f"line:{line.index}",
        )  # fmt: skip
        axes.annotate(
            figures[place], (1, place), (4, 0), xycoords=("axes fraction", "data"), textcoords="offset points",
            va="center", fontsize=size,
        )  # fmt: skip
    axes.set_yticks(range(len(ordered)), names)
    axes.tick_params(axis="y", length=0, labelsize=size)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.grid(True, axis="both", linewidth=0.4)
    axes.set_axisbelow(True)
    axes.set_xlabel(label)
    return figure
