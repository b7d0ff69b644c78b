"""How results lie beside the annotation: the first row, the origin of pixels, corners in place of sizes, lengths."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from trackzoo.errors import listing
from trackzoo.geometry import Floats

#: What the first row of a result file is, beside the annotation's first box.
First = Literal["equal", "cut", "one", "half", "rounded", "corners", "near", "far", "unknown"]

_WORDS: dict[First, str] = {
    "equal": "are the annotation's first box",
    "cut": "are the annotation's first box cut to integers",
    "one": "are the annotation's first box moved by one pixel",
    "half": "are the annotation's first box moved by half a pixel",
    "rounded": "are the annotation's first box within one pixel",
    "corners": "are the annotation's first box as corners x1,y1,x2,y2",
    "near": "overlap the annotation's first box",
    "far": "do not touch the annotation's first box",
    "unknown": "cannot be compared",
}


def corners(box: Floats, inclusive: int = 0) -> Floats:
    """(…, 4) `x1, y1, x2, y2` of boxes `x, y, w, h`; with `inclusive` 1 the last pixel that belongs to them."""
    found = np.array(box, dtype=np.float64)
    found[..., 2:] += found[..., :2] - inclusive
    return found


def from_corners(rows: Floats) -> Floats:
    """(…, 4) `x, y, w, h` of `x1, y1, x2, y2`."""
    found = np.array(rows, dtype=np.float64)
    found[..., 2:] -= found[..., :2]
    return found


def overlap(a: Floats, b: Floats) -> Floats:
    """(…) intersection over union of boxes `x, y, w, h`; 0 where there is none or a number is missing."""
    with np.errstate(invalid="ignore", divide="ignore"):
        size = np.minimum(a[..., :2] + a[..., 2:], b[..., :2] + b[..., 2:]) - np.maximum(a[..., :2], b[..., :2])
        shared = np.clip(size, 0, None).prod(axis=-1)
        found = shared / (a[..., 2:].prod(axis=-1) + b[..., 2:].prod(axis=-1) - shared)
    return np.asarray(np.nan_to_num(found, nan=0.0, posinf=0.0, neginf=0.0))


def first_row(row: Floats, box: Floats) -> tuple[First, Floats]:
    """What a file's first row is, beside the annotated first box, and how far it is moved (2,) in x and y.

    Args:
        row: (4,) as the file has it.
        box: (4,) annotation.
    """
    nowhere = np.zeros(2)
    if not (np.isfinite(row).all() and np.isfinite(box).all()):
        return "unknown", nowhere
    difference = row - box
    if np.abs(difference).max() <= 1e-3:
        return "equal", nowhere
    same_size = np.abs(difference[2:]).max() <= 0.01
    for word, distance in (("half", 0.5), ("one", 1.0)):
        steps = np.abs(difference[:2])
        if same_size and np.all((np.abs(steps - distance) <= 0.01) | (steps <= 0.01)):
            return word, np.round(difference[:2], 1)  # type: ignore[return-value]
    for inclusive in (0, 1):
        if _as_corners(row, box, inclusive):
            return "corners", nowhere
    if np.array_equal(row, np.trunc(box)):
        return "cut", nowhere
    if np.abs(difference).max() <= 1.01:
        return "rounded", nowhere
    return ("near" if overlap(row, box) > 0 else "far"), nowhere


def _as_corners(row: Floats, box: Floats, inclusive: int) -> bool:
    """Whether `row` is `box` in corners, to within a pixel and clearly not the box itself."""
    wanted = corners(box, inclusive)
    return bool(np.abs(row - wanted).max() <= 1.01 and np.abs(row[2:] - box[2:]).max() > 2)


def all_corners(rows: Floats, boxes: Floats) -> bool:
    """Whether a whole file, not only its first row, is in corners: it fits the annotation far better when read so.

    Args:
        rows: (N, 4) the file.
        boxes: (M, 4) the annotation.
    """
    count = min(len(rows), len(boxes), 200)
    if count < 3:
        return False
    given, truth = rows[1:count], boxes[1:count]
    usable = np.isfinite(truth).all(axis=1) & np.isfinite(given).all(axis=1)
    if usable.sum() < 2 or (given[usable, 2:] < given[usable, :2]).mean() > 0.02:
        return False
    plain, cornered = overlap(given[usable], truth[usable]), overlap(from_corners(given[usable]), truth[usable])
    return bool(cornered.mean() > plain.mean() + 0.2 and cornered.mean() > 0.4)


@dataclass(frozen=True)
class Beside:
    """How a file lies beside the annotation.

    Attributes:
        first: what its first row is.
        shift: (dx, dy) for `one` and `half`.
        whole_corners: all its rows are corners.
    """

    first: First
    shift: tuple[float, float] = (0.0, 0.0)
    whole_corners: bool = False


def beside(rows: Floats, boxes: Floats) -> Beside:
    """Compare a file's rows (N, 4) with the annotation (M, 4)."""
    if not len(rows) or not len(boxes):
        return Beside("unknown")
    first, shift = first_row(rows[0], boxes[0])
    whole = first in ("corners", "near", "far") and all_corners(rows, boxes)
    return Beside(first, (float(shift[0]), float(shift[1])), whole)


def say(found: Mapping[str, Beside], origin: int) -> list[str]:
    """A line for everything that is odd about the first rows of a tracker's files.

    Args:
        found: sequence -> how its file lies.
        origin: the number that the annotation gives the first pixel.
    """
    lines = []
    groups: dict[tuple[First, tuple[float, float]], list[str]] = {}
    for name, each in found.items():
        groups.setdefault((each.first, each.shift), []).append(name)
    for (first, shift), names in groups.items():
        if first in ("equal", "cut", "unknown"):
            continue
        text = f"the first rows of {len(names)} of {len(found)} files {_WORDS[first]}"
        if first in ("one", "half"):
            text += f" ({shift[0]:+g}, {shift[1]:+g})"
        text += f": {listing(names)}"
        lines.append(text + _advice(first, shift, origin))
    return lines


def _advice(first: First, shift: tuple[float, float], origin: int) -> str:
    if first == "one" and origin == 1 and shift == (-1.0, -1.0):
        return (
            "; these boxes seem to count pixels from 0, the annotation counts from 1. "
            "They are taken as they stand; --origin 0 moves them"
        )
    if first == "one" and origin == 0 and shift == (1.0, 1.0):
        return (
            "; these boxes seem to count pixels from 1, the annotation counts from 0. "
            "They are taken as they stand; --origin 1 moves them"
        )
    if first == "corners":
        return ". The other rows are x,y,w,h; most profiles put the annotation in place of the first row"
    if first == "far":
        return ". Are these the right sequences?"
    return "; taken as they stand"
