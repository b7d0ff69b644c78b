"""Attribute bars: a group of bars for each attribute, one bar a tracker (as PiVOT, Fig. 4)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from trackzoo.report import style
from trackzoo.report.columns import show
from trackzoo.report.figures.attributes import AttributeChart
from trackzoo.report.figures.sheet import (
    GAP,
    Styles,
    axes_at,
    fitting,
    key_below,
    key_layout,
    key_names,
    note_height,
    note_lines,
    notes_at,
    plain,
    sheet,
    styled,
    styles_of,
    text_width,
    wrapped,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Narrowest bar that a printer holds apart from its neighbour, in inches; more bars go into another row.
NARROWEST = 0.05
ROW_HEIGHT = 1.25
_LEFT, _RIGHT = 0.42, 0.06
#: Space between groups, in bars.
_BETWEEN = 1.2


@styled
def attribute_bars(
    chart: AttributeChart,
    styles: Styles | None = None,
    *,
    width: float = style.PAGE,
    top: int = 12,
    title: str | None = None,
    decimals: int = 1,
) -> Figure:
    """Bars from zero, in as many rows as they need to stay wide enough; values stand on them where there is room.

    Args:
        chart: what to draw.
        styles: tracker -> its style; by default in order of the chart.
        width: of the figure in inches.
        top: draw so many trackers at most; a note says how many there are.
        title: in place of the chart's own; empty for none.
        decimals: of the values on the bars.
    """
    from matplotlib.patches import Patch

    look = styles_of(chart.trackers, styles)
    chart = chart.top(top)
    inner = width - _LEFT - _RIGHT
    bars = len(chart.trackers) + _BETWEEN
    rows = max(1, math.ceil(len(chart.attributes) * bars * NARROWEST / inner))
    per_row = math.ceil(len(chart.attributes) / rows)
    rows = math.ceil(len(chart.attributes) / per_row)
    # A few bars are not blown up to fill the page.
    bar = min(inner / (per_row * bars), 0.34)
    used = bar * per_row * bars
    names, under = _group_names(chart, bar * bars)
    labels = key_names(chart.trackers, width)
    key = key_layout(labels, width - 2 * GAP)[1]
    small = note_lines(chart.notes, width)
    heading = chart.title if title is None else title
    foot = note_height(small) + key + GAP
    height = foot + rows * (ROW_HEIGHT + under + GAP) + (0.25 if heading else 0.1)
    figure = sheet(width, height)
    known = chart.values[np.isfinite(chart.values)]
    high = fitting(0, max(float(known.max(initial=0)), 1e-9) * 1.001)[1]
    # Values stand upright on bars that are narrower than their print.
    widest = text_width([show(float(known.max(initial=0)), decimals)], style.SMALLEST)
    turned = bar < widest
    valued = bar >= style.SMALLEST * 1.05 / 72
    for row in range(rows):
        bottom = foot + (rows - 1 - row) * (ROW_HEIGHT + under + GAP) + under
        axes = axes_at(figure, _LEFT + (inner - used) / 2, bottom, used, ROW_HEIGHT)
        places = list(range(row * per_row, min((row + 1) * per_row, len(chart.attributes))))
        for index, tracker in enumerate(chart.trackers):
            line = look[tracker]
            left = [(place - places[0]) * bars + _BETWEEN / 2 + index for place in places]
            heights = chart.values[index, places]
            drawn = axes.bar(
                left,
                np.nan_to_num(heights),
                width=1.0,
                align="edge",
                color=line.colour,
                hatch=style.hatch(line.index),
                edgecolor=style.PAPER if line.index % len(style.COLOURS) < 3 else style.INK,
                linewidth=0.25,
                label=tracker,
            )
            for patch, value in zip(drawn.patches, heights, strict=True):
                patch.set_gid(f"line:{line.index}")
                if valued and not math.isnan(value):
                    axes.annotate(
                        show(float(value), decimals),
                        (patch.get_x() + 0.5, value),
                        (0, 1.5),
                        textcoords="offset points",
                        ha="center",
                        va="bottom",
                        rotation=90 if turned else 0,
                        fontsize=style.SMALLEST,
                    )
        axes.set_xlim(0, per_row * bars)
        axes.set_ylim(0, high * (1 + (0.2 if turned else 0.07) * valued))
        axes.set_yticks(np.arange(0, high + 1e-9, fitting(0, high)[2]))
        axes.set_xticks([(place - places[0] + 0.5) * bars for place in places], [names[place] for place in places])
        axes.tick_params(axis="x", length=0, pad=2)
        for text in axes.get_xticklabels():
            text.set_linespacing(1.05)
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(True, axis="y")
        axes.set_axisbelow(True)
        axes.set_ylabel(chart.label)
        if row == 0 and heading:
            axes.set_title(plain(heading), pad=5)
    handles = [
        Patch(
            facecolor=look[name].colour,
            hatch=style.hatch(look[name].index),
            edgecolor=style.PAPER if look[name].index % len(style.COLOURS) < 3 else style.INK,
            linewidth=0.25,
        )
        for name in chart.trackers
    ]
    key_below(
        figure, handles, labels, note_height(small) + key, gids=[f"line:{look[name].index}" for name in chart.trackers]
    )
    notes_at(figure, small, note_height(small))
    return figure


def _group_names(chart: AttributeChart, room: float) -> tuple[list[str], float]:
    """What stands under each group, no wider than `room` inches, and the height in inches that the highest needs."""
    size = style.FONT_SIZE - 1
    found = []
    for name, count in zip(chart.attributes, chart.counts, strict=True):
        text = "\n".join(wrapped(name.replace("_", " "), room * 0.96, size))
        longest = max(len(word) for word in text.split("\n"))
        while longest > 3 and text_width([text], size) > room:
            longest -= 1
            text = "\n".join(style.shorten(line, longest) for line in text.split("\n"))
        found.append(f"{plain(text)}\n({count})")
    most = max((text.count("\n") + 1 for text in found), default=1)
    return found, most * size * 1.25 / 72 + 0.04
