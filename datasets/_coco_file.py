"""COCO's instance files: objects with box, class and mask, and the two forms of masks.

A mask is polygons in continuous coordinates (the first pixel reaches from 0 to 1) or runs down the columns, the latter as a
list of lengths or packed into a string.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trackzoo.errors import DataError
from trackzoo.geometry import Floats

Pixels = NDArray[np.bool_]

_RESTORE = "restore it from the benchmark's archive"


@dataclass(frozen=True, slots=True)
class CocoObject:
    """One annotated object.

    Attributes:
        id: the file's number of it.
        image: number of its image.
        category: number of its class.
        box: (4,) `x, y, w, h` in pixels.
        crowd: whether it stands for a group whose members are not told apart.
        polygons: (N, 2) float32 corners each; empty where the mask is runs.
        runs: lengths of the runs of pixels, outside first, down the columns; None where the mask is polygons.
    """

    id: int
    image: int
    category: int
    box: Floats
    crowd: bool
    polygons: tuple[NDArray[np.float32], ...]
    runs: NDArray[np.int64] | None

    def mask(self, size: tuple[int, int]) -> Pixels:
        """Pixels (H, W) bool of the object in an image of (width, height) pixels.

        A polygon covers the pixels whose centre it contains; COCO's own tool traces the border at five times the
        resolution, which differs in single pixels along it.

        Raises:
            ValueError: the runs do not fill the image.
        """
        width, height = size
        if self.runs is not None:
            if self.runs.sum() != width * height:
                raise ValueError(f"runs of {self.runs.sum()} pixels in an image of {width}x{height}")
            inside = np.arange(len(self.runs)) % 2 == 1
            return np.repeat(inside, self.runs).reshape(width, height).T
        covered = np.zeros((height, width), dtype=bool)
        for points in self.polygons:
            covered |= fill(points, size)
        return covered

    def digest(self) -> bytes:
        """SHA-256 of class, box and mask."""
        parts = [f"{self.category} {self.crowd}".encode(), self.box.astype("<f8").tobytes()]
        parts += [points.astype("<f4").tobytes() for points in self.polygons]
        parts += [self.runs.astype("<i8").tobytes()] if self.runs is not None else []
        return hashlib.sha256(b"\n".join(parts)).digest()


@dataclass(frozen=True, slots=True)
class CocoImage:
    """One image.

    Attributes:
        file: its file name.
        size: (width, height) in pixels.
        objects: in the file's order, crowds included.
    """

    file: str
    size: tuple[int, int]
    objects: tuple[CocoObject, ...]


@dataclass(frozen=True)
class CocoFile:
    """What an instance file says.

    Attributes:
        images: name (file name without suffix) -> image; those without objects are left out.
        categories: number -> class.
    """

    images: dict[str, CocoImage]
    categories: dict[int, str]


def fill(points: NDArray[np.floating[Any]], size: tuple[int, int]) -> Pixels:
    """Pixels (H, W) whose centre lies inside a polygon, by the even-odd rule.

    Args:
        points: (N, 2) x, y.
        size: (width, height).
    """
    width, height = size
    start = np.asarray(points, dtype=np.float64)
    end = np.roll(start, -1, axis=0)
    # Each edge flips what lies to the right of it, in the rows whose centre it crosses.
    first = np.ceil(np.clip(np.minimum(start[:, 1], end[:, 1]) - 0.5, 0, height)).astype(np.int64)
    last = np.ceil(np.clip(np.maximum(start[:, 1], end[:, 1]) - 0.5, 0, height)).astype(np.int64)
    many = last - first
    edge = np.repeat(np.arange(len(start)), many)
    row = np.arange(many.sum()) - np.repeat(np.cumsum(many) - many, many) + first[edge]
    way = end[edge] - start[edge]
    crossing = start[edge, 0] + (row + 0.5 - start[edge, 1]) * way[:, 0] / way[:, 1]
    column = np.ceil(np.clip(crossing - 0.5, 0, width)).astype(np.int64)
    flips = np.zeros((height, width + 1), np.int64)
    np.add.at(flips, (row, column), 1)
    inside: Pixels = np.cumsum(flips, axis=1)[:, :width] % 2 == 1
    return inside


def unpack_runs(text: str) -> list[int]:
    """Run lengths from COCO's packed string: five bits a character, lowest first, the sixth says that more follow, the last
    one's highest bit is the sign; from the fourth run on, the difference to the run two before.

    Raises:
        ValueError: a character that does not belong there, or an end in the middle of a number.
    """
    runs: list[int] = []
    value, shift = 0, 0
    for character in text:
        bits = ord(character) - 48
        if not 0 <= bits < 64:
            raise ValueError(f"'{character}' in packed runs")
        value |= (bits & 31) << shift
        shift += 5
        if bits & 32:
            continue
        if bits & 16:
            value -= 1 << shift
        runs.append(value + runs[-2] if len(runs) > 2 else value)
        value, shift = 0, 0
    if shift:
        raise ValueError("packed runs that end in the middle of a number")
    return runs


def _object(fields: dict[str, Any]) -> CocoObject:
    shape = fields["segmentation"]
    polygons: tuple[NDArray[np.float32], ...] = ()
    runs = None
    if isinstance(shape, dict):
        counts = shape["counts"]
        runs = np.array(unpack_runs(counts) if isinstance(counts, str) else counts, np.int64)
        if runs.ndim != 1 or (runs < 0).any():
            raise ValueError("runs of negative length")
    else:
        polygons = tuple(np.array(points, np.float32).reshape(-1, 2) for points in shape)
    box = np.array(fields["bbox"], np.float64)
    if box.shape != (4,) or not np.isfinite(box).all():
        raise ValueError(f"box {fields['bbox']}")
    number, image, category = int(fields["id"]), int(fields["image_id"]), int(fields["category_id"])
    return CocoObject(number, image, category, box, bool(fields.get("iscrowd")), polygons, runs)


class _Fault(Exception):
    pass


def _compact(fields: dict[str, Any]) -> Any:
    """Objects become arrays while the file is read: as lists of numbers, 860,000 of them would take several gigabytes."""
    if "segmentation" in fields and "bbox" in fields:
        try:
            return _object(fields)
        except (KeyError, TypeError, ValueError) as error:
            what = f"no '{error.args[0]}'" if isinstance(error, KeyError) else str(error)
            raise _Fault(f"object {fields.get('id')}: {what}") from None
    return fields


def read_coco(path: Path) -> CocoFile:
    """Read an instance file; kept in memory until another one is read.

    Raises:
        DataError: it is missing, no JSON, or an entry is not what COCO's format says.
    """
    try:
        status = path.stat()
    except OSError:
        raise DataError(path, "no such file", "COCO's instance annotation", _RESTORE) from None
    return _read(path, status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=2)
def _read(path: Path, size: int, modified: int) -> CocoFile:
    try:
        content = json.loads(path.read_bytes(), object_hook=_compact)
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise DataError(
            path, "text that is not JSON", "COCO's annotation", _RESTORE, line=getattr(error, "lineno", None)
        ) from None
    except _Fault as fault:
        raise DataError(path, str(fault), "COCO's format", _RESTORE) from None
    try:
        categories = {int(entry["id"]): str(entry["name"]) for entry in content["categories"]}
        objects: dict[int, list[CocoObject]] = {}
        for entry in content["annotations"]:
            objects.setdefault(entry.image, []).append(entry)
        images = {}
        for entry in content["images"]:
            if here := objects.pop(int(entry["id"]), None):
                name = str(entry["file_name"])
                extent = int(entry["width"]), int(entry["height"])
                images[Path(name).stem] = CocoImage(name, extent, tuple(here))
    except (KeyError, TypeError, ValueError, AttributeError):
        expected = "tables 'images', 'annotations' and 'categories' as COCO has them"
        raise DataError(path, "JSON of another form", expected, _RESTORE) from None
    if objects:
        lost = next(iter(objects.values()))[0]
        raise DataError(
            path, f"object {lost.id} of image {lost.image}, which is not listed", "only listed images", _RESTORE
        )
    return CocoFile(dict(sorted(images.items())), categories)
