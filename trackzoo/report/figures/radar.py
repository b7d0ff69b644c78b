"""Attribute radar: one spoke an attribute, one outline a tracker (as PiVOT, Figs. 8 and 9)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from trackzoo.errors import TrackzooError
from trackzoo.metrics.types import Floats
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
    wrapped,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Where the lowest of each attribute lies when every spoke has its own scale: not in the centre, where all would meet.
_INNER = 0.2
_NAME_SIZE = style.FONT_SIZE - 1.5


@styled
def attribute_radar(
    chart: AttributeChart,
    styles: Styles | None = None,
    *,
    width: float = style.COLUMN,
    top: int = 8,
    own_scale: bool = False,
    title: str | None = None,
    decimals: int = 1,
) -> Figure:
    """A radar of the first `top` trackers; the others are thin and grey behind them.

    Args:
        chart: what to draw; at least three attributes.
        styles: tracker -> its style; by default in order of the chart.
        width: of the figure in inches.
        top: so many trackers are drawn in their own style.
        own_scale: stretch each spoke from its lowest to its highest value, which stand beside its name; otherwise all spokes
            share one scale, that of the rings.
        title: in place of the chart's own; empty for none.
        decimals: of the values beside the names.

    Raises:
        TrackzooError: fewer than three attributes.
    """
    if len(chart.attributes) < 3:
        raise TrackzooError(
            f"{chart.title}: found {len(chart.attributes)} attributes, a radar needs 3; draw bars ('attributes') instead"
        )
    look = styles_of(chart.trackers, styles)
    shown, others = list(chart.trackers[:top]), list(chart.trackers[top:])
    radii, rings, texts = _scaled(chart, own_scale, decimals)
    labels = key_names(shown, width)
    if others:
        labels.append(f"{len(others)} other{'s' if len(others) > 1 else ''}")
    notes = list(chart.notes)
    if own_scale:
        notes.append("Each spoke has its own scale, from the lowest to the highest value beside its name.")
    small = note_lines(notes, width)
    key = key_layout(labels, width - 2 * GAP)[1]
    heading = chart.title if title is None else title
    side = max(width - 1.5, 1.2)
    # Room for the print above and below the circle.
    rim = 0.12 + 0.1 * max((len(_lines(text, wide=True)) for text in texts), default=1)
    foot = note_height(small) + key
    height = foot + side + 2 * rim + (0.22 if heading else 0.0)
    figure = sheet(width, height)
    axes: Any = axes_at(figure, (width - side) / 2, foot + rim, side, side, projection="polar")
    axes.set_theta_zero_location("N")
    axes.set_theta_direction(-1)
    angles = np.arange(len(chart.attributes)) * 2 * math.pi / len(chart.attributes)
    around = np.append(angles, angles[0] + 2 * math.pi)
    axes.set_ylim(rings[0], rings[-1])
    axes.set_yticks([])
    axes.set_xticks(angles, [""] * len(angles))
    axes.spines["polar"].set_visible(False)
    axes.grid(True, axis="x")
    for place, ring in enumerate(rings[1:]):
        edge = place == len(rings) - 2
        axes.plot(around, [ring] * len(around), color=style.INK if edge else style.GRID, linewidth=0.5, zorder=1)
        if not own_scale:
            # Between two spokes, where no marker lies; a ring's side is nearer to the centre there than its corners.
            side_of = rings[0] + (ring - rings[0]) * math.cos(angles[1] / 2)
            axes.text(
                angles[1] / 2, side_of, f"{ring:g}", fontsize=style.SMALLEST, ha="center", va="center", zorder=6,
                color=style.INK, bbox={"facecolor": style.PAPER, "edgecolor": "none", "pad": 0.3, "alpha": 0.85},
            )  # fmt: skip
    for angle, text in zip(angles, texts, strict=True):
        _beside(axes, float(angle), text, rings, side)
    handles = []
    row_of = {name: row for row, name in enumerate(chart.trackers)}
    for name in (*reversed(others), *reversed(shown)):
        values = radii[row_of[name]]
        line, own = look[name], name in shown
        [drawn] = axes.plot(
            around,
            np.append(values, values[0]),
            color=line.colour if own else style.SOFT,
            linewidth=0.75 * line.width if own else 0.5,
            linestyle=(0, line.dashes) if own and line.dashes else "solid",
            marker=style.marker(line.index) if own else "",
            markersize=2.6,
            zorder=4 if own else 3,
            alpha=1.0 if own else 0.7,
            clip_on=False,
            label=name,
            gid=f"line:{line.index}" if own else None,
        )
        if own or name == others[0]:
            handles.append(drawn)
    handles.reverse()
    gids = [f"line:{look[name].index}" for name in shown]
    key_below(figure, handles, labels, note_height(small) + key, gids=gids)
    notes_at(figure, small, note_height(small))
    if heading:
        figure.text(0.5, 1 - 0.05 / height, plain(heading), ha="center", va="top", fontsize=style.FONT_SIZE + 1)
    return figure


def _scaled(chart: AttributeChart, own_scale: bool, decimals: int) -> tuple[Floats, list[float], list[str]]:
    """Distances from the centre (T, A), the rings (the first is the centre), and what stands at each spoke."""
    values = chart.values
    names = [name.replace("_", " ") for name in chart.attributes]
    if not own_scale:
        known = values[np.isfinite(values)]
        low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 1.0)
        # Some air below the lowest, so that it is no point in the centre; from zero where that is near.
        begin, end, step = fitting(max(0.0, low - 0.25 * (high - low) - 1e-9), high, most=5)
        rings = [begin + step * place for place in range(round((end - begin) / step) + 1)]
        return values, rings, [f"{name} ({count})" for name, count in zip(names, chart.counts, strict=True)]
    radii = np.full(values.shape, math.nan)
    texts = []
    for place, name in enumerate(names):
        known = values[np.isfinite(values[:, place]), place]
        if not known.size:
            texts.append(f"{name} (–)")
            continue
        low, high = float(known.min()), float(known.max())
        radii[:, place] = _INNER + (1 - _INNER) * ((values[:, place] - low) / (high - low) if high > low else 1.0)
        texts.append(f"{name} ({show(low, decimals)}, {show(high, decimals)})")
    radii[np.isnan(values)] = math.nan
    return radii, [0.0, _INNER, _INNER + (1 - _INNER) / 2, 1.0], texts


def _lines(text: str, *, wide: bool) -> list[str]:
    return [style.shorten(line, 20) for line in wrapped(text, 1.6 if wide else 0.8, _NAME_SIZE)]


def _beside(axes: Any, angle: float, text: str, rings: list[float], side: float) -> None:
    """A spoke's name outside the circle, on the side where it points."""
    across, up = math.sin(angle), math.cos(angle)
    lines = _lines(text, wide=abs(across) < 0.3)
    axes.text(
        angle,
        rings[-1] + (rings[-1] - rings[0]) * 0.14 / side,
        plain("\n".join(lines)),
        fontsize=_NAME_SIZE,
        ha="center" if abs(across) < 0.3 else "left" if across > 0 else "right",
        va="center" if abs(up) < 0.3 else "bottom" if up > 0 else "top",
        linespacing=1.1,
    )
