"""A plain pair of axes with a key under it and small print under that: what most figures here are."""

from __future__ import annotations

from collections.abc import Sequence as ListOf
from typing import TYPE_CHECKING, Any

from trackzoo.report import style
from trackzoo.report.figures.sheet import (
    GAP,
    axes_at,
    key_below,
    key_layout,
    note_height,
    note_lines,
    notes_at,
    plain,
    sheet,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def chart(
    width: float,
    height: float,
    labels: ListOf[str] = (),
    notes: ListOf[str] = (),
    *,
    title: str = "",
    left: float = 0.45,
    bottom: float = 0.38,
    right: float = 0.1,
    size: float = style.LEGEND_SIZE,
) -> tuple[Figure, Axes, Any]:
    """A sheet with axes of `height` inches, room for a key of `labels`, and notes.

    Returns:
        The figure, its axes, and a function that puts the key: call it with handles (one a label) and, if wanted, their ids.
    """
    small = note_lines(notes, width)
    under = note_height(small)
    key = key_layout(labels, width - 2 * GAP, size)[1]
    figure = sheet(width, under + key + bottom + height + (0.25 if title else 0.08))
    axes = axes_at(figure, left, under + key + bottom, width - left - right, height)
    if title:
        axes.set_title(plain(title), pad=5)
    notes_at(figure, small, under)

    def put_key(handles: ListOf[Any], gids: ListOf[str] = ()) -> None:
        if handles:
            key_below(figure, handles, labels, under + key, size, gids)

    return figure, axes, put_key
