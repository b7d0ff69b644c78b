"""A figure over a setting, a line for each series (as JN, Fig. 5)."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence as ListOf
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from trackzoo.errors import TrackzooError
from trackzoo.report import style
from trackzoo.report.figures.chart import chart
from trackzoo.report.figures.sheet import Styles, fitting, key_names, plain, styled, styles_of, text_width

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Series:
    """One line.

    Attributes:
        name: what it is: a tracker, or another setting's value.
        settings: (N) values of the setting: numbers, or words that are set side by side in the order given.
        scores: (N) the figure at each; NaN breaks the line.
        spreads: (N) standard deviation over repetitions, NaN where not known; empty for none.
    """

    name: str
    settings: tuple[float | str, ...]
    scores: tuple[float, ...]
    spreads: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        """Raises `TrackzooError` for lengths that do not fit."""
        if len(self.scores) != len(self.settings) or len(self.spreads) not in (0, len(self.settings)):
            raise TrackzooError(
                f"ablation '{self.name}': found {len(self.settings)} settings and {len(self.scores)} scores, expected as many"
            )


@styled
def ablation(
    series: ListOf[Series],
    styles: Styles | None = None,
    *,
    setting: str,
    label: str,
    title: str = "",
    width: float = style.COLUMN,
    notes: ListOf[str] = (),
) -> Figure:
    """Lines with a marker at each setting; the best of each line is ringed.

    Args:
        series: the lines, in order of the key; each is sorted by its settings where these are numbers.
        styles: series -> its style.
        setting: label of the horizontal axis.
        label: label of the vertical axis, with its unit.
        title: above the axes.
        width: of the figure in inches.
        notes: small print.

    Raises:
        TrackzooError: no score at all.
    """
    if not any(math.isfinite(score) for line in series for score in line.scores):
        raise TrackzooError(f"ablation over {setting}: found no score")
    look = styles_of([line.name for line in series], styles)
    numeric = all(
        isinstance(value, int | float) and not isinstance(value, bool) for line in series for value in line.settings
    )
    words = list(dict.fromkeys(str(value) for line in series for value in line.settings))
    labels = key_names([line.name for line in series], width) if len(series) > 1 or series[0].name else []
    figure, axes, put_key = chart(width, 0.62 * min(width, 5.0), labels, notes, title=title)
    handles = []
    ends: list[float] = []
    for line in series:
        across = np.array([float(value) if numeric else words.index(str(value)) for value in line.settings])
        order = np.argsort(across, kind="stable")
        across, scores = across[order], np.array(line.scores, dtype=np.float64)[order]
        own = look[line.name]
        spreads = np.array(line.spreads, dtype=np.float64)[order] if line.spreads else np.full(len(scores), math.nan)
        if np.isfinite(spreads).any():
            axes.fill_between(across, scores - spreads, scores + spreads, color=own.colour, alpha=0.15, linewidth=0)
        [drawn] = axes.plot(
            across, scores, color=own.colour, linewidth=0.85 * own.width, linestyle=(0, own.dashes) if own.dashes else "solid",
            marker=style.marker(own.index), markersize=4, markeredgecolor=style.PAPER, markeredgewidth=0.3, label=line.name,
            gid=f"line:{own.index}",
        )  # fmt: skip
        handles.append(drawn)
        if np.isfinite(scores).any() and len(scores) > 1:
            best = int(np.nanargmax(scores))
            axes.plot([across[best]], [scores[best]], linestyle="", marker="o", markersize=8, markerfacecolor="none",
                      markeredgecolor=own.colour, markeredgewidth=0.8, label="_best")  # fmt: skip
        wide = np.nan_to_num(spreads)
        ends += [value for value in (*(scores - wide), *(scores + wide)) if math.isfinite(value)]
    room = 0.1 * (max(ends) - min(ends)) or 0.5
    low, high, step = fitting(min(ends) - room, max(ends) + room)
    axes.set_ylim(low, high)
    axes.set_yticks(np.arange(low, high + step / 2, step))
    axes.set_xlabel(plain(setting))
    axes.set_ylabel(label)
    if numeric:
        values = sorted({float(value) for line in series for value in line.settings})
        gaps = min((b - a for a, b in itertools.pairwise(values)), default=0)
        if len(values) <= 9 and gaps >= 0.08 * (values[-1] - values[0]):
            axes.set_xticks(values, [f"{value:g}" for value in values])
    else:
        turned = (
            text_width([style.shorten(word, 16) for word in words], style.FONT_SIZE - 1)
            > (width - 0.6) / len(words) - 0.05
        )
        axes.set_xticks(
            range(len(words)), [plain(style.shorten(word, 16)) for word in words],
            rotation=25 if turned else 0, ha="right" if turned else "center", rotation_mode="anchor" if turned else None,
        )  # fmt: skip
        axes.set_xlim(-0.4, len(words) - 0.6)
    axes.grid(True)
    axes.set_axisbelow(True)
    if labels:
        put_key(handles, [f"line:{look[line.name].index}" for line in series])
    return figure
