"""VOT's text form of regions: one region a line, in annotation and in results.

    0 | 1 | 2                      special codes (unknown, initialisation, failure)
    x,y                            a point
    x,y,w,h                        a rectangle
    x1,y1,x2,y2,x3,y3,…            a polygon of at least three points
    m x0,y0,w,h,r0,r1,…            a mask: runs along the rows of the w x h window at (x0, y0), the first run counts
                                   pixels that are not set (0 when the first one is), then in turn

A NaN among the numbers means that the region is unknown (code 0). The blank after `m` may be missing. numpy alone.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from trackzoo.config import write_atomically
from trackzoo.errors import DataError
from trackzoo.regions import Mask, Point, Polygon, Rectangle, Region, Special

_FORMS = "a code 0, 1 or 2, a rectangle x,y,w,h, a polygon x1,y1,x2,y2,x3,y3,… or a mask m x0,y0,w,h,runs"
_LARGEST = 2**15  # VOT's binary form keeps a window's place and size in 16 bits; larger ones are damage, not pictures


def encode_runs(pixels: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Lengths of the runs of `pixels` (h, w), row by row: not set, set, not set, … The first may be 0; their sum is h * w."""
    flat = pixels.ravel()
    if flat.size == 0:
        return np.zeros(0, dtype=np.int64)
    edges = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    runs = np.diff(np.concatenate([[0], edges, [flat.size]]))
    return np.concatenate([[0], runs]) if flat[0] else runs


def decode_runs(runs: ArrayLike, width: int, height: int) -> NDArray[np.bool_]:
    """The inverse of `encode_runs`: (height, width) bool.

    The runs may stop short of the window's end by less than a row, after a run of set pixels: what is missing is not set.

    Raises:
        ValueError: a negative run, or runs that do not fill the window or go beyond it.
    """
    lengths = np.asarray(runs, dtype=np.int64)
    total, area = int(lengths.sum()), width * height
    if lengths.size and lengths.min() < 0:
        raise ValueError("a negative run")
    if total > area or (total < area and (lengths.size % 2 == 1 or area - total >= width)):
        raise ValueError(f"runs of {total} pixels in a window of {width}x{height} = {area}")
    flat = np.zeros(area, dtype=np.bool_)
    flat[:total] = np.repeat(np.arange(lengths.size) % 2 == 1, lengths)
    return flat.reshape(height, width)


def parse_region(text: str, path: str | Path = "region", line: int | None = None) -> Region:
    """One line of a region file.

    Args:
        text: the line; blanks around it and around its numbers are ignored.
        path: file, for messages.
        line: line number from 1, for messages.

    Raises:
        DataError: the line is none of VOT's forms; says what stands there.
    """
    text = text.strip()
    if text[:1] in ("m", "M"):
        return _parse_mask(text[1:], path, line)
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        raise DataError(path, f"'{_short(text)}'", _FORMS, line=line) from None
    if any(math.isnan(number) for number in numbers):
        return Special(0)
    if any(math.isinf(number) for number in numbers):
        raise DataError(path, f"an infinite number in '{_short(text)}'", _FORMS, line=line)
    count = len(numbers)
    if count == 1 and numbers[0] in (0, 1, 2):
        return Special(int(numbers[0]))
    if count == 2:
        return Point(*numbers)
    if count == 4:
        return Rectangle(*numbers)
    if count >= 6 and count % 2 == 0:
        return Polygon(tuple(zip(numbers[::2], numbers[1::2], strict=True)))
    found = f"the code {text}" if count == 1 else f"{count} numbers"
    raise DataError(path, found, _FORMS, line=line)


def _parse_mask(text: str, path: str | Path, line: int | None) -> Mask:
    try:
        numbers = np.array(text.split(","), dtype=np.int64)
    except (ValueError, OverflowError):
        raise DataError(path, f"'m{_short(text)}'", "m and whole numbers x0,y0,w,h,runs", line=line) from None
    if numbers.size < 4:
        raise DataError(path, f"a mask of {numbers.size} numbers", "at least x0,y0,w,h", line=line)
    x, y, width, height = (int(number) for number in numbers[:4])
    if not (0 <= width <= _LARGEST and 0 <= height <= _LARGEST):
        raise DataError(path, f"a mask's window of {width}x{height} pixels", f"0 to {_LARGEST} each way", line=line)
    try:
        return Mask(x, y, decode_runs(numbers[4:], width, height))
    except ValueError as error:
        raise DataError(path, str(error), "runs that fill the window", "the line may be cut", line=line) from None


def _short(text: str) -> str:
    return text if len(text) <= 40 else text[:37] + "…"


def format_region(region: Region) -> str:
    """One region as a line of text without its end; `parse_region` reads back an equal one, digit by digit."""
    if isinstance(region, Special):
        return str(region.code)
    if isinstance(region, Point):
        return _join((region.x, region.y))
    if isinstance(region, Rectangle):
        return _join((region.x, region.y, region.w, region.h))
    if isinstance(region, Polygon):
        return _join(number for point in region.points for number in point)
    height, width = region.pixels.shape
    head = (region.x, region.y, width, height)
    return "m" + ",".join(str(int(number)) for number in (*head, *encode_runs(region.pixels)))


def _join(numbers: Iterable[float]) -> str:
    return ",".join(repr(float(number)).removesuffix(".0") for number in numbers)


def read_regions(path: Path) -> tuple[Region, ...]:
    """All regions of a text file, one a line; blank lines at its end are ignored.

    Raises:
        DataError: the file is missing, empty, not text, or a line (named) is no region.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").rstrip().splitlines()
    except OSError as error:
        reason = (error.strerror or "an unreadable file").lower()
        raise DataError(path, reason, "a text file of regions") from None
    except UnicodeDecodeError:
        raise DataError(path, "bytes that are not text", "a text file of regions") from None
    if not lines:
        raise DataError(path, "an empty file", "one region a line")
    return tuple(parse_region(text, path, number) for number, text in enumerate(lines, 1))


def write_regions(path: Path, regions: Iterable[Region]) -> None:
    """Write a text file of regions, one a line, atomically."""
    write_atomically(path, "".join(format_region(region) + "\n" for region in regions).encode())
