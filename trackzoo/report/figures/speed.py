"""Accuracy against speed, a bubble a tracker (as JN, Fig. 1)."""

from __future__ import annotations

import math
from collections.abc import Sequence as ListOf
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trackzoo.errors import TrackzooError
from trackzoo.report import style
from trackzoo.report.figures.labels import place_labels
from trackzoo.report.figures.sheet import (
    GAP,
    Styles,
    axes_at,
    fitting,
    key_below,
    key_layout,
    name_of,
    note_height,
    note_lines,
    notes_at,
    plain,
    sheet,
    styled,
    styles_of,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Area in square points of a bubble without a size, and of the smallest and the largest with one.
_PLAIN, _LEAST, _MOST = 28.0, 14.0, 420.0
#: Real-time by the field's habit: the rate of ordinary video, in frames per second.
REAL_TIME = 25.0


@dataclass(frozen=True)
class Bubble:
    """One tracker.

    Attributes:
        tracker: name.
        fps: frames per second of a latency run (one object, one lane, one job); NaN where not known.
        score: by the metric of the vertical axis; NaN where not known.
        size: what the bubble's area says; NaN where not known.
        published: both figures are from a paper: drawn hollow.
        device: what the speed was measured on, in words; empty where nobody says.
        reason: why there is no speed, where it is not known.
    """

    tracker: str
    fps: float
    score: float
    size: float = math.nan
    published: bool = False
    device: str = ""
    reason: str = "no speed"

    @property
    def drawn(self) -> bool:
        """Whether there is a place to draw it at."""
        return math.isfinite(self.fps) and self.fps > 0 and math.isfinite(self.score)


@styled
def accuracy_speed(
    bubbles: ListOf[Bubble],
    styles: Styles | None = None,
    *,
    title: str = "",
    label: str = "AUC [%]",
    sizes: str = "",
    latency: bool = False,
    width: float = style.COLUMN,
    notes: ListOf[str] = (),
) -> Figure:
    """Bubbles with their names beside them; what has no speed or score is left out, and named in a note.

    Args:
        bubbles: the trackers.
        styles: tracker -> its style.
        title: above the axes.
        label: of the vertical axis.
        sizes: what the bubbles' areas say, with its unit; empty where they say nothing.
        latency: milliseconds a frame across, instead of frames per second.
        width: of the figure in inches.
        notes: further small print.

    Raises:
        TrackzooError: nothing to draw.
    """
    from matplotlib.lines import Line2D
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    shown = [bubble for bubble in bubbles if bubble.drawn]
    missing = _left_out(bubbles)
    if not shown:
        reason = f" ({' '.join(missing)})" if missing else ""
        raise TrackzooError(
            f"accuracy against speed: found no tracker with both{reason}; speed comes from runs of one lane and job"
        )
    look = styles_of([bubble.tracker for bubble in bubbles if not bubble.published], styles)
    sized = bool(sizes) and any(math.isfinite(bubble.size) for bubble in shown)
    areas = _areas(shown) if sized else [_PLAIN] * len(shown)
    across = [1000 / bubble.fps if latency else bubble.fps for bubble in shown]
    up = [bubble.score for bubble in shown]

    handles: list[Any] = []
    labels: list[str] = []
    if any(bubble.published for bubble in shown):
        hollow: dict[str, Any] = {"linestyle": "", "marker": "o", "markersize": 4.5}
        if any(not bubble.published for bubble in shown):
            handles.append(Line2D([], [], color=style.INK, **hollow))
            labels.append("measured here")
        handles.append(Line2D([], [], color=style.INK, markerfacecolor="none", **hollow))
        labels.append("published")
    samples = _sample_sizes(shown) if sized else []
    dots = [
        Line2D([], [], linestyle="", marker="o", markersize=math.sqrt(area), color=style.SOFT, markeredgewidth=0)
        for area in (_area(value, _largest(shown)) for value in samples)
    ]
    key = key_layout(labels, width - 2 * GAP)[1]
    scale = max((float(dot.get_markersize()) / 72 for dot in dots), default=0.0) + (GAP if dots else 0.0)
    unsized = [style.shorten(bubble.tracker) for bubble in shown if sized and not math.isfinite(bubble.size)]
    said = [f"Drawn smallest, size not known: {', '.join(unsized)}."] if unsized else []
    small = note_lines([*_devices(shown), *said, *missing, *notes], width)
    foot = note_height(small) + key + scale
    left, bottom = 0.45, 0.4
    high = min(0.78 * width, 3.6)
    figure = sheet(width, foot + bottom + high + (0.25 if title else 0.08))
    axes = axes_at(figure, left, foot + bottom, width - left - 0.1, high)
    wide = max(across) / min(across) > 6
    if wide:
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(
            LogLocator(subs=(1, 2, 5) if max(across) / min(across) < 300 else (1,), numticks=12)
        )
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.set_xlim(min(across) / 1.6, max(across) * 1.6)
    else:
        room = 0.18 * (max(across) - min(across)) or 0.3 * max(across)
        axes.set_xlim(max(0.0, min(across) - room), max(across) + room)
    room = 0.08 * (max(up) - min(up)) or 1.0
    low, top, step = fitting(max(min(up) - room, min(0.0, *up)), max(up) + room)
    axes.set_ylim(low, top)
    axes.set_yticks([low + step * place for place in range(round((top - low) / step) + 1)])
    mark = 1000 / REAL_TIME if latency else REAL_TIME
    if axes.get_xlim()[0] < mark < axes.get_xlim()[1]:
        axes.axvline(mark, color=style.INK, linewidth=0.6, linestyle=(0, (1, 2)), zorder=1)
        axes.annotate(
            f"{REAL_TIME:g} fps", (mark, 0), (2, 2), xycoords=("data", "axes fraction"), textcoords="offset points",
            fontsize=style.SMALLEST, rotation=90, va="bottom", ha="left",
        )  # fmt: skip
    axes.grid(True)
    axes.set_axisbelow(True)
    # Large ones first, so that they hide nothing.
    for place in sorted(range(len(shown)), key=lambda place: -areas[place]):
        bubble = shown[place]
        colour = style.SOFT if bubble.published else look[bubble.tracker].colour
        axes.scatter(
            [across[place]],
            [up[place]],
            s=areas[place],
            facecolors="none" if bubble.published else colour,
            edgecolors=style.INK if bubble.published else style.PAPER,
            linewidths=0.8 if bubble.published else 0.5,
            alpha=None if bubble.published else 0.9,
            marker="o" if sized or bubble.published else style.marker(look[bubble.tracker].index),
            zorder=3,
            gid=None if bubble.published else f"line:{look[bubble.tracker].index}",
            label=bubble.tracker,
        )
    axes.set_xlabel("Latency [ms a frame]" if latency else "Speed [frames per second]")
    axes.set_ylabel(label)
    if title:
        axes.set_title(plain(title), pad=5)
    place_labels(
        figure,
        axes,
        [(x, y) for x, y in zip(across, up, strict=True)],
        [math.sqrt(area) / 2 for area in areas],
        [name_of(bubble.tracker, 26) for bubble in shown],
        colours=[style.INK for _ in shown],
    )
    key_below(figure, handles, labels, note_height(small) + key + scale)
    key_below(
        figure,
        dots,
        [f"{value:g} {sizes}" for value in samples],
        note_height(small) + scale / 2 + style.LEGEND_SIZE / 144,
    )
    notes_at(figure, small, note_height(small))
    return figure


def _area(size: float, largest: float) -> float:
    """Area in square points: in proportion to the size, but never too small to see."""
    return max(_LEAST, _MOST * size / largest)


def _areas(shown: ListOf[Bubble]) -> list[float]:
    known = [bubble.size for bubble in shown if math.isfinite(bubble.size) and bubble.size > 0]
    largest = max(known, default=1.0)
    return [
        _area(bubble.size, largest) if math.isfinite(bubble.size) and bubble.size > 0 else _LEAST for bubble in shown
    ]


def _largest(shown: ListOf[Bubble]) -> float:
    return max(bubble.size for bubble in shown if math.isfinite(bubble.size))


def _sample_sizes(shown: ListOf[Bubble]) -> list[float]:
    """Two round sizes for the key, the larger near the largest bubble."""
    largest = _largest(shown)
    if largest <= 0:
        return []
    power = 10 ** math.floor(math.log10(largest))
    near = max(factor * power for factor in (1, 2, 5) if factor * power <= largest * (1 + 1e-9))
    return [float(f"{near / 5:.6g}"), float(f"{near:.6g}")]


def _left_out(bubbles: ListOf[Bubble]) -> list[str]:
    """A line for each reason why trackers are not drawn."""
    reasons: dict[str, list[str]] = {}
    for bubble in bubbles:
        if not bubble.drawn:
            reason = "no score" if math.isfinite(bubble.fps) and bubble.fps > 0 else bubble.reason
            reasons.setdefault(reason, []).append(style.shorten(bubble.tracker))
    return [f"Not shown, {reason}: {', '.join(dict.fromkeys(names))}." for reason, names in reasons.items()]


def _devices(shown: ListOf[Bubble]) -> list[str]:
    """What the speeds were measured on: speeds on different machines are no comparison, and the reader must see it."""
    found: dict[tuple[bool, str], list[str]] = {}
    for bubble in shown:
        found.setdefault((bubble.published, bubble.device), []).append(bubble.tracker)
    lines = []
    for (published, device), trackers in found.items():
        if published:
            where = f" ({device})" if device else ""
            lines.append(f"Published speed{where}: {', '.join(map(style.shorten, trackers))}.")
        elif device:
            alone = sum(not key[0] for key in found) == 1
            lines.append(f"Measured on {device}{'' if alone else ': ' + ', '.join(map(style.shorten, trackers))}.")
    return lines
