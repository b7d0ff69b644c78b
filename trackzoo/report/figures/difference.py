"""Where one tracker beats another: the differences of all sequences, sorted."""

from __future__ import annotations

import math
from collections.abc import Sequence as ListOf
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from trackzoo.errors import TrackzooError
from trackzoo.metrics.bootstrap import Duel
from trackzoo.metrics.types import Floats
from trackzoo.report import style
from trackzoo.report.columns import show
from trackzoo.report.figures.sheet import (
    Styles,
    axes_at,
    fitting,
    name_of,
    note_height,
    note_lines,
    notes_at,
    plain,
    sheet,
    styled,
    styles_of,
    text_width,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Up to so many sequences every one has its name beside its bar.
NAMED = 30
#: Among more, so many at either end are named.
_ENDS = 8


@dataclass(frozen=True)
class Differences:
    """Two trackers on the same S sequences.

    Attributes:
        first, second: names.
        sequences: (S) names.
        values: (S,) first minus second; NaN where one of them is not known.
        label: of the metric, with its unit.
        duel: the difference over the data set with its interval, and on how many sequences the first is better, about equal,
            or worse; None where that is not known.
        higher: whether more is better.
    """

    first: str
    second: str
    sequences: tuple[str, ...]
    values: Floats
    label: str
    duel: Duel | None = None
    higher: bool = True

    def __post_init__(self) -> None:
        """Raises `TrackzooError` for values that do not fit the sequences."""
        if self.values.shape != (len(self.sequences),):
            raise TrackzooError(
                f"differences: found values of shape {self.values.shape}, expected ({len(self.sequences)},), one a sequence"
            )


@styled
def differences(
    given: Differences,
    styles: Styles | None = None,
    *,
    title: str = "",
    width: float = style.COLUMN,
    decimals: int = 1,
    notes: ListOf[str] = (),
) -> Figure:
    """Sorted bars, the first tracker's wins in its colour, the second's in its own.

    Few sequences lie as named bars one under another; many stand side by side, those at the ends named.

    Args:
        given: what to draw.
        styles: tracker -> its style.
        title: above the axes.
        width: of the figure in inches.
        decimals: of the figures in the note.
        notes: further small print.

    Raises:
        TrackzooError: no sequence that both have.
    """
    known = np.flatnonzero(np.isfinite(given.values))
    if not known.size:
        raise TrackzooError(
            f"differences: found no sequence that both {given.first} and {given.second} have a figure of"
        )
    order = known[np.argsort(-given.values[known], kind="stable")]
    names, values = [given.sequences[place] for place in order], given.values[order]
    look = styles_of([given.first, given.second], styles)
    said = [_summary(given, decimals)] if given.duel else []
    unknown = [name for name, value in zip(given.sequences, given.values, strict=True) if not math.isfinite(value)]
    if unknown:
        said.append(
            f"Not shown, no figure: {', '.join(unknown[:4])}{f' and {len(unknown) - 4} more' if unknown[4:] else ''}."
        )
    small = note_lines([*said, *notes], width)
    under = note_height(small)
    lying = len(names) <= NAMED
    side = text_width([name_of(name, 24) for name in names], style.FONT_SIZE - 1.5) + 0.14 if lying else 0.45
    high = max(0.125 * len(names), 0.35) if lying else min(0.62 * width, 2.6)
    figure = sheet(width, under + 0.36 + high + (0.42 if title else 0.25))
    axes = axes_at(figure, side, under + 0.36, width - side - 0.12, high)
    bars = (axes.barh if lying else axes.bar)(
        range(len(values)), values, 0.78 if lying else 1.0, linewidth=0, zorder=2, label="differences"
    )
    for patch, value in zip(bars.patches, values, strict=True):
        line = look[given.first if (value >= 0) == given.higher else given.second]
        patch.set_facecolor(line.colour)
        patch.set_gid(f"line:{line.index}")
    most = float(np.abs(values).max()) or 1.0
    end = fitting(0, most * 1.02, most=4)[1]
    label = f"Difference in {given.label}"
    if lying:
        axes.set_xlim(-end, end)
        axes.set_ylim(len(names) - 0.4, -0.6)
        axes.set_yticks(range(len(names)), [name_of(name, 24) for name in names])
        axes.tick_params(axis="y", length=0, labelsize=style.FONT_SIZE - 1.5)
        axes.axvline(0, color=style.INK, linewidth=0.6, zorder=3)
        axes.set_xlabel(label)
        axes.spines[["top", "right", "left"]].set_visible(False)
        axes.grid(True, axis="x")
    else:
        axes.set_ylim(-end, end)
        axes.set_xlim(-0.5, len(names) - 0.5)
        axes.set_xlabel(f"{len(names)} sequences, sorted")
        axes.set_ylabel(label)
        axes.axhline(0, color=style.INK, linewidth=0.6, zorder=3)
        axes.grid(True, axis="y")
        _ends(axes, names, values, decimals, high)
    axes.set_axisbelow(True)
    _who_wins(axes, given, lying, 5 if not lying else 4)
    if title:
        figure.text(
            0.5,
            1 - 0.05 / float(figure.get_figheight()),
            plain(title),
            ha="center",
            va="top",
            fontsize=style.FONT_SIZE + 1,
        )
    notes_at(figure, small, under)
    return figure


def _summary(given: Differences, decimals: int) -> str:
    duel = given.duel
    assert duel is not None
    gap = duel.difference
    text = f"Over the data set {_signed(gap.value, decimals)}"
    if math.isfinite(gap.low) and len(given.sequences) > 1:
        share = f"{gap.confidence * 100:g} %"
        text += f" [{_signed(gap.low, decimals)}, {_signed(gap.high, decimals)}] ({share} of resampled sequences)"
    text += f"; {given.first} wins {duel.wins}, ties {duel.ties}, loses {duel.losses}"
    return f"{text}; a tie: the interval holds 0." if duel.tied else f"{text}."


def _signed(value: float, decimals: int) -> str:
    return f"{'+' if value > 0 else ''}{show(value, decimals)}"


def _who_wins(axes: Axes, given: Differences, lying: bool, pad: float) -> None:
    """Whose side is which: told in words, since colours alone do not survive a printer."""
    size = style.FONT_SIZE - 1
    first, second = name_of(given.first, 22), name_of(given.second, 22)
    if not given.higher:
        first, second = second, first
    if lying:
        for text, place, align in ((f"← {second} better", 0.0, "left"), (f"{first} better →", 1.0, "right")):
            axes.annotate(
                text, (place, 1), (0, pad), xycoords="axes fraction", textcoords="offset points", ha=align, va="bottom",
                fontsize=size,
            )  # fmt: skip
        return
    axes.annotate(
        f"↑ {first} better", (0, 1), (0, pad), xycoords="axes fraction", textcoords="offset points", fontsize=size
    )
    axes.annotate(
        f"↓ {second} better", (1, 1), (0, pad), xycoords="axes fraction", textcoords="offset points", ha="right",
        fontsize=size,
    )  # fmt: skip


def _ends(axes: Axes, names: ListOf[str], values: Floats, decimals: int, high: float) -> None:
    """Lists of the sequences at both ends, in the corners that sorted bars leave free."""
    size = style.SMALLEST
    count = min(_ENDS, int(high / 2 * 72 / (size * 1.35)) - 1)
    wins = [
        f"{name_of(name, 22)} {_signed(float(value), decimals)}"
        for name, value in zip(names, values, strict=True)
        if value > 0
    ]
    losses = [
        f"{name_of(name, 22)} {_signed(float(value), decimals)}"
        for name, value in zip(names, values, strict=True)
        if value < 0
    ]
    axes.annotate(
        "\n".join(wins[:count]), (1, 1), (-3, -3), xycoords="axes fraction", textcoords="offset points", ha="right", va="top",
        fontsize=size, linespacing=1.2, zorder=4,
    )  # fmt: skip
    axes.annotate(
        "\n".join(losses[-count:]), (0, 0), (3, 3), xycoords="axes fraction", textcoords="offset points", va="bottom",
        fontsize=size, linespacing=1.2, zorder=4,
    )  # fmt: skip
