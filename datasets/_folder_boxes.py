"""Boxes in a person's own text file: which form the numbers have, told or found out.

Four numbers a row are `x,y,w,h` or `x1,y1,x2,y2`; eight are the corners of a polygon. Both of the former are rows of four
plausible numbers, so the choice is made only where it is beyond doubt, and is said.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from trackzoo.datasets._text import read_numbers
from trackzoo.errors import DataError, SettingsError
from trackzoo.geometry import Floats, boxes_from_corners
from trackzoo.regions import Polygon, Region, Special
from trackzoo.sequence import Flags

FORMATS = ("auto", "xywh", "corners", "polygon")

_ASK = "say which with format=xywh or format=corners"


@dataclass(frozen=True)
class Rows:
    """What a file of boxes says.

    Attributes:
        boxes: (N, 4) `x, y, w, h`.
        visible: (N,) false where a row says that the target is not there: NaN, or a box without size.
        regions: polygons where the rows hold them; a special code where the target is not there.
        form: the form of the rows and how it is known, for a person.
    """

    boxes: Floats
    visible: Flags
    regions: tuple[Region, ...] | None
    form: str


def check_format(format: str) -> str:
    """A value of the option `format`. Raises `SettingsError`."""
    if format not in FORMATS:
        raise SettingsError(f"folder: format={format} cannot be used; expected one of {', '.join(FORMATS)}")
    return format


def read_rows(path: Path, format: str, size: tuple[int, int]) -> Rows:
    """Read a file of boxes.

    Args:
        path: one row a frame, or a single row for the first frame.
        format: one of `FORMATS`.
        size: (width, height) of the pictures in pixels, from which the form is found out.

    Raises:
        DataError: with the line, where a row is not what its form promises; or where the form is in doubt.
    """
    values = read_numbers(path, (4, 8), allow_nan=True)
    _whole_rows(path, values)
    if values.shape[1] == 8:
        if format not in ("auto", "polygon"):
            raise DataError(path, "8 numbers in a row", f"4 for format={format}", "format=polygon takes eight", line=1)
        return _polygons(values)
    if format == "polygon":
        raise DataError(path, "4 numbers in a row", "8 for format=polygon: x1,y1,x2,y2,x3,y3,x4,y4", line=1)
    absent = _absent(values)
    form = "as told"
    if format == "auto":
        format, form = _find_out(path, values[~absent], size)
    boxes = values if format == "xywh" else np.where(absent[:, None], np.nan, boxes_from_corners(values))
    if (bad := ~absent & ~(boxes[:, 2:] > 0).all(axis=1)).any():
        line = int(bad.argmax())
        text = ",".join(f"{value:g}" for value in values[line])
        expected = "x2 > x1 and y2 > y1" if format == "corners" else "x,y,w,h with positive width and height"
        raise DataError(path, text, expected, f"mend the row, or {_ASK}", line=line + 1)
    words = "corners x1,y1,x2,y2" if format == "corners" else "x,y,w,h"
    return Rows(boxes, ~absent, None, f"{words} ({form})")


def _whole_rows(path: Path, values: Floats) -> None:
    part = np.isnan(values).any(axis=1) & ~np.isnan(values).all(axis=1)
    if part.any():
        expected = "numbers, or NaN in every place for a target that is not there"
        raise DataError(path, "a row with some NaN", expected, line=int(part.argmax()) + 1)


def _absent(values: Floats) -> Flags:
    """Rows of NaN, of zeros or of -1, the ways in which files say that the target is not there; and empty boxes."""
    constant = (values == values[:, :1]).all(axis=1) & ((values[:, 0] == 0) | (values[:, 0] == -1))
    return np.asarray(np.isnan(values).all(axis=1) | constant | (values[:, 2:] == 0).all(axis=1))


def _find_out(path: Path, rows: Floats, size: tuple[int, int]) -> tuple[str, str]:
    """The form of four numbers a row, and how it shows."""
    if not len(rows):
        return "xywh", "no row with a box"
    low, high = rows[:, :2], rows[:, 2:]
    if not (high > low).all():
        return "xywh", "found out: as corners a box would end before it begins"
    if not (high > 0).all():
        return "corners", "found out: as x,y,w,h a box would have no size"
    # By how much sizes change from row to row: under the wrong reading an object that moves seems to grow or shrink.
    restless = {"xywh": _changes(high), "corners": _changes(high - low)}
    limits = np.array(size, dtype=np.float64) * 1.05
    leaves = {"xywh": bool((low + high > limits).any()), "corners": bool((high > limits).any())}
    if leaves["xywh"] and not leaves["corners"] and restless["corners"] <= 2 * restless["xywh"]:
        return "corners", "found out: as x,y,w,h a box would leave the picture"
    for form, other in (("xywh", "corners"), ("corners", "xywh")):
        if restless[other] > 4 * restless[form] + 20:
            return form, f"found out: as {other} the object would change its size as it moves"
    text = ",".join(f"{value:g}" for value in rows[0])
    raise DataError(path, f"{text} that can be x,y,w,h and x1,y1,x2,y2", "one form that fits", _ASK)


def _changes(sizes: Floats) -> float:
    return float(np.abs(np.diff(sizes, axis=0)).sum())


def _polygons(values: Floats) -> Rows:
    points = values.reshape(-1, 4, 2)
    low, high = points.min(axis=1), points.max(axis=1)
    boxes = np.concatenate([low, high - low], axis=1)
    visible = ~np.isnan(boxes).any(axis=1) & (boxes[:, 2:] > 0).all(axis=1)
    regions = tuple(
        Polygon(tuple((float(x), float(y)) for x, y in corners)) if there else Special(0)
        for corners, there in zip(points, visible, strict=True)
    )
    boxes[~visible] = np.nan
    return Rows(boxes, visible, regions, "polygons x1,y1,…,x4,y4 (8 numbers); boxes are their bounds")
