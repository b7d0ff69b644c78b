"""Expected average overlap over the length of a sequence, with the interval that the figure averages (VOT)."""

from __future__ import annotations

import math
from collections.abc import Sequence as ListOf
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trackzoo.errors import TrackzooError
from trackzoo.metrics.types import Floats
from trackzoo.report import style
from trackzoo.report.columns import show
from trackzoo.report.figures.chart import chart
from trackzoo.report.figures.sheet import Styles, fitting, key_names, styled, styles_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class EaoLine:
    """One tracker's curve.

    Attributes:
        tracker: name.
        values: (L,) expected average overlap 0..1 of sequences of length 0, 1, …, L - 1 frames.
        eao: its mean over the interval, 0..1; NaN where not known.
    """

    tracker: str
    values: Floats
    eao: float


@styled
def eao_curve(
    lines: ListOf[EaoLine],
    interval: tuple[int, int] | None = None,
    styles: Styles | None = None,
    *,
    title: str = "",
    width: float = style.COLUMN,
    decimals: int = 3,
    notes: ListOf[str] = (),
) -> Figure:
    """Curves, the interval shaded, the key ranked by EAO.

    Args:
        lines: the trackers.
        interval: shortest and longest length, in frames, that EAO averages over.
        styles: tracker -> its style.
        title: above the axes.
        width: of the figure in inches.
        decimals: of EAO in the key.
        notes: small print.

    Raises:
        TrackzooError: no curve.
    """
    if not lines:
        raise TrackzooError("EAO curve: found no tracker with a curve")
    ranking = sorted(lines, key=lambda line: (math.isnan(line.eao), -line.eao, line.tracker))
    look = styles_of([line.tracker for line in ranking], styles)
    names = key_names([line.tracker for line in ranking], width, f"[{show(0.0, decimals)}] ")
    labels = [f"[{show(line.eao, decimals)}] {name}" for line, name in zip(ranking, names, strict=True)]
    figure, axes, put_key = chart(width, 0.62 * min(width, 5.0), labels, notes, title=title)
    longest = max(len(line.values) for line in lines)
    if interval is not None:
        axes.axvspan(*interval, color=style.GRID, alpha=0.45, linewidth=0, zorder=0)
        for place in interval:
            axes.axvline(place, color=style.INK, linewidth=0.6, linestyle=(0, (1, 2)), zorder=1)
    handles = {}
    for line in reversed(ranking):
        own = look[line.tracker]
        # Length 0 has no overlap to expect: the curve begins with the first frame.
        [handles[line.tracker]] = axes.plot(
            range(1, len(line.values)),
            line.values[1:],
            color=own.colour,
            linewidth=own.width,
            linestyle=(0, own.dashes) if own.dashes else "solid",
            label=line.tracker,
            gid=f"line:{own.index}",
        )
    high = max((float(line.values[1:].max(initial=0)) for line in lines), default=1.0)
    axes.set_xlim(1, max(longest - 1, 2))
    axes.set_ylim(0, fitting(0, min(max(high, 1e-3), 1.0))[1])
    axes.set_xlabel("Sequence length [frames]")
    axes.set_ylabel("Expected average overlap")
    axes.grid(True)
    axes.set_axisbelow(True)
    put_key([handles[line.tracker] for line in ranking], [f"line:{look[line.tracker].index}" for line in ranking])
    return figure
