"""Names beside points: each at the nearest free place, with a thin line to its point where it had to move away."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence as ListOf
from typing import TYPE_CHECKING, Any

from trackzoo.report import style
from trackzoo.report.figures.sheet import text_width

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Rectangle = tuple[float, float, float, float]

#: Directions to try, in degrees, right first as one reads.
_ANGLES = (0, 180, 90, 270, 45, 315, 135, 225, 20, 340, 160, 200)


def place_labels(
    figure: Figure,
    axes: Axes,
    points: ListOf[tuple[float, float]],
    radii: ListOf[float],
    names: ListOf[str],
    *,
    colours: ListOf[str] = (),
    size: float = 6.5,
) -> list[Any]:
    """Write each name beside its point; where names would overlap they go further away, and smaller if there are many.

    Args:
        figure: the sheet; its axes' limits and scales are final.
        axes: where the points are drawn.
        points: (x, y) in data units.
        radii: of the points' symbols, in points.
        names: to write, in order of importance: the first choose first.
        colours: of the names; by default ink.
        size: of the print.

    Returns:
        The texts.
    """
    size = max(style.SMALLEST, size - 0.5 * (len(names) > 12) - 0.5 * (len(names) > 20))
    scale = figure.dpi / 72  # points to pixels
    centres = [tuple(axes.transData.transform(point)) for point in points]
    frame = axes.get_window_extent()
    taken: list[Rectangle] = [
        (x - r * scale, y - r * scale, x + r * scale, y + r * scale) for (x, y), r in zip(centres, radii, strict=True)
    ]
    high = size * 1.05 * scale
    drawn = []
    for place, ((x, y), radius, name) in enumerate(zip(centres, radii, names, strict=True)):
        wide = text_width([name], size) * figure.dpi
        best: tuple[float, Rectangle, float] | None = None
        for away, (dx, dy) in _offers(radius * scale, wide, high, scale):
            box = (x + dx - wide / 2, y + dy - high / 2, x + dx + wide / 2, y + dy + high / 2)
            cost = away / scale * 0.6
            cost += (
                sum(_shared(box, other) for index, other in enumerate(taken) if index != place) / (wide * high) * 400
            )
            outside = (
                max(0, frame.x0 - box[0])
                + max(0, box[2] - frame.x1)
                + max(0, frame.y0 - box[1])
                + max(0, box[3] - frame.y1)
            )
            cost += outside / scale * 30
            if best is None or cost < best[0]:
                best = (cost, box, away)
        assert best is not None
        _, box, away = best
        taken.append(box)
        text = axes.annotate(
            name,
            points[place],
            (((box[0] + box[2]) / 2 - x) / scale, ((box[1] + box[3]) / 2 - y) / scale),
            textcoords="offset points",
            ha="center",
            va="center",
            fontsize=size,
            color=colours[place] if colours else style.INK,
            zorder=5,
            annotation_clip=False,
            arrowprops={
                "arrowstyle": "-", "linewidth": 0.4, "color": style.SOFT, "shrinkA": 0, "shrinkB": radius,
                "relpos": _anchor(box, x, y),
            } if away > 6 * scale else None,
        )  # fmt: skip
        drawn.append(text)
    return drawn


def _offers(radius: float, wide: float, high: float, scale: float) -> Iterator[tuple[float, tuple[float, float]]]:
    """Distance beyond the symbol's edge, and the name's centre relative to the point; near ones first. In pixels."""
    for away in (1.5, 6, 12, 20, 30, 44, 60):
        for angle in _ANGLES:
            across, up = math.cos(math.radians(angle)), math.sin(math.radians(angle))
            reach = radius + away * scale
            side = 0.0 if abs(across) < 0.2 else math.copysign(wide / 2, across)
            yield away * scale, (across * reach + side, up * (reach + high / 2))


def _shared(first: Rectangle, second: Rectangle) -> float:
    across = min(first[2], second[2]) - max(first[0], second[0])
    up = min(first[3], second[3]) - max(first[1], second[1])
    return across * up if across > 0 and up > 0 else 0.0


def _anchor(box: Rectangle, x: float, y: float) -> tuple[float, float]:
    """Where on the name's box the line to its point begins: the nearest place, as a share of its width and height."""
    wide, high = box[2] - box[0], box[3] - box[1]
    return (min(max((x - box[0]) / wide, 0), 1) if wide else 0.5, min(max((y - box[1]) / high, 0), 1))
