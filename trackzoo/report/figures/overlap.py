"""Overlap with the annotation over the frames of one sequence, for several trackers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence as ListOf
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from trackzoo.errors import TrackzooError
from trackzoo.metrics.types import Floats
from trackzoo.report import style
from trackzoo.report.columns import show
from trackzoo.report.figures.chart import chart
from trackzoo.report.figures.sheet import Styles, key_names, name_of, styled, styles_of, text_width

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Form = Literal["auto", "lines", "rows"]

#: More trackers than this are drawn as rows of a picture; their lines could not be followed.
LINES = 6
#: Frames that a line of a page can hold apart; more are averaged in windows.
_POINTS = 400


@styled
def overlap_over_time(
    overlaps: Mapping[str, Floats],
    styles: Styles | None = None,
    *,
    absent: NDArray[np.bool_] | None = None,
    form: Form = "auto",
    title: str = "",
    width: float = style.PAGE,
    notes: ListOf[str] = (),
) -> Figure:
    """Lines for a few trackers; for many a row of grey each, black where the overlap is 0 and white where it is 1.

    Args:
        overlaps: tracker -> (N,) overlap 0..1 by frame; NaN where there is no annotation.
        styles: tracker -> its style.
        absent: (N,) frames on which the target is not visible, shaded.
        form: `lines`, `rows`, or `auto`: by the number of trackers.
        title: above the axes.
        width: of the figure in inches.
        notes: small print.

    Raises:
        TrackzooError: no tracker, or lengths that differ.
    """
    lengths = {len(values) for values in overlaps.values()}
    if len(lengths) != 1 or not min(lengths):
        found = "nothing" if not lengths else " and ".join(map(str, sorted(lengths))) + " frames"
        raise TrackzooError(f"overlap over time: found {found}, expected as many frames of each tracker")
    count = lengths.pop()
    absent = np.zeros(count, dtype=bool) if absent is None else absent
    if len(absent) != count:
        raise TrackzooError(f"overlap over time: found {len(absent)} flags of absence for {count} frames")
    # What a box is worth where there is nothing to see, no overlap can say.
    overlaps = {name: np.where(absent, np.nan, values) for name, values in overlaps.items()}
    means = {name: _mean(values) for name, values in overlaps.items()}
    ordered = sorted(overlaps, key=lambda name: (math.isnan(means[name]), -means[name], name))
    look = styles_of(ordered, styles)
    if form == "lines" or (form == "auto" and len(ordered) <= LINES):
        return _lines(overlaps, ordered, means, look, absent, title, width, notes)
    return _rows(overlaps, ordered, means, title, width, notes)


def _mean(values: Floats) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if known.size else math.nan


def smoothed(values: Floats, window: int) -> Floats:
    """Mean over `window` frames around each, of those that are known; NaN where the frame itself is not."""
    window = min(window, len(values))
    if window <= 1:
        return values
    kernel = np.ones(window)
    known = np.isfinite(values)
    sums = np.convolve(np.where(known, values, 0.0), kernel, "same")
    counts = np.convolve(known.astype(np.float64), kernel, "same")
    return np.where(known, sums / np.maximum(counts, 1), np.nan)


def _lines(
    overlaps: Mapping[str, Floats],
    ordered: ListOf[str],
    means: Mapping[str, float],
    look: Styles,
    absent: NDArray[np.bool_],
    title: str,
    width: float,
    notes: ListOf[str],
) -> Figure:
    window = max(1, round(len(absent) / (_POINTS * width / style.PAGE)))
    said = [f"Each point is the mean over {window} frames."] if window > 1 else []
    if absent.any():
        said.append("Shaded: the target is not visible.")
    names = key_names(ordered, width, f"[{show(0.0, 2)}] ")
    labels = [f"[{show(means[name], 2)}] {text}" for name, text in zip(ordered, names, strict=True)]
    figure, axes, put_key = chart(width, min(0.4 * width, 1.7), labels, [*said, *notes], title=title)
    for begin, end in spans(absent):
        axes.axvspan(begin - 0.5, end - 0.5, color=style.GRID, alpha=0.6, linewidth=0, zorder=0)
    handles = {}
    for name in reversed(ordered):
        line = look[name]
        [handles[name]] = axes.plot(
            np.arange(len(absent)), smoothed(overlaps[name], window), color=line.colour, linewidth=0.7 * line.width,
            linestyle=(0, line.dashes) if line.dashes else "solid", label=name, gid=f"line:{line.index}",
        )  # fmt: skip
    axes.set_xlim(0, max(len(absent) - 1, 1))
    axes.set_ylim(0, 1)
    axes.set_xlabel("Frame")
    axes.set_ylabel("Overlap")
    axes.grid(True)
    axes.set_axisbelow(True)
    put_key([handles[name] for name in ordered], [f"line:{look[name].index}" for name in ordered])
    return figure


def _rows(
    overlaps: Mapping[str, Floats],
    ordered: ListOf[str],
    means: Mapping[str, float],
    title: str,
    width: float,
    notes: ListOf[str],
) -> Figure:
    size = style.FONT_SIZE - 1.5
    names = [name_of(name, 26) for name in ordered]
    figures = [show(means[name], 2) for name in ordered]
    left, right = text_width(names, size) + 0.12, text_width(figures, size) + 0.1
    said = ["Black: no overlap; white: full overlap; hatched: not annotated or not visible. Right: mean overlap."]
    figure, axes, _ = chart(
        width, 0.14 * len(ordered), (), [*said, *notes], title=title, left=left, right=right, bottom=0.36
    )
    axes.set_facecolor(style.PAPER)
    axes.patch.set_hatch("//////")
    axes.patch.set_edgecolor(style.SOFT)
    values = np.stack([overlaps[name] for name in ordered])
    axes.imshow(
        values, cmap="gray", vmin=0, vmax=1, aspect="auto", interpolation="nearest",
        extent=(-0.5, values.shape[1] - 0.5, len(ordered) - 0.5, -0.5),
    )  # fmt: skip
    for place in range(1, len(ordered)):
        axes.axhline(place - 0.5, color=style.PAPER, linewidth=1.2)
    axes.set_yticks(range(len(ordered)), names)
    axes.tick_params(axis="y", length=0, labelsize=size)
    for place, text in enumerate(figures):
        axes.annotate(
            text, (1, place), (3, 0), xycoords=("axes fraction", "data"), textcoords="offset points", va="center",
            fontsize=size,
        )  # fmt: skip
    axes.set_xlabel("Frame")
    return figure


def spans(flags: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Runs of true: (first, one past the last)."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    return [(int(begin), int(end)) for begin, end in zip(edges[::2], edges[1::2], strict=True)]
